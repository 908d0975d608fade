"""The last layer of a network that predicts levels: what neighbours share."""

import pytest
import torch

from vaekit.networks.cells import CellEmbedding
from vaekit.networks.levels import LevelsOutput
from vaekit.recipes import RECIPES
from vaekit.recipes.recipe import call

LEVELS, ORDERED = [9, 20, 3], [False, True, True]


@pytest.fixture
def layer():
    torch.manual_seed(0)
    made = LevelsOutput(5, LEVELS, ORDERED, 2)
    with torch.no_grad():
        made.coarse.normal_()
    return made


def test_it_begins_as_a_layer_without_scales():
    torch.manual_seed(1)
    plain = LevelsOutput(5, LEVELS, ORDERED)
    torch.manual_seed(1)
    shared, x = LevelsOutput(5, LEVELS, ORDERED, 2), torch.randn(4, 5)
    assert torch.equal(plain(x), shared(x))
    assert [*plain.state_dict()] == ["weight", "bias"]


def test_weights_of_ordered_levels_lie_on_lines_between_those_of_knots(layer):
    more = (layer.of(slice(None))[0] - layer.weight).detach()
    assert more[:9].abs().max() == more[29:].abs().max() == 0
    places = torch.arange(20) * (5 / 19)  # 20 levels, five parts of about four; none of sixteen
    left = places.floor().long().clamp_max(4)
    right = (places - left)[:, None]
    lines = (1 - right) * layer.coarse[left] + right * layer.coarse[left + 1]
    assert torch.allclose(more[9:29], lines.detach(), atol=1e-6)


def test_one_level_teaches_its_neighbours(layer):
    weight = layer.of(slice(None))[0]
    weight[9 + 10].sum().backward()
    step = layer.coarse.grad[:, 0].nonzero()[:, 0]
    assert step.tolist() == [2, 3]
    assert layer.weight.grad[:, 0].nonzero()[:, 0].tolist() == [19]


def test_part_of_the_levels_and_the_merged_layer_are_the_same_function(layer):
    x = torch.randn(4, 5)
    whole = layer(x)
    weight, bias = layer.of(slice(9, 29))
    assert torch.allclose(x @ weight.T + bias, whole[:, 9:29], atol=1e-6)
    layer.merge()
    assert layer.coarse is None
    assert torch.allclose(layer(x), whole, atol=1e-6)


def test_cells_of_ordered_columns_say_which_place_they_have():
    made, plain = CellEmbedding(LEVELS, ORDERED, placed=True), CellEmbedding(LEVELS, ORDERED)
    assert made.outputs == plain.outputs + 3
    x = torch.tensor([[8.0, 0.0, torch.nan], [0.0, 19.0, 1.0]])
    place = made(x)[:, :-3].unflatten(1, (3, -1))[..., -1].detach()
    assert torch.allclose(place, 3**0.5 * torch.tensor([[0, -0.95, 0], [0, 0.95, 0]]))
    none = CellEmbedding(LEVELS, [False] * 3, placed=True)
    assert none.outputs == plain.outputs


def test_models_that_are_older_have_none():
    facts = {"shape": (2,), "columns": {"a": 40, "b": 40}, "ordered": {"a": True, "b": True}}
    old = call(RECIPES["table_vae"], {**facts, "likelihood": "columns"}, stored=True).model
    new = call(RECIPES["table_vae"], {**facts, "likelihood": "columns", "scales": 2}).model
    assert {*new.state_dict()} - {*old.state_dict()} == {"likelihood.family.predictor.last.coarse"}
