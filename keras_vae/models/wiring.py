"""Whether the parts of a model fit together."""

from __future__ import annotations

import keras
import tensorflow as tf

from keras_vae.core.centers import elements_of
from keras_vae.layers import DistributionLayer

# Activations whose results are no logits.
_SQUASHING = (
    keras.activations.sigmoid,
    keras.activations.hard_sigmoid,
    keras.activations.softmax,
    keras.activations.tanh,
)


def check_parts(posterior: DistributionLayer, likelihood: DistributionLayer) -> None:
    """Checks that both layers know their sizes and add no loss of their own.

    Args:
        posterior: The layer for q(z|x).
        likelihood: The layer for p(x|z).

    Raises:
        ValueError: If one of them does not, or the likelihood is a single point.
    """
    for layer, role in ((posterior, "posterior"), (likelihood, "likelihood")):
        name = type(layer).__name__
        if layer.activity_regularizer is not None:
            raise ValueError(
                f"The {role} {name} has an activity_regularizer, which a VAE does not use: "
                "its objective weighs the rate. Take it out (ELBO(beta=...))."
            )
        if layer.event_shape is None or layer.params_size is None:
            raise ValueError(
                f"The {role} {name} must know its event_shape and params_size; give them to "
                "DistributionLambda."
            )
    if not likelihood.has_density:
        raise ValueError(
            f"The likelihood {type(likelihood).__name__} is a point, which gives no score to "
            "other observations. Use IndependentNormal(event_shape, scale=1.0) for squared "
            "errors."
        )


def number_of_inputs(network: keras.Model) -> int:
    """Returns how many tensors a network reads.

    Args:
        network: Keras model.

    Returns:
        The number of inputs of a Functional model; 1 for all others.
    """
    if isinstance(network, keras.Sequential):
        return 1
    return len(getattr(network, "inputs", None) or [0])


def check_output(outputs, layer: DistributionLayer, network: str, role: str) -> None:
    """Checks that a network ends in the parameters of the layer behind it.

    Args:
        outputs: The network's symbolic output.
        layer: The layer.
        network: What to call the network in the message.
        role: What to call the layer.

    Raises:
        ValueError: If the network has several outputs, or ends in another shape.
    """
    if not isinstance(outputs, keras.KerasTensor):
        raise ValueError(
            f"The {network} has {len(outputs)} outputs, but the {role} reads one tensor of "
            "parameters. Join them with keras.layers.Concatenate()."
        )
    shapes = layer.params_shapes()
    if tuple(outputs.shape) not in [(None, *shape) for shape in shapes]:
        size = layer.params_size
        known = " or ".join(str((None, *shape)) for shape in shapes)
        raise ValueError(
            f"The {network} ends in shape {tuple(outputs.shape)}, but the {role} "
            f"{type(layer).__name__} with event shape {layer.event_shape} takes {size} "
            f"parameters: shape {known}. Let the {network} end in Dense({size}), or in "
            "Flatten() after as many numbers."
        )


def refuse_squashed_logits(
    network: keras.Model, layer: DistributionLayer, name: str, role: str
) -> None:
    """Refuses a sigmoid or softmax before a layer that reads logits.

    Args:
        network: Keras model, built.
        layer: The layer behind it.
        name: What to call the network in the message.
        role: What to call the layer.

    Raises:
        ValueError: If the network's last activation is one of these.
    """
    if not layer.takes_logits:
        return
    last = network
    while getattr(last, "layers", None):
        last = last.layers[-1]
        if isinstance(last, keras.layers.Flatten | keras.layers.Reshape):
            inner = [one for one in network.layers if one.built]
            last = inner[inner.index(last) - 1] if last in inner[1:] else last
    activation = getattr(last, "activation", None)
    if isinstance(last, keras.layers.Softmax) or activation in _SQUASHING:
        what = getattr(activation, "__name__", "softmax")
        raise ValueError(
            f"The {name} ends in a {what}, but the {role} {type(layer).__name__} takes "
            "logits and has that function built in. Let the last layer have no activation."
        )


def is_factorized(layer: DistributionLayer) -> bool:
    """Tells whether the elements of a layer's events are independent given its parameters.

    Args:
        layer: The layer.

    Returns:
        Whether they are.
    """
    with tf.init_scope():
        return elements_of(layer.distribution(layer.initial_params()[None])) is not None
