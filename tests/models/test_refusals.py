"""What cannot work is refused in plain words, before any step is taken."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from model_cases import IMAGE, LATENT, SIZE, data_for, network, shared_vae, vae, weights

import keras_vae
from keras_vae import layers, objectives, priors
from keras_vae.models.checks import check_data


def from_parts(encoder=4, decoder=SIZE, posterior=None, likelihood=None, prior=None):
    return keras_vae.VAE(
        network(encoder),
        network(decoder),
        posterior or layers.IndependentNormal(LATENT),
        likelihood or layers.IndependentBernoulli(SIZE),
        prior,
    )


WRONG_PARTS = {
    "encoder": ({"encoder": 5}, r"encoder ends in shape \(None, 5\).* takes 4 param"),
    "decoder": ({"decoder": 7}, r"decoder ends in shape \(None, 7\).* takes 6 param"),
    "posterior": (
        {"posterior": layers.MultivariateNormalTriL(LATENT)},
        r"\(None, 4\), but the posterior MultivariateNormalTriL .* takes 5 parameters",
    ),
    "likelihood": (
        {"likelihood": layers.IndependentNormal(SIZE)},
        r"\(None, 6\), but the likelihood IndependentNormal .* takes 12 parameters",
    ),
    "prior": (
        {"prior": priors.StandardNormal(3)},
        r"event shape \(3,\), but the posterior's latent variables have shape \(2,\)",
    ),
    "prior with weights": (
        {"prior": priors.MixtureOfNormals(2, event_shape=5)},
        r"event shape \(5,\), but the posterior's latent variables have shape \(2,\)",
    ),
}


@pytest.mark.parametrize("parts, match", WRONG_PARTS.values(), ids=list(WRONG_PARTS))
def test_parts_that_do_not_fit_are_refused_with_both_sizes(parts, match):
    with pytest.raises(ValueError, match=match):
        from_parts(**parts)


def test_a_network_with_an_image_as_output_is_refused():
    decoder = keras.Sequential([keras.layers.Dense(6), keras.layers.Reshape((2, 3))])
    with pytest.raises(ValueError, match=r"\(None, 2, 3\).*or in Flatten\(\)"):
        keras_vae.VAE(
            network(4),
            decoder,
            layers.IndependentNormal(LATENT),
            layers.IndependentBernoulli(SIZE),
        )


@pytest.mark.parametrize("seed", [-1, 0.5, True, "0"])
def test_seeds_that_are_no_numbers_are_refused(seed):
    with pytest.raises((ValueError, TypeError), match="seed"):
        vae(seed=seed)


@pytest.mark.parametrize("name", ["loss", "metrics", "loss_weights", "weighted_metrics"])
def test_compile_takes_an_objective_alone(name):
    with pytest.raises(ValueError, match=rf"compile\({name}=...\) has no meaning"):
        vae().compile("adam", **{name: ["mse"]})


@pytest.mark.parametrize(
    "objective, match",
    [
        ("elbow", "Unknown objective 'elbow'. Did you mean 'elbo'"),
        ("iwea", "Did you mean 'iwae'"),
        ("mse", "Unknown objective 'mse'"),
        (3.0, "objective must be a name"),
        (objectives.ELBO, "is the class ELBO; pass an object"),
    ],
)
def test_unknown_objectives_are_refused(objective, match):
    with pytest.raises(ValueError, match=match):
        vae().compile("adam", objective)


def fit_quietly(model, x, **arguments):
    model.fit(x, verbose=0, **arguments)


def fit_dataset(model, x):
    fit_quietly(model, tf.data.Dataset.from_tensor_slices(x).batch(4))


def validate(model, x):
    fit_quietly(model, data_for(model), validation_data=x)


def validate_tuple(model, x):
    fit_quietly(model, data_for(model), validation_data=(x,))


def evaluate(model, x):
    model.evaluate(x, verbose=0)


def fit_tensor(model, x):
    fit_quietly(model, tf.constant(x))


def predict(model, x):
    model.predict(x, verbose=0)


WAYS = [fit_quietly, fit_tensor, fit_dataset, validate, validate_tuple, evaluate, predict]
WAY = pytest.mark.parametrize("way", WAYS, ids=[way.__name__ for way in WAYS])


def refused(model, match, way, x):
    """Checks that the data are refused and that no weight has changed."""
    model.compile("sgd")
    before = weights(model)
    with pytest.raises(ValueError, match=match):
        way(model, x)
    np.testing.assert_array_equal(weights(model), before)


@WAY
@pytest.mark.parametrize(
    "value, match",
    [
        (np.nan, "NaN or infinite"),
        (np.inf, "NaN or infinite"),
        (-np.inf, "NaN or infinite"),
        (255.0, r"outside \[0, 1\]; the first is 255 at \[2, 1\]"),
        (-1e-3, r"outside \[0, 1\]"),
    ],
)
def test_impossible_values_are_refused(way, value, match):
    x = data_for(shared_vae())
    x[2, 1] = value
    refused(shared_vae(), match, way, x)


@WAY
@pytest.mark.parametrize("shape", [(8, 5), (8, 6, 1), (8,)])
def test_events_of_another_shape_are_refused(way, shape):
    refused(
        shared_vae(), "takes batches of events of shape", way, np.zeros(shape, "float32")
    )


@WAY
def test_no_data_are_refused(way):
    refused(shared_vae(), "empty", way, np.zeros((0, SIZE), "float32"))


IMPOSSIBLE = {
    "negative counts": (layers.IndependentPoisson(SIZE), -1.0),
    "half a count": (layers.IndependentPoisson(SIZE), 0.5),
    "negative overdispersed counts": (layers.IndependentNegativeBinomial(SIZE), -1.0),
    "the end of an open interval": (layers.IndependentBeta(SIZE), 1.0),
    "an unknown class": (layers.IndependentCategorical(SIZE, 3), 3.0),
    "a level between levels": (layers.DiscretizedLogistic(SIZE), 0.5),
    "a grey value above 1": (layers.IndependentContinuousBernoulli(SIZE), 2.0),
}


@pytest.mark.parametrize("likelihood, value", IMPOSSIBLE.values(), ids=list(IMPOSSIBLE))
def test_values_without_probability_are_refused(likelihood, value):
    x = np.full((4, SIZE), value, "float32")
    refused(vae(likelihood=likelihood), "values outside", fit_quietly, x)


class Frame:
    """What data frames have in common, as far as a check of values needs it."""

    def __init__(self, values):
        self.values = values
        self.shape, self.dtype = values.shape, values.dtype

    def __len__(self):
        return len(self.values)

    def __array__(self, dtype=None, copy=None):
        return self.values if dtype is None else self.values.astype(dtype)


@pytest.mark.parametrize("way", [fit_quietly, validate, validate_tuple, evaluate, predict])
def test_frames_are_checked_like_arrays(way):
    x = data_for(shared_vae())
    x[2, 1] = 255.0
    refused(shared_vae(), r"outside \[0, 1\]; the first is 255 at \[2, 1\]", way, Frame(x))
    refused(shared_vae(), "takes batches of events", way, Frame(np.zeros((3, 5))))
    check_data(shared_vae(), Frame(data_for(shared_vae())), None)


@pytest.mark.parametrize("way", [fit_quietly, validate, evaluate, predict])
@pytest.mark.parametrize("convert", [list, np.ndarray.tolist])
def test_lists_are_refused_with_what_makes_an_array_of_them(way, convert):
    refused(
        shared_vae(), r"is a list of 12.*np\.stack", way, convert(data_for(shared_vae()))
    )


@pytest.mark.parametrize("length", [0, 4])
def test_validation_data_of_another_form_are_refused(length):
    x = data_for(shared_vae())
    data = (x, None, np.ones(len(x)), x)[:length]
    model = vae()
    model.compile("sgd")
    with pytest.raises(ValueError, match="x, y, sample_weight"):
        model.fit(x, validation_data=data, verbose=0)


@pytest.mark.parametrize("role", ["posterior", "likelihood"])
def test_an_activity_regularizer_is_refused(role):
    size = {"posterior": LATENT, "likelihood": SIZE}[role]
    layer = layers.IndependentNormal(size, scale="shared", activity_regularizer="l2")
    arguments = {role: layer, "encoder": 2 if role == "posterior" else 4}
    with pytest.raises(ValueError, match=f"{role} IndependentNormal has an activity_reg"):
        from_parts(**arguments)


def test_text_is_refused():
    refused(shared_vae(), "must hold numbers", fit_quietly, np.full((4, SIZE), "1"))


@pytest.mark.parametrize(
    "way",
    [
        lambda m, x: m.fit(x, x),
        lambda m, x: m.fit(x, y=x[:, 0]),
        lambda m, x: m.fit(tf.data.Dataset.from_tensor_slices((x, x)).batch(4)),
        lambda m, x: m.fit(x, validation_data=(x, x), verbose=0),
        lambda m, x: m.evaluate(x, x),
        lambda m, x: m.evaluate(tf.data.Dataset.from_tensor_slices((x, x)).batch(4)),
        lambda m, x: m.train_on_batch(x, x),
        lambda m, x: m.test_on_batch(x, x),
    ],
)
def test_targets_are_refused(way):
    refused(shared_vae(), "has no condition", way, data_for(shared_vae()))


@pytest.mark.parametrize(
    "posterior",
    [
        layers.OneHotCategorical(LATENT),
        layers.IndependentPoisson(LATENT),
        layers.MixtureNormal(2, LATENT),
    ],
)
def test_a_posterior_without_gradients_is_refused_in_training(posterior):
    with pytest.raises(ValueError, match="no gradient with respect to its parameters"):
        vae(posterior=posterior).compile("sgd")


def test_training_needs_compile():
    model = vae()
    with pytest.raises(ValueError, match="compile"):
        model.fit(data_for(model))


@pytest.mark.parametrize("shape", [(6,), (8, 8), (8,), ()])
def test_convolutions_refuse_what_is_no_image(shape):
    with pytest.raises(ValueError, match="height, width, channels"):
        keras_vae.ConvVAE(shape, latent_dim=2)


@pytest.mark.parametrize("model", [keras_vae.ConvVAE, keras_vae.DenseVAE])
def test_unknown_likelihoods_are_refused_with_the_nearest(model):
    with pytest.raises(ValueError, match="Did you mean 'bernoulli'"):
        model(IMAGE, 2, likelihood="bernouli")


@pytest.mark.parametrize("model", [keras_vae.ConvVAE, keras_vae.DenseVAE])
def test_layers_of_other_sizes_than_the_models_are_refused(model):
    with pytest.raises(ValueError, match="latent_dim is 3, but the posterior"):
        model(IMAGE, 3, posterior=layers.IndependentNormal(2))
    with pytest.raises(ValueError, match="but the likelihood"):
        model(IMAGE, 2, likelihood=layers.IndependentBernoulli((4, 4, 1)))
    with pytest.raises(ValueError, match="but the posterior"):
        model(IMAGE, 4, posterior=layers.IndependentNormal((2, 2)))
