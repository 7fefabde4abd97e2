"""The prebuilt models' dtype: a policy of their own."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from model_cases import condition_for, config_of

import keras_vae

IMAGE = (4, 4, 1)
SMALL = {
    keras_vae.DenseVAE: {"hidden_units": (4,)},
    keras_vae.ConvVAE: {"filters": (2,), "dense_units": 4},
    # With a large alpha the first steps are left out, until the loss is scaled by less.
    keras_vae.SemiSupervisedVAE: {"hidden_units": (4,), "num_classes": 3, "alpha": 1.0},
}
MODELS = pytest.mark.parametrize("cls", SMALL)
# Policy: the compute dtype of the networks, and the dtype of probabilities.
POLICIES = {"mixed_float16": ("float16", "float32"), "float64": ("float64", "float64")}
POLICY = pytest.mark.parametrize("policy", POLICIES)


# With a weight of its own, which stays precise.
def make(cls, policy, likelihood="normal:scale=shared"):
    return cls(IMAGE, 2, likelihood=likelihood, seed=0, dtype=policy, **SMALL[cls])


def images(n=4):
    return np.random.default_rng(0).random((n, *IMAGE)).astype("float32")


def assert_policy(model, policy):
    compute, exact = POLICIES[policy]
    assert model.dtype_policy.name == policy
    for network in (model.encoder, model.decoder):
        hidden = [one for one in network.layers if one.weights and one.name != "params"]
        assert hidden
        assert {one.compute_dtype for one in hidden} == {compute}
    trace = model.trace(images(), seed=0)
    for value in (trace.z, trace.log_q, trace.log_p, trace.log_px, model(images())):
        assert value.dtype == exact
    assert model.decoder.output.dtype == exact


@MODELS
@POLICY
def test_it_is_that_of_the_networks_and_of_no_other_layer(cls, policy):
    before = keras.config.dtype_policy()
    assert_policy(make(cls, policy), policy)
    assert keras.config.dtype_policy() is before
    assert keras.layers.Dense(1).compute_dtype == "float32"


@pytest.mark.thinned
@MODELS
@POLICY
def test_it_survives_config_and_file(cls, policy, tmp_path):
    model, x = make(cls, policy), images()
    again = cls.from_config(model.get_config())
    model.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras")
    again.set_weights(model.get_weights())
    for one in (again, loaded):
        assert_policy(one, policy)
        assert config_of(one) == config_of(model)
        np.testing.assert_array_equal(one.embed(x), model.embed(x))
    assert keras.config.dtype_policy().name == "float32"


@MODELS
@POLICY
def test_it_trains(cls, policy):
    model = make(cls, policy)
    model.compile(keras.optimizers.SGD(1e-3), run_eagerly=True)
    scaled = isinstance(model.optimizer, keras.optimizers.LossScaleOptimizer)
    assert scaled == (policy == "mixed_float16")
    before = model.get_weights()
    y = condition_for(model, 4)
    logs = model.train_on_batch(images(), y, return_dict=True)
    assert np.isfinite(list(logs.values())).all()
    moved = [(a != b).any() for a, b in zip(model.get_weights(), before, strict=True)]
    assert sum(moved) > len(moved) / 2


@POLICY
def test_networks_of_codes_have_it_too(policy):
    sizes = {"filters": 4, "halvings": 1, "blocks": 1, "levels": 2}
    made = keras_vae.VQVAE.for_images(IMAGE, 2, 4, "normal", **sizes, dtype=policy)
    assert_policy(made, policy)


@MODELS
def test_a_global_policy_is_taken_and_kept_in_the_file(cls, tmp_path):
    keras.config.set_dtype_policy("mixed_float16")
    model = make(cls, None)
    assert_policy(model, "mixed_float16")
    model.save(tmp_path / "model.keras")
    keras.config.set_dtype_policy("float32")
    loaded = keras.saving.load_model(tmp_path / "model.keras")
    assert_policy(loaded, "mixed_float16")


@MODELS
def test_a_refused_model_leaves_the_global_policy_alone(cls):
    with pytest.raises(ValueError, match="Did you mean 'bernoulli'"):
        make(cls, "mixed_float16", "bernouli")
    assert keras.config.dtype_policy().name == "float32"


def test_parts_in_double_precision_get_a_prior_in_double_precision():
    posterior = keras_vae.layers.IndependentNormal(2, dtype="float64")
    likelihood = keras_vae.layers.IndependentNormal(3, dtype="float64")
    dense = [keras.layers.Dense(n, dtype="float64") for n in (4, 6)]
    encoder, decoder = (keras.Sequential([one]) for one in dense)
    model = keras_vae.VAE(encoder, decoder, posterior, likelihood, seed=0)
    trace = model.trace(np.ones((2, 3)), seed=0)
    assert trace.log_p.dtype == trace.elbo.dtype == tf.float64


@pytest.mark.parametrize("objective", ["score_function", "nvil"])
def test_a_baseline_serves_a_model_in_double_precision(objective):
    arguments = {"posterior": "bernoulli", "baseline": (3,), "dtype": "float64"}
    model = keras_vae.DenseVAE(6, 2, hidden_units=(4,), seed=0, **arguments)
    model.compile("adam", objective, run_eagerly=True)
    logs = model.train_on_batch(np.ones((4, 6)), return_dict=True)
    assert np.isfinite(list(logs.values())).all()
