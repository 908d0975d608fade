"""A model as functions of tensors alone: what is exported. What goes in and comes out is in the
data's own numbers, as they are stored; all that lies between is inside."""

from __future__ import annotations

from copy import deepcopy
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor, nn
from torch import distributions as D
from torch.nn import functional as F

from vaekit.data.conditions import Conditions
from vaekit.distributions import exact_kl
from vaekit.evaluation.passes import PosteriorReader, at_mean
from vaekit.models.drawing import Generator
from vaekit.rows import Rows
from vaekit.runs.exports.parameters import parameters
from vaekit.runs.settle import predictor_of
from vaekit.runs.trained import Trained

ANY = 0  # rows of a rule that is never asked for their number
OF_X = {"mean": "mean_of_x"}  # parameters called as something that comes out in the data's numbers


class Exported(nn.Module):
    """What all that is exported is made of.

    Args:
        trained: the model.
    """

    def __init__(self, trained: Trained) -> None:
        super().__init__()
        self.model = trained.model.eval()
        self.sizes = list(trained.model.latents.values())
        self.names = list(trained.model.latents)
        self.conditions = trained.config.conditions
        takes = trained.representation
        drawn = takes.is_drawn  # what is exported draws nothing
        self.representation = replace(takes, binarize="threshold") if drawn else takes

    def told(self, given: tuple[Tensor, ...]) -> dict[str, Tensor]:
        """What a model sees of class numbers and covariates, (rows,) each."""
        return as_seen(self.conditions, given)

    def latents(self, x: Tensor, given: tuple[Tensor, ...]) -> PosteriorReader:
        """Priors and posteriors of all latents, at the means."""
        rule = PosteriorReader(ANY, at_mean)
        self.model.walk(rule, Rows(self.seen(x), self.told(given)))
        return rule

    def seen(self, x: Tensor) -> Tensor:
        """Stored rows as the model sees them."""
        return self.representation.encode(x)

    def emitted(self, code: Tensor, given: tuple[Tensor, ...]) -> D.Distribution:
        """p(x|z) of codes, (rows, latent)."""
        parts = dict(zip(self.names, code.split(self.sizes, -1), strict=True))
        return self.model(Generator(ANY, parts), Rows(None, self.told(given)))


def as_seen(conditions: Conditions, given: tuple[Tensor, ...]) -> dict[str, Tensor]:
    """Class numbers and covariates as a model sees them; zeros for what is not known.

    Args:
        conditions: of the model.
        given: one for each condition, (rows,): class numbers, below 0 if not known, or covariates,
            NaN if not known.
    """
    found = {}
    for condition, values in zip(conditions, given, strict=True):
        if condition.is_categorical:
            each = torch.arange(condition.width, dtype=values.dtype, device=values.device)
            found[condition.name] = (values[:, None] == each).float()
        else:
            scaled = (values.double() - condition.mean) / condition.spread
            found[condition.name] = scaled.float().nan_to_num(0.0)[:, None]
    return found


class Encoding(Exported):
    """q(z|x): rows as they are stored, and what is given, to the means and the logarithms of the
    variances of each number of a code, (rows, latent) each; of an autoencoder to codes alone."""

    @property
    def outputs(self) -> list[str]:
        """What comes out."""
        return ["mean", "log_variance"] if self.model.has_density else ["mean"]

    def forward(self, x: Tensor, *given: Tensor) -> tuple[Tensor, ...]:
        """(rows, *row) to (rows, latent), twice."""
        found = self.latents(x, given).found.values()
        means = torch.cat([latent.posterior.mean for latent in found], 1)
        if not self.model.has_density:
            return (means,)
        variances = torch.cat([latent.posterior.variance for latent in found], 1)
        return means, variances.log()


