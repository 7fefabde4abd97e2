"""The peer's side of train_speed.py and peers.py: pythae (PyTorch), in its own environment.

The program trains one of two networks on binarized MNIST. Its last line is a JSON object:
`seconds` of each epoch, `memory_bytes`, the process's peak, and `import_bytes`, its peak
after the imports. `--weights` writes the trained weights in Keras's layout, with the network's
outputs for eight test images. The program needs only pythae and NumPy.
"""

from __future__ import annotations

import argparse
import json
import os
import tempfile
import time
from pathlib import Path

import numpy as np
import torch
from memory import peak_memory
from pythae.data.datasets import BaseDataset
from pythae.models import VAE, VAEConfig
from pythae.models.base.base_utils import ModelOutput
from pythae.models.nn import BaseDecoder, BaseEncoder
from pythae.trainers import BaseTrainer, BaseTrainerConfig
from pythae.trainers.training_callbacks import TrainingCallback
from torch import nn

LATENT = 50


def dense_layers():
    """784-500-500 and back: hidden layers of encoder and decoder."""
    encoder = [nn.Flatten(), nn.Linear(784, 500), nn.ReLU(), nn.Linear(500, 500), nn.ReLU()]
    decoder = [nn.Linear(LATENT, 500), nn.ReLU(), nn.Linear(500, 500), nn.ReLU()]
    return encoder, [*decoder, nn.Linear(500, 784)], 500


def conv_layers():
    """The networks of `keras_vae.ConvVAE((28, 28, 1))`: 32 and 64 filters, 256 units."""
    encoder = [
        nn.Conv2d(1, 32, 4, 2, padding=1),
        nn.ReLU(),
        nn.Conv2d(32, 64, 4, 2, padding=1),
        nn.ReLU(),
        nn.Flatten(),
        nn.Linear(64 * 7 * 7, 256),
        nn.ReLU(),
    ]
    decoder = [
        nn.Linear(LATENT, 256),
        nn.ReLU(),
        nn.Linear(256, 64 * 7 * 7),
        nn.Unflatten(1, (64, 7, 7)),
        nn.ReLU(),
        nn.ConvTranspose2d(64, 32, 4, 2, padding=1),
        nn.ReLU(),
        nn.ConvTranspose2d(32, 1, 4, 2, padding=1),
    ]
    return encoder, decoder, 256


NETWORKS = {"dense": dense_layers, "conv": conv_layers}


class Encoder(BaseEncoder):
    """Hidden layers, then means and log-variances."""

    def __init__(self, hidden, units):
        """Keeps the layers."""
        super().__init__()
        self.hidden = nn.Sequential(*hidden)
        self.mean, self.log_var = nn.Linear(units, LATENT), nn.Linear(units, LATENT)

    def forward(self, x):
        """Returns means and log-variances."""
        h = self.hidden(x)
        return ModelOutput(embedding=self.mean(h), log_covariance=self.log_var(h))


class Decoder(BaseDecoder):
    """Layers, then a sigmoid."""

    def __init__(self, layers):
        """Keeps the layers."""
        super().__init__()
        self.layers = nn.Sequential(*layers)

    def forward(self, z):
        """Returns pixel probabilities."""
        logits = self.layers(z).reshape(-1, 1, 28, 28)
        return ModelOutput(reconstruction=torch.sigmoid(logits))


class Clock(TrainingCallback):
    """Times the epochs."""

    def __init__(self):
        """Creates an empty list."""
        self.seconds = []

    def on_epoch_begin(self, training_config, **kwargs):
        """Notes the start."""
        self.start = time.perf_counter()

    def on_epoch_end(self, training_config, **kwargs):
        """Notes the time taken."""
        self.seconds.append(time.perf_counter() - self.start)


