"""Passes of a model over many rows, a chunk at a time, without gradients."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import NamedTuple

import torch
from torch import Tensor
from torch import distributions as D

from vaekit.distributions.covariances import covariance
from vaekit.models import Graph
from vaekit.models.drawing import decoding
from vaekit.rows import AnyRows, Rows
from vaekit.system.progress import tracked
from vaekit.system.seeding import seeded

ROWS = 256


def in_chunks(
    apply: Callable[[Rows], Tensor], rows: AnyRows, size: int = ROWS, title: str = ""
) -> Tensor:
    """``apply`` to ``size`` rows at a time; the results, one per row, put together again."""
    with torch.inference_mode():
        return concatenated((apply(part) for part in chunks(rows, size, title)), len(rows))


def concatenated(parts: Iterable[Tensor], rows: int) -> Tensor:
    """Parts of ``rows`` rows in all, concatenated.

    Each is copied at once: small results kept between large temporary ones would fragment memory.
    """
    whole, start = torch.empty(0), 0
    for part in parts:
        if start == 0:
            whole = part.new_empty(rows, *part.shape[1:])
        whole[start : start + len(part)] = part
        start += len(part)
    return whole


def chunks(rows: AnyRows, size: int = ROWS, title: str = "") -> Iterator[Rows]:
    """Rows cut into pieces of ``size``, with a progress bar if there is a title."""
    parts = rows.split(size)
    for part in tracked(parts, title, len(parts)) if title and len(parts) > 1 else parts:
        yield Rows.of(part)


def encode(model: Graph, rows: AnyRows) -> Tensor:
    """The posterior means of all latents, side by side: (rows, dim), each given the means of those
    before it. The same rows always give the same codes."""
    return concatenated(codes(model, rows), len(rows))


def codes(model: Graph, rows: AnyRows, *, spread: bool = False) -> Iterator[Tensor]:
    """The posterior means of all latents, some rows at a time; with ``spread`` their standard
    deviations behind them: (rows, 2 dim)."""
    model.eval()
    for part in chunks(rows, title="encoding"):
        with torch.inference_mode():
            found = latent_distributions(model, part, at_mean).values()
            none = part.data.new_empty(len(part), 0)  # a model may have no latents
            means = [latent.posterior.mean for latent in found]
            each = torch.cat([none, *means, *(q.posterior.stddev for q in found if spread)], 1)
        yield each


def drawn_codes(model: Graph, rows: AnyRows, *seed: int | str) -> Tensor:
    """A draw of q(z|x) of all latents for each row, side by side: (rows, dim).

    Args:
        model: a graph.
        rows: of data.
        seed: of the draws.
    """
    return concatenated(_draws(model, rows, *seed), len(rows))


def _draws(model: Graph, rows: AnyRows, *seed: int | str) -> Iterator[Tensor]:
    def kept(q: D.Distribution) -> Tensor:
        found.append(drawn(q))
        return found[-1]

    model.eval()
    for number, part in enumerate(chunks(rows, title="drawing codes")):
        found = [part.data.new_empty(len(part), 0)]
        with torch.inference_mode(), seeded(*seed, "drawn codes", number):
            latent_distributions(model, part, kept)
            each = torch.cat([z.flatten(1) for z in found], 1)
        yield each


@torch.inference_mode()
def is_correlated(model: Graph, rows: AnyRows) -> bool:
    """Whether q(z|x) of some row has dimensions that are known to depend on each other."""
    model.eval()
    found = latent_distributions(model, next(chunks(rows)), at_mean).values()
    known = [
        each for each in (covariance(latent.posterior) for latent in found) if each is not None
    ]
    return any(bool((each - each.diagonal(dim1=1, dim2=2).diag_embed()).any()) for each in known)


def spreads_along(model: Graph, rows: AnyRows, directions: Tensor) -> Iterator[Tensor]:
    """Covariances of q(z|x) in a plane, some rows at a time: of the first axis, of both, of the
    second, (rows, 3). Latents are taken as independent of each other.

    Args:
        model: a graph.
        rows: of data.
        directions: two, (2, dim).
    """
    model.eval()
    for part in chunks(rows, title="measuring spreads"):
        with torch.inference_mode():
            found = latent_distributions(model, part, at_mean)
            axes = directions.to(part.data.device).split([*model.latents.values()], 1)
            each = [_along(q.posterior, d) for q, d in zip(found.values(), axes, strict=True)]
            total = torch.stack(each).sum(0)
            plane = torch.stack([total[:, 0, 0], total[:, 0, 1], total[:, 1, 1]], 1)
        yield plane


def _along(q: D.Distribution, directions: Tensor) -> Tensor:
    """The covariance of q in a plane, (rows, 2, 2)."""
    found = covariance(q)
    matrix = torch.diag_embed(q.variance) if found is None else found
    return directions.to(matrix.dtype) @ matrix @ directions.to(matrix.dtype).T


def decode(model: Graph, z: Tensor, given: Rows | None = None) -> Tensor:
    """The means of p(x|z), (rows, *shape), for codes as :func:`encode` gives them.

    Args:
        model: a graph.
        z: (rows, dim).
        given: rows of what the model is given, if it is given anything.
    """
    rule = decoding(model.latents, z)
    return (model(rule) if given is None else model(rule, given.without_x())).mean


class LatentDistributions(NamedTuple):
    """Prior and posterior of a latent."""

    prior: D.Distribution
    posterior: D.Distribution


def at_mean(q: D.Distribution) -> Tensor:
    """The mean of a posterior, as a latent's value."""
    return q.mean


def drawn(q: D.Distribution) -> Tensor:
    """A draw from a posterior, as a latent's value; numbers that are not finite if it has such."""
    try:
        return q.sample()
    except RuntimeError:  # torch's normal refuses a spread that is NaN
        if bool(torch.isfinite(q.stddev).all()):
            raise
        return q.rsample()


class PosteriorReader:
    """A drawing rule that records prior and posterior of each latent, one particle a row."""

    def __init__(self, rows: int, value: Callable[[D.Distribution], Tensor]) -> None:
        self.rows, self.value = rows, value
        self.found: dict[str, LatentDistributions] = {}

    def tile(self, rows: Tensor) -> Tensor:
        """The rows as they are: one particle each."""
        return rows

    def __call__(
        self, name: str, prior: D.Distribution, posterior: D.Distribution | None
    ) -> Tensor:
        """The value of a latent; it is recorded."""
        assert posterior is not None
        self.found[name] = LatentDistributions(prior, posterior)
        return self.value(posterior)


def latent_distributions(
    model: Graph, rows: Rows, value: Callable[[D.Distribution], Tensor]
) -> dict[str, LatentDistributions]:
    """Prior and posterior of each latent, those before it having a value of their posterior;
    nothing is decoded."""
    rule = PosteriorReader(len(rows), value)
    model.walk(rule, rows)
    return rule.found


def network_passes(model: Graph) -> int:
    """How many passes of a network log p(x|z) takes: more than one where cells are drawn one after
    the other."""
    family = model.likelihood.family
    return int(family.kind.passes(family))
