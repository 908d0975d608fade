"""What a sweep does, as its folder remembers it."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from vaekit.runs import folder as store
from vaekit.studies.sweep.space import Axis, space
from vaekit.system.checks import require
from vaekit.system.files import make_folder
from vaekit.system.records import Part, write_json

SWEEP, STUDY, FORMAT, LARGEST = "sweep.json", "study.db", "vaekit sweep 1", 2**24


@dataclass(frozen=True)
class SweepPlan:
    """Trainings with many values of some options.

    Args:
        data: name or path; None for data in memory.
        recipe: by name.
        over: the options and values that are tried, as they are typed.
        measure: what trials are compared by.
        trials: how many.
        seed: of the choice of values, and of every training.
        prune: whether trials without hope end early.
        options: of every training.
    """

    data: str | None
    recipe: str
    over: tuple[str, ...]
    measure: str
    trials: int
    seed: int = 0
    prune: bool = True
    options: Mapping[str, Any] = field(default_factory=dict)

    @property
    def axes(self) -> list[Axis]:
        """What is gone through."""
        return space(self.recipe, self.over, {})

    def write(self, folder: Path) -> None:
        """Write it into a folder."""
        make_folder(folder)
        write_json(folder / SWEEP, {"format": FORMAT, **asdict(self)})

    @classmethod
    def read(cls, folder: Path) -> SweepPlan:
        """The one that a folder holds.

        Raises:
            BadInput: if it holds none, or a damaged one.
        """
        require(holds_sweep(folder), f"{folder} holds no sweep: there is no {SWEEP} in it")
        part = Part.of_format(folder / SWEEP, FORMAT, LARGEST)
        return cls(
            part.maybe_text("data"),
            part.text("recipe"),
            part.texts("over"),
            part.text("measure"),
            part.whole("trials", 1),
            part.whole("seed"),
            part.flag("prune"),
            dict(part.part("options").found),
        )


def holds_sweep(folder: str | os.PathLike[str]) -> bool:
    """Whether a folder holds a sweep."""
    return (Path(folder) / SWEEP).is_file()


def claim_sweep(out: Path, read: Iterable[str] = (), *, force: bool) -> Path:
    """The folder, which must hold nothing; with ``force`` the sweep that it holds is lost.

    Args:
        out: the folder.
        read: files and folders that are read, which it must not be.
        force: whether it may hold something.

    Raises:
        BadInput: if it holds something, and is not to be taken as it is.
    """
    require(
        force or not holds_sweep(out),
        f"{out} already holds a sweep; choose another folder, go on with it (vaekit sweep --resume "
        f"{out}), or give it up for a new one with --force",
    )
    store.claim_runs(out, read, "trial-*", force=force)
    (out / STUDY).unlink(missing_ok=True)
    return out
