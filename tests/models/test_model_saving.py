"""Saving and loading: files, weights, configs, presets, copies and clones."""

import copy

import keras
import numpy as np
import pytest
from model_cases import (
    SIZE,
    case,
    condition_for,
    config_of,
    data_for,
    fit,
    optimizer_state,
    optimizers,
    vae,
    weights,
)

import keras_vae

# What has weights or optimizers of its own. (Of every part, `test_matrix.py` saves one.)
QUICK = (
    "from parts",
    "flow posterior",
    "VampPrior",
    "condition with a prior of its own",
    "semi-supervised",
)
SLOW = (
    "ConvVAE",
    "ladder",
    "top-down",
    "bidirectional",
    "levels of images",
    "VAE-GAN",
    "VAE-GAN, mixture prior",
)
KINDS = [*QUICK, *(pytest.param(name, marks=pytest.mark.slow) for name in SLOW)]


def outputs(model, x):
    """What users read off a model: reconstructions, embedding, scores, samples."""
    y = condition_for(model, len(x))
    bound = [model.elbo(x, 2, y=y)] if model.latent.has_density else []
    labels = [model.predict_label(x).probabilities] if model.learns_labels else []
    return [
        model.reconstruct(x, y),
        model.embed(x, y),
        model.sample(3, None if y is None else y[:3], seed=1),
        np.float32(model.test_on_batch(x, y)),
        *bound,
        *labels,
    ]


def assert_same_outputs(first, second, x):
    for a, b in zip(outputs(first, x), outputs(second, x), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-6, atol=1e-6)


@pytest.mark.thinned
@pytest.mark.parametrize("name", KINDS)
def test_a_saved_model_is_the_same_and_trains_on_alike(name, tmp_path):
    # Building a graph takes longer than these trainings, so only two models do.
    model, x = case(name, run_eagerly=name not in ("from parts", "ConvVAE"))
    fit(model, x)
    model.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras")
    assert type(loaded) is type(model)
    assert config_of(loaded.objective) == config_of(model.objective)
    assert_same_outputs(loaded, model, x)
    for a, b in zip(optimizer_state(loaded), optimizer_state(model), strict=True):
        np.testing.assert_array_equal(a, b)
    assert {int(one.iterations) for one in optimizers(loaded)} == {3}
    fit(model, x)
    fit(loaded, x)
    np.testing.assert_allclose(weights(loaded), weights(model), rtol=0, atol=1e-6)


@pytest.mark.thinned
@pytest.mark.parametrize("name", ["from parts", "semi-supervised", "VAE-GAN"])
def test_weights_move_to_a_new_model(name, tmp_path):
    model, x = case(name, run_eagerly=True)
    fit(model, x)
    model.save_weights(tmp_path / "model.weights.h5")
    other, _ = case(name, seed=8, run_eagerly=True)
    assert np.abs(weights(other) - weights(model)).max() > 1e-3
    other.load_weights(tmp_path / "model.weights.h5")
    assert_same_outputs(other, model, x)
    # Slots and iterations too: momenta and schedules go on where they were.
    for one in (other, model):
        assert {int(optimizer.iterations) for optimizer in optimizers(one)} == {3}
    for a, b in zip(optimizer_state(other), optimizer_state(model), strict=True):
        np.testing.assert_array_equal(a, b)


def test_training_goes_on_from_weights_as_if_it_had_not_stopped(tmp_path):
    schedule = keras.optimizers.schedules.PolynomialDecay(0.1, 9, 0.0)
    models = []
    for _ in range(2):
        keras.utils.set_random_seed(3)
        models.append(vae())
        models[-1].compile(keras.optimizers.Adam(schedule), run_eagerly=True)
    (whole, parts), x = models, data_for(models[0])
    fit(whole, x)
    whole.save_weights(tmp_path / "model.weights.h5")
    parts.load_weights(tmp_path / "model.weights.h5")
    assert parts.optimizer.iterations == 3
    fit(whole, x)
    fit(parts, x)
    np.testing.assert_array_equal(weights(parts), weights(whole))


def ways_back(model, folder):
    """The model as it comes back by each way there is, not compiled or compiled."""
    config = model.get_config()
    weights = model.get_weights()
    for again in (
        type(model).from_config(config),
        # A config may be used twice.
        type(model).from_config(config),
        keras.models.clone_model(model),
    ):
        again.set_weights(weights)
        yield again
    yield copy.deepcopy(model)
    model.save_to_preset(folder / "preset")
    yield type(model).from_preset(folder / "preset")


