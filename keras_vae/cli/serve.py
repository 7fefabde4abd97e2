"""The command that answers requests, to try clients."""

from __future__ import annotations

import contextlib
import tempfile
import time
from pathlib import Path

import click

from keras_vae.cli.options import PATH, complete_run
from keras_vae.cli.package import PackageCommand
from keras_vae.presets.lookup import short_name

_PORT = click.IntRange(0, 65535)
_SAMPLE = '{"signature_name": "sample", "inputs": {"seed": [[1, 0]]}}'


@click.command(cls=PackageCommand)
@click.argument("folder", type=PATH, shell_complete=complete_run)
@click.option("--name", help="Name of the model for clients  [default: the folder's name]")
@click.option(
    "--port",
    type=_PORT,
    default=8501,
    show_default=True,
    help="Port for REST; 0 takes a free one.",
)
@click.option(
    "--grpc-port",
    type=_PORT,
    default=8500,
    show_default=True,
    help="Port for gRPC; 0 takes a free one.",
)
def serve(folder, name, port, grpc_port):
    """Serve the SavedModel in FOLDER, to try clients on this machine.

    FOLDER is an export, a folder of numbered exports (the newest is served), a RUN or the
    name of a preset (exported to a temporary folder). The REST and gRPC interfaces are
    those of TensorFlow Serving. Do not use it in production: it listens only on the
    loopback address and runs one request at a time. Ctrl-C ends it.
    """
    from keras_vae.export import local_server, read_signatures

    with contextlib.ExitStack() as stack:
        model = local_server.newest_saved_model(folder)
        if model is None:
            model = _exported(folder, stack.enter_context(tempfile.TemporaryDirectory()))
        name = name or _name(model)
        ports = stack.enter_context(local_server.serve({name: model}, port, grpc_port))
        url = f"http://localhost:{ports.rest}/v1/models/{name}"
        click.echo(f"serving {model} as {name}, only on this machine; Ctrl-C ends it")
        click.echo(f"REST  {url}  (/metadata: its signatures)")
        if ports.grpc is None:
            click.echo("gRPC  off: the package tensorflow-serving-api is missing")
        else:
            click.echo(f"gRPC  localhost:{ports.grpc}")
        sample = read_signatures(model).get("sample")
        # A conditional model also wants y.
        if sample is not None and list(sample.inputs) == ["seed"]:
            click.echo(f"try   curl -d '{_SAMPLE}' {url}:predict")
        else:
            click.echo(f"try   curl {url}/metadata")
        while True:
            time.sleep(3600)


def _exported(run: Path, folder: str) -> Path:
    """Exports a preset or a run into a folder, as a numbered version."""
    from keras_vae.models import LatentVariableModel

    path = Path(folder) / short_name(run) / "1"
    LatentVariableModel.from_preset(run).export(path)
    return path


def _name(model: Path) -> str:
    """The name that TensorFlow Serving would use: the folder above the number."""
    path = model.resolve()
    return path.parent.name if path.name.isdecimal() else path.name
