"""Latent health, the aggregate posterior, sample quality and disentanglement: known answers."""

import math

import numpy as np
import pytest
import torch
from parts import model, rows
from torch import distributions as D
from torch import nn

from vaekit.conditionals import StandardNormal
from vaekit.data.published import sprites
from vaekit.evaluation import aggregate, disentanglement, latent_health, passes
from vaekit.evaluation import samples as quality
from vaekit.models import VAE


class Line(nn.Module):
    """q(z|x) = N(a x, s^2 I) for x of as many numbers as z."""

    def __init__(self, slope, scale):
        super().__init__()
        self.slope, self.scale = torch.as_tensor(slope), torch.as_tensor(scale)

    def forward(self, x):
        return D.Independent(D.Normal(x * self.slope, self.scale.expand_as(x)), 1)


class Any_(nn.Module):
    def forward(self, z):
        return D.Independent(D.Normal(z, 1.0), 1)


def line(slope, scale):
    dim = len(slope)
    return VAE(StandardNormal(dim), Line(slope, scale), Any_())


class TestAggregate:
    x = torch.randn(4000, 3, generator=torch.Generator().manual_seed(0))

    def test_parts_add_up(self):
        found = aggregate(line([1.0, 0.5, 0.0], [0.5, 0.8, 1.0]), self.x)
        total = found.mutual_information + found.total_correlation + sum(found.dimension_kl)
        assert total == pytest.approx(found.kl, abs=1e-6)

    def test_a_gaussian_channel_is_known_exactly(self):
        """x ~ N(0, I): I(x; z) = sum log(1 + a^2 / s^2) / 2 and q(z) = N(0, a^2 + s^2)."""
        slope, scale = torch.tensor([1.0, 0.5, 0.0]), torch.tensor([0.5, 0.8, 1.0])
        found = aggregate(line(slope, scale), self.x)
        information = (1 + slope**2 / scale**2).log().sum().item() / 2
        variance = slope**2 + scale**2
        dimension = (variance - 1 - variance.log()) / 2
        assert found.mutual_information == pytest.approx(information, abs=0.05)
        assert np.allclose(found.dimension_kl, dimension, atol=0.03)
        assert found.total_correlation == pytest.approx(0, abs=0.05)
        assert not found.saturated

    @pytest.mark.parametrize(("slope", "scale"), [(0.9, 0.43), (0.3, 0.95), (0.02, 1.0)])
    def test_the_error_of_the_information_is_the_spread_of_repeats(self, slope, scale):
        model = line([slope] * 2, [scale] * 2)
        data = torch.randn(60, 300, 2, generator=torch.Generator().manual_seed(1))
        found = [aggregate(model, x, seed=seed) for seed, x in enumerate(data)]
        spread = torch.tensor([f.mutual_information for f in found]).std().item()
        quoted = torch.tensor([f.mutual_information_error for f in found]).mean().item()
        assert quoted == pytest.approx(spread, rel=0.3)

    def test_one_row_has_no_error(self):
        assert aggregate(line([1.0], [1.0]), self.x[:1, :1]).mutual_information_error is None

    def test_one_latent_depends_on_no_other(self):
        for seed in range(5):
            found = aggregate(line([1.3], [0.7]), self.x[:, :1], seed=seed)
            assert str(found.total_correlation) == "0.0"

    def test_marginals_wider_than_the_prior(self):
        found = aggregate(line([0.0, 0.0, 0.0], [2.0, 3.0, 0.3]), self.x)
        variance = np.array([4.0, 9.0, 0.09])
        assert np.allclose(found.dimension_kl, (variance - 1 - np.log(variance)) / 2, rtol=0.1)

    def test_dependent_dimensions_have_total_correlation(self):
        x = self.x.clone()
        x[:, 1] = x[:, 0]
        found = aggregate(line([1.0, 1.0, 0.0], [0.6, 0.6, 1.0]), x)
        correlation = 1 / (1 + 0.36)
        assert found.total_correlation == pytest.approx(-math.log(1 - correlation**2) / 2, abs=0.06)

    def test_nothing_is_learned_from_a_collapsed_posterior(self):
        found = aggregate(line([0.0, 0.0], [1.0, 1.0]), self.x[:, :2])
        assert found.mutual_information == pytest.approx(0, abs=1e-5)
        assert found.marginal_kl == pytest.approx(0, abs=1e-4)

    def test_information_beyond_the_rows_is_flagged(self):
        found = aggregate(line([1.0, 1.0, 1.0], [0.01, 0.01, 0.01]), self.x[:100])
        assert found.saturated
        notes = {figure.name: figure.note for figure in found.figures}
        assert notes["mutual information"].startswith("at least")
        assert notes["marginal KL"].startswith("at most")
        assert notes["total correlation"].startswith("at most")
        assert found.mutual_information == pytest.approx(math.log(100), abs=0.01)

    def test_unknown_families_give_none(self):
        from vaekit.families import PointMass

        m = model(PointMass(3))
        assert aggregate(m, rows(m.likelihood.family)) is None


