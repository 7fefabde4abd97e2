"""What was broadcast, dropped or remembered by luck is refused or right."""

import keras
import laws
import numpy as np
import pytest
import tensorflow as tf
from model_cases import LATENT, SIZE, conditional, data_for, fit, vae

import keras_vae
from keras_vae import layers, objectives, priors
from keras_vae.core.support import BINARY, REAL


@pytest.mark.parametrize(
    "shape", [(1, 1, LATENT), (3, 1, LATENT), (LATENT,), (8, 3, LATENT)]
)
def test_draws_of_another_shape_are_not_scored(shape):
    model = vae()
    with pytest.raises(ValueError, match=r"draws to be scored are \[S, B, \*latent\]"):
        model.trace(data_for(model, 8), z=np.zeros(shape, "f4"))


def test_penalties_are_those_of_the_observations_whatever_the_prior_encodes():
    def loss(prior):
        keras.utils.set_random_seed(1)
        penalty = keras.regularizers.L2(1.0)
        encoder = keras.Sequential(
            [
                keras.layers.Flatten(),
                keras.layers.Dense(2 * LATENT, activity_regularizer=penalty),
            ]
        )
        decoder = keras.Sequential([keras.layers.Dense(SIZE)])
        model = keras_vae.VAE(
            encoder,
            decoder,
            layers.IndependentNormal(LATENT),
            layers.IndependentBernoulli(SIZE),
            prior,
            seed=0,
        )
        model.compile("sgd")
        x = data_for(model, 8)
        logs = model.evaluate(x, batch_size=8, verbose=0, return_dict=True)
        return logs["loss"] + logs["elbo"]

    assert loss(priors.VampPrior(3, seed=0)) == pytest.approx(loss(None), rel=1e-4)


def test_a_vamp_prior_encodes_in_training_as_x_is_encoded():
    encoder = keras.Sequential(
        [keras.layers.Dense(4), keras.layers.BatchNormalization(), keras.layers.Dense(4)]
    )
    model = keras_vae.VAE(
        encoder,
        keras.Sequential([keras.layers.Dense(SIZE)]),
        layers.IndependentNormal(2),
        layers.IndependentBernoulli(SIZE),
        priors.VampPrior(6, seed=0),
        seed=0,
    )
    u = model.prior.pseudo_inputs
    for training in (False, True):
        p = model.prior.distribution(training=training).components_distribution
        laws.close(p.mean(), model.encode(u, training=training).mean())


@pytest.mark.parametrize("z", [[[0.0, 1.0]], np.zeros((2, 2)), np.zeros((2, 2), int)])
def test_codes_of_any_kind_of_number_are_decoded(z):
    model = keras_vae.DenseVAE(SIZE, 2, hidden_units=(3,), seed=0)
    expected = model.decode_codes(np.asarray(z, "f4"))
    laws.close(model.decode_codes(z), expected)
    laws.close(model.decoded(tf.constant(np.asarray(z, "f8"))), expected)
    assert model.interpolate_codes(z, z, 3).shape == (len(expected), 3, SIZE)


def test_paths_of_whole_numbers():
    laws.close(REAL.path(np.array([[0]]), np.array([[4]]), 5)[0, :, 0], range(5))
    walk = BINARY.path(np.zeros((1, 4), int), np.ones((1, 4), int), 5)
    laws.close(walk[0].sum(axis=1), range(5))


def test_an_estimate_knows_what_was_set_meanwhile():
    model = vae(posterior=layers.RelaxedOneHotCategorical(LATENT), prior="learned")
    x = data_for(model)
    before = model.log_likelihood(x, 20)
    model.posterior.temperature = 5.0
    after = model.log_likelihood(x, 20)
    model.__dict__.pop("_graphs")
    laws.close(after, model.log_likelihood(x, 20))
    assert np.abs(after - before).max() > 1e-3


@pytest.mark.thinned
@pytest.mark.parametrize(
    "prior",
    [
        "standard_normal",
        "mixture_of_normals:num_components=2",
        "learned",
        "vamp:num_components=2",
    ],
)
def test_named_priors_have_the_precision_of_the_model(prior):
    model = keras_vae.DenseVAE(
        SIZE, 2, hidden_units=(3,), prior=prior, dtype="float64", seed=0
    )
    model.compile("sgd")
    laws.all_finite(list(fit(model, data_for(model)).values()))


@pytest.mark.slow
def test_the_game_is_played_in_double_precision():
    model = keras_vae.VAEGAN.for_images((8, 8, 1), 2, filters=(2,), dtype="float64")
    model.compile("sgd", objectives.Adversarial(r1=1.0))
    laws.all_finite(list(fit(model, data_for(model)).values()))


@pytest.mark.parametrize("y", [[9], [-1], [1.5]])
def test_classes_that_do_not_exist_are_never_encoded(y):
    model = conditional(4)
    x = data_for(model, 1)
    for call in (lambda: model.encode(x, y=y), lambda: model.draw(1, 0, y=y)):
        with pytest.raises(ValueError, match="has the class .* classes 0 to 3"):
            call()
    stream = tf.data.Dataset.from_tensors((x, np.array([1]))).concatenate(
        tf.data.Dataset.from_tensors((x, np.array([7])))
    )
    model.compile("sgd")
    with pytest.raises(tf.errors.InvalidArgumentError, match="class numbers from 0 to 3"):
        model.fit(stream, verbose=0)


def test_as_many_draws_as_conditions():
    model = conditional(4, prior=priors.Conditional("normal", hidden_units=(3,)))
    assert model.draw(3, 0, y=[1, 2, 0]).shape == (3, *model.latent.shape)
    with pytest.raises(ValueError, match="5 draws were requested, but y holds 3"):
        model.draw(5, 0, y=[1, 2, 0])


@pytest.mark.parametrize("temperature", [0, -1.0, np.inf, np.nan, "a", None])
def test_temperatures_that_are_none(temperature):
    with pytest.raises(ValueError, match="temperature must be positive and finite"):
        vae().sample(2, temperature=temperature)


def test_arguments_in_the_wrong_place_are_said():
    with pytest.raises(ValueError, match="num_samples must be a positive integer"):
        vae().elbo(data_for(vae(), 3), np.array([1, 2, 3]))


def test_a_network_of_another_condition_is_refused_when_the_model_is_made():
    network = keras.Sequential([keras.Input((5,)), keras.layers.Dense(4)])
    with pytest.raises(
        ValueError, match=r"reads shape \(5,\), but .* condition has shape \(3,\)"
    ):
        keras_vae.DenseVAE(
            SIZE, 2, condition=3, prior=priors.Conditional("normal", network)
        )


def test_one_optimizer_is_written_as_a_dict_too():
    model = keras_vae.VAEGAN.for_images((8, 8, 1), 2, filters=(2,))
    model.compile({"name": "sgd", "learning_rate": 0.25})
    assert {float(one.learning_rate) for one in model.optimizers.values()} == {0.25}
