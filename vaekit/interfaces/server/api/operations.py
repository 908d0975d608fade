"""What a model can be asked, each in one place: its options, what comes in and goes out, and how it
is computed."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, ClassVar

import numpy as np
import torch
from starlette.exceptions import HTTPException
from torch import Tensor

from vaekit.data.layout import Like
from vaekit.data.readers.npy import array_in_bytes
from vaekit.evaluation import elbo_per_row, encode, log_likelihood_and_error
from vaekit.evaluation.passes import codes
from vaekit.interfaces.server.api.forms import Form, Schema, Taken, form_of
from vaekit.interfaces.server.api.limits import Limits
from vaekit.interfaces.server.api.media import JSON, NPY, Reply, from_json, in_json, in_npy, plain
from vaekit.interfaces.server.api.options import JsonOption, Option, seed
from vaekit.interfaces.server.api.worker import PIECE, Prepared
from vaekit.models import Graph
from vaekit.rows import Rows
from vaekit.runs.apart import per_row
from vaekit.runs.handed_back import handed_back
from vaekit.runs.reading import codes_of
from vaekit.runs.trained import Trained
from vaekit.system.checks import known, require

MOST_SAMPLES, DRAWS_AT_ONCE = 5000, 2**15
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
    def form(self) -> Form:
        """How its rows come in and go out."""
        return form_of(self.trained)

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


class Operation(ABC):
    """Something that a model can be asked."""

    name: ClassVar[str]
    about: ClassVar[str]
    needs_body: ClassVar[bool] = True

    def why_not(self, model: Served) -> str:
        """Why a model cannot do it; empty where it can."""
        return ""

    def options(self, model: Served) -> tuple[Option, ...]:
        """What the address may say."""
        if model.given is None:
            return ()
        return (JsonOption("given", "What the model is given beside x.", inside=model.given),)

    @abstractmethod
    def takes(self, model: Served) -> dict[str, Schema]:
        """Kinds of bodies, and their schemas."""

    @abstractmethod
    def gives(self, model: Served) -> dict[str, Schema]:
        """Kinds of replies, and their schemas."""

    @abstractmethod
    def example(self, model: Served) -> dict[str, Any] | None:
        """A body in JSON."""

    @abstractmethod
    def prepared(self, model: Served, asked: Asked) -> Prepared:
        """What is asked, read and checked.

        Raises:
            BadInput: for what the model does not take.
        """


class OfRows(Operation):
    """What is asked of rows."""

    def takes(self, model: Served) -> dict[str, Schema]:
        """Rows in whatever holds them."""
        each = {"rows": {"type": "array", "minItems": 1, "items": model.form.schema}}
        return {JSON: _object(each, model.given), **dict.fromkeys(model.form.kinds[1:], BINARY)}

    def example(self, model: Served) -> dict[str, Any] | None:
        """One row."""
        return _with_given({"rows": [model.form.example]}, model)

    def read(self, model: Served, asked: Asked) -> tuple[Taken, Any]:
        """The rows of a body, and what is given beside them."""
        found = asked.parts("rows")
        if asked.kind == JSON:
            rows = found.get("rows")
            require(isinstance(rows, list), 'send {"rows": [...]}')
            assert isinstance(rows, list)
            model.check(len(rows))
            taken = model.form.listed(rows)
        else:
            taken = model.form.held(asked.body, asked.kind)
        model.check(taken.count)
        return taken, checked_given(found.get("given"))


class Encode(OfRows):
    """Codes of rows."""

    name, about = "encode", "Codes of rows: the means of q(z|x), (rows, latent)."

    def options(self, model: Served) -> tuple[Option, ...]:
        """Also whether standard deviations are wanted."""
        std = Option("std", "Also the standard deviations of q(z|x); in arrays behind the", False)  # noqa: FBT003
        return (std, *super().options(model))

    def gives(self, model: Served) -> dict[str, Schema]:
        """Codes."""
        listed = _numbers(model.trained.latent)
        return {JSON: _of({"codes": listed, "std": listed}, ["codes"]), NPY: BINARY}

    def prepared(self, model: Served, asked: Asked) -> Prepared:
        """Codes of each row, and their spread behind them."""
        (taken, given), std = self.read(model, asked), asked.options["std"]
        trained, latent = model.trained, model.trained.latent
        rows = trained.rows_alike(taken.data, given=given)

        def compute(some: Rows) -> Tensor:
            return torch.cat([*codes(trained.model, some, spread=std)]).cpu()

        def give(found: Tensor) -> Reply:
            each = found.numpy()
            if asked.wants == NPY:
                return in_npy(each)
            parts = {"codes": plain(each[:, :latent])}
            return in_json({**parts, "std": plain(each[:, latent:])} if std else parts)

        return Prepared(model.name, self.name, compute, give, rows, std)


class Decode(Operation):
    """Rows of codes."""

    name, about = "decode", "Rows that codes stand for: the mean of p(x|z) of each."

    def takes(self, model: Served) -> dict[str, Schema]:
        """Codes in lists, or an array."""
        return {JSON: _object({"codes": _numbers(model.trained.latent)}, model.given), NPY: BINARY}

    def gives(self, model: Served) -> dict[str, Schema]:
        """Rows."""
        return rows_of(model)

    def example(self, model: Served) -> dict[str, Any] | None:
        """The code 0."""
        return _with_given({"codes": [[0.0] * model.trained.latent]}, model)

    def prepared(self, model: Served, asked: Asked) -> Prepared:
        """The mean of p(x|z) for each code."""
        trained, found = model.trained, asked.parts("codes")
        if asked.kind == JSON:
            sent = found.get("codes")
            require(isinstance(sent, list) and bool(sent), 'send {"codes": [[...], ...]}')
        else:
            sent = array_in_bytes(asked.body, "the body")
        z = codes_of(sent, trained.latent)
        require(len(z) > 0, "there are no codes")
        model.check(len(z), model.size)
        told = trained.given_rows(checked_given(found.get("given")), len(z))

        def compute(some: Rows) -> Tensor:
            return trained.decoded(some.data, some.given)

        def give(made: Tensor) -> Reply:
            rows = handed_back(trained.config, None, made, trained.layout)
            return model.form.give(rows, asked.wants)

        return Prepared(model.name, self.name, compute, give, Rows(z, told))


class Reconstruct(OfRows):
    """Rows decoded from their own codes."""

    name, about = "reconstruct", "Rows encoded and decoded again: the mean of p(x|z) at each code."

    def gives(self, model: Served) -> dict[str, Schema]:
        """Rows."""
        return rows_of(model)

    def prepared(self, model: Served, asked: Asked) -> Prepared:
        """The mean of p(x|z) at each row's code."""
        trained, (taken, given) = model.trained, self.read(model, asked)
        model.check(taken.count, model.size)
        rows, layout = trained.rows_alike(taken.data, given=given), trained.layout
        if isinstance(taken.data, np.ndarray):
            layout = Like(layout).layout(taken.data.shape[1:], taken.data.dtype, "the body")

        def compute(some: Rows) -> Tensor:
            return trained.decoded(encode(trained.model, some), some.given)

        def give(made: Tensor) -> Reply:
            rebuilt = handed_back(trained.config, None, made, layout)
            return model.form.give(rebuilt, asked.wants, named=taken.named)

        return Prepared(model.name, self.name, compute, give, rows)


