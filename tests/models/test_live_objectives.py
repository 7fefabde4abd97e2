"""What is changed of an objective, or of the model's objective, counts from the next step."""

import keras
import numpy as np
import pytest
from model_cases import data_for, dense_vae_gan, fit, fixed_noise_vae, weights

from keras_vae.objectives import ELBO, Adversarial, Objective

MODES = {
    "eager": {"run_eagerly": True},
    "compiled": {},
    "XLA": {"jit_compile": True},
}
every_mode = pytest.mark.parametrize(
    "mode",
    [
        pytest.param(mode, id=name, marks=pytest.mark.slow if name == "XLA" else [])
        for name, mode in MODES.items()
    ],
)


class AtEpoch(keras.callbacks.Callback):
    """Calls a function of the model and the epoch before each epoch."""

    def __init__(self, function):
        super().__init__()
        self.function = function

    def on_epoch_begin(self, epoch, logs=None):
        self.function(self.model, epoch)


def compiled(make=fixed_noise_vae, objective=None, rate=0.0, **mode):
    keras.utils.set_random_seed(3)
    model = make()
    model.compile(keras.optimizers.SGD(rate), objective, **mode)
    return model, data_for(model, 8)


def trained(function, epochs, make=fixed_noise_vae, objective=None, rate=0.0, **mode):
    """A training with what a function does before each epoch, and its history."""
    model, x = compiled(make, objective, rate, **mode)
    logs = fit(model, x, epochs, validation_data=x, callbacks=[AtEpoch(function)])
    return model, {name: np.array(values) for name, values in logs.items()}


BETAS = [1.0, 0.0, 5.0]


@every_mode
def test_a_beta_that_a_callback_sets_counts_from_the_next_step(mode):
    def set_beta(model, epoch):
        model.objective.beta = BETAS[epoch]

    model, logs = trained(set_beta, 3, **mode)
    assert logs["kl_loss"].min() > 0.01
    for prefix in ("", "val_"):
        parts = (logs[prefix + name] for name in ("reconstruction_loss", "kl_loss"))
        expected = next(parts) + BETAS * next(parts)
        np.testing.assert_allclose(logs[prefix + "loss"], expected, rtol=1e-5)
    assert model.objective.get_config()["beta"] == 5.0


@every_mode
def test_training_follows_the_beta_that_was_set(mode):
    def set_beta(model, epoch):
        model.objective.beta = BETAS[epoch]

    whole, _ = trained(set_beta, 3, rate=0.1, **mode)
    parts, x = compiled(rate=0.1, run_eagerly=True)
    for beta in BETAS:
        parts.compile(parts.optimizer, ELBO(beta), run_eagerly=True)
        fit(parts, x)
    np.testing.assert_allclose(weights(whole), weights(parts), rtol=0, atol=1e-5)
    constant, _ = trained(lambda model, epoch: None, 3, rate=0.1, **mode)
    assert np.abs(weights(whole) - weights(constant)).max() > 1e-3


class Scaled(Objective):
    """The distortion, many times."""

    terms = ("scaled_twice",)

    def __init__(self, factor):
        super().__init__(1)
        self.factor = factor

    def call(self, trace, step):
        loss = self.factor * trace.distortion[0]
        return loss, {"scaled_twice": 2.0 * loss}


NEW = [ELBO(0.0), Scaled(3.0), ELBO(2.0, num_samples=3), ELBO(free_bits=100.0)]


