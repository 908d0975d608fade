"""What is known of a column, and of one that is set aside."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pyarrow as pa
from pyarrow import compute as pc

from vaekit.data.readers.columns import Column, is_text, plain, value_type
from vaekit.data.readers.dialect import LOOK, Dialect
from vaekit.data.readers.tables import Table
from vaekit.data.schema.arrow_types import type_named
from vaekit.data.schema.cells import Cells
from vaekit.data.schema.codings import coding_from_json
from vaekit.data.schema.column_coding import Coding
from vaekit.data.schema.corrections import ASIDE, MODELLED, NOTHING_SAID, Said
from vaekit.system.records import Json, Part
from vaekit.system.types import Array


@dataclass(frozen=True)
class ColumnSchema:
    """A column that is modelled.

    Args:
        name: of the column.
        kind: number, whole, category, ordered, boolean or time.
        coding: to levels and back.
        gaps: share of the training rows that have none.
        example: one of its values, as people read it.
        kept: usual marks of missing cells that are values here.
        said: what a person said of it.
    """

    name: str
    kind: str
    coding: Coding
    gaps: float = 0.0
    example: str = ""
    kept: tuple[str, ...] = ()
    said: Said = NOTHING_SAID

    def cells(self, cells: Cells) -> Cells:
        """The column's cells, with the marks that mean that they are missing.

        Args:
            cells: as they were read.
        """
        return Cells(
            cells.name, cells.column, cells.place, cells.dialect, self.kept, self.said.missing
        )

    def spelled(self, cells: Cells) -> Cells:
        """The same, with words for true and false in the spelling of the training rows.

        Args:
            cells: as they were read.
        """
        return self.coding.spelled(self.cells(cells))

    def known(self, table: Table) -> Column:
        """A table's column, in which texts that alone here mean that a cell is missing are gaps.

        Args:
            table: that holds it.
        """
        column = table.columns[self.name]
        if not (self.said.missing and is_text(value_type(column.type))):
            return column
        column = plain(column)
        marks = pa.array(self.said.missing, column.type)
        gone = pc.is_in(pc.utf8_trim_whitespace(column), value_set=marks)
        return pc.if_else(gone, pa.scalar(None, column.type), column)

    def to_json(self) -> Json:
        """All but what is usual."""
        found = {
            "name": self.name,
            "kind": self.kind,
            "coding": self.coding.to_json(),
            "gaps": self.gaps,
            "example": self.example,
        }
        kept = {"kept": [*self.kept]} if self.kept else {}
        said = {"said": self.said.to_json()} if self.said != NOTHING_SAID else {}
        return found | kept | said

    @classmethod
    def from_json(cls, part: Part) -> ColumnSchema:
        """As it was written."""
        part.only(("name", "kind", "coding", "gaps", "example", "kept", "said"))
        name, kind, gaps = part.text("name"), part.text("kind"), part.number("gaps")
        inner = Part(part.found.get("coding"), f"{part.name}, column {name!r}")
        part.require(kind in MODELLED, "kind", f"one of {', '.join(MODELLED)}")
        part.require(0 <= gaps <= 1, "gaps", "from 0 to 1")
        said = Said.from_json(part.part("said")) if part.has("said") else NOTHING_SAID
        kept = part.texts("kept") if part.has("kept") else ()
        return cls(name, kind, coding_from_json(inner), gaps, part.text("example"), kept, said)


def _says(text: str, dialect: Dialect = LOOK) -> str | float:
    """A number, or else a text; truths in whatever capitals."""
    marks = {ord(dialect.thousands or ","): None, ord(dialect.decimal or "."): "."}
    try:
        return float(text.translate(marks) if dialect.is_plain is False else text)
    except ValueError:
        return text.lower() if text.lower() in ("true", "false") else text


def _equal(column: Column, value: pa.Scalar) -> Array:
    """Which cells are a value that is given as text, (rows,)."""
    for kind in (column.type, pa.float64(), pa.large_string()):
        try:
            found = pc.equal(column.cast(kind), value.cast(kind))
        except pa.ArrowException:
            continue
        return pc.fill_null(found, fill_value=False).to_numpy()
    return np.zeros(len(column), bool)


@dataclass(frozen=True)
class SetAside:
    """A column that is not modelled.

    Args:
        name: of the column.
        kind: constant, identifier, text or empty.
        why: in words.
        type: of its values.
        value: of a constant, as text; else None.
        said: what a person said of it.
    """

    name: str
    kind: str
    why: str
    type: str = "null"
    value: str | None = None
    said: Said = NOTHING_SAID

    @property
    def comes_back(self) -> bool:
        """Whether synthetic rows have it: constants, and columns that are empty."""
        return self.kind in ("constant", "empty")

    @property
    def always(self) -> str:
        """What its cells are, in words, where synthetic rows have it."""
        held = "is empty" if self.value is None else f"holds {self.value!r}"
        return f"{held} in all training rows, and so in all new ones"

    def departing(self, cells: Cells) -> Array:
        """Which cells hold something else than a constant, (rows,); not those that are missing.

        Args:
            cells: of the column in other rows.
        """
        if self.value is None:
            return np.zeros(len(cells), bool)
        if cells.is_text:
            own, texts = _says(self.value), cells.text.values.to_pylist()
            same = [_says(text, cells.dialect) == own for text in texts]
            return ~np.array([*same, True])[cells.text.rows]
        equal = _equal(cells.plain, pa.scalar(self.value, pa.large_string()))
        return ~(equal | cells.missing)

    def values(self, rows: int) -> pa.Array:
        """The constant, or gaps.

        Args:
            rows: how many.
        """
        kind = type_named(self.type)
        if self.value is None:
            return pa.nulls(rows, kind)
        one = pa.array([self.value], pa.large_string()).cast(value_type(kind))
        repeated = pa.repeat(one[0], rows)
        if not pa.types.is_dictionary(kind):
            return repeated
        indices = pa.array([0] * rows, kind.index_type)
        return pa.DictionaryArray.from_arrays(indices, one, ordered=kind.ordered)

    def to_json(self) -> Json:
        """All but what is usual."""
        found: Json = {"name": self.name, "kind": self.kind, "why": self.why, "type": self.type}
        value = {"value": self.value} if self.value is not None else {}
        said = {"said": self.said.to_json()} if self.said != NOTHING_SAID else {}
        return found | value | said

    @classmethod
    def from_json(cls, part: Part) -> SetAside:
        """As it was written."""
        part.only(("name", "kind", "why", "type", "value", "said"))
        kind = part.text("kind")
        part.require(kind in ASIDE, "kind", f"one of {', '.join(ASIDE)}")
        said = Said.from_json(part.part("said")) if part.has("said") else NOTHING_SAID
        value = part.maybe_text("value")
        made = cls(part.text("name"), kind, part.text("why"), part.text("type"), value, said)
        if made.comes_back:
            part.made(lambda: made.values(1))
        return made
