"""A full disk is said in one line, loses nothing, and crashes nothing."""

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.slow

SCRIPT = Path(__file__).with_name("full_disk_script.py")
# As in a container: a mount that nobody else sees, and that ends with the process.
ALONE = ["unshare", "--user", "--map-root-user", "--mount"]
CASES = ["save_to_preset", "save_to_preset, too late", "checkpoint", "zoo build"]
CASES += ["zoo score", "zoo add-files", "export, no room for weights"]
CASES += ["export, no room for the graph", "JSON", "a picture"]


@pytest.fixture(scope="module")
def found(tmp_path_factory):
    """What happened on a disk of 4 MB: a row for each case, and how the process ended."""
    folder = tmp_path_factory.mktemp("disk")
    mount = [*ALONE, "mount", "-t", "tmpfs", "-o", "size=4m", "tmpfs", str(folder)]
    if not shutil.which("unshare") or subprocess.run(mount, capture_output=True).returncode:
        pytest.skip("a small disk cannot be mounted on this machine; see test_disk.py")
    command = [*ALONE, sys.executable, str(SCRIPT), str(folder)]
    ended = subprocess.run(command, capture_output=True, text=True, timeout=300)
    lines = ended.stdout.splitlines()
    rows = [json.loads(line) for line in lines if line.startswith("{")]
    return {row["case"]: row for row in rows}, lines[-1:], ended


def test_nothing_crashes(found):
    rows, last, ended = found
    # HDF5 used to, at the end of the process.
    assert last == ["the end"] and ended.returncode == 0, ended.stderr
    assert list(rows) == CASES


@pytest.mark.parametrize("case", CASES)
def test_it_is_said_and_nothing_is_lost(found, case):
    row = found[0][case]
    print(f"\n{case}: {row['said']}")
    lines = row["said"].strip().splitlines()
    assert len(lines) == 1 and "/folder" in lines[0] and "is full" in lines[0]
    known = not any(
        word in case for word in ("late", "graph", "score", "add-files", "JSON", "pict")
    )
    assert ("are needed" if known else "and more is needed") in lines[0]
    assert row["unchanged"] and row["works again"]
