"""Rows with gaps: what is missing has no part, or a part of its own, and is filled in as it should."""

import json
import math

import numpy as np
import pytest
import scipy.integrate
import scipy.stats
import torch
from living import USUAL, life
from parts import LIKELIHOODS, VECTOR, LinearGaussian, rows
from pyarrow import csv
from torch import distributions as D
from torch import nn

import vaekit
from vaekit.conditionals import Conditional, StandardNormal
from vaekit.data import facts, open_source
from vaekit.data.readers import tables
from vaekit.data_init import data_init, moments
from vaekit.distributions.gaps import SelfMasked, of_missing
from vaekit.evaluation.gaps import drawn, expected
from vaekit.evaluation.rebuilding import reconstruction_error
from vaekit.evaluation.scores import score
from vaekit.families import likelihood
from vaekit.families.gaps import SelfMasking, WithGaps
from vaekit.interfaces.cli import run
from vaekit.interfaces.server.subject import subject_of
from vaekit.models import VAE
from vaekit.models.trace import trace
from vaekit.objectives.bounds import elbo, iwae
from vaekit.recipes import RECIPES, recipe
from vaekit.recipes.columns import without_gaps
from vaekit.recipes.recipe import takes_gaps
from vaekit.rows import Rows
from vaekit.runs.gaps import impute
from vaekit.runs.judge import whole
from vaekit.system.checks import BadInput

NAN = float("nan")


@pytest.mark.parametrize("make", LIKELIHOODS.values(), ids=LIKELIHOODS)
def test_what_is_missing_has_no_part_in_any_density(make):
    """log p of a row is the sum over the numbers that are there, and so is every gradient."""
    torch.manual_seed(0)
    base = make(VECTOR)
    family, x = WithGaps(base), rows(base)
    data_init(family, x)
    raw = torch.randn(7, *family.raw_shape, requires_grad=True)
    each = base(raw).base_dist.log_prob(x)
    gone = torch.rand_like(x) < 0.4
    gone[0], gone[1] = False, True
    gappy = x.masked_fill(gone, NAN)
    found = family(raw).log_prob(gappy)
    assert torch.allclose(found, (each * ~gone).sum(1), atol=1e-4)
    assert found[1] == 0
    family.range.check(gappy, "it")
    found.sum().backward()
    assert torch.isfinite(raw.grad).all()
    assert not raw.grad[1].any()


def masked(slope, bias=-0.3, mean=0.4, spread=0.8):
    """A normal number that hides itself."""
    one = lambda value: torch.tensor([value], dtype=torch.float64)  # noqa: E731
    base = D.Normal(one(mean), one(spread))
    return SelfMasked(base, one(0.0), one(bias), one(slope), one(0.2), one(1.5))


@pytest.mark.parametrize("slope", [0.0, -1.0, 3.0])
class TestANumberThatHidesItself:
    def integral(self, slope, of):
        base = scipy.stats.norm(0.4, 0.8)
        chance = lambda x: 1 / (1 + math.exp(0.3 - slope * (x - 0.2) / 1.5))  # noqa: E731
        return scipy.integrate.quad(lambda x: base.pdf(x) * of(x, chance(x)), -8, 9)[0]

    def test_density_and_chance_come_to_one(self, slope):
        p = masked(slope)
        gone = p.log_prob(torch.tensor([NAN], dtype=torch.float64)).exp().item()
        assert gone == pytest.approx(self.integral(slope, lambda x, c: c), rel=1e-6)
        density = lambda x: p.log_prob(torch.tensor([x], dtype=torch.float64)).exp().item()  # noqa: E731
        assert gone + scipy.integrate.quad(density, -8, 9)[0] == pytest.approx(1, rel=1e-6)

    def test_a_missing_one_is_drawn_as_it_is_distributed(self, slope):
        p = masked(slope).expand((10_000, 1))
        first, second = (
            self.integral(slope, lambda x, c, n=n: c * x**n) / self.integral(slope, lambda x, c: c)
            for n in (1, 2)
        )
        hidden = of_missing(p)
        assert hidden.mean[0].item() == pytest.approx(first, abs=1e-6)
        x = hidden.sample()
        assert x.mean().item() == pytest.approx(first, abs=0.04)
        assert x.square().mean().item() == pytest.approx(second, abs=0.06)


