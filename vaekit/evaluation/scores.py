"""The numbers of an evaluation, together."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass, replace
from typing import Any

import torch
from torch import Tensor

from vaekit.evaluation.aggregate import Aggregate, aggregate
from vaekit.evaluation.annealing import anneal, sandwich
from vaekit.evaluation.latents import LatentHealth, latent_health
from vaekit.evaluation.likelihood import LogLikelihood, bits_per_dimension, log_likelihood
from vaekit.evaluation.passes import ROWS, chunks, concatenated, decode, encode, in_chunks
from vaekit.models import Graph
from vaekit.models.trace import trace
from vaekit.objectives.bounds import reconstruction
from vaekit.rows import AnyRows, Rows
from vaekit.system.seeding import seeded

MISMATCH = 0.3


@dataclass(frozen=True)
class Scores:
    """Means over the rows, in nats per row unless the name says otherwise.

    Args:
        elbo: E_q[log p(x|z)] - KL, with ``elbo_error`` its standard error over the rows.
        reconstruction: - E_q[log p(x|z)]. kl: KL(q(z|x) || p(z)). elbo = - reconstruction - kl.
        log_likelihood: importance-sampled log p(x), with ``log_likelihood_error`` (spread over
            the rows) and ``sampling_error`` (what more samples would remove).
        effective_samples: median effective sample size of the importance weights.
        bits_per_dimension: - log_likelihood / log 2 / numbers in a row; of densities, in the
            data's own numbers (log2(255) more where x is pixels / 255).
        code_bits_per_dimension: - elbo, likewise in bits: what the codec needs, for data it can
            code.
        bits_of: what the bits describe: probabilities of discrete values, or densities.
        mean_squared_error: per number, between x and the mean of p(x|z) at the posterior mean.
        active_units: latent units whose mean moves with x.
        mutual_information, total_correlation, marginal_kl: see
            :class:`vaekit.evaluation.Aggregate`.
        annealed: log p(x) by annealed importance sampling on the first ``annealed_rows`` rows,
            with ``annealed_error`` (chains' spread) and ``annealed_gap``, upper minus lower
            bound on rows drawn from the model: an upper limit of the estimate's shortfall.

    None where a model has no density, or a number was not asked for.
    """

    rows: int
    samples: int
    mean_squared_error: float
    active_units: int
    latent_units: int
    reconstruction: float
    diagnosis: str
    elbo: float | None = None
    elbo_error: float | None = None
    kl: float | None = None
    kl_per_dimension: list[float] | None = None
    log_likelihood: float | None = None
    log_likelihood_error: float | None = None
    sampling_error: float | None = None
    effective_samples: float | None = None
    bits_per_dimension: float | None = None
    code_bits_per_dimension: float | None = None
    bits_of: str | None = None
    mutual_information: float | None = None
    total_correlation: float | None = None
    marginal_kl: float | None = None
    annealed: float | None = None
    annealed_error: float | None = None
    annealed_rows: int | None = None
    annealed_gap: float | None = None

    def to_dict(self) -> dict[str, Any]:
        """For JSON."""
        return asdict(self)


def score(
    model: Graph,
    rows: AnyRows,
    *,
    samples: int = 1000,
    seed: int = 0,
    density: bool = True,
    scale: float = 1.0,
) -> Scores:
    """Evaluate ``model`` on rows of x; without ``density`` only what an autoencoder has.

    Args:
        samples: importance samples for each row.
        seed: of everything random.
        density: whether the model has one.
        scale: the unit of x, where p(x|z) is a density of real numbers: bits are of the data's
            own numbers, ``scale`` times x, while nats are of x.
    """
    health = latent_health(model, rows)
    terms = elbo_terms(model, rows, seed)
    basic = Scores(
        rows=len(rows),
        samples=samples if density else 0,
        mean_squared_error=reconstruction_error(model, rows),
        active_units=int(health.active.sum()),
        latent_units=len(health.active),
        reconstruction=-terms[0].mean().item(),
        diagnosis=health.diagnosis,
    )
    if not density:
        return basic
    found = log_likelihood(model, rows, samples=samples, seed=seed, title="log p(x)")
    whole = aggregate(model, rows, seed=seed)
    words = " ".join([health.diagnosis, *_mismatch(whole)])
    bits = bits_per_dimension(-found.mean, rows.shape[1:], scale)
    more = {**_density_scores(terms, found, health), **_aggregate_scores(whole)}
    return Scores(**{**basic.to_dict(), **more, "diagnosis": words, "bits_per_dimension": bits})


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
    """The same scores with log p(x) by annealing of the first ``rows`` rows, and the gap that
    bidirectional Monte Carlo finds on as many rows drawn from the model."""
    part = rows[:count]
    found = anneal(model, part, steps=steps, chains=chains, seed=seed)
    given = Rows.of(part)
    gap = sandwich(model, len(part), given=given, steps=steps, chains=chains, seed=seed).gap
    error = found.standard_error.square().sum().sqrt().item() / len(part)
    return replace(
        scores, annealed=found.mean, annealed_error=error, annealed_rows=len(part), annealed_gap=gap
    )


def _aggregate_scores(found: Aggregate | None) -> dict[str, float]:
    if found is None:
        return {}
    return {
        "mutual_information": found.mutual_information,
        "total_correlation": found.total_correlation,
        "marginal_kl": found.marginal_kl,
    }


def _mismatch(found: Aggregate | None) -> list[str]:
    """A sentence where codes of data fill little of the prior."""
    if found is None or found.saturated or found.marginal_kl < max(1.0, MISMATCH * found.kl):
        return []
    return [
        f"Codes of data fill only part of the prior (KL(q(z) || p(z)) is {found.marginal_kl:.1f} "
        "of the KL's "
        f"{found.kl:.1f} nats), so samples land between them: a larger weight on the KL, fewer "
        "latents or a learned prior (vaekit refit-prior) would help."
    ]


def elbo_terms(model: Graph, rows: AnyRows, seed: int = 0) -> Tensor:
    """E_q[log p(x|z)] and KL(q || p) of each row, (2, rows), in nats and float64."""
    draws = max(min(16, 20_000 // len(rows)), 1)
    model.eval()
    with torch.inference_mode(), seeded(seed, "elbo"):
        traces = (trace(model, part, samples=draws) for part in chunks(rows, ROWS // draws, "ELBO"))
        pairs = (torch.stack([reconstruction(t), t.kl.mean(0)], 1).double() for t in traces)
        return concatenated(pairs, len(rows)).T


def reconstruction_error(model: Graph, rows: AnyRows) -> float:
    """Mean squared difference, per number, between x and its reconstruction."""

    def error(part: Rows) -> Tensor:
        rebuilt = decode(model, encode(model, part), part)
        return (rebuilt - part.data).double().square().flatten(1).mean(1)

    return in_chunks(error, rows).mean().item()


def _density_scores(terms: Tensor, found: LogLikelihood, health: LatentHealth) -> dict[str, Any]:
    elbo = terms[0] - terms[1]
    return {
        "elbo": elbo.mean().item(),
        "elbo_error": elbo.std().item() / math.sqrt(len(elbo)) if len(elbo) > 1 else None,
        "kl": terms[1].mean().item(),
        "kl_per_dimension": None if health.kl is None else health.kl.tolist(),
        "log_likelihood": found.mean,
        "log_likelihood_error": found.mean_error if len(elbo) > 1 else None,
        "sampling_error": found.sampling_error,
        "effective_samples": found.effective.median().item(),
    }
