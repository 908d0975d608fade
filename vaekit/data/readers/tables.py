"""Tables: in text, .parquet in one file or many, .feather; large .parquet is read by groups of
rows."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import pyarrow as pa
from pyarrow import compute as pc
from pyarrow import feather

from vaekit.data.on_disk import Values
from vaekit.data.readers import columns as cells_of
from vaekit.data.readers import mapping
from vaekit.data.readers.arrays import label_numbers, to_rows
from vaekit.data.readers.columns import Column, Place
from vaekit.data.readers.dialect import LOOK, NO_INDEX, Dialect
from vaekit.data.readers.loading import UNREADABLE, why_not
from vaekit.data.readers.looking import Said
from vaekit.data.readers.numbers import numbers_on_disk
from vaekit.data.readers.roles import NO_ROLES, ColumnRoles, check_once, listed
from vaekit.data.readers.text import TextTable, read_text
from vaekit.data.source import Source, source
from vaekit.system.checks import BadInput, require
from vaekit.system.types import Array

UNNAMED = ("", "Unnamed: 0")
FIRST = "column0"  # what a column without a name is called
ORDER = ("columns in the model's order", "header")
KINDS = (".csv", ".tsv", ".tab", ".txt", ".data")
TEXTS = tuple(kind + packed for kind in KINDS for packed in ("", ".gz", ".bz2", ".zst", ".lz4"))
OPTIONS = {"header": "--header or --no-header"}


@dataclass(frozen=True)
class Table:
    """Columns of types of their own, with gaps, and what else is known of them.

    Args:
        place: where its rows are.
        columns: by name, in order, as they were read.
        dialect: how they were written.
        index: names of columns that number or name the rows.
        said: what was assumed, in words, each with the field of the dialect that it is about.
        bare: whether the names are made up.
        by_value: whether numbers that all are whole are integers, whatever their type.
        kind: what columns are called in an error message.
        kept: bytes of the columns that stay on disk; 0 where they are in memory.
        schema: of the columns where they were read of Arrow's own types; None for text.
    """

    place: Place
    columns: Mapping[str, Column]
    dialect: Dialect = LOOK
    index: tuple[str, ...] = ()
    said: tuple[Said, ...] = ()
    bare: bool = False
    by_value: bool = True
    kind: str = "column"
    kept: int = 0
    schema: pa.Schema | None = None

    @property
    def rows(self) -> int:
        """How many."""
        return len(self.columns[next(iter(self.columns))]) if self.columns else 0

    def take(self, rows: Array) -> Table:
        """These rows alone, by their numbers."""
        taken = Taken.of(self.columns, rows)
        large = mapping.is_large(len(rows), len(taken))
        return replace(self, columns=taken if large else dict(taken), kept=0)

    def slices(self, rows: int) -> Iterator[Table]:
        """All rows in order, so many at a time."""
        for start in range(0, self.rows, rows):
            columns = {name: column.slice(start, rows) for name, column in self.columns.items()}
            place = replace(self.place, start=self.place.start + start)
            yield replace(self, place=place, columns=columns)

    def source(self, roles: ColumnRoles = NO_ROLES) -> Source:
        """The rows of numbers, with what stands beside them.

        Args:
            roles: which columns are labels, given, or x.

        Raises:
            BadInput: for a column of x that holds something else than numbers, or that is missing.
        """
        table, roles, notes = self.arranged(roles)
        place, names = table.place, roles.x
        beside = {name: cells(table.typed(name)) for name in roles.columns}
        label = None if roles.label is None else cells(table.columns[roles.label])
        numbers, classes = label_numbers(label)
        require(bool(names), f"{place.name} has no columns of numbers")
        require(table.rows > 0, f"{place.name} holds no rows")
        values, types, more = table._values(names, gaps=roles.gaps)
        return source(
            place.name, values, labels=numbers, label_names=classes, columns=names, beside=beside,
            notes=(*notes, *more), types=types, names=table.row_names(), gaps=roles.gaps,
        )  # fmt: skip

    def _values(
        self, names: Sequence[str], *, gaps: bool
    ) -> tuple[Values, tuple[str, ...], tuple[str, ...]]:
        """The numbers, the types of their columns, and what is to be said of them."""
        if self.kept:
            return *numbers_on_disk(self, names), ()
        x = self.x(names, gaps=gaps)
        array = cells_of.matrix([*map(cells_of.filled, x)], by_value=self.by_value)
        lost = cells_of.rounded(names, x) if array.dtype.kind == "f" else []
        note = f"whole numbers beyond 2^53 are rounded to it in {', '.join(lost)}"
        values = to_rows(array, self.place.name, exact=True)
        return values, cells_of.type_names(x), (note,) if lost else ()

    def array(self, roles: ColumnRoles = NO_ROLES) -> Array:
        """The rows of numbers alone, (rows, columns), in a type that holds them all."""
        table, roles, _ = self.arranged(roles)
        x = map(cells_of.filled, table.x(roles.x, gaps=roles.gaps))
        return cells_of.matrix([*x], by_value=self.by_value)

    def x(self, names: Sequence[str], *, gaps: bool = False) -> list[Column]:
        """Typed columns of numbers, with gaps or without any.

        Raises:
            BadInput: for a column that holds something else, or a cell that is missing and must
                not be.
        """
        found = [self.numbers(name) for name in names]
        if not gaps:
            cells_of.check_no_gaps(self.place, names, found)
        return found

    def arranged(self, roles: ColumnRoles) -> tuple[Table, ColumnRoles, tuple[str, ...]]:
        """The table without its index, the roles with the names of x, and notes for people."""
        table = self.by_place(roles)
        index, empty, said = table._left_out(roles)
        table = replace(table, index=index, said=()).named(roles)  # what is said is told once
        found = [name for name in table.columns if name not in (*index, *empty)]
        roles, aside = roles.among(found, self.kind).settled(found, self.place.name)
        notes = [_note(self.place.name, said)] if said else []
        notes += [mapping.note_of(self.place.name, self.kept)] if self.kept else []
        if aside:
            notes.append(f"set aside, as the model does not know them: {listed(aside)}")
        return table, roles, tuple(notes)

    def by_place(self, roles: ColumnRoles) -> Table:
        """Columns without names of their own, called as those of x that are wanted, if these are
        as many."""
        if not self.bare or not roles.x or set(roles.x) <= set(self.columns):
            return self
        if len(roles.x) != len(self.columns):
            return self
        columns = dict(zip(roles.x, self.columns.values(), strict=True))
        return replace(self, columns=columns, said=(*self.said, ORDER))

    def named(self, roles: ColumnRoles) -> Table:
        """A first column of data that has no name gets one, unless the model knows it so."""
        known = "" in self.index or roles.knows("") or FIRST in self.columns
        if "" not in self.columns or known:
            return self
        return replace(self, columns={name or FIRST: c for name, c in self.columns.items()})

    def called(self, names: Collection[str]) -> Table:
        """A column without a name gets the one that a model has given it.

        Args:
            names: of the model's columns.
        """
        return self.named(NO_ROLES) if FIRST in names else self

    def typed(self, name: str) -> Column:
        """A column of a type that it can be counted with."""
        return cells_of.typed(self.columns[name], self.dialect)

    def numbers(self, name: str) -> Column:
        """A typed column that holds numbers, and gaps.

        Raises:
            BadInput: for any other.
        """
        found = self.typed(name)
        cells_of.check_numbers(self.place, name, found, self.dialect)
        return found

    def row_names(self) -> tuple[str, ...]:
        """What rows are called: by an index that is more than a count; else nothing."""
        if len(self.index) != 1:
            return ()
        column = self.columns[self.index[0]]
        if cells_of.is_whole(self.typed(self.index[0]).type) and self.dialect.index is None:
            return ()
        return tuple(map(str, column.to_pylist()))

    def _left_out(
        self, roles: ColumnRoles
    ) -> tuple[tuple[str, ...], tuple[str, ...], tuple[Said, ...]]:
        """The columns that number or name the rows, those that are empty and have no name, and what
        is to be said."""
        index = tuple(name for name in self._index(roles) if not roles.knows(name))
        last = [name for name in [*self.columns][-1:] if not roles.knows(name)]
        empty = tuple(name for name in last if _is_made_up(name) and self._is_empty(name))
        asked = self.dialect.index is not None
        assumed = [] if asked else [(name, "as it names the rows") for name in index]
        said = [
            (f"{_called(name)} left out {why}", "index")
            for name, why in (*assumed, *((name, "as it is empty") for name in empty))
        ]
        return index, empty, (*self.said, *said)

    def _index(self, roles: ColumnRoles) -> tuple[str, ...]:
        asked, first = self.dialect.index, next(iter(self.columns), "")
        if asked is not None:
            there = asked in self.columns
            require(
                there or asked == NO_INDEX or not roles.strict,
                f"{self.place.name} has no column {asked!r} to be the index",
            )
            return (asked,) if there else ()
        if self.index or first not in UNNAMED or roles.knows(first or "column0"):
            return self.index
        return (first,) if self._names_rows(first) else ()

    def _names_rows(self, name: str) -> bool:
        """Whether a column without a name holds whole numbers, each once, or no numbers."""
        column = self.typed(name)
        if cells_of.is_whole(column.type):
            return column.null_count == 0 and len(pc.unique(column)) == len(column)
        return not cells_of.is_number(column.type)

    def _is_empty(self, name: str) -> bool:
        return bool(pa.types.is_null(self.typed(name).type))


class Taken(Mapping[str, Column]):
    """Some rows of columns, taken of one column at a time, when it is asked for.

    Args:
        columns: by name.
        rows: numbers of the rows.
    """

    def __init__(self, columns: Mapping[str, Column], rows: Array) -> None:
        self.columns, self.rows = columns, rows

    @classmethod
    def of(cls, columns: Mapping[str, Column], rows: Array) -> Taken:
        """Rows of columns, which may be some of others already."""
        if isinstance(columns, Taken):
            return cls(columns.columns, columns.rows[rows])
        return cls(columns, rows)

    def __getitem__(self, name: str) -> Column:
        return cells_of.taken(self.columns[name], self.rows)

    def __iter__(self) -> Iterator[str]:
        return iter(self.columns)

    def __len__(self) -> int:
        return len(self.columns)


def _called(name: str) -> str:
    return f"column {name!r}" if name else "the first column, which has no name,"


def _note(name: str, said: Sequence[Said]) -> str:
    """In one line, what was assumed, and which options say otherwise."""
    fields = dict.fromkeys(field for _, field in said)
    options = ", ".join(OPTIONS.get(field, f"--{field}") for field in fields)
    return f"{name} is read with {', '.join(words for words, _ in said)} (otherwise: {options})"


def _is_made_up(name: str) -> bool:
    return name.startswith("column") and name.removeprefix("column").isdecimal()


def cells(column: Column) -> Array:
    """One for each row, as NumPy holds them."""
    column = cells_of.plain(column)
    if pa.types.is_decimal(column.type):
        column = column.cast(pa.float64(), safe=False)
    return column.to_numpy()


def ending_of(path: Path) -> str:
    """What a file's name ends in: of a packed table both endings count."""
    ending = path.suffix.lower()
    packed = Path(path.stem).suffix.lower() + ending
    return packed if packed in TEXTS else ending


