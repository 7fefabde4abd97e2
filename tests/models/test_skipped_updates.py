"""Updates that are skipped where the norm of the gradient is above a threshold."""

import keras
import laws
import numpy as np
import pytest
from kind_cases import SHAPE, dense, images

import keras_vae

SMALL, LARGE = 1e-6, 1e6


def vae_gan():
    return keras_vae.VAEGAN.for_images(SHAPE, 3, filters=(2,), seed=0)


MODELS = {"one player": dense, "three players": vae_gan}
every_model = pytest.mark.parametrize(
    "make",
    [
        pytest.param(make, marks=[pytest.mark.slow] * (make is vae_gan))
        for make in MODELS.values()
    ],
    ids=list(MODELS),
)


def trained(make, threshold, dtype=None, **arguments):
    keras.utils.set_random_seed(0)
    keras.config.set_dtype_policy(dtype or "float32")
    model = make()
    model.compile(keras.optimizers.Adam(0.01), skip_threshold=threshold, **arguments)
    before = [np.array(one) for one in model.trainable_weights]
    logs = model.fit(images(), batch_size=6, epochs=2, verbose=0, shuffle=False).history
    pairs = zip(before, model.trainable_weights, strict=True)
    moved = [not np.array_equal(one, other) for one, other in pairs]
    return model, logs, moved


def shares(logs):
    return {name: value for name, value in logs.items() if name.endswith("_updates")}


@every_model
def test_no_update_has_a_gradient_above_the_threshold(make):
    model, logs, moved = trained(make, SMALL)
    assert shares(logs) and not any(moved)
    assert all(value == [0.0, 0.0] for value in shares(logs).values())
    plain, plain_logs, plain_moved = trained(make, None)
    same, logs, _ = trained(make, LARGE)
    assert all(value == [1.0, 1.0] for value in shares(logs).values())
    assert all(plain_moved) and not shares(plain_logs)
    for one, other in zip(plain.weights, same.weights, strict=True):
        laws.close(one, other)


def test_the_threshold_is_that_of_the_loss_without_its_scale():
    # The loss is multiplied by 2^15 in half precision.
    _, logs, moved = trained(dense, 1e4, "mixed_float16")
    assert any(moved) and logs["model_updates"] == [1.0, 1.0]
    _, logs, moved = trained(dense, SMALL, "mixed_float16")
    assert not any(moved)


def test_the_threshold_is_saved(tmp_path):
    model, _, _ = trained(dense, SMALL)
    model.save(tmp_path / "model.keras")
    again = keras.models.load_model(tmp_path / "model.keras")
    logs = again.fit(images(), batch_size=6, verbose=0).history
    assert logs["model_updates"] == [0.0]


def test_replicas_are_refused(monkeypatch):
    monkeypatch.setattr("keras_vae.models.objective_model.num_replicas", lambda: 2)
    with pytest.raises(ValueError, match="skip_threshold needs .* Train on one device"):
        dense().compile("adam", skip_threshold=1.0)


@pytest.mark.parametrize("threshold", [0, -1.0, "high", float("nan")])
def test_bad_thresholds_are_refused(threshold):
    with pytest.raises(ValueError, match="skip_threshold must be"):
        dense().compile("adam", skip_threshold=threshold)
