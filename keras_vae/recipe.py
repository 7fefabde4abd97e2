"""Recipes: everything that decides a training run, as one JSON file."""

from __future__ import annotations

import dataclasses
import math
import os
from dataclasses import dataclass, fields
from typing import Any

import keras

from keras_vae import layers, objectives, priors
from keras_vae.core.files import read_json
from keras_vae.core.names import unknown
from keras_vae.data import DataSet, steps_per_epoch
from keras_vae.models import VAE, ConvVAE, DenseVAE

MODELS = {"dense_vae": DenseVAE, "conv_vae": ConvVAE}
CHOICES = {
    "model": tuple(MODELS),
    "likelihood": tuple(layers.likelihood_names()),
    "objective": ("elbo", "iwae"),
    "prior": ("standard_normal", "mixture_of_normals"),
    "posterior": ("normal", "full_covariance"),
    "binarize": ("dynamic", "static", "none"),
    "schedule": ("cosine", "constant"),
}
# The smallest value of each number, whole where only whole numbers are allowed.
_LEAST = {
    "latent_dim": 1,
    "num_samples": 1,
    "beta": 0.0,
    "warmup_epochs": 0,
    "free_bits": 0.0,
    "prior_components": 1,
    "epochs": 1,
    "patience": 1,
    "batch_size": 1,
    "learning_rate": 0.0,
    "seed": 0,
}
# Training examples below which small batches are worth their time: with 4,000 digits and
# 50 epochs, batches of 32 instead of 128 gained 4 nats.
_SMALL = 20_000


@dataclass(frozen=True)
class Recipe:
    """The whole input of `keras-vae train`.

    Attributes:
        model: "dense_vae" or "conv_vae".
        data: Name of a data set, or path of own data.
        latent_dim: Size of the latent vector.
        likelihood: Name of a likelihood; None takes what fits the data.
        binarize: "dynamic" draws 0/1 pixels anew at each visit, "static" once, "none"
            keeps grey values; None does what is usual for the data. Held-out data are
            binarized once in both cases.
        objective: "elbo" or "iwae".
        num_samples: Latent draws for each example.
        beta: Weight of the rate (objective "elbo").
        warmup_epochs: Epochs over which beta grows from 0.
        free_bits: Rate below which it is not reduced, nats (objective "elbo").
        posterior: "normal" (independent) or "full_covariance".
        prior: "standard_normal" or "mixture_of_normals".
        prior_components: Components of a mixture prior; None is 10.
        hidden_units: Widths of the dense model's hidden layers; None is 500, 500.
        filters: Filters of the convolutional model; None goes by the image size.
        epochs: Most passes through the training data.
        patience: Epochs without a better validation score before training stops.
        batch_size: Examples in a batch; None is 128, or 32 for small data sets.
        learning_rate: Adam's step size at the start.
        schedule: "cosine" lets the step size fall to zero over `epochs`; "constant".
        seed: Seed of weights, order, noise and splits.
        image_size: (height, width) that own images are resized to; None goes by them.
        channels: 1 or 3 for own images; None goes by them.
        mixed_precision: Whether to compute in half precision (GPUs).
        jit: Whether to compile with XLA; None does so except on several GPUs.

    Example:
        >>> Recipe(model="conv_vae", data="mnist_5k", latent_dim=2)
    """

    model: str
    data: str
    latent_dim: int = 32
    likelihood: str | None = None
    binarize: str | None = None
    objective: str = "elbo"
    num_samples: int = 1
    beta: float = 1.0
    warmup_epochs: int = 0
    free_bits: float = 0.0
    posterior: str = "normal"
    prior: str = "standard_normal"
    prior_components: int | None = None
    hidden_units: tuple[int, ...] | None = None
    filters: tuple[int, ...] | None = None
    epochs: int = 50
    patience: int = 10
    batch_size: int | None = None
    learning_rate: float = 1e-3
    schedule: str = "cosine"
    seed: int = 0
    image_size: tuple[int, int] | None = None
    channels: int | None = None
    mixed_precision: bool = False
    jit: bool | None = None

    def __post_init__(self):
        """Checks every value by itself; what data and model say comes later."""
        for field in fields(self):
            if getattr(self, field.name) is None and field.default is not None:
                raise ValueError(f"{field.name} must have a value, but is null.")
        if not isinstance(self.data, str):
            raise ValueError(f"data must be a name or a path, but is {self.data!r}.")
        for name, known in CHOICES.items():
            if (value := getattr(self, name)) is not None and value not in known:
                raise unknown(name, value, known)
        for name, least in _LEAST.items():
            if (value := getattr(self, name)) is not None:
                _check_number(name, value, least)
        for name in ("hidden_units", "filters", "image_size"):
            if (value := getattr(self, name)) is not None:
                if not isinstance(value, list | tuple) or not value:
                    raise ValueError(f"{name} must be a list of sizes, but is {value!r}.")
                for size in value:
                    _check_number(name, size, 1)
                object.__setattr__(self, name, tuple(value))
        for name in ("mixed_precision", "jit"):
            if not isinstance(getattr(self, name), bool | None):
                raise ValueError(f"{name} must be true or false in a recipe.")
        self._check_together()

    def _check_together(self):
        if self.image_size is not None and len(self.image_size) != 2:
            raise ValueError(f"image_size must be height and width: {self.image_size}.")
        if self.model == "conv_vae" and self.hidden_units is not None:
            raise ValueError("hidden_units is for dense_vae; conv_vae has filters.")
        if self.model == "dense_vae" and self.filters is not None:
            raise ValueError("filters is for conv_vae; dense_vae has hidden_units.")
        if self.prior_components is not None and self.prior != "mixture_of_normals":
            raise ValueError("prior_components is for the prior 'mixture_of_normals'.")
        for_elbo = (self.beta, self.free_bits, self.warmup_epochs) != (1.0, 0.0, 0)
        if self.objective == "iwae" and for_elbo:
            raise ValueError("beta, free_bits, warmup_epochs are for the objective 'elbo'.")

    @classmethod
    def from_json(cls, path: str | os.PathLike) -> Recipe:
        """Reads a recipe.

        Args:
            path: A `recipe.json`.

        Returns:
            The recipe.

        Raises:
            FileNotFoundError: If there is no such file.
            ValueError: If it is damaged, or names or values in it are not understood.
        """
        config = read_json(path)
        if not isinstance(config, dict):
            raise ValueError(f"{path} must hold a JSON object with the recipe's values.")
        known = [field.name for field in fields(cls)]
        for name in config:
            if name not in known:
                raise unknown(f"entry of {path}", name, known)
        for name in ("model", "data"):
            if name not in config:
                raise ValueError(f"{path} must say {name!r}.")
        return cls(**config)

    def to_config(self) -> dict[str, Any]:
        """Returns all values, as JSON holds them."""
        return dataclasses.asdict(self)

    def resolve(self, data: DataSet) -> Recipe:
        """Fills in what was left to the data.

        Args:
            data: The data set that the recipe names.

        Returns:
            The recipe with likelihood, binarization and batch size decided.

        Raises:
            ValueError: If the two do not go together.
        """
        likelihood = self.likelihood or data.likelihood
        binarize = self.binarize
        if binarize is None:
            usual = likelihood == "bernoulli" and data.binarize
            binarize = data.binarize if usual else "none"
        batch_size = self.batch_size or (32 if len(data.x_train) < _SMALL else 128)
        if binarize != "none" and likelihood != "bernoulli":
            raise ValueError(
                f"binarize={binarize!r} makes 0/1 pixels, which fit the likelihood "
                f"'bernoulli', not {likelihood!r}."
            )
        return dataclasses.replace(
            self, likelihood=likelihood, binarize=binarize, batch_size=batch_size
        )

    @property
    def monitor(self) -> str:
        """The validation score that decides: the ELBO unless something else is meant."""
        plain = self.objective == "elbo" and self.beta == 1.0 and self.free_bits == 0.0
        return "val_elbo" if plain else "val_loss"


