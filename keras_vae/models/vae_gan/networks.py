"""The players of a VAE-GAN: their networks for images, and checks of them."""

from __future__ import annotations

import math
from typing import Any

import keras
import tensorflow as tf

from keras_vae.core.names import unknown
from keras_vae.core.numbers import sizes
from keras_vae.layers import DistributionLayer
from keras_vae.models.conv_vae import default_filters
from keras_vae.models.prebuilt import latent_scale
from keras_vae.networks import (
    conv_decoder,
    conv_discriminator,
    conv_encoder,
    larsen_decoder,
    larsen_discriminator,
    larsen_encoder,
    residual_decoder,
    residual_encoder,
)

# From [0, 1] to [-1, 1].
SCALING: dict[str, Any] = {"rescale": 2.0, "shift": -1.0}


def light_networks(event_shape, latent_dim, posterior, filters, **discriminating):
    """Makes encoder, decoder and discriminator that train on CPUs."""
    usual = default_filters(event_shape)
    filters = sizes(filters or usual, "filters")
    return (
        conv_encoder(
            event_shape, posterior.params_size, filters, normalization=True, **SCALING
        ),
        conv_decoder(
            latent_dim,
            event_shape,
            math.prod(event_shape),
            filters[::-1],
            normalization=True,
            latent_scale=latent_scale(posterior),
        ),
        # This limit holds for any depth: on smaller feature maps, distances would carry
        # less information about places.
        conv_discriminator(event_shape, filters[: len(usual)], **discriminating, **SCALING),
    )


def residual_networks(event_shape, latent_dim, posterior, filters, **discriminating):
    """Makes an encoder and a decoder of residual blocks, and the light discriminator."""
    usual = default_filters(event_shape)
    filters = sizes(filters or (*usual, usual[-1]), "filters")
    size = math.prod(event_shape)
    return (
        residual_encoder(event_shape, posterior.params_size, filters, **SCALING),
        residual_decoder(latent_dim, event_shape, size, filters[::-1]),
        conv_discriminator(event_shape, filters[: len(usual)], **discriminating, **SCALING),
    )


def paper_networks(event_shape, latent_dim, posterior, *_, **__):
    """Makes the paper's encoder, decoder and discriminator."""
    return (
        larsen_encoder(event_shape, posterior.params_size, **SCALING),
        larsen_decoder(latent_dim, event_shape),
        larsen_discriminator(event_shape, **SCALING),
    )


def observer(discriminator: keras.Model, feature_layer: str) -> keras.Model:
    """Makes the model of two outputs, features and logit, of a discriminator.

    Args:
        discriminator: A built Functional or Sequential model.
        feature_layer: Name of one of its layers.

    Returns:
        A model with the discriminator's layers.

    Raises:
        ValueError: If it is of another kind, not built, has several inputs or no layer of
            that name.
    """
    if not isinstance(discriminator, keras.Sequential) and not hasattr(
        discriminator, "operations"
    ):
        raise ValueError(
            f"The discriminator is a {type(discriminator).__name__}, but its layer "
            f"{feature_layer!r} can only be read off a Functional or Sequential model."
        )
    if not discriminator.built:
        raise ValueError(
            "The discriminator does not know its input shape. Let it begin with "
            "keras.Input(event_shape)."
        )
    if len(discriminator.inputs) > 1:
        raise ValueError(
            f"The discriminator has {len(discriminator.inputs)} inputs, but gets only the "
            "observations."
        )
    names = [layer.name for layer in discriminator.layers]
    if feature_layer not in names:
        raise unknown("feature layer of the discriminator", feature_layer, names)
    features = discriminator.get_layer(feature_layer).output
    # An input, not a list of one, for which Keras would warn in a call.
    return keras.Model(discriminator.inputs[0], [features, discriminator.outputs[0]])


def check_discriminator(discriminator: keras.Model, event_shape) -> None:
    """Checks that a discriminator takes the observations and returns logits.

    Args:
        discriminator: The discriminator.
        event_shape: Shape of one observation.

    Raises:
        ValueError: If it does not.
    """
    given, output = discriminator.input_shape, discriminator.output_shape
    if tuple(given[1:]) != tuple(event_shape):
        raise ValueError(
            f"The discriminator takes shape {given}, but the likelihood has event shape "
            f"{tuple(event_shape)}. Make them equal."
        )
    if output != (None, 1) and not (len(output) == 4 and output[-1] == 1):
        raise ValueError(
            f"The discriminator ends in shape {output}, but one logit for each example is "
            "needed, shape (None, 1), or a map of one for each patch, (None, height, "
            "width, 1). Let it end in Dense(1) or Conv2D(1, 4)."
        )


def check_likelihood(likelihood: DistributionLayer) -> None:
    """Checks that a decoder can be trained only through the mean of a likelihood.

    Args:
        likelihood: The likelihood on observations.

    Raises:
        ValueError: If it has its own weights, or a mean without gradient.
    """
    if likelihood.weights:
        raise ValueError(
            f"The likelihood {type(likelihood).__name__} has weights of its own, which no "
            "player of a VAE-GAN would train. Give it a fixed scale, such as "
            "IndependentNormal(event_shape, scale=1.0)."
        )
    with tf.GradientTape() as tape:
        params = tf.zeros((1, likelihood.params_size), likelihood.compute_dtype)
        tape.watch(params)
        image = likelihood.expectation(likelihood.distribution(params))
    if tape.gradient(image, params) is None:
        raise ValueError(
            f"The mean of the likelihood {type(likelihood).__name__} has no gradient with "
            "respect to its parameters, so the decoder could not be trained."
        )
