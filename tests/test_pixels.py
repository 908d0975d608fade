"""Pictures pixel by pixel: nothing is told by what comes later, and all pictures together have a
probability of one."""

from itertools import product

import numpy as np
import pytest
import torch

import vaekit
from vaekit.families import likelihood
from vaekit.families.pixels import Pixels
from vaekit.interfaces.cli import run
from vaekit.models.trace import trace
from vaekit.recipes import recipe
from vaekit.system.checks import BadInput


def pixels(name, shape, **how):
    """A family, whose weights are no longer small."""
    torch.manual_seed(0)
    family = Pixels(likelihood(name, shape, **how), 3, 4, 2)
    with torch.no_grad():
        for weights in family.parameters():
            weights.add_(0.4 * torch.randn_like(weights))
    return family


@pytest.mark.parametrize(("name", "shape"), [("bernoulli", (1, 4, 3)), ("categorical", (2, 3, 4))])
def test_a_pixel_depends_on_those_before_it_alone(name, shape):
    family = pixels(name, shape, levels=3)
    x = torch.randint(0, 2, (1, *shape)).float().requires_grad_()
    raw = family.predicted(x, torch.randn(1, 3, *shape[1:]))
    order = torch.arange(shape[1] * shape[2]).reshape(shape[1:])
    reached = torch.zeros(shape[1:])
    for i, j in product(range(shape[1]), range(shape[2])):
        (gradient,) = torch.autograd.grad(raw[0, :, i, j].sum(), x, retain_graph=True)
        seen = gradient[0].abs().sum(0) > 0
        assert not (seen & (order >= order[i, j])).any()
        reached += seen
    assert (reached.flatten()[:-1] > 0).all()  # each is seen by some, but for the last


@pytest.mark.parametrize(
    ("name", "shape", "values"), [("bernoulli", (1, 2, 2), 2), ("categorical", (2, 1, 2), 3)]
)
def test_all_pictures_have_a_probability_of_one_and_are_drawn_so(name, shape, values):
    family = pixels(name, shape, levels=values)
    every = torch.tensor(list(product(range(values), repeat=4))).float().reshape(-1, *shape)
    features = torch.randn(3, *shape[1:])
    with torch.no_grad():
        p = family(features.expand(len(every), -1, -1, -1)).log_prob(every).exp()
        assert p.sum().item() == pytest.approx(1, abs=1e-5)
        assert p.max() < 0.9
        made = family(features[None]).sample((4000,))[:, 0]
    assert made.shape == (4000, *shape)
    place = (made.flatten(1) * torch.tensor([values**3, values**2, values, 1])).sum(1).long()
    found = torch.bincount(place, minlength=len(every)) / 4000
    error = (p * (1 - p) / 4000).sqrt()
    assert ((found - p).abs() < 5 * error + 1e-3).all()


def test_drawing_looks_at_the_rows_that_count():
    """Of a tall picture the same is picked from a few rows above as from all."""
    family = pixels("bernoulli", (1, 12, 2))
    p = family(torch.randn(2, 3, 12, 2))
    some = p.mean
    p.reach = 100
    assert torch.allclose(some, p.mean, atol=1e-6)


def test_bits_lie_where_the_pixels_are():
    family = pixels("bernoulli", (1, 3, 3))
    p, x = family(torch.randn(5, 3, 3, 3)), torch.randint(0, 2, (5, 1, 3, 3)).float()
    assert p.each(x).shape == x.shape
    assert torch.allclose(p.each(x).flatten(1).sum(1), p.log_prob(x), atol=1e-5)


def test_every_weight_has_a_gradient():
    m, _ = recipe("pixel_vae")(shape=(1, 6, 6), latent=2, width=4, likelihood="bernoulli")
    x = torch.randint(0, 2, (4, 1, 6, 6)).float()
    trace(m, x, samples=2).log_ratio.sum().backward()
    assert all(p.grad is not None and p.grad.any() for p in m.parameters())


def test_it_is_asked_like_any_other(tmp_path, capsys):
    x = np.random.default_rng(0).integers(0, 2, (30, 3, 3)).astype(np.uint8)
    np.save(tmp_path / "x.npy", x)
    small = {"epochs": 1, "latent": 2, "width": 4, "features": 2, "masked_layers": 1}
    model = vaekit.fit(tmp_path / "x.npy", recipe="pixel_vae", quiet=True, **small)
    assert model.config.likelihood.name == "bernoulli"
    assert np.isfinite(model.evaluate(samples=5).bits_per_dimension)
    assert set(np.unique(model.sample(3))) <= {0, 1}
    assert model.reconstruct(x[:2]).shape == (2, 3, 3)
    model.save(tmp_path / "run")
    assert run(["compress", str(tmp_path / "run"), str(tmp_path / "x.npy")]) == 2
    assert capsys.readouterr().err.strip().count("\n") == 0


def test_what_are_no_pictures_of_whole_values_is_refused():
    for shape, name, said in (
        ((6,), "bernoulli", "in pictures alone"),
        ((1, 4, 4), "gaussian", "of whole values alone, not real ones"),
    ):
        with pytest.raises(BadInput, match=said):
            recipe("pixel_vae")(shape=shape, likelihood=name)