@pytest.mark.slow
@every_mode
def test_a_new_objective_counts_from_the_next_step_and_evaluation_shows_it(mode):
    def replace(model, epoch):
        model.objective = NEW[epoch]

    _, logs = trained(replace, 1, **mode)
    model, x = compiled(**mode)
    seen = []

    class Record(keras.callbacks.Callback):
        def on_epoch_end(self, epoch, logs=None):
            seen.append(dict(logs))

    fit(model, x, 4, validation_data=x, callbacks=[AtEpoch(replace), Record()])
    for i, one in enumerate(seen):
        expected = [
            one["reconstruction_loss"],
            3.0 * one["reconstruction_loss"],
            one["reconstruction_loss"] + 2.0 * one["kl_loss"],
            one["reconstruction_loss"] + 100.0,
        ][i]
        assert one["loss"] == pytest.approx(expected, rel=1e-4)
        assert one["val_loss"] == pytest.approx(one["loss"], rel=1e-4)
        assert ("scaled_twice" in one) == ("val_scaled_twice" in one) == (i == 1)
    scores = model.evaluate(x, batch_size=4, verbose=0, return_dict=True)
    assert scores["loss"] == pytest.approx(seen[-1]["val_loss"], rel=1e-6)
    np.testing.assert_allclose(logs["loss"], logs["reconstruction_loss"], rtol=1e-5)


@pytest.mark.parametrize("mode", [MODES["eager"], MODES["compiled"]])
def test_a_new_objective_counts_within_an_epoch(mode):
    model, x = compiled(**mode)
    losses = []

    class Middle(keras.callbacks.Callback):
        def on_train_batch_end(self, batch, logs=None):
            losses.append((logs["loss"], logs["reconstruction_loss"]))
            if batch == 0:
                self.model.objective = Scaled(100.0)

    fit(model, x, callbacks=[Middle()])
    # The means begin anew with the objective that they are of.
    assert losses[0][0] > 2 * losses[0][1]
    assert losses[1][0] == pytest.approx(100 * losses[1][1], rel=1e-5)


@pytest.mark.parametrize("mode", [MODES["eager"], MODES["compiled"]])
def test_the_numbers_of_the_game_count_too(mode):
    def set_weights(model, epoch):
        model.objective.gamma = [0.1, 2.0][epoch]
        model.objective.beta = [1.0, 0.0][epoch]

    optimizers = {
        player: keras.optimizers.SGD(0.0)
        for player in ("encoder", "decoder", "discriminator")
    }
    keras.utils.set_random_seed(3)
    model = dense_vae_gan()
    model.compile(optimizers, Adversarial(), **mode)
    x = data_for(model, 8)
    logs = fit(model, x, 2, callbacks=[AtEpoch(set_weights)])
    distance, rate = np.array(logs["feature_distance"]), np.array(logs["kl_loss"])
    expected = [1.0, 0.0] * rate + distance
    np.testing.assert_allclose(logs["encoder_loss"], expected, rtol=1e-5)
    change = logs["decoder_loss"][1] - logs["decoder_loss"][0]
    assert change == pytest.approx(1.9 * distance[0], rel=1e-3)


def test_an_objective_belongs_to_each_model_that_was_compiled_with_it():
    # One object for two models: both follow it. A copy goes its own way.
    objective = ELBO()
    models = [compiled(objective=objective)[0] for _ in range(2)]
    x = data_for(models[0], 8)
    objective.beta = 7.0
    for model in models:
        scores = model.evaluate(x, verbose=0, return_dict=True)
        expected = scores["reconstruction_loss"] + 7.0 * scores["kl_loss"]
        assert scores["loss"] == pytest.approx(expected, rel=1e-5)
    copied = keras.models.clone_model(models[0])
    copied.compile("sgd", ELBO(**objective.get_config()))
    objective.beta = 1.0
    assert copied.objective.beta == 7.0


def test_a_schedule_runs_on_and_is_replaced_with_the_objective():
    schedule = keras.optimizers.schedules.PolynomialDecay(0.0, 4, 4.0)

    def replace(model, epoch):
        if epoch == 1:
            model.objective = ELBO(10.0)

    _, logs = trained(replace, 2, objective=ELBO(schedule))
    expected = logs["reconstruction_loss"] + [0.5, 10.0] * logs["kl_loss"]
    # Each epoch has two steps, of which 0.5 is the mean beta of the first two.
    np.testing.assert_allclose(logs["loss"], expected, rtol=1e-2)
