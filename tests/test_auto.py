"""What auto takes data for: counts, levels, real numbers, constants, times, identifiers."""

import numpy as np
import pytest
import torch
from torch import distributions as D

import vaekit
from vaekit.data import facts
from vaekit.data.source import source
from vaekit.distributions import SomeKnown, is_discrete
from vaekit.recipes.choose import choose
from vaekit.runs.archive import Archive
from vaekit.runs.compression import compress
from vaekit.system.checks import BadInput

RANDOM = np.random.default_rng(0)
SMALL = {"latent": 2, "width": 8, "epochs": 1}


def years_and_stars(rows=400):
    random = np.random.default_rng(0)
    return np.stack([random.integers(1990, 2021, rows), random.integers(1, 6, rows)], 1)


def table(path, columns):
    names = ",".join(columns)
    np.savetxt(path, np.stack(list(columns.values()), 1), "%.9g", ",", header=names, comments="")
    return str(path)


def chosen(rows, columns=(), **more):
    values = torch.as_tensor(np.asarray(rows))
    values = values.float() if values.is_floating_point() else values.int()
    return choose(source("data", values, columns=tuple(columns), **more))


WHOLE = {
    "counts": (RANDOM.poisson(3, (200, 3)), "negative_binomial"),
    "few counts": (RANDOM.poisson(3, (10, 3)), "negative_binomial"),
    "rare counts": (RANDOM.poisson(0.05, (300, 40)) * 2 + RANDOM.poisson(0.05, (300, 40)), "negative_binomial"),
    "counts that vary more": (RANDOM.negative_binomial(2, 0.1, (300, 3)), "negative_binomial"),
    "large counts": (RANDOM.poisson(1e6, (300, 3)), "negative_binomial"),
    "many counts and a flag": (np.hstack([RANDOM.poisson(9, (300, 9)), RANDOM.integers(0, 2, (300, 1))]), "negative_binomial"),
    "counts and a constant": (np.hstack([RANDOM.poisson(9, (300, 2)), np.full((300, 1), 2020)]), "negative_binomial"),
    "years and stars": (years_and_stars(), "categorical"),
    "stars": (RANDOM.integers(1, 6, (120, 1)), "categorical"),
    "years among counts": (np.hstack([RANDOM.poisson(9, (300, 9)), RANDOM.integers(1990, 2021, (300, 1))]), "categorical"),
    "too few rows for levels": (RANDOM.integers(1900, 2021, (80, 2)), "gaussian"),
    "too many levels": (RANDOM.integers(100_000, 100_600, (400, 2)), "gaussian"),
    "below 0": (RANDOM.integers(-5, 6, (200, 2)), "gaussian"),
}  # fmt: skip


@pytest.mark.parametrize("kind", WHOLE)
def test_whole_numbers_are_counts_only_if_they_vary_as_counts_do(kind):
    rows, name = WHOLE[kind]
    assert chosen(rows).likelihood == name


def test_the_reason_names_the_column():
    why = chosen(years_and_stars(), ["year", "stars"]).why
    assert "vary less than counts in column 'year'" in why


def test_samples_of_years_and_stars_are_years_and_stars(tmp_path):
    data = table(tmp_path / "x.csv", dict(zip(("year", "stars"), years_and_stars().T, strict=True)))
    model = vaekit.fit(data, latent=2, width=64, epochs=80, lr=3e-3)
    years, stars = model.sample(2000).T
    assert 1960 <= years.min() <= years.max() <= 2050
    assert ((stars < 1) | (stars > 5)).mean() < 0.02
    assert model.sample(3).dtype.kind == "i"
    assert model.log_likelihood(np.array([[2024, 3], [1995, 6]]), samples=5).max() < 0
    with pytest.raises(BadInput, match="less its offset"):
        model.encode(np.array([[24, 3]]))


def test_levels_of_columns_are_coded_exactly(tmp_path):
    x = years_and_stars(300).astype(np.int32)
    model = vaekit.fit(x, **SMALL)
    model.save(tmp_path / "model")
    model = vaekit.load(tmp_path / "model")
    beyond = np.array([[3000, 2], [2000, -7]], np.int32)  # of which the model knows nothing
    for rows in (x, np.concatenate([x, beyond])):
        compress(model, rows, tmp_path / "x.vk")
        assert (Archive(tmp_path / "x.vk", model).read() == rows).all()
    rebuilt = model.reconstruct(x)
    assert abs(rebuilt[:, 0] - 2005).max() < 60


