"""Asks SavedModels through TensorFlow's C library, in a process of its own.

It reads a job from a JSON file, arrays from .npy files beside it, and writes the answers
there.
"""

import json
import pathlib
import sys

import numpy as np
from c_api import Library, Model


def main(path):
    job = json.loads(path.read_text())
    library = Library(job["library"])
    models, errors = {}, {}
    for name, run in job["runs"].items():
        folder = run["folder"]
        if folder not in models:
            models[folder] = Model(library, folder)
        inputs = {
            tensor: np.load(path.parent / file) for tensor, file in run["inputs"].items()
        }
        try:
            answer = models[folder].run(inputs, list(run["outputs"]))
        except RuntimeError as error:
            errors[name] = str(error)
            continue
        for array, file in zip(answer, run["outputs"].values(), strict=True):
            np.save(path.parent / file, array)
    assert "tensorflow" not in sys.modules and "keras" not in sys.modules
    print("ERRORS" + json.dumps(errors))


if __name__ == "__main__":
    main(pathlib.Path(sys.argv[1]))
