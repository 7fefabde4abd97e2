"""Every objective, its loss in NumPy, and traces made by hand."""

from collections.abc import Callable
from dataclasses import dataclass

import keras
import numpy as np
import tensorflow as tf
from scipy import special, stats
from tensorflow_probability import distributions as tfd

from keras_vae import objectives
from keras_vae.core.latent import Latent
from keras_vae.core.support import REAL
from keras_vae.core.trace import Extras, Game, Trace
from keras_vae.networks import Moved
from keras_vae.objectives.code_critic import shuffled

LATENT = Latent((2,), REAL, False, True, True, True, True, True, "IndependentNormal")


def made_trace(num_samples, batch_size=4, exact=True, groups=1, seed=0):
    """A trace with numbers of its own: no two of its entries agree.

    The rates of its groups add up to that of q and p, as a hierarchy's do.
    """
    rng = np.random.default_rng(seed)

    def numbers(*shape):
        return tf.constant(rng.normal(size=shape), tf.float32)

    q = tfd.Independent(
        tfd.Normal(numbers(batch_size, 2), tf.exp(numbers(batch_size, 2))), 1
    )
    p = tfd.Independent(tfd.Normal(tf.zeros(2), 1.0), 1)
    px = tfd.Independent(tfd.Normal(numbers(num_samples, batch_size, 3), 1.0), 1)
    x, z = numbers(batch_size, 3), q.sample(num_samples, seed=(seed, 1))
    log_q, log_p = q.log_prob(z), p.log_prob(z)
    rate = tfd.kl_divergence(q, p)[tf.newaxis] if exact else log_q - log_p
    shares = tf.nn.softmax(numbers(groups, 1, 1), axis=0)
    rates = shares * rate[tf.newaxis]
    log_px = px.log_prob(x)
    extras = made_extras(q, z, batch_size, log_p + log_px)
    noise = tf.constant([seed, 2])
    return Trace(x, z, q, p, px, log_q, log_p, log_px, rates, seed=noise, extras=extras)


KERNELS = [np.array([[1.0, -2.0], [0.5, 3.0]]), np.array([[[2.0]]])]
GUESS = -1.5, 2.0
GAIN = 0.75


def made_extras(q, z, batch_size, log_joint):
    """What a model says when it is asked: plain functions."""
    return Extras(
        frozen_log_q=lambda: q.log_prob(z),
        codes=lambda x: tf.tanh(x[:, :2]),
        expected=tf.sin,
        decoder_kernels=lambda: [tf.constant(one, tf.float32) for one in KERNELS],
        critic=critic,
        baseline=lambda signal: (*GUESS, of_x(batch_size)),
        # (Momenta that keep their size, since noise is no number of the trace.)
        leapfrog=lambda noise: Moved(z, -noise, log_joint + GAIN),
    )


def critic(z):
    return z[:, 0] - 2 * z[:, 1] + 0.3 * z[:, 0] * z[:, 1]


def of_x(batch_size):
    return 0.1 * tf.range(batch_size, dtype=tf.float32)


def made_game(seed=0, batch_size=5, **changes):
    """A trace with a game of its own, with logits on both sides of zero."""
    rng = np.random.default_rng(seed)

    def numbers():
        return tf.constant(3.0 * rng.normal(size=batch_size), tf.float32)

    distance, real, reconstructed, sampled, slope = (numbers() for _ in range(5))
    game = Game(distance**2, real, reconstructed, sampled, lambda: slope**2)
    seen, x = numbers(), tf.constant(rng.normal(size=(batch_size, 3)), tf.float32)
    game = game._replace(reconstruction=x, perceptual_distance=lambda: seen**2)
    return made_trace(1, batch_size)._replace(game=game._replace(**changes))


def repeated(trace, times=2):
    """The trace of the same examples, each `times` times."""
    one = {
        name: tf.tile(getattr(trace, name), (1, times))
        for name in ("log_q", "log_p", "log_px")
    }
    rates = tf.tile(trace.rates, (1, 1, times))
    x, z = tf.tile(trace.x, (times, 1)), tf.tile(trace.z, (1, times, 1))
    value = one["log_p"] + one["log_px"] + GAIN
    extras = trace.extras._replace(
        frozen_log_q=lambda: one["log_q"], leapfrog=lambda noise: Moved(z, -noise, value)
    )
    return trace._replace(**one, rates=rates, x=x, z=z, extras=extras)