def test_other_rows_than_those_of_training_have_no_say_in_what_suits():
    """They only say which values there are."""
    counts, order = RANDOM.poisson(3, (200, 2)), torch.arange(200)
    splits = {"train": order[:100], "validation": order[100:110], "test": order[110:]}
    counts[100:] = RANDOM.integers(2000, 2003, (100, 2))
    assert chosen(counts, splits=splits).likelihood == "negative_binomial"
    counts[150, 1] = -1
    assert chosen(counts, splits=splits).likelihood == "gaussian"
    ink = torch.where(torch.arange(2000).view(100, 20) % 10 < 8, 0, 100).byte()
    values = torch.cat([ink, torch.full((100, 20), 100, dtype=torch.uint8)])
    values[0, 0] = 255
    assert facts(values, splits["train"]).ends == pytest.approx(0.8, abs=0.001)


def test_large_floats_are_not_taken_for_whole_numbers():
    """float32 has no fractions beyond 2^24."""
    x = np.exp(RANDOM.normal(size=(200, 2))) * 1e12
    assert chosen(x).likelihood == "gaussian"


CONTINUOUS = ["gaussian", "laplace", "student_t", "continuous_bernoulli"]


def with_constant(rows=120):
    x = np.random.default_rng(1).random((rows, 3))
    x[:, 1] = 0.75
    return x


@pytest.mark.parametrize("name", CONTINUOUS)
def test_a_constant_is_no_part_of_a_density(name, tmp_path):
    x = with_constant()
    with pytest.warns(UserWarning, match="column 1 is 0.75 in every training row"):
        model = vaekit.fit(x, likelihood=name, out=tmp_path / "run", **SMALL)
    assert model.config.representation.constant == ((1, 0.75),)
    again = vaekit.load(tmp_path / "run")
    assert again.config.to_json() == model.config.to_json()
    for found in (model, again):
        assert (found.sample(50)[:, 1] == 0.75).all()
        assert (found.reconstruct(x)[:, 1] == 0.75).all()
    assert np.array_equal(again.log_likelihood(x), model.log_likelihood(x))
    parts = again.model.likelihood(torch.zeros(4, 2)).base_dist
    assert (parts.log_prob(torch.rand(4, 3))[:, 1] == 0).all()
    with torch.no_grad():
        for weights in (model.model, again.model):  # however sure it is of the constant
            rest = parts.base.log_prob(torch.full((4, 3), 0.5))[:, [0, 2]].sum(1)
            assert torch.allclose(weights.likelihood(torch.zeros(4, 2)).log_prob(torch.full((4, 3), 0.5)), rest, atol=1e-5)  # fmt: skip


def test_figures_are_those_of_the_numbers_that_vary():
    x = with_constant()
    found = vaekit.fit(x, **SMALL).evaluate(samples=5)
    assert found.bits_per_dimension == pytest.approx(-found.log_likelihood / np.log(2) / 2)
    assert found.mean_squared_error == pytest.approx(1 / 12, rel=0.5)


def test_another_value_there_is_noted_and_has_no_part_in_scores():
    x = with_constant()
    model = vaekit.fit(x, **SMALL)
    moved = x.copy()
    moved[:3, 1] = 80.0
    with pytest.warns(UserWarning, match="column 1 had one value .* another in 3 rows here"):
        scores = model.log_likelihood(moved)
    assert np.array_equal(scores, model.log_likelihood(x))
    with pytest.warns(UserWarning, match="another in 1 row here"):
        assert np.array_equal(model.encode(moved[2:7]), model.encode(x[2:7]))


def test_constant_pixels_of_real_pictures():
    x = np.random.default_rng(0).normal(size=(40, 5, 5))
    x[:, 0], x[:, :, 4] = -1.0, 2.0
    model = vaekit.fit(x, **SMALL)
    assert len(model.config.representation.constant) == 9
    assert model.config.likelihood.remarks == ()
    drawn = model.sample(20)
    assert (drawn[:, 0, :4] == -1).all()
    assert (drawn[:, :, 4] == 2).all()
    assert drawn[:, 1:, :4].std(0).min() > 0.1


def test_discrete_likelihoods_keep_their_constants():
    model = vaekit.fit("digits", **SMALL)
    assert not model.config.representation.constant
    counts = np.hstack([RANDOM.poisson(4, (60, 2)), np.full((60, 1), 3)])
    with pytest.warns(UserWarning, match="column 2 is 3 in every training row"):
        model = vaekit.fit(counts, **SMALL)
    assert not model.config.representation.constant
    assert "constant" not in model.config.to_json()["representation"]


def test_a_column_that_is_constant_but_for_rounding():
    x = RANDOM.normal(size=(100, 2))
    x[:, 1] = 0.3
    x[::2, 1] = 0.1 + 0.2  # which is not 0.3
    assert vaekit.fit(x, **SMALL).config.representation.constant[0][0] == 1


def test_nothing_but_constants():
    found = vaekit.fit(np.full((20, 2), 0.5), likelihood="gaussian", **SMALL).evaluate(samples=5)
    assert found.log_likelihood == pytest.approx(0, abs=1)
    assert found.mean_squared_error == 0


