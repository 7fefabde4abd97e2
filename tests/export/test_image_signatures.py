"""Signatures that take image files: those of uint8 images, behind a decoder."""

import base64
import io
import json
import urllib.error
import urllib.request

import numpy as np
import pytest
import tensorflow as tf
from PIL import Image
from served_models import scaled

import keras_vae
from keras_vae.data import Preprocessor, Scaling, Spectrogram
from keras_vae.data.streaming.image_file import decode_one
from keras_vae.export.images import decoded_images
from keras_vae.export.local_server import serve

RNG = np.random.default_rng(0)
SHAPES = [(8, 8, 1), pytest.param((12, 8, 3), marks=pytest.mark.slow)]


def encoded(pixels, form="PNG", **options):
    """An image [height, width, channels] as the contents of a file."""
    file = io.BytesIO()
    Image.fromarray(pixels.squeeze()).save(file, form, **options)
    return file.getvalue()


@pytest.fixture(scope="module", params=SHAPES)
def served(request, tmp_path_factory):
    """Signatures of a model that learns labels or has a condition, and some images."""
    shape = request.param
    if shape[-1] == 1:
        model = keras_vae.SemiSupervisedVAE(shape, 2, 3, hidden_units=(5,), seed=0)
    else:
        model = keras_vae.DenseVAE(shape, 2, hidden_units=(5,), condition=3, seed=0)
    model.preprocessor = scaled(shape)
    folder = tmp_path_factory.mktemp("images") / "1"
    model.export(folder, images=True)
    raw = RNG.integers(0, 256, (3, *shape), dtype=np.uint8)
    y = {} if model.learns_labels else {"y": tf.constant([0, 1, 2])}
    return tf.saved_model.load(folder).signatures, raw, y, folder


@pytest.mark.slow
def test_files_are_answered_as_their_pixels(served):
    signatures, raw, y, _ = served
    files = tf.constant([encoded(one) for one in raw])
    names = [name for name in signatures if name.endswith("_image")]
    assert len(names) == (2 if y else 3)
    for name in names:
        of_label = {} if name.startswith("predict") else y
        expected = signatures[name.replace("image", "uint8")](x=raw, **of_label)
        answer = signatures[name](image_bytes=files, **of_label)
        assert set(answer) == set(expected)
        for key, value in expected.items():
            np.testing.assert_array_equal(answer[key], value)
            empty = {one: rows[:0] for one, rows in of_label.items()}
            none = signatures[name](image_bytes=files[:0], **empty)
            assert none[key].shape == (0, *value.shape[1:])


@pytest.mark.parametrize("size", [(24, 24), (5, 6), (30, 11)])
@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("form", [{"form": "PNG"}, {"form": "JPEG", "quality": 95}])
def test_other_sizes_are_cut_and_resized_as_in_training(size, channels, form, tmp_path):
    x, y = np.meshgrid(np.linspace(0, 3, size[1]), np.linspace(0, 2, size[0]))
    waves = [np.sin(x + y + i) for i in range(3)]
    pixels = np.uint8(127.5 + 127.5 * np.stack(waves, axis=-1))
    data = encoded(pixels, **form)
    (tmp_path / "a.png").write_bytes(data)
    expected = decode_one(tmp_path / "a.png", (12, 8), channels)
    (found,) = decoded_images(tf.constant([data]), (12, 8, channels))
    difference = np.abs(found.numpy().astype(int) - expected)
    # Decoders round in other ways.
    assert difference.mean() < 1 and difference.max() <= 4


def bomb():
    """A small file that says that it is 60,000 pixels high and wide."""
    data = bytearray(encoded(RNG.integers(0, 256, (8, 8, 1), dtype=np.uint8)))
    data[16:24] = (60_000).to_bytes(4, "big") * 2
    return bytes(data)


@pytest.mark.parametrize(
    "data, words",
    [
        (b"", "JPEG or PNG"),
        (b"GIF89a...", "JPEG or PNG"),
        (encoded(np.zeros((8, 8, 1), np.uint8))[:40], ""),
        (encoded(np.zeros((8, 8, 1), np.uint8))[:18], ""),
        (bomb(), "An image may have up to 16,777,216 pixels"),
    ],
)
def test_what_is_no_image_is_refused(data, words, served):
    signatures, raw, y, _ = served
    files = tf.constant([encoded(raw[0]), data, encoded(raw[1])])
    with pytest.raises(tf.errors.InvalidArgumentError, match=words):
        signatures["encode_image"](image_bytes=files, **y)


