"""Three players, each with a loss, variables and an optimizer of its own."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from gan_cases import (
    compiled,
    equal,
    optimizer_values,
    played,
    player_values,
    sgd,
)
from model_cases import LATENT, PLAYERS, dense_vae_gan, fit, vae_gan

from keras_vae import layers, priors
from keras_vae.objectives import Adversarial

EVERY_PLAYER = pytest.mark.parametrize("player", PLAYERS)
EAGERLY = pytest.mark.parametrize("run_eagerly", [True, False])
# Each eagerly, and one in a graph, which takes long to make.
EVERY_PLAYER_EAGERLY = pytest.mark.parametrize(
    "player, run_eagerly", [*((one, True) for one in PLAYERS), ("decoder", False)]
)


@EVERY_PLAYER
def test_a_players_loss_moves_its_own_variables_only(player):
    model, x = compiled(optimizer=sgd(**{player: 0.05}))
    before = player_values(model)
    model.train_on_batch(x)
    after = player_values(model)
    for one in PLAYERS:
        moved = [(a != b).any() for a, b in zip(after[one], before[one], strict=True)]
        assert moved and all(moved) if one == player else not any(moved), one


def gradients_by_hand(model, x):
    """Gradient of each player's mean loss, with the noise of the first step."""
    seeds, make = [], model.pass_for_training

    def recording(x, y, seed, training):
        seeds.append(seed)
        return make(x, y, seed, training)

    model.pass_for_training = recording
    model.compile(sgd(), model.objective, run_eagerly=True)
    model.train_on_batch(x)
    del model.pass_for_training
    result, variables = {}, model.player_variables()
    for player in PLAYERS:
        with tf.GradientTape() as tape:
            trace = played(model, x, seeds[0], training=True)
            loss = tf.reduce_mean(model.objective(trace, 0)[player])
        result[player] = tape.gradient(loss, [v.value for v in variables[player]])
    return result


@pytest.mark.parametrize("options", [{}, {"r1": 3.0, "generator_loss": "non_saturating"}])
def test_all_players_step_from_the_same_weights(options):
    objective = Adversarial(gamma=0.1, **options)
    rates = {"encoder": 0.01, "decoder": 0.05, "discriminator": 0.1}
    model, x = compiled(objective=objective)
    gradients = gradients_by_hand(model, x)
    model, x = compiled(optimizer=sgd(**rates), objective=objective)
    before = player_values(model)
    model.train_on_batch(x)
    after = player_values(model)
    for player, rate in rates.items():
        moves = [b - a for a, b in zip(after[player], before[player], strict=True)]
        assert max(np.abs(move).max() for move in moves) > 1e-4
        for move, gradient in zip(moves, gradients[player], strict=True):
            np.testing.assert_allclose(move, rate * gradient, rtol=1e-3, atol=1e-6)


def test_posterior_and_prior_are_the_encoders():
    model, x = compiled(
        lambda: vae_gan(
            posterior=layers.IndependentNormal(LATENT, scale="shared"),
            prior=priors.MixtureOfNormals(2, seed=1),
        ),
        optimizer=sgd(encoder=0.05),
    )
    own = {id(v) for v in model.player_variables()["encoder"]}
    trained = [*model.posterior.trainable_variables, *model.prior.trainable_variables]
    assert len(trained) == 4 and {id(v) for v in trained} <= own
    before = [np.array(v) for v in trained]
    model.train_on_batch(x)
    for variable, was in zip(trained, before, strict=True):
        assert np.abs(variable - was).max() > 1e-5, variable.path


@EVERY_PLAYER
def test_a_frozen_player_stands_still(player):
    model, _ = compiled()
    getattr(model, player).trainable = False
    model.compile(keras.optimizers.SGD(0.01), model.objective, run_eagerly=True)
    x, before = compiled()[1], getattr(model, player).get_weights()
    model.train_on_batch(x)
    assert equal(getattr(model, player).get_weights(), before)
    others = [one for one in PLAYERS if one != player]
    assert all(model.optimizers[one].iterations == 1 for one in others)


