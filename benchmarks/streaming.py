"""Trains on more images than memory holds: resident memory, and images a second.

```bash
python benchmarks/streaming.py [--gigabytes 30] [--small 0.5] [--conv]
```

A hundred JPEG files of 128 x 128 pixels get enough names, as hard links, to make so many
gigabytes in memory. A small model trains on them, as with `keras-vae train --stream`. It also
trains on a small set, from its files and from memory. Each run has its own process.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

import numpy as np
from memory import peak_memory
from PIL import Image

SIZE, FILES, BATCH, LEAST_STEPS = 128, 100, 64, 40
BYTES = SIZE * SIZE * 3
DENSE = "dense_vae:latent_dim=8,hidden_units=8"
CONV = "conv_vae:latent_dim=8,filters=8-16-32"


def make_folder(folder: Path, gigabytes: float) -> int:
    """Links a few images to many names; returns the number of names."""
    rng, count = np.random.default_rng(0), max(FILES, round(gigabytes * 1e9 / BYTES))
    folder.mkdir()
    for i in range(FILES):
        few = rng.integers(0, 256, (8, 8, 3), dtype=np.uint8)
        image = Image.fromarray(few).resize((SIZE, SIZE), Image.Resampling.BICUBIC)
        image.save(folder / f"{i:07}.jpg", quality=90)
    for i in range(FILES, count):
        (folder / f"{i:07}.jpg").hardlink_to(folder / f"{i % FILES:07}.jpg")
    return count


def resident() -> int:
    """Bytes of memory that this process has now, on Linux."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * 4096


def run(folder: Path, stream: bool, model: str, epochs: int) -> dict[str, float]:
    """Trains in this process, and measures its memory each second."""
    from keras_vae.training import Recipe, train

    watched: list[tuple[float, int]] = []
    # Each printed line, with its time and processor time.
    said: list[tuple[float, float, str]] = []
    ended = threading.Event()

    def watch():
        while not ended.wait(1.0):
            watched.append((time.perf_counter(), resident()))

    def say(line: str) -> None:
        said.append((time.perf_counter(), time.process_time(), line))
        print(f"{resident() / 1e6:6.0f} MB  {line}", file=sys.stderr, flush=True)

    threading.Thread(target=watch, daemon=True).start()
    started = time.perf_counter()
    recipe = Recipe(
        data=str(folder),
        model=model,
        likelihood="normal:scale=shared",
        stream=stream,
        epochs=epochs,
        batch_size=BATCH,
    )
    with tempfile.TemporaryDirectory() as output:
        train(recipe, Path(output) / "run", say=say)
    ended.set()
    begin = next(one for one in said if "training on" in one[2])
    ends = [one for one in said if one[2].startswith("epoch ")]
    of_training = [size for t, size in watched if begin[0] < t < ends[-1][0]]
    # The first epoch compiles, if there are others.
    since = ends[-2] if len(ends) > 1 else begin
    count = len(list(folder.iterdir()))
    # An epoch of a small set is several passes; validation reads a tenth once more.
    once = -(-(count - 2 * (count // 10)) // BATCH)
    steps = once * -(-LEAST_STEPS // once) if once < LEAST_STEPS else once
    seen = steps * BATCH + count // 10
    curve = [np.mean(part) / 1e6 for part in np.array_split(of_training, 20) if len(part)]
    print("MB:", " ".join(f"{size:.0f}" for size in curve), file=sys.stderr, flush=True)
    tenth = max(1, len(of_training) // 10)
    middle = of_training[len(of_training) // 2 :][:tenth]
    return {
        "images": count,
        "gigabytes": count * BYTES / 1e9,
        "images_per_second": seen / (ends[-1][0] - since[0]),
        "images_per_cpu_second": seen / (ends[-1][1] - since[1]),
        "seconds_before": begin[0] - started,
        "start": float(np.mean(of_training[tenth : 2 * tenth])),
        "middle": float(np.mean(middle)),
        "end": float(np.mean(of_training[-tenth:])),
        "peak": peak_memory(),
    }


def in_a_process(*arguments: str) -> dict[str, float]:
    """Runs this program anew, for one way."""
    command = [sys.executable, __file__, *arguments]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)
    return json.loads(done.stdout.splitlines()[-1])


def main() -> None:
    """Prints a table, a row for each way."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--gigabytes", type=float, default=30.0)
    parser.add_argument("--small", type=float, default=0.5, help="GB of the small set")
    parser.add_argument("--conv", action="store_true", help="also a convolutional model")
    parser.add_argument("--run", nargs=4, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.run:
        folder, way, model, epochs = options.run
        print(json.dumps(run(Path(folder), way == "streamed", model, int(epochs))))
        return
    titles = (
        *("images", "GB in memory", "model", "way", "images a second"),
        *("of a processor's second", "s before the first step", "MB after a tenth"),
        *("in the middle", "at the end", "peak"),
    )
    print("|", " | ".join(titles), "|")
    print("|" + "---|" * len(titles))
    with tempfile.TemporaryDirectory() as place:
        small, large = Path(place) / "small", Path(place) / "large"
        asked = []
        if options.small:
            make_folder(small, options.small)
            asked += [(small, way, DENSE, "2") for way in ("in memory", "streamed")]
        if options.small and options.conv:
            asked += [(small, way, CONV, "2") for way in ("in memory", "streamed")]
        if options.gigabytes:
            make_folder(large, options.gigabytes)
            asked.append((large, "streamed", DENSE, "1"))
        for folder, way, model, epochs in asked:
            one = in_a_process("--run", str(folder), way, model, epochs)
            sizes = (one[name] / 1e6 for name in ("start", "middle", "end", "peak"))
            cells = (
                f"{one['images']:,}",
                f"{one['gigabytes']:.1f}",
                model.split(":")[0],
                way,
                f"{one['images_per_second']:,.0f}",
                f"{one['images_per_cpu_second']:,.0f}",
                f"{one['seconds_before']:.0f}",
                *(f"{size:,.0f}" for size in sizes),
            )
            print("|", " | ".join(cells), "|", flush=True)


if __name__ == "__main__":
    main()
