"""How good a synthetic table is: all measures together, as figures, as JSON, and in plain words."""

from __future__ import annotations

import math
from collections.abc import Collection, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from vaekit.evaluation.figures import Card, Figure, Figures
from vaekit.evaluation.tables.chance import Chance, by_chance
from vaekit.evaluation.tables.judges import BOOSTING, Judge, judges_here
from vaekit.evaluation.tables.learning import Usefulness, usefulness
from vaekit.evaluation.tables.marginals import RareCategories, Scores, rare_categories, shape
from vaekit.evaluation.tables.mixed import MixedTable, mixed_tables
from vaekit.evaluation.tables.nearness import Privacy, privacy
from vaekit.evaluation.tables.pairs import information_similarity, trend
from vaekit.evaluation.tables.reach import Coverage, coverage
from vaekit.evaluation.tables.two_samples import indistinguishability
from vaekit.evaluation.tables.verdict import sentences
from vaekit.system.records import finite


@dataclass(frozen=True)
class TableQuality(Card):
    """What was measured, and how.

    Args:
        shape: columns one by one (1 is best).
        trend: columns two by two (1 is best).
        information: similarity of mutual informations (1 is best).
        told_apart: C2ST by each judge (1 is best: never).
        coverage: alpha-precision and beta-recall.
        rare: categories that are there in few training rows.
        privacy: whether training rows are given away; None without held-out rows.
        useful: a model trained on synthetic rows, tested on held-out ones; None without a target.
        useful_real: the same, trained on real rows.
        rows: training, held-out and synthetic ones.
        versions: of the judges.
        seed: of all that is drawn.
        chance: what Shape and Trend held-out rows reach, which no synthetic ones need surpass; None
            without any.
    """

    shape: Scores
    trend: Scores
    information: float
    told_apart: dict[str, float]
    coverage: Coverage
    rare: RareCategories
    privacy: Privacy | None
    useful: Usefulness | None
    useful_real: Usefulness | None
    rows: dict[str, int]
    versions: dict[str, str]
    seed: int
    chance: Chance | None = None

    def to_dict(self) -> dict[str, Any]:
        """For JSON; what is not defined is None."""
        found: dict[str, Any] = _plain(asdict(self))
        return found | {"verdict": self.verdict}

    @property
    def figures(self) -> tuple[Figures, ...]:
        """The main figures in groups."""
        groups = (_fidelity(self), _use(self), _secrecy(self))
        return tuple(group for group in groups if group.each)

    @property
    def verdict(self) -> str:
        """What is safe to say of the table."""
        return " ".join(self.sentences)

    @property
    def sentences(self) -> tuple[str, ...]:
        """The same, one by one."""
        return sentences(
            self.told_apart, self.shape, self.trend, self.rare, self.useful, self.useful_real,
            self.privacy, self.chance,
        )  # fmt: skip


def quality(
    real_train: Any,
    real_test: Any | None,
    synthetic: Any,
    target: str | None = None,
    *,
    categories: Collection[str] = (),
    judges: Sequence[Judge] | None = None,
    seed: int = 0,
) -> TableQuality:
    """Everything that can be said of synthetic rows beside real ones.

    Args:
        real_train: rows the model was trained on: a data frame, or an Arrow table.
        real_test: real rows held out; None if there are none, and then nothing is said of privacy
            and use.
        synthetic: rows that were made.
        target: a column to predict from the others.
        categories: columns of numbers to be taken as categories.
        judges: who tries to tell rows apart; by default all that are installed.
        seed: of folds, judges, and rows chosen where there are too many.

    Raises:
        BadInput: for tables that do not go together, or a target that is not there.
    """
    given = [frame for frame in (real_train, synthetic, real_test) if frame is not None]
    tables = mixed_tables(*given, categories=categories)
    return of_mixed(tables, target, judges=judges, seed=seed)


def of_mixed(
    tables: Sequence[MixedTable],
    target: str | None = None,
    *,
    judges: Sequence[Judge] | None = None,
    seed: int = 0,
) -> TableQuality:
    """The same for tables that are in their form already.

    Args:
        tables: training rows, synthetic rows, and held-out rows if there are any.
        target: a column to predict from the others.
        judges: who tries to tell rows apart; by default all that are installed.
        seed: of all that is drawn.
    """
    train, made, test = tables[0], tables[1], tables[2] if len(tables) > 2 else None
    judges = judges_here() if judges is None else judges
    learnt = [
        usefulness(table, test, target, BOOSTING, seed) if test and target else None
        for table in (made, train)
    ]
    return TableQuality(
        shape=shape(train, made),
        trend=trend(train, made),
        information=information_similarity(train, made),
        told_apart={j.name: indistinguishability(train, made, j, seed) for j in judges},
        coverage=coverage(train, made, seed),
        rare=rare_categories(train, made),
        privacy=privacy(train, test, made, seed) if test else None,
        useful=learnt[0],
        useful_real=learnt[1],
        rows={"training": train.rows, "held out": test.rows if test else 0, "synthetic": made.rows},
        versions={judge.name: judge.version for judge in (*judges, BOOSTING)},
        seed=seed,
        chance=by_chance(train, test, made, seed) if test else None,
    )


def _plain(found: Any) -> Any:
    """Numbers that are none become None."""
    if isinstance(found, dict):
        return {key: _plain(value) for key, value in found.items()}
    if isinstance(found, list | tuple):
        return [_plain(value) for value in found]
    return finite(found)


def _fidelity(q: TableQuality) -> Figures:
    rare = f"{q.rare.by_chance:.3g} by chance" if q.rare.ratios else ""
    found = () if q.chance is None else (q.chance.held_out_shape, q.chance.held_out_trend)
    usual = [f"; held-out rows {value:.3g}" for value in found] or ["", ""]
    each = [
        Figure("Shape", q.shape.overall, note=f"columns one by one{usual[0]}"),
        Figure("Trend", q.trend.overall, note=f"columns two by two{usual[1]}"),
        Figure("weighted NMI", q.information, note="what columns tell of each other"),
        *(
            Figure(f"C2ST by {name}", score, note=f"1: never told apart ({q.versions[name]})")
            for name, score in q.told_apart.items()
        ),
        Figure("alpha-precision", q.coverage.alpha_precision, note="rows are where real ones are"),
        Figure("beta-recall", q.coverage.beta_recall, note="real rows are reached; 0.5 is usual"),
        Figure("categories within a fifth", q.rare.within, note=rare),
    ]
    return Figures("Likeness (1 is best)", tuple(f for f in each if not math.isnan(f.value)))


def _use(q: TableQuality) -> Figures:
    if q.useful is None or q.useful_real is None:
        return Figures("", ())
    name, value = q.useful.main
    each = [Figure(name, value, note=f"trained on real rows {q.useful_real.main[1]:.3g}")]
    if q.useful.f1 is not None:
        each.append(Figure("F1", q.useful.f1, note=f"trained on real rows {q.useful_real.f1:.3g}"))
    return Figures(f"Predicting {q.useful.target} of held-out rows", tuple(each))


def _secrecy(q: TableQuality) -> Figures:
    if q.privacy is None:
        return Figures("", ())
    p = q.privacy
    near, learnt = (
        "nearer to training than to held-out rows",
        "0.5: nothing is learnt of who was there",
    )
    each = (
        Figure("DCR share", p.nearer_to_training, p.share_error, near),
        Figure("membership AUC", p.membership_auc, p.noise, learnt),
        Figure("exact copies", p.copies, note=f"of held-out rows {p.copies_by_chance:.3g}"),
    )
    return Figures("Privacy (0.5 is best; copies: 0)", each)
