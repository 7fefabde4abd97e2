"""What was done to a model's networks comes back with it: freezing, int8, LoRA.

By every way back: file, preset, deep copy, clone.
"""

import copy
import warnings

import keras
import numpy as np
import pytest
from gan_cases import equal
from model_cases import (
    SIZE,
    condition_for,
    data_for,
    fit,
    ladder,
    optimizer_state,
    semi_supervised,
    vae,
    vae_gan,
)

import keras_vae
from keras_vae import priors


def dense_vae():
    return keras_vae.DenseVAE(
        SIZE, 2, hidden_units=(5, 4), prior=priors.VampPrior(2), activation="tanh", seed=0
    )


def conv_vae():
    return keras_vae.ConvVAE(
        (8, 8, 1), 2, filters=(2, 3), dense_units=4, prior="learned", seed=0
    )


def conditional_vae():
    return keras_vae.DenseVAE(
        SIZE, 2, hidden_units=(4,), condition=(3,), prior="conditional", seed=0
    )


def vae_with_a_prior():
    return vae(prior=priors.MixtureOfNormals(2, seed=1))


def gan_with_a_prior():
    return vae_gan(prior=priors.MixtureOfNormals(2, seed=1))


MODELS = {
    "DenseVAE": dense_vae,
    "ConvVAE": conv_vae,
    "VAE": vae_with_a_prior,
    "VAE-GAN": gan_with_a_prior,
    "conditional": conditional_vae,
    "semi-supervised": semi_supervised,
    "hierarchical": lambda: ladder("top_down"),
}


def freeze_encoder(model):
    model.encoder.trainable = False


def freeze_decoder(model):
    model.decoder.trainable = False


def freeze_a_layer(model):
    weighted = [one for one in model.encoder.layers if one.weights]
    weighted[0].trainable = False


def freeze_the_prior(model):
    model.prior.trainable = False


def quantize_all(model):
    with warnings.catch_warnings():
        # Of the layers that have no such form.
        warnings.simplefilter("ignore", UserWarning)
        model.quantize("int8")


def quantize_decoder(model):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)
        model.decoder.quantize("int8")


def add_lora(model):
    for layer in model.encoder.layers:
        if isinstance(layer, keras.layers.Dense | keras.layers.Conv2D):
            layer.enable_lora(2)


def freeze_discriminator(model):
    model.discriminator.trainable = False


CHANGES = [
    freeze_encoder,
    freeze_decoder,
    freeze_a_layer,
    freeze_the_prior,
    quantize_all,
    quantize_decoder,
    add_lora,
]
CASES = [("DenseVAE", change) for change in CHANGES]
CASES += [("ConvVAE", quantize_all), ("ConvVAE", add_lora)]
CASES += [("VAE-GAN", change) for change in (freeze_discriminator, add_lora)]
CASES += [("VAE", freeze_the_prior), ("conditional", freeze_the_prior)]
every_case = pytest.mark.parametrize(
    "name, change",
    [
        pytest.param(
            name,
            change,
            id=f"{name}-{change.__name__}",
            # Each change of a dense model; of the others they are slow.
            marks=[] if name == "DenseVAE" else pytest.mark.slow,
        )
        for name, change in CASES
    ],
)


def changed(name, change):
    """The model, changed and compiled anew, as Keras asks for; and its data."""
    keras.utils.set_random_seed(5)
    model = MODELS[name]()
    change(model)
    model.compile(keras.optimizers.Adam(1e-2), run_eagerly=True)
    return model, data_for(model)


def from_file(model, folder):
    model.save(folder / "model.keras")
    return keras.saving.load_model(folder / "model.keras")


def from_copy(model, folder):
    return copy.deepcopy(model)


def from_preset(model, folder):
    model.save_to_preset(folder / "preset")
    return type(model).from_preset(folder / "preset")


def from_clone(model, folder):
    clone = keras.models.clone_model(model)
    clone.set_weights(model.get_weights())
    return clone


def paths(variables):
    """Shapes of variables; their names differ between copies."""
    return [(tuple(v.shape), v.dtype) for v in variables]


@pytest.mark.thinned
@every_case
def test_what_was_done_to_the_networks_comes_back(name, change, tmp_path):
    model, x = changed(name, change)
    y = condition_for(model)
    outputs = model(x, y)
    assert paths(model.variables) != paths(MODELS[name]().variables) or len(
        model.trainable_variables
    ) < len(MODELS[name]().trainable_variables)
    for way in (from_file, from_copy, from_preset, from_clone):
        again = way(model, tmp_path)
        assert type(again) is type(model)
        assert paths(again.trainable_variables) == paths(model.trainable_variables)
        assert sorted(paths(again.variables)) == sorted(paths(model.variables))
        np.testing.assert_allclose(again(x, y), outputs, rtol=1e-6, atol=1e-6)


@pytest.mark.slow
@every_case
def test_training_goes_on_alike(name, change, tmp_path):
    model, x = changed(name, change)
    if model.trainable_variables == []:
        return
    if change is add_lora:
        # Keras merges the two factors into the kernel when it saves, and starts anew.
        again = from_file(model, tmp_path)
        assert paths(again.optimizer.variables) == paths(model.optimizer.variables)
        return
    fit(model, x)
    fixed = [np.array(v) for v in model.weights if not v.trainable]
    again = from_file(model, tmp_path)
    again.run_eagerly = True
    assert equal(optimizer_state(again), optimizer_state(model))
    logs = [fit(one, x) for one in (model, again)]
    for key, values in logs[0].items():
        np.testing.assert_allclose(logs[1][key], values, rtol=1e-5, atol=1e-6)
    for a, b in zip(again.get_weights(), model.get_weights(), strict=True):
        np.testing.assert_allclose(a, b, rtol=0, atol=1e-6)
    # What was frozen has not moved. (Spectral norms and the like are none of these.)
    still = [v for v in again.weights if not v.trainable]
    for before, variable in zip(fixed, still, strict=True):
        np.testing.assert_array_equal(before, variable)
