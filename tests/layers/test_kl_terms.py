"""KL terms of models built from layers, against closed forms."""

import keras
import laws
import numpy as np
import pytest
import tensorflow as tf
import tensorflow_probability as tfp
from tensorflow_probability import distributions as tfd

from keras_vae import layers, priors
from keras_vae.layers import (
    IndependentNormal,
    KLDivergenceAddLoss,
    KLDivergenceRegularizer,
    distribution_of,
)

X = np.random.default_rng(0).normal(size=(6, 3)).astype("float32")
PRIORS = {
    "prior": lambda: priors.StandardNormal(2),
    "tfd": lambda: tfd.Independent(tfd.Normal(tf.zeros(2), 1.0), 1),
}


def with_regularizer(regularizer, conversion="sample"):
    posterior = IndependentNormal(
        2, conversion, activity_regularizer=regularizer, seed=1, name="z"
    )
    return keras.Sequential([keras.Input((3,)), keras.layers.Dense(4), posterior])


def with_layer(layer, conversion="sample"):
    posterior = IndependentNormal(2, conversion, seed=1, name="z")
    return keras.Sequential([keras.Input((3,)), keras.layers.Dense(4), posterior, layer])


BUILD = {
    "regularizer": lambda *a, **k: with_regularizer(KLDivergenceRegularizer(*a, **k)),
    "layer": lambda *a, **k: with_layer(KLDivergenceAddLoss(*a, **k)),
}


def closed_form(q):
    """Mean over the batch of KL(N(m, s^2), N(0, 1)), summed over the elements."""
    m, s = q.mean().numpy(), q.stddev().numpy()
    return np.mean(np.sum(0.5 * (m**2 + s**2 - 1) - np.log(s), axis=-1))


@pytest.mark.parametrize("prior", PRIORS)
@pytest.mark.parametrize("build", BUILD)
@pytest.mark.parametrize("weight", [None, 0.0, 2.5])
def test_exact_divergence_is_the_closed_form(build, prior, weight):
    model = BUILD[build](PRIORS[prior](), use_exact_kl=True, weight=weight)
    q = distribution_of(model(X))
    factor = 1.0 if weight is None else weight
    assert len(model.losses) == 1
    laws.close(model.losses[0], factor * closed_form(q))


@pytest.mark.parametrize("build", BUILD)
def test_sampled_divergence_is_log_q_minus_log_p_at_the_draw(build):
    model = BUILD[build](priors.StandardNormal(2))
    z = model(X)
    q = distribution_of(z)
    log_p = -0.5 * np.sum(np.square(z) + np.log(2 * np.pi), axis=-1)
    laws.close(model.losses[0], np.mean(q.log_prob(z) - log_p))


@pytest.mark.parametrize("build", BUILD)
def test_sampled_divergence_is_unbiased(build):
    model = BUILD[build](priors.StandardNormal(2))
    penalties = []
    for _ in range(40):
        q = distribution_of(model(X))
        penalties.append(float(model.losses[0]))
    laws.near_in_standard_errors(penalties, closed_form(q))


@pytest.mark.parametrize("build", BUILD)
def test_repeating_the_batch_leaves_the_loss(build):
    model = BUILD[build](priors.StandardNormal(2), use_exact_kl=True)
    model(X)
    once = float(model.losses[0])
    model(np.concatenate([X, X, X]))
    assert once > 0
    laws.close(model.losses[0], once, rtol=1e-6)


@pytest.mark.parametrize("exact", [True, False])
@pytest.mark.parametrize("kept", [[0, 2, 3, 5], [4], []])
def test_what_is_masked_has_no_say(kept, exact):
    layer = KLDivergenceAddLoss(priors.StandardNormal(2), use_exact_kl=exact, weight=0.5)
    model = with_layer(layer)
    q = distribution_of(z := model(X))
    log_p = -0.5 * np.sum(np.square(z) + np.log(2 * np.pi), axis=-1)
    kl = tfd.kl_divergence(q, PRIORS["tfd"]()) if exact else q.log_prob(z) - log_p
    layer(z, mask=tf.constant(np.isin(np.arange(len(X)), kept)))
    expected = 0.5 * np.asarray(kl)[kept].mean() if kept else 0.0
    laws.close(layer.losses[-1], expected)


@pytest.mark.parametrize("build", BUILD)
def test_survives_saving(build, tmp_path):
    model = BUILD[build](priors.StandardNormal(2), use_exact_kl=True, weight=0.7)
    model(X)
    model.save(tmp_path / "m.keras")
    loaded = keras.saving.load_model(tmp_path / "m.keras")
    q, again = distribution_of(model(X)), distribution_of(loaded(X))
    laws.close(again.mean(), q.mean(), rtol=1e-6)
    laws.close(loaded.losses[0], 0.7 * closed_form(q))


