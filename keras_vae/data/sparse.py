"""Sparse matrices of counts, as dense arrays."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np

from keras_vae.data.arrays import check_size

# The arrays that save_npz writes for each format, in the order of its constructor.
_PARTS = {
    "csr": ("data", "indices", "indptr"),
    "csc": ("data", "indices", "indptr"),
    "bsr": ("data", "indices", "indptr"),
    "dia": ("data", "offsets"),
    "coo": ("data", "row", "col"),
}


def dense(arrays: Mapping[str, np.ndarray], source: str) -> np.ndarray:
    """Makes a dense array from a matrix of `scipy.sparse.save_npz`.

    Args:
        arrays: The arrays of the archive.
        source: Name of the file, for errors.

    Returns:
        Array [N, D].

    Raises:
        ValueError: If the format is unknown, the parts do not fit together, or the result
            is larger than the machine's memory.

    Example:
        >>> parts = {"format": np.array(b"csr"), "shape": np.array([1, 3])}
        >>> parts |= {"data": np.ones(1), "indices": np.array([2]), "indptr": np.array([0, 1])}
        >>> dense(parts, "one.npz")
        array([[0., 0., 1.]])
    """
    from scipy import sparse

    kind = arrays["format"].item()
    kind = kind.decode() if isinstance(kind, bytes) else kind
    if kind not in _PARTS:
        raise ValueError(
            f"{source} is a sparse matrix of the format {kind}. Save it as csr: "
            "scipy.sparse.save_npz(path, matrix.tocsr())."
        )
    try:
        shape = tuple(int(n) for n in arrays["shape"])
        data, *places = (arrays[name] for name in _PARTS[kind])
        parts = (data, tuple(places)) if kind == "coo" else (data, *places)
        matrix = getattr(sparse, f"{kind}_matrix")(parts, shape=shape)
        if hasattr(matrix, "check_format"):
            matrix.check_format(full_check=True)
    except (ValueError, TypeError, IndexError, KeyError) as error:
        raise ValueError(f"{source} is a damaged sparse matrix: {error}.") from error
    check_size(matrix.shape[0] * matrix.shape[1] * matrix.dtype.itemsize, source)
    return matrix.toarray()


def read_h5ad(path: Path) -> np.ndarray:
    """Reads the matrix of an AnnData file, with the package anndata.

    Args:
        path: The file.

    Returns:
        Array [N, D]: its X.

    Raises:
        ValueError: If anndata is not installed, or the file is damaged or holds no X.
    """
    try:
        import anndata
    except ImportError as error:
        raise ValueError(f"{path} needs anndata: pip install anndata.") from error
    try:
        x = anndata.read_h5ad(path).X
    # h5py and anndata raise many kinds of errors for damaged files.
    except Exception as error:
        raise ValueError(f"{path} is damaged or not an AnnData file: {error}.") from error
    if x is None:
        raise ValueError(f"{path} has no X, the matrix of counts.")
    if hasattr(x, "toarray"):
        check_size(x.shape[0] * x.shape[1] * x.dtype.itemsize, str(path))
        x = x.toarray()
    return np.asarray(x)
