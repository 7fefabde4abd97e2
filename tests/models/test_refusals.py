"""What cannot work is refused in plain words, before any step is taken."""

import warnings

import keras
import numpy as np
import pytest
import tensorflow as tf
from model_cases import IMAGE, LATENT, SIZE, data_for, network, shared_vae, vae, weights
from scipy import sparse
from tensorflow_probability import distributions as tfd

import keras_vae
from keras_vae import layers, objectives, priors


def from_parts(encoder=4, decoder=SIZE, posterior=None, likelihood=None, **arguments):
    usual = usual_layers()
    return keras_vae.VAE(
        network(encoder),
        network(decoder),
        posterior or usual[0],
        likelihood or usual[1],
        **arguments,
    )


def usual_layers():
    return layers.IndependentNormal(LATENT), layers.IndependentBernoulli(SIZE)


def of_images(last, likelihood=None):
    likelihood = likelihood or layers.IndependentBernoulli((6, 6, 1))
    encoder = keras.Sequential([keras.layers.Flatten(), keras.layers.Dense(4)])
    decoder = keras.Sequential([keras.layers.Dense(36), last])
    return keras_vae.VAE(encoder, decoder, layers.IndependentNormal(LATENT), likelihood)


def two_outputs():
    x = keras.Input((SIZE,))
    encoder = keras.Model(x, [keras.layers.Dense(2)(x), keras.layers.Dense(2)(x)])
    return keras_vae.VAE(encoder, network(SIZE), *usual_layers())


def dict_of_outputs():
    x = keras.Input((SIZE,))
    return keras.Model(x, {"params": keras.layers.Dense(4)(x)})


def two_inputs(outputs):
    x, y = keras.Input((SIZE,)), keras.Input((3,))
    joined = keras.layers.Concatenate()([x, y])
    return keras.Model([x, y], keras.layers.Dense(outputs)(joined))


def shared_vamp():
    prior = priors.VampPrior(2)
    return [from_parts(prior=prior) for _ in range(2)]


@pytest.mark.parametrize(
    "channels, likelihood, levels, binarize, is_said",
    [
        (3, "bernoulli", (0, 255), False, True),
        (3, "bernoulli", (0, 255), True, False),
        (3, "bernoulli", (0, 1), False, False),
        (1, "bernoulli", (0, 255), False, False),
        (3, "continuous_bernoulli", (0, 255), False, False),
    ],
)
def test_colours_as_black_and_white_are_said(
    channels, likelihood, levels, binarize, is_said
):
    shape = (4, 4, channels)
    x = np.random.default_rng(0).integers(0, levels[1] + 1, (8, *shape)).astype(np.uint8)
    model = keras_vae.DenseVAE(shape, 2, likelihood, hidden_units=4)
    scaling = keras_vae.data.Scaling.fit(x, model.support, levels)
    model.preprocessor = keras_vae.data.Preprocessor(scaling, binarize, levels=levels)
    model.compile("adam", run_eagerly=True)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        model.fit(x, verbose=0)
    said = [one for one in caught if "takes for probabilities" in str(one.message)]
    assert len(said) == is_said
    assert all(one.filename == __file__ for one in said)