class TestHealth:
    x = torch.randn(2000, 8, generator=torch.Generator().manual_seed(0))

    def test_active_units_are_counted(self):
        slope = [1.0, 0.2, 0.05, 0.0, 0.0, 0.0, 0.0, 0.0]
        found = latent_health(line(slope, [0.5] * 8), self.x)
        assert found.active.tolist() == [True, True] + [False] * 6
        assert torch.allclose(found.variance.float(), torch.tensor(slope) ** 2, rtol=0.1, atol=1e-4)

    def test_kl_is_the_closed_form(self):
        found = latent_health(line([0.0] * 8, [0.5] * 8), self.x)
        expected = (0.25 - 1) / 2 + math.log(2)
        assert torch.allclose(found.kl.float(), torch.full((8,), expected), atol=1e-5)

    @pytest.mark.parametrize(
        ("slope", "scale", "words"),
        [
            ([0.0] * 8, [1.0] * 8, "Posterior collapse"),
            ([1.0] + [0.0] * 7, [0.5] * 8, "Only 1 of 8"),
            ([1.0] * 8, [0.5] * 8, "8 of 8 latent units are in use"),
        ],
    )
    def test_diagnosis(self, slope, scale, words):
        found = latent_health(line(slope, scale), self.x)
        assert words in found.diagnosis
        assert "KL" not in found.said(has_kl=False)
        assert "ollapse" not in found.said(has_kl=False)


class TestQuality:
    random = np.random.default_rng(0)
    a = random.normal(size=(2000, 6))

    def test_frechet_distance_of_known_gaussians(self):
        """Between N(0, I) and N(m, s^2 I): |m|^2 + d (1 - s)^2."""
        a, b = (self.random.normal(size=(200_000, 4)) for _ in range(2))
        expected = 4 * 0.25 + 4 * (1 - 2.0) ** 2
        assert quality.frechet_distance(a, 0.5 + 2 * b) == pytest.approx(expected, rel=0.02)

    def test_frechet_distance_with_correlations(self):
        """For any two covariances: against the square root taken by scipy."""
        import scipy.linalg

        m = self.random.normal(size=(2, 5, 5))
        a, b = (self.random.normal(size=(3000, 5)) @ x for x in m)
        ca, cb = (np.cov(x, rowvar=False) for x in (a, b))
        d = a.mean(0) - b.mean(0)
        expected = d @ d + np.trace(ca + cb - 2 * scipy.linalg.sqrtm(ca @ cb).real)
        assert quality.frechet_distance(a, b) == pytest.approx(expected, rel=1e-6)

    def test_equal_sets(self):
        assert quality.frechet_distance(self.a, self.a) == pytest.approx(0, abs=1e-6)
        found = quality.neighbour_scores(self.a[:500], self.a[:500])
        assert found["precision"] == found["recall"] == found["coverage"] == 1

    def test_kernel_distance_is_unbiased(self):
        values = [
            quality.kernel_distance(*self.random.normal(size=(2, 400, 6)))[0] for _ in range(40)
        ]
        assert abs(np.mean(values)) < 4 * np.std(values) / math.sqrt(40)

    def test_kernel_distance_of_a_known_shift(self):
        """E k(x,x') + E k(y,y') - 2 E k(x,y) for point masses at 0 and m: 1 + (m.m/d+1)^3 - 2."""
        a, b = np.zeros((50, 3)), np.ones((50, 3)) * 2
        value, error = quality.kernel_distance(a, b)
        assert value == pytest.approx(1 + (4 + 1) ** 3 - 2)
        assert error == pytest.approx(0, abs=1e-9)

    def test_far_sets_share_nothing(self):
        found = quality.neighbour_scores(self.a[:400], self.a[400:800] + 100)
        assert found == {"precision": 0, "recall": 0, "density": 0, "coverage": 0}

    def test_one_mode_of_two_has_precision_but_half_the_recall(self):
        real = np.concatenate([self.a[:400], self.a[400:800] + 50])
        made = self.a[800:1600]
        found = quality.neighbour_scores(real, made)
        assert found["precision"] > 0.9
        assert 0.4 < found["recall"] < 0.55
        assert 0.4 < found["coverage"] < 0.55
        assert found["density"] == pytest.approx(1, abs=0.6)

    def test_all_at_once_names_its_space(self):
        found = quality.quality(self.a, self.a[::-1], "raw").to_dict()
        assert found["features"] == "raw"
        assert found["rows"] == 2000


