"""What is safe to say of a synthetic table, in sentences."""

from __future__ import annotations

from vaekit.evaluation.tables.chance import Chance
from vaekit.evaluation.tables.learning import Usefulness
from vaekit.evaluation.tables.marginals import RareCategories, Scores
from vaekit.evaluation.tables.nearness import Privacy

HARDLY, SOMETIMES = 0.8, 0.4
WELL, FAIRLY = 0.98, 0.9
NEARLY = 0.02
SHOWN = 3


def sentences(
    told_apart: dict[str, float],
    shape: Scores,
    trend: Scores,
    rare: RareCategories,
    useful: Usefulness | None,
    useful_real: Usefulness | None,
    privacy: Privacy | None,
    chance: Chance | None = None,
) -> tuple[str, ...]:
    """Sentences, each with the figure it rests on.

    Args:
        told_apart: C2ST by each judge.
        shape: columns one by one.
        trend: columns two by two.
        rare: categories that are there in few training rows.
        useful: of a model trained on synthetic rows.
        useful_real: of one trained on real rows.
        privacy: whether training rows are given away.
        chance: how like training rows held-out rows are.
    """
    one_by_one = chance is not None and chance.shape >= chance.held_out_shape - chance.margin
    two_by_two = chance is not None and chance.trend >= chance.held_out_trend - chance.margin
    found = [
        _apart(told_apart), _alike("Columns one by one", "Shape", shape, usual=one_by_one),
        _alike("Columns two by two", "Trend", trend, usual=two_by_two), _rare(rare),
        _use(useful, useful_real), _secret(privacy),
    ]  # fmt: skip
    return tuple(sentence for sentence in found if sentence)


def _apart(scores: dict[str, float]) -> str:
    if not scores:
        return ""
    name, score = min(scores.items(), key=lambda item: item[1])
    often = "hardly ever" if score >= HARDLY else "often" if score >= SOMETIMES else "nearly always"
    return (
        f"A classifier ({name}) can {often} tell synthetic rows from real ones (C2ST {score:.2f})."
    )


def _alike(what: str, name: str, scores: Scores, *, usual: bool) -> str:
    """How like the real ones, or as like as chance lets held-out rows be."""
    score = scores.overall
    if score != score:
        return ""
    worst, low = min(scores.each.items(), key=lambda item: item[1] if item[1] == item[1] else 2)
    rest = f"({name} {score:.3f}; the worst is {worst}, {low:.2f})"
    if score < WELL and usual:
        return f"{what} are as much like the real ones as held-out rows are {rest}."
    how = "very much like" if score >= WELL else "roughly like" if score >= FAIRLY else "not like"
    return f"{what} are {how} the real ones {rest}."


def _rare(rare: RareCategories) -> str:
    if rare.worst is None:
        return ""
    if rare.lost:
        more = ", ..." if len(rare.lost) > SHOWN else ""
        named = ", ".join(rare.lost[:SHOWN]) + more
        return f"{len(rare.lost)} of {len(rare.ratios)} categories never come: {named}."
    name, ratio = rare.worst
    return (
        f"{rare.within:.0%} of {len(rare.ratios)} categories come as often as they should, within "
        f"a fifth ({rare.by_chance:.0%} would by chance); farthest off: {name}, {ratio:.2f} times."
    )


def _use(useful: Usefulness | None, real: Usefulness | None) -> str:
    if useful is None or real is None:
        return ""
    name, score = useful.main
    best = real.main[1]
    how = "as well as" if score >= best - NEARLY else "less well than"
    return (
        f"A model trained on synthetic rows predicts {useful.target} {how} one trained on real "
        f"rows ({name} {score:.3f} against {best:.3f})."
    )


def _secret(privacy: Privacy | None) -> str:
    if privacy is None:
        return "Nothing can be said of privacy without held-out rows."
    p = privacy
    said = (
        f"synthetic rows are nearer to training rows than to held-out ones at a share of "
        f"{p.nearer_to_training:.2f} where chance is 0.50, {p.copies:.2%} are copies (of held-out "
        f"rows {p.copies_by_chance:.2%}), membership is guessed with an AUC of "
        f"{p.membership_auc:.2f}"
    )
    if p.leans:
        return f"Training rows show through: {said}."
    return f"Nothing points to copying: {said}. That is no proof of privacy."
