"""Asks a SavedModel from many threads at once, through TensorFlow's C library.

It reads a job from a JSON file: the library, the SavedModel, seconds, threads, sizes of
batches, and for each signature the names of its tensors, with inputs and expected outputs
in .npz files beside it. What came of it is printed as JSON.
"""

import collections
import itertools
import json
import pathlib
import sys
import threading
import time

import numpy as np
from c_api import Library, Model

# Each thread lets one request in so many be a bad one.
BAD_EVERY = 5
KINDS = ("empty", "shape", "dtype", "nan")


class Signature:
    """One signature: its tensors, a pool of inputs, and the Keras model's answers."""

    def __init__(self, about, folder):
        self.inputs, self.outputs = about["inputs"], about["outputs"]
        self.values = dict(np.load(folder / about["values"]))
        self.answers = dict(np.load(folder / about["answers"]))

    def request(self, rows):
        """Inputs by the names of tensors: those rows of all."""
        return {tensor: self.values[name][rows] for name, tensor in self.inputs.items()}

    def ask(self, model, inputs):
        answer = model.run(inputs, list(self.outputs.values()))
        return dict(zip(self.outputs, answer, strict=True))

    def differs(self, answer, rows):
        """Whether an answer is another than the Keras model's."""
        wrong = []
        for name, value in answer.items():
            # Scores are sums, whose larger terms may cancel.
            tolerance = 3e-4 if name == "elbo" else 1e-5
            expected = self.answers[name][rows].astype("f4")
            if value.dtype == np.uint8:
                # The expected levels are neither rounded nor cut.
                expected, tolerance = np.clip(expected, 0, 255), 0.501
            if not np.allclose(value.astype("f4"), expected, rtol=1e-5, atol=tolerance):
                wrong.append(name)
        return wrong


def harm(inputs, kind, rng):
    """A request that has to be refused; one of no examples stays, to be answered with none."""
    (tensor, value), *rest = inputs.items()
    if kind == "empty":
        return inputs
    if kind == "shape":
        return {tensor: np.concatenate([value, value], axis=-1), **dict(rest)}
    if kind == "dtype":
        other = np.float32 if value.dtype != np.float32 else np.uint8
        return {tensor: value.astype(other), **dict(rest)}
    value = value.copy()
    value.flat[rng.integers(value.size)] = np.nan
    return {tensor: value, **dict(rest)}


class Load:
    """What threads ask for, and what they found."""

    def __init__(self, job, folder):
        self.model = Model(Library(job["library"]), job["model"])
        self.signatures = {
            name: Signature(about, folder) for name, about in job["signatures"].items()
        }
        self.sizes, self.count = job["sizes"], max(job["sizes"])
        self.until = time.monotonic() + job["seconds"]
        self.lock, self.turns = threading.Lock(), itertools.count()
        self.seconds = collections.defaultdict(list)
        self.faults = []
        self.bad = collections.Counter()

    def work(self, number):
        rng = np.random.default_rng(number)
        turn = 0
        while time.monotonic() < self.until:
            turn += 1
            name = rng.choice(list(self.signatures))
            try:
                # In turn over all threads: even a slow model is asked all sizes.
                self.one(name, self.sizes[next(self.turns) % len(self.sizes)], rng)
                # The first is one of them: a slow model gets to few turns.
                if turn % BAD_EVERY == 1:
                    self.one_bad(
                        name, KINDS[(number + turn // BAD_EVERY) % len(KINDS)], rng
                    )
            except Exception as error:
                with self.lock:
                    self.faults.append(f"{name}: {type(error).__name__}: {error}")

    def one(self, name, size, rng):
        signature = self.signatures[name]
        rows = rng.integers(0, self.count, size)
        inputs = signature.request(rows)
        start = time.perf_counter()
        answer = signature.ask(self.model, inputs)
        taken = time.perf_counter() - start
        wrong = signature.differs(answer, rows)
        with self.lock:
            self.seconds[size].append(taken)
            if wrong:
                self.faults.append(f"{name}: {wrong} of {size} differ")

    def one_bad(self, name, kind, rng):
        if kind == "nan":
            # Bytes cannot be that.
            name = "encode"
        signature = self.signatures[name]
        inputs = signature.request(np.arange(0 if kind == "empty" else 3))
        try:
            answer = signature.ask(self.model, harm(inputs, kind, rng))
            outcome = (
                "answered with none" if not any(map(len, answer.values())) else "answered"
            )
        except RuntimeError:
            outcome = "refused"
        with self.lock:
            self.bad[f"{kind}: {outcome}"] += 1


def resident():
    """Memory of this process in bytes."""
    pages = pathlib.Path("/proc/self/statm").read_text().split()[1]
    return int(pages) * 4096


def main(path):
    job = json.loads(path.read_text())
    load = Load(job, path.parent)
    threads = [threading.Thread(target=load.work, args=(i,)) for i in range(job["threads"])]
    for thread in threads:
        thread.start()
    memory = []
    while any(thread.is_alive() for thread in threads):
        memory.append(resident())
        time.sleep(0.25)
    assert "tensorflow" not in sys.modules
    milliseconds = {
        size: [round(1e3 * float(p), 2) for p in np.percentile(taken, (50, 95, 99))]
        for size, taken in sorted(load.seconds.items())
    }
    report = {
        "requests": sum(map(len, load.seconds.values())),
        "examples": sum(size * len(taken) for size, taken in load.seconds.items()),
        "milliseconds": milliseconds,
        "bad": dict(sorted(load.bad.items())),
        "faults": load.faults[:20],
        "memory": memory,
    }
    print("REPORT" + json.dumps(report))


if __name__ == "__main__":
    main(pathlib.Path(sys.argv[1]))