class TestSprites:
    def test_every_index_has_its_factors_and_back(self):
        index = torch.randint(0, sprites.COUNT, (5000,))
        assert torch.equal(sprites.index_of(sprites.factors_of(index)), index)
        assert sprites.COUNT == 737_280
        assert sprites.factors_of(torch.tensor([sprites.COUNT - 1])).tolist() == [
            [2, 5, 39, 31, 31]
        ]

    def test_images_are_binary_whole_and_always_the_same(self):
        index = torch.randint(0, sprites.COUNT, (600,))
        x = sprites.draw(index)
        assert x.shape == (600, 1, 64, 64)
        assert x.dtype == torch.uint8
        assert set(x.unique().tolist()) == {0, 1}
        assert torch.equal(x[5:9], sprites.draw(index[5:9]))
        border = torch.cat([x[:, 0, 0], x[:, 0, -1], x[:, 0, :, 0], x[:, 0, :, -1]], 1)
        assert border.sum() == 0

    def test_factors_do_what_their_names_say(self):
        base = torch.tensor([[2, 5, 7, 10, 12]])

        def image(**change):
            factors = base.clone()
            for name, value in change.items():
                factors[0, sprites.FACTORS.index(name)] = value
            return sprites.draw(sprites.index_of(factors))[0, 0].float()

        def centre(x, axis):
            weights = x.sum(1 - axis)
            return (weights * torch.arange(64.0)).sum() / weights.sum()

        assert centre(image(x=20), 1) - centre(image(), 1) == pytest.approx(10 * 32 / 31, abs=0.3)
        assert centre(image(y=22), 0) - centre(image(), 0) == pytest.approx(10 * 32 / 31, abs=0.3)
        assert image(scale=0).sum() < 0.4 * image().sum()
        assert not torch.equal(image(orientation=17), image())
        assert not torch.equal(image(shape=0), image(shape=1))


SIZES = np.array([3, 6, 8, 5])


def factors_of(rows_, seed=0):
    return np.random.default_rng(seed).integers(0, SIZES, (rows_, len(SIZES)))


def perfect(v):
    return v / SIZES


def rotated(v):
    q, _ = np.linalg.qr(np.random.default_rng(1).normal(size=(4, 4)))
    return (v / SIZES - 0.5) @ q


def noise(v):
    return np.random.default_rng(2).normal(size=(len(v), 4))


def held_fixed(k, count, random):
    rows_ = random.integers(0, SIZES, (count, len(SIZES)))
    rows_[:, k] = rows_[0, k]
    return rows_


def test_draws_of_codes_have_the_spread_of_their_posterior():
    m = model()
    x = rows(m.likelihood.family)[:2]
    many = passes.drawn_codes(m, x.repeat(4000, *[1] * (x.dim() - 1)), 7).reshape(4000, 2, -1)
    q = m.posterior(x)
    error = q.stddev / 4000**0.5
    assert ((many.mean(0) - q.mean).abs() < 5 * error).all()
    assert torch.allclose(many.std(0), q.stddev, rtol=0.06)
    assert torch.equal(passes.drawn_codes(m, x, 7), passes.drawn_codes(m, x, 7))
    assert not torch.equal(passes.drawn_codes(m, x, 7), passes.drawn_codes(m, x, 8))


