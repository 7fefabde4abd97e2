"""The common style of all figures, and empty figures in this style."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from keras_vae.plots.pixels import lay_out, to_pixels

INK = "#333333"
FAINT = "#e3e3e3"
_EDGE = "#999999"

# Distinct at the size of a dot, in an order in which neighbours differ; for up to 10
# classes, and each with a paler twin for up to 20.
PALETTE = (
    "#3b6ea5",
    "#ef8a1d",
    "#3f9b46",
    "#d0392b",
    "#8a5cb8",
    "#8c5a3c",
    "#e377b8",
    "#7a7a7a",
    "#b5b61f",
    "#1fb3c4",
)

# Sizes in inches: of an image in rows, of a letter of their names.
_TILE, _LETTER = 0.72, 0.085
_PADDING = 2


def panels(
    *labels: Sequence[str],
    caption: str | None = None,
    width: float = 4.4,
    height: float = 3.2,
) -> tuple[Figure, tuple[Axes, ...]]:
    """Makes a figure of empty panels, side by side, in the style of this module's charts.

    Args:
        *labels: For each panel the labels of its axes, with units, and perhaps a title:
            `("epoch", "nats per example")` or `("z", "density", "the prior")`.
        caption: One line above the panels.
        width: Width of a panel, in inches.
        height: Height of a panel, in inches.

    Returns:
        The figure and its axes, to draw on.

    Raises:
        ValueError: If there are no panels, or one does not have two or three labels.

    Example:
        >>> figure, (ax,) = panels(("epoch", "rate [nats]"), caption="The rate grows.")
        >>> line = ax.plot(history.history["kl_loss"])
    """
    if not labels or not all(len(one) in (2, 3) for one in labels):
        raise ValueError(
            "Each panel needs (x label, y label) or (x label, y label, title), but got "
            f"{labels!r}."
        )
    figure = new_figure(width * len(labels), height + 0.3 * (caption is not None))
    all_axes = tuple(figure.subplots(1, len(labels), squeeze=False)[0])
    for ax, texts in zip(all_axes, labels, strict=True):
        dress(ax, *texts)
        ax.set_prop_cycle(color=PALETTE)
    add_caption(figure, caption)
    return figure, all_axes


def image_rows(
    rows: Mapping[str, np.ndarray],
    columns: Sequence[str] | None = None,
    value_range: tuple[float, float] | None = None,
    caption: str | None = None,
) -> Figure:
    """Draws named rows of images, with matching images below each other.

    Args:
        rows: Images [N, H, W, C] for each name, equally many in all rows; C = 1 or 3.
        columns: A name for each of the N columns, or None.
        value_range: Values (low, high) shown as black and as white; None finds it for
            each row as `image_grid` does.
        caption: One line above the images.

    Returns:
        The figure.

    Raises:
        ValueError: If there are no rows, rows differ in shape, the names of columns do
            not fit, or as `image_grid`.

    Example:
        >>> figure = image_rows({"original": x[:10], "mean": vae.reconstruct(x[:10])})
    """
    shapes = {name: np.shape(images) for name, images in rows.items()}
    if len(set(shapes.values())) != 1:
        raise ValueError(f"All rows must have one shape [N, H, W, C], but have {shapes}.")
    tiles = np.stack([to_pixels(x, value_range, name) for name, x in rows.items()])
    count, (high, wide) = tiles.shape[1], tiles.shape[2:4]
    if columns is not None and len(columns) != count:
        raise ValueError(f"There are {len(columns)} names for {count} columns.")
    picture = lay_out(tiles, [_PADDING] * (len(tiles) - 1), _PADDING)
    names_width = _LETTER * max(map(len, rows))
    names_height = 0.25 * (columns is not None) + 0.35 * (caption is not None)
    figure = new_figure(
        count * _TILE + names_width, len(tiles) * _TILE * high / wide + names_height
    )
    ax = figure.subplots()
    ax.imshow(picture, interpolation="nearest", aspect="equal")
    # The remaining width is for the names.
    ax.set_anchor("E")
    ax.spines[:].set_visible(False)
    ax.tick_params(length=0, labelcolor=INK, labelsize=9, labeltop=True, labelbottom=False)
    # Names of classes may hold anything, such as a dollar.
    as_it_is = {"parse_math": False}
    ax.set_yticks(_middles(picture.shape[0], len(tiles)), list(rows), **as_it_is)
    at = _middles(picture.shape[1], count) if columns else []
    ax.set_xticks(at, columns or [], **as_it_is)
    add_caption(figure, caption)
    return figure


def new_figure(width: float, height: float) -> Figure:
    """Makes an empty figure that is not registered with `pyplot`.

    Args:
        width: Width in inches.
        height: Height in inches.

    Returns:
        The figure.
    """
    figure = Figure(figsize=(width, height), layout="constrained", facecolor="white")
    FigureCanvasAgg(figure)
    return figure


def dress(ax: Axes, x_label: str, y_label: str, title: str | None = None) -> None:
    """Gives axes the look of this module's charts, and their labels.

    Args:
        ax: The axes.
        x_label: Label of the x axis, with its unit.
        y_label: Label of the y axis, with its unit.
        title: Above the axes; None leaves it out.
    """
    ax.spines[["top", "right"]].set_visible(False)
    ax.spines[["left", "bottom"]].set_color(_EDGE)
    ax.tick_params(color=_EDGE, labelcolor=INK, labelsize=9)
    ax.set_xlabel(x_label, color=INK, fontsize=10)
    ax.set_ylabel(y_label, color=INK, fontsize=10)
    ax.set_axisbelow(True)
    if title:
        ax.set_title(title, color=INK, fontsize=11, fontweight="bold", loc="left")


def add_caption(figure: Figure, caption: str | None) -> None:
    """Writes one line above all panels.

    Args:
        figure: The figure.
        caption: The line; None writes nothing.
    """
    if caption:
        figure.suptitle(caption, x=0.01, ha="left", fontsize=10.5, color=INK)


def _middles(length, count):
    """Where the middles of `count` equal tiles lie, whatever the gaps between them."""
    size = (length - _PADDING * (count - 1)) / count
    return [size / 2 - 0.5 + i * (size + _PADDING) for i in range(count)]
