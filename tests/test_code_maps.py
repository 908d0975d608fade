"""Codes from a list on a map of an image, and the prior of masked convolutions over them."""

import json
import math
from itertools import product

import numpy as np
import pytest
import torch
from test_resume import Killed, check_goes_on, job_for

import vaekit
from vaekit.conditionals.codebooks import PixelCNN
from vaekit.families.codebooks import Codebook, Nearest, NearestValues
from vaekit.interfaces.cli import run
from vaekit.models.trace import trace
from vaekit.networks import map_decoder, map_encoder
from vaekit.networks.masked import MaskedConv2d, NextOnMap
from vaekit.networks.residual import FromPlanes, ToPlanes
from vaekit.recipes import recipe
from vaekit.rows import Rows
from vaekit.system.checks import BadInput

ON_MAPS = [  # recipe, options, entries at each place
    ("vq_vae", {"latent": 2, "entries": 5}, 1),
    ("vq_vae", {"latent": 2, "entries": 5, "stages": 3}, 3),
    ("fsq_vae", {"latent": 2, "values": 3}, 2),
    ("lfq_vae", {"latent": 2}, 2),
]


def shaken(module):
    """The same, with weights that are no longer small."""
    with torch.no_grad():
        for weights in module.parameters():
            weights.add_(0.3 * torch.randn_like(weights))
    return module


def over(size, each, entries=2, layers=1):
    """A prior over a map with so many entries at each place."""
    family = Nearest(Codebook(entries, 2), math.prod(size), stages=each)
    return shaken(PixelCNN(family, size, 8, layers))


def vectors(prior, index):
    """Codes by the numbers of their entries."""
    return prior.family.book.detach()[index].flatten(-2)


@pytest.mark.parametrize(("size", "each"), [((2, 2), 1), ((1, 2), 2), ((2, 1), 2), ((1, 1), 4)])
def test_all_codes_have_a_probability_of_one_and_are_drawn_so(size, each):
    prior = over(size, each)
    every = torch.tensor([*product(range(2), repeat=4)])
    with torch.no_grad():
        p = prior().log_prob(vectors(prior, every)).exp()
        drawn = prior().sample((4000,))
    assert p.sum().item() == pytest.approx(1, abs=1e-5)
    assert p.max() > 2 * p.min()
    found = (drawn[:, None] == vectors(prior, every)).all(-1).float().mean(0)
    error = (p * (1 - p) / 4000).sqrt()
    assert ((found - p).abs() < 5 * error + 1e-3).all()


@pytest.mark.parametrize("each", [1, 3])
def test_log_p_is_the_product_of_what_is_drawn_from(each):
    """On a map of which no place sees all: draws look at a part of it."""
    prior = over((7, 9), each, entries=4)
    index = torch.randint(4, (5, 63 * each))
    with torch.no_grad():
        logits = [prior.net.at(index, place) for place in range(63 * each)]
        parts = torch.stack(logits, 1).log_softmax(-1).gather(-1, index[..., None])
        found = prior().log_prob(vectors(prior, index))
    assert torch.allclose(found, parts.sum((1, 2)), atol=1e-3)
    assert prior.net.net.reach == 3


@pytest.mark.parametrize("each", [1, 2, 3])
def test_an_entry_depends_on_those_before_it_alone(each):
    """And each but the last says something of the next one, in its own place too."""
    net = shaken(NextOnMap(3, (3, 3), each, 8 * each, 1))
    index = torch.randint(3, (1, 9 * each))
    with torch.no_grad():
        here = net(index)[0]
        for place in range(9 * each):
            other = index.clone()
            other[0, place] = (other[0, place] + 1) % 3
            moved = (net(other)[0] != here).any(-1)
            assert not moved[: place + 1].any()
            last = place == 9 * each - 1
            within = (place + 1) % (3 * each) > 0  # the next one is on the same line of the map
            assert last or not within or moved[place + 1]