class Decoding(Exported):
    """p(x|z): codes, and what is given, to the mean of each number of a row, in the data's own
    numbers but not rounded, and to the parameters of p(x|z), which are of x: of stored values less
    their offset, divided by the scale."""

    @property
    def outputs(self) -> list[str]:
        """What comes out."""
        told = self.told(tuple(torch.zeros(1) for _ in self.conditions))
        parts = {n: torch.zeros(1, size) for n, size in self.model.latents.items()}
        with torch.no_grad():
            likelihood = self.model(Generator(ANY, parts), Rows(None, told))
        return ["mean", *(OF_X.get(name, name) for name in parameters(likelihood))]

    def forward(self, code: Tensor, *given: Tensor) -> tuple[Tensor, ...]:
        """(rows, latent) to (rows, *row), and parameters, (rows, ...) each."""
        likelihood = self.emitted(code, given)
        return self.stored(likelihood.mean), *parameters(likelihood).values()

    def stored(self, x: Tensor) -> Tensor:
        """x in the data's own numbers, not rounded, in float32."""
        takes = self.representation
        values = takes.unrounded(x)
        if takes.constant:
            known = takes.stored_constants.to(values.dtype)
            values = torch.where(takes.is_constant, known, values)
        return values.float()


class CellsExported(Exported):
    """Of a table's model: what its levels share is counted once, not in each pass."""

    def __init__(self, trained: Trained) -> None:
        super().__init__(trained)
        self.model = deepcopy(self.model)
        predictor_of(self.model).last.merge()


class CellsDecoding(CellsExported):
    """Codes of a table's rows to the likeliest level of each cell, given those before it: (1, D),
    -1 where it is said to be missing. Column after column without a look at any number, so that
    what is recorded for one row does for all."""

    def forward(self, code: Tensor, *given: Tensor) -> Tensor:
        """(1, latent) to (1, D)."""
        cells: Any = self.emitted(code, given)
        net, order = cells.predictor, torch.ones(1)
        blank = torch.full((1, 1), torch.nan)
        seen = [blank] * len(net.levels)
        level: list[Tensor] = []
        for j in range(len(net.levels)):
            logits = net.column(cells.features, torch.cat(seen, 1), j, order)
            level.append(logits.argmax(1, keepdim=True).float())
            seen[j] = level[j]
            if j in net.gaps:
                seen[j] = torch.where(level[net.gaps[j]] == 1, blank, level[j])
        return torch.cat(seen, 1).nan_to_num(-1.0)


class CellsEncoding(Encoding):
    """q(z|x) of rows of a table: levels, (1, D), NaN where a cell is missing, to means and
    logarithms of variances."""

    def seen(self, x: Tensor) -> Tensor:
        """Levels are what the model sees."""
        return x


class CellsGiven(CellsExported):
    """A code and the cells that are seen, (1, D), NaN where one is not, to logits of all columns
    side by side; and what those have more that are given just the cells before them."""

    def forward(self, code: Tensor, seen: Tensor) -> tuple[Tensor, Tensor]:
        """(1, latent), (1, D) to (1, levels), twice."""
        cells: Any = self.emitted(code, ())
        net = cells.predictor
        h = net.hidden(cells.features, seen)
        return net.last(h), F.linear(h, net.own_weight, net.own_bias)


class CodePrior(Exported):
    """log p(z) of codes, (1, latent), in nats."""

    def forward(self, code: Tensor) -> Tensor:
        """(1, latent) to (1,)."""
        (prior,) = self.model.priors
        found: Tensor = prior().log_prob(code)
        return found


class Density(Exported):
    """log p(x|z) at the mean of q(z|x), KL(q(z|x) || p(z)) and their difference, the ELBO at the
    mean, of rows: (rows,) each, in nats. Nothing is drawn. Where the KL has no closed form it is
    log q(z|x) - log p(z) at the mean."""

    outputs = ("elbo_at_mean", "log_px_at_mean", "kl")

    def forward(self, x: Tensor, *given: Tensor) -> tuple[Tensor, ...]:
        """(rows, *row) to (rows,), three times."""
        rule = self.latents(x, given)
        code = torch.cat([at_mean(latent.posterior) for latent in rule.found.values()], 1)
        log_px = self.emitted(code, given).log_prob(self.representation.encode(x))
        total = torch.zeros_like(log_px)
        for p, q in rule.found.values():
            z, kl = q.mean, exact_kl(q, p)
            total = total + (q.log_prob(z) - p.log_prob(z) if kl is None else kl)
        return log_px - total, log_px, total
