"""The hierarchical variational autoencoder: a VAE whose latent variables have levels."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from keras_vae.core.batches import in_batches
from keras_vae.core.centers import center_of
from keras_vae.core.latent import Latent
from keras_vae.core.numbers import positive_int
from keras_vae.core.seeds import by_row, fold, make_seed
from keras_vae.layers import DistributionLayer
from keras_vae.models.conditions import read_condition
from keras_vae.models.hierarchical.conv import ConvLevels
from keras_vae.models.hierarchical.level_numbers import several_levels
from keras_vae.models.hierarchical.posteriors import LevelledPosterior
from keras_vae.models.hierarchical.prior import TopDownPrior
from keras_vae.models.hierarchical.walk import Draws, Levels, as_image, of_first
from keras_vae.models.prebuilt import make_layers, policy, reading
from keras_vae.models.vae import VAE
from keras_vae.priors import Prior


@keras.saving.register_keras_serializable("keras_vae")
class HierarchicalVAE(VAE):
    """A VAE with levels of latent variables, each of which depends on those above it.

    z is one vector, the lowest level first, which `split` takes apart; so all methods of
    `VAE` work. `rates` has a row for each level, the lowest first, and `free_bits` of
    `objectives.ELBO` is by level.

    Args:
        encoder: Keras model, x [B, *event] -> features of all levels, concatenated, [B,
            posterior.params_size]. With a condition it may read [x, y].
        decoder: Keras model, last state of the prior -> parameters of p(x|z), as in `VAE`.
            With a condition it may read [state, y].
        posterior: How q(z|x) joins the encoder's features of a level with the levels above:
            `Ladder`, `TopDown` or `Bidirectional`.
        likelihood: Distribution layer for p(x|z).
        prior: The generative levels, a `TopDownPrior`.
        **kwargs: Other arguments of `VAE`.

    Raises:
        ValueError: If the parts do not fit together.

    Example:
        >>> vae = keras_vae.LadderVAE((28, 28, 1), latent_dims=(16, 8, 4))
        >>> [z.shape for z in vae.split(vae.draw(5, seed=0))]
        [TensorShape([5, 16]), TensorShape([5, 8]), TensorShape([5, 4])]

    Source:
        Sonderby et al. 2016, "Ladder variational autoencoders"; Maaloe et al. 2019,
        "BIVA"; Child 2021, "Very deep VAEs generalize autoregressive models".
    """

    def __init__(
        self,
        encoder: keras.Model,
        decoder: keras.Model,
        posterior: LevelledPosterior,
        likelihood: DistributionLayer,
        prior: TopDownPrior,
        **kwargs: Any,
    ):
        """Creates and builds the model."""
        if not isinstance(posterior, LevelledPosterior):
            raise ValueError(
                "The posterior of a HierarchicalVAE is Ladder, TopDown or Bidirectional of "
                f"keras_vae.models.hierarchical, but is {posterior!r}."
            )
        if not isinstance(prior, TopDownPrior):
            raise ValueError(
                "The prior of a HierarchicalVAE is a TopDownPrior, with the prior of the "
                f"highest level as its `top`, but is {prior!r}."
            )
        posterior.connect(prior)
        super().__init__(encoder, decoder, posterior, likelihood, prior, **kwargs)

    @classmethod
    def for_images(
        cls,
        event_shape: Sequence[int],
        latent_channels: Sequence[int] = (8, 8, 8),
        strides: Sequence[int] | None = None,
        likelihood: str | dict | DistributionLayer = "bernoulli",
        filters: Sequence[int] | None = None,
        inference: str = "top_down",
        blocks: int = 1,
        activation: str = "elu",
        normalization: str | None = None,
        skips: bool = True,
        gaps: str | None = None,
        prior: str | dict | Prior | None = None,
        condition: int | Sequence[int] | None = None,
        seed: int | None = None,
        dtype=None,
        **kwargs,
    ) -> HierarchicalVAE:
        """Makes a convolutional model whose levels are images.

        Args:
            event_shape: Shape (height, width, channels) of one image, of any size.
            latent_channels: Channels of each level, lowest first.
            strides: Pixels of x, along each side, for one of each level, lowest first:
                powers of two that do not fall. None takes 2, 4, 8, ...
            likelihood: Distribution layer, or its name.
            filters: Channels of the networks of each level, lowest first. None takes 64.
            inference: "ladder", "top_down" or "bidirectional"; see `Ladder`, `TopDown` and
                `Bidirectional` of `keras_vae.models.hierarchical`.
            blocks: Gated residual blocks of each level, up and down.
            activation: Name of the hidden layers' activation.
            normalization: "batch", or None.
            skips: Whether a level's generative block adds to the state above.
            gaps: See `ConvVAE`.
            prior: Prior of the highest level, or its name; None is the standard normal.
            condition: See `VAE`.
            seed: See `VAE`.
            dtype: Dtype or policy of the networks; None takes Keras's global one.
            **kwargs: `preprocessor` of `VAE`, and arguments of `keras.Model`.

        Returns:
            The model, not compiled.

        Raises:
            ValueError: If there is only one level, the levels do not fit the image, or an
                argument has a wrong value.

        Example:
            >>> vae = HierarchicalVAE.for_images((8, 8, 1), (2, 4), filters=(8, 8))
            >>> [z.shape for z in vae.split(vae.draw(5, seed=0))]
            [TensorShape([5, 4, 4, 2]), TensorShape([5, 2, 2, 4])]

        Source:
            Child 2021, section 3; the gates are those of Van den Oord et al. 2016,
            "Conditional image generation with PixelCNN decoders".
        """
        with policy(dtype):
            px = make_layers(event_shape, 1, "normal", likelihood)[1]
            made = ConvLevels(
                px.event_shape,
                several_levels(latent_channels, "latent_channels", "ConvVAE"),
                strides,
                filters,
                blocks,
                activation,
                normalization,
                skips,
            )
            q, shape = made.posterior(inference), read_condition(condition)[0]
            encoder = made.encoder(q.feature_sizes, shape, **reading(px, gaps))
            decoder, prior = made.decoder(px.params_size, shape), made.prior(prior)
        return cls(
            encoder,
            decoder,
            q,
            px,
            prior,
            condition=condition,
            seed=seed,
            dtype=dtype,
            **kwargs,
        )

    @property
    def level_sizes(self) -> tuple[int, ...]:
        """Latent numbers of each level, lowest first."""
        return self.prior.sizes

    @property
    def num_levels(self) -> int:
        """Number of levels."""
        return len(self.prior.sizes)

    def split(self, z) -> list:
        """Splits packed latent variables into levels.

        Args:
            z: Array or tensor [..., D], such as the result of `embed`.

        Returns:
            The latent variables of each level, lowest first, [..., size of the level], or
            [..., height, width, channels] for levels that are images.

        Example:
            >>> lowest, *others = ladder.split(ladder.embed(x))
        """
        parts = zip(self.prior.split(z), self.prior.shapes, strict=True)
        return [as_image(part, shape) if shape[1:] else part for part, shape in parts]

    @property
    def terms(self) -> tuple[str, ...]:  # type: ignore[override]
        """The rate of each level is logged, the lowest first."""
        return tuple(f"kl_loss_{i + 1}" for i in range(self.num_levels))

    @property
    def latent(self) -> Latent:
        """Description of the latent variable."""
        # The posterior's levels depend on the prior's states.
        return super().latent._replace(is_encoded=False, is_factorized=False)

    @property
    def provides(self) -> frozenset[str]:
        """Values that an objective may request; log q with q held constant is unknown."""
        return super().provides - {"frozen_log_q"}

    @property
    def _decoding_parts(self):
        return (self.decoder, self.prior)

    @property
    def _decoder_shape(self):
        return self.prior.state_shape

    @property
    def _decoded_size(self) -> int:
        # States of images are larger than the decoded images.
        return max(super()._decoded_size, math.prod(self.prior.state_shape))

    def _decoder_reads(self, z, training):
        """The prior's last state, [..., *state]."""
        parts = self.prior.split(z)
        return self.prior.walk(
            lambda level, p, _: (parts[level], None), None, training
        ).state

    def _scored(self, q: Levels, p, z, y, training):
        """One walk gives the densities and rates of all levels, and the likelihood."""
        top = self.prior.top.distribution(self._condition(y), training)
        log_q, log_p, rates, state = q.scores(z, top)
        _, y = self._checked_codes(z, y)
        return self._likelihood_of(state, y, training), log_q, log_p, rates

    def pass_for_training(self, x, y, seed, training):
        """The trace, with the rate of each level for the logs."""
        trace = super().pass_for_training(x, y, seed, training)
        rates = tf.reduce_mean(trace.rates, axis=1)
        counts = tf.ones_like(rates[0], tf.bool)
        rows = zip(self.terms, tf.unstack(rates), strict=True)
        return trace._replace(terms={name: (rate, counts) for name, rate in rows})

    def _checked_levels(self, levels):
        count = self.num_levels
        is_number = hasattr(levels, "__index__") and not isinstance(levels, bool | np.bool_)
        if not is_number or not 0 < abs(levels) <= count:
            raise ValueError(
                f"levels must be a number of this model's {count} levels, but is {levels!r}."
            )
        return levels

    def sample(  # type: ignore[override]
        self, n: int = 1, y=None, seed: int | None = 0, levels: int | None = None, **kwargs
    ) -> np.ndarray:
        """Makes new data; see `VAE.sample`.

        Args:
            n: Number of observations.
            y: The condition, one for all or one for each, for a model that has one.
            seed: Same seed, same samples; None takes Keras's global seed.
            levels: k shares the noise of the k highest levels among all samples, so that
                they differ only in the levels below; -k shares that of the k lowest, so
                that they differ only in the levels above. None shares nothing.
            **kwargs: `temperature`, `draw` and `batch_size` of `VAE.sample`; with `levels`,
                only `batch_size`.

        Returns:
            What `VAE.sample` returns; with `levels`, the means of p(x|z).

        Raises:
            ValueError: As `VAE.sample`; or if there are fewer levels.

        Example:
            >>> ladder.sample(8, levels=1).shape
            (8, 28, 28, 1)
        """
        if levels is None:
            return super().sample(n, y, seed, **kwargs)
        usual = {"draw": (None, False), "temperature": (1.0,)}
        if given := [name for name, v in kwargs.items() if v not in usual.get(name, (v,))]:
            raise ValueError(f"levels cannot be combined with {', '.join(given)}.")
        every = range(self.num_levels)
        first = -self._checked_levels(levels)
        shared = every[first:] if levels > 0 else every[:first]
        y = self.check_condition(y, positive_int(n, "n"))
        condition, noise = self._condition(y), fold(make_seed(seed), 0)
        # The highest level may have a distribution for each condition.
        top = self.prior.top.distribution(condition)
        has_rows = len(top.batch_shape) > 0
        pick = Draws([] if has_rows else [n], noise)

        def same_noise():
            def one(seed, row):
                return self.prior.top.sample(1, seed, row[tf.newaxis])[0]

            seeds = tf.tile(noise[tf.newaxis], [n, 1])
            return by_row(one, self.prior.compute_dtype, seeds, condition)

        def visit(level, p, state):
            z = pick(self.prior.places[level], p)
            if level not in shared:
                return z, None
            if state is not None:
                return of_first(z, p), None
            return (same_noise() if has_rows else tf.broadcast_to(z[:1], z.shape)), None

        z = self.prior.walk(visit, top).z
        size = {name: v for name, v in kwargs.items() if name == "batch_size"}
        return self.as_table(self.decode_codes(z, y, **size))

    def reconstruct(self, x, y=None, batch_size: int = 256, levels: int | None = None):
        """Reconstructs x; see `VAE.reconstruct`.

        Args:
            x: Observations [N, *event].
            y: The condition of each observation, for a model that has one.
            batch_size: Observations at a time.
            levels: Number of highest levels that see x; those below are at the centres of
                the prior, given the levels above. None shows x to all.

        Returns:
            Array [N, *event].

        Raises:
            ValueError: As `VAE.reconstruct`; or if there are fewer levels.

        Example:
            >>> ladder.reconstruct(x_test[:4], levels=1).shape
            (4, 28, 28, 1)
        """
        if levels is None:
            return super().reconstruct(x, y, batch_size)
        first = self.num_levels - positive_int(self._checked_levels(levels), "levels")

        def rebuilt(rows, _):
            x, y = rows
            parts = self.prior.split(self.codes(x, y))
            z = self.prior.with_lowest(parts, first, lambda p, _: center_of(p))
            return self.decoded(z, y)

        rows = self.to_units(x), self.check_condition(y, len(x))
        return self.as_table(self.from_units(in_batches(rebuilt, rows, batch_size)))

    def with_prior(self, prior):
        """Refused: the levels below were trained with the prior of the highest."""
        raise ValueError(
            f"The prior of {type(self).__name__} is its generative levels, which cannot be "
            f"exchanged for {prior!r}. Give the prior of the highest level when you make "
            "the model, and train both together."
        )

    def level_ratios(self, x, levels=1, num_samples=10, seed=0, y=None) -> np.ndarray:
        """Measures how much the lowest levels improve the explanation of x.

        It is the ELBO minus the bound in which the lowest levels are drawn from the prior,
        given those above. (For `Bidirectional` inference the second is not a bound.)

        Args:
            x: Observations [N, *event].
            levels: Number of lowest levels that are drawn from the prior.
            num_samples: Draws for each observation.
            seed: Same seed, same ratios.
            y: The condition of each observation, for a model that has one.

        Returns:
            Nats, [N]: high if the levels above do not know observations of this kind.

        Raises:
            ValueError: If the model has no more levels than this, or x does not fit it.

        Example:
            >>> ladder.level_ratios(x_test[:4]).shape
            (4,)

        Source:
            Havtorn et al. 2021, "Hierarchical VAEs know what they don't know", equation 12.
        """
        first = positive_int(self._checked_levels(levels), "levels")
        if first == self.num_levels:
            raise ValueError(
                f"levels is {levels}, but this model has no more than {first}: at least "
                f"one must see x. Give at most {first - 1}."
            )
        seed, count = make_seed(seed), positive_int(num_samples, "num_samples")

        def ratios(rows, index):
            x, y = rows
            of_batch = fold(seed, index)
            trace = self.trace(x, count, of_batch, y=y)

            def draw(p, level):
                return p.sample(seed=fold(of_batch, 5, level))

            parts = self.prior.split(trace.z)
            z = self.prior.with_lowest(parts, first, draw)
            noise = fold(of_batch, 5)  # As in the trace.
            without = self._log_px(self.decode(z, y), trace.x, noise)
            gain = trace.log_px - without - tf.reduce_sum(trace.rates[:first], axis=0)
            return tf.reduce_mean(gain, axis=0)

        rows = self.to_units(x, scores=True), self.check_condition(y, len(x))
        return in_batches(ratios, rows, max(1, self.events_at_a_time() // count))
