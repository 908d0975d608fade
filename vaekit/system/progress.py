"""Progress bars on the error stream, with the time left; silent when that is not a terminal."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Protocol, TypeVar

T = TypeVar("T")
_shown: ContextVar[bool] = ContextVar("shown", default=False)
_quiet: ContextVar[bool] = ContextVar("quiet", default=False)


def hush() -> None:
    """Show no bars and say nothing but mistakes, in this context, from now on."""
    _quiet.set(True)


def is_quiet() -> bool:
    """Whether somebody asked for that."""
    return _quiet.get()


class Bar(Protocol):
    """What a running bar understands."""

    def update(self, done: int, text: str = "") -> None:
        """Say how much is done, and a few words or numbers."""


class Silent:
    """A bar that shows nothing."""

    def update(self, done: int, text: str = "") -> None:
        """Nothing to do."""


class RichBar:
    """A bar drawn by rich."""

    def __init__(self, progress: object, task: object) -> None:
        self.progress, self.task = progress, task

    def update(self, done: int, text: str = "") -> None:
        """Redraw (rich limits itself to a few times a second)."""
        self.progress.update(self.task, completed=done, text=text)  # type: ignore[attr-defined]


@contextmanager
def bar(title: str, total: int, start: int = 0) -> Iterator[Bar]:
    """A bar while the block runs; ``start`` is what was done before (a resumed run). A bar inside
    another's block shows nothing."""
    if not sys.stderr.isatty() or _shown.get() or is_quiet():
        yield Silent()
        return
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (
        TextColumn("{task.description}"),
        BarColumn(bar_width=30),
        TextColumn("{task.completed:,}/{task.total:,}"),
        TimeRemainingColumn(),
        TextColumn("{task.fields[text]}"),
    )
    _shown.set(True)
    try:
        with Progress(*columns, console=Console(stderr=True), transient=True) as progress:
            yield RichBar(progress, progress.add_task(title, total=total, completed=start, text=""))
    finally:
        _shown.set(False)


def tracked(items: Iterable[T], title: str, total: int) -> Iterator[T]:
    """The same items, with a bar that counts them."""
    with bar(title, total) as shown:
        for done, item in enumerate(items, 1):
            yield item
            shown.update(done)