class Exact(nn.Module):
    """q(z | the numbers of a row that are there) of a linear-Gaussian model, moved and stretched."""

    def __init__(self, w, mean, noise, shift=0.0, stretch=1.0):
        super().__init__()
        self.w, self.mean, self.noise, self.shift, self.stretch = w, mean, noise, shift, stretch

    def forward(self, x):
        there = (~x.isnan()).to(x.dtype)
        precision = (
            torch.eye(self.w.shape[1], dtype=x.dtype)
            + torch.einsum("bi,ij,ik->bjk", there, self.w, self.w) / self.noise
        )
        covariance = torch.linalg.inv(precision)
        pulled = ((x - self.mean).nan_to_num() @ self.w / self.noise)[:, :, None]
        loc = (covariance @ pulled)[..., 0] + self.shift
        return D.MultivariateNormal(loc, covariance * self.stretch**2)


def linear(**wrong):
    """A linear-Gaussian model of rows with gaps, and some: log p of what is there, mean and
    covariance of what is missing, in closed form."""
    known = LinearGaussian()
    w, m, noise = (getattr(known.model.likelihood, n) for n in ("w", "mean", "noise"))
    x, joint = known.x.clone(), known.density
    gone = torch.tensor(
        [[0, 1, 0, 0, 1, 0], [1] * 6, [0] * 6, [1, 1, 1, 0, 0, 1], [0, 0, 0, 0, 0, 1]]
    )
    x[gone.bool()] = NAN
    family = WithGaps(likelihood("gaussian", VECTOR, scale=noise**0.5)).double()
    net = nn.Linear(3, 6).double()
    with torch.no_grad():
        net.weight.copy_(w)
        net.bias.copy_(m)
    model = VAE(StandardNormal(3).double(), Exact(w, m, noise, **wrong), Conditional(net, family))
    said = []
    for row, there in zip(x, ~gone.bool(), strict=True):
        c, i, o = joint.covariance_matrix, ~there, there
        gain = c[i][:, o] @ torch.linalg.inv(c[o][:, o]) if o.any() else c[i][:, o]
        said.append(
            (
                D.MultivariateNormal(m[o], c[o][:, o]).log_prob(row[o]).item() if o.any() else 0.0,
                m[i] + gain @ (row[o] - m[o]),
                c[i][:, i] - gain @ c[o][:, i],
            )
        )
    return model, x, said


class TestALinearGaussianModel:
    def test_with_the_exact_posterior_the_bound_is_log_p_of_what_is_there(self):
        model, x, said = linear()
        wanted = torch.tensor([log_p for log_p, *_ in said], dtype=torch.float64)
        with torch.no_grad():
            assert torch.allclose(iwae(trace(model, x, samples=3)), wanted, atol=1e-8)

    def test_with_a_wrong_one_more_particles_come_closer_from_below(self):
        model, x, said = linear(shift=0.3, stretch=1.4)
        wanted = torch.tensor([log_p for log_p, *_ in said], dtype=torch.float64).mean()
        torch.manual_seed(0)
        with torch.no_grad():
            lowest = elbo(trace(model, x, samples=2000)).mean()
            few, many = (iwae(trace(model, x.repeat(300, 1), samples=k)).mean() for k in (5, 100))
        assert lowest < few < many < wanted + 0.01
        assert many.item() == pytest.approx(wanted.item(), abs=0.06)

    def test_what_is_missing_is_expected_as_the_closed_form_says(self):
        model, x, said = linear(shift=0.2, stretch=1.3)
        found = expected(model, x, samples=20_000)
        for row, now, (_, mean, _) in zip(x, found, said, strict=True):
            assert torch.equal(now[~row.isnan()], row[~row.isnan()])
            assert torch.allclose(now[row.isnan()], mean, atol=0.06)

    def test_a_rows_filling_depends_on_that_row_alone(self):
        model, x, _ = linear(shift=0.2)
        one, all_of_them = expected(model, x[3:4], samples=50), expected(model, x, samples=50)
        assert torch.allclose(one[0], all_of_them[3])

    def test_draws_are_of_p_given_what_is_there(self):
        model, x, said = linear(shift=0.2, stretch=1.3)
        for number in (0, 3):
            gone, (_, mean, covariance) = x[number].isnan(), said[number]
            made = drawn(model, x[number].expand(4000, -1), samples=60)[:, gone]
            assert torch.allclose(made.mean(0), mean, atol=0.12)
            assert torch.allclose(made.T.cov(), covariance, atol=0.25, rtol=0.1)


