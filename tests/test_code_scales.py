"""Codes from a list at several scales, coarse to fine."""

import itertools
import json
import math

import numpy as np
import pytest
import torch
from graphs import by_scale, some_rows
from test_resume import Killed, check_goes_on, job_for
from test_zoo import factors, made, trained
from torch.nn import functional as F

import vaekit
from vaekit.conditionals.codebooks import Autoregressive, Even
from vaekit.distributions import exact_kl
from vaekit.distributions.codebooks import rotated, straight
from vaekit.families.codebooks import Codebook, MappedCodebook, Nearest, NearestByScale
from vaekit.interfaces.cli import run
from vaekit.models.trace import trace
from vaekit.networks import Scales, SummedScales
from vaekit.objectives.bounds import elbo
from vaekit.recipes import recipe
from vaekit.recipes.scales import scales_for
from vaekit.rows import Rows
from vaekit.system.checks import BadInput

LINES = [(1,), (2,), (5,), (12,)]
MAPS = [(1, 1), (2, 2), (3, 4), (6, 7)]


def of(sizes, book=None, carrier=straight):
    """A family, and what sums its codes."""
    family = NearestByScale(book or Codebook(9, 3), Scales(sizes), carrier)
    return family, SummedScales(family.scales, 3)


def resized(z, size, mode, **how):
    """(places, numbers) of a line or a map, (..., numbers) to those of another size."""
    return F.interpolate(z.movedim(-1, 0)[None], size=size, mode=mode, **how)[0].movedim(0, -1)


def by_hand(raw, book, sizes):
    """Entries of one row and their sum, as Tian et al. 2024 say it, an entry at a time."""
    whole = sizes[-1]
    linear = "linear" if len(whole) == 1 else "bilinear"
    left, told = raw.reshape(*whole, -1).clone(), torch.zeros(*whole, raw.shape[-1])
    chosen = []
    for size in sizes:
        small = resized(left, size, "area")
        taken = torch.zeros_like(small)
        for place in itertools.product(*map(range, size)):
            far = [(small[place] - entry).norm().item() for entry in book]
            chosen.append(min(range(len(book)), key=far.__getitem__))
            taken[place] = book[chosen[-1]]
        large = resized(taken, whole, linear, align_corners=False)
        left, told = left - large, told + large
    return chosen, told


@pytest.mark.parametrize("sizes", [LINES, MAPS])
def test_it_does_what_the_paper_says(sizes):
    torch.manual_seed(0)
    family, summed = of(sizes)
    raw = 2 * torch.randn(3, *family.raw_shape)
    with torch.no_grad():
        q = family(raw)
        for row in range(3):
            chosen, told = by_hand(raw[row].view(-1, 3), family.book, sizes)
            assert q.chosen[row].tolist() == chosen
            assert torch.equal(q.entries[row], family.book[torch.tensor(chosen)])
            assert torch.allclose(summed(q.mean)[row], told.flatten(), atol=1e-5)
    count = sum(map(math.prod, sizes))
    assert (family.places, family.event_shape) == (count, (3 * count,))
    assert exact_kl(q, Even(family)())[0].item() == pytest.approx(count * math.log(9))


@pytest.mark.parametrize("carrier", [straight, rotated])
@pytest.mark.parametrize("made", [Codebook, MappedCodebook])
def test_one_scale_is_the_plain_list_bit_for_bit(carrier, made):
    book, way = made(9, 3), torch.randn(4, 36)
    raw, found = torch.randn(4, 36, requires_grad=True), []
    for family in (Nearest(book, 12, carrier=carrier), of([(3, 4)], book, carrier)[0]):
        q = family(raw)
        (grad,) = torch.autograd.grad((q.rsample() * way).sum(), raw)
        found.append((q.mean, q.chosen, q.encoded, q.unlisted, q.rsample(), grad))
    assert all(map(torch.equal, *found))
    z = found[0][0]
    assert torch.equal(SummedScales(Scales([(12,)]), 3)(z), z)


