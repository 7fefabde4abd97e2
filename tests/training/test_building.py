"""From a recipe to a model, a preprocessor, an optimizer and an objective."""

import dataclasses

import numpy as np
import pytest
from runs import recipe, table_set

from keras_vae import VAE, VAEGAN, ConvVAE, DenseVAE, data, layers, objectives, priors
from keras_vae.core.parts import constructor_arguments
from keras_vae.data import Scaling
from keras_vae.training import building, train
from keras_vae.training.building import build_model, check_parts
from keras_vae.training.run_metadata import advice
from keras_vae.training.setup import (
    build_objective,
    build_optimizer,
    monitor_of,
    set_up,
)
from keras_vae.training.splits import split_for

STEPS = 42


def made(source=None, **values):
    """The model of a recipe, and its binarization."""
    source = source or data.load("digits")
    return build_model(recipe(**values).resolve(source), source)


def built(source=None, **values):
    return made(source, **values)[0]


@pytest.fixture(scope="module")
def plain():
    return built(table_set())


def test_the_model_is_as_the_recipe_says():
    model = built(model="dense_vae:latent_dim=3,hidden_units=6-5", seed=4)
    assert type(model) is DenseVAE and model.latent_dim == 3 and model.seed == 4
    assert model.hidden_units == (6, 5) and model.event_shape == (8, 8, 1)
    assert model.likelihood_text == "discretized_logistic:high=16"
    assert isinstance(model.posterior, layers.IndependentNormal)
    assert isinstance(model.prior, priors.StandardNormal)


def test_every_part_is_as_the_recipe_says():
    model = built(
        model={"name": "conv_vae", "latent_dim": 2, "filters": [4, 6]},
        posterior="full_normal",
        prior="mixture_of_normals:num_components=3",
        likelihood="normal:scale=shared",
    )
    assert type(model) is ConvVAE and tuple(model.filters) == (4, 6)
    assert isinstance(model.posterior, layers.MultivariateNormalTriL)
    assert isinstance(model.prior, priors.MixtureOfNormals)
    assert model.prior.num_components == 3
    assert model.likelihood_text == "normal:scale=shared"


def test_a_vae_gan_is_as_the_recipe_says():
    model = built(model="vae_gan:latent_dim=3,filters=4-6")
    assert type(model) is VAEGAN and model.event_shape == (8, 8, 1)
    convolutions = [one for one in model.encoder.layers if "conv" in one.name]
    assert [one.filters for one in convolutions] == [4, 6]
    # No deeper than by default, which for 8 x 8 pixels is one halving.
    assert model.discriminator.get_layer("features").output.shape[1:] == (4, 4, 4)
    said = recipe(model="vae_gan", objective="adversarial:gamma=0.5,r1=2", batch_size=32)
    objective = build_objective(said, model, STEPS)
    assert (objective.gamma, objective.r1) == (0.5, 2.0)
    usual = build_objective(recipe(model="vae_gan"), model, STEPS)
    assert isinstance(usual, objectives.Adversarial)
    assert build_optimizer(said, model, STEPS).beta_1 == 0.5


def test_no_default_stands_a_second_time():
    """What a recipe does not say is what constructors say."""
    model = built(table_set(), model="dense_vae")
    for name, one in constructor_arguments(DenseVAE).items():
        if name in ("latent_dim", "hidden_units", "activation"):
            assert getattr(model, name) == one.default
    usual = objectives.ELBO()
    objective = build_objective(recipe(), model, STEPS)
    assert objective.get_config() == usual.get_config()
    optimizer = build_optimizer(recipe(schedule="constant"), model, STEPS)
    default = constructor_arguments(type(optimizer))["learning_rate"].default
    assert float(optimizer.learning_rate) == pytest.approx(default)


def test_the_seed_decides_the_noise():
    one, same, other = (built(table_set(), seed=seed) for seed in (1, 1, 2))
    assert one.seed == same.seed != other.seed


def test_pseudo_inputs_start_at_training_data_from_all_over(monkeypatch):
    monkeypatch.setattr(building, "_MOST_STARTS", 15)
    source = table_set(n=40)
    model = built(source, prior="vamp:num_components=13")
    # Every third row, of which 13 are drawn; standardised as the data are.
    u = np.asarray(model.prior.pseudo_inputs)
    rows = model.preprocessor(source.x_train)
    nearest = [np.abs(rows - one).max(axis=1).argmin() for one in u]
    np.testing.assert_allclose(u, rows[nearest], atol=2e-3)
    assert set(nearest) <= set(range(0, 40, 3)) and max(nearest) > 26


@pytest.mark.parametrize(
    "source, values, words",
    [
        ({}, {"likelihood": "discretized_logistic"}, r"outside whole .* \[0, 255\]"),
        ({}, {"model": "conv_vae"}, "conv|image"),
        ({}, {"prior": "uniform_on_sphere"}, "IndependentNormal lives on the real numbers"),
        ({}, {"prior": "conditional:layer=normal"}, "depends on a condition"),
        ({}, {"likelihood": "poisson"}, "outside whole numbers"),
        ({"levels": (0, 1)}, {}, "x_train has .* outside"),
    ],
)
def test_parts_that_do_not_fit_the_data_are_refused(source, values, words):
    with pytest.raises(ValueError, match=words):
        built(table_set(**source), **values)


