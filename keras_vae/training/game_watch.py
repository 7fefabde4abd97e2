"""The line for the user when a discriminator wins its game."""

from __future__ import annotations

from collections.abc import Callable

import keras

from keras_vae.objectives.adversarial import KINDS

# A discriminator has won if it is right so often, in so many epochs in a row.
_RIGHT, _EPOCHS = 0.99, 2


class DiscriminatorWarning(keras.callbacks.Callback):
    """Says once in training that the discriminator has won.

    It has won if it is right about 99% of all real images, of all reconstructions and of
    all samples in two epochs in a row. Its verdict then has hardly any gradient, so the
    decoder learns from the distances alone.

    Args:
        say: Called with the line.

    Example:
        >>> vae_gan.fit(x_train, callbacks=[DiscriminatorWarning(print)])
    """

    def __init__(self, say: Callable[[str], None]):
        """Creates the callback."""
        super().__init__()
        self.say, self._won, self._said = say, 0, False

    def on_epoch_end(self, epoch, logs=None):
        """Counts the epochs that the discriminator has won in a row."""
        right = [logs[f"accuracy_{kind}"] for kind in KINDS]
        self._won = self._won + 1 if min(right) >= _RIGHT else 0
        if self._won >= _EPOCHS and not self._said:
            self._said = True
            self.say(
                f"epoch {epoch + 1}: the discriminator wins: it was right about at least "
                f"{_RIGHT:.0%} of real, reconstructed and sampled images in "
                f"{_EPOCHS} epochs in a row. The decoder learns little from it, so images "
                "stay smooth. To hold it back: r1=1 or label_smoothing=0.1 in --objective "
                "adversarial:..., or vae_gan:spectral_normalization=true."
            )
