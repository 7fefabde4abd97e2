"""The contents of latent variables: information, activity, probes."""