WRONG_PARTS = {
    "encoder": (
        lambda: from_parts(encoder=5),
        r"encoder ends in shape \(None, 5\).* takes 4 param.*means and scales",
    ),
    "decoder": (
        lambda: from_parts(decoder=7),
        r"decoder ends in shape \(None, 7\).* takes 6 param",
    ),
    "posterior": (
        lambda: from_parts(posterior=layers.MultivariateNormalTriL(LATENT)),
        r"\(None, 4\), but the posterior MultivariateNormalTriL .* takes 5 parameters",
    ),
    "likelihood": (
        lambda: from_parts(likelihood=layers.IndependentNormal(SIZE)),
        r"\(None, 6\), but the likelihood IndependentNormal .* takes 12 parameters",
    ),
    "prior": (
        lambda: from_parts(prior=priors.StandardNormal(3)),
        r"event shape \(3,\), but the posterior's latent variables have shape \(2,\)",
    ),
    "prior with weights": (
        lambda: from_parts(prior=priors.MixtureOfNormals(2, event_shape=5)),
        r"event shape \(5,\), but the posterior's latent variables have shape \(2,\)",
    ),
    "an image of another shape": (
        lambda: of_images(keras.layers.Reshape((2, 3, 6))),
        r"\(None, 2, 3, 6\).*\(None, 36\) or \(None, 6, 6, 1\).*Dense\(36\) or Conv2DTr",
    ),
    "one block of two": (
        lambda: of_images(
            keras.layers.Reshape((6, 6, 1)), layers.IndependentNormal((6, 6, 1))
        ),
        r"\(None, 72\) or \(None, 6, 6, 2\).* blocks .*its channels.*Conv2DTranspose\(2, ",
    ),
    "two outputs": (two_outputs, "encoder has 2 outputs.*Concatenate"),
    "a dict of outputs": (
        lambda: keras_vae.VAE(dict_of_outputs(), network(SIZE), *usual_layers()),
        "encoder returns a dict of params.*Let the network return that tensor",
    ),
    "two inputs": (
        lambda: keras_vae.VAE(two_inputs(4), network(6), *usual_layers()),
        "encoder has 2 inputs, but is given x alone.*condition=",
    ),
    "a network for other data": (
        lambda: keras_vae.VAE(
            keras.Sequential([keras.Input((7,)), keras.layers.Dense(4)]),
            network(6),
            *usual_layers(),
        ),
        r"encoder cannot read x of shape \(None, 6\)",
    ),
    "a function": (
        lambda: keras_vae.VAE(lambda x: x, network(6), *usual_layers()),
        "encoder must be a Keras model",
    ),
    "a condition that nobody reads": (
        lambda: from_parts(condition=3),
        r"has a condition, but nothing reads it.*\[x, y\]",
    ),
    "a conditional prior without condition": (
        lambda: from_parts(prior="conditional"),
        "Conditional depends on a condition, but the model has none",
    ),
    "a likelihood's name without shape": (
        lambda: from_parts(likelihood="bernoulli"),
        r"likelihood='bernoulli' does not say the shape.*bernoulli:event_shape=",
    ),
    "a posterior's name without shape": (
        lambda: from_parts(posterior={"name": "flow"}),
        "posterior=.*does not say the shape.*flow:event_size=",
    ),
    "a name that is not known": (
        lambda: from_parts(likelihood="bernouli"),
        "Did you mean 'bernoulli'",
    ),
    "a distribution as prior": (
        lambda: from_parts(prior=tfd.MultivariateNormalDiag(tf.zeros(2), tf.ones(2))),
        r"prior is a distribution of TFP \(MultivariateNormalDiag\).*priors.Learned",
    ),
    "a distribution as likelihood": (
        lambda: from_parts(likelihood=tfd.Normal(0.0, 1.0)),
        "likelihood is a distribution of TFP.*DistributionLambda",
    ),
    "a class as prior": (
        lambda: from_parts(prior=priors.StandardNormal),
        r"is the class StandardNormal; pass an object of it: StandardNormal\(...\)",
    ),
    "a class as posterior": (
        lambda: from_parts(posterior=layers.IndependentNormal),
        "is the class IndependentNormal",
    ),
    "a layer as prior": (
        lambda: from_parts(prior=layers.IndependentNormal(2)),
        "prior must be a name.*derived from Prior",
    ),
    "a point as likelihood": (
        lambda: from_parts(likelihood=layers.Deterministic(SIZE)),
        "likelihood Deterministic is a point",
    ),
    "no classes": (lambda: from_parts(condition=0), "condition must be a positive integer"),
    "two priors that share an encoder": (
        shared_vamp,
        "uses the encoder of another model already",
    ),
    "a preprocessor of another kind": (
        lambda: from_parts(preprocessor=lambda x: x / 255),
        "preprocessor must be a keras_vae.data.Preprocessor",
    ),
}


