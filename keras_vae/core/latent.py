"""The description of a model's latent variable."""

from __future__ import annotations

from typing import NamedTuple

from keras_vae.core.support import Support


class Latent(NamedTuple):
    """The latent variable of a model, as its posterior describes it.

    Attributes:
        shape: Shape of one latent variable.
        support: The set that it lives on.
        is_discrete: Whether it has probabilities instead of densities.
        is_reparameterized: Whether draws have a gradient.
        has_density: Whether it has a rate; a single point has none.
        is_factorized: Whether its elements are independent given x.
        has_moments: Whether its mean and variance given x are known and finite.
        is_encoded: Whether q has no weights but the encoder's, and the prior asks no encoder.
        name: What to call the posterior in messages.
    """

    shape: tuple[int, ...]
    support: Support
    is_discrete: bool
    is_reparameterized: bool
    has_density: bool
    is_factorized: bool
    has_moments: bool
    is_encoded: bool
    name: str
