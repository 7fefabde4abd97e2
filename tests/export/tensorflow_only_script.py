"""Asks a SavedModel with TensorFlow alone: nothing of keras_vae, Keras or TFP."""

import importlib.abc
import json
import pathlib
import sys

import numpy as np

ABSENT = ("keras_vae", "tensorflow_probability", "tf_keras", "keras")


class Absent(importlib.abc.MetaPathFinder):
    """Lets imports of some packages fail as if they were not installed."""

    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] in ABSENT:
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)


def main(folder):
    import tensorflow as tf

    # After TensorFlow, which looks where Keras is without importing it.
    sys.meta_path.insert(0, Absent())
    job = json.loads((folder / "job.json").read_text())
    signatures = tf.saved_model.load(job["model"]).signatures
    for key, names in job["requests"].items():
        request = {
            name: tf.constant(np.load(folder / f"{key}_in_{name}.npy")) for name in names
        }
        np.savez(folder / f"{key}.npz", **signatures[key](**request))
    assert not set(ABSENT) & set(sys.modules)


if __name__ == "__main__":
    main(pathlib.Path(sys.argv[1]))
