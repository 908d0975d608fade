"""Rows of which cells are given: what is drawn is what all rows, drawn column after column, have."""

import itertools
import math

import pytest
import torch
from torch import nn

from vaekit.conditionals import Conditional
from vaekit.conditionals.priors import StandardNormal
from vaekit.distributions.columns import AnyOrderCells
from vaekit.families import DiagonalNormal
from vaekit.families.columns import Columns
from vaekit.models import VAE
from vaekit.networks.cells import CellEncoder, CellPredictor
from vaekit.networks.dense import dense
from vaekit.runs.narrowing import cells_at, conditioned, fulfilling
from vaekit.runs.other_cells import given_others

LEVELS, ORDERED = [2, 3, 2, 2], [False, True, False, False]
EVERY = torch.tensor([*itertools.product(*map(range, LEVELS))], dtype=torch.float)
ROWS, NAN = 40_000, math.nan


def model(gaps=None):
    """A model whose two answers, of any order and of the order of drawing, differ by much."""
    torch.manual_seed(0)
    predictor = CellPredictor(LEVELS, ORDERED, width=8, depth=1, gaps=gaps)
    encoder = CellEncoder(LEVELS, ORDERED, 4, width=8)
    data, code = Columns(predictor), DiagonalNormal(2)
    with torch.no_grad():
        predictor.last.weight.mul_(2)
        predictor.own_weight.normal_(0, 0.3)
        predictor.own_bias.normal_()
    decoder = Conditional(dense((2,), data.raw_shape, []), data)
    made = VAE(StandardNormal(2), Conditional(nn.Sequential(encoder), code), decoder)
    return made.eval().requires_grad_(requires_grad=False)


def joint(made, rows=EVERY):
    """p(row) as rows are drawn: a mean over a grid of codes of equal mass."""
    shares = (torch.arange(30) + 0.5) / 30
    axis = torch.distributions.Normal(0.0, 1.0).icdf(shares)
    z = torch.cartesian_prod(axis, axis)
    each = [cells_at(made, z).in_order(row.expand(len(z), -1)).exp().mean() for row in rows]
    return torch.stack(each)


def shares_of(found, rows=EVERY):
    return torch.stack([(found == row).all(1).float().mean() for row in rows])


@pytest.mark.parametrize("given", [{3: 1.0}, {1: 2.0, 2: 0.0}, {0: 1.0}])
def test_cells_that_are_given_anywhere(given):
    made = model()
    p = joint(made)
    assert p.sum().item() == pytest.approx(1, abs=1e-4)
    for column, level in given.items():
        p = p * (EVERY[:, column] == level)
    row = torch.full((1, 4), NAN)
    for column, level in given.items():
        row[0, column] = level
    found = conditioned(made, row.expand(ROWS, -1), 1)
    assert torch.allclose(shares_of(found), p / p.sum(), atol=0.012)


def test_any_order_alone_would_be_far_off():
    """Else the tests above could not fail."""
    made = model()
    torch.manual_seed(1)
    p = joint(made) * (EVERY[:, 3] == 1)
    row = torch.tensor([[NAN, NAN, NAN, 1.0]]).expand(ROWS, -1)
    z = torch.randn(ROWS, 2)
    found = shares_of(cells_at(made, z).filled(row))
    assert (found - p / p.sum()).abs().max() > 0.03


def test_levels_that_are_asked_for_anywhere():
    made = model()
    shares = {3: torch.tensor([0.0, 1.0]), 1: torch.tensor([1.0, 0.25, 0.0])}
    p = joint(made) * shares[3][EVERY[:, 3].long()] * shares[1][EVERY[:, 1].long()]
    found, told = fulfilling(made, torch.full((1, 4), NAN), ROWS, shares, 1)
    assert torch.allclose(shares_of(found), p / p.sum(), atol=0.012)
    assert told.probability == pytest.approx(p.sum().item(), rel=0.03)
    assert 0 < told.effective <= told.tried


def test_what_is_given_and_what_is_asked():
    made = model()
    shares = {1: torch.tensor([1.0, 0.25, 0.0])}
    p = joint(made) * (EVERY[:, 3] == 0) * shares[1][EVERY[:, 1].long()]
    found, _ = fulfilling(made, torch.tensor([[NAN, NAN, NAN, 0.0]]), ROWS, shares, 1)
    assert torch.allclose(shares_of(found), p / p.sum(), atol=0.012)