def test_a_column_that_hides_its_high_values_gets_its_mean_back():
    """Where the chance of a gap rises with the number, a model that takes gaps for chance finds too
    low a mean; one that models them does not."""
    rng = np.random.default_rng(0)
    z = rng.normal(size=(1500, 1))
    x = (z @ [[1.0, 1.0, 1.0]] + 0.5 * rng.normal(size=(1500, 3))).astype(np.float32)
    gone = rng.random(1500) < 1 / (1 + np.exp(-4 * x[:, 0]))
    gappy = x.copy()
    gappy[gone, 0] = np.nan
    off = {}
    for name, more in (("gaps_vae", {}), ("not_miwae", {"mask": "high"}), ("not_miwae", {})):
        m = learned(name, torch.from_numpy(gappy), **more)
        filled = expected(m, torch.from_numpy(gappy[:800]), samples=50).numpy()
        off[name, *more] = filled[:, 0].mean() - x[:800, 0].mean()
    assert off["gaps_vae",] < -0.3
    assert abs(off["not_miwae", "mask"]) < 0.12
    assert abs(off["not_miwae",]) < 0.12


def learned(name, x, updates=200, **options):
    """A small model after some updates."""
    torch.manual_seed(0)
    small = {"latent": 1, "width": 16, "depth": 1, "samples": 5, "likelihood": "gaussian"}
    m, objective = recipe(name)(shape=x.shape[1:], **small, **options)
    data_init(m, x)
    optimizer = torch.optim.Adam(m.parameters(), 2e-2)
    for step in range(updates):
        loss = objective(m, Rows(x[torch.randint(len(x), (100,))]), step)
        optimizer.zero_grad()
        loss.total.backward()
        optimizer.step()
    return m


def test_directions_hold():
    for direction, sign in (("high", 1), ("low", -1)):
        family = SelfMasking(likelihood("gaussian", VECTOR), direction)
        x = torch.randn(50, *VECTOR)
        x[:10, 2] = NAN
        data_init(family, x)
        p = family(torch.zeros(1, *VECTOR)).base_dist
        assert (sign * p.slope > 0).all()
        assert torch.sigmoid(p.bias[2]).item() == pytest.approx(10.5 / 51)


@pytest.mark.parametrize("name", [n for n in RECIPES if takes_gaps(RECIPES[n])])
@pytest.mark.parametrize("shape", [(6,), (16, 16)], ids=str)
def test_a_model_of_rows_with_gaps_lives(name, shape, tmp_path, monkeypatch):
    """It is trained, asked and saved like any other."""
    monkeypatch.setitem(USUAL, name, "gaussian")
    assert life(name, tmp_path, shape=shape, gaps=0.3) is None


def test_facts_are_of_what_is_there():
    x = torch.tensor([[0.0, NAN], [1.0, 0.0], [NAN, 1.0]])
    seen = facts(x)
    assert (seen.low, seen.high, seen.binary, seen.gaps) == (0, 1, True, True)
    assert torch.equal(seen.all.low, torch.zeros(2))
    assert not facts(x.nan_to_num()).gaps
    mean, spread = moments(torch.tensor([[1.0], [NAN], [3.0]]))
    assert (mean.item(), spread.item()) == (2, 1)
    filled = without_gaps(torch.tensor([[1.0, NAN], [NAN, NAN], [3.0, NAN], [NAN, NAN]]))
    assert filled.tolist() == [[1, 0], [1, 0], [3, 0], [3, 0]]


