"""Where tensors live."""

from __future__ import annotations

import math
import os
import re
from functools import cache
from typing import Any

import torch

from vaekit.system.checks import BadInput, require
from vaekit.system.types import Shape

CPU = torch.device("cpu")


def device_for(name: str = "auto") -> torch.device:
    """The device of a name: auto (a GPU if there is one), cpu, cuda, cuda:1.

    Of several processes on a machine, each takes the GPU of its local rank.

    Raises:
        BadInput: for a name that is no device, or a device that is not present.
    """
    if name == "auto":
        name = "cuda" if torch.cuda.is_available() else "cpu"
    try:
        device = torch.device(name)
    except RuntimeError:
        raise BadInput(f"there is no device {name!r}; give auto, cpu, cuda or cuda:1") from None
    require(device.type in ("cpu", "cuda"), f"device {name} is not supported; give cpu or cuda")
    if device.type == "cuda":
        return _gpu(device)
    require(not device.index, f"there is no device {name}: the processor is cpu")
    return device


def _gpu(device: torch.device) -> torch.device:
    count = torch.cuda.device_count()
    local = int(os.environ.get("LOCAL_RANK") or os.environ.get("SLURM_LOCALID") or 0)
    number = local % max(count, 1) if device.index is None else device.index
    require(number < count, f"there is no device cuda:{number} here ({count} GPUs are seen)")
    return torch.device("cuda", number)


def has_room(device: torch.device, size: int) -> bool:
    """Whether so many bytes fit on the device and leave as many free."""
    if device.type != "cuda":
        return True
    free, _ = torch.cuda.mem_get_info(device)
    return 2 * size <= free


@cache
def cpu_capabilities() -> dict[str, Any]:
    """The processor's name and instruction sets; empty in versions of torch that do not tell."""
    return dict(getattr(torch.cpu, "get_capabilities", dict)())


def check_wanted(rows: int, shape: Shape) -> None:
    """Raise ``BadInput`` unless so many rows are some, and this machine can hold them.

    Args:
        rows: how many.
        shape: of each, in numbers of four bytes.
    """
    require(rows >= 1, f"the number of rows must be at least 1, not {rows}")
    size = 4 * rows * math.prod(shape)
    require(
        size <= memory(),
        f"{rows:,} rows take {_too_much(size)}: ask for fewer, several times with another --seed",
    )


def reason_of(error: Exception) -> str:
    """The first line of what torch says; in words where memory does not suffice."""
    said = str(error).split("\n")[0]
    found = re.search(r"tried to allocate (\d+) bytes", said)
    if not found:
        return said
    return f"one array alone takes {_too_much(int(found[1]))}"


def _too_much(size: int) -> str:
    """So many bytes beside those that there are."""
    return f"{size / 2**30:,.0f} GiB of memory, and this machine has {memory() / 2**30:,.0f}"


def memory() -> int:
    """Bytes of this machine's memory; as many as can be addressed where it does not tell."""
    try:
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (AttributeError, OSError, ValueError):
        return 2**63 - 1
