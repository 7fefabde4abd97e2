"""Starts `keras-vae` without TensorFlow's start-up messages.

They must be silenced before TensorFlow is imported, and importing anything of keras_vae
imports it: hence a module beside the package.
"""

from __future__ import annotations

import contextlib
import os
import sys
import tempfile
from collections.abc import Iterator

_LEVEL = "TF_CPP_MIN_LOG_LEVEL"


def main() -> None:
    """Runs the command; with TF_CPP_MIN_LOG_LEVEL set, with TensorFlow's messages."""
    with contextlib.nullcontext() if _LEVEL in os.environ else _without_messages():
        from keras_vae.cli import main as run
    run()


@contextlib.contextmanager
def _without_messages() -> Iterator[None]:
    """Holds back what C++ code writes to stderr, and shows it after an exception."""
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


if __name__ == "__main__":
    main()
