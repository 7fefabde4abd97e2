"""What Keras offers for training works with these models."""

import inspect
import warnings

import keras
import numpy as np
import pytest
import tensorflow as tf
from model_cases import data_for, fit, fixed_noise_vae, vae, weights

import keras_vae
from keras_vae import objectives, priors
from keras_vae.data import pipeline
from keras_vae.models import inputs


def test_keras_still_has_the_method_that_is_overridden():
    # A private one: after a rename `fit` would look at a first batch again.
    ours = keras_vae.models.LatentVariableModel._maybe_symbolic_build
    theirs = keras.Model._maybe_symbolic_build
    assert ours is not theirs
    assert inspect.signature(ours) == inspect.signature(theirs)


def compiled(make=vae, objective=None, optimizer=None, seed=0, **arguments):
    keras.utils.set_random_seed(3)
    model = make(seed=seed)
    model.compile(optimizer or keras.optimizers.Adam(1e-2), objective, **arguments)
    return model


def easy_data(n=64):
    """Two patterns with some noise: there is much to learn."""
    rng = np.random.default_rng(1)
    patterns = np.array([[1, 1, 1, 0, 0, 0], [0, 0, 1, 1, 1, 1]])[rng.integers(0, 2, n)]
    return (patterns != (rng.random((n, 6)) < 0.05)).astype("float32")


@pytest.mark.slow
@pytest.mark.parametrize("jit_compile", [False, True])
def test_training_lowers_the_loss(jit_compile):
    model = vae(prior=priors.MixtureOfNormals(2, seed=0))
    model.compile(keras.optimizers.Adam(3e-2), "iwae", jit_compile=jit_compile)
    x = easy_data()
    losses = fit(model, x, epochs=20, batch_size=16)["loss"]
    assert np.isfinite(losses).all()
    # Six independent coins cost 4.2 nats; the patterns cost 2.
    assert losses[0] > 3.9 and losses[-1] < 3.3


@pytest.mark.slow
def test_xla_takes_the_same_steps_where_there_is_no_noise():
    x = data_for(vae(), 12)
    models = [compiled(fixed_noise_vae, jit_compile=jit) for jit in (False, True)]
    for model in models:
        fit(model, x)
    np.testing.assert_allclose(weights(models[0]), weights(models[1]), atol=1e-4)


def trained_by(steps):
    """Weights, losses and scores of a training with so many steps at a time."""
    x = data_for(vae(), 20)
    model = compiled(steps_per_execution=steps)
    losses = fit(model, x, 2)["loss"]
    return weights(model), losses, model.evaluate(x, batch_size=4, verbose=0)


@pytest.fixture(scope="module")
def trained_step_by_step():
    return trained_by(1)


def test_an_array_is_taken_as_keras_takes_it():
    # (Without weights, which Keras itself loses where there are no targets.)
    x = data_for(vae(), 18)
    ours, keras_own = compiled(run_eagerly=True), compiled(run_eagerly=True)
    given = {"epochs": 2, "batch_size": 4, "shuffle": False, "verbose": 0}
    logs = ours.fit(x, **given), keras.Model.fit(keras_own, x, **given)
    assert logs[0].history == logs[1].history
    assert int(ours.optimizer.iterations) == 10
    np.testing.assert_array_equal(weights(ours), weights(keras_own))
    given = {"batch_size": 4, "verbose": 0, "return_dict": True}
    assert ours.evaluate(x, **given) == keras.Model.evaluate(ours, x, **given)
    given.pop("return_dict")
    predictions = ours.predict(x, **given), keras.Model.predict(ours, x, **given)
    np.testing.assert_array_equal(*predictions)


