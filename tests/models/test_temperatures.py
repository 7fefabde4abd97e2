"""Temperatures of relaxed codes that change during training."""

import keras
import laws
import numpy as np
import pytest

import keras_vae
from keras_vae import layers, objectives

X = (np.random.default_rng(0).random((8, 6)) < 0.5).astype("float32")
STEPS = 4
RELAXED = {
    "bits": ("relaxed_bernoulli", 3),
    "choices": ("relaxed_one_hot_categorical", (2, 3)),
}
every_relaxed = pytest.mark.parametrize("name", RELAXED)


def made(name, temperature=f"(exponential:steps={STEPS},start=1,end=0.25)"):
    keras.utils.set_random_seed(0)
    part, latent_dim = RELAXED[name]
    posterior = f"{part}:temperature={temperature}"
    model = keras_vae.DenseVAE(
        6, latent_dim, posterior=posterior, hidden_units=(4,), seed=0
    )
    model.compile("adam")
    return model


@every_relaxed
def test_the_temperature_follows_the_updates_and_is_saved(name, tmp_path):
    model = made(name)
    assert float(model.posterior.temperature_now()) == 1.0
    logs = model.fit(X, batch_size=4, epochs=3, verbose=0, validation_data=X).history
    # The value of the last of two steps an epoch; the third epoch is past the end.
    laws.close(logs["temperature"], [0.25 ** (1 / STEPS), 0.25 ** (3 / STEPS), 0.25])
    model.save(tmp_path / "model.keras")
    loaded = keras.models.load_model(tmp_path / "model.keras")
    assert float(loaded.posterior.temperature_now()) == 0.25
    laws.close(loaded.elbo(X), model.elbo(X), rtol=1e-5)
    # The default prior has the schedule of the posterior.
    assert float(loaded.prior.layer.temperature_now()) == 0.25


@every_relaxed
def test_a_run_in_two_parts_cools_like_one(name):
    whole, parts = made(name), made(name)
    whole.fit(X, batch_size=4, epochs=2, verbose=0, shuffle=False)
    for epoch in range(2):
        parts.fit(
            X, batch_size=4, epochs=epoch + 1, initial_epoch=epoch, verbose=0, shuffle=False
        )
    for one, other in zip(whole.weights, parts.weights, strict=True):
        laws.close(one, other, rtol=1e-5)


@every_relaxed
def test_evaluation_leaves_the_temperature_alone(name):
    model = made(name)
    model.fit(X, batch_size=4, verbose=0)
    # After two steps the value is that of the second one.
    before = float(model.posterior.temperature_now())
    laws.close(before, 0.25 ** (1 / STEPS))
    model.evaluate(X, verbose=0)
    model.elbo(X)
    assert float(model.posterior.temperature_now()) == before


@every_relaxed
def test_a_fitted_prior_has_the_temperature_of_the_model(name):
    model = made(name)
    model.fit(X, batch_size=4, verbose=0)
    again = model.with_prior("learned")
    laws.close(again.prior.layer.temperature_now(), model.posterior.temperature_now())


def test_a_likelihood_keeps_its_own_temperature_beside_another_prior():
    cooling = "temperature=(exponential:steps=10)"
    model = keras_vae.DenseVAE(6, 2, f"relaxed_bernoulli:{cooling}", hidden_units=(4,))
    model.likelihood.at_step(5)
    again = model.with_prior("mixture_of_normals:num_components=2")
    laws.close(again.likelihood.temperature_now(), model.likelihood.temperature_now())


@pytest.mark.parametrize(
    "temperature, message",
    [
        ("0", "temperature must be positive"),
        ("(warm_up:steps=3)", "temperature at the first step must be positive"),
        ("(warm_up:steps=3,start=1,end=0)", "temperature at the end must be positive"),
        ("(exponential:end=0)", "end must be positive"),
        ("(colder:steps=3)", "temperature must be a number or a schedule"),
    ],
)
@every_relaxed
def test_bad_temperatures_are_refused(name, temperature, message):
    with pytest.raises(ValueError, match=message):
        made(name, temperature)


def test_a_schedule_is_no_more_than_its_numbers():
    schedule = objectives.Exponential(10, 2.0, 0.5)
    steps = np.arange(0, 12)
    expected = 2.0 * 0.25 ** np.minimum(steps / 10, 1.0)
    laws.close([schedule(step) for step in steps], expected)
    layer = layers.RelaxedBernoulli(2, temperature=schedule)
    again = layers.RelaxedBernoulli.from_config(layer.get_config())
    assert again.get_config() == layer.get_config()
