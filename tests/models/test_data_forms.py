"""Observations, conditions and weights in every form that Keras takes."""

import functools

import keras
import numpy as np
import pandas as pd
import pytest
import tensorflow as tf
from gan_cases import compiled as compiled_gan
from model_cases import (
    SIZE,
    condition_for,
    conditional,
    data_for,
    dense_vae_gan,
    fit,
    fixed_noise_vae,
    vae,
    weights,
)

from keras_vae import layers
from keras_vae.objectives import BetaTC

N, BATCH = 12, 4
WEIGHT = np.linspace(0.0, 2.0, N).astype("float32")


class Batches(keras.utils.PyDataset):
    """Arrays in batches, in their order; None stays None."""

    def __init__(self, *arrays):
        super().__init__()
        self.arrays = arrays

    def __len__(self):
        return N // BATCH

    def __getitem__(self, index):
        rows = slice(index * BATCH, (index + 1) * BATCH)
        return tuple(None if one is None else one[rows] for one in self.arrays)


def generator(*arrays):
    batches = Batches(*arrays)
    while True:
        for index in range(len(batches)):
            yield batches[index]


def dataset(*arrays):
    """A dataset of tuples; what is None is put in when the rest is batched."""
    there = tuple(one for one in arrays if one is not None)
    batches = tf.data.Dataset.from_tensor_slices(there).batch(BATCH)

    def filled(*values):
        values = iter(values)
        return tuple(None if one is None else next(values) for one in arrays)

    return batches.map(filled)


def filled(*arrays):
    """The arrays without the last ones that are None."""
    while arrays[-1] is None:
        arrays = arrays[:-1]
    return arrays


