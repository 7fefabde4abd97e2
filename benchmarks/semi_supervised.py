r"""Errors of classifiers with few labels of MNIST: M2, and M1+M2.

    KERAS_VAE_DATA=... python benchmarks/semi_supervised.py m1+m2 --m1 conv_vae_mnist
    KERAS_VAE_DATA=... python benchmarks/semi_supervised.py m2 --draws 1 --labels 100

M2 is `SemiSupervisedVAE` on binarized pixels; M1+M2 is the same on draws of q(z1|x) of M1,
a VAE without labels. Each draw of the labels has the same number of each digit, from the
50,000 training images; the other images have no labels. The program prints the error on the
10,000 test images after the last epoch. Training uses no label of the validation or test
images, and these labels choose no epoch. Finished models stay in the folder of `--output`
and are not trained again; interrupted ones resume after their last epoch. Kingma et al.
2014, table 1, have 11.97 +- 1.71 % for M2 and 3.33 +- 0.14 % for M1+M2 with 100 labels, and
3.60 +- 0.56 and 2.40 +- 0.02 % with 1,000 labels.
"""

from __future__ import annotations

import argparse
import json
import time
from pathlib import Path

import keras
import numpy as np
import tensorflow as tf

import keras_vae
from keras_vae.data import (
    keep_labels,
    load,
    pipeline,
    rows_with_more_labels,
    steps_per_epoch,
)
from keras_vae.generation import drawn_codes

_BATCH = 128
_USUAL = {
    "m1+m2": {
        "epochs": 60,
        "hidden_units": 300,
        "latent_dim": 10,
        "alpha": 1.0,
        "learning_rate": 5e-3,
    },
    "m2": {
        "epochs": 60,
        "hidden_units": 500,
        "latent_dim": 50,
        "alpha": 50.0,
        "learning_rate": 1e-3,
    },
}


def streams(kind, data, first, seed, labels):
    """The training stream of a draw of the labels, and the test inputs."""
    y = keep_labels(data.y_train, labels, seed)
    rows = rows_with_more_labels(y)
    x, y = data.x_train[rows], y[rows]
    if kind == "m1+m2":
        # Units that M1 does not use are noise for every x.
        active = np.flatnonzero(first.embed(data.x_train[::10]).std(axis=0) > 0.1)
        batches = drawn_codes(first, x, _BATCH, y=y, seed=seed)
        batches = batches.map(lambda z, y: (tf.gather(z, active, axis=1), y))
        return batches.prefetch(4), first.embed(data.x_test)[:, active]
    prepare = keras_vae.data.Preprocessor.fit(
        data, keras_vae.layers.get("bernoulli", data.event_shape).accepts, binarize=True
    )
    batches = pipeline(
        x, _BATCH, y=y, scaling=prepare.scaling, binarize="dynamic", seed=seed
    )
    return batches, prepare(data.x_test)


def make(kind, event_shape, arguments, seed, steps):
    """The model, compiled."""
    keras.utils.set_random_seed(seed)
    model = keras_vae.SemiSupervisedVAE(
        event_shape,
        arguments.latent_dim,
        10,
        likelihood="normal" if kind == "m1+m2" else "bernoulli",
        hidden_units=(arguments.hidden_units,),
        activation="relu",
        alpha=arguments.alpha,
        seed=seed,
    )
    schedule = keras.optimizers.schedules.CosineDecay(arguments.learning_rate, steps)
    model.compile(keras.optimizers.Adam(schedule), jit_compile=True)
    return model


def error_of(arguments, data, first, labels, seed):
    """Trains on one draw of the labels; returns the test error in percent and the seconds."""
    batches, x_test = streams(arguments.kind, data, first, seed, labels)
    once = arguments.steps or steps_per_epoch(len(data.x_train), _BATCH)
    steps = once * arguments.epochs
    model = make(arguments.kind, x_test.shape[1:], arguments, seed, steps)
    backup = arguments.output / f"{arguments.kind}_{labels}_{seed}"
    start = time.perf_counter()
    model.fit(
        batches,
        steps_per_epoch=once,
        epochs=arguments.epochs,
        shuffle=False,
        verbose=2,
        callbacks=[keras.callbacks.BackupAndRestore(str(backup))],
    )
    seconds = time.perf_counter() - start
    wrong = model.predict_label(x_test).label != data.y_test
    model.save_to_preset(arguments.output / f"{backup.name}_model")
    return 100 * float(wrong.mean()), seconds


def main():
    """Trains missing models, and prints the table."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("kind", choices=("m2", "m1+m2"))
    parser.add_argument("--m1", help="run or preset of M1, a VAE of MNIST")
    parser.add_argument("--labels", type=int, nargs="+", default=[100, 1000])
    parser.add_argument("--draws", type=int, default=3)
    parser.add_argument("--steps", type=int, help="per epoch; default: one pass")
    parser.add_argument("--epochs", type=int)
    parser.add_argument("--hidden-units", type=int)
    parser.add_argument("--latent-dim", type=int)
    parser.add_argument("--alpha", type=float)
    parser.add_argument("--learning-rate", type=float)
    parser.add_argument("--output", type=Path, default=Path("runs/semi_supervised"))
    arguments = parser.parse_args()
    for name, value in _USUAL[arguments.kind].items():
        if getattr(arguments, name) is None:
            setattr(arguments, name, value)
    if arguments.kind == "m1+m2" and arguments.m1 is None:
        parser.error("m1+m2 needs --m1")
    first = None
    if arguments.kind == "m1+m2":
        first = keras_vae.VAE.from_preset(arguments.m1)
    data = load("mnist")
    arguments.output.mkdir(parents=True, exist_ok=True)
    file = arguments.output / f"{arguments.kind}.json"
    found = json.loads(file.read_text()) if file.exists() else {}
    for seed in range(arguments.draws):
        for labels in arguments.labels:
            if f"{labels}/{seed}" in found:
                continue
            error, seconds = error_of(arguments, data, first, labels, seed)
            found[f"{labels}/{seed}"] = {"error": error, "seconds": seconds}
            file.write_text(json.dumps(found, indent=1))
            print(
                f"{labels} labels, draw {seed}: {error:.2f} %, {seconds:.0f} s", flush=True
            )
    for labels in arguments.labels:
        errors = [found[f"{labels}/{seed}"]["error"] for seed in range(arguments.draws)]
        spread = np.std(errors, ddof=1) if len(errors) > 1 else np.nan
        each = ", ".join(f"{one:.2f}" for one in errors)
        print(
            f"| {arguments.kind} | {labels} | {np.mean(errors):.2f} +- {spread:.2f} | {each} |"
        )


if __name__ == "__main__":
    main()
