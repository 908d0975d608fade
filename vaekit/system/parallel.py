"""Work shared out among processes; results come in the order of the work."""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from multiprocessing import get_context
from typing import Any, TypeVar

import torch

from vaekit.system.checks import require

T = TypeVar("T")
R = TypeVar("R")
AHEAD = 2

_work: Callable[[Any], Any] | None = None


def shared_out(
    here: Callable[[T], R],
    make: Callable[..., Callable[[T], R]],
    arguments: Callable[[], tuple[Any, ...]],
    items: Iterable[T],
    jobs: int = 1,
) -> Iterator[R]:
    """``here`` applied to each item; with several jobs, by as many processes, each of which
    makes its own function by ``make(*arguments())`` and computes with one thread.

    Items are taken as results are, so that memory does not grow with their number.

    Args:
        jobs: processes; 0 for one on each core.
    """
    require(jobs >= 0, f"jobs must not be negative, not {jobs}")
    jobs = jobs or os.cpu_count() or 1
    if jobs == 1:
        yield from map(here, items)
        return
    try:
        yield from _in_order(make, arguments(), items, jobs)
    except BrokenProcessPool as error:
        raise ChildProcessError(
            "a process ended in the middle of its work, perhaps for want of memory: give fewer jobs"
        ) from error


def _in_order(
    make: Callable[..., Callable[[T], R]], arguments: tuple[Any, ...], items: Iterable[T], jobs: int
) -> Iterator[R]:
    with ProcessPoolExecutor(jobs, get_context("spawn"), _start, (make, arguments)) as pool:
        waiting: deque[Future[R]] = deque()
        for item in items:
            waiting.append(pool.submit(_do, item))
            if len(waiting) >= AHEAD * jobs:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()


def _start(make: Callable[..., Callable[[Any], Any]], arguments: tuple[Any, ...]) -> None:
    global _work
    torch.set_num_threads(1)
    _work = make(*arguments)


def _do(item: Any) -> Any:
    assert _work is not None
    return _work(item)
