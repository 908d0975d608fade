"""The processes that train together: how many, which one this is, and what they say to each other.

Every process computes some parts of each batch. Either it holds the whole model, and gradients are
averaged by torch's DistributedDataParallel, or a shard (:mod:`vaekit.training.fsdp`). A part's
noise depends on its number, not on who computes it, so a run gives the same numbers, up to
rounding, for any number of processes.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass
from typing import TypeVar

import torch
import torch.distributed as dist
from torch import Tensor, nn
from torch.nn.parallel import DistributedDataParallel

from vaekit.objectives import Loss, Objective
from vaekit.rows import Rows
from vaekit.system.checks import BadInput

SLURM = {"RANK": "SLURM_PROCID", "WORLD_SIZE": "SLURM_NTASKS"}
SIGNS_OF_LOSS = ("connection", "gloo", "nccl", "timed out")
T = TypeVar("T")


class WorkerLost(ConnectionError):
    """Another process of the run has ended."""


@dataclass(frozen=True)
class World:
    """Process ``rank`` of ``size``. Only rank 0 writes files and speaks."""

    rank: int = 0
    size: int = 1

    @property
    def is_first(self) -> bool:
        """Whether this is rank 0."""
        return self.rank == 0

    def all_reduce(self, values: Tensor) -> Tensor:
        """The sum of a tensor over all processes; it is changed in place."""
        if self.size > 1:
            dist.all_reduce(values)
        return values

    def any(self, *answers: bool) -> list[bool]:
        """For each question, whether any process says yes."""
        if self.size == 1:
            return list(answers)
        return [total > 0 for total in self.all_reduce(torch.tensor(answers).float()).tolist()]

    def broadcast(self, value: T) -> T:
        """Rank 0's value."""
        held = [value]
        if self.size > 1:
            dist.broadcast_object_list(held)
        return held[0]

    def on_rank_0(self, do: Callable[[], T]) -> T:
        """What ``do`` gives on rank 0; its mistake is raised in all processes.

        Raises:
            BadInput: as ``do`` does.
        """
        done: tuple[T | None, str] = (None, "")
        if self.is_first:
            try:
                done = (do(), "")
            except BadInput as error:
                done = (None, str(error))
        result, mistake = self.broadcast(done)
        if mistake:
            raise BadInput(mistake)
        return result  # type: ignore[return-value]

    def wait(self) -> None:
        """Until all are here."""
        if self.size > 1:
            dist.barrier()

    def shard_of(self, parts: int) -> range:
        """The numbers of the parts that this process computes."""
        return range(self.rank, parts, self.size)


def world() -> World:
    """The processes at work: those of torch.distributed where it has begun, else this one."""
    if dist.is_available() and dist.is_initialized():
        return World(dist.get_rank(), dist.get_world_size())
    return World()


@contextmanager
def process_group(device: torch.device) -> Iterator[World]:
    """Take part in the run that torchrun or Slurm started this process for, if any did.

    Raises:
        BadInput: when the other processes cannot be reached.
        WorkerLost: when one of them ends too early.
    """
    place = placed(os.environ)
    if place.size == 1 or dist.is_initialized():
        yield world()
        return
    backend = "gloo"
    if device.type == "cuda":
        torch.cuda.set_device(device)
        backend = "cpu:gloo,cuda:nccl"
    try:
        dist.init_process_group(backend, rank=place.rank, world_size=place.size)
    except (ValueError, RuntimeError) as error:
        raise BadInput(
            f"process {place.rank} of {place.size} cannot reach the others ({error}); start the "
            "run with torchrun, or set MASTER_ADDR and MASTER_PORT"
        ) from error
    try:
        yield place
    except RuntimeError as error:
        if not any(word in str(error).lower() for word in SIGNS_OF_LOSS):
            raise
        raise WorkerLost(
            f"process {place.rank} of {place.size} lost the others ({_short(error)}); the run is "
            "kept up to its last checkpoint: start all processes again with --resume"
        ) from error
    finally:
        dist.destroy_process_group()


def _short(error: RuntimeError) -> str:
    """A message of torch's network libraries without its place in their code and their advice."""
    return re.sub(r"^\[[^]]*\] ", "", str(error)).partition(". ")[0]


def placed(environment: Mapping[str, str]) -> World:
    """The place that torchrun's variables, or else Slurm's, give this process."""

    def read(name: str, default: int) -> int:
        return int(environment.get(name) or environment.get(SLURM[name]) or default)

    alone = "MASTER_ADDR" not in environment
    return World() if alone else World(read("RANK", 0), read("WORLD_SIZE", 1))


class Passes(nn.Module):
    """A model and its objective as one module: rows in, their loss out."""

    def __init__(self, model: nn.Module, objective: Objective) -> None:
        super().__init__()
        self.model, self.objective = model, objective

    def forward(self, rows: Rows, step: int) -> Loss:
        """The loss of some rows at a step."""
        return self.objective(self.model, rows, step)

    def no_sync(self) -> AbstractContextManager[None]:
        """Inside the block gradients are added up in this process alone: the next backward pass
        outside it exchanges them with the others."""
        return nullcontext()


def data_parallel(passes: Passes, world: World) -> Passes | DistributedDataParallel:
    """The module whose gradients are averaged over all processes; itself if there is but one."""
    return DistributedDataParallel(passes) if world.size > 1 else passes
