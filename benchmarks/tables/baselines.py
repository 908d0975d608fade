"""Synthesizers to stand beside: each learns in `fit` and makes rows in `sample`."""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any, Protocol

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray
from sklearn.neighbors import NearestNeighbors

from vaekit.evaluation.tables import MixedTable, mixed_tables
from vaekit.evaluation.tables.judges import JUDGES

Array = NDArray[Any]
FINE, BINS = 100, 40


class Synthesizer(Protocol):
    """What the benchmark needs of one."""

    def fit(self, table: pa.Table) -> Any: ...
    def sample(self, rows: int) -> pa.Table: ...


def to_arrow(made: MixedTable, like: pa.Table) -> pa.Table:
    """Rows with the types of a table."""
    columns = []
    for name in made.names:
        kind = like.schema.field(name).type
        if name in made.numbers:
            values = made.numbers[name]
            whole = pa.types.is_integer(kind)
            values = np.round(values) if whole else values
            cells: Any = [None if v != v else int(v) if whole else float(v) for v in values]
            columns.append(pa.array(cells, kind))
        else:
            names = np.array([*made.levels[name], None], object)
            columns.append(pa.array(names[made.categories[name]], pa.string()).cast(kind))
    return pa.table(dict(zip(made.names, columns, strict=True)))


@dataclass
class Baseline:
    """What all of these share: the table in its form, and a seed."""

    seed: int = 0
    categories: tuple[str, ...] = ()
    data: MixedTable = field(init=False)
    like: pa.Table = field(init=False)

    def fit(self, table: pa.Table) -> Baseline:
        (self.data,), self.like = mixed_tables(table, categories=self.categories), table
        self.random = np.random.default_rng(self.seed)
        self.learn()
        return self

    def sample(self, rows: int) -> pa.Table:
        return to_arrow(self.draw(rows), self.like)

    def learn(self) -> None: ...

    def draw(self, rows: int) -> MixedTable:
        raise NotImplementedError


class Copy(Baseline):
    """Training rows drawn with replacement: a perfect likeness and no privacy at all."""

    def draw(self, rows: int) -> MixedTable:
        return self.data.take(self.random.integers(self.data.rows, size=rows))


class Independent(Baseline):
    """Each column by itself: a value that a random training row has."""

    def draw(self, rows: int) -> MixedTable:
        def drawn(column: Array) -> Array:
            return column[self.random.integers(len(column), size=rows)]

        numbers = {n: drawn(v) for n, v in self.data.numbers.items()}
        codes = {n: drawn(v) for n, v in self.data.categories.items()}
        return MixedTable(self.data.names, numbers, codes, self.data.levels)


class Smote(Baseline):
    """A training row moved part of the way to one of its five nearest neighbours (Chawla 2002);
    categories and gaps are those of either. It copies: there so that measures of copying show it."""

    def learn(self) -> None:
        points = JUDGES["xgboost"].features(self.data, self.data)
        span = np.ptp(points, 0)
        points = points / np.where(span > 0, span, 1)
        count = min(6, len(points))
        self.near = NearestNeighbors(n_neighbors=count).fit(points).kneighbors(points)[1][:, 1:]

    def draw(self, rows: int) -> MixedTable:
        at = self.random.integers(self.data.rows, size=rows)
        other = self.near[at, self.random.integers(self.near.shape[1], size=rows)]
        part, either = self.random.random(rows), self.random.random(rows) < 0.5
        numbers = {}
        for name, values in self.data.numbers.items():
            between = values[at] + part * (values[other] - values[at])
            numbers[name] = np.where(np.isnan(between), values[at], between)
        codes = {n: np.where(either, c[at], c[other]) for n, c in self.data.categories.items()}
        return MixedTable(self.data.names, numbers, codes, self.data.levels)


class GaussianCopula(Baseline):
    """Columns as normal scores (categories: intervals by frequency), correlated normals drawn, and
    each turned back into its column (the classical synthesizer)."""

    def learn(self) -> None:
        scores = [self._scores(name) for name in self.data.names]
        found = np.corrcoef(np.stack(scores)) if len(scores) > 1 else np.ones((1, 1))
        self.correlation = np.nan_to_num(found) + 1e-6 * np.eye(len(scores))

    def _scores(self, name: str) -> Array:
        column = self._column(name)
        places = np.argsort(np.argsort(column + 0.0, kind="stable"), kind="stable")
        if name in self.data.categories:
            places = places.astype(float)
            for code in np.unique(column):
                places[column == code] = places[column == code].mean()
        return _normal_quantile((places + 0.5) / len(column))

    def _column(self, name: str) -> Array:
        return self.data.numbers.get(name, self.data.categories.get(name))

    def draw(self, rows: int) -> MixedTable:
        zeros = np.zeros(len(self.correlation))
        z = self.random.multivariate_normal(zeros, self.correlation, rows, check_valid="ignore")
        shares = _normal_share(z)
        numbers, codes = {}, {}
        for i, name in enumerate(self.data.names):
            ordered = np.sort(self._column(name))
            found = ordered[np.minimum((shares[:, i] * len(ordered)).astype(int), len(ordered) - 1)]
            (numbers if name in self.data.numbers else codes)[name] = found
        return MixedTable(self.data.names, numbers, codes, self.data.levels)


