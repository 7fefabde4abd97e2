"""How the three players of a VAE-GAN are trained and tested, batch by batch."""

from __future__ import annotations

import keras
import tensorflow as tf

from keras_vae.core.replicas import sum_over_replicas
from keras_vae.models.steps import Steps, unpack
from keras_vae.models.vae_gan.optimizers import PLAYERS, apply_if, optimizers_for
from keras_vae.objectives import Adversarial


class AdversarialSteps(Steps):
    """What `VAEGAN` does differently from `VAE` in `fit` and `evaluate`.

    It needs `play` of the model, and the parts of the players.
    """

    def make_metrics(self):
        """Creates the logged means; called once, by the constructor."""
        super().make_metrics()
        self._evaluating = False
        names = [f"{player}_loss" for player in PLAYERS]
        names += ["feature_distance"]
        names += [f"accuracy_{kind}" for kind in ("real", "reconstructed", "sampled")]
        self._trackers |= {name: keras.metrics.Mean(name) for name in names}
        # The share of steps at which the player was updated; see `Adversarial.margin`.
        self._updates = {
            player: keras.metrics.Mean(f"{player}_updates") for player in PLAYERS[1:]
        }

    @property
    def metrics(self):
        """The logged means, and the count of batches that tells their noise apart."""
        return [*super().metrics, *self._updates.values()]

    def compile(self, optimizer="adam", objective=None, **kwargs):
        """Says how to train.

        Args:
            optimizer: Keras optimizer, or the name of one, of which each player gets its
                own; or a dict with one for each of "encoder", "decoder", "discriminator".
                `model.optimizer`, which callbacks for the learning rate change, is the
                encoder's; `model.optimizers` has all three.
            objective: A `keras_vae.objectives.Adversarial`; None is one with its defaults.
            **kwargs: `run_eagerly`, `steps_per_execution`, `jit_compile`,
                `auto_scale_loss` of `keras.Model.compile`.

        Raises:
            ValueError: If the dict does not name the three players, or the objective is of
                another kind.

        Example:
            >>> adam = keras.optimizers.Adam
            >>> vae_gan.compile(
            ...     {
            ...         "encoder": adam(3e-4),
            ...         "decoder": adam(3e-4),
            ...         "discriminator": adam(1e-4),
            ...     },
            ...     keras_vae.objectives.Adversarial(gamma=1e-3),
            ... )
        """
        chosen = optimizers_for(optimizer)
        self.decoder_optimizer = chosen["decoder"]
        self.discriminator_optimizer = chosen["discriminator"]
        super().compile(chosen["encoder"], objective, **kwargs)

    def find_objective(self, objective):
        """The objective for what was passed to `compile`."""
        if isinstance(objective, dict):
            objective = keras.saving.deserialize_keras_object(objective)
        objective = Adversarial() if objective is None else objective
        if not isinstance(objective, Adversarial):
            raise ValueError(
                "A VAE-GAN is trained with keras_vae.objectives.Adversarial(gamma=...), "
                f"but objective is {objective!r}."
            )
        return objective

    def build_optimizers(self):
        """Makes the optimizers' states."""
        if isinstance(self.optimizer, keras.optimizers.LossScaleOptimizer):
            # Keras wraps the one that it knows, in half precision.
            self.decoder_optimizer = _scaled(self.decoder_optimizer)
            self.discriminator_optimizer = _scaled(self.discriminator_optimizer)
        for player, variables in self.player_variables().items():
            self.optimizers[player].build(variables)

    @property
    def optimizers(self) -> dict[str, keras.Optimizer]:
        """The optimizer of each player."""
        return {
            "encoder": self.optimizer,
            "decoder": self.decoder_optimizer,
            "discriminator": self.discriminator_optimizer,
        }

    def player_variables(self) -> dict[str, list[keras.Variable]]:
        """What each player trains; posterior and prior are the encoder's."""
        return {
            player: [v for part in parts for v in part.trainable_variables]
            for player, parts in self._player_parts().items()
        }

    def _player_parts(self):
        return {
            "encoder": (self.encoder, self.posterior, self.prior),
            "decoder": (self.decoder,),
            "discriminator": (self.discriminator,),
        }

    def get_metrics_result(self):
        """The logs so far, over all replicas where it is asked from outside of them."""
        logs = super().get_metrics_result()
        if self.objective.margin is not None and not self._evaluating:
            updates = self._updates.items()
            logs |= {f"{player}_updates": one.result() for player, one in updates}
        return logs

    def train_step(self, data):
        """Takes one step of each player on a batch, all from the same weights.

        Args:
            data: x, or a tuple (x,) or (x, None, sample_weight).

        Returns:
            Logs: loss (the encoder's), encoder_loss, decoder_loss, discriminator_loss,
            feature_distance, kl_loss, accuracy_real, accuracy_reconstructed,
            accuracy_sampled; reconstruction_loss and elbo on pixels; with a margin also
            decoder_updates and discriminator_updates, the shares of steps taken.
        """
        x, weight = unpack(data)
        variables, optimizers = self.player_variables(), self.optimizers
        with tf.GradientTape(persistent=True) as tape:
            game, losses = self._play(x, training=True)
            penalties = self._penalties()
            scaled = {
                player: optimizers[player].scale_loss(
                    self._mean_over_replicas(loss, weight, penalties[player])
                )
                for player, loss in losses._asdict().items()
            }
        gradients = {
            player: tape.gradient(scaled[player], variables[player]) for player in PLAYERS
        }
        del tape
        turns = self._turns(game)
        for player in PLAYERS:
            apply_if(
                turns[player], optimizers[player], gradients[player], variables[player]
            )
        self._record(game, losses, weight, penalties)
        return self.get_metrics_result()

    def test_step(self, data):
        """Evaluates one batch, with the noise of its place in the evaluation.

        Args:
            data: x, or a tuple (x,) or (x, None, sample_weight).

        Returns:
            Logs as from `train_step`, without shares of steps.
        """
        x, weight = unpack(data)
        game, losses = self._play(x, training=False)
        self._record(game, losses, weight, self._penalties())
        return super().get_metrics_result()

    def _play(self, x, training):
        penalty = self.objective.r1 > 0
        game = self.play(x, self._next_seed(training), training, penalty)
        return game, self.objective(game, self._step)

    def _penalties(self):
        """What the regularizers of each player's parts add to its loss."""
        return {
            player: self.penalty([one for part in parts for one in part.losses])
            for player, parts in self._player_parts().items()
        }

    def _turns(self, game) -> dict[str, tf.Tensor | None]:
        """Whether each player is updated at this step; None is yes."""
        turns = dict.fromkeys(PLAYERS)
        if self.objective.margin is None:
            return turns
        costs = tf.stack(
            [
                tf.reduce_sum(tf.nn.softplus(-game.real)),
                0.5 * tf.reduce_sum(tf.nn.softplus(game.reconstructed))
                + 0.5 * tf.reduce_sum(tf.nn.softplus(game.sampled)),
                tf.cast(tf.size(game.real), game.real.dtype),
            ]
        )
        real, fake, size = tf.unstack(sum_over_replicas(costs))
        decoder, discriminator = self.objective.turns(real / size, fake / size)
        turns |= {"decoder": decoder, "discriminator": discriminator}
        for player, tracker in self._updates.items():
            tracker.update_state(tf.cast(turns[player], tf.float32))
        return turns

    def _record(self, game, losses, weight, penalties):
        self._record_bound(game.trace, losses.encoder, weight, penalties["encoder"])
        values = {
            f"{player}_loss": _weighted(loss, weight) + penalties[player]
            for player, loss in losses._asdict().items()
        }
        for name, value in values.items():
            self._trackers[name].update_state(value)
        values = {
            "feature_distance": game.feature_distance,
            "accuracy_real": game.real > 0,
            "accuracy_reconstructed": game.reconstructed < 0,
            "accuracy_sampled": game.sampled < 0,
        }
        for name, value in values.items():
            value = tf.cast(value, tf.float32)
            self._trackers[name].update_state(value, sample_weight=weight)

    def evaluate(self, *args, **kwargs):
        """Scores held-out data; see `VAE.evaluate`. Nobody is updated meanwhile."""
        # Keras takes the means over all replicas only where the names are those of
        # `test_step`.
        self._evaluating = True
        try:
            return super().evaluate(*args, **kwargs)
        finally:
            self._evaluating = False

    def get_compile_config(self):
        """Returns the arguments of `compile`."""
        config = super().get_compile_config()
        if config:
            serialize = keras.saving.serialize_keras_object
            config["optimizer"] = {
                player: serialize(one) for player, one in self.optimizers.items()
            }
        return config


def _weighted(loss, weight):
    return loss if weight is None else loss * tf.cast(weight, loss.dtype)


def _scaled(optimizer):
    if isinstance(optimizer, keras.optimizers.LossScaleOptimizer):
        return optimizer
    return keras.optimizers.LossScaleOptimizer(optimizer)
