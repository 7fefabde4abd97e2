"""The loss of converting sounds to a spectrogram and back, without any model.

    python benchmarks/sounds.py --data spoken_digits

prints a row for each kind of spectrogram, with spectral convergence (0 is no loss, 1 silence)
and log-spectral distance. Both compare held-out sounds with Griffin-Lim's reconstructions from
their spectrograms.
"""

import argparse
import time

from keras_vae.data import Spectrogram, load
from keras_vae.evaluation import (
    log_spectral_distance,
    mean_and_error,
    plus_minus,
    spectral_convergence,
)

KINDS = {
    "64 mel bands": {},
    "80 mel bands": {"num_mels": 80},
    "all frequencies": {"num_mels": None},
}


def main(arguments=None):
    """Prints the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", default="spoken_digits", help="Name or folder of sounds.")
    parser.add_argument("--limit", type=int, help="Take the first LIMIT test sounds.")
    options = parser.parse_args(arguments)
    data = load(options.data)
    if data.sample_rate is None:
        raise ValueError(f"{options.data} holds no sounds.")
    x = data.x_test[: options.limit]
    print("| spectrogram | levels | spectral convergence | log-spectral distance | ms |")
    print("|---|---|---|---|---|")
    for name, settings in KINDS.items():
        spectrogram = Spectrogram.fit(data.x_train, data.sample_rate, **settings)
        begun = time.perf_counter()
        again = spectrogram.inverse(spectrogram(x))
        spent = 1000 * (time.perf_counter() - begun) / len(x)
        windows, bands, _ = spectrogram.event_shape
        convergence = mean_and_error(spectral_convergence(spectrogram, x, again))
        distance = mean_and_error(log_spectral_distance(spectrogram, x, again))
        print(
            f"| {name} | {windows} x {bands} | {plus_minus(convergence, '.3f')} "
            f"| {plus_minus(distance, '.2f')} dB | {spent:.0f} |"
        )


if __name__ == "__main__":
    main()
