"""Rows of data, ranked by how unlikely they are, with the columns that contribute."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple, cast

import numpy as np
import tensorflow as tf
from tensorflow_probability import distributions as tfd

from keras_vae.core.batches import in_batches
from keras_vae.core.centers import elements_of
from keras_vae.core.seeds import fold
from keras_vae.evaluation.likelihood.anomaly import anomaly_scores
from keras_vae.models import LatentVariableModel

if TYPE_CHECKING:
    import pandas as pd

# Draws of z over which the shares of columns are averaged.
_DRAWS = 20


class AnomalyRanking(NamedTuple):
    """How unlikely observations are.

    Attributes:
        scores: -log p(x), nats, [N].
        order: Numbers of the observations, the least likely first, [N].
        shares: How much less likely each column is than in the median row, nats, [N, D]; 0
            if it is missing. None if the data are not a table.

    Example:
        >>> anomaly_ranking(vae, x_test, num_samples=5).order[0]
    """

    scores: np.ndarray
    order: np.ndarray
    shares: np.ndarray | None

    def table(self, model: LatentVariableModel, x, order=None) -> pd.DataFrame:
        """Writes the ranking as a table.

        Args:
            model: The model.
            x: The observations that were ranked. A table is written as it is; numbers of an
                array are brought into the bounds of the training data.
            order: Numbers of the rows to write, in order; None writes all.

        Returns:
            A row for each observation: its number and score; for tables also the share of
            each column, and the columns themselves.
        """
        import pandas as pd

        order = self.order if order is None else order
        found = {"row": order, "score": self.scores[order]}
        if self.shares is None:
            return pd.DataFrame(found)
        columns = model.preprocessor and model.preprocessor.columns
        names = [one.name for one in columns or () if one.is_modelled]
        names = names or list(range(self.shares.shape[1]))
        for name, share in zip(names, self.shares[order].T, strict=True):
            found[f"share of {name}"] = share
        if isinstance(x, pd.DataFrame):
            rows = x.iloc[order]
        else:
            rows = pd.DataFrame(model.as_table(np.asarray(x)[order]))
        rows = rows.reset_index(drop=True)
        return pd.concat([pd.DataFrame(found), rows], axis=1)


def anomaly_ranking(
    model: LatentVariableModel, x, num_samples: int = 100, seed: int = 0, y=None
) -> AnomalyRanking:
    """Ranks observations by -log p(x), with the contribution of each column of a table.

    Args:
        model: The model.
        x: Observations [N, *event], or a table.
        num_samples: Importance samples for each observation.
        seed: Same seed, same ranking.
        y: The condition, one for all or one for each observation, for a model that has one.

    Returns:
        Scores, order and shares.

    Raises:
        ValueError: If x does not fit the model.

    Example:
        >>> ranking = anomaly_ranking(vae, x_test, num_samples=5)
        >>> bool(ranking.scores[ranking.order[0]] == ranking.scores.max())
        True
    """
    y = model.check_condition(y, len(x))
    scores = anomaly_scores(model, x, "log_likelihood", num_samples, seed, y=y)
    shares = None
    units = model.to_units(x, scores=True)
    if units.ndim == 2 and elements_of(model.decode(*_first_code(model, y))) is not None:
        shares = _shares(model, units, y, seed)
    return AnomalyRanking(scores, np.argsort(-scores, kind="stable"), shares)


def _first_code(model, y):
    y = None if y is None else y[:1]
    return model.draw(1, 0, y), y


def _shares(model, x, y, seed):
    missing = np.isnan(x)
    filled = np.where(missing, model.support.some_value(), x)

    def distortion(rows, index):
        x, filled, y = rows
        z = model.encode(x, y).sample(_DRAWS, seed=fold(seed, index))
        elements = cast(tfd.Distribution, elements_of(model.decode(z, y)))
        return -tf.reduce_mean(elements.log_prob(filled), axis=0)

    dtype = model.probability_dtype
    rows = x.astype(dtype), filled.astype(dtype), y
    scores = in_batches(distortion, rows, max(1, model.events_at_a_time() // _DRAWS))
    scores = np.where(missing, np.nan, scores)
    known = ~missing.all(axis=0)
    median = np.zeros(scores.shape[1])
    median[known] = np.nanmedian(scores[:, known], axis=0)
    return np.nan_to_num(scores - median)
