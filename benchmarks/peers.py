"""keras_vae beside pythae: time, memory and held-out scores of equal networks.

Both train the same networks on statically binarized MNIST (50,000 images) with Adam at
1e-3 and the same batches, epochs and seeds. They run in turn, each in its own process:
keras_vae as `keras-vae train` does (stream of batches, XLA for dense layers), pythae with
its BaseTrainer. Then further processes score both with the same code, `VAE.elbo` and
`VAE.log_likelihood`. pythae's weights are copied into an equal Keras model, and the two
models' outputs are compared first. Memory is the process's resident peak, and the part of
it that the imports took.

The last line gives the time that keras_vae needs until its NLL is at most that of pythae
after all epochs. It ends with the first epoch from which on this stays so, and includes
compilation.

    KERAS_VAE_DATA=... python benchmarks/peers.py --peer-python PYTHON [--epochs 10]

PYTHON is the interpreter of an environment with pythae.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
import tempfile
from pathlib import Path

import numpy as np
from memory import peak_memory
from train_speed import PEER, epoch_clock, has_pythae, in_process

NETWORKS = ("dense", "conv")
LATENT = 50
OURS, PEERS = "keras_vae", "pythae"


def make_model(network: str, seed: int, posterior="normal"):
    """Makes the model of one network.

    Args:
        network: "dense" (784-500-500-z50) or "conv" (32 and 64 filters, 256 units, z50).
        seed: Seed of weights and noise.
        posterior: Distribution layer, or its name.

    Returns:
        The model.
    """
    import keras

    import keras_vae

    keras.utils.set_random_seed(seed)
    models = {"dense": keras_vae.DenseVAE, "conv": keras_vae.ConvVAE}
    return models[network]((28, 28, 1), LATENT, posterior=posterior, seed=seed)


def train(options) -> dict:
    """Trains keras_vae's side in this process, and saves the model after each epoch.

    Args:
        options: The parsed command line; `train` is the name of the files, with "{epoch}".

    Returns:
        `seconds` of each epoch, `memory_bytes`, the process's peak, and `import_bytes`,
        its peak after the imports.
    """
    import keras

    from keras_vae.data import load, pipeline, steps_per_epoch

    imported = peak_memory()
    model, clock = make_model(options.network, options.seed), epoch_clock()
    x = load("binarized_mnist").x_train[: options.train_limit]
    # The command's choice on CPUs for batches of the usual size.
    model.compile(keras.optimizers.Adam(1e-3), jit_compile=options.network == "dense")
    model.fit(
        pipeline(x, options.batch_size, seed=options.seed),
        steps_per_epoch=steps_per_epoch(len(x), options.batch_size),
        epochs=options.epochs,
        shuffle=False,
        # The clock comes first and does not count the time of saving.
        callbacks=[clock, keras.callbacks.ModelCheckpoint(options.train)],
        verbose=0,
    )
    return {
        "seconds": clock.seconds,
        "memory_bytes": peak_memory(),
        "import_bytes": imported,
    }


def peers_model(network: str, path: Path):
    """Copies pythae's weights into a Keras model.

    Args:
        network: As in `make_model`.
        path: The output of peer_pythae.py.

    Returns:
        The model.

    Raises:
        AssertionError: If its outputs differ from pythae's.
    """
    import tensorflow as tf
    from tensorflow_probability import distributions as tfd

    from keras_vae.data import load
    from keras_vae.layers import IndependentNormal

    class LogVariances(IndependentNormal):
        def make_elements(self, loc, log_variance):
            return tfd.Normal(loc, tf.exp(0.5 * log_variance))

    model, saved = make_model(network, 0, LogVariances(LATENT)), np.load(path)
    weights = {
        part: [saved[f"{part}_{i}"] for i in range(20) if f"{part}_{i}" in saved]
        for part in ("hidden", "params", "decoder")
    }
    model.encoder.set_weights(weights["hidden"] + weights["params"])
    model.decoder.set_weights(weights["decoder"])
    q = model.encode(load("binarized_mnist").x_test[:8])
    for ours, peers in (
        (q.mean(), saved["mean"]),
        (2 * tf.math.log(q.stddev()), saved["log_var"]),
        (tf.reshape(model.decoded(q.mean()), [8, 1, 28, 28]), saved["reconstruction"]),
    ):
        np.testing.assert_allclose(ours, peers, rtol=1e-3, atol=1e-4)
    return model


def score(options) -> dict:
    """Scores a trained model in this process.

    Args:
        options: The parsed command line.

    Returns:
        Lists: `elbo` of all test images and `log_likelihood` of some.
    """
    import keras

    import keras_vae  # noqa: F401, registers the classes
    from keras_vae.data import load

    path = Path(options.score)
    if path.suffix == ".npz":
        model = peers_model(options.network, path)
    else:
        model = keras.saving.load_model(path)
    x = load("binarized_mnist").x_test
    rows = np.random.default_rng(0).permutation(len(x))[: options.images]
    nll = model.log_likelihood(x[np.sort(rows)], options.num_samples)
    return {"elbo": model.elbo(x).tolist(), "log_likelihood": nll.tolist()}


def compare(network: str, options) -> None:
    """Runs both sides with every seed, and prints the table of one network.

    Args:
        network: As in `make_model`.
        options: The parsed command line.
    """
    results: dict[str, list[dict]] = {OURS: [], PEERS: []}
    settings = ["--network", network]
    for name in ("epochs", "batch_size", "train_limit"):
        value = getattr(options, name)
        if value is not None:
            settings += [f"--{name.replace('_', '-')}", str(value)]
    counts = ["--images", str(options.images), "--num-samples", str(options.num_samples)]

    def scores_of(path: str) -> dict:
        return in_process(__file__, "--score", path, *settings, *counts)

    with tempfile.TemporaryDirectory() as folder:
        ours, peers = (str(Path(folder) / name) for name in ("{epoch}.keras", "peer.npz"))
        ways = {
            OURS: ((__file__, "--train", ours), sys.executable),
            PEERS: ((str(PEER), "--weights", peers), options.peer_python),
        }
        for seed in range(options.seeds):
            # The two take turns to go first.
            for name in sorted(ways, reverse=seed % 2 == 1):
                command, python = ways[name]
                asked = (*command, *settings, "--seed", str(seed))
                results[name].append(in_process(*asked, python=python))
            theirs = scores_of(peers)
            target = float(np.mean(theirs["log_likelihood"]))
            results[OURS][-1].update(until(target, ours, options.epochs, scores_of))
            results[PEERS][-1].update(theirs)
    report(network, results, options)


def until(target: float, path: str, epochs: int, scores_of) -> dict:
    """Scores the last epoch, and finds the one from which on a log-likelihood is reached.

    Args:
        target: The log-likelihood.
        path: Name of the models' files, with "{epoch}".
        epochs: Number of epochs.
        scores_of: Function that scores the model of a file.

    Returns:
        The scores of the last epoch, and `reached`: the number of epochs, None if the last
        one does not reach it.
    """
    final, reached = None, None
    for epoch in range(epochs, 0, -1):
        scores = scores_of(path.format(epoch=epoch))
        final = final or scores
        if np.mean(scores["log_likelihood"]) < target:
            break
        reached = epoch
    return {**final, "reached": reached}


def report(network: str, results: dict[str, list[dict]], options) -> None:
    """Prints a table in Markdown.

    Args:
        network: As in `make_model`.
        results: Measurements of each side, one for each seed.
        options: The parsed command line.
    """
    print(f"\n### {network}: {options.epochs} epochs, batch {options.batch_size}, ", end="")
    print(f"{options.seeds} seed(s)\n")
    heading = f"NLL (S={options.num_samples}, {options.images} images)"
    print(
        f"| | seconds an epoch | peak memory, MB | imports, MB | ELBO (test) | {heading} |"
    )
    print("|---|---|---|---|---|---|")
    times = {}
    for name, runs in results.items():
        # The first epoch compiles.
        later = [s for run in runs for s in run["seconds"][1:] or run["seconds"]]
        times[name] = statistics.median(later)
        memory, imports = (
            max(run[key] for run in runs) / 1e6 for key in ("memory_bytes", "import_bytes")
        )
        elbo, log_likelihood = (over_seeds(runs, key) for key in ("elbo", "log_likelihood"))
        spread = f"{times[name]:.2f} ({min(later):.2f}-{max(later):.2f})"
        scores = f"{mean_and_error_of(elbo)} | {mean_and_error_of(-log_likelihood)}"
        print(f"| {name} | {spread} | {memory:.0f} | {imports:.0f} | {scores} |")
    print(f"\ntime of an epoch, keras_vae / pythae: {times[OURS] / times[PEERS]:.2f}")
    pairs = list(zip(results[OURS], results[PEERS], strict=True))
    print("NLL, keras_vae - pythae, over paired images, for each seed:", end="")
    for ours, peers in pairs:
        pair = (over_seeds([run], "log_likelihood") for run in (peers, ours))
        print(f" {mean_and_error_of(np.subtract(*pair))}", end="")
    words = [time_until(ours, sum(peers["seconds"])) for ours, peers in pairs]
    print(f"\ntime until pythae's NLL, for each seed: {'; '.join(words)}")


def time_until(run: dict, peers: float) -> str:
    """Words for the time until the peer's NLL.

    Args:
        run: Measurements of a run.
        peers: Seconds that the peer trained.

    Returns:
        The words.
    """
    if run["reached"] is None:
        return "not reached"
    seconds = sum(run["seconds"][: run["reached"]])
    epoch = f"epoch {run['reached']}, {seconds:.1f} s of {peers:.1f} s"
    return f"{epoch} ({seconds / peers:.2f})"


def over_seeds(runs, key) -> np.ndarray:
    """Means over seeds of the scores of each image."""
    return np.mean([run[key] for run in runs], axis=0)


def mean_and_error_of(values: np.ndarray) -> str:
    """A mean over images with its standard error."""
    return f"{values.mean():.2f} +- {values.std(ddof=1) / np.sqrt(len(values)):.2f}"


def main() -> None:
    """Compares, or trains or scores one side in this process."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--peer-python", default=sys.executable)
    parser.add_argument("--network", choices=NETWORKS, action="append")
    parser.add_argument("--epochs", type=int, default=10)
    parser.add_argument("--batch-size", type=int, default=128)
    parser.add_argument("--seeds", type=int, default=1, help="number of seeds")
    parser.add_argument("--images", type=int, default=1000, help="test images for the NLL")
    parser.add_argument("--num-samples", type=int, default=1000, help="samples for the NLL")
    parser.add_argument("--train-limit", type=int, help="training images; default: all")
    parser.add_argument("--seed", type=int, default=0, help=argparse.SUPPRESS)
    parser.add_argument("--train", help=argparse.SUPPRESS)
    parser.add_argument("--score", help=argparse.SUPPRESS)
    options = parser.parse_args()
    networks = options.network or NETWORKS
    if options.train or options.score:
        (options.network,) = networks
        print(json.dumps(train(options) if options.train else score(options)))
        return
    if not has_pythae(options.peer_python):
        parser.error(f"{options.peer_python} cannot import pythae; see --peer-python")
    for network in networks:
        compare(network, options)


if __name__ == "__main__":
    main()
