"""What cannot be a VAE-GAN is refused in plain words, before any step is taken."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from gan_cases import compiled, images, optimizer_values, sgd
from model_cases import LATENT, PLAYERS, data_for, network, vae_gan
from tensorflow_probability import distributions as tfd

import keras_vae
from keras_vae import layers, networks

SIZE = 6


def critic(size=SIZE, outputs=1, name="features"):
    features = keras.layers.Dense(3, "tanh", name=name)
    return keras.Sequential([keras.Input((size,)), features, keras.layers.Dense(outputs)])


def from_parts(discriminator=None, likelihood=None, encoder=4, decoder=SIZE, **arguments):
    return keras_vae.VAEGAN(
        network(encoder),
        network(decoder),
        critic() if discriminator is None else discriminator,
        layers.IndependentNormal(LATENT),
        likelihood,
        **arguments,
    )


class Subclassed(keras.Model):
    def __init__(self):
        super().__init__()
        self.features = keras.layers.Dense(3, name="features")
        self.logit = keras.layers.Dense(1)

    def call(self, x):
        return self.logit(self.features(x))


def unbuilt():
    return keras.Sequential([keras.layers.Dense(3, name="features"), keras.layers.Dense(1)])


def branched():
    """Features that do not lie on the way to the logit are fine for the shapes."""
    x = keras.Input((SIZE,))
    return keras.Model(x, [keras.layers.Dense(1)(x), keras.layers.Dense(1)(x)])


WRONG_DISCRIMINATORS = {
    "no such layer": (lambda: critic(name="layer_l"), r"'features'.*layer_l"),
    "another shape": (lambda: critic(size=5), r"takes shape \(None, 5\).*\(6,\)"),
    "two logits": (lambda: critic(outputs=2), r"ends in shape \(None, 2\).*Dense\(1\)"),
    "unbuilt": (unbuilt, "input shape.*keras.Input"),
    "subclassed": (Subclassed, "Subclassed.*Functional or Sequential"),
}


@pytest.mark.parametrize(
    "make, match", WRONG_DISCRIMINATORS.values(), ids=list(WRONG_DISCRIMINATORS)
)
def test_discriminators_that_cannot_judge_are_refused(make, match):
    with pytest.raises(ValueError, match=match):
        from_parts(make(), layers.IndependentNormal(SIZE, scale=1.0))


def test_without_a_likelihood_the_shape_is_the_discriminators():
    with pytest.raises(ValueError, match=r"decoder ends in shape \(None, 6\)"):
        from_parts(critic(size=5))


def test_a_discriminator_with_two_outputs_or_inputs_is_refused():
    two = branched()
    with pytest.raises(ValueError):
        from_parts(two, feature_layer=two.layers[-1].name)
    first, second = keras.Input((SIZE,)), keras.Input((SIZE,))
    features = keras.layers.Dense(3, name="features")(first + second)
    two = keras.Model([first, second], keras.layers.Dense(1)(features))
    with pytest.raises(ValueError, match="has 2 inputs"):
        from_parts(two)


def test_the_nearest_feature_layer_is_suggested():
    with pytest.raises(ValueError, match="Did you mean 'features'"):
        from_parts(feature_layer="feature")


def test_another_feature_layer_can_be_chosen():
    model = from_parts(critic(name="layer_l"), feature_layer="layer_l")
    assert model.features(np.zeros((2, SIZE), "float32")).shape == (2, 3)


@pytest.mark.parametrize("built", [True, False])
def test_likelihoods_with_weights_are_refused(built):
    likelihood = layers.IndependentNormal(SIZE, scale="shared")
    if built:
        likelihood.build((None, likelihood.params_size))
    with pytest.raises(ValueError, match="weights of its own.*scale=1.0"):
        from_parts(likelihood=likelihood)


@keras.saving.register_keras_serializable("keras_vae_tests")
def rounded(params):
    return tfd.Independent(tfd.Normal(tf.round(params), 1.0), 1)


def test_likelihoods_without_a_differentiable_mean_are_refused():
    likelihood = layers.DistributionLambda(rounded, event_shape=SIZE, params_size=SIZE)
    with pytest.raises(ValueError, match="no gradient"):
        from_parts(likelihood=likelihood)


def test_an_encoder_of_gaps_is_refused():
    encoder = [keras.Input((SIZE,)), networks.Gaps(), keras.layers.Dense(2 * LATENT)]
    posterior = layers.IndependentNormal(LATENT)
    with pytest.raises(ValueError, match="compares whole observations"):
        keras_vae.VAEGAN(keras.Sequential(encoder), network(SIZE), critic(), posterior)


def test_networks_of_other_sizes_are_refused_as_in_a_vae():
    with pytest.raises(ValueError, match=r"encoder ends in shape \(None, 5\)"):
        from_parts(encoder=5)
    with pytest.raises(ValueError, match=r"decoder ends in shape \(None, 7\)"):
        from_parts(decoder=7)


def test_a_bernoulli_likelihood_can_be_chosen():
    model = from_parts(likelihood=layers.IndependentBernoulli(SIZE))
    assert model.support == layers.IndependentBernoulli(SIZE).accepts
    sample = model.sample(2)
    assert sample.min() > 0 and sample.max() < 1


def test_unknown_networks_are_refused():
    with pytest.raises(ValueError, match="Unknown networks 'ligth'. Did you mean 'light'"):
        vae_gan(networks="ligth")


def for_images(shape=(8, 8, 1), **arguments):
    return keras_vae.VAEGAN.for_images(shape, LATENT, **arguments)


@pytest.mark.parametrize("option", [{"filters": (4,)}, {"spectral_normalization": True}])
def test_options_of_the_light_networks_are_refused_for_the_papers(option):
    with pytest.raises(ValueError, match="are for networks='light'"):
        for_images(networks="paper", **option)


@pytest.mark.parametrize("networks", ["light", "paper"])
@pytest.mark.parametrize("shape", [(8,), (8, 8), (2, 8, 8, 1), ()])
def test_shapes_of_no_image_are_refused_by_for_images(networks, shape):
    with pytest.raises(ValueError, match=r"\(height, width, channels\)"):
        for_images(shape, networks=networks)


def test_a_posterior_of_another_size_is_refused():
    with pytest.raises(ValueError, match="3"):
        for_images(posterior=layers.IndependentNormal(3))


BAD_DATA = {
    "bytes": (lambda: (255 * images()).astype("uint8"), r"outside \[0, 1\]"),
    "negative": (lambda: images() - 1.0, r"outside \[0, 1\]"),
    "from -1 to 1": (lambda: 2 * images() - 1, r"outside \[0, 1\]"),
    "not a number": (lambda: images() * np.nan, "NaN"),
    "of another size": (lambda: images(shape=(8, 9, 1)), "takes batches of events"),
    "of three colours": (lambda: images(shape=(8, 8, 3)), "takes batches of events"),
    "without channels": (lambda: images(shape=(8, 8)), "takes batches of events"),
}


@pytest.mark.parametrize("make, match", BAD_DATA.values(), ids=list(BAD_DATA))
def test_images_that_do_not_fit_are_refused_before_any_step(make, match):
    model, x = compiled()
    before, states = model.get_weights(), optimizer_values(model)
    for way in (
        lambda: model.fit(make(), verbose=0),
        lambda: model.fit(x, validation_data=make(), verbose=0),
        lambda: model.evaluate(make(), verbose=0),
        lambda: model.embed(make()),
        lambda: model.elbo(make()),
    ):
        with pytest.raises(ValueError, match=match):
            way()
    for a, b in zip(before, model.get_weights(), strict=True):
        np.testing.assert_array_equal(a, b)
    for player, values in optimizer_values(model).items():
        for a, b in zip(values, states[player], strict=True):
            np.testing.assert_array_equal(a, b)


@pytest.mark.parametrize("value", [0.0, 1.0])
def test_the_ends_of_the_range_are_fine(value):
    model, _ = compiled()
    logs = model.train_on_batch(np.full((4, 8, 8, 1), value), return_dict=True)
    assert np.isfinite(list(logs.values())).all()


def test_targets_are_refused():
    model, x = compiled()
    with pytest.raises(ValueError, match="this model has no condition"):
        model.fit(x, x, verbose=0)


def test_a_condition_is_refused():
    with pytest.raises(ValueError, match="has no condition: its discriminator"):
        vae_gan(condition=10)


def shared():
    adam = keras.optimizers.Adam()
    return {"encoder": adam, "decoder": adam, "discriminator": "adam"}


WRONG_OPTIMIZERS = {
    "unknown player": (lambda: sgd() | {"critic": "adam"}, "'critic'"),
    "misspelt player": (
        lambda: {"encodr": "adam", "decoder": "adam", "discriminator": "adam"},
        "Did you mean 'encoder'",
    ),
    "missing player": (
        lambda: {"encoder": "adam", "decoder": "adam"},
        "lacks discriminator",
    ),
    "none": (lambda: {}, "lacks encoder, decoder, discriminator"),
    "shared": (shared, "share one optimizer"),
    "unknown name": (lambda: dict.fromkeys(PLAYERS, "adamant"), "adamant"),
}


@pytest.mark.parametrize(
    "make, match", WRONG_OPTIMIZERS.values(), ids=list(WRONG_OPTIMIZERS)
)
def test_optimizers_that_are_not_one_for_each_are_refused(make, match):
    with pytest.raises(ValueError, match=match):
        vae_gan().compile(make())


@pytest.mark.parametrize("name", ["loss", "metrics", "loss_weights", "weighted_metrics"])
def test_compile_takes_no_loss(name):
    with pytest.raises(ValueError, match=rf"compile\({name}=...\) has no meaning"):
        vae_gan().compile("adam", **{name: ["mse"]})


def test_training_needs_compile_first():
    model = vae_gan()
    with pytest.raises(ValueError, match="compile"):
        model.fit(data_for(model))


@pytest.mark.parametrize(
    "posterior", [layers.OneHotCategorical(LATENT), layers.IndependentPoisson(LATENT)]
)
def test_a_posterior_without_gradients_is_refused_by_compile(posterior):
    with pytest.raises(ValueError, match="no gradient with respect to its parameters"):
        vae_gan(posterior).compile("adam")


def test_changes_of_colour_and_place_need_images():
    with pytest.raises(ValueError, match="needs pictures.* or leave diff_augment out"):
        from_parts().compile("adam", keras_vae.objectives.Adversarial(diff_augment=True))


def test_perceptual_distances_need_a_network():
    with pytest.raises(ValueError, match="perceptual=True"):
        vae_gan().compile("adam", keras_vae.objectives.Adversarial(perceptual_weight=1.0))
    with pytest.raises(ValueError, match="perceptual=True"):
        vae_gan().train_perceptual_network(images(), [0, 1] * 6)


def test_distances_in_a_perceptual_network_that_learned_nothing_are_refused():
    model = vae_gan(perceptual=True)
    model.compile(None, keras_vae.objectives.Adversarial(perceptual_weight=1.0))
    with pytest.raises(ValueError, match=r"untrained.*train_perceptual_network"):
        model.fit(images())


@pytest.mark.parametrize(
    "y, words",
    [
        (None, "these data have none"),
        ([0, 1], "class numbers"),
        ([0.5, 1.5] * 6, "dtype float64"),
        ([[0, 2]] * 12, r"shape \(12, 2\)"),
        ([-1, 1] * 6, "class numbers"),
    ],
)
def test_a_perceptual_network_learns_from_labels_alone(y, words):
    with pytest.raises(ValueError, match=words):
        vae_gan(perceptual=True).train_perceptual_network(images(), y)
