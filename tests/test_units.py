"""Other units of the same data: the same model, and densities that differ by a logarithm."""

import numpy as np
import pytest

import vaekit


@pytest.mark.parametrize("name", ["gaussian", "continuous_bernoulli"])
def test_bits_of_a_density_are_in_the_datas_own_numbers(name):
    pixels = np.random.default_rng(0).integers(0, 256, size=(120, 4, 4)).astype(np.uint8)
    how = {"likelihood": name, "latent": 2, "width": 8, "epochs": 1}
    found = vaekit.fit(pixels, **how).evaluate(samples=5)
    bits = -found.log_likelihood / np.log(2) / 16 + np.log2(255)
    assert found.bits_per_dimension == pytest.approx(bits)
    assert found.code_bits_per_dimension is None
    if name == "gaussian":  # the same pictures as fractions of 1 and as numbers up to 255
        for scale, more in ((1.0, 0.0), (255.0, np.log2(255))):
            other = vaekit.fit((pixels + 0.0) / scale, **how).evaluate(samples=5)
            assert other.bits_per_dimension + more == pytest.approx(bits, abs=0.01)


@pytest.mark.parametrize("unit", [1e-20, 1e-9, 1e6, 1e20])
@pytest.mark.parametrize("scale", ["shared", "element", "network", 0.7])
@pytest.mark.parametrize("name", ["gaussian", "laplace", "student_t"])
def test_another_unit_changes_the_elbo_by_its_logarithm_and_nothing_else(name, scale, unit):
    x = np.random.default_rng(0).normal(size=(200, 3)) * [1.0, 2.0, 0.5]
    how = {"likelihood": name, "latent": 2, "width": 8, "epochs": 1}
    one = vaekit.fit(x, scale=scale, **how).evaluate(samples=5)
    scale = scale if isinstance(scale, str) else scale * unit
    other = vaekit.fit(unit * (x + 2), scale=scale, **how).evaluate(samples=5)
    assert other.elbo == pytest.approx(one.elbo - 3 * np.log(unit), abs=2e-3)
    assert other.kl == pytest.approx(one.kl, abs=2e-3)
