"""A trained model over a cluster: encode, reconstruct, score and compress the rows of a Ray
Dataset, or make new ones.

Every process that works loads the model once and computes with one thread. A row's result depends
on the row, the seed and the options alone: not on its neighbours, nor on how the work is
distributed. Results stand in a new column; Ray may change the order of rows, so give them a key.

Needs the extra ``ray``, and vaekit on every machine; the model's files need not be there.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from functools import lru_cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import torch

from vaekit.data.readers.loading import import_extra
from vaekit.runs.archive import Archive, coder_of
from vaekit.runs.compression import compress as write_compressed
from vaekit.runs.trained import Given, Trained
from vaekit.system.checks import known, require
from vaekit.system.seeding import seed_for
from vaekit.system.types import Array

Batch = dict[str, Array]
Files = tuple[bytes, bytes]
Model = str | os.PathLike[str]
ROWS, ROWS_A_FILE = 256, 4096
DATA, CODE, RECONSTRUCTION, SCORE, FILE = "data", "z", "reconstruction", "log_px", "vk"


def encode(dataset: Any, model: Model, *, column: str | None = None) -> Any:
    """The dataset with its codes, posterior means of shape (latent,), in column "z".

    Args:
        dataset: a ``ray.data.Dataset``.
        model: folder of a run or a model.
        column: that holds a row as an array; by default "data", or, for a model of a table, the
            table's columns by their names. What a conditional model is given stands in columns of
            its own.

    Raises:
        BadInput: for arguments that cannot be used. A row that the model does not take ends the
            computation, when it is asked for, with Ray's error, which says why.
    """
    return _with_column(dataset, Trained.load(model), column, CODE, _codes)


def reconstruct(dataset: Any, model: Model, *, column: str | None = None) -> Any:
    """The dataset with each row decoded from its code in column "reconstruction", as an array in
    the data's own numbers. Arguments and errors as :func:`encode`."""
    return _with_column(dataset, Trained.load(model), column, RECONSTRUCTION, _reconstructions)


def score(
    dataset: Any,
    model: Model,
    *,
    samples: int = 100,
    seed: int = 0,
    column: str | None = None,
) -> Any:
    """The dataset with log p(x) of each row in nats in column "log_px": low for unusual rows.

    Args:
        dataset: as for :func:`encode`.
        model: likewise.
        samples: see :meth:`vaekit.Trained.log_likelihood`.
        seed: likewise.
        column: as for :func:`encode`.

    Raises:
        BadInput: as :func:`encode`.
    """
    require(samples >= 1, f"samples must be at least 1, not {samples}")
    trained = Trained.load(model)
    require(trained.has_density, "an autoencoder has no log p(x)")
    return _with_column(dataset, trained, column, SCORE, _scores, samples=samples, seed=seed)


