"""`export` of a trained run."""

import importlib.util

import numpy as np
import pytest
import tensorflow as tf

from keras_vae.data import Preprocessor, Scaling, load
from keras_vae.export import read_signatures
from keras_vae.models import VAE


def test_a_run_is_exported_as_its_model(command, digits_run):
    result = command("export", digits_run, "models/digits/1")
    assert result.code == 0 and result.err == ""
    first, *lines = result.out.splitlines()
    assert first == "wrote models/digits/1 (SavedModel)"
    names = ["decode", "encode", "reconstruct", "sample", "score", "serving_default"]
    assert [line.split(":")[0].strip() for line in lines] == names
    assert (
        "  encode: x float32 [batch, 8, 8, 1] -> mean float32 [batch, 2], "
        "stddev float32 [batch, 2], z float32 [batch, 2]" in lines
    )
    assert "sample: seed int32 [batch, 2] -> samples float32 [batch" in result.out
    # Servers read and answer in the model's units.
    model = VAE.from_preset(digits_run, preprocessor=None)
    x = load("digits").x_test[:5].astype("f4")
    signatures = tf.saved_model.load("models/digits/1").signatures
    answer = signatures["serving_default"](x=tf.constant(x))["reconstruction"]
    np.testing.assert_allclose(answer, model.reconstruct(x), rtol=1e-5, atol=1e-5)


def test_a_run_on_8_bit_images_reads_them_as_they_are(command, own_run):
    result = command("export", own_run / "run", "latest")
    assert result.code == 0
    assert "encode_uint8: x uint8 [batch, 8, 8, 1] -> mean float32 [batch, 2]" in result.out
    # A server would not find the folder, and floats have other units than the file.
    assert "reads numbered versions: models/NAME/1" in result.out
    assert "with offset 0 and scale 255" in result.out
    model, raw = VAE.from_preset(own_run / "run"), np.load(own_run / "own.npy")[:4]
    signatures = tf.saved_model.load("latest").signatures
    answer = signatures["encode_uint8"](x=tf.constant(raw.astype("u1")))
    expected = model.encode(raw.astype("f4") / 255.0).mean()
    np.testing.assert_allclose(answer["mean"], expected, rtol=1e-5, atol=1e-5)


def test_columns_with_a_scale_each_point_to_the_config(command, digits_run):
    model = VAE.from_preset(digits_run)
    model.preprocessor = Preprocessor(Scaling((8, 8, 1), (1.0,), (2.0,)))
    model.save_to_preset("run")
    result = command("export", "run", "models/digits/1")
    assert "offset and scale of each column in the run's config.json" in result.out


@pytest.mark.slow
def test_an_export_is_replaced_only_with_overwrite(command, digits_run):
    assert command("export", digits_run, "models/digits/1").code == 0
    refused = command("export", digits_run, "models/digits/1")
    assert refused.code == 1 and "--overwrite" in refused.err
    assert command("export", digits_run, "models/digits/1", "--overwrite").code == 0
    assert "score" in read_signatures("models/digits/1")


def test_what_is_no_run_is_refused(command, tmp_path):
    result = command("export", tmp_path, "models/digits/1")
    assert result.code == 1 and "holds no model" in result.err
    assert not list(tmp_path.iterdir())


@pytest.mark.skipif(
    any(importlib.util.find_spec(name) is None for name in ("onnx", "tf2onnx")),
    reason="needs onnx and tf2onnx (the extra 'onnx')",
)
def test_a_run_is_exported_as_onnx(command, digits_run, tmp_path):
    result = command("export", digits_run, "onnx", "--format", "onnx")
    assert result.out == "wrote onnx (ONNX): encode.onnx and decode.onnx\n"
    files = sorted(path.name for path in (tmp_path / "onnx").iterdir())
    assert files == ["decode.onnx", "encode.onnx"]


def test_a_run_is_exported_for_litert(command, digits_run, tmp_path):
    result = command("export", digits_run, "lite", "--format", "litert")
    expected = "(LiteRT): model.tflite, with the signatures encode and decode"
    assert result.out == f"wrote lite {expected}\n"
    assert [path.name for path in (tmp_path / "lite").iterdir()] == ["model.tflite"]
    refused = command("export", digits_run, "more", "--format", "litert", "--serving")
    assert refused.code == 1 and "does not read 'litert'" in refused.err
