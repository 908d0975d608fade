"""Cells of a table, any of them given any others: densities, draws and estimates by brute force."""

import itertools
import math

import pytest
import torch

from vaekit.distributions import common_draws, is_discrete, latin_hypercube
from vaekit.distributions.columns import AnyOrderCells, Seeing, drawn
from vaekit.families.columns import Columns
from vaekit.networks.cells import CellEmbedding, CellEncoder, CellPredictor
from vaekit.recipes.tables import Unseen, table_vae
from vaekit.rows import Rows
from vaekit.system.checks import BadInput
from vaekit.training.validation import validate

LEVELS = [2, 3, 2]
NAN = math.nan
EVERY = torch.tensor([*itertools.product(*map(range, LEVELS))], dtype=torch.float)


@pytest.fixture(scope="module")
def predictor():
    torch.manual_seed(0)
    made = CellPredictor(LEVELS, [False, True, False], width=8, depth=1).eval()
    with torch.no_grad():
        made.last.weight.mul_(8)
    return made.requires_grad_(requires_grad=False)


def cells(predictor, rows=1):
    return AnyOrderCells(torch.linspace(-1, 1, 8).expand(rows, 8), predictor)


def conditional(predictor, row, j, seen):
    """log p(x_j | x_i, i in seen), by the network itself."""
    given = torch.full((1, 3), NAN)
    for i in seen:
        given[0, i] = row[i]
    logits = predictor(torch.linspace(-1, 1, 8)[None], given)[j]
    return logits.log_softmax(-1)[0, int(row[j])].item()


def in_order(predictor, row, order):
    return sum(conditional(predictor, row, j, order[:k]) for k, j in enumerate(order))


def test_probabilities_of_all_rows_sum_to_one(predictor):
    log_p = cells(predictor, len(EVERY)).log_prob(EVERY)
    assert log_p.exp().sum().item() == pytest.approx(1, abs=1e-5)
    for row, value in zip(EVERY, log_p, strict=True):
        assert value.item() == pytest.approx(in_order(predictor, row, [0, 1, 2]), abs=1e-5)
    assert is_discrete(cells(predictor))


@pytest.mark.parametrize("scales", [0, 2])
def test_what_is_known_follows_cells_as_they_come_go_and_change(scales):
    """As if all cells were looked at again."""
    torch.manual_seed(0)
    levels, ordered = [40, 3, 2, 50], [True, False, False, True]
    net = CellPredictor(levels, ordered, width=8, depth=1, scales=scales).eval()
    features, rows = torch.randn(30, 8), 30

    def some(j):
        x = torch.randint(0, levels[j], (rows,)).float()
        return x.masked_fill(torch.rand(rows) < 0.4, NAN)

    with torch.no_grad():
        known = Seeing(features, net, torch.stack([some(j) for j in range(4)], 1))
        for j in [0, 3, 1, 1, 2, 3, 0] * 3:
            gone = known.seen.clone()
            gone[:, j] = NAN
            assert torch.allclose(known.without(j), features + net.summed(gone), atol=1e-5)
            known.see(j, some(j))
            wanted = features + net.summed(known.seen)
            assert torch.allclose(known.sums, wanted, atol=1e-5)
            asked = net.column_of(known.sums, j)
            assert torch.allclose(asked, net(features, known.seen)[j], atol=1e-5)


def test_the_work_of_a_column_does_not_grow_with_their_number():
    """The first layer looks at all cells of rows once, however many columns there are."""
    net = CellPredictor([2] * 30, [False] * 30, width=8, depth=1).eval()
    x, looked = torch.randint(0, 2, (5, 30)).float(), []
    net.first.register_forward_hook(lambda *_: looked.append(1))
    with torch.no_grad():
        px = AnyOrderCells(torch.zeros(5, 8), net)
        for do in (px.sample, lambda: px.in_order(x), lambda: px.each_given_others(x)):
            looked.clear()
            do()
            assert len(looked) == 1


def test_a_missing_cell_is_neither_seen_nor_predicted(predictor):
    row = torch.tensor([1.0, NAN, 0.0])
    right = conditional(predictor, row, 0, []) + conditional(predictor, row, 2, [0])
    assert cells(predictor).log_prob(row[None]).item() == pytest.approx(right, abs=1e-5)
    assert cells(predictor).log_prob(torch.full((1, 3), NAN)).item() == 0


