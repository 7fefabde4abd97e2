"""A saved model comes back as it was, or not at all."""

import datetime
import hashlib
import json
import os

import h5py
import keras
import numpy as np
import pytest
import tensorflow as tf
import tensorflow_probability as tfp
from saved_models import SHAPE, conv, dense, moved, observations, own_networks, saved

import keras_vae
from keras_vae import VAE
from keras_vae.presets.files import CONFIG, FORMAT, METADATA, WEIGHTS, read_metadata


@pytest.fixture(scope="module")
def original():
    return moved(dense())


@pytest.fixture
def preset(original, tmp_path):
    return saved(original, tmp_path / "preset")


@pytest.fixture
def nothing_is_read(monkeypatch):
    """Lets a test fail that makes a model of files which it should have refused."""

    def never(*_, **__):
        raise AssertionError("the file was read")

    monkeypatch.setattr(keras.saving, "deserialize_keras_object", never)
    monkeypatch.setattr(keras_vae.VAE, "load_weights", never)


@pytest.mark.parametrize("make", [dense, conv, own_networks])
def test_a_model_comes_back_as_it_was(make, tmp_path):
    model = moved(make())
    loaded = VAE.from_preset(saved(model, tmp_path))
    assert type(loaded) is type(model) and loaded.seed == model.seed
    x = observations()
    for ask in (
        lambda m: m.embed(x),
        lambda m: m.reconstruct(x),
        lambda m: m.elbo(x, seed=1),
        lambda m: m.sample(3, seed=1),
    ):
        np.testing.assert_array_equal(ask(loaded), ask(model))


def test_metadata_come_back_with_checksums_and_versions(preset):
    metadata = read_metadata(preset)
    assert metadata == read_metadata(preset) == json.loads((preset / METADATA).read_text())
    assert metadata["data"] == "made up" and metadata["format"] == FORMAT
    assert metadata["versions"] == {
        "keras_vae": keras_vae.__version__,
        "keras": keras.version(),
        "tensorflow": tf.__version__,
        "tensorflow_probability": tfp.__version__,
    }
    assert metadata["parameter_count"] == VAE.from_preset(preset).count_params()
    date = datetime.datetime.fromisoformat(metadata["date_saved"])
    now = datetime.datetime.now(datetime.timezone.utc)
    assert datetime.timedelta(0) <= now - date < datetime.timedelta(hours=1)

    assert set(metadata["files"]) == {CONFIG, WEIGHTS}
    for name, about in metadata["files"].items():
        content = (preset / name).read_bytes()
        assert about["sha256"] == hashlib.sha256(content).hexdigest()
        assert about["bytes"] == len(content)


def test_weights_may_be_left_out_and_arguments_replaced(original, preset):
    x = observations()
    new = VAE.from_preset(preset, load_weights=False)
    assert np.abs(new.embed(x) - original.embed(x)).max() > 1e-4
    other = VAE.from_preset(preset, seed=original.seed + 1)
    assert other.seed == original.seed + 1
    np.testing.assert_array_equal(other.embed(x), original.embed(x))
    bits = VAE.from_preset(preset, load_weights=False, prior="vamp:num_components=3")
    assert type(bits.prior).__name__ == "VampPrior"
    with pytest.raises(ValueError, match="no argument 'sed'. It has: .*seed"):
        VAE.from_preset(preset, sed=3)
    with pytest.raises(
        ValueError, match="with the given seed does not describe a model: seed"
    ):
        VAE.from_preset(preset, seed=-1)


def test_only_the_files_of_the_model_are_replaced(original, preset):
    (preset / "README.md").write_text("card")
    before = read_metadata(preset)
    dense().save_to_preset(preset, {})
    assert read_metadata(preset)["files"][WEIGHTS] != before["files"][WEIGHTS]
    assert "data" not in read_metadata(preset)
    assert {p.name for p in preset.iterdir()} == {CONFIG, METADATA, WEIGHTS, "README.md"}


@pytest.mark.thinned
@pytest.mark.parametrize("error", [OSError("broken"), KeyboardInterrupt()], ids=repr)
@pytest.mark.parametrize("moves", range(5))
def test_an_end_between_the_moves_leaves_the_old_model_or_the_new(
    original, preset, monkeypatch, error, moves
):
    """The step between them is the third move, that of the metadata."""
    x, before = observations(), {path.name for path in preset.iterdir()}
    replace, left = os.replace, [moves]

    def broken(source, target):
        left[0] -= 1
        if left[0] == -1:
            raise error
        replace(source, target)

    new = shifted(dense())
    with monkeypatch.context() as patch, pytest.raises(type(error)):
        patch.setattr(os, "replace", broken)
        new.save_to_preset(preset, {"data": "new"})
    expected = original if moves < 3 else new
    loaded = VAE.from_preset(preset)
    np.testing.assert_array_equal(loaded.reconstruct(x), expected.reconstruct(x))
    assert read_metadata(preset)["data"] == ("made up" if moves < 3 else "new")
    # And a second attempt ends well.
    new.save_to_preset(preset)
    np.testing.assert_array_equal(
        VAE.from_preset(preset).reconstruct(x), new.reconstruct(x)
    )
    assert {path.name for path in preset.iterdir()} == before


