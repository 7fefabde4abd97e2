"""Asks a SavedModel with TensorFlow alone: nothing of keras_vae, Keras or TFP."""

import json
import pathlib
import sys

import numpy as np


def main(folder):
    # As if they were not installed: importing them fails.
    for absent in ("keras_vae", "keras", "tf_keras", "tensorflow_probability"):
        sys.modules[absent] = None
    import tensorflow as tf

    job = json.loads((folder / "job.json").read_text())
    signatures = tf.saved_model.load(job["model"]).signatures
    for key, names in job["requests"].items():
        request = {
            name: tf.constant(np.load(folder / f"{key}_in_{name}.npy")) for name in names
        }
        np.savez(folder / f"{key}.npz", **signatures[key](**request))


if __name__ == "__main__":
    main(pathlib.Path(sys.argv[1]))
