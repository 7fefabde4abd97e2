"""A ten-minute check of a GPU: TensorFlow finds it, and it computes correctly and fast.

    python benchmarks/gpu_check.py [--seconds 20] [--batch-size 512]

It uses synthetic images and downloads nothing. It prints one line for each check, and ends
with an error if one fails:

- devices: those that TensorFlow finds, and whether the GPU's memory grows with use;
- agreement: -ELBO of the same weights, images and noise on the CPU and on the device;
- precision: a mixed float16 model scales its loss, and its loss stays near float32's;
- speed: examples a second in `fit`, dense and convolutional, with and without XLA, in
  float32 and mixed precision, and their share of the device's matrix speed;
- prefetch: examples a second with batches that are copied to the device ahead of their step;
- replicas: two devices give the same weights after a step as one device;
- determinism: two trainings with one seed end with the same weights.

Everything runs on the CPU (two logical ones for the replicas) if there is no GPU. This tests
the script itself; its speeds then say nothing about GPUs.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable

import keras
import numpy as np
import tensorflow as tf
from train_speed import matrix_speed

import keras_vae
from keras_vae.training.hardware import on_gpu

SHAPE = (28, 28, 1)
NETWORKS = {"dense": keras_vae.DenseVAE, "conv": keras_vae.ConvVAE}


def make(network: str, dtype=None) -> keras_vae.VAE:
    """Makes a model, with the same weights each time."""
    keras.utils.set_random_seed(0)
    return NETWORKS[network](SHAPE, 50, seed=0, dtype=dtype)


class Check:
    """Prints a line for each check, and remembers whether one failed."""

    def __init__(self):
        """Starts without failures."""
        self.failed: list[str] = []

    def __call__(self, name: str, passed: bool, text: str) -> None:
        """Prints a check.

        Args:
            name: Name of the check.
            passed: Whether the check passed.
            text: The result.
        """
        print(f"{'ok    ' if passed else 'FAILED'} {name}: {text}", flush=True)
        if not passed:
            self.failed.append(name)


def devices() -> list[str]:
    """Prepares the devices that computations run on.

    Returns:
        Names of the GPUs, or of two logical CPUs.
    """
    gpus = tf.config.list_physical_devices("GPU")
    for one in gpus:
        tf.config.experimental.set_memory_growth(one, True)
    if not gpus:
        (cpu,) = tf.config.list_physical_devices("CPU")
        parts = [tf.config.LogicalDeviceConfiguration()] * 2
        tf.config.set_logical_device_configuration(cpu, parts)
    kind = "GPU" if gpus else "CPU"
    return [one.name for one in tf.config.list_logical_devices(kind)]


def images(count: int) -> np.ndarray:
    """Makes 0/1 images of blobs, [N, 28, 28, 1]."""
    rng = np.random.default_rng(0)
    grey = tf.image.resize(rng.random((count, 5, 5, 1)), SHAPE[:2], "bicubic").numpy()
    return (grey > 0.5).astype("float32")


def loss_on(device: str, model, x) -> float:
    """-ELBO of images on a device; the noise is the same on all devices."""
    noise = tf.random.stateless_normal((1, len(x), model.latent_dim), (0, 1))
    with tf.device(device):
        q = model.encode(x)
        z = q.mean() + q.stddev() * noise
        return -float(tf.reduce_mean(model.trace(x, z=z).log_weight))


class Clock(keras.callbacks.Callback):
    """Times the last epoch of `fit`."""

    def on_epoch_begin(self, epoch, logs=None):
        """Starts the clock."""
        self.start = time.perf_counter()

    def on_epoch_end(self, epoch, logs=None):
        """Stops it."""
        self.seconds = time.perf_counter() - self.start


class Training:
    """A model that is compiled once, and trains on.

    Args:
        network: A key of `NETWORKS`.
        x: Images, [N, 28, 28, 1].
        batch_size: Images of a step.
        jit: Whether XLA compiles the step.
        dtype: Policy of the model.
        prefetch_to: Device that batches are copied to ahead of their step; None leaves them
            in the memory of the CPU.
    """

    def __init__(
        self, network: str, x, batch_size, jit=False, dtype=None, prefetch_to=None
    ):
        """Makes the model and its batches."""
        self.model = make(network, dtype)
        self.model.compile(keras.optimizers.Adam(1e-3), jit_compile=jit)
        batches = tf.data.Dataset.from_tensor_slices(x).repeat()
        self.batches = batches.batch(batch_size, drop_remainder=True).prefetch(4)
        if prefetch_to:
            ahead = tf.data.experimental.prefetch_to_device(prefetch_to, 2)
            self.batches = self.batches.apply(ahead)
        self.batch_size = batch_size

    def run(self, steps: int, epochs: int) -> tuple[float, float]:
        """Trains.

        Returns:
            The last epoch's loss, and its examples a second.
        """
        clock = Clock()
        history = self.model.fit(
            self.batches, steps_per_epoch=steps, epochs=epochs, verbose=0, callbacks=[clock]
        ).history
        return history["loss"][-1], steps * self.batch_size / clock.seconds

    def measure(self, seconds: float) -> tuple[float, float]:
        """Trains for about `seconds`.

        Returns:
            The loss, and examples a second.
        """
        # The first epoch compiles, the second one says how fast it will be.
        _, rate = self.run(3, 2)
        return self.run(int(np.clip(seconds * rate / self.batch_size, 3, 5000)), 1)


def operations(model: keras.Model) -> float:
    """Multiplications and additions of a training step, for one example."""
    total = 0
    for network in (model.encoder, model.decoder):
        for layer in network.layers:
            kernel = getattr(layer, "kernel", None)
            if kernel is None:
                continue
            places = 1
            if len(kernel.shape) == 4:
                # A transposed convolution uses its kernel at each place of its input.
                transposed = isinstance(layer, keras.layers.Conv2DTranspose)
                shape = layer.input.shape if transposed else layer.output.shape
                places = shape[1] * shape[2]
            total += places * int(np.prod(kernel.shape))
    # Forward, and backward to weights and to inputs.
    return 3 * 2 * total


def check_speed(check: Check, x, device: str, options) -> None:
    """Measures examples a second, each way for about `options.seconds`."""
    with tf.device(device):
        peak = matrix_speed(4096 if on_gpu() else 1024)
    print(f"matrix speed of {device}: {peak / 1e9:.0f} GFLOP/s in float32")
    for network in NETWORKS:
        for jit in (False, True):
            for dtype in (None, "mixed_float16" if on_gpu() else "mixed_bfloat16"):
                training = Training(network, x, options.batch_size, jit, dtype)
                loss, rate = training.measure(options.seconds)
                share = rate * operations(training.model) / peak
                name = f"{network}, {'XLA' if jit else 'no XLA'}, {dtype or 'float32'}"
                check(
                    name,
                    bool(np.isfinite(loss)),
                    f"{rate:,.0f} examples a second, {share:.0%} of the matrix speed",
                )


def check_prefetch(check: Check, x, device: str, options) -> None:
    """Trains with and without batches that are copied to the device ahead of their step."""
    (first, plain), (second, ahead) = (
        Training("conv", x, options.batch_size, prefetch_to=place).measure(options.seconds)
        for place in (None, device)
    )
    text = f"{ahead:,.0f} examples a second, {plain:,.0f} without prefetching"
    check("prefetch", bool(np.isfinite([first, second]).all()), text)


def check_replicas(check: Check, x, names: list[str]) -> None:
    """Compares a step on two devices with a step on one."""

    def weights(scope: Callable) -> list[np.ndarray]:
        with scope():
            model = make("dense")
            model.compile(keras.optimizers.SGD(0.1), "elbo")
        # Both see the mean of q: noise differs between devices, as it should.
        model.posterior.floor = 0.0
        model.encoder.layers[-1].bias.assign(
            np.concatenate([np.zeros(50), np.full(50, -30.0)])
        )
        model.fit(x[:64], batch_size=64, shuffle=False, verbose=0)
        return model.get_weights()

    two = tf.distribute.MirroredStrategy([one.split("device:")[-1] for one in names[:2]])
    one = tf.distribute.OneDeviceStrategy(names[0])
    pairs = zip(weights(one.scope), weights(two.scope), strict=True)
    largest = max(float(np.abs(a - b).max()) for a, b in pairs)
    check("replicas", largest < 1e-4, f"weights differ by {largest:.1e} at most")


def main() -> None:
    """Runs all checks.

    Raises:
        SystemExit: If one fails.
    """
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument(
        "--seconds", type=float, default=20.0, help="time of each measurement"
    )
    parser.add_argument("--batch-size", type=int, default=512)
    options = parser.parse_args()
    names, check = devices(), Check()
    kind = "GPU" if on_gpu() else "no GPU: everything runs on the CPU"
    print(f"TensorFlow {tf.__version__}, {kind}, {len(names)} devices: {', '.join(names)}")
    x = images(2048)
    # TensorFloat-32 has three digits; this check asks whether the rest is right.
    tf.config.experimental.enable_tensor_float_32_execution(False)
    for network in NETWORKS:
        losses = [loss_on(one, make(network), x[:256]) for one in ("/CPU:0", names[0])]
        check(
            f"agreement, {network}",
            abs(losses[0] - losses[1]) < 1e-4 * abs(losses[0]),
            f"-ELBO {losses[0]:.4f} on the CPU, {losses[1]:.4f} on {names[0]}",
        )
    tf.config.experimental.enable_tensor_float_32_execution(True)
    # CPUs take seconds for a step in float16.
    steps = 20 if on_gpu() else 1
    whole, _ = Training("dense", x, 128).run(steps, 2)
    mixed = Training("dense", x, 128, dtype="mixed_float16")
    half, _ = mixed.run(steps, 2)
    scaled = isinstance(mixed.model.optimizer, keras.optimizers.LossScaleOptimizer)
    text = f"loss {half:.2f} in mixed float16, {whole:.2f} in float32"
    check("precision", scaled and abs(half - whole) < 0.05 * whole, text)
    check_speed(check, x, names[0], options)
    check_prefetch(check, x, names[0], options)
    if len(names) > 1:
        check_replicas(check, x, names)
    # Last: with it Keras compiles nothing with XLA.
    tf.config.experimental.enable_op_determinism()
    pair = [Training("conv", x, 128) for _ in range(2)]
    for training in pair:
        training.run(5, 2)
    both = zip(*(training.model.get_weights() for training in pair), strict=True)
    same = all(np.array_equal(a, b) for a, b in both)
    check("determinism", same, "two trainings, the same weights" if same else "they differ")
    if check.failed:
        raise SystemExit(f"{len(check.failed)} checks failed: {', '.join(check.failed)}")


if __name__ == "__main__":
    main()
