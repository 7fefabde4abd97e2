"""A prior that is fitted to the codes of a trained model."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
import tensorflow as tf

from keras_vae import priors
from keras_vae.core.batches import in_batches
from keras_vae.core.numbers import positive, positive_int
from keras_vae.core.seeds import fold
from keras_vae.data import pipeline, steps_per_epoch
from keras_vae.models import LatentVariableModel

# One in this many observations is held out; its codes decide when to stop.
_EVERY = 10


class _Scores(keras.Model):
    """A model from codes and conditions to log p(z|y), which trains the prior."""

    def __init__(self, model: LatentVariableModel):
        super().__init__(name="prior_scores")
        self.scored = model
        self.built = True

    def call(self, inputs, training=False):
        z, y = inputs if isinstance(inputs, tuple | list) else (inputs, None)
        return self.scored.log_prior(z, y, training)


def fit_prior(
    model: LatentVariableModel,
    x,
    prior: Any,
    *,
    y=None,
    epochs: int = 100,
    patience: int = 10,
    batch_size: int = 128,
    learning_rate: float = 1e-3,
    seed: int = 0,
    verbose: int = 0,
) -> LatentVariableModel:
    """Fits a prior to the codes of a trained model, for better samples.

    An autoencoder has no prior for its codes, and the codes of a VAE may not fill its
    prior. The new prior minimises the mean of -log p(z), with z drawn anew from q(z|x) in
    each epoch; the codes of every tenth observation decide which epoch is kept. This works
    for all models with `posterior_params`, `posterior_at`, `log_prior` and `with_prior`,
    including models of discrete codes with a prior over these.

    Args:
        model: The trained model. It does not change.
        x: The model's training observations [N, *event]; they are binarized once if the
            model's data were.
        prior: A prior of `keras_vae.priors`, or its name; an object becomes part of the
            returned model.
        y: The condition of each observation, for a model that has one.
        epochs: Passes through the codes, at most.
        patience: Epochs without a better held-out score before it stops.
        batch_size: Codes in a batch.
        learning_rate: Learning rate of Adam.
        seed: Seed of order and draws.
        verbose: As in `keras.Model.fit`.

    Returns:
        A copy of the model with the fitted prior. Its networks are frozen.

    Raises:
        ValueError: If the prior does not fit the posterior, x does not fit the model, there
            are fewer than 20 observations, or a number is not positive.

    Example:
        >>> better = fit_prior(vae, x_train, "mixture_of_normals:num_components=10", epochs=2)
        >>> better.sample(4).shape
        (4, 28, 28, 1)

    Source:
        Ghosh et al. 2020, "From variational to deterministic autoencoders", section 4
        (ex-post density estimation); Dai and Wipf 2019, "Diagnosing and enhancing VAE
        models".
    """
    for name, number in (("epochs", epochs), ("patience", patience)):
        positive_int(number, name)
    positive(learning_rate, "learning_rate")
    if len(x) < 20:
        raise ValueError(
            f"A prior is fitted to many codes, but x holds {len(x)} observations. Give at "
            "least 20."
        )
    y = model.check_condition(y, len(x))
    prior = priors.get(prior, dtype=model.probability_dtype)
    fitted = model.with_prior(prior)
    if not fitted.trainable_variables:
        return fitted
    # The codes of greys are less varied than those that the model was trained on.
    x = model.to_units(x, scores=True)
    is_held_out = np.arange(len(x)) % _EVERY == 0
    held_out, rest = (
        (x[rows], None if y is None else y[rows]) for rows in (is_held_out, ~is_held_out)
    )
    prior.start_from_codes(model.draw_codes(*rest, seed))
    scores = _Scores(fitted)
    scores.compile(keras.optimizers.Adam(learning_rate), loss=_negative)
    batch_size = min(positive_int(batch_size, "batch_size"), len(rest[0]))
    batches = _batches(model, *rest, batch_size, seed)
    parts = tuple(
        one for one in (model.draw_codes(*held_out, seed), held_out[1]) if one is not None
    )
    validation = tf.data.Dataset.from_tensor_slices(parts).batch(256).map(_with_targets)
    stop = keras.callbacks.EarlyStopping(
        "val_loss", patience=patience, restore_best_weights=True
    )
    scores.fit(
        batches,
        steps_per_epoch=steps_per_epoch(len(rest[0]), batch_size),
        epochs=epochs,
        shuffle=False,
        validation_data=validation,
        callbacks=[stop],
        verbose=verbose,
    )
    return fitted


@keras.saving.register_keras_serializable("keras_vae")
def _negative(_, log_p):
    return -log_p


def _with_targets(z, *y):
    """Pairs (x, y) for Keras: the loss needs no targets, so y is a row of zeros."""
    inputs = (z, *y) if len(y) > 0 else z
    return inputs, tf.zeros(tf.shape(z)[:1])


def _batches(model, x, y, batch_size, seed):
    """Codes that are drawn anew in each epoch; the encoder runs once."""
    params = in_batches(lambda rows, _: model.posterior_params(*rows), (x, y), 256)
    batches = pipeline(params, batch_size, y=y, seed=seed)

    def draw(step, batch):
        of_batch, *others = batch if y is not None else (batch,)
        return _with_targets(
            model.posterior_at(of_batch).sample(seed=fold(seed, step)), *others
        )

    return batches.enumerate().map(draw, num_parallel_calls=1).prefetch(4)
