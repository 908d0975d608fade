"""JSON out of files that anyone may have written: read in one place, within bounds, then checked.

What comes out of :func:`from_text` is a tree of bounded size and depth without entries that are
there twice, whose numbers are finite and fit into 64 bits and whose texts can be written again.
:class:`Part` says of each of its values whether it is what it should be.
"""

from __future__ import annotations

import json
import math
import re
import reprlib
from collections.abc import Callable, Collection
from pathlib import Path
from typing import Any, NoReturn, TypeVar

from vaekit.system.checks import BadInput, require
from vaekit.system.files import content, replacing

Json = dict[str, Any]
T = TypeVar("T")
LARGEST, DEEPEST, MOST_VALUES = 2**28, 32, 2**23
LONG = 2**20  # bytes of a text above which it is one line
LARGEST_WHOLE = 2**63 - 1
_HALF_CHARACTER = re.compile(rb"\\u[dD][89abAB]")


def finite(value: Any) -> Any:
    """A value; None in place of a float that is not finite, for which JSON has no word."""
    return None if isinstance(value, float) and not math.isfinite(value) else value


def read_json(path: Path, largest: int = LARGEST, *, constants: bool = False) -> Any:
    """The JSON in a file; see :func:`from_text`.

    Raises:
        BadInput: as it does, and for a file that cannot be read.
    """
    return from_text(content(path, largest), str(path), largest, constants=constants)


def write_json(path: Path, found: Any, indent: int | None = 2, *, needed: bool = False) -> None:
    """Write a file in JSON, which is there when all of it is.

    Args:
        path: of the file.
        found: what it is to hold.
        indent: spaces before what lies inside something, unless it is long; None for all in one
            line.
        needed: whether it is of no use unless :func:`read_json` can read it.

    Raises:
        BadInput: for a number that is not finite, and for what is needed and too much to be read,
            before anything is written.
    """
    text = as_text(found, str(path))
    require(
        not needed or (len(text) < LARGEST and _marks(text.encode()) <= MOST_VALUES),
        f"cannot write {path}: {len(text):,} bytes are more than could be read again",
    )
    if indent is not None and len(text) < LONG:
        text = as_text(found, str(path), indent)
    with replacing(path) as temporary:
        temporary.write_text(text + "\n", encoding="utf-8")


def as_text(found: Any, name: str, indent: int | None = None) -> str:
    """JSON that can be read again.

    Args:
        found: what it is to say.
        name: what people call it.
        indent: spaces before what lies inside something; None for all in one line.

    Raises:
        BadInput: for a number that is not finite, saying where it stands.
    """
    try:
        return json.dumps(found, indent=indent, allow_nan=False)
    except ValueError:
        place = _place_of_nan(found)
        raise BadInput(f"cannot write {name}: {place} is no finite number, as JSON wants") from None


def _place_of_nan(found: Any) -> str:
    """Where the first number stands that is not finite: entries on the way to it."""
    inside = found.items() if isinstance(found, dict) else enumerate(found)
    for key, value in inside:
        if isinstance(value, float) and not math.isfinite(value):
            return str(key)
        deeper = isinstance(value, dict | list | tuple) and _place_of_nan(value)
        if deeper:
            return f"{key}, {deeper}"
    return ""


def _marks(text: bytes) -> int:
    """At most how many values a text in JSON holds."""
    return sum(map(text.count, (b",", b"[", b"{")))


def from_text(text: bytes, name: str, largest: int = LARGEST, *, constants: bool = False) -> Any:
    """What a text in JSON says.

    Args:
        text: in UTF-8.
        name: of the file, for a complaint.
        largest: bytes that there may be.
        constants: read NaN and Infinity, which JSON does not have, as null; else refuse them.

    Raises:
        BadInput: for what is no JSON, too large or too deep, has an entry twice, or holds numbers
            and texts that have no place in a computer's usual ones.
    """
    require(len(text) <= largest, f"cannot read {name}: it is larger than {largest:,} bytes")
    values = f"cannot read {name}: it holds more than {MOST_VALUES:,} values"
    require(_marks(text) <= MOST_VALUES, values)
    try:
        found = _decoder(constants=constants).decode(text.decode())
    except RecursionError:
        raise BadInput(f"cannot read {name}: {_TOO_DEEP}") from None
    except ValueError as error:
        raise BadInput(f"cannot read {name}: {error}") from error
    require(_depth(found) <= DEEPEST, f"cannot read {name}: {_TOO_DEEP}")
    if _HALF_CHARACTER.search(text):
        _check_characters(found, name)
    return found


_TOO_DEEP = "its lists and dictionaries lie too deep in each other"


def _decoder(*, constants: bool) -> json.JSONDecoder:
    return json.JSONDecoder(
        object_pairs_hook=_no_entry_twice,
        parse_int=_whole,
        parse_float=_finite,
        parse_constant=(lambda name: None) if constants else _refuse,
    )


def _no_entry_twice(pairs: list[tuple[str, Any]]) -> Json:
    found = dict(pairs)
    if len(found) < len(pairs):
        seen = set[str]()
        twice = next(key for key, _ in pairs if key in seen or seen.add(key))  # type: ignore[func-returns-value]
        raise ValueError(f"it has the entry {twice[:60]!r} twice")
    return found


def _whole(text: str) -> int:
    if len(text) > 20 or not -(2**63) <= int(text) < 2**64:
        raise ValueError(f"{text[:20]} is too large a number")
    return int(text)


def _finite(text: str) -> float:
    if not math.isfinite(float(text)):
        raise ValueError(f"{text[:20]} is too large a number")
    return float(text)


