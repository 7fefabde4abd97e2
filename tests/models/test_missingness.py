"""Models of missingness: log p(s|x) is what it says, is learned, and moves what is filled."""

import keras
import laws
import numpy as np
import pytest
import tensorflow as tf
from model_cases import fit

import keras_vae
from keras_vae import generation, networks
from keras_vae.core.seeds import row_seeds

NAN = np.nan
KINDS = [
    "self_masking",
    "self_masking:direction=high",
    "self_masking:direction=low",
    "linear",
    "nonlinear:hidden_units=(3,)",
]
every_kind = pytest.mark.parametrize("kind", KINDS)
LIKELIHOODS = ["normal", "student_t", "laplace", "logistic", "normal:scale=shared"]


def with_gaps(n=12, missingness="self_masking", likelihood="normal", **kwargs):
    rng = np.random.default_rng(0)
    x = rng.normal(size=(n, 4)).astype("f4")
    x[x > 0.8] = NAN
    kwargs = {"hidden_units": (5,), "gaps": "mask", "seed": 0, **kwargs}
    model = keras_vae.DenseVAE(4, 2, likelihood, missingness=missingness, **kwargs)
    return model, x


def randomize(layer):
    rng = np.random.default_rng(1)
    layer.set_weights([rng.normal(size=w.shape) for w in layer.get_weights()])


def logits_of(layer, x):
    """The log-odds of being missing, by NumPy."""
    if isinstance(layer, networks.SelfMasking):
        slope, bias = (w.astype("f8") for w in layer.get_weights())
        sign = {"high": 1, "low": -1}.get(layer.direction)
        slope = slope if sign is None else sign * np.log1p(np.exp(slope))
        return slope * x + bias
    *hidden, kernel, bias = layer.get_weights()
    for k, b in zip(hidden[::2], hidden[1::2], strict=True):
        x = np.tanh(x @ k + b)
    return x @ kernel + bias


@every_kind
def test_scores_are_those_of_bernoulli_variables(kind):
    layer = networks.get_missingness(kind)
    layer.build((None, 4))
    randomize(layer)
    rng = np.random.default_rng(2)
    x = rng.normal(size=(3, 5, 4)).astype("f4")
    known = rng.random((5, 4)) < 0.5
    missing = 1 / (1 + np.exp(-logits_of(layer, x)))
    laws.close(layer(x, known), np.log(np.where(known, 1 - missing, missing)), rtol=1e-4)
    again = type(layer).from_config(layer.get_config())
    again.build((None, 4))
    again.set_weights(layer.get_weights())
    laws.close(again(x, known), layer(x, known))


@every_kind
def test_the_start_is_the_share_of_gaps(kind):
    model, x = with_gaps(400, kind)
    x[:, 0] = np.random.default_rng(0).normal(size=400)
    model.start_from(x)
    bias = model.missingness.bias.numpy()
    share = np.isnan(x).mean(axis=0)
    laws.close(1 / (1 + np.exp(-bias)), share, atol=3e-3)


def gaussian(direction="high"):
    """z ~ N(0, 1), x = w z + noise, gaps that depend on x; q(z|x) is broad."""
    encoder, decoder = keras.layers.Dense(2), keras.layers.Dense(2)
    model = keras_vae.VAE(
        keras.Sequential([keras.Input((2,)), networks.Gaps(), encoder]),
        keras.Sequential([keras.Input((1,)), decoder]),
        keras_vae.layers.IndependentNormal(1),
        keras_vae.layers.IndependentNormal(2, scale=0.5),
        missingness=networks.SelfMasking(direction),
        seed=0,
    )
    encoder.set_weights([np.zeros((2, 2)), np.array([0.0, 1.0])])
    decoder.set_weights([np.array([[0.8, -0.6]]), np.array([0.1, 0.3])])
    model.missingness.set_weights([np.array([1.5, 2.0]), np.array([-0.5, 0.2])])
    return model


def by_integration(direction):
    """Log p(x_1 = 0.4, s), and E[x_2 | x_1, s] where x_2 is missing; on a grid of (z, x_2)."""
    z, x2 = np.meshgrid(np.linspace(-8, 8, 801), np.linspace(-8, 8, 801))

    def normal(x, mean, scale):
        z = (x - mean) / scale
        return -0.5 * z**2 - np.log(scale * np.sqrt(2 * np.pi))

    slope = np.log1p(np.exp([1.5, 2.0])) * (1 if direction == "high" else -1)
    known, missing = slope[0] * 0.4 - 0.5, slope[1] * x2 + 0.2
    log_p = normal(z, 0, 1) + normal(0.4, 0.8 * z + 0.1, 0.5)
    log_p += normal(x2, -0.6 * z + 0.3, 0.5)
    log_p += -np.log1p(np.exp(known)) - np.log1p(np.exp(-missing))
    p = np.exp(log_p)
    return np.log(p.sum() * 0.02**2), (p * x2).sum() / p.sum()


@pytest.mark.parametrize("direction", ["high", "low"])
def test_likelihood_and_filled_values_are_those_of_an_integral(direction):
    model = gaussian(direction)
    x = np.full((40, 2), [0.4, NAN], "f4")
    log_p, mean = by_integration(direction)
    estimates = model.log_likelihood(x, 500)
    error = estimates.std() / np.sqrt(len(x))
    assert error < 0.02
    assert abs(estimates.mean() - log_p) < 4 * error + 0.01
    filled = generation.impute(model, x, num_samples=1000, num_draws=100, seed=1)
    laws.close(filled.mean[:, 0], 0.4)
    values = filled.mean[:, 1]
    assert abs(values.mean() - mean) < 4 * values.std() / np.sqrt(len(x)) + 0.01
    assert abs(filled.draws[..., 1].mean() - mean) < 0.05
    # Without p(s|x) it is something else.
    model.missingness.set_weights([np.full(2, -20.0), np.zeros(2)])
    plain = generation.impute(model, x, num_samples=1000, seed=1).mean[:, 1].mean()
    assert abs(plain - mean) > 0.1


