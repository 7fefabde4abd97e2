"""Pictures of sounds: spectrograms with axes in seconds and hertz."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.figure import Figure

from keras_vae.core.numbers import positive_int
from keras_vae.data import Spectrogram
from keras_vae.data.spectrogram import LEVELS
from keras_vae.plots.panels import INK, add_caption, new_figure
from keras_vae.plots.saving import save_figure

# In inches.
_WIDTH, _HEIGHT, _MARGIN = 1.35, 1.0, 0.75
_ROUND = (50, 100, 200, 500, 1000, 2000, 4000, 8000, 16000)
_COLOURS = "magma"
# Of the height, between two marks.
_APART = 0.14


def spectrogram_rows(
    rows: Mapping[str, np.ndarray],
    spectrogram: Spectrogram,
    columns: Sequence[str] | None = None,
    caption: str | None = None,
) -> Figure:
    """Draws named rows of sounds, with matching sounds below each other.

    Time goes to the right, in seconds, and pitch up, in hertz; light is loud.

    Args:
        rows: Waveforms [N, samples] for each name, equally many in all rows.
        spectrogram: How they are looked at, such as `vae.preprocessor.spectrogram`.
        columns: A name for each of the N columns, or None.
        caption: One line above the pictures.

    Returns:
        The figure.

    Raises:
        ValueError: If there are no rows, rows differ in shape, or the names of columns do
            not fit.

    Example:
        >>> x = np.random.default_rng(0).normal(size=(3, 8192)).clip(-1, 1)
        >>> figure = spectrogram_rows({"noise": x}, Spectrogram(8000, 8192, 512, 128))
    """
    shapes = {name: np.shape(x) for name, x in rows.items()}
    if len(set(shapes.values())) != 1 or 0 in next(iter(shapes.values()), ()):
        raise ValueError(f"All rows must have one shape [N, samples], but have {shapes}.")
    ((count, _),) = set(shapes.values())
    if columns is not None and len(columns) != count:
        raise ValueError(f"There are {len(columns)} names for {count} columns.")
    figure = new_figure(count * _WIDTH + _MARGIN, len(rows) * _HEIGHT + _MARGIN)
    axes = figure.subplots(len(rows), count, sharex=True, sharey=True, squeeze=False)
    bands = spectrogram.event_shape[1]
    seconds = spectrogram.num_samples / spectrogram.sample_rate
    for line, (name, x) in zip(axes, rows.items(), strict=True):
        for ax, levels in zip(line, spectrogram(x)[..., 0], strict=True):
            ax.imshow(
                levels.T,
                cmap=_COLOURS,
                vmin=LEVELS[0],
                vmax=LEVELS[1],
                origin="lower",
                aspect="auto",
                extent=(0.0, seconds, -0.5, bands - 0.5),
            )
            ax.tick_params(labelcolor=INK, labelsize=7)
        text = f"{name.rstrip()}\nHz" if name.strip() else "Hz"
        line[0].set_ylabel(text, color=INK, fontsize=8, parse_math=False)
    _mark(axes[0][0], spectrogram)
    for ax, name in zip(axes[0], columns or (), strict=False):
        ax.set_title(name, color=INK, fontsize=9, parse_math=False)
    for ax in axes[-1]:
        ax.set_xlabel("seconds", color=INK, fontsize=8)
    add_caption(figure, caption)
    return figure


def save_spectrograms(
    x: np.ndarray,
    spectrogram: Spectrogram,
    path: str | os.PathLike,
    columns: int | None = None,
    names: Sequence[str] = (),
) -> None:
    """Writes a picture of sounds, row by row, as PNG or JPEG.

    Args:
        x: Waveforms [N, samples].
        spectrogram: How they are looked at.
        path: Where to write; must end in `.png`, `.jpg` or `.jpeg`.
        columns: Sounds in a row; None is at most 8.
        names: A name for each row, such as the class of its sounds, or an empty sequence.

    Raises:
        ValueError: If there are no sounds, the names do not fit, or the path does not end so.

    Example:
        >>> x = np.random.default_rng(0).normal(size=(3, 8192)).clip(-1, 1)
        >>> save_spectrograms(x, Spectrogram(8000, 8192, 512, 128), "sounds.png")
    """
    if not len(x):
        raise ValueError(f"x holds no sounds: it has shape {np.shape(x)}.")
    columns = min(len(x), 8) if columns is None else positive_int(columns, "columns")
    # The last row is filled up with silence.
    full = np.zeros((-(-len(x) // columns) * columns, *np.shape(x)[1:]), np.float32)
    full[: len(x)] = x
    lines = full.reshape(-1, columns, *full.shape[1:])
    if names and len(names) != len(lines):
        raise ValueError(f"There are {len(names)} names for {len(lines)} rows.")
    # Spaces are not seen, but make keys differ.
    named = enumerate(names or [""] * len(lines))
    rows = {name + " " * i: lines[i] for i, name in named}
    save_figure(spectrogram_rows(rows, spectrogram), path)


def _mark(ax, spectrogram: Spectrogram) -> None:
    """Writes round frequencies at the bands where they are."""
    hertz = spectrogram.hertz
    shown = [one for one in _ROUND if hertz[0] <= one <= hertz[-1]]
    places = np.interp(shown, hertz, np.arange(len(hertz)))
    # Those that would lie on each other are left out.
    kept: list[int] = []
    for i, place in enumerate(places):
        if not kept or place - places[kept[-1]] > _APART * len(hertz):
            kept.append(i)
    ax.set_yticks(places[kept], [f"{shown[i]:,}" for i in kept])
