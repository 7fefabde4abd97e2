"""What the tests of the VAE-GAN start from."""

import keras
import numpy as np
from model_cases import IMAGE, PLAYERS, data_for, vae_gan

from keras_vae.objectives import Adversarial


def sgd(**rates):
    """Plain descent for each player; those without a rate stand still."""
    return {player: keras.optimizers.SGD(rates.get(player, 0.0)) for player in PLAYERS}


def compiled(make=vae_gan, optimizer=None, objective=None, seed=3, **arguments):
    """A small model, compiled eagerly, and its data; the same for the same seed."""
    keras.utils.set_random_seed(seed)
    model = make()
    settings = {"run_eagerly": True, **arguments}
    optimizer = keras.optimizers.Adam(1e-2) if optimizer is None else optimizer
    model.compile(optimizer, objective or Adversarial(gamma=0.1), **settings)
    return model, data_for(model)


def player_values(model):
    """The values of each player's variables."""
    return {
        player: [np.array(v) for v in variables]
        for player, variables in model.player_variables().items()
    }


def optimizer_values(model):
    """Iterations, rates and slots of each player's optimizer."""
    return {
        player: [np.array(v) for v in one.variables]
        for player, one in model.optimizers.items()
    }


def equal(first, second):
    """Whether two lists of arrays hold the same numbers."""
    return all(np.array_equal(a, b) for a, b in zip(first, second, strict=True))


def played(model, x, seed=0, training=False):
    """A pass with its game, as a training step makes it."""
    trace = model.trace(x, 1, seed, training)
    return trace._replace(game=model.play(trace, seed, training))


def images(n=12, shape=IMAGE):
    return np.random.default_rng(0).random((n, *shape)).astype("float32")
