"""The means that are logged while a model is trained on an objective."""

from __future__ import annotations

import keras

from keras_vae.core.latent import Latent
from keras_vae.objectives import Objective


class Meters:
    """Keras's metrics of an objective, made when a model is compiled.

    It is a plain object, since Keras allows no new metrics in a model that is built.

    Args:
        objective: The objective.
        latent: The model's latent variable; a point has no rate to log.
        terms: Names of values that the model itself logs, for some examples only.
        turn_takers: Names of the players that may skip a step.

    Attributes:
        means: The mean of each logged value, by name.
        updates: The share of steps at which a player was updated, by player.
        balances: The factor of the gradient of a player's opposed loss, by player.
        of_some: The means of values that the model itself logs; NaN while nothing counted.
        batches: The number of batches of this epoch or evaluation.
    """

    def __init__(
        self,
        objective: Objective,
        latent: Latent,
        terms: tuple[str, ...],
        turn_takers: tuple[str, ...],
    ):
        """Creates the metrics."""
        names = ["loss", "reconstruction_loss"]
        if latent.has_density:
            names += ["kl_loss", "elbo"]
        names += [f"{player}_loss" for player in objective.players]
        names += objective.terms
        self.means = {name: keras.metrics.Mean(name) for name in names}
        self.of_some = {name: _MeanOfSome(name) for name in terms}
        self.updates = {
            player: keras.metrics.Mean(f"{player}_updates") for player in turn_takers
        }
        self.balances = {
            player: keras.metrics.Mean(f"{player}_balance")
            for player in objective.balanced_players
        }
        self.batches = keras.metrics.Sum("batches")

    @property
    def all(self) -> list[keras.metrics.Metric]:
        """All metrics."""
        means = [*self.means.values(), *self.of_some.values()]
        return [*means, *self.of_training, self.batches]

    @property
    def of_training(self) -> list[keras.metrics.Metric]:
        """The metrics that only training steps update."""
        return [*self.updates.values(), *self.balances.values()]


class _MeanOfSome(keras.metrics.Mean):
    """A mean that is NaN, not 0, if nothing counted."""

    def result(self):
        """The mean so far."""
        return self.total / keras.ops.cast(self.count, self.dtype)
