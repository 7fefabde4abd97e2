"""The laws that every model of `model_cases.CASES` keeps."""

import keras
import laws
import numpy as np
import pytest
import tensorflow as tf
from model_cases import (
    CASES,
    GAN_SCORES,
    NAMES,
    case,
    condition_for,
    fit,
    losses_and_variables,
    shared_case,
    weights,
)

import keras_vae
from keras_vae.models import latent_variable_model

SCORES = {"loss", "reconstruction_loss", "kl_loss", "elbo"}
CLOSE = {"rtol": 1e-4, "atol": 1e-5}
every_model = pytest.mark.parametrize("name", NAMES)


def test_every_public_model_is_in_the_list():
    public = {
        value
        for value in vars(keras_vae).values()
        if isinstance(value, type) and issubclass(value, keras.Model)
    }
    base = keras_vae.models.LatentVariableModel
    public |= laws.public_classes(keras_vae.models, base)
    listed = {type(make_model()) for make_model, _ in CASES.values()}
    # Codes deterministically have laws of their own.
    elsewhere = {base, keras_vae.VQVAE}
    assert public - elsewhere == listed


@pytest.mark.thinned
@every_model
def test_every_variable_gets_a_gradient(name):
    model, x = shared_case(name)
    with tf.GradientTape(persistent=True) as tape:
        pairs = losses_and_variables(model, x)
        pairs = [(tf.reduce_mean(losses), variables) for losses, variables in pairs]
    for loss, variables in pairs:
        gradients = tape.gradient(loss, [v.value for v in variables])
        for variable, gradient in zip(variables, gradients, strict=True):
            assert gradient is not None, variable.path
            assert np.isfinite(gradient).all(), variable.path
            assert np.abs(gradient).max() > 0, variable.path
    trained = [id(variable) for _, variables in pairs for variable in variables]
    assert len(trained) == len(set(trained))
    assert set(trained) == {id(variable) for variable in model.trainable_variables}


# Whose steps are compiled here; `test_matrix.py` compiles a model for every part.
COMPILED = ["from parts", "semi-supervised", "VAE-GAN"]


@pytest.mark.thinned
@pytest.mark.parametrize("name", COMPILED)
def test_compiled_steps_are_those_of_eager_execution(name):
    compiled, x = case(name)
    eager, _ = case(name, run_eagerly=True)
    logs = fit(compiled, x, epochs=2)
    np.testing.assert_allclose(
        fit(eager, x, epochs=2)["loss"], logs["loss"], rtol=1e-4, atol=1e-4
    )
    # Adam divides by the gradient's size, so rounding shows where gradients are small.
    np.testing.assert_allclose(weights(eager), weights(compiled), rtol=0, atol=1e-3)


@pytest.mark.thinned
@every_model
def test_training_moves_every_variable_and_evaluation_none(name):
    model, x = case(name, run_eagerly=True)
    before = model.get_weights()
    fixed = {id(v) for v in model.prior.weights} if not model.prior.trainable else set()
    logs = fit(model, x, validation_data=x)
    for variable, was in zip(model.weights, before, strict=True):
        moved = np.abs(variable.numpy() - was).max() > 1e-5
        assert moved or id(variable) in fixed, variable.path
    expected = SCORES if model.latent.has_density else SCORES - {"kl_loss", "elbo"}
    expected = expected | {"beta"} if "mixed objective" in name else expected
    expected = expected | GAN_SCORES if name.startswith("VAE-GAN") else expected
    expected = expected | set(model.objective.terms) | set(model.terms)
    assert set(logs) == expected | {f"val_{key}" for key in expected}
    for prefix in ("", "val_") if model.latent.has_density else ():
        bound = logs[prefix + "reconstruction_loss"][0] + logs[prefix + "kl_loss"][0]
        np.testing.assert_allclose(logs[prefix + "elbo"][0], -bound, rtol=1e-5)
    # Evaluation repeats itself and changes nothing.
    before, y = weights(model), condition_for(model)
    first = model.evaluate(x, y, batch_size=5, verbose=0, return_dict=True)
    second = model.evaluate(x, y, batch_size=5, verbose=0, return_dict=True)
    assert first == second and np.isfinite(list(first.values())).all()
    np.testing.assert_array_equal(weights(model), before)


@every_model
def test_keras_summarizes_the_model(name):
    model, _ = shared_case(name)
    lines = []
    model.summary(print_fn=lambda line, **_: lines.append(line))
    trained = sum(weight.value.numpy().size for weight in model.trainable_weights)
    assert f"Trainable params: {trained:,} " in "".join(lines)


