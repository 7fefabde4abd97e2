"""Objectives that train encoder and decoder each on a loss of its own."""

import keras
import numpy as np
import pytest

import keras_vae

X = (np.random.default_rng(0).uniform(size=(8, 6)) > 0.5).astype("float32")


def stepped(objective):
    """Weights of encoder and decoder after one step of plain descent from the same start."""
    model = keras_vae.DenseVAE(6, 2, hidden_units=(4,), activation="tanh", seed=3)
    rng = np.random.default_rng(1)
    model.set_weights([0.5 * rng.normal(size=w.shape) for w in model.get_weights()])
    model.compile(keras.optimizers.SGD(0.1), objective, run_eagerly=True)
    model.fit(X, batch_size=8, epochs=1, shuffle=False, verbose=0)
    return model.encoder.get_weights(), model.decoder.get_weights()


PLAYERS = [("piwae:num_bounds=3,draws_per_bound=2", "miwae:num_bounds=3,draws_per_bound=2")]


@pytest.mark.parametrize("objective, of_encoder", PLAYERS)
def test_each_player_takes_the_step_of_its_own_bound(objective, of_encoder):
    encoder, decoder = stepped(objective)
    for given, expected in [
        (encoder, stepped(of_encoder)[0]),
        (decoder, stepped("iwae:num_samples=6")[1]),
    ]:
        for a, b in zip(given, expected, strict=True):
            np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-6)
    # The two differ: neither took the other's.
    assert np.abs(encoder[0] - stepped("iwae:num_samples=6")[0][0]).max() > 1e-4


@pytest.mark.parametrize("objective", ["wae", "info_vae"])
@pytest.mark.parametrize("size, batch_size", [(8, 1), (1, None), (7, 3), (9, 8)])
def test_a_batch_in_which_nothing_can_be_compared_is_refused(objective, size, batch_size):
    model = keras_vae.DenseVAE(6, 2, hidden_units=(4,), seed=3)
    model.compile("adam", objective)
    x = np.zeros((size, 6), "float32")
    words = "needs at least 2, but .* leave a batch of 1. Choose another batch_size"
    for ask in (model.fit, model.evaluate):
        with pytest.raises(ValueError, match=words):
            ask(x, batch_size=batch_size, verbose=0)
    with pytest.raises(ValueError, match=words):
        model.fit(X, validation_data=x, batch_size=batch_size or 32, verbose=0)


def test_the_encoder_of_doubly_reparameterized_gradients_is_unbiased_beside_the_decoder():
    # The decoder's step is that of IWAE, draw by draw.
    decoder = stepped("dreg:num_samples=6")[1]
    for a, b in zip(decoder, stepped("iwae:num_samples=6")[1], strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-6)


GAMES = {
    "factor_vae": ("factor_vae:gamma=3", {"critic": (4,)}, "critic"),
    "aae": ("aae", {"critic": (4,), "posterior": "deterministic"}, "critic"),
    "nvil": ("nvil", {"baseline": (4,), "posterior": "bernoulli"}, "baseline"),
}


@pytest.mark.slow
@pytest.mark.thinned
@pytest.mark.parametrize("name", GAMES)
def test_the_second_player_learns_is_saved_and_steers_the_first(name, tmp_path):
    objective, arguments, player = GAMES[name]
    model = keras_vae.DenseVAE(6, 2, hidden_units=(4,), seed=3, **arguments)
    model.compile("adam", objective, run_eagerly=name != "factor_vae")
    second = model.player_variables()[player]
    mine = {id(one) for one in model.player_variables()["vae"]}
    assert second and not mine & {id(one) for one in second}
    assert len(mine) + len(second) == len(model.trainable_variables)
    before = [np.array(one) for one in second]
    logs = model.fit(X, epochs=2, batch_size=8, verbose=0, validation_data=X).history
    assert all((a != b).any() for a, b in zip(before, second, strict=True))
    assert {"vae_loss", f"{player}_loss", f"val_{player}_loss"} <= set(logs)
    np.testing.assert_allclose(logs["loss"], logs["vae_loss"])
    model.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras")
    for a, b in zip(loaded.get_weights(), model.get_weights(), strict=True):
        np.testing.assert_array_equal(a, b)
    # The same step from the same state: optimizers, critic and running means are there.
    steps = [one.train_on_batch(X, return_dict=True) for one in (model, loaded)]
    assert steps[0] == pytest.approx(steps[1], rel=1e-5)
    for a, b in zip(loaded.get_weights(), model.get_weights(), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-5, atol=1e-7)


@pytest.mark.parametrize("objective", ["elbo", "factor_vae"])
def test_averages_end_in_the_variables_that_they_are_of(objective):
    # A flow's variables and those of a critic have other places in the model's own order.
    parts = {"posterior": "iaf:num_layers=1,hidden_units=3", "critic": (3,)}
    model = keras_vae.DenseVAE(6, 2, hidden_units=(4,), seed=3, **parts)
    optimizer = keras.optimizers.SGD(0.1, use_ema=True, ema_momentum=0.5)
    model.compile(optimizer, objective, run_eagerly=True)
    ended = []

    class End(keras.callbacks.Callback):
        def on_train_end(self, logs=None):
            ended.extend(self.model.get_weights())

    model.fit(X, batch_size=4, verbose=0, callbacks=[End()])
    for player, variables in model.player_variables().items():
        averages = model.optimizers[player]._model_variables_moving_average
        for variable, average in zip(variables, averages, strict=True):
            np.testing.assert_array_equal(variable, average)
    # A callback that restores weights at the end has the last word.
    for before, after in zip(ended, model.get_weights(), strict=True):
        np.testing.assert_array_equal(before, after)


