"""Images that are changed at each visit, the same way for the same seed."""

import numpy as np
import pytest
import tensorflow as tf

from keras_vae.data import load, pipeline
from keras_vae.data.augmentation import Augmentation, diff_augment
from keras_vae.training import Recipe

SEED = tf.constant([3, 4])


def images(n=400):
    return np.random.default_rng(0).random((n, 6, 5, 2)).astype("float32")


def test_half_of_the_images_are_mirrored():
    x = images()
    changed = Augmentation("flip")(x, SEED).numpy()
    mirrored = (changed == x[:, :, ::-1]).all(axis=(1, 2, 3))
    assert (mirrored | (changed == x).all(axis=(1, 2, 3))).all()
    assert abs(mirrored.mean() - 0.5) < 5 * np.sqrt(0.25 / len(x))


def test_images_move_by_so_many_pixels_and_edges_are_repeated():
    x = images()
    changed = Augmentation("shift=2")(x, SEED).numpy()
    padded = np.pad(x, ((0, 0), (2, 2), (2, 2), (0, 0)), "edge")
    moves = {
        (i, j): (changed == padded[:, i : i + 6, j : j + 5]).all(axis=(1, 2, 3))
        for i in range(5)
        for j in range(5)
    }
    found = np.stack(list(moves.values()))
    assert (found.sum(axis=0) == 1).all() and found.any(axis=1).all()


def test_a_stream_that_goes_on_changes_images_as_the_whole_one_does():
    x, augment = images(40), Augmentation("flip,shift=1")
    whole = list(pipeline(x, 8, augment=augment, seed=1).take(6))
    later = list(pipeline(x, 8, augment=augment, seed=1, start_step=4).take(2))
    plain = list(pipeline(x, 8, seed=1).take(6))
    for one, other in zip(whole[4:], later, strict=True):
        np.testing.assert_array_equal(one, other)
    assert any(
        (one.numpy() != other.numpy()).any()
        for one, other in zip(whole, plain, strict=True)
    )


@pytest.mark.parametrize(
    "text, words",
    [
        ("turn", "Unknown augmentation 'turn'. Known: flip, shift"),
        ("flip=2", "'flip', 'shift=PIXELS' or both"),
        ("shift", "'flip', 'shift=PIXELS' or both"),
        ("shift=-1", "shift of augment must be a positive"),
        ("shift=1.5", "shift of augment must be a positive"),
        ("", "Unknown augmentation ''"),
    ],
)
def test_other_words_are_refused_when_the_recipe_is_made(text, words):
    with pytest.raises(ValueError, match=words):
        Recipe(data="digits", model="conv_vae", augment=text)


def test_what_is_no_image_is_refused(tmp_path):
    np.save(tmp_path / "x.npy", np.random.default_rng(0).normal(size=(60, 4)))
    recipe = Recipe(data=str(tmp_path / "x.npy"), model="dense_vae", augment="flip")
    with pytest.raises(ValueError, match="augment='flip' changes images"):
        recipe.resolve(load(recipe.data))


def test_a_discriminators_changes_are_a_function_of_the_seed_and_alike_for_each_copy():
    x = tf.random.stateless_uniform((4, 16, 16, 3), (0, 1))
    first, again, other = (diff_augment(x, seed) for seed in ((1, 2), (1, 2), (3, 4)))
    np.testing.assert_array_equal(first, again)
    assert (np.asarray(first != other)).any(axis=(1, 2, 3)).all()
    both = diff_augment(tf.concat([x, x], 0), (1, 2), copies=2)
    np.testing.assert_allclose(both, np.concatenate([first, first]), rtol=1e-6)


def test_gradients_pass_a_discriminators_changes_where_something_is_left():
    x = tf.random.stateless_uniform((64, 16, 16, 3), (0, 1))
    with tf.GradientTape() as tape:
        tape.watch(x)
        changed = diff_augment(x, (1, 2))
        total = tf.reduce_sum(changed[:, :, :, 0] ** 2)
    slope = tape.gradient(total, x)
    assert np.isfinite(slope).all() and (np.abs(slope).sum(axis=(1, 2, 3)) > 0).all()
    # Cut out are 9 x 9 of 16 x 16 pixels, or 5 x 5 at a corner; moved in, 2 rows and columns.
    shares = np.mean(np.asarray(changed) == 0.0, axis=(1, 2, 3))
    assert (shares > 0.09).all() and (shares < 0.56).all()
