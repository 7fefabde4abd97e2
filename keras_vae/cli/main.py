"""Entry of `keras-vae`: its commands, and how it reports errors."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from keras_vae.cli.edit import edit
from keras_vae.cli.evaluate import evaluate
from keras_vae.cli.explore import explore
from keras_vae.cli.export import export
from keras_vae.cli.fit_prior import fit_prior
from keras_vae.cli.gaps import anomalies, impute
from keras_vae.cli.imports import import_file
from keras_vae.cli.info import info
from keras_vae.cli.interrupts import ctrl_c_is_an_interrupt
from keras_vae.cli.label import label
from keras_vae.cli.options import PATH
from keras_vae.cli.package import import_package
from keras_vae.cli.parts import parts
from keras_vae.cli.serve import serve
from keras_vae.cli.train import train
from keras_vae.cli.use import embed, interpolate, reconstruct, sample
from keras_vae.cli.zoo import zoo
from keras_vae.version import __version__

# Errors of bad input in this package and in its libraries; any other exception is a defect
# and keeps its traceback.
_ERRORS = (ValueError, OSError, ImportError, FloatingPointError)


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="keras-vae")
@click.option("--traceback", is_flag=True, help="Print the Python traceback of an error.")
@click.option(
    "--import",
    "files",
    multiple=True,
    type=PATH,
    help="A Python file with your own parts, registered with Keras. The file is executed.",
)
def commands(traceback: bool, files: tuple[Path, ...]) -> None:
    """Train, evaluate and use variational autoencoders."""
    if files:
        import_package()
    for path in files:
        import_file(path)


for _verb in (
    train,
    evaluate,
    sample,
    reconstruct,
    interpolate,
    edit,
    embed,
    impute,
    anomalies,
    label,
    fit_prior,
    explore,
    export,
    serve,
    info,
    parts,
    zoo,
):
    commands.add_command(_verb)


def main(arguments: list[str] | None = None) -> None:
    """Runs the command and ends the process.

    Args:
        arguments: The arguments after the program's name; None takes those of the process.

    Example:
        >>> main(["--version"])
        keras-vae, version ...
    """
    arguments = sys.argv[1:] if arguments is None else arguments
    try:
        with ctrl_c_is_an_interrupt():
            commands.main(arguments, prog_name="keras-vae", standalone_mode=False)
    except click.ClickException as error:
        error.show()
        sys.exit(error.exit_code)
    except (click.Abort, KeyboardInterrupt):
        click.echo("\ninterrupted", err=True)
        sys.exit(130)
    except _ERRORS as error:
        if "--traceback" in arguments:
            raise
        click.echo(f"keras-vae: error: {error}", err=True)
        sys.exit(1)