def asked(port, body):
    url = f"http://localhost:{port}/v1/models/digits:predict"
    try:
        with urllib.request.urlopen(url, json.dumps(body).encode()) as answer:
            return answer.status, json.load(answer)
    except urllib.error.HTTPError as error:
        return error.code, json.load(error)


def test_rest_requests_have_them_in_base64(served):
    signatures, raw, y, folder = served
    files = [{"b64": base64.b64encode(encoded(one)).decode()} for one in raw]
    labels = [{key: int(one[i]) for key, one in y.items()} for i in range(3)]
    rows = [
        {"image_bytes": file, **label} for file, label in zip(files, labels, strict=True)
    ]
    columns = {
        "image_bytes": files,
        **{key: one.numpy().tolist() for key, one in y.items()},
    }
    expected = signatures["encode_uint8"](x=raw, **y)["z"]
    with serve({"digits": folder}) as ports:
        name = {"signature_name": "encode_image"}
        status, content = asked(ports.rest, {**name, "instances": rows})
        assert status == 200, content
        found = [row["z"] for row in content["predictions"]]
        np.testing.assert_allclose(found, expected, rtol=1e-6)
        _, content = asked(ports.rest, {**name, "inputs": columns})
        np.testing.assert_allclose(content["outputs"]["z"], expected, rtol=1e-6)
        if not y:
            _, content = asked(ports.rest, {**name, "instances": files})
            np.testing.assert_allclose(content["predictions"][1]["z"], found[1], rtol=1e-6)
        for bad, words in [
            ([{"b64": "?"}], "not base64"),
            (["text"], "must be bytes, as objects"),
            ([[{"b64": ""}]], "must have shape"),
        ]:
            wrong = {**columns, "image_bytes": bad}
            status, content = asked(ports.rest, {**name, "inputs": wrong})
            assert status == 400 and words in content["error"]


@pytest.mark.slow
def test_warm_up_requests_have_some(tmp_path):
    logs = pytest.importorskip("tensorflow_serving.apis.prediction_log_pb2")
    model = keras_vae.DenseVAE((8, 8, 1), 2, hidden_units=(5,), seed=0)
    model.preprocessor = scaled((8, 8, 1))
    model.export(tmp_path / "1", serving=True, images=True)
    signatures, count = tf.saved_model.load(tmp_path / "1").signatures, 0
    path = tmp_path / "1/assets.extra/tf_serving_warmup_requests"
    for record in tf.data.TFRecordDataset(str(path)):
        request = logs.PredictionLog.FromString(record.numpy()).predict_log.request
        if request.model_spec.signature_name == "encode_image":
            files = tf.make_ndarray(request.inputs["image_bytes"])
            answer = signatures["encode_image"](image_bytes=tf.constant(files))
            assert len(answer["z"]) == len(files)
            count += 1
    assert count > 0


@pytest.mark.parametrize("shape, levels", [((8, 8, 2), (0, 255)), ((6,), None)])
def test_models_of_other_data_are_refused(shape, levels, tmp_path):
    model = keras_vae.DenseVAE(shape, 2, hidden_units=(5,), seed=0)
    if levels:
        model.preprocessor = scaled(shape)
    with pytest.raises(ValueError, match="is for models of 8-bit images"):
        model.export(tmp_path / "1", images=True)
    with pytest.raises(ValueError, match="Files are decoded in a SavedModel"):
        model.export(tmp_path / "1", "onnx", images=True)
    assert not (tmp_path / "1").exists()


def test_spectrograms_are_no_image_files(tmp_path):
    spectrogram = Spectrogram(4000, 2000, 256, 64, 32)
    model = keras_vae.DenseVAE(spectrogram.event_shape, 2, hidden_units=(5,), seed=0)
    scaling = Scaling(spectrogram.event_shape)
    model.preprocessor = Preprocessor(scaling, levels=(0, 255), spectrogram=spectrogram)
    with pytest.raises(ValueError, match="This model is of sounds"):
        model.export(tmp_path / "1", images=True)


def test_large_images_are_decoded_one_at_a_time():
    decode = tf.function(lambda files: decoded_images(files, (8, 8, 1)), autograph=False)
    graph = decode.get_concrete_function(tf.TensorSpec([None], tf.string)).graph
    loops = [one for one in graph.get_operations() if "While" in one.type]
    assert [one.get_attr("parallel_iterations") for one in loops] == [1]
