"""The optimizers of the players of a VAE-GAN."""

from __future__ import annotations

import keras
import tensorflow as tf

from keras_vae.core.names import unknown

PLAYERS = ("encoder", "decoder", "discriminator")


def optimizers_for(optimizer) -> dict[str, keras.Optimizer]:
    """Gives each player an optimizer of its own.

    Args:
        optimizer: A Keras optimizer or the name of one, for all; or a dict with one for
            each player.

    Returns:
        Three optimizers by player; of a single one, two are copies of its settings.

    Raises:
        ValueError: If a dict names other players than the three, or an optimizer keeps
            averages of the weights.
    """
    if not isinstance(optimizer, dict):
        first = keras.optimizers.get(optimizer)
        _refuse_averages(first)
        copies = (type(first).from_config(first.get_config()) for _ in PLAYERS[1:])
        return dict(zip(PLAYERS, (first, *copies), strict=True))
    for player in optimizer:
        if player not in PLAYERS:
            raise unknown("player in the dict of optimizers", player, PLAYERS)
    if missing := [player for player in PLAYERS if player not in optimizer]:
        raise ValueError(
            f"The dict of optimizers lacks {', '.join(missing)}. Give one for each of "
            f"{', '.join(PLAYERS)}, or a single optimizer for all."
        )
    optimizers = {player: keras.optimizers.get(optimizer[player]) for player in PLAYERS}
    for one in optimizers.values():
        _refuse_averages(one)
    if len({id(one) for one in optimizers.values()}) < len(PLAYERS):
        raise ValueError(
            "Two players share one optimizer object, which would mix up their states. "
            "Make one for each, or give a single optimizer for all, which is copied."
        )
    return optimizers


def _refuse_averages(optimizer):
    optimizer = getattr(optimizer, "inner_optimizer", optimizer)
    if getattr(optimizer, "use_ema", False):
        raise ValueError(
            "use_ema=True does not work for a VAE-GAN: at the end of `fit` Keras would "
            "write the averages of one player only into the model. Leave it out."
        )


def apply_if(condition: tf.Tensor | None, optimizer, gradients, variables) -> None:
    """Takes an optimizer's step where a condition holds, and else leaves all as it is.

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
