"""How many numbers modules that are being built may hold: a file says how large its model is, and
what a configuration asks for beyond that is refused before it costs memory or time."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any

import torch
from torch import nn
from torch.nn.modules import module as registration

from vaekit.system.checks import BadInput


@dataclass
class Room:
    """What is left.

    Args:
        numbers: of all parameters and buffers together.
        tensors: how many.
    """

    numbers: int
    tensors: int

    def take(self, numbers: int, tensors: int = 0) -> None:
        """Take some; ``BadInput`` where there is not enough left."""
        self.numbers, self.tensors = self.numbers - numbers, self.tensors - tensors
        if min(self.numbers, self.tensors) < 0:
            raise BadInput("it describes a larger model than its file of weights can hold")


_room: ContextVar[Room | None] = ContextVar("room", default=None)


@contextmanager
def without_memory(numbers: int, tensors: int) -> Iterator[None]:
    """Inside the block modules are built whose tensors have shapes and types and no memory.

    Args:
        numbers: that they may hold in all.
        tensors: how many there may be.

    Raises:
        BadInput: as soon as there are more.
    """
    token = _room.set(Room(numbers, tensors))
    hooks = [
        registration.register_module_parameter_registration_hook(_count),
        registration.register_module_buffer_registration_hook(_count),
    ]
    try:
        with torch.random.fork_rng(devices=[]), torch.device("meta"):
            yield
    finally:
        _room.reset(token)
        for hook in hooks:
            hook.remove()


@contextmanager
def with_memory(numbers: int) -> Iterator[None]:
    """Inside the block tensors have memory even within :func:`without_memory`: for parts that
    cannot be built otherwise.

    Args:
        numbers: that the part has at least.

    Raises:
        BadInput: if there is no room for them.
    """
    room = _room.get()
    if room is None:
        yield
        return
    Room(room.numbers, room.tensors).take(numbers)
    with torch.device("cpu"):
        yield


def _count(module: nn.Module, name: str, tensor: Any) -> None:
    room = _room.get()
    if room is not None and tensor is not None:
        room.take(tensor.numel(), 1)
