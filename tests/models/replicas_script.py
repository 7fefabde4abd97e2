"""Trains on one and on two replicas and prints what came out, as JSON.

TensorFlow reads the number of logical devices once, when it starts, so this runs in a
process of its own; `test_replicas.py` looks at the numbers.
"""

import contextlib
import json

import keras
import numpy as np
import tensorflow as tf

tf.config.set_logical_device_configuration(
    tf.config.list_physical_devices("CPU")[0], [tf.config.LogicalDeviceConfiguration()] * 2
)

from model_cases import weights  # noqa: E402
from replica_cases import CASES, noise, run  # noqa: E402

from keras_vae import DenseVAE, LadderVAE, layers, priors  # noqa: E402

# Only one: a second strategy would take over the collectives of the first.
TWO_REPLICAS = tf.distribute.MirroredStrategy(["CPU:0", "CPU:1"])


def of_layers(term, rate=0.1):
    """Weights of a model that is built from layers, with a KL term, after two epochs."""
    x = np.random.default_rng(5).normal(size=(12, 3)).astype("float32")

    def trained(scope):
        keras.utils.set_random_seed(3)
        prior, rule = priors.StandardNormal(2), None
        with scope:
            if term == "regularizer":
                rule = layers.KLDivergenceRegularizer(prior, use_exact_kl=True, weight=2.0)
            posterior = layers.IndependentNormal(2, "mean", activity_regularizer=rule)
            parts = [keras.Input((3,)), keras.layers.Dense(4), posterior]
            if term == "layer":
                parts.append(layers.KLDivergenceAddLoss(prior, True, weight=2.0))
            ends = [keras.layers.Dense(3), layers.IndependentNormal(3, "mean", scale=1.0)]
            model = keras.Sequential(parts + ends)
            loss = layers.negative_log_likelihood
            model.compile(keras.optimizers.SGD(rate), loss)
        start = weights(model)
        model.fit(x, x, batch_size=4, epochs=2, shuffle=False, verbose=0)
        return start, weights(model)

    start, one = trained(contextlib.nullcontext())
    _, two = trained(TWO_REPLICAS.scope())
    return [float(np.abs(one - other).max()) for other in (start, two)]


def with_an_empty_share(make, objective):
    """Weights after two epochs, in each of which one replica has nothing to do once."""
    x = np.random.default_rng(6).integers(0, 2, (9, 6)).astype("float32")
    with TWO_REPLICAS.scope():
        model = make()
        model.compile(keras.optimizers.SGD(0.01), objective)
    start = weights(model)
    model.fit(x, batch_size=4, epochs=2, verbose=0)
    return [start.tolist(), weights(model).tolist()]


def main():
    report = {}
    for name, make_case in CASES.items():
        report[name] = [run(one, **make_case()) for one in (None, TWO_REPLICAS.scope())]
    report["KL terms"] = {term: of_layers(term) for term in ("layer", "regularizer")}
    makers = {
        "score_function": lambda: DenseVAE(6, 2, hidden_units=(5,), baseline=(4,)),
        "elbo": lambda: LadderVAE(6, (3, 2), hidden_units=(5, 4)),
    }
    report["empty share"] = {
        objective: with_an_empty_share(make, objective)
        for objective, make in makers.items()
    }
    report["noise"] = noise(TWO_REPLICAS)
    print("REPORT" + json.dumps(report, default=float))


if __name__ == "__main__":
    main()
