"""Latent directions of attributes: closed forms of linear networks, and refusals."""

import keras
import numpy as np
import pytest
import tensorflow as tf

import keras_vae
from keras_vae.generation import attribute_vectors, edit_attribute
from keras_vae.generation.attributes import mean_differences

SIZE, LATENT, N = 5, 3, 40
RNG = np.random.default_rng(3)
# x -> mean of q is x @ ENCODE + SHIFT; z -> mean of p(x|z) is z @ DECODE + START.
ENCODE, SHIFT = RNG.normal(size=(SIZE, LATENT)), RNG.normal(size=LATENT)
DECODE, START = RNG.normal(size=(LATENT, SIZE)), RNG.normal(size=SIZE)
X = RNG.normal(size=(N, SIZE)).astype("float32")
FLAGS = {"tall": (RNG.random(N) < 0.3).astype(int), "old": RNG.random(N) < 0.6}
COLUMNS = np.stack([np.asarray(flags, int) for flags in FLAGS.values()], axis=1)


def linear(kernel, bias):
    layer = keras.layers.Dense(len(bias))
    network = keras.Sequential([keras.Input((len(kernel),)), layer])
    layer.set_weights([kernel, bias])
    return network


@pytest.fixture(scope="module")
def model():
    raw_scales = np.zeros((SIZE, LATENT))
    return keras_vae.VAE(
        linear(np.hstack([ENCODE, raw_scales]), np.hstack([SHIFT, np.zeros(LATENT)])),
        linear(DECODE, START),
        keras_vae.layers.IndependentNormal(LATENT),
        keras_vae.layers.IndependentNormal(SIZE, scale=0.1),
        seed=0,
    )


@pytest.fixture(scope="module")
def vectors(model):
    return attribute_vectors(model, X, FLAGS)


def close(a, b):
    np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-5)


def difference_of_means(flags):
    has = np.asarray(flags, bool)
    return X[has].mean(axis=0) - X[~has].mean(axis=0)


def test_of_a_linear_encoder_it_is_the_encoded_difference_of_means(vectors):
    assert list(vectors) == list(FLAGS)
    for name, flags in FLAGS.items():
        assert vectors[name].shape == (LATENT,) and vectors[name].dtype == np.float32
        close(vectors[name], difference_of_means(flags) @ ENCODE)


def test_an_array_of_attributes_gives_an_array(model, vectors):
    for columns in (COLUMNS, COLUMNS.astype(bool), COLUMNS.tolist(), tf.constant(COLUMNS)):
        array = attribute_vectors(model, X, columns, batch_size=7)
        assert array.shape == (2, LATENT)
        close(array, np.stack(list(vectors.values())))


def test_the_opposite_attribute_has_the_opposite_vector(model, vectors):
    opposite = attribute_vectors(model, X, 1 - COLUMNS)
    close(opposite, -np.stack(list(vectors.values())))


def test_all_attributes_take_one_embedding(model, monkeypatch):
    batches = []
    encode = model.encode

    def counted(x, y=None, training=False):
        batches.append(len(x))
        return encode(x, y, training)

    monkeypatch.setattr(model, "encode", counted)
    attribute_vectors(model, X, FLAGS, batch_size=N)
    assert batches == [N]


def test_codes_that_are_there_give_the_same_vectors(model, vectors):
    for name, vector in mean_differences(model.embed(X), FLAGS).items():
        np.testing.assert_array_equal(vector, vectors[name])
    close(mean_differences([[0], [1], [5]], [[0], [0], [1]]), [[4.5]])


def test_strength_zero_is_the_reconstruction(model, vectors):
    edited = edit_attribute(model, X, vectors["tall"], strengths=[0.0])
    assert edited.shape == (N, 1, SIZE) and edited.dtype == np.float32
    close(edited[:, 0], model.reconstruct(X))


def test_a_linear_decoder_moves_by_the_decoded_vector(model, vectors):
    vector, strengths = vectors["old"], (-2.0, 0.0, 0.5, 3.0)
    edited = edit_attribute(model, X, vector, strengths, batch_size=7)
    assert edited.shape == (N, 4, SIZE)
    moved = np.array(strengths)[:, None] * (vector @ DECODE)
    close(edited - model.reconstruct(X)[:, None], np.broadcast_to(moved, edited.shape))
    # Example by example, whatever the others are.
    close(edited[3:4], edit_attribute(model, X[3:4], vector, strengths))


def test_the_default_strengths_start_at_the_reconstruction(model, vectors):
    edited = edit_attribute(model, X[:2], vectors["old"])
    assert edited.shape == (2, 4, SIZE)
    expected = edit_attribute(model, X[:2], vectors["old"], (0.0, 0.5, 1.0, 1.5))
    np.testing.assert_array_equal(edited, expected)


def test_strength_one_takes_one_mean_to_the_other(model, vectors):
    has = FLAGS["old"]
    without = X[~has].mean(axis=0, keepdims=True)
    edited = edit_attribute(model, without, vectors["old"], strengths=[1.0])
    close(edited[:, 0], model.reconstruct(X[has].mean(axis=0, keepdims=True)))