def test_rows_of_which_other_cells_are_given_are_apart():
    made = model()
    x = torch.full((ROWS, 4), NAN)
    x[:, 3] = torch.arange(ROWS) % 2
    found = conditioned(made, x, 1)
    assert torch.equal(found[:, 3], x[:, 3])
    for level in range(2):
        p = joint(made) * (EVERY[:, 3] == level)
        own = shares_of(found[level::2])
        assert torch.allclose(own, p / p.sum(), atol=0.015)


def test_cells_that_are_said_to_be_missing_count_for_nothing():
    """Column 0 says whether column 1 is missing: then its cell is no part of the row."""
    made = model(gaps={1: 0})
    there = EVERY[EVERY[:, 0] == 0]
    gone = EVERY[(EVERY[:, 0] == 1) & (EVERY[:, 1] == 0)].clone()
    gone[:, 1] = NAN
    rows = torch.cat([there, gone])
    p = joint(made, rows)
    assert p.sum().item() == pytest.approx(1, abs=1e-4)
    p = p * (rows[:, 3] == 1)
    x = torch.tensor([[NAN, NAN, NAN, 1.0]]).expand(ROWS, -1)
    found = conditioned(made, x, 1)
    found[:, 1].masked_fill_(found[:, 0] == 1, -1)
    assert torch.allclose(shares_of(found, rows.nan_to_num(-1)), p / p.sum(), atol=0.012)


def test_the_weight_of_a_row_is_by_hand():
    made = model()
    x = torch.tensor([[NAN, 1.0, NAN, 0.0]])
    px: AnyOrderCells = cells_at(made, torch.zeros(1, 2))
    torch.manual_seed(3)
    full, weight = px.completed(x)
    first = px.logits_given(x, 0)[0, int(full[0, 0])]
    seen = x.clone()
    seen[0, 0] = full[0, 0]
    third = px.logits_given(seen, 2)[0, int(full[0, 2])]
    assert weight.item() == pytest.approx((px.in_order(full) - first - third).item(), abs=1e-5)
    assert torch.equal(full[0, [1, 3]], x[0, [1, 3]])


def test_few_rows_are_chosen_among_many(monkeypatch):
    made, seen = model(), []
    was = AnyOrderCells.completed
    monkeypatch.setattr(
        AnyOrderCells, "completed", lambda self, x: (seen.append(len(x)), was(self, x))[1]
    )
    row = torch.tensor([[NAN, NAN, NAN, 1.0]])
    one, other = (conditioned(made, row.expand(3, -1), 5) for _ in range(2))
    assert torch.equal(one, other)
    assert sum(seen) / 2 >= 8_000


def steep():
    """The same model, in which cells say much of the code."""
    made = model()
    with torch.no_grad():
        for weight in made.likelihood.net.parameters():
            weight.mul_(2)
    return made


def integrated(made, x, place):
    """p(column | all other cells) over a grid of codes."""
    axis = torch.distributions.Normal(0.0, 1.0).icdf((torch.arange(80) + 0.5) / 80)
    z = torch.cartesian_prod(axis, axis)
    found = []
    for row in x:
        cells, rest = cells_at(made, z), row.expand(len(z), -1).clone()
        rest[:, place] = NAN
        weight = cells.in_order(rest).softmax(0)
        each = cells.logits_given(rest, place, cells.settled(rest, place)).exp()
        found.append((weight[:, None] * each).sum(0))
    return torch.stack(found)


@pytest.mark.parametrize("place", range(4))
@pytest.mark.parametrize("gap", [False, True])
def test_a_column_given_the_others_is_what_codes_say_that_fit_them(place, gap):
    made, x = steep(), EVERY.clone()
    if gap:
        x[:, (place + 1) % 4] = NAN
    right = integrated(made, x, place)
    torch.manual_seed(0)
    found = given_others(made, x, place, 1_000).exp()
    assert torch.allclose(found.sum(1), torch.ones(len(x)), atol=1e-5)
    assert (found - right).abs().max() < 0.06


def test_codes_that_are_not_weighed_would_be_far_off():
    """Else the test above could not fail."""
    made, right = steep(), [integrated(steep(), EVERY, place) for place in range(4)]
    worst = []
    for place in range(4):
        x = EVERY.clone()
        x[:, place] = NAN
        z = made.posteriors[0](x).sample((1_000,))
        each = torch.stack([cells_at(made, c).logits_given(x, place).exp() for c in z]).mean(0)
        worst.append((each - right[place]).abs().max().item())
    assert max(worst) > 0.3


def test_what_a_column_is_given_the_others_depends_on_the_row_alone():
    made = steep()
    torch.manual_seed(3)
    whole = given_others(made, EVERY, 1)
    torch.manual_seed(3)
    assert torch.allclose(given_others(made, EVERY[5:7], 1), whole[5:7], atol=1e-5)
