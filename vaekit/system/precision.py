"""In which numbers networks compute: single precision, or bfloat16 where hardware has it.

Only networks are affected. Their outputs are converted back to single precision before it becomes
a distribution: densities, divergences and losses are always computed in float32.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

import torch
from torch import Tensor, nn

from vaekit.system.checks import known
from vaekit.system.devices import cpu_capabilities

PRECISIONS = {"auto": "", "fp32": "float32", "bf16": "bfloat16"}
FIRST_GPU_WITH_BFLOAT16 = (8, 0)
CPU_FEATURES = ("avx512_bf16", "amx_bf16")

_current: ContextVar[torch.dtype] = ContextVar("precision", default=torch.float32)


@contextmanager
def networks_in(dtype: torch.dtype) -> Iterator[None]:
    """Inside the block the networks of all conditionals compute in ``dtype``."""
    token = _current.set(dtype)
    try:
        yield
    finally:
        _current.reset(token)


def in_precision(net: nn.Module, *given: Tensor) -> Tensor:
    """What ``net`` gives, in float32, computed in the precision that :func:`networks_in` set."""
    dtype = _current.get()
    if dtype == torch.float32:
        return net(*given)
    with torch.autocast(given[0].device.type, dtype):
        return net(*given).float()


def dtype_for(name: str, device: torch.device) -> torch.dtype:
    """The type that ``name`` (auto, fp32, bf16) means on a device."""
    wanted = PRECISIONS[known("precision", name, PRECISIONS)]
    if wanted:
        return getattr(torch, wanted)
    return torch.bfloat16 if has_bfloat16(device) else torch.float32


def resolve_precision(name: str, device: torch.device) -> str:
    """fp32 or bf16: what ``name`` means on a device. A run keeps it wherever it is resumed."""
    wanted = str(dtype_for(name, device)).removeprefix("torch.")
    return next(short for short, dtype in PRECISIONS.items() if dtype == wanted)


def has_bfloat16(device: torch.device) -> bool:
    """Whether the device multiplies matrices in bfloat16 faster than in float32."""
    if device.type == "cuda":
        return torch.cuda.get_device_capability(device) >= FIRST_GPU_WITH_BFLOAT16
    return any(cpu_capabilities().get(feature) for feature in CPU_FEATURES)
