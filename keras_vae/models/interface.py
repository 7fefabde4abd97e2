"""The interface of all models: what the rest of the package asks of them."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import tensorflow as tf
from tensorflow_probability import distributions as tfd

from keras_vae.core.batches import in_batches
from keras_vae.core.latent import Latent
from keras_vae.core.seeds import by_row, fold
from keras_vae.core.support import Support
from keras_vae.core.trace import Trace
from keras_vae.data import Preprocessor
from keras_vae.models.objective_model import ObjectiveModel


class ModelInterface(ObjectiveModel):
    """The members by which a model of observations x and latent variables z is used.

    Subclasses define the passes: `encode`, `decode`, `draw`, `trace`, `codes`, `decoded`;
    and describe themselves: `event_shape`, `support`, `latent`, `condition_shape`. Members
    that only some models have raise an error that says so.

    Example:
        >>> isinstance(vae, ModelInterface)
        True
    """

    _preprocessor: Preprocessor | None = None
    event_shape: tuple[int, ...]
    condition_shape: tuple[int, ...] | None = None
    num_classes: int | None = None
    # Shape of the indices that stand for z, for models with a codebook.
    index_shape: tuple[int, ...] | None = None

    @property
    def preprocessor(self) -> Preprocessor | None:
        """The preparation of the training data; None if arrays are in the model's units."""
        return self._preprocessor

    @preprocessor.setter
    def preprocessor(self, preprocessor):
        if preprocessor is not None:
            if not isinstance(preprocessor, Preprocessor):
                raise ValueError(
                    "preprocessor must be a keras_vae.data.Preprocessor or None, but is "
                    f"{preprocessor!r}."
                )
            shape = preprocessor.scaling.event_shape
            if shape != tuple(self.event_shape):
                raise ValueError(
                    f"The preprocessor is for events of shape {shape}, but those of the "
                    f"model have shape {tuple(self.event_shape)}. Give the one of the "
                    "model's own data."
                )
            conditions = preprocessor.conditions
            ours = self.num_classes or self.condition_shape
            if conditions is not None and conditions.shape != ours:
                raise ValueError(
                    f"The preprocessor is for a model with condition={conditions.shape}, but "
                    f"this one has condition={ours}."
                )
        self._preprocessor = preprocessor

    @property
    def raw_shape(self) -> tuple[int, ...]:
        """Shape of one raw observation: `event_shape`, or (samples,) for sounds."""
        if self.preprocessor is None:
            return tuple(self.event_shape)
        return self.preprocessor.raw_shape

    @property
    def latent(self) -> Latent:
        """Description of the latent variable."""
        raise NotImplementedError

    @property
    def support(self) -> Support:
        """The values that observations may have, in the model's units."""
        raise NotImplementedError

    @property
    def is_discrete(self) -> bool:
        """Whether log p(x|z) is the logarithm of a probability, not of a density."""
        raise NotImplementedError

    @property
    def has_mean(self) -> np.ndarray:
        """Whether the mean of each element is meaningful, [*event]."""
        return np.ones(self.event_shape, bool)

    @property
    def takes_gaps(self) -> bool:
        """Whether observations may have gaps, marked by NaN."""
        return False

    @property
    def explains_gaps(self) -> bool:
        """Whether the model has a model of missingness p(s|x)."""
        return False

    def log_missingness(self, x, known) -> tf.Tensor:
        """Scores where the gaps are, log p(s|x), [S, B]."""
        raise ValueError(
            f"This {type(self).__name__} has no model of missingness. Make it with "
            "missingness='self_masking'."
        )

    @property
    def probability_dtype(self) -> str:
        """The dtype of observations and probabilities."""
        raise NotImplementedError

    @property
    def trains_likelihood(self) -> bool:
        """Whether training maximizes a bound of the likelihood, so that it can be scored."""
        return True

    @property
    def likelihood_text(self) -> str:
        """The likelihood p(x|z), written as a part."""
        raise NotImplementedError

    @property
    def learns_labels(self) -> bool:
        """Whether y is a class that may be unknown, and is then inferred."""
        return self.condition_shape is None and self.num_classes is not None

    @property
    def latent_dim(self) -> int:
        """Number of latent numbers."""
        return math.prod(self.latent.shape)

    @property
    def latent_size_text(self) -> str:
        """The size of the latent vector, or number and shape: "200 (20 x 10)"."""
        shape = self.latent.shape
        if len(shape) == 1:
            return str(self.latent_dim)
        return f"{self.latent_dim} ({' x '.join(map(str, shape))})"

    def encode(self, x, y=None, training: bool = False) -> tfd.Distribution:
        """Returns the posterior q(z|x, y), in the model's units."""
        raise NotImplementedError

    def decode(self, z, y=None, training: bool = False) -> tfd.Distribution:
        """Returns the likelihood p(x|z, y), in the model's units."""
        raise NotImplementedError

    def draw(self, n, seed, y=None, temperature: float = 1.0) -> tf.Tensor:
        """Draws n latent variables from the prior."""
        raise NotImplementedError

    def draw_by_row(self, seeds, y=None, temperature: float = 1.0) -> tf.Tensor:
        """Draws latent variables from the prior, each with its own seed.

        Args:
            seeds: int32 tensor [n, 2].
            y: The condition [n, ...], for a model that has one.
            temperature: Factor of the prior's standard deviations.

        Returns:
            Tensor [n, *latent]: row i is `draw(1, seeds[i], y[i : i + 1])`, and depends on
            no other row.

        Example:
            >>> from keras_vae.core.seeds import row_seeds
            >>> vae.draw_by_row(row_seeds(0, 4)).shape
            TensorShape([4, 2])
        """

        def one(seed, y):
            y = None if y is None else y[tf.newaxis]
            z = self.draw(1, seed, y, temperature)[0]
            return tf.cast(z, self.probability_dtype)

        y = None if y is None else tf.convert_to_tensor(y)
        return by_row(one, self.probability_dtype, seeds, y)

    def trace(
        self, x, num_samples=1, seed=0, training: bool = False, z=None, y=None
    ) -> Trace:
        """Makes one pass: encode, draw, decode, score."""
        raise NotImplementedError

    def bound(self, x, num_samples=1, seed=0, training: bool = False, y=None) -> Trace:
        """Makes the pass whose rate and distortion are those of the bound.

        It is the pass of `trace`, unless the model sums over some variables instead of
        drawing them.
        """
        return self.trace(x, num_samples, seed, training, y=y)

    def log_weights(self, x, num_samples, seed, y=None) -> tf.Tensor:
        """Estimates log p(x) from each of several draws, [S, B]: importance weights."""
        return self.trace(x, num_samples, seed, y=y).log_weight

    def codes(self, x, y=None) -> tf.Tensor:
        """Returns the centre of q(z|x, y) of each observation, in the model's units."""
        raise NotImplementedError

    def posterior_summary(self, x, y=None) -> dict[str, tf.Tensor]:
        """Returns the served values of q(z|x, y), by name."""
        raise NotImplementedError

    def decoded(self, z, y=None) -> tf.Tensor:
        """Returns the mean of p(x|z, y), in the model's units."""
        raise NotImplementedError

    def posterior_params(self, x, y=None) -> tf.Tensor:
        """Returns the posterior's parameters for observations, from the encoder."""
        raise ValueError(f"{type(self).__name__} has no posterior of a single layer.")

    def posterior_at(self, params) -> tfd.Distribution:
        """Returns the member of the posterior's family with given parameters."""
        raise ValueError(f"{type(self).__name__} has no posterior of a single layer.")

    def draw_codes(self, x, y=None, seed: int = 0) -> np.ndarray:
        """Returns a draw from q(z|x, y) of each observation, for x in the model's units."""

        def draw(rows, index):
            return self.posterior_at(self.posterior_params(*rows)).sample(
                seed=fold(seed, 1, index)
            )

        return in_batches(draw, (x, y), 256)

    def codes_of(self, indices) -> tf.Tensor:
        """Returns the latent variables of indices."""
        raise ValueError(f"{type(self).__name__} has no codebook. Use VQVAE.")

    def divergence_from_prior(self, q: tfd.Distribution, y=None) -> tf.Tensor | None:
        """Returns KL(q, p) in closed form, [B], or None."""
        raise NotImplementedError

    def log_prior(self, z, y=None, training: bool = False) -> tf.Tensor:
        """Returns log p(z|y), the density of `draw`, nats, [..., B], for z [..., B, *latent]."""
        raise NotImplementedError

    def with_prior(self, prior) -> ModelInterface:
        """Returns a copy of the model with another prior, the only trainable part."""
        raise ValueError(f"The prior of {type(self).__name__} cannot be exchanged.")

    def shares_encoder(self, other: ModelInterface) -> bool:
        """Tells whether two models share the same encoder."""
        raise NotImplementedError

    def predict_label(self, x, batch_size: int = 256) -> Any:
        """Predicts the class of observations, for a model that learns labels."""
        raise ValueError(f"{type(self).__name__} learns no labels. Use SemiSupervisedVAE.")

    def label_probabilities(self, x) -> tf.Tensor:
        """Returns the probability of each class, [B, K], in the model's units."""
        raise ValueError(f"{type(self).__name__} learns no labels. Use SemiSupervisedVAE.")

    @property
    def num_levels(self) -> int:
        """Number of levels of latent variables that depend on each other."""
        return 1

    def level_ratios(self, x, levels=1, num_samples=10, seed=0, y=None) -> np.ndarray:
        """Measures how much the lowest levels of a hierarchy add to the others about x."""
        raise ValueError(
            f"{type(self).__name__} has no levels of latent variables. Use a "
            "HierarchicalVAE, such as LadderVAE, or another score."
        )

    def own_scores(self, x, seed: int = 0) -> dict[str, np.ndarray]:
        """Scores [N] of observations that only this kind of model has, by name."""
        return {}

    @property
    def shown_range(self) -> tuple[float, float]:
        """The values that a picture shows as black and as white, in the units of x."""
        if self.preprocessor is not None:
            return self.preprocessor.raw_range
        low, high = self.support.low, self.support.high
        return (0.0, 1.0) if low is None or high is None else (float(low), float(high))

    def start_from(self, x) -> None:
        """Initializes the parts that start from training data.

        Args:
            x: Observations [N, *event], in the model's units.
        """

    def train_perceptual_network(self, x, y, epochs: int = 6) -> float:
        """Trains the network for perceptual distances on labels, before `fit`."""
        raise ValueError(
            f"This {type(self).__name__} has no network for perceptual distances. Use "
            "VAEGAN.for_images or AutoencoderKL.for_images with perceptual=True."
        )