def _normal_share(z: Array) -> Array:
    import torch

    return torch.special.ndtr(torch.as_tensor(z)).numpy()


def _normal_quantile(p: Array) -> Array:
    import torch

    return torch.special.ndtri(torch.as_tensor(p)).numpy()


@dataclass
class Mixture(Baseline):
    """A mixture of products, fitted by EM over categories and binned numbers: which component, then
    every column by itself; inside a bin, a number that a training row has there."""

    components: int = 500
    steps: int = 30

    def learn(self) -> None:
        self.bins = {n: _bins(v) for n, v in self.data.numbers.items()}
        cells = {n: self.bins[n][0] for n in self.bins}
        cells |= {n: c + 1 for n, c in self.data.categories.items()}
        self.cells = {n: cells[n] for n in self.data.names}
        self.sizes = {n: int(c.max()) + 1 for n, c in self.cells.items()}
        hot = np.concatenate(
            [np.eye(self.sizes[n], dtype=np.float32)[c] for n, c in self.cells.items()], 1
        )
        self._em(hot)

    def _em(self, hot: Array) -> None:
        rows = len(hot)
        k = min(self.components, max(rows // 50, 2))
        edges = np.cumsum([0, *self.sizes.values()])
        marginal = hot.mean(0)
        centres = hot[self.random.choice(rows, k, replace=False)]
        p = 0.5 * centres + 0.5 * marginal
        weight = np.full(k, 1 / k)
        for _ in range(self.steps):
            counts, total = np.zeros((k, hot.shape[1])), np.zeros(k)
            for part in np.array_split(np.arange(rows), max(rows // 4096, 1)):
                score = hot[part] @ np.log(p.T + 1e-12).astype(np.float32) + np.log(weight + 1e-300)
                score = np.exp(score - score.max(1, keepdims=True))
                score /= score.sum(1, keepdims=True)
                counts += score.T @ hot[part]
                total += score.sum(0)
            p = (counts + 0.1 * marginal) / (total[:, None] + 0.1)
            weight = total / rows
        self.p = [p[:, a:b] for a, b in pairwise(edges)]
        self.weight = weight / weight.sum()

    def draw(self, rows: int) -> MixedTable:
        which = self.random.choice(len(self.weight), rows, p=self.weight)
        numbers, codes = {}, {}
        for name, p in zip(self.cells, self.p, strict=True):
            totals = p.cumsum(1)
            u = self.random.random(rows) * totals[which, -1]
            cell = (totals[which] < u[:, None]).sum(1)
            if name in self.bins:
                numbers[name] = self._inside(name, cell)
            else:
                codes[name] = cell - 1
        return MixedTable(self.data.names, numbers, codes, self.data.levels)

    def _inside(self, name: str, cell: Array) -> Array:
        """A training value of each bin."""
        order, starts, counts = self.bins[name][1:]
        at = starts[cell] + (self.random.random(len(cell)) * counts[cell]).astype(int)
        return self.data.numbers[name][order[at]]


def _bins(values: Array) -> tuple[Array, Array, Array, Array]:
    """The bin of each value (few values: themselves; gaps: the last), and where its values are."""
    known = np.unique(values[~np.isnan(values)])
    if len(known) > FINE:
        edges = np.unique(np.quantile(values[~np.isnan(values)], np.linspace(0, 1, BINS + 1)))
        cells = np.clip(np.searchsorted(edges, values, side="right") - 1, 0, len(edges) - 2)
        cells = np.where(np.isnan(values), len(edges) - 1, cells)
    else:
        cells = np.searchsorted(known, values)
    cells = np.unique(cells, return_inverse=True)[1]
    order = np.argsort(cells, kind="stable")
    counts = np.bincount(cells)
    return cells, order, np.cumsum(counts) - counts, counts


BASELINES = {
    "training rows, copied": Copy,
    "independent columns": Independent,
    "shallow mixture": Mixture,
    "SMOTE": Smote,
    "Gaussian copula": GaussianCopula,
}