def test_turns_within_a_pixel():
    layer = MaskedConv2d(4, 6, 3, centre=False, turns=2)
    assert layer.mask[:, :, 1, 1].tolist() == [[0, 0, 0, 0]] * 3 + [[1, 1, 0, 0]] * 3
    layer = MaskedConv2d(4, 6, 3, centre=True, turns=2)
    assert layer.mask[:, :, 1, 1].tolist() == [[1, 1, 0, 0]] * 3 + [[1, 1, 1, 1]] * 3
    assert layer.mask[:, :, 0].all()
    assert layer.mask[:, :, 1, 0].all()
    assert not layer.mask[:, :, 1, 2].any()
    assert not layer.mask[:, :, 2].any()


def below_each_other(rows):
    """A map of 4 x 4 whose first line is even, and each other line the contrary of that above."""
    first = torch.randint(2, (rows, 1, 4))
    return torch.cat([first, 1 - first, first, 1 - first], 1).flatten(1), 4 * math.log(2)


def beside_each_other(rows):
    """A map of 2 x 4 with two entries at each place: the second is the contrary of the first."""
    first = torch.randint(2, (rows, 8, 1))
    return torch.cat([first, 1 - first], -1).flatten(1), 8 * math.log(2)


@pytest.mark.parametrize(
    ("made", "size", "each"), [(below_each_other, (4, 4), 1), (beside_each_other, (2, 4), 2)]
)
def test_a_known_pattern_costs_its_entropy(made, size, each):
    """Where the even prior charges log 2 for each of sixteen entries."""
    torch.manual_seed(0)
    prior = PixelCNN(Nearest(Codebook(2, 2), math.prod(size), each), size, 16, 1)
    optimizer = torch.optim.Adam(prior.net.parameters(), 0.01)
    for _ in range(120):
        optimizer.zero_grad()
        (-prior().log_prob(vectors(prior, made(64)[0])).mean()).backward()
        optimizer.step()
    index, entropy = made(1000)
    with torch.no_grad():
        cost = -prior().log_prob(vectors(prior, index)).mean().item()
        drawn = prior().sample((200,)).reshape(200, 16, 2)
    assert entropy - 0.05 < cost < entropy + 0.3 < 16 * math.log(2) - 5
    again = -prior().log_prob(drawn.flatten(1)).mean().item()
    assert again == pytest.approx(entropy, abs=0.5)


def test_nothing_of_it_moves_the_codes():
    m, _ = recipe("vq_vae")(
        shape=(1, 8, 8), network="map", width=4, likelihood="bernoulli", code_prior="pixelcnn"
    )
    trace(m, torch.rand(6, 1, 8, 8).round()).kl.sum().backward()
    assert all(p.grad is None or not p.grad.any() for p in m.posterior.parameters())
    assert all(p.grad.any() for p in m.prior.net.parameters())


def test_planes_and_places_by_hand():
    x = torch.arange(12.0).view(1, 2, 2, 3)
    z = FromPlanes()(x)
    assert z[0].tolist() == [0, 6, 1, 7, 2, 8, 3, 9, 4, 10, 5, 11]
    assert torch.equal(ToPlanes(2, (2, 3))(z), x)
    more = ToPlanes(2, (2, 3))(torch.cat([z, torch.tensor([[20.0, 30.0]])], 1))
    assert torch.equal(more[:, :2], x)
    assert (more[:, 2] == 20).all()
    assert (more[:, 3] == 30).all()


def plain(net):
    """A network without what sees all places at once, whose weights are no longer small."""
    for part in net.modules():
        if isinstance(part, torch.nn.GroupNorm):
            part.forward = lambda x: x
    return shaken(net)


