"""Log-likelihoods and bounds: importance weighting, annealing, inference gaps, anomalies."""
