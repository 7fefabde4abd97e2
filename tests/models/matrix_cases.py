"""The parts of the matrix, a line each, and what a cell of it must do.

A cell is a model of six pixels from one posterior, prior, likelihood and objective. The
lines say what decides whether parts fit together; `refusal` is the rule that is made of
that, independent of how the package finds out.
"""

import itertools
import random
from collections.abc import Callable
from typing import Any, NamedTuple

import keras
import numpy as np
import pytest
from tensorflow_probability import distributions as tfd

import keras_vae
from keras_vae import layers
from keras_vae.core.support import Columns

SIZE, LATENT, N, CLASSES = 6, 3, 4, 4


@keras.saving.register_keras_serializable("keras_vae_tests")
def gumbels(params):
    """A distribution that has no layer of its own."""
    return tfd.Independent(tfd.Gumbel(params, 2.0), 1)


def gumbel(shape):
    size = int(np.prod(shape))
    return layers.DistributionLambda(gumbels, event_shape=size, params_size=size)


def finite_scalar(shape):
    return layers.FiniteScalarQuantizer(shape, levels=(3,) * shape[-1])


def same_family(shape):
    component = layers.MultivariateNormalTriL(int(np.prod(shape)))
    return layers.MixtureSameFamily(2, component)


def table(shape):
    """Numbers, and a class in the last column."""
    numbers = layers.IndependentNormal(int(np.prod(shape)) - 1)
    return layers.Blockwise([numbers, layers.IndependentCategorical(1, num_classes=3)])


class Layer(NamedTuple):
    """A distribution layer: how to make it, and what decides where it fits.

    `on` names the set it lives on; `pathwise`: its draws have gradients; `factorized`: its
    elements are independent; `same_draws`: it draws alike compiled and eagerly; `xla`: it
    can be drawn from under XLA; `kin`: the part that it goes with, see `KIN`; `moments`:
    mean and variance are known; `weights`: it has some of its own.
    """

    part: str | Callable
    on: str
    pathwise: bool = True
    factorized: bool = False
    same_draws: bool = True
    xla: bool = True
    kin: str | None = None
    moments: bool = True
    weights: bool = False

    def make(self, shape):
        return self.part(shape) if callable(self.part) else layers.get(self.part, shape)


MASSES = {"bits", "one-hot", "classes", "levels", "counts"}

