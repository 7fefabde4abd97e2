"""The models that all laws of tests/models are checked on; add new ones to `CASES`."""

import functools
import json

import keras
import numpy as np
import tensorflow as tf
from tensorflow_probability import distributions as tfd

import keras_vae
from keras_vae import layers, objectives, priors

SIZE, LATENT = 6, 2
IMAGE = (8, 8, 1)


def network(outputs, units=5, flatten=False, **arguments):
    """A small smooth network, built by its first call."""
    hidden = keras.layers.Dense(units, "tanh", **arguments)
    first = [keras.layers.Flatten()] if flatten else []
    return keras.Sequential([*first, hidden, keras.layers.Dense(outputs)])


def vae(posterior=None, likelihood=None, prior=None, seed=0, **arguments):
    """A VAE from parts over vectors of `SIZE` numbers."""
    posterior = posterior or layers.IndependentNormal(LATENT)
    likelihood = likelihood or layers.IndependentBernoulli(SIZE)
    encoder = network(posterior.params_size, **arguments)
    decoder = network(likelihood.params_size, flatten=len(posterior.event_shape) > 1)
    return keras_vae.VAE(encoder, decoder, posterior, likelihood, prior, seed=seed)


def flow(size=LATENT, **arguments):
    """A small flow that is not the identity, from which all of them start."""
    layer = layers.Flow(size, num_layers=2, hidden_units=(3,), **arguments)
    rng = np.random.default_rng(3)
    layer.set_weights([0.5 * rng.normal(size=w.shape) for w in layer.get_weights()])
    return layer


def fixed_noise_vae(**arguments):
    """A VAE whose draws differ from q's mean by 1e-6: every step is deterministic."""
    return vae(posterior=layers.IndependentNormal(LATENT, scale=1e-6), **arguments)


def conditional(condition, seed=0, **arguments):
    """A small DenseVAE with a condition."""
    return keras_vae.DenseVAE(
        SIZE,
        LATENT,
        hidden_units=(5,),
        activation="tanh",
        condition=condition,
        seed=seed,
        **arguments,
    )


def dense_vae(seed=0):
    """A small DenseVAE with levels as data, so that it has a rescaling layer."""
    likelihood = layers.DiscretizedLogistic(IMAGE, low=0, high=3)
    return keras_vae.DenseVAE(
        IMAGE, LATENT, likelihood, hidden_units=(5,), activation="tanh", seed=seed
    )


def conv_vae(seed=0):
    """A small ConvVAE of two halvings."""
    return keras_vae.ConvVAE(
        IMAGE, LATENT, filters=(2, 3), dense_units=4, activation="tanh", seed=seed
    )


@keras.saving.register_keras_serializable("keras_vae_tests")
class QuietNormal(priors.StandardNormal):
    """The standard normal by its rate, but with draws at one: nothing is random."""

    def tempered(self, temperature, y=None):
        # Not at zero, where untrained networks have the kinks of their ReLUs.
        quiet = super().tempered(1e-12 * temperature)
        return tfd.Independent(tfd.Normal(quiet.mean() + 1.0, quiet.stddev()), 1)

    def kl_divergence(self, q, p):
        return tf.reduce_sum(0.5 * (q.mean() ** 2 + q.variance() - 1.0), axis=-1)


def vae_gan(posterior=None, prior=None, seed=0, filters=(2, 3), **arguments):
    """A small light VAE-GAN."""
    return keras_vae.VAEGAN.for_images(
        IMAGE,
        LATENT,
        filters=filters,
        posterior=posterior or layers.IndependentNormal(LATENT),
        prior=prior,
        seed=seed,
        **arguments,
    )


def autoencoder_kl(seed=0, **arguments):
    """A small VAE-GAN whose codes are maps of 2 x 2 places."""
    return keras_vae.AutoencoderKL.for_images(
        IMAGE, LATENT, **{"filters": (6, 5), "seed": seed, **arguments}
    )


def fixed_noise_vae_gan(**arguments):
    """A VAE-GAN with draws from q and p at their means; normalization enlarges the rest."""
    posterior = layers.IndependentNormal(LATENT, scale=1e-12)
    return vae_gan(posterior, QuietNormal(), **arguments)


