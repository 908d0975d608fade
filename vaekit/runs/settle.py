"""The end of the training of a table's model: what updates by a few rows each leave unsettled is
fitted to many rows at once.

Rows are drawn column after column. In training, each column in this order is met so seldom that
how often its levels come, and what they have to do with the columns before them, is known less
well than the data would let it. So, with everything else as it is,

- p(z) is fitted to codes of training rows (the ELBO is greatest at the mean of q(z|x) over them),
- each column gets a last layer of its own for this order: the most likely one not far from the
  trained one, by logistic regression on what the network makes of the cells before it, as long as
  rows that were not trained on gain by it,
- and each level comes as often in new rows as in the training rows, as far as these can tell.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import cast

import torch
from torch import Tensor
from torch.nn import functional as F

from vaekit.data import Source
from vaekit.distributions.columns import Seeing, drawn
from vaekit.models import Graph
from vaekit.models.drawing import Generator
from vaekit.networks.cells import CellPredictor, unsettle
from vaekit.runs import folder as store
from vaekit.runs.narrowing import cells_at
from vaekit.runs.trained import Trained
from vaekit.system.progress import tracked
from vaekit.system.seeding import seeded
from vaekit.training.distributed import world

ROWS, HELD_OUT, FEWEST = 50_000, 10_000, 200
# new rows, at least, in at most so many cells: how often a level comes in them is chance as well
NEW, NEW_CELLS = 10_000, 2**20
CELLS, CHANCES = 2**20, 2**26  # cells of all rows, and probabilities of a column, at most
PULL = 8.0  # nats by which a weight that is 1 away from the trained one is less likely
ROUNDS, STEPS = 8, 3
AT_ONCE = 4_000
ROUND_TRIPS, OWN = 3, 1.0  # of levels' shares; rows' worth of trust in the model's own


def settle(trained: Trained, source: Source) -> None:
    """Fit what can be fitted at one go, in place. A model of anything but a table stays as it is.

    Args:
        trained: a model.
        source: the data that it was trained on.
    """
    if trained.config.coding is None:
        return
    model, seed = trained.model.eval(), trained.config.plan.seed
    width = len(predictor_of(model).levels)
    parts = (
        source.some(split, min(most, max(CELLS // width, FEWEST)), seed)
        for split, most in (("train", ROWS), ("validation", HELD_OUT))
    )
    train, held_out = (trained.rows(part)[:].data for part in parts)
    with torch.no_grad(), seeded(seed, "settle"):
        codes, tested = (_codes(model, x) for x in (train, held_out))
        _settle_prior(model, codes, tested)
        _settle_columns(model, (codes, train), (tested, held_out))


def settled_in(folder: Path, source: Source) -> Trained:
    """The model that a run left in a folder, settled there as well. All processes come here."""
    trained = Trained.load(folder, source)
    if trained.config.coding is None:
        return trained
    if world().is_first:
        settle(trained, source)
        store.save_weights(folder, trained.model.state_dict())
    world().wait()
    return trained if world().is_first else Trained.load(folder, source)


def predictor_of(model: Graph) -> CellPredictor:
    """The network that predicts the cells of a table."""
    return cast(CellPredictor, model.likelihood.family.predictor)


def _codes(model: Graph, x: Tensor) -> Tensor:
    """A draw of q(z|x) for each row."""
    return torch.cat([model.posteriors[0](part).sample() for part in x.split(AT_ONCE)])


def _settle_prior(model: Graph, codes: Tensor, tested: Tensor) -> None:
    """Fit p(z), if codes of rows that were not trained on then are likelier."""
    prior = model.priors[0]
    before = {name: value.clone() for name, value in prior.state_dict().items()}
    was = prior().log_prob(tested).mean()
    prior.settle(codes)
    if not prior().log_prob(tested).mean() > was:
        prior.load_state_dict(before)


def _settle_columns(
    model: Graph, train: tuple[Tensor, Tensor], held_out: tuple[Tensor, Tensor]
) -> None:
    unsettle(model)
    predictor = predictor_of(model)
    count, widest = len(predictor.levels), max(predictor.levels)
    wanted = max(len(train[0]), min(NEW, NEW_CELLS // count))
    new = _New(model, min(wanted, max(CHANCES // widest, 1)))
    met = zip(_met(model, *train), _met(model, *held_out), strict=True)
    for number, (own, others) in enumerate(tracked(met, "settling columns", count)):
        if len(own[1]) == 0:
            continue
        window = predictor.window(number)
        column = _Column(*predictor.last.of(window))
        if len(others[1]) >= FEWEST:
            column.fit(*own, *others)
        rows, hidden = new.met(number)
        column.balance(hidden, own[1])
        predictor.own_weight[window] = column.weight - column.start[0]
        predictor.own_bias[window] = column.bias - column.start[1]
        new.draw(number, rows, hidden, column)


class _New:
    """New rows, drawn column after column as these are settled.

    Args:
        model: of a table.
        rows: how many.
    """

    def __init__(self, model: Graph, rows: int) -> None:
        self.predictor = predictor_of(model)
        features = _features(model, Generator(rows)("z", model.priors[0]()))
        blank = features.new_full((rows, len(self.predictor.levels)), torch.nan)
        self.seeing = Seeing(features, self.predictor, blank)

    def met(self, number: int) -> tuple[Tensor, Tensor]:
        """In which rows the cell of a column is not missing, and what the network makes there of
        the cells before it, (rows, width)."""
        flag = self.predictor.gaps.get(number)
        seen = self.seeing.seen
        there = seen[:, flag] != 1 if flag is not None else seen[:, number].isnan()
        rows = there.nonzero()[:, 0]
        return rows, _hidden(self.predictor, self.seeing.sums, rows)

    def draw(self, number: int, rows: Tensor, hidden: Tensor, column: _Column) -> None:
        """The cells of a column, so that those behind it see them."""
        cells = self.seeing.seen[:, number].clone()
        for part, h in zip(rows.split(AT_ONCE), hidden.split(AT_ONCE), strict=True):
            cells[part] = drawn(F.linear(h, column.weight, column.bias)).to(cells.dtype)
        self.seeing.see(number, cells)


def _features(model: Graph, z: Tensor) -> Tensor:
    """What codes say of rows, (rows, width)."""
    return torch.cat([cells_at(model, part).features for part in z.split(AT_ONCE)])


def _hidden(predictor: CellPredictor, sums: Tensor, rows: Tensor) -> Tensor:
    """What the network makes of what is known of some rows, (rows, width)."""
    return torch.cat([predictor.blocks(sums[part]) for part in rows.split(AT_ONCE)])


def _met(model: Graph, z: Tensor, x: Tensor) -> Iterator[tuple[Tensor, Tensor]]:
    """For each column, the features of rows of which the cells before it are seen, (rows, width),
    and the levels that are there, (rows,)."""
    predictor, blank = predictor_of(model), torch.full_like(x, torch.nan)
    seeing = Seeing(_features(model, z), predictor, blank)
    for number, levels in enumerate(predictor.levels):
        there = (~x[:, number].isnan()).nonzero()[:, 0][: max(CHANCES // levels, 1)]
        yield _hidden(predictor, seeing.sums, there), x[there, number].long()
        seeing.see(number, x[:, number])


class _Column:
    """The last layer of a column.

    Args:
        weight: of the trained one, (levels, width).
        bias: likewise, (levels,).
    """

    def __init__(self, weight: Tensor, bias: Tensor) -> None:
        self.start = weight, bias
        self.weight, self.bias = weight.clone(), bias.clone()

    def cost(self, hidden: Tensor, level: Tensor) -> Tensor:
        """-log p of the levels, the mean in nats."""
        return F.cross_entropy(F.linear(hidden, self.weight, self.bias), level)

    def fit(self, hidden: Tensor, level: Tensor, held_out: Tensor, held_level: Tensor) -> None:
        """Become the likeliest one near the trained one, until rows held out say no."""
        best, pull = self.cost(held_out, held_level), PULL / len(level)
        kept = self.weight.clone(), self.bias.clone()
        with torch.enable_grad():
            each = [self.weight.requires_grad_(), self.bias.requires_grad_()]
            search = torch.optim.LBFGS(each, max_iter=STEPS, line_search_fn="strong_wolfe")

            def cost() -> Tensor:
                search.zero_grad()
                away = (self.weight - self.start[0]).square().sum()
                found = self.cost(hidden, level) + pull * away
                found.backward()
                return found

            for _ in range(ROUNDS):
                search.step(cost)
                with torch.no_grad():
                    found = self.cost(held_out, held_level)
                if not found < best:
                    break
                best, kept = found, (self.weight.detach().clone(), self.bias.detach().clone())
        self.weight, self.bias = kept

    def balance(self, hidden: Tensor, level: Tensor) -> None:
        """Let levels come as often in new rows, of which the network makes this, as in training
        rows: as many times more often than before as they are there more often than the model says,
        each with one more on both sides, so that what is hardly there says little."""
        if len(hidden) == 0:
            return
        logits, rows = F.linear(hidden, self.weight, self.bias), len(level)
        share = logits.softmax(1).mean(0)
        there = torch.bincount(level, minlength=len(share))
        aim = share * (there + OWN) / (rows * share + OWN)
        aim = aim / aim.sum()
        more = torch.zeros_like(share)
        for _ in range(ROUND_TRIPS):
            more += (aim / (logits + more).softmax(1).mean(0).clamp_min(1e-30)).log()
        self.bias = self.bias + more
