"""The numbers of an evaluation, together."""

from __future__ import annotations

import math
from dataclasses import dataclass, fields, replace
from typing import Any

import torch
from torch import Tensor

from vaekit.evaluation.aggregate import Aggregate, aggregate
from vaekit.evaluation.annealing import anneal, sandwich
from vaekit.evaluation.bits import Bits
from vaekit.evaluation.classes import ClassUse
from vaekit.evaluation.codebooks import CodebookUse, codebook_use
from vaekit.evaluation.figures import Card, Figure, Figures, figures_of, named, short
from vaekit.evaluation.latents import LatentHealth, latent_health
from vaekit.evaluation.likelihood import (
    LogLikelihood,
    checked,
    log_likelihood,
)
from vaekit.evaluation.passes import ROWS, chunks, concatenated
from vaekit.evaluation.rebuilding import cells_wrong, reconstruction_error
from vaekit.evaluation.refining import Refinement, refine
from vaekit.evaluation.verdict import Finding, Level, Rank, of_latents
from vaekit.models import Graph
from vaekit.models.trace import trace
from vaekit.objectives.bounds import reconstruction
from vaekit.rows import AnyRows, Rows
from vaekit.system.seeding import seeded, some

UNITS_SHOWN, DRAWS, FEW_DRAWS = 8, 16, 4
NO_VERDICT = "No verdict: not all figures are finite."
OF_SOME = (
    "What is computed of {:,} of {:,} rows overflows: their values lie too far from the training "
    "data; look at them, or leave them out (log p(x) of each row shows which)."
)
OF_ALL = (
    "No row gives finite numbers: either training went astray (train again with a lower learning "
    "rate, lr, or clipped gradients, clip), or all rows lie too far from the training data."
)
OF_AGGREGATE = (
    "mutual_information",
    "mutual_information_error",
    "total_correlation",
    "marginal_kl",
)


@dataclass(frozen=True)
class Density:
    """How likely a model makes the rows: means over them, in nats per row.

    Args:
        elbo: E_q[log p(x|z)] - KL.
        elbo_error: its standard error over the rows; None for one row.
        kl: KL(q(z|x) || p(z)).
        kl_per_dimension: the same of each latent dimension, where known.
        log_likelihood: importance-sampled log p(x); on average below it.
        log_likelihood_error: its standard error over the rows; None for one row.
        sampling_error: how far it would move with other draws, a standard error; None for one
            sample. What no draw has found is not in it.
        effective_samples: median effective sample size of the importance weights.
    """

    elbo: float
    elbo_error: float | None
    kl: float
    kl_per_dimension: list[float] | None
    log_likelihood: float
    log_likelihood_error: float | None
    sampling_error: float | None
    effective_samples: float

    @property
    def figures(self) -> tuple[Figure, ...]:
        """As people read them."""
        moved = self.sampling_error
        draws = "" if moved is None else f"; other draws would move it by {short(moved)}"
        each = self.kl_per_dimension or []
        shown = " ".join(short(v) for v in each[:UNITS_SHOWN])
        more = " ..." if len(each) > UNITS_SHOWN else ""
        return (
            Figure(
                "log p(x)", self.log_likelihood, self.log_likelihood_error,
                f"{self.effective_samples:,.0f} samples a row count{draws}",
            ),
            Figure("ELBO", self.elbo, self.elbo_error, "log p(x) is at least this"),
            Figure("E log p(x|z)", self.elbo + self.kl, note="how well codes tell rows"),
            Figure("KL", self.kl, note=f"by latent unit: {shown}{more}" if each else ""),
        )  # fmt: skip


@dataclass(frozen=True)
class Annealing:
    """log p(x) by annealed importance sampling from the prior, in nats per row.

    Args:
        value: mean over some rows, chosen at random; on average below log p(x).
        error: its standard error by the spread of the chains; None for one chain.
        rows: how many.
        gap: upper minus lower bound on rows drawn from the model, annealed alike: by how much
            the method falls short at most, on average, on such rows.
    """

    value: float
    error: float | None
    rows: int
    gap: float

    @property
    def figures(self) -> tuple[Figure, ...]:
        """As people read them."""
        note = f"of {self.rows:,} rows; short by at most {short(self.gap)} on rows of the model"
        return (Figure("log p(x), annealed", self.value, self.error, note),)


