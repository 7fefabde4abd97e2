"""Starts `keras-vae` without importing the package before a command needs it.

Importing anything of keras_vae executes its __init__.py first, which imports TensorFlow:
seconds for `--help`. Hence a module beside the package, which puts the package into place
unexecuted; `keras_vae.cli.package` executes it.
"""

import importlib.util
import sys


def main() -> None:
    """Runs the command."""
    spec = importlib.util.find_spec("keras_vae")
    sys.modules["keras_vae"] = importlib.util.module_from_spec(spec)
    from keras_vae.cli import main as run

    run()


if __name__ == "__main__":
    main()
