"""What the loss of a batch is: a mean, weighted, with the networks' own penalties."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from model_cases import (
    LATENT,
    SIZE,
    condition_for,
    data_for,
    fit,
    fixed_noise_vae,
    vae,
    weights,
)

import keras_vae
from keras_vae import layers, priors


def step(x, weight=None, learning_rate=0.1, **arguments):
    """One step of gradient descent from the same start: the weights and the logs."""
    keras.utils.set_random_seed(3)
    model = fixed_noise_vae(**arguments)
    model.compile(keras.optimizers.SGD(learning_rate), run_eagerly=True)
    history = fit(model, x, sample_weight=weight, batch_size=len(x))
    return weights(model), {name: values[0] for name, values in history.items()}


def start():
    return step(data_for(fixed_noise_vae(), 4), learning_rate=0.0)[0]


def test_the_loss_does_not_change_when_a_batch_is_repeated():
    x = data_for(fixed_noise_vae(), 4)
    once, logs = step(x)
    thrice, logs_of_three = step(np.tile(x, (3, 1)))
    assert np.abs(once - start()).max() > 1e-3
    np.testing.assert_allclose(thrice, once, rtol=0, atol=1e-5)
    for name, value in logs.items():
        np.testing.assert_allclose(logs_of_three[name], value, rtol=1e-5)


def test_a_weight_of_two_is_an_example_twice():
    # Keras's convention: loss = sum(weight * loss) / B, so B times the step counts.
    x = data_for(fixed_noise_vae(), 3)
    doubled = np.concatenate([x, x[:1]])
    weighted, logs = step(x, np.array([2.0, 1.0, 1.0]), learning_rate=0.3)
    plain, logs_of_doubled = step(doubled, learning_rate=0.4)
    assert np.abs(weighted - step(x, learning_rate=0.3)[0]).max() > 1e-4
    np.testing.assert_allclose(weighted, plain, rtol=0, atol=1e-5)
    np.testing.assert_allclose(logs["loss"] * 3, logs_of_doubled["loss"] * 4, rtol=1e-5)
    for name in ("elbo", "kl_loss", "reconstruction_loss"):
        np.testing.assert_allclose(logs[name], logs_of_doubled[name], rtol=1e-5)


def test_weights_of_a_half_halve_the_loss_and_leave_the_means():
    """The loss is sum(weight * loss) / N; what describes the data is a weighted mean."""
    x = data_for(fixed_noise_vae(), 4)
    _, plain = step(x, learning_rate=0.0)
    _, halved = step(x, np.full(4, 0.5), learning_rate=0.0)
    np.testing.assert_allclose(halved.pop("loss"), 0.5 * plain.pop("loss"), rtol=1e-6)
    assert plain.keys() == halved.keys() == {"elbo", "kl_loss", "reconstruction_loss"}
    for name, value in plain.items():
        np.testing.assert_allclose(halved[name], value, rtol=1e-6)


def test_examples_of_weight_zero_have_no_say():
    x = data_for(fixed_noise_vae(), 6)
    weight = np.array([1.0, 1.0, 1.0, 0.0, 0.0, 0.0])
    masked, logs = step(x, weight, learning_rate=0.6)
    without, logs_without = step(x[:3], learning_rate=0.3)
    np.testing.assert_allclose(masked, without, rtol=0, atol=1e-5)
    np.testing.assert_allclose(logs["elbo"], logs_without["elbo"], rtol=1e-5)
    unmoved, _ = step(x, np.zeros(6), learning_rate=0.6)
    np.testing.assert_array_equal(unmoved, start())


@pytest.mark.parametrize("run_eagerly", [True, False])
def test_penalties_of_the_networks_reach_loss_and_gradients(run_eagerly):
    x = data_for(vae(), 8)
    kernels = []
    for penalty in (None, keras.regularizers.L2(0.5)):
        keras.utils.set_random_seed(3)
        model = fixed_noise_vae(kernel_regularizer=penalty)
        kernel = model.encoder.layers[0].kernel
        before = kernel.numpy()
        model.compile(keras.optimizers.SGD(0.1), run_eagerly=run_eagerly)
        logs = model.train_on_batch(x, return_dict=True)
        expected = 0.5 * np.sum(before**2) if penalty else 0.0
        # What is logged is the loss that the step descends, before the step.
        np.testing.assert_allclose(logs["loss"] + logs["elbo"], expected, atol=1e-4)
        kernels.append(kernel.numpy())
    # The gradient of 0.5 * kernel^2 is the kernel; the learning rate is 0.1.
    np.testing.assert_allclose(kernels[0] - kernels[1], 0.1 * before, atol=1e-5)


@pytest.mark.parametrize("run_eagerly", [True, False])
def test_penalties_do_not_pile_up_from_batch_to_batch(run_eagerly):
    model = fixed_noise_vae(activity_regularizer=keras.regularizers.L2(1.0))
    model.compile(keras.optimizers.SGD(0.0), run_eagerly=run_eagerly)
    x = np.tile(data_for(model, 4), (3, 1))
    losses = fit(model, x, epochs=3, validation_data=x)
    assert losses["loss"][0] + losses["elbo"][0] > 1e-3
    for values in (losses["loss"], losses["val_loss"]):
        np.testing.assert_allclose(values, losses["loss"][0], rtol=1e-4)


@pytest.mark.parametrize("run_eagerly", [True, False])
def test_weights_count_in_evaluation_and_validation(run_eagerly):
    model = fixed_noise_vae()
    model.compile(keras.optimizers.SGD(0.0), run_eagerly=run_eagerly)
    x, weight = data_for(model, 6), np.array([1.0, 1.0, 1.0, 0.0, 0.0, 0.0])
    scores = model.evaluate(x, sample_weight=weight, verbose=0, return_dict=True)
    only = model.evaluate(x[:3], verbose=0, return_dict=True)
    np.testing.assert_allclose(scores["loss"], only["loss"] / 2, rtol=1e-5)
    np.testing.assert_allclose(scores["elbo"], only["elbo"], rtol=1e-5)
    logs = fit(model, x, validation_data=(x, None, weight), batch_size=6)
    for name, value in scores.items():
        np.testing.assert_allclose(logs[f"val_{name}"][0], value, rtol=1e-5)


def with_state(inputs, outputs):
    """A network that acts differently in training, and keeps statistics of batches."""
    return keras.Sequential(
        [
            keras.Input((inputs,)),
            keras.layers.Dense(6, "tanh"),
            keras.layers.BatchNormalization(),
            keras.layers.Dropout(0.5, seed=1),
            keras.layers.Dense(outputs),
        ]
    )


def plain(inputs, outputs):
    return keras.Sequential([keras.Input((inputs,)), keras.layers.Dense(outputs)])


class Watched:
    """Writes down what a distribution layer is told of training."""

    def distribution(self, params, training=False):
        self.__dict__.setdefault("told", []).append(training)
        return super().distribution(params, training)


class WatchedNormal(Watched, layers.IndependentNormal):
    pass


class WatchedBernoulli(Watched, layers.IndependentBernoulli):
    pass


def model_with_state(part):
    """A model one of whose networks acts differently in training."""
    make = {one: plain for one in ("encoder", "decoder", "prior", "discriminator")}
    make[part] = with_state
    encoder, decoder = make["encoder"](SIZE, 2 * LATENT), make["decoder"](LATENT, SIZE)
    if part == "discriminator":
        judge = with_state(SIZE, 1)
        posterior = layers.IndependentNormal(LATENT)
        name = judge.layers[0].name
        return keras_vae.VAEGAN(
            encoder, decoder, judge, posterior, feature_layer=name, seed=0
        )
    arguments = {"seed": 0}
    if part == "prior":
        network = make["prior"](3, 2 * LATENT)
        arguments |= {"prior": priors.Conditional("normal", network), "condition": (3,)}
    return keras_vae.VAE(
        encoder, decoder, WatchedNormal(LATENT), WatchedBernoulli(SIZE), **arguments
    )


@pytest.mark.parametrize(
    "part, run_eagerly",
    [("encoder", True), ("decoder", False), ("prior", True), ("discriminator", False)],
)
def test_every_network_knows_whether_it_is_trained(part, run_eagerly):
    model = model_with_state(part)
    x, y = data_for(model), condition_for(model)
    network = model.prior.network if part == "prior" else getattr(model, part)
    (normalization,) = (
        one for one in network.layers if isinstance(one, keras.layers.BatchNormalization)
    )
    model.compile(keras.optimizers.SGD(0.0), run_eagerly=run_eagerly)
    untrained = normalization.moving_mean.numpy()
    first = model.evaluate(x, y, verbose=0)
    assert first == model.evaluate(x, y, verbose=0)
    for ask in (model.embed, model.reconstruct):
        np.testing.assert_array_equal(ask(x, y), ask(x, y))
    model.elbo(x, y=y)
    np.testing.assert_array_equal(normalization.moving_mean, untrained)
    fit(model, x)
    assert np.abs(normalization.moving_mean - untrained).max() > 1e-3
    # Dropout is active in training alone.
    traces = [
        model.pass_for_training(x, y, 5, training) for training in (True, False, False)
    ]
    read = {
        "encoder": lambda trace: trace.q.mean(),
        "decoder": lambda trace: trace.log_px,
        "prior": lambda trace: trace.p.mean(),
        "discriminator": lambda trace: trace.game.real,
    }[part]
    trained, scored, again = (np.asarray(read(trace)) for trace in traces)
    np.testing.assert_array_equal(scored, again)
    assert np.abs(trained - scored).max() > 1e-3


def test_the_gradient_penalty_is_of_the_discriminator_as_in_testing():
    model = model_with_state("discriminator")
    (normalization,) = (
        one
        for one in model.discriminator.layers
        if isinstance(one, keras.layers.BatchNormalization)
    )
    normalization.moving_mean.assign(np.linspace(-0.5, 0.5, 6))
    normalization.moving_variance.assign(np.linspace(0.5, 2.0, 6))
    x = tf.constant(data_for(model))
    # The pass itself moves the statistics, the penalty does not.
    game = model.play(model.trace(x, training=True), training=True)
    statistics = normalization.get_weights()
    penalty = game.gradient_penalty()
    with tf.GradientTape() as tape:
        tape.watch(x)
        logits = model.discriminator(x, training=False)
    expected = np.square(tape.gradient(logits, x)).sum(axis=1)
    np.testing.assert_allclose(penalty, expected, rtol=1e-4)
    for before, after in zip(statistics, normalization.get_weights(), strict=True):
        np.testing.assert_array_equal(before, after)


def test_distribution_layers_are_told_whether_they_are_trained():
    model = model_with_state("encoder")
    x = data_for(model)
    # (What the latent variable is, is asked of the posterior once.)
    assert model.latent.shape == (LATENT,)
    for training in (True, False):
        for layer in (model.posterior, model.likelihood):
            layer.__dict__["told"] = []
        model.trace(x, training=training)
        model(x, training=training)
        assert model.posterior.told == model.likelihood.told == [training] * 2


# Parts that hold layers of their own: arguments of `vae`, and the part.
FROZEN = {
    "learned flow": (
        lambda **how: {"prior": priors.Learned(layers.Flow(LATENT, num_layers=2), **how)},
        "prior",
    ),
    "learned shared scale": (
        lambda **how: {
            "prior": priors.Learned(layers.IndependentNormal(LATENT, scale="shared"), **how)
        },
        "prior",
    ),
    "flow": (
        lambda **how: {"posterior": layers.Flow(LATENT, num_layers=2, **how)},
        "posterior",
    ),
    "mixture": (
        lambda **how: {
            "likelihood": layers.MixtureSameFamily(
                2, layers.IndependentNormal(SIZE, scale="shared"), **how
            )
        },
        "likelihood",
    ),
}


@pytest.mark.thinned
@pytest.mark.parametrize("name", FROZEN)
@pytest.mark.parametrize("when", ["made so", "afterwards"])
def test_what_is_frozen_stays_as_it_is_and_frozen_when_it_comes_back(name, when, tmp_path):
    make, role = FROZEN[name]
    model = vae(**make(trainable=False) if when == "made so" else make())
    getattr(model, role).trainable = False
    model.save(tmp_path / "frozen.keras")
    for one in (
        model,
        keras.saving.load_model(tmp_path / "frozen.keras"),
        type(model).from_config(model.get_config()),
    ):
        part = getattr(one, role)
        assert part.weights and not any(weight.trainable for weight in part.weights)
        one.compile(keras.optimizers.SGD(0.1), run_eagerly=True)
        before, encoder = part.get_weights(), one.encoder.get_weights()
        one.train_on_batch(data_for(one))
        for was, now in zip(before, part.get_weights(), strict=True):
            np.testing.assert_array_equal(was, now)
        assert np.abs(encoder[0] - one.encoder.get_weights()[0]).max() > 0


def test_frozen_parts_stay_as_they_are():
    model = vae()
    model.decoder.trainable = False
    model.compile("sgd", run_eagerly=True)
    encoder, decoder = model.encoder.get_weights(), model.decoder.get_weights()
    fit(model, data_for(model))
    for before, after in zip(decoder, model.decoder.get_weights(), strict=True):
        np.testing.assert_array_equal(before, after)
    assert np.abs(encoder[0] - model.encoder.get_weights()[0]).max() > 0
