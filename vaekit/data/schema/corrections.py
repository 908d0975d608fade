"""What a person says of columns: types and the like, in a small file in TOML."""

from __future__ import annotations

import json
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

from vaekit.system.checks import BadInput, known, require
from vaekit.system.files import content
from vaekit.system.records import Json, Part

MODELLED = ("number", "whole", "category", "ordered", "boolean", "time")
ASIDE = ("constant", "identifier", "text", "empty")
TYPES = (*MODELLED, *ASIDE[:-1])
NUMBERS = ("number", "whole")
LARGEST = 2**24
MOST_BINS, MOST_DECIMALS = 10_000, 12
ORDERS = ("ymd", "dmy", "mdy")


@dataclass(frozen=True)
class Said:
    """What a person says of a column.

    Args:
        type: number, whole, category, ordered, boolean, time, constant, identifier or text.
        levels: all categories, in order.
        missing: marks of missing cells, beside the usual ones.
        bins: of numbers.
        decimals: of numbers.
        min: no number is below.
        max: no number is above.
        order: of day, month and year in dates: "dmy", "mdy" or "ymd".
    """

    type: str | None = None
    levels: tuple[str, ...] = ()
    missing: tuple[str, ...] = ()
    bins: int | None = None
    decimals: int | None = None
    min: float | None = None
    max: float | None = None
    order: str | None = None

    def to_json(self) -> Json:
        """What is said alone."""
        found = {f.name: getattr(self, f.name) for f in fields(self)}
        return {
            k: [*v] if isinstance(v, tuple) else v
            for k, v in found.items()
            if v is not None and v != ()
        }

    @classmethod
    def from_json(cls, part: Part) -> Said:
        """What was said.

        Raises:
            BadInput: for an unknown name or a value that cannot be.
        """
        for name in part.found:
            known(f"entry of {part.name}:", name, [f.name for f in fields(cls)])
        found = cls(
            type=_type(part),
            levels=part.texts("levels") if part.has("levels") else (),
            missing=part.texts("missing") if part.has("missing") else (),
            bins=part.whole("bins", 1, MOST_BINS) if part.has("bins") else None,
            decimals=part.whole("decimals", 0, MOST_DECIMALS) if part.has("decimals") else None,
            min=part.number("min") if part.has("min") else None,
            max=part.number("max") if part.has("max") else None,
            order=part.text("order") if part.has("order") else None,
        )
        found._check(part)
        return found

    def _check(self, part: Part) -> None:
        if self.order is not None:
            known(f"order of dates in {part.name}:", self.order, ORDERS)
        twice = len(set(self.levels)) < len(self.levels)
        part.require(not twice, "levels", "different texts")
        fine = self.min is None or self.max is None or self.min < self.max
        part.require(fine, "min", "below max")


NOTHING_SAID = Said()


def _type(part: Part) -> str | None:
    if not part.has("type"):
        return None
    return known(f"type of {part.name}:", part.text("type"), TYPES)


@dataclass(frozen=True)
class Corrections:
    """What a person says of the columns of a table.

    Args:
        columns: by name.
        place: where it was said.
    """

    columns: Mapping[str, Said] = field(default_factory=dict)
    place: str = "the schema"

    def of(self, name: str) -> Said:
        """What is said of a column."""
        return self.columns.get(name, NOTHING_SAID)

    def check(self, names: tuple[str, ...]) -> None:
        """Raise ``BadInput`` for a column that is not there, with the nearest that is.

        Args:
            names: of the table's columns.
        """
        for name in self.columns:
            known(f"column in {self.place}:", name, names)

    @classmethod
    def made(cls, found: Mapping[str, Any], place: str = "the schema") -> Corrections:
        """What dictionaries say.

        Args:
            found: of each column, by name: a dictionary, or a type alone.
            place: what they are called in a complaint.

        Raises:
            BadInput: for a name or value that has no meaning.
        """
        said = {
            name: {"type": value} if isinstance(value, str) else value
            for name, value in found.items()
        }
        for name, value in said.items():
            require(
                isinstance(value, Mapping),
                f'{place}: {name!r} must have a table: [{_quoted(name)}], below it type = "..."',
            )
        columns = {
            name: Said.from_json(_Part(dict(value), f"column {name!r} in {place}"))
            for name, value in said.items()
        }
        return cls(columns, place)


class _Part(Part):
    """Of a file that a person writes: it is not damaged, but wrong."""

    def require(self, fine: bool, key: str, what: str) -> None:
        """Raise ``BadInput`` that says what a value must be."""
        require(fine, f"{self.name}: {key} must be {what}, not {self.found.get(key)!r}")


NONE = Corrections()


def read_toml(path: Path | str) -> Corrections:
    """The corrections in a file: a table for each column that is to be corrected.

    Args:
        path: of the file.

    Raises:
        BadInput: for what is no TOML, and for a name or value that has no meaning.
    """
    path = Path(path)
    try:
        found = tomllib.loads(content(path, LARGEST).decode("utf-8-sig"))
    except UnicodeDecodeError:
        raise BadInput(f"cannot read {path}: it is not UTF-8") from None
    except (tomllib.TOMLDecodeError, RecursionError) as error:
        raise BadInput(f"cannot read {path} as TOML: {error}") from None
    return Corrections.made(found, str(path))


def toml(columns: Mapping[str, Said]) -> str:
    """Corrections as a person reads and writes them.

    Args:
        columns: what is said of each, by name.
    """
    parts = []
    for name, said in columns.items():
        lines = [f"{key} = {_value(value)}" for key, value in said.to_json().items()]
        parts.append("\n".join([f"[{_quoted(name)}]", *lines]))
    return "\n\n".join(parts) + "\n"


def _quoted(name: str) -> str:
    bare = name and all(c.isascii() and (c.isalnum() or c in "_-") for c in name)
    return name if bare else _value(name)


def _value(value: Any) -> str:
    """Texts, numbers and lists of these are written as in JSON."""
    return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")