@pytest.mark.parametrize("make, match", WRONG_PARTS.values(), ids=list(WRONG_PARTS))
def test_parts_that_do_not_fit_are_refused_with_help(make, match):
    with pytest.raises(ValueError, match=match):
        make()


@keras.saving.register_keras_serializable("keras_vae_tests")
def one_hots(params):
    """A mass that no layer of the package makes."""
    return tfd.OneHotCategorical(logits=params, dtype=params.dtype)


@keras.saving.register_keras_serializable("keras_vae_tests")
def counts(params):
    """Counts within wrappers."""
    return tfd.Independent(tfd.Geometric(logits=params), 1)


@keras.saving.register_keras_serializable("keras_vae_tests")
def directions(params):
    """Another distribution on the sphere."""
    return tfd.VonMisesFisher(tf.linalg.l2_normalize(params + 1.0, -1), 2.0)


@pytest.mark.parametrize(
    "function, match",
    [
        (one_hots, "gives probabilities, but the prior StandardNormal gives densities"),
        (counts, "gives probabilities, but the prior StandardNormal gives densities"),
        (directions, "lives on the unit sphere, but the prior StandardNormal"),
    ],
)
def test_measures_of_ones_own_distributions_are_compared_too(function, match):
    posterior = layers.DistributionLambda(function, 3, 3)
    with pytest.raises(ValueError, match=match):
        keras_vae.DenseVAE(SIZE, 3, posterior=posterior, prior="standard_normal")


# Posterior, prior, and what the message says of the two.
MEASURES = {
    "a mass beside a density": ("one_hot_categorical", "standard_normal", "probabilities"),
    "bits beside a density": ("bernoulli", "mixture_of_normals:num_components=2", "densit"),
    "a density beside a mass": ("normal", "learned:layer=bernoulli", "gives densities"),
    "a sphere beside the space around it": (
        "power_spherical",
        "standard_normal",
        "the unit sphere, but .* the real numbers",
    ),
    "the space around a sphere": ("normal", "uniform_on_sphere", "the real numbers, but"),
    "a simplex beside the space around it": (
        "relaxed_one_hot_categorical",
        "standard_normal",
        "numbers that add up to 1, but",
    ),
    "one-hot vectors beside a simplex": (
        "one_hot_categorical",
        "learned:layer=relaxed_one_hot_categorical",
        "probabilities, but .* densities",
    ),
    "bits beside one-hot vectors": (
        "bernoulli",
        "learned:layer=one_hot_categorical",
        r"whole numbers in \[0, 1\], but .* one-hot vectors",
    ),
    "counts beside bits": (
        "poisson",
        "learned:layer=bernoulli",
        r"whole numbers in \[0, infinity\), but .* whole numbers in \[0, 1\]",
    ),
    "numbers beside an interval": ("normal", "learned:layer=beta", r"but .* \(0, 1\)"),
    "heavy tails beside light ones": (
        "student_t:min_df=0.1",
        "standard_normal",
        "tails so heavy that its divergence .* is infinite.*min_df",
    ),
}


@pytest.mark.parametrize("posterior, prior, match", MEASURES.values(), ids=list(MEASURES))
def test_measures_that_do_not_match_are_refused(posterior, prior, match):
    with pytest.raises(ValueError, match=match):
        keras_vae.DenseVAE(SIZE, 3, posterior=posterior, prior=prior, hidden_units=(3,))
    # The usual prior fits everything but tails.
    if "tails" not in match:
        keras_vae.DenseVAE(SIZE, 3, posterior=posterior, hidden_units=(3,))


