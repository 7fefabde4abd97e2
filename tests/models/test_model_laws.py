"""The laws that every model of `model_cases.CASES` keeps."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from model_cases import (
    CASES,
    GAN_SCORES,
    NAMES,
    case,
    fit,
    losses_and_variables,
    shared_case,
    weights,
)

import keras_vae

SCORES = {"loss", "reconstruction_loss", "kl_loss", "elbo"}


def test_every_public_model_is_in_the_list():
    public = {
        value
        for value in vars(keras_vae).values()
        if isinstance(value, type) and issubclass(value, keras.Model)
    }
    public |= {getattr(keras_vae.models, name) for name in keras_vae.models.__all__} - {
        keras_vae.models.get
    }
    listed = {type(make_model()) for make_model, _ in CASES.values()}
    assert public - {keras_vae.models.LatentVariableModel} == listed


@pytest.mark.parametrize("name", NAMES)
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


@pytest.mark.parametrize("name", NAMES)
def test_training_moves_every_variable_and_eager_equals_compiled(name):
    compiled, x = case(name)
    eager, _ = case(name, run_eagerly=True)
    before = compiled.get_weights()
    logs = fit(compiled, x, epochs=2)
    np.testing.assert_allclose(
        fit(eager, x, epochs=2)["loss"], logs["loss"], rtol=1e-4, atol=1e-4
    )
    # Adam divides by the gradient's size, so rounding shows where gradients are small.
    np.testing.assert_allclose(weights(eager), weights(compiled), rtol=0, atol=1e-3)
    for variable, was in zip(compiled.weights, before, strict=True):
        assert np.abs(variable.numpy() - was).max() > 1e-5, variable.path


@pytest.mark.parametrize("name", NAMES)
def test_logs_are_the_parts_of_the_bound(name):
    model, x = case(name, run_eagerly=True)
    logs = fit(model, x, validation_data=x)
    scheduled = {"beta"} if "mixed objective" in name else set()
    players = GAN_SCORES if name.startswith("VAE-GAN") else set()
    expected = SCORES | scheduled | players
    assert set(logs) == expected | {f"val_{key}" for key in expected}
    for prefix in ("", "val_"):
        bound = logs[prefix + "reconstruction_loss"][0] + logs[prefix + "kl_loss"][0]
        np.testing.assert_allclose(logs[prefix + "elbo"][0], -bound, rtol=1e-5)


@pytest.mark.parametrize("name", NAMES)
def test_evaluation_repeats_itself_and_changes_nothing(name):
    model, x = case(name, run_eagerly=True)
    before = weights(model)
    first = model.evaluate(x, batch_size=5, verbose=0, return_dict=True)
    second = model.evaluate(x, batch_size=5, verbose=0, return_dict=True)
    assert first == second and np.isfinite(list(first.values())).all()
    np.testing.assert_array_equal(weights(model), before)


@pytest.mark.parametrize("name", NAMES)
def test_a_row_does_not_depend_on_its_batch(name):
    model, x = shared_case(name)
    z = np.random.default_rng(1).normal(size=(7, model.latent_dim)).astype("float32")
    close = {"rtol": 1e-4, "atol": 1e-5}
    np.testing.assert_allclose(
        model.encode(x[2:3]).mean(), model.encode(x).mean()[2:3], **close
    )
    np.testing.assert_allclose(
        model.decode(z[2:3]).log_prob(x[2:3]), model.decode(z).log_prob(x[2])[2:3], **close
    )
    whole = model.predict(x, batch_size=len(x), verbose=0)
    assert whole.shape == x.shape
    np.testing.assert_allclose(model.predict(x, batch_size=5, verbose=0), whole, **close)
    np.testing.assert_allclose(model.predict(x[2:3], verbose=0), whole[2:3], **close)
    np.testing.assert_allclose(model(x), whole, **close)


@pytest.mark.parametrize("name", NAMES)
def test_decoding_keeps_leading_axes(name):
    model, _ = shared_case(name)
    z = np.random.default_rng(2).normal(size=(3, 2, model.latent_dim)).astype("float32")
    px = model.decode(z)
    assert px.batch_shape == (3, 2) and px.event_shape == model.event_shape
    flat = model.decoded(z.reshape(6, -1))
    np.testing.assert_allclose(
        np.reshape(model.decoded(z), flat.shape), flat, rtol=1e-4, atol=1e-5
    )


@pytest.mark.parametrize("name", NAMES)
def test_a_trace_has_the_shapes_of_the_glossary(name):
    model, x = shared_case(name)
    trace = model.trace(x, num_samples=3, seed=0)
    assert trace.z.shape == (3, len(x), model.latent_dim)
    assert trace.px.batch_shape == (3, len(x))
    for value in (trace.log_q, trace.log_p, trace.log_px, trace.log_weight):
        assert value.shape == (3, len(x))
    assert trace.rate.shape in [(1, len(x)), (3, len(x))]
    assert trace.elbo.shape == (len(x),)


@pytest.mark.parametrize("name", NAMES)
def test_exact_and_sampled_rates_agree(name):
    model, x = shared_case(name)
    trace = model.trace(x[:3], num_samples=4000, seed=3)
    sampled = trace.sampled_rate.numpy()
    if trace.rates.shape[1] > 1:
        assert "prior" in name
        return
    error = sampled.std(axis=0) / np.sqrt(len(sampled))
    assert (np.abs(sampled.mean(axis=0) - trace.rate[0]) < 5 * error + 1e-5).all()
