"""The semi-supervised VAE: it sums over unknown classes."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, NamedTuple

import keras
import numpy as np
import tensorflow as tf
from tensorflow_probability import distributions as tfd

from keras_vae.core.batches import in_batches
from keras_vae.core.checks import check_shape
from keras_vae.core.latent import Latent
from keras_vae.core.numbers import not_negative, positive_int, sizes
from keras_vae.core.seeds import fold
from keras_vae.core.support import ONE_HOT, Joined
from keras_vae.core.trace import Trace
from keras_vae.layers import DistributionLayer
from keras_vae.models.latent_variable_model import LatentVariableModel
from keras_vae.models.prebuilt import latent_scale, make_layers, policy, reading
from keras_vae.models.row_draws import draws
from keras_vae.models.semi_supervised.class_and_code import ClassAndCode, select
from keras_vae.models.semi_supervised.labels import (
    LabelPrediction,
    check_labels,
    read_labels,
)
from keras_vae.models.semi_supervised.networks import class_encoder, serves_all_classes
from keras_vae.models.vae import VAE
from keras_vae.networks import dense_decoder, dense_encoder


class _EveryClass(NamedTuple):
    """One pass with each of K classes; densities in nats."""

    z: tf.Tensor  # Codes, [S, K, B, D].
    log_px: tf.Tensor  # [S, K, B].
    log_p: tf.Tensor  # log p(z), [S, K, B].
    log_q: tf.Tensor  # log q(z|x, y), [S, K, B].
    rate: tf.Tensor  # KL(q(z|x, y), p(z)), [1 or S, K, B].
    costs: list  # Loss terms of the layers, [K, B] each.


@keras.saving.register_keras_serializable("keras_vae")
class SemiSupervisedVAE(VAE):
    """A VAE of observations with a class, which is known for some and unknown for others.

    The model is p(y) p(z) p(x|z, y), with a uniform p(y), and the posterior q(y|x) q(z|x,
    y). If the class is unknown, the bound is the exact sum over all classes, sum_y q(y|x)
    L(x, y) + H(q(y|x)). If it is known, the bound is L(x, y), that of log p(x, y), and the
    loss also has alpha times -log q(y|x). So q(y|x) is a classifier that learns from
    observations with and without labels (`predict_label`).

    In all methods, y is a class number, and -1, NaN or None if the class is unknown. The
    latent variable is the code and the class, packed: the D numbers of z, then y one-hot
    (`split`). `sample` draws classes if none are given, and `log_likelihood` sums over
    them.

    Args:
        event_shape: Shape of one observation, such as (28, 28, 1) or 50.
        latent_dim: Size D of the code z.
        num_classes: Number K of classes.
        likelihood: Distribution layer, or its name.
        hidden_units: Width of each hidden layer of the classifier q(y|x) and the encoder;
            the decoder has the same in reverse.
        activation: Name of the hidden layers' activation.
        posterior: Distribution layer over D numbers with gradients through its draws, or
            its name.
        alpha: Weight of the classifier's loss, -log q(y|x), beside the bound of a labelled
            example. Kingma et al. have 0.1 N / (number of labelled examples): 50 for 100
            labels of 50,000 images.
        gaps: See `DenseVAE`.
        encoder: An existing model of [x, y] for q(z|x, y); None makes a new one.
        decoder: An existing model of [z, y]; None makes a new one.
        classifier: An existing model from x to K logits; None makes a new one.
        dtype: Dtype or policy of the networks; None takes Keras's global one.
        **kwargs: `prior`, `seed` and `preprocessor` of `VAE`, and arguments of
            `keras.Model`. The prior of z is the same for all classes.

    Raises:
        ValueError: If the parts do not fit together.

    Example:
        >>> y = keras_vae.data.keep_labels(y_train, 8)  # -1 where it is unknown
        >>> model = SemiSupervisedVAE((28, 28, 1), latent_dim=16, num_classes=4)
        >>> model.compile("adam")
        >>> model.fit(x_train, y, epochs=2, validation_data=(x_test, y_test))
        >>> model.predict_label(x_test).label.shape
        (20,)

    Source:
        Kingma, Rezende, Mohamed and Welling 2014, "Semi-supervised learning with deep
        generative models", equations 6 to 9 (M2).
    """

    terms = ("accuracy", "classification_loss")

    def __init__(
        self,
        event_shape: Sequence[int] | int,
        latent_dim: int = 32,
        num_classes: int = 10,
        likelihood: str | dict | DistributionLayer = "bernoulli",
        hidden_units: Sequence[int] = (500,),
        activation: str = "relu",
        posterior: str | dict | DistributionLayer = "normal",
        alpha: float = 50.0,
        gaps: str | None = None,
        encoder: keras.Model | None = None,
        decoder: keras.Model | None = None,
        classifier: keras.Model | None = None,
        dtype=None,
        **kwargs,
    ):
        """Creates and builds the model."""
        if kwargs.pop("condition", None) is not None:
            raise ValueError(
                "condition is not for SemiSupervisedVAE: y is its class. Leave it out, and "
                "give num_classes."
            )
        classes = positive_int(num_classes, "num_classes")
        hidden_units = sizes(hidden_units, "hidden_units")
        if not hidden_units:
            raise ValueError("hidden_units must name at least one hidden layer, but is ().")
        with policy(dtype):
            posterior, likelihood = make_layers(
                event_shape,
                positive_int(latent_dim, "latent_dim"),
                posterior,
                likelihood,
            )
            if not posterior.has_density:
                raise ValueError(
                    f"The posterior {type(posterior).__name__} is a point, which has no "
                    "bound to sum over classes. Take another, such as 'normal'."
                )
            event_shape = likelihood.event_shape
            given = (hidden_units, activation)
            encoder = encoder or class_encoder(
                event_shape,
                posterior.params_size,
                *given,
                classes,
                **reading(likelihood, gaps),
            )
            # Before the parent builds the model, after which Keras takes no more layers.
            self.classifier = classifier or dense_encoder(
                event_shape, classes, *given, **reading(likelihood, gaps)
            )
            decoder = decoder or dense_decoder(
                latent_dim,
                likelihood.params_size,
                hidden_units[::-1],
                activation,
                (classes,),
                latent_scale=latent_scale(posterior),
            )
        self.alpha = not_negative(alpha, "alpha")
        self.hidden_units, self.activation, self.gaps = hidden_units, activation, gaps
        super().__init__(
            encoder,
            decoder,
            posterior,
            likelihood,
            condition=classes,
            dtype=dtype,
            **kwargs,
        )
        # The networks have a condition, which callers of the model may leave out.
        self.condition_shape = None
        if self.prior.distribution(tf.eye(classes)).batch_shape.rank:
            raise ValueError(
                f"The prior {type(self.prior).__name__} depends on y, but z has the same "
                "prior for all classes here. Take another, such as 'standard_normal'."
            )
        self._eye = np.eye(classes, dtype=self.probability_dtype)
        self._log_class = -math.log(classes)

    @property
    def latent(self) -> Latent:
        """The latent variable: a code and a class, concatenated."""
        z, size = super().latent, len(self._eye)
        return z._replace(
            shape=(z.shape[0] + size,),
            support=Joined(blocks=((z.shape[0], z.support), (size, ONE_HOT))),
            is_factorized=False,
        )

    @property
    def provides(self) -> frozenset[str]:
        """Nothing, since a pass sums over classes."""
        return frozenset()

    def player_parts(self):
        """No parts, since one loss trains encoder, decoder and classifier."""
        return {}

    def _checked_objective(self, objective):
        if not objective.pathwise:
            raise ValueError(
                f"The objective {type(objective).__name__} takes no gradient through draws, "
                "but SemiSupervisedVAE sums over classes whose codes are drawn. Take elbo "
                "or iwae."
            )
        return super()._checked_objective(objective)

    def split(self, z) -> list:
        """Splits packed latent variables.

        Args:
            z: Array or tensor [..., D + K], such as the result of `embed`.

        Returns:
            The codes [..., D] and the classes, one-hot, [..., K].

        Example:
            >>> code, label = semi_supervised.split(semi_supervised.embed(x))
        """
        support = self.latent.support
        assert isinstance(support, Joined), "as `latent` says"
        return support.split(z)

    def check_condition(self, y, n: int):
        """Checks the labels of n observations.

        Args:
            y: One class for all, or one for each; -1 or NaN for unknown ones; None for no
                labels. Names of classes, if the preprocessor has them.
            n: Number of observations.

        Returns:
            int32 [n], -1 for unknown ones; or None.

        Raises:
            ValueError: If y has another shape or classes that do not exist.
        """
        if y is not None and self.preprocessor is not None and self.preprocessor.conditions:
            y = self.preprocessor.conditions.numbers(y)[:, 0]
            y = y[0] if len(y) == 1 != n else y
        return check_labels(y, n, len(self._eye))

    def _read(self, y, n):
        return read_labels(y, n, len(self._eye), self.probability_dtype)

    def _as_observations(self, x):
        x = tf.cast(tf.convert_to_tensor(x), self.probability_dtype)
        check_shape(x.shape, self.event_shape)
        return x

    def class_log_probs(self, x, training: bool = False) -> tf.Tensor:
        """Returns log q(y|x), whatever the labels are.

        Args:
            x: Observations [B, *event], in the model's units.
            training: Whether the classifier's dropout and the like are active.

        Returns:
            Nats, [B, K].
        """
        logits = self.classifier(self._as_observations(x), training=training)
        return tf.nn.log_softmax(tf.cast(logits, self.probability_dtype))

    def label_probabilities(self, x) -> tf.Tensor:
        """Returns q(y|x).

        Args:
            x: Observations [B, *event], in the model's units.

        Returns:
            Probabilities, [B, K].
        """
        return tf.exp(self.class_log_probs(x))

    def _class_probs(self, x, y):
        """The probability of each class, [B, K]: 1 if it is known."""
        known, one_hot = self._read(y, tf.shape(x)[0])
        return tf.where(known[:, tf.newaxis], one_hot, self.label_probabilities(x))

    def _params_of_classes(self, x, training=False):
        """The encoder's parameters for x with each class, [K, B, params_size]."""
        size, count = tf.shape(x)[0], len(self._eye)
        y = tf.repeat(self._eye, size, axis=0)
        if not serves_all_classes(self.encoder):
            x = tf.tile(x, [count] + [1] * (x.shape.rank - 1))
        params = self._apply(self.encoder, x, y, training)
        params = tf.cast(self.posterior.flat_params(params), self.posterior.compute_dtype)
        return tf.reshape(params, (count, size, self.posterior.params_size))

    def _every_class(self, x, num_samples, seed, training=False) -> _EveryClass:
        """Encodes, draws, decodes and scores with each class."""
        params = self._params_of_classes(x, training)
        q = self.posterior.distribution(params, training)
        p = self.prior.distribution(training=training)
        # All classes get the same noise, so that they differ only in the class.
        of_class = [
            (self.posterior.distribution(one, training), one) for one in tf.unstack(params)
        ]
        seed = fold(seed)
        z = [draws(self.posterior, *one, num_samples, seed) for one in of_class]
        z = tf.stack(z, axis=1)
        y = tf.repeat(self._eye, tf.shape(x)[0], axis=0)
        y = tf.tile(y, [tf.shape(z)[0], 1])
        px = self._likelihood_at(z, y, training)
        log_p, log_q = p.log_prob(z), q.log_prob(z)
        kl = self.prior.kl_divergence(q, p)
        costs = [self.posterior.cost(q), self.likelihood.cost(px)]
        return _EveryClass(
            z=z,
            log_px=self._log_px(px, x, fold(seed, 5)),
            log_p=log_p,
            log_q=log_q,
            rate=log_q - log_p if kl is None else kl[tf.newaxis],
            costs=[one for one in costs if one is not None],
        )

    def bound(self, x, num_samples=1, seed=0, training: bool = False, y=None) -> Trace:
        """Makes the pass that sums over unknown classes.

        Args:
            x: Observations [B, *event], in the model's units.
            num_samples: Codes S for each example and class.
            seed: An integer, an int32 tensor [2], or [B, 2], a seed for each example.
            training: Whether dropout and the like are active.
            y: Labels [B], -1 or NaN where unknown; None for none.

        Returns:
            The record of the pass: its densities and rates are expectations over q(y|x), or
            those of the known class; the rates are those of the class and of the code. `z`
            and `px` are those of the most probable class.
        """
        x = self._as_observations(x)
        known, one_hot = self._read(y, tf.shape(x)[0])
        log_class = self.class_log_probs(x, training)
        error = -tf.reduce_sum(one_hot * log_class, axis=-1)
        right = tf.argmax(log_class, -1) == tf.argmax(one_hot, -1)
        column = known[:, tf.newaxis]
        weight = tf.where(column, one_hot, tf.exp(log_class))
        log_class = tf.where(column, 0.0, log_class)
        every = self._every_class(x, num_samples, seed, training)

        def mean(of_classes):
            return tf.reduce_sum(tf.transpose(weight) * of_classes, axis=-2)

        log_q_y = tf.reduce_sum(weight * log_class, axis=-1)
        rate = mean(every.rate)
        rate_y = tf.broadcast_to(log_q_y - self._log_class, tf.shape(rate))
        cost = tf.where(known, self.alpha * error, 0.0)
        best = tf.one_hot(tf.argmax(weight, -1), len(self._eye), dtype=weight.dtype)
        z = select(best, every.z)
        shape = tf.concat([tf.shape(z)[:2], tf.shape(best)[1:]], axis=0)
        z = tf.concat([z, tf.broadcast_to(best, shape)], axis=-1)
        return Trace(
            x=x,
            z=z,
            q=self._posterior_of(x, weight, training),
            p=self._prior(training),
            px=self.decode(z, training=training),
            log_q=log_q_y + mean(every.log_q),
            log_p=self._log_class + mean(every.log_p),
            log_px=mean(every.log_px),
            rates=tf.stack([rate_y, rate]),
            y=y,
            cost=tf.add_n([cost, *map(mean, every.costs)]),
            seed=fold(seed, 3),
            terms={
                "accuracy": (tf.cast(right, x.dtype), known),
                "classification_loss": (error, known),
            },
        )

    def pass_for_training(self, x, y, seed, training):
        """The bound's pass, with the objective's number of draws."""
        return self.bound(x, self.objective.num_samples, seed, training, y)

    def log_weights(self, x, num_samples, seed, y=None) -> tf.Tensor:
        """Estimates log p(x), or log p(x, y) if y is known, with a sum over classes.

        Args:
            x: Observations [B, *event], in the model's units.
            num_samples: Codes S for each example and class.
            seed: An integer or an int32 tensor [2].
            y: Labels [B], -1 or NaN where unknown; None for none.

        Returns:
            Nats, [S, B]: the mean of their exponentials is unbiased.
        """
        x = self._as_observations(x)
        known, one_hot = self._read(y, tf.shape(x)[0])
        every = self._every_class(x, num_samples, seed)
        log_weight = every.log_px + every.log_p - every.log_q + self._log_class
        may_be = tf.transpose(tf.logical_or(~known[:, tf.newaxis], one_hot > 0.5))
        minus_infinity = tf.constant(-np.inf, log_weight.dtype)
        return tf.reduce_logsumexp(tf.where(may_be, log_weight, minus_infinity), axis=1)

    def _posterior_of(self, x, weight, training=False) -> ClassAndCode:
        code = self.posterior.distribution(self._params_of_classes(x, training), training)
        return ClassAndCode(tf.math.log(weight), code, self.posterior.event_shape[0])

    def _prior(self, training=False) -> ClassAndCode:
        log_class = tf.fill([len(self._eye)], self._log_class)
        code = self.prior.distribution(training=training)
        return ClassAndCode(
            tf.cast(log_class, self.probability_dtype), code, self.posterior.event_shape[0]
        )

    def encode(self, x, y=None, training: bool = False) -> tfd.Distribution:
        """Returns the posterior of class and code, q(y|x) q(z|x, y).

        Args:
            x: Observations [B, *event], in the model's units.
            y: Labels [B], -1 or NaN where unknown; None for none. A known class has the
                probability 1.
            training: Whether dropout and the like are active.

        Returns:
            Distribution with batch shape [B] and event shape [D + K].
        """
        x = self._as_observations(x)
        return self._posterior_of(x, self._class_probs(x, y), training)

    def decode(self, z, y=None, training: bool = False) -> tfd.Distribution:
        """Returns the likelihood p(x|z, y).

        Args:
            z: Codes and classes [..., D + K].
            y: Labels [B] of the last axis of the batch; a known label replaces the class in
                z.
            training: Whether the decoder's dropout and the like are active.

        Returns:
            Distribution with batch shape [...] and the event shape of x.
        """
        z = tf.cast(tf.convert_to_tensor(z), self.posterior.compute_dtype)
        if z.shape.rank < 1 or z.shape[-1:] != self.latent.shape:
            raise ValueError(
                f"z has shape {tuple(z.shape)}, but this model's latent variables have shape "
                f"{self.latent.shape}, the last axes of z: a code, then a class one-hot."
            )
        code, classes = self.split(z)
        if y is not None:
            known, one_hot = self._read(y, None)
            if not one_hot.shape[:1].is_compatible_with(z.shape[-2:-1]):
                raise ValueError(
                    f"y holds {one_hot.shape[0]} labels, but z has shape {tuple(z.shape)}: "
                    "one for each example is needed, the last axis of z's batch."
                )
            classes = tf.where(known[:, tf.newaxis], one_hot, classes)
        return self._likelihood_at(
            code, tf.reshape(classes, (-1, len(self._eye))), training
        )

    def draw(self, n, seed, y=None, temperature: float = 1.0) -> tf.Tensor:
        """Draws classes and codes from the prior.

        Args:
            n: Number of draws.
            seed: An integer or an int32 tensor [2].
            y: Labels [n]; unknown ones are drawn.
            temperature: Factor of the standard deviations of the code's prior.

        Returns:
            Tensor [n, D + K].
        """
        z = self.prior.sample(n, seed, None, temperature)
        drawn = tf.random.stateless_uniform(
            [n], fold(seed, 1), maxval=len(self._eye), dtype=tf.int32
        )
        drawn = tf.one_hot(drawn, len(self._eye), dtype=z.dtype)
        known, one_hot = self._read(y, n)
        return tf.concat([z, tf.where(known[:, tf.newaxis], one_hot, drawn)], axis=-1)

    def draw_by_row(self, seeds, y=None, temperature: float = 1.0) -> tf.Tensor:
        """Draws one row after the other, since the prior's own method lacks classes."""
        return LatentVariableModel.draw_by_row(self, seeds, y, temperature)

    def _best(self, x, y):
        """The most probable class of x, one-hot, and the probabilities of all."""
        weight = self._class_probs(x, y)
        best = tf.argmax(weight, axis=-1)
        return tf.one_hot(best, len(self._eye), dtype=weight.dtype), weight

    def codes(self, x, y=None) -> tf.Tensor:
        """Returns the most probable class of x, or the known one, and its code's centre.

        Args:
            x: Observations [B, *event], in the model's units.
            y: Labels [B]; None for none.

        Returns:
            Tensor [B, D + K].
        """
        x = self._as_observations(x)
        best, _ = self._best(x, y)
        q = self.posterior.distribution(select(best, self._params_of_classes(x)))
        return tf.concat([self.posterior.center(q), best], axis=-1)

    def posterior_summary(self, x, y=None) -> dict[str, tf.Tensor]:
        """Returns the served values of the most probable class and of its code.

        Args:
            x: Observations [B, *event], in the model's units.
            y: Labels [B]; None for none.

        Returns:
            The values of `Family.summary` for q(z|x, y), and `label_probabilities` [B, K].
        """
        x = self._as_observations(x)
        best, weight = self._best(x, y)
        q = self.posterior.distribution(select(best, self._params_of_classes(x)))
        return {**self.posterior.summary(q), "label_probabilities": weight}

    def call(self, x, y=None, training=False):
        """Reconstructs x: the mean of p(x|z, y) at the centre of its most probable class.

        Args:
            x: Observations [B, *event], in the model's units.
            y: Labels [B]; None for none.
            training: Whether the decoder's dropout and the like are active.

        Returns:
            Tensor [B, *event].
        """
        return self.likelihood.expectation(self.decode(self.codes(x, y), None, training))

    def trace(
        self,
        x,
        num_samples=1,
        seed=0,
        training: bool = False,
        z=None,
        y=None,
    ) -> Trace:
        """Makes one pass with classes and codes that are drawn; see `bound` for the sum.

        Args:
            x: Observations [B, *event], in the model's units.
            num_samples: Latent draws S for each example.
            seed: An integer or an int32 tensor [2].
            training: Whether dropout and the like are active.
            z: Codes and classes [S, B, D + K] to be scored instead of draws.
            y: Labels [B], -1 or NaN where unknown; None for none.

        Returns:
            The record of the pass.
        """
        x = self._as_observations(x)
        q, p = self.encode(x, y, training), self._prior(training)
        seed = fold(seed)
        if z is None:
            z = q.sample(num_samples, seed=seed)
        else:
            z = self._checked_draws(z, x.shape[:1])
        px = self.decode(z, training=training)
        log_q, log_p = q.log_prob(z), p.log_prob(z)
        return Trace(
            x=x,
            z=z,
            q=q,
            p=p,
            px=px,
            log_q=log_q,
            log_p=log_p,
            log_px=self._log_px(px, x, fold(seed, 5)),
            rates=(log_q - log_p)[tf.newaxis],
            y=y,
            seed=fold(seed, 3),
        )

    def log_prior(self, z, y=None, training: bool = False) -> tf.Tensor:
        """Returns log p(z, y), or log p(z|y) where the class is known: the density of `draw`.

        Args:
            z: Codes and classes [..., B, D + K].
            y: Labels [B], -1 or NaN where unknown; None for none.
            training: Whether the model is being trained; networks of priors may use it.

        Returns:
            Nats, [..., B].
        """
        z = tf.cast(tf.convert_to_tensor(z), self.posterior.compute_dtype)
        known, one_hot = self._read(y, tf.shape(z)[-2])
        log_class = tf.where(known[:, tf.newaxis], tf.math.log(one_hot), self._log_class)
        code = self.prior.distribution(training=training)
        return ClassAndCode(log_class, code, self.posterior.event_shape[0]).log_prob(z)

    posterior_params = LatentVariableModel.posterior_params
    posterior_at = LatentVariableModel.posterior_at

    def with_prior(self, prior):
        """Refused: a code has a posterior for each class, not one."""
        raise ValueError(
            f"{type(self).__name__} has a posterior for each class, so {prior!r} cannot be "
            "fitted to its codes. Give `prior` when you make the model, and train both "
            "together."
        )

    def divergence_from_prior(self, q: tfd.Distribution, y=None) -> tf.Tensor | None:
        """Returns None: there is no closed form for every q."""
        return None

    def events_at_a_time(self) -> int:
        """Number of events decoded together, each with every class."""
        return max(1, super().events_at_a_time() // len(self._eye))

    def predict_label(self, x, batch_size: int = 256) -> LabelPrediction:
        """Predicts the class of observations, by q(y|x).

        Args:
            x: Observations [N, *event]; see `embed`.
            batch_size: Observations at a time.

        Returns:
            `label`, the most probable class of each, int32 [N], and `probabilities`, [N, K].

        Raises:
            ValueError: As `embed`.

        Example:
            >>> predicted = semi_supervised.predict_label(x_test)
            >>> predicted.label.shape, predicted.probabilities.shape
            ((20,), (20, 4))
        """
        x = self.to_units(x)
        of_rows = self._for_many(len(x), "labels", self.label_probabilities)
        probabilities = in_batches(lambda x, _: of_rows(x), x, batch_size)
        return LabelPrediction(probabilities.argmax(-1).astype(np.int32), probabilities)

    def get_config(self) -> dict[str, Any]:
        """Returns the constructor's arguments, with the networks as they are now."""
        config = super().get_config()
        del config["condition"]
        return {
            **config,
            "event_shape": list(self.event_shape),
            "latent_dim": self.posterior.event_shape[0],
            "num_classes": len(self._eye),
            "hidden_units": list(self.hidden_units),
            "activation": self.activation,
            "alpha": self.alpha,
            "gaps": self.gaps,
            "classifier": keras.saving.serialize_keras_object(self.classifier),
        }