def ending(*last):
    """A network of one hidden layer with these behind it."""
    return keras.Sequential([keras.layers.Dense(4), *last])


def functional(outputs):
    """A Functional network that ends in what a function makes of a hidden layer."""
    z = keras.Input((LATENT,))
    return keras.Model(z, outputs(keras.layers.Dense(SIZE)(z)))


dense = keras.layers.Dense
SQUASHED = {
    "sigmoid": lambda: ending(dense(SIZE, "sigmoid")),
    "softmax": lambda: ending(dense(SIZE, "softmax")),
    "tanh": lambda: ending(dense(SIZE, "tanh")),
    "relu": lambda: ending(dense(SIZE, "relu")),
    "hard sigmoid": lambda: ending(dense(SIZE, keras.activations.hard_sigmoid)),
    "a layer": lambda: ending(dense(SIZE), keras.layers.Activation("sigmoid")),
    "a function": lambda: ending(dense(SIZE), keras.layers.Lambda(tf.nn.sigmoid)),
    "the layer of softmax": lambda: ending(dense(SIZE), keras.layers.Softmax()),
    "behind a reshape": lambda: ending(
        dense(SIZE, "sigmoid"), keras.layers.Reshape((2, 3)), keras.layers.Flatten()
    ),
    "an operation": lambda: functional(keras.ops.sigmoid),
    "an operation behind a reshape": lambda: functional(
        lambda x: keras.layers.Flatten()(keras.layers.Reshape((2, 3))(keras.ops.softmax(x)))
    ),
    "a layer in a network": lambda: functional(
        keras.Sequential([keras.Input((SIZE,)), dense(SIZE, "sigmoid")])
    ),
    "not the last one made": lambda: branched(),
}


def branched():
    """A network whose last layer in the list is not the one that it ends in."""
    z = keras.Input((LATENT,))
    first, second = dense(SIZE)(z), dense(SIZE)(z)
    return keras.Model(z, keras.activations.sigmoid(first + second))


@pytest.mark.parametrize("make", SQUASHED.values(), ids=list(SQUASHED))
def test_squashed_logits_are_refused(make):
    posterior = layers.IndependentNormal(LATENT)
    with pytest.raises(ValueError, match="IndependentBernoulli takes logits"):
        keras_vae.VAE(network(4), make(), posterior, layers.IndependentBernoulli(SIZE))
    # Means may well be squashed.
    likelihood = layers.IndependentNormal(SIZE, scale=1.0)
    keras_vae.VAE(network(4), make(), posterior, likelihood)


def test_squashed_logits_of_a_posterior_are_refused():
    for last in (dense(3, "sigmoid"), dense(3, "softmax")):
        for posterior in (layers.IndependentBernoulli(3), layers.OneHotCategorical(3)):
            with pytest.raises(ValueError, match="encoder ends in a s.* takes logits"):
                keras_vae.VAE(
                    ending(last), network(6), posterior, layers.IndependentBernoulli(6)
                )


def test_bounded_logits_that_are_stretched_again_are_fine():
    stretched = functional(lambda x: 10.0 * keras.ops.tanh(x / 10.0))
    keras_vae.VAE(network(4), stretched, *usual_layers())


IMAGE_ENDS = {
    "an image of one block": (1, lambda shape: layers.IndependentBernoulli(shape)),
    "means and scales as channels": (2, lambda shape: layers.IndependentNormal(shape)),
    "three blocks": (3, lambda shape: layers.IndependentStudentT(shape)),
    "classes": (4, lambda shape: layers.IndependentCategorical(shape, 4)),
}