@pytest.mark.parametrize("steps, seen", [(2, [0, 4, 8, 12]), (3, [0, 4, 8, 12, 16, 0])])
def test_steps_per_epoch_read_on_where_the_last_epoch_ended(steps, seen, monkeypatch):
    # Rows 0 to 17 in batches of 4, without shuffling: which row begins each batch?
    x = np.tile((np.arange(18) % 2)[:, None], (1, 6)).astype("float32")
    x[:, :5] = (np.arange(18)[:, None] >> np.arange(5)) & 1
    model, first = compiled(run_eagerly=True), []
    make = model.pass_for_training

    def recording(x, y, seed, training):
        first.append(int((x[0, :5].numpy() * 2 ** np.arange(5)).sum()))
        return make(x, y, seed, training)

    model.pass_for_training = recording
    logs = fit(model, x, epochs=2, steps_per_epoch=steps)
    assert len(logs["loss"]) == 2 and first == seen[: 2 * steps]


def test_shuffled_passes_hold_every_row_once_in_an_order_of_their_own():
    x = np.zeros((16, 6), "float32")
    x[:, :4] = (np.arange(16)[:, None] >> np.arange(4)) & 1
    model, rows = compiled(run_eagerly=True), []
    make = model.pass_for_training

    def recording(x, y, seed, training):
        rows.extend((x[:, :4].numpy() @ 2 ** np.arange(4)).astype(int).tolist())
        return make(x, y, seed, training)

    model.pass_for_training = recording
    for arguments in ({}, {"steps_per_epoch": 4}):
        rows.clear()
        fit(model, x, epochs=2, shuffle=True, **arguments)
        passes = rows[:16], rows[16:]
        assert [sorted(one) for one in passes] == [list(range(16))] * 2
        assert passes[0] != passes[1] and passes[0] != list(range(16))


@pytest.fixture
def streams(monkeypatch):
    """Batch size and shuffling of each stream that is made of arrays."""
    made, make = [], inputs.array_batches

    def recording(arrays, batch_size, shuffle, seed):
        made.append((batch_size, shuffle))
        return make(arrays, batch_size, shuffle, seed)

    monkeypatch.setattr(inputs, "array_batches", recording)
    return made


WEIGHT = np.ones(10, "float32")


@pytest.mark.parametrize(
    "held_out",
    [lambda x: x, lambda x: (x, None, WEIGHT)],
)
def test_arrays_become_streams_once(held_out, streams):
    model, x = compiled(run_eagerly=True), data_for(vae(), 10)
    given = {"epochs": 2, "validation_data": held_out(x), "verbose": 0}
    batches = pipeline(x, 5)
    model.fit(batches, steps_per_epoch=2, validation_batch_size=6, shuffle=False, **given)
    assert streams == [(6, False)]
    streams.clear()
    model.fit(x, batch_size=4, **given)
    assert sorted(streams) == [(4, False), (4, True)]
    streams.clear()
    model.fit(x, batch_size=4, validation_steps=1, **given)
    model.fit(x, batch_size=3, steps_per_epoch=1, **given)
    assert sorted(streams) == [(3, False), (3, True), (4, False), (4, True)]


def test_scored_and_reconstructed_arrays_become_streams(streams):
    model, x = compiled(), data_for(vae(), 10)
    model.evaluate(x, batch_size=7, verbose=0)
    assert len(model.predict(x, batch_size=6, verbose=0)) == 10
    model.predict(x, verbose=0)
    assert streams == [(7, False), (6, False), (32, False)]


def test_validation_batches_have_the_size_that_was_asked_for(monkeypatch):
    sizes, model = [], compiled(run_eagerly=True)
    score = model._score

    def recording(batch, training):
        if not training:
            sizes.append(len(batch.x))
        return score(batch, training)

    monkeypatch.setattr(model, "_score", recording)
    x = data_for(vae(), 10)
    fit(model, x, validation_data=x, validation_batch_size=7)
    assert sizes == [7, 3]
    sizes.clear()
    fit(model, x, validation_data=x, validation_batch_size=3, validation_steps=2)
    model.evaluate(x, batch_size=2, steps=3, verbose=0)
    assert sizes == [3, 3, 2, 2, 2]


def test_an_array_is_trained_on_without_a_warning():
    with warnings.catch_warnings():
        warnings.simplefilter("error", UserWarning)
        compiled().fit(data_for(vae(), 8), verbose=0)


