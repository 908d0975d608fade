"""How codes from a list use it."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass, field

import torch
from torch import Tensor

from vaekit.distributions.codebooks import Listed, listed
from vaekit.evaluation.figures import Figure
from vaekit.evaluation.passes import at_mean, chunks, decode, latent_distributions
from vaekit.models import Graph
from vaekit.rows import AnyRows


@dataclass(frozen=True)
class CodebookUse:
    """How codes use the list that they are from, over some rows.

    Args:
        entries: of the list.
        used: how many of them some row has at some place.
        perplexity: the exponential of the entropy of entries, counted over rows and places: of so
            many used evenly would be as hard to guess.
        unquantised_error: mean squared error per number where what the encoder gave is decoded as
            it is, not its nearest entries.
        certain: whether the encoder chooses one code for each row.
        nats: that a code tells of its row at most: what its entry at each place tells, summed, as
            if no place repeated another.
    """

    entries: int
    used: int
    perplexity: float
    unquantised_error: float
    certain: bool = True
    nats: float = math.inf

    @property
    def figures(self) -> tuple[Figure, ...]:
        """As people read them."""
        return (
            Figure("entries in use", self.used, note=f"of {self.entries:,} in the list"),
            Figure("perplexity", self.perplexity, note="so many used evenly tell as much"),
            Figure("unquantised error", self.unquantised_error, note="squared, without the list"),
        )

    @property
    def doubts(self) -> tuple[str, ...]:
        """What log p(x) leaves out."""
        said = (
            "log p(x) is that of a row with the one code that the encoder chose: other codes would "
            "add to it, and no number of samples finds them.",
        )
        return said if self.certain else ()

    def to_dict(self) -> dict[str, object]:
        """For JSON."""
        return {f"codebook_{name}": value for name, value in asdict(self).items()}


@torch.inference_mode()
def codebook_use(model: Graph, rows: AnyRows) -> CodebookUse | None:
    """How the codes of some rows use their list; None unless the model has one latent whose codes
    are from one."""
    model.eval()
    if len(model.latents) != 1:
        return None
    counts, errors, certain = Counts(), [], True
    for part in chunks(rows):
        (latent,) = latent_distributions(model, part, at_mean).values()
        found = listed(latent.posterior)
        if found is None:
            return None
        counts, certain = counts.and_of(found), found.certain
        rebuilt = decode(model, found.unlisted, part)
        errors.append((rebuilt - part.data).double().square().flatten(1).mean(1))
    perplexity = torch.special.entr(counts.chosen / counts.chosen.sum()).sum().exp().item()
    error, used = torch.cat(errors).mean().item(), int((counts.chosen > 0).sum())
    return CodebookUse(len(counts.chosen), used, perplexity, error, certain, counts.told)


@dataclass(frozen=True)
class Counts:
    """Of entries, over the rows so far.

    Args:
        rows: how many.
        chosen: how often each entry was there, (entries,).
        here: the same at each place, by chances where there are some, (places, entries).
        open: nats of each place that stay open where the row is known, (places,).
    """

    rows: int = 0
    chosen: Tensor = field(default_factory=lambda: torch.zeros(()))
    here: Tensor = field(default_factory=lambda: torch.zeros(()))
    open: Tensor = field(default_factory=lambda: torch.zeros(()))

    def and_of(self, found: Listed) -> Counts:
        """With those of more rows."""
        rows, places = found.chosen.shape
        chosen = torch.bincount(found.chosen.flatten(), minlength=len(found.book)).double().cpu()
        if found.chances is None:
            index = found.chosen.T.cpu()
            here = torch.zeros(places, len(found.book), dtype=torch.float64)
            here.scatter_add_(1, index, torch.ones(places, rows, dtype=torch.float64))
            still = torch.zeros(places, dtype=torch.float64)
        else:
            here = found.chances.double().sum(0).cpu()
            still = torch.special.entr(found.chances.double()).sum((0, -1)).cpu()
        return Counts(self.rows + rows, self.chosen + chosen, self.here + here, self.open + still)

    @property
    def told(self) -> float:
        """Nats that entries tell of their row at most, summed over the places. Of a place where
        that comes near the log of the rows, these show no more, and it may be all of its list's."""
        each = torch.special.entr(self.here / self.rows).sum(-1) - self.open / self.rows
        full = each > math.log(self.rows) - 1
        return torch.where(full, math.log(self.here.shape[-1]), each).sum().item()
