"""A linear VAE-GAN with known weights, whose losses are computed by hand."""

import keras
import numpy as np
import pytest
from gan_cases import played as played_by
from gan_cases import sgd

import keras_vae
from keras_vae import layers
from keras_vae.objectives import Adversarial

D, K, N = 2, 3, 4  # sizes of x and z; features; examples.
RNG = np.random.default_rng(5)
# x -> mean of z and inverse softplus of its scale; z -> image; x -> features -> logit.
ENCODER = RNG.normal(size=(D, 2 * D)), RNG.normal(size=2 * D)
DECODER = RNG.normal(size=(D, D)), RNG.normal(size=D)
FEATURES = RNG.normal(size=(D, K)), RNG.normal(size=K)
LOGIT = RNG.normal(size=(K, 1)), RNG.normal(size=1)
X = RNG.normal(size=(N, D)).astype("float32")


def linear(weights, name):
    """A layer with these weights."""
    layer = keras.layers.Dense(weights[0].shape[1], name=name)
    layer.build((None, weights[0].shape[0]))
    layer.set_weights(weights)
    return layer


def network(*named):
    size = named[0][0][0].shape[0]
    return keras.Sequential([keras.Input((size,)), *(linear(*one) for one in named)])


def toy():
    return keras_vae.VAEGAN(
        network((ENCODER, "params")),
        network((DECODER, "image")),
        network((FEATURES, "features"), (LOGIT, "logit")),
        layers.IndependentNormal(D),
        seed=0,
    )


def affine(x, weights):
    return x @ weights[0] + weights[1]


def by_hand(trace, x, z_sampled):
    """KL, distance, logits and the slope, from the weights, in double precision."""
    mean, raw = np.split(affine(x, ENCODER), 2, axis=1)
    scale = 1e-5 + np.logaddexp(0.0, raw)
    kl = np.sum(0.5 * (mean**2 + scale**2 - 1.0) - np.log(scale), axis=1)
    z = np.asarray(trace.z[0], float)
    reconstruction, sample = affine(z, DECODER), affine(z_sampled, DECODER)
    features = [affine(one, FEATURES) for one in (x, reconstruction, sample)]
    logits = [affine(one, LOGIT)[:, 0] for one in features]
    distance = 0.5 * np.sum((features[0] - features[1]) ** 2, axis=1)
    slope = np.sum((FEATURES[0] @ LOGIT[0]) ** 2)
    return kl, distance, logits, np.full(len(x), slope)


def cost(logit, label):
    """Cross-entropy of a label, from the definition."""
    p = 1 / (1 + np.exp(-logit))
    return -(label * np.log(p) + (1 - label) * np.log(1 - p))


@pytest.fixture(scope="module")
def played():
    """The model, one pass with its game, and what their numbers should be."""
    model = toy()
    # z of the samples is not in the record: it is read where it is decoded.
    decoded, decode = [], model.decode

    def recording(z, y=None, training=False):
        decoded.append(np.asarray(z, float))
        return decode(z, y, training)

    model.decode = recording
    trace = played_by(model, X, seed=3, training=True)
    del model.decode
    assert [one.shape for one in decoded] == [(1, N, D), (N, D)]
    return model, trace, by_hand(trace, X.astype(float), decoded[1])


def test_the_game_is_the_one_computed_by_hand(played):
    _, trace, (kl, distance, logits, slope) = played
    game, close = trace.game, {"rtol": 1e-4, "atol": 1e-5}
    np.testing.assert_allclose(trace.rate[0], kl, **close)
    np.testing.assert_allclose(game.feature_distance, distance, **close)
    given = (game.real, game.reconstructed, game.sampled)
    for got, expected in zip(given, logits, strict=True):
        np.testing.assert_allclose(got, expected, **close)
    np.testing.assert_allclose(game.gradient_penalty(), slope, **close)


WEIGHTS = {
    "gamma": 0.3,
    "beta": 2.0,
    "real_weight": 0.5,
    "reconstruction_weight": 0.25,
    "sample_weight": 3.0,
    "label_smoothing": 0.1,
    "r1": 4.0,
}