LAYERS = {
    "bernoulli": Layer("bernoulli", "bits", False, True),
    "beta": Layer("beta", "open interval", True, True, same_draws=False, kin="log_normal"),
    "blockwise": Layer(table, "rows", False, True),
    "categorical": Layer("categorical:num_classes=3", "classes", False, True),
    "continuous_bernoulli": Layer(
        "continuous_bernoulli", "interval", True, True, kin="log_normal"
    ),
    "deterministic": Layer("deterministic", "point", True, True),
    "dirichlet": Layer("dirichlet", "simplex", same_draws=False, xla=False),
    "discretized_logistic": Layer(
        "discretized_logistic", "levels", False, True, kin="categorical"
    ),
    "flow": Layer("flow:num_layers=2,hidden_units=3", "reals", moments=False, weights=True),
    "flow_context": Layer(
        "flow:num_layers=2,hidden_units=3,context_size=2",
        "reals",
        kin="flow",
        moments=False,
        weights=True,
    ),
    "full_normal": Layer("full_normal", "reals"),
    "gamma": Layer("gamma", "positive", True, True, False, False, kin="log_normal"),
    "gumbel": Layer(gumbel, "reals", True, True, kin="normal"),
    "kumaraswamy": Layer("kumaraswamy", "open interval", True, True, kin="log_normal"),
    "laplace": Layer("laplace", "reals", True, True, kin="normal"),
    "log_normal": Layer("log_normal", "positive", True, True),
    "logistic": Layer("logistic", "reals", True, True, kin="normal"),
    "low_rank_normal": Layer("low_rank_normal:rank=2", "reals"),
    "mixture": Layer(
        "mixture:num_components=2", "reals", False, True, kin="mixture_normal"
    ),
    "mixture_logistic": Layer(
        "mixture_logistic:num_components=2", "reals", False, kin="mixture_normal"
    ),
    "mixture_normal": Layer("mixture_normal:num_components=2", "reals", False),
    "mixture_one_hot": Layer(
        "categorical_mixture_of_one_hot_categorical:num_components=2",
        "one-hot",
        False,
        kin="one_hot_categorical",
    ),
    "mixture_same_family": Layer(same_family, "reals", False, kin="mixture_normal"),
    "negative_binomial": Layer(
        "negative_binomial", "counts", False, True, False, False, kin="poisson"
    ),
    "normal": Layer("normal", "reals", True, True),
    "normal_shared": Layer(
        "normal:scale=shared", "reals", True, True, kin="normal", weights=True
    ),
    "one_hot_categorical": Layer("one_hot_categorical", "one-hot", False),
    "ordinal": Layer("ordinal:num_classes=4", "levels", False, True, kin="categorical"),
    "poisson": Layer("poisson", "counts", False, True, same_draws=False),
    "poincare_normal": Layer("poincare_normal", "ball", moments=False),
    "power_spherical": Layer("power_spherical", "sphere", same_draws=False, moments=False),
    "quantized_normal": Layer("quantized_normal", "levels", False, True, kin="categorical"),
    "relaxed_bernoulli": Layer(
        "relaxed_bernoulli", "interval", moments=False, kin="log_normal"
    ),
    "relaxed_one_hot": Layer("relaxed_one_hot_categorical", "simplex", moments=False),
    "straight_through_bernoulli": Layer(
        "straight_through_bernoulli", "bits", True, True, kin="bernoulli"
    ),
    "straight_through_one_hot": Layer(
        "straight_through_one_hot_categorical", "one-hot", kin="one_hot_categorical"
    ),
    "student_t": Layer("student_t", "reals", True, True, False, moments=False),
    "vector_quantizer": Layer(
        "vector_quantizer:num_codes=5", "codes", moments=False, weights=True
    ),
    "finite_scalar_quantizer": Layer(finite_scalar, "codes", moments=False),
    "residual_quantizer": Layer(
        "residual_quantizer:num_quantizers=3,num_codes=4",
        "codes",
        moments=False,
        weights=True,
    ),
    "truncated_normal": Layer("truncated_normal", "interval", True, True, kin="log_normal"),
    "von_mises_fisher": Layer(
        "von_mises_fisher", "sphere", same_draws=False, moments=False
    ),
    "zero_inflated": Layer(
        "zero_inflated", "counts", False, True, same_draws=False, kin="poisson"
    ),
}
POSTERIORS = LAYERS
# Directions have at most five numbers there, and an event here has six.
LIKELIHOODS = {name: one for name, one in LAYERS.items() if name != "von_mises_fisher"}
OWN = None
# Likelihoods of names or ranks.
WITHOUT_MEAN = {"blockwise", "categorical", "ordinal"}
REAL_SETS = {"reals", "positive", "interval", "open interval", "point"}


class Prior(NamedTuple):
    """A prior: how to make it, the sets on which it fits (OWN: the posterior's)."""

    part: Any
    on: set | None
    condition: int | None = None
    kin: str | None = None


PRIORS = {
    "default": Prior(None, OWN),
    "default_with_condition": Prior(None, OWN, CLASSES, kin="default"),
    "standard_normal": Prior("standard_normal", REAL_SETS),
    "mixture_of_normals": Prior("mixture_of_normals:num_components=2", REAL_SETS),
    "second_stage_vae": Prior(
        "second_stage_vae:hidden_units=3,num_samples=2", REAL_SETS, kin="mixture_of_normals"
    ),
    "learned": Prior("learned", OWN),
    "learned_frozen": Prior("learned:trainable=false", OWN, kin="learned"),
    "learned_flow": Prior("learned:layer=(flow:num_layers=1)", REAL_SETS),
    "learned_poisson": Prior("learned:layer=poisson", MASSES),
    "learned_point": Prior("learned:layer=deterministic", set()),
    "vamp": Prior("vamp:num_components=2", OWN),
    "uniform_on_sphere": Prior("uniform_on_sphere", {"sphere"}),
    "uniform_over_codes": Prior("uniform_over_codes", {"codes"}),
    "code_transformer": Prior(
        "code_transformer:units=4,layers=1,heads=2", {"codes"}, kin="pixel_cnn"
    ),
    "pixel_cnn": Prior("pixel_cnn:filters=3,layers=1", {"codes"}),
    "conditional": Prior("conditional:hidden_units=3", REAL_SETS, CLASSES),
}


class Objective(NamedTuple):
    """An objective: how to make it, and what it needs of the posterior."""

    part: Any
    pathwise: bool = True
    needs_density: bool = True
    needs_factors: bool = False
    needs_moments: bool = False
    needs_bits: bool = False
    needs_encoded: bool = False
    needs_mean: bool = False
    needs_images: bool = False
    needs_reals: bool = False
    is_adversarial: bool = False
    kin: str | None = None


