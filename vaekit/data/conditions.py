"""What a conditional model is given beside x: classes, and numbers that are covariates."""

from __future__ import annotations

import difflib
import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from vaekit.system.checks import BadInput, known, require
from vaekit.system.types import Array

MOST_LISTED = 20
UNKNOWN = -1  # the number of a class that is not known
Cells = Any


@dataclass(frozen=True)
class Condition:
    """One thing that a model is given.

    With classes it is categorical and becomes a one-hot vector; without, it is a number and is
    standardised.

    Args:
        name: what it is called, as in ``--given name=value``.
        classes: the names of its classes, in the order of their numbers.
        mean: of a number, over the training rows.
        spread: standard deviation of a number, over the training rows.
    """

    name: str
    classes: tuple[str, ...] = ()
    mean: float = 0.0
    spread: float = 1.0

    def __post_init__(self) -> None:
        object.__setattr__(self, "classes", tuple(self.classes))

    @property
    def is_categorical(self) -> bool:
        """Whether it has classes."""
        return bool(self.classes)

    @property
    def width(self) -> int:
        """How many numbers a model sees of it."""
        return len(self.classes) or 1

    def encode(self, raw: Tensor) -> Tensor:
        """Class numbers or covariates, (N,), as a model sees them: (N, width) in float32; zeros
        where a class is not known."""
        if self.is_categorical:
            known = (raw >= 0).float()[:, None]
            return known * torch.nn.functional.one_hot(raw.long().clamp_min(0), self.width)
        return ((raw.double() - self.mean) / self.spread).float()[:, None]

    def ask(self, value: Any, rows: int, *, gaps: bool = False) -> Tensor:
        """What a person gives, as class numbers or covariates: (rows,).

        Args:
            value: a class by name, or a number; one for all rows, or one for each.
            rows: how many rows there are.
            gaps: whether a class may be unknown, which is an empty cell, and the number -1.

        Raises:
            BadInput: for an unknown class, a missing value, or another number of values.
        """
        cells = as_cells(value)
        require(cells.ndim <= 1, f"give one {self.name} for each row, not {cells.shape}")
        if cells.size != rows or cells.ndim == 0:
            require(
                cells.size == 1,
                f"there are {rows} rows but {cells.size} values of {self.name}; give one value, "
                "or one for each row",
            )
            cells = np.broadcast_to(cells.reshape(-1), (rows,))
        return self._classes(cells, gaps) if self.is_categorical else self._numbers(cells)

    def _classes(self, cells: Array, gaps: bool) -> Tensor:
        words = np.array(
            ["" if gaps and is_missing(c) else word(c) for c in cells.tolist()], dtype=object
        )
        found = {w: self.number(w) if w or not gaps else UNKNOWN for w in dict.fromkeys(words)}
        return torch.tensor([found[w] for w in words], dtype=torch.int64)

    def number(self, name: str) -> int:
        """The number of a class.

        Names come first. Where no class is called by a number, a whole number is itself one.

        Raises:
            BadInput: for a class that is not there, with the nearest and the possible ones.
        """
        if name in self.classes:
            return self.classes.index(name)
        value, values = as_number(name), [as_number(c) for c in self.classes]
        if value is not None and value in values:
            return values.index(value)
        named = all(v is None for v in values)
        if named and value is not None and value.is_integer() and 0 <= value < len(self.classes):
            return int(value)
        near = difflib.get_close_matches(name, self.classes, 1)
        hint = f"did you mean {near[0]!r}? " if near else ""
        raise BadInput(f"unknown {self.name} {name!r}; {hint}choose from: {self.possible}")

    def _numbers(self, cells: Array) -> Tensor:
        if cells.dtype.kind in "uif":
            values = cells.astype(np.float64)
        else:
            found = (as_number(word(cell)) for cell in cells.tolist())
            values = np.array([math.nan if v is None else v for v in found])
        bad = np.flatnonzero(~np.isfinite(values))
        if len(bad):
            raise BadInput(
                f"{self.name} must be {self.possible}, not {cells[bad[0]]!s} (row {bad[0]})"
            )
        return torch.from_numpy(values)

    @property
    def possible(self) -> str:
        """What can be given, in words."""
        if not self.is_categorical:
            return f"a number (about {self.mean:.4g}, spread {self.spread:.4g})"
        shown = ", ".join(self.classes[:MOST_LISTED])
        more = len(self.classes) - MOST_LISTED
        return f"{shown} and {more} more" if more > 0 else shown

    @property
    def typical(self) -> int | float:
        """The first class, or the mean."""
        return 0 if self.is_categorical else self.mean


