"""Every prior, with its log-probability from SciPy."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from scipy import special, stats

from keras_vae import priors


def standard_normal(prior, z, temperature):
    return stats.norm.logpdf(z, 0.0, temperature).sum(-1)


def mixture_of_normals(prior, z, temperature):
    scale = temperature * (1e-5 + np.logaddexp(0, prior.raw_scale.numpy().astype(float)))
    each = stats.norm.logpdf(z[:, None], prior.loc.numpy(), scale).sum(-1)
    return special.logsumexp(special.log_softmax(prior.logits.numpy()) + each, axis=-1)


@dataclass(frozen=True)
class PriorCase:
    """A prior over vectors of two, and its oracle."""

    cls: type
    arguments: dict
    oracle: Callable
    num_weights: int = 0

    def make(self, event_shape=2, **more):
        """Makes the prior, with weights away from where they start."""
        prior = self.cls(event_shape=event_shape, **self.arguments, **more)
        if event_shape is not None:
            prior.build((event_shape,))
            rng = np.random.default_rng(8)
            prior.set_weights([rng.normal(size=w.shape) for w in prior.weights])
        return prior


CASES = {
    "standard_normal": PriorCase(priors.StandardNormal, {}, standard_normal),
    "mixture_of_normals": PriorCase(
        priors.MixtureOfNormals, {"num_components": 3}, mixture_of_normals, 3
    ),
    "fixed_mixture": PriorCase(
        priors.MixtureOfNormals,
        {"num_components": 1, "trainable": False},
        mixture_of_normals,
        3,
    ),
}
