"""Networks over the cells of a table, each of which is a level of its column, or missing."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from functools import partial
from itertools import accumulate

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from vaekit.networks.fast import Linear
from vaekit.networks.levels import LevelsOutput
from vaekit.networks.noise import drawn

SIZE = 8  # numbers that stand for a cell
WAVES = 4.0  # the shortest wave in which numbers that stand for ordered levels begin


class CellEmbedding(nn.Module):
    """Cells, (rows, D) levels with NaN for those that are missing or not to be seen, to numbers:
    (rows, D * (size + 1)). What stands for a blank is learned, one for each column; the last number
    of each cell says whether it is there.

    Levels that are ordered begin as smooth waves over their places, so that neighbours are alike;
    others begin at random.

    Args:
        levels: of each column.
        ordered: whether those of each column are.
        placed: whether one more number of each cell is the place of an ordered level among its
            neighbours, so that what depends on it goes on where few levels were seen.
        size: numbers that are learned of a cell.
    """

    start: Tensor
    blank: Tensor
    place: Tensor

    def __init__(
        self,
        levels: Sequence[int],
        ordered: Sequence[bool],
        *,
        placed: bool = False,
        size: int = SIZE,
    ) -> None:
        super().__init__()
        placed = placed and any(ordered)
        starts, total = [*accumulate(levels, initial=0)][:-1], sum(levels)
        self.outputs = len(levels) * (size + placed + 1)
        self.cells = nn.Embedding(total + len(levels), size)
        self.register_buffer("start", torch.tensor(starts), persistent=False)
        self.register_buffer("blank", total + torch.arange(len(levels)), persistent=False)
        place = torch.zeros(total + len(levels), int(placed))
        self.register_buffer("place", place, persistent=False)
        with torch.no_grad():
            for first, count, smooth in zip(starts, levels, ordered, strict=True):
                if smooth:
                    self.cells.weight[first : first + count] = _waves(count, size)
                    place[first : first + count] = _even(count)[:, None]

    def forward(self, x: Tensor) -> Tensor:
        """(rows, D) to (rows, D * (size + 1))."""
        there, places = ~x.isnan(), _places(x, self.start, self.blank)
        return torch.cat([F.embedding(places, self.numbers).flatten(1), there.to(x.dtype)], 1)

    def change(self, number: int, before: Tensor, after: Tensor) -> tuple[Tensor, Tensor]:
        """By how much the numbers of one column's cells change, (rows, size + placed), and the one
        that says whether they are there, (rows, 1).

        Args:
            number: of the column.
            before: its cells, (rows,), NaN where they are missing.
            after: likewise.
        """
        old, new = (self._of(number, cells) for cells in (before, after))
        there = before.isnan().to(old.dtype) - after.isnan().to(old.dtype)
        return new - old, there[:, None]

    def _of(self, number: int, cells: Tensor) -> Tensor:
        """The numbers of one column's cells, (rows, size + placed)."""
        places = _places(cells, self.start[number], self.blank[number])
        # of so few cells, without a table of all levels (see `numbers`)
        parts = (F.embedding(places, table) for table in (self.cells.weight, self.place))
        return torch.cat([*parts], 1)

    @property
    def numbers(self) -> Tensor:
        """Of all levels of all columns, and of the blanks, (levels + D, numbers of a cell)."""
        weight = self.cells.weight
        return torch.cat([weight, self.place], 1) if self.place.shape[1] else weight


def _places(x: Tensor, start: Tensor, blank: Tensor) -> Tensor:
    """Where cells stand among the levels of all columns, and the blanks."""
    return torch.where(x.isnan(), blank, x.nan_to_num().long() + start)


def _even(count: int) -> Tensor:
    """Places of levels, evenly spread, of mean 0 and about variance 1, (count,)."""
    return math.sqrt(3) * (2 * (torch.arange(count) + 0.5) / count - 1)


def _waves(count: int, size: int) -> Tensor:
    """Smooth random functions of the place of a level among its neighbours, (count, size)."""
    place = (torch.arange(count) + 0.5)[:, None] / count
    pace, phase = WAVES * torch.rand(size), 2 * math.pi * torch.rand(size)
    return math.sqrt(2) * torch.sin(math.pi * pace * place + phase)