@pytest.mark.parametrize("sizes", [LINES, MAPS, [(2, 2), (6, 7), (6, 7)]])
def test_the_sum_is_what_the_residual_says(sizes):
    family, summed = of(sizes)
    raw = torch.randn(4, *family.raw_shape)
    with torch.no_grad():
        q = family(raw)
        total, places = summed(q.mean).unflatten(-1, (-1, 3)), math.prod(sizes[-1])
        rest = (q.encoded - q.entries)[:, -places:]
    assert torch.equal(total, q.told)
    assert torch.allclose(q.whole - total, rest, atol=1e-5)
    assert torch.allclose(summed(q.unlisted), raw, atol=1e-5)


@pytest.mark.parametrize("carrier", [straight, rotated])
def test_gradients_are_those_of_the_whole(carrier):
    """As if the sum were one code at all places."""
    family, summed = of(MAPS, carrier=carrier)
    raw, way = torch.randn(4, 126, requires_grad=True), torch.randn(4, 126)
    q = family(raw)
    (found,) = torch.autograd.grad((summed(q.rsample()) * way).sum(), raw)
    carried = carrier(raw.unflatten(-1, (-1, 3)), q.told).flatten(-2)
    (wanted,) = torch.autograd.grad((carried * way).sum(), raw)
    assert torch.allclose(found, wanted, atol=1e-6)
    assert torch.allclose(q.rsample(), q.mean, atol=1e-6)
    assert torch.equal(found, way) == (carrier is straight)


def test_every_scale_leaves_less():
    x = factors()
    m, loss = trained("vq_vae", x, updates=80, latent=3, places=8, entries=16, scales="1,2,4")
    family = m.posterior.family
    with torch.no_grad():
        q = m.posterior(x)
        left, errors = q.whole, []
        for scale, part in zip(family.scales, q.entries.split(family.scales.each, -2), strict=True):
            errors.append(left.square().mean().item())
            left = left - scale.spread(part)
    errors.append(left.square().mean().item())
    assert all(b < 0.97 * a for a, b in itertools.pairwise(errors))
    assert loss.terms["kl"].item() == pytest.approx(15 * math.log(16), rel=1e-4)


def test_the_elbo_is_below_log_p_of_all_codes():
    """Of five places and four entries there are 1,024 codes."""
    m, told = by_scale(), some_rows(0, 5)
    with torch.no_grad():
        index = torch.tensor([*itertools.product(range(4), repeat=5)])
        codes = m.prior.family.book[index].flatten(-2).repeat_interleave(5, 0)
        each = m.likelihood(codes).log_prob(told.x.repeat(1024, 1)).view(1024, 5)
        exact = each.logsumexp(0) - 5 * math.log(4)
        assert (elbo(trace(m, told)) < exact).all()


def test_a_learned_prior_goes_from_coarse_to_fine():
    """What is fine changes nothing of what is said of what is coarse."""
    m = by_scale(Autoregressive)
    index = torch.tensor([[0, 1, 2, 3, 0], [0, 3, 1, 0, 2]])
    with torch.no_grad():
        one, other = m.prior.net(index)
    assert torch.equal(one[:2], other[:2])
    assert not torch.equal(one[2:], other[2:])
    assert m.prior.event_shape == m.posterior.family.event_shape


@pytest.mark.parametrize(
    ("said", "whole", "stages", "sizes"),
    [
        ("1,2,4", (16,), 1, [(1,), (2,), (4,), (16,)]),
        ("1, 2, 16", (16,), 1, [(1,), (2,), (16,)]),
        ("3", (16,), 2, [(3,), (16,), (16,)]),
        ("", (16,), 1, [(16,)]),
        ("1,2,4", (7, 3), 1, [(1, 1), (2, 2), (4, 3), (7, 3)]),
    ],
)
def test_scales_as_they_are_said(said, whole, stages, sizes):
    assert [*scales_for(said, whole, stages).each] == [math.prod(size) for size in sizes]


@pytest.mark.parametrize("said", ["4,2", "1,1", "0", "-1", "1.5", "a", ",", "1,,2", " ", "1;2"])
def test_scales_that_are_none(said):
    with pytest.raises(BadInput, match="scales are whole numbers that rise, as 1,2,4, not "):
        vaekit.fit(factors(40), "vq_vae", scales=said)


