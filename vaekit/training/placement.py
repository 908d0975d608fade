"""Where a training runs, which does not change what is trained."""

from __future__ import annotations

from dataclasses import dataclass

import torch

from vaekit.system.devices import CPU, device_for


@dataclass(frozen=True)
class Placement:
    """Where the work is done.

    Args:
        device: where the model is trained.
        shard: of several processes, each holds a share of the weights, their gradients and the
            optimiser's memory, not all of them. One process holds all.
        capture: let a GPU replay captured updates, where they can be captured.
    """

    device: torch.device = CPU
    shard: bool = False
    capture: bool = True


HERE = Placement()


def placement(device: str = "auto", *, shard: bool = False, capture: bool = True) -> Placement:
    """The same with the device by name: auto (a GPU if there is one), cpu, cuda, cuda:1.

    Raises:
        BadInput: for a device that is not there.
    """
    return Placement(device_for(device), shard, capture)
