"""The support of a TFP distribution, as far as its class tells."""

from __future__ import annotations

from tensorflow_probability import bijectors as tfb
from tensorflow_probability import distributions as tfd

from keras_vae.core.support import BINARY, ONE_HOT, REAL, SIMPLEX, SPHERE, Support

# What distributions of this package say of themselves, in `measure`.
WHOLE = Support(integer=True)
CODES = Support(vectors="codes")
_KINDS = {
    BINARY: (tfd.Bernoulli,),
    ONE_HOT: (tfd.OneHotCategorical,),
    SPHERE: (tfd.VonMisesFisher, tfd.PowerSpherical, tfd.SphericalUniform),
    SIMPLEX: (
        tfd.Dirichlet,
        tfd.ExpRelaxedOneHotCategorical,
        tfd.RelaxedOneHotCategorical,
    ),
    WHOLE: (
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
        tfd.StoppingRatioLogistic,
        tfd.Zipf,
    ),
}


def support_of(distribution: tfd.Distribution) -> Support:
    """Returns the set on which a distribution lives, which determines its measure.

    Args:
        distribution: Any distribution, in wrappers (`tfd.Independent`, a mixture) or not.

    Returns:
        Whole numbers, bits, one-hot vectors, codes, the sphere or the simplex, or one of
        these for each column; the real numbers for all that has a density over an open set
        of them, and for unknown classes.

    Example:
        >>> str(support_of(tfd.Independent(tfd.Poisson([1.0, 2.0]), 1)))
        'whole numbers'
    """
    inner = distribution
    while True:
        if isinstance(own := getattr(inner, "measure", None), Support):
            return own
        for support, classes in _KINDS.items():
            if isinstance(inner, classes):
                return support
        if isinstance(inner, tfd.Mixture):
            inner = inner.components[0]
            continue
        names = ("components_distribution", "distribution")
        name = next((one for one in names if hasattr(inner, one)), None)
        transformed = isinstance(inner, tfd.TransformedDistribution)
        # Only logarithms of shares become anything but real numbers.
        if name is None or transformed and not isinstance(inner.bijector, tfb.Exp):
            return REAL
        inner = getattr(inner, name)
