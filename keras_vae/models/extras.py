"""Values that a VAE computes for objectives that need more than a pass."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from keras_vae.core.numbers import sizes
from keras_vae.core.trace import Extras
from keras_vae.layers import DistributionLayer
from keras_vae.models.prebuilt import reading
from keras_vae.networks import Baseline, Leapfrog, code_critic, dense_encoder

ALWAYS = {"frozen_log_q", "codes", "decoder_kernels", "draws", "encoder_input"}


def make_critic(critic: Any, latent_shape: Sequence[int]) -> keras.Model | None:
    """Makes the critic of codes.

    Args:
        critic: Widths of its hidden layers, the network itself, or None.
        latent_shape: Shape of one latent variable.

    Returns:
        A network z -> logit [B, 1], or None.

    Raises:
        ValueError: If the widths are invalid, or the network's output has another shape.
    """
    if critic is None:
        return None
    if not isinstance(critic, keras.Model):
        return code_critic(latent_shape, sizes(critic, "critic"))
    if not critic.built:
        raise ValueError("The critic has no shape yet. Let it begin with keras.Input.")
    if critic.input_shape[1:] != tuple(latent_shape) or critic.output_shape[1:] != (1,):
        raise ValueError(
            f"The critic takes shape {critic.input_shape} and ends in shape "
            f"{critic.output_shape}, but it must take codes of shape "
            f"{('B', *latent_shape)} and give one logit for each. Let it end in Dense(1)."
        )
    return critic


def make_baseline(
    baseline: Any, likelihood: DistributionLayer, takes_gaps: bool
) -> Baseline | None:
    """Makes the baseline of score functions.

    Args:
        baseline: Widths of the hidden layers of its network, the layer itself, or None.
        likelihood: The layer for p(x|z).
        takes_gaps: Whether observations may have gaps.

    Returns:
        The baseline, or None.

    Raises:
        ValueError: If the widths are no sizes.
    """
    if baseline is None or isinstance(baseline, Baseline):
        return baseline
    units = sizes(baseline, "baseline")
    features = reading(likelihood, "fill" if takes_gaps else None)
    return Baseline(
        dense_encoder(likelihood.event_shape, 1, units, "tanh", **features),
        name="baseline",
    )


def make_leapfrog(leapfrog: Any, dtype) -> Leapfrog | None:
    """Makes the leapfrog steps.

    Args:
        leapfrog: Number of steps, the layer itself, or None.
        dtype: Dtype of latent variables.

    Returns:
        The layer, or None.

    Raises:
        ValueError: If the number of steps is invalid.
    """
    if leapfrog is None or isinstance(leapfrog, Leapfrog):
        return leapfrog
    return Leapfrog(leapfrog, dtype=dtype, name="leapfrog")


def are_pictures(model) -> bool:
    """Whether observations are whole images, [height, width, channels]."""
    shape = model.event_shape
    return len(shape) == 3 and shape[-1] in (1, 3) and not model.takes_gaps


def picture_range(model) -> tuple[float, float]:
    """The values of black and white in images, in the model's units.

    Args:
        model: A model of images.

    Returns:
        The ends of the range of raw values if a preprocessor knows it; otherwise those of
        the likelihood's support, or 0 and 1.
    """
    if model.preprocessor is None:
        return model.shown_range
    ends = np.reshape(model.shown_range, (2, *[1] * len(model.event_shape)))
    low, high = model.preprocessor.scaling(np.broadcast_to(ends, (2, *model.event_shape)))
    return float(np.min(low)), float(np.max(high))


def extras_of(model, params, x, y, z, log_joint, training: bool) -> Extras:
    """The functions that an objective may call about a pass.

    Args:
        model: The VAE.
        params: Parameters of the posteriors, [B, params_size].
        x: Observations [B, *event].
        y: The condition [B, ...], or None.
        z: Latent draws [S, B, *latent].
        log_joint: Function of such draws to log p(x, z), [S, B].
        training: Whether dropout and the like are active.

    Returns:
        The functions.
    """
    posterior, likelihood = model.posterior, model.likelihood

    def frozen_log_q():
        q = posterior.distribution(tf.stop_gradient(params), training)
        return q.log_prob(z)

    def critic(codes):
        logits = model.critic(codes, training=training)
        return tf.cast(logits, posterior.compute_dtype)[:, 0]

    def baseline(signal):
        guesses = model.baseline(signal, x, training=training)
        return tuple(tf.cast(one, signal.dtype) for one in guesses)

    def pictures(values):
        low, high = picture_range(model)
        return (values - low) / (high - low)

    return Extras(
        frozen_log_q=frozen_log_q,
        codes=lambda x: posterior.center(model.encode(x, y, training)),
        expected=lambda z: likelihood.expectation(model.decode(z, y, training)),
        decoder_kernels=lambda: [
            tf.convert_to_tensor(one)
            for one in model.decoder.trainable_variables
            if len(one.shape) > 1
        ],
        pictures=pictures if are_pictures(model) else None,
        critic=None if model.critic is None else critic,
        baseline=None if model.baseline is None else baseline,
        leapfrog=None
        if model.leapfrog is None
        else lambda noise: model.leapfrog.move(z, noise, log_joint),
    )