def _refuse(name: str) -> NoReturn:
    raise ValueError(f"{name} is no number in JSON")


def _depth(found: Any) -> int:
    """How deep a tree is, as far as it matters."""
    level, depth = [found], 0
    while level and depth <= DEEPEST:
        inside = (v.values() if isinstance(v, dict) else v for v in level if _holds(v))
        level, depth = [value for values in inside for value in values], depth + 1
    return depth


def _holds(value: Any) -> bool:
    return isinstance(value, dict | list)


def _check_characters(found: Any, name: str) -> None:
    try:
        json.dumps(found, ensure_ascii=False).encode()
    except UnicodeEncodeError:
        raise BadInput(f"cannot read {name}: it holds half of a character") from None


class Part:
    """A dictionary that was read from a file, whose values are checked when they are asked for.

    Args:
        found: what should be a dictionary.
        name: what it is called in a complaint.

    Raises:
        BadInput: for a value that is missing or of another type.
    """

    def __init__(self, found: Any, name: str) -> None:
        require(isinstance(found, dict), f"{name} is damaged: it must be a dictionary")
        self.found, self.name = found, name

    @classmethod
    def of_format(cls, path: Path, wanted: str, largest: int = LARGEST) -> Part:
        """The dictionary in a file that says of itself what it is.

        Args:
            path: of the file.
            wanted: what its ``format`` is to be.
            largest: bytes that there may be.

        Raises:
            BadInput: for any other file.
        """
        part = cls(read_json(path, largest), path.name)
        fits = part.maybe_text("format") == wanted
        require(fits, f"{path.name} is not one that this version reads")
        return part

    def has(self, key: str) -> bool:
        """Whether there is a value other than null."""
        return self.found.get(key) is not None

    def get(self, key: str, default: Any = None) -> Any:
        """A value of any type, or the default where there is none."""
        return self.found.get(key, default)

    def require(self, good: bool, key: str, what: str) -> None:
        """Raise ``BadInput`` unless the value at ``key`` is good."""
        require(good, f"{self.name} is damaged: {key} must be {what}, not {self._shown(key)}")

    def _shown(self, key: str) -> str:
        return reprlib.repr(self.found[key])[:60] if key in self.found else "missing"

    def part(self, key: str) -> Part:
        """A dictionary inside this one."""
        self.require(isinstance(self.get(key), dict), key, "a dictionary")
        return Part(self.found[key], key)

    def text(self, key: str) -> str:
        """A string."""
        self.require(isinstance(self.get(key), str), key, "a text")
        return str(self.found[key])

    def maybe_text(self, key: str) -> str | None:
        """A string, or None."""
        return self.text(key) if self.has(key) else None

    def texts(self, key: str) -> tuple[str, ...]:
        """A list of strings."""
        return self._each(key, lambda v: isinstance(v, str), "a list of texts")

    def flag(self, key: str) -> bool:
        """True or false."""
        self.require(isinstance(self.get(key), bool), key, "true or false")
        return bool(self.found[key])

    def whole(self, key: str, least: int = 0, most: int = LARGEST_WHOLE) -> int:
        """A whole number."""
        end = f"of at least {least}" if most == LARGEST_WHOLE else f"from {least} to {most:,}"
        what = f"a whole number {end}"
        self.require(is_whole(self.get(key), least, most), key, what)
        return int(self.found[key])

    def wholes(self, key: str, least: int = 0, most: int = LARGEST_WHOLE) -> tuple[int, ...]:
        """A list of whole numbers."""
        what = f"a list of whole numbers of at least {least}"
        return self._each(key, lambda v: is_whole(v, least, most), what)

    def sizes(self, key: str, most: int = LARGEST_WHOLE) -> tuple[int, ...]:
        """A list of whole numbers above 0, which is not empty."""
        what = "a list of whole numbers above 0"
        found = self._each(key, lambda v: is_whole(v, 1, most), what)
        self.require(bool(found), key, what)
        return found

    def number(self, key: str) -> float:
        """A number."""
        self.require(is_number(self.get(key)), key, "a number")
        return float(self.found[key])

    def numbers(self, key: str) -> tuple[float, ...]:
        """A list of numbers."""
        return tuple(map(float, self._each(key, is_number, "a list of numbers")))

    def items(self, key: str) -> list[Any]:
        """A list of anything."""
        return [*self._each(key, lambda v: True, "a list")]

    def only(self, names: Collection[str]) -> None:
        """Raise ``BadInput`` for a key that has no meaning."""
        for key in self.found:
            require(key in names, f"{self.name} is damaged: it has an unknown entry {key!r}")

    def made(self, make: Callable[[], T]) -> T:
        """What is made of its values; a refusal is told with its name."""
        try:
            return make()
        except (TypeError, ValueError) as error:
            raise BadInput(f"{self.name} is damaged: {error}") from error

    def _each(self, key: str, fine: Callable[[Any], bool], what: str) -> tuple[Any, ...]:
        found = self.get(key)
        self.require(isinstance(found, list | tuple) and all(map(fine, found)), key, what)
        return tuple(found)


def is_whole(value: Any, least: int = 0, most: int = LARGEST_WHOLE) -> bool:
    """Whether a value is a whole number in a range, both ends included."""
    return isinstance(value, int) and not isinstance(value, bool) and least <= value <= most


def is_number(value: Any) -> bool:
    """Whether a value is a finite number."""
    if isinstance(value, int):
        return is_whole(value, -LARGEST_WHOLE)
    return isinstance(value, float) and math.isfinite(value)
