"""Centres of distributions without a mean: transformed ones and heavy tails."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from tensorflow_probability import bijectors as tfb
from tensorflow_probability import distributions as tfd

import keras_vae
from keras_vae import layers
from keras_vae.core.centers import center_of, expectation_of, has_moments, moments_of
from keras_vae.core.measures import support_of

LOC = np.array([[0.5, -1.0], [2.0, 0.0]], "float32")
# A distribution at these locations, and the point that stands for it.
CENTERS = {
    "transformed": (
        lambda t: tfd.TransformedDistribution(tfd.Normal(t, 1.0), tfb.Softplus()),
        lambda t: np.log1p(np.exp(t)),
    ),
    "transformed vectors": (
        lambda t: tfd.TransformedDistribution(
            tfd.MultivariateNormalDiag(t, tf.ones_like(t)),
            tfb.Chain([tfb.Shift([1.0, 2.0]), tfb.Exp()]),
        ),
        lambda t: np.exp(t) + [1.0, 2.0],
    ),
    "a Cauchy": (lambda t: tfd.Cauchy(t, 1.0), lambda t: t),
    "elements of a Cauchy": (
        lambda t: tfd.Independent(tfd.Cauchy(t, 1.0), 1),
        lambda t: t,
    ),
    "Student's t": (lambda t: tfd.StudentT(0.5, t, 1.0), lambda t: t),
    "Student's t of both kinds": (lambda t: tfd.StudentT([0.5, 3.0], t, 1.0), lambda t: t),
    "a transformed Cauchy": (
        lambda t: tfd.TransformedDistribution(tfd.Cauchy(t, 1.0), tfb.Scale(3.0)),
        lambda t: 3.0 * t,
    ),
    "a mixture of Cauchys": (
        lambda t: tfd.MixtureSameFamily(
            tfd.Categorical(logits=[0.0, 1.0]),
            tfd.Independent(tfd.Cauchy(tf.stack([t - 9.0, t], -2), 1.0), 1),
        ),
        lambda t: t,
    ),
    "a normal": (lambda t: tfd.Normal(t, 1.0), lambda t: t),
}
every_center = pytest.mark.parametrize("make, center", CENTERS.values(), ids=list(CENTERS))


@every_center
def test_one_finite_point_stands_for_it(make, center):
    for function in (center_of, expectation_of):
        np.testing.assert_allclose(function(make(LOC)), center(LOC), rtol=1e-5)
        compiled = tf.function(lambda t, function=function: function(make(t)))
        np.testing.assert_allclose(compiled(tf.constant(LOC)), center(LOC), rtol=1e-5)


@every_center
def test_moments_are_finite_where_they_are_said_to_be(make, center):
    if has_moments(make(LOC)):
        assert np.isfinite(make(LOC).mean()).all() and np.isfinite(make(LOC).stddev()).all()
    assert all(one.shape == LOC.shape for one in moments_of(make(LOC), 3))


def test_what_has_no_center_says_what_to_do():
    class Strange(tfd.Distribution):
        def __init__(self):
            super().__init__(tf.float32, tfd.NOT_REPARAMETERIZED, False, True, {})

        def _event_shape(self):
            return tf.TensorShape([])

    with pytest.raises(
        NotImplementedError, match="neither a mean nor a mode.*Override `cen"
    ):
        center_of(Strange())


MADE = {}


@keras.saving.register_keras_serializable("keras_vae_tests")
def made_for_centers(params):
    """The distribution that a test asks for."""
    return MADE["now"](params)


def asked(model, x, folder):
    """All that a model says with one point."""
    model.export(folder / "exported")
    signatures = tf.saved_model.load(str(folder / "exported")).signatures
    served = signatures["serving_default"](tf.constant(x))
    return [
        model.predict(x, verbose=0),
        model.sample(3, seed=0),
        model.embed(x),
        model.reconstruct(x),
        model.interpolate(x[:2], x[2:4], steps=3),
        *served.values(),
    ]


@pytest.mark.parametrize(
    "role, name", [("posterior", "transformed"), ("likelihood", "a mixture of Cauchys")]
)
def test_models_answer_with_it(role, name, tmp_path):
    def event(params):
        made = CENTERS[name][0](params)
        return made if made.event_shape.rank else tfd.Independent(made, 1)

    MADE["now"] = event
    layer = layers.DistributionLambda(made_for_centers, 2, 2)
    arguments = {"likelihood": layers.IndependentNormal(2, scale=1.0), role: layer}
    if role == "posterior":
        arguments["prior"] = "learned:layer=student_t"
    model = keras_vae.DenseVAE(2, 2, hidden_units=(3,), seed=0, **arguments)
    x = np.random.default_rng(0).uniform(1.1, 3.0, size=(4, 2)).astype("float32")
    for answer in asked(model, x, tmp_path):
        assert np.isfinite(answer).all()


@pytest.mark.parametrize("min_df", [0.1, 0.9, 1.5, 2.01])
def test_a_student_t_of_any_tails_has_one(min_df):
    layer = layers.IndependentStudentT(2, "mean", min_df=min_df)
    params = np.full((3, 6), -5.0, "float32")
    np.testing.assert_allclose(layer(params), params[:, :2])


SUPPORTS = {
    "the real numbers": [
        tfd.Normal(LOC, 1.0),
        tfd.LogNormal(LOC, 1.0),
        tfd.Independent(tfd.Gumbel(LOC, 1.0), 1),
        tfd.TransformedDistribution(tfd.Normal(LOC, 1.0), tfb.Exp()),
    ],
    "whole numbers in [0, 1]": [tfd.Bernoulli(LOC), tfd.Independent(tfd.Bernoulli(LOC), 1)],
    "one-hot vectors": [
        tfd.OneHotCategorical(LOC),
        tfd.MixtureSameFamily(tfd.Categorical([0.0, 0.0]), tfd.OneHotCategorical(LOC)),
    ],
    "whole numbers": [
        tfd.Categorical(LOC),
        tfd.Independent(tfd.Poisson(log_rate=LOC), 1),
        tfd.Sample(tfd.Geometric(LOC), 2),
        tfd.QuantizedDistribution(tfd.Normal(LOC, 1.0)),
    ],
    "the unit sphere": [
        tfd.VonMisesFisher(tf.linalg.l2_normalize(LOC, -1), 1.0),
        tfd.SphericalUniform(3),
    ],
    "numbers that add up to 1": [
        tfd.Dirichlet(np.exp(LOC)),
        tfd.RelaxedOneHotCategorical(0.5, LOC),
    ],
}


@pytest.mark.parametrize("words, distributions", SUPPORTS.items(), ids=list(SUPPORTS))
def test_the_class_tells_where_a_distribution_lives(words, distributions):
    for distribution in distributions:
        assert str(support_of(distribution)) == words
