"""The data that a model was trained on, as its folder tells of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from vaekit.data import Opening
from vaekit.data.coding import TableCoding
from vaekit.data.layout import RowLayout
from vaekit.data.opening import AS_IT_IS
from vaekit.data.readers.dialect import LOOK, Dialect
from vaekit.system.records import Json, Part, is_number

DTYPES = ("uint8", "int8", "int16", "int32", "int64", "float16", "float32", "float64", "bfloat16")
TYPES = (*(t for t in DTYPES if t != "bfloat16"), "bool", "uint16", "uint32", "uint64")
LONGEST_SIDE = 2**16


@dataclass(frozen=True)
class Origin:
    """The data that a model was trained on.

    Args:
        name: what people call it.
        fingerprint: sha256 of its contents.
        rows: how many, by split.
        columns: names of the numbers of a row.
        types: what the columns hold, where rows are fractions but some columns are not.
        label_names: what the labels mean.
        opening: how it was opened, and how other data is.
        open: path or name under which it can be opened again, or None for data in memory.
        span: the smallest and the largest value; None in older models.
        layout: how a row lay in the array, where that is not as usual.
    """

    name: str
    fingerprint: str
    rows: Mapping[str, int]
    columns: tuple[str, ...] = ()
    label_names: tuple[str, ...] = ()
    opening: Opening = AS_IT_IS
    open: str | None = None
    span: tuple[float, float] | None = None
    layout: RowLayout | None = None
    types: tuple[str, ...] = ()

    def to_json(self) -> Json:
        """The opening's fields stand among the data's; those that are newer than others only where
        they say something."""
        opening = self.opening
        found = {
            "open": self.open,
            "label": opening.label,
            "labels": opening.labels,
            "size": list(opening.size) if opening.size else None,
            "tiles": opening.tiles,
            "name": self.name,
            "fingerprint": self.fingerprint,
            "rows": dict(self.rows),
            "columns": list(self.columns),
            "label_names": list(self.label_names),
        }
        more = {
            "given": list(opening.given),
            "span": list(self.span or ()),
            "kind": opening.kind,
            "channels": opening.channels,
            "table": opening.dialect.to_json(),
            "types": list(self.types),
            "layout": self.layout and self.layout.to_json(),
            "coding": opening.coding and opening.coding.to_json(),
            "gaps": opening.gaps,
        }
        return found | {name: value for name, value in more.items() if value}

    @classmethod
    def from_json(cls, part: Part) -> Origin:
        """The reverse of :meth:`to_json`.

        Raises:
            BadInput: for anything that it cannot have written.
        """
        size = part.sizes("size", LONGEST_SIDE) if part.has("size") else None
        part.require(size is None or len(size) == 2, "size", "height and width")
        rows = part.part("rows")
        tiles = part.whole("tiles", 0, LONGEST_SIDE) if "tiles" in part.found else 0
        given = part.texts("given") if "given" in part.found else ()
        label, labels = part.maybe_text("label"), part.maybe_text("labels")
        kind, channels = part.maybe_text("kind"), part.maybe_text("channels")
        pair = None if size is None else (size[0], size[1])
        span = part.get("span")
        sound = isinstance(span, list) and len(span) == 2 and all(map(is_number, span))
        part.require(span is None or sound, "span", "two numbers")
        dialect = Dialect.from_json(part.part("table")) if "table" in part.found else LOOK
        types = part.texts("types") if "types" in part.found else ()
        coding = TableCoding.from_json(part.part("coding")) if "coding" in part.found else None
        gaps = part.flag("gaps") if "gaps" in part.found else False
        known = all(kind in TYPES for kind in types)
        part.require(known, "types", f"names of types: {', '.join(TYPES)}")
        part.require(len(types) in (0, len(part.texts("columns"))), "types", "one for each column")
        return cls(
            name=part.text("name"),
            fingerprint=part.text("fingerprint"),
            rows={split: rows.whole(split) for split in rows.found},
            columns=part.texts("columns"),
            label_names=part.texts("label_names"),
            opening=part.made(
                lambda: replace(
                    Opening(label, labels, pair, tiles, given, kind, channels, dialect),
                    coding=coding,
                    gaps=gaps,
                )
            ),
            open=part.maybe_text("open"),
            span=None if span is None else (span[0], span[1]),
            layout=_layout(part.part("layout")) if "layout" in part.found else None,
            types=types,
        )


def _layout(part: Part) -> RowLayout:
    dtype = part.maybe_text("dtype") or ""
    part.require(dtype in ("", *TYPES), "dtype", f"one of {', '.join(TYPES)}")
    axes, shape = part.text("axes"), part.sizes("shape")
    return part.made(lambda: RowLayout(axes, shape, dtype))
