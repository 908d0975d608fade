"""What studies of several trainings ask of their data, and of how many work at the same time."""

from __future__ import annotations

from typing import Any

import torch

from vaekit.data import CATALOGUE
from vaekit.runs.fit import name_of
from vaekit.system.checks import require


def read_by(data: Any) -> list[str]:
    """The file or folder that is read, which nothing may be written over."""
    name = name_of(data)
    return [] if name is None or name in CATALOGUE else [name]


def in_memory(data: Any) -> bool:
    """Whether data has no name by which another process finds it."""
    return data is not None and name_of(data) is None


def check_processes(processes: int, data: Any) -> None:
    """Raise ``BadInput`` where several processes cannot share the work."""
    require(processes >= 1, f"processes must be at least 1, not {processes}")
    require(
        processes == 1 or not in_memory(data),
        "data in memory is trained on in this process: leave processes out, or name a file",
    )


def check_known(data: Any, before: str | None) -> None:
    """Raise ``BadInput`` where nobody knows what to train on.

    Args:
        data: that is given.
        before: name of what was trained on.
    """
    require(
        data is not None or before is not None,
        "these models are trained on data in memory: give that data again",
    )


def threads_for(processes: int) -> int:
    """Threads of each of several processes."""
    return max(torch.get_num_threads() // processes, 1)
