"""Trains on one and on two replicas and prints what came out, as JSON.

TensorFlow reads the number of logical devices once, when it starts, so this runs in a
process of its own; `test_replicas.py` looks at the numbers.
"""

import contextlib
import json

import keras
import numpy as np
import tensorflow as tf
from tensorflow_probability import distributions as tfd

tf.config.set_logical_device_configuration(
    tf.config.list_physical_devices("CPU")[0], [tf.config.LogicalDeviceConfiguration()] * 2
)

from model_cases import (  # noqa: E402
    condition_for,
    conditional,
    data_for,
    dense_vae_gan,
    fit,
    fixed_noise_vae,
    fixed_noise_vae_gan,
    semi_supervised,
    vae,
    weights,
)

from keras_vae import layers, objectives, priors  # noqa: E402
from keras_vae.data import Preprocessor, Scaling  # noqa: E402
from keras_vae.models.inputs import unpack  # noqa: E402

BATCH = 8


# Only one: a second strategy would take over the collectives of the first.
TWO_REPLICAS = tf.distribute.MirroredStrategy(["CPU:0", "CPU:1"])


def run(scope, make, x, objective="elbo", rate=0.1, **arguments):
    """Weights before and after, logs, scores and a prediction of one training."""
    keras.utils.set_random_seed(3)
    with scope:
        model = make()
        model.compile(keras.optimizers.SGD(rate, momentum=0.5), objective)
    start = weights(model)
    logs = fit(model, x, epochs=2, batch_size=BATCH, validation_data=x, **arguments)
    y = condition_for(model, len(x))
    scores = model.evaluate(x, y, batch_size=BATCH, verbose=0, return_dict=True)
    prediction = model.predict(x, y=y, batch_size=BATCH, verbose=0).astype(float)
    return start, weights(model), logs, scores, prediction


def comparison(examples, make=fixed_noise_vae, x=None, **arguments):
    """The same training without a strategy and on two replicas."""
    x = data_for(make(), examples) if x is None else x
    start, one, logs, scores, prediction = run(
        contextlib.nullcontext(), make, x, **arguments
    )
    _, two, logs2, scores2, prediction2 = run(TWO_REPLICAS.scope(), make, x, **arguments)
    return {
        "moved": float(np.abs(one - start).max()),
        "weights": float(np.abs(one - two).max()),
        "logs": {name: [values, logs2[name]] for name, values in logs.items()},
        "scores": {name: [value, scores2[name]] for name, value in scores.items()},
        "predictions": float(np.abs(prediction - prediction2).max()),
        "shapes": [list(prediction.shape), list(prediction2.shape), list(x.shape)],
    }


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


def noise():
    """Draws of each replica for the same examples."""
    with TWO_REPLICAS.scope():
        model = vae()
        model.compile("sgd")
    x = tf.constant(data_for(model, 4))

    def draw():
        trace, _, _ = model._score(unpack(x), training=True)
        return trace.z

    # Eager replicas would need threads of their own; a graph is what `fit` runs, too.
    draws = tf.function(lambda: TWO_REPLICAS.run(draw))()
    draws = TWO_REPLICAS.experimental_local_results(draws)
    return [draw.numpy().ravel().tolist() for draw in draws]


class TrainedNormal(priors.Prior):
    """A prior with weights whose rate has a closed form, so that nothing is random."""

    def make_weights(self):
        self.loc = self.add_weight(self.event_shape, "ones")

    def make_distribution(self, y=None):
        scale = tf.ones(self.event_shape)
        return tfd.Independent(tfd.Normal(tf.convert_to_tensor(self.loc), scale), 1)


def full_vae():
    """A prior with weights, and a penalty of the encoder's weights."""
    penalty = keras.regularizers.L2(0.1)
    return fixed_noise_vae(prior=TrainedNormal(), kernel_regularizer=penalty)


def conditional_vae():
    """Classes as condition, and the default prior."""
    posterior = layers.IndependentNormal(2, scale=1e-6)
    return conditional(4, posterior=posterior)


def preprocessed_vae():
    """A model that reads 8-bit levels."""
    model = fixed_noise_vae()
    model.preprocessor = Preprocessor(Scaling((6,), 0.0, 255.0), levels=(0, 255))
    return model


def labelled_vae():
    """A model of labels some of which are unknown, with hardly any noise."""
    return semi_supervised(posterior=layers.IndependentNormal(2, scale=1e-6), alpha=1.0)


class SetBeta(keras.callbacks.Callback):
    """Raises beta in the second epoch."""

    def on_epoch_begin(self, epoch, logs=None):
        self.model.objective.beta = 1.0 + 3.0 * epoch


def gan(examples, make, **objective):
    """A comparison of VAE-GANs; small steps, since encoders' losses are large."""
    objective = objectives.Adversarial(gamma=0.1, **objective)
    return comparison(examples, make, objective=objective, rate=0.03)


def levels(n):
    """Raw 8-bit observations."""
    return np.random.default_rng(4).integers(0, 256, (n, 6), dtype=np.uint8)


def conv_vae_gan():
    return fixed_noise_vae_gan(spectral_normalization=True)


def main():
    weight = np.array([0.0, 2.0, 1.0, 0.5] * 3)
    report = {
        "even batches": comparison(16),
        "a last batch of one": comparison(9),
        "penalty, prior and weights": comparison(12, full_vae, sample_weight=weight),
        # Even, since TensorFlow's oneDNN convolutions fail on a replica without examples.
        "VAE-GAN of convolutions": gan(16, conv_vae_gan),
        "VAE-GAN, a last batch of one": gan(9, dense_vae_gan, r1=1.0),
        "VAE-GAN, a margin": gan(9, dense_vae_gan, margin=0.05, equilibrium=0.8),
        "a condition": comparison(9, conditional_vae),
        "labels, some unknown": comparison(9, labelled_vae),
        "raw data": comparison(9, preprocessed_vae, x=levels(9)),
        "beta set meanwhile": comparison(9, callbacks=[SetBeta()]),
        "an objective made outside": comparison(
            9, objective=objectives.ELBO(2.0), callbacks=[SetBeta()]
        ),
        "KL terms": {term: of_layers(term) for term in ("layer", "regularizer")},
        "noise": noise(),
    }
    print("REPORT" + json.dumps(report, default=float))


if __name__ == "__main__":
    main()