@pytest.mark.parametrize("blocks, make", IMAGE_ENDS.values(), ids=list(IMAGE_ENDS))
@pytest.mark.parametrize("channels", [1, 3])
def test_convolutions_may_end_in_images_of_parameters(blocks, make, channels):
    shape = (6, 6, channels)
    last = keras.layers.Conv2DTranspose(blocks * channels, 3, 2, "same")
    decoder = keras.Sequential([dense(18), keras.layers.Reshape((3, 3, 2)), last])
    encoder = keras.Sequential([keras.layers.Flatten(), dense(4)])
    likelihood = make(shape)
    model = keras_vae.VAE(encoder, decoder, layers.IndependentNormal(2), likelihood, seed=0)
    z = np.random.default_rng(0).normal(size=(2, 2)).astype("float32")
    image, px = decoder(z).numpy(), model.decode(z).distribution
    kinds = image.reshape(2, 6, 6, blocks, channels)
    if blocks == 4:
        expected = image.reshape(2, 6, 6, channels, blocks)
        np.testing.assert_allclose(px.logits, expected, rtol=1e-5)
    else:
        first = px.logits if blocks == 1 else px.loc
        np.testing.assert_allclose(first, kinds[:, :, :, 0], rtol=1e-5)
    if blocks in (2, 3):
        scale = 1e-5 + np.logaddexp(0, kinds[:, :, :, 1])
        np.testing.assert_allclose(px.scale, scale, rtol=1e-4)


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
        (objectives.ELBO, r"is the class ELBO; pass an object of it"),
        ("adversarial", "has no discriminator. Use keras_vae.VAEGAN"),
    ],
)
def test_unknown_objectives_are_refused(objective, match):
    with pytest.raises(ValueError, match=match):
        vae().compile("adam", objective)


def fit_quietly(model, x, **arguments):
    model.fit(x, verbose=0, **arguments)


def dataset_of(*arrays):
    return tf.data.Dataset.from_tensor_slices(arrays if len(arrays) > 1 else arrays[0])


class Batches(keras.utils.PyDataset):
    """Two batches of the same arrays."""

    def __init__(self, batch):
        super().__init__()
        self.batch = batch

    def __len__(self):
        return 2 if len(self.batch) else 0

    def __getitem__(self, index):
        return self.batch


def fit_dataset(model, x):
    fit_quietly(model, dataset_of(x).batch(4))


def fit_py_dataset(model, x):
    fit_quietly(model, Batches(x))


def evaluate_dataset(model, x):
    model.evaluate(dataset_of(x).batch(4), verbose=0)


def predict_dataset(model, x):
    model.predict(dataset_of(x).batch(4), verbose=0)


def validate(model, x):
    fit_quietly(model, data_for(model), validation_data=x)


def validate_tuple(model, x):
    fit_quietly(model, data_for(model), validation_data=(x,))


def split(model, x):
    fit_quietly(model, x, validation_split=0.5)


def evaluate(model, x):
    model.evaluate(x, verbose=0)


def fit_tensor(model, x):
    fit_quietly(model, tf.constant(x))


def predict(model, x):
    model.predict(x, verbose=0)


def train_on_batch(model, x):
    model.train_on_batch(x)


def score_on_batch(model, x):
    model.test_on_batch(x)


def predict_on_batch(model, x):
    model.predict_on_batch(x)


OF_ARRAYS = [
    fit_quietly,
    validate,
    validate_tuple,
    split,
    evaluate,
    predict,
    train_on_batch,
    score_on_batch,
    predict_on_batch,
]
STREAMS = [fit_dataset, fit_py_dataset, evaluate_dataset, predict_dataset]
WAYS = [*OF_ARRAYS, fit_tensor, *STREAMS]
WAY = pytest.mark.parametrize("way", WAYS, ids=[way.__name__ for way in WAYS])


def refused(model, match, way, x):
    """Checks that the data are refused and that no weight has changed."""
    if not model.compiled:
        model.compile("sgd", run_eagerly=True)
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


@pytest.mark.parametrize("way", OF_ARRAYS)
def test_frames_are_checked_like_arrays(way):
    x = data_for(shared_vae())
    x[2, 1] = 255.0
    refused(shared_vae(), r"outside \[0, 1\]; the first is 255 at \[2, 1\]", way, Frame(x))
    refused(shared_vae(), "takes batches of events", way, Frame(np.zeros((3, 5))))
    way(shared_vae(), Frame(data_for(shared_vae())))


