"""Counts as shares of a row's total, their densities, and cells in and out of AnnData."""

import sys

import numpy as np
import pytest
import torch
from scipy import stats
from torch import distributions as D

import vaekit
from vaekit.data import open_source
from vaekit.data.readers.cells import writable
from vaekit.data_init import data_init
from vaekit.distributions import NegativeBinomial, Poisson, ZeroInflated
from vaekit.families import likelihood
from vaekit.families.counts import OfTotal
from vaekit.interfaces.cli import run
from vaekit.models.counted import log_totals
from vaekit.models.drawing import Generator
from vaekit.models.trace import trace
from vaekit.recipes import recipe
from vaekit.rows import Rows
from vaekit.system.checks import BadInput

QUICK = {"latent": 2, "width": 8, "epochs": 3, "batch": 32, "device": "cpu", "quiet": True}
COUNTS = ("poisson", "negative_binomial", "zero_inflated", "count_mixture")


def test_zero_inflated_counts_are_those_of_scipy_with_more_zeros():
    mean, size, missed = 3.0, 2.0, 0.3
    base = NegativeBinomial(torch.tensor(mean), torch.tensor(size))
    found = ZeroInflated(base, torch.tensor(missed).logit())
    k = np.arange(60)
    known = (1 - missed) * stats.nbinom.pmf(k, size, size / (size + mean)) + missed * (k == 0)
    assert found.log_prob(torch.tensor(k)).exp().numpy() == pytest.approx(known, abs=1e-6)
    assert found.mean.item() == pytest.approx((known * k).sum(), rel=1e-3)
    variance = (known * k**2).sum() - (known * k).sum() ** 2
    assert found.variance.item() == pytest.approx(variance, rel=1e-2)
    torch.manual_seed(0)
    drawn = found.sample((20_000,))
    assert (drawn == 0).double().mean().item() == pytest.approx(known[0], abs=0.01)
    assert drawn.double().mean().item() == pytest.approx(found.mean.item(), abs=0.1)


def test_chances_near_their_ends_stay_finite():
    for logit in (-200.0, 200.0):
        found = ZeroInflated(Poisson(torch.tensor(2.0)), torch.tensor(logit))
        log_p = found.log_prob(torch.tensor([0.0, 1.0, 5.0]))
        assert torch.isfinite(log_p).all()
    few = ZeroInflated(Poisson(torch.tensor(2.0)), torch.tensor(-200.0))
    assert few.log_prob(torch.tensor(3.0)).item() == pytest.approx(stats.poisson.logpmf(3, 2))


def test_mixtures_have_two_means():
    family = likelihood("count_mixture", (1,))
    raw = torch.tensor([[0.3, 1.0, -0.5, 2.0]])
    found = family(raw).base_dist
    share = torch.sigmoid(torch.tensor(-0.5)).item()
    soft = torch.nn.functional.softplus
    mean, size = (family.gain * (soft(raw[0, 0]) + 1e-4)).item(), (soft(raw[0, 1]) + 1e-4).item()
    high = mean * (1 + soft(raw[0, 3]).item() + 1e-4)
    k = np.arange(40)
    each = [stats.nbinom.pmf(k, size, size / (size + m)) for m in (mean, high)]
    known = (1 - share) * each[0] + share * each[1]
    got = found.log_prob(torch.tensor(k, dtype=torch.float32)[:, None, None]).exp().flatten()
    assert got.numpy() == pytest.approx(known, rel=1e-3)


@pytest.mark.parametrize("name", COUNTS)
@pytest.mark.parametrize("by_row", [False, True])
def test_means_are_shares_of_the_total(name, by_row):
    family = OfTotal(likelihood(name, (5,)), by_row=by_row)
    x = torch.tensor([[1.0, 2, 3, 4, 90], [0, 2, 3, 5, 10]])
    family.init_from(x)
    parts = family.raw_shape[0] // 5
    assert parts == likelihood(name, (5,)).numbers - (0 if by_row or name == "poisson" else 1)
    with torch.no_grad():
        raw = torch.zeros(3, *family.raw_shape)
        total = torch.tensor([[10.0], [100.0], [1000.0]])
        found = family(raw, total)
        twice = family(raw, 2 * total)
    assert found.mean[:2] * 10 == pytest.approx(found.mean[1:], rel=1e-4)
    assert twice.mean == pytest.approx(2 * found.mean, rel=1e-4)
    if name in ("poisson", "negative_binomial"):
        assert found.mean.sum(1) == pytest.approx(total[:, 0], rel=1e-4)
        seen = (x.sum(0) + x.sum() / 5 / 100) / (x.sum() * 1.01)
        assert found.mean[0] / 10 == pytest.approx(seen, rel=1e-4)


