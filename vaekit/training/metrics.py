"""What was measured in training: one JSON object a line."""

from __future__ import annotations

import json
import math
from contextlib import suppress
from pathlib import Path
from typing import Any

import torch

from vaekit.system.checks import BadInput
from vaekit.system.files import content, replacing
from vaekit.system.records import Json, Part, from_text
from vaekit.training.step import Step

LARGEST, LONGEST_LINE = 2**28, 2**20


class Meter:
    """Means over the rows seen, of the loss and its terms, in nats per row."""

    def __init__(self, sums: dict[str, float] | None = None, rows: int = 0) -> None:
        self.names = tuple(sums or ())
        self.totals = torch.tensor([*(sums or {}).values()], dtype=torch.float64)
        self.rows = rows

    def add(self, step: Step) -> None:
        """Count one update's rows. Nothing waits for the device that computes them."""
        values = [step.loss.total, *step.loss.terms.values()]
        totals = torch.stack(values).detach().double() * step.rows
        self.totals = self.totals.to(totals.device) + totals if self.names else totals
        self.names = ("loss", *step.loss.terms)
        self.rows += step.rows

    @property
    def sums(self) -> dict[str, float]:
        """Of each number, the sum over all rows since the start."""
        return dict(zip(self.names, self.totals.tolist(), strict=True))

    def means(self) -> dict[str, float]:
        """The mean of each number over all rows since the start."""
        return {name: total / self.rows for name, total in self.sums.items()}


class Metrics:
    """The file ``metrics.jsonl`` of a run."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def write(self, line: dict[str, Any]) -> None:
        """Add a line; numbers that are not finite are left out (JSON has none)."""
        clean = {k: v for k, v in line.items() if not isinstance(v, float) or math.isfinite(v)}
        try:
            with self.path.open("a", encoding="utf-8") as file:
                file.write(json.dumps(clean) + "\n")
        except OSError as error:
            raise BadInput(f"cannot write {self.path}: {error.strerror or error}") from error

    def keep_until(self, step: int) -> None:
        """Drop lines after ``step`` (and any torn last line): a resumed run writes them again."""
        kept = [line for line in read_metrics(self.path) if line["step"] <= step]
        with replacing(self.path) as temporary:
            temporary.write_text(
                "".join(json.dumps(line) + "\n" for line in kept), encoding="utf-8"
            )


def read_metrics(path: Path) -> list[Json]:
    """All lines of a metrics file; none if there is no file.

    A last line without an end is what a process leaves that was killed while it wrote: it is left
    out if it is torn.

    Raises:
        BadInput: for any other line that is not one of numbers and names.
    """
    if not path.is_file():
        return []
    *whole, last = content(path, LARGEST).split(b"\n")
    try:
        lines = [_line(line, f"line {number} of {path}") for number, line in enumerate(whole, 1)]
    except BadInput as error:
        raise BadInput(f"{error}; remove that line, or restore a copy of the file") from error
    with suppress(BadInput):
        lines.append(_line(last, "the last line"))
    return lines


def _line(text: bytes, name: str) -> Json:
    """A line, whose values are numbers, or words such as the split's name."""
    line = Part(from_text(text, name, LONGEST_LINE), name)
    for key in line.found:
        (line.text if key == "split" else line.number)(key)
    line.whole("step")
    return line.found
