"""Three optimizers are saved, loaded and resumed like one."""

import keras
import numpy as np
import pytest
from gan_cases import compiled, equal, optimizer_values, played, player_values
from model_cases import LATENT, PLAYERS, dense_vae_gan, fit, vae_gan

from keras_vae import layers, priors
from keras_vae.objectives import Adversarial
from keras_vae.presets.files import read_metadata

EAGERLY = pytest.mark.parametrize("run_eagerly", [True, False])


def chosen():
    """Optimizers that differ in kind, schedule and number of slots."""
    schedule = keras.optimizers.schedules.PolynomialDecay(1e-2, 20, 0.0)
    return {
        "encoder": keras.optimizers.Adam(schedule, beta_1=0.5),
        "decoder": keras.optimizers.SGD(1e-2, momentum=0.9),
        "discriminator": keras.optimizers.RMSprop(1e-3),
    }


# The decoder loses so often that it sits out now and then: iterations differ.
OBJECTIVE = {"gamma": 0.1, "margin": 0.05, "equilibrium": 0.9, "r1": 1.0}


def model_and_data(seed=3, make=vae_gan, **arguments):
    return compiled(
        lambda: make(prior=priors.MixtureOfNormals(2, seed=1)),
        chosen(),
        Adversarial(**OBJECTIVE),
        seed=seed,
        **arguments,
    )


def dense(**arguments):
    """A model with noise and few operations: its graphs are built quickly."""
    return dense_vae_gan(posterior=layers.IndependentNormal(LATENT), **arguments)


def assert_same_state(first, second):
    for values in (player_values, optimizer_values):
        for player in PLAYERS:
            assert equal(values(first)[player], values(second)[player]), player


def assert_near(first, second):
    for a, b in zip(first.get_weights(), second.get_weights(), strict=True):
        np.testing.assert_allclose(a, b, rtol=0, atol=1e-6)


def test_iterations_differ_where_players_sit_out():
    model, x = model_and_data(make=dense)
    fit(model, x, epochs=2)
    counts = {player: int(one.iterations) for player, one in model.optimizers.items()}
    assert counts["encoder"] == 6
    assert min(counts.values()) < 6 <= counts["decoder"] + counts["discriminator"]


@pytest.mark.slow
@EAGERLY
@pytest.mark.parametrize("how", ["model.keras", "model.weights.h5"])
def test_a_run_resumed_in_the_middle_is_the_uninterrupted_one(how, run_eagerly, tmp_path):
    whole, x = model_and_data(make=dense, run_eagerly=run_eagerly)
    fit(whole, x, epochs=2)
    path = tmp_path / how
    if how == "model.keras":
        whole.save(path)
        resumed = keras.saving.load_model(path)
        resumed.run_eagerly = run_eagerly
    else:
        whole.save_weights(path)
        resumed, _ = model_and_data(8, dense, run_eagerly=run_eagerly)
        assert not equal(resumed.get_weights(), whole.get_weights())
        resumed.load_weights(path)
    assert_same_state(resumed, whole)
    for player, one in resumed.optimizers.items():
        assert type(one) is type(whole.optimizers[player])
        configs = [o.get_config() for o in (one, whole.optimizers[player])]
        for config in configs:
            config.pop("name")
        assert configs[0] == configs[1]
    before = {player: int(one.iterations) for player, one in resumed.optimizers.items()}
    logs, again = (fit(one, x, epochs=2) for one in (whole, resumed))
    for player, one in resumed.optimizers.items():
        assert int(one.iterations) > before[player]
    assert logs.keys() == again.keys()
    for name, values in logs.items():
        np.testing.assert_allclose(again[name], values, rtol=1e-5, atol=1e-6)
    assert_near(resumed, whole)


class Interruption(Exception):
    pass


class InterruptAt(keras.callbacks.Callback):
    def on_epoch_begin(self, epoch, logs=None):
        if epoch == 2:
            raise Interruption


