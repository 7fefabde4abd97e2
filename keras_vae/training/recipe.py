"""Recipes: everything that decides a training run, as one JSON file."""

from __future__ import annotations

import dataclasses
import math
import os
from dataclasses import dataclass, fields
from typing import Any

from keras_vae import layers, objectives
from keras_vae.core.files import read_json
from keras_vae.core.names import unknown
from keras_vae.data import DataSet
from keras_vae.models.vae_gan import NETWORKS

MODELS = ("dense_vae", "conv_vae", "vae_gan")
CHOICES = {
    "model": MODELS,
    "likelihood": tuple(layers.likelihood_names()),
    "objective": ("elbo", "iwae", "adversarial"),
    "prior": ("standard_normal", "mixture_of_normals"),
    "posterior": ("normal", "full_covariance"),
    "binarize": ("dynamic", "static", "none"),
    "schedule": ("cosine", "constant"),
    "networks": NETWORKS,
    "generator_loss": objectives.GENERATOR_LOSSES,
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
    "gamma": 0.0,
    "margin": 0.0,
    "label_smoothing": 0.0,
    "r1": 0.0,
    "sample_weight": 0.0,
}
# Values that only some models or objectives read: names, what they are for, and whether a
# recipe is that.
_ONLY_FOR = (
    (("hidden_units",), "dense_vae", lambda r: r.model == "dense_vae"),
    (("normalization",), "conv_vae (vae_gan has it)", lambda r: r.model == "conv_vae"),
    (("filters",), "conv_vae and vae_gan", lambda r: r.model != "dense_vae"),
    (
        (
            "networks",
            "gamma",
            "generator_loss",
            "margin",
            "label_smoothing",
            "r1",
            "sample_weight",
            "spectral_normalization",
        ),
        "vae_gan",
        lambda r: r.model == "vae_gan",
    ),
    (
        ("prior_components",),
        "the prior 'mixture_of_normals'",
        lambda r: r.prior == "mixture_of_normals",
    ),
    (
        ("warmup_epochs", "free_bits"),
        "the objective 'elbo'",
        lambda r: r.objective in (None, "elbo") and r.model != "vae_gan",
    ),
    (("beta",), "other objectives than 'iwae'", lambda r: r.objective != "iwae"),
    (
        ("num_samples", "likelihood", "patience"),
        "other models than vae_gan",
        lambda r: r.model != "vae_gan",
    ),
)
# Training examples below which small batches are worth their time: with 4,000 digits and
# 50 epochs, batches of 32 instead of 128 gained 4 nats.
_SMALL = 20_000


