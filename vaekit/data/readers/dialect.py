"""How a text table is written. What nobody says is found by looking at the table's beginning."""

from __future__ import annotations

import codecs
from collections.abc import Sequence
from dataclasses import dataclass, fields, replace
from typing import Any

from vaekit.system.checks import BadInput, known, require
from vaekit.system.records import Json, Part

MISSING = (
    "", "NA", "N/A", "n/a", "NULL", "null", "None", "NaN", "nan", "?", "-", ".", "#N/A", "<NA>",
)  # fmt: skip
SPELT = {"tab": "\t", "\\t": "\t", "space": " ", "comma": ",", "semicolon": ";", "pipe": "|"}
SHOWN = {"\t": "tab", " ": "space", "\u00a0": "space", "\u202f": "space"}
NO_INDEX = "none"


@dataclass(frozen=True)
class Dialect:
    """How a table is written. A field that is None is found by looking.

    Args:
        encoding: of the text: "utf-8", "cp1252", "utf-16" ...
        separator: of cells: one character, or tab, space, comma, semicolon, pipe.
        decimal: mark of fractions: "." or ",".
        thousands: what groups digits, as in 1,234,567; "" for nothing.
        header: whether the first line names the columns.
        index: column that names or numbers the rows, and so is no data; "none" for no such column.
        missing: marks of missing cells beside the usual ones.
        comment: what a line that is no data begins with; "" for nothing.

    Raises:
        BadInput: for what cannot be.
    """

    encoding: str | None = None
    separator: str | None = None
    decimal: str | None = None
    thousands: str | None = None
    header: bool | None = None
    index: str | None = None
    missing: tuple[str, ...] = ()
    comment: str | None = None

    def __post_init__(self) -> None:
        given = (self.missing,) if isinstance(self.missing, str) else self.missing
        object.__setattr__(self, "missing", tuple(map(str, given or ())))
        for name in ("separator", "decimal", "thousands"):
            mark = getattr(self, name)
            object.__setattr__(self, name, mark and SPELT.get(mark, mark))
        self._check()

    def _check(self) -> None:
        one = self.separator is None or (len(self.separator) == 1 and self.separator not in '\r\n"')
        require(one, f"the separator must be one character, or tab; not {self.separator!r}")
        require(
            self.decimal in (None, ".", ","),
            f"the mark of decimals must be '.' or ',', not {self.decimal!r}",
        )
        require(len(self.thousands or "") <= 1, "the mark of thousands must be one character")
        require(
            not self.thousands or self.thousands != self.decimal,
            "the marks of decimals and of thousands are the same",
        )
        try:
            codecs.lookup(self.encoding or "utf-8")
        except LookupError:
            raise BadInput(f"unknown encoding {self.encoding!r}; try utf-8 or cp1252") from None

    @classmethod
    def of(cls, **asked: Any) -> Dialect:
        """What a person says of how a table is written.

        Args:
            asked: fields by name.

        Raises:
            BadInput: for an unknown field or a value that cannot be.
        """
        for name in asked:
            known("option of tables", name, FIELDS)
        return cls(**asked)

    def to_json(self) -> Json:
        """What somebody has said."""
        return {k: list(v) if isinstance(v, tuple) else v for k, v in self.asked().items()}

    @classmethod
    def from_json(cls, part: Part) -> Dialect:
        """The reverse of :meth:`to_json`.

        Raises:
            BadInput: for anything that it cannot have written.
        """
        part.only(FIELDS)
        for key in part.found.keys() - {"header", "missing"}:
            part.text(key)
        header = part.flag("header") if "header" in part.found else None
        missing = part.texts("missing") if "missing" in part.found else ()
        return part.made(lambda: cls(**{**part.found, "header": header, "missing": missing}))

    @property
    def is_plain(self) -> bool:
        """Whether numbers are written as Arrow reads them: with a decimal point, without marks of
        thousands."""
        return self.decimal in (None, ".") and not self.thousands

    @property
    def marks(self) -> tuple[str, ...]:
        """All marks of missing cells."""
        return (*MISSING, *self.missing)

    def asked(self) -> dict[str, Any]:
        """The fields that somebody has said."""
        found = {name: getattr(self, name) for name in FIELDS}
        return {name: value for name, value in found.items() if value not in (None, ())}

    def check_not_text(self, what: str, allowed: Sequence[str] = ()) -> None:
        """Raise ``BadInput`` if something is asked for that only text tables have.

        Args:
            what: the data that is no text.
            allowed: fields that have a meaning for it.
        """
        odd = [name for name in self.asked() if name not in allowed]
        require(not odd, f"{what} is no text table: leave out {', '.join(odd)}")

    def completed(self, **found: Any) -> Dialect:
        """With these values where nothing was asked for."""
        return replace(self, **{k: v for k, v in found.items() if getattr(self, k) is None})


FIELDS = tuple(field.name for field in fields(Dialect))
TYPED = ("index", "missing")
LOOK = Dialect()


def shown(mark: str) -> str:
    """A mark as people read it."""
    return SHOWN.get(mark, repr(mark))


def if_missing(cell: object) -> str:
    """What to do of a cell that may stand for nothing, in words that are right wherever rows come
    from: the command line and Python can also be told so.

    Args:
        cell: as it is typed; empty for one that is too long.
    """
    said = f"--missing {cell}".strip()
    return (
        f"if it means that the value is missing, leave the cell empty, or train with {said} "
        "(in Python missing=)"
    )