def test_weights_of_another_length_are_refused():
    with pytest.raises(ValueError, match=r"shape \(7,\).*needed: shape \(8,\)"):
        fit(compiled(), data_for(vae(), 8), sample_weight=np.ones(7))


@pytest.mark.slow
@pytest.mark.parametrize("steps", [2, 3])
def test_steps_per_execution_changes_nothing(steps, trained_step_by_step):
    one, losses, scores = trained_step_by_step
    several, losses_of_several, scores_of_several = trained_by(steps)
    np.testing.assert_allclose(one, several, rtol=0, atol=1e-6)
    np.testing.assert_allclose(losses, losses_of_several, rtol=1e-5)
    np.testing.assert_allclose(scores, scores_of_several, rtol=1e-5)


@pytest.mark.parametrize("optimizer", [keras.optimizers.Adam, keras.optimizers.SGD])
def test_two_accumulated_batches_are_one_of_twice_the_size(optimizer):
    x = data_for(vae(), 16)
    accumulating = optimizer(1e-2, gradient_accumulation_steps=2)
    halves = compiled(fixed_noise_vae, optimizer=accumulating)
    whole = compiled(fixed_noise_vae, optimizer=optimizer(1e-2))
    start = weights(whole)
    fit(halves, x, batch_size=4)
    fit(whole, x, batch_size=8)
    assert int(halves.optimizer.iterations) == int(whole.optimizer.iterations) == 2
    assert np.abs(weights(whole) - start).max() > 1e-3
    np.testing.assert_allclose(weights(halves), weights(whole), rtol=0, atol=1e-4)


def record_draws(monkeypatch):
    """Lets every pass append its latent draws to the list that is returned."""
    draws, trace = [], keras_vae.VAE.pass_for_training

    def recording(self, *arguments, **named):
        result = trace(self, *arguments, **named)
        draws.append(result.z.numpy())
        return result

    monkeypatch.setattr(keras_vae.VAE, "pass_for_training", recording)
    return draws


# Two epochs of four batches are one update.
@pytest.mark.parametrize("accumulation", [None, 8])
def test_every_batch_has_noise_of_its_own(accumulation, monkeypatch):
    draws = record_draws(monkeypatch)
    optimizer = keras.optimizers.SGD(0.0, gradient_accumulation_steps=accumulation)
    model = compiled(optimizer=optimizer, run_eagerly=True)
    x = np.tile(data_for(model, 4), (4, 1))
    fit(model, x, epochs=2)
    model.evaluate(x, batch_size=4, verbose=0)
    assert len(draws) == 12
    noise = {draw.tobytes() for draw in draws}
    assert len(noise) == 12
    assert np.unique(draws[0][0], axis=0).shape == (4, 2)


@pytest.mark.slow
def test_half_precision_trains_with_probabilities_in_single(tmp_path):
    keras.config.set_dtype_policy("mixed_float16")
    model, x = compiled(), easy_data()
    losses = fit(model, x, epochs=20, batch_size=16, validation_data=x)
    assert np.isfinite(np.array(list(losses.values()))).all()
    assert losses["loss"][-1] < losses["loss"][0] - 0.2
    assert isinstance(model.optimizer, keras.optimizers.LossScaleOptimizer)
    assert model.encoder.compute_dtype == "float16"
    trace = model.trace(x[:2], seed=0)
    for value in (trace.z, trace.log_q, trace.log_p, trace.log_px, model(x[:2])):
        assert value.dtype == tf.float32
    assert model.log_likelihood(x[:2], num_samples=4).dtype == np.float32
    model.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras")
    np.testing.assert_array_equal(loaded.embed(x), model.embed(x))
    loaded.run_eagerly = True
    fit(loaded, x, batch_size=32)


