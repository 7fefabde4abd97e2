"""Training in step with other processes, those that TF_CONFIG names."""

from __future__ import annotations

import base64
import contextlib
import json
import os
import re
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf

from keras_vae.core.replicas import from_all_replicas, from_chief, num_workers
from keras_vae.presets.files import METADATA, RECIPE
from keras_vae.training.recipe import Recipe
from keras_vae.training.run_folder import HISTORY, checkpoints, open_folder

_CONFIG = "TF_CONFIG"
_FORM = (
    '{"cluster": {"worker": ["host:port", "host:port"]}, '
    '"task": {"type": "worker", "index": 0}}'
)
_JOBS = ("chief", "worker")
# Numbers that the chief sends at a time, a megabyte.
_PART = 1 << 18
# What TensorFlow raises on the others when one is gone. All but the first may have other
# causes, such as a GPU that fails: then their messages do not speak of others.
_LOST = (
    tf.errors.UnavailableError,
    tf.errors.AbortedError,
    tf.errors.CancelledError,
    tf.errors.DeadlineExceededError,
    tf.errors.InternalError,
)
_OF_OTHERS = re.compile(
    r"collective ops? is aborted|(by|from) peer|remote (host|process|target|task|worker)"
    r"|heartbeat|coordination service|socket closed|connection (closed|refused|reset)",
    re.IGNORECASE,
)


def read_cluster() -> tuple[int, int] | None:
    """Reads the environment variable TF_CONFIG.

    Returns:
        How many workers there are, and the place of this process among them, from 0: the
        chief is the first. None where it trains alone.

    Raises:
        ValueError: If the variable is there and does not say it.
    """
    text = os.environ.get(_CONFIG, "")
    if not text:
        return None
    try:
        config = json.loads(text)
    except json.JSONDecodeError as error:
        raise _wrong(f"is not JSON ({error})") from error
    missing = {"cluster", "task"} - set(config if isinstance(config, dict) else ())
    if missing:
        raise _wrong(f"lacks {' and '.join(sorted(missing))}")
    addresses, task = _addresses(config["cluster"]), config["task"]
    places = [
        {"type": name, "index": index}
        for name in _JOBS
        for index in range(len(addresses.get(name, ())))
    ]
    if task not in places:
        known = ", ".join(json.dumps(one) for one in places)
        raise _wrong(
            f"gives this process the task {json.dumps(task)}, but there are {known}"
        )
    return (len(places), places.index(task)) if len(places) > 1 else None


def _addresses(cluster) -> dict[str, list[str]]:
    jobs = cluster if isinstance(cluster, dict) else {}
    if foreign := set(jobs) - set(_JOBS):
        raise _wrong(
            f"has the job {min(foreign)!r}, but here all train in step: only 'worker' and "
            "one 'chief' can be"
        )
    lists = [one if isinstance(one, list) else [None] for one in jobs.values()]
    addresses = [one for some in lists for one in some]
    for one in addresses:
        if not isinstance(one, str) or not one.rpartition(":")[2].isdecimal():
            raise _wrong(f"names {one!r}, which is no host:port")
    if not addresses or len(jobs.get("chief", ())) > 1:
        raise _wrong("must name workers, and one chief at most")
    if len(set(addresses)) < len(addresses):
        raise _wrong("gives two workers one address")
    return jobs


def _wrong(words: str) -> ValueError:
    return ValueError(
        f"The environment variable {_CONFIG} {words}. Unset it to train alone, or write "
        f"{_FORM}."
    )


def _is_of_others(error: tf.errors.OpError) -> bool:
    """Whether an error, one of `_LOST`, says that another worker is gone."""
    is_sure = isinstance(error, tf.errors.UnavailableError)
    return is_sure or bool(_OF_OTHERS.search(str(error)))