@pytest.mark.thinned
@every_kind
def test_all_weights_are_trained(kind):
    model, x = with_gaps(missingness=kind)
    randomize(model.missingness)
    model.compile("sgd", "iwae:num_samples=3")
    before = [np.copy(w) for w in model.get_weights()]
    logs = fit(model, x, validation_data=x)
    laws.all_finite(list(logs.values()))
    for old, new in zip(before, model.get_weights(), strict=True):
        assert np.isfinite(new).all() and (old != new).any()


@pytest.mark.parametrize("likelihood", LIKELIHOODS)
def test_the_gradient_goes_through_what_is_missing(likelihood):
    model, x = with_gaps(likelihood=likelihood)
    randomize(model.missingness)
    nothing = np.full((2, 4), NAN, "f4")
    with tf.GradientTape() as tape:
        distortion = tf.reduce_sum(model.trace(nothing, 3).distortion)
    # Nothing is known: all that the decoder can change is how likely the gaps are.
    gradient = tape.gradient(distortion, model.decoder.layers[-1].bias.value).numpy()
    assert np.isfinite(gradient).all() and (gradient[:4] != 0).all()


def test_a_bound_of_a_row_with_its_own_seed_does_not_know_the_others():
    model, x = with_gaps(4)
    randomize(model.missingness)
    seeds = row_seeds(5, 4)
    whole = model.bound(x, 3, seeds).elbo
    alone = [model.bound(x[i : i + 1], 3, seeds[i : i + 1]).elbo[0] for i in range(4)]
    laws.close(whole, alone)
    assert len(np.unique(whole)) == 4


def test_draws_of_what_is_missing_differ_though_the_code_is_one():
    encoder = [keras.Input((4,)), networks.Gaps(), keras.layers.Dense(4)]
    decoder = [keras.Input((2, 2)), keras.layers.Flatten(), keras.layers.Dense(8)]
    model = keras_vae.VQVAE(
        keras.Sequential(encoder),
        keras.Sequential(decoder),
        keras_vae.layers.VectorQuantizer((2, 2), num_codes=4),
        keras_vae.layers.IndependentNormal(4),
        missingness="self_masking",
        seed=0,
    )
    randomize(model.missingness)
    weights = model.log_weights(np.full((1, 4), NAN, "f4"), 5, 0)[:, 0]
    assert len(np.unique(weights)) == 5


@every_kind
def test_it_is_saved_with_the_model(kind, tmp_path):
    model, x = with_gaps(missingness=kind)
    randomize(model.missingness)
    model.save(tmp_path / "model.keras")
    again = keras.saving.load_model(tmp_path / "model.keras")
    assert again.explains_gaps
    laws.close(again.elbo(x), model.elbo(x))
    model.save_to_preset(tmp_path / "preset")
    laws.close(keras_vae.VAE.from_preset(tmp_path / "preset").elbo(x), model.elbo(x))


@pytest.mark.slow
def test_missing_high_values_are_found_to_be_high():
    """Half of two columns that hang together goes missing above its mean."""
    rng = np.random.default_rng(0)
    z = rng.normal(size=(600, 1))
    x = (z + 0.3 * rng.normal(size=(600, 4))).astype("f4")
    seen = np.where((x > 0) & (np.arange(4) < 2), NAN, x)
    errors = {}
    for missingness in (None, "self_masking"):
        model, _ = with_gaps(
            missingness=missingness, likelihood="normal:scale=shared", hidden_units=()
        )
        model.start_from(seen)
        model.compile("adam:learning_rate=0.03", "iwae:num_samples=5", jit_compile=True)
        model.fit(seen, epochs=30, batch_size=50, verbose=0)
        filled = generation.impute(model, seen, num_samples=200).mean
        errors[missingness] = np.square(filled - x)[np.isnan(seen)].mean()
    assert errors["self_masking"] < 0.6 * errors[None]


REFUSALS = {
    "no gaps": ({"gaps": None}, "reads no gaps. Give gaps='mask'"),
    "no gradient": (
        {"likelihood": "mixture:num_components=2"},
        "likelihood IndependentMixture have no gradient. Take 'normal'",
    ),
    "discrete": ({"likelihood": "poisson"}, "IndependentPoisson have no gradient"),
    "unknown": ({"missingness": "selfmasking"}, "Did you mean 'self_masking'"),
    "argument": ({"missingness": "linear:hidden_units=4"}, "linear: 'hidden_units'"),
    "direction": ({"missingness": "self_masking:direction=up"}, "'up'.*high"),
    "object": ({"missingness": 3}, "must be a name such as"),
}


@pytest.mark.parametrize("case", REFUSALS)
def test_refusals(case):
    change, message = REFUSALS[case]
    with pytest.raises(ValueError, match=message):
        with_gaps(**change)


def test_gibbs_and_models_without_it_are_refused():
    model, x = with_gaps()
    with pytest.raises(ValueError, match="Take method='importance'"):
        generation.impute(model, x, method="gibbs")
    model, x = with_gaps(missingness=None)
    with pytest.raises(ValueError, match="no model of missingness"):
        model.log_missingness(x, ~np.isnan(x))
