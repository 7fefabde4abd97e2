"""`VAEGAN.for_images`: sizes, networks, options and precisions."""

import keras
import numpy as np
import pytest
from gan_cases import compiled, equal, images, played
from model_cases import dense_vae_gan, fit, fixed_noise_vae_gan, vae_gan, weights

import keras_vae
from keras_vae.core.support import Support
from keras_vae.objectives import Adversarial

SHAPES = [(28, 28, 1), (32, 32, 3), (64, 64, 3)]


@pytest.mark.thinned
@pytest.mark.parametrize("networks", ["light", "residual", "paper"])
@pytest.mark.parametrize("shape", SHAPES)
def test_usual_image_sizes(networks, shape):
    model = keras_vae.VAEGAN.for_images(shape, 4, networks, seed=0)
    x = images(2, shape)
    assert model.event_shape == shape and model.latent_dim == 4
    assert model.support == Support(0.0, 1.0)
    prediction = model.predict(x, verbose=0)
    assert prediction.shape == x.shape and np.isfinite(prediction).all()
    features, logits = model.observe(x)
    assert features.shape[0] == 2 and features.shape.rank == 2 and logits.shape == (2,)
    if networks == "paper":
        assert prediction.min() >= 0.0 and prediction.max() <= 1.0


def test_sizes_and_latent_size_have_defaults():
    assert keras_vae.VAEGAN.for_images((8, 8, 1)).latent_dim == 128


OPTIONS = {
    "light": {},
    "paper": {"networks": "paper"},
    "filters": {"filters": (2, 3)},
    "residual": {"networks": "residual", "filters": (2, 4), "discriminator": "patch"},
    "spectral normalization": {"filters": (2, 3), "spectral_normalization": True},
}


@pytest.mark.thinned
@pytest.mark.parametrize(
    "options, margin",
    [*((options, None) for options in OPTIONS.values()), ({}, 0.35)],
    ids=[*OPTIONS, "margin"],
)
def test_every_kind_takes_steps_without_nan(options, margin):
    objective = Adversarial(gamma=1e-2, r1=10.0, label_smoothing=0.1, margin=margin)
    model, x = compiled(
        lambda: keras_vae.VAEGAN.for_images((8, 8, 1), 2, seed=0, **options),
        keras.optimizers.Adam(1e-3, beta_1=0.5),
        objective,
    )
    before = {player: [np.array(v) for v in vs] for player, vs in variables(model)}
    logs = fit(model, x, validation_data=x)
    assert all(np.isfinite(values).all() for values in logs.values())
    assert all(np.isfinite(w).all() for w in model.get_weights())
    for player, after in variables(model):
        if margin is None or player == "encoder":
            assert not equal(before[player], after)
    assert np.isfinite(model.sample(3)).all()


def variables(model):
    return model.player_variables().items()


@pytest.mark.slow
def test_xla_takes_the_steps_of_eager_execution():
    objective = Adversarial(gamma=0.1, margin=0.02, equilibrium=0.7, r1=2.0)
    results = []
    for arguments in ({"run_eagerly": True}, {"run_eagerly": False, "jit_compile": True}):
        model, x = compiled(
            fixed_noise_vae_gan, keras.optimizers.SGD(0.01), objective, **arguments
        )
        start = weights(model)
        logs = fit(model, x)
        results.append((weights(model), logs))
    (eager, logs), (compiled_, logs_) = results
    assert np.abs(eager - start).max() > 1e-3
    np.testing.assert_allclose(compiled_, eager, rtol=0, atol=1e-4)
    for name, values in logs.items():
        np.testing.assert_allclose(logs_[name], values, rtol=1e-4, atol=1e-4)


@pytest.mark.slow
@pytest.mark.parametrize("steps", [3])
def test_steps_per_execution_change_nothing(steps):
    results = []
    for count in (1, steps):
        model, x = compiled(
            dense_vae_gan,
            objective=Adversarial(gamma=0.1, margin=0.05, equilibrium=0.8),
            run_eagerly=False,
            steps_per_execution=count,
        )
        logs = fit(model, x)
        # Somebody sits out, but not always.
        assert 0 < logs["decoder_updates"][0] + logs["discriminator_updates"][0] < 2
        results.append(weights(model))
    np.testing.assert_allclose(results[1], results[0], rtol=0, atol=1e-5)


# Policy: the compute dtype of the networks, and the dtype of probabilities and logits.
POLICIES = {
    "mixed_float16": ("float16", "float32"),
    "mixed_bfloat16": ("bfloat16", "float32"),
    "float64": ("float64", "float64"),
}


# CPUs take half a minute for the paper's networks in half precision.
@pytest.mark.parametrize(
    "policy, networks", [*((policy, "light") for policy in POLICIES), ("float64", "paper")]
)
def test_the_policy_is_that_of_the_networks_and_of_no_other_layer(policy, networks):
    compute, exact = POLICIES[policy]
    model = keras_vae.VAEGAN.for_images((8, 8, 1), 2, networks, seed=0, dtype=policy)
    assert keras.config.dtype_policy().name == "float32"
    assert model.discriminator.layers[2].compute_dtype == compute
    assert model.encoder.layers[2].compute_dtype == compute
    trace = played(model, images())
    game = trace.game
    values = (game.real, game.feature_distance, game.gradient_penalty(), trace.rate)
    for value in (*values, trace.elbo, model(images())):
        assert value.dtype == exact
    model.compile(keras.optimizers.SGD(1e-4), Adversarial(r1=1.0), run_eagerly=True)
    scaled = isinstance(model.optimizer, keras.optimizers.LossScaleOptimizer)
    assert scaled == (policy == "mixed_float16")
    logs = model.train_on_batch(images(), return_dict=True)
    assert np.isfinite(list(logs.values())).all()


def test_half_precision_takes_the_steps_of_single_precision():
    moves = []
    for policy in ("float32", "mixed_float16"):
        model, x = compiled(
            lambda policy=policy: fixed_noise_vae_gan(dtype=policy, filters=(32, 32)),
            keras.optimizers.SGD(0.01),
        )
        start = weights(model)
        # The loss scale starts so large that Keras may leave out steps, until it fits.
        for one in model.optimizers.values():
            if policy == "mixed_float16":
                one.dynamic_scale.assign(128.0)
        fit(model, x)
        moves.append(weights(model) - start)
    assert np.abs(moves[0]).max() > 1e-3
    # Together, since ReLUs near their kinks may take the other side; and with more
    # filters, since normalization of a few numbers enlarges what is rounded.
    size = np.linalg.norm(moves[0])
    assert np.linalg.norm(moves[1] - moves[0]) < 0.05 * size


@pytest.mark.slow
def test_the_papers_networks_use_statistics_of_the_batch_in_training_alone():
    model, x = compiled(
        lambda: keras_vae.VAEGAN.for_images((8, 8, 1), 2, "paper", seed=0),
        keras.optimizers.SGD(0.0),
    )
    start = weights(model)
    first = model.evaluate(x, verbose=0)
    assert first == model.evaluate(x, verbose=0)
    np.testing.assert_array_equal(weights(model), start)
    fit(model, x)
    statistics = [v for v in model.non_trainable_variables if "moving" in v.path]
    assert statistics and np.abs(weights(model) - start).max() > 1e-3


def test_global_seeds_make_noise_of_models_without_a_seed():
    def seed_of(number):
        keras.utils.set_random_seed(number)
        return vae_gan(seed=None).seed

    assert seed_of(3) == seed_of(3) != seed_of(4)
