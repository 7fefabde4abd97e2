"""Untrained models, small enough to decode hundreds of images at once."""

import pytest

import keras_vae


@pytest.fixture(scope="package")
def plane():
    """A model of 8x8 images with two latent dimensions."""
    return keras_vae.DenseVAE((8, 8, 1), latent_dim=2, hidden_units=(16,), seed=0)


@pytest.fixture(scope="package")
def deep():
    """A model of 4x4 images with 12 latent dimensions."""
    return keras_vae.DenseVAE((4, 4, 1), latent_dim=12, hidden_units=(16,), seed=0)
