"""Trains layers in Sequential models on one and on two replicas and prints, as JSON.

TensorFlow reads the number of logical devices once, when it starts, so this runs in a
process of its own; `test_layers_under_strategies.py` looks at the numbers.
"""

import contextlib
import json

import keras
import numpy as np
import tensorflow as tf

tf.config.set_logical_device_configuration(
    tf.config.list_physical_devices("CPU")[0], [tf.config.LogicalDeviceConfiguration()] * 2
)

from keras_vae import layers, priors  # noqa: E402

X = np.random.default_rng(0).normal(size=(17, 3)).astype("float32")


def normal(**arguments):
    return layers.IndependentNormal(2, "mean", **arguments)


def regularized(prior, **arguments):
    penalty = layers.KLDivergenceRegularizer(prior, True, **arguments)
    return [normal(activity_regularizer=penalty)]


def with_term(prior, exact=True, **arguments):
    return [normal(), layers.KLDivergenceAddLoss(prior, exact, **arguments)]


MODELS = {
    "shared scale": lambda: [normal(scale="shared")],
    "mixture": lambda: [layers.MixtureNormal(2, 2, "mean")],
    "trained prior": lambda: with_term(priors.MixtureOfNormals(2, seed=1), exact=False),
    "a weight of TensorFlow": lambda: with_term(
        priors.StandardNormal(2), weight=tf.Variable(0.5)
    ),
    "a weight of Keras": lambda: regularized(
        priors.StandardNormal(2), weight=keras.Variable(0.5)
    ),
}


def run(scope, make, size):
    """Scores, logs, weights and predictions of one training; without a scope, eagerly."""
    keras.utils.set_random_seed(0)
    with scope or contextlib.nullcontext():
        last = make()
        first = keras.layers.Dense(last[0].params_size)
        model = keras.Sequential([keras.Input((3,)), first, *last])
        nll = layers.negative_log_likelihood
        eagerly = {"run_eagerly": scope is None}
        model.compile(keras.optimizers.SGD(0.05), loss=nll, metrics=[nll], **eagerly)
    x, given = X[:size], {"batch_size": 8, "verbose": 0}
    y = 2.0 * x[:, :2]
    scores = model.evaluate(x, y, **given)
    logs = model.fit(x, y, epochs=2, shuffle=False, **given).history
    weights = [np.ravel(w) for w in model.get_weights()]
    predicted = model.predict(x, **given)
    results = [scores, *logs.values(), *weights, predicted]
    return np.concatenate([np.ravel(one) for one in results]).astype(float).tolist()


def main():
    one = tf.distribute.OneDeviceStrategy("CPU:0")
    two = tf.distribute.MirroredStrategy(["CPU:0", "CPU:1"])
    report = {
        name: {"none": run(None, make, 16), "two replicas": run(two.scope(), make, 16)}
        for name, make in MODELS.items()
    }
    for name in ("trained prior", "a weight of Keras"):
        report[name]["one device"] = run(one.scope(), MODELS[name], 16)
    # The second replica gets nothing of the last batch.
    report["a last batch of one"] = run(two.scope(), MODELS["a weight of TensorFlow"], 17)
    print("REPORT" + json.dumps(report))


if __name__ == "__main__":
    main()
