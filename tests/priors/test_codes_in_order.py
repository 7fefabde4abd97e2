"""Learned priors over codes: distributions, causal, drawn row by row, and saved."""

import itertools

import keras
import laws
import numpy as np
import pytest
import tensorflow as tf
from two_level_codes import two_levels

import keras_vae
from keras_vae import generation
from keras_vae.core.seeds import row_seeds

# Layers that give grids of numbers (2, 2), (2,), (), (1, 2, 2) with R = 2, and 1 + 4.
GRIDS = {
    "grid": ("vector_quantizer:num_codes=3", (2, 2, 2)),
    "row": ("vector_quantizer:num_codes=3", (2, 2)),
    "one": ("vector_quantizer:num_codes=3", (2,)),
    "scalar": ("finite_scalar_quantizer:levels=3", (2, 2, 1)),
    "residual": ("residual_quantizer:num_quantizers=2,num_codes=3", (1, 2, 4)),
    "levels": (two_levels, (5, 2)),
}
PRIORS = {
    "pixel_cnn": "pixel_cnn:filters=4,layers=2,seed=1",
    "code_transformer": "code_transformer:units=4,layers=2,heads=2,seed=1",
}
every_prior = pytest.mark.parametrize("prior", PRIORS)
# Both priors read codes in a row; the layout of a grid is the first one's matter.
every_grid = pytest.mark.parametrize(
    "name, prior",
    [(name, "pixel_cnn") for name in ("grid", "row", "scalar", "levels")]
    + [(name, "code_transformer") for name in ("grid", "one", "residual")],
)


def made(name, prior="pixel_cnn"):
    """A model with such codes, whose codebook and prior have random weights."""
    posterior, shape = GRIDS[name]
    keras.utils.set_random_seed(0)
    q = posterior() if callable(posterior) else keras_vae.layers.get(posterior, shape)
    encoder = keras.Sequential([keras.Input((4,)), keras.layers.Dense(q.params_size)])
    decoder = keras.Sequential(
        [keras.Input(shape), keras.layers.Flatten(), keras.layers.Dense(4)]
    )
    px = keras_vae.layers.IndependentBernoulli(4)
    vae = keras_vae.VQVAE(encoder, decoder, q, px, PRIORS[prior], seed=0)
    rng = np.random.default_rng(0)
    for weight in [*q.weights, *vae.prior.weights]:
        if weight.name in ("codebook", "bias", "of_positions", "of_codes"):
            weight.assign(0.3 * rng.normal(size=weight.shape))
    return vae


def grids(vae):
    """All numbers that an observation's codes can have."""
    shape, codes = vae.index_shape, range(vae.posterior.num_codes)
    every = list(itertools.product(codes, repeat=int(np.prod(shape))))
    return np.reshape(np.array(every, np.int32), (-1, *shape))


@pytest.mark.thinned
@every_grid
def test_probabilities_sum_to_one_and_are_those_of_draws(name, prior):
    vae = made(name, prior)
    p, every = vae.prior.distribution(), grids(vae)
    probs = np.exp(p.log_prob(vae.codes_of(every)))
    assert probs.std() > 0.1 * probs.mean()
    assert probs.sum() == pytest.approx(1.0, abs=1e-5)
    draws = vae.posterior.indices(p.sample(2000, seed=(0, 1))).numpy().reshape(2000, -1)
    same = (draws[:, np.newaxis] == every.reshape(1, len(every), -1)).all(axis=-1)
    errors = np.sqrt(probs * (1 - probs) / 2000)
    assert (np.abs(same.mean(axis=0) - probs) < 4.5 * errors + 1e-3).all()


def test_vectors_between_codes_have_probability_zero():
    vae = made("grid")
    z = vae.codes_of(grids(vae)[:3])
    assert np.isneginf(vae.log_prior(z + 0.01)).all()


def test_codes_that_are_nearly_the_same_have_probabilities():
    vae = made("grid")
    codes = 10.0 + np.array(vae.posterior.codebook)
    codes[1] = codes[0] * (1 + 1e-4)
    vae.posterior.codebook.assign(codes)
    z = vae.codes_of(grids(vae))
    assert np.isfinite(vae.log_prior(z)).all()
    vae.latent.support.check(z.numpy())


@pytest.mark.parametrize(
    "prior",
    ["pixel_cnn:filters=8,layers=4,seed=0", "code_transformer:units=8,layers=2,seed=0"],
)
@pytest.mark.parametrize(
    "make",
    [
        lambda: keras_vae.layers.VectorQuantizer((4, 4, 2), num_codes=5),
        lambda: two_levels(2, num_codes=5),
    ],
    ids=["grid", "levels"],
)
def test_each_position_sees_all_before_it_and_nothing_else(make, prior):
    q = make()
    prior = keras_vae.priors.get(prior)
    prior.connect(type("Model", (), {"posterior": q}))
    prior.build(q.event_shape)
    logits_of, count = prior.distribution().logits_of, int(np.prod(q.index_shape))
    codes = np.random.default_rng(0).integers(5, size=(1, count))
    # Row i has another code at position i.
    others = (codes + np.eye(count, dtype=int)) % 5
    # In the same rows of two batches, since other rows may be rounded differently.
    before, after = (logits_of(one) for one in (np.repeat(codes, count, axis=0), others))
    moved = (before.numpy() != after.numpy()).any(axis=-1)
    np.testing.assert_array_equal(moved, np.triu(np.ones_like(moved), 1))