@pytest.mark.parametrize("options", [{}, WEIGHTS], ids=["the paper's", "weights"])
@pytest.mark.parametrize("generator_loss", ["minimax", "non_saturating"])
def test_the_players_losses_are_those_of_the_paper(played, options, generator_loss):
    _, trace, (kl, distance, (real, reconstructed, sampled), slope) = played
    o = {"gamma": 0.05, "label_smoothing": 0.0, "r1": 0.0} | options
    o = {name: 1.0 for name in WEIGHTS if name not in o} | o
    gan = (
        o["real_weight"] * cost(real, 1 - o["label_smoothing"])
        + o["reconstruction_weight"] * cost(reconstructed, 0)
        + o["sample_weight"] * cost(sampled, 0)
    )
    deceived = -gan
    if generator_loss == "non_saturating":
        deceived = o["reconstruction_weight"] * cost(reconstructed, 1)
        deceived += o["sample_weight"] * cost(sampled, 1)
    expected = {
        "encoder": o["beta"] * kl + distance,
        "decoder": o["gamma"] * distance + deceived,
        "discriminator": gan + o["r1"] / 2 * slope,
    }
    losses = Adversarial(generator_loss=generator_loss, **options)(trace)
    assert losses.keys() == expected.keys()
    for player, loss in losses.items():
        np.testing.assert_allclose(loss, expected[player], rtol=1e-4, atol=1e-4)


def test_logs_are_means_of_what_is_computed_by_hand():
    model = toy()
    traces, make = [], model.pass_for_training

    def recording(*arguments):
        traces.append(make(*arguments))
        return traces[-1]

    model.pass_for_training = recording
    model.compile(sgd(), Adversarial(gamma=0.1), run_eagerly=True)
    logs = model.train_on_batch(X, return_dict=True)
    (trace,) = traces
    game, losses = trace.game, Adversarial(gamma=0.1)(trace)
    expected = {f"{player}_loss": np.mean(loss) for player, loss in losses.items()} | {
        "loss": np.mean(losses["encoder"]),
        "feature_distance": np.mean(game.feature_distance),
        "kl_loss": np.mean(trace.rate),
        "reconstruction_loss": np.mean(trace.distortion),
        "elbo": np.mean(trace.elbo),
        "accuracy_real": np.mean(np.array(game.real) > 0),
        "accuracy_reconstructed": np.mean(np.array(game.reconstructed) < 0),
        "accuracy_sampled": np.mean(np.array(game.sampled) < 0),
    }
    assert logs.keys() == expected.keys()
    for name, value in expected.items():
        np.testing.assert_allclose(logs[name], value, rtol=1e-4, err_msg=name)


def test_pixels_are_scored_with_a_normal_of_scale_one(played):
    _, trace, _ = played
    z = np.asarray(trace.z[0], float)
    error = 0.5 * np.sum((X - affine(z, DECODER)) ** 2, axis=1)
    expected = error + 0.5 * D * np.log(2 * np.pi)
    np.testing.assert_allclose(trace.distortion[0], expected, rtol=1e-4)


def test_features_and_logits_are_the_discriminators(played):
    model, trace, _ = played
    features, logits = model.observe(X)
    np.testing.assert_allclose(features, affine(X, FEATURES), rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(logits, trace.game.real, rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(model.features(X), features, rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(model.discriminator(X)[:, 0], logits, rtol=1e-5, atol=1e-6)


def test_the_seed_decides_draws_and_samples(played):
    model, trace, _ = played
    game, (again, other) = trace.game, (played_by(model, X, seed).game for seed in (3, 4))
    for name in ("real", "reconstructed", "sampled"):
        np.testing.assert_allclose(getattr(again, name), getattr(game, name), rtol=1e-5)
    for name in ("reconstructed", "sampled"):
        assert np.abs(getattr(other, name) - getattr(game, name)).min() > 1e-6
