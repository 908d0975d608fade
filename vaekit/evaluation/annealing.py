"""Annealed importance sampling: log p(x) by chains that move from a distribution that is easy to
sample to the posterior, and a check of it on data whose posterior is known.

Sources: Neal 2001; Wu et al. 2017 (HMC transitions; bidirectional Monte Carlo).
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import Tensor
from torch import distributions as D

from vaekit.distributions import is_discrete, no_way
from vaekit.models import Graph
from vaekit.models.drawing import from_posterior, replayed
from vaekit.models.graph import NOTHING
from vaekit.models.trace import trace
from vaekit.rows import AnyRows, Rows
from vaekit.system.checks import require
from vaekit.system.progress import bar
from vaekit.system.seeding import seeded


class FixedLatents:
    """A drawing rule that takes all latents from one vector, in order, and sums log p(z).

    Without a vector it samples the prior and records the values.
    """

    def __init__(self, rows: int, z: Tensor | None = None) -> None:
        self.rows, self.z, self.taken = rows, z, 0
        self.log_p: Tensor | float = 0.0
        self.drawn: list[Tensor] = []

    def tile(self, rows: Tensor) -> Tensor:
        """The rows as they are: one particle each."""
        return rows

    def __call__(
        self, name: str, prior: D.Distribution, posterior: D.Distribution | None = None
    ) -> Tensor:
        """The value of a latent; it is recorded."""
        value = self._take(prior)
        self.drawn.append(value)
        self.log_p = self.log_p + prior.log_prob(value)
        return value

    def _take(self, prior: D.Distribution) -> Tensor:
        if self.z is None:
            return prior.sample() if prior.batch_shape else prior.sample(torch.Size([self.rows]))
        width = prior.event_shape.numel()
        self.taken += width
        flat = self.z[:, self.taken - width : self.taken]
        return flat.unflatten(1, prior.event_shape)


class AnnealedPath:
    """log f_beta(z) = (1 - beta) log f_0(z) + beta log p(x, z), for some rows.

    f_0 is the prior p(z), or the encoder's q(z|x). All latents of the model stand side by side in
    one vector; codes are (chains, rows, dim).
    """

    def __init__(self, model: Graph, rows: Rows, start: str) -> None:
        for latent in trace(model, rows[:1]).latents.values():
            reason = no_way(latent.prior)
            require(reason is None, f"{reason}: no annealing")
        if start not in ("prior", "posterior"):
            raise ValueError(f"start must be 'prior' or 'posterior', not {start!r}")
        self.model, self.rows, self.start = model, rows, start
        if start == "posterior":
            with torch.no_grad():
                latents = trace(model, rows, rule=from_posterior).latents
            self.posteriors = [latent.posterior for latent in latents.values()]

    @staticmethod
    @torch.no_grad()
    def simulate(model: Graph, rows: int, given: Rows) -> tuple[Rows, Tensor]:
        """Rows drawn from the model, and the codes that made them, (rows, dim)."""
        fixed = FixedLatents(rows)
        x = model(fixed, given.without_x()).sample()
        return Rows(x, given.given), torch.cat([z.flatten(1) for z in fixed.drawn], 1)

    @torch.no_grad()
    def draw(self, chains: int) -> Tensor:
        """Codes from f_0, (chains, rows, dim)."""
        if self.start == "posterior":
            if len(self.posteriors) == 1:
                return self.posteriors[0].sample(torch.Size([chains]))
            latents = trace(self.model, self.rows, samples=chains).latents
            return torch.cat([latent.value.flatten(2) for latent in latents.values()], 2)
        fixed = FixedLatents(chains * len(self.rows))
        self.model.walk(fixed, _tiled(self.rows, chains).without_x())
        flat = torch.cat([z.flatten(1) for z in fixed.drawn], 1)
        return flat.unflatten(0, (chains, len(self.rows)))

    def log_densities(self, z: Tensor) -> tuple[Tensor, Tensor]:
        """log f_0(z) and log p(x, z), each (chains, rows)."""
        if self.start == "posterior" and len(self.posteriors) > 1:
            return self._log_densities_of_layers(z)
        fixed = FixedLatents(z.shape[:2].numel(), z.flatten(0, 1))
        tiled = _tiled(self.rows, len(z))
        log_px = self.model(fixed, tiled.without_x()).log_prob(tiled.data)
        log_p = torch.as_tensor(fixed.log_p).reshape(z.shape[:2])
        joint = log_px.reshape(z.shape[:2]) + log_p
        return (log_p if self.start == "prior" else self.posteriors[0].log_prob(z)), joint

    def _log_densities_of_layers(self, z: Tensor) -> tuple[Tensor, Tensor]:
        """The same where the posteriors of some latents depend on the values of others."""
        values = z.split(list(self.model.latents.values()), -1)
        named = {n: replayed(v) for n, v in zip(self.model.latents, values, strict=True)}
        t = trace(self.model, self.rows, samples=len(z), named=named)
        return t.log_qz, t.log_px + t.log_pz

    @torch.no_grad()
    def slope(self, z: Tensor) -> Tensor:
        """d log f_beta(z) / d beta, (chains, rows)."""
        first, joint = self.log_densities(z)
        return joint - first

    def density(self, z: Tensor, beta: float) -> tuple[Tensor, Tensor]:
        """log f_beta(z), (chains, rows), and its gradient with respect to z."""
        z = z.detach().requires_grad_()
        with torch.enable_grad():
            first, joint = self.log_densities(z)
            value = (1 - beta) * first + beta * joint
            (gradient,) = torch.autograd.grad(value.sum(), z)
        return value.detach(), gradient


def _tiled(rows: Rows, times: int) -> Rows:
    return rows.map(lambda t: t.repeat(times, *[1] * (t.dim() - 1)))


STEPS, CHAINS, LEAPFROG, ACCEPTANCE = 500, 8, 10, 0.65
ROWS = 1_000


@dataclass(frozen=True)
class Annealed:
    """An estimate of log p(x) by annealing.

    Args:
        log_weights: (chains, rows), nats; the mean of their exponentials is unbiased for p(x).
        acceptance: mean share of accepted HMC proposals.
        steps: intermediate distributions.
        most: no log p(x) is above this: 0 for discrete x, infinity for a density.
    """

    log_weights: Tensor
    acceptance: float
    steps: int
    most: float = math.inf

    @property
    def value(self) -> Tensor:
        """log of the mean weight of each row, (rows,), nats, cut at :attr:`most`: on average below
        log p(x)."""
        mean = torch.logsumexp(self.log_weights, 0) - math.log(len(self.log_weights))
        return mean.clamp_max(self.most)

    @property
    def standard_error(self) -> Tensor:
        """Of :attr:`value`, (rows,), nats, from the spread of the weights over the chains; NaN for
        one chain. Where few of them carry the weight it is too small: see :func:`sandwich`."""
        w = torch.softmax(self.log_weights, 0)
        chains = len(w)
        return ((chains * w.square().sum(0) - 1).clamp_min(0) / (chains - 1 or math.nan)).sqrt()

    @property
    def mean(self) -> float:
        """Mean over the rows, nats."""
        return self.value.mean().item()


@dataclass(frozen=True)
class Sandwich:
    """Bidirectional bounds on the mean log p(x) of data drawn from the model itself, nats.

    ``lower`` anneals forwards from the start; ``upper`` backwards from the very latents that made
    the data, which are a draw from the exact posterior. Their ``gap`` bounds the error of both.
    """

    lower: Annealed
    upper: Annealed

    @property
    def gap(self) -> float:
        """Mean over the rows of upper minus lower bound, nats."""
        return (self.upper_value - self.lower.value).mean().item()

    @property
    def upper_value(self) -> Tensor:
        """An upper bound on log p(x) of each row on average, (rows,), nats."""
        return (-self.upper.value).clamp_max(self.lower.most)


def anneal(
    model: Graph,
    rows: AnyRows,
    *,
    steps: int = STEPS,
    chains: int = CHAINS,
    start: str = "prior",
    leapfrog: int = LEAPFROG,
    seed: int = 0,
    title: str = "annealing",
) -> Annealed:
    """log p(x) of each row by annealed importance sampling with HMC transitions.

    The step size of every temperature and row is found by a pilot chain that aims at an
    acceptance of 0.65, then fixed, so that the weights are exactly unbiased.

    Args:
        model: a graph.
        rows: whose log p(x) is estimated.
        steps: intermediate distributions.
        chains: independent estimates per row.
        start: "prior" (begin at p(z)) or "posterior" (begin at q(z|x): shorter, where q is good;
            what q does not cover is then found late or never).
        leapfrog: leapfrog steps of a transition.
        seed: of everything random.
        title: of the progress bar.
    """
    model.eval()
    with seeded(seed, "anneal"), bar(title, steps * math.ceil(len(rows) / ROWS) * 2) as shown:
        done = 0
        parts = []
        for some in rows.split(ROWS):
            path = AnnealedPath(model, Rows.of(some), start)
            sizes, _ = _tune_step_sizes(path, path.draw(1), _temperatures(steps), leapfrog, None)
            shown.update(done + steps)
            parts.append(_run(path, path.draw(chains), _temperatures(steps), leapfrog, sizes))
            done += 2 * steps
            shown.update(done)
        most = most_of(model, Rows.of(rows[:1]))
    weights = torch.cat([w for w, _ in parts], 1)
    return Annealed(weights, sum(a for _, a in parts) / len(parts), steps, most)


def sandwich(
    model: Graph,
    rows: int = 100,
    *,
    given: Rows = NOTHING,
    steps: int = STEPS,
    chains: int = CHAINS,
    start: str = "prior",
    leapfrog: int = LEAPFROG,
    seed: int = 0,
) -> Sandwich:
    """Draw ``rows`` rows from the model, given what ``given`` holds if it is given anything, and
    bracket their log p(x) from both sides.

    Args:
        model: a graph.
        rows: how many.
        given: what a conditional model is given of each.
        steps: intermediate distributions.
        chains: independent estimates per row, each way.
        start: as :func:`anneal` has it: the gap speaks of chains that begin alike.
        leapfrog: leapfrog steps of a transition.
        seed: of everything random.
    """
    model.eval()
    with seeded(seed, "sandwich"):
        made, z = AnnealedPath.simulate(model, rows, given)
        path = AnnealedPath(model, made, start)
        sizes, _ = _tune_step_sizes(path, path.draw(1), _temperatures(steps), leapfrog, None)
        forward = _run(path, path.draw(chains), _temperatures(steps), leapfrog, sizes)
        again = z.expand(chains, *z.shape)
        down = torch.cat([sizes.flip(0)[1:], sizes[:1]])
        back = _run(path, again, list(reversed(_temperatures(steps))), leapfrog, down)
        most = most_of(model, made[:1])
    return Sandwich(Annealed(*forward, steps, most), Annealed(*back, steps))


@torch.no_grad()
def most_of(model: Graph, row: Rows) -> float:
    """What no log p(x) can exceed, in nats: 0 for discrete x, infinity for a density."""
    return 0.0 if is_discrete(trace(model, row).likelihood) else math.inf


def _temperatures(steps: int, steep: float = 4.0) -> list[float]:
    """Inverse temperatures 0 to 1, denser at both ends: a stretched sigmoid (Wu et al. 2017)."""
    raw = torch.sigmoid(torch.linspace(-steep, steep, steps + 1, dtype=torch.float64))
    return ((raw - raw[0]) / (raw[-1] - raw[0])).tolist()


def _run(
    path: AnnealedPath, z: Tensor, betas: list[float], leapfrog: int, sizes: Tensor
) -> tuple[Tensor, float]:
    """Log weights, (chains, rows), and the acceptance, with step sizes as given."""
    weights = torch.zeros(z.shape[:2], dtype=torch.float64, device=z.device)
    accepted = 0.0
    for before, after, size in _pairs(betas, sizes):
        weights += (after - before) * path.slope(z).double()
        z, share = _transition(path, z, after, size, leapfrog)
        accepted += share.mean().item() / (len(betas) - 1)
    return weights, accepted


def _tune_step_sizes(
    path: AnnealedPath, z: Tensor, betas: list[float], leapfrog: int, sizes: Tensor | None
) -> tuple[Tensor, Tensor]:
    """A pilot: the step size of each temperature and row, (steps, rows), that keeps the
    acceptance near its aim; and where the chain ends."""
    size = torch.full((z.shape[1],), 0.1, dtype=z.dtype, device=z.device)
    found, smooth = [], torch.full_like(size, ACCEPTANCE)
    for beta in betas[1:]:
        z, share = _transition(path, z, beta, size, leapfrog)
        smooth = 0.9 * smooth + 0.1 * share.mean(0)
        size = (size * torch.where(smooth > ACCEPTANCE, 1.02, 0.98)).clamp(1e-4, 2.0)
        found.append(size)
    return torch.stack(found), z


def _pairs(betas: list[float], sizes: Tensor) -> Iterator[tuple[float, float, Tensor]]:
    yield from zip(betas, betas[1:], sizes, strict=False)


def _transition(
    path: AnnealedPath, z: Tensor, beta: float, size: Tensor, leapfrog: int
) -> tuple[Tensor, Tensor]:
    """One HMC move that leaves the distribution at ``beta`` as it is; the share accepted."""
    momentum = torch.randn_like(z)
    step = size[None, :, None]
    energy, force = path.density(z, beta)
    new, speed, moved, push = z, momentum, energy, force
    for _ in range(leapfrog):
        speed = speed + step / 2 * push
        new = new + step * speed
        moved, push = path.density(new, beta)
        speed = speed + step / 2 * push
    change = moved - energy - (speed.square() - momentum.square()).sum(-1) / 2
    accept = torch.rand_like(change).log() < change
    return torch.where(accept[..., None], new, z), accept.to(z.dtype)