@dataclass(frozen=True)
class Scores(Card):
    """What an evaluation found, means over the rows.

    Args:
        rows: how many.
        samples: importance samples for each; 0 without a density.
        mean_squared_error: per number, between x and the mean of p(x|z) at the posterior mean;
            None for cells of a table, and where all numbers are missing.
        active_units: latent units whose mean moves with x; None where there are too few rows, or
            too like each other, to tell.
        latent_units: how many there are.
        reconstruction: - E_q[log p(x|z)], nats per row; elbo = - reconstruction - kl.
        diagnosis: what the numbers mean, in words.
        doubts: those sentences of it that say what is not to be believed.
        verdict: how good the model is at a look, one line of plain words.
        rank: of what the verdict says.
        density: None for an autoencoder.
        bits: likewise, in bits.
        aggregate: where the model has one latent whose posterior is normal.
        codebook: where the model has one latent whose codes are from a list.
        classes: where the model has a latent that is a class, and somebody looked.
        annealing: if it was asked for.
        refinement: likewise: what the encoder loses.
        cells_wrong: of a table, the share of cells, of those that are there, that differ from the
            likeliest given the row's code; None for numbers, and where all cells are missing.
    """

    rows: int
    samples: int
    mean_squared_error: float | None
    active_units: int | None
    latent_units: int
    reconstruction: float
    diagnosis: str
    doubts: tuple[str, ...] = ()
    verdict: str = ""
    rank: Rank = Rank.SOUND
    density: Density | None = None
    bits: Bits | None = None
    aggregate: Aggregate | None = None
    codebook: CodebookUse | None = None
    classes: ClassUse | None = None
    annealing: Annealing | None = None
    refinement: Refinement | None = None
    cells_wrong: float | None = None

    def told(self, finding: Finding | None) -> Scores:
        """The same with what was found: the verdict if that matters most, or one sentence more."""
        far = finding is not None and finding.rank is Rank.FAR
        if finding is None or (far and self.active_units is None):
            return self  # rows that show no units do not show that they are far
        diagnosis = " ".join(filter(None, ["" if far else self.diagnosis, finding.advice]))
        first = finding.verdict if finding.rank < self.rank else self.verdict
        second = f" {finding.verdict}" if finding.rank is self.rank is Rank.SOUND else ""
        rank = min(finding.rank, self.rank)
        return replace(self, verdict=first + second, rank=rank, diagnosis=diagnosis)

    @property
    def level(self) -> Level | None:
        """How likely the rows are; None without a density, or for one row."""
        density = self.density
        if density is None or density.elbo_error is None:
            return None
        return Level(density.elbo, density.elbo_error * math.sqrt(self.rows), self.rows)

    def of_share(self, share: float) -> Scores:
        """The same where only this share of a row's numbers vary: all error is theirs."""
        error = self.mean_squared_error
        return self if error is None else replace(self, mean_squared_error=error / share)

    @property
    def elbo(self) -> float | None:
        """E_q[log p(x|z)] - KL; None without a density."""
        return None if self.density is None else self.density.elbo

    @property
    def kl(self) -> float | None:
        """KL(q(z|x) || p(z)); None without a density."""
        return None if self.density is None else self.density.kl

    @property
    def log_likelihood(self) -> float | None:
        """Importance-sampled log p(x); None without a density."""
        return None if self.density is None else self.density.log_likelihood

    @property
    def bits_per_dimension(self) -> float | None:
        """- log p(x) in bits for each number of a row; None without a density."""
        return None if self.bits is None else self.bits.bits_per_dimension

    @property
    def figures(self) -> list[Figures]:
        """All numbers in groups, those that matter most first."""
        error, wrong = self.mean_squared_error, self.cells_wrong
        sampled = f"{self.rows:,} row{'s' * (self.rows > 1)}, {self.samples:,} samples each"
        likely = (self.density, self.annealing, self.refinement)
        groups = [
            (f"Likelihood, nats per row ({sampled})", likely),
            ("Bits for each number of a row", (self.bits,)),
            ("What the codes carry, nats", (self.aggregate,)),
        ]
        told = [Figures(title, figures_of(*parts)) for title, parts in groups]
        rebuilt = []
        if error is not None:
            rebuilt = [Figure("squared error", error, note="per number, of x from its code's mean")]
        if wrong is not None:
            rebuilt = [Figure("cells wrong", wrong, note="share of those a code tells wrong")]
        units = self.active_units
        note = f"of {self.latent_units:,}"
        used = () if units is None else (Figure("units in use", units, note=note),)
        found = (*rebuilt, *used, *figures_of(self.codebook, self.classes))
        return [*told, Figures("Reconstruction and latents", found)]

    def to_dict(self) -> dict[str, Any]:
        """All numbers by name, for JSON: None where a model has no density, or a number was not
        asked for."""
        names = [field.name for field in fields(Scores)[:7]]
        annealed = named([field.name for field in fields(Annealing)], self.annealing)
        return {
            **named(names, self),
            **named([field.name for field in fields(Density)], self.density),
            **named([field.name for field in fields(Bits)], self.bits),
            **named(OF_AGGREGATE, self.aggregate),
            **{f"annealed_{k}".removesuffix("_value"): v for k, v in annealed.items()},
            **({} if self.refinement is None else self.refinement.to_dict()),
            **({} if self.cells_wrong is None else {"cells_wrong": self.cells_wrong}),
            **({} if self.codebook is None else self.codebook.to_dict()),
            **({} if self.classes is None else self.classes.to_dict()),
        }


