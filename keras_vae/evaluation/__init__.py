"""Metrics: numbers that measure how good a model is."""

from keras_vae.evaluation.disentanglement.codes import dci, mig, sap
from keras_vae.evaluation.disentanglement.interventions import (
    beta_vae_score,
    factor_vae_score,
)
from keras_vae.evaluation.errors import mean_and_error
from keras_vae.evaluation.held_out import HeldOut
from keras_vae.evaluation.images.attributes import (
    attribute_features,
    attribute_reader,
    attribute_similarity,
)
from keras_vae.evaluation.images.classes import class_reader, condition_accuracy
from keras_vae.evaluation.images.features import FeatureExtractor, pixels, random_conv
from keras_vae.evaluation.images.frechet import frechet_distance
from keras_vae.evaluation.images.manifolds import density_coverage, precision_recall
from keras_vae.evaluation.images.scores import (
    grain,
    image_scores,
    peak_signal_to_noise,
    ratio_of_means,
    sharpness,
    structural_similarity,
)
from keras_vae.evaluation.labels import label_scores
from keras_vae.evaluation.latents.aggregate import aggregate_posterior, information
from keras_vae.evaluation.latents.collapse import (
    CollapseWarning,
    active_units,
    collapse_report,
)
from keras_vae.evaluation.latents.probes import probe_accuracy
from keras_vae.evaluation.likelihood.annealed import (
    BidirectionalBounds,
    annealed_importance_sampling,
    bidirectional_check,
)
from keras_vae.evaluation.likelihood.anomaly import anomaly_scores, auroc, png_length
from keras_vae.evaluation.likelihood.estimates import likelihood_scores
from keras_vae.evaluation.likelihood.gaps import InferenceGaps, inference_gaps
from keras_vae.evaluation.likelihood.ranking import AnomalyRanking, anomaly_ranking
from keras_vae.evaluation.registry import (
    METRICS,
    Metric,
    describe_metrics,
    evaluate_metrics,
)
from keras_vae.evaluation.scores import describe_scores, held_out_scores, plus_minus
from keras_vae.evaluation.sounds import log_spectral_distance, spectral_convergence
from keras_vae.evaluation.tables import table_scores

__all__ = [
    "AnomalyRanking",
    "BidirectionalBounds",
    "CollapseWarning",
    "FeatureExtractor",
    "HeldOut",
    "InferenceGaps",
    "METRICS",
    "Metric",
    "active_units",
    "aggregate_posterior",
    "annealed_importance_sampling",
    "anomaly_ranking",
    "anomaly_scores",
    "attribute_features",
    "attribute_reader",
    "attribute_similarity",
    "auroc",
    "beta_vae_score",
    "bidirectional_check",
    "class_reader",
    "collapse_report",
    "dci",
    "density_coverage",
    "describe_metrics",
    "describe_scores",
    "evaluate_metrics",
    "factor_vae_score",
    "frechet_distance",
    "grain",
    "held_out_scores",
    "image_scores",
    "inference_gaps",
    "information",
    "likelihood_scores",
    "label_scores",
    "log_spectral_distance",
    "mean_and_error",
    "mig",
    "peak_signal_to_noise",
    "pixels",
    "png_length",
    "plus_minus",
    "precision_recall",
    "probe_accuracy",
    "random_conv",
    "ratio_of_means",
    "condition_accuracy",
    "sap",
    "sharpness",
    "spectral_convergence",
    "structural_similarity",
    "table_scores",
]
