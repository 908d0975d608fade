"""Progress on the error stream, with the time left: bars on a terminal and in notebooks, elsewhere
a line every half minute."""

from __future__ import annotations

import math
import sys
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from importlib.util import find_spec
from typing import Protocol, TypeVar

T = TypeVar("T")
SECONDS = 30.0  # between lines
SHORTEST = 1.0  # seconds that a bar must have run before it writes a line
_shown: ContextVar[bool] = ContextVar("shown", default=False)
_quiet: ContextVar[bool] = ContextVar("quiet", default=False)


def hush() -> None:
    """Show no bars and say nothing but mistakes, in this context, from now on."""
    _quiet.set(True)


def is_quiet() -> bool:
    """Whether somebody asked for that."""
    return _quiet.get()


@contextmanager
def quiet_if(*, wanted: bool) -> Iterator[None]:
    """Nothing is shown inside the block, if so wanted."""
    token = _quiet.set(wanted or is_quiet())
    try:
        yield
    finally:
        _quiet.reset(token)


def say(line: str) -> None:
    """A line on the error stream, so that results can be piped; nothing if quiet."""
    if not is_quiet():
        print(line, file=sys.stderr)


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


class Lines:
    """A bar in lines, one every half minute, whichever bars they are of: for files and pipes.

    Args:
        title: what is done.
        total: how much there is.
        start: how much was done before.
    """

    last = -math.inf  # when the last line was written, or the first bar of a while begun

    def __init__(self, title: str, total: int, start: int = 0) -> None:
        self.title, self.total, self.start = title, total, start
        self.began = time.monotonic()
        if self.began > Lines.last + 2 * SECONDS:  # nothing was going on
            Lines.last = self.began

    def update(self, done: int, text: str = "") -> None:
        """Write a line, if one is due."""
        now = time.monotonic()
        if now < Lines.last + SECONDS or now < self.began + SHORTEST:
            return
        Lines.last = now
        left = (now - self.began) / max(done - self.start, 1) * (self.total - done)
        place = f"{self.title}: {done:,} of {self.total:,} ({done / max(self.total, 1):.0%})"
        print(f"{place}, {span_text(left)} left", text, file=sys.stderr, flush=True)


def span_text(seconds: float) -> str:
    """A span of time as people say it."""
    for size, name in ((86_400, "d"), (3_600, "h"), (60, "min")):
        if seconds >= 1.5 * size:
            return f"{seconds / size:.1f} {name}"
    return f"{max(seconds, 1):.0f} s"


def _is_notebook() -> bool:
    """Whether bars can be drawn in a notebook."""
    return "ipykernel" in sys.modules and find_spec("ipywidgets") is not None


@contextmanager
def bar(title: str, total: int, start: int = 0) -> Iterator[Bar]:
    """A bar while the block runs, or lines where none can be drawn; ``start`` is what was done
    before (a resumed run). A bar inside another's block shows nothing, nor does any if quiet."""
    if _shown.get() or is_quiet():
        yield Silent()
        return
    _shown.set(True)
    try:
        if sys.stderr.isatty() or _is_notebook():
            with _drawn(title, total, start) as drawn:
                yield drawn
        else:
            yield Lines(title, total, start)
    finally:
        _shown.set(False)  # a generator may end in another context


@contextmanager
def _drawn(title: str, total: int, start: int) -> Iterator[Bar]:
    from rich.console import Console
    from rich.progress import BarColumn, Progress, Task, TextColumn, TimeRemainingColumn
    from rich.table import Column
    from rich.text import Text

    class Cut(TextColumn):
        """A text that stays in one line."""

        def render(self, task: Task) -> Text:
            text = super().render(task)
            text.no_wrap, text.overflow = True, "ellipsis"
            return text

    columns = (  # where a terminal is narrow, the bar and what is last give way
        TextColumn("{task.description}"),
        BarColumn(bar_width=30),
        TextColumn("{task.completed:,}/{task.total:,}"),
        TimeRemainingColumn(table_column=Column(no_wrap=True)),
        Cut("{task.fields[text]}", table_column=Column()),
    )
    with Progress(*columns, console=Console(stderr=True), transient=True) as progress:
        yield RichBar(progress, progress.add_task(title, total=total, completed=start, text=""))


def tracked(items: Iterable[T], title: str, total: int) -> Iterator[T]:
    """The same items, with a bar that counts them."""
    with bar(title, total) as shown:
        for done, item in enumerate(items, 1):
            yield item
            shown.update(done)
