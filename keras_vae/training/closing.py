"""The end of a run: scores on test data, and pictures."""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from keras_vae import plots
from keras_vae.core.files import write_atomically, write_json
from keras_vae.core.support import REAL
from keras_vae.data import DataSet
from keras_vae.data.sounds import write_sounds
from keras_vae.data.tables import write_csv
from keras_vae.evaluation import (
    active_units,
    describe_scores,
    held_out_scores,
    label_scores,
)
from keras_vae.models import LatentVariableModel
from keras_vae.presets.files import METADATA, read_metadata
from keras_vae.training.pictures import (
    SAMPLES,
    SAMPLES_OF_CLASS,
    draw_samples,
    makes_pictures,
    some_rows,
)
from keras_vae.training.run_folder import RunRecorder, remove_checkpoints
from keras_vae.training.splits import labels_of, split_for

# Limits of the final evaluation: examples, importance samples of each, and decoded elements
# in total (about half a minute); large images get fewer samples.
_MOST_EXAMPLES, _MOST_SAMPLES, _MOST_ELEMENTS = 500, 500, 200_000_000
# A code of fewer nats says hardly anything.
_LEAST_RATE = 0.1
# Samples that are this many times as sharp as the data have grain.
_GRAIN = 1.5
# Sounds take more space than images, in pictures and in files.
_SOUNDS, _SOUNDS_OF_CLASS, _PAIRS_OF_SOUNDS = 32, 4, 8


def close(
    output: Path, recorder: RunRecorder, data: DataSet, say: Callable[[str], None]
) -> dict[str, Any]:
    """Scores the best model on test data, draws pictures, and ends the run.

    Args:
        output: The run's folder.
        recorder: The record of the epochs.
        data: The data set.
        say: Called with each line for the user.

    Returns:
        The scores.
    """
    plots.save_figure(plots.loss_curves(_columns(recorder.rows)), output / "loss.png")
    model = LatentVariableModel.from_preset(output)
    assert recorder.best_epoch is not None, "at least one epoch is behind"
    epochs = {"epochs": len(recorder.rows), "best_epoch": recorder.best_epoch + 1}
    if recorder.monitor is None:
        say(f"kept the last of {epochs['epochs']} epochs; look at the pictures")
    else:
        say(f"the best of {epochs['epochs']} epochs was epoch {epochs['best_epoch']}")
    if recorder.monitor and epochs["best_epoch"] == recorder.recipe.epochs:
        say("the last epoch was the best: a new run with more --epochs may be better")
    say("scoring the test data, which may take a few minutes")
    x, y = split_for(model, data, "test")
    scores = {**test_scores(model, x, y), "split": "test"}
    if model.learns_labels:
        scores |= label_scores(model, x, labels_of(model, data, "test"))
    say(describe_scores(scores))
    for line in [*_worse_than_nothing(model, scores), *_remarks(model, x, y, scores)]:
        say(line)
    x, y = some_rows(x, y)
    pictures = draw(model, x, output, y)
    training = {**epochs, "finished": True, "monitor": recorder.monitor}
    metadata = {**read_metadata(output), "training": training, "scores": scores}
    write_json(output / METADATA, metadata)
    remove_checkpoints(output)
    say(f"{output} holds the model" + (f" and {', '.join(pictures)}" if pictures else ""))
    return scores


def _worse_than_nothing(model, scores) -> list[str]:
    """Warns if grain passes for sharpness, or if guessing would score better."""
    sharpness = scores.get("sharpness_of_samples", {}).get("mean", 0.0)
    if sharpness > _GRAIN:
        return [
            f"samples are {sharpness:.1f} times as sharp as the data, which means grain. "
            "Fit a prior to the codes (keras-vae fit-prior), or train with another objective "
            "(adversarial:...): raise pixel_weight, gamma or beta, or lower sample_weight."
        ]
    low, high = model.support.low, model.support.high
    if high is None and model.preprocessor and model.preprocessor.levels:
        # The support of counts has no upper bound, but pixels have one.
        low, high = model.preprocessor.levels
    bits = scores.get("bits_per_dimension")
    if bits is None or not model.is_discrete or None in (low, high):
        return []
    uniform = math.log2(high - low + 1)
    if bits["mean"] <= uniform:
        return []
    return [
        f"{bits['mean']:.2f} bits/dim are more than the {uniform:.2f} of a uniform guess "
        "over all levels: the model has learned nothing. Check the levels and the "
        "likelihood (--levels, --likelihood), lower the learning rate (--optimizer "
        "adam:learning_rate=...), or train longer (--epochs)."
    ]


