"""How a model is trained and tested with the losses that an objective computes."""

from __future__ import annotations

from typing import Any

import keras
import tensorflow as tf

from keras_vae import objectives
from keras_vae.core.numbers import positive
from keras_vae.core.replicas import num_replicas, sum_over_replicas
from keras_vae.core.seeds import fold, fold_replica
from keras_vae.core.trace import Trace
from keras_vae.layers import RelaxedLayer
from keras_vae.models.checks import (
    check_batches,
    check_stream,
    check_weights,
    is_array,
    read_batch_size,
    refuse_class_weight,
    refuse_form,
    refuse_unmet_needs,
    with_enough,
)
from keras_vae.models.inputs import pack, stream, unpack
from keras_vae.models.meters import Meters
from keras_vae.models.optimizers import (
    apply_if,
    balanced,
    batches_seen,
    finished_by_player,
    optimizers_for,
    scaled_like,
)
from keras_vae.models.several_workers import check_alike, check_shares, logs_of_step
from keras_vae.objectives import Objective

# Numbers that are folded into the model's seed to separate the noise of training from that
# of testing, and that of the data from that of the pass (which folds in 1 and 3 itself).
_TRAIN, _TEST = 0, 1
_DATA = 2
# The name of the only player, if there is one loss for all.
_ALL = "model"


