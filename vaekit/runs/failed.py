"""What a run's folder says of a training that diverged, for whoever opens it later."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from vaekit.system.checks import BadInput
from vaekit.system.records import Part, read_json, write_json
from vaekit.training import Diverged

FAILED, LARGEST = "failed.json", 2**16


@contextmanager
def noted(folder: Path) -> Iterator[None]:
    """If what is trained inside the block diverges, its folder says so from then on; what it said
    before is gone.

    Args:
        folder: of the run.
    """
    (folder / FAILED).unlink(missing_ok=True)
    try:
        yield
    except Diverged as error:
        what = f"{error.term} became {error.value} at step {error.step}"
        write_json(folder / FAILED, {"what": what, "advice": error.advice})
        raise


def failure(folder: Path | None) -> str:
    """How the last training in a folder diverged and what to try, as the end of a line; "" where it
    did not.

    Args:
        folder: of the run; None for a model in memory.
    """
    if folder is None or not (folder / FAILED).is_file():
        return ""
    try:
        part = Part(read_json(folder / FAILED, LARGEST), str(folder / FAILED))
        return f"its training diverged ({part.text('what')}): {part.text('advice')}"
    except (BadInput, OSError):
        return "its training diverged"  # what is known even of a damaged file
