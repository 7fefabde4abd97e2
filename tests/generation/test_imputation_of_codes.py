"""Filled-in values for latent variables of every kind, against sums over all codes."""

import itertools

import keras
import numpy as np
import pytest
from scipy.special import logsumexp

import keras_vae
from keras_vae import layers, priors
from keras_vae.generation import impute

SIZE, COPIES = 4, 120
OBSERVED = np.array([True, False, True, False])


def weighted(posterior, prior=None, condition=None):
    """A model whose decoder moves much with z, and whose encoder is not the posterior."""
    rng = np.random.default_rng(2)
    latent, classes = posterior.event_shape, condition or 0
    x, z = keras.Input((SIZE,)), keras.Input(latent)
    flat = keras.layers.Flatten()(z)
    encoder = keras.layers.Dense(posterior.params_size)
    decoder = keras.layers.Dense(2 * SIZE)
    if condition is None:
        networks = keras.Model(x, encoder(x)), keras.Model(z, decoder(flat))
    else:
        y, join = keras.Input((classes,)), keras.layers.Concatenate()
        networks = (
            keras.Model([x, y], encoder(join([x, y]))),
            keras.Model([z, y], decoder(join([flat, y]))),
        )
    kernel = 0.5 * rng.normal(size=decoder.kernel.shape)
    # Scales that do not depend on z.
    kernel[:, SIZE:] = 0.0
    decoder.set_weights([kernel, np.zeros(2 * SIZE)])
    encoder.set_weights([0.1 * weight for weight in encoder.get_weights()])
    likelihood = layers.IndependentNormal(SIZE)
    return keras_vae.VAE(
        *networks, posterior, likelihood, prior, condition=condition, seed=0
    )


def circle():
    angle = np.linspace(0, 2 * np.pi, 720, endpoint=False)
    return np.stack([np.cos(angle), np.sin(angle)], axis=1)


def grid():
    line = np.linspace(-6, 6, 121)
    return np.array(list(itertools.product(line, line)))


# Name: (makes posterior, prior and condition; codes that all others lie near; the method).
CASES = {
    "one-hot": (
        lambda: weighted(layers.OneHotCategorical(5)),
        lambda: np.eye(5),
        "importance",
    ),
    "bits in a matrix": (
        lambda: weighted(layers.IndependentBernoulli((2, 2))),
        lambda: np.array(list(itertools.product([0, 1], repeat=4))).reshape(-1, 2, 2),
        "gibbs",
    ),
    "sphere": (lambda: weighted(layers.PowerSpherical(2)), circle, "gibbs"),
    "flow": (
        lambda: weighted(layers.Flow(2, num_layers=2, hidden_units=(3,))),
        grid,
        "importance",
    ),
    "flow as prior": (
        lambda: weighted(layers.IndependentNormal(2), priors.Learned(layers.Flow(2))),
        grid,
        "gibbs",
    ),
    # Narrower than the posterior, proposals would let chains be stuck for long.
    "condition": (
        lambda: weighted(layers.IndependentNormal(2, scale=1.5), None, 3),
        grid,
        "gibbs",
    ),
    "prior of a condition": (
        lambda: weighted(
            layers.OneHotCategorical(5), priors.Conditional("one_hot_categorical"), 3
        ),
        lambda: np.eye(5),
        "importance",
    ),
}


@pytest.mark.thinned
@pytest.mark.parametrize("make, codes, method", CASES.values(), ids=CASES)
def test_the_mean_is_the_sum_over_all_codes(make, codes, method):
    model, codes = make(), codes()
    condition = 1 if model.condition_shape is not None else None
    of_one, of_all = (
        None if condition is None else np.full(n, condition) for n in (1, COPIES)
    )
    x = np.array([[1.0, 0.0, -0.5, 0.0]], "float32")
    z = codes.astype("float32")[:, np.newaxis]
    trace = model.trace(x, z=z, y=of_one)
    log_px = trace.px.distribution.log_prob(x).numpy()[:, 0, OBSERVED].sum(axis=-1)
    log_weight = log_px + trace.log_p.numpy()[:, 0]
    weight = np.exp(log_weight - logsumexp(log_weight))
    expected = np.where(OBSERVED, x[0], weight @ trace.px.mean().numpy()[:, 0])
    known = np.tile(x, (COPIES, 1)), np.tile(OBSERVED, (COPIES, 1))
    found = impute(model, *known, method, 200, y=of_all)
    error = found.mean.std(axis=0) / np.sqrt(COPIES) + 1e-4
    assert (np.abs(found.mean.mean(axis=0) - expected) < 5 * error).all()
    # What is observed does say something of what is missing.
    assert np.abs(trace.px.mean().numpy().mean(axis=(0, 1)) - expected).max() > 0.1


@pytest.mark.parametrize("y", [3, -1])
def test_a_known_class_is_no_draw(y):
    """Codes are then drawn from p(z), and not from p(z, y)."""
    classes, rng = 8, np.random.default_rng(1)
    likelihood = layers.IndependentNormal(SIZE, scale=1.0)
    model = keras_vae.SemiSupervisedVAE(SIZE, 1, classes, likelihood, (5,), seed=0)
    kernel, _ = model.encoder.layers[-1].get_weights()
    # Proposals miss much of the posterior, which the prior's share finds.
    model.encoder.layers[-1].set_weights([0 * kernel, np.array([-1.0, -1.0])])
    for weight in model.decoder.trainable_weights:
        weight.assign(0.7 * rng.normal(size=weight.shape))
    x = np.array([[1.0, 0.0, -0.5, 0.0]], "float32")
    line, eye = np.linspace(-6, 6, 601), np.eye(classes)
    codes = [(z, *one) for z in line for one in (eye if y < 0 else eye[y : y + 1])]
    px = model.decode(np.array(codes, "float32"))
    log_weight = px.distribution.log_prob(x).numpy()[:, OBSERVED].sum(axis=-1)
    log_weight = log_weight - 0.5 * np.array(codes)[:, 0] ** 2
    weight = np.exp(log_weight - logsumexp(log_weight))
    expected = np.where(OBSERVED, x[0], weight @ px.mean().numpy())
    known = np.tile(x, (COPIES, 1)), np.tile(OBSERVED, (COPIES, 1))
    found = impute(model, *known, num_samples=400, y=np.full(COPIES, y)).mean
    error = found.std(axis=0) / np.sqrt(COPIES) + 1e-4
    assert (np.abs(found.mean(axis=0) - expected) < 5 * error).all()


def test_another_condition_fills_in_something_else():
    model = weighted(layers.IndependentNormal(2), condition=3)
    x = np.full((2, SIZE), np.nan)
    x[:, 0] = 1.0
    found = impute(model, x, num_samples=200, y=[0, 2]).mean
    assert np.abs(found[0] - found[1]).max() > 0.1
    for y, words in ((None, "y was not given"), ([0], "one class number for each of 2")):
        with pytest.raises(ValueError, match=words):
            impute(model, x, y=y)
    with pytest.raises(ValueError, match="has no condition"):
        impute(weighted(layers.IndependentNormal(2)), x, y=[0, 2])
