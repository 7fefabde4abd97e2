"""The optimizers of the players of an objective."""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Sequence
from typing import Any

import keras
import tensorflow as tf

from keras_vae.core.arguments import constructor_arguments
from keras_vae.core.names import unknown
from keras_vae.core.parts import Room, part_name, registered
from keras_vae.core.replicas import sum_over_replicas


def optimizers_for(optimizer, players: Sequence[str]) -> dict[str, keras.Optimizer]:
    """Gives each player its own optimizer.

    Args:
        optimizer: A Keras optimizer or its name, such as "adam:learning_rate=0.002", for
            all; or a dict with one for each player.
        players: Their names.

    Returns:
        An optimizer for each player; if one was given, all players but the first get
        copies.

    Raises:
        ValueError: If a dict names other players, or an optimizer cannot be used here.
    """
    is_one = not isinstance(optimizer, dict) or {"name", "class_name"} & set(optimizer)
    if is_one or len(players) == 1:
        first = get_optimizer(optimizer)
        copies = (type(first).from_config(first.get_config()) for _ in players[1:])
        return dict(zip(players, (first, *copies), strict=True))
    for player in optimizer:
        if player not in players:
            raise unknown("player in the dict of optimizers", player, players)
    if missing := [player for player in players if player not in optimizer]:
        raise ValueError(
            f"The dict of optimizers lacks {', '.join(missing)}. Give one for each of "
            f"{', '.join(players)}, or a single optimizer for all."
        )
    optimizers = {player: get_optimizer(optimizer[player]) for player in players}
    if len({id(one) for one in optimizers.values()}) < len(players):
        raise ValueError(
            "Two players share one optimizer object, which would mix up their states. Make "
            "one for each, or give a single optimizer, which is copied."
        )
    return optimizers


class _Optimizers(Room):
    """The optimizers of Keras, and those registered with it."""

    def parts(self):
        found = {name.lower(): one for name, one in vars(keras.optimizers).items()}
        own = {part_name(one): one for one in registered(keras.Optimizer)}
        return {k: cls for k, cls in sorted((found | own).items()) if _is_complete(cls)}

    def arguments(self, name):
        # Keras has no annotations; arguments without one are numbers.
        number = float | None
        return {
            key: one.replace(annotation=number)
            if one.default is None and key != "name"
            else one
            for key, one in super().arguments(name).items()
        }


def _is_complete(cls) -> bool:
    """Whether it is an optimizer that wraps no other."""
    if not isinstance(cls, type) or not issubclass(cls, keras.Optimizer):
        return False
    needed = [one.default is one.empty for one in constructor_arguments(cls).values()]
    return cls is not keras.Optimizer and not any(needed)


ROOM = _Optimizers("optimizer", keras.Optimizer)


def get_optimizer(optimizer: Any) -> keras.Optimizer:
    """Returns an optimizer for a name, a description or an optimizer.

    Args:
        optimizer: A name such as "adam" or "adam:learning_rate=0.01", an optimizer, or the
            config that Keras makes from one.

    Returns:
        The optimizer.

    Raises:
        ValueError: If the name or an argument is not known.
    """
    return ROOM.get(optimizer)


def scaled_like(first: keras.Optimizer, optimizer: keras.Optimizer) -> keras.Optimizer:
    """Wraps an optimizer as Keras wrapped another one, in half precision.

    Args:
        first: The optimizer that Keras knows.
        optimizer: One that it does not.

    Returns:
        The optimizer, with a scaled loss if the first has one.
    """
    scaled = keras.optimizers.LossScaleOptimizer
    if not isinstance(first, scaled) or isinstance(optimizer, scaled):
        return optimizer
    return scaled(optimizer)


def batches_seen(optimizer: keras.Optimizer) -> tf.Tensor:
    """Returns the number of batches that an optimizer got gradients of.

    Args:
        optimizer: The optimizer.

    Returns:
        Integer scalar; above `iterations` if the optimizer accumulates gradients.
    """
    inner = getattr(optimizer, "inner_optimizer", optimizer)
    # `iterations` counts updates.
    return tf.convert_to_tensor(inner._iterations)


