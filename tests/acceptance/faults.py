"""Presets and exports to be hit by faults, and what somebody finds of them."""

import functools
import json

import keras
from moments import contents

import keras_vae
from keras_vae import VAE
from keras_vae.presets.files import check_all, read_metadata

SHAPE = (2, 3, 1)
EXPORTED = ("variables/variables.index", "saved_model.pb", "fingerprint.pb")
EXPORTED += ("variables/variables.data-00000-of-00001",)


@functools.cache
def model(units, seed):
    keras.utils.set_random_seed(seed)
    return keras_vae.DenseVAE(SHAPE, 2, hidden_units=(units,), seed=1)


def scores(mean):
    score = {"mean": mean, "standard_error": 0.1}
    return {"num_examples": 9, "num_samples": 5, "of": "probability", "elbo": score}


def finished_run(folder, units, seed):
    """What `keras-vae train` leaves."""
    metadata = {
        "model": "dense_vae",
        "likelihood": "bernoulli",
        "binarized": None,
        "policy": "float32",
        "data": {"name": "dots", "licence": "none", "event_shape": list(SHAPE)},
        "training": {"epochs": 2, "best_epoch": 1, "finished": True, "monitor": "elbo"},
        "scores": {**scores(-3.0), "split": "test"},
    }
    model(units, seed).save_to_preset(folder, metadata)
    (folder / "recipe.json").write_text(json.dumps({"data": "dots", "seed": seed}))
    (folder / "samples.png").write_bytes(b"samples")


def put_export(folder):
    for name in EXPORTED:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(f"old {name}")


def what_is_there(work):
    """What somebody gets who asks for the model, or for the export, in a folder."""
    if (work / "1").exists():
        return contents(work / "1")
    if not (work / "mine" / "metadata.json").exists():
        return None
    metadata = read_metadata(work / "mine")
    # The same model, saved at another time.
    metadata.pop("date_saved", None)
    added = [f"1/{name}" for name in EXPORTED]
    check_all(work / "mine", ignore=[] if added[0] in metadata["files"] else added)
    weights = VAE.from_preset(work / "mine").get_weights()
    return metadata, [(w.shape, w.tobytes()) for w in weights]
