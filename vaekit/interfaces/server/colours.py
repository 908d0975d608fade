"""What points can be coloured by: classes and numbers that are known, and scores that take time."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass, field
from threading import Lock
from typing import Any

import numpy as np
import pyarrow as pa
import torch

from vaekit.data import Source
from vaekit.data.on_disk import in_memory
from vaekit.data.readers import columns as cells_of
from vaekit.data.readers.frames import cells
from vaekit.evaluation.passes import network_passes
from vaekit.runs.bits import compresses
from vaekit.runs.reading import read_rows
from vaekit.runs.trained import Trained
from vaekit.system.checks import known
from vaekit.system.progress import quiet_if
from vaekit.system.types import Array

AT_ONCE, SAMPLES, MOST_CLASSES, MOST_COLUMNS, FEW_CLASSES = 512, 16, 60, 500, 12
OTHER = "(other)"


@dataclass(frozen=True)
class Colouring:
    """One number of each row that can become its colour.

    Args:
        key: what the page calls it.
        name: what people call it.
        make: the numbers, (N,): of classes, or NaN where nothing is known.
        classes: names of the classes, where numbers are of classes.
        group: of the list that it stands in.
        unit: of numbers.
        slow: parts of the numbers, one after the other, where that takes time.
    """

    key: str
    name: str
    make: Callable[[], Array] = lambda: np.empty(0)
    classes: tuple[str, ...] = ()
    group: str = ""
    unit: str = ""
    slow: Callable[[], Iterator[Array]] | None = None

    def about(self) -> dict[str, Any]:
        """For the page."""
        told = {"key": self.key, "name": self.name, "group": self.group, "unit": self.unit}
        return {**told, "classes": list(self.classes), "slow": self.slow is not None}


@dataclass
class Job:
    """Numbers that are being computed.

    Args:
        total: rows.
        parts: those that are done.
        failed: what went wrong.
    """

    total: int
    parts: list[Array] = field(default_factory=list)
    failed: str = ""

    @property
    def share(self) -> float:
        """How much is done."""
        return sum(map(len, self.parts)) / max(self.total, 1)

    def run(self, make: Callable[[], Iterator[Array]]) -> None:
        """Do it."""
        try:
            with quiet_if(wanted=True):
                self.parts.extend(make())
        except Exception as error:  # a page asks, and nobody else hears of it
            self.failed = str(error) or type(error).__name__


class Colours:
    """All colourings of one set of rows; slow ones are computed once, beside everything else.

    Args:
        each: the colourings.
        rows: how many rows there are.
        beside: where slow ones are computed.
    """

    def __init__(self, each: Sequence[Colouring], rows: int, beside: Executor) -> None:
        self.each = {c.key: c for c in each}
        self.rows, self.beside = rows, beside
        self.jobs: dict[str, Job] = {}
        self.lock = Lock()

    def about(self) -> list[dict[str, Any]]:
        """For the page."""
        return [c.about() for c in self.each.values()]

    def values(self, key: str) -> Array | Job:
        """The numbers, (N,) float32, or how far they are.

        Raises:
            BadInput: for a key that means nothing.
        """
        colouring = self.each[known("colouring", key, self.each)]
        if colouring.slow is None:
            return np.asarray(colouring.make(), np.float32)
        with self.lock:
            job = self.jobs.get(key)
            if job is None or job.failed:
                failed = job
                job = self.jobs[key] = Job(self.rows)
                self.beside.submit(job.run, colouring.slow)
                return failed or job
        return np.concatenate(job.parts).astype(np.float32) if job.share >= 1 else job


def colourings(
    trained: Trained, rows: Source, spread: Array, splits: Array | None, lock: Lock
) -> list[Colouring]:
    """All that rows can be coloured by.

    Args:
        trained: the model.
        rows: the rows.
        spread: standard deviations of q(z|x), (N, latent).
        splits: the number of the split of each row, where that is known.
        lock: held while something is drawn.
    """
    found = [*_labels(rows), *_splits(splits), *_given(trained, rows)]
    found += [*_scores(trained, rows, lock)]
    if spread.any():
        found.append(Colouring("spread", "width of q(z|x)", lambda: spread.mean(1), group="scores"))
    return [*found, *_columns(rows)]


def first_of(each: Sequence[Colouring]) -> str:
    """What rows are coloured by at first: their label, what is given, a column of few classes (the
    last often says what the others are about), any column, how uncertain codes are; the split
    says least."""

    def worth(colouring: Colouring) -> int:
        if colouring.key == "label" or colouring.group == "given":
            return 0
        if colouring.group == "columns":
            return 1 if 1 < len(colouring.classes) <= FEW_CLASSES else 2
        return 3 if colouring.key == "spread" else 4

    several = [c for c in reversed(each) if c.slow is None]
    best = min(several, key=worth, default=None)
    return "" if best is None else best.key


def _labels(rows: Source) -> Iterator[Colouring]:
    if rows.labels is None:
        return
    labels = rows.labels.numpy()
    kinds, places = np.unique(labels, return_inverse=True)
    names = [
        rows.label_names[k] if 0 <= k < len(rows.label_names) else str(k) for k in kinds.tolist()
    ]
    yield Colouring("label", "label", *_most_frequent(places, names))


def _most_frequent(
    places: Array, names: Sequence[str]
) -> tuple[Callable[[], Array], tuple[str, ...]]:
    """Classes, of which the rarest are put together where there are many."""
    if len(names) <= MOST_CLASSES:
        return (lambda: places), tuple(names)
    kept = np.sort(np.argsort(np.bincount(places, minlength=len(names)))[::-1][: MOST_CLASSES - 1])
    number = np.full(len(names), len(kept))
    number[kept] = np.arange(len(kept))
    return (lambda: number[places]), (*(names[k] for k in kept), OTHER)


def _splits(splits: Array | None) -> Iterator[Colouring]:
    if splits is not None and len(np.unique(splits)) > 1:
        yield Colouring("split", "split", lambda: splits, ("train", "validation", "test"))


def _given(trained: Trained, rows: Source) -> Iterator[Colouring]:
    for name, column in rows.given.items():
        if name == "label" and rows.labels is not None:
            continue
        classes = rows.given_names.get(name, ())
        make = column.numpy
        yield Colouring(f"given:{name}", name, make, tuple(classes), group="given")


def _scores(trained: Trained, rows: Source, lock: Lock) -> Iterator[Colouring]:
    """Scores, by common noise, so that a row's depends on that row alone."""

    def each(measure: Callable[[Source], Any]) -> Callable[[], Iterator[Array]]:
        def parts() -> Iterator[Array]:
            size = max(AT_ONCE // network_passes(trained.model), 64)
            for start in range(0, len(rows), size):
                part = rows.between(start, start + size)
                with lock:
                    found = np.asarray(measure(part), float)
                yield found

        return parts

    if trained.has_density:
        fewer = max(SAMPLES // network_passes(trained.model), 2)
        how: dict[str, Any] = {"group": "scores", "unit": "nats"}
        yield Colouring("elbo", "ELBO", slow=each(lambda r: trained.elbo(r, samples=1)), **how)
        slow = each(lambda r: trained.log_likelihood(r, samples=fewer))
        yield Colouring("log_px", f"log p(x), {fewer} samples", slow=slow, **how)
        if compresses(trained):
            bits = each(lambda r: -trained.elbo(r, samples=1) / math.log(2))
            yield Colouring("bits", "code length", slow=bits, group="scores", unit="bits")
    if trained.config.coding is None:
        slow = each(lambda r: _error(trained, r))
        yield Colouring("error", "reconstruction error", slow=slow, group="scores")


def _error(trained: Trained, rows: Source) -> Array:
    """The mean square of what reconstruction loses, of what is there in each row."""
    rebuilt = trained.representation.encode(_stored(trained, trained.reconstruct(rows)))
    x = trained.rows(rows)[:].data
    return (rebuilt - x).square().flatten(1).nanmean(1).numpy()


def _stored(trained: Trained, rows: Any) -> torch.Tensor:
    """Rows as they are handed back, as they are stored."""
    return in_memory(read_rows(trained.config, rows).values)


def _columns(rows: Source) -> Iterator[Colouring]:
    """The columns of a table, and the numbers of vectors."""
    if rows.table is not None:
        names = list(rows.table.columns)[:MOST_COLUMNS]
        yield from (_column(f"column:{i}", name, rows) for i, name in enumerate(names))
    elif len(rows.shape) == 1 and isinstance(rows.values, torch.Tensor):
        named = rows.columns or [f"x{i}" for i in range(rows.shape[0])]
        values = rows.values
        for i, name in enumerate(named[:MOST_COLUMNS]):
            make = values[:, i].numpy
            yield Colouring(f"column:{i}", name, make, group="columns")


def _column(key: str, name: str, rows: Source) -> Colouring:
    """A column of a table: numbers as they are, all else as classes."""
    assert rows.table is not None
    column = rows.table.typed(name)
    if cells_of.is_number(column.type):
        return Colouring(key, name, lambda: _as_floats(column), group="columns")
    texts = ["(missing)" if cell is None else str(cell) for cell in column.to_pylist()]
    names, places = np.unique(texts, return_inverse=True)
    make, classes = _most_frequent(places, [str(n) for n in names])
    return Colouring(key, name, make, classes, group="columns")


def _as_floats(column: pa.ChunkedArray) -> Array:
    return np.asarray(cells(column.cast(pa.float64(), safe=False)), float)
