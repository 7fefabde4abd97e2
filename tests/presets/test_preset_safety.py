"""Nothing in a folder is executed, whoever wrote it."""

import math

import h5py
import keras
import pytest
from saved_models import forge, own_networks, record_again, saved

from keras_vae import VAE
from keras_vae.presets.files import CONFIG, WEIGHTS


@pytest.fixture
def preset(tmp_path):
    return saved(own_networks(), tmp_path / "preset")


@pytest.fixture
def marker(tmp_path):
    """A file that exists if code of a config was executed."""
    return tmp_path / "executed"


def refused(preset, marker):
    with pytest.raises(ValueError, match=CONFIG):
        VAE.from_preset(preset)
    assert not marker.exists()


def lambda_layer(marker):
    path = str(marker)
    code = keras.layers.Lambda(lambda x: (open(path, "w").close(), x)[1])
    return keras.saving.serialize_keras_object(code)


def call(module, name, config, registered_name=None):
    return {
        "module": module,
        "class_name": name,
        "config": config,
        "registered_name": registered_name,
    }


def calls(marker):
    touch = ["touch", str(marker)]
    return [
        call("os", "system", {"command": f"touch {marker}"}),
        call("subprocess", "Popen", {"args": touch}),
        call("subprocess", "Popen", {"args": touch}, "keras_vae>Popen"),
        call("builtins", "function", "exec", "function"),
        call("pathlib", "Path", str(marker), "keras_vae>VAE2"),
        call("keras.utils", "get_file", {"fname": str(marker), "origin": "file:///"}),
        call("keras.src.saving.saving_lib", "load_model", {"filepath": str(marker)}),
        call("keras_vae.core.files", "write_json", {"path": str(marker), "value": 1}),
    ]


@pytest.mark.parametrize("number", range(8))
def test_no_function_is_called_as_the_model(preset, marker, number):
    forge(preset, lambda _: calls(marker)[number])
    refused(preset, marker)


@pytest.mark.parametrize("part", ["encoder", "posterior", "prior"])
@pytest.mark.parametrize("number", range(8))
def test_no_function_is_called_as_a_part(preset, marker, number, part):
    def change(config):
        config["config"][part] = calls(marker)[number]
        return config

    forge(preset, change)
    refused(preset, marker)


@pytest.mark.parametrize("part", ["encoder", "decoder"])
def test_no_lambda_layer_is_made(preset, marker, part):
    def change(config):
        config["config"][part]["config"]["layers"].insert(1, lambda_layer(marker))
        return config

    forge(preset, change)
    refused(preset, marker)


def test_the_lambda_layer_would_have_left_its_mark(marker):
    layer = keras.saving.deserialize_keras_object(lambda_layer(marker), safe_mode=False)
    layer(keras.ops.ones((1, 1)))
    assert marker.exists()


def test_a_conversion_that_is_not_registered_is_refused(preset, marker):
    def change(config):
        config["config"]["posterior"]["config"]["convert_to_tensor_fn"] = "os>system"
        return config

    forge(preset, change)
    refused(preset, marker)


@pytest.mark.parametrize(
    "model",
    [
        keras.Sequential([keras.layers.Dense(1)]),
        keras.layers.Dense(1),
        own_networks().posterior,
    ],
)
def test_what_is_not_a_model_of_this_package_is_refused(preset, marker, model):
    forge(preset, lambda _: keras.saving.serialize_keras_object(model))
    refused(preset, marker)


@pytest.mark.parametrize("value", [[], "VAE", None, 3, {}, {"registered_name": None}])
def test_a_config_of_another_kind_is_refused(preset, marker, value):
    forge(preset, lambda _: value)
    refused(preset, marker)


@pytest.mark.parametrize("key", ["encoder", "likelihood", "seed"])
def test_a_config_with_nonsense_in_it_is_refused(preset, marker, key):
    def change(config):
        config["config"][key] = "nonsense"
        return config

    forge(preset, change)
    refused(preset, marker)


def test_weights_are_not_read_from_files_that_others_name(preset, tmp_path):
    secret = tmp_path / "secret"
    secret.write_bytes(bytes(4_000))
    with h5py.File(preset / WEIGHTS, "r+") as file:
        found = []
        file.visititems(
            lambda name, one: found.append(name) if isinstance(one, h5py.Dataset) else None
        )
        name = next(one for one in found if file[one].size > 8)
        shape = file[name].shape
        del file[name]
        size = 4 * math.prod(shape)
        file.create_dataset(name, shape, "f4", external=[(str(secret), 0, size)])
    record_again(preset, WEIGHTS)
    with pytest.raises(ValueError, match="stored in another file"):
        VAE.from_preset(preset)