@pytest.mark.parametrize("build", BUILD)
def test_fit_adds_the_divergence_to_the_loss(build):
    model = BUILD[build](priors.StandardNormal(2), use_exact_kl=True)
    model.get_layer("z").convert_to_tensor_fn = "mean"
    model.add(IndependentNormal(1, "mean"))
    y = X[:, :1]
    # (As a graph: with the weight that is a variable.)
    model.compile(keras.optimizers.Adam(0.05), loss=laws.nll, run_eagerly=True)
    before = model.evaluate(X, y, batch_size=6, verbose=0)
    model.fit(X, y, epochs=5, batch_size=6, verbose=0)
    after = model.evaluate(X, y, batch_size=6, verbose=0)
    assert after < before
    q = distribution_of(model.get_layer("z")(model.layers[0](X)))
    laws.close(after, np.mean(laws.nll(y, model(X))) + closed_form(q))


@pytest.mark.parametrize("build", BUILD)
def test_mixed_precision_keeps_the_distribution(build):
    keras.config.set_dtype_policy("mixed_float16")
    model = BUILD[build](priors.StandardNormal(2), use_exact_kl=True)
    output = model(X)
    assert output.dtype == tf.float32
    laws.close(model.losses[0], closed_form(distribution_of(output)))


def test_add_loss_follows_the_dtype_of_the_layer_before_it():
    keras.config.set_dtype_policy("float64")
    model = with_layer(KLDivergenceAddLoss(priors.StandardNormal(2), use_exact_kl=True))
    output = model(X)
    assert output.dtype == keras.config.floatx()
    assert distribution_of(output).dtype == tf.float64
    laws.close(model.losses[0], closed_form(distribution_of(output)))


def test_trainable_prior_is_trained_by_the_layer():
    prior = priors.MixtureOfNormals(2, event_shape=2, seed=0)
    layer = KLDivergenceAddLoss(prior)
    model = with_layer(layer)
    model(X)
    assert {id(w) for w in prior.weights} <= {id(w) for w in model.trainable_weights}
    before = [w.numpy() for w in prior.weights]
    model.compile(keras.optimizers.SGD(0.1), loss=lambda y, z: tf.zeros([tf.shape(z)[0]]))
    model.fit(X, X, epochs=1, verbose=0)
    for old, new in zip(before, prior.weights, strict=True):
        assert (old != new.numpy()).any()


def test_trained_prior_is_saved_with_the_layer(tmp_path):
    prior = priors.MixtureOfNormals(2)
    model = with_layer(KLDivergenceAddLoss(prior), "mean")
    prior.loc.assign([[1.0, 2.0], [-3.0, 0.5]])
    model(X)
    model.save(tmp_path / "m.keras")
    loaded = keras.saving.load_model(tmp_path / "m.keras")
    laws.close(loaded(X), model(X), rtol=1e-6)
    laws.close(loaded.losses[0], model.losses[0], rtol=1e-6)


def test_regularizer_refuses_a_trainable_prior():
    prior = priors.MixtureOfNormals(2, event_shape=2)
    prior.distribution()
    with pytest.raises(ValueError, match="trainable weights.*KLDivergenceAddLoss"):
        KLDivergenceRegularizer(prior)


VARIABLES = {
    "TensorFlow": lambda value: tf.Variable(value),
    "Keras": lambda value: keras.Variable(value),
    "Keras, untrainable": lambda value: keras.Variable(value, trainable=False),
}


@pytest.mark.parametrize(
    "kind, build, run_eagerly",
    [
        ("TensorFlow", "layer", False),
        ("Keras", "regularizer", False),
        ("TensorFlow", "regularizer", True),
        ("Keras, untrainable", "layer", True),
    ],
)
def test_a_weight_that_is_a_variable_warms_up_and_is_not_trained(kind, build, run_eagerly):
    weight = VARIABLES[kind](0.0)
    model = BUILD[build](priors.StandardNormal(2), True, weight=weight)
    assert len(model.trainable_variables) == 2
    rate = keras.optimizers.SGD(0.0)
    nothing = lambda y, z: 0.0 * tf.reduce_sum(z, -1)  # noqa: E731
    model.compile(rate, loss=nothing, run_eagerly=run_eagerly)
    expected = closed_form(distribution_of(model(X)))
    for value in (0.0, 0.5, 3.0):
        weight.assign(value)
        for loss in (
            model.evaluate(X, X, batch_size=6, verbose=0),
            *model.fit(X, X, batch_size=6, verbose=0).history["loss"],
        ):
            laws.close(loss, value * expected, rtol=1e-4)
    rate.learning_rate = 0.1
    model.fit(X, X, verbose=0)
    assert float(tf.convert_to_tensor(weight)) == 3.0


