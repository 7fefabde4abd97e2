"""What the latent variables hold: information, activity, probes."""
