"""Counts of any size cost what the model says, in files too."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import special, stats

import vaekit
from vaekit.codec.ans import Stack
from vaekit.codec.blocks import MODEL, WIDE
from vaekit.codec.counts import Bucketed, deviance, log_prob, natural_log, stirling_rest
from vaekit.runs.archive import Archive
from vaekit.runs.compression import compress

POISSON = [0.01, 3, 50, 240, 3000, 1e6, 1e9]
NEGATIVE_BINOMIAL = [(3, 0.3), (300, 0.1), (300, 1), (3000, 3.9), (3000, 5), (1e6, 0.5), (1e6, 1e5), (1e9, 2)]  # fmt: skip


def test_functions_that_round_alike_everywhere_are_right():
    x = 10.0 ** np.linspace(-300, 300, 1001)
    assert np.abs(natural_log(x) - np.log(x)).max() < 1e-12
    x = np.concatenate([np.linspace(0, 40, 401), 10.0 ** np.linspace(1, 5, 200)])
    wanted = special.gammaln(x + 1) - special.xlogy(x, x) + x
    assert np.abs(stirling_rest(x) - wanted).max() < 1e-9
    mean = np.geomspace(0.1, 1e4, len(x))
    assert deviance(x, mean) == pytest.approx(special.kl_div(x, mean), rel=1e-9, abs=1e-9)


@pytest.mark.parametrize("mean", POISSON)
def test_log_probabilities_of_poisson_counts(mean):
    k = np.unique(stats.poisson.ppf(np.linspace(0.001, 0.999, 50), mean))
    assert log_prob(k, np.full_like(k, mean), None) == pytest.approx(
        stats.poisson.logpmf(k, mean), abs=1e-5
    )


@pytest.mark.parametrize(("mean", "size"), NEGATIVE_BINOMIAL)
def test_log_probabilities_of_negative_binomial_counts(mean, size):
    k = np.unique(stats.nbinom.ppf(np.linspace(0.001, 0.999, 50), size, size / (size + mean)))
    apart = log_prob(k, np.full_like(k, mean), np.full_like(k, size)) - stats.nbinom.logpmf(
        k, size, size / (size + mean)
    )
    assert np.ptp(apart) < 1e-4  # the reference cancels too


def bits_a_count(x, mean, size):
    stack = Stack.new(1)
    Bucketed(mean, size).push(stack, x)
    assert (Bucketed(mean, size).pop(stack) == x).all()
    stack = Stack.new(1)
    Bucketed(mean, size).push(stack, x)
    return 32 * stack.size / len(x)


@pytest.mark.parametrize("mean", POISSON)
def test_poisson_counts_cost_their_probability(mean):
    x = np.random.default_rng(0).poisson(mean, 4000)
    wanted = -stats.poisson.logpmf(x, mean).mean() / np.log(2)
    assert bits_a_count(x, np.full(4000, float(mean)), None) == pytest.approx(
        wanted, rel=5e-3, abs=0.02
    )


@pytest.mark.parametrize(("mean", "size"), NEGATIVE_BINOMIAL)
def test_negative_binomial_counts_cost_their_probability(mean, size):
    random = np.random.default_rng(0)
    x = random.poisson(mean * random.gamma(size, 1 / size, 4000))
    wanted = -stats.nbinom.logpmf(x, size, size / (size + mean)).mean() / np.log(2)
    found = bits_a_count(x, np.full(4000, float(mean)), np.full(4000, float(size)))
    assert found == pytest.approx(wanted, rel=5e-3)


@settings(deadline=None, max_examples=60, derandomize=True)
@given(st.integers(0, 2**32), st.booleans())
def test_counts_that_the_model_does_not_expect_come_back(seed, dispersed):
    random = np.random.default_rng(seed)
    x = random.integers(0, 2**40, 40) >> random.integers(0, 41, 40)
    mean = np.exp2(random.uniform(-14, 40, 40))
    size = np.exp2(random.uniform(-12, 20, 40)) if dispersed else None
    stack = Stack.new(3)
    Bucketed(mean, size).push(stack, x)
    assert (Bucketed(mean, size).pop(stack) == x).all()


@pytest.mark.parametrize(("likelihood", "epochs"), [("poisson", 40), ("negative_binomial", 10)])
def test_blocks_of_large_counts_have_the_length_of_the_elbo(likelihood, epochs, tmp_path):
    random = np.random.default_rng(0)
    x = random.poisson(random.gamma(4, 1 / 4, (2000, 1)) * [3000, 300, 240, 20])
    model = vaekit.fit(x, likelihood=likelihood, latent=2, width=32, epochs=epochs)
    compress(model, x, tmp_path / "x.vk")
    archive = Archive(tmp_path / "x.vk", model)
    (block,) = (archive.reader.block(offset) for offset in archive.reader.offsets())
    assert block.kind == WIDE
    assert (archive.read() == x).all()
    wanted = model.evaluate(x, samples=20).bits.code_bits_per_dimension
    assert 8 * len(block.payload) / x.size == pytest.approx(wanted, rel=0.02)


def test_small_counts_are_coded_as_before(tmp_path):
    x = np.random.default_rng(0).poisson(3.0, (400, 5))
    model = vaekit.fit(x, likelihood="poisson", latent=2, width=8, epochs=3)
    compress(model, x, tmp_path / "x.vk")
    archive = Archive(tmp_path / "x.vk", model)
    assert {archive.reader.block(o).kind for o in archive.reader.offsets()} == {MODEL}


def test_logarithms_near_one_keep_their_digits():
    """log(1 + d) is d - d^2 / 2 + d^3 / 3 for small d; and that of 1 is 0."""
    for d in (2.0**-20, -(2.0**-20), 2.0**-30, -(2.0**-30), 2.0**-50):
        expected = d - d**2 / 2 + d**3 / 3
        assert natural_log(np.array([1 + d]))[0] == pytest.approx(expected, rel=1e-14)
    assert natural_log(np.array([1.0]))[0] == 0
