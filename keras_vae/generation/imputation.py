"""Filling in missing values of observations, given the known values."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any, NamedTuple, cast

import keras
import numpy as np
import tensorflow as tf
from tensorflow_probability import distributions as tfd
from tensorflow_probability import mcmc

from keras_vae.core.batches import in_batches
from keras_vae.core.centers import elements_of, expectation_of
from keras_vae.core.checks import check_shape
from keras_vae.core.names import unknown
from keras_vae.core.numbers import positive_int
from keras_vae.core.seeds import fold
from keras_vae.models import LatentVariableModel

# Number of draws from the prior whose mean fills the gaps by default.
_PRIOR_DRAWS = 256
# Share of the codes of importance sampling that are drawn from the prior. It bounds the
# weights: q, which saw the fill, is often too sure.
_FROM_PRIOR = 0.25
# Chains of "gibbs" for each observation, since one chain's draws hardly differ.
_CHAINS = 4
# Number of draws among which the most probable class is counted.
_DRAWS_FOR_A_MODE = 50


class Imputed(NamedTuple):
    """Observations with filled gaps; known values do not change.

    Attributes:
        mean: Estimate of the mean of missing values, given the known ones; [N, *event], or
            a `pandas.DataFrame` for tables with named columns. If tails are so heavy that
            there is no mean, the centres are averaged; for classes and ranks it is the most
            probable one.
        draws: Draws with the gaps filled, [num_draws, N, *event], or a list of tables.
        efficiency: How far the result can be trusted, [N], from 0 to 1: the effective
            sample size, as a share of `num_samples`. For "importance" it is that of the
            weights; near 0, few codes decide. For "gibbs" it is that of the chains, for the
            coordinate of z that mixes worst. If it is low, take more samples, or the other
            method.

    Example:
        >>> whole = Imputed(mean=x, draws=x[np.newaxis], efficiency=np.ones(len(x)))
        >>> whole.draws[0].shape == whole.mean.shape
        True
    """

    mean: Any
    draws: Any
    efficiency: np.ndarray


def impute(
    model: LatentVariableModel,
    x,
    observed=None,
    method: str = "importance",
    num_samples: int = 1000,
    num_draws: int = 1,
    fill=None,
    batch_size: int = 100,
    seed: int = 0,
    y=None,
    verbose: int = 0,
) -> Imputed:
    """Fills in missing entries of observations.

    Both methods find codes z that agree with the known values, and decode them.

    - "importance" draws codes from q(z|x) of the filled-in observation, a quarter of them
      from the prior, and weighs them by p(observed|z) p(z) over the density that they were
      drawn from. Exact for many samples; few of them count where the fill misleads the
      encoder, which is when much is missing.
    - "gibbs" draws code and missing entries in turns, the entries from p(x|z), the codes
      from q(z|x) of the observation as it is filled now, which are accepted with the
      Metropolis probability, so that q need not be exact. Each observation has four
      chains, which share `num_samples` turns; before, each takes half as many, of which
      the first half accept all codes. Finds its way where much is missing.

    Args:
        model: A model whose likelihood has independent elements.
        x: Observations [N, *event], raw where the model has a preprocessor. Missing entries
            may hold any value, including NaN.
        observed: Booleans of the shape of x, True for known entries; None takes those that
            are not NaN.
        method: "importance" or "gibbs".
        num_samples: Codes for each observation; for "gibbs", turns of all its chains
            together, at least two for each.
        num_draws: Draws of missing values for each observation; at most `num_samples`.
        fill: Initial values of missing entries for the encoder, in the units of x: a number,
            an array that broadcasts to x, or a table; None takes the mean of the model's
            samples. The `mean` of an earlier result is a good fill for "importance".
        batch_size: Observations at a time.
        seed: The same seed and `batch_size` give the same result.
        y: The condition of each observation, for a model that has one.
        verbose: 1 shows a progress bar.

    Returns:
        Mean and draws, in the units of x, and how far they can be trusted.

    Raises:
        ValueError: If x, observed or fill do not fit the model, a known entry is NaN or
            outside the likelihood's support, there is no such method, or the likelihood
            gives no probabilities or no means of single elements.

    Example:
        >>> x = x_test[:10]
        >>> observed = np.ones(x.shape, bool)
        >>> observed[:, 14:] = False  # the lower half of the images
        >>> whole = impute(vae, x, observed, "gibbs", num_samples=200, num_draws=5)
        >>> whole.mean.shape, whole.draws.shape
        ((10, 28, 28, 1), (5, 10, 28, 28, 1))

    Source:
        Rezende et al. 2014, "Stochastic backpropagation", appendix F (Gibbs without
        correction); Mattei and Frellsen 2018, "Leveraging the exact likelihood of deep
        latent variable models", section 3 (the correction); Mattei and Frellsen 2019,
        "MIWAE: deep generative modelling and imputation of incomplete data sets"
        (importance); Hesterberg 1995, "Weighted average importance sampling and defensive
        mixture distributions" (the share of the prior); Vehtari et al. 2021,
        "Rank-normalization, folding, and localization", section 3 (effective sample size
        of several chains).
    """
    if method not in _METHODS:
        raise unknown("method of imputation", method, _METHODS)
    for name, n in {"num_samples": num_samples, "num_draws": num_draws}.items():
        positive_int(n, name)
    positive_int(batch_size, "batch_size")
    if num_draws > num_samples:
        raise ValueError(
            f"num_draws is {num_draws}, but there are only {num_samples} samples to draw "
            "from. Take a larger num_samples."
        )
    if method == "gibbs" and model.explains_gaps:
        raise ValueError(
            "gibbs does not use the model of missingness. Take method='importance' "
            "(--method importance)."
        )
    y = model.check_condition(y, len(x))
    _check_model(model, None if y is None else y[:1])
    raw, observed = _known(model, x, observed)
    x = model.to_units(raw).astype(model.probability_dtype)
    if method == "importance" and model.takes_gaps and fill is None:
        # Its encoder was trained to read gaps.
        x = np.where(observed, x, np.nan)
    else:
        x = np.where(observed, x, _fill(model, fill, x.shape, y, seed))
    # For classes, the most probable one is found among draws.
    wanted, has_mean = num_draws, model.has_mean
    if not has_mean.all():
        num_draws = min(max(num_draws, _DRAWS_FOR_A_MODE), num_samples)
    fill_in, step = _METHODS[method]
    # Traced once for all batches.
    step = tf.function(partial(step, model), autograph=False, reduce_retracing=True)
    chains = _CHAINS if method == "gibbs" else 1
    batch_size = max(1, min(batch_size, model.events_at_a_time() // chains))
    of_batch = sum(_turns(num_samples)) if method == "gibbs" else 1
    bar = keras.utils.Progbar(-(-len(x) // batch_size) * of_batch, verbose=verbose)
    parts = []
    for index, start in enumerate(range(0, len(x), batch_size)):
        rows = slice(start, start + batch_size)
        known = (
            None if one is None else tf.constant(one[rows]) for one in (x, y, observed)
        )
        settings = num_samples, num_draws, fold(seed, 1, index)
        parts.append(fill_in(model, step, *known, *settings, lambda: bar.add(1)))
    means, drawn, efficiencies = zip(*parts, strict=True)
    draws = np.concatenate(drawn, axis=1)
    mean = np.concatenate(means)
    if not has_mean.all():
        mean = np.where(has_mean, mean, _mode(draws))
    mean = np.where(observed, raw, model.from_units(mean.astype(x.dtype)))
    draws = model.from_units(draws[:wanted].astype(x.dtype))
    draws = np.where(observed, raw, draws)
    tables = [model.as_table(one) for one in draws]
    is_array = isinstance(tables[0], np.ndarray)
    return Imputed(
        model.as_table(mean),
        draws if is_array else tables,
        np.concatenate(efficiencies),
    )


def _mode(draws: np.ndarray) -> np.ndarray:
    """The most frequent value among draws, for each element."""
    best, mode = np.zeros(draws.shape[1:], int), draws[0]
    for one in draws:
        count = (draws == one).sum(axis=0)
        mode = np.where(count > best, one, mode)
        best = np.maximum(count, best)
    return mode


def _by_importance(model, weigh, x, y, observed, num_samples, num_draws, seed, advance):
    """Self-normalised importance sampling of one batch; `draws` by resampling."""
    chunk = max(1, min(num_samples, model.events_at_a_time() // len(x)))
    codes, wholes, log_weights, total, scale = [], [], [], 0.0, -np.inf
    for start in range(0, num_samples, chunk):
        count = tf.constant(min(chunk, num_samples - start))
        weighed = weigh(x, y, observed, count, fold(seed, 0, start))
        z, log_weight, mean, log_sum = (part.numpy() for part in weighed[:4])
        codes.append(z)
        wholes.append(weighed[4])
        log_weights.append(log_weight)
        # The mean so far and that of the chunk, by the share of the weights.
        together = np.logaddexp(scale, log_sum)
        old, new = (_columns(np.exp(s - together), x) for s in (scale, log_sum))
        total, scale = old * total + new * mean, together
    advance()
    joined = np.concatenate(log_weights)
    share = np.exp(joined - scale)
    efficiency = 1.0 / (len(share) * np.square(share).sum(axis=0))
    chosen = tf.random.stateless_categorical(joined.T, num_draws, fold(seed, 1))
    if model.explains_gaps:
        # The missing values were weighted with their code.
        drawn = np.concatenate(wholes)
        draws = np.take_along_axis(drawn, _columns(chosen.numpy().T, drawn), axis=0)
        return total, draws, np.minimum(efficiency, 1.0)
    drawn = np.concatenate(codes)
    z = np.take_along_axis(drawn, _columns(chosen.numpy().T, drawn), axis=0)
    draws = in_batches(
        lambda z, i: model.decode(z, y).sample(seed=fold(seed, 2, i)), z, max(1, chunk)
    )
    return total, draws, np.minimum(efficiency, 1.0)


def _weigh(model, x, y, observed, count, seed):
    """Codes [S, B, *latent], their log-weights [S, B], and the weighted mean of E[x|z].

    If the model has a model of missingness, codes and draws of missing values, [S, B,
    *event], are weighted together, and the mean is that of the draws.
    """
    size, latent = tf.stack([count, tf.shape(x)[0]]), model.latent.shape
    from_prior = tf.random.stateless_uniform(size, fold(seed, 0)) < _FROM_PRIOR
    tiled = None if y is None else tf.tile(y, [count, *[1] * (y.shape.rank - 1)])
    drawn = model.draw(size[0] * size[1], fold(seed, 1), tiled)
    axes = (..., *[tf.newaxis] * len(latent))
    z = tf.where(
        from_prior[axes],
        tf.reshape(drawn, tf.concat([size, latent], axis=0)),
        model.encode(x, y).sample(count, seed=fold(seed, 2)),
    )
    trace = model.trace(x, z=z, y=y)
    # The density of `draw`, also where a known class has no probability of its own.
    log_p, log_q, px = model.log_prior(z, y), trace.log_q, trace.px
    # The support of the prior may be larger than that of q, such as for a normal and beta
    # distributions: there the probability under q is 0, but TFP returns NaN.
    outside = from_prior & tf.math.is_nan(log_q)
    log_q = tf.where(outside, tf.constant(-np.inf, log_q.dtype), log_q)
    log_proposal = tf.reduce_logsumexp(
        tf.stack([np.log(1 - _FROM_PRIOR) + log_q, np.log(_FROM_PRIOR) + log_p]), axis=0
    )
    # If the encoder reads gaps, x has gaps, which get a number inside the support.
    filled = tf.where(observed, x, tf.cast(model.support.some_value(), x.dtype))
    elements = cast(tfd.Distribution, elements_of(px))
    log_px = tf.where(observed, elements.log_prob(filled), 0.0)
    log_px = tf.reduce_sum(log_px, axis=tf.range(2, tf.rank(log_px)))
    log_weight = log_px + log_p - log_proposal
    if model.explains_gaps:
        whole = means = tf.where(observed, x, px.sample(seed=fold(seed, 3)))
        log_weight += model.log_missingness(whole, observed)
    else:
        whole, means = None, expectation_of(px)
    share = _columns(tf.nn.softmax(log_weight, axis=0), means)
    mean = tf.reduce_sum(share * means, axis=0)
    return z, log_weight, mean, tf.reduce_logsumexp(log_weight, axis=0), whole


def _turns(num_samples: int) -> tuple[int, int]:
    """Turns of each Gibbs chain: to forget its start, which is not shared out, and after."""
    return -(-num_samples // 2), max(2, -(-num_samples // _CHAINS))


def _by_gibbs(model, turn, x, y, observed, num_samples, num_draws, seed, advance):
    """Metropolis-within-Gibbs for one batch, several chains for each observation."""
    x, y, observed = (
        None if one is None else tf.tile(one, [_CHAINS] + [1] * (one.shape.rank - 1))
        for one in (x, y, observed)
    )
    warm_up, turns = _turns(num_samples)
    z = model.draw(len(x), fold(seed, warm_up + turns), y)
    # Evenly spaced in each chain, the last turn among them.
    of_each = -(-num_draws // _CHAINS)
    kept = set(turns - 1 - np.arange(of_each) * turns // of_each)
    draws: list[np.ndarray] = []
    codes, mean = [], 0.0
    for i in range(-warm_up, turns):
        correct = tf.constant(2 * i >= -warm_up)
        x, z, x_mean = turn(x, y, observed, z, correct, fold(seed, warm_up + i))
        if i >= 0:
            mean += (_by_chain(x_mean).mean(axis=0) - mean) / (i + 1)
            codes.append(_by_chain(z))
        if i in kept:
            draws.extend(_by_chain(x))
        advance()
    size = _effective_sample_size(np.stack(codes))
    return mean, np.stack(draws[-num_draws:]), size / np.float32(turns * _CHAINS)


def _by_chain(rows) -> np.ndarray:
    """Rows of all chains as [chains, B, ...]."""
    rows = rows.numpy()
    return rows.reshape(_CHAINS, -1, *rows.shape[1:])


def _effective_sample_size(codes: np.ndarray) -> np.ndarray:
    """The size [B] for codes [turns, chains, B, *latent], at the worst coordinate."""
    turns, chains, rows = codes.shape[:3]
    codes = codes.reshape(turns, chains, rows, -1)
    # Codes that never move have no autocorrelation, but are equal: they count as one
    # sample.
    still = codes.min(axis=(0, 1)) == codes.max(axis=(0, 1))
    # Its FFT makes TensorFlow warn that imaginary parts, which are zero, are left out.
    logger = tf.get_logger()
    level = logger.level
    logger.setLevel("ERROR")
    try:
        sizes = mcmc.effective_sample_size(
            tf.constant(codes), filter_beyond_positive_pairs=True, cross_chain_dims=1
        ).numpy()
    finally:
        logger.setLevel(level)
    sizes = np.where(still, np.inf, np.maximum(sizes, 1.0)).min(axis=-1)
    return np.where(still.all(axis=-1), 1.0, np.minimum(sizes, turns * chains))


def _turn(model, x, y, observed, z, correct, seed):
    """One new code and new missing entries; all codes are accepted if not `correct`."""
    both = tf.stack([z, model.encode(x, y).sample(seed=fold(seed, 0))])
    trace = model.trace(x, z=both, y=y)
    px, (old, new) = trace.px, tf.unstack(trace.log_weight)
    log_u = tf.math.log(tf.random.stateless_uniform(tf.shape(old), fold(seed, 1)))
    accept = (log_u < tf.cast(new - old, log_u.dtype)) | ~correct

    def choose(pair):
        return tf.where(_columns(accept, pair[0]), pair[1], pair[0])

    x = tf.where(observed, x, choose(px.sample(seed=fold(seed, 2))))
    return x, choose(both), choose(expectation_of(px))


# The function that fills in a batch, and the step that it repeats.
_METHODS: dict[str, tuple[Callable, Callable]] = {
    "importance": (_by_importance, _weigh),
    "gibbs": (_by_gibbs, _turn),
}


def _columns(values, like):
    """Values for examples, with axes of size 1 so that they broadcast with events."""
    axes = (..., *[np.newaxis] * (len(like.shape) - len(values.shape)))
    return values[axes]


def _known(model, x, observed):
    """Raw observations with placeholders for missing values, and the mask, both checked."""
    if model.preprocessor is not None and model.preprocessor.spectrogram is not None:
        raise ValueError(
            "impute fills in missing elements of observations, but this model sees "
            "spectrograms, whose elements are not the samples of a sound. Take a model of "
            "tables or images."
        )
    observed = _as_in_training(model, x, observed)
    x = np.asarray(x if model.preprocessor is None else model.preprocessor.codes(x))
    if observed is None:
        if x.dtype.kind != "f":
            raise ValueError(
                f"x has dtype {x.dtype}, in which NaN cannot mark missing values. Give "
                "observed: booleans, True where x is known."
            )
        observed = ~np.isnan(x)
    observed = np.asarray(observed)
    if observed.dtype != bool:
        raise ValueError(
            "observed must be booleans, True where x is known, but has dtype "
            f"{observed.dtype}. Compare: observed == 1, or ~np.isnan(x)."
        )
    check_shape(x.shape, model.event_shape)
    if observed.shape != x.shape:
        raise ValueError(
            f"observed has shape {observed.shape}, but x has shape {x.shape}; each entry "
            "of x is known or not. Use np.broadcast_to for a mask of all observations."
        )
    inside = np.full((1, *model.event_shape), model.support.some_value(), np.float32)
    stand_in = model.from_units(inside)
    return np.where(observed, x, stand_in.astype(x.dtype)), observed


def _as_in_training(model, x, observed):
    """A mask with the columns of training in their order, as those of x will be."""
    columns = model.preprocessor.columns if model.preprocessor is not None else None
    table = observed if hasattr(observed, "columns") else x
    if observed is None or not columns or not hasattr(table, "columns"):
        return observed
    places = {str(name): i for i, name in enumerate(table.columns)}
    if missing := [one.name for one in columns if one.name not in places]:
        raise ValueError(
            "x and observed must have each column of the training data, but "
            f"{missing[0]!r} is missing; there are the columns {', '.join(places)}."
        )
    observed = np.asarray(observed)
    if observed.ndim != 2 or observed.shape[1] != len(places):
        raise ValueError(
            f"observed has shape {observed.shape}, but the table has {len(places)} columns. "
            "Give a mask of the table's shape."
        )
    return observed[:, [places[one.name] for one in columns]]


def _fill(model, fill, shape, y, seed):
    """The initial values of missing entries for the encoder, in the model's units."""
    if fill is None:
        # The samples take all conditions in turn, if there are any.
        y = None if y is None else y[np.arange(_PRIOR_DRAWS) % len(y)]
        z = model.draw(_PRIOR_DRAWS, fold(seed, 0), y)
        return np.mean(model.decoded(z, y), axis=0)
    if model.preprocessor is not None:
        fill = model.preprocessor.codes(fill)
    try:
        fill = np.broadcast_to(fill, shape)
    except ValueError as error:
        raise ValueError(
            f"fill must be a number or broadcast to x, shape {shape}, but has shape "
            f"{np.shape(fill)}."
        ) from error
    if not np.isfinite(fill).all():
        raise ValueError("fill has values that are NaN or infinite; the encoder reads it.")
    if model.preprocessor is not None:
        fill = model.preprocessor.scaling(fill)
    return fill.astype(model.probability_dtype)


def _check_model(model, y) -> None:
    model.require_density()
    px = model.decode(model.draw(1, 0, y), y)
    if elements_of(px) is None:
        raise ValueError(
            "impute needs a likelihood whose elements are independent given z, but this "
            "model's likelihood does not have them. Use a model with an Independent... "
            "layer, with DiscretizedLogistic or with Blockwise."
        )
