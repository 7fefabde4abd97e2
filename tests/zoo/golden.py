"""Golden outputs of the zoo's presets: what three fixed inputs gave when they were made.

`python tests/zoo/golden.py NAME ...` writes them anew, after a preset was trained again.
"""

import sys
from pathlib import Path

import numpy as np

import keras_vae
from keras_vae.presets.lookup import _PACKAGE

ZOO = _PACKAGE.parent / "zoo"
FOLDER = Path(__file__).with_name("golden")


def inputs(model):
    """Three codes, and three observations that the model itself makes of them."""
    z = np.random.default_rng(0).normal(size=(3, *model.latent.shape)).astype("f4")
    x = np.asarray(model.decoded(z, classes(model)))
    return z, np.round(x) if model.is_discrete else x


def classes(model):
    """Their classes, for a model whose condition these are."""
    return None if model.condition_shape is None else np.arange(3)


def outputs(model, z, x):
    """What encoder and decoder say about them."""
    parts = model.posterior_summary(x, classes(model))
    parts |= {"decoded": model.decoded(z, classes(model))}
    return {name: np.asarray(value) for name, value in parts.items()}


def main(names):
    FOLDER.mkdir(exist_ok=True)
    for name in names:
        model = keras_vae.VAE.from_preset(ZOO / name, preprocessor=None)
        z, x = inputs(model)
        arrays = {"z": z, "x": x, **outputs(model, z, x)}
        np.savez_compressed(FOLDER / f"{name}.npz", **arrays)


if __name__ == "__main__":
    main(sys.argv[1:])
