"""How codes from a list use it."""

from __future__ import annotations

from dataclasses import asdict, dataclass

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
    """

    entries: int
    used: int
    perplexity: float
    unquantised_error: float
    certain: bool = True

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
    counts, errors, certain = torch.zeros(0), [], True
    for part in chunks(rows):
        (latent,) = latent_distributions(model, part, at_mean).values()
        found = listed(latent.posterior)
        if found is None:
            return None
        counts, certain = _counted(counts, found), found.certain
        rebuilt = decode(model, found.unlisted, part)
        errors.append((rebuilt - part.data).double().square().flatten(1).mean(1))
    share = counts / counts.sum()
    perplexity = torch.special.entr(share).sum().exp().item()
    error = torch.cat(errors).mean().item()
    return CodebookUse(len(counts), int((counts > 0).sum()), perplexity, error, certain)


def _counted(before: Tensor, found: Listed) -> Tensor:
    """How often each entry was there, so far."""
    here = torch.bincount(found.chosen.flatten(), minlength=len(found.book)).double().cpu()
    return here if not len(before) else before + here