@every_prior
def test_rows_depend_on_their_seeds_alone(prior):
    vae = made("grid", prior)
    seeds = row_seeds(3, 20)
    together = vae.draw_by_row(seeds).numpy()
    assert len(np.unique(together.reshape(20, -1), axis=0)) > 5
    np.testing.assert_array_equal(vae.draw_by_row(seeds[7:11]), together[7:11])
    for i in (0, 19):
        np.testing.assert_array_equal(vae.draw(1, seeds[i])[0], together[i])
    x = vae.sample(20, seed=3)
    laws.close(vae.sample(5, seed=3), x[:5])


def test_a_low_temperature_draws_the_likeliest():
    vae = made("row")
    z = vae.codes_of(grids(vae))
    p = vae.prior.tempered(0.5)
    assert np.exp(p.log_prob(z)).sum() == pytest.approx(1.0, abs=1e-5)
    cold = np.unique(vae.draw(50, seed=0, temperature=1e-4), axis=0)
    assert len(cold) == 1


@pytest.mark.parametrize(
    "name, prior", [("grid", "pixel_cnn"), ("levels", "code_transformer")]
)
def test_the_rate_is_that_of_the_codes_and_comes_back(name, prior, tmp_path):
    vae = made(name, prior)
    x = np.random.default_rng(1).uniform(size=(6, 4)).round().astype("float32")
    z = vae.embed(x)
    trace = vae.trace(x)
    rate = -vae.log_prior(z).numpy()
    laws.close(trace.rates[0, 0], rate)
    laws.close(vae.log_likelihood(x, num_samples=2), vae.elbo(x))
    vae.save(tmp_path / "m.keras")
    again = keras.saving.load_model(tmp_path / "m.keras")
    laws.close(again.log_prior(z), -rate)
    np.testing.assert_array_equal(again.sample(4, seed=0), vae.sample(4, seed=0))


@pytest.mark.slow
@pytest.mark.thinned
@pytest.mark.parametrize(
    "prior", ["pixel_cnn:filters=8,layers=2", "code_transformer:units=8,layers=2"]
)
def test_fitting_raises_the_score_of_codes_held_out(prior):
    x = np.random.default_rng(2).integers(2, size=(300, 1)) * np.ones((1, 4), "float32")
    vae = made("grid").with_prior("uniform_over_codes")
    fitted = generation.fit_prior(vae, x[:200], prior, epochs=40, learning_rate=0.01)
    before, after = (np.mean(one.log_prior(vae.embed(x[200:]))) for one in (vae, fitted))
    assert before == pytest.approx(-4 * np.log(3))
    # The observations are of two kinds.
    assert after > -np.log(2) - 0.15
    gain = np.mean(fitted.elbo(x[200:]) - vae.elbo(x[200:]))
    assert gain == pytest.approx(after - before, abs=1e-3)
    drawn = fitted.posterior.indices(fitted.draw(100, seed=0)).numpy().reshape(100, -1)
    seen = {tuple(one.ravel()) for one in vae.encode_indices(x)}
    assert np.mean([tuple(one) in seen for one in drawn]) > 0.9


@every_prior
def test_eager_and_xla_agree(prior):
    vae = made("grid", prior)
    z = vae.codes_of(grids(vae)[:9])
    laws.agrees_compiled(lambda z: vae.log_prior(z), tf.constant(z))


@pytest.mark.slow
@pytest.mark.thinned
@pytest.mark.parametrize(
    "prior, objective, run_eagerly",
    [
        (PRIORS["pixel_cnn"], "iwae:num_samples=2", False),
        (PRIORS["code_transformer"], "elbo", True),
    ],
)
def test_trains_with_a_codebook_that_moves(prior, objective, run_eagerly):
    vae = made("grid").with_prior(prior)
    vae.trainable = True
    for part in vae.layers:
        part.trainable = True
    vae.compile("adam", objective=objective, run_eagerly=run_eagerly)
    before = vae.prior.get_weights()
    x = np.random.default_rng(1).uniform(size=(8, 4)).round().astype("float32")
    logs = vae.fit(x, epochs=2, batch_size=4, verbose=0).history
    assert np.isfinite(logs["loss"]).all()
    after = vae.prior.get_weights()
    assert all((a != b).any() for a, b in zip(before, after, strict=True))


def test_heads_must_share_the_units():
    with pytest.raises(ValueError, match="multiple of heads, but is 6, with 4 heads"):
        keras_vae.priors.CodeTransformer(units=6)
