"""Data of a few rows, of one, or of rows that are all alike: no verdict, and a whole report."""

import math
import warnings

import numpy as np
import pytest
import torch

import vaekit
from vaekit.evaluation.latents import LatentHealth
from vaekit.interfaces.cli import run
from vaekit.pages.plots import _bins, plane
from vaekit.pages.report import write_report

RANDOM = np.random.default_rng(0)


def quiet():
    """Every warning is an error: a page's figures divide by nothing."""
    warnings.simplefilter("error")


def test_ten_rows_train_and_are_reported(tmp_path, capsys):
    rows = RANDOM.normal(size=(10, 3))
    np.savetxt(tmp_path / "ten.csv", rows, "%.3f", ",", header="a,b,c", comments="")
    there = [str(tmp_path / "ten.csv"), "--epochs", "1", "--width", "8", "--threads", "1", "-o"]
    with warnings.catch_warnings():
        quiet()
        assert run(["train", *there, str(tmp_path / "run"), "--no-report"]) == 0
        assert run(["report", str(tmp_path / "run"), "--force"]) == 0
    assert "1 row does not show which latent units are used" in capsys.readouterr().out
    text = (tmp_path / "run" / "report.html").read_text().split("</style>")[1]
    assert "1 row does not show which latent units are used" in text
    assert "No verdict" not in text or "collapse" not in text
    assert "nan" not in text


DATA = {
    "one column": (RANDOM.normal(size=(12, 1)), 1),
    "one column of counts": (RANDOM.poisson(4, (20, 1)), 2),
    "constant": (np.full((12, 3), 2.5), 2),
    "pictures of one grey": (np.full((12, 6, 6), 9, np.uint8), 16),
    "pictures of one pixel": (RANDOM.integers(0, 256, (20, 1, 1)).astype(np.uint8), 2),
    "real pictures": (RANDOM.normal(size=(12, 5, 4)), 1),
}


@pytest.mark.parametrize("kind", DATA)
def test_small_splits_are_reported(kind, tmp_path):
    rows, latent = DATA[kind]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)
        model = vaekit.fit(rows, latent=latent, width=8, epochs=1, out=tmp_path / "r")
        warnings.simplefilter("error")
        text = write_report(model, tmp_path / "r").read_text()
    assert "not show which latent units are used" in text
    assert "<h2>Latent map</h2>" in text


@pytest.fixture(scope="module")
def digits(trained):
    return vaekit.open_source("digits").values.numpy()[:, 0], trained[1]


@pytest.mark.parametrize("copies", [1, 20])
def test_one_row_or_the_same_again_is_no_collapse(copies, digits, tmp_path, trained):
    rows, model = digits
    telling = int(np.linalg.norm(model.encode("digits"), axis=1).argmax())
    alike = np.repeat(rows[telling : telling + 1], copies, 0)
    found = model.evaluate(alike, samples=20)
    assert "not show which latent units are used" in found.diagnosis
    assert "collapse" not in found.diagnosis
    assert "fill only part" not in found.diagnosis
    assert found.active_units is None
    assert found.to_dict()["active_units"] is None
    assert found.verdict.startswith("No verdict")
    assert found.kl > 0.5
    np.save(tmp_path / "x.npy", alike)
    page = write_report(model, trained[0], tmp_path / "r.html", data=str(tmp_path / "x.npy"))
    assert "not show which latent units are used" in page.read_text()
    many = model.evaluate(rows[:60], samples=5)
    assert many.active_units >= 1
    assert "of 2 latent units are in use" in many.diagnosis


def test_what_is_said_of_latents():
    still, moving = torch.zeros(2), torch.ones(2)
    say = lambda **how: LatentHealth(**how).diagnosis  # noqa: E731
    assert (
        say(kl=None, variance=still, rows=1, different=1)
        == "1 row does not show which latent units are used."
    )
    assert "3 rows do not show" in say(kl=None, variance=moving, rows=3, different=3)
    assert "20 rows, all the same, do not" in say(kl=None, variance=still, rows=20, different=1)
    assert "only 4 different ones" in say(kl=None, variance=still, rows=20, different=4)
    assert "collapse" in say(kl=torch.tensor([1e-3, 0.0]), variance=still)
    assert "collapse" in say(kl=None, variance=still)
    assert "2 of 2" in say(kl=None, variance=moving)  # fmt: skip


def test_codes_of_few_rows_in_a_plane():
    for rows in (1, 2, 3):
        points, (first, second) = plane(np.arange(rows * 16.0).reshape(rows, 16))
        assert points.shape == (rows, 2)
        assert np.isfinite(points).all()
        assert first.startswith("first component")
        assert second.startswith("second component")


@pytest.mark.parametrize("unit", [1e-30, 1.0, 1e30])
def test_bins_rise_in_any_unit(unit):
    for rows in (np.zeros(1), np.full(50, 7.0), RANDOM.normal(size=50) + 1e6):
        bins = _bins(rows * unit, rows[:3] * unit)
        assert (np.diff(bins) > 0).all()
        assert math.isfinite(bins.sum())
