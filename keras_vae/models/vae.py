"""The variational autoencoder: its parts and how they work together."""

from __future__ import annotations

import copy
import functools
from collections.abc import Sequence
from typing import Any, cast

import keras
import numpy as np
import tensorflow as tf
from tensorflow_probability import distributions as tfd

from keras_vae import networks, priors
from keras_vae.core.centers import elements_of
from keras_vae.core.checks import check_shape
from keras_vae.core.latent import Latent
from keras_vae.core.parts import part_text
from keras_vae.core.seeds import fold, make_seed
from keras_vae.core.support import Support
from keras_vae.core.trace import Trace
from keras_vae.data import Preprocessor
from keras_vae.layers import DistributionLayer, RelaxedLayer
from keras_vae.models.checks import warn_of_colours
from keras_vae.models.conditions import one_hot_or_float, read_condition, require_condition
from keras_vae.models.extras import (
    ALWAYS,
    are_pictures,
    extras_of,
    make_baseline,
    make_critic,
    make_leapfrog,
)
from keras_vae.models.latent_variable_model import LatentVariableModel
from keras_vae.models.row_draws import draws, sample
from keras_vae.models.wiring import (
    check_measures,
    check_output,
    check_parts,
    distribution_layer,
    is_factorized,
    knows_moments,
    number_of_inputs,
    reads_gaps,
    refuse_changing,
    refuse_distribution,
    refuse_squashed_logits,
    require_elements,
    require_gaps_and_gradients,
    symbolic_output,
)
from keras_vae.priors import Prior


