"""A SavedModel answers as the Keras model does, and refuses what it would refuse."""

from pathlib import Path

import keras
import model_cases
import numpy as np
import pytest
import tensorflow as tf
from served_models import (
    CASES,
    IMAGE,
    OF_BYTES,
    answers,
    check_answer,
    make,
    requests,
    scaled,
    seeds,
)
from tensorflow_probability import distributions as tfd

import keras_vae
from keras_vae import layers
from keras_vae.data import Preprocessor, Scaling
from keras_vae.export import read_signatures, writing
from keras_vae.export.signatures import signatures_of
from keras_vae.models import latent_variable_model

FILES = {"saved_model.pb", "fingerprint.pb", "variables/variables.index"}
FILES |= {"variables/variables.data-00000-of-00001"}
# (`test_serving_c_api.py` and `test_saved_model_cli.py` ask presets of the zoo.)
every_case = pytest.mark.parametrize("name", CASES)


@pytest.fixture(scope="module")
def loaded(exported):
    """The signatures of a case, loaded by TensorFlow; and the case."""
    modules = {}

    def load(name):
        served, folder = exported(name)
        if name not in modules:
            modules[name] = tf.saved_model.load(folder)
        return modules[name].signatures, served

    return load


def ask(signature, request):
    return signature(**{name: tf.constant(value) for name, value in request.items()})


def same_up_to_the_last_bit(given, value):
    """Levels are rounded, which may make a level of the last bit."""
    assert given.shape == value.shape
    atol = 1 if value.dtype == np.uint8 else 1e-5
    if value.dtype == np.uint8 and value.size:
        assert np.mean(given != value) < 1e-3
    np.testing.assert_allclose(given.astype("f4"), value.astype("f4"), rtol=1e-5, atol=atol)


# The batching session of TF Serving joins requests on axis 0, and splits the answers there.
@pytest.mark.thinned
@every_case
def test_each_row_is_answered_as_by_keras_alone_joined_and_in_empty_batches(loaded, name):
    signatures, served = loaded(name)
    known = answers(served, 3)
    for key, request in requests(served, 3).items():
        together = ask(signatures[key], request)
        check_answer(together, known[key])
        for rows in ([], [0], [2, 0, 1, 2, 2]):
            given = ask(signatures[key], {one: v[rows] for one, v in request.items()})
            for one, value in together.items():
                same_up_to_the_last_bit(np.asarray(given[one]), value.numpy()[rows])


@pytest.mark.thinned
@every_case
def test_names_dtypes_and_shapes_of_the_signatures(exported, name):
    served, folder = exported(name)
    written = read_signatures(folder)
    assert set(written) == set(requests(served, 1))
    assert ("encode_uint8" in written) == (name in OF_BYTES)
    expected = answers(served, 1)
    for key, request in requests(served, 1).items():
        assert set(written[key].inputs) == set(request)
        for one, value in request.items():
            spec = written[key].inputs[one]
            assert spec.dtype == value.dtype.name
            # What lets TF Serving join requests.
            assert spec.shape == (None, *value.shape[1:])
        assert set(written[key].outputs) == set(expected[key])
        for one, spec in written[key].outputs.items():
            as_bytes = (key, one) == ("reconstruct_uint8", "reconstruction")
            whole = "uint8" if as_bytes else "int32" if one == "label" else None
            assert spec.dtype == (whole or "float32")
            assert spec.shape == (None, *expected[key][one].shape[1:])


def test_the_seed_decides_the_samples_and_scores(loaded):
    signatures, served = loaded("VAE-GAN")
    for key, output in [("sample", "samples"), ("score", "elbo")]:
        request = requests(served, 3)[key]
        first, second = (ask(signatures[key], request)[output] for _ in range(2))
        np.testing.assert_array_equal(first, second)
        other = ask(signatures[key], {**request, "seed": request["seed"] + 7})
        assert (np.abs(other[output] - first).reshape(3, -1).max(axis=1) > 1e-4).all()


def test_rows_that_do_not_match_are_refused(loaded):
    for name, key in [("flow of counts, classes", "sample"), ("learned scale", "score")]:
        signatures, served = loaded(name)
        request = requests(served, 3)[key]
        with pytest.raises(tf.errors.InvalidArgumentError, match="equally many rows"):
            ask(signatures[key], {**request, "seed": request["seed"][:1]})


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_values_that_are_not_finite_are_refused(loaded, bad):
    signatures, served = loaded("learned scale")
    for key, request in requests(served, 2).items():
        (name, value), *_ = request.items()
        if value.dtype == np.float32:
            request = {**request, name: np.where(np.arange(2)[:, None] == 1, bad, value)}
            request[name] = request[name].astype("f4")
            with pytest.raises(tf.errors.InvalidArgumentError, match="must be finite"):
                ask(signatures[key], request)