def sample(
    model: Model,
    rows: int,
    *,
    seed: int = 0,
    mean: bool = False,
    given: Given | None = None,
) -> Any:
    """A dataset of new rows: their numbers in column "row", and the rows in "data", or, for a
    model of a table, in the table's columns. Row n of a seed is the same however many are made.

    Args:
        model: folder of a run or a model.
        rows: how many.
        seed: of everything random.
        mean: take the mean of p(x|z) instead of drawing from it.
        given: what a conditional model is given, one value for all rows.
    """
    require(rows >= 1, f"the number of samples must be at least 1, not {rows}")
    trained = Trained.load(model)
    trained.config.conditions.ask(given or {}, 1)  # fail here, not on the cluster
    pieces = import_extra("ray.data", "ray").range(-(-rows // ROWS))
    options = {"rows": rows, "seed": seed, "mean": mean, "given": given}
    packed = (trained.packed(), {**options, "columns": _columns(trained)})
    return pieces.map_batches(_sample_block, fn_args=packed, batch_size=1, batch_format="numpy")


def compress(
    dataset: Any, model: Model, *, rows_a_file: int = ROWS_A_FILE, column: str | None = None
) -> Any:
    """The dataset without loss in few rows, each a whole .vk file, decoded again and compared, of
    up to ``rows_a_file`` rows in column "vk", beside lists of their other columns.

    Others, and errors, as :func:`encode`, and as :func:`vaekit.runs.compression.compress`.
    """
    require(rows_a_file >= 1, f"rows_a_file must be at least 1, not {rows_a_file}")
    trained = Trained.load(model)
    columns = _columns(trained, column)
    coder_of(trained, np.dtype("uint8"))  # fail here, not on the cluster
    given = (trained.packed(), columns)
    return _checked(dataset).map_batches(
        _compress_batch, fn_args=given, batch_size=rows_a_file, batch_format="numpy"
    )


def decompress(dataset: Any, model: Model, *, column: str | None = None) -> Any:
    """The dataset that :func:`compress` was given, though Ray may change the order of its rows.

    Args:
        dataset: of files in column "vk".
        model: folder of the run or model that compressed them.
        column: for the rows; by default as for :func:`encode`.
    """
    trained = Trained.load(model)
    columns = _columns(trained, column)
    given = (trained.packed(), columns)
    return _checked(dataset).map_batches(
        _decompress_batch, fn_args=given, batch_size=1, batch_format="numpy"
    )


def _checked(dataset: Any) -> Any:
    data = import_extra("ray.data", "ray")
    require(isinstance(dataset, data.Dataset), "give the rows as a ray.data.Dataset")
    return dataset


def _with_column(
    dataset: Any,
    trained: Trained,
    column: str | None,
    name: str,
    verb: Callable[..., Array],
    **options: Any,
) -> Any:
    """The dataset with what ``verb`` makes of its rows in column ``name``."""
    columns = _columns(trained, column)
    given = (trained.packed(), columns, name, verb, options)
    return _checked(dataset).map_batches(
        _add_column, fn_args=given, batch_size=ROWS, batch_format="numpy"
    )


def _add_column(
    batch: Batch,
    files: Files,
    columns: list[str],
    name: str,
    verb: Callable[..., Array],
    options: dict[str, Any],
) -> Batch:
    require(name not in batch, f"the dataset has a column {name!r} already: drop or rename it")
    trained = _cached_model(*files)
    told = _told(trained, batch)
    return {**batch, name: verb(trained, _rows(batch, columns), told, **options)}


def _told(trained: Trained, batch: Batch) -> Batch:
    """What the batch holds of what the model is given beside x."""
    return {name: batch[name] for name in trained.config.conditions.names if name in batch}


def _sample_block(batch: Batch, files: Files, options: dict[str, Any]) -> Batch:
    """``ROWS`` new rows, or fewer at the end, by the number of their piece."""
    (number,) = batch["id"].tolist()
    rows = np.arange(number * ROWS, min((number + 1) * ROWS, options["rows"]))
    seed = seed_for(options["seed"], "piece", number)
    how = {"mean": options["mean"], "given": options["given"]}
    made = _cached_model(*files).sample(ROWS, seed=seed, **how)[: len(rows)]
    names = options["columns"]
    return {"row": rows, **({DATA: made} if names == [DATA] else _unstacked(made, names))}


def _compress_batch(batch: Batch, files: Files, columns: list[str]) -> Any:
    """One row: the batch's rows as a file, and lists of what else they hold."""
    rows = np.ascontiguousarray(_rows(batch, columns))
    with TemporaryDirectory() as folder:
        path = Path(folder, "rows.vk")
        trained = _cached_model(*files)
        write_compressed(trained, rows, path, given=_told(trained, batch))
        file = {FILE: [path.read_bytes()]}
    others = {name: [values.tolist()] for name, values in batch.items() if name not in columns}
    return import_extra("pyarrow", "ray").table({**others, **file})


def _decompress_batch(batch: Batch, files: Files, columns: list[str]) -> Batch:
    """The rows of one file, and what stood beside them."""
    with TemporaryDirectory() as folder:
        path = Path(folder, "rows.vk")
        path.write_bytes(batch[known("column of the dataset", FILE, batch)][0])
        rows = Archive(path, _cached_model(*files)).read()
    others = {name: np.array(list(values[0])) for name, values in batch.items() if name != FILE}
    return {**others, **({columns[0]: rows} if len(columns) == 1 else _unstacked(rows, columns))}


# Tasks with a model kept in each process, not actors: every pool of actors keeps processors to
# itself, so that steps in a chain would wait for each other for ever on a small machine.
@lru_cache(2)
def _cached_model(config: bytes, weights: bytes) -> Trained:
    """The model of this process, which is to compute with one thread."""
    torch.set_num_threads(1)
    return Trained.unpacked(config, weights)


def _codes(trained: Trained, rows: Array, given: Given) -> Array:
    return trained.encode_alike(rows, given=given)


def _reconstructions(trained: Trained, rows: Array, given: Given) -> Array:
    return trained.decode(_codes(trained, rows, given), given=given)


def _scores(trained: Trained, rows: Array, given: Given, samples: int, seed: int) -> Array:
    return trained.log_likelihood(rows, samples=samples, seed=seed, given=given)


def _unstacked(table: Array, names: list[str]) -> Batch:
    return {name: table[:, number] for number, name in enumerate(names)}


def _columns(trained: Trained, column: str | None = None) -> list[str]:
    """The columns that hold a model's rows: the one named, or else those it was trained on."""
    return [column] if column else trained.config.columns or [DATA]


def _rows(batch: Batch, columns: list[str]) -> Array:
    """(rows, *row), from one column of arrays or from columns of numbers."""
    arrays = [batch[known("column of the dataset", name, batch)] for name in columns]
    return np.stack(arrays, 1) if arrays[0].ndim == 1 else arrays[0]
