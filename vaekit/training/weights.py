"""How processes hold the weights: each all of them, or each a shard."""

from __future__ import annotations

from abc import ABC, abstractmethod

import torch
from torch import Tensor, nn
from torch.nn.parallel import DistributedDataParallel

from vaekit.objectives import Objective
from vaekit.system.checks import require
from vaekit.training.distributed import Passes, World, data_parallel

OLDEST_THAT_SHARDS = (2, 13)


class Weights(ABC):
    """The weights of a model and its objective as this process holds them.

    Attributes:
        passes: rows in, their loss out; its gradients are those of all processes.
        are_sharded: whether this process holds a share only.
    """

    passes: Passes | DistributedDataParallel
    are_sharded: bool

    @abstractmethod
    def gather(self, tensor: Tensor) -> Tensor:
        """A tensor that may be sharded, whole; all processes must ask for it."""

    @abstractmethod
    def shard_like(self, tensor: Tensor, place: Tensor) -> Tensor:
        """A whole tensor of ``place``'s shape as ``place`` is held here: its share, its layout."""

    @abstractmethod
    def reshard(self) -> None:
        """Keep no more than this process's share, where looking at the model has gathered more."""


class WholeWeights(Weights):
    """Every process holds all weights."""

    are_sharded = False

    def __init__(
        self,
        models: list[nn.Module],
        objective: Objective,
        world: World,
        device: torch.device,
    ) -> None:
        for model in models:
            model.to(device, memory_format=torch.channels_last)  # type: ignore[call-overload]
        objective.to(device)
        self.passes = data_parallel(Passes(models[0], objective), world)

    def gather(self, tensor: Tensor) -> Tensor:
        """The same tensor: it is whole already."""
        return tensor

    def shard_like(self, tensor: Tensor, place: Tensor) -> Tensor:
        """The tensor laid out in memory as ``place`` is: torch's fused update goes through memory,
        not through indices, and would give a weight the memory of another."""
        return torch.empty_like(place, dtype=tensor.dtype).copy_(tensor)

    def reshard(self) -> None:
        """Nothing to do: nothing was gathered."""


def weights_held(
    models: list[nn.Module],
    objective: Objective,
    world: World,
    device: torch.device,
    *,
    shard: bool,
) -> Weights:
    """The weights of a model, those averaged from it, and its objective's, on a device.

    Args:
        models: the one that is trained, then its average if there is one.
        objective: whose critics may own weights.
        world: the processes that hold them.
        device: where they lie from now on.
        shard: whether each process is to hold a share only.

    Raises:
        BadInput: if this version of torch cannot shard.
    """
    if not shard:
        return WholeWeights(models, objective, world, device)
    require(
        torch.__version__ >= OLDEST_THAT_SHARDS,  # type: ignore[operator]
        f"sharding weights needs torch 2.13 or newer, and this is {torch.__version__}: "
        "upgrade it, or leave --shard out",
    )
    from vaekit.training.fsdp import ShardedWeights  # slow to import

    return ShardedWeights(models, objective, world, device)
