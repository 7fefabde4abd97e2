"""Numbers that say how good a model is."""

from keras_vae.evaluation.likelihood import describe_scores, likelihood_scores

__all__ = ["describe_scores", "likelihood_scores"]