@pytest.mark.parametrize("total", ["observed", "latent"])
def test_rows_are_as_likely_as_the_formula_says(total):
    model = recipe("count_vae")(
        shape=(4,), latent=2, width=8, total=total, likelihood="poisson"
    ).model
    x = torch.tensor([[1.0, 0, 3, 2], [10, 5, 0, 20]])
    data_init(model, x)
    torch.manual_seed(0)
    t = trace(model, x)
    z = t.latents["z"].value[0]
    size = x.sum(1, keepdim=True) if total == "observed" else t.latents["log_total"].value[0].exp()
    raw = model.likelihood.net(z)
    mean = size * (raw + model.likelihood.family.shares).softmax(1)
    known = D.Poisson(mean).log_prob(x).sum(1).detach()
    assert t.log_px[0].detach() == pytest.approx(known, abs=1e-3)
    assert [*model.latents] == (["z"] if total == "observed" else ["z", "log_total"])
    if total == "latent":
        logs = x.sum(1).log()
        assert model.totals.centre.item() == pytest.approx(logs.mean().item(), abs=1e-5)
        prior = D.Normal(logs.mean(), logs.std(correction=0))
        log_p = prior.log_prob(t.latents["log_total"].value[0, :, 0]).detach()
        assert t.latents["log_total"].log_p[0].detach() == pytest.approx(log_p, abs=1e-4)


def test_rows_that_are_drawn_have_totals_like_those_of_the_data():
    x = torch.poisson(torch.full((500, 6), 10.0))
    for total in ("observed", "latent"):
        model = recipe("count_vae")(shape=(6,), latent=2, width=8, total=total).model
        model.totals.init_from(x)
        with torch.no_grad():
            totals = model(Generator(200), Rows()).mean.sum(1)
        assert totals.log().mean().item() == pytest.approx(x.sum(1).log().mean().item(), abs=0.1)
        assert bool(totals.log().std() > 0.05) is (total == "latent")


def test_an_empty_row_counts_as_one():
    assert log_totals(torch.zeros(2, 3)).tolist() == [[0.0], [0.0]]


@pytest.fixture(scope="module")
def counts():
    """Two kinds of cells, measured more or less deeply, in two batches."""
    rng = np.random.default_rng(0)
    kinds = rng.integers(0, 2, 120)
    profiles = rng.dirichlet(np.ones(12), 2)
    depth = rng.lognormal(5.0, 1.0, 120)
    return rng.poisson(profiles[kinds] * depth[:, None]).astype(np.float32), kinds, depth


def test_codes_tell_kinds_whatever_the_depth(counts):
    x, kinds, _ = counts
    how = {**QUICK, "epochs": 40, "batch": 16, "ema": 0.95, "lr": 5e-3, "seed": 1}
    codes = vaekit.fit(x, "count_vae", **how).encode(x)
    towards = np.linalg.lstsq(np.c_[codes, np.ones(len(x))], kinds * 2 - 1, rcond=None)[0]
    told = np.c_[codes, np.ones(len(x))] @ towards > 0
    assert (told == kinds).mean() > 0.9


@pytest.mark.parametrize("name", COUNTS)
def test_every_count_likelihood_lives(counts, name, tmp_path):
    model = vaekit.fit(counts[0], "count_vae", likelihood=name, total="latent", **QUICK)
    model.save(tmp_path)
    again = vaekit.Trained.load(tmp_path)
    assert np.array_equal(again.encode(counts[0]), model.encode(counts[0]))
    assert model.encode(counts[0]).shape == (120, 3)
    drawn = model.sample(5, seed=1)
    assert drawn.shape == (5, 12)
    assert (drawn >= 0).all()


def test_other_data_is_refused():
    rows = np.random.default_rng(0).normal(size=(60, 4)).astype(np.float32)
    with pytest.raises(BadInput, match="counts are 0, 1, 2"):
        vaekit.fit(rows, "count_vae", **QUICK)
    with pytest.raises(BadInput, match="count_vae is for counts: gaussian is of real values"):
        vaekit.fit(rows, "count_vae", likelihood="gaussian", **QUICK)


