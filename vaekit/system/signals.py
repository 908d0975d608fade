"""Ctrl-C and SIGTERM as a question asked between two steps of a loop."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from types import FrameType

SIGNALS = (signal.SIGINT, signal.SIGTERM)
ENDING = [s for s in signal.Signals if s.name in ("SIGTERM", "SIGHUP")]  # not all systems have both


class Ended(KeyboardInterrupt):
    """A signal asked this process to end.

    Args:
        number: of the signal.
    """

    def __init__(self, number: int) -> None:
        super().__init__(f"stopped by {signal.Signals(number).name}")
        self.number = number


@contextmanager
def ended_by_signals() -> Iterator[None]:
    """Inside the block SIGTERM, and SIGHUP of a terminal that is closed, raise ``Ended``, so that
    what is half-written goes, as after Ctrl-C; where they are ignored (nohup) they stay so."""

    def end(number: int, frame: FrameType | None) -> None:
        raise Ended(number)

    main = threading.current_thread() is threading.main_thread()
    taken = [n for n in ENDING if main and signal.getsignal(n) is signal.SIG_DFL]
    with _handled(taken, end):
        yield


@contextmanager
def asked_to_stop() -> Iterator[Callable[[], bool]]:
    """Yield a function that says whether someone asked to stop since the block began.

    A second Ctrl-C stops at once. Outside the main thread, where signals cannot be caught, the
    answer is always no.
    """
    if threading.current_thread() is not threading.main_thread():
        yield lambda: False
        return
    asked = threading.Event()

    def ask(number: int, frame: FrameType | None) -> None:
        if asked.is_set():
            raise KeyboardInterrupt
        asked.set()

    with _handled(SIGNALS, ask):
        yield asked.is_set


@contextmanager
def _handled(
    numbers: Iterable[signal.Signals], by: Callable[[int, FrameType | None], None]
) -> Iterator[None]:
    """Inside the block some signals are handled; what they did before, they do again after it."""
    before = {number: signal.signal(number, by) for number in numbers}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
