"""Samples and reconstructions of images, while a model trains and at the end of its run."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import keras
import numpy as np

from keras_vae import plots
from keras_vae.data import DataSet
from keras_vae.models import LatentVariableModel
from keras_vae.models.optimizers import averaged
from keras_vae.training.splits import split_for

# Number of samples in a picture; with classes, number of samples per class and of classes.
SAMPLES, SAMPLES_OF_CLASS, MOST_CLASSES = 64, 8, 20
# Number of originals beside their reconstructions.
PAIRS = 16


def makes_pictures(model: LatentVariableModel) -> bool:
    """Tells whether a model's observations can be shown as pictures.

    Args:
        model: The model.

    Returns:
        Whether they are images of 1 or 3 channels, or sounds, which are models of
        spectrograms.
    """
    return len(model.event_shape) == 3 and model.event_shape[-1] in (1, 3)


def shows_images(model: LatentVariableModel) -> bool:
    """Tells whether a model's raw observations are images that can be shown.

    Args:
        model: The model.

    Returns:
        Whether they are, and no sounds.
    """
    prepare = model.preprocessor
    is_of_sounds = prepare is not None and prepare.spectrogram is not None
    return makes_pictures(model) and not is_of_sounds


def draw_samples(
    model: LatentVariableModel, count: int, of_class: int, y=None
) -> tuple[np.ndarray, int | None]:
    """Draws samples from the prior with a fixed seed, for a picture.

    Args:
        model: The model.
        count: Number of samples.
        of_class: Number of samples of each class, for a model with classes.
        y: The condition of each sample, for a model that has another condition.

    Returns:
        The samples, and the number of them in a row: a row is a class. It is None without
        classes.
    """
    conditions, columns = None if y is None else y[:count], None
    if model.num_classes is not None:
        classes = np.arange(min(model.num_classes, MOST_CLASSES))
        conditions, columns = np.repeat(classes, of_class), of_class
    count = count if conditions is None else len(conditions)
    return model.sample(count, conditions), columns


def some_rows(x, y) -> tuple:
    """Takes observations for pictures, by chance: the examples of a class may be in a row.

    Args:
        x: Raw observations [N, *event].
        y: The condition of each observation, or None.

    Returns:
        Observations to reconstruct, and the conditions of these and of further samples.
    """
    rows = np.random.default_rng(0).permutation(len(x))[:SAMPLES]
    return x[rows[:PAIRS]], None if y is None else y[rows]


class PictureLog(keras.callbacks.Callback):
    """Logs samples and reconstructions every few epochs, and after the last one.

    The samples come from the prior and always have the same seed, and the reconstructions
    are of the same images, so that pictures of different epochs can be compared. All
    draws have seeds of their own: training goes on as it would without the pictures.

    Args:
        model: The model, with the preprocessor for the pictures; `fit` may have none.
        data: The data set, whose validation images are reconstructed.
        every: Number of epochs from one picture to the next.
        shows: Functions of a name, a picture (uint8 [H, W, 3]) and an epoch. Of several
            workers only the chief has some, but all must draw, since they may share
            weights.

    Example:
        >>> def show(name, picture, epoch):
        ...     plots.save_image(picture, f"{name}-{epoch}.png")
        >>> vae.preprocessor = Preprocessor.fit(data, vae.support)
        >>> pictures = PictureLog(vae, data, 5, [show])
        >>> vae.fit(data.x_train, callbacks=[pictures])
    """

    def __init__(
        self,
        model: LatentVariableModel,
        data: DataSet,
        every: int,
        shows: Sequence[Callable[[str, np.ndarray, int], None]],
    ):
        """Creates the callback, with its images."""
        super().__init__()
        self.every, self.shows, self.preprocessor = every, shows, model.preprocessor
        self.x, self.y = some_rows(*split_for(model, data, "validation"))
        self._due: int | None = None

    def on_epoch_end(self, epoch, logs=None):
        """Logs the pictures, if it is their turn."""
        self._due = epoch
        if (epoch + 1) % self.every == 0:
            self._log(epoch)

    def on_train_end(self, logs=None):
        """Logs the pictures of the last epoch."""
        if self._due is not None:
            self._log(self._due)

    def _log(self, epoch: int):
        pictures = self._draw()
        for show in self.shows:
            for name, picture in pictures.items():
                show(name, picture, epoch)
        self._due = None

    def _draw(self) -> dict[str, np.ndarray]:
        model = self.model
        # While it trains, the model has none, since its batches are prepared already.
        before, model.preprocessor = model.preprocessor, self.preprocessor
        try:
            # If an optimizer keeps averages of the weights, they are the model.
            with averaged(model.optimizers.values()):
                y = None if self.y is None else self.y[: len(self.x)]
                samples, columns = draw_samples(model, SAMPLES, SAMPLES_OF_CLASS, self.y)
                rebuilt = model.reconstruct(self.x, y)
            shown = model.shown_range
        finally:
            model.preprocessor = before
        pairs = plots.reconstruction_pairs(self.x, rebuilt, value_range=shown)
        samples = plots.image_grid(samples, columns, shown)
        return {"samples": samples, "reconstructions": pairs}