@keras.saving.register_keras_serializable("keras_vae")
class VAE(LatentVariableModel):
    """A variational autoencoder from any encoder, decoder, posterior, likelihood, prior.

    Args:
        encoder: Keras model, x [B, *event] -> parameters of q(z|x) [B,
            posterior.params_size]. With a condition, a model of two inputs reads [x, y].
        decoder: Keras model, z [B, *latent] -> parameters of p(x|z) [B,
            likelihood.params_size], or [B, *event[:-1], k * channels] for the k kinds of
            parameters of a likelihood with independent elements. With a condition, a model
            of two inputs reads [z, y].
        posterior: Distribution layer for q(z|x).
        likelihood: Distribution layer for p(x|z); its event shape is that of x.
        prior: p(z): a `keras_vae.priors.Prior`, or its name, such as
            "vamp:num_components=500"; None takes the default for the posterior
            (`keras_vae.priors.default_for`).
        condition: The condition y on which z and x may depend: the number of classes (y
            holds class numbers, networks read them one-hot), a shape (y holds numbers), or
            None.
        seed: Seed of all noise in training and testing; None takes Keras's global seed.
        critic: Widths of the hidden layers of a network z -> logit, for objectives that
            judge codes (`FactorVAE`, `AAE`), such as (1000, 1000); or the network. None
            for none.
        baseline: Widths of the hidden layers of a network that predicts the score of an
            observation, for score-function objectives (`ScoreFunction`, `NVIL`), such as
            (100,); or a `networks.Baseline`. None for none.
        leapfrog: Number of leapfrog steps that move the draws, for the objective `HVAE`,
            such as 5; or a `networks.Leapfrog`. None for none.
        missingness: p(s|x), a model of which values are missing given the values, for gaps
            that are not random: "self_masking", "linear", "nonlinear", or a
            `networks.Missingness`. The likelihood is then that of the known values and of
            the positions of the gaps. None: gaps carry no information.
        preprocessor: The preparation of the training data, a `keras_vae.data.Preprocessor`.
            With it `fit`, `sample` and the like take and return raw data; with None they
            use the model's units.
        **kwargs: Arguments of `keras.Model`.

    Raises:
        ValueError: If two parts do not fit together; both are named.

    Example:
        >>> vae = VAE(
        ...     encoder=keras.Sequential([keras.layers.Flatten(), keras.layers.Dense(32)]),
        ...     decoder=keras.Sequential([keras.layers.Dense(784)]),
        ...     posterior=keras_vae.layers.IndependentNormal(16),
        ...     likelihood=keras_vae.layers.IndependentBernoulli((28, 28, 1)),
        ... )
        >>> vae.compile("adam", objective="elbo")
        >>> vae.fit(x_train, epochs=20, validation_data=x_test)

    Source:
        Kingma and Welling 2014, "Auto-encoding variational Bayes"; Rezende, Mohamed and
        Wierstra 2014, "Stochastic backpropagation".
    """

    def __init__(
        self,
        encoder: keras.Model,
        decoder: keras.Model,
        posterior: DistributionLayer,
        likelihood: DistributionLayer,
        prior: Prior | str | dict | None = None,
        condition: int | Sequence[int] | None = None,
        seed: int | None = None,
        preprocessor: Preprocessor | None = None,
        critic: Sequence[int] | keras.Model | None = None,
        baseline: Sequence[int] | networks.Baseline | None = None,
        missingness: str | dict | networks.Missingness | None = None,
        leapfrog: int | networks.Leapfrog | None = None,
        **kwargs,
    ):
        """Creates and builds the model."""
        super().__init__(**kwargs)
        # `encode` casts; half precision would round counts, and overflow at 65504.
        self.autocast = False
        self.encoder = encoder
        self.decoder = decoder
        self.posterior = distribution_layer(posterior, "posterior")
        self.likelihood = distribution_layer(likelihood, "likelihood")
        refuse_distribution(prior, "prior")
        self.prior = (
            priors.default_for(self.posterior)
            if prior is None
            else priors.get(prior, dtype=self.posterior.dtype)
        )
        self.condition_shape, self.num_classes = read_condition(condition)
        self.seed = make_seed(seed)
        self.preprocessor = preprocessor
        self.critic = make_critic(critic, self.posterior.event_shape)
        self.baseline = make_baseline(baseline, self.likelihood, self.takes_gaps)
        self.leapfrog = make_leapfrog(leapfrog, self.posterior.dtype)
        self.missingness = (
            None if missingness is None else networks.get_missingness(missingness)
        )
        self.build()

    def build(self, input_shape=None):
        """Builds all parts and checks that they fit together.

        Args:
            input_shape: Ignored; the likelihood's event shape is used.

        Raises:
            ValueError: If a network's output does not fit the layer after it, or posterior
                and prior do not have the same support.
        """
        if self.built:
            return
        check_parts(self.posterior, self.likelihood)
        condition = self.condition_shape
        params = symbolic_output(self.encoder, self.event_shape, condition, "encoder", "x")
        check_output(params, self.posterior, "encoder", "posterior")
        self.posterior.build((None, self.posterior.params_size))
        shape = self.posterior.event_shape
        if self.leapfrog is not None:
            self.leapfrog.build(shape)
        params = symbolic_output(
            self.decoder, self._decoder_shape, condition, "decoder", "z"
        )
        check_output(params, self.likelihood, "decoder", "likelihood")
        refuse_squashed_logits(self.decoder, self.likelihood, "decoder", "likelihood")
        refuse_squashed_logits(self.encoder, self.posterior, "encoder", "posterior")
        self.likelihood.build((None, self.likelihood.params_size))
        if self.takes_gaps:
            require_elements(self.likelihood)
        if self.missingness is not None:
            require_gaps_and_gradients(self.takes_gaps, self.likelihood)
            # A loaded one is built already.
            if not self.missingness.built:
                self.missingness.build((None, *self.event_shape))
        self.prior.connect(self)
        self.prior.build(shape)
        y = None if condition is None else tf.zeros((1, *condition), self.probability_dtype)
        check_measures(self.posterior, self.prior, y)
        if condition is not None:
            self._require_reader_of(y)
        self.built = True

    def _require_reader_of(self, y):
        """Refuses a condition that no part reads."""
        networks = (self.encoder, self.decoder)
        reads = any(number_of_inputs(network) == 2 for network in networks)
        with tf.init_scope():
            if reads or len(self.prior.distribution(y).batch_shape):
                return
        raise ValueError(
            "The model has a condition, but nothing reads it. Let the encoder and the "
            "decoder be Functional models of two inputs, [x, y] and [z, y], or use "
            "priors.Conditional()."
        )

    @property
    def support(self) -> Support:
        """The values that observations may have, in the model's units."""
        return self.likelihood.accepts

    @property
    def event_shape(self) -> tuple[int, ...]:  # type: ignore[override]
        """Shape of one observation."""
        return self.likelihood.event_shape

    @property
    def is_discrete(self) -> bool:
        """Whether log p(x|z) is the logarithm of a probability, not of a density."""
        return self.likelihood.is_discrete

    @property
    def probability_dtype(self) -> str:
        """The dtype of observations and probabilities."""
        return self.likelihood.compute_dtype

    @property
    def has_mean(self) -> np.ndarray:
        """Whether the mean of each element is meaningful, [*event]."""
        return np.broadcast_to(self.likelihood.has_mean, self.event_shape)

    @functools.cached_property
    def takes_gaps(self) -> bool:
        """Whether observations may have gaps, marked by NaN: whether the encoder reads them."""
        return reads_gaps(self.encoder)

    def check_before_fit(self) -> None:
        """Warns if colours are to be learned as probabilities of white."""
        super().check_before_fit()
        warn_of_colours(self)

    @property
    def likelihood_text(self) -> str:
        """The likelihood p(x|z), written as a part."""
        return part_text(self.likelihood)

    @functools.cached_property
    def latent(self) -> Latent:
        """Description of the latent variable."""
        q = self.posterior
        return Latent(
            shape=q.event_shape,
            support=q.support,
            is_discrete=q.is_discrete,
            is_reparameterized=q.is_reparameterized,
            has_density=q.has_density,
            is_factorized=is_factorized(q),
            has_moments=knows_moments(q),
            is_encoded=not (q.has_own_parameters or self.prior.asks_encoder),
            name=type(q).__name__,
        )

    @property
    def provides(self) -> frozenset[str]:
        """The names of what an objective may need of the model's passes; see `Objective.needs`."""
        made = {
            "critic": self.critic is not None,
            "baseline": self.baseline is not None,
            "leapfrog": self.leapfrog is not None,
            "expected": bool(self.has_mean.all()),
            "pictures": are_pictures(self),
        }
        return frozenset(ALWAYS | {name for name, is_there in made.items() if is_there})

    @property
    def _decoding_parts(self) -> tuple[keras.Layer, ...]:
        """The parts that compute log p(x, z) anew for each z."""
        return (self.decoder,)

    def _checked_objective(self, objective):
        objective = super()._checked_objective(objective)
        if "leapfrog" in objective.needs:
            refuse_changing(self._decoding_parts, type(objective).__name__)
        return objective

    def player_parts(self):
        """The parts that objectives may train with separate losses."""
        encoder: tuple[Any, ...] = (self.encoder, self.posterior)
        if self.leapfrog is not None:
            encoder = (*encoder, self.leapfrog)
        decoder: tuple[Any, ...] = (self.decoder, self.likelihood, self.prior)
        if self.missingness is not None:
            decoder = (*decoder, self.missingness)
        made = {"critic": self.critic, "baseline": self.baseline}
        others = {name: (one,) for name, one in made.items() if one is not None}
        # A model without other parts trains all its variables, in Keras's order.
        whole = (*encoder, *decoder) if others else (self,)
        return {"vae": whole, "encoder": encoder, "decoder": decoder, **others}

    @property
    def _decoded_size(self) -> int:
        return self.likelihood.params_size

    def encode(self, x, y=None, training: bool = False) -> tfd.Distribution:
        """Returns the posterior q(z|x), or q(z|x, y).

        Args:
            x: Observations [B, *event], in the model's units.
            y: The condition [B, ...], for a model that has one.
            training: Whether the encoder's dropout and the like are active.

        Returns:
            Distribution with batch shape [B] and event shape [*latent].

        Raises:
            ValueError: If x holds events of another shape, or y is missing or not expected.
        """
        return self.posterior.distribution(self._encoded(x, y, training), training)

    def _encoded(self, x, y, training):
        """The posterior's parameters, [B, params_size]."""
        x = tf.cast(tf.convert_to_tensor(x), self.probability_dtype)
        check_shape(x.shape, self.event_shape)
        params = self._apply(self.encoder, x, self._condition(y), training)
        return self.posterior.flat_params(params)

    def decode(self, z, y=None, training: bool = False) -> tfd.Distribution:
        """Returns the likelihood p(x|z), or p(x|z, y).

        Args:
            z: Latent variables [..., *latent].
            y: The condition [B, ...] of the last axis of the batch, for a model that has
                one.
            training: Whether the decoder's dropout and the like are active.

        Returns:
            Distribution with batch shape [...] and the event shape of x.

        Raises:
            ValueError: If z has another shape, or y is missing or not expected.
        """
        z, y = self._checked_codes(z, y)
        return self._likelihood_at(z, y, training)

    def _checked_codes(self, z, y):
        """Codes [..., *latent], and a row of the condition for each of them."""
        z = tf.cast(tf.convert_to_tensor(z), self.posterior.compute_dtype)
        shape = self.latent.shape
        rank = len(shape)
        if z.shape.rank < rank or tuple(z.shape[z.shape.rank - rank :]) != shape:
            raise ValueError(
                f"z has shape {tuple(z.shape)}, but this model's latent variables have "
                f"shape {shape}, the last axes of z."
            )
        batch = tf.shape(z)[: z.shape.rank - rank]
        y = self._condition(y)
        if y is not None:
            if not y.shape[:1].is_compatible_with(z.shape[: z.shape.rank - rank][-1:]):
                raise ValueError(
                    f"y holds {y.shape[0]} conditions, but z has shape {tuple(z.shape)}: one "
                    "for each example is needed, the last axis of z's batch."
                )
            form = tuple(y.shape[1:])
            y = tf.broadcast_to(y, tf.concat([batch, form], axis=0))
            y = tf.reshape(y, (-1, *form))
        return z, y

    def _likelihood_at(self, z, y, training):
        """p(x|z, y) of codes [..., *latent], y a row [*condition] for each of them."""
        return self._likelihood_of(self._decoder_reads(z, training), y, training)

    @property
    def _decoder_shape(self) -> tuple[int, ...]:
        """Shape of the decoder's input for one code."""
        return self.posterior.event_shape

    def _decoder_reads(self, z, training):
        """The decoder's input for codes: the codes themselves."""
        return z

    def _likelihood_of(self, reads, y, training):
        """p(x|z, y) where the decoder reads [..., *shape], y a row for each of them."""
        shape = self._decoder_shape
        batch = keras.ops.shape(reads)[: reads.shape.rank - len(shape)]
        params = self._apply(self.decoder, tf.reshape(reads, (-1, *shape)), y, training)
        params = self.likelihood.flat_params(params)
        params = tf.reshape(params, (*batch, self.likelihood.params_size))
        return self.likelihood.distribution(params, training)

    def _apply(self, network, inputs, y, training):
        if y is not None and number_of_inputs(network) == 2:
            inputs = [inputs, y]
        return network(inputs, training=training)

    def _condition(self, y):
        """The condition as networks read it: classes one-hot."""
        require_condition(y is not None, self.condition_shape, self.num_classes)
        if y is None:
            return None
        return one_hot_or_float(
            y, self.condition_shape, self.num_classes, self.probability_dtype
        )

    def draw(self, n, seed, y=None, temperature: float = 1.0) -> tf.Tensor:
        """Draws latent variables from the prior.

        Args:
            n: Number of draws.
            seed: An integer or an int32 tensor [2].
            y: The condition [n, ...], for a model that has one.
            temperature: Factor of the prior's standard deviations.

        Returns:
            Tensor [n, *latent].

        Raises:
            ValueError: If `temperature` is not positive, or the prior supports only 1.
        """
        return self.prior.sample(n, seed, self._condition(y), temperature)

    def draw_by_row(self, seeds, y=None, temperature: float = 1.0) -> tf.Tensor:
        """Draws as `LatentVariableModel` does, but all at once if the prior can."""
        drawn = self.prior.sample_by_row(seeds, self._condition(y), temperature)
        if drawn is None:
            return super().draw_by_row(seeds, y, temperature)
        return tf.cast(drawn, self.probability_dtype)

    def codes(self, x, y=None) -> tf.Tensor:
        """Returns the centre of q(z|x, y): one code for each observation.

        Args:
            x: Observations [B, *event], in the model's units.
            y: The condition [B, ...], for a model that has one.

        Returns:
            Tensor [B, *latent].
        """
        return self.posterior.center(self.encode(x, y))

    def posterior_summary(self, x, y=None) -> dict[str, tf.Tensor]:
        """Returns the served values of q(z|x, y); see `Family.summary`.

        Args:
            x: Observations [B, *event], in the model's units.
            y: The condition [B, ...], for a model that has one.

        Returns:
            Tensors by name.
        """
        return self.posterior.summary(self.encode(x, y))

    def decoded(self, z, y=None) -> tf.Tensor:
        """Returns the mean of p(x|z, y).

        Args:
            z: Latent variables [..., *latent].
            y: The condition [B, ...], for a model that has one.

        Returns:
            Tensor [..., *event], in the model's units; the mode if there is no mean (class
            numbers).
        """
        return self.likelihood.expectation(self.decode(z, y))

    def call(self, x, y=None, training=False):
        """Reconstructs x: the mean of p(x|z) at the centre of q(z|x).

        Args:
            x: Observations [B, *event], in the model's units.
            y: The condition [B, ...], for a model that has one.
            training: Whether dropout and the like are active.

        Returns:
            Tensor [B, *event].
        """
        z = self.posterior.center(self.encode(x, y, training))
        return self.likelihood.expectation(self.decode(z, y, training))

    def trace(
        self,
        x,
        num_samples=1,
        seed=0,
        training: bool = False,
        z=None,
        y=None,
    ) -> Trace:
        """Makes one pass: encode, draw, decode, score.

        Args:
            x: Observations [B, *event], in the model's units.
            num_samples: Latent draws S for each example.
            seed: An integer, an int32 tensor [2], or [B, 2], a seed for each example, on
                which alone its draws depend.
            training: Whether dropout and the like are active.
            z: Latent variables [S, B, *latent] to be scored instead of draws.
            y: The condition [B, ...], for a model that has one.

        Returns:
            The record of the pass, which objectives and estimators read.
        """
        return self._trace(x, num_samples, seed, training, z, y)

    def _trace(self, x, num_samples, seed, training, z, y, objective=None):
        """A pass; an objective decides how it is drawn and whether x is checked."""
        x = tf.cast(tf.convert_to_tensor(x), self.probability_dtype)
        # This order matters: a prior that calls the encoder would replace the penalties of
        # x by those of its own inputs.
        p = self.prior.distribution(self._condition(y), training)
        seed = fold(seed)
        seen = (
            x if objective is None else objective.encoder_input(x, fold(seed, 4), training)
        )
        params = self._encoded(seen, y, training)
        q = self.posterior.distribution(params, training)
        if z is not None:
            z = self._checked_draws(z, x.shape[:1])
        elif objective is None:
            z = draws(self.posterior, q, params, num_samples, seed)
        else:
            z = objective.draw(q, seed)
            z = z if objective.pathwise else tf.stop_gradient(z)
        px, log_q, log_p, rates = self._scored(q, p, z, y, training)
        log_px = functools.partial(self._log_px, x=x, seed=fold(seed, 5))
        costs = [self.posterior.cost(q), self.likelihood.cost(px)]
        costs = [cost for cost in costs if cost is not None]
        return Trace(
            x=x,
            z=z,
            q=q,
            p=p,
            px=px,
            log_q=log_q,
            log_p=log_p,
            log_px=log_px(px),
            rates=rates,
            y=y,
            cost=tf.add_n(costs) if costs else None,
            seed=fold(seed, 3),
            extras=extras_of(
                self,
                params,
                x,
                y,
                z,
                lambda z: log_px(self.decode(z, y, training)) + p.log_prob(z),
                training,
            ),
        )

    def _scored(self, q, p, z, y, training):
        """The likelihood, log q and log p of codes [S, B, *latent], and the rates."""
        px, log_p = self.decode(z, y, training), p.log_prob(z)
        if not self.posterior.has_density:
            return px, tf.zeros_like(log_p), log_p, tf.zeros([1, 1, 1], log_p.dtype)
        log_q, kl = q.log_prob(z), self.prior.kl_divergence(q, p)
        rate = log_q - log_p if kl is None else kl[tf.newaxis]
        return px, log_q, log_p, rate[tf.newaxis]

    def _checked_draws(self, z, batch):
        """Latent variables to be scored, checked so that nothing is broadcast."""
        z = tf.cast(tf.convert_to_tensor(z), self.posterior.compute_dtype)
        expected = tf.TensorShape([None]).concatenate(batch).concatenate(self.latent.shape)
        if not z.shape.is_compatible_with(expected):
            raise ValueError(
                f"z has shape {tuple(z.shape)}, but draws to be scored are [S, B, *latent], "
                f"{tuple(expected)}: S for each of the {batch[0]} observations."
            )
        return z

    @property
    def explains_gaps(self) -> bool:
        """Whether the model has a model of missingness p(s|x)."""
        return self.missingness is not None

    def log_missingness(self, x, known) -> tf.Tensor:
        """Scores where the gaps are, by the model of missingness p(s|x).

        Args:
            x: Complete observations [S, B, *event]: known values, and draws of the others.
            known: Booleans [B, *event].

        Returns:
            Log p(s|x), nats, [S, B].
        """
        if self.missingness is None:
            return super().log_missingness(x, known)
        scores = tf.cast(self.missingness(x, known), self.probability_dtype)
        return tf.reduce_sum(scores, axis=list(range(-len(self.event_shape), 0)))

    def _log_px(self, px, x, seed):
        """Log p(x|z); for an observation with gaps, that of the known values.

        With a model of missingness p(s|x) it includes the positions of the gaps. One draw
        of the missing values gives an unbiased estimate of their probability.
        """
        if not self.takes_gaps:
            return px.log_prob(x)
        known = tf.logical_not(tf.math.is_nan(x))
        # A number inside the support, so that the gradient of elements that are left out is
        # not NaN.
        filled = tf.where(known, x, tf.cast(self.support.some_value(), x.dtype))
        scores = cast(tfd.Distribution, elements_of(px)).log_prob(filled)
        axes = range(-len(self.event_shape), 0)
        log_px = tf.reduce_sum(tf.where(known, scores, 0.0), axis=list(axes))
        if self.missingness is None:
            return log_px
        whole = tf.where(known, x, sample(px, seed))
        return log_px + self.log_missingness(whole, known)

    def pass_for_training(self, x, y, seed, training):
        """The trace, with gradients through the draws if the objective needs them."""
        return self._trace(x, None, seed, training, None, y, self.objective)

    def _graph_key(self):
        """The state of the model that a traced graph keeps."""
        layers = self.posterior.get_config(), self.likelihood.get_config()
        return super()._graph_key(), layers

    def posterior_params(self, x, y=None) -> tf.Tensor:
        """Returns the posterior's parameters for observations.

        Args:
            x: Observations [B, *event], in the model's units.
            y: The condition [B, ...], for a model that has one.

        Returns:
            The posterior's parameters, [B, params_size].
        """
        x = tf.cast(tf.convert_to_tensor(x), self.probability_dtype)
        params = self._apply(self.encoder, x, self._condition(y), False)
        return tf.cast(self.posterior.flat_params(params), self.posterior.compute_dtype)

    def posterior_at(self, params) -> tfd.Distribution:
        """Returns the member of the posterior's family with given parameters.

        Args:
            params: Tensor [..., params_size].

        Returns:
            Distribution with batch shape [...].
        """
        return self.posterior.distribution(params)

    def divergence_from_prior(self, q: tfd.Distribution, y=None) -> tf.Tensor | None:
        """Returns KL(q, p) in closed form.

        Args:
            q: A distribution of latent variables, batch [B].
            y: The condition [B, ...], for a model that has one.

        Returns:
            Nats, [B]; None if there is no closed form.
        """
        return self.prior.kl_divergence(q, self.prior.distribution(self._condition(y)))

    def log_prior(self, z, y=None, training: bool = False) -> tf.Tensor:
        """Returns log p(z), or log p(z|y).

        Args:
            z: Latent variables [..., B, *latent].
            y: The condition [B, ...], for a model that has one.
            training: Whether the model is being trained; networks of priors may use it.

        Returns:
            Nats, [..., B].
        """
        z = tf.cast(tf.convert_to_tensor(z), self.posterior.compute_dtype)
        return self.prior.distribution(self._condition(y), training).log_prob(z)

    def with_prior(self, prior) -> VAE:
        """Returns a copy of the model, with its weights and another prior.

        Args:
            prior: A `keras_vae.priors.Prior`, which becomes part of the copy, or its name.

        Returns:
            The copy, not compiled, in which only the prior is trainable.

        Raises:
            ValueError: If the prior does not fit the posterior.

        Example:
            >>> copied = vae.with_prior("mixture_of_normals:num_components=10")
            >>> copied.latent_dim == vae.latent_dim
            True
        """
        prior = priors.get(prior, dtype=self.posterior.dtype)
        copied = type(self).from_config({**self.get_config(), "prior": prior})
        for mine, other in zip(self.layers, copied.layers, strict=True):
            if other is not prior:
                other.set_weights(mine.get_weights())
                other.trainable = False
        if isinstance(self.posterior, RelaxedLayer):
            # A fitted prior has the temperature at which the model arrived.
            now = self.posterior.temperature_now()
            for layer in copied.scheduled_layers():
                if layer is not copied.likelihood:
                    layer.present_temperature.assign(now)
        return copied

    def shares_encoder(self, other: LatentVariableModel) -> bool:
        """Tells whether two models share the same encoder.

        Args:
            other: The other model.

        Returns:
            Whether they do.
        """
        return self.encoder is getattr(other, "encoder", None)

    def start_from(self, x) -> None:
        """Initializes parts from training data before training begins.

        The prior gets its initial values. If the decoder's last layer is a `Dense`, it gets
        the biases for which p(x|z) is the distribution of the data.

        Args:
            x: Observations [N, *event], in the model's units.
        """
        x = np.asarray(x)
        # A condition's offset is added to the last layer's output for a typical size.
        made = getattr(self.decoder, "layers", [None])
        last = [one for one in made if not isinstance(one, networks.AddOffset)][-1]
        size = self.likelihood.params_size
        if isinstance(last, keras.layers.Dense) and last.use_bias and last.units == size:
            last.bias.assign(self.likelihood.marginal_params(x))
        if self.missingness is not None:
            self.missingness.start_from(x)
        self.prior.start_from(np.where(np.isnan(x), self.support.some_value(), x))

    def get_config(self):
        """Returns the constructor's arguments."""
        serialize = keras.saving.serialize_keras_object
        condition = self.num_classes or self.condition_shape
        preprocessor = self.preprocessor
        return {
            **super().get_config(),
            "encoder": serialize(self.encoder),
            "decoder": serialize(self.decoder),
            "posterior": serialize(self.posterior),
            "likelihood": serialize(self.likelihood),
            "prior": serialize(self.prior),
            "condition": list(condition) if isinstance(condition, tuple) else condition,
            "seed": self.seed,
            "preprocessor": None if preprocessor is None else serialize(preprocessor),
            "critic": None if self.critic is None else serialize(self.critic),
            "baseline": None if self.baseline is None else serialize(self.baseline),
            "leapfrog": None if self.leapfrog is None else serialize(self.leapfrog),
            "missingness": None
            if self.missingness is None
            else serialize(self.missingness),
        }

    @classmethod
    def from_config(cls, config: dict[str, Any]):
        """Makes the model from the result of `get_config`."""
        # A copy, since Keras takes the configs of Functional networks apart.
        return cls(
            **{
                key: keras.saving.deserialize_keras_object(copy.deepcopy(value))
                if isinstance(value, dict) and "class_name" in value
                else value
                for key, value in config.items()
            }
        )
