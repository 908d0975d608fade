"""What is fitted at the end of a training: the prior, and the columns in the order of drawing."""

import itertools
import math

import numpy as np
import pandas as pd
import pytest
import torch
from people import people
from torch.nn import functional as F

import vaekit
from vaekit.conditionals.priors import Mixture, StandardNormal
from vaekit.distributions.columns import AnyOrderCells
from vaekit.networks.cells import CellPredictor, unsettle
from vaekit.runs import settle as settling
from vaekit.runs.narrowing import cells_at
from vaekit.runs.settle import predictor_of, settle

LEVELS = [2, 3, 2]
NAN = math.nan
EVERY = torch.tensor([*itertools.product(*map(range, LEVELS))], dtype=torch.float)
HOW = {"width": 16, "latent": 2, "batch": 64, "lr": 1e-2, "quiet": True}


def predictor(own=True, gaps=None):
    torch.manual_seed(0)
    made = CellPredictor(LEVELS, [False, True, False], width=8, depth=1, gaps=gaps).eval()
    with torch.no_grad():
        made.last.weight.mul_(8)
        if own:
            made.own_weight.normal_()
            made.own_bias.normal_()
    return made.requires_grad_(requires_grad=False)


def cells(made, rows):
    return AnyOrderCells(torch.linspace(-1, 1, 8).expand(rows, 8), made)


class TestOwnOrder:
    def test_probabilities_of_all_rows_sum_to_one(self):
        log_p = cells(predictor(), len(EVERY)).log_prob(EVERY)
        assert log_p.exp().sum().item() == pytest.approx(1, abs=1e-5)
        assert not torch.allclose(log_p, cells(predictor(own=False), len(EVERY)).log_prob(EVERY))

    def test_rows_are_drawn_with_these_probabilities(self):
        torch.manual_seed(1)
        px = cells(predictor(), 40_000)
        found = (px.sample()[:, None] == EVERY).all(-1).float().mean(0)
        right = cells(predictor(), len(EVERY)).log_prob(EVERY).exp()
        assert torch.allclose(found, right, atol=0.01)

    def test_rows_of_which_a_later_cell_is_given_know_nothing_of_it(self):
        torch.manual_seed(1)
        given = torch.tensor([[NAN, NAN, 1.0]]).expand(40_000, 3)
        found = cells(predictor(), 40_000).filled(given)[:, 0]
        logits = predictor(own=False).column(torch.linspace(-1, 1, 8)[None], given[:1], 0)
        assert found.mean().item() == pytest.approx(logits.softmax(-1)[0, 1].item(), abs=0.01)

    def test_what_is_drawn_where_a_cell_is_missing_is_seen_by_no_other(self):
        made = predictor(gaps={1: 0})
        torch.manual_seed(1)
        drawn = cells(made, 40_000).sample()
        assert not drawn.isnan().any()
        gone = drawn[:, 0] == 1
        seen = torch.tensor([[1.0, NAN, NAN]])
        told = made.column(torch.linspace(-1, 1, 8)[None], seen, 2, torch.ones(1)).softmax(-1)[0, 1]
        assert gone.sum() > 2_000
        for level in range(3):
            rows = drawn[gone & (drawn[:, 1] == level)]
            if len(rows) > 500:
                off = 4 * math.sqrt(0.25 / len(rows))
                assert rows[:, 2].mean().item() == pytest.approx(told.item(), abs=off)

    def test_training_that_begins_with_the_weights_begins_without_it(self):
        made = predictor()
        unsettle(made)
        assert not made.own_weight.any()
        assert not made.own_bias.any()


class TestPrior:
    def test_a_mixture_finds_clusters(self):
        torch.manual_seed(0)
        prior = Mixture(2, 2)
        codes = torch.cat([torch.randn(600, 2) * 0.1 - 2, torch.randn(200, 2) * 0.3 + 1])
        prior.settle(codes[torch.randperm(len(codes))])
        order = prior.means[:, 0].argsort()
        assert torch.allclose(prior.means[order], torch.tensor([[-2.0] * 2, [1.0] * 2]), atol=0.06)
        assert prior.logits.softmax(0)[order].tolist() == pytest.approx([0.75, 0.25], abs=1e-3)
        scales = F.softplus(prior.raw_scales)[order].mean(1)
        assert scales.tolist() == pytest.approx([0.1, 0.3], rel=0.1)

    @pytest.mark.parametrize("prior", [Mixture(2, 50), StandardNormal(2)])
    def test_what_cannot_be_fitted_stays(self, prior):
        before = {n: v.clone() for n, v in prior.state_dict().items()}
        prior.settle(torch.randn(300, 2))
        assert all(torch.equal(v, before[n]) for n, v in prior.state_dict().items())


def column_of(weight, bias):
    return settling._Column(torch.tensor(weight), torch.tensor(bias))


