"""The cells of a table's rows, each given any others: p(x) = prod_j p(x_j | x before it)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Protocol

import torch
from torch import Tensor
from torch import distributions as D
from torch.distributions import constraints

from vaekit.system.estimates import are_cheap

FEW, MOST_DRAWS = 256, 8  # rows whose estimate is one of several draws, and how many at most


class Predictor(Protocol):
    """What predicts columns from features and the cells that are seen."""

    training: bool
    levels: list[int]
    gaps: dict[int, int]
    in_turn: float

    def __call__(self, features: Tensor, seen: Tensor, /) -> tuple[Tensor, ...]:
        """Logits of every column, (rows, levels of it) each."""

    def column(
        self, features: Tensor, seen: Tensor, number: int, in_order: Tensor | None = None, /
    ) -> Tensor:
        """Logits of one column, (rows, levels of it); ``in_order`` says in which rows just the
        cells before it are seen."""

    def summed(self, seen: Tensor, /) -> Tensor:
        """What the cells that are seen add to features, (rows, F)."""

    def moved(self, sums: Tensor, number: int, before: Tensor, after: Tensor, /) -> Tensor:
        """The same where the cells of one column are others, (rows, F)."""

    def column_of(self, sums: Tensor, number: int, in_order: Tensor | None = None, /) -> Tensor:
        """Logits of one column, from features and what the cells that are seen add to them."""


class Seeing:
    """What a predictor knows of rows some of whose cells are seen, kept as they change. The work of
    a change does not grow with the number of columns.

    Args:
        features: (rows, F), what the predictor knows of a row beside its cells.
        predictor: gives the logits of columns.
        seen: (rows, D), NaN where a cell is not seen.
    """

    def __init__(self, features: Tensor, predictor: Predictor, seen: Tensor) -> None:
        self.predictor, self.seen = predictor, seen.clone()
        self.sums = features + predictor.summed(seen)

    def see(self, number: int, cells: Tensor) -> None:
        """A column's cells, (rows,), NaN where they are not seen."""
        self.sums = self.predictor.moved(self.sums, number, self.seen[:, number], cells)
        self.seen[:, number] = cells

    def without(self, number: int) -> Tensor:
        """What would be known if a column's cells were not seen; they stay seen."""
        before = self.seen[:, number]
        return self.predictor.moved(self.sums, number, before, torch.full_like(before, torch.nan))

    def log_chances(self, number: int, in_order: Tensor, rows: Any = slice(None)) -> Tensor:
        """log p of a column's levels given what is seen, (rows, levels).

        Args:
            number: of the column.
            in_order: of all rows, see :meth:`AnyOrderCells.logits_given`.
            rows: which of them; by default all.
        """
        logits = self.predictor.column_of(self.sums[rows], number, in_order[rows])
        return logits.log_softmax(-1)