def _remarks(model, x, y, scores) -> list[str]:
    """Remarks that help to read the scores."""
    remarks = []
    shift = model.preprocessor.scaling.log_scale if model.preprocessor else 0.0
    if shift and model.trains_likelihood and not model.is_discrete:
        remarks.append(
            "these scores are of raw values; those of the epochs are of scaled ones, which "
            f"are {'lower' if shift > 0 else 'higher'} by {abs(shift):.2f} nats"
        )
    is_told_the_class = model.num_classes is not None and not model.learns_labels
    if is_told_the_class and len(model.event_shape) == 3:
        remarks.append(
            "these scores do not say whether samples show the class that was asked for; "
            "keras-vae evaluate RUN --metrics classes does"
        )
    x, y = x[:_MOST_EXAMPLES], None if y is None else y[:_MOST_EXAMPLES]
    rate = scores.get("rate", {}).get("mean", math.inf)
    if rate < _LEAST_RATE or len(x) > 1 and not active_units(model, x, y=y).any():
        remarks.append(
            "the code carries hardly any information about x, so all reconstructions are "
            "alike, and gaps are filled with nearly the same values. Check the likelihood and "
            "the levels (--likelihood, --levels), train longer, or lower the weight of the "
            "rate at first (--warmup-epochs)."
        )
    return remarks


def test_scores(model: LatentVariableModel, x: np.ndarray, y) -> dict[str, Any]:
    """Scores a model on test data, with as many samples as half a minute allows.

    Args:
        model: The model.
        x: Raw observations [N, *event].
        y: The condition of each observation, or None.

    Returns:
        The scores; see `keras_vae.evaluation.held_out_scores`.
    """
    elements = min(len(x), _MOST_EXAMPLES) * math.prod(model.event_shape)
    samples = min(_MOST_SAMPLES, max(50, _MOST_ELEMENTS // elements))
    # For a VAE-GAN the number is that of images, not of draws for each example.
    samples = samples if model.trains_likelihood else _MOST_SAMPLES
    return held_out_scores(model, x, samples, limit=_MOST_EXAMPLES, y=y)


def draw(model: LatentVariableModel, x: np.ndarray, output: Path, y=None) -> list[str]:
    """Draws samples and reconstructions of images, and the manifold of 2-D codes.

    Samples of tables with named columns are a table; sounds are also written as a WAV file.

    Args:
        model: The model.
        x: Held-out raw observations.
        output: Folder of the pictures.
        y: The condition of each observation and of further samples, for a model that has
            one; classes get a row of samples each.

    Returns:
        Names of the files; none for arrays that are not images.
    """
    columns_of_table = model.preprocessor is not None and model.preprocessor.columns
    if columns_of_table and model.condition_shape is None and not model.learns_labels:
        table: Any = model.sample(SAMPLES)
        write_atomically(output / "samples.csv", lambda path: write_csv(table, path))
        return ["samples.csv"]
    if not makes_pictures(model):
        return []
    of_sounds = model.preprocessor and model.preprocessor.spectrogram
    count, of_class = (
        (_SOUNDS, _SOUNDS_OF_CLASS) if of_sounds else (SAMPLES, SAMPLES_OF_CLASS)
    )
    samples, columns = draw_samples(model, count, of_class, y)
    rebuilt = model.reconstruct(x, None if y is None else y[: len(x)])
    names = _pictures(model, samples, x, rebuilt, output, columns)
    flat = model.latent.shape == (2,) and model.latent.support == REAL
    if flat and model.condition_shape is None:
        plots.save_image(plots.latent_manifold(model), output / "manifold.png")
        names.append("manifold.png")
    return names


def _pictures(model, samples, x, rebuilt, output: Path, columns) -> list[str]:
    """Draws samples, and data beside reconstructions; writes sounds, too."""
    names, shown = ["samples.png", "reconstructions.png"], model.shown_range
    pictures = [output / name for name in names]
    spectrogram = model.preprocessor and model.preprocessor.spectrogram
    if spectrogram is None:
        plots.save_image_grid(samples, pictures[0], columns, shown)
        plots.save_reconstruction_pairs(x, rebuilt, pictures[1], value_range=shown)
        return names
    conditions = model.preprocessor.conditions
    classes = [str(one) for one in (conditions and conditions.classes) or ()]
    lines = classes[: len(samples) // columns] if columns else []
    plots.save_spectrograms(samples, spectrogram, pictures[0], columns, lines)
    pairs = {"original": x[:_PAIRS_OF_SOUNDS], "reconstruction": rebuilt[:_PAIRS_OF_SOUNDS]}
    plots.save_figure(plots.spectrogram_rows(pairs, spectrogram), pictures[1])
    write_sounds(samples, spectrogram.sample_rate, output / "samples.wav")
    return [*names, "samples.wav"]


def _columns(rows: list[dict[str, float]]) -> dict[str, list[float]]:
    return {name: [row[name] for row in rows] for name in rows[0]}