OBJECTIVES = {
    "elbo": Objective("elbo"),
    "elbo_sampled": Objective(
        "elbo:beta=0.5,exact_kl=false,num_samples=2,free_bits=0.1", kin="elbo"
    ),
    "elbo_cyclical": Objective("elbo:beta=(cyclical:steps=3)", kin="elbo"),
    "capacity": Objective("capacity:capacity=(warm_up:end=2)", kin="elbo"),
    "iwae": Objective("iwae:num_samples=3"),
    "vimco": Objective("vimco:num_samples=3", pathwise=False),
    "beta_tc": Objective("beta_tc", needs_factors=True),
    "reconstruction": Objective("reconstruction", needs_density=False),
    "adversarial": Objective("adversarial", is_adversarial=True),
    "miwae": Objective("miwae:num_bounds=2,draws_per_bound=2", kin="iwae"),
    "ciwae": Objective("ciwae:num_samples=2", kin="iwae"),
    "renyi": Objective("renyi:num_samples=2", kin="iwae"),
    "piwae": Objective("piwae:num_bounds=2,draws_per_bound=2", kin="iwae"),
    "dip": Objective(
        "dip:kind=ii,off_diagonal=0,diagonal=1e-6",
        needs_factors=True,
        needs_moments=True,
        kin="beta_tc",
    ),
    "info_vae": Objective("info_vae:weight=1", kin="wae"),
    "wae": Objective("wae:weight=1", needs_density=False),
    "score_function": Objective("score_function:num_samples=2", False, kin="vimco"),
    "nvil": Objective("nvil", False, kin="vimco"),
    "leave_one_out": Objective("leave_one_out:num_samples=2", False, kin="vimco"),
    "disarm": Objective("disarm", False, needs_bits=True, kin="vimco"),
    "stl": Objective("stl", kin="iwae"),
    "dreg": Objective("dreg:num_samples=2", needs_encoded=True, kin="iwae"),
    "hvae": Objective("hvae:num_samples=2", needs_reals=True, kin="iwae"),
    "factor_vae": Objective("factor_vae:gamma=1", kin="elbo"),
    "aae": Objective("aae:weight=1", needs_density=False, kin="wae"),
    "rae": Objective(
        "rae:penalty=gradient", needs_density=False, needs_mean=True, kin="wae"
    ),
    "ms_ssim": Objective(
        "ms_ssim", needs_density=False, needs_mean=True, needs_images=True
    ),
    "contractive": Objective("contractive", needs_density=False, kin="wae"),
    "sparse": Objective("sparse", needs_density=False, kin="wae"),
    "denoising": Objective("denoising", needs_density=False, kin="wae"),
}
AXES = {
    "posterior": POSTERIORS,
    "prior": PRIORS,
    "likelihood": LIKELIHOODS,
    "objective": OBJECTIVES,
}


class Cell(NamedTuple):
    """Names of the four parts."""

    posterior: str
    prior: str
    likelihood: str
    objective: str

    def __str__(self):
        return "-".join(self)


def refusal(cell, is_adversarial=False):
    """What a refused cell's message must match; None for a cell that works."""
    q, p = POSTERIORS[cell.posterior], PRIORS[cell.prior]
    objective = OBJECTIVES[cell.objective]
    if LIKELIHOODS[cell.likelihood].on == "point":
        return "likelihood Deterministic is a point"
    if LIKELIHOODS[cell.likelihood].on == "codes":
        return "gives probability only to"
    if q.on == "codes" and (cell.prior.startswith("learned") or cell.prior == "vamp"):
        return "there is no divergence between them|prior Learned is a point|infinite"
    if p.on is not OWN:
        if cell.prior == "learned_point" or q.on not in p.on:
            return "there is no divergence between them|prior Learned is a point"
    elif q.on == "point" and cell.prior.startswith("learned"):
        return "prior Learned is a point"
    if objective.is_adversarial and not is_adversarial:
        return "has no discriminator. Use keras_vae.VAEGAN"
    if objective.needs_images:
        return "MSSSIM needs pictures.*for images"
    if objective.needs_mean and cell.likelihood in WITHOUT_MEAN:
        return "RAE needs expected.*likelihood with a mean"
    if q.on == "point" and objective.needs_density:
        return "is a point and has no density.*Reconstruction"
    if not objective.pathwise and q.on == "codes":
        return "deterministically.*ELBO"
    if q.on == "codes" and cell.objective in ("wae", "info_vae"):
        return "measures distances between codes"
    if objective.pathwise and not q.pathwise:
        return "have no gradient with respect to its parameters.*VIMCO"
    if cell.objective in ("stl", "dreg") and q.on in MASSES:
        return "holds for draws that depend smoothly.*ELBO"
    if objective.needs_reals and q.on != "reals":
        return "HVAE moves latent variables.*in R\\^D"
    if objective.needs_bits and not (q.on == "bits" and q.factorized):
        return "DisARM draws independent bits.*bernoulli"
    if objective.needs_encoded and (q.weights or cell.prior == "vamp"):
        return "DReG needs a posterior whose parameters.*IWAE"
    if objective.needs_moments and not q.moments:
        return "are not known, or not finite.*IndependentNormal"
    if objective.needs_factors and not q.factorized:
        return "not independent given x.*Independent"
    return None


