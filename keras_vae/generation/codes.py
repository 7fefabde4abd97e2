"""Codes as training data for a second model."""

from __future__ import annotations

import numpy as np
import tensorflow as tf

from keras_vae.core.batches import in_batches
from keras_vae.core.seeds import fold
from keras_vae.data import pipeline
from keras_vae.models import LatentVariableModel


def drawn_codes(
    model: LatentVariableModel,
    x,
    batch_size: int = 128,
    *,
    y: np.ndarray | None = None,
    seed: int = 0,
    start_step: int = 0,
) -> tf.data.Dataset:
    """Makes an endless stream of codes of observations, drawn anew in each pass.

    They train a second model, such as the M2 of M1+M2, which then sees q(z|x), not only its
    centres, as `embed` returns them.

    Args:
        model: The first model; it encodes x once, and is not trained.
        x: Observations [N, *event]; greys are read as probabilities, as in `embed`.
        batch_size: Codes in a batch.
        y: Labels or other values of each observation, [N, ...], or None.
        seed: Seed of the order and of the draws.
        start_step: Number of the first batch.

    Returns:
        Dataset of tensors [batch_size, *latent], or of pairs of them and y; see
        `keras_vae.data.pipeline`.

    Raises:
        ValueError: If x does not fit the model, it has a condition, or its posterior is
            not a single layer.

    Example:
        >>> y = keras_vae.data.keep_labels(y_train, 8)
        >>> second = keras_vae.SemiSupervisedVAE(vae.latent_dim, 4, 4, "normal")
        >>> second.compile("adam")
        >>> second.fit(drawn_codes(vae, x_train, y=y), steps_per_epoch=9, epochs=2)
        >>> second.predict_label(vae.embed(x_test)).label.shape
        (20,)

    Source:
        Kingma et al. 2014, "Semi-supervised learning with deep generative models",
        section 2 (M1+M2).
    """
    if model.condition_shape is not None:
        raise ValueError(
            "drawn_codes encodes x alone, but this model has a condition. Use a model "
            "without one; y is for the second model."
        )
    params = in_batches(lambda x, _: model.posterior_params(x), model.to_units(x), 256)
    batches = pipeline(params, batch_size, y=y, seed=seed, start_step=start_step)

    def draw(step, batch):
        of_batch, *others = batch if y is not None else (batch,)
        z = model.posterior_at(of_batch).sample(seed=fold(seed, step))
        return (z, *others) if others else z

    return batches.enumerate(start_step).map(draw, num_parallel_calls=1).prefetch(4)