def with_log_px(trace, log_px):
    """The trace with another likelihood, which draws that are moved have as well."""
    value = trace.log_p + log_px + GAIN
    extras = trace.extras._replace(leapfrog=lambda noise: Moved(trace.z, -noise, value))
    return trace._replace(log_px=log_px, extras=extras)


def numbers_of(trace):
    """(rates, sampled rate, distortion) in double precision."""
    log_q, log_p, log_px = (
        np.asarray(one, float) for one in (trace.log_q, trace.log_p, trace.log_px)
    )
    return np.asarray(trace.rates, float), log_q - log_p, -log_px


def elbo(beta=1.0, free_bits=0.0, exact_kl=True):
    def loss(trace, step):
        rates, sampled, distortion = numbers_of(trace)
        rates = (rates if exact_kl else sampled[None]).mean(1)
        weight = beta(step) if callable(beta) else beta
        rate = np.maximum(rates, free_bits or -np.inf).sum(0)
        return distortion.mean(0) + weight * rate

    return loss


def hvae(trace, step):
    return elbo(exact_kl=False)(trace, step) - GAIN


def iwae(trace, step):
    _, sampled, distortion = numbers_of(trace)
    return np.log(len(sampled)) - special.logsumexp(-distortion - sampled, axis=0)


def miwae(num_bounds):
    def loss(trace, step):
        _, sampled, distortion = numbers_of(trace)
        log_weight = -distortion - sampled
        # Bound m is of the draws m, m + M, m + 2 M, ...
        bounds = [
            special.logsumexp(log_weight[m::num_bounds], axis=0)
            - np.log(len(log_weight) // num_bounds)
            for m in range(num_bounds)
        ]
        return -np.mean(bounds, axis=0)

    return loss


def piwae(num_bounds):
    def loss(trace, step):
        return {"decoder": iwae(trace, step), "encoder": miwae(num_bounds)(trace, step)}

    return loss


def ciwae(beta):
    def loss(trace, step):
        return beta * elbo(exact_kl=False)(trace, step) + (1 - beta) * iwae(trace, step)

    return loss


def renyi(alpha):
    def loss(trace, step):
        _, sampled, distortion = numbers_of(trace)
        powers = np.exp((1 - alpha) * (-distortion - sampled))
        return -np.log(powers.mean(0)) / (1 - alpha)

    return loss


def capacity(wanted, gamma):
    def loss(trace, step):
        rates, _, distortion = numbers_of(trace)
        target = wanted(step) if callable(wanted) else wanted
        return distortion.mean(0) + gamma * np.abs(rates.sum(0).mean(0) - target)

    return loss


def dip(kind, off_diagonal, diagonal):
    def loss(trace, step):
        normal = trace.q.distribution
        loc, scale = np.asarray(normal.loc, float), np.asarray(normal.scale, float)
        covariance = np.cov(loc.T, bias=True)
        if kind == "ii":
            covariance = covariance + np.diag((scale**2).mean(0))
        distance = covariance - np.eye(len(covariance))
        weights = np.where(np.eye(len(covariance)), diagonal, off_diagonal)
        return elbo()(trace, step) + (weights * distance**2).sum()

    return loss


def mmd(trace, kernel, bandwidth):
    """A sum over pairs, one at a time."""
    z = np.asarray(trace.z[0], float)
    prior = np.asarray(trace.p.sample(len(z), seed=trace.seed), float)

    def near(a, b):
        square = ((a - b) ** 2).sum()
        if kernel == "rbf":
            return np.exp(-square / (2 * bandwidth))
        scales = bandwidth * np.array([0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0])
        return (scales / (scales + square)).sum()

    def mean(a, b):
        pairs = [
            near(one, other)
            for i, one in enumerate(a)
            for j, other in enumerate(b)
            if a is not b or i != j
        ]
        return np.mean(pairs)

    return mean(z, z) + mean(prior, prior) - 2 * mean(z, prior)


def info_vae(alpha, weight, kernel="rbf", bandwidth=4.0):
    def loss(trace, step):
        discrepancy = mmd(trace, kernel, bandwidth)
        return elbo(1 - alpha)(trace, step) + (alpha + weight - 1) * discrepancy

    return loss


def wae(weight, kernel="imq", bandwidth=4.0):
    def loss(trace, step):
        return reconstruction(trace, step) + weight * mmd(trace, kernel, bandwidth)

    return loss


def nvil(trace, step):
    loss = elbo(exact_kl=False)(trace, step)
    mean, spread = GUESS
    error = (-loss - mean) / spread - np.asarray(of_x(len(loss)), float)
    return {"vae": loss, "baseline": error**2}


def dreg(trace, step):
    return {"decoder": iwae(trace, step), "encoder": iwae(trace, step)}


def critic_loss(real, fake):
    real, fake = critic(real).numpy(), critic(fake).numpy()
    return 0.5 * (cross_entropy(real, 1) + cross_entropy(fake, 0))


def factor_vae(gamma):
    def loss(trace, step):
        z = trace.z[0]
        others = shuffled(z, trace.seed)
        mine = elbo()(trace, step) + gamma * critic(z).numpy()
        return {"vae": mine, "critic": critic_loss(z, others)}

    return loss


def aae(weight):
    def loss(trace, step):
        z = trace.z[0]
        prior = trace.p.sample(len(z), seed=trace.seed)
        deception = cross_entropy(critic(z).numpy(), 1)
        mine = reconstruction(trace, step) + weight * deception
        return {"vae": mine, "critic": critic_loss(prior, z)}

    return loss


def rae(penalty, code, weight):
    def loss(trace, step):
        z = np.asarray(trace.z[0], float)
        # sin acts on each element by itself: its Jacobian has the squares of cos(z).
        slope = (np.cos(z) ** 2).sum(1)
        penalties = {
            "gradient": slope,
            "l2": sum((one**2).sum() for one in KERNELS),
            "spectral": sum(
                np.linalg.norm(one.reshape(-1, one.shape[-1]), 2) ** 2 for one in KERNELS
            ),
        }[penalty]
        size = 0.5 * (z**2).sum(1)
        return reconstruction(trace, step) + code * size + weight * penalties

    return loss


def sparse(weight):
    def loss(trace, step):
        total = np.abs(np.asarray(trace.z[0], float)).sum(1)
        return reconstruction(trace, step) + weight * total

    return loss


def contractive(weight):
    def loss(trace, step):
        slope = 1 - np.tanh(np.asarray(trace.x[:, :2], float)) ** 2
        return elbo()(trace, step) + weight * (slope**2).sum(1)

    return loss


def reconstruction(trace, step):
    return numbers_of(trace)[2].mean(0)


def beta_tc(beta):
    def loss(trace, step):
        rates, _, distortion = numbers_of(trace)
        normal = trace.q.distribution
        loc, scale = np.asarray(normal.loc, float), np.asarray(normal.scale, float)
        correlation = []
        for z in np.asarray(trace.z[0], float):
            # Of this draw, the density of each number under each posterior of the batch.
            density = stats.norm.pdf(z, loc, scale)
            joint, product = density.prod(1).mean(), density.mean(0).prod()
            correlation.append(np.log(joint / product))
        bound = distortion.mean(0) + rates.sum(0).mean(0)
        return bound + (beta - 1) * np.array(correlation)

    return loss


def adversarial(**weights):
    """The three losses, from the definition of the cross-entropy."""
    arguments = {**objectives.Adversarial().get_config(), **weights}

    def loss(trace, step):
        a, game = arguments, trace.game
        gan = a["real_weight"] * cross_entropy(game.real, 1 - a["label_smoothing"])
        gan = gan + a["reconstruction_weight"] * cross_entropy(game.reconstructed, 0)
        gan = gan + a["sample_weight"] * cross_entropy(game.sampled, 0)
        deceived = -gan
        if a["generator_loss"] == "non_saturating":
            deceived = a["reconstruction_weight"] * cross_entropy(game.reconstructed, 1)
            deceived += a["sample_weight"] * cross_entropy(game.sampled, 1)
        if a["generator_loss"] == "hinge":
            real, fake, sampled = (
                np.asarray(one, float)
                for one in (game.real, game.reconstructed, game.sampled)
            )
            gan = a["real_weight"] * np.maximum(1 - real, 0)
            gan = gan + a["reconstruction_weight"] * np.maximum(1 + fake, 0)
            gan = gan + a["sample_weight"] * np.maximum(1 + sampled, 0)
            deceived = -a["reconstruction_weight"] * fake - a["sample_weight"] * sampled
        distance = a["feature_weight"] * np.asarray(game.feature_distance, float)
        error = np.asarray(trace.x, float) - np.asarray(game.reconstruction, float)
        pixels = np.abs(error) if a["pixel_distance"] == "l1" else error**2 / 2
        distance = distance + a["pixel_weight"] * pixels.sum(axis=1)
        seen = np.asarray(game.perceptual_distance(), float)
        distance = distance + a["perceptual_weight"] * seen
        if step < a["start_step"]:
            deceived = 0.0
        slope = np.asarray(game.gradient_penalty(), float)
        rate = np.asarray(trace.rate, float).mean(0)
        return {
            "encoder": a["beta"] * rate + distance,
            "decoder": a["gamma"] * distance + deceived,
            "discriminator": gan + 0.5 * a["r1"] * slope,
        }

    return loss


def cross_entropy(logit, target):
    """-log of the probability of a label, in double precision."""
    p = 1 / (1 + np.exp(-np.asarray(logit, float)))
    return -(target * np.log(p) + (1 - target) * np.log(1 - p))


def warm_up():
    """From 0 to 1 within ten steps."""
    return keras.optimizers.schedules.PolynomialDecay(0.0, 10, end_learning_rate=1.0)


@dataclass(frozen=True)
class ObjectiveCase:
    """An objective and its loss in NumPy: [B], or a dict of players."""

    cls: type
    arguments: dict
    oracle: Callable

    @property
    def reads_step(self):
        """Whether the loss changes with the step: by a schedule or a late start."""
        objective = self.make()
        numbers = [getattr(objective, name) for name in objective.get_config()]
        return "start_step" in self.arguments or any(map(callable, numbers))

    def make(self):
        """Makes the objective; arguments that are functions make their value."""
        return self.cls(**{k: v() if callable(v) else v for k, v in self.arguments.items()})

    def trace(self, **arguments):
        """A trace with what the objective reads."""
        if self.cls.is_adversarial:
            return made_game(batch_size=4)
        return made_trace(self.make().num_samples, **arguments)


def _adversarial(**arguments):
    return ObjectiveCase(objectives.Adversarial, arguments, adversarial(**arguments))


CASES = {
    "elbo": ObjectiveCase(objectives.ELBO, {}, elbo()),
    "elbo_of_draws": ObjectiveCase(objectives.ELBO, {"num_samples": 3}, elbo()),
    "beta": ObjectiveCase(objectives.ELBO, {"beta": 4.0, "num_samples": 2}, elbo(4.0)),
    "no_rate": ObjectiveCase(objectives.ELBO, {"beta": 0}, elbo(0.0)),
    "warm_up": ObjectiveCase(
        objectives.ELBO, {"beta": warm_up}, elbo(lambda step: min(step / 10, 1.0))
    ),
    "free_bits": ObjectiveCase(
        objectives.ELBO, {"free_bits": 0.8, "beta": 0.5}, elbo(0.5, 0.8)
    ),
    "sampled_rate": ObjectiveCase(
        objectives.ELBO, {"exact_kl": False, "num_samples": 3}, elbo(exact_kl=False)
    ),
    "sampled_free_bits": ObjectiveCase(
        objectives.ELBO,
        {"exact_kl": False, "free_bits": 1.0, "num_samples": 3},
        elbo(1.0, 1.0, exact_kl=False),
    ),
    "iwae": ObjectiveCase(objectives.IWAE, {}, iwae),
    "iwae_of_one": ObjectiveCase(objectives.IWAE, {"num_samples": 1}, iwae),
    "vimco": ObjectiveCase(objectives.VIMCO, {"num_samples": 3}, iwae),
    "miwae": ObjectiveCase(
        objectives.MIWAE, {"num_bounds": 2, "draws_per_bound": 3}, miwae(2)
    ),
    "piwae": ObjectiveCase(
        objectives.PIWAE, {"num_bounds": 3, "draws_per_bound": 2}, piwae(3)
    ),
    "ciwae": ObjectiveCase(objectives.CIWAE, {"beta": 0.3, "num_samples": 3}, ciwae(0.3)),
    "renyi": ObjectiveCase(objectives.Renyi, {"num_samples": 3}, renyi(0.5)),
    "renyi_negative": ObjectiveCase(objectives.Renyi, {"alpha": -1.5}, renyi(-1.5)),
    "renyi_large": ObjectiveCase(objectives.Renyi, {"alpha": 3}, renyi(3.0)),
    "score_function": ObjectiveCase(objectives.ScoreFunction, {}, elbo(exact_kl=False)),
    "nvil": ObjectiveCase(objectives.NVIL, {"num_samples": 2}, nvil),
    "leave_one_out": ObjectiveCase(objectives.LeaveOneOut, {}, elbo(exact_kl=False)),
    "hvae": ObjectiveCase(objectives.HVAE, {"num_samples": 2}, hvae),
    "stl": ObjectiveCase(objectives.STL, {"num_samples": 2}, elbo(exact_kl=False)),
    "dreg": ObjectiveCase(objectives.DReG, {"num_samples": 3}, dreg),
    "factor_vae": ObjectiveCase(objectives.FactorVAE, {}, factor_vae(35.0)),
    "factor_vae_light": ObjectiveCase(objectives.FactorVAE, {"gamma": 2}, factor_vae(2.0)),
    "aae": ObjectiveCase(objectives.AAE, {"weight": 3.0}, aae(3.0)),
    "rae": ObjectiveCase(objectives.RAE, {}, rae("l2", 1e-2, 1e-3)),
    "rae_gradient": ObjectiveCase(
        objectives.RAE,
        {"penalty": "gradient", "code": 0.5, "weight": 2.0},
        rae("gradient", 0.5, 2.0),
    ),
    "rae_spectral": ObjectiveCase(
        objectives.RAE, {"penalty": "spectral", "weight": 2.0}, rae("spectral", 1e-2, 2.0)
    ),
    "sparse": ObjectiveCase(objectives.Sparse, {"weight": 0.5}, sparse(0.5)),
    "contractive": ObjectiveCase(objectives.Contractive, {}, contractive(0.1)),
    "denoising": ObjectiveCase(objectives.Denoising, {"num_samples": 2}, elbo()),
    "capacity": ObjectiveCase(
        objectives.Capacity, {"capacity": 2.0, "gamma": 7.0}, capacity(2.0, 7.0)
    ),
    "capacity_rises": ObjectiveCase(
        objectives.Capacity,
        {"capacity": "warm_up:steps=10,end=5", "gamma": 3.0, "num_samples": 2},
        capacity(lambda step: min(step / 2, 5.0), 3.0),
    ),
    "cyclical": ObjectiveCase(
        objectives.ELBO,
        {"beta": "cyclical:steps=4,cycles=2"},
        elbo(lambda step: min(2 * (step % 4) / 4, 1.0) if step < 8 else 1.0),
    ),
    "dip_i": ObjectiveCase(objectives.DIP, {}, dip("i", 10.0, 100.0)),
    "dip_ii": ObjectiveCase(
        objectives.DIP,
        {"kind": "ii", "off_diagonal": 3.0, "diagonal": 2.0},
        dip("ii", 3.0, 2.0),
    ),
    "info_vae": ObjectiveCase(
        objectives.InfoVAE, {"alpha": 0.5, "weight": 20.0}, info_vae(0.5, 20.0)
    ),
    "wae": ObjectiveCase(objectives.WAE, {}, wae(100.0)),
    "wae_rbf": ObjectiveCase(
        objectives.WAE,
        {"kernel": "rbf", "bandwidth": 0.7, "weight": 5.0},
        wae(5.0, "rbf", 0.7),
    ),
    "reconstruction": ObjectiveCase(
        objectives.Reconstruction, {"num_samples": 2}, reconstruction
    ),
    "beta_tc": ObjectiveCase(objectives.BetaTC, {}, beta_tc(6.0)),
    "beta_tc_of_draws": ObjectiveCase(
        objectives.BetaTC, {"beta": 0.5, "num_samples": 3}, beta_tc(0.5)
    ),
    "adversarial": _adversarial(),
    "adversarial_weights": _adversarial(
        gamma=0.3,
        beta=2.0,
        real_weight=0.5,
        reconstruction_weight=0.25,
        sample_weight=3.0,
    ),
    "adversarial_minimax": _adversarial(
        gamma=0.1,
        generator_loss="minimax",
        reconstruction_weight=0.5,
        sample_weight=2.0,
        label_smoothing=0.1,
    ),
    "adversarial_penalty": _adversarial(r1=10.0, label_smoothing=0.2),
    "adversarial_alone": _adversarial(gamma=0, beta=0),
    "adversarial_hinge": _adversarial(
        generator_loss="hinge",
        real_weight=2.0,
        reconstruction_weight=0.5,
        sample_weight=0.3,
    ),
    "adversarial_pixels": _adversarial(
        feature_weight=0.25, pixel_weight=2.0, perceptual_weight=3.0, start_step=7
    ),
    "adversarial_squares": _adversarial(pixel_weight=0.5, pixel_distance="l2"),
}