@pytest.mark.parametrize(
    "values, words",
    [
        ({"model": "dens_vae"}, "Unknown model 'dens_vae'. Did you mean 'dense_vae'"),
        ({"model": "hmm"}, "Unknown model 'hmm'. Known: "),
        ({"model": "vae:latent_dim=3"}, "Unknown model 'vae'"),
        ({"posterior": "norml"}, "Unknown distribution layer 'norml'.*mean 'normal'"),
        ({"prior": "vamp:components=3"}, "prior vamp: 'components'"),
        ({"likelihood": "bernouli"}, "mean 'bernoulli'.*keras-vae --import FILE"),
        ({"objective": "elbo:beta=high"}, "beta must be a number or a schedule.*'high'"),
        ({"optimizer": "adam:learning_rat=1"}, "mean 'learning_rate'"),
        ({"model": "vae_gan", "likelihood": "normal"}, "vae_gan has no likelihood"),
        (
            {"model": None, "from_preset": "nowhere", "objective": "elb"},
            "Unknown objective 'elb'",
        ),
    ],
)
def test_names_and_kinds_are_refused_before_data_are_read(values, words, tmp_path):
    with pytest.raises(ValueError, match=words):
        train(recipe(**{"data": "nowhere.npy", **values}), tmp_path / "run")


def test_every_part_of_a_recipe_is_checked():
    assert set(building._ROOMS) == set(building.Recipe.__dataclass_fields__) & {
        *("model", "posterior", "prior", "likelihood", "objective", "optimizer")
    }
    check_parts(recipe(posterior="flow", prior="vamp", objective="iwae", optimizer="lion"))


GREY = {"shape": (4, 4, 1), "likelihood": "bernoulli", "binarize": "dynamic"}


@pytest.mark.parametrize(
    "source, values, likelihood, binarize",
    [
        ({}, {}, "normal:scale=shared", "none"),
        ({}, {"likelihood": "laplace"}, "laplace", "none"),
        (GREY, {}, "bernoulli", "dynamic"),
        (GREY, {"binarize": "static"}, "bernoulli", "static"),
        (GREY, {"binarize": "none"}, "bernoulli", "none"),
        (GREY, {"likelihood": "normal"}, "normal", "none"),
        ({}, {"likelihood": "bernoulli"}, "bernoulli", "none"),
    ],
)
def test_what_is_left_out_is_decided_by_the_data(source, values, likelihood, binarize):
    source = table_set(**source)
    model, found = made(source, **values, seed=7)
    assert (model.likelihood_text, found) == (likelihood, binarize)
    prepare = model.preprocessor
    assert prepare.binarize == (binarize != "none") and prepare.seed == 7
    assert prepare.scaling == Scaling.fit(source.x_train, model.support)
    # The model takes raw data.
    assert model.embed(source.x_test).shape == (4, 2)


@pytest.mark.parametrize("how", ["dynamic", "static"])
def test_binary_pixels_need_a_likelihood_of_such(how):
    with pytest.raises(ValueError, match="fit the likelihood 'bernoulli', but .* real"):
        built(table_set(), binarize=how)


def test_a_model_with_a_condition_reads_the_labels():
    digits = data.load("digits")
    model = built(model="dense_vae:latent_dim=2,hidden_units=8,condition=10")
    for split in ("train", "test", "all"):
        x, y = split_for(model, digits, split)
        np.testing.assert_array_equal(y, digits.split(split)[1])
        assert len(x) == len(y) and y.dtype == np.int32
    unlabelled = table_set(shape=(8, 8, 1))
    with pytest.raises(ValueError, match="has a condition, but 'made' has no labels"):
        split_for(model, unlabelled, "train")
    assert split_for(built(), digits, "test")[1] is None


@pytest.mark.parametrize(
    "condition, labels, words",
    [
        ("3", [0, 1, 2, 3], "class 3, but the model has the classes 0 to 2"),
        ("3", [[0, 1, 2]] * 4, r"y has shape \(4, 3\), but one class number"),
        ("(2,)", [[0, 1, 2]] * 4, r"y has shape \(4, 3\), but the model's condition"),
    ],
)
def test_labels_that_are_no_condition_of_the_model_are_refused(condition, labels, words):
    source = dataclasses.replace(
        table_set(n=40),
        y_train=np.resize(labels, (40, *np.shape(labels)[1:])),
        y_validation=np.resize(labels, (5, *np.shape(labels)[1:])),
        y_test=np.array(labels),
    )
    model = built(source, model=f"dense_vae:hidden_units=4,condition={condition}")
    with pytest.raises(ValueError, match=words):
        split_for(model, source, "test")


