"""Layers under a distribution strategy: two replicas are one. See `replicas_script.py`."""

import json
import os
import pathlib
import subprocess
import sys

import keras
import numpy as np
import pytest
import tensorflow as tf

from keras_vae import layers

FOLDER = pathlib.Path(__file__).parent


@pytest.fixture(scope="module")
def report():
    done = subprocess.run(
        [sys.executable, str(FOLDER / "replicas_script.py")],
        env={**os.environ, "PYTHONPATH": str(FOLDER.parents[1])},
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert done.returncode == 0, done.stderr[-4000:]
    (line,) = (line for line in done.stdout.splitlines() if line.startswith("REPORT"))
    return json.loads(line.removeprefix("REPORT"))


@pytest.mark.slow
@pytest.mark.parametrize(
    "model, scope",
    [
        ("shared scale", "two replicas"),
        ("mixture", "two replicas"),
        ("trained prior", "two replicas"),
        ("trained prior", "one device"),
        ("a weight of TensorFlow", "two replicas"),
        ("a weight of Keras", "two replicas"),
        ("a weight of Keras", "one device"),
    ],
)
def test_a_strategy_scores_and_trains_as_no_strategy_does(report, model, scope):
    results = report[model]
    np.testing.assert_allclose(results[scope], results["none"], rtol=1e-5, atol=1e-5)


@pytest.mark.slow
def test_a_replica_without_examples_adds_nothing(report):
    assert np.isfinite(report["a last batch of one"]).all()


@pytest.mark.parametrize("run_eagerly", [False, True])
def test_a_loss_finds_the_distribution_under_a_strategy(run_eagerly):
    with tf.distribute.OneDeviceStrategy("CPU:0").scope():
        model = keras.Sequential(
            [keras.Input((3,)), keras.layers.Dense(4), layers.IndependentNormal(2, "mean")]
        )
        model.compile("sgd", loss=layers.negative_log_likelihood, run_eagerly=run_eagerly)
    x = np.ones((4, 3), "float32")
    expected = np.mean(layers.negative_log_likelihood(x[:, :2], model(x)))
    assert model.evaluate(x, x[:, :2], verbose=0) == pytest.approx(expected, rel=1e-5)
    assert np.isfinite(model.fit(x, x[:, :2], verbose=0).history["loss"]).all()