MADE_WITH = {
    **dict.fromkeys(("factor_vae", "aae"), {"critic": (4,)}),
    **dict.fromkeys(("score_function", "nvil"), {"baseline": (4,)}),
    "hvae": {"leapfrog": 2},
}


def build(cell):
    """The model of a cell, not compiled."""
    prior = PRIORS[cell.prior]
    posterior = POSTERIORS[cell.posterior].make((LATENT,))
    likelihood = LIKELIHOODS[cell.likelihood].make((SIZE,))
    return keras_vae.DenseVAE(
        SIZE,
        LATENT,
        likelihood,
        hidden_units=(4,),
        activation="tanh",
        posterior=posterior,
        prior=prior.part,
        condition=prior.condition,
        seed=0,
        **MADE_WITH.get(cell.objective, {}),
    )


def game(cell):
    """The VAE-GAN of a cell."""
    posterior = POSTERIORS[cell.posterior].make((LATENT,))
    dense = keras.layers.Dense
    encoder = keras.Sequential([keras.Input((SIZE,)), dense(posterior.params_size)])
    decoder = keras.Sequential([keras.Input((LATENT,)), dense(SIZE)])
    judge = [keras.Input((SIZE,)), dense(3, name="features"), dense(1)]
    prior = PRIORS[cell.prior].part
    return keras_vae.VAEGAN(
        encoder, decoder, keras.Sequential(judge), posterior, prior=prior, seed=0
    )


def observations(support, n=N):
    """Observations that a likelihood gives a score to, [n, SIZE]."""
    rng = np.random.default_rng(0)
    if isinstance(support, Columns):
        columns = [observations(one, n)[:, 0] for one in support.columns]
        return np.stack(columns, axis=1)
    if support.vectors == "one_hot":
        x = np.eye(SIZE)[rng.integers(0, SIZE, n)]
    elif support.vectors == "sphere":
        x = rng.normal(size=(n, SIZE))
        x /= np.linalg.norm(x, axis=-1, keepdims=True)
    elif support.vectors == "ball":
        x = support.high * rng.uniform(-0.3, 0.3, (n, SIZE))
    elif support.vectors == "simplex":
        x = rng.dirichlet(np.ones(SIZE), n)
    elif support.integer:
        high = 4 if support.high is None else support.high
        x = rng.integers(0, high + 1, (n, SIZE))
    elif support.low is None:
        x = rng.normal(size=(n, SIZE))
    else:
        x = rng.uniform(0.05, 0.95, (n, SIZE))
    return x.astype("float32")


def conditions(model, n=N):
    """Conditions [n], or None."""
    return None if model.num_classes is None else np.arange(n) % model.num_classes


def compiled(model, cell, **mode):
    """The model, compiled with the cell's objective and plain descent."""
    model.compile(keras.optimizers.SGD(1e-3), OBJECTIVES[cell.objective].part, **mode)
    return model


def fit(model, x, y):
    """One step; the logs, which are finite."""
    logs = model.fit(x, y, batch_size=len(x), shuffle=False, verbose=0).history
    assert all(np.isfinite(values).all() for values in logs.values()), logs
    return {name: values[0] for name, values in logs.items()}


