"""Cells of a table in fixed point: their networks, and the symbols of rows that are coded column
after column, each given the code and the cells before it.

Levels that are -1 are missing. They are neither seen nor coded: that a cell is missing is said by
an earlier column of its row.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor, nn

from vaekit.codec.ans import Stack
from vaekit.codec.families import ToSymbols, symbols_of
from vaekit.codec.fixed_point import ONE, STEP, rounded
from vaekit.codec.layers import Layer, Product, by_table, exact, hold
from vaekit.codec.symbols import Tabled, cdf_of, push_intervals
from vaekit.families.columns import Columns
from vaekit.networks.cells import CellEmbedding, CellEncoder, CellPredictor, Residual, Unseen
from vaekit.system.types import Array

AT_ONCE = 2**22  # probabilities of a column's rows in memory
Choose = Callable[[int, Array, Tabled], Array]


@exact.register
def layer_norm(layer: nn.LayerNorm) -> Layer:
    """Over the last axis: whole numbers' means and squares are exact; divisions and NumPy's square
    roots are portable."""
    weight, bias = (p.detach().double().cpu() for p in (layer.weight, layer.bias))
    count = layer.normalized_shape[0]
    bits = (52 - count.bit_length()) // 2  # of what is squared, so that squares add up exactly
    unit = 2.0 ** max(25 - bits, 0)

    def run(a: Tensor) -> Tensor:
        centred = a - torch.floor(a.sum(-1, keepdim=True) / count)
        coarse = torch.floor(centred / unit).clamp(-(2.0**bits), 2.0**bits)
        variance = coarse.square().sum(-1, keepdim=True) / count * (unit / ONE) ** 2
        deviation = torch.from_numpy(np.sqrt((variance + layer.eps).numpy()))
        return hold(centred / deviation * weight + bias * ONE)

    return run


@exact.register
def cell_residual(layer: Residual) -> Layer:
    """x + two layers of its normalised numbers."""
    norm, first, last = exact(layer.norm), exact(layer.first), exact(layer.last)
    silu = by_table("SiLU")
    return lambda x: hold(x + last(silu(first(norm(x)))))


@exact.register
def unseen(layer: Unseen) -> Layer:
    """Outside of training all cells are seen."""
    return lambda a: a


class CellTable:
    """What stands for each level of each column, in fixed point, and whether it is there.

    Args:
        layer: the embedding.
    """

    def __init__(self, layer: CellEmbedding) -> None:
        self.start, self.blank = layer.start.cpu(), layer.blank.cpu()
        self.cells = hold(layer.numbers.detach().double().cpu() * ONE)

    def __call__(self, levels: Tensor) -> Tensor:
        """(rows, D) whole levels, -1 for none, to (rows, D * (size + 1))."""
        pairs = (self.column(column, j) for j, column in enumerate(levels.unbind(1)))
        each, there = zip(*pairs, strict=True)
        return torch.cat([*each, torch.stack(there, 1)], 1)

    def column(self, levels: Tensor, number: int) -> tuple[Tensor, Tensor]:
        """What stands for the cells of one column, (rows, size), and whether they are there."""
        there = levels >= 0
        places = torch.where(there, levels.long() + self.start[number], self.blank[number])
        return self.cells[places], there.double() * ONE


@exact.register
def cell_encoder(layer: CellEncoder) -> Layer:
    """Cells, (rows, D) fixed-point levels, to raw numbers."""
    cells, silu = CellTable(layer.cells), by_table("SiLU")
    first, blocks, last = exact(layer.first), exact(layer.blocks), exact(layer.last)
    return lambda x: last(silu(blocks(first(cells(torch.floor(x / ONE))))))


class CellNetwork:
    """The network that predicts each column from those before it.

    Args:
        layer: as it was trained.
    """

    def __init__(self, layer: CellPredictor) -> None:
        self.levels, self.gaps = layer.levels, layer.gaps
        self.cells = CellTable(layer.cells)
        self.first = Product(layer.first.weight, layer.first.bias)
        self.blocks = exact(layer.blocks)
        last = [part.detach().double() for part in layer.last.of(slice(None))]
        weight, bias = last[0] + layer.own_weight.double(), last[1] + layer.own_bias.double()
        windows = map(layer.window, range(len(self.levels)))
        self.last = [Product(weight[window], bias[window]) for window in windows]
        self.size = self.cells.cells.shape[1]
        blank = self.cells(torch.full((1, len(self.levels)), -1.0, dtype=torch.float64))
        self.blanks = blank[:, : self.size * len(self.levels)].split(self.size, 1)
        self.nothing = torch.addmm(self.first.bias, blank, self.first.weight.T)

    def begin(self, rows: int) -> Tensor:
        """Sums of the first layer where no cell is seen, (rows, width)."""
        return self.nothing.repeat(rows, 1)

    def see(self, sums: Tensor, levels: Tensor, number: int) -> None:
        """Add the cells of a column to the first layer's sums, which are exact in any order."""
        weight, width = self.first.weight, self.size * len(self.levels)
        cells, there = self.cells.column(levels, number)
        own = weight[:, number * self.size : (number + 1) * self.size]
        sums += (cells - self.blanks[number]) @ own.T + there[:, None] * weight[:, width + number]

    def logits(self, features: Tensor, sums: Tensor, number: int) -> Tensor:
        """Of one column, (rows, levels of it), by what has been seen."""
        hidden = self.blocks(hold(features + self.first.scaled(sums)))
        return self.last[number].rows(hidden)