def test_half_precision_takes_the_steps_of_single_precision():
    """The loss is scaled for the backward pass, and its gradients are scaled back."""
    x, moves = data_for(vae(), 12), []
    for policy in ("float32", "mixed_float16"):
        keras.config.set_dtype_policy(policy)
        # Plain descent, since Adam would hide a wrong scale.
        model = compiled(fixed_noise_vae, optimizer=keras.optimizers.SGD(0.1))
        start = weights(model)
        fit(model, x)
        moves.append(weights(model) - start)
    # Half precision has 11 bits.
    assert np.abs(moves[0]).max() > 0.05
    np.testing.assert_allclose(moves[1], moves[0], atol=0.02 * np.abs(moves[0]).max())


def test_validation_is_evaluation():
    x, held_out = data_for(vae(), 12), data_for(vae(), 21)[12:]
    model = compiled()
    dataset = tf.data.Dataset.from_tensor_slices(held_out).batch(4)
    for data in (held_out, (held_out,), dataset):
        logs = fit(model, x, validation_data=data)
        batch_size = None if data is dataset else 4
        scores = model.evaluate(
            dataset if data is dataset else held_out,
            batch_size=batch_size,
            verbose=0,
            return_dict=True,
        )
        assert {f"val_{name}" for name in scores} <= set(logs)
        for name, value in scores.items():
            np.testing.assert_allclose(logs[f"val_{name}"], value, rtol=1e-6)


def test_validation_does_not_change_training():
    x = data_for(vae(), 12)
    models = []
    for options in ({}, {"validation_data": x}):
        models.append(compiled(run_eagerly=True))
        keras.utils.set_random_seed(5)
        fit(models[-1], x, 2, shuffle=True, **options)
    with_it, without = models
    np.testing.assert_array_equal(weights(with_it), weights(without))


def test_the_seed_decides_the_noise_of_training_and_testing():
    x = data_for(vae(), 12)
    models = [compiled(seed=seed, run_eagerly=True) for seed in (0, 0, 1)]
    scores = [model.evaluate(x, verbose=0) for model in models]
    assert scores[0] == scores[1] and scores[0][0] != scores[2][0]
    for model in models:
        fit(model, x)
    same, other = (np.abs(weights(models[0]) - weights(m)).max() for m in models[1:])
    assert same == 0 and other > 1e-4


def test_weights_alone_decide_an_evaluation():
    x, model = data_for(vae(), 12), compiled(run_eagerly=True)
    scores = model.evaluate(x, verbose=0)
    for step in (1, 1000):
        model.optimizer.iterations.assign(step)
        assert model.evaluate(x, verbose=0) == scores


def test_evaluate_returns_a_value_for_each_name():
    model = compiled()
    x = data_for(model)
    scores = model.evaluate(x, verbose=0, return_dict=True)
    in_order = ["loss", "reconstruction_loss", "kl_loss", "elbo"]
    assert model.evaluate(x, verbose=0) == [scores[name] for name in in_order]
    assert set(model.test_on_batch(x, return_dict=True)) == set(scores)


def test_a_scheduled_beta_is_logged_and_used():
    schedule = keras.optimizers.schedules.PolynomialDecay(0.0, 6, 3.0)
    model = compiled(
        objective=objectives.ELBO(beta=schedule), optimizer=keras.optimizers.SGD(0.0)
    )
    x = data_for(model, 4)
    logs = {name: np.array(v) for name, v in fit(model, x, epochs=8).items()}
    # One batch an epoch: the step at which epoch i (from 0) is trained is i.
    used = [float(schedule(i)) for i in range(8)]
    assert used[0] == 0.0 and used[-1] == 3.0
    np.testing.assert_allclose(
        logs["loss"], logs["reconstruction_loss"] + used * logs["kl_loss"], rtol=1e-5
    )
    after = [float(schedule(i + 1)) for i in range(8)]
    np.testing.assert_allclose(logs["beta"], after, rtol=1e-6)


@pytest.mark.slow
def test_beta_shrinks_the_rate():
    x, rates = easy_data(), []
    for beta in (0.0, 20.0):
        model = compiled(objective=objectives.ELBO(beta=beta))
        rates.append(fit(model, x, epochs=30, batch_size=16)["kl_loss"][-1])
    assert rates[1] < 0.1 < 1.0 < rates[0]