def everything(model, x, y):
    """Asks a model for all there is; answers by name, checked as far as laws go."""
    scores = model.evaluate(x, y, verbose=0, return_dict=True)
    assert all(np.isfinite(value) for value in scores.values()), scores
    one = None if y is None else y[:2]
    answers = {
        "embed": model.embed(x, y),
        "reconstruct": model.reconstruct(x, y),
        "predict": model.predict(x, y=y, verbose=0),
        "call": model(x, y).numpy(),
        "sample": model.sample(2, one, seed=3),
        "draw": model.sample(2, one, seed=3, draw=True),
        "interpolate": model.interpolate(x[:2], x[2:], 3, one),
    }
    shape = (SIZE,)
    assert answers["embed"].shape == (N, LATENT) == (N, *model.latent.shape)
    assert answers["interpolate"].shape == (2, 3, *shape)
    model.latent.support.check(answers["embed"], "embed")
    model.likelihood.support.check(answers["draw"], "draw")
    for name in ("reconstruct", "predict", "call"):
        np.testing.assert_allclose(answers[name], answers["call"], rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(
        answers["interpolate"][:, 0], answers["call"][:2], rtol=1e-4, atol=1e-5
    )
    if model.latent.has_density:
        answers["elbo"] = model.elbo(x, 2, y=y)
        answers["log_likelihood"] = model.log_likelihood(x, 5, y=y)
        rate, distortion = model.rate_and_distortion(x, 2, y=y)
        np.testing.assert_allclose(answers["elbo"], -rate - distortion, rtol=1e-4)
    else:
        # The one question that is refused when it is asked: before any work.
        for ask in (model.elbo, model.rate_and_distortion, model.log_likelihood):
            with pytest.raises(ValueError, match="is a point: an autoencoder has no rate"):
                ask(x, y=y)
    for name, value in answers.items():
        assert np.isfinite(value).all(), (name, value)
    return answers


# Parts that fit where another one fits, and differ from it in their numbers alone: each of
# them is run once; the others are crossed with each other.
KIN = {(axis, k) for axis, parts in AXES.items() for k, one in parts.items() if one.kin}
CORE = {
    axis: {k: one for k, one in parts.items() if one.kin is None}
    for axis, parts in AXES.items()
}


def pairs_of(pairs, axes=AXES):
    """All pairs of parts of pairs of axes."""
    return [
        frozenset([(first, a), (second, b)])
        for first, second in pairs
        for a, b in itertools.product(axes[first], axes[second])
    ]


def singles_of(axes):
    """Every part of the axes, as a set of its own."""
    return [
        frozenset([(axis, name)]) for axis, parts in axes.items() for name in sorted(parts)
    ]


def by_lot(count):
    """Cells that work, drawn from all with a fixed seed."""
    lot, cells = random.Random(0), {}
    while len(cells) < count:
        cell = Cell(*(lot.choice(sorted(parts)) for parts in AXES.values()))
        if refusal(cell) is None:
            cells[cell] = None
    return list(cells)


def covering(wanted, axes=AXES):
    """Few cells that work, so that each possible set of parts is in one of them.

    Args:
        wanted: Sets of one or two parts, (axis, name).
        axes: The parts that cells are made of.

    Returns:
        The cells, and the sets with which no cell works.
    """
    missing, cells, impossible = dict.fromkeys(wanted), [], []
    turn = itertools.count()
    while missing:
        parts = next(iter(missing))
        cell = _best(dict(parts), missing, next(turn), axes)
        if cell is None:
            impossible.append(parts)
            del missing[parts]
            continue
        cells.append(cell)
        for covered in _sets_of(cell):
            missing.pop(covered, None)
    return cells, impossible


def _best(given, missing, turn, axes):
    """The working cell with these parts that covers most of what is missing."""
    best, most = None, 0
    choices = []
    for i, (axis, parts) in enumerate(axes.items()):
        names = list(parts)
        shift = (turn * (2 * i + 3)) % len(names)
        names = names[shift:] + names[:shift]
        names.sort(key=lambda name: frozenset([(axis, name)]) not in missing)
        choices.append([given[axis]] if axis in given else names)
    tried = 0
    for names in itertools.product(*choices):
        cell = Cell(*names)
        if refusal(cell):
            continue
        count = sum(one in missing for one in _sets_of(cell))
        if count > most:
            best, most = cell, count
        tried += 1
        # Near enough to the best.
        if tried > 40 or most >= 3:
            break
    return best


def _sets_of(cell):
    items = list(zip(cell._fields, cell, strict=True))
    pairs = itertools.combinations(items, 2)
    return [frozenset(one) for one in (*((item,) for item in items), *pairs)]


def every(step, names, turn):
    """A part of a list, another one at each turn."""
    return list(names)[turn % step :: step]


def some_cells(posterior):
    """Cells of a posterior: a quarter of the priors, likelihoods in turn, all objectives.

    Of a posterior with kin it is a twelfth of the priors.
    """
    turn, likelihoods = list(POSTERIORS).index(posterior), list(LIKELIHOODS)
    step = 4 if POSTERIORS[posterior].kin is None else 12
    return [
        Cell(posterior, prior, likelihoods[(turn + i) % len(likelihoods)], objective)
        for i, prior in enumerate(PRIORS)
        if (turn + i) % step == 0
        for objective in OBJECTIVES
    ]