class TestDisentanglement:
    v = factors_of(4000)

    def test_perfect_codes(self):
        found = disentanglement.scores(perfect(self.v), self.v)
        assert found.mig == pytest.approx(1, abs=0.02)
        assert found.modularity == pytest.approx(1, abs=0.01)
        assert found.dci_disentanglement > 0.97
        assert found.dci_completeness > 0.97
        assert found.dci_informativeness > 0.97
        assert found.sap > 0.25

    def test_rotated_codes_tell_all_but_nothing_apart(self):
        found = disentanglement.scores(rotated(self.v), self.v)
        assert found.mig < 0.35
        assert found.dci_disentanglement < 0.5
        assert found.modularity < 0.97

    def test_noise(self):
        found = disentanglement.scores(noise(self.v), self.v)
        assert found.mig < 0.02
        assert found.sap < 0.05
        assert found.dci_informativeness < 0.4

    def test_order(self):
        """Every score ranks perfect above rotated above (or at) noise where it must."""
        a, b, c = (disentanglement.scores(f(self.v), self.v) for f in (perfect, rotated, noise))
        assert a.mig > b.mig > c.mig
        assert a.dci_disentanglement > b.dci_disentanglement
        assert a.dci_informativeness > b.dci_informativeness > c.dci_informativeness
        assert a.sap > b.sap

    def test_means_of_numbers_that_say_nothing_count_but_not_their_draws(self):
        """A second number whose mean is a thousandth of the first's, and whose spread is 1."""
        codes = perfect(self.v)
        means = np.concatenate([codes, codes / 1000], 1)
        draws = np.concatenate([codes, codes / 1000 + noise(self.v)[:, : codes.shape[1]]], 1)
        assert disentanglement.mig(means, self.v) == pytest.approx(0, abs=0.01)
        assert disentanglement.mig(draws, self.v) > 0.9

    def test_duplicated_codes_lose_the_gap(self):
        """Two dimensions that both tell a factor: information, but no gap."""
        twice = np.repeat(perfect(self.v), 2, 1)
        assert disentanglement.mig(twice, self.v) == pytest.approx(0, abs=0.01)
        assert disentanglement.sap(twice, self.v) == pytest.approx(0, abs=0.01)
        assert disentanglement.modularity(twice, self.v) == pytest.approx(1, abs=0.01)

    def test_information_of_a_copy_is_its_entropy(self):
        v = factors_of(50_000)
        information = disentanglement.mutual_information(perfect(v), v)
        assert np.allclose(information.diagonal(), np.log(SIZES), atol=0.01)
        off = information - np.diag(information.diagonal())
        assert np.abs(off).max() < 0.01

    @pytest.mark.parametrize("score", [disentanglement.factor_vae, disentanglement.beta_vae])
    def test_scores_by_intervention(self, score):
        best = score(held_fixed, perfect, 4, votes=200)
        worst = score(held_fixed, noise, 4, votes=200)
        assert best > 0.97
        assert worst < 0.45

    def test_an_even_blend_confuses_the_vote(self):
        """Two factors of one size, turned by 45 degrees: which was fixed cannot be told."""

        def draw(k, count, random):
            v = random.integers(0, 10, (count, 2))
            v[:, k] = v[0, k]
            return v

        def turned(v):
            return (v / 10) @ np.array([[1.0, 1.0], [1.0, -1.0]])

        assert disentanglement.factor_vae(draw, turned, 2, votes=300) < 0.65
        assert disentanglement.factor_vae(draw, lambda v: v / 10, 2, votes=300) == 1.0

    def test_dead_codes_score_nothing(self):
        assert disentanglement.factor_vae(held_fixed, lambda v: np.zeros((len(v), 3)), 4) == 0.0
        dead = np.zeros((500, 3))
        assert disentanglement.modularity(dead, self.v[:500]) == 0.0
        assert disentanglement.mig(dead, self.v[:500]) == pytest.approx(0)