@pytest.mark.thinned
@pytest.mark.parametrize("name", KINDS)
def test_config_preset_copy_and_clone_are_the_same_model(name, tmp_path):
    model, x = case(name, run_eagerly=True)
    fit(model, x)
    y = condition_for(model)
    for again in ways_back(model, tmp_path):
        assert type(again) is type(model) and again is not model
        assert config_of(again) == config_of(model)
        assert [w.shape for w in again.weights] == [w.shape for w in model.weights]
        assert not {id(w) for w in again.weights} & {id(w) for w in model.weights}
        np.testing.assert_allclose(again(x, y), model(x, y), rtol=1e-6, atol=1e-6)


@pytest.mark.thinned
@pytest.mark.parametrize("name", [*QUICK, "ConvVAE", "ladder", "VAE-GAN"])
def test_the_global_seed_makes_models_equal(name):
    (first, _), (second, _), (third, _) = case(name), case(name), case(name, seed=8)
    np.testing.assert_array_equal(weights(first), weights(second))
    assert (weights(first) != weights(third)).any()


def test_an_unset_seed_comes_from_the_global_one():
    seeds = []
    for seed in (3, 3, 4):
        keras.utils.set_random_seed(seed)
        seeds.append(vae(seed=None).seed)
    assert seeds[0] == seeds[1] != seeds[2]


def test_two_epochs_are_one_and_one():
    whole, x = case("from parts")
    parts, _ = case("from parts")
    fit(whole, x, epochs=2)
    fit(parts, x)
    fit(parts, x)
    np.testing.assert_array_equal(weights(whole), weights(parts))


@pytest.mark.parametrize(
    "cls",
    [
        keras_vae.VAE,
        keras_vae.DenseVAE,
        keras_vae.ConvVAE,
        keras_vae.VAEGAN,
        keras_vae.AutoencoderKL,
        keras_vae.SemiSupervisedVAE,
        keras_vae.HierarchicalVAE,
        keras_vae.LadderVAE,
    ],
)
def test_models_are_registered(cls):
    assert keras.saving.get_registered_name(cls) == f"keras_vae>{cls.__name__}"
    assert keras.saving.get_registered_object(f"keras_vae>{cls.__name__}") is cls


def test_a_model_that_was_not_compiled_is_saved_too(tmp_path):
    model = vae()
    model.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras")
    assert not loaded.compiled
    x = data_for(model)
    np.testing.assert_array_equal(loaded.embed(x), model.embed(x))


def test_compiled_settings_are_kept(tmp_path):
    model = vae()
    schedule = keras.optimizers.schedules.PolynomialDecay(0.0, 10, 1.0)
    objective = keras_vae.objectives.ELBO(beta=schedule, num_samples=2)
    optimizer = keras.optimizers.SGD(0.25, momentum=0.5)
    model.compile(optimizer, objective, steps_per_execution=2)
    model.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras")
    assert loaded.steps_per_execution == 2
    assert loaded.optimizer.get_config() == optimizer.get_config()
    for step in (0, 5, 10):
        assert float(loaded.objective.number_at("beta", step)) == float(schedule(step))


@pytest.mark.parametrize("suffix", ["model.keras", "model.weights.h5"])
def test_a_damaged_file_is_refused(suffix, tmp_path):
    path = tmp_path / suffix
    model, _ = case("from parts")
    model.save(path) if suffix == "model.keras" else model.save_weights(path)
    content = path.read_bytes()
    path.write_bytes(content[: len(content) // 2])
    before = weights(model)
    with pytest.raises((OSError, ValueError, KeyError, EOFError)):
        if suffix == "model.keras":
            keras.saving.load_model(path)
        else:
            model.load_weights(path)
    np.testing.assert_array_equal(weights(model), before)


def test_weights_of_another_architecture_are_refused(tmp_path):
    vae().save_weights(tmp_path / "model.weights.h5")
    with pytest.raises(ValueError, match="could not be loaded"):
        vae(units=6).load_weights(tmp_path / "model.weights.h5")
    likelihood = keras_vae.layers.IndependentNormal(SIZE)
    with pytest.raises(ValueError, match="could not be loaded"):
        vae(likelihood=likelihood).load_weights(tmp_path / "model.weights.h5")


def test_weights_without_the_priors_are_refused(tmp_path):
    vae().save_weights(tmp_path / "model.weights.h5")
    model = vae(prior=keras_vae.priors.MixtureOfNormals(2))
    with pytest.raises(ValueError):
        model.load_weights(tmp_path / "model.weights.h5")