def test_a_place_is_where_it_is_in_the_image():
    """Shifting an image by four pixels shifts the code by a place, and the other way round."""
    encode = plain(map_encoder((1, 64, 64), 2, (4, 4)))
    decode = plain(map_decoder(2, 0, (1, 64, 64), (4, 4)))
    image, code = torch.zeros(1, 1, 64, 64), torch.zeros(1, 16, 16, 2)
    image[..., 28:32, 28:32] = torch.randn(4, 4)
    code[:, 7, 7] = torch.randn(2)
    with torch.no_grad():
        here, there = (encode(x).view(16, 16, 2) for x in (image, image.roll(4, 3)))
        near, far = (decode(z.flatten(1)) for z in (code, code.roll(1, 2)))
    assert here[7, 7].std() > 0
    assert torch.allclose(here[6:9, 6:9], there[6:9, 7:10], atol=1e-4)
    assert torch.allclose(near[..., 20:40, 20:40], far[..., 20:40, 24:44], atol=1e-4)


@pytest.mark.parametrize(("name", "how", "each"), ON_MAPS)
@pytest.mark.parametrize("code_prior", ["even", "autoregressive", "pixelcnn"])
def test_every_list_goes_on_a_map(name, how, each, code_prior):
    """Of images with odd sides, and with something given."""
    m, _ = recipe(name)(
        shape=(2, 9, 14), network="map", width=4, likelihood="bernoulli", code_prior=code_prior,
        given={"age": 3}, **how,
    )  # fmt: skip
    told = Rows(torch.rand(4, 2, 9, 14).round(), {"age": torch.randn(4, 3)})
    t = trace(m, told, samples=2)
    assert m.prior.family.places == 3 * 4 * each
    assert t.log_ratio.shape == (2, 4)
    t.log_ratio.sum().backward()
    assert m.likelihood(m.prior().sample((4,)), told.given["age"]).mean.shape == told.x.shape


def test_the_places_of_a_line_are_as_before():
    m, _ = recipe("vq_vae")(shape=(6,), likelihood="gaussian")
    assert m.prior.family.places == 16
    m, _ = recipe("fsq_vae")(shape=(1, 16, 16), likelihood="bernoulli", latent=5)
    assert m.prior.family.places == 5


def spots(rows=40):
    """Images of 8 x 8 pixels with a bright square each."""
    x, random = np.zeros((rows, 8, 8), np.uint8), np.random.default_rng(0)
    for image, (i, j) in zip(x, random.integers(0, 5, (rows, 2)), strict=True):
        image[i : i + 3, j : j + 3] = 1
    return x


def test_it_is_asked_like_any_other(tmp_path, capsys):
    x = spots()
    how = {"network": "map", "width": 4, "entries": 8, "epochs": 2, "quiet": True}
    papers = {}
    for code_prior in ("even", "pixelcnn"):
        model = vaekit.fit(x, "vq_vae", out=tmp_path / code_prior, code_prior=code_prior, **how)
        assert run(["cite", str(tmp_path / code_prior), "--json"]) == 0
        papers[code_prior] = set(json.loads(capsys.readouterr().out)["bibtex"])
    assert papers["pixelcnn"] - papers["even"] == {"vandenoord2016pixel"}
    assert "vandenoord2017neural" in papers["even"]
    again = vaekit.load(tmp_path / "pixelcnn")
    assert np.array_equal(again.sample(5, seed=1), model.sample(5, seed=1))
    assert again.encode(x).shape == (40, 2 * 2 * 4)
    assert again.reconstruct(x[:3]).shape == (3, 8, 8)
    found = again.evaluate(x, samples=2)
    assert found.kl == pytest.approx(model.evaluate(x, samples=2).kl)
    assert found.to_dict()["codebook_entries"] == 8


def test_a_killed_run_goes_on_bit_for_bit(tmp_path):
    how = {"network": "map", "code_prior": "pixelcnn", "stages": 2, "entries": 8}
    check_goes_on(tmp_path, lambda: job_for("vq_vae", **how), Killed)


@pytest.mark.parametrize("family", [Nearest(Codebook(3, 2), 4), NearestValues(3, 4)])
def test_without_a_map_it_is_refused(family):
    with pytest.raises(BadInput, match="of codes that are maps: take network 'map'"):
        PixelCNN(family, ())
