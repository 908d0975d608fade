"""Weights, gradients and the optimiser's memory split over processes: torch's FSDP.

Every process holds a share of each tensor. The large layers are gathered one by one where they
compute and let go at once; all that is small is gathered once for a whole pass. What is computed
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

# Layers that are only ever used by calling them, and give plain tensors.
LAYERS = (nn.Linear, nn.Conv1d, nn.Conv2d, nn.Conv3d, nn.ConvTranspose2d)
LARGE = 2**16


class SplitPasses(Passes):
    """A model and its objective whose weights are split; made by :func:`split_passes`."""

    @contextmanager
    def no_sync(self) -> Iterator[None]:
        """Inside the block each process adds whole gradients up by itself."""
        assert isinstance(self, FSDPModule)
        self.set_requires_gradient_sync(False)
        try:
            yield
        finally:
            self.set_requires_gradient_sync(True)


def split_passes(
    model: nn.Module, objective: Objective, at: World, device: torch.device
) -> SplitPasses:
    """Split the weights of both over the processes; afterwards they lie on ``device``."""
    mesh = init_device_mesh(device.type, (at.size,))
    split_model(model, objective, at, device)
    if any(True for _ in objective.parameters()):
        _unit(objective, mesh, let_go=False)
    passes = SplitPasses(model, objective)
    _unit(passes, mesh, let_go=False)
    return passes


def split_model(model: nn.Module, objective: Objective, at: World, device: torch.device) -> None:
    """Split a model's weights: a unit of each large layer, and one of all the rest.

    A model gives a distribution, on which torch can set no hook that would gather once more for
    the backward pass: what is not a large layer stays gathered until then. So does all of a
    model that the objective runs again with its weights held.
    """
    mesh = init_device_mesh(device.type, (at.size,))
    for layer in model.modules():
        if isinstance(layer, LAYERS) and _size(layer) >= LARGE:
            _unit(layer, mesh, let_go=not objective.replays)
    _unit(model, mesh, let_go=False)


def let_go(module: nn.Module) -> None:
    """Keep nothing but this process's share, where a pass without gradients has gathered more."""
    for part in module.modules():
        if isinstance(part, FSDPModule):
            part.reshard()


def whole(tensor: Tensor) -> Tensor:
    """A tensor gathered from all processes; all must ask for it. Itself if it is not split."""
    return tensor.full_tensor() if isinstance(tensor, DTensor) else tensor


def like(value: Tensor, model: Tensor) -> Tensor:
    """``value`` split as ``model`` is, without asking the other processes."""
    if not isinstance(model, DTensor) or isinstance(value, DTensor):
        return value
    value = value.to(model.device)
    return distribute_tensor(value, model.device_mesh, model.placements, src_data_rank=None)


def _unit(module: nn.Module, mesh: DeviceMesh, *, let_go: bool) -> None:
    """Gather a module's weights together where it begins; let them go where it ends, or else
    after the backward pass."""
    for weight in module.parameters():
        if not isinstance(weight, DTensor):
            # single numbers cannot be split: they become vectors of one
            weight.data = torch.atleast_1d(weight.data).contiguous()
    fully_shard(module, mesh=mesh, reshard_after_forward=let_go)


def _size(layer: nn.Module) -> int:
    return sum(p.numel() for p in layer.parameters(recurse=False))