def score(
    model: Graph,
    rows: AnyRows,
    *,
    samples: int = 1000,
    seed: int = 0,
    density: bool = True,
    cells: bool = False,
) -> Scores:
    """Evaluate ``model`` on rows of x; without ``density`` only what an autoencoder has.

    Args:
        model: the model.
        rows: to evaluate it on.
        samples: importance samples for each row.
        seed: of everything random.
        density: whether the model has one.
        cells: whether x is cells of a table, as levels, and not numbers.
    """
    health = latent_health(model, rows)
    terms = elbo_terms(model, rows, seed)
    listed = codebook_use(model, rows) if density else None
    basic = Scores(
        rows=len(rows),
        samples=samples if density else 0,
        mean_squared_error=None if cells else reconstruction_error(model, rows),
        cells_wrong=cells_wrong(model, rows) if cells else None,
        active_units=int(health.active.sum()) if health.can_tell else None,
        latent_units=len(health.active),
        reconstruction=0.0 - terms[0].mean().item(),
        diagnosis=health.said(has_kl=density and not (listed and listed.certain)),
        verdict="An autoencoder: it rebuilds rows from codes, and gives them no probability.",
    )
    if not density:
        return beside_finite(basic, terms[0].isfinite())
    found = log_likelihood(model, rows, samples=samples, seed=seed, title="log p(x)")
    whole = aggregate(model, rows, seed=seed)
    doubts = (*_doubts(found), *(listed.doubts if listed else ()))
    latents = of_latents(health, whole, terms[1].mean().item(), listed)
    scores = replace(
        basic,
        diagnosis=" ".join(t for t in (basic.diagnosis, latents.advice, *doubts) if t),
        doubts=doubts,
        verdict=latents.verdict,
        rank=latents.rank,
        density=_density(terms, found, health),
        aggregate=whole,
        codebook=listed,
    )
    return beside_finite(scores, (terms.sum(0) + found.value).isfinite())


