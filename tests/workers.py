"""Processes that train together on the loopback address."""

import json
import os
import socket
import subprocess
import sys


def clusters(count):
    """TF_CONFIG of each of so many workers, on ports that are free."""
    sockets = [socket.socket() for _ in range(count)]
    for one in sockets:
        one.bind(("127.0.0.1", 0))
    addresses = [f"127.0.0.1:{one.getsockname()[1]}" for one in sockets]
    for one in sockets:
        one.close()
    return [
        json.dumps(
            {
                "cluster": {"worker": addresses},
                "task": {"type": "worker", "index": index},
            }
        )
        for index in range(count)
    ]


def start(arguments, config=None, **variables):
    """Starts a Python process; with `config` it is a worker."""
    config = {} if config is None else {"TF_CONFIG": config}
    # Each takes one core. (They do not see GPUs, of which each would want all.)
    small = {"TF_NUM_INTRAOP_THREADS": "1", "CUDA_VISIBLE_DEVICES": ""}
    quiet = {"TF_CPP_MIN_LOG_LEVEL": "3"}
    return subprocess.Popen(
        [sys.executable, *map(str, arguments)],
        env={**os.environ, **small, **quiet, **config, **variables},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def ends(processes, timeout=900):
    """Code, output and errors of each; none of them is left behind."""
    try:
        found = []
        for one in processes:
            out, err = one.communicate(timeout=timeout)
            found.append((one.returncode, out, err))
        return found
    finally:
        for one in processes:
            one.kill()
