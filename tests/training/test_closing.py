"""What is said at the end of a run beside its scores."""

import numpy as np
import pytest

from keras_vae import DenseVAE
from keras_vae.data import Preprocessor, load
from keras_vae.training import closing


def model_of(x, folder, likelihood=None):
    """An untrained model of an array, and its test data."""
    np.save(folder / "own.npy", x)
    data = load(folder / "own.npy")
    likelihood = likelihood or data.likelihood
    model = DenseVAE(data.event_shape, 2, likelihood, hidden_units=8, seed=0)
    model.preprocessor = Preprocessor.fit(data, model.support)
    return model, data.split("all")[0]


@pytest.mark.parametrize(
    "is_dead, rate, is_said",
    [(False, 3.0, False), (True, 3.0, True), (False, 0.04, True)],
)
def test_a_code_that_says_nothing_is_said(is_dead, rate, is_said, tmp_path):
    x = np.random.default_rng(0).normal(size=(50, 6))
    model, x = model_of(x, tmp_path)
    if is_dead:
        for weight in model.encoder.weights:
            weight.assign(0 * weight)
    scores = {"rate": {"mean": rate, "standard_error": 0.01}}
    said = "\n".join(closing._remarks(model, x, None, scores))
    assert ("hardly any information about x" in said) == is_said
    assert not is_said or "--levels" in said


@pytest.mark.parametrize("factor, word", [(10.0, "higher"), (0.1, "lower"), (1.0, None)])
def test_scores_in_two_units_are_explained(factor, word, tmp_path):
    x = np.random.default_rng(0).normal(size=(50, 6))
    model, x = model_of(factor * x, tmp_path)
    model.preprocessor = Preprocessor.from_config(
        {
            **model.preprocessor.get_config(),
            "scaling": {"event_shape": [6], "offset": 0.0, "scale": factor},
        }
    )
    said = "\n".join(closing._remarks(model, x, None, {}))
    nats = f"{6 * np.log(10):.2f} nats"
    assert (f"{word} by {nats}" in said) if word else ("raw values" not in said)


@pytest.mark.parametrize("bits, is_said", [(20.0, True), (7.0, False)])
def test_counts_know_the_levels_of_pixels(bits, is_said, tmp_path):
    x = np.random.default_rng(0).integers(0, 256, (50, 6)).astype(np.uint8)
    model, _ = model_of(x, tmp_path, "poisson")
    scores = {"bits_per_dimension": {"mean": bits, "standard_error": 0.1}}
    said = "\n".join(closing._worse_than_nothing(model, scores))
    assert ("8.00 of a uniform guess" in said) == is_said


def test_probabilities_have_no_units(tmp_path):
    x = np.random.default_rng(0).poisson(3.0, (50, 6))
    model, x = model_of(x, tmp_path, "poisson")
    assert "raw values" not in "\n".join(closing._remarks(model, x, None, {}))