FORMS = {
    "arrays": lambda x, y, w: {"x": x, "y": y, "sample_weight": w, "batch_size": BATCH},
    "tensors": lambda x, y, w: {
        "x": tf.constant(x),
        "y": None if y is None else tf.constant(y),
        "sample_weight": None if w is None else tf.constant(w),
        "batch_size": BATCH,
    },
    "tables": lambda x, y, w: {
        "x": pd.DataFrame(x),
        "y": None if y is None else pd.Series(y) if y.ndim == 1 else pd.DataFrame(y),
        "sample_weight": None if w is None else pd.Series(w),
        "batch_size": BATCH,
    },
    "lists beside an array": lambda x, y, w: {
        "x": x,
        "y": None if y is None else y.tolist(),
        "sample_weight": None if w is None else w.tolist(),
        "batch_size": BATCH,
    },
    "dataset": lambda x, y, w: {"x": dataset(x, y, w)},
    "PyDataset": lambda x, y, w: {"x": Batches(*filled(x, y, w))},
    "generator": lambda x, y, w: {"x": generator(x, y, w), "steps_per_epoch": N // BATCH},
    "double precision": lambda x, y, w: {
        "x": x.astype(float),
        "y": y if y is None or y.dtype.kind != "f" else y.astype(float),
        "sample_weight": None if w is None else w.astype(float),
        "batch_size": BATCH,
    },
}
every_form = pytest.mark.parametrize("form", FORMS)


def compiled(condition=None, run_eagerly=True):
    keras.utils.set_random_seed(3)
    posterior = layers.IndependentNormal(2, scale=1e-6)
    make = vae if condition is None else lambda **a: conditional(condition, **a)
    model = make(posterior=posterior)
    model.compile(keras.optimizers.SGD(0.1), run_eagerly=run_eagerly)
    return model


@functools.cache
def of_arrays(condition, weighted):
    """Logs, scores and weights of a training on arrays, and the arrays."""
    model = compiled(condition)
    x, y, w = data_for(model), condition_for(model), WEIGHT if weighted else None
    logs = fit(model, x, y=y, sample_weight=w)
    given = {"batch_size": BATCH, "verbose": 0, "return_dict": True}
    return logs, model.evaluate(x, y, sample_weight=w, **given), weights(model), (x, y, w)


@pytest.mark.thinned
@every_form
@pytest.mark.parametrize("condition, weighted", [(None, True), (4, False), ((3,), True)])
def test_every_form_trains_and_scores_alike(form, condition, weighted):
    if form == "PyDataset" and weighted and condition is None:
        return  # Keras refuses None between the two.
    *expected, trained, arrays = of_arrays(condition, weighted)
    model = compiled(condition)
    arguments = {"shuffle": False, "verbose": 0, **FORMS[form](*arrays)}
    logs = model.fit(**arguments).history
    np.testing.assert_allclose(weights(model), trained, rtol=0, atol=1e-6)
    arguments = {"verbose": 0, "return_dict": True, **FORMS[form](*arrays)}
    steps = arguments.pop("steps_per_epoch", None)
    scores = model.evaluate(steps=steps, **arguments)
    for given, wanted in zip((logs, scores), expected, strict=True):
        assert given.keys() == wanted.keys()
        for name, value in wanted.items():
            np.testing.assert_allclose(given[name], value, rtol=1e-5, err_msg=name)


@pytest.mark.thinned
@every_form
def test_every_form_validates_and_predicts_alike(form):
    model = compiled(4)
    x, y = data_for(model), condition_for(model)
    given = FORMS[form](x, y, None)
    size, steps = given.pop("batch_size", None), given.pop("steps_per_epoch", None)
    data = given["x"] if len(given) == 1 else (given["x"], given["y"])
    logs = fit(
        model,
        x,
        y=y,
        validation_data=data,
        validation_batch_size=size,
        validation_steps=steps,
    )
    expected = model.evaluate(x, y, batch_size=BATCH, verbose=0, return_dict=True)
    for name, value in expected.items():
        np.testing.assert_allclose(logs[f"val_{name}"][0], value, rtol=1e-5)
    given = FORMS[form](x, y, None)
    given.pop("sample_weight", None)
    steps = given.pop("steps_per_epoch", None)
    predicted = model.predict(steps=steps, verbose=0, **given)
    np.testing.assert_allclose(predicted, model.reconstruct(x, y), rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("form", ["arrays", "PyDataset"])
def test_compiled_steps_read_every_form(form):
    models = [compiled(4, run_eagerly=eagerly) for eagerly in (True, False)]
    x, y = data_for(models[0]), condition_for(models[0])
    for model in models:
        model.fit(shuffle=False, verbose=0, **FORMS[form](x, y, WEIGHT))
    np.testing.assert_allclose(weights(models[1]), weights(models[0]), rtol=0, atol=1e-6)


def test_a_share_of_the_arrays_is_held_out():
    split, reference = compiled(4), compiled(4)
    x, y = data_for(split), condition_for(split)
    logs = fit(split, x, y=y, sample_weight=WEIGHT, validation_split=1 / 3)
    held_out = x[8:], y[8:], WEIGHT[8:]
    expected = fit(
        reference, x[:8], y=y[:8], sample_weight=WEIGHT[:8], validation_data=held_out
    )
    assert logs == expected
    np.testing.assert_array_equal(weights(split), weights(reference))


@pytest.mark.parametrize("share", [1.0, 1.5, -0.1, 0.999])
def test_no_share_may_be_empty(share):
    model = compiled()
    with pytest.raises(ValueError, match="share between 0 and 1|empty"):
        fit(model, data_for(model), validation_split=share)


@pytest.mark.parametrize("batch_size", [0, -5, 2.5])
def test_the_size_of_a_batch_is_a_positive_integer(batch_size):
    model = compiled()
    x = data_for(model, 4)
    for ask in (model.fit, model.evaluate, model.predict):
        with pytest.raises(ValueError, match="batch_size must be a positive integer"):
            ask(x, batch_size=batch_size, verbose=0)


# Weights: [N, 1] is [N]; all else is refused by name, and never spread over examples.

WAYS = {
    "fit": lambda m, x, w: m.fit(x, sample_weight=w, verbose=0),
    "split": lambda m, x, w: m.fit(x, sample_weight=w, validation_split=0.5, verbose=0),
    "evaluate": lambda m, x, w: m.evaluate(x, sample_weight=w, verbose=0),
    "validation": lambda m, x, w: m.fit(x, validation_data=(x, None, w), verbose=0),
    "train_on_batch": lambda m, x, w: m.train_on_batch(x, sample_weight=w),
    "test_on_batch": lambda m, x, w: m.test_on_batch(x, sample_weight=w),
    "dataset": lambda m, x, w: m.fit(whole(x, w), verbose=0),
    "evaluated dataset": lambda m, x, w: m.evaluate(whole(x, w), verbose=0),
    "generator": lambda m, x, w: m.fit(iter_of(x, w), steps_per_epoch=1, verbose=0),
}
MODELS = {"VAE": fixed_noise_vae, "VAE-GAN": dense_vae_gan}


def whole(x, w):
    """A dataset of one batch, whose sizes are known while it runs alone."""
    w = np.asarray(w)
    return tf.data.Dataset.from_generator(
        lambda: iter([(x, w)]),
        output_signature=(
            tf.TensorSpec([None, SIZE], "float32"),
            tf.TensorSpec([None] * w.ndim, w.dtype),
        ),
    ).map(lambda x, w: (x, None, w))


def iter_of(x, w):
    while True:
        yield x, None, np.asarray(w)


def scores_of(model):
    return {one.name: float(one.result()) for one in model.metrics}


@pytest.mark.thinned
@pytest.mark.parametrize("way", WAYS.values(), ids=list(WAYS))
@pytest.mark.parametrize("make", MODELS.values(), ids=list(MODELS))
def test_a_column_of_weights_is_a_weight_for_each(make, way):
    results = []
    for w in (WEIGHT, WEIGHT[:, None]):
        keras.utils.set_random_seed(4)
        model = make()
        model.compile(keras.optimizers.SGD(0.05), run_eagerly=True)
        way(model, data_for(model), w)
        results.append((weights(model), scores_of(model)))
    np.testing.assert_array_equal(results[0][0], results[1][0])
    assert results[0][1] == results[1][1]


WRONG_WEIGHTS = {
    "one for all": lambda w: w[:1],
    "a single number": lambda w: np.float32(2.0),
    "a row": lambda w: w[None],
    "one for each number": lambda w: np.tile(w[:, None], (1, SIZE)),
    "too few": lambda w: w[:-1],
    "too many": lambda w: np.append(w, 1.0),
    "a column of columns": lambda w: w[:, None, None],
}


@pytest.mark.thinned
@pytest.mark.parametrize("way", WAYS.values(), ids=list(WAYS))
@pytest.mark.parametrize("make", MODELS.values(), ids=list(MODELS))
def test_weights_of_another_shape_are_refused_by_name(make, way):
    model = make()
    model.compile("sgd", run_eagerly=True)
    x, before = data_for(model), weights(model)
    for wrong in WRONG_WEIGHTS.values():
        if np.ndim(wrong(WEIGHT)) == 0 and way is WAYS["generator"]:
            continue  # Keras refuses it itself.
        with pytest.raises(Exception, match="sample_weight"):
            way(model, x, wrong(WEIGHT))
    np.testing.assert_array_equal(weights(model), before)


@pytest.mark.parametrize("length, jit_compile", [(1, False), (1, True), (N + 1, False)])
def test_sizes_that_only_a_compiled_step_sees_are_refused(length, jit_compile):
    # A batch that the check of the first one has not seen.
    x = data_for(vae())
    bad = np.ones(length, "float32")

    def batches():
        yield x, WEIGHT
        yield x, bad

    signature = (tf.TensorSpec([None, SIZE], "float32"), tf.TensorSpec([None], "float32"))
    data = tf.data.Dataset.from_generator(batches, output_signature=signature)
    model = fixed_noise_vae()
    model.compile("sgd", jit_compile=jit_compile)
    with pytest.raises(Exception, match="sample_weight|shape|size"):
        model.fit(data.map(lambda x, w: (x, None, w)), verbose=0)


@pytest.mark.parametrize("value", [np.nan, np.inf, "1"])
def test_weights_that_are_no_numbers_are_refused(value):
    model = compiled()
    with pytest.raises(ValueError, match="sample_weight must hold finite numbers"):
        fit(model, data_for(model), sample_weight=np.full(N, value))


def test_weights_mean_nothing_where_the_batch_is_read_as_one():
    model = vae()
    model.compile("sgd", BetaTC(), run_eagerly=True)
    for way in WAYS.values():
        with pytest.raises(ValueError, match="reads the batch as one and takes no sample_"):
            way(model, data_for(model), WEIGHT)


# Conditions: never spread over examples.


@pytest.mark.parametrize("condition, y", [(4, [2]), ((3,), [[0.0, 1.0, 2.0]])])
@pytest.mark.parametrize("form", ["dataset", "PyDataset", "generator"])
def test_one_condition_is_not_spread_over_a_batch_of_a_stream(condition, y, form):
    model = compiled(condition)
    x, y = data_for(model), np.array(y)
    data = {
        "dataset": lambda: tf.data.Dataset.from_tensors((x, y)),
        "PyDataset": lambda: _Pair(x, y),
        "generator": lambda: iter_pairs(x, y),
    }[form]()
    with pytest.raises(Exception, match="y has shape|y holds|[Dd]imension|shapes"):
        model.fit(data, steps_per_epoch=1, verbose=0)


class _Pair(keras.utils.PyDataset):
    def __init__(self, *batch):
        super().__init__()
        self.batch = batch

    def __len__(self):
        return 1

    def __getitem__(self, index):
        return self.batch


def test_a_py_dataset_that_gives_none_is_refused_with_help():
    model = compiled()
    x = data_for(model)
    for batch in [(x, None, WEIGHT), (x, None)]:
        with pytest.raises(ValueError, match="gives None.*tf.data.Dataset of"):
            model.fit(_Pair(*batch), verbose=0)


def iter_pairs(x, y):
    while True:
        yield x, y


def test_a_vae_gan_takes_every_form():
    reference, x = compiled_gan(dense_vae_gan)
    fit(reference, x, sample_weight=WEIGHT)
    for form in (FORMS["tensors"], FORMS["dataset"], FORMS["generator"]):
        model, _ = compiled_gan(dense_vae_gan)
        model.fit(shuffle=False, verbose=0, **form(x, None, WEIGHT))
        np.testing.assert_allclose(weights(model), weights(reference), rtol=0, atol=1e-5)
