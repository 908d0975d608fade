"""Whole updates of a model on a GPU, recorded once and then played.

A small network's kernels take a GPU microseconds, less than Python needs to ask for the next. A
recording of an update (a CUDA graph) is asked for as one. It does what was done to the tensors that
were there, with the numbers that were there: all that changes from one update to the next has to
lie in tensors that stay in place, and nothing may wait for a number to come back.

A recording is used only where it was proved: what cannot be recorded is found beforehand by a
rehearsal, and the first update is done both ways and compared.
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
from vaekit.rows import Batch
from vaekit.system.precision import networks_in
from vaekit.system.seeding import seeded
from vaekit.training.state import Session
from vaekit.training.step import Step, diverged

Play = Callable[[], None]

WARM, EVERY = 3, 100
SAME_NUMBERS, SAME_MOVE = 0.01, 0.3
COPYING = ("_to_copy", "copy_")
ASKING = ("_local_scalar_dense", "nonzero", "unique", "masked_select", "is_nonzero", "equal")


class Recorder(Protocol):
    """What can record work on a device."""

    def aside(self) -> AbstractContextManager[None]:
        """Where work is done that will be recorded later."""

    def record(self, work: Callable[[], None]) -> Play:
        """Record ``work``, without doing it; what is returned does it again and again."""


class CudaGraphs:
    """Recordings by CUDA graphs, made on a stream of their own."""

    def __init__(self, device: torch.device) -> None:
        self.stream = torch.cuda.Stream(device)

    @contextmanager
    def aside(self) -> Iterator[None]:
        here = torch.cuda.current_stream(self.stream.device)
        self.stream.wait_stream(here)
        with torch.cuda.stream(self.stream):
            yield
        here.wait_stream(self.stream)

    def record(self, work: Callable[[], None]) -> Play:
        graph = torch.cuda.CUDAGraph()
        with self.aside(), torch.cuda.graph(graph, stream=self.stream):
            work()
        return graph.replay


def can_be_recorded(session: Session) -> bool:
    """On a GPU, by one process, the batch in one part, unless someone said no."""
    alone = session.world.size == 1 and session.plan.parts <= 1
    return session.record and alone and session.device.type == "cuda"


class Rehearsal(TorchDispatchMode):
    """Finds in a block of work what a recording could not hold: ``found`` names the first
    operation that waits for a number, or copies from another device.

    A GPU's backward pass runs on a thread of its own, which is not heard; there a recording fails.
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
        return [self.found, self.good, self.values]


class Recorded:
    """A session's updates, played from a recording as soon as one is proved.

    Args:
        recorder: of the session's device.
    """

    def __init__(self, session: Session, recorder: Recorder) -> None:
        self.session, self.recorder = session, recorder
        self.board = torch.zeros(len(session.dials(session.step)), device=session.device)
        self.ahead = self.board[None]
        self.started, self.done = session.step, 0
        self.names: tuple[str, ...] = ()
        self.x: Tensor | None = None
        self.fault: Fault | None = None
        self.play: Play | None = None
        self.refused = ""
        session.watch = self.check

    def update(self, batch: Batch) -> Step:
        """Do the next update.

        Raises:
            Diverged: now and then, if a number was not finite since.
        """
        session, rate = self.session, self.session.rate(self.session.step)
        self._turn_dials()
        with self._noise():
            self._do(batch.x)
        session.step += 1
        if session.step % EVERY == 0 or session.step >= session.steps:
            self.check()
        assert self.fault is not None
        *terms, total, _ = self.values.clone().unbind()
        loss = Loss(total, dict(zip(self.names, terms, strict=False)))
        return Step(session.step, batch.rows, loss, rate)

    def _noise(self) -> AbstractContextManager[None]:
        """That of the next update."""
        return seeded(self.session.plan.seed, "noise", self.session.step, on=self.session.device)

    def _turn_dials(self) -> None:
        """Set the board for the next update; it is computed for many at a time."""
        step = self.session.step
        place = (step - self.started) % EVERY
        if place == 0:
            rows = [self.session.dials(number) for number in range(step, step + EVERY)]
            self.ahead = torch.tensor(rows).to(self.session.device)
        self.board.copy_(self.ahead[place])

    def check(self) -> None:
        """Raise :class:`Diverged` if an update had numbers that were not finite. It was not
        applied, nor was any since: the weights are those before it."""
        if self.fault is None or not self.fault.found.item():
            return
        self.session.step = self.started + int(self.fault.good)
        named = dict(zip(self.names, self.fault.values, strict=True))
        raise diverged(self.session.step + 1, named)

    def _do(self, x: Tensor) -> None:
        """One update on rows of x, in whatever way it is time for."""
        if self.x is None:
            self.x = x.clone()
        if x.shape != self.x.shape or self.refused:
            return self._work(x)
        self.x.copy_(x)
        self.done += 1
        if self.done <= WARM:
            with self.recorder.aside():
                return self._work(self.x)
        if self.done == WARM + 1:
            return self._rehearse()
        if self.done == WARM + 2:
            return self._prove()
        assert self.play is not None
        return self.play()

    def _work(self, x: Tensor) -> None:
        """The whole update, without waiting for anything."""
        session = self.session
        rate, share, *weights = self.board.unbind()
        with networks_in(session.precision):
            loss = session.objective.weighed(session.model, Batch(x), weights)
            loss.total.backward()
        values = torch.stack([*loss.terms.values(), loss.total.detach(), session.clip()])
        if self.fault is None:
            self.names = (*loss.terms, "loss", "gradient")
            self.values, self.fault = values, Fault(values)
            self.fault.values.zero_()
            # the optimiser's kernels leave out an update where this is 1
            setattr(session.optimizer, "found_inf", self.fault.found)  # noqa: B010
        self.fault.see(values)
        self.values.copy_(values)
        session.apply(rate, share * (1 - self.fault.found))

    def _rehearse(self) -> None:
        """An update as Python asks for it; then it is recorded for the next."""
        assert self.x is not None
        with Rehearsal(self.session.device) as heard:
            self._work(self.x)
        if heard.found:
            return self._refuse(f"{heard.found} has to be waited for")
        try:
            self.play = self._record(self.x)
        except RuntimeError as error:
            self._refuse(str(error).partition("\n")[0])
        return None

    def _record(self, x: Tensor) -> Play:
        """A recording of an update on rows of x; the optimiser is told meanwhile."""
        groups = self.session.optimizer.param_groups
        try:
            for group in groups:
                group["capturable"] = True
            return self.recorder.record(lambda: self._work(x))
        finally:
            for group in groups:
                group["capturable"] = False

    def _prove(self) -> None:
        """An update both ways; the recording is given up if it does something else."""
        assert self.x is not None
        assert self.play is not None
        assert self.fault is not None
        weights: list[Tensor] = [*self.session.model.parameters()]
        held = [*self.session.tensors().values(), *self.fault.tensors, self.values]
        before, start = copied(held), copied(weights)
        with self.recorder.aside():
            self._work(self.x)
        asked, there = copied(held), copied(weights)
        put_back(held, before)
        with self._noise():
            self.play()
        same_numbers = torch.allclose(asked[-1], held[-1], rtol=SAME_NUMBERS, equal_nan=True)
        moved, apart = distance(there, start), distance(there, copied(weights))
        if not (same_numbers and apart <= SAME_MOVE * moved):
            put_back(held, asked)
            self._refuse("it does something else when it is played")

    def _refuse(self, why: str) -> None:
        self.refused, self.play = why, None
        warnings.warn(f"updates are not recorded: {why}; training is slower so", stacklevel=2)


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
