"""Trains as one of two workers, and prints what came out.

`test_workers.py` starts it twice and compares with `trained()` in its own process, alone,
without TF_CONFIG. All that is done here, both workers do.
"""

import contextlib
import functools
import io
import json
import os
import shutil
import tempfile
from pathlib import Path

import keras
import tensorflow as tf

ALONE = "TF_CONFIG" not in os.environ
# Before anything is computed, or TensorFlow refuses.
STRATEGY = None if ALONE else tf.distribute.MultiWorkerMirroredStrategy()

from model_cases import data_for, fixed_noise_vae, vae, weights  # noqa: E402
from replica_cases import CASES, levels, noise, run  # noqa: E402

from keras_vae.data import Scaling, pipeline  # noqa: E402
from keras_vae.training import hardware, train  # noqa: E402
from keras_vae.training.recipe import Recipe  # noqa: E402

# Others of CASES differ in what has nothing to do with workers.
TRAININGS = (
    "penalty, prior and weights",
    "a condition, an objective made outside",
    "VAE-GAN, a margin and a penalty",
)


def scope():
    return None if ALONE else STRATEGY.scope()


def compiled(rate=0.1, make=fixed_noise_vae):
    keras.utils.set_random_seed(3)
    with scope() or contextlib.nullcontext():
        model = make()
        model.compile(keras.optimizers.SGD(rate), run_eagerly=ALONE)
    return model


def streamed():
    """Weights after training on a stream that begins where another one stopped."""
    model = compiled()
    batches = pipeline(
        levels(21), 8, scaling=Scaling((6,), 0.0, 255.0), binarize="dynamic", start_step=3
    )
    model.fit(batches, steps_per_epoch=3, epochs=2, shuffle=False, verbose=0)
    return weights(model).tolist()


def shuffled():
    """Losses of three epochs in orders of their own that change no weights."""
    model = compiled(rate=0.0)
    x = data_for(model, 9)
    history = model.fit(x, batch_size=4, epochs=3, validation_data=x, verbose=0).history
    return {name: history[name] for name in ("loss", "val_loss")}


def refused(function):
    try:
        function()
    except (ValueError, OSError) as error:
        return f"{type(error).__name__}: {error}"
    return None


def refusals():
    model = compiled()
    x = data_for(model, 9)
    stream = tf.data.Dataset.from_tensor_slices(x).batch(3).repeat()
    words = {
        "fit": refused(lambda: model.fit(x, batch_size=3, verbose=0)),
        "evaluate": refused(lambda: model.evaluate(x, batch_size=3, verbose=0)),
        "predict": refused(lambda: model.predict(x, batch_size=3, verbose=0)),
        "a stream": refused(lambda: model.fit(stream, steps_per_epoch=1, verbose=0)),
    }
    words["a generator"] = refused(lambda: model.fit(iter([x]), verbose=0))
    index = STRATEGY.cluster_resolver.task_id
    words["other data"] = refused(lambda: model.fit(x[index:], batch_size=8, verbose=0))
    with scope() or contextlib.nullcontext():
        unlike = vae(seed=index)
        unlike.compile("sgd")
    words["other seeds"] = refused(lambda: unlike.fit(x, batch_size=8, verbose=0))
    tf.random.set_seed(None)
    words["no seed"] = refused(lambda: model.fit(x, batch_size=8, verbose=0))
    return words


def unlike_runs():
    """What `train` says where workers are given what they cannot do together."""
    index = STRATEGY.cluster_resolver.task_id
    hardware.find_strategy = lambda say: STRATEGY
    folder = Path(tempfile.mkdtemp())
    if index == 0:
        (folder / "other").mkdir()
        (folder / "other" / "note.txt").write_text("")
    values = {"model": "dense_vae:latent_dim=2,hidden_units=8", "data": "digits"}
    given = {
        "shares": ({"batch_size": 31}, "shares"),
        "recipes": (
            {"model": f"dense_vae:latent_dim=2,hidden_units={8 + index}"},
            "recipes",
        ),
        "folder": ({}, "other"),
    }
    words = {}
    for name, (more, output) in given.items():
        one = Recipe(**{**values, **more})
        with contextlib.redirect_stdout(io.StringIO()):
            words[name] = refused(functools.partial(train, one, folder / output))
        assert not (folder / "shares").exists() and not (folder / "recipes").exists()
    shutil.rmtree(folder)
    return words


def trained():
    """What one process alone must come to, too."""
    report = {name: run(scope(), **CASES[name]()) for name in TRAININGS}
    return report | {"streamed": streamed(), "shuffled": shuffled()}


def main():
    report = trained() | {"refusals": refusals()}
    report |= {"noise": noise(STRATEGY), "unlike runs": unlike_runs()}
    print("REPORT" + json.dumps(report, default=float))


if __name__ == "__main__":
    main()