class TestColumn:
    def test_levels_come_as_often_as_in_the_rows_where_these_can_tell(self):
        """By hand: (share of the model) * (rows there + 1) / (rows that it expects + 1)."""
        column = column_of([[0.0], [0.0], [0.0]], [0.0, 0.0, math.log(1e-4)])
        level = torch.tensor([0] * 900 + [1] * 99)
        hidden = torch.zeros(999, 1)
        share = torch.tensor([1.0, 1.0, 1e-4]) / 2.0001
        aim = share * torch.tensor([901.0, 100.0, 1.0]) / (999 * share + 1)
        column.balance(hidden, level)
        found = column.bias.softmax(0)
        assert torch.allclose(found, aim / aim.sum(), rtol=1e-4)
        assert 0 < found[2] < share[2]

    def test_a_layer_that_falls_short_is_fitted(self):
        random = torch.Generator().manual_seed(0)
        x = torch.randn(4_000, 3, generator=random)
        level = (x[:, 0] + 0.3 * torch.randn(4_000, generator=random) > 0).long()
        column = column_of([[0.0] * 3] * 2, [0.0, 0.0])
        column.fit(x[:2_000], level[:2_000], x[2_000:], level[2_000:])
        assert column.cost(x[2_000:], level[2_000:]).item() < 0.25 < math.log(2)
        assert (column.weight[1] - column.weight[0])[0] > 3

    def test_rows_held_out_say_when_to_stop(self):
        random = torch.Generator().manual_seed(0)
        x = torch.randn(60, 40, generator=random)
        level = torch.randint(2, (60,), generator=random)
        column = column_of([[0.0] * 40] * 2, [0.0, 0.0])
        column.fit(x[:30], level[:30], x[30:], 1 - level[30:])
        assert column.cost(x[30:], 1 - level[30:]).item() <= math.log(2) + 1e-6


@pytest.fixture(scope="module")
def table():
    return people(2_500)


@pytest.fixture(scope="module")
def run(table, tmp_path_factory):
    return vaekit.fit(table, epochs=4, out=tmp_path_factory.mktemp("runs") / "run", **HOW)


def test_columns_are_balanced_at_the_end(run):
    """Of new rows, each level is there as often as of the training rows."""
    x = run.rows(run.source.part("train"))[:].data
    model, predict = run.model, predictor_of(run.model)
    torch.manual_seed(0)
    with torch.no_grad():
        new = cells_at(model, model.priors[0]().sample((20_000,)).flatten(0, -2)).sample()
        for j, count in enumerate(predict.levels):
            there = new[:, predict.gaps[j]] != 1 if j in predict.gaps else new[:, j] >= 0
            rows = x[~x[:, j].isnan(), j]
            share, right = (
                torch.bincount(part.long(), minlength=count) / len(part)
                for part in (new[there, j], rows)
            )
            assert (share - right).abs().sum() / 2 < 0.05, j
    assert predict.own_bias.any()


def test_rows_that_were_not_trained_on_gain(run):
    rows = run.source.part("validation")
    bare = vaekit.load(run.folder)
    unsettle(bare.model)
    assert predictor_of(run.model).own_weight.any()
    settled, before = (m.log_likelihood(rows, samples=50, seed=0).mean() for m in (run, bare))
    assert settled > before


def test_settling_again_changes_nothing(run, table):
    before = run.folder.joinpath("model.safetensors").read_bytes()
    again = vaekit.resume(run.folder, table)
    assert run.folder.joinpath("model.safetensors").read_bytes() == before
    state = again.model.state_dict()
    assert all(torch.equal(v, state[n]) for n, v in run.model.state_dict().items())


def test_in_memory_it_is_the_same(run, table):
    state = vaekit.fit(table, epochs=4, **HOW).model.state_dict()
    assert all(torch.equal(v, state[n]) for n, v in run.model.state_dict().items())


def test_models_of_pictures_stay_as_they_are():
    model = vaekit.fit("digits", epochs=1, width=8, quiet=True)
    before = {n: v.clone() for n, v in model.model.state_dict().items()}
    settle(model, model.source)
    assert all(torch.equal(v, before[n]) for n, v in model.model.state_dict().items())
    assert np.isfinite(model.evaluate(samples=2).elbo)


def test_of_many_columns_no_more_rows_are_drawn_than_their_cells_allow(run, table, monkeypatch):
    drawn, new = [], settling._New
    monkeypatch.setattr(
        settling, "_New", lambda model, rows: drawn.append(rows) or new(model, rows)
    )
    count = len(predictor_of(run.model).levels)
    for cells in (2**18, 5_000 * count, count):
        monkeypatch.setattr(settling, "NEW_CELLS", cells)
        settle(vaekit.load(run.folder), run.source)
    assert drawn == [10_000, 5_000, len(run.source.splits["train"])]


def test_of_few_rows_enough_are_drawn_to_balance_levels_by():
    """Shares of levels in as many new rows as these would be wrong by 0.03 by chance."""
    chance = np.random.default_rng(0)
    few = pd.DataFrame({name: chance.random(200) < 0.3 for name in "abcdef"})
    found = vaekit.fit(few, "table_vae", epochs=4, **HOW)
    x = found.rows(found.source.part("train"))[:].data
    torch.manual_seed(0)
    with torch.no_grad():
        codes = found.model.priors[0]().sample((20_000,)).flatten(0, -2)
        new = cells_at(found.model, codes).sample()
    assert (new.mean(0) - x.mean(0)).abs().max() < 0.012