def test_the_error_is_of_what_is_there():
    model, x, _ = linear()
    model.posterior.forward = lambda rows: D.MultivariateNormal(
        torch.zeros(len(rows), 3, dtype=rows.dtype), torch.eye(3, dtype=rows.dtype)
    )
    off = (x - model.likelihood.net.bias).square()
    wanted = off.nanmean(1).nanmean().item()
    assert reconstruction_error(model, Rows(x)) == pytest.approx(wanted)


@pytest.mark.parametrize("table", [False, True])
def test_where_all_is_missing_nothing_is_told_of_how_well_it_is_rebuilt(table):
    """There is nothing to compare with: that is no overflow."""
    gappy = np.random.default_rng(0).normal(size=(60, 3))
    gappy[::3, 1] = NAN
    trained = vaekit.fit(gappy, "mvtcae", modalities="0,1-2", latent=2, width=8, epochs=1)
    none = trained.rows(np.full((12, 3), NAN), "all")
    scores = score(trained.model, none, samples=20, cells=table)
    told = scores.to_dict()
    assert told["mean_squared_error"] is None
    assert told.get("cells_wrong") is None
    assert math.copysign(1, scores.reconstruction) == 1
    assert not scores.doubts
    names = [figure.name for group in scores.figures for figure in group.each]
    assert not {"squared error", "cells wrong"} & {*names}


def test_rows_without_gaps_are_found_in_their_splits():
    x = np.arange(40.0).reshape(20, 2)
    x[3, 1] = x[11, 0] = np.nan
    source = vaekit.data.opening.Opening(gaps=True).open(x)
    found = whole(source)
    assert len(found) == 18
    for name, indices in found.splits.items():
        wanted = source.rows(name)[~source.rows(name).isnan().any(1)]
        assert torch.equal(found.values[indices], wanted)
    assert whole(found) is found


@pytest.fixture(scope="module")
def gappy(tmp_path_factory):
    """A table with gaps in a file, and a model of it."""
    place = tmp_path_factory.mktemp("gaps")
    rng = np.random.default_rng(0)
    age, more = rng.integers(20, 70, 80), rng.normal(size=(80, 2))
    gone = rng.random((80, 3)) < 0.2
    gone[0] = True, False, False
    texts = [[str(a), f"{b:.3f}", f"{c:.2f}"] for a, (b, c) in zip(age, more, strict=True)]
    told = np.where(gone, "", np.array(texts))
    lines = [",".join([*row, f"n{number}"]) for number, row in enumerate(told.tolist())]
    (place / "t.csv").write_text("age,b,c,who\n" + "\n".join(lines) + "\n")
    assert run(
        ["train", str(place / "t.csv"), "--recipe", "gaps_vae", "--label", "who", "-o",
         str(place / "run"), "--epochs", "1", "--width", "8", "--latent", "2", "--samples", "3"]
    ) == 0  # fmt: skip
    return place, gone


def test_a_table_is_filled_at_the_command_line(gappy, capsys):
    place, gone = gappy
    path, model = str(place / "t.csv"), str(place / "run")
    assert run(["impute", model, path, "--samples", "20"]) == 0
    assert run(["impute", model, path, "--samples", "20", "--draws", "2"]) == 0
    was = csv.read_csv(path)
    made = [csv.read_csv(place / f"t-filled{n}.csv") for n in ("", "-1", "-2")]
    for table in made:
        assert table.schema == was.schema
        assert table["who"] == was["who"]
        for number, name in enumerate(("age", "b", "c")):
            before, after = (t[name].to_numpy() for t in (was, table))
            assert table[name].null_count == 0
            assert np.array_equal(before[~gone[:, number]], after[~gone[:, number]])
    assert made[1]["b"] != made[2]["b"]
    capsys.readouterr()