class CellSymbols:
    """Rows of levels, coded column after column.

    Args:
        features: (rows, width), what the code says of each row.
        net: that predicts columns.
    """

    def __init__(self, features: Tensor, net: CellNetwork) -> None:
        self.features, self.net = features, net

    @property
    def wide(self) -> CellSymbols:
        """There are no large levels."""
        return self

    def push(self, stack: Stack, symbols: Array) -> None:
        """Push the levels of all rows, (rows * D,); the first column ends on top."""
        levels = symbols.reshape(len(self.features), -1)
        steps = []

        def chosen(number: int, rows: Array, given: Tabled) -> Array:
            found = levels[rows, number]
            steps.append(given.interval(slice(0, given.count), found))
            return found

        self._walk(chosen)
        for start, size in reversed(steps):
            push_intervals(stack, start, size)

    def pop(self, stack: Stack) -> Array:
        """Take the levels of all rows off the stack."""
        return self._walk(lambda number, rows, given: given.pop(stack)).reshape(-1)

    def _walk(self, choose: Choose) -> Array:
        """The levels of all columns, (rows, D), chosen one after the other."""
        net, rows = self.net, len(self.features)
        found, sums = np.full((rows, len(net.levels)), -1, np.int64), net.begin(rows)
        for number, levels in enumerate(net.levels):
            there = self._there(found, number)
            if levels == 1:  # there is nothing to choose
                found[there, number], there = 0, there[:0]
            step = max(AT_ONCE // levels, 1)
            for part in (there[at : at + step] for at in range(0, len(there), step)):
                logits = net.logits(self.features[part], sums[part], number).numpy()
                given = Tabled(cdf_of(rounded(logits * (STEP / ONE))))
                found[part, number] = choose(number, part, given)
            net.see(sums, torch.from_numpy(found[:, number]), number)
        return found

    def _there(self, found: Array, number: int) -> Array:
        """The rows whose cell of a column is not said to be missing."""
        flag = self.net.gaps.get(number)
        gone = np.zeros(len(found), bool) if flag is None else found[:, flag] == 1
        return np.flatnonzero(~gone)


@symbols_of.register
def columns(family: Columns) -> ToSymbols:
    """Levels, column after column."""
    net = CellNetwork(family.predictor)
    return lambda raw: CellSymbols(raw, net)  # type: ignore[return-value]
