"""Own arrays and tables: .npy, .npz, .csv."""

import io
import re
import subprocess
import sys
import zipfile

import numpy as np
import pandas as pd
import pytest
from scipy import sparse

from keras_vae.core import memory
from keras_vae.core.files import sha256_of
from keras_vae.data import load, tables
from keras_vae.data.dataset import SPLITS

RNG = np.random.default_rng(0)
UNIT = RNG.random((20, 4, 5, 1))
BITS = RNG.integers(0, 2, (20, 4, 5, 1))
PIXELS = RNG.integers(0, 256, (20, 4, 5, 3))
PIXELS[0, 0, 0] = 255
THOUSAND = np.arange(942, 1002, 1).reshape(20, 3) - 1
LOGISTIC = "discretized_logistic"
GREY = (0, 255)

LABELS = np.arange(20) % 3
COUNTS = RNG.poisson(5.0, (20, 3))

# values, expected dtype, likelihood, levels
KINDS = {
    "uint8 images": (PIXELS.astype(np.uint8), np.uint8, LOGISTIC, GREY),
    "int64 images": (PIXELS, np.uint8, LOGISTIC, GREY),
    "whole float images": (PIXELS.astype(float), np.uint8, LOGISTIC, GREY),
    "16-bit images": (
        (PIXELS * 257).astype(np.uint16),
        np.uint16,
        LOGISTIC,
        (0, 65535),
    ),
    "large whole images": (PIXELS * 1000, np.float32, "normal:scale=shared", None),
    "0/1 images": (BITS.astype(np.uint8), np.uint8, "bernoulli", (0, 1)),
    "0/1 float images": (BITS.astype(float), np.uint8, "bernoulli", (0, 1)),
    "bool images": (BITS.astype(bool), np.uint8, "bernoulli", (0, 1)),
    "unit images": (UNIT, np.float32, "continuous_bernoulli", None),
    "real images": (UNIT - 0.5, np.float32, "normal:scale=shared", None),
    "negative whole images": (PIXELS - 128, np.float32, "normal:scale=shared", None),
    "real table": (RNG.normal(size=(20, 3)), np.float64, "normal:scale=shared", None),
    "unit table": (RNG.random((20, 3)), np.float64, "normal:scale=shared", None),
    "0/1 table": (BITS[:, 0, :, 0], np.uint8, "bernoulli", (0, 1)),
    "bool table": (BITS[:, 0, :, 0].astype(bool), np.uint8, "bernoulli", (0, 1)),
    "count table": (COUNTS, np.float32, "poisson", None),
    "float count table": (COUNTS * 1.0, np.float32, "poisson", None),
    "overdispersed counts": (PIXELS[:, 0, :, 0], np.float32, "negative_binomial", None),
    "4-bit images": (PIXELS // 16, np.uint8, LOGISTIC, (0, 15)),
    "digits": (PIXELS // 16 + BITS, np.uint8, LOGISTIC, (0, 16)),
    "digits, as floats": ((PIXELS // 16 + BITS) * 1.0, np.uint8, LOGISTIC, (0, 16)),
    "10-bit images": (PIXELS * 4, np.uint16, LOGISTIC, (0, 1023)),
    "12-bit images": (PIXELS * 16, np.uint16, LOGISTIC, (0, 4095)),
    "14-bit images": (PIXELS * 64, np.uint16, LOGISTIC, (0, 16383)),
    "uint8 table": (
        PIXELS[:, 0, :, 0].astype(np.uint8),
        np.uint8,
        LOGISTIC,
        GREY,
    ),
    "table of large numbers": (
        PIXELS[:, 0, :, 0] * 10**6,
        np.float64,
        "normal:scale=shared",
        None,
    ),
    "counts up to 1000": (THOUSAND, np.float32, "poisson", None),
    "whole numbers above 1000": (THOUSAND + 1, np.float64, "normal:scale=shared", None),
    "times": (1_600_000_000 + PIXELS[:, 0, :, 0], np.float64, "normal:scale=shared", None),
}


@pytest.mark.parametrize("kind", KINDS)
def test_kind_of_data(kind, tmp_path):
    x, dtype, likelihood, levels = KINDS[kind]
    np.save(tmp_path / "own.npy", x)
    data = load(tmp_path / "own.npy")
    assert data.name == "own"
    assert data.x_train.dtype == dtype
    assert (data.likelihood, data.levels) == (likelihood, levels)
    assert data.event_shape == x.shape[1:]
    assert data.sha256 == sha256_of(tmp_path / "own.npy")
    found = np.concatenate([data.split(s)[0] for s in SPLITS]).reshape(20, -1)
    x = x.reshape(20, -1).astype(dtype)
    np.testing.assert_array_equal(found[np.lexsort(found.T)], x[np.lexsort(x.T)])


def test_grey_images_get_a_channel_axis(tmp_path):
    np.save(tmp_path / "x.npy", PIXELS[..., 0])
    assert load(tmp_path / "x.npy").event_shape == (4, 5, 1)


@pytest.mark.parametrize(
    "rows, sizes",
    [(3, [1, 1, 1]), (9, [7, 1, 1]), (10, [8, 1, 1]), (105, [85, 10, 10])],
)
def test_sizes_of_drawn_splits(rows, sizes, tmp_path):
    np.save(tmp_path / "x.npy", np.arange(rows)[:, np.newaxis] + 0.5)
    data = load(str(tmp_path / "x.npy"))
    assert [len(data.split(s)[0]) for s in SPLITS] == sizes
    everything = np.concatenate([data.split(s)[0] for s in SPLITS])
    np.testing.assert_array_equal(np.sort(everything[:, 0]), np.arange(rows) + 0.5)


def test_split_follows_the_seed(tmp_path):
    path = tmp_path / "x.npy"
    np.save(path, np.arange(100)[:, np.newaxis] + 0.5)
    first = load(path, seed=1).x_test
    np.testing.assert_array_equal(first, load(path, seed=1).x_test)
    assert (first != load(path, seed=2).x_test).any()
    # Not simply the last or first rows, but in the order of the file.
    assert np.ptp(first) > 20 and (np.diff(first[:, 0]) > 0).all()


@pytest.mark.parametrize("rows, message", [(1, "1 row,"), (2, "2 rows, too few")])
def test_too_few_rows(rows, message, tmp_path):
    np.save(tmp_path / "x.npy", np.ones((rows, 2)))
    with pytest.raises(ValueError, match=message):
        load(tmp_path / "x.npy")


@pytest.mark.parametrize(
    "x, message",
    [
        (np.zeros((0, 3)), "is empty"),
        (np.zeros((3, 0)), "is empty"),
        (np.zeros(5), r"shape \(5,\); expected a table"),
        (np.zeros((5, 2, 2, 2, 2)), "expected a table"),
        *(
            (np.zeros((5, channels, 32, 32)), r"channels first.*np\.moveaxis")
            for channels in (1, 2, 3, 4)
        ),
        (np.array([["a"]]), "must hold numbers"),
        (np.zeros((5, 2), complex), "must hold numbers"),
        (np.array([[1.0, np.nan]]), "1 of 2 values that are NaN"),
        (np.full((4, 2), 1e300), "value 1e.300, which is too large for float32"),
        (np.array([[None]], object), "Python objects"),
    ],
)
def test_arrays_that_are_no_data(x, message, tmp_path):
    np.save(tmp_path / "own.npy", x)
    with pytest.raises(ValueError, match=rf"own\.npy.*{message}"):
        load(tmp_path / "own.npy")


@pytest.mark.parametrize("suffix", [".npy", ".npz"])
@pytest.mark.parametrize("content", [b"", b"hello", b"\x93NUMPY\x01"])
def test_damaged_file_is_named(suffix, content, tmp_path):
    path = tmp_path / f"own{suffix}"
    path.write_bytes(content)
    with pytest.raises(ValueError, match=rf"own\{suffix} is damaged"):
        load(path)


def test_truncated_npy(tmp_path):
    path = tmp_path / "own.npy"
    np.save(path, PIXELS)
    path.write_bytes(path.read_bytes()[:-100])
    with pytest.raises(ValueError, match=r"own\.npy is damaged"):
        load(path)


def rewritten(path, **changes):
    """The archive at a path, with other entries in its directory and its members' heads."""
    with zipfile.ZipFile(path) as archive:
        infos = archive.infolist()
    raw = bytearray(path.read_bytes())
    offsets = {"flag_bits": (6, 8), "compress_type": (8, 10)}
    for info in infos:
        central = raw.index(b"PK\x01\x02")
        for key, value in changes.items():
            local, listed = offsets[key]
            raw[info.header_offset + local] = raw[central + listed] = value
    path.write_bytes(raw)


@pytest.mark.parametrize(
    "changes", [{"flag_bits": 1}, {"compress_type": 97}], ids=["encrypted", "odd packing"]
)
def test_members_that_cannot_be_unpacked_are_damage(changes, tmp_path):
    path = tmp_path / "own.npz"
    np.savez(path, x=PIXELS)
    rewritten(path, **changes)
    with pytest.raises(ValueError, match=r"own\.npz is damaged"):
        load(path)


@pytest.mark.parametrize("suffix", [".npy", ".npz"])
@pytest.mark.parametrize("rows", [10**7, 10**14])
def test_shapes_that_are_not_in_the_file_are_damage(suffix, rows, tmp_path):
    head = io.BytesIO()
    kind = {"descr": "<f8", "fortran_order": False, "shape": (rows, 100)}
    np.lib.format.write_array_header_1_0(head, kind)
    path = tmp_path / f"own{suffix}"
    if suffix == ".npy":
        path.write_bytes(head.getvalue() + bytes(800))
    else:
        with zipfile.ZipFile(path, "w") as archive:
            archive.writestr("x.npy", head.getvalue() + bytes(800))
    with pytest.raises(ValueError, match=rf"own\{suffix} is damaged"):
        load(path)


def test_an_archive_beyond_the_memory_is_refused_before_it_is_read(tmp_path, monkeypatch):
    path = tmp_path / "own.npz"
    np.savez_compressed(path, x=np.zeros((1000, 1000)))
    assert path.stat().st_size < 10_000
    monkeypatch.setattr(memory.os, "sysconf", lambda name: 2000)
    with pytest.raises(ValueError, match=r"arrays take 0\.0 GB, and this machine has 0\.0"):
        load(path)


def test_npz_and_npy_mixed_up(tmp_path):
    np.savez(tmp_path / "a.npz", x=PIXELS)
    (tmp_path / "a.npz").rename(tmp_path / "a.npy")
    with pytest.raises(ValueError, match=r"a\.npy is an \.npz archive"):
        load(tmp_path / "a.npy")
    np.save(tmp_path / "b.npy", PIXELS)
    (tmp_path / "b.npy").rename(tmp_path / "b.npz")
    with pytest.raises(ValueError, match=r"b\.npz is damaged or not a \.npz.*single"):
        load(tmp_path / "b.npz")


def test_file_kinds_and_options(tmp_path):
    (tmp_path / "x.pkl").write_bytes(b"")
    with pytest.raises(ValueError, match=r"x\.pkl as data\. Give a folder of images"):
        load(tmp_path / "x.pkl")
    np.save(tmp_path / "x.npy", PIXELS)
    with pytest.raises(ValueError, match="are for folders"):
        load(tmp_path / "x.npy", image_size=(8, 8))
    for path in (tmp_path, tmp_path / "x.npy"):
        with pytest.raises(ValueError, match="label and header are for tables"):
            load(path, label="y")


def npz(tmp_path, **arrays):
    np.savez(tmp_path / "own.npz", **arrays)
    return tmp_path / "own.npz"


@pytest.mark.parametrize("name", ["x", "images", "data", "whatever"])
def test_npz_with_one_array(name, tmp_path):
    data = load(npz(tmp_path, **{name: PIXELS}))
    assert [len(data.split(s)[0]) for s in SPLITS] == [16, 2, 2]


def test_npz_with_labels(tmp_path):
    x = np.arange(30)[:, np.newaxis] + 0.5
    data = load(npz(tmp_path, x=x, y=np.arange(30), notes=np.zeros(2)))
    assert data.label_names is None
    for split in SPLITS:
        rows, y = data.split(split)
        np.testing.assert_array_equal(rows[:, 0] - 0.5, y)


@pytest.mark.parametrize(
    "numbers, is_said", [((0, 1, 2), False), ((1, 2, 3), True), ((-1, 2, 3), True)]
)
def test_class_numbers_that_do_not_begin_at_0_are_said(numbers, is_said, tmp_path):
    x, y = np.random.default_rng(0).normal(size=(30, 4)), np.tile(numbers, 10)
    notes = load(npz(tmp_path, x=x, y=y)).notes
    assert any("the smallest class number is" in note for note in notes) == is_said
    rows = "\n".join(f"{number / 7},{40 + number % 30}.5" for number in range(60))
    (tmp_path / "t.csv").write_text(f"x,age\n{rows}\n")
    notes = load(tmp_path / "t.csv", label="age").notes
    assert not any("class number" in note for note in notes)


@pytest.mark.parametrize(
    "names", [("fox", "wolf"), ("2", "10"), ("week 9", "week 10"), ("1", "a")]
)
def test_npz_with_names_of_classes(names, tmp_path):
    y = np.array(names[::-1] * 15)
    data = load(npz(tmp_path, x=np.tile([[1.5], [0.5]], (15, 1)), y=y))
    assert data.label_names == names
    np.testing.assert_array_equal(data.x_train[:, 0] - 0.5, data.y_train)


@pytest.mark.parametrize(
    "given, sizes",
    [
        (("train",), [16, 2, 2]),
        (("train", "test"), [18, 2, 20]),
        (("train", "validation"), [18, 20, 2]),
        (("train", "validation", "test"), [20, 20, 20]),
    ],
)
def test_npz_that_brings_splits(given, sizes, tmp_path):
    values = {s: np.full((20, 2), i + 0.5) for i, s in enumerate(SPLITS)}
    arrays = {f"x_{s}": values[s] for s in given}
    arrays |= {f"y_{s}": np.arange(20) for s in given}
    data = load(npz(tmp_path, **arrays))
    assert [len(data.split(s)[0]) for s in SPLITS] == sizes
    for i, split in enumerate(SPLITS):
        x, y = data.split(split)
        assert (x == (i if split in given else 0) + 0.5).all()
        assert len(y) == len(x)


def test_levels_hold_for_all_splits(tmp_path):
    x_test = PIXELS.copy()
    x_test[0, 0, 0, 0] = 300
    data = load(npz(tmp_path, x_train=PIXELS, x_test=x_test))
    assert data.levels == (0, 1023) and data.x_test.max() == 300


@pytest.mark.parametrize(
    "arrays, message",
    [
        ({}, "no arrays"),
        ({"a": PIXELS, "b": PIXELS}, "holds a, b; it is unclear"),
        ({"x": PIXELS, "data": PIXELS}, "is unclear"),
        ({"x_test": PIXELS}, "x_train at least"),
        ({"x_train": PIXELS, "x_later": PIXELS}, "x_train, x_later.*must be called"),
        ({"x_train": PIXELS, "y_tset": PIXELS}, "must be called"),
        ({"x": PIXELS, "y": np.zeros(7, int)}, "do not match"),
        (
            {"x_train": PIXELS, "y_test": np.zeros(20, int)},
            "do not match",
        ),
        (
            {"x_train": PIXELS, "x_test": PIXELS, "y_train": np.zeros(20, int)},
            "do not match",
        ),
        ({"x": PIXELS, "y": np.array(3)}, "labels of .* are a single number"),
        ({"x": np.zeros((5, 4, 8, 8))}, "channels first"),
        ({"x": PIXELS, "y": np.zeros(20)}, "whole numbers or names; got float64"),
        ({"x_train": PIXELS, "x_test": PIXELS[:, :3]}, "but x_train holds"),
    ],
)
def test_npz_that_is_not_clear(arrays, message, tmp_path):
    with pytest.raises(ValueError, match=message):
        load(npz(tmp_path, **arrays))


def csv(tmp_path, text, encoding="utf-8"):
    (tmp_path / "own.csv").write_text(text, encoding=encoding)
    return tmp_path / "own.csv"


@pytest.mark.parametrize(
    "header",
    [
        *("", "size,weight\n", '"size, cm",weight\n\n', "0,1\n", "2019a,Infinity\n"),
        *("1_0,2_0\n", "\u0661,\u0662\n", "Na,b\n", "nan,b\n"),
    ],
)
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_csv(header, encoding, tmp_path):
    rows = "".join(f"{i}.5, {-i}e-1\n" for i in range(10))
    same_table(load(csv(tmp_path, header + rows, encoding)))


COUNTING = ("0,1,2,3", "1,2,3,4", "2019,2020,2021,2022", "400.5,401,401.5,402", "-1,0,1,2")


@pytest.mark.parametrize("word", ["", "country,"])
@pytest.mark.parametrize("first", COUNTING)
def test_numbers_that_count_are_names(first, word, tmp_path):
    rows = RNG.normal(2, 1, (20, 4)).round(3).tolist()
    lines = [("n," if word else "") + ",".join(map(str, row)) + "\n" for row in rows]
    path = csv(tmp_path, f"{word}{first}\n" + "".join(lines))
    frame = tables.read_frame(path)
    assert [str(name) for name in frame.columns] == f"{word}{first}".split(",")
    assert len(frame) == 20
    if not word:
        assert "are names of columns; --no-header" in load(path).notes[0]
        data = load(path, header=False)
        assert len(data.split("all")[0]) == 21 and not data.notes
        # Rows that count are no names where the next ones do, too.
        lines = [f"{i},{i + 1},{i + 2},{i % 7 + 0.5}\n" for i in range(20)]
        lines[0], lines[1] = "1,2,3,4\n", "2,3,4,5\n"
        data = load(csv(tmp_path, "".join(lines)))
        assert len(data.split("all")[0]) == 20 and "first line holds data" in data.notes[0]


@pytest.mark.parametrize("separator", [";", "\t", "|", " ; "])
@pytest.mark.parametrize("decimal", [".", ","])
def test_other_separators(separator, decimal, tmp_path):
    rows = "".join(f"{i}{decimal}5{separator}{-i / 10}\n" for i in range(10))
    rows = rows.replace(".", decimal)
    same_table(load(csv(tmp_path, f"size{separator}weight\n{rows}")))


def test_truth_is_a_category(tmp_path):
    rows = "".join(f"{i},{i % 2 == 0}\n" for i in range(20))
    data = load(csv(tmp_path, "n,even\n" + rows), columns={"n": "whole"})
    assert data.columns[1].categories == (False, True)
    np.testing.assert_array_equal(data.split("all")[0][:, 1], np.arange(20) % 2 == 0)


def same_table(data):
    x = np.concatenate([data.split(s)[0] for s in SPLITS])
    assert [one.kind for one in data.columns] == ["real", "real"]
    x = x[np.argsort(x[:, 0])]
    expected = np.column_stack([np.arange(10) + 0.5, -np.arange(10) / 10])
    np.testing.assert_allclose(x, expected, rtol=1e-6)


@pytest.mark.parametrize(
    "text, message",
    [
        ("a,b\n1,2\n3,3\n4,red\n", r"'b' holds 'red' \(row 3 of the data\)"),
        ("a,b\n1,2\n3,3\n4,1_0\n", "'b' holds '1_0'"),
        ("a,b\n1,2\n3,3\n4,\u0663\n", "'b' holds '\u0663'"),
        ("1,2.5\n2,1.5\n3,inf\n", "1 holds infinite numbers"),
        ("a,1\n1,2\n3,4\n", "0 holds 'a'"),
        ("a,b\n1,2\n1,2\n1,\n", "No column .* is left to learn: constant"),
        ("1,2\n3,4,5\n", "is not a table: .*Give every row the same number of cells"),
        ("a,b\n3,4,5\n", "is not a table: .*Give every row the same number of cells"),
        (",a\n0,2\n", "column 1 has no name.*index=False"),
        ("NA,NA\n1,2\n", "column 1 has no name.*fill in the cell"),
        ("a,b,a\n1,2,3\n", "2 columns are called 'a'"),
        *(
            (
                "a;b\n" + "".join(f"{i};{form % i}\n" for i in range(11)),
                "'b' holds .* not read",
            )
            for form in ("$1,%03d.50", "%d %%", "1.2%02d,50", "1 %03d", "\u22122%d.0")
        ),
        ("a,b\n", "has no rows of data"),
        ("", "has no rows of data"),
    ],
)
def test_csv_that_is_no_table(text, message, tmp_path):
    with pytest.raises(ValueError, match=message):
        load(csv(tmp_path, text))


@pytest.mark.parametrize("late", ["", "?", "word", "0.5", "True", "007"])
def test_long_tables_are_read_as_short_ones(late, tmp_path, monkeypatch):
    cells = [f"{i},{i % 7}.5,{'abc'[i % 3]},{i % 2 == 0}" for i in range(80)]
    path = csv(tmp_path, "n,x,word,truth\n" + "\n".join([*cells, f"{late},,{late},\n"]))
    whole = tables.read_frame(path)
    monkeypatch.setattr(tables.reading, "_CELLS_AT_A_TIME", 40)
    monkeypatch.setattr(tables.reading, "_LEAST_MAP", 8)
    pd.testing.assert_frame_equal(tables.read_frame(path), whole)


@pytest.mark.parametrize("place", [0, 1500, 2999])
def test_zeros_in_front_are_kept_wherever_they_stand(place, tmp_path):
    codes = [str(10_000 + i) for i in range(3000)]
    codes[place] = "01234"
    path = csv(
        tmp_path, "code,n\n" + "\n".join(f"{one},{i}" for i, one in enumerate(codes))
    )
    read = tables.read_frame(path)
    assert read["code"].tolist() == codes and read["n"].tolist() == list(range(3000))


def test_csv_of_other_bytes(tmp_path):
    (tmp_path / "own.csv").write_bytes(b"a,b\n\xff\xfe,2\n")
    with pytest.raises(ValueError, match=r"own\.csv is not text in UTF-8"):
        load(tmp_path / "own.csv")


NAMES = {
    "plain": ({"x": PIXELS, "y": LABELS}, (16, 2, 2)),
    "digits of scikit-learn": ({"images": PIXELS, "target": LABELS}, (16, 2, 2)),
    "sprites": (
        {"imgs": PIXELS, "metadata": np.array({"a": 1}), "latents": np.zeros((20, 6))},
        (16, 2, 2),
    ),
    "medical images": (
        {
            **{f"{split}_images": PIXELS for split in ("train", "val", "test")},
            **{f"{split}_labels": LABELS[:, None] for split in ("train", "val", "test")},
        },
        (20, 20, 20),
    ),
    "other splits": (
        {"x_training": PIXELS, "x_dev": PIXELS, "X_test": PIXELS},
        (20, 20, 20),
    ),
}


@pytest.mark.parametrize("names", NAMES)
def test_arrays_are_found_by_the_names_that_people_give(names, tmp_path):
    arrays, sizes = NAMES[names]
    path = tmp_path / "own.npz"
    np.savez(path, **arrays)
    data = load(path)
    assert tuple(len(data.split(split)[0]) for split in SPLITS) == sizes
    labels = [n for n in arrays if re.search("y|label|target", n)]
    assert (data.y_train is not None) == bool(labels)
    # What is neither is said.
    others = [n for n in arrays if n in ("metadata", "latents", "about")]
    said = [f"{path}: used imgs; left out: {', '.join(others)}"] if others else []
    assert list(data.notes) == said


@pytest.mark.parametrize("largest", [9, 100_000])
@pytest.mark.parametrize("kind", ["csr", "csc", "coo", "bsr", "dia"])
def test_sparse_matrices_are_counts(kind, largest, tmp_path):
    counts = RNG.poisson(0.3, (50, 7)) * RNG.integers(1, 9, (50, 1))
    counts[3, 2] = largest
    sparse.save_npz(tmp_path / "own.npz", sparse.csr_matrix(counts).asformat(kind))
    data = load(tmp_path / "own.npz", cut=False)
    np.testing.assert_array_equal(data.x_test, counts)
    assert data.likelihood == "negative_binomial"


def test_a_sparse_matrix_beyond_the_memory_is_refused(tmp_path):
    parts = {"data": np.ones(1), "indices": np.array([0]), "indptr": np.array([0, 1])}
    parts |= {"format": np.array(b"csr"), "shape": np.array([1, 10**14])}
    with pytest.raises(ValueError, match="GB of memory"):
        load(npz(tmp_path, **parts))


@pytest.mark.parametrize("kind", ["csr", "csc", "dense"])
def test_annotated_matrices_are_counts(kind, tmp_path):
    anndata = pytest.importorskip("anndata")
    counts = RNG.poisson(0.3, (50, 7)) * RNG.integers(1, 9, (50, 1))
    x = counts if kind == "dense" else sparse.csr_matrix(counts).asformat(kind)
    anndata.AnnData(x.astype("f4")).write_h5ad(tmp_path / "own.h5ad")
    data = load(tmp_path / "own.h5ad", cut=False)
    np.testing.assert_array_equal(data.x_test, counts)
    assert data.likelihood == "negative_binomial"
    (tmp_path / "bad.h5ad").write_bytes(b"hello")
    anndata.AnnData(obs=pd.DataFrame(index=["a"])).write_h5ad(tmp_path / "none.h5ad")
    for name, message in (("bad", "damaged or not an AnnData"), ("none", "has no X")):
        with pytest.raises(ValueError, match=rf"{name}\.h5ad {message}|is {message}"):
            load(tmp_path / f"{name}.h5ad")


def test_annotated_matrices_need_a_package(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "anndata", None)
    (tmp_path / "own.h5ad").write_bytes(b"")
    with pytest.raises(ValueError, match=r"own\.h5ad needs anndata: pip install anndata"):
        load(tmp_path / "own.h5ad")


DAMAGED = {
    "csr": {"data": np.ones(1), "indices": np.array([0]), "indptr": np.array([0, 5])},
    "csc": {"data": np.ones(1), "indices": np.array([9]), "indptr": np.array([0, 1, 1])},
    "bsr": {"data": np.ones(1), "indices": np.array([0]), "indptr": np.array([0, 1])},
    "dia": {"data": np.ones((2, 2)), "offsets": np.array([0])},
    "coo": {"data": np.ones(1), "row": np.array([0])},
}


@pytest.mark.parametrize("kind", DAMAGED)
def test_damaged_sparse_matrices_are_named(kind, tmp_path):
    parts = {"format": np.array(kind.encode()), "shape": np.array([1, 2])}
    with pytest.raises(ValueError, match=r"own\.npz is a damaged sparse matrix"):
        load(npz(tmp_path, **parts, **DAMAGED[kind]))


def test_levels_may_be_said(tmp_path):
    path = tmp_path / "own.npy"
    np.save(path, PIXELS // 16)
    data = load(path, levels=(0, 255))
    assert data.levels == (0, 255) and data.likelihood == LOGISTIC
    with pytest.raises(ValueError, match="outside whole numbers in .0, 7."):
        load(path, levels=(0, 7))
    np.save(path, PIXELS / 16)
    with pytest.raises(ValueError, match="not whole numbers"):
        load(path, levels=(0, 255))
    table = csv(tmp_path, "a,b\n" + "1,0\n3,2\n" * 10)
    data = load(table, levels=(0, 15))
    assert data.levels == (0, 15) and data.likelihood == LOGISTIC and data.columns is None


@pytest.mark.parametrize("rows", [1, 2, 5])
def test_data_to_use_are_not_cut(rows, tmp_path):
    np.save(tmp_path / "own.npy", PIXELS[:rows])
    data = load(tmp_path / "own.npy", cut=False)
    assert len(data.x_train) == 0 and len(data.split("all")[0]) == rows
    frame = pd.DataFrame({"a": np.arange(rows) / 3, "b": ["u"] * rows})
    columns = load(pd.DataFrame({"a": np.arange(9) / 3, "b": ["u", "v", "w"] * 3})).columns
    assert len(load(frame, columns=columns, cut=False).x_test) == rows


@pytest.mark.parametrize("given", [["train", "test"], ["train", "validation"]])
def test_data_to_use_are_joined_if_a_split_is_missing(given, tmp_path):
    parts = {name: PIXELS[5 * i : 5 * i + 5] for i, name in enumerate(given)}
    labels = {f"y_{name}": np.arange(5) + i for i, name in enumerate(given)}
    path = tmp_path / "own.npz"
    np.savez(path, **{f"x_{name}": x for name, x in parts.items()}, **labels)
    data = load(path, cut=False)
    x, y = data.split("all")
    assert len(data.x_train) == 0 and "drawn" not in data.description
    np.testing.assert_array_equal(x.reshape(10, -1), PIXELS[:10].reshape(10, -1))
    np.testing.assert_array_equal(y, [0, 1, 2, 3, 4, 1, 2, 3, 4, 5])


def in_csv(path, x):
    pd.DataFrame(x.reshape(-1, 32)).to_csv(path, index=False)


@pytest.mark.parametrize("kind", ["digits, as floats", "unit images", "real table"])
def test_values_may_be_missing_of_data_to_use(kind, tmp_path):
    x = KINDS[kind][0].copy()
    np.save(tmp_path / "whole.npy", x)
    x[3, 1] = np.nan
    np.save(tmp_path / "own.npy", x)
    data, whole = (load(tmp_path / f"{name}.npy", cut=False) for name in ("own", "whole"))
    np.testing.assert_array_equal(data.x_test.ravel(), x.astype(data.x_test.dtype).ravel())
    assert (data.likelihood, data.levels) == (whole.likelihood, whole.levels)
    with pytest.raises(ValueError, match="NaN"):
        load(tmp_path / "own.npy")
    for wrong, message in ((np.inf, "NaN or infinite"), (np.nan, "has no known value")):
        x[:] = wrong
        np.save(tmp_path / "own.npy", x)
        with pytest.raises(ValueError, match=message):
            load(tmp_path / "own.npy", cut=False)


# How arrays are stored, their shape, and the bytes of an element as it is kept.
STORED = {
    "images.npy": (np.save, (9000, 64, 64, 3), 1),
    "grey.npy": (np.save, (9000, 96, 128), 1),
    "table.npy": (np.save, (9000, 12288), 1),
    "bool.npy": (lambda path, x: np.save(path, x > 99), (9000, 12288), 1),
    "images.npz": (lambda path, x: np.savez(path, x=x), (9000, 64, 64, 3), 1),
    "table.csv": (in_csv, (300_000, 32), 8),
}


@pytest.mark.parametrize(
    "name",
    [
        pytest.param(n, marks=[pytest.mark.slow] if n != "images.npy" else [])
        for n in STORED
    ],
)
def test_memory_while_loading_is_the_array_and_little_more(name, tmp_path):
    write, shape, size = STORED[name]
    path = tmp_path / name
    write(path, RNG.integers(0, 255, shape, np.uint8))
    code = (
        "import re, sys, pandas, keras_vae.data as d\n"
        "peak = lambda: int(re.search(r'VmHWM:\\s+(\\d+)', open('/proc/self/status').read())[1])\n"
        "before = peak(); data = d.load(sys.argv[1]); print(peak() - before)"
    )
    run = [sys.executable, "-c", code, str(path)]
    found = subprocess.run(run, capture_output=True, text=True, check=True)
    assert int(found.stdout) * 1024 < 1.5 * size * np.prod(shape)
