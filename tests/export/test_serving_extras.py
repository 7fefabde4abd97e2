"""What TensorFlow Serving reads beside a model: warm-up, batching, versions."""

import model_cases
import numpy as np
import pytest
import tensorflow as tf

import keras_vae
from keras_vae.export.serving import BATCHING, WARM_UP, serving_config

prediction_log_pb2 = pytest.importorskip(
    "tensorflow_serving.apis.prediction_log_pb2",
    reason="needs the package tensorflow-serving-api",
)


@pytest.fixture(scope="module")
def model():
    return model_cases.shared_vae()


@pytest.fixture(scope="module")
def whole(model, tmp_path_factory):
    """Two versions of a model; only to be read."""
    folder = tmp_path_factory.mktemp("models") / "digits"
    for version in ("1", "2"):
        model.export(folder / version, serving=True)
    return folder


def test_warm_up_requests_are_those_that_the_model_answers(whole):
    signatures = tf.saved_model.load(whole / "2").signatures
    asked = {}
    for record in tf.data.TFRecordDataset(str(whole / "2" / WARM_UP)):
        log = prediction_log_pb2.PredictionLog.FromString(record.numpy())
        request = log.predict_log.request
        inputs = {k: tf.make_ndarray(v) for k, v in request.inputs.items()}
        name = request.model_spec.signature_name
        answer = signatures[name](**{k: tf.constant(v) for k, v in inputs.items()})
        sizes = {len(one) for one in (*inputs.values(), *answer.values())}
        assert len(sizes) == 1
        asked.setdefault(name, []).extend(sizes)
    assert asked == {name: [1, 32] for name in signatures if name != "serving_default"}


def test_batching_and_versions_are_said(whole):
    assert "max_batch_size { value: 32 }" in (whole / "2" / BATCHING).read_text()
    config = (whole / "models.config").read_text()
    assert config == serving_config({"digits": [2, 1]})
    assert 'key: "latest" value: 2' in config and 'key: "previous" value: 1' in config
    assert config.count("{") == config.count("}")


def test_a_config_may_hold_any_name():
    from google.protobuf import text_format
    from tensorflow_serving.config import model_server_config_pb2

    name = 'my "möd\\el"'
    config = model_server_config_pb2.ModelServerConfig()
    text_format.Parse(serving_config({name: [1]}), config)
    (one,) = config.model_config_list.config
    assert (one.name, one.base_path) == (name, f"/models/{name}")


def test_what_the_server_reads_is_kept_or_written_anew(model, tmp_path):
    folder = tmp_path / "1"
    model.export(folder)
    (folder / WARM_UP).parent.mkdir()
    (folder / WARM_UP).write_bytes(b"mine")
    (folder / BATCHING).write_text("mine")
    model.export(folder, overwrite=True)
    assert (folder / WARM_UP).read_bytes() == b"mine"
    assert (folder / BATCHING).read_text() == "mine"
    model.export(folder, overwrite=True, serving=True)
    assert len((folder / WARM_UP).read_bytes()) > 100
    assert "mine" not in (folder / BATCHING).read_text()
    # Requests of other shapes than the model's would keep the server from starting it.
    other = keras_vae.DenseVAE(5, 2, hidden_units=(4,))
    other.export(folder, overwrite=True)
    assert not (folder / WARM_UP).exists() and (folder / BATCHING).exists()


@pytest.mark.parametrize("format", ["onnx", "litert"])
def test_other_formats_are_not_served(model, tmp_path, format):
    with pytest.raises(ValueError, match=f"does not read '{format}'"):
        model.export(tmp_path / "1", format, serving=True)


def test_the_command_writes_them(model, tmp_path):
    from click.testing import CliRunner

    from keras_vae.cli.export import export

    model.save_to_preset(tmp_path / "run")
    folder = tmp_path / "models" / "1"
    result = CliRunner().invoke(export, [str(tmp_path / "run"), str(folder), "--serving"])
    assert result.exit_code == 0 and "assets.extra" in result.output
    assert np.all([(folder / name).is_file() for name in (WARM_UP, BATCHING)])
