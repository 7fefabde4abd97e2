"""Trains on one and on two replicas and prints what came out, as JSON.

TensorFlow reads the number of logical devices once, when it starts, so this runs in a
process of its own; `test_replicas.py` looks at the numbers.
"""

import json

import keras
import numpy as np
import tensorflow as tf

tf.config.set_logical_device_configuration(
    tf.config.list_physical_devices("CPU")[0], [tf.config.LogicalDeviceConfiguration()] * 2
)

from model_cases import data_for, fit, fixed_noise_vae, vae, weights  # noqa: E402

from keras_vae import priors  # noqa: E402

BATCH = 8


def strategy(replicas):
    return tf.distribute.MirroredStrategy([f"CPU:{i}" for i in range(replicas)])


def compiled(replicas, make=fixed_noise_vae):
    keras.utils.set_random_seed(3)
    with strategy(replicas).scope():
        model = make()
        model.compile(keras.optimizers.SGD(0.1, momentum=0.5))
    return model


def comparison(examples, make=fixed_noise_vae):
    """Weights, logs, evaluation and prediction on one replica and on two."""
    x = data_for(fixed_noise_vae(), examples)
    runs = []
    for replicas in (1, 2):
        model = compiled(replicas, make)
        start = weights(model)
        logs = fit(model, x, epochs=3, batch_size=BATCH, validation_data=x)
        scores = model.evaluate(x, batch_size=BATCH, verbose=0, return_dict=True)
        prediction = model.predict(x, batch_size=BATCH, verbose=0)
        runs.append((weights(model), logs, scores, prediction))
    (one, logs, scores, prediction), (two, logs2, scores2, prediction2) = runs
    return {
        "moved": float(np.abs(one - start).max()),
        "weights": float(np.abs(one - two).max()),
        "logs": {name: [values, logs2[name]] for name, values in logs.items()},
        "scores": {name: [value, scores2[name]] for name, value in scores.items()},
        "predictions": float(np.abs(prediction - prediction2).max()),
        "shapes": [list(prediction.shape), list(prediction2.shape), list(x.shape)],
    }


def weighted():
    """As `comparison`, with weights of the examples."""
    x, runs = data_for(fixed_noise_vae(), 12), []
    weight = np.array([0.0, 2.0] * 6)
    for replicas in (1, 2):
        model = compiled(replicas)
        fit(model, x, batch_size=BATCH, sample_weight=weight)
        runs.append(weights(model))
    return float(np.abs(runs[0] - runs[1]).max())


def noise():
    """Draws of each replica for the same examples."""
    two = strategy(2)
    with two.scope():
        model = vae()
        model.compile("sgd")
    x = tf.constant(data_for(model, 4))

    def draw():
        seeds = []
        trace = type(model).trace

        def recording(x, num_samples, seed, training):
            seeds.append(seed)
            return trace(model, x, num_samples, seed, training)

        model.trace = recording
        model._score(x, 0, training=True)
        return trace(model, x, 1, seeds[0]).z

    # Eager replicas would need threads of their own; a graph is what `fit` runs, too.
    draws = two.experimental_local_results(tf.function(lambda: two.run(draw))())
    return [draw.numpy().ravel().tolist() for draw in draws]


def mixture_vae():
    """A prior with weights; its means come from a seed, so that runs start alike."""
    return fixed_noise_vae(prior=priors.MixtureOfNormals(2, seed=1))


def penalized_vae():
    return fixed_noise_vae(kernel_regularizer=keras.regularizers.L2(0.1))


def main():
    report = {
        "even batches": comparison(16),
        "an uneven last batch": comparison(13),
        "a last batch of one": comparison(9),
        "a prior with weights": comparison(13, make=mixture_vae),
        "regularizers": comparison(13, make=penalized_vae),
        "weighted": weighted(),
        "noise": noise(),
    }
    print("REPORT" + json.dumps(report, default=float))


if __name__ == "__main__":
    main()
