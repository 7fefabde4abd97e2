"""The rest of the package, imported only when a command needs it.

TensorFlow takes seconds to import. `--help`, `zoo list`, a mistyped command and completion do
not need it. So the top of a module in `cli` imports only click and plain Python modules; the
commands import the rest when they run, after `import_package`.
"""

from __future__ import annotations

import contextlib
import os
import sys
import tempfile
from collections.abc import Iterator

import click

_LEVEL = "TF_CPP_MIN_LOG_LEVEL"


class PackageCommand(click.Command):
    """A command that needs the package, and imports it after its options are checked.

    Example:
        >>> @click.command(cls=PackageCommand)
        ... def info(): ...
    """

    def invoke(self, ctx: click.Context):
        """Imports the package, then runs the command."""
        import_package()
        return super().invoke(ctx)


def import_package() -> None:
    """Executes the package's __init__.py, if the launcher has not.

    This registers all classes with Keras. The function hides TensorFlow's start-up messages,
    unless TF_CPP_MIN_LOG_LEVEL is below 3.
    """
    package = sys.modules["keras_vae"]
    # `__all__` is the last name that __init__.py defines; submodules exist without it.
    if not hasattr(package, "__all__"):
        quiet = os.environ.get(_LEVEL, "3") == "3"
        with _without_messages() if quiet else contextlib.nullcontext():
            spec = package.__spec__
            assert spec is not None and spec.loader is not None
            spec.loader.exec_module(package)


@contextlib.contextmanager
def _without_messages() -> Iterator[None]:
    """Hides the output of C++ code to stderr, and shows it after an exception."""
    os.environ[_LEVEL] = "3"
    with tempfile.TemporaryFile() as messages, os.fdopen(os.dup(2), "wb") as stderr:
        os.dup2(messages.fileno(), 2)
        try:
            yield
        except BaseException:
            messages.seek(0)
            stderr.write(messages.read())
            raise
        finally:
            sys.stderr.flush()
            os.dup2(stderr.fileno(), 2)
