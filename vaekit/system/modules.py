"""A module's tensors by name, each once, though parts may share modules."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from typing import TypeVar

import torch
from torch import Tensor, nn

Module = TypeVar("Module", bound=nn.Module)


def moved(module: Module, place: torch.device) -> Module:
    """A copy of the module on a device; the module itself stays where it is."""
    return copy.deepcopy(module).to(place)


def state_of(module: nn.Module) -> dict[str, Tensor]:
    """The module's state dict; a tensor that has several names there stands under the first."""
    found: dict[int, tuple[str, Tensor]] = {}
    for name, tensor in module.state_dict(keep_vars=True).items():
        found.setdefault(id(tensor), (name, tensor.detach()))
    return dict(found.values())


def state_beside(module: nn.Module, other: nn.Module) -> dict[str, Tensor]:
    """The module's state dict without the tensors that another module holds as well."""
    shared = {id(tensor) for tensor in other.state_dict(keep_vars=True).values()}
    own = module.state_dict(keep_vars=True).items()
    return {name: tensor.detach() for name, tensor in own if id(tensor) not in shared}


def load_state(module: nn.Module, tensors: Mapping[str, Tensor]) -> None:
    """Fill a module with what :func:`state_of` gave.

    Raises:
        RuntimeError: if a tensor is missing, unexpected or of another shape.
    """
    wanted = state_of(module).keys()
    missing, foreign = sorted(wanted - tensors.keys()), sorted(tensors.keys() - wanted)
    if missing or foreign:
        there = f"{missing[0]} is missing" if missing else f"{foreign[0]} is unexpected"
        raise RuntimeError(f"the tensors do not fit the model:\n\t{there}.")
    module.load_state_dict(tensors, strict=False)
