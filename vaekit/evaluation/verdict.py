"""What the numbers of an evaluation mean, in words: how good a model is, and what would help."""

from __future__ import annotations

import math
from dataclasses import dataclass
from enum import IntEnum

from torch import Tensor

from vaekit.evaluation.aggregate import ROUNDING, Aggregate
from vaekit.evaluation.codebooks import CodebookUse
from vaekit.evaluation.figures import short
from vaekit.evaluation.latents import LatentHealth

MISMATCH = 0.3  # share of the KL by which codes of data may differ from the prior
BIT = math.log(2)  # nats of a code; worth speaking of is more
CERTAIN = 3.0  # standard errors that are no chance
PRACTICAL = 0.05  # share of a loss that matters


class Rank(IntEnum):
    """What matters most comes first."""

    UNKNOWN, FAR, UNLEARNED, COLLAPSED, OVERFITTED, MISMATCHED, SOUND = range(7)


@dataclass(frozen=True)
class Finding:
    """Something that was found of a model.

    Args:
        rank: how much it matters.
        verdict: one line of plain words, if nothing is found that matters more.
        advice: a sentence on what it means and what would help.
    """

    rank: Rank
    verdict: str
    advice: str = ""


@dataclass(frozen=True)
class Level:
    """How likely some rows are: their ELBO in nats per row.

    Args:
        mean: over the rows.
        spread: its standard deviation over the rows.
        rows: how many.
    """

    mean: float
    spread: float
    rows: int

    @classmethod
    def of(cls, each: Tensor) -> Level:
        """Of rows, (rows,) in nats; one of them says nothing of the spread."""
        spread = each.std().item() if len(each) > 1 else math.inf
        return cls(each.mean().item(), spread, len(each))

    @property
    def error(self) -> float:
        """The standard error of the mean."""
        return self.spread / math.sqrt(max(self.rows, 1))


def of_latents(
    health: LatentHealth, whole: Aggregate | None, kl: float, listed: CodebookUse | None = None
) -> Finding:
    """Whether codes tell anything of their rows, and whether they fill the prior.

    Args:
        health: of the latent units.
        whole: the aggregate posterior, where it is known.
        kl: mean KL(q(z|x) || p(z)), in nats per row.
        listed: how codes use their list, where they are from one: entries that are never chosen
            cost as much as others under an even prior, and tell nothing.
    """
    if not health.can_tell:
        few = "No verdict: too few rows, or too like each other, to judge a model by."
        return Finding(Rank.UNKNOWN, few)
    if not health.active.any():
        return Finding(Rank.COLLAPSED, "A collapsed model: its codes tell nothing of a row.")
    known = whole is not None and not whole.saturated
    most = kl if listed is None else min(kl, listed.nats)
    carried = max(whole.mutual_information, 0.0) if whole is not None and known else most
    told = f"a code tells {'' if known else 'up to '}{short(carried)} nats of its row"
    if carried <= BIT + ROUNDING:
        less = "less" if carried < BIT - ROUNDING else "no more"
        fixed = listed is not None and listed.certain  # then there is no KL to speak of
        return Finding(
            Rank.COLLAPSED,
            f"A model that is all but collapsed: {told}, {less} than one bit.",
            "So few nats say next to nothing, however many units move: train for longer"
            + ("." if fixed else ", or give the KL a warm-up or free bits."),
        )
    if whole is not None and not whole.saturated and is_mismatched(whole, kl):
        return Finding(
            Rank.MISMATCHED,
            f"A model whose samples fall short: {told}, but codes fill only part of the prior.",
            "Codes of data fill only part of the prior (KL(q(z) ‖ p(z)) is "
            f"{short(whole.marginal_kl)} nats), so samples land between them: "
            + ("" if health.is_sparse else "a larger weight on the KL, fewer latents or ")
            + "a learned prior (vaekit refit-prior) would help.",
        )
    return Finding(Rank.SOUND, f"A sound model: {told}.")


def is_mismatched(whole: Aggregate, kl: float) -> bool:
    """Whether codes of data fill little of the prior."""
    return whole.marginal_kl >= max(1.0, MISMATCH * kl)


def of_fit(train: Level, held_out: Level, numbers: int) -> Finding:
    """Whether a model knows the rows that it was trained on by heart: they are likelier than
    others by more than chance, and by more than a twentieth of a row's nats. Else its rank is
    that of a sound model, and the verdict is a sentence beside what else is found.

    Args:
        train: of rows that it was trained on.
        held_out: of validation rows.
        numbers: in a row; a nat for each is the least that a row is taken to have.
    """
    gap, error = train.mean - held_out.mean, math.hypot(train.error, held_out.error)
    if not gap > max(CERTAIN * error, PRACTICAL * max(abs(held_out.mean), numbers)):
        return Finding(Rank.SOUND, f"It is not overfitted: {_close(gap, error)}.")
    return Finding(
        Rank.OVERFITTED,
        f"An overfitted model: rows that it was trained on are likelier by {short(gap)} nats.",
        f"ELBO {short(train.mean)} nats for training rows, {short(held_out.mean)} for validation "
        "rows: more rows, a smaller width or fewer epochs would help.",
    )


def of_learning(rows: Tensor, apart: Tensor) -> Finding | None:
    """Whether a model makes rows less likely than no model does: one of each number for itself.

    Args:
        rows: how likely the model makes rows that were held out, (rows,) in nats.
        apart: how likely these are where each number is drawn for itself, as training rows have it.
    """
    lost = Level.of(apart - rows)
    if not lost.mean > CERTAIN * lost.error:
        return None
    own, other = (short(part.mean().item()) for part in (rows, apart))
    return Finding(
        Rank.UNLEARNED,
        f"A model that has not learned its data: rows held out are less likely by "
        f"{short(lost.mean)} nats than if each of their numbers were drawn for itself.",
        f"{own} nats a validation row, {other} with each number drawn as often as training rows "
        "have it: train for longer (more epochs), or with another likelihood.",
    )


def _close(gap: float, error: float) -> str:
    if not gap > CERTAIN * error:
        return "rows held out are as likely as those that it was trained on"
    return f"rows held out are less likely by no more than {short(gap)} nats"


def of_distance(rows: Level, held_out: Level) -> Finding | None:
    """Whether rows are unlike the training data: less likely than rows of it that were held out,
    by more than chance and by more than these differ among themselves.

    Args:
        rows: the rows.
        held_out: rows of the model's own data.
    """
    gap = held_out.mean - rows.mean
    error = math.hypot(held_out.error, held_out.spread / math.sqrt(max(rows.rows, 1)))
    if not gap > max(CERTAIN * error, held_out.spread):
        return None
    return Finding(
        Rank.FAR,
        f"Rows far from the training data: {short(gap)} nats less likely than rows of it.",
        f"ELBO {short(rows.mean)} nats a row, {short(held_out.mean)} for rows of the training data "
        "that were held out: what follows describes these rows, not how well the model was "
        "trained.",
    )
