"""Observations with gaps: the likelihood counts what is known, and nothing else."""

import keras
import laws
import numpy as np
import pytest
from model_cases import fit

import keras_vae
from keras_vae import layers, networks

NAN = np.nan
LIKELIHOODS = {
    "normal": ("normal", lambda rng, shape: rng.normal(size=shape)),
    "bernoulli": ("bernoulli", lambda rng, shape: rng.integers(0, 2, shape)),
    "poisson": ("poisson", lambda rng, shape: rng.poisson(2.0, shape)),
    "levels": (
        "discretized_logistic:low=0,high=9",
        lambda rng, shape: rng.integers(0, 10, shape),
    ),
    "beta": ("beta", lambda rng, shape: rng.uniform(0.1, 0.9, shape)),
    "classes": ("categorical:num_classes=3", lambda rng, shape: rng.integers(0, 3, shape)),
    "mixture": ("mixture:num_components=2", lambda rng, shape: rng.normal(size=shape)),
}
every_likelihood = pytest.mark.parametrize("name", LIKELIHOODS)


def with_gaps(name, n=12, seed=0, gaps="mask"):
    likelihood, data = LIKELIHOODS[name]
    rng = np.random.default_rng(seed)
    x = data(rng, (n, 6)).astype("f4")
    x[rng.random(x.shape) < 0.3] = NAN
    model = keras_vae.DenseVAE(6, 2, likelihood, hidden_units=(5,), gaps=gaps, seed=0)
    return model, x


@every_likelihood
def test_the_distortion_is_that_of_what_is_known(name):
    model, x = with_gaps(name)
    trace = model.trace(x, 3, seed=1)
    known = ~np.isnan(x)
    elements = trace.px.distribution.log_prob(
        np.where(known, x, model.support.some_value())
    )
    expected = np.where(known, elements, 0.0).sum(axis=-1)
    laws.close(-trace.distortion, expected)


@pytest.mark.thinned
@every_likelihood
@pytest.mark.parametrize("gaps", ["fill", "mask"])
def test_training_gives_finite_numbers_and_moves_all_weights(name, gaps):
    model, x = with_gaps(name, gaps=gaps)
    model.compile("sgd", run_eagerly=name != "mixture")
    before = [np.copy(w) for w in model.get_weights()]
    logs = fit(model, x, validation_data=x)
    laws.all_finite(list(logs.values()))
    for old, new in zip(before, model.get_weights(), strict=True):
        assert np.isfinite(new).all() and (old != new).any()


def test_without_gaps_a_model_that_takes_them_scores_as_one_that_does_not():
    model, _ = with_gaps("normal", gaps="fill")
    plain = keras_vae.DenseVAE(6, 2, "normal", hidden_units=(5,), seed=0)
    plain.set_weights(model.get_weights())
    x = np.random.default_rng(3).normal(size=(5, 6)).astype("f4")
    laws.close(model.elbo(x), plain.elbo(x))
    laws.close(model.embed(x), plain.embed(x))


def test_everything_asked_of_a_model_takes_gaps(tmp_path):
    model, x = with_gaps("normal")
    answers = [
        model.elbo(x),
        model.embed(x),
        model.reconstruct(x),
        model.predict(x, verbose=0),
    ]
    answers += [model.log_likelihood(x, 20), model.interpolate(x[:2], x[2:4])]
    laws.all_finite(np.concatenate([np.ravel(one) for one in answers]))
    model.save(tmp_path / "model.keras")
    again = keras.saving.load_model(tmp_path / "model.keras")
    assert again.takes_gaps and again.gaps == "mask"
    laws.close(again.elbo(x), model.elbo(x))


def test_raw_densities_count_the_units_of_known_elements_alone():
    rng = np.random.default_rng(0)
    x = rng.normal(size=(200, 6)) * 100.0
    model = keras_vae.DenseVAE(6, 2, "normal", hidden_units=(5,), gaps="fill", seed=0)
    scaling = keras_vae.data.Scaling((6,), scale=100.0)
    raw = model.elbo((x / 100.0).astype("f4"))
    model.preprocessor = keras_vae.data.Preprocessor(scaling)
    laws.close(model.elbo(x), raw - 6 * np.log(100.0), rtol=1e-3)
    x[:, 0] = NAN
    model.preprocessor = None
    raw = model.elbo((x / 100.0).astype("f4"))
    model.preprocessor = keras_vae.data.Preprocessor(scaling)
    laws.close(model.elbo(x), raw - 5 * np.log(100.0), rtol=1e-3)


def test_images_have_gaps_too():
    x = np.random.default_rng(0).integers(0, 2, (8, 8, 8, 1)).astype("f4")
    x[:, :3] = NAN
    for gaps in ("fill", "mask"):
        model = keras_vae.ConvVAE((8, 8, 1), 2, filters=(2,), gaps=gaps, seed=0)
        model.compile("sgd", run_eagerly=True)
        laws.all_finite(list(fit(model, x).values()))


def test_a_network_of_ones_own_takes_gaps_by_its_first_layer():
    encoder = keras.Sequential([keras.Input((6,)), networks.Gaps(), keras.layers.Dense(4)])
    decoder = keras.Sequential([keras.Input((2,)), keras.layers.Dense(12)])
    normal = layers.IndependentNormal
    model = keras_vae.VAE(encoder, decoder, normal(2), normal(6), seed=0)
    assert model.takes_gaps
    laws.all_finite(model.elbo(np.array([[1, 2, 3, NAN, 5, 6.0]], "f4")))


def test_refusals():
    model, x = with_gaps("normal", gaps=None)
    assert not model.takes_gaps
    with pytest.raises(ValueError, match="NaN or infinite"):
        model.elbo(x)
    model, x = with_gaps("normal")
    x[0, 0] = np.inf
    with pytest.raises(ValueError, match="NaN or infinite"):
        model.elbo(x)
    with pytest.raises(ValueError, match="MultivariateNormalTriL are not independent"):
        keras_vae.DenseVAE(6, 2, "full_normal", gaps="mask")
    with pytest.raises(ValueError, match="gaps.*'masks'. Did you mean 'mask'"):
        keras_vae.DenseVAE(6, 2, gaps="masks")


@every_likelihood
def test_a_decoder_that_starts_from_data_scores_them_as_their_own_distribution(name):
    model, x = with_gaps(name, n=400)
    decoder = model.decoder.layers[-1]
    model.start_from(x)
    # Nothing but the biases: z has no say yet.
    decoder.kernel.assign(np.zeros(decoder.kernel.shape))
    params = model.likelihood.marginal_params(x)
    laws.close(decoder.bias, params)
    scores = model.likelihood.distribution(params[np.newaxis]).distribution.log_prob(
        np.where(np.isnan(x), model.support.some_value(), x)
    )
    expected = np.where(np.isnan(x), 0.0, scores).sum(axis=1)
    laws.close(-model.rate_and_distortion(x)[1], expected)
