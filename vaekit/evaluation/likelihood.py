"""log p(x) and its bounds, one number per row, in nats."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from vaekit.distributions import is_discrete
from vaekit.evaluation.passes import ROWS, chunks, concatenated, in_chunks
from vaekit.evaluation.tails import Sums, spread, tail_length
from vaekit.models import Graph
from vaekit.models.drawing import Rule, from_posterior, with_common_noise
from vaekit.models.trace import Trace, trace
from vaekit.objectives.bounds import elbo
from vaekit.rows import AnyRows, Rows
from vaekit.system.seeding import seeded

PARTICLES, NUMBERS = 20_000, 2**21  # at once; of their decoded numbers, that caches can hold
FEW, HEAVY = 30, 0.7  # effective samples, and shape of the tail, of a mean that is to be believed
ROUNDING = 1e-3  # nats of a row by which sums of many log probabilities may err
PIECE = 50  # particles of a row at once, where their noise must not depend on the rows


@dataclass(frozen=True)
class LogLikelihood:
    """An importance-sampled log p(x), each tensor (rows,).

    Args:
        value: estimate in nats: log of the mean importance weight. On average below log p(x).
        standard_error: of ``value``, in nats, from the spread of the weights and the shape of
            their tail; NaN for one sample. It says nothing of what no draw has found.
        effective: effective sample size, between 1 and ``samples``.
        tail: the shape of the weights' tail; see :class:`vaekit.evaluation.tails.Spread`.
        samples: how many draws each row got.
    """

    value: Tensor
    standard_error: Tensor
    effective: Tensor
    tail: Tensor
    samples: int

    @property
    def mean(self) -> float:
        """Mean over the rows, in nats."""
        return self.value.double().mean().item()

    @property
    def mean_error(self) -> float:
        """Standard error of :attr:`mean` as an estimate for data like these rows: the spread
        between rows and the noise of sampling together."""
        return self.value.double().std().item() / math.sqrt(len(self.value))

    @property
    def sampling_error(self) -> float | None:
        """How far the mean would move with other draws of as many samples: a standard error, None
        for one sample. Where :attr:`trusted` is False, the truth lies further above."""
        if self.samples == 1:
            return None
        return self.standard_error.double().square().sum().sqrt().item() / len(self.value)

    @property
    def trusted(self) -> bool:
        """Whether most rows have effective samples enough, and a tail light enough, for value and
        error to be what they say."""
        heavy = bool(self.tail.nanmedian() > HEAVY)
        few = bool(self.effective.median() < min(FEW, self.samples / 2))
        return self.samples == 1 or not (heavy or few)


def log_likelihood(
    model: Graph, rows: AnyRows, *, samples: int = 1000, seed: int = 0, title: str = ""
) -> LogLikelihood:
    """log p(x) of each row by importance sampling from the posterior (Burda et al. 2016).

    Memory hardly grows with ``samples``: the draws of a row are taken in pieces, and only the
    sums of the weights and of their squares are kept, and some of the largest.

    Raises:
        TypeError: for a point posterior, whose model has no density.
    """
    model.eval()
    particles = particles_for(rows)
    size = max(min(ROWS, particles // samples), 1)
    with torch.inference_mode(), seeded(seed, "log_likelihood"):
        sums = (_weights(model, part, samples, particles) for part in chunks(rows, size, title))
        each = (torch.stack([found.total, *spread(found, samples)], 1) for found in sums)
        total, error, effective, tail = concatenated(each, len(rows)).unbind(1)
    value = (total - math.log(samples)).float()
    return LogLikelihood(value, error.float(), effective.float(), tail.float(), samples)


@dataclass(frozen=True)
class BoundCurve:
    """The importance-weighted bound against its number of particles, means over rows, nats.

    Args:
        particles: K.
        bound: its mean over the rows.
        error: standard error of that mean; NaN for one row.
        rise_error: that of its difference from K = 1, row by row: much smaller.
    """

    particles: list[int]
    bound: list[float]
    error: list[float]
    rise_error: list[float]


def bound_curve(model: Graph, rows: AnyRows, *, most: int = 1024, seed: int = 0) -> BoundCurve:
    """IWAE bounds for K = 1, 2, 4, ... and ``most``, all from the same ``most`` weights per row, of
    which each K takes as many groups of K as there are.

    K = 1 is the sampled ELBO; the curve rises towards log p(x).
    """
    model.eval()
    with torch.inference_mode(), seeded(seed, "curve"):
        size = max(particles_for(rows) // most, 1)
        ratios = torch.cat(
            [
                _log_ratio(checked(trace(model, part, samples=most)))
                for part in chunks(rows, size, "bounds")
            ],
            1,
        )
    sizes = sorted({2**i for i in range(most.bit_length())} | {most})
    means = [_bounds(ratios, size).mean(0) for size in sizes]
    rises = [m - means[0] for m in means]
    return BoundCurve(sizes, [m.mean().item() for m in means], _errors(means), _errors(rises))


def _errors(each: list[Tensor]) -> list[float]:
    """Standard errors of the means over rows."""
    return [m.std().item() / math.sqrt(len(m)) if len(m) > 1 else math.nan for m in each]


def _bounds(ratios: Tensor, size: int) -> Tensor:
    """The bound by each whole group of ``size`` log weights, (groups, rows)."""
    whole = len(ratios) // size * size
    groups = ratios[:whole].unflatten(0, (-1, size))
    return torch.logsumexp(groups, 1) - math.log(size)


def elbo_per_row(model: Graph, rows: AnyRows, *, samples: int = 1, seed: int = 0) -> Tensor:
    """The ELBO of each row in nats, by the same noise for every row: (rows,).

    A row's value depends on that row alone, not on its neighbours or its place, and rows can be
    compared; right on average for each. What the draws do to one row they do to all, so that their
    errors don't cancel in a mean over rows; ``scores.elbo_terms`` draws anew for each.

    Raises:
        NotImplementedError: where common noise is not known for the posterior.
    """
    model.eval()

    def bound(part: Rows) -> Tensor:
        with seeded(seed, "elbo"):
            return elbo(checked(trace(model, part, samples=samples, rule=with_common_noise)))

    return in_chunks(bound, rows)


def log_likelihood_per_row(
    model: Graph, rows: AnyRows, *, samples: int = 100, seed: int = 0
) -> Tensor:
    """log p(x) of each row in nats, (rows,), by importance sampling with the same noise for every
    row; on average below log p(x).

    A row's value depends on that row alone, not on its neighbours or its place.

    Raises:
        NotImplementedError: where common noise is not known for the posterior.
        TypeError: for a point posterior, whose model has no density.
    """
    return log_likelihood_and_error(model, rows, samples=samples, seed=seed)[:, 0]


def log_likelihood_and_error(
    model: Graph, rows: AnyRows, *, samples: int = 100, seed: int = 0
) -> Tensor:
    """log p(x) of each row as :func:`log_likelihood_per_row` gives it, and its standard error as
    :class:`LogLikelihood` has it: (rows, 2), in nats."""
    model.eval()

    def bound(part: Rows) -> Tensor:
        with seeded(seed, "log_likelihood"):
            found = _weights(model, part, samples, PIECE * len(part), with_common_noise)
        return torch.stack([found.total - math.log(samples), spread(found, samples).error], 1)

    return in_chunks(bound, rows, max(particles_for(rows) // PIECE, 1))


def bits_per_dimension(
    nats: float, shape: torch.Size | tuple[int, ...], scale: float = 1.0
) -> float:
    """A negative log probability of a row of ``shape``, in nats, as bits for each number.

    Args:
        nats: of the row.
        shape: of the row.
        scale: the unit of x, of which ``nats`` are a density; the bits are of numbers that are
            ``scale`` times x: log2(scale) more.
    """
    return nats / math.log(2) / math.prod(shape) + math.log2(scale)


def particles_for(rows: AnyRows) -> int:
    """How many at once suit the size of a row."""
    return max(min(PARTICLES, NUMBERS // rows.shape[1:].numel()), 16)


def _weights(
    model: Graph, rows: Rows, samples: int, particles: int, rule: Rule = from_posterior
) -> Sums:
    """Sums of the weights of each row."""
    piece, keep = max(particles // max(len(rows), 1), 1), tail_length(samples) + 1

    most = math.inf

    def some(number: int) -> Sums:
        nonlocal most
        found = checked(trace(model, rows, samples=number, rule=rule))
        most = math.log(samples) if is_discrete(found.likelihood) else math.inf
        return Sums.of(_log_ratio(found), keep)

    found = some(min(piece, samples))
    for start in range(piece, samples, piece):
        found = found.joined(some(min(piece, samples - start)), keep)
    return found._replace(total=found.total.clamp_max(most))  # a probability is at most 1


def checked(t: Trace) -> Trace:
    """The same trace.

    Raises:
        ArithmeticError: if it gives a discrete value a probability above 1, which no model can.
    """
    if is_discrete(t.likelihood) and bool((t.log_px > ROUNDING).any()):
        raise ArithmeticError(
            f"log p(x|z) of discrete values is {t.log_px.max().item():.3g}, above 0: this is a "
            "fault of vaekit's likelihood; please report it with its parameters"
        )
    return t


def _log_ratio(t: Trace) -> Tensor:
    if not t.has_density:
        raise TypeError("a point posterior has no density: the model has no log p(x)")
    return t.log_ratio.double()
