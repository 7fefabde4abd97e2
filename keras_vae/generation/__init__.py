"""New data from given data: changed attributes, swapped decoders, filled gaps."""

from keras_vae.generation.attributes import attribute_vectors, edit_attribute
from keras_vae.generation.codes import drawn_codes
from keras_vae.generation.ex_post import fit_prior
from keras_vae.generation.imputation import Imputed, impute
from keras_vae.generation.swap import swap

__all__ = [
    "Imputed",
    "attribute_vectors",
    "drawn_codes",
    "edit_attribute",
    "fit_prior",
    "impute",
    "swap",
]
