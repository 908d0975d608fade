"""What a model that learns from synthetic rows is worth on real ones (TSTR)."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from sklearn.metrics import f1_score, r2_score, roc_auc_score

from vaekit.evaluation.tables.judges import BOOSTING, Judge
from vaekit.evaluation.tables.mixed import MISSING, MixedTable
from vaekit.system.checks import known, require
from vaekit.system.types import Array


@dataclass(frozen=True)
class Usefulness:
    """How well a column is predicted from the others, on real rows held out.

    Args:
        target: the column.
        auc: area under the ROC curve, of several categories the mean of one against the others;
            None for numbers.
        f1: mean of the categories' F1; None for numbers.
        r2: explained share of the variance; None for categories.
    """

    target: str
    auc: float | None = None
    f1: float | None = None
    r2: float | None = None

    @property
    def main(self) -> tuple[str, float]:
        """The figure people look at first, and its name."""
        if self.r2 is not None:
            return "R²", self.r2
        return "AUC", math.nan if self.auc is None else self.auc


def usefulness(
    train: MixedTable, test: MixedTable, target: str, judge: Judge = BOOSTING, seed: int = 0
) -> Usefulness:
    """A judge trained on some rows predicts a column of others.

    Args:
        train: rows to learn from, synthetic or real.
        test: real rows held out.
        target: the column to predict; rows without it are left out.
        judge: who learns.
        seed: of the judge.

    Raises:
        BadInput: for a column that is not there, or one that is missing in every row.
    """
    known("column", target, train.names)
    train, test = (table.take(_has(table, target)) for table in (train, test))
    require(min(train.rows, test.rows) > 0, f"column {target!r} is missing in every row")
    rest = [without(table, target) for table in (train, test)]
    require(bool(rest[0].names), f"there is no column to predict {target!r} from")
    x, x_test = (judge.features(rest[0], table) for table in rest)
    if target in train.numbers:
        return _numbers(target, judge, seed, rest[0], (x, x_test), (train, test))
    return _categories(target, judge, seed, rest[0], (x, x_test), (train, test))


def _has(table: MixedTable, name: str) -> Array:
    if name in table.numbers:
        return ~np.isnan(table.numbers[name])
    return table.categories[name] != MISSING


def without(table: MixedTable, name: str) -> MixedTable:
    """The table less a column.

    Args:
        table: with it.
        name: of the column.
    """
    return MixedTable(
        tuple(n for n in table.names if n != name),
        {n: v for n, v in table.numbers.items() if n != name},
        {n: v for n, v in table.categories.items() if n != name},
        {n: v for n, v in table.levels.items() if n != name},
    )


def _numbers(
    target: str, judge: Judge, seed: int, like: MixedTable, x: tuple[Array, Array],
    tables: tuple[MixedTable, MixedTable],
) -> Usefulness:  # fmt: skip
    y, y_test = (table.numbers[target] for table in tables)
    model = judge.regressor(len(like.numbers), x[0].shape[1], seed).fit(x[0], y)
    return Usefulness(target, r2=float(r2_score(y_test, model.predict(x[1]))))


def _categories(
    target: str, judge: Judge, seed: int, like: MixedTable, x: tuple[Array, Array],
    tables: tuple[MixedTable, MixedTable],
) -> Usefulness:  # fmt: skip
    y, y_test = (table.categories[target] for table in tables)
    classes, coded = np.unique(y, return_inverse=True)
    p = np.zeros((len(y_test), len(tables[0].levels[target])))
    if len(classes) > 1:
        model = judge.classifier(len(like.numbers), x[0].shape[1], seed).fit(x[0], coded)
        p[:, classes] = model.predict_proba(x[1])
    else:
        p[:, classes] = 1
    f1 = f1_score(y_test, p.argmax(1), average="macro")
    return Usefulness(target, auc=_auc(y_test, p), f1=float(f1))


def _auc(y: Array, p: Array) -> float | None:
    """One against the others, over categories that some rows have and others have not."""
    there: Any = [k for k in np.unique(y) if 0 < (y == k).sum() < len(y)]
    return float(np.mean([roc_auc_score(y == k, p[:, k]) for k in there])) if there else None