class Residual(nn.Module):
    """x + two layers of its normalised numbers."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.norm, self.first = nn.LayerNorm(width), Linear(width, 2 * width)
        self.last = Linear(2 * width, width)

    def forward(self, x: Tensor) -> Tensor:
        """(rows, width) to (rows, width)."""
        return x + self.last(F.silu(self.first(self.norm(x))))


class CellEncoder(nn.Module):
    """Cells to raw numbers: (rows, D), and what is given, to (rows, outputs).

    Args:
        levels: of each column.
        ordered: whether those of each column are.
        outputs: raw numbers of a row.
        width: of hidden layers.
        depth: residual blocks.
        given: numbers that are given beside a row.
        placed: whether the place of ordered levels is seen.
    """

    def __init__(
        self,
        levels: Sequence[int],
        ordered: Sequence[bool],
        outputs: int,
        width: int = 192,
        depth: int = 1,
        given: int = 0,
        *,
        placed: bool = False,
    ) -> None:
        super().__init__()
        self.cells = CellEmbedding(levels, ordered, placed=placed)
        self.first = Linear(self.cells.outputs + given, width)
        self.blocks = nn.Sequential(*(Residual(width) for _ in range(depth)))
        self.last = Linear(width, outputs)

    def forward(self, x: Tensor, *given: Tensor) -> Tensor:
        """(rows, D) to (rows, outputs)."""
        h = self.first(torch.cat([self.cells(x), *given], 1))
        return self.last(F.silu(self.blocks(h)))


class CellPredictor(nn.Module):
    """Features of a code, and the cells that are seen, to logits of the levels of all columns.

    Where the cells that are seen are all those before a column, as when rows are drawn column
    after column, its logits are those of a last layer of their own: ``own_weight`` and ``own_bias``
    are what it has more than the other. They are 0 until they are fitted, after training.

    Args:
        levels: of each column.
        ordered: whether those of each column are.
        width: of features and hidden layers.
        depth: residual blocks.
        gaps: for each column that may be missing, by its number, the number of the column that
            says so.
        scales: at which ordered levels share what they learn; with any, their place is seen too.
        in_turn: share of the rows that are learned column after column.
    """

    own_weight: Tensor
    own_bias: Tensor

    def __init__(
        self,
        levels: Sequence[int],
        ordered: Sequence[bool],
        width: int = 192,
        depth: int = 2,
        gaps: Mapping[int, int] | None = None,
        scales: int = 0,
        in_turn: float = 0.5,
    ) -> None:
        super().__init__()
        self.levels, self.width, self.gaps = [*levels], width, {**(gaps or {})}
        self.in_turn = in_turn
        self.cells = CellEmbedding(levels, ordered, placed=scales > 0)
        self.first = Linear(self.cells.outputs, width)
        self.blocks = nn.Sequential(*(Residual(width) for _ in range(depth)))
        self.last = LevelsOutput(width, levels, ordered, scales)
        self.register_buffer("own_weight", torch.zeros(sum(levels), width))
        self.register_buffer("own_bias", torch.zeros(sum(levels)))

    def hidden(self, features: Tensor, seen: Tensor) -> Tensor:
        """Numbers from which every column is predicted, (rows, width).

        Args:
            features: (rows, width).
            seen: (rows, D), NaN where a cell is not seen.
        """
        return self.blocks(features + self.summed(seen))

    def summed(self, seen: Tensor) -> Tensor:
        """What the cells that are seen add to features, (rows, width)."""
        found: Tensor = self.first(self.cells(seen))
        return found

    def moved(self, sums: Tensor, number: int, before: Tensor, after: Tensor) -> Tensor:
        """What :meth:`summed` gives where one column's cells are others. The work of it does not
        grow with the number of columns.

        Args:
            sums: with the cells as they were, (rows, width).
            number: of the column.
            before: its cells as they were, (rows,), NaN where they are not seen.
            after: as they are.
        """
        numbers, there = self.cells.change(number, before, after)
        size, weight = numbers.shape[1], self.first.weight
        own = weight[:, number * size : (number + 1) * size]
        return sums + numbers @ own.T + there * weight[:, len(self.levels) * size + number]

    def forward(self, features: Tensor, seen: Tensor) -> tuple[Tensor, ...]:
        """Logits of each column, (rows, levels of it)."""
        return self.last(self.hidden(features, seen)).split(self.levels, -1)

    def column(
        self, features: Tensor, seen: Tensor, number: int, in_order: Tensor | None = None
    ) -> Tensor:
        """Logits of one column, (rows, levels of it).

        Args:
            features: (rows, width).
            seen: (rows, D), NaN where a cell is not seen.
            number: of the column.
            in_order: (rows,) whether just the cells before it are seen; by default in no row.
        """
        return self.column_of(features + self.summed(seen), number, in_order)

    def column_of(self, sums: Tensor, number: int, in_order: Tensor | None = None) -> Tensor:
        """Logits of one column, (rows, levels of it).

        Args:
            sums: features and what the cells that are seen add to them, (rows, width).
            number: of the column.
            in_order: see :meth:`column`.
        """
        window, h = self.window(number), self.blocks(sums)
        logits = F.linear(h, *self.last.of(window))
        if in_order is None:
            return logits
        more = F.linear(h, self.own_weight[window], self.own_bias[window])
        return logits + in_order[:, None] * more

    def window(self, number: int) -> slice:
        """Where the levels of a column stand among all."""
        first = sum(self.levels[:number])
        return slice(first, first + self.levels[number])


class Unseen(nn.Module):
    """Takes some cells, any number of them, out of a share of the rows in training.

    Args:
        share: of the rows, 0 to 1.
    """

    def __init__(self, share: float) -> None:
        super().__init__()
        self.share = share

    def forward(self, x: Tensor) -> Tensor:
        """(rows, D) as they are; in training, with more cells missing in some rows."""
        if not self.training or not self.share:
            return x
        one = x[:, :1]
        chance, cells, rate = (
            drawn(self, partial(torch.rand_like, like)) for like in (one, x, one)
        )
        rows, hidden = chance < self.share, cells < rate
        return x.masked_fill(rows & hidden, torch.nan)


@torch.no_grad()
def unsettle(model: nn.Module) -> None:
    """Take back what was fitted to columns after training: what is trained on changes what that
    rests on."""
    for part in model.modules():
        if isinstance(part, CellPredictor):
            part.own_weight.zero_()
            part.own_bias.zero_()
