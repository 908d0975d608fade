"""Who looks at tables: tells synthetic rows from real ones, or learns from them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module
from importlib.util import find_spec
from typing import Any

import numpy as np
from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import RobustScaler

from vaekit.evaluation.tables.mixed import MISSING, MixedTable
from vaekit.system.checks import require
from vaekit.system.types import Array

MOST_LEVELS = 254
TREES = 200


@dataclass(frozen=True)
class Judge:
    """How rows become features, and who learns from them.

    Args:
        name: what it is called.
        module: the package it comes from.
        features: of a table, (N, F); the first argument are the rows that means and frequent
            categories are taken of.
        classifier: made for a number of columns of numbers, a number of columns, and a seed.
        regressor: likewise, for numbers.
    """

    name: str
    module: str
    features: Callable[[MixedTable, MixedTable], Array]
    classifier: Callable[[int, int, int], Any]
    regressor: Callable[[int, int, int], Any]

    @property
    def version(self) -> str:
        """Of the package, with its name."""
        return f"{self.module} {import_module(self.module).__version__}"

    @property
    def is_there(self) -> bool:
        """Whether its package is installed."""
        return find_spec(self.module) is not None


def _frequent(like: MixedTable, table: MixedTable) -> MixedTable:
    """The same table with at most 254 categories a column, the frequent ones; others are one."""
    kept, levels = dict(table.categories), dict(table.levels)
    for name, codes in table.categories.items():
        names = table.levels[name]
        if len(names) <= MOST_LEVELS:
            continue
        counts = np.bincount(like.categories[name] + 1, minlength=len(names) + 1)[1:]
        place = np.full(len(names) + 1, MOST_LEVELS - 1)
        best = np.argsort(-counts, kind="stable")[: MOST_LEVELS - 1]
        place[best], place[MISSING] = np.arange(MOST_LEVELS - 1), MISSING
        kept[name] = place[codes]
        levels[name] = (*(names[i] for i in best), "(others)")
    return MixedTable(table.names, table.numbers, kept, levels)


def _native(like: MixedTable, table: MixedTable) -> Array:
    """Numbers with gaps, then places of categories, gaps as NaN."""
    codes = _frequent(like, table).code_matrix().astype(float)
    return np.concatenate([table.number_matrix(), np.where(codes == MISSING, np.nan, codes)], 1)


def _filled(like: MixedTable, table: MixedTable) -> Array:
    """Numbers, with the real ones' mean in gaps; then 0 and 1 for each category, gaps too."""
    known = like.number_matrix()
    some = (~np.isnan(known)).sum(0)
    means = np.where(np.isnan(known), 0, known).sum(0) / np.maximum(some, 1)
    numbers = table.number_matrix()
    numbers = np.where(np.isnan(numbers), means, numbers)
    return np.concatenate([numbers, _frequent(like, table).one_hot(gaps=True)], 1)


def _boosting(kind: Any) -> Callable[[int, int, int], Any]:
    def make(numbers: int, columns: int, seed: int) -> Any:
        categories = np.arange(columns) >= numbers
        return kind(
            max_iter=TREES, categorical_features=categories, early_stopping=False, random_state=seed
        )

    return make


def _xgboost(kind: str, **options: Any) -> Callable[[int, int, int], Any]:
    def make(numbers: int, columns: int, seed: int) -> Any:
        require(find_spec("xgboost") is not None, "this needs xgboost: pip install xgboost")
        model = getattr(import_module("xgboost"), kind)(random_state=seed, n_jobs=1, **options)
        return make_pipeline(RobustScaler(), model)

    return make


def _linear(kind: Any, **options: Any) -> Callable[[int, int, int], Any]:
    def make(numbers: int, columns: int, seed: int) -> Any:
        return make_pipeline(RobustScaler(), kind(**options))

    return make


BOOSTING = Judge(
    "boosting", "sklearn", _native,
    _boosting(HistGradientBoostingClassifier), _boosting(HistGradientBoostingRegressor),
)  # fmt: skip
XGBOOST = Judge(
    "xgboost", "xgboost", _filled,
    _xgboost("XGBClassifier", eval_metric="logloss", enable_categorical=True),
    _xgboost("XGBRegressor"),
)  # fmt: skip
LOGISTIC = Judge(
    "logistic", "sklearn", _filled,
    _linear(LogisticRegression, max_iter=100), _linear(Ridge),
)  # fmt: skip
JUDGES = {judge.name: judge for judge in (BOOSTING, XGBOOST, LOGISTIC)}


def judges_here() -> tuple[Judge, ...]:
    """Those whose packages are installed."""
    return tuple(judge for judge in JUDGES.values() if judge.is_there)