def test_conditions_that_are_not_finite_are_refused():
    served = make("condition")
    for key, signature in signatures_of(served.model).items():
        request = {**requests(served, 1)[key], "y": np.array([[0.0, np.nan]], "f4")}
        with pytest.raises(tf.errors.InvalidArgumentError, match="y must be finite"):
            signature.function(
                *(tf.constant(request[one.name]) for one in signature.inputs)
            )


@pytest.mark.parametrize(
    "name, bad, where",
    [
        ("binarized images", 255.0, r"outside \[0, 1\]"),
        ("VAE-GAN", -0.1, r"outside \[0, 1\]"),
        ("labels of cell middles", 0.0, r"outside \(0, 1\)"),
        ("8-bit levels", 0.5, r"outside whole numbers in \[0, 255\]"),
        ("flow of counts, classes", -1.0, r"outside whole numbers in \[0, infinity\)"),
    ],
)
def test_values_outside_the_support_are_refused(loaded, name, bad, where):
    signatures, served = loaded(name)
    x = np.full((1, *served.model.event_shape), bad, "f4")
    for key in ("serving_default", "encode", "score"):
        request = {**requests(served, 1)[key], "x": x}
        with pytest.raises(tf.errors.InvalidArgumentError, match=where):
            ask(signatures[key], request)


@pytest.mark.parametrize("condition", [None, 3])
def test_the_largest_count_is_served_and_no_larger_one(condition, monkeypatch):
    monkeypatch.setattr(latent_variable_model, "_EVENTS_AT_A_TIME", 5)
    model = keras_vae.DenseVAE(IMAGE, 2, hidden_units=(3,), condition=condition)
    function = signatures_of(model)["sample"].function
    for n in (0, 1, 4, 5, 6, 7):
        request = [tf.constant(seeds(n))]
        request += [] if condition is None else [tf.zeros(n, tf.int32)]
        if n <= 5:
            samples = function(*request)["samples"]
            assert samples.shape == (n, *IMAGE)
            if n:
                expected = model.sample(n, 0 if condition else None, seed=5)
                np.testing.assert_allclose(samples, expected, atol=1e-6)
            continue
        with pytest.raises(tf.errors.InvalidArgumentError, match="from 0 to 5"):
            function(*request)


@pytest.mark.parametrize("shape", [(1, 8, 8, 2), (1, 8, 9, 1), (8, 8, 1), (2, 64)])
def test_images_of_another_size_are_refused(loaded, shape):
    signatures, _ = loaded("8-bit levels")
    for key, dtype in [("serving_default", "f4"), ("encode_uint8", "u1")]:
        with pytest.raises(tf.errors.InvalidArgumentError, match="hape"):
            ask(signatures[key], {"x": np.zeros(shape, dtype)})


@pytest.mark.parametrize(
    "key, name, shape",
    [
        ("decode", "z", (1, 4)),
        ("sample", "seed", (2,)),
        ("score", "seed", (1, 3)),
    ],
)
def test_other_inputs_of_another_size_are_refused(loaded, key, name, shape):
    signatures, served = loaded("8-bit levels")
    request = requests(served, 1)[key]
    request = {**request, name: np.ones(shape, request[name].dtype)}
    with pytest.raises(tf.errors.InvalidArgumentError, match="hape"):
        ask(signatures[key], request)


def test_reconstructed_bytes_are_rounded_and_stay_from_0_to_255(tmp_path):
    model = keras_vae.DenseVAE(IMAGE, 2, layers.IndependentNormal(IMAGE), hidden_units=(3,))
    means = np.linspace(-0.5, 1.5, 64, dtype="f4")
    bias = np.concatenate([means, np.zeros(64, "f4")])
    model.set_weights([bias if w.shape == (128,) else 0 * w for w in model.get_weights()])
    model.preprocessor = scaled()
    model.export(tmp_path / "1")
    signatures = tf.saved_model.load(tmp_path / "1").signatures
    answer = ask(signatures["reconstruct_uint8"], {"x": np.ones((2, *IMAGE), np.uint8)})
    expected = np.clip(np.rint(255 * means), 0, 255).reshape(IMAGE)
    np.testing.assert_array_equal(answer["reconstruction"], [expected, expected])


@pytest.mark.parametrize(
    "preprocessor, has_bytes",
    [
        (None, False),
        (scaled(), True),
        (scaled(binarize=True), True),
        (Preprocessor(Scaling(IMAGE, 0.0, 16.0), levels=(0, 16)), False),
        (Preprocessor(Scaling(IMAGE)), False),
    ],
)
def test_bytes_are_read_where_the_preprocessor_says_what_they_mean(preprocessor, has_bytes):
    model = keras_vae.DenseVAE(IMAGE, 2, hidden_units=(3,), preprocessor=preprocessor)
    signatures = signatures_of(model)
    assert ("reconstruct_uint8" in signatures) == has_bytes
    assert ("encode_uint8" in signatures) == has_bytes