# Costs of an untrained discriminator are near log 2 = 0.69, so these equilibria say who
# plays: only the decoder, only the discriminator.
SITTING_OUT = {
    "discriminator": Adversarial(gamma=0.1, margin=0.1, equilibrium=9.0),
    "decoder": Adversarial(gamma=0.1, margin=0.1, equilibrium=0.15),
}


@pytest.mark.slow
@EAGERLY
@pytest.mark.parametrize("player", SITTING_OUT)
def test_who_sits_out_keeps_weights_and_optimizer(player, run_eagerly):
    model, x = compiled(
        dense_vae_gan, objective=SITTING_OUT[player], run_eagerly=run_eagerly
    )
    weights, states = player_values(model), optimizer_values(model)
    logs = fit(model, x, epochs=2, validation_data=x)
    after, states_after = player_values(model), optimizer_values(model)
    for one in PLAYERS:
        assert equal(after[one], weights[one]) == (one == player)
        assert equal(states_after[one], states[one]) == (one == player)
        assert int(model.optimizers[one].iterations) == (0 if one == player else 6)
        if one != "encoder":
            assert logs[f"{one}_updates"] == [0.0 if one == player else 1.0] * 2
    assert "encoder_updates" not in logs
    assert not any("updates" in name for name in logs if name.startswith("val_"))
    assert not any("updates" in name for name in model.evaluate(x, return_dict=True))
    assert not any("updates" in name for name in model.test_on_batch(x, return_dict=True))


@pytest.mark.slow
@EAGERLY
def test_a_margin_that_nobody_reaches_changes_nothing(run_eagerly):
    results = []
    for margin in (None, 0.68):
        objective = Adversarial(gamma=0.1, margin=margin)
        model, x = compiled(objective=objective, run_eagerly=run_eagerly)
        logs = fit(model, x)
        assert ("decoder_updates" in logs) == (margin is not None)
        results.append(model.get_weights())
    for a, b in zip(*results, strict=True):
        np.testing.assert_allclose(a, b, rtol=0, atol=1e-5)


def test_where_both_would_sit_out_both_play():
    # Reals cost more than the equilibrium and fakes less: the bias of the logit says so.
    objective = Adversarial(gamma=0.1, margin=0.1, equilibrium=0.69)
    model, x = compiled(objective=objective)
    model.discriminator.get_layer("logit").bias.assign([-3.0])
    logs = model.train_on_batch(x, return_dict=True)
    assert logs["decoder_updates"] == logs["discriminator_updates"] == 1.0
    assert {int(one.iterations) for one in model.optimizers.values()} == {1}


def test_one_optimizer_is_one_for_each_with_the_same_settings():
    schedule = keras.optimizers.schedules.PolynomialDecay(0.1, 9, 0.01)
    given = keras.optimizers.Adam(schedule, beta_1=0.5, clipnorm=2.0)
    model, _ = compiled(optimizer=given)
    assert list(model.optimizers) == list(PLAYERS)
    chosen = list(model.optimizers.values())
    assert chosen[0] is given and len({id(one) for one in chosen}) == 3
    for one in chosen[1:]:
        assert one.get_config() == given.get_config()
    slots = [{id(v) for v in one.variables} for one in chosen]
    assert not (slots[0] & slots[1] or slots[0] & slots[2] or slots[1] & slots[2])


def test_each_player_may_have_an_optimizer_of_another_kind():
    chosen = {
        "discriminator": keras.optimizers.SGD(0.1, momentum=0.9),
        "encoder": "rmsprop",
        "decoder": keras.optimizers.Adam(1e-3),
    }
    model, x = compiled(optimizer=chosen)
    kinds = {player: type(one).__name__ for player, one in model.optimizers.items()}
    assert kinds == {"encoder": "RMSprop", "decoder": "Adam", "discriminator": "SGD"}
    assert model.optimizer is model.optimizers["encoder"]
    before = player_values(model)
    fit(model, x)
    assert not any(equal(player_values(model)[one], before[one]) for one in PLAYERS)