@pytest.mark.thinned
@every_model
def test_a_row_does_not_depend_on_its_batch(name):
    model, x = shared_case(name)
    y = condition_for(model)
    row = None if y is None else y[2:3]
    whole = model.reconstruct(x, y)
    assert whole.shape == x.shape
    for alone, together in [
        (model.codes(x[2:3], row), model.codes(x, y)[2:3]),
        (model.embed(x, y, batch_size=5), model.embed(x, y)),
        (model.reconstruct(x, y, batch_size=5), whole),
        (model.reconstruct(x[2:3], row), whole[2:3]),
        (model(x, y), whole),
    ]:
        np.testing.assert_allclose(alone, together, **CLOSE)
    for key, value in model.posterior_summary(x, y).items():
        np.testing.assert_allclose(
            model.posterior_summary(x[2:3], row)[key], value[2:3], **CLOSE
        )
    z = model.draw(len(x), 1, y)
    np.testing.assert_allclose(
        model.decode(z[2:3], row).log_prob(x[2:3]),
        model.decode(z, y).log_prob(x)[2:3],
        **CLOSE,
    )


@pytest.mark.thinned
@every_model
def test_many_rows_are_answered_by_a_graph_as_few_are_without_one(name, monkeypatch):
    model, x = shared_case(name)
    y = condition_for(model)
    ways = [model.embed]
    if model.latent.has_density:
        ways.append(lambda x, y: model.elbo(x, num_samples=2, seed=1, y=y))
    few = [way(x, y) for way in ways]
    monkeypatch.setattr(latent_variable_model, "_EVENTS_WORTH_A_GRAPH", 1)
    for way, expected in zip(ways, few, strict=True):
        np.testing.assert_allclose(way(x, y), expected, **CLOSE)


@pytest.mark.parametrize("name", COMPILED)
def test_predict_is_reconstruct(name):
    model, x = case(name)
    expected = model.reconstruct(x)
    for batch_size in (5, None):
        given = model.predict(x, batch_size=batch_size, verbose=0)
        np.testing.assert_allclose(given, expected, **CLOSE)


@pytest.mark.thinned
@every_model
def test_decoding_keeps_leading_axes(name):
    model, _ = shared_case(name)
    y = condition_for(model, 2)
    flat = [model.draw(2, seed, y) for seed in range(3)]
    z = tf.stack(flat)
    px = model.decode(z, y)
    assert px.batch_shape == (3, 2) and px.event_shape == model.event_shape
    for i, rows in enumerate(flat):
        np.testing.assert_allclose(model.decoded(z, y)[i], model.decoded(rows, y), **CLOSE)


@every_model
def test_a_trace_has_the_shapes_of_the_glossary(name):
    model, x = shared_case(name)
    trace = model.trace(x, num_samples=3, seed=0, y=condition_for(model))
    assert trace.z.shape == (3, len(x), *model.latent.shape)
    assert trace.px.batch_shape == (3, len(x))
    assert trace.q.batch_shape == (len(x),)
    for value in (trace.log_q, trace.log_p, trace.log_px, trace.log_weight):
        assert value.shape == (3, len(x))
    groups = 1 if model.learns_labels else model.num_levels
    assert trace.rates.shape[0] == groups and trace.rate.shape[1] in (1, len(x))
    assert trace.elbo.shape == (len(x),)
    model.latent.support.check(trace.z.numpy(), "z")


@pytest.mark.thinned
@every_model
def test_a_trace_of_given_draws_scores_them_and_draws_nothing(name):
    model, x = shared_case(name)
    y = condition_for(model)
    drawn = model.trace(x, num_samples=2, seed=5, y=y)
    given = model.trace(x, seed=9, y=y, z=drawn.z)
    np.testing.assert_array_equal(given.z, drawn.z)
    for one in ("log_q", "log_p", "log_px", "log_joint"):
        np.testing.assert_allclose(getattr(given, one), getattr(drawn, one), **CLOSE)


@pytest.mark.thinned
@every_model
def test_exact_and_sampled_rates_agree(name):
    model, x = shared_case(name)
    if not model.latent.has_density:
        return
    y = condition_for(model, 3)
    trace = model.trace(x[:3], num_samples=4000, seed=3, y=y)
    difference = (trace.sampled_rate - trace.rate).numpy()
    error = difference.std(axis=0) / np.sqrt(len(difference))
    assert (np.abs(difference.mean(axis=0)) < 5 * error + 1e-5).all()


@pytest.mark.thinned
@every_model
def test_the_estimates_are_those_of_the_trace(name):
    model, x = shared_case(name)
    y = condition_for(model)
    if not model.latent.has_density:
        for ask in (model.elbo, model.rate_and_distortion, model.log_likelihood):
            with pytest.raises(ValueError, match="is a point: an autoencoder has no rate"):
                ask(x, y=y)
        return
    rate, distortion = model.rate_and_distortion(x, num_samples=3, seed=4, y=y)
    bound = model.elbo(x, num_samples=3, seed=4, y=y)
    np.testing.assert_allclose(bound, -(rate + distortion), rtol=1e-5)
    # With many draws the importance-weighted estimate lies above the bound.
    high = model.log_likelihood(x, num_samples=200, seed=1, y=y)
    assert high.shape == bound.shape == (len(x),)
    many = model.elbo(x, num_samples=200, seed=1, y=y)
    assert high.mean() > many.mean() - 1e-3
