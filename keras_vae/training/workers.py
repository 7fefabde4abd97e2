"""Training in step with the other processes that TF_CONFIG names."""

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
from keras_vae.training.run_folder import (
    HISTORY,
    checkpoints,
    for_one_process,
    open_folder,
)

_CONFIG = "TF_CONFIG"
_FORM = (
    '{"cluster": {"worker": ["host:port", "host:port"]}, '
    '"task": {"type": "worker", "index": 0}}'
)
_JOBS = ("chief", "worker")
# Number of values that the chief sends at a time, a megabyte.
_PART = 1 << 18
# Exceptions of TensorFlow on the others when one worker is gone. All but the first may have
# other causes, such as a failing GPU: then their messages do not mention other workers.
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
        The number of workers, and the index of this process among them, from 0 for the
        chief. None if it trains alone.

    Raises:
        ValueError: If the variable is set, but invalid.
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
            f"has the job {min(foreign)!r}, but all train in step here: only the jobs "
            "'worker' and 'chief' (once) are possible"
        )
    lists = [one if isinstance(one, list) else [None] for one in jobs.values()]
    addresses = [one for some in lists for one in some]
    for one in addresses:
        if not isinstance(one, str) or not one.rpartition(":")[2].isdecimal():
            raise _wrong(f"names {one!r}, which is not of the form host:port")
    if not addresses or len(jobs.get("chief", ())) > 1:
        raise _wrong("must name workers, and at most one chief")
    if len(set(addresses)) < len(addresses):
        raise _wrong("gives two workers the same address")
    return jobs


def _wrong(words: str) -> ValueError:
    return ValueError(
        f"The environment variable {_CONFIG} {words}. Unset it to train alone, or write "
        f"{_FORM}."
    )


def _is_of_others(error: tf.errors.OpError) -> bool:
    """Whether an error, one of `_LOST`, means that another worker is gone."""
    is_sure = isinstance(error, tf.errors.UnavailableError)
    return is_sure or bool(_OF_OTHERS.search(str(error)))


class Workers:
    """This process and those with which it trains in step, or this one alone.

    All of them run the same program. The chief writes the run's folder; each of the others
    has a temporary folder, which is deleted in the end. So only the chief decides, and all
    take part in operations that TensorFlow needs from all, such as reading a shared
    variable.

    Args:
        strategy: Their distribution strategy.
    """

    def __init__(self, strategy: tf.distribute.Strategy | None):
        """Finds the index of this process."""
        self.strategy = strategy
        self.count = 1 if strategy is None else num_workers(strategy)
        cluster = read_cluster() if self.count > 1 else None
        self.is_chief = cluster is None or cluster[1] == 0

    @contextlib.contextmanager
    def in_step(self) -> Iterator[None]:
        """Raises a clear error if another worker is gone.

        Raises:
            ConnectionError: If another worker is gone.
        """
        try:
            yield
        except _LOST as error:
            if self.count == 1 or not _is_of_others(error):
                raise
            first = str(error).strip().splitlines()[0]
            raise ConnectionError(
                "Another worker is gone, and no worker can continue alone. The chief's "
                "folder keeps the finished epochs: start all workers again with --resume. "
                f"(TensorFlow: {first[:200]})"
            ) from error

    @contextlib.contextmanager
    def folder(self, output: Path) -> Iterator[Path]:
        """Gives the folder to which this process writes.

        Args:
            output: The run's folder.

        Yields:
            That folder on the chief; a temporary folder on the others.
        """
        if self.is_chief:
            with contextlib.ExitStack() as self._held:
                yield output
            return
        with tempfile.TemporaryDirectory(prefix="keras_vae_worker_") as path:
            yield Path(path)

    def agree(self, values: dict[str, Any]) -> None:
        """Refuses to begin if the inputs of the workers differ.

        Args:
            values: Values that must be the same on all, by name, as JSON holds them.

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
            raise ValueError(f"All workers need the same inputs: {'; '.join(differences)}.")
        if found.any():
            raise ValueError(
                "All workers need the same inputs, but those of one differ; see its error."
            )

    def of_chief(self, make: Callable[[], Any]) -> Any:
        """Calls a function on the chief, and gives all workers the result.

        Args:
            make: The function; JSON must be able to hold its result.

        Returns:
            Its result.

        Raises:
            Exception: The function's own exception, on the chief.
            ConnectionError: On the other workers, after an exception on the chief.
        """
        if self.count == 1:
            return make()
        if not self.is_chief:
            answer = json.loads(self._shared(b""))
            if "error" in answer:
                raise ConnectionError(f"The chief cannot continue: {answer['error']}")
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
        # All have the same length, so that TensorFlow makes one graph.
        return from_chief(np.pad(words, (0, _PART - len(words))), self.strategy)

    def open_folder(
        self, output: Path, own: Path, recipe: Recipe, resume: bool, overwrite: bool
    ) -> None:
        """Begins a run in its folder, or refuses; see `run_folder.open_folder`.

        Until the block of `folder` ends, no other process can begin there.

        Args:
            output: The run's folder.
            own: The result of `folder`: it gets the files that the others need to continue
                the run.
            recipe: The resolved recipe of the run.
            resume: Whether to go on with the run that is in it.
            overwrite: Whether to delete the run that is in it.
        """

        def opened():
            self._held.enter_context(for_one_process(output))
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
