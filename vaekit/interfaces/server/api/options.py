"""What an address may say behind its question mark: one declaration checks it and describes it."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from starlette.datastructures import QueryParams

from vaekit.interfaces.server.api.media import Malformed
from vaekit.system.checks import BadInput, known, printable, require
from vaekit.system.records import from_text

LONGEST = 10_000
SEEDS = 2**32 - 1


@dataclass(frozen=True)
class Option:
    """One thing that can be said.

    Args:
        name: of it.
        about: what it does.
        default: where nothing is said; its type is the option's.
        low: the least, of a number.
        high: the greatest.
    """

    name: str
    about: str
    default: Any = None
    low: float = -math.inf
    high: float = math.inf

    def read(self, text: str) -> Any:
        """What a text says.

        Raises:
            BadInput: for anything that it cannot be.
        """
        require(len(text) <= LONGEST, f"{self.name} is too long")
        if isinstance(self.default, bool):
            require(text in ("true", "false"), f"{self.name} must be true or false")
            return text == "true"
        if isinstance(self.default, int):
            good = text.isascii() and text.isdecimal() and len(text) < 16
            require(
                good and self.low <= int(text) <= self.high,
                f"{self.name} must be a whole number from {self.low} to {self.high}, "
                f"not {printable(text)[:40]!r}",
            )
            return int(text)
        return self.text(text)

    def text(self, text: str) -> Any:
        """What a text says, of an option that is no number."""
        return text

    def schema(self) -> dict[str, Any]:
        """As OpenAPI describes it."""
        if isinstance(self.default, bool):
            return {"type": "boolean", "default": self.default}
        if isinstance(self.default, int):
            ends = {"minimum": self.low, "maximum": self.high}
            return {"type": "integer", "default": self.default, **ends}
        return {"type": "string", "maxLength": LONGEST}

    def parameter(self) -> dict[str, Any]:
        """As OpenAPI has it among an operation's."""
        about = {"name": self.name, "in": "query", "description": self.about}
        return {**about, "required": False, "schema": self.schema()}


@dataclass(frozen=True)
class JsonOption(Option):
    """An object in JSON.

    Args:
        inside: its schema.
    """

    inside: Mapping[str, Any] | None = None

    def text(self, text: str) -> Any:
        """The object.

        Raises:
            BadInput: for anything else.
        """
        try:
            found = from_text(text.encode(), self.name)
        except BadInput as error:
            raise Malformed(str(error)) from error
        require(isinstance(found, dict), f"{self.name} must be a JSON object")
        return found

    def parameter(self) -> dict[str, Any]:
        """As OpenAPI has it among an operation's."""
        found = super().parameter()
        del found["schema"]
        return {**found, "content": {"application/json": {"schema": dict(self.inside or {})}}}


def read_options(options: Sequence[Option], query: QueryParams) -> dict[str, Any]:
    """What an address says, and the defaults of all else.

    Raises:
        BadInput: for an option that is not there, is said twice, or cannot be that.
    """
    said = query.multi_items()
    names = [option.name for option in options]
    for name, _ in said:
        require(bool(names), f"this takes no options, so not {printable(name)[:40]!r} either")
        known("option", printable(name), names)
    check_once(name for name, _ in said)
    texts = dict(said)
    return {o.name: o.read(texts[o.name]) if o.name in texts else o.default for o in options}


def check_once(names: Iterable[str]) -> None:
    """Raise ``BadInput`` for a name that is there twice."""
    seen = set[str]()
    for name in names:
        require(name not in seen, f"{name} is said twice")
        seen.add(name)


def seed() -> Option:
    """The seed of everything random."""
    return Option("seed", "Seed of everything random: the same gives the same.", 0, 0, SEEDS)
