"""Whether single latent numbers stand for single factors of variation."""