@pytest.mark.parametrize("kind, build", [("TensorFlow", "layer"), ("Keras", "regularizer")])
def test_a_weight_that_is_a_variable_is_saved_as_its_number(kind, build, tmp_path):
    model = BUILD[build](priors.StandardNormal(2), True, weight=VARIABLES[kind](0.25))
    model(X)
    model.save(tmp_path / "m.keras")
    loaded = keras.saving.load_model(tmp_path / "m.keras")
    loaded(X)
    laws.close(loaded.losses[0], model.losses[0])
    model.export(tmp_path / "exported", verbose=False)


@pytest.mark.parametrize(
    "weight",
    [np.nan, np.inf, -1.0, True, "1", [1.0], lambda: 1.0]
    + [tf.Variable(value) for value in (np.nan, -1.0, True, 1, [1.0, 2.0])]
    + [keras.Variable(value) for value in (-1.0, [1.0, 2.0])],
)
@pytest.mark.parametrize("cls", [KLDivergenceAddLoss, KLDivergenceRegularizer])
def test_weights_that_are_none_are_refused(cls, weight):
    with pytest.raises(ValueError, match="weight must be"):
        cls(priors.StandardNormal(2), weight=weight)


@pytest.mark.parametrize("cls", [KLDivergenceAddLoss, KLDivergenceRegularizer])
def test_what_tfp_takes_third_is_not_read_as_the_weight(cls):
    with pytest.raises(TypeError, match="positional"):
        cls(priors.StandardNormal(2), False, 0)


TRAINABLE = {
    "a variable": lambda: tfd.Normal(tf.Variable(0.0), 1.0),
    "one within": lambda: tfd.Independent(tfd.Normal(tf.Variable([0.0, 0.0]), 1.0), 1),
    "a transformed one": lambda: tfd.Normal(
        0.0, tfp.util.TransformedVariable(1.0, tfp.bijectors.Softplus())
    ),
    "a mixture's": lambda: tfd.MixtureSameFamily(
        tfd.Categorical(tf.Variable([0.0, 0.0])), tfd.Normal([0.0, 1.0], 1.0)
    ),
}


@pytest.mark.parametrize("make", TRAINABLE.values(), ids=list(TRAINABLE))
@pytest.mark.parametrize("cls", [KLDivergenceAddLoss, KLDivergenceRegularizer])
def test_distributions_with_variables_are_refused(cls, make):
    with pytest.raises(ValueError, match="neither train nor save.*priors.Learned"):
        cls(make())


@keras.saving.register_keras_serializable("keras_vae_tests")
def many_draws(distribution):
    """Draws to estimate a divergence from."""
    return distribution.sample(20_000, seed=(0, 1))


@pytest.mark.parametrize("build", BUILD)
def test_an_estimate_from_many_points_is_near_the_closed_form(build, tmp_path):
    model = BUILD[build](priors.StandardNormal(2), test_points_fn=many_draws)
    q = distribution_of(model(X))
    laws.close(model.losses[0], closed_form(q), rtol=0.02)
    model.save(tmp_path / "m.keras")
    loaded = keras.saving.load_model(tmp_path / "m.keras")
    loaded(X)
    laws.close(loaded.losses[0], model.losses[0], rtol=1e-5)


@pytest.mark.parametrize("cls", [KLDivergenceAddLoss, KLDivergenceRegularizer])
def test_points_that_mean_nothing_are_refused(cls):
    with pytest.raises(ValueError, match="test_points_fn is .* not registered"):
        cls(priors.StandardNormal(2), test_points_fn=lambda q: q.mean())
    with pytest.raises(ValueError, match="exact divergence needs none"):
        cls(priors.StandardNormal(2), True, test_points_fn=many_draws)


def of_shares(logits):
    return tfd.ExpRelaxedOneHotCategorical(0.1, logits=logits)


def of_groups(logits):
    return tfd.Independent(of_shares(tf.reshape(logits, (-1, 2, 3))), 1)


def of_units(logits):
    return tfd.Independent(tfd.Logistic(logits / 0.1, 1 / 0.1), 1)


# Layers, and the distributions of what their draws are transformed from.
ROUNDED = {
    "shares": (layers.RelaxedOneHotCategorical, 3, of_shares, 0.0),
    "shares of two": (layers.RelaxedOneHotCategorical, (2, 3), of_groups, 0.0),
    "units": (layers.RelaxedBernoulli, 3, of_units, 1.0),
}


