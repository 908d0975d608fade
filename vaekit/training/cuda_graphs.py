"""Whole updates of a model on a GPU, captured once as a CUDA graph and then replayed.

A small network's kernels take a GPU microseconds, less than Python needs to launch the next. A
captured update is launched as one. It does what was done to the tensors that were there, with the
numbers that were there: all that changes from one update to the next has to lie in static inputs,
tensors that stay in place, and nothing may wait for a number to come back.

A capture is used only where it was verified: what cannot be captured is found beforehand in the
warm-up, and the first update is done both ways and compared.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Any, Protocol

import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from vaekit.objectives import Loss
from vaekit.rows import Batch, Rows
from vaekit.system.precision import networks_in
from vaekit.system.seeding import seeded
from vaekit.training.state import TrainingState
from vaekit.training.step import Step, diverged

Replay = Callable[[], None]

WARM, EVERY = 3, 100
SAME_NUMBERS, SAME_MOVE = 0.01, 0.3
COPYING = ("_to_copy", "copy_")
ASKING = ("_local_scalar_dense", "nonzero", "unique", "masked_select", "is_nonzero", "equal")


class Capturer(Protocol):
    """What can capture work on a device."""

    def side_stream(self) -> AbstractContextManager[None]:
        """Where work is done that will be captured later."""

    def capture(self, work: Callable[[], None]) -> Replay:
        """Capture ``work``, without doing it; what is returned does it again and again."""


class CudaGraphs:
    """Captures by CUDA graphs, made on a stream of their own."""

    def __init__(self, device: torch.device) -> None:
        self.stream = torch.cuda.Stream(device)

    @contextmanager
    def side_stream(self) -> Iterator[None]:
        """A stream of its own, in which work is done that will be captured."""
        here = torch.cuda.current_stream(self.stream.device)
        self.stream.wait_stream(here)
        with torch.cuda.stream(self.stream):
            yield
        here.wait_stream(self.stream)

    def capture(self, work: Callable[[], None]) -> Replay:
        """Capture work, without doing it."""
        graph = torch.cuda.CUDAGraph()
        with self.side_stream(), torch.cuda.graph(graph, stream=self.stream):
            work()
        return graph.replay


def can_be_captured(state: TrainingState) -> bool:
    """On a GPU, by one process, the batch in one part, unless someone said no."""
    alone = state.world.size == 1 and state.plan.parts <= 1
    return state.capture and alone and state.device.type == "cuda"


class WarmupCheck(TorchDispatchMode):
    """Finds in a block of work what a capture could not hold: ``found`` names the first
    operation that waits for a number, or copies from another device.

    A GPU's backward pass runs on a thread of its own, which is not seen; there a capture fails.
    """

    def __init__(self, device: torch.device) -> None:
        super().__init__()
        self.device, self.found = device, ""

    def __torch_dispatch__(
        self, func: Any, types: Any, args: Any = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        name = str(func.overloadpacket.__name__)
        abroad = any(isinstance(a, Tensor) and a.device.type != self.device.type for a in args)
        masked = any(
            isinstance(a, Tensor) and a.dtype == torch.bool for a in tree_leaves(args[1:2])
        )
        waits = (
            name in ASKING or (name in COPYING and abroad) or (name.startswith("index") and masked)
        )
        self.found = self.found or (name if waits else "")
        return func(*args, **(kwargs or {}))


class Fault:
    """The first number that was not finite, found on the device, read later. From then on
    nothing is learned: ``found`` is 1."""

    def __init__(self, values: Tensor) -> None:
        self.found, self.good = values.new_zeros(()), values.new_zeros((), dtype=torch.int64)
        self.values = values.detach().clone()

    def see(self, values: Tensor) -> None:
        """Look at one update's numbers."""
        bad = (~torch.isfinite(values).all()).float()
        self.values.copy_(torch.where(self.found > 0, self.values, values))
        self.found.copy_(torch.maximum(self.found, bad))
        self.good.add_((self.found == 0).long())

    @property
    def tensors(self) -> list[Tensor]:
        """All that it holds."""
        return [self.found, self.good, self.values]


