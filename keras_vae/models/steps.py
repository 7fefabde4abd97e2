"""How a variational autoencoder is trained and tested, batch by batch."""

from __future__ import annotations

import keras
import numpy as np
import tensorflow as tf

from keras_vae import objectives
from keras_vae.core.checks import (
    check_array,
    check_data,
    refuse_list,
    refuse_targets,
)
from keras_vae.core.replicas import num_replicas, sum_over_replicas
from keras_vae.core.seeds import fold, fold_replica
from keras_vae.data.pipeline import array_batches

# What tells the noise of training from that of testing, folded into the model's seed.
_TRAIN, _TEST = 0, 1
# Arguments of `fit` with which Keras makes other batches of the training data.
_KERAS_SPLITS = ("validation_split", "steps_per_epoch")


class Steps:
    """The part of `VAE` that Keras's `fit`, `evaluate` and `predict` call.

    It needs `trace` of the model, and nothing else about its parts.
    """

    def make_metrics(self):
        """Creates the logged means; called once, by the constructor."""
        self._trackers = {
            name: keras.metrics.Mean(name)
            for name in ("loss", "reconstruction_loss", "kl_loss", "elbo")
        }
        self._batches = keras.metrics.Sum("batches")

    def compile(self, optimizer="adam", objective="elbo", **kwargs):
        """Says how to train.

        Args:
            optimizer: Keras optimizer, or the name of one.
            objective: "elbo", "iwae", or an object of `keras_vae.objectives`.
            **kwargs: `run_eagerly`, `steps_per_execution`, `jit_compile`,
                `auto_scale_loss` of `keras.Model.compile`.

        Raises:
            ValueError: If a loss or metrics are given: the objective is the loss.
        """
        for name in ("loss", "loss_weights", "metrics", "weighted_metrics"):
            if kwargs.pop(name, None) is not None:
                raise ValueError(
                    f"compile({name}=...) has no meaning for a VAE: its objective is the "
                    "loss. Use compile(optimizer, objective), and callbacks for metrics."
                )
        self.objective = self.find_objective(objective)
        super().compile(optimizer=optimizer, **kwargs)
        # Now, so that weights loaded before the first step bring the optimizer's state.
        # (As Keras asks for anyway: compile again after changing what is trainable.)
        self.build_optimizers()

    def find_objective(self, objective):
        """The objective for what was passed to `compile`."""
        return objectives.get(objective)

    def build_optimizers(self):
        """Makes the optimizer's state."""
        self.optimizer.build(self.trainable_variables)

    @property
    def metrics(self):
        """The logged means, and the count of batches that tells their noise apart."""
        return [*self._trackers.values(), self._batches]

    def get_metrics_result(self):
        """The logs so far, over all replicas where it is asked from outside of them."""
        logs = {name: tracker.result() for name, tracker in self._trackers.items()}
        return {**logs, **self.objective.logs(self._step)}

    def train_step(self, data):
        """Takes one gradient step on a batch.

        Args:
            data: x, or a tuple (x,) or (x, None, sample_weight).

        Returns:
            Logs: loss, reconstruction_loss, kl_loss, elbo, and the objective's own.
        """
        x, weight = unpack(data)
        variables = self.trainable_variables
        with tf.GradientTape() as tape:
            trace, losses = self._score(x, training=True)
            penalty = self.penalty(self.losses)
            loss = self._mean_over_replicas(losses, weight, penalty)
            scaled = self.optimizer.scale_loss(loss)
        self.optimizer.apply(tape.gradient(scaled, variables), variables)
        self._record_bound(trace, losses, weight, penalty)
        return self.get_metrics_result()

    def test_step(self, data):
        """Evaluates one batch, with the noise of its place in the evaluation.

        Args:
            data: x, or a tuple (x,) or (x, None, sample_weight).

        Returns:
            Logs as from `train_step`.
        """
        x, weight = unpack(data)
        trace, losses = self._score(x, training=False)
        self._record_bound(trace, losses, weight, self.penalty(self.losses))
        return self.get_metrics_result()

    def predict_step(self, data):
        """Reconstructs one batch; see `call`."""
        x, _, _ = keras.utils.unpack_x_y_sample_weight(data)
        return self(x, training=False)

    @property
    def _step(self):
        optimizer = getattr(self, "optimizer", None)
        # A variable; under gradient accumulation a tensor.
        return 0 if optimizer is None else tf.convert_to_tensor(optimizer.iterations)

    def _next_seed(self, training):
        """The seed of a batch's noise, and one more batch counted."""
        # Noise is a function of the seed, the step and the batch within the epoch (or
        # within the evaluation): a resumed run draws what the uninterrupted one would.
        # In testing the step stays out, so that weights alone decide the result.
        stream, step = (_TRAIN, self._step) if training else (_TEST, 0)
        seed = fold_replica(fold(self.seed, stream, step, self._batches.result()))
        self._batches.update_state(1.0)
        return seed

    def _score(self, x, training):
        seed = self._next_seed(training)
        trace = self.trace(x, self.objective.num_samples, seed, training)
        return trace, self.objective(trace, self._step)

    def penalty(self, losses):
        """What regularizers of the networks add to the loss at this moment, a scalar."""
        dtype = self.likelihood.compute_dtype
        return sum((tf.cast(one, dtype) for one in losses), tf.zeros((), dtype))

    def _mean_over_replicas(self, losses, weight, penalty):
        """This replica's share of the global mean; Keras sums gradients over replicas."""
        size = tf.cast(tf.shape(losses)[0], losses.dtype)
        if weight is not None:
            losses *= tf.cast(weight, losses.dtype)
        loss = tf.reduce_sum(losses) / sum_over_replicas(size)
        return loss + penalty / num_replicas()

    def _record_bound(self, trace, losses, weight, penalty):
        if weight is not None:
            losses *= tf.cast(weight, losses.dtype)
        self._trackers["loss"].update_state(losses + penalty)
        values = {
            "reconstruction_loss": tf.reduce_mean(trace.distortion, axis=0),
            "kl_loss": tf.reduce_mean(trace.rate, axis=0),
            "elbo": trace.elbo,
        }
        for name, value in values.items():
            self._trackers[name].update_state(value, sample_weight=weight)

    def fit(self, x=None, y=None, *, sample_weight=None, validation_data=None, **kwargs):
        """Trains; `keras.Model.fit` behind a check of the data.

        Args:
            x: Observations [N, *event], a `tf.data.Dataset` or what else Keras takes.
            y: Must be None.
            sample_weight: Factors of the losses of an array's observations, [N]. As in
                Keras, the loss is sum(weight * loss) / N; the other logs are weighted
                means.
            validation_data: Held-out data of the same kinds, or a tuple (x, None,
                sample_weight).
            **kwargs: Arguments of `keras.Model.fit`.

        Returns:
            The `keras.callbacks.History`.

        Raises:
            ValueError: If data are empty, of another shape, NaN, infinite, outside the
                support of the likelihood, or if there are targets.
        """
        refuse_targets(y)
        check_data(x, self.event_shape, self.support, "x")
        check_data(
            validation_data,
            self.event_shape,
            self.support,
            "validation_data",
        )
        validation_data = _validation_batches(validation_data, kwargs)
        x = _join(x, sample_weight)
        if not any(kwargs.get(name) for name in _KERAS_SPLITS):
            shuffle = kwargs.get("shuffle", True)
            batches = _as_batches(x, kwargs.get("batch_size"), shuffle)
            if batches is not x:
                # Keras warns that it will not shuffle a stream.
                x, kwargs["shuffle"] = batches, False
        return super().fit(x, validation_data=validation_data, **kwargs)

    def evaluate(self, x=None, y=None, *, sample_weight=None, **kwargs):
        """Scores held-out data; `keras.Model.evaluate` behind a check of the data.

        Args:
            x: Observations [N, *event], a `tf.data.Dataset` or what else Keras takes.
            y: Must be None.
            sample_weight: Factors of the losses of an array's observations, [N].
            **kwargs: Arguments of `keras.Model.evaluate`.

        Returns:
            The logged means: a list, or a dictionary if `return_dict` is True.

        Raises:
            ValueError: As `fit`.
        """
        refuse_targets(y)
        # `fit` calls this after each epoch, with data that it has checked and batched.
        if not kwargs.get("_use_cached_eval_dataset"):
            check_data(x, self.event_shape, self.support, "x")
            x = _join(x, sample_weight)
            if not kwargs.get("steps"):
                x = _as_batches(x, kwargs.get("batch_size"), shuffle=False)
        return super().evaluate(x, **kwargs)

    def predict(self, x, batch_size=None, **kwargs):
        """Reconstructs; `keras.Model.predict` behind a check of the data.

        Args:
            x: Observations [N, *event], or what else Keras takes; of arrays the values
                are checked.
            batch_size: Observations at a time; None takes 32.
            **kwargs: Other arguments of `keras.Model.predict`.

        Returns:
            Array [N, *event].

        Raises:
            ValueError: If x is a list, or an array that is empty, of another shape, NaN,
                infinite or outside the likelihood's support.
        """
        refuse_list(x)
        if hasattr(x, "__array__"):
            check_array(x, self.event_shape, self.support)
        if not kwargs.get("steps"):
            x = _as_batches(x, batch_size, shuffle=False)
        return super().predict(x, batch_size=batch_size, **kwargs)

    def get_compile_config(self):
        """Returns the arguments of `compile`."""
        if not self.compiled:
            return {}
        config = super().get_compile_config()
        config = {key: value for key, value in config.items() if value is not None}
        return {
            **config,
            "objective": keras.saving.serialize_keras_object(self.objective),
        }

    def compile_from_config(self, config):
        """Compiles with the result of `get_compile_config`."""
        self.compile(**keras.saving.deserialize_keras_object(config))


