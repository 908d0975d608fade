"""What a model can be asked of rows and codes, each in one place: its options, what comes in and
goes out, and how it is computed, for many requests together."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import torch
from torch import Tensor

from vaekit.data.layout import Like
from vaekit.data.readers.npy import array_in_bytes
from vaekit.evaluation import elbo_per_row, encode, log_likelihood_and_error
from vaekit.evaluation.passes import codes
from vaekit.interfaces.server.api.media import JSON, NPY, Reply, in_json, in_npy, plain
from vaekit.interfaces.server.api.options import JsonOption, Option, seed
from vaekit.interfaces.server.api.served import (
    BINARY,
    NUMBER,
    Asked,
    Served,
    body_of,
    lists_of,
    object_of,
    rows_of,
    with_given,
)
from vaekit.interfaces.server.api.wires import Schema, Taken
from vaekit.interfaces.server.api.worker import PIECE, Prepared
from vaekit.interfaces.server.asking import checked_given
from vaekit.models import Graph
from vaekit.rows import Rows
from vaekit.runs.apart import per_row
from vaekit.runs.handed_back import handed_back
from vaekit.runs.reading import codes_of
from vaekit.system.checks import require

MOST_SAMPLES, DRAWS_AT_ONCE = 5000, 2**15


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
        each = {"rows": {"type": "array", "minItems": 1, "items": model.wire.schema}}
        return {JSON: body_of(each, model.given), **dict.fromkeys(model.wire.kinds[1:], BINARY)}

    def example(self, model: Served) -> dict[str, Any] | None:
        """One row."""
        return with_given({"rows": [model.wire.example]}, model)

    def read(self, model: Served, asked: Asked) -> tuple[Taken, Any]:
        """The rows of a body, and what is given beside them."""
        found = asked.parts("rows")
        if asked.kind == JSON:
            rows = found.get("rows")
            require(isinstance(rows, list), 'send {"rows": [...]}')
            assert isinstance(rows, list)
            model.check(len(rows))
            taken = model.wire.listed(rows)
        else:
            taken = model.wire.held(asked.body, asked.kind)
        model.check(taken.count)
        return taken, checked_given(found.get("given"))


class Encode(OfRows):
    """Codes of rows."""

    name, about = "encode", "Codes of rows: the means of q(z|x), (rows, latent)."

    def options(self, model: Served) -> tuple[Option, ...]:
        """Also whether standard deviations are wanted."""
        about = "Also the standard deviations of q(z|x); in arrays they stand behind the codes."
        std = Option("std", about, default=False)
        return (std, *super().options(model))

    def gives(self, model: Served) -> dict[str, Schema]:
        """Codes."""
        listed = lists_of(model.trained.latent)
        return {JSON: object_of({"codes": listed, "std": listed}, ["codes"]), NPY: BINARY}

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
            parts |= {"std": plain(each[:, latent:])} if std else {}
            return in_json(parts, taken.notes)

        return Prepared(model.name, self.name, compute, give, rows, std)


class Decode(Operation):
    """Rows of codes."""

    name, about = "decode", "Rows that codes stand for: the mean of p(x|z) of each."

    def takes(self, model: Served) -> dict[str, Schema]:
        """Codes in lists, or an array."""
        return {JSON: body_of({"codes": lists_of(model.trained.latent)}, model.given), NPY: BINARY}

    def gives(self, model: Served) -> dict[str, Schema]:
        """Rows."""
        return rows_of(model)

    def example(self, model: Served) -> dict[str, Any] | None:
        """The code 0."""
        return with_given({"codes": [[0.0] * model.trained.latent]}, model)

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
            return model.wire.give(rows, asked.wants)

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
            return model.wire.give(rebuilt, asked.wants, named=taken.named, notes=taken.notes)

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
        bound = Option("elbo", "Also the ELBO, a lower bound on log p(x).", default=False)
        return (samples, bound, seed(), *super().options(model))

    def gives(self, model: Served) -> dict[str, Schema]:
        """Numbers by name; as an array, columns in this order."""
        each = {"type": "array", "items": NUMBER}
        named = {"log_likelihood": each, "error": each, "elbo": each}
        return {JSON: object_of(named, ["log_likelihood", "error"]), NPY: BINARY}

    def prepared(self, model: Served, asked: Asked) -> Prepared:
        """log p(x), its error, and the ELBO if it is wanted."""
        trained, (taken, given), how = model.trained, self.read(model, asked), asked.options
        samples, key = how["samples"], how["seed"]
        rows = trained.rows_alike(taken.data, key, given=given)
        measures = (log_likelihood_and_error, *([elbo_per_row] if how["elbo"] else []))

        def compute(some: Rows) -> Tensor:
            ready = _Ready(model.exact, some)
            found = [per_row(ready, each, None, None, samples, key) for each in measures]
            return torch.from_numpy(np.column_stack(found))

        def give(found: Tensor) -> Reply:
            if asked.wants == NPY:
                return in_npy(found.numpy())
            names = ("log_likelihood", "error", "elbo")
            columns = zip(names, found.numpy().T, strict=False)
            return in_json({name: plain(column) for name, column in columns}, taken.notes)

        piece, same = max(min(PIECE, DRAWS_AT_ONCE // samples), 1), (samples, key, how["elbo"])
        return Prepared(model.name, self.name, compute, give, rows, same, piece)