@dataclass(frozen=True)
class Conditions:
    """All that a model is given, in order; it may be nothing."""

    each: tuple[Condition, ...] = ()

    def __post_init__(self) -> None:
        object.__setattr__(self, "each", tuple(self.each))

    def __iter__(self) -> Iterator[Condition]:
        return iter(self.each)

    def __len__(self) -> int:
        return len(self.each)

    @property
    def names(self) -> tuple[str, ...]:
        """What each is called, in order."""
        return tuple(c.name for c in self)

    @property
    def widths(self) -> dict[str, int]:
        """How many numbers a model sees of each."""
        return {c.name: c.width for c in self}

    @property
    def text(self) -> str:
        """In one line, for people."""
        kinds = (f"{len(c.classes)} classes" if c.classes else "a number" for c in self)
        return ", ".join(f"{c.name} ({kind})" for c, kind in zip(self, kinds, strict=True))

    def encode(self, raw: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """Class numbers and covariates, each (N,), as a model sees them: (N, width) each."""
        self._check_present(raw)
        return {c.name: c.encode(raw[c.name]) for c in self}

    def unknown(self, rows: int) -> dict[str, Tensor]:
        """What a model sees when nothing is known: zeros."""
        return {c.name: torch.zeros(rows, c.width) for c in self}

    def ask(self, given: Mapping[str, Any], rows: int, *, gaps: bool = False) -> dict[str, Tensor]:
        """What a person gives, as class numbers and covariates: (rows,) each.

        Args:
            given: by name, one value for all rows or one for each: {"label": "cat", "age": 40.5}.
            rows: how many rows there are.
            gaps: whether classes may be unknown.

        Raises:
            BadInput: for what is unknown, missing, or of another length; it says what is possible.
        """
        for name in given:
            require(bool(self), f"this model takes nothing given, so not {name!r} either")
            known("condition", name, self.names)
        self._check_present(given)
        return {c.name: c.ask(given[c.name], rows, gaps=gaps) for c in self}

    def _check_present(self, given: Mapping[str, Any]) -> None:
        for c in self:
            value, shown = (
                (c.classes[0], repr(c.classes[0])) if c.classes else (f"{c.mean:.3g}",) * 2
            )
            among = "one of: " if c.classes else ""
            require(
                c.name in given,
                f"this model has to be told {c.name}: --given {c.name}={value} (in Python and over "
                f"HTTP given={{{c.name!r}: {shown}}}); it is {among}{c.possible}",
            )

    def carried(
        self, given: Mapping[str, Any], classes: Mapping[str, Sequence[str]]
    ) -> dict[str, Any]:
        """What data carries of these conditions, ready to be asked for: classes by name.

        Args:
            given: columns, (N,) each.
            classes: names of the classes of those columns that are class numbers.
        """
        found: dict[str, Any] = {}
        for name in (n for n in self.names if n in given):
            cells = as_cells(given[name])
            names = classes.get(name)
            found[name] = np.array([*names, ""], dtype=object)[cells] if names else cells
        return found

    def to_json(self) -> list[dict[str, Any]]:
        """Lists and dictionaries of numbers and strings."""
        return [{**asdict(c), "classes": list(c.classes)} for c in self]

    @classmethod
    def from_json(cls, found: Any) -> Conditions:
        """The reverse of :meth:`to_json`.

        Raises:
            BadInput: for anything that it cannot have written.
        """
        require(isinstance(found, list), "conditions must be a list")
        each = tuple(_condition(part) for part in found)
        names = [c.name for c in each]
        require(len(set(names)) == len(names), "two conditions have the same name")
        return cls(each)


NOTHING_GIVEN = Conditions()


def _condition(found: Any) -> Condition:
    fields = set(Condition.__dataclass_fields__)
    require(isinstance(found, dict) and set(found) == fields, f"a condition must have {fields}")
    name, classes, numbers = found["name"], found["classes"], (found["mean"], found["spread"])
    require(isinstance(name, str) and bool(name), "a condition must have a name")
    words = isinstance(classes, list) and all(isinstance(c, str) for c in classes)
    require(words and len(set(classes)) == len(classes), f"the classes of {name} must be words")
    for number in numbers:
        fine = isinstance(number, int | float) and not isinstance(number, bool)
        require(fine and math.isfinite(number), f"mean and spread of {name} must be numbers")
    require(found["spread"] > 0, f"the spread of {name} must be above 0")
    return Condition(name, tuple(classes), *map(float, numbers))


def by_name(given: Mapping[str, Any] | None) -> Mapping[str, Any]:
    """What a person gives, where it is given by name; names that are no text are as text.

    Raises:
        BadInput: for a value without a name.
    """
    given = {} if given is None else given
    shown = " ".join(repr(given).split())[:60]
    require(isinstance(given, Mapping), f"say what is given by name, as {{'label': {shown}}}")
    return {str(name): value for name, value in given.items()}


def parse_given(texts: Iterable[str]) -> dict[str, str]:
    """``["label=3", "age=40.5"]`` by name.

    Raises:
        BadInput: for a text that is no pair, or a name that is there twice.
    """
    found: dict[str, str] = {}
    for text in texts:
        name, sign, value = text.partition("=")
        pair = bool(sign and name.strip() and value.strip())
        require(pair, f"what is given is written name=value, as label=3; not {text!r}")
        require(name.strip() not in found, f"{name.strip()} is given twice")
        found[name.strip()] = value.strip()
    return found


def is_missing(cell: Any) -> bool:
    """Whether a cell holds nothing."""
    if isinstance(cell, float):
        return not math.isfinite(cell)
    return cell is None or str(cell).strip() in ("", "<NA>", "NaT")


def as_cells(value: Any) -> Array:
    """An array of whatever a person gives."""
    if isinstance(value, Tensor):
        return value.detach().cpu().numpy()
    if isinstance(value, str):
        return np.array(value, dtype=object)
    try:
        return np.asarray(value)
    except ValueError as error:
        raise BadInput(f"give one value, or one for each row: {error}") from error


def word(cell: Any) -> str:
    """How a class is called: 3 and 3.0 are the same."""
    if isinstance(cell, float | np.floating) and float(cell).is_integer():
        return str(int(cell))
    return str(cell).strip()


def as_number(text: str) -> float | None:
    """The number that a text says, or None; "nan" and "inf" say none."""
    try:
        value = float(text)
    except ValueError:
        return None
    return value if math.isfinite(value) else None
