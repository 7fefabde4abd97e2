"""Two models on one encoder: their training in turns, and the swap of their decoders."""

import keras
import numpy as np
import pytest

import keras_vae
from keras_vae.generation import swap

SIZE, LATENT = 6, 2


def dense(inputs, outputs, **arguments):
    return keras.Sequential(
        [keras.Input((inputs,)), keras.layers.Dense(outputs, **arguments)]
    )


def encoder():
    return dense(SIZE, 2 * LATENT)


def person(encoder, size=SIZE, latent=LATENT):
    return keras_vae.VAE(
        encoder,
        dense(latent, size),
        keras_vae.layers.IndependentNormal(latent),
        keras_vae.layers.IndependentNormal(size, scale=0.3),
        seed=0,
    )


@pytest.fixture
def pair():
    shared = encoder()
    return person(shared), person(shared)


def faces(n=512):
    """Two people with the same expressions [n], and each with features of their own."""
    rng = np.random.default_rng(8)
    smile, features = rng.normal(size=SIZE), rng.normal(size=(2, SIZE))
    expressions = rng.normal(size=(2, n, 1))
    noise = 0.1 * rng.normal(size=(2, n, SIZE))
    return (expressions * smile + 2 * features[:, None] + noise).astype("float32")


def flat(network):
    return np.concatenate([np.ravel(one) for one in network.get_weights()])


def test_a_swap_is_the_other_decoder_at_the_same_code(pair):
    source, target = pair
    x = faces()[0]
    swapped = swap(x, source, target, batch_size=100)
    assert swapped.shape == x.shape and swapped.dtype == np.float32
    expected = target.decode(source.encode(x).mean()).mean()
    np.testing.assert_allclose(swapped, expected, rtol=1e-5, atol=1e-5)
    assert np.abs(swapped - source.reconstruct(x)).max() > 0.1


def test_a_swap_with_itself_is_the_reconstruction(pair):
    x = faces()[0]
    np.testing.assert_array_equal(swap(x, pair[0], pair[0]), pair[0].reconstruct(x))


def test_decoders_that_differ_by_a_shift_swap_to_that_shift(pair):
    source, target = pair
    kernel, bias = source.decoder.get_weights()
    target.decoder.set_weights([kernel, bias + np.arange(SIZE)])
    x = faces()[0]
    shift = swap(x, source, target) - source.reconstruct(x)
    np.testing.assert_allclose(shift, np.tile(np.arange(SIZE), (len(x), 1)), atol=1e-5)


def error(x, y):
    return np.square(x - y).mean()


@pytest.mark.slow
def test_training_in_turns_makes_decoders_for_their_own(pair):
    people = faces()
    start = flat(pair[0].encoder)
    for model in pair:
        model.compile(keras.optimizers.Adam(0.05))
    for _ in range(4):
        for model, x in zip(pair, people, strict=True):
            before = flat(model.encoder)
            model.fit(x, batch_size=32, epochs=3, verbose=0)
            # Each turn trains the encoder.
            assert (flat(model.encoder) != before).any()
    np.testing.assert_array_equal(flat(pair[0].encoder), flat(pair[1].encoder))
    assert np.abs(flat(pair[0].encoder) - start).max() > 0.1
    for i, x in enumerate(people):
        own, other = pair[i], pair[1 - i]
        kept, swapped = own.reconstruct(x), swap(x, own, other)
        assert error(kept, x) < 0.5 * error(swapped, x)
        # What comes out is more like the other person than like the one that went in: the
        # rate pulls the codes of both to the prior's mean, so they cannot tell who it is.
        means = people.mean(axis=1)
        assert error(swapped, means[1 - i]) < error(swapped, means[i])


def test_a_saved_pair_is_joined_again(pair, tmp_path):
    x = faces()[0][:5]
    expected = swap(x, *pair)
    for name, model in zip("ab", pair, strict=True):
        model.save(tmp_path / f"{name}.keras")
    a, b = (keras.saving.load_model(tmp_path / f"{name}.keras") for name in "ab")
    with pytest.raises(ValueError, match="loaded from files have two encoders"):
        swap(x, a, b)
    b = keras_vae.VAE(a.encoder, b.decoder, b.posterior, b.likelihood, b.prior)
    np.testing.assert_allclose(swap(x, a, b), expected, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize(
    "target, match",
    [
        (lambda shared: person(encoder()), "must share one encoder"),
        (
            lambda shared: person(dense(SIZE, 6), latent=3),
            r"the same latent shape, but have \(2,\) and \(3,\)",
        ),
        (
            lambda shared: person(dense(4, 2 * LATENT), size=4),
            r"the same event shape, but have \(6,\) and \(4,\)",
        ),
    ],
)
def test_models_that_do_not_belong_together_are_refused(pair, target, match):
    with pytest.raises(ValueError, match=match) as caught:
        swap(faces()[0], pair[0], target(pair[0].encoder))
    assert "pass it to both models" in str(caught.value)


def test_observations_are_checked(pair):
    with pytest.raises(ValueError, match="x is empty"):
        swap(faces()[0][:0], *pair)
    with pytest.raises(ValueError, match="takes batches of events of shape"):
        swap(faces()[0][:, :2], *pair)
