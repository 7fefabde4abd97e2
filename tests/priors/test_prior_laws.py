"""Every prior obeys the laws."""

import keras
import laws
import numpy as np
import pytest
import tensorflow as tf
from prior_cases import CASES

from keras_vae import layers, priors
from keras_vae.priors import Prior

Z = np.random.default_rng(1).normal(size=(5, 2)).astype("float32")
every_prior = pytest.mark.parametrize("name", CASES)


@pytest.fixture
def case(name):
    """The case of that name."""
    return CASES[name]


# Their laws need a model, a condition or a sphere, or they know no mean:
# `test_special_priors` and `test_second_stage_vae` have them.
SPECIAL = {
    priors.Conditional,
    priors.Learned,
    priors.CodeTransformer,
    priors.PixelCNN,
    priors.SecondStageVAE,
    priors.UniformOnSphere,
    priors.UniformOverCodes,
    priors.VampPrior,
}


def test_every_public_prior_has_a_case():
    listed = {case.cls for case in CASES.values()} | SPECIAL
    assert listed == laws.public_classes(priors, Prior)


@every_prior
@pytest.mark.parametrize("temperature", [1.0, 0.3, 2.0])
def test_log_prob_is_that_of_the_oracle(case, temperature):
    prior = case.make()
    log_prob = prior.tempered(temperature).log_prob(Z)
    laws.close(log_prob, case.oracle(prior, Z.astype(float), temperature), rtol=3e-5)


@every_prior
def test_shapes_and_means_of_draws(case):
    distribution = case.make().distribution()
    assert distribution.batch_shape == () and distribution.event_shape == (2,)
    draws = distribution.sample(20_000, seed=(2, 3))
    laws.near_in_standard_errors(draws, distribution.mean())
    assert distribution.sample((3, 4), seed=(0, 0)).shape == (3, 4, 2)


@every_prior
def test_eager_and_xla_agree(case):
    prior = case.make()

    def everything(z):
        with tf.GradientTape() as tape:
            tape.watch(z)
            log_prob = prior.distribution().log_prob(z)
        return log_prob, tape.gradient(log_prob, z)

    laws.agrees_compiled(everything, tf.constant(Z))


@every_prior
def test_gradients_reach_all_weights(case):
    prior = case.make()
    trainable = case.arguments.get("trainable", True)
    assert len(prior.weights) == case.num_weights
    assert len(prior.trainable_weights) == case.num_weights * trainable
    variables = [w.value for w in prior.trainable_weights]
    with tf.GradientTape() as tape:
        log_prob = prior.distribution().log_prob(Z)
    for gradient in tape.gradient(log_prob, variables):
        laws.all_finite(gradient)
        assert (np.abs(gradient) > 0).all()


@every_prior
def test_config_and_weights_rebuild_the_prior(case):
    prior = case.make()
    laws.config_names_all_arguments(prior)
    config = keras.saving.serialize_keras_object(prior)
    again = keras.saving.deserialize_keras_object(config)
    assert again.get_config() == prior.get_config()
    again.set_weights(prior.get_weights())
    laws.close(again.distribution().log_prob(Z), prior.distribution().log_prob(Z))


@every_prior
def test_survives_saving_within_a_model(case, tmp_path):
    prior = case.make()
    model = keras.Sequential(
        [
            keras.Input((4,)),
            layers.IndependentNormal(2, "mean"),
            layers.KLDivergenceAddLoss(prior),
        ]
    )
    x = np.random.default_rng(3).normal(size=(5, 4)).astype("float32")
    model(x)
    model.save(tmp_path / "m.keras")
    loaded = keras.saving.load_model(tmp_path / "m.keras")
    loaded(x)
    laws.close(loaded.losses[0], model.losses[0], rtol=1e-6)
    again = loaded.layers[-1].distribution_b.distribution()
    laws.close(again.log_prob(Z), prior.distribution().log_prob(Z), rtol=1e-6)


@every_prior
def test_building_again_changes_nothing(case):
    prior = case.make()
    before = prior.distribution().log_prob(Z)
    prior.build((2,))
    prior.build_from_config(prior.get_build_config())
    assert len(prior.weights) == case.num_weights
    np.testing.assert_array_equal(prior.distribution().log_prob(Z), before)


@every_prior
def test_size_is_taken_from_the_model_or_asked_for(case):
    prior = case.make(event_shape=None)
    assert prior.get_build_config() is None
    with pytest.raises(ValueError, match="does not know its shape yet"):
        prior.distribution()
    prior.build((7,))
    assert prior.distribution().event_shape == (7,) and prior.event_shape == (7,)


@every_prior
def test_wrong_shapes_name_both(case):
    with pytest.raises(ValueError, match=r"event shape \(2,\), but.*shape \(3,\)"):
        case.make().build((3,))


@every_prior
@pytest.mark.parametrize("temperature", [0, -1.0, float("nan")])
def test_temperature_is_positive(case, temperature):
    with pytest.raises(ValueError, match="temperature must be positive"):
        case.make().sample(3, (0, 0), temperature=temperature)


@every_prior
@pytest.mark.parametrize("size", [0, -3, True, 1.5])
def test_event_shape_is_of_positive_integers(case, size):
    with pytest.raises(ValueError, match="event_shape must"):
        case.cls(event_shape=size, **case.arguments)


@every_prior
def test_probabilities_stay_float32_in_mixed_precision(case):
    keras.config.set_dtype_policy("mixed_float16")
    prior = case.make()
    assert prior.distribution().dtype == tf.float32
    assert all(w.dtype == "float32" for w in prior.weights)


@every_prior
def test_is_not_called_on_tensors(case):
    with pytest.raises(TypeError, match="use its distribution"):
        case.make()(Z)
