"""What values an option may have: said beside its type, where it is defined, and checked for
whoever sets it."""

from __future__ import annotations

import math
import numbers
import reprlib
import types
import typing
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Annotated, Any, Literal, TypeVar

from vaekit.system.checks import known, require
from vaekit.system.records import LARGEST_WHOLE, is_number, is_whole

Mark = TypeVar("Mark")


class Rule:
    """What values of the right type must obey."""

    def check(self, name: str, value: Any) -> None:
        """Raise ``BadInput`` unless the value of this name does."""
        raise NotImplementedError


@dataclass(frozen=True)
class Range(Rule):
    """Numbers from ``low`` to ``high``.

    Args:
        low: the least.
        high: the greatest.
        open: whether the ends are left out: "low", "high", or none.
    """

    low: float = -math.inf
    high: float = math.inf
    open: Literal["", "low", "high"] = ""

    def check(self, name: str, value: float) -> None:
        """Raise ``BadInput`` for a number out of the range."""
        left = self.low < value if self.open == "low" else self.low <= value
        right = value < self.high if self.open == "high" else value <= self.high
        require(left and right, f"{name} must {self.text}, not {value}")

    def __call__(self, kind: Any, value: Any) -> None:
        """The same of a value that was typed; None is an option that was left out."""
        if value is not None:
            self.check("it", value)

    @property
    def text(self) -> str:
        """What is asked, for people."""
        if self.high < math.inf:
            ends = {
                "high": f"be at least {self.low:,} and below {self.high:,}",
                "low": f"be above {self.low:,} and at most {self.high:,}",
            }
            return ends.get(self.open, f"lie between {self.low:,} and {self.high:,}")
        if self.open == "low":
            return f"be above {self.low:,}"
        return "not be negative" if self.low == 0 else f"be at least {self.low:,}"


@dataclass(frozen=True)
class OneOf(Rule):
    """Words from a list.

    Args:
        noun: what they are called.
        names: the words.
    """

    noun: str
    names: Iterable[str]

    def check(self, name: str, value: str) -> None:
        """Raise ``BadInput`` for another word, with the nearest."""
        known(self.noun, value, self.names)


@dataclass(frozen=True)
class Parsed(Rule):
    """What a function can read.

    Args:
        read: raises ``BadInput`` for what it cannot.
    """

    read: Callable[[Any], Any]

    def check(self, name: str, value: Any) -> None:
        """Raise ``BadInput`` for anything else."""
        self.read(value)


@dataclass(frozen=True)
class AtMostRows:
    """What an option has no use for more of than there are rows to train on: it stands beside the
    option's type."""

    def check(self, name: str, value: int, rows: int) -> None:
        """Raise ``BadInput`` for more than there are rows."""
        said = f"{name} is {value:,}, more than there are training rows ({rows:,}): take fewer"
        require(value <= rows, said)


@dataclass(frozen=True)
class Swept:
    """Where a sweep looks for the best value of an option, unless somebody says where: it stands
    beside the option's type.

    Args:
        low: the least.
        high: the greatest.
        log: whether equal factors count as equal distances.
        idle: another option and its value with which this one does nothing.
    """

    low: float
    high: float
    log: bool = False
    idle: tuple[str, str] = ("", "")


Count = Annotated[int, Range(1)]
Whole = Annotated[int, Range(0)]
Share = Annotated[float, Range(0, 1)]
ShareBelow = Annotated[float, Range(0, 1, "high")]
Weight = Annotated[float, Range(0)]
Above = Annotated[float, Range(0, open="low")]


def plain(value: Any) -> Any:
    """A number of NumPy's as Python's own; anything else as it is."""
    if isinstance(value, bool) or not isinstance(value, numbers.Real):
        return value
    return int(value) if isinstance(value, numbers.Integral) else float(value)


def as_written(kind: Any, value: Any) -> Any:
    """A number as text, where an option is a text that says a number among others."""
    _, rules = _taken_apart(kind)
    parsed = any(isinstance(rule, Parsed) for rule in rules)
    return repr(value) if parsed and is_number(value) else value


def check_value(name: str, kind: Any, value: Any) -> None:
    """Raise ``BadInput`` unless a value has the type of an annotation, and obeys its rules.

    Args:
        name: of the option.
        kind: the annotation.
        value: that is set.
    """
    inside, rules = _taken_apart(kind)
    if typing.get_origin(inside) is Literal:
        known(name, str(value), typing.get_args(inside))
    noun = _noun(inside)
    require(is_of(value, inside), f"{name} must be {noun}, not {reprlib.repr(value)[:60]}")
    for rule in rules:
        rule.check(name, value)
    either = typing.get_args(inside) if typing.get_origin(inside) in _EITHER else ()
    for member in [each for each in either if is_of(value, each)][:1]:
        check_value(name, member, value)


def is_of(value: Any, kind: Any) -> bool:
    """Whether a value has the type that an annotation says, as far as options use types."""
    kind, _ = _taken_apart(kind)
    origin, inside = typing.get_origin(kind), typing.get_args(kind)
    if origin is Literal:
        return value in inside
    if origin in _EITHER:
        return any(is_of(value, each) for each in inside)
    if origin is tuple:
        return isinstance(value, tuple) and all(is_of(each, inside[0]) for each in value)
    if origin is Mapping:
        pairs = value.items() if isinstance(value, dict) else [(None, None)]
        return all(is_of(k, inside[0]) and is_of(v, inside[1]) for k, v in pairs)
    if kind is float:
        return is_number(value)
    if kind is int:
        return is_whole(value, -LARGEST_WHOLE)
    return not isinstance(kind, type) or isinstance(value, kind)


def swept_of(kind: Any) -> Swept | None:
    """Where a sweep looks for an option of a type, if its annotation says."""
    return _beside(kind, Swept)


def at_most_rows_of(kind: Any) -> AtMostRows | None:
    """What an option of a type must obey once the rows are known, if its annotation says."""
    return _beside(kind, AtMostRows)


def _beside(kind: Any, mark: type[Mark]) -> Mark | None:
    """What stands beside a type, or a type inside it."""
    found = (p for part in typing.get_args(kind) for p in (part, _beside(part, mark)))
    return next((p for p in found if isinstance(p, mark)), None)


def words_of(kind: Any) -> tuple[str, ...]:
    """The words that an option of a type can be; none where it is no choice of words."""
    inside, _ = _taken_apart(kind)
    return typing.get_args(inside) if typing.get_origin(inside) is Literal else ()


def number_of(kind: Any) -> type | None:
    """int or float, where an option of a type is such a number; else None."""
    inside, _ = _taken_apart(kind)
    if typing.get_origin(inside) in _EITHER:
        found = [number_of(each) for each in typing.get_args(inside) if each is not type(None)]
        return found[0] if len(found) == 1 else None
    return inside if inside in (int, float) else None


def _noun(kind: Any) -> str:
    """What an option of a type must be, in words; None is what it is unless it is said."""
    kinds = typing.get_args(kind) if typing.get_origin(kind) in _EITHER else (kind,)
    nouns = [_NOUNS.get(_taken_apart(each)[0]) for each in kinds]
    return " or ".join(filter(None, nouns)) or "something else"


def _taken_apart(kind: Any) -> tuple[Any, list[Rule]]:
    """A type, and the rules beside it."""
    if typing.get_origin(kind) is not Annotated:
        return kind, []
    inside, *rest = typing.get_args(kind)
    return inside, [rule for rule in rest if isinstance(rule, Rule)]


_EITHER = (typing.Union, types.UnionType)
_NOUNS = {int: "a whole number", float: "a finite number", str: "a text", bool: "true or false"}
