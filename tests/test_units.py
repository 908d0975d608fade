"""Other units of the same data: the same model, and densities that differ by a logarithm."""

import numpy as np
import pytest
import torch

import vaekit
from vaekit.system.checks import BadInput


@pytest.mark.parametrize("name", ["gaussian", "continuous_bernoulli"])
def test_bits_of_a_density_are_in_the_datas_own_numbers(name):
    pixels = np.random.default_rng(0).integers(0, 256, size=(120, 4, 4)).astype(np.uint8)
    how = {"likelihood": name, "latent": 2, "width": 8, "epochs": 1}
    found = vaekit.fit(pixels, **how).evaluate(samples=5)
    bits = -found.log_likelihood / np.log(2) / 16 + np.log2(255)
    assert found.bits_per_dimension == pytest.approx(bits)
    assert found.bits.code_bits_per_dimension is None
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


@pytest.mark.parametrize("scale", 10.0 ** np.arange(-10, 11, 5))
@pytest.mark.parametrize("spreads", [0.0, -1e3, 1e9])
def test_another_unit_and_zero_change_the_elbo_by_a_logarithm(scale, spreads):
    x = np.random.default_rng(0).normal(size=(120, 2)) * [1.0, 3.0]
    for name in ("gaussian", "laplace", "student_t"):
        how = {"likelihood": name, "latent": 2, "width": 8, "epochs": 1}
        one = vaekit.fit(x, **how).evaluate(samples=5)
        other = vaekit.fit(scale * (x + spreads), **how).evaluate(samples=5)
        assert other.elbo == pytest.approx(one.elbo - 2 * np.log(scale), abs=5e-3)
        assert other.log_likelihood - other.elbo == pytest.approx(
            one.log_likelihood - one.elbo, abs=5e-3
        )
        assert other.active_units == one.active_units


def test_a_transformer_takes_large_offsets_too():
    x = np.random.default_rng(0).normal(size=(60, 2))
    one, other = (
        vaekit.VAETransformer(epochs=2, random_state=0).fit(x + shift) for shift in (0, 1e9)
    )
    assert np.allclose(one.transform(x), other.transform(x + 1e9), atol=1e-3)
    assert np.allclose(one.score_samples(x), other.score_samples(x + 1e9), atol=1e-2)


@pytest.mark.parametrize("offset", [1e6, 1e9, 1.7e12])
@pytest.mark.parametrize("place", ["memory", "file", "table"])
def test_a_large_offset_costs_nothing(offset, place, tmp_path):
    """Beside a column without one; whatever the data is read from."""
    x = np.random.default_rng(0).normal(size=(200, 3))
    moved, data = x + np.array([offset, 0.0, 3.0]), None
    if place == "memory":
        data = moved
    elif place == "file":
        data = str(tmp_path / "moved.npy")
        np.save(data, moved)
    else:
        data = str(tmp_path / "moved.csv")
        np.savetxt(data, moved, delimiter=",", header="a,b,c", comments="", fmt="%.6f")
    how = {"latent": 2, "width": 8, "epochs": 1}
    one = vaekit.fit(x, **how)
    model = vaekit.fit(data, out=str(tmp_path / "run"), **how)
    assert model.config.likelihood.name == "gaussian"
    found = model.evaluate(samples=5)
    assert found.elbo == pytest.approx(one.evaluate(samples=5).elbo, abs=2e-2)
    assert np.allclose(
        model.sample(500, seed=1) - [offset, 0.0, 3.0], one.sample(500, seed=1), atol=0.05
    )
    again = vaekit.load(tmp_path / "run")
    assert np.allclose(again.encode(moved[:1]), one.encode(x[:1]), atol=0.02)  # a row alone
    assert np.allclose(again.log_likelihood(moved), one.log_likelihood(x), atol=0.2)


def test_data_that_float32_can_hold_is_stored_as_before():
    x = np.random.default_rng(0).normal(size=(200, 3)) * [1.0, 1e-9, 1e20] + [5.0, 0.0, 0.0]
    model = vaekit.fit(x, latent=2, width=8, epochs=1)
    assert model.source.values.dtype == torch.float32
    assert "offset" not in model.config.identity()["representation"]


def test_whole_numbers_beyond_float32_keep_their_digits():
    x = np.random.default_rng(0).integers(-40, 40, size=(200, 2))
    how = {"likelihood": "gaussian", "latent": 2, "width": 8, "epochs": 1}
    one, other = vaekit.fit(x, **how), vaekit.fit(x + 1_700_000_000, **how)
    right = one.evaluate(samples=5).elbo
    assert other.evaluate(samples=5).elbo == pytest.approx(right, abs=2e-2)


def test_values_beyond_float32_are_named(tmp_path):
    x = np.random.default_rng(0).normal(size=(40, 2)) * 1e39
    np.savetxt(tmp_path / "inf.csv", x, delimiter=",", header="a,b", comments="")
    for data in (x, str(tmp_path / "inf.csv")):
        with pytest.raises(BadInput, match="beyond float32"):
            vaekit.fit(data)
