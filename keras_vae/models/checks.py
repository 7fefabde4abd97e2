"""Checks of observations and weights, before the first step."""

from __future__ import annotations

import warnings

import keras
import numpy as np
import tensorflow as tf

from keras_vae.core.numbers import positive_int
from keras_vae.layers import IndependentBernoulli
from keras_vae.models.several_workers import check_shares


def is_array(x) -> bool:
    """Tells whether x is held as a whole: a NumPy array, a tensor, a table."""
    return isinstance(x, np.ndarray | tf.Tensor) or hasattr(x, "__array__")


def refuse_form(x, name: str = "x") -> None:
    """Refuses inputs that Keras would misunderstand, or fail on later.

    Args:
        x: What was passed.
        name: Its name in the message.

    Raises:
        ValueError: If it is a list, a tuple, a dict, or sparse or ragged.
    """
    if isinstance(x, list | tuple):
        raise ValueError(
            f"{name} is a {type(x).__name__} of {len(x)}; Keras would read it as separate "
            "inputs. Pass one array: np.stack(...). A condition is an argument of its own, "
            "as in reconstruct(x, y=y); predict takes a tf.data.Dataset of (x, y)."
        )
    if isinstance(x, dict):
        raise ValueError(
            f"{name} is a dict of {', '.join(map(str, x))}, but the model takes one array of "
            "observations. Pass x[...], and what goes with it as y."
        )
    dense = None
    if isinstance(x, tf.SparseTensor):
        dense = "tf.sparse.to_dense(x)"
    elif isinstance(x, tf.RaggedTensor):
        dense = "x.to_tensor()"
    elif hasattr(x, "tocoo"):
        dense = "x.toarray()"
    if dense is not None:
        raise ValueError(
            f"{name} is a {type(x).__name__}, but the model takes dense arrays. Pass "
            f"{dense}."
        )


def as_array(x, name: str = "x") -> np.ndarray:
    """Converts observations to one array.

    Args:
        x: Array, tensor, table or nested list.
        name: Its name in the message.

    Returns:
        The array.

    Raises:
        ValueError: If it is something else.
    """
    if not isinstance(x, list | tuple):
        refuse_form(x, name)
    if isinstance(x, tf.data.Dataset | keras.utils.PyDataset) or hasattr(x, "__next__"):
        raise ValueError(
            f"{name} is a {type(x).__name__}, but an array is needed here. Join its "
            "batches: np.concatenate(list(...)). (fit, evaluate and predict read streams.)"
        )
    try:
        return np.asarray(x)
    except ValueError as error:
        raise ValueError(f"{name} cannot be read as one array: {error}") from error


def flat_weights(weight, size: int | None = None):
    """Refuses weights that would be broadcast by accident.

    Args:
        weight: Array or tensor [N] or [N, 1].
        size: Number of observations, if it is known.

    Returns:
        The weights, [N].

    Raises:
        ValueError: If they have another shape.
    """
    shape = tuple(weight.shape)
    if len(shape) == 2 and shape[1] == 1:
        weight = weight[:, 0]
    length = tuple(weight.shape)
    if len(length) != 1 or None not in (size, length[0]) and length[0] != size:
        raise ValueError(
            f"sample_weight has shape {shape}, but one number for each observation is "
            f"needed: shape ({'N' if size is None else size},)."
        )
    return weight


def check_weights(weight, size: int):
    """Checks the weights of arrays.

    Args:
        weight: Array, tensor, column of a table or list [N] or [N, 1], or None.
        size: Number of observations N.

    Returns:
        Float array [N], or None.

    Raises:
        ValueError: If they have another shape, or are not finite numbers.
    """
    if weight is None:
        return None
    weight = flat_weights(as_array(weight, "sample_weight"), size)
    if weight.dtype.kind not in "biuf" or not np.isfinite(weight).all():
        raise ValueError("sample_weight must hold finite numbers.")
    return weight.astype(np.float32)


def read_batch_size(batch_size: int | None) -> int:
    """Reads the number of observations in a batch of arrays.

    Args:
        batch_size: The number; None is 32.

    Returns:
        The number.

    Raises:
        ValueError: If it is not a positive integer.
    """
    return positive_int(32 if batch_size is None else batch_size, "batch_size")


def check_batches(size: int, batch_size: int, objective, name: str = "x") -> None:
    """Refuses batches with too few observations for an objective that compares them.

    Args:
        size: Number of observations.
        batch_size: Observations in a batch.
        objective: What training minimises.
        name: Name of the data in the message.

    Raises:
        ValueError: If a batch, the last one included, has fewer than it needs.
    """
    smallest = min(size, batch_size, size % batch_size or batch_size)
    if smallest < objective.least_batch:
        raise ValueError(
            f"{_needs_several(objective)}, but the {size} of {name} in batches of "
            f"{batch_size} leave a batch of {smallest}. Choose another batch_size."
        )


def _needs_several(objective) -> str:
    return (
        f"{type(objective).__name__} compares the observations of a batch with each other "
        f"and needs at least {objective.least_batch}"
    )


