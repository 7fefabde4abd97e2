"""Trainings whose result several replicas must share with one, on a machine or on more.

Scripts run them: TensorFlow reads the number of devices, and who else trains, once.
"""

import contextlib

import keras
import numpy as np
import tensorflow as tf
from model_cases import (
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
from tensorflow_probability import distributions as tfd

from keras_vae import layers, objectives, priors
from keras_vae.data import Preprocessor, Scaling
from keras_vae.models.inputs import unpack

BATCH = 8


def run(
    scope,
    examples,
    make=fixed_noise_vae,
    x=None,
    objective="elbo",
    rate=0.1,
    average=False,
    **options,
):
    """What came out of one training; without a scope it runs eagerly, which starts sooner."""
    keras.utils.set_random_seed(3)
    averages = {"use_ema": average, "ema_momentum": 0.5}
    with scope or contextlib.nullcontext():
        model = make()
        optimizer = keras.optimizers.SGD(rate, momentum=0.5, **averages)
        model.compile(optimizer, objective, run_eagerly=scope is None)
    x = data_for(model, examples) if x is None else x
    start = weights(model)
    logs = fit(model, x, epochs=2, batch_size=BATCH, validation_data=x, **options)
    y = condition_for(model, len(x))
    scores = model.evaluate(x, y, batch_size=BATCH, verbose=0, return_dict=True)
    prediction = model.predict(x, y=y, batch_size=BATCH, verbose=0).astype(float)
    return {
        "moved": float(np.abs(weights(model) - start).max()),
        "weights": weights(model).tolist(),
        "logs": logs,
        "scores": scores,
        "prediction": prediction.tolist(),
    }


def same(one, other):
    """Asserts that two trainings came to the same."""
    assert one["moved"] > 1e-2
    np.testing.assert_allclose(other["weights"], one["weights"], rtol=0, atol=1e-4)
    assert {"loss", "val_loss", "elbo", "val_elbo"} <= set(one["logs"])
    for of in ("logs", "scores"):
        assert set(one[of]) == set(other[of])
        for name, values in one[of].items():
            np.testing.assert_allclose(other[of][name], values, 1e-4, 1e-4, err_msg=name)
    np.testing.assert_allclose(other["prediction"], one["prediction"], rtol=0, atol=1e-4)


def noise(strategy):
    """Draws of each replica of this process for the same examples."""
    with strategy.scope():
        model = vae()
        model.compile("sgd")
    x = tf.constant(data_for(model, 4))

    def draw():
        trace, _, _ = model._score(unpack(x), training=True)
        return trace.z

    # Eager replicas would need threads of their own; a graph is what `fit` runs, too.
    draws = tf.function(lambda: strategy.run(draw))()
    draws = strategy.experimental_local_results(draws)
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


def levels(n):
    """Raw 8-bit observations."""
    return np.random.default_rng(4).integers(0, 256, (n, 6), dtype=np.uint8)


def conv_vae_gan():
    return fixed_noise_vae_gan(spectral_normalization=True)


def gan(examples, make, rate=0.03, **objective):
    """A VAE-GAN's case; small steps, since encoders' losses are large."""
    objective = objectives.Adversarial(gamma=0.1, **objective)
    return {"examples": examples, "make": make, "objective": objective, "rate": rate}


WEIGHT = np.array([0.0, 2.0, 1.0, 0.5] * 3)
# Name: the arguments of `run`.
CASES = {
    "a last batch of one": lambda: {"examples": 9},
    "penalty, prior and weights": lambda: {
        "examples": 12,
        "make": full_vae,
        "sample_weight": WEIGHT,
    },
    # Even, since TensorFlow's oneDNN convolutions fail on a replica without examples.
    "VAE-GAN of convolutions, averaged weights": lambda: {
        **gan(16, conv_vae_gan),
        "average": True,
    },
    "VAE-GAN, a margin and a penalty": lambda: gan(
        9, dense_vae_gan, margin=0.05, equilibrium=0.8, r1=1.0
    ),
    "labels, some unknown": lambda: {"examples": 9, "make": labelled_vae},
    "raw data, beta set meanwhile": lambda: {
        "examples": 9,
        "make": preprocessed_vae,
        "x": levels(9),
        "callbacks": [SetBeta()],
    },
    "a condition, an objective made outside": lambda: {
        "examples": 9,
        "make": conditional_vae,
        "objective": objectives.ELBO(2.0),
        "callbacks": [SetBeta()],
    },
}