@dataclass(frozen=True)
class _Ready:
    """Rows that are made already, to be measured apart.

    Args:
        model: the model.
        rows: as it sees them.
    """

    model: Graph
    rows: Rows

    def parts_alike(self, data: Any, given: Any, seed: int) -> Iterator[Rows]:
        """All of them."""
        yield self.rows


class Score(OfRows):
    """log p(x) of rows."""

    name = "score"
    about = (
        "log p(x) of each row in nats by importance sampling, and its standard error. A row's "
        "depends on the row, samples and seed alone."
    )

    def why_not(self, model: Served) -> str:
        """An autoencoder has no density."""
        return "" if model.trained.has_density else "an autoencoder has no log p(x)"

    def options(self, model: Served) -> tuple[Option, ...]:
        """How many samples, of which seed, and whether the ELBO is wanted."""
        samples = Option("samples", "Importance samples for each row.", 100, 1, MOST_SAMPLES)
        bound = Option("elbo", "Also the ELBO, a lower bound on log p(x).", False)  # noqa: FBT003
        return (samples, bound, seed(), *super().options(model))

    def gives(self, model: Served) -> dict[str, Schema]:
        """Numbers by name; as an array, columns in this order."""
        each = {"type": "array", "items": NUMBER}
        named = {"log_likelihood": each, "error": each, "elbo": each}
        return {JSON: _of(named, ["log_likelihood", "error"]), NPY: BINARY}

    def prepared(self, model: Served, asked: Asked) -> Prepared:
        """log p(x), its error, and the ELBO if it is wanted."""
        trained, (taken, given), how = model.trained, self.read(model, asked), asked.options
        samples, key = how["samples"], how["seed"]
        rows = trained.rows_alike(taken.data, key, given=given)
        measures = (log_likelihood_and_error, *([elbo_per_row] if how["elbo"] else []))

        def compute(some: Rows) -> Tensor:
            ready = _Ready(trained.model, some)
            found = [per_row(ready, each, None, None, samples, key) for each in measures]
            return torch.from_numpy(np.column_stack(found))

        def give(found: Tensor) -> Reply:
            if asked.wants == NPY:
                return in_npy(found.numpy())
            names = ("log_likelihood", "error", "elbo")
            return in_json({n: plain(c) for n, c in zip(names, found.numpy().T, strict=False)})

        piece, same = max(min(PIECE, DRAWS_AT_ONCE // samples), 1), (samples, key, how["elbo"])
        return Prepared(model.name, self.name, compute, give, rows, same, piece)


def checked_given(found: Any) -> dict[str, Any] | None:
    """What is given, if it is texts and numbers by name, one for all rows or one for each.

    Raises:
        BadInput: for anything else.
    """
    require(found is None or isinstance(found, dict), 'given is an object, as {"label": "3"}')
    for name, value in (found or {}).items():
        each = value if isinstance(value, list) else [value]
        fine = all(isinstance(v, str | int | float) and not isinstance(v, bool) for v in each)
        require(fine, f"given: {name} must be a text or a number, or a list of one for each row")
        require(bool(each), f"given: {name} is empty")
    return found or None


def rows_of(model: Served) -> dict[str, Schema]:
    """Kinds of replies that hold rows, and their schemas."""
    each = {"rows": {"type": "array", "items": _loosely(model.form.schema)}}
    return {JSON: _of(each, ["rows"]), **dict.fromkeys(model.form.kinds[1:], BINARY)}


def _loosely(schema: Schema) -> Schema:
    """A row as it comes out, in which a number that is not finite is null."""
    if schema.get("type") in ("number", "integer"):
        return {**schema, **NUMBER}
    found = {k: _loosely(v) if isinstance(v, dict) else v for k, v in schema.items()}
    either: list[Schema] = schema.get("anyOf", [])
    return {**found, "anyOf": [*map(_loosely, either)]} if either else found


def _numbers(length: int) -> Schema:
    """Lists of so many numbers."""
    inside = {"type": "array", "items": {"type": "number"}, "minItems": length, "maxItems": length}
    return {"type": "array", "minItems": 1, "items": inside}


def _object(each: Mapping[str, Schema], given: Schema | None) -> Schema:
    """A body: all of it has to be there, but for what is given, which the address may say too."""
    more = {} if given is None else {"given": given}
    return {**_of({**each, **more}, list(each)), "additionalProperties": False}


def _of(each: Mapping[str, Schema], needed: list[str]) -> Schema:
    return {"type": "object", "properties": dict(each), "required": needed}


def _with_given(found: dict[str, Any], model: Served) -> dict[str, Any]:
    from vaekit.interfaces.server.faces import typical

    told = typical(model.trained)
    return {**found, "given": told} if told else found
