"""Active units of the latent space, and posterior collapse."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any

import keras
import numpy as np
import tensorflow as tf
from tensorflow_probability import distributions as tfd

from keras_vae.core.batches import in_batches
from keras_vae.core.centers import elements_of
from keras_vae.core.divergence import exact_kl
from keras_vae.core.numbers import not_negative, positive_int
from keras_vae.core.seeds import fold
from keras_vae.models import LatentVariableModel


def active_units(
    model: LatentVariableModel, x, threshold: float = 0.01, y=None
) -> np.ndarray:
    """Tells which latent units carry information about the observations.

    A unit is active if the variance over x of its code (the mean of q(z|x), or the mode if
    z is discrete) is above the threshold. The threshold is in squared units of z, so 0.01
    is meant for priors of scale 1.

    Args:
        model: The model.
        x: Observations [N, *event], at least two.
        threshold: The variance.
        y: The condition of each observation, for a model that has one.

    Returns:
        Booleans [D], D = `model.latent_dim` (latent variables of several axes are
        flattened); their sum is the number of active units.

    Raises:
        ValueError: If there is only one observation, the threshold is negative, or the
            embeddings are NaN or infinite.

    Example:
        >>> active_units(vae, x_test).sum()

    Source:
        Burda et al. 2016, "Importance weighted autoencoders", section 5.2.
    """
    threshold = not_negative(threshold, "threshold")
    return _variance(model, x, y) > threshold


def collapse_report(
    model: LatentVariableModel, x, threshold: float = 0.01, seed: int = 0, y=None
) -> dict[str, Any]:
    """Reports how much each latent unit is used.

    Args:
        model: The model.
        x: Observations [N, *event], at least two.
        threshold: See `active_units`.
        seed: Same seed, same report, if rates are estimated from a draw.
        y: The condition of each observation, for a model that has one.

    Returns:
        `num_units`, `num_active`, `dead` (indices of units that are not active),
        `variance` (that of the codes, [D]), `rate` (nats of each unit, [D]: the mean
        over x of KL(q(z_d|x), p(z_d))) and `group_rate` (nats of each group of latent
        variables, [G]; they sum to the rate of the model). With independent elements the
        rates of units sum to that of the model, with a full covariance to less. `rate` is
        None if elements are not independent, or have no divergence in closed form; both are
        None for an autoencoder.

    Raises:
        ValueError: As `active_units`.

    Example:
        >>> collapse_report(vae, x_test)["dead"]
    """
    variance = _variance(model, x, y)
    active = variance > not_negative(threshold, "threshold")
    rate, group_rate = _rates(model, x, seed, y)
    return {
        "num_units": len(active),
        "num_active": int(active.sum()),
        "dead": np.flatnonzero(~active),
        "variance": variance,
        "rate": rate,
        "group_rate": group_rate,
    }


_ADVICE = (
    "Lower the weight of the rate at first (--warmup-epochs, beta=WarmUp(steps)), or give "
    "it free bits (elbo:free_bits=2)."
)


class CollapseWarning(keras.callbacks.Callback):
    """Warns in training when latent units die.

    After each epoch the active units are counted on some held-out observations. A unit has
    died if it was active for `patience` epochs in a row, and then inactive for as many. One
    line names all units that died in an epoch. A model without any active unit for the
    first `patience` epochs also gets a line. Units that change at the beginning of training
    are ignored. (A dead unit is not always a fault: the model may not need it. With a
    strong decoder it often is a fault.)

    Args:
        x: Held-out observations [N, *event]; the first `limit` are used.
        threshold: See `active_units`.
        limit: Number of observations to use, to limit the cost.
        say: Called with the line; None makes it a warning.
        y: The condition of each observation, for a model that has one.
        patience: Number of epochs in a row that count.

    Example:
        >>> vae.fit(x_train, callbacks=[CollapseWarning(x_validation)])
    """

    def __init__(
        self,
        x,
        threshold: float = 0.01,
        limit: int = 1000,
        say: Callable[[str], None] | None = None,
        y=None,
        patience: int = 5,
    ):
        """Creates the callback."""
        super().__init__()
        self.x = x[: positive_int(limit, "limit")]
        self.y = None if y is None else y[:limit]
        self.threshold = not_negative(threshold, "threshold")
        self.patience = positive_int(patience, "patience")
        self.say = say or (lambda line: warnings.warn(line, stacklevel=2))

    def on_train_begin(self, logs=None):
        """Begins to count."""
        size = self.model.latent_dim
        # Epochs in a row in which a unit was active or inactive, and whether it ever was
        # active for long enough to be missed.
        self._up, self._down = np.zeros(size, int), np.zeros(size, int)
        self._settled = np.zeros(size, bool)
        self._epochs = 0

    def on_epoch_end(self, epoch, logs=None):
        """Warns if units have died."""
        codes = self.model.embed(self.x, self.y)
        if not np.isfinite(codes).all():
            self.say(
                f"epoch {epoch + 1}: embeddings are NaN or infinite: training diverged."
            )
            return
        alive = _spread(codes) > self.threshold
        self._up = np.where(alive, self._up + 1, 0)
        self._down = np.where(alive, 0, self._down + 1)
        self._epochs += 1
        died = np.flatnonzero(self._settled & (self._down == self.patience))
        self._settled |= self._up >= self.patience
        self._settled[died] = False
        if self._epochs == self.patience and (self._down == self.patience).all():
            self.say(
                f"epoch {epoch + 1}: no latent unit has been active so far (posterior "
                f"collapse from the start). {_ADVICE}"
            )
        if len(died):
            units = "unit" if len(died) == 1 else "units"
            self.say(
                f"epoch {epoch + 1}: {len(died)} latent {units} died (posterior collapse), "
                f"{alive.sum()} of {len(alive)} are active. If that is too few: {_ADVICE}"
            )


def _variance(model, x, y):
    if len(x) < 2:
        raise ValueError(
            "Active units are those that vary over observations, so at least two are "
            f"needed, but x has {len(x)}."
        )
    codes = model.embed(x, y)
    if not np.isfinite(codes).all():
        raise ValueError("The model's embeddings hold NaN or infinite values: it diverged.")
    return _spread(codes)


def _spread(codes):
    return codes.reshape(len(codes), -1).astype(np.float64).var(axis=0, ddof=1)


def _rates(model, x, seed, y):
    """The mean rates of units [D] and of groups [G], or None."""
    if not model.latent.has_density:
        return None, None

    def rates(rows, index):
        x, y = rows
        trace = model.trace(x, 1, fold(seed, index), y=y)
        of_groups = tf.transpose(tf.reduce_mean(trace.rates, axis=1))
        shape, dtype = (len(x), model.latent_dim), of_groups.dtype
        q, p = _elements(trace.q), _elements(trace.p)
        of_units = None if q is None or p is None else exact_kl(q, p)
        if of_units is None:
            of_units = tf.fill(shape, tf.constant(np.nan, dtype))
        return tf.concat([tf.reshape(of_units, shape), of_groups], axis=1)

    units, y = model.to_units(x, scores=True), model.check_condition(y, len(x))
    found = in_batches(rates, (units, y), 256).astype(np.float64).mean(axis=0)
    of_units, of_groups = np.split(found, [model.latent_dim])
    return None if np.isnan(of_units).all() else of_units, of_groups


def _elements(distribution):
    """The distribution of each element by itself, or None if it is unknown."""
    if isinstance(distribution, tfd.MultivariateNormalTriL):
        # The marginals of a normal with full covariance are normals, too.
        return tfd.Normal(distribution.mean(), distribution.stddev())
    return elements_of(distribution)
