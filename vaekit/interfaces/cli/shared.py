"""What the commands share: options of the same name everywhere, and how results are shown."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any

import numpy as np
from cyclopts import Parameter

from vaekit.data import CATALOGUE, Source, parse_given
from vaekit.data.opening import check_there
from vaekit.data.readers.labels import values_for
from vaekit.interfaces.cli.common import ON_DEVICE, OnDevice
from vaekit.runs.folder import CONFIG, WEIGHTS, model_folder, read_config
from vaekit.runs.job import reopen
from vaekit.runs.outlets import Outlet
from vaekit.runs.trained import Trained
from vaekit.runs.unfinished import unfinished
from vaekit.system.checks import BadInput, require
from vaekit.system.progress import say
from vaekit.system.ranges import Range
from vaekit.system.types import Array


def holds_model(_: Any, name: str) -> None:
    """Raise ``BadInput`` unless a folder of this name holds a model: before torch is loaded."""
    require(name != "", "the name of the model is empty: give the folder of a run")
    model_folder(Path(name))


def is_there(_: Any, name: str | None) -> None:
    """Raise ``BadInput`` unless there is data of this name: before torch is loaded."""
    if name is not None:
        check_there(name)


Model = Annotated[str, Parameter(help="Run or model folder.", validator=holds_model)]
Data = Annotated[
    str | None,
    Parameter(
        help="Data set name or path; by default the data the model was trained on.",
        validator=is_there,
    ),
]
Seed = Annotated[int, Parameter(help="Seed of everything random.", validator=Range(0, 2**32 - 1))]
Split = Annotated[
    str | None,
    Parameter(help="train, validation, test or all; by default test for the model's own data."),
]
Given = Annotated[
    list[str] | None,
    Parameter(
        name="--given", negative="",
        help="What a conditional model is given, as label=3, or label=@FILE with a value for each "
        "row; repeat it for more.",
    ),
]  # fmt: skip


def to_write(outlet: Outlet) -> Parameter:
    """The option that says where a command writes, with the help that its outlet gives."""
    return Parameter(name=["--output", "-o"], help=outlet.help)


def reads(model: str, *others: str | Path | None, given: list[str] | None = None) -> list[str]:
    """The files and folders that a command reads, none of which it may write over.

    Args:
        model: that it runs.
        others: data and the like; names of data sets and None are no files.
        given: options whose values may be files.
    """
    folder, config = read_config(model)
    own = (folder / CONFIG, folder / WEIGHTS, config.data.open, config.data.opening.labels)
    told = (value[1:] for value in parse_given(given or []).values() if value.startswith("@"))
    return files_among(*own, *others, *told)


def files_among(*names: str | Path | None) -> list[str]:
    """Those that are names of files or folders."""
    return [str(name) for name in names if name is not None and str(name) not in CATALOGUE]


def loaded(model: str, work: OnDevice = ON_DEVICE) -> Trained:
    """The model where it is to work; if its training was stopped early, that is said."""
    trained = Trained.load(model).to(work.device)
    if early := unfinished(trained.folder, trained.config):
        say(f"note: {early}")
    return trained


def open_model(model: str, data: str | None = None, work: OnDevice = ON_DEVICE) -> Trained:
    """The model where it is to work, with its own data opened again unless other data is named."""
    trained = loaded(model, work)
    if data is not None:
        return trained
    return replace(trained, source=reopen(trained.config))


def rows_for(
    trained: Trained,
    data: str | None,
    split: str | None,
    limit: int = 0,
    given: list[str] | None = None,
) -> Source:
    """The rows a command works on, one by one, and what the model is given beside them: of the
    split asked for, the first ``limit`` rows."""
    return named_rows_for(trained, data, split, limit, given)[0]


def named_rows_for(
    trained: Trained,
    data: str | None,
    split: str | None,
    limit: int = 0,
    given: list[str] | None = None,
) -> tuple[Source, Array]:
    """Rows as :func:`rows_for`, and what they are called: (rows,) names, or numbers."""
    source = trained.source if data is None else opened(trained, data)
    if source is None:
        raise BadInput("give the data to work on")
    split, most = trained.split_of(source, split), limit or None
    part = source.part(split, most)
    chosen = trained.told(part, given_options(given, part.names, len(part)))
    return chosen, source.names_of(split, most)


def labels_of(rows: Source) -> Array:
    """The labels of rows by their names, or numbers where they have none; empty without labels."""
    if rows.labels is None:
        return np.empty(0)
    found = rows.labels.numpy()
    return np.array(rows.label_names)[found] if rows.label_names else found


def opened(trained: Trained, data: str) -> Source:
    """Data that is named, as the model takes it; what had to be done to it is said."""
    source = trained.open(data)
    for note in source.notes:
        say(f"note: {note}")
    return source


def rows_to_judge_by(
    trained: Trained,
    data: str | None,
    split: str | None,
    limit: int,
    seed: int,
    given: list[str] | None = None,
) -> Source:
    """Rows that stand for the split asked for: all of them, or ``limit`` chosen at random, as the
    seed says."""
    rows = rows_for(trained, data, split, 0, given)
    return rows.some("all", limit, seed) if limit else rows


def given_options(
    given: list[str] | None, names: Sequence[str] = (), rows: int = 0
) -> dict[str, Any]:
    """The values of the options ``--given``: name=value for all rows, or name=@FILE with one value
    for each (a .npy file, or a text file with one on each line; beside the names of pictures too).

    Args:
        given: the options.
        names: what rows are called.
        rows: how many there are; 0 if that is not known.
    """
    return dict(_given_values(parse_given(given or []), names, rows))


def _given_values(
    found: dict[str, str], names: Sequence[str], rows: int
) -> Iterator[tuple[str, Any]]:
    for name, value in found.items():
        if not value.startswith("@"):
            yield name, value
            continue
        values, notes = values_for(value[1:], names, rows)
        for note in notes:
            say(f"note: {name}: {note}")
        yield name, values


def show(values: dict[str, Any], *, as_json: bool) -> None:
    """Print named values: as JSON, or as lines without those that are None."""
    if as_json:
        print(json.dumps(values, indent=2))
        return
    width = max(map(len, values))
    for name, value in values.items():
        if value is None:
            continue
        print(f"{name.replace('_', ' '):<{width}}  {text(value)}")


def show_scores(scores: Any, more: dict[str, Any], *, as_json: bool) -> None:
    """Print an evaluation: a line of plain words, what it means, and figures in groups.

    Args:
        scores: :class:`vaekit.evaluation.scores.Scores`.
        more: what else there is to say, by name.
        as_json: whether for machines.
    """
    from vaekit.evaluation.figures import as_text

    if as_json:
        show({**more, **scores.to_dict()}, as_json=True)
        return
    print(f"{scores.verdict}\n{scores.diagnosis}\n\n{as_text(scores.figures)}")
    if more:
        print()
        show(more, as_json=False)


def text(value: Any) -> str:
    """A value as people read it."""
    if value is None:
        return "-"
    if isinstance(value, float):
        return f"{value:,.4g}" if abs(value) < 1 else f"{value:,.2f}"
    if isinstance(value, list):
        return " ".join(text(v) for v in value)
    return f"{value:,}" if isinstance(value, int) else str(value)
