"""A model with a preprocessor takes and returns raw data, in all that it is asked."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from model_cases import fit

import keras_vae
from keras_vae.data import Preprocessor, Scaling

IMAGE = (4, 4, 1)
N = 12


def images(n=N):
    return np.random.default_rng(0).integers(0, 256, (n, *IMAGE), dtype=np.uint8)


def table(n=N):
    """Columns of very different offsets and units, with more digits than float32 has."""
    rng = np.random.default_rng(1)
    return rng.normal([0.0, 1.7e9, -3.0], [1.0, 5.0, 1e-3], (n, 3))


def of_levels(likelihood, levels=(0, 255), **arguments):
    low, high = levels
    scaling = Scaling(IMAGE, float(low), float(high - low))
    return model_of(IMAGE, likelihood, Preprocessor(scaling, levels=levels, **arguments))


def model_of(shape, likelihood, preprocessor):
    keras.utils.set_random_seed(3)
    posterior = keras_vae.layers.IndependentNormal(2, scale=1e-6)
    return keras_vae.DenseVAE(
        shape,
        2,
        likelihood,
        posterior=posterior,
        hidden_units=(5,),
        activation="tanh",
        preprocessor=preprocessor,
        seed=0,
    )


def standardised():
    x = table(50)
    scaling = Scaling((3,), x.mean(axis=0), x.std(axis=0))
    return model_of((3,), "normal", Preprocessor(scaling))


CASES = {
    "levels as greys": (lambda: of_levels("normal:scale=shared"), images),
    "levels as probabilities": (lambda: of_levels("bernoulli"), images),
    "binarized levels": (lambda: of_levels("bernoulli", binarize=True), images),
    "levels as levels": (
        lambda: model_of(
            IMAGE, "discretized_logistic", Preprocessor(Scaling(IMAGE), levels=(0, 255))
        ),
        images,
    ),
    "a standardised table": (standardised, table),
    "binarized greys of floats": (
        lambda: model_of(IMAGE, "bernoulli", Preprocessor(Scaling(IMAGE), binarize=True)),
        lambda n=N: np.random.default_rng(2).random((n, *IMAGE)).astype("float32"),
    ),
}
every_case = pytest.mark.parametrize(
    "make, data", CASES.values(), ids=[name.replace(" ", "_") for name in CASES]
)


def in_units(model):
    """The same model without its preprocessor."""
    other = type(model).from_config({**model.get_config(), "preprocessor": None})
    other.set_weights(model.get_weights())
    return other


def compiled(model):
    model.compile(keras.optimizers.SGD(0.01), run_eagerly=True)
    return model


@pytest.mark.thinned
@every_case
def test_queries_take_and_return_raw_data(make, data):
    model, x = make(), data()
    prepare, plain = model.preprocessor, in_units(model)
    units, held_out = prepare(x), prepare.held_out(x)
    close = {"rtol": 1e-5, "atol": 1e-5}
    np.testing.assert_allclose(model.embed(x), plain.embed(units), **close)
    raw = prepare.inverse(plain.reconstruct(units))
    assert raw.dtype == (np.uint8 if x.dtype == np.uint8 else np.float32)
    for given in (
        model.reconstruct(x),
        model.predict(x, verbose=0),
        model.predict_on_batch(x),
        model.decode_codes(model.embed(x)),
        model.interpolate(x, x[::-1], 3)[:, 0],
        model.predict(tf.data.Dataset.from_tensor_slices(x).batch(5), verbose=0),
    ):
        assert given.dtype == raw.dtype
        np.testing.assert_allclose(given, raw, rtol=1e-5, atol=1e-4)
    samples = prepare.inverse(plain.sample(5, seed=1))
    np.testing.assert_array_equal(model.sample(5, seed=1), samples)
    bound = plain.elbo(held_out, num_samples=2, seed=3)
    scale = 0.0 if model.is_discrete else prepare.scaling.log_scale
    np.testing.assert_allclose(model.elbo(x, 2, seed=3), bound + scale, rtol=1e-4)
    estimate = plain.log_likelihood(held_out, num_samples=5)
    np.testing.assert_allclose(model.log_likelihood(x, 5), estimate + scale, rtol=1e-4)


def recorded(model):
    """Every batch of observations, as a step reads them, in a list."""
    seen, make = [], model.pass_for_training

    def recording(x, y, seed, training):
        seen.append(np.asarray(x))
        return make(x, y, seed, training)

    model.pass_for_training = recording
    return seen


FORMS = {
    "array": lambda x: (x, 4),
    "tensor": lambda x: (tf.constant(x), 4),
    "dataset": lambda x: (tf.data.Dataset.from_tensor_slices(x).batch(4), None),
}
# Each case as an array; the other forms of one that is drawn anew, and of one that is not.
with_forms = pytest.mark.parametrize(
    "make, data, form",
    [
        pytest.param(*CASES[name], form, id=f"{name.replace(' ', '_')}-{form}")
        for name in CASES
        for form in FORMS
        if form == "array" or name in ("levels as greys", "binarized greys of floats")
    ],
)


@pytest.mark.thinned
@with_forms
def test_training_reads_raw_data_in_the_models_units(make, data, form):
    model, x = compiled(make()), data()
    seen, units = recorded(model), model.preprocessor(x)
    given, batch_size = FORMS[form](x)
    logs = fit(model, given, epochs=2, batch_size=batch_size)
    assert np.isfinite(logs["loss"]).all()
    passes = np.concatenate(seen[:3]), np.concatenate(seen[3:])
    if not model.preprocessor.binarize:
        for one in passes:
            np.testing.assert_allclose(one, units, rtol=1e-5, atol=1e-5)
        return
    # Greys are drawn anew at each visit.
    for one in passes:
        assert set(np.unique(one)) <= {0.0, 1.0}
    assert (passes[0] != passes[1]).any()
    likely = (units > 0.9) | (units < 0.1)
    same = (passes[0] == np.round(units))[likely]
    assert same.mean() > 0.8


@pytest.mark.thinned
@with_forms
def test_held_out_data_are_drawn_once(make, data, form):
    model, x = compiled(make()), data()
    given, batch_size = FORMS[form](x)
    plain = compiled(in_units(model))
    ask = {"batch_size": batch_size, "verbose": 0, "return_dict": True}
    first, second = (model.evaluate(given, **ask) for _ in range(2))
    assert first == second
    if form == "dataset" and model.preprocessor.binarize:
        return
    units = model.preprocessor.held_out(x)
    expected = plain.evaluate(units, batch_size=4, verbose=0, return_dict=True)
    logs = fit(model, x, validation_data=given, validation_batch_size=batch_size)
    for name, value in expected.items():
        np.testing.assert_allclose(first[name], value, rtol=1e-5)
        assert np.isfinite(logs[f"val_{name}"]).all()


@every_case
def test_batches_by_hand_are_raw_too(make, data):
    model, x = compiled(make()), data()
    plain = compiled(in_units(model))
    units = model.preprocessor.held_out(x)
    given = model.test_on_batch(x, return_dict=True)
    for name, value in plain.test_on_batch(units, return_dict=True).items():
        np.testing.assert_allclose(given[name], value, rtol=1e-5)
    seen = recorded(model)
    model.train_on_batch(x)
    model.train_on_batch(x)
    if model.preprocessor.binarize:
        assert (seen[0] != seen[1]).any()
    else:
        np.testing.assert_allclose(seen[0], units, rtol=1e-6, atol=1e-6)


class Batches(keras.utils.PyDataset):
    def __init__(self, x):
        super().__init__()
        self.x = x

    def __len__(self):
        return 3

    def __getitem__(self, index):
        return self.x[4 * index : 4 * index + 4]


@pytest.mark.thinned
@pytest.mark.parametrize(
    "make, dtype",
    [
        (lambda x: x, np.float64),
        (lambda x: x, np.int64),
        (tf.constant, np.int32),
        (lambda x: tf.data.Dataset.from_tensor_slices(x).batch(4), np.float64),
        (Batches, np.int64),
        (lambda x: ((Batches(x)[i],) for i in range(3)), np.int32),
    ],
    ids=["array", "array of integers", "tensor", "dataset", "PyDataset", "generator"],
)
def test_a_wide_table_keeps_its_digits(make, dtype):
    # Seconds since 1970: float32 knows them to two minutes.
    x = np.round(table() * [1.0, 1.0, 1e3]).astype(dtype)
    scaling = Scaling((3,), x.mean(axis=0), np.maximum(x.std(axis=0), 1.0))
    model = compiled(model_of((3,), "normal", Preprocessor(scaling)))
    seen, expected = recorded(model), model.preprocessor(x)
    assert expected[:, 1].std() > 0.5
    size = 4 if isinstance(make(x), np.ndarray | tf.Tensor) else None
    model.fit(make(x), batch_size=size, shuffle=False, verbose=0)
    model.evaluate(make(x), batch_size=size, verbose=0)
    for one in (np.concatenate(seen[:3]), np.concatenate(seen[3:6])):
        np.testing.assert_allclose(one, expected, rtol=1e-5, atol=1e-5)
    predicted = model.predict(make(x), batch_size=size, verbose=0)
    np.testing.assert_allclose(predicted, model.reconstruct(x), rtol=1e-5)


@pytest.mark.parametrize("binarize", [False, True])
def test_compiled_steps_prepare_alike(binarize):
    results = []
    for run_eagerly in (True, False):
        model = of_levels("bernoulli", binarize=binarize)
        model.compile(keras.optimizers.SGD(0.1), run_eagerly=run_eagerly)
        logs = fit(model, images(), validation_data=images())
        results.append((logs["loss"][0], logs["val_loss"][0], *model.get_weights()))
    for eager, compiled_ in zip(*results, strict=True):
        np.testing.assert_allclose(compiled_, eager, rtol=1e-4, atol=1e-5)


@pytest.mark.thinned
@every_case
def test_it_is_saved_with_the_model(make, data, tmp_path):
    model, x = make(), data()
    model.save(tmp_path / "model.keras")
    model.save_to_preset(tmp_path / "preset")
    for again in (
        keras.saving.load_model(tmp_path / "model.keras"),
        keras_vae.VAE.from_preset(tmp_path / "preset"),
        keras.models.clone_model(model),
    ):
        assert again.preprocessor == model.preprocessor
        again.set_weights(model.get_weights())
        np.testing.assert_array_equal(again.reconstruct(x), model.reconstruct(x))
    plain = keras_vae.VAE.from_preset(tmp_path / "preset", preprocessor=None)
    assert plain.preprocessor is None
    np.testing.assert_allclose(
        plain.embed(model.preprocessor(x)), model.embed(x), rtol=1e-5, atol=1e-6
    )


ASKED = {
    "embed": lambda m, x: m.embed(x),
    "elbo": lambda m, x: m.elbo(x),
    "predict": lambda m, x: m.predict(x, verbose=0),
    "fit": lambda m, x: m.fit(x, verbose=0),
    "validation": lambda m, x: m.fit(images(), validation_data=x, verbose=0),
    "evaluate": lambda m, x: m.evaluate(x, verbose=0),
    "train_on_batch": lambda m, x: m.train_on_batch(x),
    "dataset": lambda m, x: m.fit(tf.data.Dataset.from_tensors(x), verbose=0),
}
WRONG = {
    "prepared already": (lambda: images() / 255.0, "not|outside|preprocessor is None"),
    "above the levels": (lambda: images().astype(int) + 300, "outside whole numbers"),
    "of another shape": (lambda: images()[:, :3], "takes batches of events"),
    "not a number": (lambda: images() * np.nan, "NaN"),
    "nothing": (lambda: images()[:0], "empty"),
}


@pytest.mark.thinned
@pytest.mark.parametrize("ask", ASKED.values(), ids=list(ASKED))
@pytest.mark.parametrize("make, match", WRONG.values(), ids=list(WRONG))
def test_what_is_not_raw_is_refused(ask, make, match):
    model = compiled(of_levels("bernoulli"))
    with pytest.raises(ValueError, match=match):
        ask(model, make())
