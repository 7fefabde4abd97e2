"""Numbers that say how good a model is."""

from keras_vae.evaluation.aggregate import aggregate_posterior, information
from keras_vae.evaluation.attributes import attribute_reader, attribute_similarity
from keras_vae.evaluation.collapse import CollapseWarning, active_units, collapse_report
from keras_vae.evaluation.disentanglement import dci, mig, sap
from keras_vae.evaluation.images import (
    image_scores,
    peak_signal_to_noise,
    ratio_of_means,
    sharpness,
)
from keras_vae.evaluation.interventions import beta_vae_score, factor_vae_score
from keras_vae.evaluation.likelihood import likelihood_scores, mean_and_error
from keras_vae.evaluation.probes import probe_accuracy
from keras_vae.evaluation.scores import describe_scores, held_out_scores

__all__ = [
    "CollapseWarning",
    "active_units",
    "aggregate_posterior",
    "attribute_reader",
    "attribute_similarity",
    "beta_vae_score",
    "collapse_report",
    "dci",
    "describe_scores",
    "factor_vae_score",
    "held_out_scores",
    "image_scores",
    "information",
    "likelihood_scores",
    "mean_and_error",
    "mig",
    "peak_signal_to_noise",
    "probe_accuracy",
    "ratio_of_means",
    "sap",
    "sharpness",
]
