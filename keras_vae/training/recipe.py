"""Recipes: everything that decides a training run, as one JSON file."""

from __future__ import annotations

import dataclasses
import math
import os
from dataclasses import dataclass, field, fields
from typing import Any, cast

from keras_vae.core.descriptions import describe, parse
from keras_vae.core.files import read_json
from keras_vae.core.names import unknown
from keras_vae.core.numbers import positive

# Fields that name a part; constructors check their arguments when the parts are made.
PARTS = ("model", "posterior", "prior", "likelihood", "objective", "optimizer")
_WORDS = {
    "binarize": ("dynamic", "static", "none"),
    "schedule": ("cosine", "constant"),
}
_WHOLE = {
    "warmup_epochs": 0,
    "epochs": 1,
    "patience": 1,
    "batch_size": 1,
    "seed": 0,
    "labels": 1,
    "sample_rate": 1,
}
# Training examples below which small batches are worth their time: with 4,000 digits and
# 50 epochs, batches of 32 instead of 128 gained 4 nats.
_SMALL = 20_000
# Fewer training images than this are few: photos are mirrored and shifted.
FEW_IMAGES = 1_000


def _field(default: Any, text: str, **more: Any):
    return field(default=default, metadata={"help": text, **more})


@dataclass(frozen=True)
class Recipe:
    """The whole input of `keras-vae train`.

    Parts are written as `"NAME:ARG=VALUE,..."`, or as a dict of `name` and arguments;
    `keras-vae parts` lists them. The metadata of a field explain it; `keras-vae train
    --help` shows them. None leaves a value to data and model.

    Raises:
        ValueError: If a value cannot be read.

    Example:
        >>> Recipe(model="conv_vae:latent_dim=2", data="mnist_5k", objective="elbo:beta=4")
    """

    data: str = _field(None, "Name of a data set, or a path to your own data.")
    model: str | None = _field(
        None, "A model, such as conv_vae:latent_dim=40.", hidden=True
    )
    posterior: str | None = _field(None, "q(z|x), such as normal, flow:num_layers=8.")
    prior: str | None = _field(
        None,
        "p(z), such as vamp:num_components=500.  [default: the usual prior of the posterior]",
    )
    likelihood: str | None = _field(
        None,
        "p(x|z), such as bernoulli, normal:scale=shared.  [default: depends on the data]",
    )
    objective: str | None = _field(
        None, "The objective of training, such as elbo:beta=4, iwae:num_samples=5."
    )
    optimizer: str | None = _field(
        None, "A Keras optimizer, such as adam:learning_rate=0.002."
    )
    schedule: str = _field(
        "cosine",
        "Learning rate: cosine lowers it to zero over all epochs, constant keeps it.",
    )
    warmup_epochs: int = _field(0, "Epochs over which the objective's beta grows from 0.")
    binarize: str | None = _field(
        None,
        "How 0/1 pixels are drawn: dynamic draws new ones in each epoch, static once, none "
        "keeps grey values. Held-out data are binarized once.  [default: depends on the "
        "data]",
    )
    augment: str | None = _field(
        None,
        "Random changes of training images in each epoch: flip, shift=PIXELS, flip,shift=2 "
        f"or none.  [default: both for fewer than {FEW_IMAGES:,} colour images in files, "
        "otherwise none]",
    )
    epochs: int | None = _field(
        None,
        "Maximum number of epochs. An epoch is a pass through the training data, or several "
        "if they are few.  [default: 50, or 20 for vae_gan]",
    )
    patience: int = _field(
        10, "Epochs without a better validation score before training stops."
    )
    batch_size: int | None = _field(
        None,
        f"Examples in a batch.  [default: 128, or 32 if the data have fewer than {_SMALL:,} "
        "examples]",
    )
    seed: int = _field(0, "Seed for weights, order, noise and splits.")
    image_size: tuple[int, int] | None = _field(
        None,
        "Height and width to which your images are resized.  [default: depends on the "
        "images]",
    )
    channels: int | None = _field(
        None, "1 or 3, for your images.  [default: depends on the images]"
    )
    levels: tuple[int, int] | None = _field(
        None,
        "For arrays and tables of pixels: smallest and largest possible value, if the data "
        "do not contain them: LOW:HIGH, such as 0:1023.",
    )
    skip_damaged: bool = _field(
        False, "Whether to leave out images or sounds that cannot be read."
    )
    sample_rate: int | None = _field(
        None,
        "Samples per second to which your sounds are resampled.  [default: the rate of most "
        "files, 16,000 at most]",
    )
    seconds: float | None = _field(
        None,
        "Length in seconds to which your sounds are cut or padded.  [default: the length "
        "of the longest sound, 2 at most]",
    )
    stream: bool | None = _field(
        None,
        "Whether to read images from their files in each epoch instead of holding them in "
        "memory.  [default: only if they would take more than a quarter of memory]",
    )
    label: str | None = _field(
        None,
        "For tables: the column that holds the labels, or several: income,age. The model "
        "does not learn them.",
    )
    condition: str | None = _field(
        None,
        "The condition that the model reads beside x: labels, or names of labels or of a "
        "table's columns, such as income,age.",
    )
    library_size: bool = _field(
        False,
        "For counts: whether the model reads the total of each row, its library size, and "
        "means are proportional to it.",
    )
    labels: int | None = _field(
        None,
        "For semi-supervised models: number of training examples that keep their labels, "
        "equally many of each class, chosen by the seed.  [default: all known labels]",
    )
    columns: dict | None = _field(
        None,
        "For tables: a JSON file with kinds of columns by name, to correct those found "
        'automatically: {"age": "count", "code": "category"}.',
    )
    header: bool | None = _field(
        None,
        "For tables: whether the first line names the columns.  [default: detected]",
    )
    mixed_precision: bool = _field(
        False,
        "Whether to compute in half precision: float16 on GPUs, bfloat16 on CPUs (with AMX "
        "convolutions are faster by a quarter).",
    )
    skip_threshold: float | None = _field(
        None,
        "Norm of the gradient above which an update is skipped, as for very deep "
        "hierarchies.  [default: none is skipped]",
    )
    deterministic: bool = _field(
        False,
        "Whether the process uses only operations that give the same numbers each time, "
        "which are slower on GPUs.",
    )
    jit: bool | None = _field(
        None,
        "Whether to compile with XLA, on one device.  [default: depends on model and "
        "machine]",
    )
    from_preset: str | None = _field(
        None,
        "Name or folder of a trained model from which training starts. It decides the model "
        "but for --posterior and --prior.",
    )

    def __post_init__(self):
        """Checks every value by itself; data and model check the rest later."""
        if not self.data or not isinstance(self.data, str):
            raise ValueError(
                f"data must be the name of a data set or a path, but is {self.data!r}."
            )
        for one in fields(self):
            if getattr(self, one.name) is None and one.default is not None:
                raise ValueError(f"{one.name} must have a value, but is null.")
        for name in PARTS:
            if (value := getattr(self, name)) is not None:
                self._set(name, _as_text(name, value))
        self._check_model()
        for name, known in _WORDS.items():
            if (value := getattr(self, name)) is not None and value not in known:
                raise unknown(name, value, known)
        for name, least in _WHOLE.items():
            if (value := getattr(self, name)) is not None:
                _check_whole(name, value, least)
        for name in ("label", "condition", "augment"):
            if not isinstance(getattr(self, name), str | None):
                raise ValueError(f"{name} must be a name: {getattr(self, name)!r}.")
        for name in (
            *("mixed_precision", "jit", "header", "skip_damaged", "library_size"),
            *("stream", "deterministic"),
        ):
            if not isinstance(getattr(self, name), bool | None):
                raise ValueError(f"{name} must be true or false in a recipe.")
        if not isinstance(self.columns, dict | None):
            raise ValueError(
                f"columns must map names of columns to kinds, but is {self.columns!r}."
            )
        if self.skip_threshold is not None:
            self._set("skip_threshold", positive(self.skip_threshold, "skip_threshold"))
        self._check_images()
        self._check_sounds()
        self._check_levels()
        self._check_start()

    def _set(self, name, value):
        object.__setattr__(self, name, value)

    def _check_model(self):
        """Refuses arguments of the model for values that have their own field."""
        _, arguments = parse(self.model) if self.model else ("", {})
        if self.condition and "condition" in arguments:
            raise ValueError(
                f"condition={self.condition!r} decides the condition already: leave "
                f"condition out of {self.model!r}."
            )
        for name in ("posterior", "prior", "likelihood", "seed"):
            if name in arguments:
                raise ValueError(
                    f"{name} is an option of its own, not an argument of the model: leave "
                    f"it out of {self.model!r}, and give {name} ({'--' + name})."
                )

    def _check_images(self):
        if self.augments:
            # Here, so that reading recipes does not wait for TensorFlow.
            from keras_vae.data.augmentation import Augmentation

            Augmentation(cast(str, self.augment))
        if self.channels not in (None, 1, 3) or self.channels is True:
            raise ValueError(f"channels must be 1 or 3, but is {self.channels!r}.")
        if self.image_size is None:
            return
        if not isinstance(self.image_size, list | tuple) or len(self.image_size) != 2:
            raise ValueError(f"image_size must be height and width: {self.image_size!r}.")
        for size in self.image_size:
            _check_whole("image_size", size, 1)
        self._set("image_size", tuple(self.image_size))

    def _check_sounds(self):
        if self.seconds is None:
            return
        number = isinstance(self.seconds, int | float) and self.seconds is not True
        if not number or not 0 < self.seconds < math.inf:
            raise ValueError(f"seconds must be a positive number, but is {self.seconds!r}.")

    def _check_levels(self):
        if self.levels is None:
            return
        whole = isinstance(self.levels, list | tuple) and len(self.levels) == 2
        if not whole or not all(type(n) is int for n in self.levels):
            raise ValueError(f"levels must be two whole numbers: {self.levels!r}.")
        if self.levels[0] >= self.levels[1]:
            raise ValueError(f"levels must go from low to high, but are {self.levels!r}.")
        self._set("levels", tuple(self.levels))

    def _check_start(self):
        if self.from_preset is None:
            if self.model is None:
                raise ValueError(
                    "A recipe must name the model, such as conv_vae, or from_preset."
                )
            return
        if not isinstance(self.from_preset, str):
            raise ValueError(f"from_preset must be a name or path: {self.from_preset!r}.")
        given = [
            n
            for n in ("model", "likelihood", "condition", "library_size")
            if getattr(self, n)
        ]
        if given:
            raise ValueError(
                f"The preset {self.from_preset!r} decides the model, so "
                f"{' and '.join(given)} cannot be given, too. Leave "
                f"{'them' if given[1:] else 'it'} out."
            )
        if self.mixed_precision:
            raise ValueError(
                "A preset's layers keep the precision that they were saved with, so "
                "mixed_precision and from_preset exclude each other."
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
            ValueError: If it is damaged, or holds unknown names or invalid values.
        """
        config = read_json(path)
        if not isinstance(config, dict):
            raise ValueError(f"{path} must hold a JSON object with the recipe's values.")
        known = [one.name for one in fields(cls)]
        for name in config:
            if name not in known:
                raise unknown(f"entry of {path}", name, known)
        if "data" not in config:
            raise ValueError(f"{path} must have an entry 'data', but has none.")
        return cls(**config)

    def to_config(self) -> dict[str, Any]:
        """Returns all values that are not None, as JSON holds them."""
        return {
            one.name: value
            for one in fields(self)
            if (value := getattr(self, one.name)) is not None
        }

    def resolve(self, data, before=None) -> Recipe:
        """Fills in the values that depend on data and model.

        Args:
            data: The `keras_vae.data.DataSet` that the recipe names.
            before: The model to start from, or None.

        Returns:
            The recipe with `augment`, `batch_size`, `epochs` and `stream` filled in.

        Raises:
            ValueError: If `augment` is given for data that are not images.
        """
        augment = self._augmentation(data)
        if self.augments and data.sample_rate is not None:
            raise ValueError(
                f"augment={self.augment!r} changes images, but {data.name!r} holds sounds, "
                "and a changed spectrogram is another sound. Leave it out."
            )
        from keras_vae.data.streaming import Streamed
        from keras_vae.models import ROOM

        if self.augments and len(data.event_shape) != 3:
            raise ValueError(
                f"augment={self.augment!r} changes images, but {data.name!r} has "
                f"observations of shape {data.event_shape}. Leave it out."
            )
        small = len(data.x_train) < _SMALL
        kind = ROOM.part(self.title) if before is None else before
        return dataclasses.replace(
            self,
            augment=augment,
            epochs=self.epochs or kind.usual_epochs,
            batch_size=self.batch_size or (32 if small else 128),
            stream=isinstance(data.x_train, Streamed) or self.stream,
        )

    def _augmentation(self, data):
        """How training images are changed; photos have no left and right of their own."""
        are_photos = data.files is not None and data.event_shape[2:] == (3,)
        if self.augment or not are_photos or len(data.x_train) >= FEW_IMAGES:
            return self.augment
        return f"flip,shift={max(1, min(data.event_shape[:2]) // 20)}"

    @property
    def augments(self) -> bool:
        """Whether training images are changed; known once the recipe is resolved."""
        return self.augment not in (None, "none")

    @property
    def title(self) -> str:
        """The name of the run in lines for the user."""
        return self.from_preset or parse(cast(str, self.model))[0]


def _as_text(name, value):
    """A part in its normal form, so that recipes can be compared."""
    if not isinstance(value, str | dict):
        raise ValueError(
            f"{name} must be NAME:ARG=VALUE,... or a dict with 'name', but is {value!r}."
        )
    return describe(*parse(value))


def _check_whole(name, value, least):
    if (
        isinstance(value, bool)
        or not isinstance(value, int)
        or not least <= value < math.inf
    ):
        raise ValueError(
            f"{name} must be a whole number of at least {least}, but is {value!r}."
        )