@contextlib.contextmanager
def averaged(optimizers: Iterable[keras.Optimizer]):
    """Replaces variables by their running averages, if kept, within the block.

    Args:
        optimizers: Optimizers, of which those with `use_ema=True` count.

    Yields:
        Nothing.

    Example:
        >>> with averaged(vae_gan.optimizers.values()):
        ...     images = vae_gan.sample(8)
    """
    swapped = list(optimizers)
    for one in swapped:
        _swap(one)
    try:
        yield
    finally:
        for one in swapped:
            _swap(one)


def _swap(optimizer):
    """Exchanges variables and their averages, if there are any."""
    optimizer = getattr(optimizer, "inner_optimizer", optimizer)
    if not optimizer.use_ema or not _has_stepped(optimizer):
        return
    # (As Keras's own callback SwapEMAWeights finds them.)
    averages = optimizer._model_variables_moving_average
    for variable, average in zip(optimizer._trainable_variables, averages, strict=True):
        value = keras.ops.convert_to_numpy(variable)
        variable.assign(average)
        average.assign(value)


def _has_stepped(optimizer) -> bool:
    """Whether an optimizer has taken a step."""
    # (`int` cannot convert the counter of several replicas.)
    return bool(tf.convert_to_tensor(optimizer.iterations) > 0)


@contextlib.contextmanager
def finished_by_player(optimizers: dict[str, keras.Optimizer], variables: dict[str, list]):
    """Lets Keras, at the end of `fit`, write each player's averages into its own variables.

    Keras would write those of the first optimizer into all variables in turn. It does so
    before the callbacks end, so that a callback that restores weights has the last word.

    Args:
        optimizers: The optimizer of each player.
        variables: The variables of each player.

    Yields:
        Nothing.
    """
    first = next(iter(optimizers.values()))

    def finish(_):
        for player, one in optimizers.items():
            if _has_stepped(one):
                type(one).finalize_variable_values(one, variables[player])

    first.finalize_variable_values = finish
    try:
        yield
    finally:
        del first.finalize_variable_values


def balanced(gradients, others, factor: float) -> tuple[list, tf.Tensor]:
    """Adds gradients of a second loss, scaled to the norm of the first.

    Args:
        gradients: Gradients of a player's own loss with respect to its variables, or None.
        others: Gradients of the second loss.
        factor: Ratio of the norm of the second to that of the first, both at the last
            kernel: the last variable with two axes or more.

    Returns:
        The sums, and the multiplier of the second, at most 1e4 times the factor.

    Source:
        Esser et al. 2021, "Taming transformers for high-resolution image synthesis",
        equation 7.
    """
    kernels = [
        (own, other)
        for own, other in zip(gradients, others, strict=True)
        if own is not None and other is not None and own.shape.rank >= 2
    ]
    if not kernels:
        return gradients, tf.zeros(())
    # The norms are over all replicas, so that each takes the same step.
    own, other = (tf.norm(sum_over_replicas(one)) for one in kernels[-1])
    scale = factor * tf.minimum(own / (other + 1e-4), 1e4)
    sums = [
        own if other is None else scale * other + (0.0 if own is None else own)
        for own, other in zip(gradients, others, strict=True)
    ]
    return sums, scale


def apply_if(condition: tf.Tensor | None, optimizer, gradients, variables) -> None:
    """Takes an optimizer's step if a condition holds, and otherwise changes nothing.

    Args:
        condition: Bool scalar, the same on every replica; None is always true.
        optimizer: The optimizer, built.
        gradients: Gradients of the variables.
        variables: The variables.
    """
    if condition is None:
        optimizer.apply(gradients, variables)
        return
    context = tf.distribute.get_replica_context()
    if tf.__internal__.distribute.strategy_supports_no_merge_call():
        _cond(condition, lambda: optimizer.apply(gradients, variables))
        return

    # Optimizers merge the replicas, which cannot be done inside a branch; so the branch is
    # put around all of them (as Keras does to leave out steps in half precision).
    def across(strategy, condition, gradients):
        condition = strategy.experimental_local_results(condition)[0]
        _cond(
            condition,
            lambda: strategy.extended.call_for_each_replica(
                lambda own: optimizer.apply(own, variables), args=(gradients,)
            ),
        )

    context.merge_call(across, args=(condition, gradients))


def _cond(condition, function):
    def branch():
        function()
        return tf.constant(0)

    tf.cond(condition, branch, lambda: tf.constant(0))