@pytest.mark.parametrize("condition", [3, (2,)])
def test_each_observation_keeps_its_condition(condition):
    vae = keras_vae.DenseVAE(
        SIZE, LATENT, "normal", hidden_units=(4,), condition=condition, seed=0
    )
    y = np.arange(6) % 3
    y = y if condition == 3 else np.stack([y, -y], axis=1).astype("float32")
    vector, strengths = np.ones(LATENT), (0.0, 0.5, -1.0, 2.0)
    edited = edit_attribute(vae, X[:6], vector, strengths, y=y)
    for i, strength in enumerate(strengths):
        z = vae.embed(X[:6], y) + np.float32(strength)
        close(edited[:, i], vae.decode_codes(z, y))
    close(edited[:, 0], vae.reconstruct(X[:6], y))


def test_images_keep_their_shape():
    model = keras_vae.DenseVAE((4, 3, 1), latent_dim=2, hidden_units=(8,), seed=0)
    x = np.random.default_rng(0).integers(0, 2, (6, 4, 3, 1)).astype("float32")
    vectors = attribute_vectors(model, x, {"first": [1, 0, 0, 1, 0, 1]})
    assert edit_attribute(model, x, vectors["first"], [-1, 1]).shape == (6, 2, 4, 3, 1)


@pytest.mark.parametrize(
    "attributes, match",
    [
        ({"tall": FLAGS["tall"][:-1]}, r"'tall' has shape \(39,\), but there are 40"),
        ({"tall": COLUMNS}, r"'tall' has shape \(40, 2\)"),
        (COLUMNS[:-1], r"column 0 has shape \(39,\)"),
        (COLUMNS[:, 0], r"an array \[N, A\] .* but has shape \(40,\)"),
        ({"tall": FLAGS["tall"] * 2}, "'tall' must be 0 or 1 .* the first 2"),
        ({"tall": np.full(N, np.nan)}, "40 of 40 values are something else"),
        ({"tall": FLAGS["tall"].astype(str)}, "'tall' must be 0 or 1 .* dtype"),
        ({"old": FLAGS["old"], "all": np.ones(N)}, "'all' is one that all of the 40"),
        ({"no": np.zeros(N)}, "'no' is one that none of the 40"),
        (np.hstack([COLUMNS, np.ones((N, 1))]), "column 2 is one that all"),
        ({}, "attributes is empty"),
        (COLUMNS[:, :0], "attributes is empty"),
    ],
)
def test_attributes_that_tell_nothing_are_refused(model, monkeypatch, attributes, match):
    monkeypatch.setattr(model, "encode", None)  # refused before the embedding
    with pytest.raises(ValueError, match=match):
        attribute_vectors(model, X, attributes)


def test_observations_are_checked(model):
    with pytest.raises(ValueError, match="x is empty"):
        attribute_vectors(model, X[:0], COLUMNS[:0])
    with pytest.raises(ValueError, match="takes batches of events of shape"):
        attribute_vectors(model, X[:, :2], FLAGS)
    with pytest.raises(ValueError, match="x is empty"):
        edit_attribute(model, X[:0], np.zeros(LATENT))


@pytest.mark.parametrize(
    "vector, strengths, match",
    [
        (np.zeros(LATENT + 1), [1.0], r"vector has shape \(4,\), .* have shape \(3,\)"),
        (np.zeros((1, LATENT)), [1.0], r"vector has shape \(1, 3\)"),
        (np.full(LATENT, np.nan), [1.0], "vector must be finite"),
        ({"tall": np.zeros(LATENT)}, [1.0], "vector must hold numbers"),
        (np.zeros(LATENT), [], r"at least one number.* has shape \(0,\)"),
        (np.zeros(LATENT), 1.0, r"a sequence .* has shape \(\)"),
        (np.zeros(LATENT), [np.inf], "strengths must be finite"),
        (np.zeros(LATENT), "much", "strengths must hold numbers"),
    ],
)
def test_senseless_edits_are_refused(model, vector, strengths, match):
    with pytest.raises(ValueError, match=match):
        edit_attribute(model, X, vector, strengths)


@pytest.mark.parametrize(
    "z", [np.zeros(3), np.zeros((3, 2), str), np.full((3, 2), np.nan)], ids=str
)
def test_codes_that_are_none_are_refused(z):
    with pytest.raises(ValueError, match="^z "):
        mean_differences(z, {"tall": [0, 0, 1]})


def test_directions_have_the_shape_of_latent_variables():
    encoder = [keras.Input((SIZE,)), keras.layers.Dense(8)]
    decoder = [keras.Input((2, 2)), keras.layers.Flatten(), keras.layers.Dense(2 * SIZE)]
    model = keras_vae.VAE(
        keras.Sequential(encoder),
        keras.Sequential(decoder),
        keras_vae.layers.IndependentNormal((2, 2)),
        keras_vae.layers.IndependentNormal(SIZE),
    )
    vectors, z = attribute_vectors(model, X, FLAGS), model.embed(X)
    for name, flags in FLAGS.items():
        has = np.asarray(flags, bool)
        close(vectors[name], z[has].mean(axis=0) - z[~has].mean(axis=0))
    edited = edit_attribute(model, X, vectors["old"], (0.0, 2.0))
    close(edited[:, 1], model.decode_codes(z + 2 * vectors["old"]))