def with_enough(x: tf.Tensor, objective) -> tf.Tensor:
    """A batch, behind a check that runs with the graph: streams show no sizes before.

    Args:
        x: Observations [B, *event].
        objective: What training minimises.

    Returns:
        x; if it has fewer observations than the objective needs,
        `tf.errors.InvalidArgumentError` is raised instead.
    """
    if objective.least_batch == 1:
        return x
    message = f"{_needs_several(objective)}. Leave out a smaller last batch."
    check = tf.debugging.assert_greater_equal(
        tf.shape(x)[0], objective.least_batch, message
    )
    with tf.control_dependencies([check] if check is not None else []):
        return tf.identity(x)


_HOW_TO_PROVIDE = {
    "critic": "Make the model with critic=(1000, 1000), the widths of the critic's layers.",
    "expected": "Take a likelihood with a mean, or another objective.",
    "pictures": "It is for images [height, width, 1 or 3] without gaps: take another "
    "objective, or leave diff_augment out.",
    "baseline": "Make the model with baseline=(100,), the widths of its hidden layers.",
    "perceptual": "Make the model with perceptual=True: VAEGAN.for_images or "
    "AutoencoderKL.for_images; vae_gan:perceptual=true on the command line.",
    "leapfrog": "Make the model with leapfrog=5, the number of its steps.",
}


def refuse_unmet_needs(objective, provided: frozenset[str], model: str) -> None:
    """Refuses an objective that needs something that the model lacks.

    Args:
        objective: What training minimises.
        provided: Names of the values that the model can provide.
        model: What to call the model in the message.

    Raises:
        ValueError: If something is missing.
    """
    for one in objective.needs:
        if one not in provided:
            advice = _HOW_TO_PROVIDE.get(
                one, "Use another objective, such as objectives.ELBO."
            )
            raise ValueError(
                f"The objective {type(objective).__name__} needs {one.replace('_', ' ')}, "
                f"which this {model} lacks. {advice}"
            )


def refuse_class_weight(class_weight) -> None:
    """Refuses an argument of Keras's methods that has no meaning for a VAE.

    Args:
        class_weight: What was passed.

    Raises:
        ValueError: If it is not None.
    """
    if class_weight is not None:
        raise ValueError(
            "class_weight needs class labels as targets, and a VAE has none. Give each "
            "observation its weight: sample_weight=[...]."
        )


def warn_of_colours(model) -> None:
    """Warns if colours are to be learned as probabilities of white.

    Args:
        model: A model with one likelihood that is about to be trained.
    """
    shape, prepare = model.event_shape, model.preprocessor
    if prepare is None or prepare.binarize or prepare.levels in (None, (0, 1)):
        return
    is_bits = isinstance(model.likelihood, IndependentBernoulli)
    if is_bits and model.trains_likelihood and len(shape) == 3 and shape[-1] > 1:
        warnings.warn(
            "The likelihood bernoulli is for pixels that are 0 or 1, but these images have "
            f"colours of levels {prepare.levels[0]} to {prepare.levels[1]}, which it takes "
            "for probabilities. Choose discretized_logistic, or that of the data "
            "(likelihood=data.likelihood).",
            # The line that calls `fit`, behind check_before_fit.
            stacklevel=4,
        )


def check_stream(model, x, y=None, weight=None, name: str = "x") -> None:
    """Checks data that are not an array, as far as possible.

    The first batch of a `tf.data.Dataset` or a `PyDataset` is checked. A generator is not,
    since reading a batch would consume it.

    Args:
        model: The model.
        x: What was passed as x, or as validation_data.
        y: The condition that was passed beside it.
        weight: The weights that were passed beside it.
        name: Name of the data in the message.

    Raises:
        ValueError: If the data do not fit the model.
    """
    for what, one in (("y", y), ("sample_weight", weight)):
        if one is not None:
            raise ValueError(
                f"{name} is a {type(x).__name__}, whose batches must hold everything, but "
                f"{what} was passed beside it. Let it give (x, y) or (x, y, "
                "sample_weight); None stands for no y."
            )
    if isinstance(x, tf.data.Dataset):
        # (Nothing may follow a stream's last step, prefetch_to_device.)
        batch = next(iter(x), None)
    elif isinstance(x, keras.utils.PyDataset):
        batch = x[0] if x.num_batches != 0 else None
    else:
        return
    if batch is None:
        raise ValueError(f"{name} is an empty {type(x).__name__}.")
    gives_none = any(one is None for one in tf.nest.flatten(batch))
    if gives_none and isinstance(x, keras.utils.PyDataset):
        raise ValueError(
            f"{name} is a PyDataset that gives None, which Keras cannot pass on. Give "
            "weights without y as a tf.data.Dataset of (x, None, sample_weight)."
        )
    x, y, weight = keras.utils.unpack_x_y_sample_weight(batch)
    refuse_form(x, name)
    if model.condition_shape is None and y is not None and not model.learns_labels:
        raise ValueError(
            f"{name} gives (x, y), but the model has no condition for y. Leave y out, as "
            "with dataset.map(lambda x, y: x), or make the model with condition=..."
        )
    x = np.asarray(x)
    check_shares(len(x), model.distribute_strategy, f"the size of a batch of {name}")
    model.to_units(x, name=name)
    model.check_condition(y, len(x))
    check_weights(weight, len(x))