def dense_vae_gan(posterior=None, prior=None, *, kind="kernel", **regularizers):
    """A VAE-GAN of few operations, for laws of training that no layer changes.

    Without a posterior nothing is random; each player may have a regularizer of its
    kernels or of another kind.
    """

    def network(player, size, outputs, *hidden):
        regularizer = {f"{kind}_regularizer": regularizers.get(player)}
        dense = keras.layers.Dense(outputs, **regularizer)
        return keras.Sequential([keras.Input((size,)), *hidden, dense])

    posterior = posterior or layers.IndependentNormal(LATENT, scale=1e-6)
    features = keras.layers.Dense(3, name="features")
    return keras_vae.VAEGAN(
        network("encoder", SIZE, posterior.params_size),
        network("decoder", LATENT, SIZE),
        network("discriminator", SIZE, 1, features),
        posterior,
        prior=prior or QuietNormal(),
        seed=0,
    )


def semi_supervised(seed=0, **arguments):
    """A small SemiSupervisedVAE of three classes."""
    return keras_vae.SemiSupervisedVAE(
        SIZE,
        LATENT,
        3,
        activation="tanh",
        seed=seed,
        **{"alpha": 2.0, "hidden_units": (5,), **arguments},
    )


def ladder(inference="ladder", seed=0, **arguments):
    """A small LadderVAE of two levels, of which the highest has the prior of its own."""
    return keras_vae.LadderVAE(
        SIZE,
        (4, 2),
        hidden_units=(5, 4),
        inference=inference,
        depth=1,
        activation="tanh",
        seed=seed,
        **{"normalization": None, **arguments},
    )


def levels_of_images(inference="top_down", seed=0, **arguments):
    """A small convolutional hierarchy of two levels, of 4 x 4 and 1 x 1 pixels."""
    return keras_vae.HierarchicalVAE.for_images(
        IMAGE,
        (2, 2),
        strides=(2, 8),
        filters=(4, 3),
        inference=inference,
        activation="tanh",
        seed=seed,
        **arguments,
    )


def _observations(support, shape, n):
    """Random observations of a support."""
    rng = np.random.default_rng(0)
    if support.low is None:
        return rng.normal(size=(n, *shape)).astype("float32")
    if support.integer:
        high = 4 if support.high is None else int(support.high)
        return rng.integers(0, high + 1, (n, *shape)).astype("float32")
    return rng.uniform(0.05, 0.95, (n, *shape)).astype("float32")


def data_for(model, n=12):
    """Observations that a model takes, [n, *event]; always the same."""
    return _observations(model.support, model.event_shape, n)


def condition_for(model, n=12):
    """Conditions that a model takes, [n, ...], always the same; None where it has none.

    Of labels that may be unknown, each third is.
    """
    rng = np.random.default_rng(2)
    if model.learns_labels:
        return np.where(np.arange(n) % 3, rng.integers(0, model.num_classes, n), -1)
    if model.num_classes is not None:
        return rng.integers(0, model.num_classes, n)
    if model.condition_shape is not None:
        return rng.normal(size=(n, *model.condition_shape)).astype("float32")
    return None


