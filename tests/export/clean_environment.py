"""An environment that holds what `pip install tensorflow` installs, without a download."""

import importlib.metadata
import re
import sysconfig
import venv
from pathlib import Path


def requirements(name, found=None):
    """Names of a distribution and of all that it requires, as far as installed."""
    found = set() if found is None else found
    key = re.sub(r"[-_.]+", "-", name).lower()
    if key in found:
        return found
    try:
        needed = importlib.metadata.requires(key) or []
    except importlib.metadata.PackageNotFoundError:
        # For another system or another version of Python.
        return found
    found.add(key)
    for line in needed:
        if "extra ==" not in line:
            requirements(re.match(r"[\w.-]+", line).group(), found)
    return found


def make(folder, distribution="tensorflow"):
    """Makes a virtual environment with links to the files that are installed here.

    Returns:
        The path of its Python.
    """
    venv.create(folder, symlinks=True)
    python = folder / "bin" / "python"
    (target,) = folder.glob("lib/python*/site-packages")
    source = Path(sysconfig.get_path("purelib"))
    for name in requirements(distribution):
        files = importlib.metadata.files(name)
        for top in {file.parts[0] for file in files} - {"..", "__pycache__"}:
            if not (target / top).exists():
                (target / top).symlink_to(source / top)
    return python
