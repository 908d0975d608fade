"""The penalty that teaches a classifier inside a model."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from vaekit.distributions.labels import surprise, untold
from vaekit.models.trace import Trace
from vaekit.objectives.keeping import Keeping
from vaekit.rows import Rows

AT_ONCE = 200
SURE = 0.9  # chance of a class above which it is taught


class Classification(Keeping):
    r"""What q(y | x) lacks to the labels that are known, a mean over these (Kingma et al. 2014).

    .. math:: E_{x, y \text{ known}}[-\log q(y \mid x)]

    In training it looks at rows with labels that it keeps, up to 200 drawn at random: where few
    labels are known, batches would hardly ever have one. Elsewhere it looks at the rows of the
    trace, and is right on average. It runs the classifier again.

    Args:
        name: of the latent that is the label.
        told: the name under which it is given.
        share: of the training rows whose label is known.
        strength: what it weighs in the loss. A classifier that is sure errs dearly, and the more so
            the more rows it gets right: epochs are not compared by it.
    """

    x: Tensor
    y: Tensor

    def __init__(self, name: str, told: str, share: float, strength: float) -> None:
        super().__init__()
        self.name, self.told, self.share, self.strength = name, told, share, strength
        self.keep(Rows(torch.empty(0), {told: torch.empty(0)}))

    def keep(self, rows: Rows) -> None:
        """Keep training rows of which all that is given is known."""
        self.register_buffer("x", rows.data, persistent=False)
        self.register_buffer("y", rows.given[self.told], persistent=False)

    def forward(self, t: Trace) -> tuple[Tensor, Tensor]:
        """Itself in nats, and the loss."""
        found = self._lacking(t)
        return found.detach(), self.strength * found

    def _lacking(self, t: Trace) -> Tensor:
        if not t.model.training or not len(self.x):
            return surprise(t.latents[self.name].posterior).mean() / self.share
        here = t.rows.data.device
        some = torch.randint(len(self.x), (min(len(self.x), AT_ONCE),), device=self.x.device)
        classes = t.model.classes(Rows(self.x[some].to(here)))  # type: ignore[operator]
        return -(self.y[some].to(here) * classes.logits.log_softmax(-1)).sum(-1).mean()


def agreement(name: str, strength: float) -> Callable[[Trace], tuple[Tensor, Tensor]]:
    r"""Rows as they are teach what is said of them when they are changed a little: a mean over all
    rows, nats (Sohn et al. 2020).

    .. math:: -\log q(y^* \mid x') \;[q(y^* \mid x) > 0.9], \qquad y^* = \arg\max_y q(y \mid x)

    x' is x with what the classifier's layers do to it in training: noise, small moves. As with
    :class:`Classification`, epochs are not compared by it.

    Args:
        name: of the latent that is the label.
        strength: what it weighs in the loss.
    """

    def agreement(t: Trace) -> tuple[Tensor, Tensor]:
        changed = untold(t.latents[name].posterior).logits.log_softmax(-1)  # type: ignore[attr-defined]
        with torch.no_grad(), _at_rest(t.model):
            said = t.model.classes(t.rows).probs  # type: ignore[operator]
        chance, label = said.max(-1)
        lacking = F.nll_loss(changed, label, reduction="none") * (chance > SURE)
        return lacking.mean().detach(), strength * lacking.mean()

    return agreement


@contextmanager
def _at_rest(model: nn.Module) -> Iterator[None]:
    """Inside the block layers do as outside training."""
    was = model.training
    model.eval()
    try:
        yield
    finally:
        model.train(was)
