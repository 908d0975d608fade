"""What is computed for one request alone: new rows, gaps filled in, compressed files."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from vaekit.interfaces.server.api.media import ARCHIVE, JSON, Reply
from vaekit.interfaces.server.api.operations import (
    Decode,
    Encode,
    OfRows,
    Operation,
    Reconstruct,
    Score,
)
from vaekit.interfaces.server.api.options import JsonOption, Option, seed
from vaekit.interfaces.server.api.served import BINARY, Asked, Served, rows_of
from vaekit.interfaces.server.api.wires import Schema
from vaekit.interfaces.server.api.worker import Prepared
from vaekit.interfaces.server.asking import checked_given
from vaekit.runs import gaps, tables
from vaekit.runs.archive import Archive
from vaekit.runs.coder import check_coded, coder_of
from vaekit.runs.compression import compress
from vaekit.system.checks import BadInput, require

FEW = 10
NAME = "the body"


class Sample(Operation):
    """New rows."""

    name, needs_body = "sample", False
    about = "New rows: codes from the prior, decoded. The same seed and rows give the same."

    def options(self, model: Served) -> tuple[Option, ...]:
        """How many, of which seed, and what they are to fulfil."""
        most = model.most(model.size)
        rows = Option("rows", "How many.", min(FEW, most), 1, most)
        if model.trained.config.coding is None:
            mean = Option("mean", "Means of p(x|z) instead of draws.", default=False)
            return (rows, mean, seed(), *super().options(model))
        where = Option("where", "What all rows fulfil, as: age > 60 and income == '>50K'")
        given = JsonOption("given", "Cells that all rows have.", inside=model.wire.schema)
        return (rows, where, seed(), given)

    def takes(self, model: Served) -> dict[str, Schema]:
        """What is given, if that is too long for an address."""
        table = model.trained.config.coding is not None
        given = model.wire.schema if table else model.given
        each = {} if given is None else {"given": given}
        return {JSON: {"type": "object", "properties": each, "additionalProperties": False}}

    def gives(self, model: Served) -> dict[str, Schema]:
        """Rows."""
        return rows_of(model)

    def example(self, model: Served) -> dict[str, Any] | None:
        """Nothing need be sent."""
        return None

    def prepared(self, model: Served, asked: Asked) -> Prepared:
        """New rows, by the seed alone."""
        trained, how = model.trained, dict(asked.options)
        mixed = trained.config.coding is not None
        given = checked_given(asked.parts().get("given"), truths=mixed)

        def draw(_: None) -> Any:
            if trained.config.coding is None:
                return trained.sample(how["rows"], seed=how["seed"], mean=how["mean"], given=given)
            each = {"given": given, "where": how["where"], "seed": how["seed"]}
            return tables.synthesize(trained, how["rows"], **each).table

        for name, value in (given or {}).items() if mixed else ():
            require(not isinstance(value, list), f"given: {name} must be a text or a number")
        return Prepared(
            model.name, self.name, draw, lambda rows: model.wire.give(rows, asked.wants),
            count=how["rows"],
        )  # fmt: skip


class Impute(OfRows):
    """Gaps filled in."""

    name = "impute"
    about = "Rows without gaps: what is missing is drawn given the rest of its row."

    def why_not(self, model: Served) -> str:
        """Not all models know of gaps."""
        return _why(lambda: gaps.check_knows_gaps(model.trained))

    def options(self, model: Served) -> tuple[Option, ...]:
        """Draws of which seed, or what is expected."""
        about = "Means (of categories the likeliest) instead of draws."
        return Option("expected", about, default=False), seed()

    def gives(self, model: Served) -> dict[str, Schema]:
        """Rows."""
        return rows_of(model)

    def example(self, model: Served) -> dict[str, Any] | None:
        """A row whose last cell is missing."""
        return {"rows": [_with_gap(model.wire.example)]}

    def prepared(self, model: Served, asked: Asked) -> Prepared:
        """The rows with all cells."""
        trained, (taken, _) = model.trained, self.read(model, asked)
        draws = 0 if asked.options["expected"] else 1

        def filled(_: None) -> Any:
            made = gaps.impute(trained, taken.data, draws=draws, seed=asked.options["seed"])
            return made[0] if draws else made

        return Prepared(
            model.name, self.name, filled, count=taken.count,
            give=lambda rows: model.wire.give(
                rows, asked.wants, named=taken.named, notes=taken.notes
            ),
        )  # fmt: skip


def _with_gap(row: Any) -> Any:
    """A row whose last number or cell is missing."""
    if isinstance(row, list):
        return [*row[:-1], _with_gap(row[-1])]
    return {**row, list(row)[-1]: None} if isinstance(row, dict) else None


class Compress(OfRows):
    """Rows as a compressed file."""

    name = "compress"
    about = "Rows without loss as a .vk file, which decompress, here or as a command, reads."

    def why_not(self, model: Served) -> str:
        """Not all models code."""
        return cannot_code(model)

    def gives(self, model: Served) -> dict[str, Schema]:
        """A file."""
        return {ARCHIVE: BINARY}

    def prepared(self, model: Served, asked: Asked) -> Prepared:
        """The file, checked by decoding it again."""
        taken, given = self.read(model, asked)
        model.check(taken.count, model.size)

        def coded(_: None) -> bytes:
            with tempfile.TemporaryDirectory() as place:
                path = Path(place, "rows.vk")
                compress(model.here, taken.data, path, given=given)
                return path.read_bytes()

        return Prepared(
            model.name, self.name, coded, lambda body: Reply(body, ARCHIVE), count=taken.count
        )


class Decompress(Operation):
    """Rows of a compressed file."""

    name = "decompress"
    about = "The rows of a .vk file that this model compressed."

    def why_not(self, model: Served) -> str:
        """Not all models code."""
        return cannot_code(model)

    def takes(self, model: Served) -> dict[str, Schema]:
        """A file."""
        return {ARCHIVE: BINARY}

    def gives(self, model: Served) -> dict[str, Schema]:
        """Rows."""
        return rows_of(model)

    def example(self, model: Served) -> dict[str, Any] | None:
        """A file cannot be shown."""
        return None

    def prepared(self, model: Served, asked: Asked) -> Prepared:
        """The rows, if they are not too many."""
        given = checked_given(asked.parts().get("given"))

        def read(_: None) -> Any:
            with tempfile.TemporaryDirectory() as place:
                path = Path(place, "rows.vk")
                path.write_bytes(asked.body)
                try:
                    archive = Archive(path, model.here, given=given)
                    pictures = archive.header.get("pictures")
                    require(not pictures, f"{path} holds whole pictures: use vaekit decompress")
                    model.check(archive.rows, int(np.prod(archive.shape)))
                    return archive.read()
                except BadInput as error:
                    raise BadInput(str(error).replace(str(path), NAME)) from error

        return Prepared(
            model.name, self.name, read, lambda rows: model.wire.give(rows, asked.wants)
        )


def cannot_code(model: Served) -> str:
    """Why a model cannot compress; empty where it can."""

    def tried() -> None:
        check_coded(model.here)
        coder_of(model.here, np.dtype(model.trained.representation.dtype))

    return _why(tried)


def _why(tried: Callable[[], Any]) -> str:
    try:
        tried()
    except BadInput as error:
        return str(error)
    return ""


OPERATIONS: tuple[Operation, ...] = (
    Encode(), Decode(), Reconstruct(), Score(), Sample(), Impute(), Compress(), Decompress(),
)  # fmt: skip
