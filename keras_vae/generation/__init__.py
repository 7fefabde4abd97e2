"""Making new data from given data: changing an attribute, swapping decoders."""

from keras_vae.generation.attributes import attribute_vectors, edit_attribute
from keras_vae.generation.swap import swap

__all__ = ["attribute_vectors", "edit_attribute", "swap"]
