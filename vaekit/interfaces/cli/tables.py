"""The commands that ask a model of a table: new rows, gaps filled in, one column by the others."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Annotated

import pyarrow as pa
from cyclopts import Parameter

from vaekit.data import Source
from vaekit.data.readers.tables import KINDS, ending_of
from vaekit.interfaces.cli.common import ON_DEVICE, Force, OnDevice
from vaekit.interfaces.cli.shared import (
    Given,
    Model,
    Seed,
    given_options,
    loaded,
    reads,
    say,
    to_write,
)
from vaekit.runs import gaps, in_parts, labels, tables
from vaekit.runs.as_it_came import text_ending, write_cells, write_numbers
from vaekit.runs.outlets import Outlet
from vaekit.runs.table_files import TABLE_FILES, safe, with_number, write_tables
from vaekit.runs.tables import Synthetic
from vaekit.runs.trained import Trained
from vaekit.system.checks import require
from vaekit.system.ranges import Range

ROWS = Outlet(TABLE_FILES, "synthetic.csv in the model's folder")
FILLED = Outlet((*TABLE_FILES, ".npy", *KINDS[1:]), "NAME-filled beside the rows")
PREDICTED = Outlet(TABLE_FILES, "predicted-COLUMN.csv in the model's folder")
Table = Annotated[Path, Parameter(help="A table with the model's columns, in any order.")]
Formulas = Annotated[
    bool,
    Parameter(
        negative="",
        help="Write text that a spreadsheet would take for a formula as it is; else an apostrophe "
        "stands before it in .csv files.",
    ),
]


def synthesize(
    model: Model,
    /,
    *,
    rows: Annotated[
        int, Parameter(name=["--rows", "-n"], help="How many.", validator=Range(1))
    ] = 1000,
    given: Given = None,
    where: Annotated[
        str | None, Parameter(help="What all rows fulfil, as \"age > 60 and city == 'Rome'\".")
    ] = None,
    balance: Annotated[
        str | None,
        Parameter(
            help="Column whose categories (or ranges of numbers) are to be equally frequent."
        ),
    ] = None,
    formulas: Formulas = False,
    seed: Seed = 0,
    output: Annotated[Path | None, to_write(ROWS)] = None,
    force: Force = False,
    work: OnDevice = ON_DEVICE,
) -> None:
    """Draw new rows of a table, with the names and types of its columns: all that a model of a
    table (recipe table_vae) has learned, and none of its rows."""
    work.begin()
    path = output or Path(model, "synthetic.csv")
    ROWS.claim(path, force=force, inputs=reads(model, given=given))
    trained = loaded(model, work)
    told = given_options(given)
    parts = in_parts.synthesized(trained, rows, given=told, where=where, balance=balance, seed=seed)
    write_tables(path, _tables(parts), formulas=formulas)
    work.wrote(path, rows)


def _tables(parts: Iterable[Synthetic]) -> Iterator[pa.Table]:
    """The tables of parts; what is to be said of the first is said."""
    for number, part in enumerate(parts):
        for note in part.notes if number == 0 else ():
            say(f"note: {note}")
        yield part.table


def impute(
    model: Model,
    table: Annotated[Path, Parameter(help="Rows with gaps: a table, or an array with NaN.")],
    /,
    *,
    draws: Annotated[
        int | None,
        Parameter(
            help="How many filled tables, each with other draws: NAME-1.csv, ... By default one; "
            "of rows of numbers, what is expected given the rest of a row.",
            validator=Range(1),
        ),
    ] = None,
    samples: Annotated[
        int | None,
        Parameter(help="Codes drawn for a row of numbers (1000).", validator=Range(1)),
    ] = None,
    formulas: Formulas = False,
    seed: Seed = 0,
    output: Annotated[Path | None, to_write(FILLED)] = None,
    force: Force = False,
    work: OnDevice = ON_DEVICE,
) -> None:
    """Fill gaps given all that is there in their rows: by draws or, of rows of numbers (recipes
    gaps_vae, not_miwae), by what is expected. What is there stays as it is."""
    work.begin()
    path = output or _beside(table)
    count = draws or 1
    paths = [path] if count == 1 else [with_number(path, n + 1) for n in range(count)]
    for each in paths:
        FILLED.claim(each, force=force, inputs=reads(model, table))
    as_it_came = path.suffix.lower() == text_ending(table)
    odd = path.suffix.lower() in KINDS[1:] and not as_it_came
    require(not odd, f"{path}: the rows came in {table.suffix}; write them so, or to .csv")
    trained = loaded(model, work)
    if trained.config.coding is None:
        _impute_numbers(trained, table, paths, draws, samples, seed, work)
        return
    require(samples is None, "samples is for rows of numbers: leave it out")
    found = _opened(trained, table)
    require(path.suffix.lower() != ".npy", f"{path}: a table of mixed columns is no array")
    for number, each in enumerate(paths):
        own = seed + number
        if as_it_came:
            rows = write_cells(trained, table, found, each, own, formulas=formulas)
        else:
            rows = write_tables(each, in_parts.filled(trained, found, own), formulas=formulas)
        work.wrote(each, rows)


def _beside(table: Path) -> Path:
    """NAME-filled with the ending of the rows; .csv of columns that are no text."""
    ending = ".npy" if table.suffix.lower() == ".npy" else text_ending(table) or ".csv"
    bare = table.name[: -len(ending_of(table))] if table.suffix else table.name
    return table.with_name(f"{bare}-filled{ending}")


def _impute_numbers(
    trained: Trained,
    rows: Path,
    paths: list[Path],
    draws: int | None,
    samples: int | None,
    seed: int,
    work: OnDevice,
) -> None:
    """Fill gaps of rows of numbers, and write them as a table or an array, as they came."""
    samples = samples or gaps.SAMPLES
    own = gaps.table_in(trained, rows)
    found = gaps.impute(trained, own or rows, draws=draws or 0, samples=samples, seed=seed)
    for each, made in zip(paths, found if draws else [found], strict=True):
        if own is not None and each.suffix.lower() == text_ending(rows):
            write_numbers(rows, own, made, each)
        else:
            gaps.write_filled(each, made)
        work.wrote(each, len(made))


def predict(
    model: Model,
    table: Table,
    /,
    *,
    target: Annotated[str, Parameter(help="The column, or the label.")],
    seed: Seed = 0,
    output: Annotated[Path | None, to_write(PREDICTED)] = None,
    force: Force = False,
    work: OnDevice = ON_DEVICE,
) -> None:
    """What one column is, given all other cells of each row, or (of a model of recipe m2_vae) what
    the label of each row is: the likeliest value, its probability, and that of each category."""
    work.begin()
    path = output or Path(model, f"predicted-{safe(target)}.csv")
    PREDICTED.claim(path, force=force, inputs=reads(model, table))
    trained = loaded(model, work)
    if trained.config.coding is None:
        parts = iter([labels.prediction(trained, str(table), target)])
    else:
        parts = in_parts.predicted(trained, _opened(trained, table), target, seed)
    work.wrote(path, write_tables(path, parts))


def _opened(trained: Trained, table: Path) -> Source:
    """A table's rows as the model takes them; what had to be done to them is said."""
    found = tables.cells_of(trained, str(table))
    for note in found.notes:
        say(f"note: {note}")
    return found