def test_a_trained_and_compiled_model_is_exported_without_its_optimizer(tmp_path):
    model, x = model_cases.case("mixture prior, mixed objective")
    model_cases.fit(model, x)
    model.export(tmp_path / "1")
    variables = tf.train.list_variables(str(tmp_path / "1" / "variables" / "variables"))
    sizes = [int(np.prod(shape)) for name, shape in variables if "_CHECK" not in name]
    assert sum(sizes) == model.count_params()


class _Bare(tfd.Independent):
    """A distribution of which nobody knows the standard deviation."""

    def _stddev(self):
        raise NotImplementedError("stddev")

    _variance = _stddev


@keras.saving.register_keras_serializable("keras_vae_tests")
class BarePosterior(layers.IndependentNormal):
    """A posterior without a standard deviation in closed form."""

    def make_distribution(self, params):
        loc, scale = tf.split(params, 2, -1)
        return _Bare(tfd.Normal(loc, 0.1 + tf.square(scale)), 1)


def test_of_a_posterior_without_a_standard_deviation_the_centre_is_served():
    model = model_cases.vae(posterior=BarePosterior(model_cases.LATENT))
    x = model_cases.data_for(model)
    answer = signatures_of(model)["encode"].function(tf.constant(x))
    assert set(answer) == {"center", "z"}
    np.testing.assert_allclose(answer["center"], model.embed(x), rtol=1e-6)


@pytest.mark.parametrize("preprocessor", [scaled((4, 4, 1)), "scaled"])
def test_a_preprocessor_of_other_events_is_refused(preprocessor):
    model = keras_vae.DenseVAE(IMAGE, 2, hidden_units=(3,))
    with pytest.raises(ValueError, match="preprocessor"):
        model.preprocessor = preprocessor


def test_an_unknown_format_is_refused(tmp_path):
    with pytest.raises(ValueError, match="Known: litert, onnx, tf_saved_model"):
        model_cases.shared_vae().export(tmp_path / "1", format="pickle")


def test_an_earlier_export_is_replaced_only_if_that_is_said(tmp_path):
    model = model_cases.shared_vae()
    model.export(tmp_path / "1")
    before = (tmp_path / "1" / "fingerprint.pb").read_bytes()
    with pytest.raises(FileExistsError, match="overwrite=True"):
        model.export(tmp_path / "1")
    assert (tmp_path / "1" / "fingerprint.pb").read_bytes() == before
    model.export(tmp_path / "1", overwrite=True)
    assert [path.name for path in tmp_path.iterdir()] == ["1"]
    assert "encode" in read_signatures(tmp_path / "1")


@pytest.mark.parametrize(
    "name",
    [
        "me.jpg",
        "assets/words.txt",
        "extra/tf_serving_warmup_requests",
        "variables/notes.txt",
        "variables/variables.data-00000-of-00001.backup",
        "encode.onnx/readme",
        "1/saved_model.pb",
    ],
)
def test_what_was_not_exported_is_never_lost(tmp_path, monkeypatch, name):
    def fill(folder, signatures):
        for written in FILES:
            (folder / written).parent.mkdir(exist_ok=True)
            (folder / written).write_text("new")

    monkeypatch.setattr(writing, "_write_saved_model", fill)
    model, folder = model_cases.shared_vae(), tmp_path / "1"
    model.export(folder)
    (folder / name).parent.mkdir(exist_ok=True)
    (folder / name).write_text("mine")
    with pytest.raises(
        FileExistsError, match=f"1 holds {name}, which is not a file of this program"
    ):
        model.export(folder, overwrite=True)
    assert (folder / name).read_text() == "mine"
    (folder / name).unlink()
    model.export(folder, overwrite=True)
    assert {path.name for path in tmp_path.iterdir()} == {"1"}


def test_an_export_consists_of_the_files_that_may_be_replaced(exported):
    folder = Path(exported("8-bit levels")[1])
    paths = (path for path in folder.rglob("*") if path.is_file())
    assert {path.relative_to(folder).as_posix() for path in paths} == FILES


def test_signatures_of_nothing_and_of_a_damaged_file(tmp_path):
    with pytest.raises(FileNotFoundError, match="holds no SavedModel"):
        read_signatures(tmp_path)
    for damage in (b"", b"no protobuf"):
        (tmp_path / "saved_model.pb").write_bytes(damage)
        with pytest.raises(ValueError, match="is damaged"):
            read_signatures(tmp_path)
