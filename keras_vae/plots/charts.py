"""Charts of training and of latent codes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.colors import to_rgba
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import MaxNLocator

from keras_vae.core.numbers import positive_int
from keras_vae.plots.panels import FAINT, INK, PALETTE, add_caption, dress, new_figure

_TRAIN = "#9aa7b5"
_VALIDATION = "#c8442c"
_POINTS = "#3b6ea5"

_MAX_CLASSES = 2 * len(PALETTE)

# Ticks at multiples of these, and no more than there are whole numbers.
_ROUND = {"steps": [1, 2, 5, 10], "min_n_ticks": 1}

_PANELS = {
    "elbo": "ELBO",
    "reconstruction_loss": "Reconstruction loss",
    "kl_loss": "KL loss",
}


def loss_curves(
    history: Mapping[str, Sequence],
    caption: str | None = None,
    validation_freq: int | None = None,
) -> Figure:
    """Draws how the ELBO and its two parts went in training.

    A panel each for `elbo`, `reconstruction_loss` and `kl_loss`, with training and, if
    there is one, validation. Values far outside the bulk, as the first epochs often
    bring, are left outside the panel, so that the rest can be read.

    Args:
        history: Lists with one value for each epoch: `History.history` of Keras, or the
            columns of the CSV file that `CSVLogger` writes, as numbers or text. With a
            column `epoch` (counted from 0, as Keras does) a run may begin anywhere.
        caption: One line above the panels.
        validation_freq: That of `fit`; None finds it out from the number of validations.

    Returns:
        The figure.

    Raises:
        ValueError: If the history has none of the three, no epochs, or epoch numbers
            that do not fit; or if `validation_freq` must be given.

    Example:
        >>> history = vae.fit(x_train, validation_data=x_test, epochs=20)
        >>> save_figure(loss_curves(history.history), "loss.png")
    """
    if validation_freq is not None:
        positive_int(validation_freq, "validation_freq")
    panels = {key: title for key, title in _PANELS.items() if key in history}
    if not panels:
        raise ValueError(
            f"history must have at least one of {', '.join(_PANELS)}, but has "
            f"{', '.join(map(str, history)) or 'nothing'}."
        )
    curves = {
        key: (_numbers(history[key]), _numbers(history.get(f"val_{key}", ())))
        for key in panels
    }
    if not all(len(train) for train, _ in curves.values()):
        raise ValueError("history has no epochs: its lists are empty.")
    figure = new_figure(3.6 * len(panels) + 0.2, 3.0)
    axes = figure.subplots(1, len(panels), squeeze=False)[0]
    for ax, (key, (train, validation)) in zip(axes, curves.items(), strict=True):
        epochs = _epochs(history.get("epoch"), len(train))
        _curve(ax, epochs, train, _TRAIN, "training")
        # validation_freq=k validates in every k-th epoch only, ...
        every = _frequency(len(epochs), len(validation), validation_freq)
        at = epochs[every - 1 :: every][: len(validation)]
        # ... which leaves cells of a CSV file empty: a line would have gaps there.
        known = ~np.isnan(validation[: len(at)])
        if known.any():
            _curve(ax, at[known], validation[: len(at)][known], _VALIDATION, "validation")
        # Half an epoch of room, which also keeps the tick 0 out.
        ax.set_xlim(epochs.min() - 0.5, epochs.max() + 0.5)
        ax.set_ylim(_limits(train, validation))
        ax.xaxis.set_major_locator(MaxNLocator(6, integer=True, **_ROUND))
        ax.yaxis.set_major_locator(MaxNLocator(5, **_ROUND))
        ax.grid(axis="y", color=FAINT, linewidth=0.8)
        dress(ax, "epoch", "nats per example", panels[key])
    figure.set_layout_engine("constrained", wspace=0.06)
    axes[0].legend(frameon=False, fontsize=9, labelcolor=INK, loc="best")
    add_caption(figure, caption)
    return figure


def latent_scatter(
    codes: np.ndarray,
    labels: Sequence | None = None,
    label_names: Sequence[str] | None = None,
    caption: str | None = None,
) -> Figure:
    """Draws latent codes as points in a plane.

    Codes of more than two dimensions are projected on their first two principal
    components; the axes say how much of the variance these hold.

    Args:
        codes: Latent vectors [N, D], D >= 2, such as `vae.embed(x)`.
        labels: Class of each point [N], at most 20 classes; None draws all points in one
            colour.
        label_names: Name of class 0, 1, ...; None shows the labels themselves.
        caption: One line above the chart.

    Returns:
        The figure, with the same length for a unit on both axes.

    Raises:
        ValueError: If the codes are not a finite array [N, D] with N, D >= 2, the
            labels do not fit them, there are more than 20 classes, or a class has no
            name.

    Example:
        >>> figure = latent_scatter(vae.embed(x_test), y_test, data.label_names)
    """
    codes = _check_codes(codes)
    classes, members = _classes(labels, len(codes))
    names = _class_names(classes, label_names)
    if codes.shape[1] == 2:
        points, titles = codes, ("z[0]", "z[1]")
    else:
        points, titles = _principal(codes)
    colors = np.array([to_rgba(color) for color in _colors(max(1, len(names)))])
    # In a random order, or the last class would cover the others.
    order = np.random.default_rng(0).permutation(len(points))
    figure = new_figure(5.2 + 1.2 * bool(names), 5.0)
    ax = figure.subplots()
    across, up = points[order].T
    ax.scatter(
        across,
        up,
        c=colors[members[order]],
        s=float(np.clip(30_000 / len(points), 3.0, 30.0)),
        alpha=0.8,
        linewidths=0,
    )
    ax.set_aspect("equal", adjustable="datalim")
    dress(ax, *titles)
    if names:
        handles = [
            Line2D([], [], linestyle="", marker="o", markersize=6, color=c, label=name)
            for c, name in zip(colors, names, strict=True)
        ]
        legend = figure.legend(
            handles=handles,
            loc="outside right center",
            frameon=False,
            fontsize=9,
            labelcolor=INK,
            handletextpad=0.2,
        )
        for text in legend.get_texts():
            text.set_parse_math(False)
    add_caption(figure, caption)
    return figure


def _curve(ax, epochs, values, color, label):
    # A single value makes no line.
    marker = "o" if np.count_nonzero(np.isfinite(values)) < 2 else None
    ax.plot(epochs, values, color=color, linewidth=1.8, marker=marker, label=label)


def _numbers(values):
    """Floats; empty cells of a CSV file become NaN."""
    numbers = []
    for value in values:
        try:
            numbers.append(float(value))
        except (TypeError, ValueError):
            numbers.append(np.nan)
    return np.array(numbers)


def _epochs(column, count):
    if column is None:
        return np.arange(1, count + 1)
    epochs = _numbers(column) + 1
    if len(epochs) != count or not np.isfinite(epochs).all():
        raise ValueError(
            f"history['epoch'] must hold {count} numbers, one for each epoch, but holds "
            f"{list(column)}."
        )
    return epochs


def _frequency(epochs: int, validations: int, given: int | None) -> int:
    """The number of epochs from one value of the validation to the next."""
    if validations == epochs:
        return 1
    if given is not None:
        return given
    fitting = [k for k in range(1, epochs + 1) if epochs // k == validations]
    if len(fitting) > 1:
        raise ValueError(
            f"history has {validations} validations in {epochs} epochs, which several values "
            f"of validation_freq give: {', '.join(map(str, fitting))}. Give the one of fit: "
            f"loss_curves(..., validation_freq={fitting[0]})."
        )
    return fitting[0] if fitting else 1


def _limits(*curves):
    """Lower and upper end of an axis that shows all but the outlying values."""
    finite = [values[np.isfinite(values)] for values in curves]
    values = np.concatenate(finite)
    if not len(values):
        return 0.0, 1.0
    # The first epochs do not count for the usual range, unless there are no others.
    later = np.concatenate([values[1:] for values in finite])
    low, high = np.percentile(later if len(later) else values, [10, 90])
    fence = 1.5 * (high - low) if len(later) > 2 else np.inf
    bulk = values[(values >= low - fence) & (values <= high + fence)]
    low, high = bulk.min(), bulk.max()
    margin = 0.06 * (high - low) or 0.05 * abs(high) or 1.0
    return low - margin, high + margin


def _check_codes(codes):
    codes = np.asarray(codes)
    if codes.ndim != 2 or min(codes.shape) < 2:
        raise ValueError(
            "codes must have the shape [N, D] with at least 2 codes of at least 2 "
            f"dimensions, but has {list(codes.shape)}."
        )
    codes = codes.astype(np.float64)
    if not np.isfinite(codes).all():
        raise ValueError("codes has values that are NaN or infinite; remove those rows.")
    return codes


def _classes(labels, count):
    """The distinct labels, and the place of each point's among them."""
    if labels is None:
        return np.array([]), np.zeros(count, int)
    labels = np.asarray(labels)
    if labels.shape != (count,):
        raise ValueError(
            f"labels must have one entry for each of the {count} codes, shape ({count},), "
            f"but has shape {labels.shape}."
        )
    classes, members = np.unique(labels, return_inverse=True)
    if len(classes) > _MAX_CLASSES:
        raise ValueError(
            f"labels has {len(classes)} different values, but at most {_MAX_CLASSES} can "
            "be told apart by colour. Group them, or show some of them."
        )
    return classes, members


def _class_names(classes, label_names):
    if label_names is None:
        return [str(one) for one in classes]
    wrong = [
        one
        for one in classes.tolist()
        if not isinstance(one, int) or not 0 <= one < len(label_names)
    ]
    if wrong:
        raise ValueError(
            f"label_names has {len(label_names)} names, for the labels 0 to "
            f"{len(label_names) - 1}, but labels has {wrong[0]!r}. Give a name for each "
            "class, or leave label_names out."
        )
    return [str(label_names[one]) for one in classes.tolist()]


def _colors(count):
    if count <= len(PALETTE):
        return PALETTE[:count]
    twins = [tuple(0.5 + 0.5 * part for part in to_rgba(color)[:3]) for color in PALETTE]
    return (*PALETTE, *twins)[:count]


def _principal(codes):
    # Here, since it takes a second and the other pictures do without.
    from sklearn.decomposition import PCA

    if not np.ptp(codes, axis=0).any():
        raise ValueError("codes are all the same, so there is nothing to project.")
    pca = PCA(2, svd_solver="full").fit(codes)
    titles = [
        f"principal component {i} ({share:.0%} of variance)"
        for i, share in enumerate(pca.explained_variance_ratio_, start=1)
    ]
    return pca.transform(codes), titles
