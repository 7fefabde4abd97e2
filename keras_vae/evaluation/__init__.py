"""Numbers that say how good a model is."""

from keras_vae.evaluation.attributes import attribute_reader, attribute_similarity
from keras_vae.evaluation.images import (
    image_scores,
    peak_signal_to_noise,
    ratio_of_means,
    sharpness,
)
from keras_vae.evaluation.likelihood import likelihood_scores, mean_and_error
from keras_vae.evaluation.scores import describe_scores, held_out_scores

__all__ = [
    "attribute_reader",
    "attribute_similarity",
    "describe_scores",
    "held_out_scores",
    "image_scores",
    "likelihood_scores",
    "mean_and_error",
    "peak_signal_to_noise",
    "ratio_of_means",
    "sharpness",
]