FORMS = {
    "list": (list, r"is a list of 12.*np\.stack"),
    "nested list": (np.ndarray.tolist, r"is a list of 12.*np\.stack"),
    "dict": (lambda x: {"image": x}, r"is a dict of image.*Pass x\[...\]"),
    "sparse": (tf.sparse.from_dense, "is a SparseTensor.*tf.sparse.to_dense"),
    "ragged": (tf.RaggedTensor.from_tensor, r"is a RaggedTensor.*x.to_tensor\(\)"),
    "SciPy's sparse": (sparse.csr_matrix, r"is a csr_matrix.*x.toarray\(\)"),
}


@pytest.mark.parametrize("way", [way for way in OF_ARRAYS if way is not validate_tuple])
@pytest.mark.parametrize("convert, match", FORMS.values(), ids=list(FORMS))
def test_other_forms_are_refused_with_what_makes_an_array_of_them(way, convert, match):
    if way is validate and "list" in match:
        return  # A list of validation data is, to Keras, (x, y).
    if way is split:
        match = "a share between 0 and 1 of an array x|" + match
    refused(shared_vae(), match, way, convert(data_for(shared_vae())))


@pytest.mark.parametrize("way", STREAMS)
@pytest.mark.parametrize("form", ["dict", "sparse", "ragged"])
def test_streams_of_other_forms_are_refused(way, form):
    convert, match = FORMS[form]
    x = data_for(shared_vae())
    if form == "ragged" and way is not fit_py_dataset:
        x = np.tile(x, (2, 1))
    data = convert(x) if way is not fit_py_dataset else (convert(x),)
    refused(shared_vae(), match, way, data)


@pytest.mark.parametrize("form", ["dict", "sparse", "ragged"])
def test_generators_of_other_forms_are_refused_in_the_first_step(form):
    convert, match = FORMS[form]
    x = data_for(shared_vae())

    def batches():
        yield (convert(x),)

    with pytest.raises(Exception, match=match):
        shared_vae().compile("sgd", run_eagerly=True)
        shared_vae().fit(batches(), verbose=0)


def test_class_weights_are_refused_with_help():
    model, x = vae(), data_for(shared_vae())
    model.compile("sgd", run_eagerly=True)
    for way in (model.fit, model.train_on_batch):
        with pytest.raises(
            ValueError, match="class_weight needs class labels.*sample_weig"
        ):
            way(x, class_weight={0: 1.0})


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
        lambda m, x: m.fit(dataset_of(x, x).batch(4)),
        lambda m, x: m.fit(Batches((x, x))),
        lambda m, x: m.fit(x, x, validation_split=0.5),
        lambda m, x: m.fit(x, validation_data=(x, x), verbose=0),
        lambda m, x: m.fit(x, validation_data=dataset_of(x, x).batch(4), verbose=0),
        lambda m, x: m.evaluate(x, x),
        lambda m, x: m.evaluate(dataset_of(x, x).batch(4)),
        lambda m, x: m.predict(x, y=x),
        lambda m, x: m.predict(dataset_of(x, x).batch(4)),
        lambda m, x: m.train_on_batch(x, x),
        lambda m, x: m.test_on_batch(x, x),
        lambda m, x: m.predict_on_batch(x, x),
    ],
)
def test_images_with_labels_are_refused_without_a_condition(way):
    refused(shared_vae(), "(the|this) model has no condition", way, data_for(shared_vae()))