def text_table(path: Path, roles: ColumnRoles = NO_ROLES, dialect: Dialect = LOOK) -> Table:
    """The columns of a table in text."""
    return _table_of(read_text(path, dialect, roles.x, strict=roles.strict))


def _table_of(text: TextTable) -> Table:
    layout = text.layout
    names = dict(zip(layout.names, text.cells.columns, strict=True))
    return Table(
        Place(str(text.path), line=text.line), names, layout.dialect, said=text.said,
        bare=not layout.dialect.header, kept=text.kept,
    )  # fmt: skip


def feather_table(path: Path, roles: ColumnRoles = NO_ROLES, dialect: Dialect = LOOK) -> Table:
    """The columns of a table in Arrow's own format."""
    try:
        large = path.stat().st_size > mapping.LARGE
        if mapping.is_stream(path):
            found = mapping.of_stream(path)
        else:
            found = mapping.of_arrow(path) if large else feather.read_table(path, memory_map=False)
    except BadInput:
        raise
    except UNREADABLE as error:
        raise BadInput(f"cannot read {path} as Feather: {why_not(path, error)}") from error
    return replace(arrow_table(path, found, dialect), kept=found.nbytes if large else 0)


def arrow_table(path: Path, found: pa.Table, dialect: Dialect = LOOK) -> Table:
    """The columns of a table of Arrow's, without the index that pandas says it has."""
    check_once(found.column_names, f"{path}: ")
    columns = dict(zip(found.column_names, found.columns, strict=True))
    index = pandas_index(found.schema)
    return Table(Place(str(path)), columns, dialect, index, schema=found.schema)


def pandas_index(schema: pa.Schema) -> tuple[str, ...]:
    """The columns that pandas says are its index."""
    found = (schema.pandas_metadata or {}).get("index_columns", [])
    return tuple(name for name in found if isinstance(name, str))
