"""Annealed importance sampling: log p(x) without the encoder, from below and above."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from keras_vae.core.numbers import positive_int
from keras_vae.evaluation.errors import mean_and_error
from keras_vae.evaluation.likelihood.annealing import Annealing, log_mean_exp
from keras_vae.models import LatentVariableModel


class BidirectionalBounds(NamedTuple):
    """Bounds of log p(x) of simulated observations, nats, from `bidirectional_check`.

    Attributes:
        x: The observations, [N, *event].
        lower: Below log p(x) in expectation, [N].
        upper: Above log p(x) in expectation, [N].

    Example:
        >>> lower, upper = np.array([-90.0]), np.array([-89.5])
        >>> BidirectionalBounds(x[:1], lower, upper).gap
        array([0.5])
    """

    x: np.ndarray
    lower: np.ndarray
    upper: np.ndarray

    @property
    def gap(self) -> np.ndarray:
        """Between the bounds, [N]; single gaps may be below zero because of noise."""
        return self.upper - self.lower

    @property
    def summary(self) -> dict[str, dict[str, float | None]]:
        """`{"mean", "standard_error"}` over observations of `lower`, `upper`, `gap`."""
        return {
            name: mean_and_error(getattr(self, name)) for name in ("lower", "upper", "gap")
        }


def annealed_importance_sampling(
    model: LatentVariableModel,
    x,
    num_steps: int = 1000,
    num_chains: int = 16,
    num_leapfrog: int = 10,
    start: str = "prior",
    seed: int = 0,
    verbose: int = 0,
) -> np.ndarray:
    """Estimates log p(x) by annealing from p(z), or q(z|x), to p(z|x).

    Chains move through `num_steps` distributions between the two by Hamiltonian
    transitions, and the log of the mean of their weights is a lower bound in expectation,
    which grows with `num_steps` and `num_chains` to log p(x). With `start="prior"` the
    encoder is not used: it is an independent check of `log_likelihood`, and a better
    estimate if the posterior is poor. It costs (num_chains + 4) * num_steps * num_leapfrog
    forward and backward passes through the decoder for each observation.

    A separate pass with four chains and other noise tunes the step sizes for each
    observation and temperature; then they are fixed. Step sizes that depend on the chains
    would invalidate the bound.

    Args:
        model: The model.
        x: Observations [N, *event].
        num_steps: Number of temperatures, on a sigmoid from 0 to 1.
        num_chains: Chains for each observation.
        num_leapfrog: Leapfrog steps of each transition.
        start: "prior", or "posterior" for the encoder's q(z|x), which is nearer but may
            miss a part of p(z|x).
        seed: Same seed, same estimate.
        verbose: 1 shows a progress bar.

    Returns:
        Array [N], nats; with a preprocessor a density is that of the raw values.

    Raises:
        ValueError: If x is of another shape or outside the likelihood's support, a number
            is not positive, there is no such `start`, or z does not live in
            R^D.

    Example:
        >>> x = x_test[:10]  # a first look; then all, and more steps
        >>> annealed_importance_sampling(vae, x, num_steps=50).mean()

    Source:
        Neal 2001, "Annealed importance sampling"; Wu, Burda, Salakhutdinov and Grosse
        2017, "On the quantitative analysis of decoder-based generative models".
    """
    x = model.to_units(x, scores=True)
    run = Annealing(model, start, num_steps, num_chains, num_leapfrog, seed)
    bar = run.progress_bar(len(x), 2, verbose)
    found = []
    for index, size in enumerate(run.batch_sizes(len(x))):
        first = index * run.batch_size
        rows = run.as_floats(x[first : first + size])
        sizes = run.tune(rows, index, bar)
        found.append(log_mean_exp(run.forward(rows, sizes, index, bar)))
    return np.concatenate(found) + model.log_scale_of(x)


def bidirectional_check(
    model: LatentVariableModel,
    num_examples: int = 100,
    num_steps: int = 1000,
    num_chains: int = 16,
    num_leapfrog: int = 10,
    start: str = "prior",
    seed: int = 0,
    verbose: int = 0,
) -> BidirectionalBounds:
    """Bounds log p(x) from both sides, on observations drawn from the model itself.

    If z is drawn from p(z) and x from p(x|z), this z is an exact draw from p(z|x). Chains
    that anneal backwards from it give an upper bound in expectation, and those of
    `annealed_importance_sampling` a lower one. The gap between them bounds the error of
    both. It shows which settings suffice for real data, if these resemble the simulated
    data.

    Args:
        model: The model.
        num_examples: Number of observations N to simulate.
        num_steps: See `annealed_importance_sampling`.
        num_chains: Chains in each direction for each observation.
        num_leapfrog: Leapfrog steps of each transition.
        start: See `annealed_importance_sampling`.
        seed: Same seed, same observations and bounds.
        verbose: 1 shows a progress bar.

    Returns:
        The observations and both bounds.

    Raises:
        ValueError: As `annealed_importance_sampling`.

    Example:
        >>> bounds = bidirectional_check(vae, 10, num_steps=50)  # a first look
        >>> bounds.summary["gap"]

    Source:
        Grosse, Ghahramani and Adams 2015, "Sandwiching the marginal likelihood using
        bidirectional Monte Carlo"; Wu et al. 2017, section 4.2.
    """
    run = Annealing(model, start, num_steps, num_chains, num_leapfrog, seed)
    count = positive_int(num_examples, "num_examples")
    bar = run.progress_bar(count, 3, verbose)
    found = []
    for index, size in enumerate(run.batch_sizes(count)):
        z, x = run.simulate(size, index)
        sizes = run.tune(x, index, bar)
        lower = log_mean_exp(run.forward(x, sizes, index, bar))
        # The reciprocal of a backward weight has the mean 1 / p(x).
        upper = -log_mean_exp(-run.backward(x, z, sizes, index, bar))
        found.append((x.numpy(), lower, upper))
    x, lower, upper = map(np.concatenate, zip(*found, strict=True))
    scale = model.log_scale_of(x)
    return BidirectionalBounds(model.from_units(x), lower + scale, upper + scale)
