"""The output for the user while a model trains: one line per epoch."""

from __future__ import annotations

import math
import sys
import time
from collections.abc import Callable
from typing import cast

import keras

from keras_vae.training.run_folder import RunRecorder


class EpochLines(keras.callbacks.Callback):
    """Prints one line per epoch: scores, the best so far, time, and the longest time left.

    On a terminal the current line counts the steps of the epoch; elsewhere, as in a log
    file, there are only whole lines.

    Args:
        recorder: The record of earlier epochs and of the best one; it comes before this one
            in the list of callbacks.
        steps: Number of steps of an epoch.
        say: Called with each line.
    """

    def __init__(self, recorder: RunRecorder, steps: int, say: Callable[[str], None]):
        """Creates the callback."""
        super().__init__()
        self.recorder, self.steps, self.say = recorder, steps, say
        self.is_terminal = sys.stdout.isatty()
        self._seconds: list[float] = []
        self._shown = self._start = self._first_step_end = 0.0

    def on_epoch_begin(self, epoch, logs=None):
        """Starts the clock."""
        self._epoch, self._start = epoch, time.monotonic()

    def on_train_batch_end(self, batch, logs=None):
        """Notes when the first step ends; counts the steps, on a terminal."""
        now = time.monotonic()
        if batch == 0:
            self._first_step_end = now
        if self.is_terminal and now - self._shown > 0.2:
            self._shown = now
            text = f"\r\033[Kepoch {self._epoch + 1}: step {batch + 1} of {self.steps}"
            sys.stdout.write(text)
            sys.stdout.flush()

    def on_epoch_end(self, epoch, logs=None):
        """Prints the line."""
        if self.is_terminal:
            sys.stdout.write("\r\033[K")
        self._seconds.append(time.monotonic() - self._start)
        self.say(self._line(epoch, self.recorder.rows[-1]))

    def on_train_end(self, logs=None):
        """Leaves an empty line for what follows."""
        if self.is_terminal:
            sys.stdout.write("\r\033[K")

    def _line(self, epoch, row):
        total = cast(int, self.recorder.recipe.epochs)
        parts = [f"epoch {epoch + 1:>{len(str(total))}}/{total}"]
        monitor = self.recorder.monitor
        shown = monitor.removeprefix("val_") if monitor else "loss"
        # An autoencoder has no bound.
        names = dict.fromkeys(("elbo", shown) if monitor else ("loss",))
        for name in (one for one in names if one in row):
            text = f"{_words(name)} {row[name]:.2f}"
            if name == "elbo" and (bits := self._bits(row["elbo"])) is not None:
                text += f" ({bits:.3f} bits/dim)"
            parts.append(text)
        if f"val_{shown}" in row:
            parts.append(f"validation {row[f'val_{shown}']:.2f}")
        best = self.recorder.best_epoch
        if monitor and best is not None:
            value = self.recorder.rows[best][monitor]
            parts.append(f"best {value:.2f} (epoch {best + 1})")
        parts.append(f"{self._seconds[-1]:.1f} s")
        if left := total - epoch - 1:
            recent = self._seconds[1:][-5:] or [self._without_first_step()]
            parts.append(f"at most {_span(left * sum(recent) / len(recent))} left")
        return ", ".join(parts)

    def _without_first_step(self):
        """Seconds of the first epoch if its first step, which compiles, took as any other."""
        if self.steps == 1:
            return self._seconds[0]
        after_first = self._start + self._seconds[0] - self._first_step_end
        return after_first * self.steps / (self.steps - 1)

    def _bits(self, elbo):
        if not self.model.is_discrete:
            return None
        return -elbo / math.log(2) / math.prod(self.model.event_shape)


def _words(name):
    return "ELBO" if name == "elbo" else name.replace("_", " ")


def _span(seconds: float) -> str:
    """A time in words: 12 s, 3 min 20 s, 2 h 5 min."""
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60} s"
    return f"{whole // 3600} h {whole % 3600 // 60} min"
