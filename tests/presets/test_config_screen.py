"""What a config names is looked at before Keras sees it."""

import base64
import marshal

import keras
import pytest
from saved_models import conv, dense, forge, own_networks, saved

from keras_vae import VAE, VAEGAN
from keras_vae.presets.screen import screen


def vae_gan():
    return VAEGAN.for_images((8, 8, 1), 2, filters=(2,), spectral_normalization=True)


@pytest.mark.parametrize("make", [dense, conv, own_networks, vae_gan])
def test_configs_of_models_pass(make):
    screen(keras.saving.serialize_keras_object(make()))


def test_registered_objects_and_keras_functions_pass():
    @keras.saving.register_keras_serializable("mine")
    def double(x):
        return 2 * x

    for function in (double, keras.activations.relu):
        layer = keras.layers.Dense(1, activation=function)
        screen(keras.saving.serialize_keras_object(layer))
        screen(keras.saving.serialize_keras_object(function))


def bytecode(marker):
    """A lambda as Keras writes it: bytecode, which would run when it is called."""
    code = compile(f"open({str(marker)!r}, 'w').close()", "<config>", "eval")
    packed = base64.b64encode(marshal.dumps(code)).decode("ascii")
    return {"class_name": "__lambda__", "config": {"value": [packed, None, None]}}


def named(module, name, registered=None, config=None):
    return {
        "module": module,
        "class_name": name,
        "config": config or {},
        "registered_name": registered,
    }


def attacks(marker):
    touch = {"command": f"touch {marker}"}
    return [
        bytecode(marker),
        named("keras.layers", "Lambda", config={"function": bytecode(marker)}),
        named("keras.layers", "TFSMLayer", config={"filepath": "/tmp"}),
        named("keras.layers", "StringLookup", config={"vocabulary": "/etc/passwd"}),
        named("os", "system", config=touch),
        named("os", "system", registered="os>system", config=touch),
        named("builtins", "eval", config={"source": "1"}),
        named("builtins", "function", registered="function", config="exec"),
        named("builtins", "function", registered="function", config="os.system"),
        named("subprocess", "Popen", config={"args": ["touch", str(marker)]}),
        named("tensorflow.io", "write_file", config={"filename": str(marker)}),
        named("numpy", "load", config={"file": "x", "allow_pickle": True}),
        named("keras_evil", "Layer"),
        named("kerasx.layers", "Dense"),
        # Another name for what is refused.
        named("keras", "layers.TFSMLayer", config={"filepath": str(marker)}),
    ]


@pytest.mark.thinned
@pytest.mark.parametrize("number", range(15))
@pytest.mark.parametrize("place", ["layer", "option", "list", "activation"])
def test_code_and_other_packages_are_refused_wherever_they_stand(tmp_path, number, place):
    marker = tmp_path / "executed"
    attack = attacks(marker)[number]

    def change(config):
        layers = config["config"]["encoder"]["config"]["layers"]
        if place == "layer":
            layers.insert(1, attack)
        elif place == "option":
            config["config"]["seed"] = attack
        elif place == "list":
            config["build_config"] = {"input_shape": [1, [attack]]}
        else:
            layers[-1]["config"]["activation"] = attack
        return config

    preset = saved(own_networks(), tmp_path / "preset")
    forge(preset, change)
    with pytest.raises(ValueError, match="config.json does not describe a model: it "):
        VAE.from_preset(preset)
    assert not marker.exists()