@pytest.mark.parametrize("own", [0.0, 1.0, 0.5])
@pytest.mark.parametrize("row", [[1.0, 2.0, 0.0], [NAN, 1.0, 1.0], [NAN, 2.0, NAN]])
def test_in_training_the_mean_is_that_over_all_orders_or_begins_the_own(
    predictor, row, own, monkeypatch
):
    monkeypatch.setattr(predictor, "in_turn", own)
    row = torch.tensor(row)
    there = [j for j in range(3) if not row[j].isnan()]
    orders = [*itertools.permutations(there)]
    right = (1 - own) * sum(in_order(predictor, row, order) for order in orders) / len(orders)
    for k in range(len(there)):
        rest = [conditional(predictor, row, j, there[:k]) for j in there[k:]]
        right += own * sum(rest) / len(rest)
    predictor.train()
    torch.manual_seed(1)
    found = cells(predictor, 40_000).log_prob(row.expand(40_000, 3))
    predictor.eval()
    assert found.mean().item() == pytest.approx(right, abs=5 * found.std().item() / 200 + 1e-5)


def test_a_row_of_nothing_costs_nothing_in_training(predictor):
    predictor.train()
    found = cells(predictor, 4).log_prob(torch.full((4, 3), NAN))
    predictor.eval()
    assert torch.equal(found, torch.zeros(4))


def shares(rows):
    places = (rows * torch.tensor([6.0, 2.0, 1.0])).sum(1).long()
    return torch.bincount(places, minlength=12) / len(rows)


def test_draws_are_as_likely_as_the_density_says(predictor):
    torch.manual_seed(2)
    rows = cells(predictor, 60_000).sample()
    p = cells(predictor, 12).log_prob(EVERY).exp()
    assert (shares(rows) - p).abs().max() < 4.5 * (p.max() / 60_000).sqrt()
    assert cells(predictor, 5).sample(torch.Size([2])).shape == (2, 5, 3)


def test_filled_cells_are_drawn_given_all_that_are_there(predictor):
    torch.manual_seed(3)
    known = torch.tensor([NAN, 2.0, NAN])
    rows = cells(predictor, 60_000).filled(known.expand(60_000, 3))
    assert bool((rows[:, 1] == 2).all())
    for a, c in itertools.product(range(2), range(2)):
        row = torch.tensor([a, 2.0, c])
        right = math.exp(
            conditional(predictor, row, 0, [1]) + conditional(predictor, row, 2, [0, 1])
        )
        share = ((rows[:, 0] == a) & (rows[:, 2] == c)).float().mean().item()
        assert share == pytest.approx(right, abs=0.01)


def test_the_likeliest_cells_are_the_likeliest(predictor):
    row = cells(predictor).mean[0]
    for j in range(3):
        levels = [
            conditional(predictor, [*row[:j], level, *row[j + 1 :]], j, range(j))
            for level in range(LEVELS[j])
        ]
        assert levels[int(row[j])] == max(levels)


def test_each_cell_given_all_others(predictor):
    row = torch.tensor([[1.0, 2.0, NAN]])
    found = cells(predictor).each_given_others(row)[0]
    assert found[0].item() == pytest.approx(conditional(predictor, row[0], 0, [1]), abs=1e-5)
    assert found[1].item() == pytest.approx(conditional(predictor, row[0], 1, [0]), abs=1e-5)
    assert bool(found[2].isnan())


def test_chances_are_right_on_average_over_even_shares(predictor):
    """p(c | a) = sum_b p(b | a) p(c | a, b): the cell between is drawn, evenly."""
    known, count = torch.tensor([[1.0, NAN, NAN]]), 400
    torch.manual_seed(5)
    each = torch.stack([cells(predictor).chances(known, s)[0] for s in latin_hypercube(count, 3)])
    assert torch.equal(each[:, :2], torch.zeros(count, 2))
    b = [math.exp(conditional(predictor, [1, level, 0], 1, [0])) for level in range(3)]
    assert each[:, 2:5].mean(0).tolist() == pytest.approx(b, abs=1e-5)
    given = [conditional(predictor, [1, level, 1], 2, [0, 1]) for level in range(3)]
    right = sum(share * math.exp(log_p) for share, log_p in zip(b, given, strict=True))
    assert each[:, 6].mean().item() == pytest.approx(right, abs=1 / count)


def test_even_numbers_fill_every_part_once():
    found = latin_hypercube(7, 3)
    assert torch.equal(
        (found * 7).floor().sort(0).values, torch.arange(7.0).double()[:, None].expand(7, 3)
    )
    assert not torch.equal(found[:, 0].argsort(), found[:, 1].argsort())


