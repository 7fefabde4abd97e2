"""The model of train_speed.py in pythae (PyTorch), in its own environment.

Prints the seconds of each epoch as a JSON list. It needs pythae and NumPy only.
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
from pythae.data.datasets import BaseDataset
from pythae.models import VAE, VAEConfig
from pythae.models.base.base_utils import ModelOutput
from pythae.models.nn import BaseDecoder, BaseEncoder
from pythae.trainers import BaseTrainer, BaseTrainerConfig
from pythae.trainers.training_callbacks import TrainingCallback


class Encoder(BaseEncoder):
    """784-500-500-(50, 50), ReLU."""

    def __init__(self):
        """Creates the layers."""
        super().__init__()
        self.hidden = torch.nn.Sequential(
            torch.nn.Linear(784, 500), torch.nn.ReLU(), torch.nn.Linear(500, 500)
        )
        self.mean, self.log_var = torch.nn.Linear(500, 50), torch.nn.Linear(500, 50)

    def forward(self, x):
        """Returns means and log-variances."""
        h = torch.relu(self.hidden(x.reshape(len(x), -1)))
        return ModelOutput(embedding=self.mean(h), log_covariance=self.log_var(h))


class Decoder(BaseDecoder):
    """50-500-500-784, ReLU, sigmoid."""

    def __init__(self):
        """Creates the layers."""
        super().__init__()
        self.layers = torch.nn.Sequential(
            torch.nn.Linear(50, 500),
            torch.nn.ReLU(),
            torch.nn.Linear(500, 500),
            torch.nn.ReLU(),
            torch.nn.Linear(500, 784),
            torch.nn.Sigmoid(),
        )

    def forward(self, z):
        """Returns pixel probabilities."""
        return ModelOutput(reconstruction=self.layers(z).reshape(-1, 1, 28, 28))


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


def main() -> None:
    """Trains, and prints the seconds."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--epochs", type=int, default=5)
    epochs = parser.parse_args().epochs
    x = np.load(Path(os.environ["KERAS_VAE_DATA"]) / "binarized_mnist.npz")["x_train"]
    x = torch.tensor(x.reshape(-1, 1, 28, 28).astype("float32"))
    model = VAE(
        VAEConfig(input_dim=(1, 28, 28), latent_dim=50, reconstruction_loss="bce"),
        Encoder(),
        Decoder(),
    )
    with tempfile.TemporaryDirectory() as folder:
        config = BaseTrainerConfig(
            output_dir=folder,
            num_epochs=epochs,
            per_device_train_batch_size=128,
            learning_rate=1e-3,
            no_cuda=True,
        )
        clock = Clock()
        dataset = BaseDataset(x, torch.zeros(len(x)))
        BaseTrainer(model, dataset, training_config=config, callbacks=[clock]).train()
    print()
    print(json.dumps(clock.seconds))


if __name__ == "__main__":
    main()