def test_what_is_known_of_a_distribution():
    base = D.Normal(torch.zeros(3), torch.ones(3))
    p = SomeKnown(base, torch.tensor([True, False, True]), torch.tensor([5.0, 0.0, 7.0]))
    assert p.mean.tolist() == [5, 0, 7]
    assert p.mode.tolist() == [5, 0, 7]
    assert p.variance.tolist() == [0, 1, 0]
    assert p.entropy()[[0, 2]].tolist() == [0, 0]
    assert p.log_prob(torch.ones(3)).tolist() == [0, base.log_prob(torch.ones(3))[1], 0]
    assert p.expand((4, 3)).rsample((2,)).shape == (2, 4, 3)
    assert (p.sample((9,))[:, [0, 2]] == torch.tensor([5.0, 7.0])).all()
    assert not is_discrete(p)
    assert p.has_rsample


NUMBERS = np.arange(200)
COLUMNS = {
    "row": (NUMBERS, "numbers the rows"),
    "shuffled": (np.random.default_rng(0).permutation(200) + 7, "numbers the rows"),
    "with gaps": (np.cumsum(RANDOM.integers(1, 9, 200)), "numbers the rows"),
    "user_id": (RANDOM.permutation(10**6)[:200], "numbers the rows"),
    "even": (NUMBERS * 0.25 - 3, "numbers the rows"),
    "seconds": (1_700_000_000 + RANDOM.integers(0, 10**7, 200), "looks like times (seconds since 1970)"),
    "milliseconds": ((1.7e9 + RANDOM.random(200) * 1e7) * 1e3, "looks like times (milliseconds since 1970)"),
    "day": (20240101 + RANDOM.integers(0, 12, 200) * 100 + RANDOM.integers(0, 28, 200), "looks like times (as 20261231)"),
    "constant": (np.full(200, 7), "is 7 in every training row"),
}  # fmt: skip


@pytest.mark.parametrize("name", COLUMNS)
def test_columns_that_say_nothing_are_named(name, tmp_path):
    values, text = COLUMNS[name]
    data = table(tmp_path / "x.csv", {"a": RANDOM.normal(size=200), name: values})
    (remark,) = choose(vaekit.open_source(data)).remarks
    assert remark.startswith(f"column '{name}' {text}")
    assert "leave it out" in remark


def test_plain_columns_are_not():
    columns = {"a": RANDOM.normal(size=200), "id": RANDOM.integers(0, 9, 200), "b": RANDOM.integers(0, 99, 200)}  # fmt: skip
    assert chosen(np.stack(list(columns.values()), 1), columns).remarks == ()


def test_remarks_are_saved_and_reported(tmp_path):
    from vaekit.pages.report import write_report

    x = np.stack([RANDOM.normal(size=40), NUMBERS[:40], 2 * NUMBERS[:40]], 1)
    with pytest.warns(UserWarning, match="columns 1 and 2 number the rows"):
        model = vaekit.fit(x, out=tmp_path / "r", **SMALL)
    again = vaekit.load(tmp_path / "r").config
    assert again.likelihood.remarks == model.config.likelihood.remarks != ()
    assert model.is_discrete is False
    assert model.bits_of.startswith("a density")
    assert "number the rows" in write_report(model, tmp_path / "r").read_text()


PIXELS = np.random.default_rng(0).integers(0, 256, (40, 6, 6)).astype(np.uint8)


@pytest.mark.parametrize("name", ["bernoulli", "gaussian", "laplace", "continuous_bernoulli", "beta_binomial"])  # fmt: skip
def test_fractions_for_a_model_of_bytes(name):
    model = vaekit.fit(PIXELS, likelihood=name, **SMALL)
    for use in (model.encode, model.evaluate, model.reconstruct, model.log_likelihood):
        with pytest.raises(BadInput, match=r"lie in \[0, 1\]: multiply them by 255"):
            use(PIXELS / 255)
    codes = model.encode(PIXELS)
    assert np.array_equal(model.encode(PIXELS.astype(float)), codes)
    assert np.array_equal(model.encode(PIXELS * 0.0), model.encode(PIXELS * 0))


@pytest.mark.parametrize("name", ["gaussian", "student_t", "logistic_mixture"])
def test_bytes_for_a_model_of_fractions(name):
    model = vaekit.fit(PIXELS / 255, likelihood=name, **SMALL)
    with pytest.raises(BadInput, match="divide them by 255"):
        model.encode(PIXELS)


def test_rows_somewhat_beyond_are_no_other_scale():
    model = vaekit.fit(RANDOM.random((60, 3)), likelihood="gaussian", **SMALL)
    assert np.isfinite(model.encode(np.array([[1.3, -0.2, 4.0], [20.5, 0.0, 1.0]]))).all()
    ages = vaekit.fit(RANDOM.integers(18, 90, (60, 2)), likelihood="gaussian", **SMALL)
    assert np.isfinite(ages.encode(np.array([[41.5, 0.0], [120.0, 30.0]]))).all()
