"""Tests in words, "age > 60 and city in ['Rome', 'Paris']", are read."""

from __future__ import annotations

import operator
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from vaekit.system.checks import known, require

TOKEN = re.compile(
    r"\s*(?:'(?P<single>(?:[^']|'')*)'|\"(?P<double>(?:[^\"]|\"\")*)\"|`(?P<name>[^`]*)`"
    r"|(?P<sign><=|>=|==|!=|<>|=|<|>)|(?P<mark>[\[\](),])|(?P<word>[^\s\[\](),<>=!'\"`]+))"
)
IN, NOT_IN, MISSING, THERE = "in", "not in", "missing", "there"
ORDERS: dict[str, Callable[[Any, Any], Any]] = {
    "<": operator.lt, "<=": operator.le, ">": operator.gt, ">=": operator.ge,
}  # fmt: skip
SIGNS = {"=": IN, "==": IN, "!=": NOT_IN, "<>": NOT_IN} | {sign: sign for sign in ORDERS}
HOW = """write it as "age > 60 and city in ['Rome', 'Paris']" """.strip()
FRACTION = re.compile(r",\d")


@dataclass(frozen=True)
class Test:
    """What the cells of a column are to fulfil.

    Args:
        name: of the column.
        rule: "in", "not in", "<", "<=", ">", ">=", "missing" or "there".
        values: as they were written.
    """

    name: str
    rule: str
    values: tuple[str, ...] = ()


def parse(text: str, names: Sequence[str]) -> tuple[Test, ...]:
    """The tests of a text, all of which are to hold: comparisons (=, !=, <, <=, >, >=), ``in``,
    ``not in``, ``between .. and ..``, ``is missing`` and ``is not missing``, joined by ``and``.

    Args:
        text: of tests; values with spaces or signs stand in quotes, and so may names in backticks.
        names: of the columns.

    Raises:
        BadInput: for anything else, and for a column that is not there.
    """
    require(isinstance(text, str), f"where must be a text, not {text!r}: {HOW}")
    reader, found = _Reader(text, names), []
    while True:
        found += _clause(reader)
        if reader.done:
            return tuple(found)
        require(
            not reader.next_is("or"),
            "where: tests are joined by and, not by or: list values with in [..]",
        )
        reader.require(reader.next_is("and"), "and")


class _Reader:
    """A text that is read from its beginning to its end."""

    def __init__(self, text: str, names: Sequence[str]) -> None:
        self.text, self.at = text.strip(), 0
        self.names = sorted(names, key=len, reverse=True)
        require(bool(self.text), f"where is empty: {HOW}")

    @property
    def done(self) -> bool:
        return self.at >= len(self.text)

    def require(self, fine: bool, wanted: str) -> None:
        rest = self.text[self.at :].lstrip()
        place = f"before {rest!r}" if rest else "at the end"
        if FRACTION.match(rest):
            wanted = f"a decimal point, or {wanted},"
        require(fine, f"where: {wanted} is missing {place}: {HOW}")

    def peek(self) -> re.Match[str] | None:
        return None if self.done else TOKEN.match(self.text, self.at)

    def take(self, kind: str) -> str | None:
        """The next part, if it is of this kind."""
        found = self.peek()
        if found is None or found[kind] is None:
            return None
        self.at = found.end()
        return found[kind]

    def word(self) -> str:
        """The next word, in small letters; "" if what comes is none."""
        return (self.take("word") or "").lower()

    def next_is(self, *words: str) -> bool:
        """Whether these words come next; then they are read."""
        before = self.at
        if all(self.word() == word for word in words):
            return True
        self.at = before
        return False

    def column(self) -> str:
        """A column's name: the longest that stands here, or what is in backticks."""
        quoted = self.take("name")
        if quoted is not None:
            return known("column", quoted, self.names)
        rest = self.text[self.at :].lstrip()
        for name in self.names:
            if name and rest.startswith(name) and not re.match(r"\w", rest[len(name) :]):
                self.at = len(self.text) - len(rest) + len(name)
                return name
        word = self.take("word")
        self.require(word is not None, "a column")
        return known("column", str(word), self.names)

    def value(self) -> str:
        for kind, mark in (("single", "'"), ("double", '"')):
            quoted = self.take(kind)
            if quoted is not None:
                return quoted.replace(mark * 2, mark)
        word = self.take("word")
        self.require(word is not None, "a value")
        return str(word)

    def values(self) -> Iterator[str]:
        """A list in brackets."""
        opened = self.take("mark")
        self.require(opened in ("[", "("), "[")
        mark = ","
        while mark == ",":
            yield self.value()
            mark = self.take("mark") or ""
        self.require(mark == {"[": "]", "(": ")"}[str(opened)], "]")


def _clause(reader: _Reader) -> list[Test]:
    """One test; of ``between`` two."""
    name, sign = reader.column(), reader.take("sign")
    if sign is not None:
        return [Test(name, SIGNS[sign], (reader.value(),))]
    if reader.next_is("is", "not", "missing"):
        return [Test(name, THERE)]
    if reader.next_is("is", "missing"):
        return [Test(name, MISSING)]
    if reader.next_is("between"):
        low = reader.value()
        reader.require(reader.next_is("and"), "and")
        return [Test(name, ">=", (low,)), Test(name, "<=", (reader.value(),))]
    rule = NOT_IN if reader.next_is("not", "in") else IN
    reader.require(rule == NOT_IN or reader.next_is("in"), "a comparison such as > or in")
    return [Test(name, rule, tuple(reader.values()))]
