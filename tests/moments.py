"""The moments at which a process may be killed: what lies on the disk before each write.

A process that dies by `kill -9` runs no handler: it leaves what it wrote so far. So its
folder is copied before every operation that changes a file, while the process goes on;
each copy is what a kill at that moment would have left.
"""

import os
import shutil
import sys

_CHANGES = {
    "ctypes.dlsym",  # the step in which two folders change places
    "os.link",
    "os.mkdir",
    "os.remove",
    "os.rename",
    "os.rmdir",
    "os.symlink",
    "os.truncate",
    "shutil.copyfile",
    "shutil.rmtree",
}
_function = None


def _hook(event, arguments):
    global _function
    if _function is None or event not in _CHANGES | {"open"}:
        return
    if event == "open" and not (arguments[2] or 0) & (os.O_WRONLY | os.O_RDWR):
        return
    function, _function = _function, None
    # What it does itself is no change of the program's.
    function()
    _function = function


# A hook of Python's cannot be taken away again; this one does nothing in between.
sys.addaudithook(_hook)


def call_before_each_change(function):
    """Has a function called before every operation that changes a file.

    Args:
        function: Takes no argument; None calls none any more.
    """
    global _function
    _function = function


def contents(folder):
    """All files of a folder and what is in them, by their paths within it."""
    files = (path for path in folder.rglob("*") if not path.is_dir())
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in files}


def copies_at_each_moment(folder, copies, action):
    """Runs an action, and copies a folder before each change of any file.

    Args:
        folder: The folder in which the action writes.
        copies: An empty folder for the copies.
        action: What is run; it takes no argument.

    Returns:
        The number of moments, and the copies: one for each that differs from the one
        before it. The last is that of the end.
    """
    found, count, last = [], 0, None

    def copy():
        nonlocal last
        state = sorted(folder.rglob("*")), contents(folder)
        if state != last:
            last = state
            found.append(copies / str(len(found)))
            shutil.copytree(folder, found[-1], symlinks=True)

    def before_change():
        nonlocal count
        count += 1
        copy()

    call_before_each_change(before_change)
    try:
        action()
    finally:
        call_before_each_change(None)
    copy()
    return count, found
