"""The command that writes a model for servers."""

from __future__ import annotations

import click

from keras_vae.cli.options import PATH, run_argument
from keras_vae.cli.package import PackageCommand

_FORMATS = {"tf": "tf_saved_model", "onnx": "onnx", "litert": "litert"}
_FILES = {
    "onnx": "(ONNX): encode.onnx and decode.onnx",
    "litert": "(LiteRT): model.tflite, with the signatures encode and decode",
}


@click.command(cls=PackageCommand)
@run_argument
@click.argument("folder", type=PATH)
@click.option(
    "--format",
    "kind",
    type=click.Choice(list(_FORMATS)),
    default="tf",
    show_default=True,
    help="tf: a SavedModel; onnx: encode.onnx and decode.onnx; litert: model.tflite.",
)
@click.option("--overwrite", is_flag=True, help="Replace an earlier export in FOLDER.")
@click.option(
    "--serving",
    is_flag=True,
    help="Also write warm-up requests, batching_params.pbtxt and models.config.",
)
@click.option(
    "--images", is_flag=True, help="Also write signatures that take JPEG and PNG files."
)
def export(run, folder, kind, overwrite, serving, images):
    """Write the model in RUN into FOLDER, to serve it without keras_vae.

    TensorFlow Serving reads numbered versions, so FOLDER should be models/NAME/1.
    """
    from keras_vae.export import read_signatures
    from keras_vae.models import LatentVariableModel

    model = LatentVariableModel.from_preset(run)
    model.export(folder, _FORMATS[kind], overwrite, serving, images)
    if kind in _FILES:
        click.echo(f"wrote {folder} {_FILES[kind]}")
    else:
        lines = [f"  {name}: {one}" for name, one in read_signatures(folder).items()]
        click.echo("\n".join([f"wrote {folder} (SavedModel)", *lines]))
        is_version = folder.resolve().name.isdecimal()
        if serving:
            config = ", models.config" if is_version else ""
            click.echo(
                f"for TensorFlow Serving: assets.extra, batching_params.pbtxt{config}"
            )
        if not is_version:
            click.echo("TensorFlow Serving reads numbered versions: models/NAME/1.")
    if model.preprocessor and (units := _units(model.preprocessor.scaling)):
        click.echo(f"float x is in the model's units, (raw - offset) / scale, with {units}")


def _units(scaling) -> str | None:
    """A short description of the scaling; None if it changes nothing."""
    if isinstance(scaling.offset, tuple) or isinstance(scaling.scale, tuple):
        return "offset and scale of each column in the run's config.json"
    if (scaling.offset, scaling.scale) == (0.0, 1.0):
        return None
    return f"offset {scaling.offset:g} and scale {scaling.scale:g}"
