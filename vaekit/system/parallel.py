"""A parallel map over processes; results come in the order of the items."""

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


def parallel_map(
    here: Callable[[T], R],
    make: Callable[..., Callable[[T], R]],
    arguments: Callable[[], tuple[Any, ...]],
    items: Iterable[T],
    jobs: int = 1,
) -> Iterator[R]:
    """Apply a function to each item, in this process or in several.

    Items are consumed as results are, so that memory does not grow with their number.

    Args:
        here: the function, for one job.
        make: makes the function in each of several processes, which use one thread each.
        arguments: what ``make`` is called with; evaluated only if there are several jobs.
        items: what the function is applied to.
        jobs: processes; 0 for one on each core.

    Returns:
        The results, in the order of the items.

    Raises:
        ChildProcessError: if a process dies.
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
            "a process died in the middle of its work, perhaps for lack of memory: give fewer jobs"
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