@dataclass(frozen=True)
class Recipe:
    """The whole input of `keras-vae train`.

    Attributes:
        model: "dense_vae", "conv_vae" or "vae_gan".
        data: Name of a data set, or path of own data.
        latent_dim: Size of the latent vector; None is 32, and 128 for vae_gan.
        likelihood: Name of a likelihood; None takes what fits the data.
        binarize: "dynamic" draws 0/1 pixels anew at each visit, "static" once, "none"
            keeps grey values; None does what is usual for the data. Held-out data are
            binarized once in both cases.
        objective: "elbo" or "iwae"; vae_gan has "adversarial". None is what fits.
        num_samples: Latent draws for each example.
        beta: Weight of the rate (objectives "elbo" and "adversarial").
        warmup_epochs: Epochs over which beta grows from 0.
        free_bits: Rate below which it is not reduced, nats (objective "elbo").
        posterior: "normal" (independent) or "full_covariance".
        prior: "standard_normal" or "mixture_of_normals".
        prior_components: Components of a mixture prior; None is 10.
        hidden_units: Widths of the dense model's hidden layers; None is 500, 500.
        filters: Filters of the convolutional model; None goes by the image size.
        normalization: Whether convolutions have group normalization (conv_vae).
        epochs: Most passes through the training data.
        patience: Epochs without a better validation score before training stops.
        batch_size: Examples in a batch; None is 128, or 32 for small data sets.
        learning_rate: Adam's step size at the start; None is 0.001, and 0.0005 for
            vae_gan.
        schedule: "cosine" lets the step size fall to zero over `epochs`; "constant".
        seed: Seed of weights, order, noise and splits.
        image_size: (height, width) that own images are resized to; None goes by them.
        channels: 1 or 3 for own images; None goes by them.
        mixed_precision: Whether to compute in half precision: float16 on GPUs, bfloat16
            on CPUs (with AMX convolutions are faster by a quarter).
        jit: Whether to compile with XLA; None decides by model and machine.
        networks: "light" or "paper" (vae_gan); None is "light".
        gamma: Weight of the feature distance for the decoder (vae_gan); None is 0.05.
        generator_loss: "minimax", the paper's, or "non_saturating" (vae_gan); None is
            "non_saturating", which wants no margin and learned more in few epochs.
        margin: Distance of the players' costs from balance at which one of them sits a
            step out (vae_gan); None is that nobody does, the authors' code has 0.35.
        label_smoothing: What real data lack to a target of 1 (vae_gan).
        r1: Weight of the gradient penalty on real data (vae_gan).
        sample_weight: Weight of samples from the prior in the GAN loss (vae_gan).
        spectral_normalization: Whether the light discriminator has it (vae_gan).
        from_preset: Name or folder of a preset whose weights training starts from.

    Example:
        >>> Recipe(model="conv_vae", data="mnist_5k", latent_dim=2)
    """

    model: str
    data: str
    latent_dim: int | None = None
    likelihood: str | None = None
    binarize: str | None = None
    objective: str | None = None
    num_samples: int = 1
    beta: float = 1.0
    warmup_epochs: int = 0
    free_bits: float = 0.0
    posterior: str = "normal"
    prior: str = "standard_normal"
    prior_components: int | None = None
    hidden_units: tuple[int, ...] | None = None
    filters: tuple[int, ...] | None = None
    normalization: bool = False
    epochs: int = 50
    patience: int = 10
    batch_size: int | None = None
    learning_rate: float | None = None
    schedule: str = "cosine"
    seed: int = 0
    image_size: tuple[int, int] | None = None
    channels: int | None = None
    mixed_precision: bool = False
    jit: bool | None = None
    networks: str | None = None
    gamma: float | None = None
    generator_loss: str | None = None
    margin: float | None = None
    label_smoothing: float = 0.0
    r1: float = 0.0
    sample_weight: float = 1.0
    spectral_normalization: bool = False
    from_preset: str | None = None

    def __post_init__(self):
        """Checks every value by itself; what data and model say comes later."""
        for field in fields(self):
            if getattr(self, field.name) is None and field.default is not None:
                raise ValueError(f"{field.name} must have a value, but is null.")
        for name in ("data", "from_preset"):
            if not isinstance(value := getattr(self, name), str | None):
                raise ValueError(f"{name} must be a name or a path, but is {value!r}.")
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
        for name in ("mixed_precision", "jit", "normalization", "spectral_normalization"):
            if not isinstance(getattr(self, name), bool | None):
                raise ValueError(f"{name} must be true or false in a recipe.")
        self._check_together()

    def _check_together(self):
        if self.image_size is not None and len(self.image_size) != 2:
            raise ValueError(f"image_size must be height and width: {self.image_size}.")
        defaults = {field.name: field.default for field in fields(self)}
        for names, what, applies in _ONLY_FOR:
            for name in names:
                if getattr(self, name) != defaults[name] and not applies(self):
                    raise ValueError(f"{name} is for {what}, not for this recipe.")
        if (self.objective == "adversarial") != (self.model == "vae_gan"):
            if self.objective is not None:
                raise ValueError(
                    f"The objective {self.objective!r} does not train {self.model}: a "
                    "vae_gan has the objective 'adversarial', the others have not."
                )

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
        adversarial = self.model == "vae_gan"
        likelihood = None if adversarial else self.likelihood or data.likelihood
        binarize = self.binarize
        if binarize is None:
            usual = likelihood == "bernoulli" and data.binarize
            binarize = data.binarize if usual else "none"
        if binarize != "none" and likelihood != "bernoulli":
            raise ValueError(
                f"binarize={binarize!r} makes 0/1 pixels, which fit the likelihood "
                f"'bernoulli', not {likelihood or self.model!r}."
            )
        return dataclasses.replace(
            self,
            likelihood=likelihood,
            binarize=binarize,
            batch_size=self.batch_size or (32 if len(data.x_train) < _SMALL else 128),
            latent_dim=self.latent_dim or (128 if adversarial else 32),
            objective=self.objective or ("adversarial" if adversarial else "elbo"),
            learning_rate=_or(self.learning_rate, 5e-4 if adversarial else 1e-3),
        )

    @property
    def monitor(self) -> str | None:
        """The validation score that decides: the ELBO unless something else is meant.

        None where no score does: a VAE-GAN's losses are measured by a discriminator that
        changes, so the last epoch is kept.
        """
        if self.model == "vae_gan":
            return None
        plain = (
            self.objective in (None, "elbo") and self.beta == 1.0 and self.free_bits == 0.0
        )
        return "val_elbo" if plain else "val_loss"


def _or(value, default):
    return default if value is None else value


def _check_number(name, value, least):
    kinds = int if isinstance(least, int) else (int, float)
    is_number = isinstance(value, kinds) and not isinstance(value, bool)
    if not is_number or not least <= value < math.inf:
        word = "whole number" if kinds is int else "number"
        raise ValueError(f"{name} must be a {word} of at least {least}, but is {value!r}.")
