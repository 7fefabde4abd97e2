"""Draws samples, walks, reconstructions and edits of the zoo's models.

    python examples/gallery.py --output docs/images/gallery.png

The gallery has samples from the prior of each image preset and a walk between two of them. It
has held-out images with their reconstructions if the data are available, and for faces an edit
from no smile to a large one. It never shows images without an open licence, only a model's
reconstructions of them.
"""

from __future__ import annotations

import argparse

import numpy as np

import keras_vae
from keras_vae import generation, plots
from keras_vae.plots.panels import INK, new_figure
from keras_vae.presets.cards import may_show_data
from keras_vae.presets.listing import describe
from keras_vae.presets.lookup import find_preset
from keras_vae.training.splits import split_for

COLUMNS = 12
PIXELS = 64
TRAINING_IMAGES = 2_000
ROW_INCHES, WIDTH_INCHES = 0.62, 8.4


def rows_of(vae: keras_vae.VAE, name: str) -> dict[str, np.ndarray]:
    """Makes the pictures of a preset.

    Args:
        vae: Its model.
        name: Its name, or its folder.

    Returns:
        A row of raw images by label.
    """
    # A model with classes draws each in turn, and walks within the first.
    classes = vae.num_classes and np.arange(COLUMNS) % vae.num_classes
    one = None if classes is None else 0
    z = vae.draw(2, seed=5, y=one if one is None else np.repeat(one, 2))
    rows = {
        "samples": vae.sample(COLUMNS, classes, seed=0),
        "a walk": vae.interpolate_codes(z[:1], z[1:], COLUMNS, y=one)[0],
    }
    about = describe(find_preset(name))
    try:
        data = keras_vae.data.load(about["data"])
    except OSError as error:
        print(f"{name}: no held-out images ({error})")
        return rows
    x, y = split_for(vae, data, "test")
    x, y = x[:COLUMNS], None if y is None else y[:COLUMNS]
    if may_show_data(about["licence"]):
        rows["held out"] = x
    rows["reconstruction"] = vae.reconstruct(x, y)
    if data.label_names and "Smiling" in data.label_names:
        rows["more smile"] = smiles(vae, data)
    return rows


def smiles(vae, data) -> np.ndarray:
    """Reconstructions of one held-out face with less and more of a smile."""
    smiling = data.label_names.index("Smiling")
    some = slice(0, TRAINING_IMAGES)
    vectors = generation.attribute_vectors(
        vae, data.x_train[some], {"Smiling": data.y_train[some, smiling]}
    )
    solemn = np.flatnonzero(data.y_test[:, smiling] == 0)[:1]
    strengths = np.linspace(-1.0, 2.0, COLUMNS)
    x = data.x_test[solemn]
    return generation.edit_attribute(vae, x, vectors["Smiling"], strengths)[0]


def draw(names: list[str]):
    """Draws the rows of several presets below each other.

    Args:
        names: Names of presets of images.

    Returns:
        The figure.
    """
    rows = []
    for name in names:
        vae = keras_vae.VAE.from_preset(name)
        for i, (label, images) in enumerate(rows_of(vae, name).items()):
            # Sounds are shown as spectrograms.
            images = vae.pictures(images)
            # Small images are enlarged, so all rows have about the same width.
            times = max(1, PIXELS // images.shape[1])
            images = images.repeat(times, axis=1).repeat(times, axis=2)
            picture = plots.image_grid(images, COLUMNS, vae.shown_range, scale=1)
            rows.append((name if i == 0 else None, label, picture))
    titles = sum(title is not None for title, _, _ in rows)
    figure = new_figure(WIDTH_INCHES, ROW_INCHES * len(rows) + 0.3 * titles)
    axes = figure.subplots(len(rows), 1, squeeze=False)[:, 0]
    for ax, (title, label, picture) in zip(axes, rows, strict=True):
        ax.imshow(picture, interpolation="nearest")
        ax.spines[:].set_visible(False)
        ax.tick_params(length=0, labelcolor=INK, labelsize=9)
        ax.set_xticks([])
        ax.set_yticks([(len(picture) - 1) / 2], [label])
        if title:
            ax.set_title(title, loc="left", fontsize=10, color=INK, fontweight="bold")
    return figure


def is_table(name: str) -> bool:
    """Tells whether a preset models tables, which have no pictures."""
    preprocessor = keras_vae.VAE.from_preset(name, load_weights=False).preprocessor
    return preprocessor is not None and preprocessor.columns is not None


def main() -> None:
    """Draws the gallery of the given presets, or of all."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("presets", nargs="*", help="names; default: all but tables")
    parser.add_argument("--output", default="gallery.png", help="default: %(default)s")
    given = parser.parse_args()
    names = given.presets or [name for name in keras_vae.presets() if not is_table(name)]
    plots.save_figure(draw(names), given.output)
    print(f"wrote {given.output}: {', '.join(names)}")


if __name__ == "__main__":
    main()
