"""Small training runs, and ways to compare, watch and break them."""

import csv
import os
from pathlib import Path

import keras
import numpy as np

from keras_vae import VAE
from keras_vae.data import DataSet
from keras_vae.training import run_folder, train
from keras_vae.training.recipe import Recipe
from keras_vae.training.run_folder import RunRecorder

MODEL = "dense_vae:latent_dim=2,hidden_units=8"


def recipe(**values):
    """A run of a few seconds on the digits."""
    small = {"model": MODEL, "data": "digits", "epochs": 3, "batch_size": 128}
    return Recipe(**{**small, "jit": False, **values})


def binarized(**values):
    """A run in which everything random takes part: order, pixels, latent draws."""
    said = {"likelihood": "bernoulli", "binarize": "dynamic", "warmup_epochs": 1}
    said["objective"] = "elbo:num_samples=1"
    return recipe(**{**said, **values})


def run(one, output, **options):
    """Trains; returns the lines that were said."""
    lines = []
    train(one, output, say=lines.append, **options)
    return "\n".join(lines)


def table_set(shape=(4,), n=40, likelihood="normal:scale=shared", **values):
    """A data set that was never a file."""
    x = np.random.default_rng(0).random((n, *shape)).astype("f4")
    splits = {"x_train": x, "x_validation": x[:5], "x_test": x[5:9]}
    return DataSet(**{"name": "made", "likelihood": likelihood, **splits, **values})


def history(folder):
    with open(folder / "history.csv", newline="") as file:
        rows = list(csv.DictReader(file))
    return {name: np.array([float(row[name]) for row in rows]) for name in rows[0]}


def weights(folder):
    model = VAE.from_preset(folder)
    return np.concatenate([w.ravel() for w in model.get_weights()])


def contents(folder):
    """Every file below a folder, byte by byte."""
    files = [path for path in folder.rglob("*") if path.is_file()]
    return {str(path.relative_to(folder)): path.read_bytes() for path in files}


def same_run(one, other):
    """Asserts that two runs have the same history and the same best weights."""
    first, second = history(one), history(other)
    assert list(first) == list(second)
    for name in first:
        np.testing.assert_allclose(first[name], second[name], rtol=1e-5, err_msg=name)
    np.testing.assert_allclose(weights(one), weights(other), rtol=0, atol=1e-5)


def script(monkeypatch, scores):
    """Replaces the validation scores; returns the weights after each epoch."""
    seen, on_epoch_end = [], RunRecorder.on_epoch_end

    def scripted(self, epoch, logs=None):
        seen.append(np.concatenate([w.ravel() for w in self.model.get_weights()]))
        on_epoch_end(self, epoch, {**logs, "val_elbo": scores[epoch]})

    monkeypatch.setattr(RunRecorder, "on_epoch_end", scripted)
    return seen


class Batches(keras.callbacks.Callback):
    """Raises in a batch of an epoch, both counted from 0."""

    epoch = None

    def __init__(self, epoch, batch, error):
        super().__init__()
        self.place, self.error = (epoch, batch), error

    def on_epoch_begin(self, epoch, logs=None):
        self.epoch = epoch

    def on_train_batch_end(self, batch, logs=None):
        if (self.epoch, batch) == self.place:
            raise self.error


def break_in_batch(monkeypatch, epoch, batch, error=KeyboardInterrupt):
    """Lets training end in the middle of an epoch."""
    fit = keras.Model.fit

    def broken(self, *arguments, callbacks, **options):
        callbacks = [*callbacks, Batches(epoch, batch, error())]
        return fit(self, *arguments, callbacks=callbacks, **options)

    monkeypatch.setattr(keras.Model, "fit", broken)


def break_at_write(monkeypatch, name, times, error=KeyboardInterrupt):
    """Lets the process end instead of writing a file of a run for the n-th time."""
    write, left = run_folder.write_atomically, [times]

    def broken(path, *arguments):
        left[0] -= path.name == name
        if left[0] == 0:
            raise error()
        write(path, *arguments)

    monkeypatch.setattr(run_folder, "write_atomically", broken)


def end_after_replacing(monkeypatch, left):
    """Lets the process end when so many files of a preset have been replaced."""
    replace, counted = os.replace, [left]

    def broken(source, target):
        # Metadata come through a file beside their place, the others from a folder.
        if Path(source).parent != Path(target).parent:
            counted[0] -= 1
            if counted[0] < 0:
                raise KeyboardInterrupt
        replace(source, target)

    monkeypatch.setattr(os, "replace", broken)
