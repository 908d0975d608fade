"""Rows compared by a distance of their own: MS-SSIM of pictures against what it is by hand."""

import math

import pytest
import torch
from parts import model, rows

from vaekit.families import likelihood
from vaekit.models.trace import trace
from vaekit.objectives import Objective, Term
from vaekit.objectives.bounds import elbo
from vaekit.objectives.structure import ms_ssim, rebuilding, scales_of, unlike
from vaekit.recipes import recipe
from vaekit.system.checks import BadInput

WEIGHTS = [0.0448, 0.2856, 0.3001, 0.2363, 0.1333]


def by_hand(x, y, count, size=11):
    """Of two pictures of one channel, window by window, as the formula says."""
    line = [math.exp(-((i - (size - 1) / 2) ** 2) / (2 * 1.5**2)) for i in range(size)]
    window = torch.tensor([[a * b for b in line] for a in line], dtype=x.dtype)
    window, found = window / window.sum(), []
    for scale in range(count):
        if scale:
            x, y = (
                sum(p[a::2, b::2][: len(p) // 2, : p.shape[1] // 2] for a in (0, 1) for b in (0, 1)) / 4
                for p in (x, y)
            )  # fmt: skip
        each = []
        for i in range(len(x) - size + 1):
            for j in range(x.shape[1] - size + 1):
                a, b = (p[i : i + size, j : j + size] for p in (x, y))
                of_a, of_b = (window * a).sum(), (window * b).sum()
                wide = (window * ((a - of_a) ** 2 + (b - of_b) ** 2)).sum()
                both = (window * (a - of_a) * (b - of_b)).sum()
                c = (2 * both + 0.03**2) / (wide + 0.03**2)
                light = (2 * of_a * of_b + 0.01**2) / (of_a**2 + of_b**2 + 0.01**2)
                each.append(c * light if scale == count - 1 else c)
        found.append(max(torch.stack(each).mean().item(), 1e-3))
    whole = sum(WEIGHTS[:count])
    return math.prod(c ** (w / whole) for c, w in zip(found, WEIGHTS, strict=False))


def pictures(*shape, seed=0):
    generator = torch.Generator().manual_seed(seed)
    return torch.rand(*shape, generator=generator, dtype=torch.float64)


class TestStructure:
    @pytest.mark.parametrize(("side", "count"), [(5, 1), (13, 1), (22, 2), (45, 3)])
    def test_it_is_what_it_is_by_hand(self, side, count):
        x = pictures(1, 1, side, side + 1)
        y = (0.7 * x + 0.3 * pictures(1, 1, side, side + 1, seed=1)) ** 1.3
        assert scales_of(x.shape) == count
        wanted = by_hand(x[0, 0], y[0, 0], count, min(11, side))
        assert ms_ssim(x, y).item() == pytest.approx(wanted, rel=1e-9)

    def test_there_are_five_scales_where_there_is_room(self):
        assert [scales_of(torch.Size([1, 1, s, 999])) for s in (175, 176, 9999)] == [4, 5, 5]

    def test_equal_pictures_are_wholly_alike(self):
        x = pictures(3, 2, 30, 24)
        assert torch.allclose(ms_ssim(x, x), torch.ones(3).double())

    def test_pictures_of_one_grey_each_differ_in_light_alone(self):
        """(2 a b + C) / (a^2 + b^2 + C), to the power of the last scale's share."""
        a, b, share = 0.2, 0.7, 0.2856 / (0.0448 + 0.2856)
        x, y = (torch.full((1, 1, 24, 24), value, dtype=torch.float64) for value in (a, b))
        light = (2 * a * b + 1e-4) / (a * a + b * b + 1e-4)
        assert ms_ssim(x, y).item() == pytest.approx(light**share, rel=1e-9)

    def test_a_contrary_is_not_alike_and_what_is_has_gradients(self):
        x = pictures(2, 1, 16, 16)
        assert torch.allclose(ms_ssim(x, 1 - x), torch.full((2,), 1e-3).double())
        near = (0.8 * x + 0.1).requires_grad_()
        ms_ssim(x, near).sum().backward()
        assert near.grad.isfinite().all()
        assert near.grad.any()

    def test_what_is_white_does_not_matter(self):
        x, y = pictures(2, 3, 12, 12), pictures(2, 3, 12, 12, seed=1)
        assert torch.allclose(unlike(16.0)(16 * x, 16 * y), 1 - ms_ssim(x, y))


class TestRebuilding:
    def test_it_is_the_mean_over_draws_by_their_weights(self):
        m = model(data=likelihood("gaussian", (6,), scale=0.7))
        t = trace(m, rows(m.likelihood.family), samples=3)
        found = rebuilding(lambda x, made: (x - made).abs().sum(1))(t)
        far = (t.rows.data - t.likelihood.mean.reshape(3, 7, 6)).abs().sum(2)
        assert found.item() == pytest.approx(far.mean().item(), rel=1e-5)

    def test_a_distance_of_ones_own_is_a_term(self):
        """Half the squared error beside no likelihood is a Gaussian's, but for a constant."""
        m = model(data=likelihood("gaussian", (6,), scale=1.0))
        x = rows(m.likelihood.family)
        half = rebuilding(lambda x, made: (x - made).square().sum(1) / 2)
        torch.manual_seed(0)
        own = Objective(lambda t: -t.kl.mean(0), Term("mine", 1.0, half))(m, x).total
        torch.manual_seed(0)
        assert Objective(elbo)(m, x).total.item() == pytest.approx(
            own.item() + 3 * math.log(2 * math.pi), rel=1e-5
        )


class TestRecipe:
    def test_without_pixels_the_noise_is_not_learned(self):
        how = {"shape": (1, 12, 12), "likelihood": "gaussian", "latent": 2, "width": 8, "depth": 1}
        for pixels in (0.0, 1.0):
            built = recipe("ms_ssim_vae")(**how, network="dense", pixels=pixels)
            loss = built.objective(built.model, torch.rand(5, 1, 12, 12))
            loss.total.backward()
            noise = [p.grad for p in built.model.likelihood.family.parameters()]
            assert any(g is not None and g.any() for g in noise) == bool(pixels)
            assert 0 < loss.terms["unlike"] < 1

    @pytest.mark.parametrize(
        ("shape", "kind", "said"),
        [((6,), "gaussian", "pictures"), ((1, 9, 9), "poisson", "counts")],
    )
    def test_what_is_no_picture_is_refused(self, shape, kind, said):
        with pytest.raises(BadInput, match=said):
            recipe("ms_ssim_vae")(shape=shape, likelihood=kind)
