"""`keras-vae parts`: the parts of models."""

from __future__ import annotations

import inspect

import click

from keras_vae.cli.package import PackageCommand

ROOMS = ("models", "layers", "bijectors", "priors", "objectives", "optimizers")


@click.command(cls=PackageCommand)
@click.argument("room", required=False, type=click.Choice(ROOMS))
@click.argument("name", required=False)
def parts(room, name):
    """List the parts of a ROOM or of all rooms, or describe the part NAME.

    Write a part as NAME:ARG=VALUE,ARG=VALUE on the command line, in a recipe and in
    Python. Layers are posteriors and likelihoods. The name of a bijector also means a flow
    of this bijector (`--posterior iaf:num_layers=2`). `keras-vae --import mine.py parts`
    also lists your own parts.
    """
    from keras_vae import layers, models, objectives, priors
    from keras_vae.layers import bijectors
    from keras_vae.models import optimizers

    modules = (models, layers, bijectors, priors, objectives, optimizers)
    rooms = {key: module.ROOM for key, module in zip(ROOMS, modules, strict=True)}
    if name is not None:
        click.echo(_described(rooms[room], name))
        return
    for one in [room] if room else ROOMS:
        click.echo(f"{one}:")
        known = rooms[one].parts()
        width = max(map(len, known))
        for key in known:
            click.echo(f"  {key:<{width}}  {_document(rooms[one], key).splitlines()[0]}")


def _document(room, name) -> str:
    return inspect.getdoc(room.make(room.parts()[name])) or "(has no docstring)"


def _described(room, name) -> str:
    from keras_vae.core.arguments import can_be_written

    arguments = [
        str(one.replace(annotation=one.empty))
        for one in room.arguments(name).values()
        if can_be_written(one)
    ]
    return f"{name}: {', '.join(arguments)}\n\n{_document(room, name)}"
