"""Hierarchies of latent variables: the model, its prior, its posteriors, its networks."""

from keras_vae.models.hierarchical.bidirectional import Bidirectional
from keras_vae.models.hierarchical.ladder_vae import LadderVAE
from keras_vae.models.hierarchical.model import HierarchicalVAE
from keras_vae.models.hierarchical.posteriors import Ladder, TopDown
from keras_vae.models.hierarchical.prior import TopDownPrior

__all__ = [
    "Bidirectional",
    "HierarchicalVAE",
    "Ladder",
    "LadderVAE",
    "TopDown",
    "TopDownPrior",
]