@pytest.mark.slow
@EVERY_PLAYER_EAGERLY
def test_regularizers_are_a_part_of_their_players_loss_alone(player, run_eagerly):
    moves, logs = [], []
    for options in ({}, {player: keras.regularizers.L2(0.5)}):
        model, x = compiled(
            lambda options=options: dense_vae_gan(**options),
            sgd(encoder=0.1, decoder=0.1, discriminator=0.1),
            run_eagerly=run_eagerly,
        )
        before = getattr(model, player).layers[-1].kernel.numpy()
        logs.append(model.train_on_batch(x, return_dict=True))
        moves.append(player_values(model))
    penalty = 0.5 * np.sum(before**2)
    for one in PLAYERS:
        added = logs[1][f"{one}_loss"] - logs[0][f"{one}_loss"]
        np.testing.assert_allclose(added, penalty if one == player else 0.0, atol=1e-4)
        if one != player:
            assert equal(moves[0][one], moves[1][one])
    kernels = [values[player][-2] for values in moves]
    # The gradient of 0.5 * kernel^2 is the kernel; the learning rate is 0.1.
    np.testing.assert_allclose(kernels[0] - kernels[1], 0.1 * before, atol=1e-5)


@EVERY_PLAYER
def test_activity_penalties_are_a_part_of_their_players_loss_alone(player):
    logs = []
    for options in ({}, {player: keras.regularizers.L2(0.5)}):
        model, x = compiled(
            lambda options=options: dense_vae_gan(kind="activity", **options), sgd()
        )
        logs.append(model.train_on_batch(x, return_dict=True))
    for one in PLAYERS:
        added = logs[1][f"{one}_loss"] - logs[0][f"{one}_loss"]
        assert added > 1e-3 if one == player else abs(added) < 1e-5


@pytest.mark.slow
@EAGERLY
def test_activity_penalties_do_not_pile_up_from_batch_to_batch(run_eagerly):
    values = []
    for options in ({}, dict.fromkeys(PLAYERS, keras.regularizers.L2(1.0))):
        model, x = compiled(
            lambda options=options: dense_vae_gan(kind="activity", **options),
            sgd(),
            run_eagerly=run_eagerly,
        )
        x = np.tile(x[:4], (3, 1))
        values.append(fit(model, x, epochs=3, validation_data=x))
    plain, penalized = values
    for loss in (f"{player}_loss" for player in PLAYERS):
        np.testing.assert_allclose(penalized[loss], penalized[loss][0], rtol=1e-4)
        np.testing.assert_allclose(penalized[f"val_{loss}"], penalized[loss][0], rtol=1e-4)
        assert penalized[loss][0] > plain[loss][0] + 1e-3


class Penalized(priors.StandardNormal):
    """A prior with a weight, and a penalty of 0.5 * weight^2 a dimension."""

    def make_weights(self):
        regularizer = keras.regularizers.L2(0.5)
        self.loc = self.add_weight(self.event_shape, "ones", regularizer=regularizer)


def test_penalties_of_the_prior_are_the_encoders():
    model, x = compiled(lambda: vae_gan(prior=Penalized()), sgd(encoder=0.1))
    logs = model.train_on_batch(x, return_dict=True)
    plain = logs["kl_loss"] + logs["feature_distance"]
    np.testing.assert_allclose(logs["encoder_loss"] - plain, 0.5 * LATENT, atol=1e-4)
    np.testing.assert_allclose(model.prior.loc, 0.9, rtol=1e-5)


def test_examples_of_weight_zero_do_not_move_anybody():
    weight = np.array([1.0, 1.0, 0.0, 0.5] * 3)
    results = []
    for value in (0.0, 0.9):
        model, x = compiled()
        x = np.where(weight[:, None, None, None] == 0.0, value, x).astype("float32")
        logs = model.fit(x, sample_weight=weight, batch_size=12, shuffle=False, verbose=0)
        results.append((model.get_weights(), logs.history))
    for a, b in zip(results[0][0], results[1][0], strict=True):
        np.testing.assert_allclose(a, b, rtol=0, atol=1e-6)
    for name, value in results[0][1].items():
        np.testing.assert_allclose(value, results[1][1][name], rtol=1e-5)
    start = compiled()[0].get_weights()
    assert not equal(start, results[0][0])
