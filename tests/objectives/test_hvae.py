"""The Hamiltonian bound: of a model whose log p(x) is known, and of models in training."""

import keras
import laws
import numpy as np
import pytest
import tensorflow as tf
from tensorflow_probability import distributions as tfd

import keras_vae
from keras_vae.core.trace import Extras, Trace
from keras_vae.networks import Leapfrog
from keras_vae.objectives import ELBO, HVAE

# z ~ N(0, 1), x | z ~ N(A z, NOISE^2), observed once at X; q is far from p(z|x).
A, NOISE, X = 1.5, 0.7, 1.2
EVIDENCE = float(tfd.Normal(0.0, np.sqrt(A**2 + NOISE**2)).log_prob(X))
LOC, SCALE = -0.3, 0.8


def linear_trace(leapfrog, repeats=20_000):
    """`repeats` independent passes for the same x, as a batch."""
    one = tf.ones([repeats, 1])
    q = tfd.Independent(tfd.Normal(LOC * one, SCALE * one), 1)
    p = tfd.Independent(tfd.Normal(tf.zeros(1), 1.0), 1)
    z = q.sample(1, seed=(7, 8))

    def log_px(z):
        return tfd.Independent(tfd.Normal(A * z, NOISE), 1).log_prob(X * one)

    leapfrog.build((1,))
    extras = Extras(
        **{
            **dict.fromkeys(Extras._fields),
            "leapfrog": lambda noise: leapfrog.move(
                z, noise, lambda z: log_px(z) + p.log_prob(z)
            ),
        }
    )
    log_q, log_p = q.log_prob(z), p.log_prob(z)
    rates = (log_q - log_p)[tf.newaxis]
    seed = tf.constant([3, 4])
    return Trace(
        X * one, z, q, p, None, log_q, log_p, log_px(z), rates, seed=seed, extras=extras
    )


STEPS = {
    "one": Leapfrog(1, 0.2),
    "annealed": Leapfrog(5, 0.15, beta=0.3),
    "not annealed": Leapfrog(5, 0.15, beta=1.0),
}


@pytest.mark.parametrize("name", STEPS)
def test_the_bound_is_between_the_elbo_and_the_evidence(name):
    trace = linear_trace(STEPS[name])
    bound, elbo = -np.asarray(HVAE()(trace), float), np.asarray(trace.elbo, float)
    gain = bound - elbo
    error = gain.std(ddof=1) / np.sqrt(len(gain))
    assert gain.mean() > laws.STANDARD_ERRORS * error
    error = bound.std(ddof=1) / np.sqrt(len(gain))
    assert bound.mean() < EVIDENCE + laws.STANDARD_ERRORS * error
    # What makes it a bound: weights of the moved draws are those of p(x).
    laws.near_in_standard_errors(np.exp(bound), np.exp(EVIDENCE))


def test_without_steps_it_is_the_elbo():
    trace = linear_trace(Leapfrog(0))
    laws.close(HVAE()(trace), ELBO(exact_kl=False)(trace), rtol=1e-6)
    assert Leapfrog(0).weights == []


def curved(z):
    return -0.5 * tf.reduce_sum(z**2, -1) - tf.sin(z[..., 0] * z[..., 1]) + z[..., 1]


def moved(leapfrog, both):
    """(z, noise) -> (z, momentum), of one number each for both elements, [4]."""
    z, noise = tf.split(both[tf.newaxis, tf.newaxis], 2, axis=-1)
    there = leapfrog.move(z, noise, curved)
    return tf.concat([there.z, there.momentum], axis=-1)[0, 0]


@pytest.mark.parametrize("beta", [1.0, 0.3])
def test_volume_is_preserved(beta):
    leapfrog = Leapfrog(3, 0.3, beta=beta, dtype="float64")
    leapfrog.build((2,))
    leapfrog.raw_step.assign([0.2, -0.7])
    both = tf.constant([0.4, -1.1, 0.3, 0.9], tf.float64)
    with tf.GradientTape() as tape:
        tape.watch(both)
        end = moved(leapfrog, both)
    assert np.abs(end - both).max() > 0.3
    jacobian = tape.jacobian(end, both)
    assert np.linalg.det(jacobian) == pytest.approx(1.0, abs=1e-9)


def test_the_last_value_and_its_gradient_by_what_is_learned():
    leapfrog = Leapfrog(3, 0.3, beta=0.5, dtype="float64")
    leapfrog.build((2,))
    z, noise = np.random.default_rng(0).normal(size=(2, 3, 4, 2))

    def last():
        end = leapfrog.move(tf.constant(z), tf.constant(noise), curved)
        laws.close(end.value, curved(end.z))
        return tf.reduce_sum(end.value)

    with tf.GradientTape() as tape:
        value = last()
    weights = leapfrog.trainable_weights
    assert len(weights) == 2 and value > tf.reduce_sum(curved(tf.constant(z)))
    for weight, slope in zip(weights, tape.gradient(value, weights), strict=True):
        start, step = weight.numpy(), 1e-5
        ends = []
        for sign in (1, -1):
            weight.assign(start + sign * step)
            ends.append(float(last()))
        weight.assign(start)
        assert (ends[0] - ends[1]) / (2 * step) == pytest.approx(np.sum(slope), rel=1e-5)


X_BITS = np.random.default_rng(1).integers(0, 2, (8, 6)).astype("float32")


def model(**kwargs):
    return keras_vae.DenseVAE(
        6, 2, hidden_units=(4,), activation="tanh", seed=3, leapfrog=2, **kwargs
    )


MODES = {"graph": {}, "xla": {"jit_compile": True}}


