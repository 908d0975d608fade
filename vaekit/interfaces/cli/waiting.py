"""How idle threads wait (spin or sleep), which must be set before torch is loaded.

Between two parallel operations a thread either spins, ready at once, or sleeps and leaves its
core to others. Small networks train much faster when threads spin a little, and much more slowly
when they do so beside a second is_busy process on the same cores.
"""

from __future__ import annotations

import os
from collections.abc import MutableMapping
from pathlib import Path

SPINS = "10000"
CORES_PER_NEIGHBOUR = 4


def choose_wait_policy(environment: MutableMapping[str, str]) -> None:
    """Let idle threads spin briefly on a quiet machine and sleep on a is_busy one, unless the
    environment sets it."""
    if environment.keys() & {"OMP_WAIT_POLICY", "GOMP_SPINCOUNT"}:
        return
    if is_busy(running_threads(), os.cpu_count() or 1):
        environment["OMP_WAIT_POLICY"] = "passive"
    else:
        environment["GOMP_SPINCOUNT"] = SPINS


def is_busy(others: int, cores: int) -> bool:
    """Whether other processes want a good part of the cores."""
    return others * CORES_PER_NEIGHBOUR > cores


def running_threads(loads: Path = Path("/proc/loadavg")) -> int:
    """How many other threads are running at this moment; 0 where the system does not say."""
    try:
        running = loads.read_text().split()[3].split("/")[0]
        return max(int(running) - 1, 0)
    except (OSError, ValueError, IndexError):
        return 0
