"""Labels of which some are known."""

from __future__ import annotations

from functools import singledispatch

import torch
from torch import Tensor
from torch import distributions as D

from vaekit.distributions.validation import validation_kept

FAR = 1e4  # nats by which a label that is known not to be there is less likely


def one_hot(logits: Tensor) -> D.OneHotCategorical:
    """One class out of some, unchecked: torch checks the logits even where it is told not to.

    Args:
        logits: (..., classes).
    """
    with validation_kept(off=True):
        found = D.OneHotCategorical(logits=logits, validate_args=False)
    found._categorical._validate_args = False
    return found


class PartlyKnown(D.OneHotCategorical):
    r"""One class out of some, which is known for some rows.

    .. math:: p(y) = 1 \text{ at the known label, where there is one}

    Args:
        base: the same where nothing is known, with a batch of () or (B,).
        known: (B, classes), a one-hot row where the label is known, zeros where it is not.
    """

    def __init__(self, base: D.OneHotCategorical, known: Tensor) -> None:
        self.base, self.is_known = base, known.sum(-1) > 0
        logits = torch.where(self.is_known[..., None], (known - 1) * FAR, base.logits)
        with validation_kept(off=True):
            super().__init__(logits=logits, validate_args=False)
        self._categorical._validate_args = False
        self.known = known


@singledispatch
def surprise(q: D.Distribution) -> Tensor:
    """- log of what is said of the known label by who does not know it, (B,) nats; 0 for rows whose
    label is not known, and where none ever is."""
    return q.mean.new_zeros(q.batch_shape)


@singledispatch
def untold(q: D.Distribution) -> D.Distribution:
    """What is said of a label by who does not know it."""
    return q


@untold.register
def _(q: PartlyKnown) -> D.Distribution:
    return q.base


@surprise.register
def _(q: PartlyKnown) -> Tensor:
    return -(q.known * q.base.logits.log_softmax(-1)).sum(-1)