def test_the_cosine_falls_to_zero_over_all_epochs(plain):
    # 40 examples in batches of 16 have 3 steps: 14 passes make an epoch of 42.
    rates = recipe(batch_size=16, epochs=5, optimizer="sgd:learning_rate=0.5")
    setup = set_up(rates, table_set())
    assert (setup.passes, setup.steps) == (14, STEPS)
    optimizer = build_optimizer(rates, plain, STEPS)
    schedule = optimizer._learning_rate
    assert type(optimizer).__name__ == "SGD" and float(schedule(0)) == 0.5
    assert 0 < float(schedule(200)) < 0.02 and float(schedule(210)) == pytest.approx(0)


def test_a_constant_rate_stays(plain):
    said = recipe(schedule="constant", optimizer="adam:learning_rate=0.25")
    optimizer = build_optimizer(said, plain, STEPS)
    assert float(optimizer.learning_rate) == 0.25


def test_the_warm_up_ends_after_its_epochs(plain):
    warm = recipe(batch_size=16, warmup_epochs=4, objective="elbo:beta=2,free_bits=0.5")
    objective = build_objective(warm, plain, STEPS)
    betas = [float(objective.beta(step)) for step in (0, 84, 168, 999)]
    assert betas == [0.0, 1.0, 2.0, 2.0] and objective.free_bits == 0.5


@pytest.mark.parametrize(
    "objective, why",
    [
        ("iwae", "does not schedule"),
        ("reconstruction", "does not schedule"),
        ("adversarial", "does not schedule"),
        ("elbo:beta=(cyclical:cycles=2)", "has a schedule already"),
    ],
)
def test_what_has_no_beta_of_its_own_cannot_be_warmed_up(plain, objective, why):
    with pytest.raises(ValueError, match=f"warmup_epochs raises .* {why}"):
        build_objective(recipe(warmup_epochs=1, objective=objective), plain, STEPS)


def test_the_objective_is_as_the_recipe_says(plain):
    said = recipe(objective="elbo:beta=3,num_samples=2,free_bits=0.5")
    elbo = build_objective(said, plain, STEPS)
    assert isinstance(elbo, objectives.ELBO)
    assert (elbo.beta, elbo.num_samples, elbo.free_bits) == (3.0, 2, 0.5)
    iwae = build_objective(recipe(objective="iwae:num_samples=7"), plain, STEPS)
    assert isinstance(iwae, objectives.IWAE) and iwae.num_samples == 7


@pytest.mark.parametrize(
    "values, monitor",
    [
        ({}, "val_elbo"),
        ({"warmup_epochs": 3}, "val_elbo"),
        ({"objective": "elbo:num_samples=3"}, "val_elbo"),
        ({"objective": "elbo:beta=4"}, "val_loss"),
        ({"objective": "elbo:beta=4", "warmup_epochs": 3}, "val_loss"),
        ({"objective": "elbo:free_bits=0.1"}, "val_loss"),
        ({"objective": "iwae"}, "val_loss"),
        ({"objective": "reconstruction"}, "val_loss"),
        # No score decides about a game.
        ({"objective": "adversarial"}, None),
    ],
)
def test_the_elbo_decides_unless_something_else_is_trained(plain, values, monitor):
    assert monitor_of(build_objective(recipe(**values), plain, STEPS)) == monitor


def test_an_autoencoder_is_trained_on_its_reconstructions():
    model = built(table_set(), posterior="deterministic")
    objective = build_objective(recipe(), model, STEPS)
    assert isinstance(objective, objectives.Reconstruction)
    assert isinstance(model, VAE) and not model.latent.has_density


def test_few_images_are_worth_a_word():
    images, one = table_set((64, 64, 3)), recipe(model="conv_vae")
    said = advice(one, images)
    assert "--augment flip" in said and "--from-preset conv_vae_celeba" in said
    assert "--augment" not in advice(recipe(model="conv_vae", augment="flip"), images)
    assert not advice(recipe(from_preset="conv_vae_celeba", model=None), images)
    assert not advice(one, table_set()) and not advice(one, table_set((1, 1, 1), n=1000))


@pytest.mark.parametrize(
    "shape, n, augment, used",
    [
        ((64, 80, 3), 40, None, "flip,shift=3"),
        ((8, 8, 3), 999, None, "flip,shift=1"),
        ((64, 64, 3), 40, "none", "none"),
        ((64, 64, 3), 40, "shift=9", "shift=9"),
        # Enough photos; and grey images may be letters.
        ((1, 1, 3), 1000, None, None),
        ((64, 64, 1), 40, None, None),
    ],
)
def test_few_photos_are_mirrored_and_shifted(shape, n, augment, used):
    photos = table_set(shape, n, files={})
    recipe_of_photos = recipe(model="conv_vae", augment=augment).resolve(photos)
    assert recipe_of_photos.augment == used
    arrays = recipe(model="conv_vae", augment=augment).resolve(table_set(shape, n))
    assert arrays.augment == augment
    # A recipe that is read again is the same run.
    again = building.Recipe(**recipe_of_photos.to_config())
    assert again.resolve(photos) == recipe_of_photos
