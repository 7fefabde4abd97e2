"""How much memory there is."""

from __future__ import annotations

import os
from pathlib import Path

# The limit of a container, where there is one.
_LIMIT = Path("/sys/fs/cgroup/memory.max")


def machine_memory() -> float:
    """Returns the bytes of memory of this machine, or of the container on it.

    Returns:
        The bytes; infinity where the system does not say it.

    Example:
        >>> machine_memory() > 1e9
        True
    """
    # Windows has no such call.
    if not hasattr(os, "sysconf"):
        return float("inf")
    memory = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    limit = _LIMIT.read_text().strip() if _LIMIT.exists() else "max"
    return memory if limit == "max" else min(memory, int(limit))