def build_model(recipe: Recipe, data: DataSet) -> VAE:
    """Makes the model of a resolved recipe.

    Args:
        recipe: The recipe, with its likelihood decided.
        data: The data set, for the event shape and the levels.

    Returns:
        The model, not compiled.

    Raises:
        ValueError: If model and data do not go together.
    """
    arguments = {}
    if recipe.likelihood == "discretized_logistic":
        if data.levels is None:
            raise ValueError(
                "The likelihood 'discretized_logistic' is for whole numbers between two "
                f"bounds, but {data.name!r} holds other numbers. Its own likelihood is "
                f"{data.likelihood!r}."
            )
        arguments = dict(zip(("low", "high"), data.levels, strict=True))
    if recipe.model == "conv_vae" and len(data.event_shape) != 3:
        raise ValueError(
            f"conv_vae is for images, but an example of {data.name!r} has shape "
            f"{data.event_shape}. Use dense_vae."
        )
    posteriors = {
        "normal": layers.IndependentNormal,
        "full_covariance": layers.MultivariateNormalTriL,
    }
    prior = priors.StandardNormal()
    if recipe.prior == "mixture_of_normals":
        prior = priors.MixtureOfNormals(recipe.prior_components or 10, seed=recipe.seed)
    sizes = {"hidden_units": recipe.hidden_units, "filters": recipe.filters}
    return MODELS[recipe.model](
        data.event_shape,
        recipe.latent_dim,
        layers.get_likelihood(recipe.likelihood, data.event_shape, **arguments),
        posterior=posteriors[recipe.posterior](recipe.latent_dim),
        prior=prior,
        seed=recipe.seed,
        **{name: size for name, size in sizes.items() if size is not None},
    )


def build_optimizer(recipe: Recipe, data: DataSet) -> keras.Optimizer:
    """Makes the optimizer: Adam, with the recipe's schedule.

    Args:
        recipe: The recipe.
        data: The data set, for the number of steps.

    Returns:
        The optimizer.
    """
    rate = recipe.learning_rate
    if recipe.schedule == "cosine":
        steps = steps_per_epoch(len(data.x_train), recipe.batch_size) * recipe.epochs
        rate = keras.optimizers.schedules.CosineDecay(rate, steps)
    return keras.optimizers.Adam(rate)


def build_objective(recipe: Recipe, data: DataSet) -> objectives.Objective:
    """Makes the objective, with the recipe's warm-up.

    Args:
        recipe: The recipe.
        data: The data set, for the number of steps.

    Returns:
        The objective.
    """
    if recipe.objective == "iwae":
        return objectives.IWAE(recipe.num_samples)
    beta = recipe.beta
    if recipe.warmup_epochs:
        steps = steps_per_epoch(len(data.x_train), recipe.batch_size)
        beta = keras.optimizers.schedules.PolynomialDecay(
            0.0, steps * recipe.warmup_epochs, recipe.beta
        )
    return objectives.ELBO(beta, recipe.num_samples, recipe.free_bits)


def _check_number(name, value, least):
    kinds = int if isinstance(least, int) else (int, float)
    is_number = isinstance(value, kinds) and not isinstance(value, bool)
    if not is_number or not least <= value < math.inf:
        word = "whole number" if kinds is int else "number"
        raise ValueError(f"{name} must be a {word} of at least {least}, but is {value!r}.")
