"""Objectives: a Trace in, a loss for each example out."""

import keras

from keras_vae.core.names import unknown
from keras_vae.objectives.adversarial import (
    GENERATOR_LOSSES,
    Adversarial,
    PlayerLosses,
)
from keras_vae.objectives.base import Objective
from keras_vae.objectives.elbo import ELBO
from keras_vae.objectives.iwae import IWAE

__all__ = [
    "ELBO",
    "GENERATOR_LOSSES",
    "IWAE",
    "Adversarial",
    "Objective",
    "PlayerLosses",
    "get",
]

_BY_NAME = {"elbo": ELBO, "iwae": IWAE}


def get(objective: str | dict | Objective) -> Objective:
    """Returns an objective for a name, a config or an objective.

    Args:
        objective: "elbo", "iwae" (with 5 draws), an `Objective`, or the dict that
            `keras.saving.serialize_keras_object` made of one.

    Returns:
        The objective.

    Raises:
        ValueError: If the name is not known, or the object of another kind.

    Example:
        >>> get("iwae").num_samples
        5
    """
    if isinstance(objective, dict):
        objective = keras.saving.deserialize_keras_object(objective)
    if isinstance(objective, Objective):
        return objective
    if isinstance(objective, str):
        if objective.lower() in _BY_NAME:
            return _BY_NAME[objective.lower()]()
        raise unknown("objective", objective, _BY_NAME)
    raise ValueError(
        "objective must be a name, such as 'elbo', or an Objective, such as "
        f"keras_vae.objectives.ELBO(beta=4.0), but is {objective!r}."
    )
