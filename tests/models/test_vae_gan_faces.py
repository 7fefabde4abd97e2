"""What makes faces of a VAE-GAN: balance, averages, perceptual distances, changed images."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from gan_cases import compiled, images, played, player_values, sgd
from model_cases import PLAYERS, dense_vae_gan, fit, vae_gan

import keras_vae
from keras_vae.models.optimizers import averaged, balanced
from keras_vae.models.vae_gan.perceptual import perceptual_distance
from keras_vae.objectives import Adversarial

RNG = np.random.default_rng(0)


def tensors(*shapes):
    return [tf.constant(RNG.normal(size=shape), tf.float32) for shape in shapes]


@pytest.mark.parametrize("factor", [0.8, 2.0])
def test_the_second_gradient_has_so_many_times_the_norm_of_the_first_at_the_last_kernel(
    factor,
):
    shapes = (3, 4), (4,), (4, 2), (2,)
    own, others = tensors(*shapes), tensors(*shapes)
    sums, scale = balanced(own, others, factor)
    added = [total - one for total, one in zip(sums, own, strict=True)]
    np.testing.assert_allclose(tf.norm(added[2]), factor * tf.norm(own[2]), rtol=1e-3)
    for one, other in zip(added, others, strict=True):
        np.testing.assert_allclose(one, scale * other, rtol=1e-4, atol=1e-6)
    _, scale = balanced(own, [0.0 * one for one in others], factor)
    assert scale <= factor * 1e4


@pytest.mark.slow
def test_the_balance_is_that_of_the_decoders_two_losses():
    """A step of plain descent is the sum that the definition says."""
    moves, arguments = {}, {"gamma": 0.5, "generator_loss": "hinge"}
    for name, objective in {
        "distance": Adversarial(**arguments, reconstruction_weight=0, sample_weight=0),
        "both": Adversarial(**arguments),
        "balanced": Adversarial(**arguments, adaptive_weight=0.8),
    }.items():
        model, x = compiled(optimizer=sgd(decoder=1.0), objective=objective)
        before = player_values(model)["decoder"]
        logs = model.train_on_batch(x, return_dict=True)
        after = player_values(model)["decoder"]
        moves[name] = [b - a for a, b in zip(after, before, strict=True)]
    opposed = [b - a for a, b in zip(moves["distance"], moves["both"], strict=True)]
    last = max(i for i, one in enumerate(opposed) if one.ndim >= 2)
    ratio = np.linalg.norm(moves["distance"][last]) / np.linalg.norm(opposed[last])
    assert logs["decoder_balance"] == pytest.approx(0.8 * ratio, rel=0.02)
    for whole, own, other in zip(
        *(moves["balanced"], moves["distance"], opposed), strict=True
    ):
        np.testing.assert_allclose(whole, own + 0.8 * ratio * other, rtol=0.05, atol=1e-3)


def test_before_the_start_the_discriminator_waits():
    objective = Adversarial(gamma=0.1, start_step=2)
    model, x = compiled(dense_vae_gan, sgd(discriminator=1.0, encoder=0.01), objective)
    seen = [player_values(model)["discriminator"]]
    for _ in range(3):
        model.train_on_batch(x)
        seen.append(player_values(model)["discriminator"])
    same = [all(map(np.array_equal, a, b)) for a, b in zip(seen, seen[1:], strict=False)]
    assert same == [True, True, False]
    # Its optimizer waited, too.
    assert [int(model.optimizers[one].iterations) for one in PLAYERS] == [3, 3, 1]


def adams(**averaging):
    """Averages of encoder and decoder alone, or of all."""
    adam = keras.optimizers.Adam
    return {
        player: adam(1e-2, **(averaging if player != "discriminator" else {}))
        for player in PLAYERS
    }


@pytest.mark.parametrize("one_for_all", [True, False])
def test_averages_of_weights_are_kept_by_player_and_saved(one_for_all, tmp_path):
    averaging = {"use_ema": True, "ema_momentum": 0.5}
    optimizer = (
        keras.optimizers.Adam(1e-2, **averaging) if one_for_all else adams(**averaging)
    )
    model, x = compiled(dense_vae_gan, optimizer)
    seen, kept = [], []

    class Record(keras.callbacks.Callback):
        def on_train_batch_end(self, batch, logs=None):
            seen.append(player_values(self.model))
            with averaged(self.model.optimizers.values()):
                kept.append(player_values(self.model))

    fit(model, x, epochs=2, callbacks=[Record()])
    after = player_values(model)
    for player in PLAYERS:
        expected = seen[0][player]
        for one in seen[1:]:
            pairs = zip(expected, one[player], strict=True)
            expected = [0.5 * a + 0.5 * b for a, b in pairs]
        has_average = one_for_all or player != "discriminator"
        expected = expected if has_average else seen[-1][player]
        for found in (after, kept[-1]):
            for a, b in zip(found[player], expected, strict=True):
                np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-5)
    model.save(tmp_path / "model.keras")
    loaded = keras.models.load_model(tmp_path / "model.keras")
    np.testing.assert_array_equal(loaded.reconstruct(x), model.reconstruct(x))


def test_perceptual_distances_are_those_of_directions():
    one, other = tensors((3, 4, 4, 5), (3, 4, 4, 5))
    np.testing.assert_allclose(perceptual_distance([one], [7.0 * one]), 0.0, atol=1e-6)
    np.testing.assert_allclose(perceptual_distance([one], [-one]), 4.0, rtol=1e-4)
    cosine = np.sum(one * other, -1) / np.linalg.norm(one, axis=-1)
    cosine /= np.linalg.norm(other, axis=-1)
    expected = (2.0 - 2.0 * cosine).mean(axis=(1, 2))
    both = perceptual_distance([one, one], [other, one])
    np.testing.assert_allclose(both, expected, rtol=1e-4, atol=1e-5)


def test_a_network_that_learned_to_see_stays_as_it_is_and_is_saved(tmp_path):
    model = vae_gan(perceptual=True)
    # Bright and dark images.
    x = images(64) * np.repeat([0.5, 1.0], 32)[:, None, None, None].astype("float32")
    y = np.repeat([0, 1], 32)
    first = model.train_perceptual_network(x, y, epochs=1)
    assert model.train_perceptual_network(x, y, epochs=8) < first
    seen = [np.array(w) for w in model.perceptual.weights]
    objective = Adversarial(
        gamma=0.1,
        generator_loss="hinge",
        pixel_weight=1.0,
        perceptual_weight=10.0,
        adaptive_weight=0.8,
        diff_augment=True,
    )
    model.compile(keras.optimizers.Adam(1e-3), objective, run_eagerly=True)
    logs = fit(model, x[::4], validation_data=x[:8])
    assert all(np.isfinite(values).all() for values in logs.values())
    assert {"perceptual_distance", "val_perceptual_distance", "decoder_balance"} <= set(
        logs
    )
    for before, after in zip(seen, model.perceptual.weights, strict=True):
        np.testing.assert_array_equal(before, after)
    model.save(tmp_path / "model.keras")
    loaded = keras.models.load_model(tmp_path / "model.keras")
    distances = [played(one, x[:4]).game.perceptual_distance() for one in (model, loaded)]
    np.testing.assert_array_equal(*distances)


def test_the_discriminator_sees_changed_images_in_training_alone():
    objective = Adversarial(gamma=0.1, diff_augment=True)
    model, x = compiled(objective=objective)
    plain, _ = compiled()
    for training in (False, True):
        games = [played(one, x, training=training).game for one in (model, plain)]
        assert np.array_equal(games[0].real, games[1].real) != training


def test_patches_and_residual_blocks_make_a_model():
    model = keras_vae.VAEGAN.for_images(
        (16, 16, 3), 4, "residual", (4, 4), discriminator="patch", seed=0
    )
    _, logits = model.observe(images(2, (16, 16, 3)))
    assert logits.shape == (2, 64)
    assert played(model, images(2, (16, 16, 3))).game.gradient_penalty().shape == (2,)
