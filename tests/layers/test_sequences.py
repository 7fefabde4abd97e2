"""Sequences: what is masked counts in no loss and no divergence."""

import keras
import numpy as np
import pytest

from keras_vae import layers, priors

STEPS, VALID = 5, 3


def data():
    """Four sequences; the last two steps are padding, with targets far away."""
    rng = np.random.default_rng(0)
    x = rng.normal(size=(4, STEPS, 3)).astype("float32")
    y = rng.uniform(size=(4, STEPS, 2)).round().astype("float32")
    x[:, VALID:] = 0.0
    y[:, VALID:] = 1000.0
    return x, y


def model(*last):
    keras.utils.set_random_seed(1)
    x = keras.Input((STEPS, 3))
    hidden = keras.layers.LSTM(4, return_sequences=True)(keras.layers.Masking()(x))
    outputs = keras.layers.Dense(last[0].params_size)(hidden)
    for layer in last:
        outputs = layer(outputs)
    return keras.Model(x, outputs)


LAYERS = {
    "normal": lambda **a: layers.IndependentNormal(2, **a),
    "full normal": lambda **a: layers.MultivariateNormalTriL(2, **a),
    "bits": lambda **a: layers.IndependentBernoulli(2, **a),
    "counts": lambda **a: layers.IndependentPoisson(2, **a),
    "mixture": lambda **a: layers.MixtureNormal(2, 2, **a),
    "flow": lambda **a: layers.Flow(2, **a),
}


@pytest.mark.thinned
@pytest.mark.parametrize("make", LAYERS.values(), ids=list(LAYERS))
def test_losses_are_means_over_what_is_not_masked(make):
    x, y = data()
    made = model(make(convert_to_tensor_fn="sample"))
    # One as a graph stands for all: masks are the matter of Keras and the loss.
    eagerly = make is not LAYERS["normal"]
    made.compile("sgd", loss=layers.negative_log_likelihood, run_eagerly=eagerly)
    distribution = layers.distribution_of(made(x))
    expected = -np.mean(distribution.log_prob(np.minimum(y, 1.0))[:, :VALID])
    assert made.evaluate(x, y, verbose=0) == pytest.approx(expected, rel=1e-4)


def regularized(prior, **arguments):
    penalty = layers.KLDivergenceRegularizer(prior, **arguments)
    return [layers.IndependentNormal(2, "mean", activity_regularizer=penalty)]


def with_term(prior, **arguments):
    term = layers.KLDivergenceAddLoss(prior, **arguments)
    return [layers.IndependentNormal(2, "mean"), term]


@keras.saving.register_keras_serializable("keras_vae_tests")
def two_means(distribution):
    """Two equal points for each latent variable."""
    mean = distribution.mean()
    return keras.ops.stack([mean, mean])


TERMS = pytest.mark.parametrize("build", [regularized, with_term])


@TERMS
@pytest.mark.parametrize(
    "arguments", [{"use_exact_kl": True}, {}, {"test_points_fn": two_means}]
)
def test_divergences_of_every_step_are_means_over_what_is_not_masked(build, arguments):
    x, _ = data()
    made = model(*build(priors.StandardNormal(2), **arguments))
    q, p = layers.distribution_of(made(x)), priors.StandardNormal(2).distribution()
    steps = q.log_prob(q.mean()) - p.log_prob(q.mean())
    if "use_exact_kl" in arguments:
        steps = priors.StandardNormal(2).kl_divergence(q, p)
    (loss,) = made.losses
    assert float(loss) == pytest.approx(np.mean(steps[:, :VALID]), rel=1e-5)


@TERMS
def test_models_with_masks_are_saved_and_read_on(build, tmp_path):
    x, y = data()
    made = model(*build(priors.StandardNormal(2)), keras.layers.LSTM(2))
    made.compile("sgd", loss="mse", run_eagerly=build is regularized)
    made.fit(x, y[:, 0], verbose=0)
    made.save(tmp_path / "m.keras")
    loaded = keras.saving.load_model(tmp_path / "m.keras")
    np.testing.assert_allclose(loaded(x), made(x), rtol=1e-5)
    assert float(loaded.losses[0]) == pytest.approx(float(made.losses[0]), rel=1e-5)