class CapturedUpdates:
    """A model's updates, replayed from a capture as soon as one is verified.

    Args:
        state: the model in training.
        capturer: of its device.
    """

    def __init__(self, state: TrainingState, capturer: Capturer) -> None:
        self.state, self.capturer = state, capturer
        values = state.schedule_values(state.step)
        self.schedule = torch.zeros(len(values), device=state.device)
        self.ahead = self.schedule[None]
        self.started, self.done = state.step, 0
        self.names: tuple[str, ...] = ()
        self.static: Rows | None = None
        self.fault: Fault | None = None
        self.replay: Replay | None = None
        self.refused = ""
        state.watch = self.check

    def update(self, batch: Batch) -> Step:
        """Do the next update.

        Raises:
            Diverged: now and then, if a number was not finite since.
        """
        state, rate = self.state, self.state.rate(self.state.step)
        self._set_schedule()
        with self._noise():
            self._do(batch.parts[0].rows)
        state.step += 1
        if state.step % EVERY == 0 or state.step >= state.steps:
            self.check()
        assert self.fault is not None
        *terms, total, _ = self.values.clone().unbind()
        loss = Loss(total, dict(zip(self.names, terms, strict=False)))
        return Step(state.step, batch.rows, loss, rate)

    def _noise(self) -> AbstractContextManager[None]:
        """That of the next update."""
        return seeded(self.state.plan.seed, "noise", self.state.step, on=self.state.device)

    def _set_schedule(self) -> None:
        """Set the schedule's values for the next update; they are computed for many at a time."""
        step = self.state.step
        place = (step - self.started) % EVERY
        if place == 0:
            rows = [self.state.schedule_values(number) for number in range(step, step + EVERY)]
            self.ahead = torch.tensor(rows).to(self.state.device)
        self.schedule.copy_(self.ahead[place])

    def check(self) -> None:
        """Raise :class:`Diverged` if an update had numbers that were not finite. It was not
        applied, nor was any since: the weights are those before it."""
        if self.fault is None or not self.fault.found.item():
            return
        self.state.step = self.started + int(self.fault.good)
        named = dict(zip(self.names, self.fault.values, strict=True))
        raise diverged(self.state.step + 1, named, self.state.objective.bound.advice)

    def _do(self, rows: Rows) -> None:
        """One update, in whatever way it is time for."""
        if self.static is None:
            self.static = rows.map(torch.clone)
        shapes = [t.shape for t in rows.tensors]
        if shapes != [t.shape for t in self.static.tensors] or self.refused:
            return self._work(rows)
        for place, value in zip(self.static.tensors, rows.tensors, strict=True):
            place.copy_(value)
        self.done += 1
        if self.done <= WARM:
            with self.capturer.side_stream():
                return self._work(self.static)
        if self.done == WARM + 1:
            return self._warm_up(self.static)
        if self.done == WARM + 2:
            return self._verify(self.static)
        assert self.replay is not None
        return self.replay()

    def _work(self, rows: Rows) -> None:
        """The whole update, without waiting for anything."""
        state = self.state
        rate, pace, share, *weights = self.schedule.unbind()
        with networks_in(state.precision):
            loss = state.objective.weighed(state.model, rows, weights)
            (loss.total + loss.own).backward()
        values = torch.stack([*loss.terms.values(), loss.total.detach(), state.clip()])
        if self.fault is None:
            self.names = (*loss.terms, "loss", "gradient")
            self.values, self.fault = values, Fault(values)
            self.fault.values.zero_()
            for optimizer in state.optimizers:
                # its kernels leave out an update where this is 1
                setattr(optimizer, "found_inf", self.fault.found)  # noqa: B010
        self.fault.see(values)
        self.values.copy_(values)
        state.apply(rate, pace, share * (1 - self.fault.found))

    def _warm_up(self, rows: Rows) -> None:
        """An update as Python asks for it; then the next is captured."""
        with WarmupCheck(self.state.device) as seen:
            self._work(rows)
        if seen.found:
            return self._refuse(f"{seen.found} has to be waited for")
        try:
            self.replay = self._capture(rows)
        except RuntimeError as error:
            self._refuse(str(error).partition("\n")[0])
        return None

    def _capture(self, rows: Rows) -> Replay:
        """A capture of an update; the optimiser is told meanwhile."""
        groups = self.state.optimizer.param_groups
        try:
            for group in groups:
                group["capturable"] = True
            return self.capturer.capture(lambda: self._work(rows))
        finally:
            for group in groups:
                group["capturable"] = False

    def _verify(self, rows: Rows) -> None:
        """An update both ways; the capture is given up if it does something else."""
        assert self.replay is not None
        assert self.fault is not None
        weights: list[Tensor] = [*self.state.model.parameters()]
        held = [*self.state.tensors().values(), *self.fault.tensors, self.values]
        before, start = copied(held), copied(weights)
        with self.capturer.side_stream():
            self._work(rows)
        asked, there = copied(held), copied(weights)
        put_back(held, before)
        with self._noise():
            self.replay()
        same_numbers = torch.allclose(asked[-1], held[-1], rtol=SAME_NUMBERS, equal_nan=True)
        moved, apart = distance(there, start), distance(there, copied(weights))
        if not (same_numbers and apart <= SAME_MOVE * moved):
            put_back(held, asked)
            self._refuse("it does something else when it is replayed")

    def _refuse(self, why: str) -> None:
        self.refused, self.replay = why, None
        warnings.warn(f"updates are not captured: {why}; training is slower so", stacklevel=2)


def copied(tensors: list[Tensor]) -> list[Tensor]:
    """Copies that stay as they are."""
    return [t.detach().clone() for t in tensors]


@torch.no_grad()
def put_back(tensors: list[Tensor], values: list[Tensor]) -> None:
    """Give tensors the values they had."""
    for tensor, value in zip(tensors, values, strict=True):
        tensor.copy_(value)


def distance(some: list[Tensor], others: list[Tensor]) -> float:
    """The Euclidean distance between two sets of weights."""
    pairs = zip(some, others, strict=True)
    return sum(float((a.double() - b.double()).square().sum()) for a, b in pairs) ** 0.5