def unpack(data):
    """Splits what Keras passes to a step into observations and their weights or None."""
    x, y, weight = keras.utils.unpack_x_y_sample_weight(data)
    refuse_targets(y)
    if isinstance(x, tuple):
        x, weight = x
    return x, weight


def _as_batches(x, batch_size, shuffle):
    """The stream of batches of an array, or of arrays of one length.

    Whatever else x is stays as it is: Keras takes it, or says what is wrong.
    """
    arrays = x if isinstance(x, tuple) else (x,)
    if not all(isinstance(array, np.ndarray | tf.Tensor) for array in arrays):
        return x
    if len({len(array) for array in arrays}) != 1 or not isinstance(shuffle, bool):
        return x
    return array_batches(x, batch_size or 32, shuffle)


def _validation_batches(data, options):
    """As `_as_batches`, of what may be a tuple (x, None, sample_weight)."""
    is_tuple = isinstance(data, tuple)
    if is_tuple:
        x, _, weight = keras.utils.unpack_x_y_sample_weight(data)
        data = _join(x, weight)
    if not options.get("validation_steps"):
        size = options.get("validation_batch_size") or options.get("batch_size")
        data = _as_batches(data, size, shuffle=False)
    return (data,) if is_tuple else data


def _join(x, weight):
    # Keras drops the weights of arrays without targets, silently; as a part of x they
    # are split into batches, shuffled and put aside for validation with it.
    return x if weight is None else (x, weight)