def shifted(model):
    """The model with other weights than those of `moved`."""
    model.set_weights([w + 0.25 for w in moved(model).get_weights()])
    return model


def test_an_end_before_the_replacements_changes_nothing(original, preset, monkeypatch):
    before = {p.name: p.read_bytes() for p in preset.iterdir()}

    def broken(*_):
        raise OSError("disk full")

    monkeypatch.setattr(keras_vae.VAE, "save_weights", broken)
    with pytest.raises(OSError, match="disk full"):
        original.save_to_preset(preset)
    assert {p.name: p.read_bytes() for p in preset.iterdir()} == before


@pytest.mark.parametrize("key", ["format", "versions", "files"])
def test_metadata_that_are_written_here_cannot_be_given(original, tmp_path, key):
    with pytest.raises(ValueError, match=f"must not have {key}"):
        original.save_to_preset(tmp_path / "new", {key: 1})
    assert not (tmp_path / "new").exists()


def test_a_folder_may_be_a_string(original, tmp_path):
    original.save_to_preset(str(tmp_path))
    assert type(keras_vae.VAE.from_preset(str(tmp_path))) is type(original)


def test_the_right_class_comes_back(preset):
    assert type(keras_vae.DenseVAE.from_preset(preset)) is keras_vae.DenseVAE
    for other in (keras_vae.ConvVAE, keras_vae.VAEGAN):
        words = f"holds a DenseVAE, not a {other.__name__}. Use DenseVAE.from_preset"
        with pytest.raises(ValueError, match=words):
            other.from_preset(preset)


def numbers_in(path):
    sizes = []
    with h5py.File(path) as file:
        file.visititems(lambda _, v: sizes.append(v.size if hasattr(v, "size") else 0))
        names = list(file)
    return sum(sizes), names


def test_the_optimizer_is_left_out(tmp_path):
    model = keras_vae.DenseVAE(SHAPE, 2, hidden_units=(200, 200))
    model.compile("adam")
    model.fit(observations(), verbose=0)
    saved(model, tmp_path)
    count, names = numbers_in(tmp_path / WEIGHTS)
    assert count == sum(weight.shape.num_elements() for weight in model.weights)
    assert not any("optimizer" in name for name in names)
    assert (tmp_path / WEIGHTS).stat().st_size < 4 * count + 60_000 < 8 * count
    assert not keras_vae.VAE.from_preset(tmp_path).compiled
    # And the model goes on as if nothing had happened.
    assert model.compiled and int(model.optimizer.iterations) == 1
    model.fit(observations(), verbose=0)


@pytest.mark.parametrize("name", [CONFIG, WEIGHTS])
@pytest.mark.parametrize("place", [0, 0.3, 0.999])
def test_an_altered_byte_is_found(preset, name, place, nothing_is_read):
    content = bytearray((preset / name).read_bytes())
    content[int(place * len(content))] ^= 1
    (preset / name).write_bytes(content)
    with pytest.raises(ValueError, match=f"{name} is damaged.*checksum differs"):
        VAE.from_preset(preset)


@pytest.mark.parametrize("name", [CONFIG, WEIGHTS])
@pytest.mark.parametrize("part", [0, 0.5])
def test_a_truncated_file_is_found(preset, name, part, nothing_is_read):
    content = (preset / name).read_bytes()
    (preset / name).write_bytes(content[: int(part * len(content))])
    words = f"{name} is damaged: it has {int(part * len(content))} bytes"
    with pytest.raises(ValueError, match=words):
        VAE.from_preset(preset)


@pytest.mark.parametrize("name", [CONFIG, WEIGHTS, METADATA])
def test_a_missing_file_is_named(preset, name, nothing_is_read):
    (preset / name).unlink()
    with pytest.raises(FileNotFoundError, match=name):
        VAE.from_preset(preset)


def test_a_missing_folder_is_named(tmp_path):
    with pytest.raises(FileNotFoundError, match="no folder .*nowhere"):
        VAE.from_preset(tmp_path / "nowhere")


