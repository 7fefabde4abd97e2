"""Noise of models: every batch, chunk and use of it has its own."""

import keras
import noise
import numpy as np
import pytest
from model_cases import IMAGE, conv_vae, data_for, vae, vae_gan

from keras_vae import objectives
from keras_vae.data import Preprocessor, Scaling
from keras_vae.models import latent_variable_model as queries

# Name: what is asked of a model, in several batches.
ASKED = {
    "elbo": lambda model, x: model.elbo(x, 2, batch_size=5),
    "log_likelihood": lambda model, x: model.log_likelihood(x, 7, batch_size=2),
    "sample": lambda model, x: model.sample(8, draw=True, batch_size=3),
}


@pytest.mark.parametrize("name", ASKED)
def test_no_estimate_uses_noise_twice(name, monkeypatch):
    monkeypatch.setattr(queries, "_EVENTS_AT_A_TIME", 6)
    model = vae()
    with noise.recorded() as seeds:
        ASKED[name](model, data_for(model))
    assert len(seeds) >= 3
    noise.never_shared(seeds)


class Drawing:
    """An objective that draws from the prior with the seed of the trace."""

    def call(self, trace, step):
        trace.p.sample(3, seed=trace.seed)
        return super().call(trace, step)


class DrawingELBO(Drawing, objectives.ELBO):
    pass


class DrawingGame(Drawing, objectives.Adversarial):
    pass


@pytest.mark.parametrize(
    "make, objective, draws",
    [(conv_vae, DrawingELBO, 2), (vae_gan, DrawingGame, 3)],
    ids=["VAE", "VAE-GAN"],
)
def test_no_step_uses_noise_twice(make, objective, draws):
    model = make()
    model.preprocessor = Preprocessor(Scaling(IMAGE), binarize=True)
    model.compile(keras.optimizers.SGD(0.01), objective(), run_eagerly=True)
    greys = np.random.default_rng(0).random((12, *IMAGE)).astype("float32")
    with noise.recorded() as seeds:
        model.fit(greys, batch_size=4, epochs=2, verbose=0)
        model.evaluate(greys, batch_size=4, verbose=0)
    # Pixels, which are drawn once for testing; z, the game's, and the objective's.
    assert sum(seeds.values()) == 6 * (1 + draws) + 3 * draws
    noise.never_shared(seeds)