class Workers:
    """This process and those that it trains in step with; or this one alone.

    All of them run the same program. The chief writes the run's folder; each of the others
    has one of its own, which is deleted in the end. So nothing is decided twice, and what
    TensorFlow wants from all, such as reading a shared variable, all do.

    Args:
        strategy: What they train under.
    """

    def __init__(self, strategy: tf.distribute.Strategy | None):
        """Finds the place of this one."""
        self.strategy = strategy
        self.count = 1 if strategy is None else num_workers(strategy)
        cluster = read_cluster() if self.count > 1 else None
        self.is_chief = cluster is None or cluster[1] == 0

    @contextlib.contextmanager
    def in_step(self) -> Iterator[None]:
        """Tells in plain words when another one is gone.

        Raises:
            ConnectionError: If one is, and with it what it was to compute.
        """
        try:
            yield
        except _LOST as error:
            if self.count == 1 or not _is_of_others(error):
                raise
            first = str(error).strip().splitlines()[0]
            raise ConnectionError(
                "Another worker is gone, and none can go on alone. The chief's folder keeps "
                "the finished epochs: start all workers again with --resume. (TensorFlow: "
                f"{first[:200]})"
            ) from error

    @contextlib.contextmanager
    def folder(self, output: Path) -> Iterator[Path]:
        """Gives the folder that this one writes to.

        Args:
            output: The run's folder.

        Yields:
            That folder on the chief; on the others one for the time being.
        """
        if self.is_chief:
            yield output
            return
        with tempfile.TemporaryDirectory(prefix="keras_vae_worker_") as path:
            yield Path(path)

    def agree(self, values: dict[str, Any]) -> None:
        """Refuses to begin where workers were given different things.

        Args:
            values: What must be the same on all, by name, as JSON holds it.

        Raises:
            ValueError: If something differs; on every worker.
        """
        if self.count == 1:
            return
        own = json.loads(json.dumps(values))
        chief = self.of_chief(lambda: own)
        differences = [
            f"{name} is {own.get(name)!r} here and {chief.get(name)!r} on the chief"
            for name in sorted({*own, *chief})
            if own.get(name) != chief.get(name)
        ]
        found = from_all_replicas(np.array([len(differences)]), self.strategy)
        if differences:
            raise ValueError(
                f"All workers must be given the same: {'; '.join(differences)}."
            )
        if found.any():
            raise ValueError(
                "All workers must be given the same, but one was not; its error says what."
            )

    def of_chief(self, make: Callable[[], Any]) -> Any:
        """Does on the chief what one must do for all, and gives all the result.

        Args:
            make: What to do; returns what JSON can hold.

        Returns:
            Its result.

        Raises:
            Exception: What it raised, on the chief.
            ConnectionError: On the others then.
        """
        if self.count == 1:
            return make()
        if not self.is_chief:
            answer = json.loads(self._shared(b""))
            if "error" in answer:
                raise ConnectionError(f"The chief cannot go on: {answer['error']}")
            return answer["value"]
        try:
            value = make()
        except Exception as error:
            self._shared(json.dumps({"error": str(error)}).encode())
            raise
        self._shared(json.dumps({"value": value}).encode())
        return value

    def _shared(self, text: bytes) -> bytes:
        """The chief's bytes; those of the others do not matter."""
        size = self._part(np.array([len(text)], np.int32))[0]
        words = np.zeros(-(-size // 4), np.int32)
        if self.is_chief:
            words.view(np.uint8)[:size] = np.frombuffer(text, np.uint8)
        parts = [self._part(words[i : i + _PART]) for i in range(0, len(words), _PART)]
        return b"".join(part.tobytes() for part in parts)[:size]

    def _part(self, words: np.ndarray) -> np.ndarray:
        # All of one length, so that TensorFlow makes one graph.
        return from_chief(np.pad(words, (0, _PART - len(words))), self.strategy)

    def open_folder(
        self, output: Path, own: Path, recipe: Recipe, resume: bool, overwrite: bool
    ) -> None:
        """Begins a run in its folder, or refuses; see `run_folder.open_folder`.

        Args:
            output: The run's folder.
            own: What `folder` gave: it gets what the others need to go on with the run.
            recipe: The resolved recipe of the run.
            resume: Whether to go on with the run that is in it.
            overwrite: Whether to delete the run that is in it.
        """

        def opened():
            open_folder(output, recipe, resume, overwrite)
            if self.count == 1:
                return {}
            paths = [output / name for name in (RECIPE, METADATA, HISTORY)]
            paths += [path for _, path in checkpoints(output)]
            return {
                path.name: base64.b64encode(path.read_bytes()).decode()
                for path in paths
                if path.exists()
            }

        files = self.of_chief(opened)
        if not self.is_chief:
            for name, text in files.items():
                (own / name).write_bytes(base64.b64decode(text))