@pytest.mark.parametrize(
    ("whole", "said"), [((16,), "of 16 places"), ((7, 16), "of 7 x 16 places")]
)
def test_scales_that_are_too_fine(whole, said):
    with pytest.raises(BadInput, match=f"scales go up to 17, finer than a code {said}: leave it"):
        scales_for("1,17", whole)


def test_without_scales_it_is_as_before():
    found = []
    for how in ({}, {"scales": ""}, {"scales": "16"}):
        torch.manual_seed(0)
        m, _ = made("vq_vae", latent=2, **how)
        found.append(m.posterior(factors(9)))
    assert torch.equal(found[0].mean, found[1].mean)
    assert torch.equal(found[0].mean, found[2].mean)


@pytest.mark.parametrize("code_prior", ["even", "autoregressive"])
@pytest.mark.parametrize("how", [{}, {"stages": 2, "codebook": "mapped"}])
def test_scales_of_a_map(code_prior, how):
    """Of images with odd sides, and with something given."""
    m, _ = recipe("vq_vae")(
        shape=(2, 9, 14), network="map", width=4, latent=2, entries=5, likelihood="bernoulli",
        code_prior=code_prior, scales="1,2", given={"age": 3}, **how,
    )  # fmt: skip
    told = Rows(torch.rand(4, 2, 9, 14).round(), {"age": torch.randn(4, 3)})
    t = trace(m, told, samples=2)
    assert m.posterior.family.scales.each == [1, 4, *[12] * how.get("stages", 1)]
    t.log_ratio.sum().backward()
    assert all(p.grad is None or p.grad.isfinite().all() for p in m.parameters())
    drawn = m.prior().sample((4,))
    assert drawn.shape == (4, 2 * m.prior.family.places)
    assert m.likelihood(drawn, told.given["age"]).mean.shape == told.x.shape


def test_a_prior_of_one_map_is_refused():
    with pytest.raises(BadInput, match="of one scale: with scales take autoregressive"):
        recipe("vq_vae")(shape=(1, 8, 8), network="map", scales="1", code_prior="pixelcnn")
    with pytest.raises(BadInput, match="scales go up to 4, finer than a code of 2 x 2 places"):
        recipe("vq_vae")(shape=(1, 8, 8), network="map", scales="1,4")


def test_it_is_asked_like_any_other(tmp_path, capsys):
    x = np.random.default_rng(0).integers(0, 2, (60, 6))
    how = {"latent": 2, "places": 4, "entries": 4, "width": 8, "epochs": 1, "quiet": True}
    papers = {}
    for name, more in {
        "plain": {},
        "scales": {"scales": "1,2"},
        "others": {"stages": 2, "gradient": "rotation"},
        "all": {"scales": "1,2", "code_prior": "autoregressive", "codebook": "mapped"},
    }.items():
        model = vaekit.fit(x, "vq_vae", out=tmp_path / name, **how, **more)
        assert run(["cite", str(tmp_path / name), "--json"]) == 0
        papers[name] = set(json.loads(capsys.readouterr().out)["bibtex"])
    assert papers["scales"] - papers["plain"] == {"tian2024visual"}
    others = {"lee2022autoregressive", "fifty2025restructuring"}
    assert papers["others"] - papers["plain"] == others
    assert papers["all"] - papers["scales"] == {"zhu2024addressing"}
    again = vaekit.load(tmp_path / "all")
    assert np.array_equal(again.sample(5, seed=1), model.sample(5, seed=1))
    assert again.encode(x).shape == (60, 7 * 2)
    assert vaekit.load(tmp_path / "scales").evaluate(x, samples=2).kl == pytest.approx(
        7 * math.log(4)
    )
    assert again.evaluate(x, samples=2).to_dict()["codebook_entries"] == 4


def test_a_killed_run_goes_on_bit_for_bit(tmp_path):
    how = {"scales": "1,3", "stages": 2, "entries": 8, "gradient": "rotation"}
    check_goes_on(tmp_path, lambda: job_for("vq_vae", **how), Killed)
