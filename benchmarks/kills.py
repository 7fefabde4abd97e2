"""Kills the chief, the worker and an export at random moments, and checks the files.

    python benchmarks/kills.py [--kills 25] [--longest 10] [--seed 0]

Two workers on the loopback address train a small model of scikit-learn's digits. `kill -9`
ends one of them at a random moment after their first step. Both start again with `--resume`,
until each was killed as often as asked. The run must hold all its epochs, in order, after
each kill, and the next start must resume at most one epoch behind them. (A test checks that
such a run ends like an undisturbed one.) An export that replaces another is killed at a
random moment of its whole duration. Then the old or the new export must be complete and load.
"""

from __future__ import annotations

import argparse
import csv
import json
import os
import random
import re
import signal
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path

TRAIN = ["train", "dense_vae:latent_dim=4,hidden_units=32", "--data", "digits"]
WITHOUT_END = ["--epochs", "100000", "--patience", "100000", "--resume"]
SLOWEST = 600  # seconds that a process may take


def start(arguments: list[str], log: Path, config: str | None = None) -> subprocess.Popen:
    """Starts `keras-vae` in a process of one core; its output goes to a file."""
    variables = {"TF_NUM_INTRAOP_THREADS": "1", "CUDA_VISIBLE_DEVICES": ""}
    variables |= {"TF_CPP_MIN_LOG_LEVEL": "3"} | ({"TF_CONFIG": config} if config else {})
    with log.open("w") as file:
        return subprocess.Popen(
            [sys.executable, "-m", "keras_vae", *arguments],
            env={**os.environ, **variables},
            stdout=file,
            stderr=subprocess.STDOUT,
        )


def two_workers(folder: Path, logs: list[Path]) -> list[subprocess.Popen]:
    """Starts chief and worker on free ports."""
    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(2)]
    addresses = [f"127.0.0.1:{one.getsockname()[1]}" for one in sockets]
    for one in sockets:
        one.close()
    arguments = [*TRAIN, *WITHOUT_END, "--output", str(folder)]
    started = []
    for index, log in enumerate(logs):
        task = {"type": "worker", "index": index}
        config = json.dumps({"cluster": {"worker": addresses}, "task": task})
        started.append(start(arguments, log, config))
    return started


def epochs_of(folder: Path) -> list[int]:
    """The epochs in a run's history; none if there is no history."""
    if not (folder / "history.csv").exists():
        return []
    with (folder / "history.csv").open() as file:
        return [int(row["epoch"]) for row in csv.DictReader(file)]


def kill_workers(folder: Path, kills: int, longest: float, chance: random.Random) -> dict:
    """Kills chief and worker in turn.

    Args:
        folder: Folder of the run.
        kills: Number of kills of each.
        longest: Longest time of training before a kill, seconds.
        chance: Draws the moments.

    Returns:
        Kills of each, and the largest number of epochs lost at once.
    """
    found, known = {"chief": 0, "worker": 0, "most epochs lost": 0}, 0
    logs = [folder.with_name("chief.log"), folder.with_name("worker.log")]
    for attempt in range(2 * kills + 1):
        processes, victim = two_workers(folder, logs), attempt % 2
        began = time.monotonic()
        # A run that has epochs says where it goes on, a line later.
        line = "continuing after epoch" if known else "training on"
        while line not in logs[0].read_text():
            if time.monotonic() - began > SLOWEST or processes[0].poll():
                raise SystemExit(f"the chief did not start training: {logs[0].read_text()}")
            time.sleep(0.05)
        said = re.search(r"continuing after epoch (\d+)", logs[0].read_text())
        lost = known - (int(said[1]) if said else 0)
        found["most epochs lost"] = max(found["most epochs lost"], lost)
        if attempt < 2 * kills:
            time.sleep(chance.uniform(0, longest))
        processes[victim].kill()
        if attempt == 2 * kills:  # Started only to see where it resumes.
            processes[1 - victim].kill()
        codes = [one.wait(SLOWEST) for one in processes]
        if codes[victim] != -signal.SIGKILL:
            raise SystemExit(
                f"the process ended before the kill: {logs[victim].read_text()}"
            )
        rows = epochs_of(folder)
        if rows != list(range(len(rows))) or len(rows) < known - 1:
            raise SystemExit(f"the history had {known} epochs and now has {rows}")
        known = len(rows)
        if attempt < 2 * kills:
            found[("chief", "worker")[victim]] += 1
            print(f"kill {attempt + 1}: {known} epochs", flush=True)
    return found


def kill_exports(run: Path, folder: Path, kills: int, chance: random.Random) -> dict:
    """Kills an export that replaces another.

    Args:
        run: The exported run.
        folder: Destination.
        kills: Number of kills.
        chance: Draws the moments.

    Returns:
        How often the old and the new export remained.
    """
    import tensorflow as tf

    arguments = ["export", str(run), str(folder), "--overwrite"]
    log, found = folder.with_name("export.log"), {"old": 0, "new": 0}
    began = time.monotonic()
    if start(arguments, log).wait(SLOWEST):
        raise SystemExit(f"the first export failed: {log.read_text()}")
    duration = time.monotonic() - began
    while sum(found.values()) < kills:
        before = files_of(folder)
        process = start(arguments, log)
        time.sleep(chance.uniform(0, duration))
        process.send_signal(signal.SIGKILL)
        process.wait(SLOWEST)
        after = files_of(folder)
        if after.keys() != before.keys():
            raise SystemExit(f"incomplete export: {sorted(after)}")
        signatures = tf.saved_model.load(str(folder)).signatures
        if "encode" not in signatures:
            raise SystemExit("the export has lost its signatures")
        found["old" if after == before else "new"] += 1
        print(f"kill {sum(found.values())}: {found}", flush=True)
    return found


def files_of(folder: Path) -> dict[str, bytes]:
    """The content of each file in a folder."""
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    return {str(path.relative_to(folder)): path.read_bytes() for path in files}


def main() -> None:
    """Kills processes, and prints the findings."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--kills", type=int, default=25, help="kills of each of the three")
    parser.add_argument(
        "--longest", type=float, default=10, help="longest training before a kill, seconds"
    )
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    chance = random.Random(options.seed)
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        found = kill_workers(folder / "run", options.kills, options.longest, chance)
        print(json.dumps(found), flush=True)
        short = [*TRAIN, "--epochs", "2", "--output", str(folder / "short")]
        if start(short, folder / "short.log").wait(SLOWEST):
            raise SystemExit((folder / "short.log").read_text())
        found = kill_exports(folder / "short", folder / "1", options.kills, chance)
        print(json.dumps(found))


if __name__ == "__main__":
    main()