def train(model, x, options) -> list[float]:
    """Trains with pythae's own trainer.

    Args:
        model: The VAE.
        x: Images [N, 1, 28, 28].
        options: The parsed command line.

    Returns:
        Seconds of each epoch.
    """
    with tempfile.TemporaryDirectory() as folder:
        config = BaseTrainerConfig(
            output_dir=folder,
            num_epochs=options.epochs,
            per_device_train_batch_size=options.batch_size,
            learning_rate=1e-3,
            seed=options.seed,
            no_cuda=True,
        )
        clock = Clock()
        dataset = BaseDataset(x, torch.zeros(len(x)))
        trainer = BaseTrainer(model, dataset, training_config=config, callbacks=[clock])
        trainer.train()
    return clock.seconds


def keras_weights(layers) -> list[np.ndarray]:
    """Kernels and biases in Keras's layout, whose images have their channels last.

    Args:
        layers: PyTorch's layers.

    Returns:
        Kernel and bias of each layer that has them.
    """
    found = []
    for layer in layers:
        if not hasattr(layer, "weight"):
            continue
        kernel, bias = layer.weight.detach().numpy(), layer.bias.detach().numpy()
        if kernel.ndim == 4:
            # PyTorch has [out, in, h, w] for a convolution and [in, out, h, w] for a
            # transposed one; Keras has [h, w, in, out] and [h, w, out, in].
            kernel = kernel.transpose(2, 3, 1, 0)
        else:
            # A dense layer before or after an image of 64 channels.
            if kernel.shape[1] == 64 * 7 * 7:
                kernel = kernel[:, channels_last()]
            if kernel.shape[0] == 64 * 7 * 7:
                kernel, bias = kernel[channels_last()], bias[channels_last()]
            kernel = kernel.T
        found += [kernel, bias]
    return found


def channels_last() -> np.ndarray:
    """Keras's positions of the elements of a flattened image [64, 7, 7]."""
    return np.arange(64 * 7 * 7).reshape(64, 7, 7).transpose(1, 2, 0).ravel()


def write_weights(model, x, path) -> None:
    """Writes the weights, and the model's outputs for a few images, for comparison.

    Args:
        model: The trained VAE.
        x: Images [B, 1, 28, 28].
        path: Name of the `.npz` file.
    """
    encoder, decoder = model.encoder, model.decoder
    model.eval()
    with torch.no_grad():
        code = encoder(x)
        reconstruction = decoder(code.embedding).reconstruction
    weights = {
        **{f"hidden_{i}": w for i, w in enumerate(keras_weights(encoder.hidden))},
        **{f"params_{i}": w for i, w in enumerate(params(encoder))},
        **{f"decoder_{i}": w for i, w in enumerate(keras_weights(decoder.layers))},
    }
    np.savez(
        path,
        mean=code.embedding,
        log_var=code.log_covariance,
        reconstruction=reconstruction,
        **weights,
    )


def params(encoder) -> list[np.ndarray]:
    """Means and log-variances as one layer: kernel and bias."""
    both = keras_weights([encoder.mean, encoder.log_var])
    return [np.concatenate(both[i::2], axis=-1) for i in (0, 1)]


def main() -> None:
    """Trains, and prints time and memory."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--network", choices=NETWORKS, default="dense")
    parser.add_argument("--epochs", type=int, default=5)
    parser.add_argument("--batch-size", type=int, default=128)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--train-limit", type=int, help="training images; default: all")
    parser.add_argument("--weights", help="file to write the weights to")
    options = parser.parse_args()
    imported = peak_memory()
    torch.manual_seed(options.seed)
    data = np.load(Path(os.environ["KERAS_VAE_DATA"]) / "binarized_mnist.npz")
    x, x_test = (
        torch.tensor(data[name][:limit].reshape(-1, 1, 28, 28).astype("float32"))
        for name, limit in (("x_train", options.train_limit), ("x_test", 8))
    )
    encoder, decoder, units = NETWORKS[options.network]()
    config = VAEConfig(input_dim=(1, 28, 28), latent_dim=LATENT, reconstruction_loss="bce")
    model = VAE(config, Encoder(encoder, units), Decoder(decoder))
    seconds = train(model, x, options)
    if options.weights:
        write_weights(model, x_test, options.weights)
    result = {
        "seconds": seconds,
        "memory_bytes": peak_memory(),
        "import_bytes": imported,
    }
    print()
    print(json.dumps(result))


if __name__ == "__main__":
    main()
