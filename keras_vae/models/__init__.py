"""Models: the parts wired together, with their training step."""

from typing import Any

from keras_vae.core.parts import Room
from keras_vae.models.conv_vae import ConvVAE
from keras_vae.models.dense_vae import DenseVAE
from keras_vae.models.hierarchical import HierarchicalVAE, LadderVAE
from keras_vae.models.latent_variable_model import LatentVariableModel
from keras_vae.models.semi_supervised import SemiSupervisedVAE
from keras_vae.models.vae import VAE
from keras_vae.models.vae_gan import VAEGAN, AutoencoderKL
from keras_vae.models.vector_quantized import VQVAE

__all__ = [
    "VAE",
    "VAEGAN",
    "VQVAE",
    "AutoencoderKL",
    "ConvVAE",
    "DenseVAE",
    "HierarchicalVAE",
    "LadderVAE",
    "LatentVariableModel",
    "SemiSupervisedVAE",
    "get",
]


def _make(cls: type):
    """The function that makes a model for an event shape; None if it needs networks."""
    if cls is VAE:
        return None
    # A LadderVAE refuses the factory method that it inherits.
    return cls if issubclass(cls, LadderVAE) else getattr(cls, "for_images", cls)


ROOM = Room("model", LatentVariableModel, _make)


def get(identifier: Any, event_shape, **given: Any) -> LatentVariableModel:
    """Returns a model for a name or a description.

    Args:
        identifier: Such as "conv_vae:latent_dim=40,filters=32-64".
        event_shape: Shape of one observation.
        **given: Arguments for models that take them, such as `prior` or `seed`.

    Returns:
        The model, not compiled.

    Raises:
        ValueError: If the name or an argument is not known, or the parts do not fit.

    Example:
        >>> get("dense_vae:latent_dim=2", (8, 8, 1)).latent_dim
        2
    """
    return ROOM.get(identifier, event_shape=event_shape, **given)
