"""`keras-vae parts`: what models are made of."""

from __future__ import annotations

import inspect

import click

from keras_vae.cli.package import Verb
from keras_vae.core.names import unknown

ROOMS = ("models", "layers", "priors", "objectives", "optimizers")


@click.command(cls=Verb)
@click.argument("room", required=False, type=click.Choice(ROOMS))
@click.argument("name", required=False)
def parts(room, name):
    """List the parts of a ROOM, or of all, or describe the part NAME.

    A part is written NAME:ARG=VALUE,ARG=VALUE: on the command line, in a recipe and in
    Python. Layers are posteriors and likelihoods. Parts of your own are listed with
    `keras-vae --import mine.py parts`.
    """
    for one in [room] if room else ROOMS:
        known = _room(one)
        if name is not None:
            click.echo(_described(one, name, known))
            return
        click.echo(f"{one}:")
        width = max(map(len, known), default=0)
        for key, (document, _) in known.items():
            click.echo(f"  {key:<{width}}  {document.splitlines()[0]}")


def _room(room: str) -> dict[str, tuple[str, list[str]]]:
    """Docstring and arguments of each part of a room."""
    if room == "optimizers":
        return _optimizers()
    from keras_vae import layers, models, objectives, priors

    rooms = (models, layers, priors, objectives)
    parts = dict(zip(ROOMS, rooms, strict=False))[room].ROOM
    found = {}
    for name, cls in parts.parts().items():
        arguments = [
            str(one.replace(annotation=inspect.Parameter.empty))
            for one in parts.arguments(name).values()
        ]
        found[name] = inspect.getdoc(cls), arguments
    return found


def _optimizers():
    import keras

    found = {}
    for name in dir(keras.optimizers):
        cls = getattr(keras.optimizers, name)
        if inspect.isclass(cls) and issubclass(cls, keras.Optimizer):
            arguments = list(inspect.signature(cls.__init__).parameters)[1:]
            found[name.lower()] = inspect.getdoc(cls) or "", arguments
    return {name: found[name] for name in sorted(found) if name != "optimizer"}


def _described(room, name, known):
    if name not in known:
        raise unknown(f"name of the {room}", name, known)
    document, arguments = known[name]
    return f"{name}: {', '.join(arguments)}\n\n{document}"