class AnyOrderCells(D.Distribution):
    r"""Rows of D cells, each a level of its column, NaN where it is missing.

    .. math:: \log p(x) = \sum_{j \text{ there}} \log p(x_j \mid x_i \text{ there}, i < j)

    in nats, one per row: the columns in their order, a missing cell neither seen nor predicted, so
    that p(x) is the probability of the cells that are there. While the predictor is in training
    ``log_prob`` is an estimate of it from one pass: some cells are seen, and what all others then
    cost is weighed by the number of cells over the number of others. In a share of the rows, the
    predictor's ``in_turn``, the first ones are seen, as when rows are drawn; in the others a random
    set is, and the mean is that of :math:`\log p(x)` over all orders of the columns
    (order-agnostic autoregression: Uria et al. 2014; Hoogeboom et al. 2022), so that any cells can
    be given. Where a cheap estimate is enough (:mod:`vaekit.system.estimates`) it is the same, of
    few rows from several passes.

    Args:
        features: (rows, F), what the predictor knows of a row beside its cells.
        predictor: gives the logits of columns.
    """

    arg_constraints: dict[str, constraints.Constraint] = {}
    support = constraints.independent(constraints.nonnegative_integer, 1)

    def __init__(self, features: Tensor, predictor: Predictor) -> None:
        self.features, self.predictor = features, predictor
        event = torch.Size([len(predictor.levels)])
        super().__init__(features.shape[:-1], event, validate_args=False)

    def expand(self, batch_shape: Any, _instance: Any = None) -> AnyOrderCells:
        """The same distribution for more rows."""
        return AnyOrderCells(
            self.features.expand(*batch_shape, *self.features.shape[1:]), self.predictor
        )

    def log_prob(self, value: Tensor) -> Tensor:
        """Of rows, (rows, D), in nats, (rows,); an estimate in training or where one is enough."""
        if self.predictor.training:
            return self._estimate(value)
        if not are_cheap():
            return self.in_order(value)
        draws = max(1, min(FEW // max(len(value), 1), MOST_DRAWS))
        return torch.stack([self._estimate(value) for _ in range(draws)]).mean(0)

    def in_order(self, value: Tensor) -> Tensor:
        """log p of the cells that are there, column after column, (rows,) nats: D passes."""
        total, blank = self.features.new_zeros(len(value)), torch.full_like(value, torch.nan)
        seeing = Seeing(self.features, self.predictor, blank)
        for j in range(value.shape[1]):
            total = total + self._cost(seeing.sums, value, j, in_order=torch.ones_like(total))
            seeing.see(j, value[:, j])
        return total

    def each_given_others(self, value: Tensor) -> Tensor:
        """log p(x_j | all other cells that are there), (rows, D) nats; NaN where x_j is missing."""
        found, seeing = [], Seeing(self.features, self.predictor, value)
        for j in range(value.shape[1]):
            cost = self._cost(seeing.without(j), value, j)
            found.append(torch.where(value[:, j].isnan(), torch.nan, cost))
        return torch.stack(found, 1)

    def logits_given(self, seen: Tensor, number: int, in_order: Tensor | None = None) -> Tensor:
        """log p(x_j = each level | the cells that are seen), (rows, levels), for column j.

        Args:
            seen: (rows, D), NaN where a cell is not seen.
            number: j.
            in_order: (rows,) whether just the cells before it are seen, and those that are not are
                missing; by default in no row.
        """
        return self.predictor.column(self.features, seen, number, in_order).log_softmax(-1)

    def settled(self, x: Tensor, number: int) -> Tensor:
        """Whether all cells before a column are there or said to be missing, and none after it is,
        (rows,), 1 or 0: so it is where rows are drawn column after column.

        Args:
            x: NaN where a cell is missing.
            number: of the column.
        """
        settled, gaps = ~x[:, :number].isnan(), self.predictor.gaps
        for column in [c for c in gaps if c < number]:
            settled[:, column] |= x[:, gaps[column]] == 1
        after = x[:, number + 1 :].isnan()
        return (settled.all(1) & after.all(1)).to(x.dtype)

    def _cost(
        self, sums: Tensor, value: Tensor, number: int, in_order: Tensor | None = None
    ) -> Tensor:
        """log p of a column's cells, 0 where they are missing, from what is known of the rows."""
        there, level = ~value[:, number].isnan(), value[:, number].nan_to_num().long()
        if not bool(there.any()):
            return self.features.new_zeros(len(value))
        logits = self.predictor.column_of(sums, number, in_order).log_softmax(-1)
        return torch.where(there, logits.gather(1, level[:, None])[:, 0], 0.0)

    def _estimate(self, value: Tensor) -> Tensor:
        there = ~value.isnan()
        count = there.sum(1, keepdim=True)
        anyhow = torch.rand_like(value).masked_fill(~there, 2.0).argsort(1).argsort(1)
        own = torch.rand_like(value[:, :1]) < self.predictor.in_turn
        rank = torch.where(own, there.cumsum(1) - 1, anyhow)
        others, weight = _sizes(count)
        hidden = there & (rank >= count - others)
        logits = self.predictor(self.features, value.masked_fill(hidden, torch.nan))
        level = value.nan_to_num().long()
        each = [a.log_softmax(-1).gather(1, level[:, j : j + 1]) for j, a in enumerate(logits)]
        return ((torch.cat(each, 1) * hidden).sum(1, keepdim=True) * weight)[:, 0]

    @torch.no_grad()
    def sample(self, sample_shape: Any = ()) -> Tensor:
        """New rows, (*sample_shape, rows, D), none of their cells missing."""
        whole = self.expand([*sample_shape, *self.batch_shape]) if sample_shape else self
        flat = AnyOrderCells(whole.features.flatten(0, -2), self.predictor)
        return flat.filled(flat._blank()).unflatten(0, whole.batch_shape)

    @torch.no_grad()
    def filled(
        self, x: Tensor, *, likeliest: bool = False, columns: Iterable[int] | None = None
    ) -> Tensor:
        """Rows, (rows, D), whose missing cells are drawn, column after column, each given all that
        are there or were drawn before it. What is drawn where a cell is said to be missing is
        given to no other.

        Args:
            x: NaN where a cell is missing.
            likeliest: take the level with the highest probability instead of a draw.
            columns: in which cells are drawn; in others they stay missing. By default all.
        """
        return self._filled(x, likeliest=likeliest, columns=columns)[0]

    @torch.no_grad()
    def completed(self, x: Tensor) -> tuple[Tensor, Tensor]:
        r"""Rows as :meth:`filled` draws them, and

        .. math:: \log p(\text{row}) - \log p(\text{cells drawn} \mid \text{cells there})

        in nats, (rows,): of the row as it would be drawn column after column, and of what was drawn
        as it was, where later cells are there too. Cells that are said to be missing do not count.

        Args:
            x: NaN where a cell is missing.
        """
        full, chance = self._filled(x)
        value = full.clone()
        for column, flag in self.predictor.gaps.items():
            value[:, column].masked_fill_(full[:, flag] == 1, torch.nan)
        return full, self.in_order(value) - chance

    def _filled(
        self, x: Tensor, *, likeliest: bool = False, columns: Iterable[int] | None = None
    ) -> tuple[Tensor, Tensor]:
        """Rows without gaps, and the log of the chance of what was drawn, (rows,)."""
        seeing = Seeing(self.features, self.predictor, x)
        x, chance = x.clone(), self.features.new_zeros(len(x))
        for j in range(x.shape[1]) if columns is None else columns:
            gone = x[:, self.predictor.gaps[j]] == 1 if j in self.predictor.gaps else None
            rows = x[:, j].isnan().nonzero()[:, 0]
            if len(rows):
                logits = seeing.log_chances(j, self.settled(x, j), rows)
                level = logits.argmax(1) if likeliest else drawn(logits)
                x[rows, j] = level.to(x.dtype)
                cost = logits.gather(1, level[:, None])[:, 0]
                chance[rows] += cost if gone is None else cost.masked_fill(gone[rows], 0.0)
            seeing.see(j, x[:, j] if gone is None else x[:, j].masked_fill(gone, torch.nan))
        return x, chance

    @torch.no_grad()
    def narrowed(self, x: Tensor, shares: Mapping[int, Tensor]) -> tuple[Tensor, Tensor]:
        r"""Rows, (rows, D), where cells of some columns are drawn among some of their levels, and
        the log of the chance that cells drawn among all levels lie there,

        .. math:: \sum_j \log \sum_l p(x_j = l \mid \text{cells that are there, } x_i, i < j) s_{jl}

        in nats, (rows,): as importance weights they make up for the levels that were left out.

        Args:
            x: NaN where a cell is missing.
            shares: how much of each level is let in, 0 to 1, (levels,), by column.
        """
        seeing, total = Seeing(self.features, self.predictor, x), self.features.new_zeros(len(x))
        for j, share in shares.items():
            logits = seeing.log_chances(j, self.settled(seeing.seen, j)) + share.to(x).log()
            total = total + logits.logsumexp(1)
            seeing.see(j, drawn(logits).to(x.dtype))
        return seeing.seen, total

    @torch.no_grad()
    def chance_of(self, x: Tensor, level: Tensor, columns: Iterable[int]) -> Tensor:
        r"""The log of the chance with which :meth:`narrowed` draws cells of all levels,
        :math:`\sum_j \log p(x_j \mid \text{cells that are there, } x_i, i < j)`, (rows,) nats.

        Args:
            x: NaN where a cell is missing.
            level: what was drawn, (rows, D).
            columns: that were drawn, in this order.
        """
        seeing, total = Seeing(self.features, self.predictor, x), self.features.new_zeros(len(x))
        for j in columns:
            in_order = self.settled(seeing.seen, j)
            total = total + self._cost(seeing.sums, level, j, in_order)
            seeing.see(j, level[:, j])
        return total

    @torch.no_grad()
    def chances(self, x: Tensor, shares: Tensor, columns: Iterable[int] | None = None) -> Tensor:
        """Of all levels of all columns, (rows, levels), side by side: each column given all cells
        that are there or were drawn before it; 0 where a cell is there.

        Args:
            x: (rows, D), NaN where a cell is missing.
            shares: (D,), 0 to 1: what is drawn of a column, in every row, is the level at which the
                chances of all levels up to it come to so much.
            columns: in which cells are drawn; in others they stay missing, and their chances are 0.
                By default all.
        """
        seeing, found = Seeing(self.features, self.predictor, x), []
        wanted = {*(range(x.shape[1]) if columns is None else columns)}
        for j, count in enumerate(self.predictor.levels):
            cells = seeing.seen[:, j].clone()
            gone = cells.isnan() & (j in wanted)
            each = x.new_zeros(len(x), count)
            if bool(gone.any()):
                chance = seeing.log_chances(j, self.settled(seeing.seen, j), gone).exp()
                each[gone] = chance
                below = (chance.cumsum(1) < shares[j]).sum(1)
                cells[gone] = below.clamp_max(count - 1).to(x.dtype)
                seeing.see(j, cells)
            found.append(each)
        return torch.cat(found, 1)

    @property
    def mean(self) -> Tensor:
        """The likeliest levels, column after column (levels have no mean)."""
        return self.filled(self._blank(), likeliest=True)

    def _blank(self) -> Tensor:
        """Rows all of whose cells are missing."""
        return self.features.new_full((len(self.features), *self.event_shape), torch.nan)


def _sizes(count: Tensor) -> tuple[Tensor, Tensor]:
    r"""How many cells of each row are predicted, from 1 to all that are there, and what their cost
    is multiplied by to be that of all of them on average over orders; (rows, 1) each.

    A set of m cells estimates less surely the smaller it is, so small ones are drawn more often,
    with a chance of :math:`(\sqrt m - \sqrt{m - 1}) / \sqrt n`, spread evenly over the rows.
    """
    place = torch.randperm(len(count), device=count.device)[:, None]
    share = (place + torch.rand_like(count, dtype=torch.get_default_dtype())) / len(count)
    others = (count * share.square()).ceil().clamp(min=1).minimum(count.clamp_min(1))
    chance = (others.sqrt() - (others - 1).sqrt()) / count.clamp_min(1).sqrt()
    return others.long(), 1 / (others * chance)


def drawn(logits: Tensor) -> Tensor:
    """A level for each row of logits, (rows, levels), (rows,)."""
    noise = -torch.log(-torch.log(torch.rand_like(logits).clamp_min(1e-38)))
    return (logits + noise).argmax(1)
