"""Work in processes of their own, one after the other or several at once: when one ends, all the
memory that it took is free again.

A child is told what to call, with what, as JSON; it answers as JSON. It ends as after SIGTERM when
its parent does, however that ended.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from contextlib import suppress
from pathlib import Path
from typing import Any

from vaekit.system.checks import BadInput, require

ROOT = Path(__file__).parents[2]
DIED = "a process died in the middle of its work, perhaps for lack of memory"
SECONDS = 60.0  # for a child to save what it has


def in_children(
    call: str, tasks: Sequence[Mapping[str, Any]], processes: int = 1
) -> Iterator[tuple[int, Any]]:
    """Call a function once for each task, each time in a process of its own.

    Args:
        call: the function, as "module:name".
        tasks: its arguments by name, as JSON can hold them.
        processes: how many work at the same time.

    Returns:
        The number of a task and what the function gave, in the order in which they end.

    Raises:
        BadInput: where a child says so; all others are asked to stop.
        ArithmeticError: never: what a child says of it is given as one, in place of a result.
        ChildProcessError: if a process dies.
    """
    require(processes >= 1, f"processes must be at least 1, not {processes}")
    children = [Child(call, task) for task in tasks]
    pool = ThreadPoolExecutor(min(processes, max(len(tasks), 1)))
    try:
        ends = {pool.submit(child.run): number for number, child in enumerate(children)}
        for end in as_completed(ends):
            yield ends[end], end.result()
    finally:
        pool.shutdown(wait=False, cancel_futures=True)
        for child in children:
            child.stop()
        pool.shutdown()


class Child:
    """A process that calls a function.

    Args:
        call: the function, as "module:name".
        task: its arguments by name.
    """

    def __init__(self, call: str, task: Mapping[str, Any]) -> None:
        self.order = json.dumps({"call": call, "with": dict(task)})
        self.process: subprocess.Popen[bytes] | None = None
        self.stopped = False

    def run(self) -> Any:
        """Start it, wait for its end, and give what it found."""
        path = os.pathsep.join([str(ROOT), *filter(None, [os.environ.get("PYTHONPATH")])])
        with tempfile.TemporaryFile() as answer:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "vaekit.system.child"],
                stdin=subprocess.PIPE,
                stdout=answer,
                env={**os.environ, "PYTHONPATH": path},
                start_new_session=True,  # Ctrl-C reaches the parent, which asks its children
            )
            assert self.process.stdin is not None
            with suppress(BrokenPipeError):
                self.process.stdin.write(self.order.encode() + b"\n")
                self.process.stdin.flush()
            if self.stopped:
                self.stop()
            self.process.wait()
            answer.seek(0)
            return _found(answer.read())

    def stop(self) -> None:
        """Ask it to end; what it can save, it saves."""
        self.stopped = True
        if self.process is None or self.process.poll() is not None:
            return
        assert self.process.stdin is not None
        with suppress(OSError):
            self.process.stdin.close()
        try:
            self.process.wait(SECONDS)
        except (subprocess.TimeoutExpired, KeyboardInterrupt):
            self.process.kill()
            raise


def _found(text: bytes) -> Any:
    """What a child answered."""
    try:
        kind, value = json.loads(text)
    except ValueError:
        raise ChildProcessError(DIED) from None
    if kind == "bad input":
        raise BadInput(value)
    if kind == "stopped":
        raise KeyboardInterrupt(value)
    return ArithmeticError(value) if kind == "arithmetic" else value