@pytest.mark.parametrize("mode", ["graph", pytest.param("xla", marks=pytest.mark.slow)])
def test_gradients_reach_every_variable(mode):
    vae = model(posterior="full_normal", prior="mixture_of_normals:num_components=2")
    vae.compile(keras.optimizers.SGD(0.1), "hvae:num_samples=2", **MODES[mode])
    before = [np.array(one) for one in vae.trainable_variables]
    assert any("raw_step" in one.path for one in vae.trainable_variables)
    logs = vae.fit(X_BITS, verbose=0).history
    assert all(np.isfinite(values).all() for values in logs.values())
    for was, now in zip(before, vae.trainable_variables, strict=True):
        assert (was != now.numpy()).any(), now.path


def test_on_a_model_without_steps_the_loss_is_that_of_the_elbo():
    losses = []
    for objective in ("hvae", "elbo:exact_kl=false"):
        vae = keras_vae.DenseVAE(6, 2, hidden_units=(4,), seed=3, leapfrog=0)
        vae.set_weights(
            [np.random.default_rng(0).normal(size=w.shape) for w in vae.weights]
        )
        vae.compile("adam", objective, run_eagerly=True)
        losses.append(vae.evaluate(X_BITS, verbose=0, return_dict=True)["loss"])
    assert losses[0] == pytest.approx(losses[1], rel=1e-6)


@pytest.mark.slow
def test_training_on_it_raises_the_bound_and_a_saved_model_goes_on(tmp_path):
    vae = model()
    vae.compile(keras.optimizers.Adam(0.02), "hvae")
    losses = vae.fit(X_BITS, epochs=30, verbose=0).history["loss"]
    assert np.mean(losses[-5:]) < np.mean(losses[:5]) - 0.3
    vae.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras")
    laws.config_names_all_arguments(loaded.leapfrog)
    assert loaded.leapfrog.get_config() == vae.leapfrog.get_config()
    steps = [one.train_on_batch(X_BITS, return_dict=True) for one in (vae, loaded)]
    assert steps[0] == pytest.approx(steps[1], rel=1e-5)


@pytest.mark.parametrize("posterior", ["log_normal", "dirichlet", "power_spherical"])
def test_it_needs_real_numbers(posterior):
    vae = keras_vae.DenseVAE(6, 3, hidden_units=(4,), posterior=posterior, leapfrog=2)
    with pytest.raises(ValueError, match=r"HVAE moves latent variables.*R\^D"):
        vae.compile("adam", "hvae")


@pytest.mark.slow
def test_a_hierarchy_can_be_trained_so():
    shape = {"hidden_units": (4, 4), "normalization": None}
    vae = keras_vae.LadderVAE(6, (3, 2), leapfrog=1, seed=0, **shape)
    vae.compile("adam", "hvae")
    assert np.isfinite(vae.fit(X_BITS, verbose=0).history["loss"]).all()


def decoder_with(layer):
    """A model whose decoder has one more layer."""
    dense = keras.layers.Dense
    networks = [
        keras.Sequential([keras.Input((size,)), *hidden, dense(outputs)])
        for size, hidden, outputs in ((6, (), 4), (2, (dense(3), layer), 6))
    ]
    q, px = keras_vae.layers.IndependentNormal(2), keras_vae.layers.IndependentBernoulli(6)
    return keras_vae.VAE(*networks, q, px, leapfrog=2, seed=0)


@pytest.mark.parametrize("steps", [0, 3])
def test_the_decoder_is_asked_once_a_step_and_once_more(steps, monkeypatch):
    vae, calls = keras_vae.DenseVAE(6, 2, hidden_units=(4,), leapfrog=steps), []
    vae.compile("adam", "hvae")
    decode = vae.decode
    monkeypatch.setattr(vae, "decode", lambda *given: (calls.append(1), decode(*given))[1])
    trace = vae.pass_for_training(X_BITS, None, 0, True)
    assert len(calls) == 1
    vae.objective(trace)
    assert len(calls) == 1 + steps + 1


@pytest.mark.parametrize(
    "make",
    [
        lambda: decoder_with(keras.layers.Dropout(0.5, name="the_layer")),
        lambda: decoder_with(keras.layers.GaussianNoise(0.5, name="the_layer")),
        lambda: decoder_with(keras.layers.BatchNormalization(name="the_layer")),
        lambda: decoder_with(
            keras.Sequential([keras.layers.Dropout(0.5, name="the_layer")])
        ),
        lambda: keras_vae.LadderVAE(6, (3, 2), hidden_units=(4, 4), leapfrog=1),
    ],
)
def test_a_decoder_that_changes_from_call_to_call_is_refused(make):
    with pytest.raises(
        ValueError, match="HVAE asks the decoder.*(the_layer|hidden_2_norm) .*changes"
    ):
        make().compile("adam", "hvae")


def test_a_layer_that_does_not_change_is_not_refused():
    frozen = keras.layers.BatchNormalization(trainable=False)
    for layer in (keras.layers.Dropout(0.0), frozen):
        decoder_with(layer).compile("adam", "hvae")
    decoder_with(keras.layers.Dropout(0.5)).compile("adam", "elbo")


@pytest.mark.parametrize(
    "arguments, match",
    [
        ({"num_steps": -1}, "num_steps must be a whole number"),
        ({"num_steps": 1.5}, "num_steps must be a whole number"),
        ({"step_size": 0}, "step_size must be positive"),
        ({"step_size": 0.5}, "step_size must be below largest_step"),
        ({"beta": 0}, "beta must be positive"),
        ({"beta": 1.5}, "beta must be at most 1"),
        ({"learn_beta": "yes"}, "learn_beta must be True or False"),
    ],
)
def test_bad_numbers_are_refused(arguments, match):
    with pytest.raises(ValueError, match=match):
        Leapfrog(**arguments)