def test_even_draws_are_of_q_and_their_mean_hardly_errs():
    q = torch.distributions.Independent(
        torch.distributions.Normal(torch.tensor([[1.0, 2.0]]), 3.0), 1
    )
    torch.manual_seed(0)
    z = torch.stack([common_draws(q, 50, even=True) for _ in range(400)])[:, :, 0]
    assert (z.mean((0, 1)) - q.mean[0]).abs().max() < 0.01
    assert z.std((0, 1)) == pytest.approx([3.0, 3.0], abs=0.05)
    assert z.mean(1).std(0).max() < 0.1 * 3 / math.sqrt(50)


def test_drawn_levels_follow_their_probabilities():
    torch.manual_seed(4)
    logits = torch.tensor([0.7, 0.2, 0.1, 0.0]).log()
    found = torch.bincount(drawn(logits.expand(50_000, 4)), minlength=4) / 50_000
    assert found.tolist() == pytest.approx([0.7, 0.2, 0.1, 0.0], abs=0.01)


def test_ordered_levels_begin_like_their_neighbours():
    torch.manual_seed(5)
    made = CellEmbedding([100, 100], [True, False])
    steps = made.cells.weight.diff(dim=0).square().sum(1)
    assert steps[:99].mean() < 0.1 * steps[100:199].mean()
    assert made.cells.weight[:200].square().mean().item() == pytest.approx(1, abs=0.3)


def test_the_embedding_tells_levels_and_blanks_apart():
    made = CellEmbedding([2, 3], [False, False], size=4)
    found = made(torch.tensor([[1.0, 2.0], [NAN, 2.0], [1.0, NAN]]))
    assert found.shape == (3, 10)
    assert torch.equal(found[0, 4:8], found[1, 4:8])
    assert torch.equal(found[:, 8:], torch.tensor([[1.0, 1], [0, 1], [1, 0]]))
    assert not torch.equal(found[0, :4], found[1, :4])


def test_a_row_s_codes_do_not_depend_on_its_neighbours():
    torch.manual_seed(6)
    made = CellEncoder(LEVELS, [False] * 3, 4, width=8).double().eval()
    x = EVERY.double()
    assert torch.allclose(made(x)[3:4], made(x[3:4]))


def test_cells_are_kept_from_the_encoder_in_training_alone():
    torch.manual_seed(7)
    layer, x = Unseen(0.5), torch.zeros(4000, 10)
    gone = layer(x).isnan()
    assert gone.any(1).float().mean().item() == pytest.approx(0.5 * 10 / 11, abs=0.03)
    assert gone.float().mean().item() == pytest.approx(0.25, abs=0.02)
    assert torch.equal(layer.eval()(x), x)


def test_the_recipe_trains_every_weight():
    names = ["a", "b", "c"]
    model, objective = table_vae(
        (3,), columns=dict(zip(names, LEVELS, strict=True)),
        ordered=dict.fromkeys(names, False), width=16, latent=2,
    )  # fmt: skip
    x = EVERY.repeat(20, 1)
    x[::7, 1] = NAN
    x[::5, 0] = NAN
    x[::3, 2] = NAN
    objective(model, x).total.backward()
    assert all(p.grad is not None and bool(p.grad.any()) for p in model.parameters())
    assert isinstance(model.likelihood.family, Columns)


def test_cells_beyond_the_levels_of_every_column_are_refused(predictor):
    family = Columns(predictor)
    family.range.check(torch.tensor([[1.0, 2.0, NAN]]), "it")
    with pytest.raises(BadInput):
        family.range.check(torch.tensor([[1.0, 3.0, 0.0]]), "it")


@pytest.mark.parametrize(("rows", "passes"), [(1_000, 1), (100, 2), (20, 8)])
def test_rows_held_out_cost_few_passes_and_are_estimated_as_in_training(rows, passes):
    torch.manual_seed(0)
    built = table_vae(
        (3,), columns=dict(zip("abc", LEVELS, strict=True)), ordered=dict.fromkeys("abc", False)
    )
    x, calls = EVERY.repeat(rows // 12 + 1, 1)[:rows], []
    part = next(m for m in built.model.modules() if isinstance(m, CellPredictor))
    part.register_forward_hook(lambda *_: calls.append(1))
    found = [validate(built.model, built.objective, [Rows(x)], 0, seed) for seed in range(50)]
    assert len(calls) == 50 * passes
    exact = built.objective(built.model.eval(), Rows(x), 0).terms["reconstruction"].item()
    each = torch.tensor([one["reconstruction"] for one in found])
    assert validate(built.model, built.objective, [Rows(x)], 0, 3) == found[3]
    assert len(calls) == 51 * passes
    assert each.std() > 0
    assert abs(each.mean() - exact) < 0.15
