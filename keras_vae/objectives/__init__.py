"""Objectives: a Trace in, a loss for each example out."""

from typing import Any

from keras_vae.core.parts import Room
from keras_vae.core.schedules import Cyclical, Exponential, WarmUp
from keras_vae.core.trace import Trace
from keras_vae.objectives.adversarial import Adversarial
from keras_vae.objectives.base import Number, Objective
from keras_vae.objectives.beta_tc import BetaTC
from keras_vae.objectives.capacity import Capacity
from keras_vae.objectives.code_critic import AAE, FactorVAE
from keras_vae.objectives.dip import DIP
from keras_vae.objectives.elbo import ELBO
from keras_vae.objectives.hvae import HVAE
from keras_vae.objectives.iwae import IWAE
from keras_vae.objectives.mmd import WAE, InfoVAE
from keras_vae.objectives.multisample import CIWAE, MIWAE, PIWAE, Renyi
from keras_vae.objectives.path_gradients import STL, DReG
from keras_vae.objectives.reconstruction import Reconstruction
from keras_vae.objectives.regularized import RAE, Contractive, Denoising, Sparse
from keras_vae.objectives.score_function import (
    NVIL,
    DisARM,
    LeaveOneOut,
    ScoreFunction,
)
from keras_vae.objectives.similarity import MSSSIM
from keras_vae.objectives.vimco import VIMCO

__all__ = [
    "AAE",
    "CIWAE",
    "DIP",
    "ELBO",
    "HVAE",
    "IWAE",
    "MIWAE",
    "MSSSIM",
    "NVIL",
    "PIWAE",
    "RAE",
    "STL",
    "VIMCO",
    "WAE",
    "Adversarial",
    "BetaTC",
    "Capacity",
    "Contractive",
    "Cyclical",
    "DReG",
    "Denoising",
    "DisARM",
    "Exponential",
    "FactorVAE",
    "InfoVAE",
    "LeaveOneOut",
    "Number",
    "Objective",
    "Reconstruction",
    "Renyi",
    "ScoreFunction",
    "Sparse",
    "Trace",
    "WarmUp",
    "get",
]

ROOM = Room("objective", Objective)


def get(identifier: Any) -> Objective:
    """Returns an objective for a name, a description or an objective.

    Args:
        identifier: A name such as "elbo" or "elbo:beta=4", {"name": "iwae", "num_samples":
            50}, an `Objective`, or the dict that `keras.saving.serialize_keras_object` made
            of one.

    Returns:
        The objective.

    Raises:
        ValueError: If the name or an argument is unknown, or the object is not an
            objective.

    Example:
        >>> get("iwae").num_samples
        5
    """
    return ROOM.get(identifier)