@pytest.mark.parametrize("name", ROUNDED)
def test_draws_that_round_to_a_bound_keep_their_divergence(name):
    kind, shape, before_rounding, bound = ROUNDED[name]
    layer, of_prior = (kind(shape, temperature=0.1, seed=0) for _ in range(2))
    logits = np.resize(np.float32([8.0, 0.0, -8.0]), (2000, layer.params_size))
    prior = priors.Learned(of_prior, trainable=False)
    model = keras.Sequential([layer, KLDivergenceAddLoss(prior)])
    assert (model(logits).numpy() == bound).any()
    q, p = (before_rounding(one) for one in (logits[:1], 0 * logits[:1]))
    draws = q.sample(2000, seed=(0, 1))
    each = q.log_prob(draws) - p.log_prob(draws)
    error = np.sqrt(2 * np.var(each) / 2000)
    assert abs(model.losses[0] - np.mean(each)) < laws.STANDARD_ERRORS * error


OTHER_MEASURES = {
    "one-hot vectors": lambda: layers.OneHotCategorical(2),
    "bits": lambda: layers.IndependentBernoulli(2),
    "counts": lambda: layers.IndependentPoisson(2),
    "sphere": lambda: layers.PowerSpherical(2),
    "simplex": lambda: layers.RelaxedOneHotCategorical(2),
    "mixture": lambda: layers.CategoricalMixtureOfOneHotCategorical(2, 2),
    "levels": lambda: layers.DiscretizedLogistic(2, low=0, high=9),
    "ranks": lambda: layers.IndependentOrdinal(2, num_classes=3),
    "many zeros": lambda: layers.ZeroInflated(2),
    "columns": lambda: layers.Blockwise(["normal:event_shape=1", "poisson:event_shape=1"]),
}


@pytest.mark.parametrize("prior, exact", [("prior", False), ("tfd", True)])
@pytest.mark.parametrize("make", OTHER_MEASURES.values(), ids=list(OTHER_MEASURES))
def test_masses_and_spheres_have_no_divergence_from_a_density(make, prior, exact):
    layer = make()
    model = keras.Sequential([layer, KLDivergenceAddLoss(PRIORS[prior](), exact)])
    with pytest.raises(ValueError, match="there is no divergence between them"):
        model(np.ones([3, layer.params_size]))
    # A prior of its own kind is fine.
    own = keras.Sequential(
        [layer, KLDivergenceAddLoss(layer.distribution(np.ones([1, layer.params_size])))]
    )
    own(np.ones([3, layer.params_size]))
    laws.all_finite(own.losses)


@pytest.mark.parametrize("shape, words", [(16, r"\(1,\), but .* \(16,\)"), ((), r"\(\)")])
def test_priors_of_other_events_are_refused(shape, words):
    term = KLDivergenceAddLoss(priors.StandardNormal(shape))
    with pytest.raises(ValueError, match=words):
        keras.Sequential([layers.IndependentNormal(1), term])(np.ones([3, 2]))


def test_columns_of_one_kind_are_a_prior_of_that_kind():
    columns = layers.Blockwise(["normal:event_shape=1", "logistic:event_shape=1"])
    prior = priors.Learned(columns)
    model = keras.Sequential([layers.IndependentNormal(2), KLDivergenceAddLoss(prior)])
    model(np.ones([3, 4]))
    laws.all_finite(model.losses)


@pytest.mark.parametrize("prior", ["normal", None, keras.layers.Dense(2)])
@pytest.mark.parametrize("cls", [KLDivergenceAddLoss, KLDivergenceRegularizer])
def test_refuses_what_is_no_prior(cls, prior):
    with pytest.raises(ValueError, match="must be a prior"):
        cls(prior)


@pytest.mark.parametrize("cls", [KLDivergenceAddLoss, KLDivergenceRegularizer])
def test_a_distribution_cannot_be_saved_and_the_error_says_what_to_do(cls):
    with pytest.raises(ValueError, match="cannot save.*StandardNormal"):
        cls(PRIORS["tfd"]()).get_config()


def test_no_closed_form_names_the_way_out():
    model = keras.Sequential(
        [layers.MixtureNormal(2, 2), KLDivergenceAddLoss(priors.StandardNormal(2), True)]
    )
    with pytest.raises(ValueError, match="no closed form; use"):
        model(np.zeros([3, 10]))


def test_layers_between_lose_the_distribution_and_the_error_says_so():
    model = keras.Sequential(
        [IndependentNormal(2), keras.layers.ReLU(), KLDivergenceAddLoss(PRIORS["prior"]())]
    )
    with pytest.raises(ValueError, match="carries no distribution"):
        model(np.zeros([3, 4]))