@pytest.mark.parametrize(
    "objective, words",
    [
        ("factor_vae", "needs critic, which this DenseVAE lacks. .*critic="),
        ("aae", "needs critic, which this DenseVAE lacks. .*critic="),
        ("score_function", "needs baseline, which this DenseVAE lacks. .*baseline="),
        ("hvae", "needs leapfrog, which this DenseVAE lacks. .*leapfrog=5"),
        ("nvil", "needs baseline, which this DenseVAE lacks. .*baseline="),
    ],
)
def test_what_the_model_lacks_is_said_when_it_is_compiled(objective, words):
    with pytest.raises(ValueError, match=words):
        keras_vae.DenseVAE(6, 2, hidden_units=(4,)).compile("adam", objective)


@pytest.mark.parametrize("objective", ["piwae", "stl", "denoising", "contractive"])
def test_a_model_that_sums_over_classes_refuses_what_it_cannot_answer(objective):
    model = keras_vae.SemiSupervisedVAE(6, 2, 3, hidden_units=(4,))
    with pytest.raises(ValueError, match="Use another objective"):
        model.compile("adam", objective)


def dense_critic(size, outputs):
    return keras.Sequential([keras.Input((size,)), keras.layers.Dense(outputs)])


def test_the_encoder_sees_damage_in_training_alone():
    objective = keras_vae.objectives.Denoising("mask", 0.5)
    x = np.ones((2000, 6), "float32")
    seen = objective.encoder_input(x, (1, 2), True).numpy()
    assert set(np.unique(seen)) == {0.0, 1.0} and abs(seen.mean() - 0.5) < 0.03
    assert objective.encoder_input(x, (1, 2), False) is x
    assert np.isnan(objective.encoder_input(x * np.nan, (1, 2), True)).all()
    noise = keras_vae.objectives.Denoising("normal", 2.0).encoder_input(x, (1, 2), True) - x
    assert abs(np.std(noise) - 2.0) < 0.1
    model = keras_vae.DenseVAE(6, 2, hidden_units=(4,), posterior="deterministic", seed=1)
    model.compile("adam", keras_vae.objectives.Denoising("mask", 0.0))
    clean = model.evaluate(X, verbose=0, return_dict=True)["loss"]
    model.compile("adam", objective)
    # What is rebuilt, and what is scored in testing, is x itself.
    assert model.evaluate(X, verbose=0, return_dict=True)["loss"] == pytest.approx(clean)


AMOUNTS = keras_vae.layers.Blockwise(
    [keras_vae.layers.IndependentNormal(1), keras_vae.layers.get("gamma", 1)], [[0], [1]]
)


@pytest.mark.parametrize("likelihood", ["poisson", AMOUNTS])
@pytest.mark.parametrize(
    "objective", ["denoising:corruption=mask", "denoising:corruption=normal,amount=3"]
)
def test_damage_has_a_place_on_the_scale_of_logarithms(likelihood, objective):
    x = np.random.default_rng(0).integers(1, 5, (64, 2)).astype("float32")
    model = keras_vae.DenseVAE(2, 2, likelihood, hidden_units=(4,), seed=0)
    model.compile("adam", objective, run_eagerly=True)
    assert np.isfinite(model.fit(x, verbose=0).history["loss"]).all()


def test_gaps_in_counts_add_nothing_to_a_contraction():
    x = np.array([[1.0, np.nan], [np.nan, 3.0]] * 4, "float32")
    model = keras_vae.DenseVAE(2, 2, "poisson", hidden_units=(4,), gaps="mask", seed=0)
    model.compile("adam", "contractive", run_eagerly=True)
    history = model.fit(x, verbose=0).history
    assert np.isfinite(history["loss"]).all() and history["contraction"][0] > 0


def test_codes_without_a_derivative_have_no_contraction():
    model = keras_vae.DenseVAE(6, 2, posterior="straight_through_bernoulli")
    with pytest.raises(ValueError, match="has discrete codes"):
        model.compile("adam", "contractive")


@pytest.mark.parametrize(
    "critic, words",
    [
        (keras.Sequential([keras.layers.Dense(1)]), "begin with keras.Input"),
        (dense_critic(3, 1), r"must take codes of shape \('B', 2\)"),
        (dense_critic(2, 2), r"must take codes of shape \('B', 2\) and give one logit"),
    ],
)
def test_a_critic_that_does_not_fit_is_refused(critic, words):
    with pytest.raises(ValueError, match=words):
        keras_vae.DenseVAE(6, 2, hidden_units=(4,), critic=critic)


def test_shuffled_codes_have_the_same_elements_in_another_order():
    z = np.random.default_rng(0).normal(size=(50, 2, 2)).astype("float32")
    given = keras_vae.objectives.code_critic.shuffled(z, (3, 4)).numpy()
    np.testing.assert_array_equal(np.sort(given, axis=0), np.sort(z, axis=0))
    orders = [np.argsort(given[:, i, j]).tolist() for i in (0, 1) for j in (0, 1)]
    assert len({tuple(one) for one in orders}) == 4 and (given != z).mean() > 0.9