@pytest.mark.slow
def test_a_backup_brings_all_players_back(tmp_path):
    whole, x = model_and_data(make=dense)
    fit(whole, x, epochs=4)

    def backup():
        return keras.callbacks.BackupAndRestore(str(tmp_path / "backup"))

    first, _ = model_and_data(make=dense)
    with pytest.raises(Interruption):
        fit(first, x, epochs=4, callbacks=[backup(), InterruptAt()])
    second, _ = model_and_data(8, dense)
    assert len(fit(second, x, epochs=4, callbacks=[backup()])["loss"]) == 2
    assert_near(second, whole)
    counts = [[int(o.iterations) for o in m.optimizers.values()] for m in (whole, second)]
    assert counts[0] == counts[1]


def test_half_precision_keeps_its_loss_scales(tmp_path):
    model, x = compiled(lambda: vae_gan(dtype="mixed_float16"))
    fit(model, x)
    for one in model.optimizers.values():
        assert isinstance(one, keras.optimizers.LossScaleOptimizer)
    model.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras")
    assert_same_state(loaded, model)
    for one in loaded.optimizers.values():
        assert isinstance(one, keras.optimizers.LossScaleOptimizer)
        assert not isinstance(one.inner_optimizer, keras.optimizers.LossScaleOptimizer)
    np.testing.assert_array_equal(loaded.embed(x), model.embed(x))


@pytest.mark.parametrize("dtype", ["float32", "mixed_float16"])
def test_settings_of_a_loss_scale_that_was_given_are_kept(dtype, tmp_path):
    model = vae_gan(dtype=dtype)
    inner = keras.optimizers.SGD(1e-3)
    scaled = keras.optimizers.LossScaleOptimizer(inner, initial_scale=8.0)
    model.compile(scaled, run_eagerly=True)
    for one in model.optimizers.values():
        assert one.initial_scale == 8.0
    model.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras")
    for one in loaded.optimizers.values():
        assert isinstance(one, keras.optimizers.LossScaleOptimizer)
        assert one.initial_scale == 8.0


def outputs(model, x):
    """Everything that a model is asked for."""
    game = played(model, x, seed=5).game
    return [
        model.encode(x).mean(),
        model.encode(x).stddev(),
        model.decode(model.embed(x)).mean(),
        model.embed(x),
        model.reconstruct(x),
        model.sample(3, seed=1),
        model.interpolate(x[:2], x[2:4], steps=3),
        model.elbo(x, num_samples=2),
        model.log_likelihood(x[:2], num_samples=3),
        model.features(x),
        *model.observe(x),
        game.feature_distance,
        game.real,
        game.reconstructed,
        game.sampled,
    ]


@pytest.mark.thinned
@pytest.mark.parametrize("how", ["preset", "file", "config"])
def test_a_model_that_came_back_says_the_same(how, tmp_path):
    model, x = model_and_data()
    fit(model, x)
    if how == "preset":
        model.save_to_preset(tmp_path / "run", {"data": "made up"})
        loaded = type(model).from_preset(tmp_path / "run")
        metadata = read_metadata(tmp_path / "run")
        assert metadata["data"] == "made up"
    elif how == "file":
        model.save(tmp_path / "model.keras")
        loaded = keras.saving.load_model(tmp_path / "model.keras")
    else:
        loaded = type(model).from_config(model.get_config())
        loaded.set_weights(model.get_weights())
    assert type(loaded) is type(model)
    for name in ("feature_layer", "value_range", "seed", "event_shape", "latent_dim"):
        assert getattr(loaded, name) == getattr(model, name)
    assert loaded.support == model.support
    assert len(loaded.weights) == len(model.weights)
    for a, b in zip(outputs(loaded, x), outputs(model, x), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-5, atol=1e-5)


def test_the_discriminator_is_saved_once(tmp_path):
    model, _ = compiled()
    paths = [id(v) for v in model.weights]
    parts = (model.encoder, model.decoder, model.discriminator)
    assert len(paths) == len(set(paths)) == sum(len(part.weights) for part in parts)


def test_walks_begin_and_end_at_the_reconstructions():
    model, x = compiled()
    walk = model.interpolate(x[:3], x[3:6], steps=4)
    assert walk.shape == (3, 4, 8, 8, 1)
    np.testing.assert_allclose(walk[:, 0], model.reconstruct(x[:3]), atol=1e-5)
    np.testing.assert_allclose(walk[:, -1], model.reconstruct(x[3:6]), atol=1e-5)