def beside_finite(scores: Scores, finite: Tensor) -> Scores:
    """The same scores; where a figure is not finite, with no other verdict than which, and why.

    Numbers overflow where a row lies so far from the training data that its square is none of
    float32, and at every row where training left weights that are too large.

    Args:
        scores: of some rows.
        finite: whether what is computed of each is, (rows,).
    """
    figures = [figure for group in scores.figures for figure in group.each]
    names = [figure.name for figure in figures if not math.isfinite(figure.value)]
    names = names or ([] if math.isfinite(scores.reconstruction) else ["reconstruction"])
    if not names:
        return scores
    bad, rows = int((~finite).sum()), len(finite)
    said = OF_ALL if bad == rows else OF_SOME.format(bad, rows)
    told = f"Not finite: {', '.join(names)}. {said}"
    doubts = (*scores.doubts, told)
    return replace(scores, verdict=NO_VERDICT, rank=Rank.UNKNOWN, diagnosis=told, doubts=doubts)


def with_annealing(
    scores: Scores,
    model: Graph,
    rows: AnyRows,
    *,
    count: int,
    steps: int,
    chains: int,
    seed: int = 0,
) -> Scores:
    """The same scores with log p(x) by annealing of ``count`` rows, and the gap that
    bidirectional Monte Carlo finds on as many rows drawn from the model. Both begin at the prior:
    q, however poor, has no part in either."""
    part = annealed_part(rows, count, seed)
    found = anneal(model, part, steps=steps, chains=chains, start="prior", seed=seed)
    apart = sandwich(
        model, len(part), given=part, steps=steps, chains=chains, start="prior", seed=seed
    )
    error = found.standard_error.square().sum().sqrt().item() / len(part) if chains > 1 else None
    return replace(scores, annealing=Annealing(found.mean, error, len(part), apart.gap))


def refinement_of(model: Graph, rows: AnyRows, count: int, seed: int = 0) -> Refinement | None:
    """What the encoder loses of ``count`` rows, those that as many annealed ones are; None of 0."""
    return (
        Refinement.of(refine(model, annealed_part(rows, count, seed), seed=seed)) if count else None
    )


def annealed_part(rows: AnyRows, count: int, seed: int) -> Rows:
    """The rows that are annealed, or refined, chosen at random."""
    return Rows.of(rows[some(len(rows), count, seed)])


def _doubts(found: LogLikelihood) -> tuple[str, ...]:
    """A sentence where log p(x) is not to be believed."""
    if found.trusted:
        return ()
    return (
        f"log p(x) is not to be believed: of {found.samples:,} importance samples a row only "
        f"{found.effective.median():.0f} count, and few weigh most, so it is too low, by more than "
        "its sampling error says; take more samples, or anneal (--ais).",
    )


def _density(terms: Tensor, found: LogLikelihood, health: LatentHealth) -> Density:
    elbo, rows = terms[0] - terms[1], terms.shape[1]
    return Density(
        elbo=elbo.mean().item(),
        elbo_error=elbo.std().item() / math.sqrt(rows) if rows > 1 else None,
        kl=terms[1].mean().item(),
        kl_per_dimension=None if health.kl is None else health.kl.tolist(),
        log_likelihood=found.mean,
        log_likelihood_error=found.mean_error if rows > 1 else None,
        sampling_error=found.sampling_error,
        effective_samples=found.effective.median().item(),
    )


def elbo_by_row(model: Graph, rows: AnyRows, seed: int = 0) -> Tensor:
    """How likely a model with a density makes each row, (rows,) in nats, by a few draws of it."""
    terms = elbo_terms(model, rows, seed, FEW_DRAWS)
    return terms[0] - terms[1]


def elbo_terms(model: Graph, rows: AnyRows, seed: int = 0, draws: int = DRAWS) -> Tensor:
    """E_q[log p(x|z)] and KL(q || p) of each row, (2, rows), in nats and float64."""
    draws = max(min(draws, 20_000 // len(rows)), 1)
    model.eval()
    with torch.inference_mode(), seeded(seed, "elbo"):
        parts = chunks(rows, ROWS // draws, "ELBO")
        traces = (checked(trace(model, part, samples=draws)) for part in parts)
        pairs = (torch.stack([reconstruction(t), t.kl.mean(0)], 1).double() for t in traces)
        return concatenated(pairs, len(rows)).T