class ObjectiveModel(keras.Model):
    """A Keras model that trains on the losses that an objective computes from its traces.

    Subclasses define `pass_for_training`, `check_condition`, `as_raw`, `to_units`,
    `to_stream`, `batch_to_units`, `from_units`, `as_table` and `latent`, and set `seed` and
    `probability_dtype`.
    There is one `train_step`, for one player or several.
    """

    # Keras's own, which has no types.
    built: bool
    # The objective and optimizer of `compile` without arguments.
    usual_optimizer = "adam"
    # Epochs of a run that is given no number.
    usual_epochs = 50
    # Values that the model logs beside the objective's terms: the `terms` of its traces.
    terms: tuple[str, ...] = ()
    _objective: Objective | None = None
    _skip_threshold: float | None = None
    _evaluating = False

    def compile(
        self,
        optimizer=None,
        objective=None,
        *,
        skip_threshold: float | None = None,
        **kwargs,
    ):
        """Sets the optimizer and the objective of training.

        Args:
            optimizer: Keras optimizer, or the name of one, such as
                "adam:learning_rate=0.002"; None takes the model's default. If the objective
                has several players, each gets its own: copies of this one, or those of a
                dict by player. `model.optimizer`, which callbacks for the learning rate
                change, is the first player's; `model.optimizers` has all.
            objective: A name such as "elbo" or "elbo:beta=4", or an object of
                `keras_vae.objectives`; None takes the model's default.
            skip_threshold: Norm of a player's gradient above which its update is skipped,
                as for very deep hierarchies (Child 2021), on one device. None skips none.
                The share of updates is logged.
            **kwargs: `run_eagerly`, `steps_per_execution`, `jit_compile`,
                `auto_scale_loss` of `keras.Model.compile`.

        Raises:
            ValueError: If the objective does not fit the model, the dict not the players,
                `skip_threshold` is not positive or there are replicas, or a loss or metrics
                are given: the objective is the loss.

        Example:
            >>> vae.compile("adam", "elbo:beta=4")
            >>> adam = keras.optimizers.Adam
            >>> vae_gan.compile({"encoder": adam(), "decoder": adam(),
            ...                  "discriminator": adam()}, Adversarial(gamma=1e-3))
        """
        for name in ("loss", "loss_weights", "metrics", "weighted_metrics"):
            if kwargs.pop(name, None) is not None:
                raise ValueError(
                    f"compile({name}=...) has no meaning for a VAE: its objective is the "
                    "loss. Use compile(optimizer, objective), and callbacks for metrics."
                )
        objective = self.usual_objective() if objective is None else objective
        objective = self._checked_objective(objectives.get(objective))
        players = objective.players or (_ALL,)
        optimizer = self.usual_optimizer if optimizer is None else optimizer
        first, *others = optimizers_for(optimizer, players).items()
        if skip_threshold is not None:
            skip_threshold = positive(skip_threshold, "skip_threshold")
            if num_replicas() > 1:
                raise ValueError(
                    "skip_threshold needs the gradient of the whole batch, which "
                    f"{num_replicas()} replicas share out. Train on one device, or clip "
                    "gradients: the optimizer's global_clipnorm."
                )
        self._skip_threshold = skip_threshold
        self._set_objective(objective)
        super().compile(optimizer=first[1], **kwargs)
        # Keras wraps the optimizer that it knows, in half precision.
        self.other_optimizers = {k: scaled_like(self.optimizer, one) for k, one in others}
        # They are built now, so that loading weights before the first step also loads the
        # optimizers' states. (As Keras asks for anyway: compile again after changing what
        # is trainable.)
        for player, variables in self.player_variables().items():
            self.optimizers[player].build(variables)

    def usual_objective(self) -> Objective:
        """The objective if `compile` gets none."""
        if self.latent.has_density:
            return objectives.ELBO()
        return objectives.Reconstruction()

    @property
    def objective(self) -> Objective | Any:
        """What training minimises; a new one takes effect at the next step."""
        # None before `compile`; Any for type checkers, since all callers run after it.
        return self._objective

    @objective.setter
    def objective(self, objective):
        objective = self._checked_objective(objectives.get(objective))
        if self._objective is None or objective.players != self._objective.players:
            raise ValueError(
                "Setting model.objective needs a compiled model, and an objective with the "
                "same players. Call compile(optimizer, objective)."
            )
        self._set_objective(objective)
        # Keras looks the functions up at each step; what it compiled before is forgotten.
        for name in ("train", "test"):
            if getattr(self, f"{name}_function") is not None:
                getattr(self, f"make_{name}_function")(force=True)

    def _set_objective(self, objective):
        self._objective = objective
        every_player = objective.players or (_ALL,)
        turn_takers = (
            objective.turn_takers if self._skip_threshold is None else every_player
        )
        self._meters = Meters(objective, self.latent, self.terms, turn_takers)

    def _checked_objective(self, objective):
        refuse_unmet_needs(objective, self.provides, type(self).__name__)
        missing = set(objective.players) - set(self.player_parts())
        if missing:
            raise ValueError(
                f"The objective {type(objective).__name__} has the players "
                f"{', '.join(objective.players)}, but {type(self).__name__} has no "
                f"{', '.join(sorted(missing))}. {objective.players_advice}"
            )
        objective.check(self.latent)
        if not objective.per_example and num_replicas() > 1:
            raise ValueError(
                f"The objective {type(objective).__name__} reads the batch as one, but "
                f"{num_replicas()} replicas would each read a part of it. Train on one "
                "device."
            )
        return objective

    @property
    def provides(self) -> frozenset[str]:
        """The names of what an objective may need of the model's passes; see `Objective.needs`."""
        return frozenset()

    def player_parts(self) -> dict[str, tuple]:
        """The networks and layers of each player that an objective may name."""
        return {}

    def _parts(self):
        if not self.objective.players:
            return {_ALL: self.player_parts().get("vae", (self,))}
        return {name: self.player_parts()[name] for name in self.objective.players}

    def player_variables(self) -> dict[str, list[keras.Variable]]:
        """The variables that each player of the objective trains."""
        return {
            player: [v for part in parts for v in part.trainable_variables]
            for player, parts in self._parts().items()
        }

    @property
    def optimizers(self) -> dict[str, keras.Optimizer]:
        """The optimizer of each player."""
        first = (self.objective.players or (_ALL,))[0]
        return {first: self.optimizer, **self.other_optimizers}

    @property
    def metrics(self):
        """The logged means, and the count of batches that gives each its own noise."""
        return [] if self.objective is None else self._meters.all

    def get_metrics_result(self):
        """The logs so far; over all replicas if it is called outside of them."""
        return self._logs(of_training=not self._evaluating)

    def _logs(self, of_training):
        meters = [*self._meters.means.values(), *self._meters.of_some.values()]
        meters += self._meters.of_training if of_training else []
        logs = {one.name: one.result() for one in meters}
        for layer in self.scheduled_layers()[:1]:
            logs["temperature"] = layer.temperature_now()
        return {**logs, **self.objective.logs(self._step)}

    def scheduled_layers(self) -> list[RelaxedLayer]:
        """Returns the layers whose temperatures have a schedule, the posterior first."""
        layers = self._flatten_layers(include_self=False)
        relaxed = (one for one in layers if isinstance(one, RelaxedLayer))
        return [one for one in relaxed if one.is_scheduled]

    def _maybe_symbolic_build(self, iterator=None, data_batch=None):
        """Does nothing, since `compile` has built everything.

        Keras would look at a first batch, which it cannot put together from the parts of
        several workers.
        """

    def train_step(self, data):
        """Takes one gradient step of each player on a batch, all from the same weights.

        Args:
            data: x, or a tuple (x,), (x, y) or (x, y, sample_weight).

        Returns:
            Logs: loss (the first player's), reconstruction_loss, kl_loss, elbo; each
            player's loss, and the objective's terms.
        """
        batch = unpack(data)
        variables, optimizers = self.player_variables(), self.optimizers
        with tf.GradientTape(persistent=len(variables) > 1) as tape:
            trace, losses, terms = self._score(batch, training=True)
            penalties = self._penalties()
            scaled = {
                player: optimizers[player].scale_loss(
                    self._mean_over_replicas(loss, batch.weight, penalties[player])
                )
                for player, loss in losses.items()
            }
            opposed = {
                player: optimizers[player].scale_loss(
                    self._mean_over_replicas(loss, batch.weight)
                )
                for player, loss in self.objective.opposed(trace, self._step).items()
            }
        gradients = {name: tape.gradient(scaled[name], variables[name]) for name in losses}
        for player, loss in opposed.items():
            gradients[player], balance = balanced(
                gradients[player],
                tape.gradient(loss, variables[player]),
                self.objective.balance_factor,
            )
            self._meters.balances[player].update_state(balance)
        turns = self.objective.turns(trace, self._step)
        updated = turns
        if self._skip_threshold is not None:
            turns, updated = self._small_enough(gradients, turns)
        for player in losses:
            apply_if(
                turns.get(player), optimizers[player], gradients[player], variables[player]
            )
        for player, turn in updated.items():
            self._meters.updates[player].update_state(tf.cast(turn, tf.float32))
        self._record(trace, losses, terms, batch.weight, penalties)
        return logs_of_step(self._logs(of_training=True))

    def _small_enough(self, gradients, turns):
        """Which players' optimizers get their gradients, and which of them are updated."""
        passed, updated = {}, {}
        for player, of_player in gradients.items():
            optimizer = self.optimizers[player]
            norm = tf.linalg.global_norm(of_player)
            threshold = self._skip_threshold * optimizer.scale_loss(tf.ones([]))
            small = norm <= tf.cast(threshold, norm.dtype)
            turn = turns.get(player, True)
            updated[player] = passed[player] = small & turn
            if isinstance(optimizer, keras.optimizers.LossScaleOptimizer):
                # It skips infinite gradients itself, and must see them.
                passed[player] = (small | ~tf.math.is_finite(norm)) & turn
        return passed, updated

    def test_step(self, data):
        """Evaluates one batch, with the noise of its place in the evaluation.

        Args:
            data: x, or a tuple (x,), (x, y) or (x, y, sample_weight).

        Returns:
            Logs as from `train_step`, without shares of steps.
        """
        batch = unpack(data)
        trace, losses, terms = self._score(batch, training=False)
        self._record(trace, losses, terms, batch.weight, self._penalties())
        return logs_of_step(self._logs(of_training=False))

    def predict_step(self, data):
        """Reconstructs one batch; see `call`."""
        batch = unpack(data)
        x = self.batch_to_units(batch, seed=None)
        return self(x, batch.y, training=False)

    @property
    def _step(self):
        optimizer = getattr(self, "optimizer", None)
        # A variable; under gradient accumulation a tensor.
        return 0 if optimizer is None else tf.convert_to_tensor(optimizer.iterations)

    def _next_seed(self, training):
        """The seed of a batch's noise, and one more batch counted."""
        # Noise is a function of the seed, the batches so far and the batch within the epoch
        # (or within the evaluation): a resumed run draws what the uninterrupted one would.
        # In testing the former stay out, so that weights alone decide the result.
        kind, step = (_TRAIN, batches_seen(self.optimizer)) if training else (_TEST, 0)
        seed = fold_replica(fold(self.seed, kind, step, self._meters.batches.result()))
        self._meters.batches.update_state(1.0)
        return seed

    def pass_for_training(self, x, y, seed, training: bool) -> Trace:
        """Makes the pass that the objective reads."""
        raise NotImplementedError

    def _score(self, batch, training):
        if batch.weight is not None and not self.objective.per_example:
            raise ValueError(
                f"The objective {type(self.objective).__name__} reads the batch as one and "
                "takes no sample_weight. Leave it out."
            )
        if training:
            for layer in self.scheduled_layers():
                layer.at_step(self._step)
        seed = self._next_seed(training)
        x = with_enough(self.batch_to_units(batch, fold(seed, _DATA)), self.objective)
        trace = self.pass_for_training(x, batch.y, seed, training)
        losses, terms = self.objective.losses_and_terms(trace, self._step)
        if not isinstance(losses, dict):
            losses = {_ALL: losses}
        if trace.cost is not None:
            losses = {name: loss + trace.cost for name, loss in losses.items()}
        return trace, losses, terms

    def _penalties(self):
        """The losses of the regularizers of each player's parts, scalars."""
        dtype = self.probability_dtype
        return {
            player: sum(
                (tf.cast(one, dtype) for part in parts for one in part.losses),
                tf.zeros((), dtype),
            )
            for player, parts in self._parts().items()
        }

    def _mean_over_replicas(self, losses, weight, penalty=0.0):
        """This replica's share of the global mean; Keras sums gradients over replicas."""
        size = tf.cast(tf.shape(losses)[0], losses.dtype)
        loss = tf.reduce_sum(_weighted(losses, weight)) / sum_over_replicas(size)
        return loss + penalty / num_replicas()

    def _record(self, trace, losses, terms, weight, penalties):
        for i, (player, loss) in enumerate(losses.items()):
            value = _weighted(loss, weight) + penalties[player]
            if i == 0:
                self._meters.means["loss"].update_state(value)
            if player != _ALL:
                self._meters.means[f"{player}_loss"].update_state(value)
        values = {"reconstruction_loss": tf.reduce_mean(trace.distortion, axis=0), **terms}
        if self.latent.has_density:
            values["kl_loss"] = tf.reduce_mean(trace.rate, axis=0)
            values["elbo"] = trace.elbo
        for name, value in values.items():
            self._meters.means[name].update_state(value, sample_weight=weight)
        for name, (value, counts) in (trace.terms or {}).items():
            counts = _weighted(tf.cast(counts, value.dtype), weight)
            self._meters.of_some[name].update_state(value, sample_weight=counts)

    def check_before_fit(self) -> None:
        """Refuses what would make training worthless, or warns of it.

        `fit` calls it first; a model with more to check extends it.
        """

    def fit(
        self,
        x=None,
        y=None,
        *,
        sample_weight=None,
        validation_data=None,
        validation_split: float = 0.0,
        batch_size: int | None = None,
        shuffle: bool = True,
        class_weight=None,
        **kwargs,
    ):
        """Trains; `keras.Model.fit` behind a check of the data.

        Args:
            x: Observations [N, *event], a `tf.data.Dataset` or other data that Keras takes.
                With a preprocessor they are raw; grey values that it binarizes are drawn
                anew in each epoch.
            y: The condition of each observation, for a model that has one.
            sample_weight: Factors of the losses of an array's observations, [N]. As in
                Keras, the loss is sum(weight * loss) / N; the other logs are weighted
                means.
            validation_data: Held-out data of the same kinds, or a tuple (x, y) or (x, y,
                sample_weight).
            validation_split: Share of the observations of arrays to hold out, the last
                ones.
            batch_size: Observations in a batch of arrays; None is 32.
            shuffle: Whether arrays are shuffled for each epoch.
            class_weight: Refused: there are no labels.
            **kwargs: Other arguments of `keras.Model.fit`.

        Returns:
            The `keras.callbacks.History`.

        Raises:
            ValueError: If data are empty, of another shape, NaN, infinite, outside the
                support of the likelihood, or without the condition that the model has.
        """
        self._assert_compile_called("fit")
        refuse_class_weight(class_weight)
        self.check_before_fit()
        if validation_split:
            if validation_data is not None:
                raise ValueError("Give validation_data or validation_split, not both.")
            (x, y, sample_weight), validation_data = self._split(
                x, y, sample_weight, validation_split
            )
        shuffle_seed = check_alike(self, x, batch_size)
        batches = self._batches_of(
            x, y, sample_weight, "x", batch_size, bool(shuffle), shuffle_seed
        )
        if kwargs.get("steps_per_epoch") and batches is not x:
            batches = batches.repeat()
        if validation_data is not None:
            name, size = "validation_data", kwargs.get("validation_batch_size")
            if not isinstance(validation_data, tuple):
                refuse_form(validation_data, name)
            held_x, held_y, held_weight = keras.utils.unpack_x_y_sample_weight(
                validation_data
            )
            validation_data = self._batches_of(
                held_x, held_y, held_weight, name, batch_size if size is None else size
            )
        # Keras warns that it will not shuffle a stream.
        shuffle = shuffle if batches is x and not isinstance(x, tf.data.Dataset) else False
        kwargs = {**kwargs, "validation_data": validation_data, "shuffle": shuffle}
        with finished_by_player(self.optimizers, self.player_variables()):
            return super().fit(batches, **kwargs)

    def evaluate(self, x=None, y=None, *, sample_weight=None, batch_size=None, **kwargs):
        """Scores held-out data; `keras.Model.evaluate` behind a check of the data.

        Args:
            x: Observations [N, *event], a `tf.data.Dataset` or other data that Keras takes.
                With a preprocessor they are raw, and binarized once if the model's held-out
                data were.
            y: The condition of each observation, for a model that has one.
            sample_weight: Factors of the losses of an array's observations, [N].
            batch_size: Observations in a batch of arrays; None is 32.
            **kwargs: Other arguments of `keras.Model.evaluate`.

        Returns:
            The logged means, in the model's units: a list, or a dictionary if
            `return_dict` is True.

        Raises:
            ValueError: As `fit`.
        """
        self._assert_compile_called("evaluate")
        # `fit` calls this after each epoch, with data that it has checked and batched.
        if not kwargs.get("_use_cached_eval_dataset"):
            x = self._batches_of(x, y, sample_weight, "x", batch_size)
        # Keras takes the means over all replicas only if the names are those of
        # `test_step`.
        self._evaluating = True
        try:
            return super().evaluate(x, **kwargs)
        finally:
            self._evaluating = False

    def predict(self, x, batch_size=None, *, y=None, **kwargs):
        """Reconstructs; `keras.Model.predict` behind a check of the data.

        Args:
            x: Observations [N, *event], or other data that Keras takes; the values of
                arrays are checked. With a preprocessor they are raw.
            batch_size: Observations at a time; None takes 32.
            y: The condition of each observation, for a model that has one.
            **kwargs: Other arguments of `keras.Model.predict`.

        Returns:
            Array [N, *event], raw where there is a preprocessor.

        Raises:
            ValueError: If x is an array that is empty, of another shape, NaN, infinite or
                outside the likelihood's support.
        """
        refuse_form(x)
        if is_array(x):
            batch_size = read_batch_size(batch_size)
            check_shares(batch_size, self.distribute_strategy)
            x = self.to_units(x)
            arrays = pack(x, self.check_condition(y, len(x)), in_units=True)
            x = stream(arrays, batch_size)
        else:
            check_stream(self, x, y)
        return self.as_table(self.from_units(super().predict(x, **kwargs)))

    def train_on_batch(
        self, x, y=None, sample_weight=None, class_weight=None, return_dict: bool = False
    ):
        """Takes one step on an array; `keras.Model.train_on_batch` behind a check of it.

        Args:
            x: Observations [N, *event].
            y: The condition of each observation, for a model that has one.
            sample_weight: Factors of the observations' losses, [N].
            class_weight: Refused: there are no labels.
            return_dict: Whether to return the logs by name.

        Returns:
            The logs as from `train_step`.

        Raises:
            ValueError: As `fit`.
        """
        refuse_class_weight(class_weight)
        refuse_form(x)
        batch = self._packed(x, y, sample_weight, held_out=False)
        check_batches(len(x), len(x), self.objective)
        return super().train_on_batch(batch, return_dict=return_dict)

    def test_on_batch(self, x, y=None, sample_weight=None, return_dict: bool = False):
        """Scores one array; `keras.Model.test_on_batch` behind a check of it.

        Args:
            x: Observations [N, *event].
            y: The condition of each observation, for a model that has one.
            sample_weight: Factors of the observations' losses, [N].
            return_dict: Whether to return the logs by name.

        Returns:
            The logs as from `test_step`.

        Raises:
            ValueError: As `fit`.
        """
        refuse_form(x)
        batch = self._packed(x, y, sample_weight, held_out=True)
        check_batches(len(x), len(x), self.objective)
        return super().test_on_batch(batch, return_dict=return_dict)

    def predict_on_batch(self, x, y=None):
        """Reconstructs one array; see `predict`.

        Args:
            x: Observations [N, *event].
            y: The condition of each observation, for a model that has one.

        Returns:
            Array [N, *event], raw where there is a preprocessor.

        Raises:
            ValueError: As `predict`.
        """
        refuse_form(x)
        x = self.to_units(x)
        batch = pack(x, self.check_condition(y, len(x)), in_units=True)
        return self.from_units(super().predict_on_batch(batch))

    def _batches_of(self, x, y, weight, name, batch_size, shuffle=None, seed=None):
        """The batches of arrays; other kinds of x are checked and returned unchanged.

        If `shuffle` is None, they are held-out data, otherwise training data.
        """
        refuse_form(x, name)
        if not is_array(x):
            check_stream(self, x, y, weight, name)
            return x
        batch_size = read_batch_size(batch_size)
        check_shares(batch_size, self.distribute_strategy)
        arrays = self._packed(x, y, weight, held_out=shuffle is None, name=name)
        check_batches(len(x), batch_size, self.objective, name)
        return stream(arrays, batch_size, bool(shuffle), seed)

    def _split(self, x, y, weight, share):
        """Sets the last rows of arrays aside, as Keras does."""
        if not is_array(x) or not 0 < share < 1:
            raise ValueError(
                "validation_split holds out a share between 0 and 1 of an array x, but is "
                f"{share!r} of a {type(x).__name__}. Use validation_data."
            )
        x = self.as_raw(x)
        first, size = int(len(x) * (1 - share)), len(x)
        arrays = (x, self.check_condition(y, size), check_weights(weight, size))
        kept = tuple(None if one is None else one[:first] for one in arrays)
        return kept, tuple(None if one is None else one[first:] for one in arrays)

    def _packed(self, x, y, weight, held_out, name="x"):
        """Arrays that were checked, in the form that the steps read."""
        x, in_units = self.to_stream(self.as_raw(x, name), held_out, name)
        size = len(x)
        return pack(x, self.check_condition(y, size), check_weights(weight, size), in_units)

    def get_compile_config(self):
        """Returns the arguments of `compile`."""
        if not self.compiled:
            return {}
        config = super().get_compile_config()
        config = {key: value for key, value in config.items() if value is not None}
        if self._skip_threshold is not None:
            config["skip_threshold"] = self._skip_threshold
        serialize = keras.saving.serialize_keras_object
        if self.objective.players:
            config["optimizer"] = {k: serialize(one) for k, one in self.optimizers.items()}
        return {**config, "objective": serialize(self.objective)}

    def compile_from_config(self, config):
        """Compiles with the result of `get_compile_config`."""
        self.compile(**keras.saving.deserialize_keras_object(config))


def _weighted(loss, weight):
    return loss if weight is None else loss * tf.cast(weight, loss.dtype)
