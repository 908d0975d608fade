"""Trainings with several seeds: the options that ask for them, and what is shown of them."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

from cyclopts import Parameter

from vaekit.system.checks import require
from vaekit.system.ranges import Range

Seeds = Annotated[
    int | None,
    Parameter(
        help="Do it so many times, with this --seed and those that follow it; each number then has "
        "its spread.",
        validator=Range(1),
    ),
]
Processes = Annotated[
    int, Parameter(help="Trainings at the same time, of several.", validator=Range(1))
]


def check_processes(seeds: int | None, processes: int) -> None:
    """Raise ``BadInput`` where there is nothing to do at the same time."""
    alone = "--processes is for several trainings, as --seeds asks for: leave it out"
    require(seeds is not None or processes == 1, alone)


def begin(data: str, recipe: str | None, out: Path, options: Mapping[str, Any], **how: Any) -> Any:
    """Train with several seeds.

    Args:
        data: name or path.
        recipe: by name; None for the one that suits the data.
        out: a new folder.
        options: of each training; those that are None were left out.
        how: of all of them.
    """
    from vaekit.studies.seeds import fit_seeds

    said = {name: value for name, value in options.items() if value not in (None, ())}
    return fit_seeds(data, recipe, out=out, **how, **said)


def go_on(
    folder: Path, data: str | None, options: Mapping[str, Any], *, seeds: int | None, processes: int
) -> Any:
    """Go on with the runs of a folder, or with more of them.

    Args:
        folder: that holds them.
        data: where it lies now.
        options: of each training.
        seeds: in all.
        processes: at the same time.
    """
    from vaekit.studies.seeds import GOING_ON, LENGTHS, resume_seeds

    how = {name: options[name] for name in (*GOING_ON, *LENGTHS) if name in options}
    return resume_seeds(folder, data, seeds=seeds, processes=processes, **how)


def as_text(found: Any) -> str:
    """What the runs come to, for people."""
    return f"{found.verdict}\n\n{found.table()}\n\nfolder  {found.folder}"
