"""What is known of a column, and of one that is set aside."""

from __future__ import annotations

from dataclasses import dataclass

import pyarrow as pa
from pyarrow import compute as pc

from vaekit.data.readers.columns import Column, is_text, plain, value_type
from vaekit.data.readers.tables import Table
from vaekit.data.schema.arrow_types import type_named
from vaekit.data.schema.cells import Cells
from vaekit.data.schema.codings import coding_from_json
from vaekit.data.schema.column_coding import Coding
from vaekit.data.schema.corrections import ASIDE, MODELLED, NOTHING_SAID, Said
from vaekit.system.records import Json, Part


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
