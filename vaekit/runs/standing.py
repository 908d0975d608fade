"""How the rows of an evaluation stand beside a model's own: trained on, held out, or far away."""

from __future__ import annotations

import math
from pathlib import Path
from typing import TYPE_CHECKING

from torch import Tensor

from vaekit.evaluation.scores import Scores, elbo_by_row
from vaekit.evaluation.verdict import Finding, Level, Rank, of_distance, of_fit, of_learning
from vaekit.rows import Rows
from vaekit.runs.folder import SCORES
from vaekit.system.checks import BadInput
from vaekit.system.records import Part, read_json

if TYPE_CHECKING:
    from vaekit.runs.trained import Trained

ROWS, FEWEST = 500, 20  # most rows of a split to look at, fewest that show anything


def beside_own(scores: Scores, trained: Trained, seed: int = 0) -> Scores:
    """The same scores, with what rows of the model's own data say: whether it is overfitted, has
    learned them at all, and whether the rows are far from that data. As they are where it is not at
    hand.

    Args:
        scores: of some rows.
        trained: the model.
        seed: of which rows are looked at, and of the draws.
    """
    train, held_out = (_part(trained, split, seed) for split in ("train", "validation"))
    if scores.density is None or train is None or held_out is None:
        return scores
    own, other = (elbo_by_row(trained.model, part, seed) for part in (train, held_out))
    level = Level.of(other)
    fit = of_fit(Level.of(own), level, trained.representation.varying)
    found = scores.told(fit)
    if fit.rank is not Rank.OVERFITTED:
        slack = scores.density.log_likelihood - scores.density.elbo
        found = found.told(_learned(trained, other + slack, train, held_out))
    return beside(found, level)


def _learned(trained: Trained, likely: Tensor, train: Rows, held_out: Rows) -> Finding | None:
    """Whether the model has learned anything, where rows held out are as likely as is said."""
    family = trained.model.likelihood.family
    apart = family.kind.apart
    if apart is None:
        return None
    return of_learning(likely, apart(family, train.data, held_out.data).double())


def beside(scores: Scores, held_out: Level | None) -> Scores:
    """The same scores, with whether the rows are far from others that were held out."""
    found = scores.level
    return (
        scores if found is None or held_out is None else scores.told(of_distance(found, held_out))
    )


def kept_level(folder: Path) -> Level | None:
    """How likely test rows were when the model in a folder was scored; None if that is not said."""
    try:
        found = Part(read_json(folder / SCORES, constants=True), SCORES)
        elbo, error, rows = found.number("elbo"), found.number("elbo_error"), found.whole("rows")
    except (BadInput, OSError):
        return None
    return Level(elbo, error * math.sqrt(rows), rows) if rows > 1 else None


def _part(trained: Trained, split: str, seed: int) -> Rows | None:
    source = trained.source
    if source is None or not trained.has_density or len(source.indices(split)) < FEWEST:
        return None
    return Rows.of(trained.rows(source.some(split, ROWS, seed), seed=seed)[:])
