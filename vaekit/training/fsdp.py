"""Weights, gradients and the optimiser's memory sharded over processes: torch's FSDP.

Every process holds a share of each tensor. The large layers are gathered one by one where they
compute and resharded at once; all that is small is gathered once for a whole pass. What is computed
is the same as with whole weights, up to rounding.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import Tensor, nn
from torch.distributed.device_mesh import DeviceMesh, init_device_mesh
from torch.distributed.fsdp import FSDPModule, fully_shard
from torch.distributed.tensor import DTensor, distribute_tensor

from vaekit.objectives import Objective
from vaekit.training.distributed import Passes, World
from vaekit.training.weights import Weights

# Layers that are only ever used by calling them, and give plain tensors.
LAYERS = (nn.Linear, nn.Conv1d, nn.Conv2d, nn.Conv3d, nn.ConvTranspose2d)
LARGE = 2**16


class ShardedPasses(Passes):
    """A model and its objective whose weights are sharded."""

    @contextmanager
    def no_sync(self) -> Iterator[None]:
        """Inside the block each process adds whole gradients up by itself."""
        assert isinstance(self, FSDPModule)
        self.set_requires_gradient_sync(False)
        try:
            yield
        finally:
            self.set_requires_gradient_sync(True)


class ShardedWeights(Weights):
    """Every process holds a share of all weights."""

    are_sharded = True

    def __init__(
        self,
        models: list[nn.Module],
        objective: Objective,
        world: World,
        device: torch.device,
    ) -> None:
        objective.to(device)
        mesh = init_device_mesh(device.type, (world.size,))
        for model in models[::-1]:
            shard_model(model, objective, mesh)
        if any(True for _ in objective.parameters()):
            _wrap(objective, mesh, reshard=False)
        passes = ShardedPasses(models[0], objective)
        _wrap(passes, mesh, reshard=False)
        self.passes, self.models = passes, models

    def gather(self, tensor: Tensor) -> Tensor:
        """A tensor as it is, or whole where it was sharded."""
        return tensor.full_tensor() if isinstance(tensor, DTensor) else tensor

    def shard_like(self, tensor: Tensor, place: Tensor) -> Tensor:
        """A whole tensor as ``place`` is held, without asking the other processes."""
        if not isinstance(place, DTensor) or isinstance(tensor, DTensor):
            return tensor
        whole = tensor.to(place.device)
        return distribute_tensor(whole, place.device_mesh, place.placements, src_data_rank=None)

    def reshard(self) -> None:
        """Keep no more than this share."""
        for module in (self.passes, *self.models):
            for part in module.modules():
                if isinstance(part, FSDPModule):
                    part.reshard()


def shard_model(model: nn.Module, objective: Objective, mesh: DeviceMesh) -> None:
    """Shard a model's weights: a unit of each large layer, and one of all the rest.

    A model gives a distribution, on which torch can set no hook that would gather once more for
    the backward pass: what is not a large layer stays gathered until then. So does all of a
    model that the objective runs again with its weights held.
    """
    for layer in model.modules():
        if isinstance(layer, LAYERS) and _size(layer) >= LARGE:
            _wrap(layer, mesh, reshard=not objective.replays)
    _wrap(model, mesh, reshard=False)


def _wrap(module: nn.Module, mesh: DeviceMesh, *, reshard: bool) -> None:
    """Gather a module's weights together where it begins; reshard them where it ends, or else
    after the backward pass."""
    for weight in module.parameters():
        if not isinstance(weight, DTensor):
            # single numbers cannot be sharded: they become vectors of one
            weight.data = torch.atleast_1d(weight.data).contiguous()
    fully_shard(module, mesh=mesh, reshard_after_forward=reshard)


def _size(layer: nn.Module) -> int:
    return sum(p.numel() for p in layer.parameters(recurse=False))
