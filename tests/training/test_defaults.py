"""Of no table at hand are the defaults worse than what each column says by itself."""

import os
from pathlib import Path

import numpy as np
import pytest

from keras_vae import VAE
from keras_vae.core.centers import elements_of
from keras_vae.data import load
from keras_vae.training import Recipe, train

TABLES = Path(os.environ.get("KERAS_VAE_DATA", "none"), "tables")
# Rows that are taken, and epochs.
CASES = {
    "horse_colic": (300, 8),
    "winequality_white": (800, 8),
    "adult_train": (800, 8),
}


@pytest.mark.slow
@pytest.mark.skipif(not TABLES.is_dir(), reason="needs $KERAS_VAE_DATA/tables")
@pytest.mark.parametrize("name", CASES)
def test_a_model_beats_the_columns_by_themselves(name, tmp_path):
    rows, epochs = CASES[name]
    text = (TABLES / f"{name}.csv").read_text().splitlines()
    path = tmp_path / "table.csv"
    path.write_text("\n".join(text[:rows]))
    # (XLA would compile for longer than this takes.)
    recipe = Recipe(str(path), "dense_vae", epochs=epochs, jit=False)
    train(recipe, tmp_path / "run", say=print)
    model, data = VAE.from_preset(tmp_path / "run"), load(path)
    found = model.log_likelihood(data.x_test, 200)
    # The likelihood's own families, fitted to each column of the training data.
    layer = model.likelihood
    start = layer.marginal_params(model.to_units(data.x_train, scores=True))
    x = model.to_units(data.x_test, scores=True)
    params = np.broadcast_to(start.reshape(-1), (len(x), start.size)).astype(np.float32)
    known = ~np.isnan(x)
    filled = np.where(known, x, model.support.some_value()).astype(np.float32)
    by_column = elements_of(layer.distribution(params)).log_prob(filled)
    alone = np.where(known, by_column, 0.0).sum(axis=1)
    alone = alone + model.preprocessor.log_scale_of(data.x_test)
    gain = np.asarray(found, np.float64) - np.asarray(alone, np.float64)
    assert np.isfinite(gain).all()
    assert gain.mean() > -2 * gain.std() / np.sqrt(len(gain))
    assert data.columns