@pytest.mark.parametrize(
    "metadata, words",
    [
        ("{", "damaged"),
        ("[1]", "damaged"),
        ("{}", "damaged"),
        ('{"format": 1, "files": {}}', "damaged"),
        ('{"format": 1, "files": {"config.json": {}}}', "damaged"),
        ('{"format": 1, "files": {"config.json": 1, "model.weights.h5": 2}}', "damaged"),
    ],
)
def test_damaged_metadata_are_refused(preset, metadata, words, nothing_is_read):
    (preset / METADATA).write_text(metadata)
    with pytest.raises(ValueError, match=f"{METADATA}.*{words}"):
        VAE.from_preset(preset)


@pytest.mark.parametrize("number", [FORMAT + 1, 0, None, str(FORMAT)])
def test_another_format_is_refused(preset, number, nothing_is_read):
    metadata = {**read_metadata(preset), "format": number}
    (preset / METADATA).write_text(json.dumps(metadata))
    with pytest.raises(ValueError, match="Update keras_vae"):
        VAE.from_preset(preset)


def test_weights_of_another_model_are_refused(preset, tmp_path):
    other = saved(own_networks(), tmp_path / "other")
    metadata = read_metadata(preset)
    metadata["files"][WEIGHTS] = read_metadata(other)["files"][WEIGHTS]
    (preset / METADATA).write_text(json.dumps(metadata))
    (preset / WEIGHTS).write_bytes((other / WEIGHTS).read_bytes())
    with pytest.raises(ValueError):
        VAE.from_preset(preset)


@pytest.mark.parametrize("cls", [keras_vae.DenseVAE, keras_vae.ConvVAE])
@pytest.mark.parametrize("dtype", ["mixed_float16", "mixed_bfloat16"])
def test_networks_compute_in_the_precision_that_is_asked_for(cls, dtype, tmp_path):
    model = cls((8, 8, 1), 2, seed=0)
    model.save_to_preset(tmp_path / "whole")
    half = VAE.from_preset(tmp_path / "whole", dtype=dtype)
    made = cls((8, 8, 1), 2, dtype=dtype, seed=0)
    for network in ("encoder", "decoder"):
        policies = [
            [layer.dtype_policy.name for layer in getattr(one, network).layers]
            for one in (half, made)
        ]
        assert policies[0] == policies[1] and dtype in policies[0]
    x = np.random.default_rng(0).integers(0, 2, (4, 8, 8, 1)).astype("float32")
    np.testing.assert_allclose(half.embed(x), model.embed(x), atol=0.05)
    assert (np.asarray(half.embed(x)) != np.asarray(model.embed(x))).any()
    # And back, to the last bit.
    half.save_to_preset(tmp_path / "half")
    again = VAE.from_preset(tmp_path / "half", dtype="float32")
    np.testing.assert_array_equal(again.embed(x), model.embed(x))


@pytest.mark.parametrize("name", ["conv_vae_fashion_mnist", "ladder_vae_mnist"])
def test_presets_whose_networks_ended_in_other_forms_compute_in_half_precision(name):
    whole, half = VAE.from_preset(name), VAE.from_preset(name, dtype="mixed_bfloat16")
    z = whole.draw(2, seed=0)
    pictures = [np.ravel(one.decode_codes(z)) for one in (whole, half)]
    assert np.corrcoef(*pictures)[0, 1] > 0.99
    assert "mixed_bfloat16" in {one.dtype_policy.name for one in half.encoder.layers}


def test_other_precisions_and_networks_of_ones_own_are_refused(tmp_path):
    keras_vae.DenseVAE(6, 2, seed=0).save_to_preset(tmp_path / "dense")
    with pytest.raises(ValueError, match="Unknown dtype 'float16'"):
        VAE.from_preset(tmp_path / "dense", dtype="float16")
    encoder = keras.Sequential([keras.Input((6,)), keras.layers.Dense(4)])
    decoder = keras.Sequential([keras.Input((2,)), keras.layers.Dense(6)])
    parts = keras_vae.layers.IndependentNormal(2), keras_vae.layers.IndependentBernoulli(6)
    keras_vae.VAE(encoder, decoder, *parts).save_to_preset(tmp_path / "own")
    with pytest.raises(ValueError, match="VAE does not make its networks itself"):
        VAE.from_preset(tmp_path / "own", dtype="mixed_bfloat16")
    # They have the shapes of those that the class makes, and compute something else.
    encoder = keras_vae.DenseVAE(6, 2, hidden_units=(4,), activation="tanh").encoder
    model = keras_vae.DenseVAE(6, 2, hidden_units=(4,), encoder=encoder)
    model.save_to_preset(tmp_path / "changed")
    frozen = keras_vae.DenseVAE(6, 2, hidden_units=(4,)).with_prior("learned")
    frozen.save_to_preset(tmp_path / "frozen")
    for name in ("changed", "frozen"):
        with pytest.raises(ValueError, match="its encoder is frozen, or not the one"):
            VAE.from_preset(tmp_path / name, dtype="mixed_bfloat16")
