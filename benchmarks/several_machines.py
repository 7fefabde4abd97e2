"""Examples a second of one process, of replicas in a process, and of workers.

    python benchmarks/several_machines.py [--steps 50] [--batch-size 128] [--threads 1]

Each way trains the same model on the same global batches of synthetic images, in its own
processes on this machine. Workers communicate over the loopback address. So the program shows
the cost of exchanging gradients, and that all ways reach the same loss. It cannot show how
training scales with machines: here all share one machine's cores and memory.
"""

from __future__ import annotations

import argparse
import json
import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator

# Name: workers, and replicas in each.
WAYS = {
    "one process": (1, 1),
    "two replicas in a process": (1, 2),
    "two workers": (2, 1),
}
EPOCHS = 4


def train(options) -> None:
    """Trains in this process and prints, as JSON, the seconds of an epoch and the loss."""
    import keras
    import numpy as np
    import tensorflow as tf

    tf.config.threading.set_intra_op_parallelism_threads(options.threads)
    if "TF_CONFIG" in os.environ:
        strategy = tf.distribute.MultiWorkerMirroredStrategy()
    elif options.replicas > 1:
        (cpu,) = tf.config.list_physical_devices("CPU")
        parts = [tf.config.LogicalDeviceConfiguration()] * options.replicas
        tf.config.set_logical_device_configuration(cpu, parts)
        names = [f"CPU:{i}" for i in range(options.replicas)]
        strategy = tf.distribute.MirroredStrategy(names)
    else:
        strategy = tf.distribute.get_strategy()

    import keras_vae
    from keras_vae.data import pipeline

    keras.utils.set_random_seed(0)
    with strategy.scope():
        # Draws hardly differ from the mean, so all ways reach the same loss.
        posterior = keras_vae.layers.IndependentNormal(50, scale=1e-6)
        vae = keras_vae.DenseVAE((784,), 50, posterior=posterior, hidden_units=(500, 500))
        vae.compile(keras.optimizers.Adam(1e-3), jit_compile=False)
    x = np.random.default_rng(0).integers(0, 2, (10_000, 784)).astype("uint8")
    clock = []

    class Clock(keras.callbacks.Callback):
        def on_epoch_end(self, epoch, logs=None):
            clock.append(time.perf_counter())

    logs = vae.fit(
        pipeline(x, options.batch_size),
        steps_per_epoch=options.steps,
        epochs=EPOCHS,
        shuffle=False,
        verbose=0,
        callbacks=[Clock()],
    ).history
    # The first epoch compiles.
    seconds = float(np.median(np.diff(clock)))
    result = {"seconds": seconds, "loss": logs["loss"][-1], "weights": vae.count_params()}
    print("RESULT" + json.dumps(result))


def configurations(workers: int) -> Iterator[dict[str, str]]:
    """TF_CONFIG of each of several workers, on free ports."""
    if workers == 1:
        yield {}
        return
    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(workers)]
    addresses = [f"127.0.0.1:{one.getsockname()[1]}" for one in sockets]
    for one in sockets:
        one.close()
    for index in range(workers):
        task = {"type": "worker", "index": index}
        yield {"TF_CONFIG": json.dumps({"cluster": {"worker": addresses}, "task": task})}


def measure(workers: int, replicas: int, arguments: list[str]) -> dict:
    """Trains one way; returns what the first process prints."""
    command = [sys.executable, __file__, *arguments, "--replicas", str(replicas)]
    processes = [
        subprocess.Popen(
            command,
            env={**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3", **variables},
            stdout=subprocess.PIPE,
            text=True,
        )
        for variables in configurations(workers)
    ]
    outputs = [one.communicate()[0] for one in processes]
    if any(one.returncode for one in processes):
        raise SystemExit("a process failed; see its error above")
    (line,) = (one for one in outputs[0].splitlines() if one.startswith("RESULT"))
    return json.loads(line.removeprefix("RESULT"))


def main() -> None:
    """Prints the table; with `--replicas`, trains in this process."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--steps", type=int, default=50, help="steps of each of 4 epochs")
    parser.add_argument("--batch-size", type=int, default=128, help="global batch size")
    parser.add_argument("--threads", type=int, default=1, help="per process")
    parser.add_argument("--replicas", type=int, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.replicas:
        train(options)
        return
    arguments = ["--steps", str(options.steps), "--threads", str(options.threads)]
    arguments += ["--batch-size", str(options.batch_size)]
    results = {name: measure(*way, arguments) for name, way in WAYS.items()}
    first = results["one process"]
    load = os.getloadavg()[0]
    print(f"{os.cpu_count()} cores, {options.threads} thread(s) a process, load {load:.1f}")
    print(f"global batches of {options.batch_size}; {first['weights']:,} weights, whose")
    print(f"gradients are {4 * first['weights'] / 1e6:.1f} MB a step for each worker")
    print("\n| way | examples a second | of one process | loss |\n|---|---|---|---|")
    for name, one in results.items():
        rate = options.steps * options.batch_size / one["seconds"]
        share = first["seconds"] / one["seconds"]
        print(f"| {name} | {rate:,.0f} | {share:.2f} | {one['loss']:.3f} |")


if __name__ == "__main__":
    main()
