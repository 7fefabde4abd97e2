"""The support of a TFP distribution, as far as its class tells."""

from __future__ import annotations

from tensorflow_probability import bijectors as tfb
from tensorflow_probability import distributions as tfd

from keras_vae.core.support import BINARY, ONE_HOT, REAL, SIMPLEX, SPHERE, Support

_WHOLE = Support(integer=True)
_KINDS = {
    BINARY: (tfd.Bernoulli,),
    ONE_HOT: (tfd.OneHotCategorical,),
    SPHERE: (tfd.VonMisesFisher, tfd.PowerSpherical, tfd.SphericalUniform),
    SIMPLEX: (
        tfd.Dirichlet,
        tfd.ExpRelaxedOneHotCategorical,
        tfd.RelaxedOneHotCategorical,
    ),
    _WHOLE: (
        tfd.BetaBinomial,
        tfd.Binomial,
        tfd.Categorical,
        tfd.DirichletMultinomial,
        tfd.FiniteDiscrete,
        tfd.Geometric,
        tfd.Multinomial,
        tfd.NegativeBinomial,
        tfd.OrderedLogistic,
        tfd.Poisson,
        tfd.PoissonLogNormalQuadratureCompound,
        tfd.QuantizedDistribution,
        tfd.Skellam,
        tfd.Zipf,
    ),
}


def support_of(distribution: tfd.Distribution) -> Support:
    """Returns the set on which a distribution lives, which determines its measure.

    Args:
        distribution: Any distribution, in wrappers (`tfd.Independent`, a mixture) or not.

    Returns:
        Whole numbers, bits, one-hot vectors, the sphere or the simplex; the real numbers
        for all that has a density over an open set of them, and for unknown classes.

    Example:
        >>> str(support_of(tfd.Independent(tfd.Poisson([1.0, 2.0]), 1)))
        'whole numbers'
    """
    inner = distribution
    while True:
        for support, classes in _KINDS.items():
            if isinstance(inner, classes):
                return support
        names = ("components_distribution", "distribution")
        name = next((one for one in names if hasattr(inner, one)), None)
        transformed = isinstance(inner, tfd.TransformedDistribution)
        # Only logarithms of shares become anything but real numbers.
        if name is None or transformed and not isinstance(inner.bijector, tfb.Exp):
            return REAL
        inner = getattr(inner, name)
