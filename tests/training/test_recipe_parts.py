"""From a recipe to a model, an optimizer and an objective."""

import pytest
from runs import recipe, table_set

from keras_vae import VAEGAN, ConvVAE, DenseVAE, layers, objectives, priors
from keras_vae.data import load
from keras_vae.training.building import build_model, build_objective, build_optimizer


def built(data=None, **values):
    data = data or load("digits")
    return build_model(recipe(**values).resolve(data), data)


def test_the_model_is_as_the_recipe_says():
    model = built(latent_dim=3, hidden_units=(6, 5), seed=4)
    assert type(model) is DenseVAE and model.latent_dim == 3 and model.seed == 4
    assert model.hidden_units == (6, 5) and model.event_shape == (8, 8, 1)
    assert isinstance(model.likelihood, layers.DiscretizedLogistic)
    assert (model.likelihood.low, model.likelihood.high) == (0, 16)
    assert isinstance(model.posterior, layers.IndependentNormal)
    assert isinstance(model.prior, priors.StandardNormal)


def test_filters_posterior_and_prior_are_as_the_recipe_says():
    model = built(
        model="conv_vae",
        hidden_units=None,
        filters=(4, 6),
        posterior="full_covariance",
        prior="mixture_of_normals",
        prior_components=3,
    )
    assert type(model) is ConvVAE and tuple(model.filters) == (4, 6)
    assert isinstance(model.posterior, layers.MultivariateNormalTriL)
    assert isinstance(model.prior, priors.MixtureOfNormals)
    assert model.prior.get_config()["num_components"] == 3


@pytest.mark.parametrize("name", layers.likelihood_names())
def test_every_likelihood_can_be_asked_for(name):
    data = table_set(levels=(0, 3)) if name == "discretized_logistic" else table_set()
    model = built(data, likelihood=name)
    assert type(model.likelihood) is type(
        layers.get_likelihood(name, (4,), **({"low": 0, "high": 3} if data.levels else {}))
    )


def test_the_seed_decides_the_noise():
    data = load("digits")
    one, same, other = (
        build_model(recipe(seed=seed).resolve(data), data) for seed in (1, 1, 2)
    )
    assert one.seed == same.seed != other.seed


@pytest.mark.parametrize(
    "values, words",
    [
        ({"likelihood": "discretized_logistic"}, "'made' holds other numbers.*'normal'"),
        ({"model": "conv_vae", "hidden_units": None}, "conv_vae is for images.*dense_vae"),
    ],
)
def test_a_model_that_does_not_fit_the_data_is_refused(values, words):
    with pytest.raises(ValueError, match=words):
        built(table_set(), **values)


def test_the_cosine_falls_to_zero_over_all_epochs():
    # 40 examples in batches of 16: 3 steps an epoch.
    rates = recipe(batch_size=16, epochs=5, learning_rate=0.5)
    schedule = build_optimizer(rates, table_set())._learning_rate
    assert float(schedule(0)) == 0.5
    assert 0 < float(schedule(14)) < 0.02 and float(schedule(15)) == pytest.approx(0)


def test_a_constant_rate_stays():
    constant = recipe(schedule="constant").resolve(table_set())
    optimizer = build_optimizer(constant, table_set())
    assert float(optimizer.learning_rate) == pytest.approx(1e-3)
    assert type(optimizer).__name__ == "Adam"


def test_the_warm_up_ends_after_its_epochs():
    warm = recipe(batch_size=16, warmup_epochs=4, beta=2.0)
    beta = build_objective(warm, table_set()).beta
    assert [float(beta(step)) for step in (0, 6, 12, 99)] == [0.0, 1.0, 2.0, 2.0]


def test_the_objective_is_as_the_recipe_says():
    elbo = build_objective(recipe(beta=3.0, num_samples=2, free_bits=0.5), table_set())
    assert isinstance(elbo, objectives.ELBO)
    assert (elbo.beta, elbo.num_samples, elbo.free_bits) == (3.0, 2, 0.5)
    iwae = build_objective(recipe(objective="iwae", num_samples=7), table_set())
    assert isinstance(iwae, objectives.IWAE) and iwae.num_samples == 7


def test_a_vae_gan_is_as_the_recipe_says():
    data = load("digits")
    values = {"model": "vae_gan", "hidden_units": None, "filters": (4, 6), "gamma": 0.5}
    said = recipe(
        **values, r1=2.0, sample_weight=0.3, label_smoothing=0.1, generator_loss="minimax"
    ).resolve(data)
    model, objective = build_model(said, data), build_objective(said, data)
    assert type(model) is VAEGAN and model.event_shape == (8, 8, 1)
    convolutions = [one for one in model.encoder.layers if "conv" in one.name]
    assert [one.filters for one in convolutions] == [4, 6]
    # No deeper than by default, which for 8 x 8 pixels is one halving.
    assert model.discriminator.get_layer("features").output.shape[1:] == (4, 4, 4)
    assert (objective.gamma, objective.margin, objective.r1) == (0.5, None, 2.0)
    assert objective.sample_weight == 0.3
    assert objective.label_smoothing == 0.1 and objective.generator_loss == "minimax"
    assert build_optimizer(said, data).beta_1 == 0.5
    usual = build_objective(recipe(**{**values, "gamma": None}).resolve(data), data)
    assert (usual.margin, usual.gamma, usual.generator_loss) == (
        None,
        0.05,
        "non_saturating",
    )
