"""A model as it is served, what a request says, and how both are described."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
from starlette.exceptions import HTTPException

from vaekit.interfaces.server.api.limits import Limits
from vaekit.interfaces.server.api.media import JSON, from_json
from vaekit.interfaces.server.api.wires import Schema, Wire, wire_of
from vaekit.models import Graph
from vaekit.runs.apart import in_double
from vaekit.runs.shown import typical
from vaekit.runs.trained import Trained
from vaekit.system.checks import known, require

NUMBER = {"type": ["number", "null"]}
BINARY: Schema = {"type": "string", "format": "binary"}


@dataclass(frozen=True)
class Served:
    """A model as it is served.

    Args:
        name: in addresses.
        trained: the model.
        limits: of what is taken.
    """

    name: str
    trained: Trained
    limits: Limits

    @cached_property
    def wire(self) -> Wire:
        """How its rows come in and go out."""
        return wire_of(self.trained)

    @cached_property
    def exact(self) -> Graph:
        """The model in float64, as rows are scored."""
        return in_double(self.trained.model)

    @cached_property
    def here(self) -> Trained:
        """The model on the processor, where codes are exact."""
        return self.trained.to("cpu")

    @cached_property
    def given(self) -> Schema | None:
        """Schema of what it is given; None where it takes nothing."""
        each = {c.name: _of_condition(c) for c in self.trained.config.conditions}
        if not each:
            return None
        needed = [] if self.trained.may_be_untold else list(each)
        return {
            "type": "object", "properties": each, "required": needed, "additionalProperties": False
        }  # fmt: skip

    @property
    def size(self) -> int:
        """Numbers of a row."""
        return int(np.prod(self.trained.representation.shape))

    def check(self, rows: int, numbers: int = 1) -> int:
        """So many rows, if they are not too many.

        Args:
            rows: how many.
            numbers: of each that goes back.
        """
        most = self.most(numbers)
        if rows > most:
            raise HTTPException(413, f"at most {most:,} rows at once, not {rows:,}")
        return rows

    def most(self, numbers: int) -> int:
        """How many rows of so many numbers each may come and go at once."""
        return max(min(self.limits.rows, self.limits.bytes // (4 * numbers)), 1)


def _of_condition(condition: Any) -> Schema:
    one: Schema = {"type": "number"}
    if condition.classes:
        one = {"anyOf": [{"type": "string", "enum": list(condition.classes)}, one]}
    return {"anyOf": [one, {"type": "array", "items": one}]}


@dataclass(frozen=True)
class Asked:
    """A request, as far as HTTP is concerned.

    Args:
        body: its bytes.
        kind: what they are; empty where there are none.
        wants: kind of the reply.
        options: what the address says.
        base: address under which the server was asked for.
    """

    body: bytes = b""
    kind: str = ""
    wants: str = JSON
    options: Mapping[str, Any] = field(default_factory=dict)
    base: str = ""

    def parts(self, *names: str) -> dict[str, Any]:
        """What the JSON of the body says, and what is given there or in the address.

        Raises:
            BadInput: for what is not among ``names``, or is given in both places.
        """
        found = from_json(self.body) if self.kind == JSON else {}
        for name in found:
            known("entry", name, (*names, "given"))
        told = self.options.get("given")
        if told is None:
            return found
        require("given" not in found, "given stands in the body and in the address: say it once")
        return {**found, "given": told}


def rows_of(model: Served) -> dict[str, Schema]:
    """Kinds of replies that hold rows, and their schemas."""
    each = {"rows": {"type": "array", "items": _loosely(model.wire.schema)}}
    return {JSON: object_of(each, ["rows"]), **dict.fromkeys(model.wire.kinds[1:], BINARY)}


def _loosely(schema: Schema) -> Schema:
    """A row as it comes out, in which a number that is not finite is null."""
    if schema.get("type") in ("number", "integer"):
        return {**schema, **NUMBER}
    found = {k: _loosely(v) if isinstance(v, dict) else v for k, v in schema.items()}
    either = schema.get("anyOf")
    return {**found, "anyOf": [*map(_loosely, either)]} if isinstance(either, list) else found


def lists_of(length: int) -> Schema:
    """Lists of so many numbers."""
    inside = {"type": "array", "items": {"type": "number"}, "minItems": length, "maxItems": length}
    return {"type": "array", "minItems": 1, "items": inside}


def body_of(each: Mapping[str, Schema], given: Schema | None) -> Schema:
    """A body: all of it has to be there, but for what is given, which the address may say too."""
    more = {} if given is None else {"given": given}
    return {**object_of({**each, **more}, list(each)), "additionalProperties": False}


def object_of(each: Mapping[str, Schema], needed: list[str]) -> Schema:
    """An object of these entries, some of which have to be there."""
    return {"type": "object", "properties": dict(each), "required": needed}


def with_given(found: dict[str, Any], model: Served) -> dict[str, Any]:
    """A body that says what a conditional model is given, too."""
    told = typical(model.trained)
    return {**found, "given": told} if told else found