@pytest.mark.parametrize("name", ["y", "sample_weight"])
@pytest.mark.parametrize(
    "make",
    [lambda x: dataset_of(x).batch(4), lambda x: Batches(x), lambda x: iter([x])],
    ids=["dataset", "PyDataset", "generator"],
)
def test_what_is_passed_beside_a_stream_is_refused(make, name):
    # It would be left out in silence.
    x = data_for(shared_vae())
    for way in ("fit", "evaluate"):
        refused(
            shared_vae(),
            f"whose batches must hold everything, but {name} was passed",
            lambda m, x, way=way: getattr(m, way)(make(x), **{name: np.ones(len(x))}),
            x,
        )


def test_validation_is_given_once():
    refused(
        shared_vae(),
        "validation_data or validation_split, not both",
        lambda m, x: m.fit(x, validation_split=0.5, validation_data=x),
        data_for(shared_vae()),
    )


@pytest.mark.parametrize(
    "posterior",
    [
        layers.OneHotCategorical(LATENT),
        layers.IndependentPoisson(LATENT),
        layers.MixtureNormal(2, LATENT),
    ],
)
@pytest.mark.parametrize("objective", [None, "elbo", "iwae", "reconstruction"])
def test_a_posterior_without_gradients_is_refused_by_compile(posterior, objective):
    model = vae(posterior=posterior)
    with pytest.raises(ValueError, match="no gradient with respect to its parameters.*VIM"):
        model.compile("sgd", objective)
    model.compile("sgd", "vimco")


def test_a_new_objective_is_checked_like_the_first():
    model = vae()
    with pytest.raises(ValueError, match="Call compile"):
        model.objective = objectives.ELBO()
    model.compile("sgd")
    with pytest.raises(ValueError, match="has no discriminator"):
        model.objective = "adversarial"
    with pytest.raises(ValueError, match="Did you mean 'iwae'"):
        model.objective = "iwea"
    assert type(model.objective) is objectives.ELBO


def test_training_needs_compile():
    model = vae()
    with pytest.raises(ValueError, match="compile"):
        model.fit(data_for(model))


@pytest.mark.parametrize("shape", [(6,), (8, 8), (8,), ()])
def test_convolutions_refuse_what_is_no_image(shape):
    with pytest.raises(ValueError, match="height, width, channels"):
        keras_vae.ConvVAE(shape, latent_dim=2)
    with pytest.raises(ValueError, match="height, width, channels"):
        keras_vae.HierarchicalVAE.for_images(shape)
    with pytest.raises(ValueError, match="height, width, channels"):
        keras_vae.AutoencoderKL.for_images(shape)


OF_LIKELIHOODS = [keras_vae.ConvVAE, keras_vae.DenseVAE, keras_vae.SemiSupervisedVAE]
PREBUILT = [*OF_LIKELIHOODS, keras_vae.VAEGAN.for_images]


@pytest.mark.parametrize("model", PREBUILT)
@pytest.mark.parametrize("size", [0, -1, 2.5, True, None, "2", (), (2, 0)])
def test_latent_sizes_that_are_none_are_refused_by_their_name(model, size):
    with pytest.raises(ValueError, match="latent_dim must be a positive integer"):
        model(IMAGE, latent_dim=size)


@pytest.mark.parametrize("model", OF_LIKELIHOODS)
def test_unknown_likelihoods_are_refused_with_the_nearest(model):
    with pytest.raises(ValueError, match="Did you mean 'bernoulli'"):
        model(IMAGE, 2, likelihood="bernouli")


@pytest.mark.parametrize("model", OF_LIKELIHOODS)
def test_layers_of_other_sizes_than_the_models_are_refused(model):
    with pytest.raises(ValueError, match="latent_dim is 3, but the posterior"):
        model(IMAGE, 3, posterior=layers.IndependentNormal(2))
    with pytest.raises(ValueError, match="but the likelihood"):
        model(IMAGE, 2, likelihood=layers.IndependentBernoulli((4, 4, 1)))
    with pytest.raises(ValueError, match="but the posterior"):
        model(IMAGE, 4, posterior=layers.IndependentNormal((2, 2)))
