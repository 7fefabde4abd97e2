"""Distribution layers by name."""

from __future__ import annotations

from typing import Any

import keras

from keras_vae.core.descriptions import parse, written
from keras_vae.core.parts import Room
from keras_vae.layers import bijectors
from keras_vae.layers.base import DistributionLayer, event_tuple


class LayerRoom(Room):
    """Distribution layers by name; a bijector's name stands for a flow of this bijector.

    "sylvester:kind=triangular,num_layers=2" is
    "flow:bijector=(sylvester:kind=triangular),num_layers=2".

    Example:
        >>> ROOM.check("planar:num_layers=10")
        ('flow', {'num_layers': 10, 'bijector': 'planar'})
    """

    def names(self):
        """Returns all names that are understood, sorted."""
        return sorted([*super().names(), *bijectors.ROOM.names()])

    def check(self, identifier):
        """Reads a description; see `Room.check`."""
        name, arguments = parse(identifier)
        if name in bijectors.ROOM.parts():
            of_bijector = bijectors.ROOM.arguments(name)
            own = {key: v for key, v in arguments.items() if key in of_bijector}
            others = {key: v for key, v in arguments.items() if key not in own}
            name = written(*bijectors.ROOM.check({"name": name, **own}))
            identifier = {"name": "flow", **others, "bijector": name}
        return super().check(identifier)

    def arguments(self, name):
        """Returns the arguments of a part; see `Room.arguments`."""
        if name not in bijectors.ROOM.parts():
            return super().arguments(name)
        flow = {k: v for k, v in super().arguments("flow").items() if k != "bijector"}
        return {**flow, **bijectors.ROOM.arguments(name)}


ROOM = LayerRoom("distribution layer", DistributionLayer)


def get(identifier: Any, event_shape=None, **given: Any) -> DistributionLayer:
    """Returns a distribution layer for a name, a description or a layer.

    Args:
        identifier: A name such as "bernoulli", "normal:scale=shared", "iaf:num_layers=2",
            {"name": "flow", "num_layers": 8}, or a layer.
        event_shape: Shape of one event, for layers that are made here.
        **given: Further arguments for layers that take them, such as the `low` and `high`
            of the data's levels.

    Returns:
        The layer.

    Raises:
        ValueError: If the name or an argument is not known, or a layer for vectors is
            asked for another shape.

    Example:
        >>> get("bernoulli", (28, 28, 1)).params_size
        784
    """
    if event_shape is not None:
        given["event_shape"] = event_shape = event_tuple(event_shape)
        if len(event_shape) == 1:
            given["event_size"] = event_shape[0]
    return ROOM.get(identifier, **given)


def layer_of(identifier: Any, event_shape, dtype) -> DistributionLayer:
    """Returns the inner layer of another layer, such as a mixture's component.

    Args:
        identifier: A layer, its name with arguments, or its config.
        event_shape: Shape of one event, where the layer is made here.
        dtype: Dtype of the layer, where it is made here.

    Returns:
        The layer.

    Raises:
        ValueError: As `get`.
    """
    if isinstance(identifier, dict) and "class_name" in identifier:
        return keras.saving.deserialize_keras_object(identifier)
    return get(identifier, event_shape, dtype=dtype)
