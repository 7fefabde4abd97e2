"""Numbers that say how good a model is."""

from keras_vae.evaluation.annealed import (
    BidirectionalBounds,
    annealed_importance_sampling,
    bidirectional_check,
)
from keras_vae.evaluation.attributes import attribute_reader, attribute_similarity
from keras_vae.evaluation.gaps import InferenceGaps, inference_gaps
from keras_vae.evaluation.images import (
    image_scores,
    peak_signal_to_noise,
    ratio_of_means,
    sharpness,
)
from keras_vae.evaluation.likelihood import likelihood_scores, mean_and_error
from keras_vae.evaluation.scores import describe_scores, held_out_scores

__all__ = [
    "BidirectionalBounds",
    "InferenceGaps",
    "annealed_importance_sampling",
    "attribute_reader",
    "attribute_similarity",
    "bidirectional_check",
    "describe_scores",
    "held_out_scores",
    "image_scores",
    "inference_gaps",
    "likelihood_scores",
    "mean_and_error",
    "peak_signal_to_noise",
    "ratio_of_means",
    "sharpness",
]
