"""Folders of runs that differ in their seeds alone: what they hold, and where."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from vaekit.runs import folder as store
from vaekit.system.checks import require
from vaekit.system.files import make_folder
from vaekit.system.records import Part, write_json

SEEDS, FORMAT, LARGEST = "seeds.json", "vaekit seeds 1", 2**24


@dataclass(frozen=True)
class SeedPlan:
    """Trainings that differ in their seeds alone.

    Args:
        data: name or path of the data; None for data in memory.
        recipe: by name; None for the one that suits the data.
        first: the smallest seed.
        count: how many seeds.
        report: whether each run has a report.
        options: of :func:`vaekit.runs.fit.fit`, by name.
    """

    data: str | None
    recipe: str | None
    first: int
    count: int
    report: bool = True
    options: Mapping[str, Any] = field(default_factory=dict)

    @property
    def seeds(self) -> list[int]:
        """All of them, in order."""
        return [*range(self.first, self.first + self.count)]

    def write(self, folder: Path) -> None:
        """Write it into a folder."""
        make_folder(folder)
        write_json(folder / SEEDS, {"format": FORMAT, **asdict(self)})

    @classmethod
    def read(cls, folder: Path) -> SeedPlan:
        """The one that a folder holds.

        Raises:
            BadInput: if it holds none, or a damaged one.
        """
        require(holds_seeds(folder), f"{folder} holds no runs of several seeds: no {SEEDS}")
        part = Part.of_format(folder / SEEDS, FORMAT, LARGEST)
        return cls(
            part.maybe_text("data"),
            part.maybe_text("recipe"),
            part.whole("first"),
            part.whole("count", 1),
            bool(part.found.get("report", True)),
            dict(part.part("options").found),
        )


def holds_seeds(folder: str | os.PathLike[str]) -> bool:
    """Whether a folder holds runs of several seeds."""
    return (Path(folder) / SEEDS).is_file()


def run_of(folder: Path, seed: int) -> Path:
    """Where the run of a seed lies."""
    return folder / f"seed-{seed}"


def runs_in(folder: str | os.PathLike[str]) -> list[Path]:
    """The runs of a folder that have come to their end, in the order of their seeds."""
    place = Path(folder)
    runs = (run_of(place, seed) for seed in SeedPlan.read(place).seeds)
    return [run for run in runs if (run / store.SCORES).is_file()]


def claim_seeds(out: Path, read: Iterable[str] = (), *, force: bool) -> Path:
    """The folder, which must hold nothing; with ``force`` the runs that it holds are lost.

    Args:
        out: the folder.
        read: files and folders that are read, which it must not be.
        force: whether it may hold something.

    Raises:
        BadInput: if it holds something, and is not to be taken as it is.
    """
    require(
        force or not holds_seeds(out),
        f"{out} already holds runs of several seeds; choose another folder, go on with them "
        f"(vaekit train --resume {out}), or give them up for new ones with --force",
    )
    return store.claim_runs(out, read, "seed-*", force=force)