# One of each wiring; `matrix_cases.py` has all posteriors, likelihoods and priors.
# Name: (makes the model, makes the objective).
CASES = {
    "from parts": (vae, objectives.ELBO),
    "logistic posterior": (
        lambda: vae(posterior=layers.IndependentLogistic(LATENT)),
        lambda: objectives.ELBO(beta=0.5, exact_kl=False),
    ),
    "learned scale": (
        lambda: vae(likelihood=layers.IndependentNormal(SIZE)),
        lambda: objectives.ELBO(free_bits=0.01),
    ),
    "counts": (
        lambda: vae(likelihood=layers.IndependentPoisson(SIZE)),
        lambda: objectives.IWAE(4),
    ),
    "mixture prior, mixed objective": (
        lambda: vae(
            posterior=layers.MultivariateNormalTriL(LATENT),
            prior=priors.MixtureOfNormals(2, seed=2),
        ),
        lambda: objectives.ELBO(
            keras.optimizers.schedules.PolynomialDecay(0.5, 10, 1.0), num_samples=2
        ),
    ),
    "flow posterior": (lambda: vae(posterior=flow()), objectives.ELBO),
    "matrix of latents": (
        lambda: vae(posterior=layers.IndependentNormal((2, 2))),
        objectives.ELBO,
    ),
    "VampPrior": (
        lambda: vae(prior=priors.VampPrior(3)),
        objectives.ELBO,
    ),
    "bits": (
        lambda: vae(posterior=layers.IndependentBernoulli(3)),
        lambda: objectives.VIMCO(3),
    ),
    "sphere": (lambda: vae(posterior=layers.PowerSpherical(3)), objectives.ELBO),
    "autoencoder": (
        lambda: vae(posterior=layers.Deterministic(LATENT)),
        objectives.Reconstruction,
    ),
    "total correlation": (vae, lambda: objectives.BetaTC(2.0)),
    "classes as condition": (lambda: conditional(4), objectives.ELBO),
    "condition with a prior of its own": (
        lambda: conditional((3,), prior=priors.Conditional("normal", hidden_units=(4,))),
        lambda: objectives.IWAE(2),
    ),
    "DenseVAE": (dense_vae, objectives.ELBO),
    "ConvVAE": (conv_vae, lambda: objectives.IWAE(2)),
    "semi-supervised": (semi_supervised, lambda: objectives.ELBO(num_samples=2)),
    "semi-supervised, sampled rates": (
        lambda: semi_supervised(
            likelihood=layers.IndependentNormal(SIZE),
            prior=priors.MixtureOfNormals(2, seed=2),
        ),
        lambda: objectives.IWAE(2),
    ),
    "ladder": (ladder, lambda: objectives.ELBO(free_bits=0.01)),
    "top-down": (
        lambda: ladder("top_down", skips=True, prior=priors.MixtureOfNormals(2, seed=2)),
        lambda: objectives.IWAE(2),
    ),
    "bidirectional": (lambda: ladder("bidirectional"), objectives.ELBO),
    "levels of images": (
        levels_of_images,
        lambda: objectives.ELBO(free_bits=0.01),
    ),
    "VAE-GAN": (vae_gan, objectives.Adversarial),
    "VAE-GAN, maps of codes": (
        autoencoder_kl,
        lambda: objectives.Adversarial(
            beta=0.01, generator_loss="hinge", feature_weight=0.0, pixel_weight=1.0
        ),
    ),
    "VAE-GAN, mixture prior": (
        lambda: vae_gan(
            posterior=layers.MultivariateNormalTriL(LATENT),
            prior=priors.MixtureOfNormals(2, seed=2),
            spectral_normalization=True,
        ),
        lambda: objectives.Adversarial(
            gamma=0.1, generator_loss="non_saturating", label_smoothing=0.1, r1=1.0
        ),
    ),
}
NAMES = list(CASES)


def case(name, seed=7, **arguments):
    """A compiled model and its data; the same numbers for the same seed."""
    keras.utils.set_random_seed(seed)
    make_model, make_objective = CASES[name]
    model = make_model()
    optimizer = keras.optimizers.Adam(1e-2)
    model.compile(optimizer, make_objective(), **arguments)
    return model, data_for(model)


@functools.cache
def shared_case(name):
    """As `case`, made once: for tests that only read the model."""
    return case(name)


@functools.cache
def shared_vae():
    """As `vae()`, made once: for tests that only read the model."""
    return vae()


def losses_and_variables(model, x):
    """What a training step descends: pairs of losses [B] and the variables for them."""
    y = condition_for(model, len(x))
    trace = model.pass_for_training(x, y, seed=1, training=True)
    losses, variables = model.objective(trace, step=0), model.player_variables()
    if not isinstance(losses, dict):
        losses = dict.fromkeys(variables, losses)
    return [(losses[player], variables[player]) for player in variables]


def optimizers(model):
    """All optimizers of a compiled model."""
    return list(model.optimizers.values())


def optimizer_state(model):
    """The iterations, slots and rates of all optimizers."""
    return [np.asarray(v) for one in optimizers(model) for v in one.variables]


# What VAE-GANs log beside the parts of the bound; with a margin they log still more.
PLAYERS = ("encoder", "decoder", "discriminator")
GAN_SCORES = {f"{player}_loss" for player in PLAYERS} | {
    "feature_distance",
    "accuracy_real",
    "accuracy_reconstructed",
    "accuracy_sampled",
}


def config_of(one):
    """The config of a model or a part, as JSON would hold it."""
    return json.loads(json.dumps(one.get_config()))


def weights(model):
    """All weights of a model as one vector."""
    return np.concatenate([np.ravel(w) for w in model.get_weights()])


def fit(model, x, epochs=1, **arguments):
    """Trains in batches of 4, in the data's order, and returns the history."""
    settings = {"batch_size": 4, "shuffle": False, "verbose": 0, **arguments}
    if condition_for(model, 1) is not None and len(x):
        settings.setdefault("y", condition_for(model, len(x)))
        if settings.get("validation_data") is x:
            settings["validation_data"] = (x, settings["y"])
    return model.fit(x, epochs=epochs, **settings).history
