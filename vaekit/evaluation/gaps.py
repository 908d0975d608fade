"""Missing numbers of rows, filled in: x given the numbers that are there."""

from __future__ import annotations

import torch
from torch import Tensor
from torch import distributions as D

from vaekit.distributions.gaps import of_missing
from vaekit.evaluation.likelihood import NUMBERS
from vaekit.evaluation.passes import ROWS, in_chunks
from vaekit.models import Graph
from vaekit.models.drawing import decoding, from_posterior, with_common_noise
from vaekit.models.trace import Trace, trace
from vaekit.rows import AnyRows, Rows
from vaekit.system.seeding import seeded

SAMPLES = 1000


def expected(model: Graph, rows: AnyRows, *, samples: int = SAMPLES, seed: int = 0) -> Tensor:
    r"""Rows, (rows, *event), whose missing numbers are what is expected given those that are there,

    .. math:: E[x_m \mid x_o] \approx \sum_k w_k E[x_m \mid z_k], \qquad
        w_k \propto p(x_o \mid z_k) p(z_k) / q(z_k \mid x_o)

    by self-normalised importance sampling (Mattei & Frellsen 2019), with the same noise for every
    row: a row's depends on that row alone.

    Args:
        model: a model of rows with gaps.
        rows: NaN where a number is missing.
        samples: draws of z for each row.
        seed: of these.
    """
    model.eval()

    def some(part: Rows) -> Tensor:
        with seeded(seed, "expected"):
            t = trace(model, part, samples=samples, rule=with_common_noise)
        each = of_missing(t.likelihood).mean.reshape(samples, *part.shape)
        return _put(part, torch.einsum("kb,kb...->b...", t.log_ratio.softmax(0), each))

    return in_chunks(some, rows, _at_once(rows, samples), "filling gaps")


def drawn(model: Graph, rows: AnyRows, *, samples: int = SAMPLES, seed: int = 0) -> Tensor:
    """Rows, (rows, *event), whose missing numbers are drawn given those that are there, all of a
    row together: by sampling importance resampling, a code that is chosen among some draws by its
    weight, and then x given the code (Mattei & Frellsen 2019).

    Args:
        model: a model of rows with gaps.
        rows: NaN where a number is missing.
        samples: draws of z for each row, of which one is taken.
        seed: of everything random.
    """
    model.eval()
    number = 0

    def some(part: Rows) -> Tensor:
        nonlocal number
        number += 1
        with seeded(seed, "drawn", number):
            t = trace(model, part, samples=samples, rule=from_posterior)
            px = model(decoding(model.latents, _chosen(t)), part.without_x())
            return _put(part, of_missing(px).sample())

    return in_chunks(some, rows, _at_once(rows, samples), "filling gaps")


def _chosen(t: Trace) -> Tensor:
    """A code for each row, (rows, dim), among its particles, by their weights."""
    chosen = D.Categorical(logits=t.log_ratio.T).sample()
    codes = torch.cat([latent.value.flatten(2) for latent in t.latents.values()], -1)
    return codes[chosen, torch.arange(len(chosen), device=chosen.device)]


def _put(part: Rows, values: Tensor) -> Tensor:
    """Values where rows have none."""
    return torch.where(part.data.isnan(), values, part.data)


def _at_once(rows: AnyRows, samples: int) -> int:
    return max(min(ROWS, NUMBERS // (rows.shape[1:].numel() * samples)), 1)
