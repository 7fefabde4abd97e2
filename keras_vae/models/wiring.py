"""Checks that the parts of a model fit together."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import keras
import numpy as np
import tensorflow as tf
from tensorflow_probability import distributions as tfd

from keras_vae import layers
from keras_vae.core.centers import elements_of, has_moments
from keras_vae.core.descriptions import parse
from keras_vae.layers import DistributionLayer, Quantizer
from keras_vae.priors import Prior, SecondStageVAE

# Names of activations whose results are bounded on a side, and so are not logits.
_SQUASHING = {
    "sigmoid",
    "hard_sigmoid",
    "hardsigmoid",
    "softmax",
    "sparsemax",
    "tanh",
    "hard_tanh",
    "hardtanh",
    "softsign",
    "softplus",
    "relu",
    "relu6",
    "exponential",
    "exp",
}
_MOVING = (
    keras.layers.Flatten,
    keras.layers.Reshape,
    keras.layers.Permute,
    keras.layers.Cropping1D,
    keras.layers.Cropping2D,
    keras.layers.Dropout,
    keras.layers.Identity,
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
    if isinstance(likelihood, Quantizer):
        raise ValueError(
            f"The likelihood {type(likelihood).__name__} gives probability only to the "
            "nearest code. Use it as the posterior, and IndependentNormal or the like as "
            "the likelihood."
        )
    if not likelihood.has_density:
        raise ValueError(
            f"The likelihood {type(likelihood).__name__} is a point, which gives no score to "
            "other observations. Use IndependentNormal(event_shape, scale=1.0) for squared "
            "errors."
        )


def distribution_layer(identifier: Any, role: str) -> DistributionLayer:
    """Reads the posterior or likelihood of a model that is made from parts.

    Args:
        identifier: A layer, or its name with its shape.
        role: Its name in messages.

    Returns:
        The layer.

    Raises:
        ValueError: If it is not a layer, or a name without a shape.
    """
    is_name = isinstance(identifier, str | dict)
    if is_name and "class_name" not in identifier:
        name, arguments = parse(identifier)
        takes = [
            one
            for one in ("event_shape", "event_size")
            if one in layers.ROOM.arguments(name)
        ]
        if takes and not set(takes) & set(arguments):
            raise ValueError(
                f"{role}={identifier!r} does not say the shape of its events. Write "
                f"{role}='{name}:{takes[0]}=16' (28-28-1 for images), or pass the layer "
                "itself. (DenseVAE and ConvVAE know the shapes.)"
            )
    refuse_distribution(identifier, role)
    return layers.get(identifier)


def refuse_distribution(part: Any, role: str) -> None:
    """Refuses a distribution of TFP where a part of a model is needed.

    Args:
        part: What was given.
        role: Its name in the message.

    Raises:
        ValueError: If it is a distribution.
    """
    if not isinstance(part, tfd.Distribution):
        return
    instead = {
        "prior": "priors.StandardNormal() or priors.Learned('mixture_normal:...'), or "
        "derive from priors.Prior and return the distribution from make_distribution",
    }.get(role, "one of keras_vae.layers, or layers.DistributionLambda")
    raise ValueError(
        f"{role} is a distribution of TFP ({type(part).__name__}), which Keras can "
        f"neither train nor save. Use {instead}."
    )


def reads_gaps(network: keras.layers.Layer) -> bool:
    """Tells whether a network takes observations with gaps.

    Args:
        network: Keras model.

    Returns:
        Whether one of its layers declares this, as `keras_vae.networks.Gaps` does.
    """
    inner = getattr(network, "layers", ())
    return getattr(network, "takes_gaps", False) or any(map(reads_gaps, inner))


def require_elements(likelihood: DistributionLayer) -> None:
    """Refuses a likelihood that cannot leave out missing values.

    Args:
        likelihood: The layer for p(x|z).

    Raises:
        ValueError: If its elements are not independent.
    """
    with tf.init_scope():
        px = likelihood.distribution(likelihood.initial_params()[np.newaxis])
    if elements_of(px) is None:
        raise ValueError(
            f"The encoder reads gaps, but the elements of the likelihood "
            f"{type(likelihood).__name__} are not independent given z, so that none can be "
            "left out. Use one of the Independent... layers, or Blockwise."
        )


def require_gaps_and_gradients(takes_gaps: bool, likelihood: DistributionLayer) -> None:
    """Refuses a model of missingness that has no effect, or cannot be trained.

    Args:
        takes_gaps: Whether observations may have gaps.
        likelihood: The layer for p(x|z).

    Raises:
        ValueError: If they may not, or draws from p(x|z) have no gradient.
    """
    if not takes_gaps:
        raise ValueError(
            "missingness says which values go missing, but the encoder reads no gaps. Give "
            "gaps='mask' or gaps='fill' (or networks.Gaps() as its first layer), or leave "
            "missingness out."
        )
    if not likelihood.is_reparameterized:
        raise ValueError(
            "missingness is trained through draws of what is missing, but draws from the "
            f"likelihood {type(likelihood).__name__} have no gradient. Take 'normal', "
            "'student_t', 'laplace' or 'logistic' (--likelihood student_t), or leave "
            "missingness out."
        )


def number_of_inputs(network: keras.layers.Layer) -> int:
    """Returns how many tensors a network reads.

    Args:
        network: Keras model.

    Returns:
        The number of inputs of a Functional model; 1 for all others.
    """
    if isinstance(network, keras.Sequential) or not isinstance(network, keras.Model):
        return 1
    return len(getattr(network, "inputs", None) or [0])


def symbolic_output(network, shape, condition_shape, name: str, reads: str):
    """Builds a network.

    Args:
        network: Keras model.
        shape: Shape of one example of its first input.
        condition_shape: Shape of the condition that it may read as well, or None.
        name: Its name in messages.
        reads: What to call its first input.

    Returns:
        Its symbolic output.

    Raises:
        ValueError: If it is not a network, or does not read these inputs.
    """
    if not isinstance(network, keras.layers.Layer):
        raise ValueError(
            f"The {name} must be a Keras model, but is {network!r}. Build one, such as "
            "keras.Sequential([...])."
        )
    inputs, number = keras.Input(tuple(shape)), number_of_inputs(network)
    if number > 2 or (number == 2 and condition_shape is None):
        known = f"{reads} alone" if condition_shape is None else f"{reads} and y"
        raise ValueError(
            f"The {name} has {number} inputs, but is given {known}. "
            "(condition=... makes the model conditional: then y is the second input.)"
        )
    if number == 2:
        inputs = [inputs, keras.Input(tuple(condition_shape))]
    try:
        return network(inputs)
    except ValueError as error:
        given = f"{reads} of shape {(None, *shape)}"
        if number == 2:
            given += f" and y of shape {(None, *condition_shape)}"
        raise ValueError(f"The {name} cannot read {given}: {error}") from error


def check_output(outputs, layer: DistributionLayer, network: str, role: str) -> None:
    """Checks that a network returns the parameters of the layer after it.

    Args:
        outputs: The network's symbolic output.
        layer: The layer.
        network: Name of the network in the message.
        role: Name of the layer in the message.

    Raises:
        ValueError: If the network has several outputs, or ends in another shape.
    """
    if isinstance(outputs, dict):
        raise ValueError(
            f"The {network} returns a dict of {', '.join(outputs)}, but the {role} reads "
            "one tensor of parameters. Let the network return that tensor."
        )
    if not isinstance(outputs, keras.KerasTensor):
        raise ValueError(
            f"The {network} has {len(outputs)} outputs, but the {role} reads one tensor of "
            "parameters. Join them with keras.layers.Concatenate()."
        )
    shapes, size = layer.params_shapes(), layer.params_size
    if tuple(outputs.shape) in [(None, *shape) for shape in shapes]:
        return
    known = " or ".join(str((None, *shape)) for shape in shapes)
    ends = [f"Dense({size})"]
    ends += [f"Conv2DTranspose({shape[-1]}, ...)" for shape in shapes if len(shape) == 3]
    blocks = getattr(layer, "num_blocks", 1)
    message = ""
    if blocks > 1:
        message = (
            f" Its {blocks} kinds of parameters (such as means and scales) are blocks of "
            "the event's shape: in a vector one stands behind the other, in an image they "
            "are its channels, all of the first kind first."
        )
    raise ValueError(
        f"The {network} ends in shape {tuple(outputs.shape)}, but the {role} "
        f"{type(layer).__name__} with event shape {layer.event_shape} takes {size} "
        f"parameters: shape {known}.{message} Let the {network} end in "
        f"{' or '.join(ends)}."
    )


def refuse_squashed_logits(
    network: keras.layers.Layer, layer: DistributionLayer, name: str, role: str
) -> None:
    """Refuses a sigmoid and the like before a layer that reads logits.

    Args:
        network: Keras model, built.
        layer: The layer after it.
        name: Name of the network in the message.
        role: Name of the layer in the message.

    Raises:
        ValueError: If the network ends in a function whose results are not logits.
    """
    last = _last_operation(network)
    if not layer.takes_logits or last is None:
        return
    activation = getattr(last, "activation", getattr(last, "function", None))
    function = getattr(activation, "__name__", type(last).__name__.lower())
    if function in _SQUASHING:
        raise ValueError(
            f"The {name} ends in a {function}, but the {role} {type(layer).__name__} takes "
            "logits, which may be any numbers: it has the sigmoid or softmax built in. Let "
            "the last layer have no activation."
        )


def _last_operation(network):
    """The last layer or operation that changes values; None if it is unknown."""
    while isinstance(network, keras.Model):
        if not getattr(network, "outputs", None):
            return None
        history = network.outputs[0]._keras_history
        network = history.operation
        # Layers that move or drop numbers, but do not change them.
        while isinstance(network, _MOVING):
            inputs = network._inbound_nodes[history.node_index].input_tensors
            history = inputs[0]._keras_history
            network = history.operation
    return network


def check_measures(posterior: DistributionLayer, prior: Prior, y=None) -> None:
    """Refuses a posterior and a prior between which there is no divergence.

    Args:
        posterior: The layer for q(z|x), built.
        prior: p(z), built.
        y: A condition [1, ...] for a model that has one.

    Raises:
        ValueError: If one gives probabilities and the other densities, they live on
            different sets, or the posterior's tails are too heavy for the prior.
    """
    names = (
        f"The posterior {type(posterior).__name__}",
        f"the prior {type(prior).__name__}",
    )
    learned = "Learned" if posterior.support.vectors != "codes" else "PixelCNN"
    instead = f"Leave the prior out to get the default, or take priors.{learned}()."
    if not prior.has_density:
        raise ValueError(
            f"The{names[1][3:]} is a point: no draws are possible, and its divergence from "
            f"every other posterior is infinite. {instead}"
        )
    if posterior.has_density and posterior.is_discrete != prior.is_discrete:
        kinds = ("densities", "probabilities")
        raise ValueError(
            f"{names[0]} gives {kinds[posterior.is_discrete]}, but {names[1]} gives "
            f"{kinds[prior.is_discrete]}: there is no divergence between them. {instead}"
        )
    if not prior.support.includes(posterior.support):
        raise ValueError(
            f"{names[0]} lives on {posterior.support}, but {names[1]} on {prior.support}: "
            f"there is no divergence between them. {instead}"
        )
    with tf.init_scope():
        q = posterior.distribution(posterior.initial_params()[None])
        if has_moments(q) or not posterior.has_density:
            return
        kl = prior.kl_divergence(q, prior.distribution(y))
        if kl is not None and not np.isfinite(kl).all():
            raise ValueError(
                f"{names[0]} has tails so heavy that its divergence from {names[1]} is "
                "infinite. Bound them (min_df above 2 for Student's t), or take a prior "
                "with such tails, as priors.Learned()."
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


def knows_moments(layer: DistributionLayer) -> bool:
    """Tells whether the mean and variance of a layer's distributions are known and finite.

    Args:
        layer: The layer.

    Returns:
        Whether they are.
    """
    with tf.init_scope():
        return has_moments(layer.distribution(layer.initial_params()[None]))


def refuse_changing(parts: Sequence[keras.Layer], objective: str) -> None:
    """Refuses parts that compute a different function at each call in training.

    Args:
        parts: Networks and layers that compute log p(x, z).
        objective: What to call the objective in the message.

    Raises:
        ValueError: If a layer draws noise, or changes its state at each call.
    """
    # Keras has no public way to visit the layers within layers.
    for one in (layer for part in parts for layer in part._flatten_layers()):
        if _changes(one):
            raise ValueError(
                f"{objective} asks the decoder several times for one example, and needs the "
                f"same function each time, but {one.name} ({type(one).__name__}) changes "
                "from call to call in training. Make the model without it (dropout and "
                "noise with a rate of 0, normalization=None), or use objectives.ELBO()."
            )


def _changes(layer):
    if isinstance(layer, keras.layers.BatchNormalization | SecondStageVAE):
        return layer.trainable
    if isinstance(layer, keras.layers.SpectralNormalization):
        return True
    # Distribution layers draw noise when they are called, but not for their densities.
    return bool(layer._seed_generators) and not isinstance(layer, DistributionLayer)
