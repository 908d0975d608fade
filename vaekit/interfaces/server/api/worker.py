"""The thread in which models work: what is asked of the same thing at the same time is computed at
one go, and each gets what it would have got alone."""

from __future__ import annotations

import sys
import threading
import time
import traceback
from collections import deque
from collections.abc import Callable, Hashable, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field
from typing import Any

import torch

from vaekit.interfaces.server.api.media import Reply
from vaekit.interfaces.server.api.metrics import Metrics
from vaekit.rows import Rows
from vaekit.system.progress import quiet_if

AT_ONCE, PIECE = 64, 256
SLOWLY = 0.1  # how fast the mean of seconds follows what is new


@dataclass(frozen=True)
class Prepared:
    """What is asked, read and checked, and ready to be computed.

    Args:
        model: name of the model.
        what: name of the operation.
        compute: what is to be done: of rows one entry for each of them, of nothing anything.
        give: makes a reply of that.
        rows: as the model sees them; None for what is computed alone.
        key: what else has to be the same for rows to be computed together.
        piece: rows at once.
        count: rows that this comes to, where there are no rows to begin with.
    """

    model: str
    what: str
    compute: Callable[[Any], Any]
    give: Callable[[Any], Reply]
    rows: Rows | None = None
    key: Hashable = ()
    piece: int = PIECE
    count: int = 1


@dataclass(eq=False)
class Job:
    """A question and its answer to come.

    Args:
        ask: reads and checks what is asked.
        size: bytes of the body.
        future: of the reply.
        dropped: whether nobody waits for it any more.
        prepared: what is asked, once it is read.
    """

    ask: Callable[[], Prepared]
    size: int = 0
    future: Future[Reply] = field(default_factory=Future)
    dropped: bool = False
    prepared: Prepared | None = None

    def answer(self, make: Callable[[], Reply]) -> None:
        """Answer with what is made, or with what goes wrong then."""
        if self.dropped:
            self.future.cancel()
            return
        try:
            self.future.set_result(make())
        except Exception as error:
            self.future.set_exception(error)


class Worker:
    """One thread that answers jobs in the order in which they come.

    Args:
        metrics: that count what is computed.
        most: bytes of bodies that are read at once; a job alone may have more.
    """

    def __init__(self, metrics: Metrics, most: int = 2**25) -> None:
        self.metrics, self.most = metrics, most
        self.seconds = 0.01  # of a job, on average of late
        self._waiting: deque[Job] = deque()
        self._changed = threading.Condition()
        self._closed = False
        self._thread = threading.Thread(target=self._work, name="models", daemon=True)
        self._thread.start()

    @property
    def depth(self) -> int:
        """Jobs that wait."""
        return len(self._waiting)

    @property
    def is_alive(self) -> bool:
        """Whether jobs will be answered."""
        return self._thread.is_alive() and not self._closed

    def submit(self, ask: Callable[[], Prepared], size: int = 0) -> Job:
        """A job that will be answered; those who wait no longer say that it is dropped.

        Args:
            ask: reads and checks what is asked.
            size: bytes of the body.
        """
        job = Job(ask, size)
        with self._changed:
            self._waiting.append(job)
            self._changed.notify()
        return job

    def close(self, patience: float = 10.0) -> None:
        """Answer what waits, then end."""
        with self._changed:
            self._closed = True
            self._changed.notify()
        self._thread.join(patience)

    def _next(self) -> list[Job]:
        """Some jobs; none when there will be no more."""
        with self._changed:
            self._changed.wait_for(lambda: self._waiting or self._closed)
            found: list[Job] = []
            size = 0
            while self._waiting and len(found) < AT_ONCE:
                size += self._waiting[0].size
                if found and size > self.most:
                    break
                found.append(self._waiting.popleft())
            return found

    def _work(self) -> None:
        with quiet_if(wanted=True):
            while jobs := self._next():
                begun = time.perf_counter()
                try:
                    self._answer(jobs)
                except Exception as error:  # a fault of this file, which must not stop the others
                    traceback.print_exception(error, file=sys.stderr)
                    _fail(jobs, error)
                each = (time.perf_counter() - begun) / len(jobs)
                self.seconds += SLOWLY * (each - self.seconds)

    def _answer(self, jobs: Sequence[Job]) -> None:
        groups: dict[Hashable, list[Job]] = {}
        for number, job in enumerate(jobs):
            found = _prepared(job)
            if found is not None:
                alone = number if found.rows is None else -1
                key = (found.model, found.what, found.key, alone)
                groups.setdefault(key, []).append(job)
        for group in groups.values():
            self._group(group)

    def _group(self, jobs: list[Job]) -> None:
        """Answer jobs that can be computed together; where that fails, one by one."""
        try:
            found = self._together([job.prepared for job in jobs if job.prepared], jobs)
        except Exception as error:
            if len(jobs) == 1:
                _fail(jobs, error)
                return
            for job in jobs:
                self._group([job])
            return
        for job, part in zip(jobs, found, strict=True):
            job.answer(lambda job=job, part=part: job.prepared.give(part))  # type: ignore[misc]

    def _together(self, each: list[Prepared], jobs: Sequence[Job]) -> Sequence[Any]:
        """What each job asks for; nothing is computed that nobody waits for."""
        first, given = each[0], [one.rows for one in each if one.rows is not None]
        if first.rows is None:
            self.metrics.computed(first.model, first.what, 1, first.count)
            return [first.compute(None)]
        rows, parts = joined(given), []
        self.metrics.computed(first.model, first.what, len(each), len(rows))
        for piece in rows.split(first.piece):
            if all(job.dropped for job in jobs):
                return [None] * len(jobs)
            parts.append(first.compute(piece))
        return torch.cat(parts).split([len(one) for one in given])


def joined(each: Sequence[Rows]) -> Rows:
    """Rows one after the other."""
    if len(each) == 1:
        return each[0]
    names = each[0].given
    beside = {name: torch.cat([rows.given[name] for rows in each]) for name in names}
    return Rows(torch.cat([rows.data for rows in each]), beside)


def _prepared(job: Job) -> Prepared | None:
    """What a job asks; None for one that is dropped, or asks for what cannot be."""
    if job.dropped or not job.future.set_running_or_notify_cancel():
        job.future.cancel()
        return None
    try:
        job.prepared = job.ask()
    except Exception as error:
        job.future.set_exception(error)
    return job.prepared


def _fail(jobs: Sequence[Job], error: Exception) -> None:
    for job in jobs:
        if not job.future.done():
            job.future.set_exception(error)