@pytest.fixture
def cells(counts):
    """The same as an AnnData."""
    anndata = pytest.importorskip("anndata", reason="the extra vaekit[anndata] is not installed")
    pandas, sparse = pytest.importorskip("pandas"), pytest.importorskip("scipy.sparse")
    x, kinds, _ = counts
    obs = pandas.DataFrame(
        {"kind": np.array(["t", "b"])[kinds], "batch": np.where(np.arange(120) % 3, "one", "two")},
        index=pandas.Index([f"cell{n}" for n in range(120)], dtype=object),
    )
    obs["kind"] = obs["kind"].astype("category")
    var = pandas.DataFrame(index=pandas.Index([f"gene{n}" for n in range(12)], dtype=object))
    return anndata.AnnData(sparse.csr_matrix(x), obs, var)


def test_cells_are_rows_and_genes_columns(cells, counts):
    found = open_source(cells, label="kind", given=("batch",))
    assert np.array_equal(found.values.numpy(), counts[0])
    assert found.columns == tuple(f"gene{n}" for n in range(12))
    assert found.names[:2] == ("cell0", "cell1")
    assert found.label_names == ("b", "t")
    assert found.given_names["batch"] == ("one", "two")
    with pytest.raises(BadInput, match="did you mean 'kind'"):
        open_source(cells, label="kinds")


@pytest.mark.parametrize("texts", [False, True])  # whether pandas has texts of a type of their own
@pytest.mark.filterwarnings("ignore:The 'future.infer_string' option")
def test_a_category_that_is_missing_is_no_word(texts, cells):
    import pandas

    with pandas.option_context("future.infer_string", texts):
        kinds = pandas.Categorical.from_codes([-1, 0, 1, *[0] * 117], ["b", "t"])
        cells.obs["kind"] = kinds
        found = open_source(cells, label="kind", given=("kind", "label"))
    for name in ("kind", "label"):
        assert found.given[name][:4].tolist() == [-1, 0, 1, 0]
        assert found.given_names[name] == ("b", "t")


def test_codes_go_into_obsm(cells, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    import anndata

    writable(cells).write_h5ad("cells.h5ad")
    options = ["--latent", "2", "--width", "8", "--epochs", "2", "--device", "cpu", "--quiet"]
    train = [
        "train",
        "cells.h5ad",
        "--recipe",
        "count_vae",
        "--given",
        "batch",
        "--total",
        "latent",
    ]
    assert run([*train, *options, "--no-report", "-o", "run"]) == 0
    model = vaekit.Trained.load("run")
    assert model.config.conditions.names == ("batch",)
    assert run(["encode", "run", "cells.h5ad", "-o", "coded.h5ad", "--json"]) == 0
    coded = anndata.read_h5ad("coded.h5ad")
    assert coded.obsm["X_vae"].shape == (120, 2)
    assert coded.obsm["X_vae_log_total"].shape == (120, 1)
    shuffled = cells[::-1, ::-1].copy()  # genes are found by their names
    vaekit.annotate(model, shuffled)
    assert shuffled.obsm["X_vae"][::-1] == pytest.approx(coded.obsm["X_vae"], abs=1e-5)
    assert np.array_equal(coded.X.toarray(), cells.X.toarray())
    capsys.readouterr()
    assert run(["encode", "run", "cells.h5ad", "-o", "coded.h5ad"]) == 2
    assert "coded.h5ad is there already" in capsys.readouterr().err
    np.save("rows.npy", np.asarray(cells.X.toarray()))
    assert run(["encode", "run", "rows.npy", "-o", "new.h5ad", "--given", "batch=one"]) == 2
    assert "give a .h5ad file as DATA" in capsys.readouterr().err
    with pytest.raises(BadInput, match="give an AnnData"):
        vaekit.annotate(model, np.zeros((2, 12)))


def test_a_file_that_is_none_takes_one_line(tmp_path):
    pytest.importorskip("anndata", reason="the extra vaekit[anndata] is not installed")
    (tmp_path / "cells.h5ad").write_text("no such thing")
    with pytest.raises(BadInput, match=r"cannot read .*cells\.h5ad as AnnData"):
        open_source(str(tmp_path / "cells.h5ad"))


def test_without_the_extra_one_line_says_what_to_install(tmp_path, monkeypatch):
    (tmp_path / "cells.h5ad").write_text("no such thing")
    monkeypatch.setitem(sys.modules, "anndata", None)
    with pytest.raises(BadInput, match=r"vaekit\[anndata\]"):
        open_source(str(tmp_path / "cells.h5ad"))