def test_a_file_is_read_once_to_be_filled(gappy, tmp_path, monkeypatch):
    place, _ = gappy
    read, usual = [], tables.read_text
    monkeypatch.setattr(
        tables, "read_text", lambda *how, **more: read.append(how) or usual(*how, **more)
    )
    table, out = str(place / "t.csv"), str(tmp_path / "x.csv")
    how = ["impute", str(place / "run"), table, "--samples", "2", "--draws", "2", "-o", out]
    assert run(how) == 0
    assert len(read) == 1
    assert len(list(tmp_path.glob("x-*.csv"))) == 2


@pytest.mark.parametrize("ask", ["evaluate", "sample", "report", "quality", "score", "encode"])
def test_it_is_asked_like_any_other(gappy, ask, capsys):
    place, _ = gappy
    more = {"score": [str(place / "t.csv")], "report": ["--force"]}.get(ask, [])
    code = run([ask, str(place / "run"), *more])
    assert code == 0 or "too few" in capsys.readouterr().err
    if ask == "report":
        assert "missing" in (place / "run" / "report.html").read_text()


def test_the_explorer_shows_its_rows(gappy):
    """What is sent is JSON: NaN is none."""
    place, _ = gappy
    subject = subject_of(vaekit.load(place / "run"), str(place / "t.csv"))
    assert json.dumps(subject.about(), allow_nan=False)
    assert len(subject.colours.values("column:1")) == 80


def test_frames_arrays_and_tensors_come_back_as_they_are(gappy):
    place, gone = gappy
    model = vaekit.load(place / "run")
    table = csv.read_csv(place / "t.csv")
    once = impute(model, table, samples=10)
    assert once.schema == table.schema
    x = np.stack([table[n].to_numpy() for n in ("age", "b", "c")], 1).astype(np.float32)
    filled = impute(model, x, samples=10)
    assert np.array_equal(filled[~gone], x[~gone])
    assert filled[:, 1] == pytest.approx(once["b"].to_numpy(), abs=1e-3)
    each = impute(model, torch.from_numpy(x), draws=2, samples=10)
    assert [type(e) for e in each] == [torch.Tensor] * 2
    assert not torch.stack(each).isnan().any()


class TestRefused:
    def said(self, ask):
        with pytest.raises(BadInput) as found:
            ask()
        assert "\n" not in str(found.value)
        return str(found.value)

    def test_what_is_no_gap_or_nothing_else(self):
        x = np.random.default_rng(0).normal(size=(40, 3))
        fit = lambda rows, **how: vaekit.fit(rows, **{"recipe": "gaps_vae", "quiet": True, **how})  # noqa: E731
        infinite, empty, some = x.copy(), x.copy(), x.copy()
        infinite[2, 1], empty[:, 2], some[3, 0] = np.inf, np.nan, np.nan
        assert "1 values are infinite" in self.said(lambda: fit(infinite))
        assert "column 2 is missing in all training rows" in self.said(lambda: fit(empty))
        assert "all values are missing" in self.said(lambda: fit(np.full((40, 2), np.nan)))
        assert "cannot be binarized" in self.said(lambda: fit(some, binarize="threshold"))
        assert "or train a recipe that takes gaps, as gaps_vae" in self.said(
            lambda: fit(some, recipe="vae")
        )
        model = vaekit.fit(x, quiet=True, epochs=1, width=8)
        assert "recipe vae knows no gaps" in self.said(lambda: impute(model, some))

    def test_files_of_another_kind(self, gappy, capsys):
        place, _ = gappy
        path, model = str(place / "t.csv"), str(place / "run")
        assert run(["impute", model, path, "-o", str(place / "x.npy"), "--samples", "2"]) == 2
        assert "a table is no array" in capsys.readouterr().err
        assert run(["impute", model, str(place / "no.csv"), "-o", str(place / "y.csv")]) == 2
        assert f"there is no file {place / 'no.csv'}" in capsys.readouterr().err
        assert run(["compress", model, path]) == 2
        assert capsys.readouterr().err.strip().count("\n") == 0


def test_not_miwae_is_for_normal_numbers_and_settles_the_rest():
    with pytest.raises(BadInput, match="not_miwae is for likelihood gaussian: take gaps_vae"):
        recipe("not_miwae")(shape=VECTOR, likelihood="laplace")
    assert open_source(np.zeros((20, 2))).shape == (2,)
