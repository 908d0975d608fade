"""Series: a decoder in parts finds the trend and the season that were planted."""

import numpy as np
import pytest
import torch
from numpy.testing import assert_array_equal

import vaekit
from vaekit.data import open_source
from vaekit.data_init import data_init
from vaekit.interfaces.cli import run
from vaekit.networks.series import PerFeature, Season, SeriesDecoder, SeriesEncoder, SeriesShape
from vaekit.recipes import recipe
from vaekit.recipes.series import seasons_of
from vaekit.rows import Rows
from vaekit.runs.job import prepare
from vaekit.system.checks import BadInput


@pytest.mark.parametrize("first", [False, True])
def test_a_series_lies_as_its_row_says(first):
    x = torch.randn(5, 6, 2)
    flat = (x.transpose(1, 2) if first else x).flatten(1)
    own = SeriesShape(6, 2, first)
    assert torch.equal(own.channels(flat), x.transpose(1, 2))
    assert torch.equal(own.rows(own.channels(flat)), flat)
    two = torch.cat([own.channels(flat), own.channels(2 * flat)], 1)
    assert torch.equal(own.rows(two), torch.cat([flat, 2 * flat], 1))


def test_parts_are_a_polynomial_and_values_that_repeat():
    """By weights that are set: 1 + 3 t / T - 2 (t / T)^2, and seasons of 3 and of 2 x 4."""
    net = SeriesDecoder(
        SeriesShape(12, 1), 2, (12,), 4, 0, trend=2, seasons=(Season(3), Season(2, 4)), rest=False
    )
    with torch.no_grad():
        for weights in net.parameters():
            weights.zero_()
        net.trend[2].bias.copy_(torch.tensor([1.0, 3.0, -2.0]))
        net.seasons[0][0].bias.copy_(torch.tensor([0.5, 0.0, -0.5]))
        net.seasons[1][0].bias.copy_(torch.tensor([1.0, -1.0]))
    t = np.arange(12)
    trend = 1 + 3 * t / 12 - 2 * (t / 12) ** 2
    season, long = np.tile([0.5, 0, -0.5], 4), np.array([1, 1, 1, 1, -1, -1, -1, -1, 1, 1, 1, 1])
    found = {n: v.detach().numpy()[0, 0] for n, v in net.parts(torch.zeros(1, 2)).items()}
    assert found["trend"] == pytest.approx(trend, abs=1e-5)
    assert_array_equal(found["season 1"], season.astype(np.float32))
    assert_array_equal(found["season 2"], long.astype(np.float32))
    whole = net(torch.zeros(1, 2)).detach().numpy()[0]
    assert whole == pytest.approx(trend + season + long, abs=1e-5)


@pytest.mark.parametrize("times", [1, 2, 5, 24, 33])
@pytest.mark.parametrize("depth", [0, 3])
def test_any_length_goes_through(times, depth):
    own = SeriesShape(times, 3)
    encode = SeriesEncoder(own, times * 3 + 2, (4,), 4, depth)
    assert encode(torch.randn(2, times * 3 + 2)).shape == (2, 4)
    decode = SeriesDecoder(own, 5, (2 * times * 3,), 4, depth)
    assert decode(torch.randn(2, 5)).shape == (2, 2 * times * 3)


def test_locations_are_on_one_scale_at_all_times():
    """m_f + s_f r of each feature, whatever mean and spread its numbers have at a time."""
    own, x = SeriesShape(4, 2), torch.randn(500, 8) * torch.arange(1.0, 9) + torch.arange(8.0)
    net = PerFeature(own)
    net.init_from(x)
    raw = torch.randn(3, 16)
    found = net(raw)
    assert torch.equal(found[:, 8:], raw[:, 8:])
    put = found[:, :8] * x.std(0, correction=0) + x.mean(0)
    lines = x.reshape(-1, 2)
    wanted = raw[:, :8].reshape(3, 4, 2) * lines.std(0, correction=0) + lines.mean(0)
    assert torch.allclose(put, wanted.reshape(3, 8), atol=1e-3)


def planted(rows=300, times=12):
    """a(z) t / T - b(z) (t / T)^2, and a season of 3 of a size of its own; noise of 0.1."""
    rng = np.random.default_rng(0)
    t = np.arange(times)
    a, c = rng.normal(size=(2, rows, 1))
    trend = 3 * a * t / times - 2 * a * (t / times) ** 2
    season = c * np.array([1.0, -0.5, -0.5])[t % 3]
    x = trend + season + 0.1 * rng.normal(size=(rows, times))
    return (torch.from_numpy(v.astype(np.float32)) for v in (x, trend, season))


def test_what_was_planted_is_found():
    x, trend, season = planted()
    torch.manual_seed(0)
    m, objective = recipe("time_vae")(
        shape=(12,), latent=2, width=8, likelihood="gaussian", seasons="3", rest=False
    )
    data_init(m, x)
    optimizer = torch.optim.Adam(m.parameters(), 1e-2)
    for step in range(150):
        loss = objective(m, Rows(x[torch.randint(len(x), (100,))]), step)
        optimizer.zero_grad()
        loss.total.backward()
        optimizer.step()
    (decoder,) = [part for part in m.modules() if isinstance(part, SeriesDecoder)]
    with torch.no_grad():
        found = decoder.parts(m.posterior(x).mean)
    for name, wanted in (("trend", trend), ("season 1", season)):
        own = x.std(correction=0) * found[name][:, 0]
        own, wanted = (
            v - v.mean(1, keepdim=True) for v in (own, wanted)
        )  # either may hold a level
        assert (own - wanted).square().mean() < 0.05 * wanted.square().mean(), name


@pytest.mark.parametrize("first", [False, True])
def test_a_model_knows_which_axis_is_time(first):
    x = np.random.default_rng(0).normal(size=(40, 2, 9) if first else (40, 9, 2))
    job = prepare(open_source(x.astype(np.float32)), "time_vae", latent=2, width=4, epochs=1)
    assert job.arguments["series"] == [9, 2]
    assert job.arguments.get("features_first", False) == first
    assert any(isinstance(part, SeriesEncoder) for part in job.built.model.modules())


def test_it_is_asked_at_the_command_line(tmp_path, capsys):
    x = np.random.default_rng(0).normal(size=(50, 12, 2)).astype(np.float32)
    np.save(tmp_path / "x.npy", x)
    folder = str(tmp_path / "run")
    small = ["--epochs", "1", "--latent", "2", "--width", "4", "--seasons", "4, 2x3"]
    assert (
        run(["train", str(tmp_path / "x.npy"), "--recipe", "time_vae", "-o", folder, *small]) == 0
    )
    for command in ("evaluate", "encode"):
        assert run([command, folder]) == 0
    assert run(["sample", folder, "-o", str(tmp_path / "new.npy"), "-n", "3"]) == 0
    assert np.load(tmp_path / "new.npy").shape == (3, 12, 2)
    assert vaekit.load(folder).reconstruct(x[:2]).shape == (2, 12, 2)
    capsys.readouterr()


def test_seasons_as_a_person_says_them():
    assert seasons_of(" 7, 2x3 ", 14) == [Season(7), Season(2, 3)]
    assert seasons_of("", 3) == []
    for text, said in (
        ("weekly", "seasons are as 7"),
        ("8", "none of a series of 7"),
        ("1", "none"),
    ):
        with pytest.raises(BadInput, match=said):
            seasons_of(text, 7)
    with pytest.raises(BadInput, match="never changes"):
        recipe("time_vae")(shape=(6,), likelihood="gaussian", trend=0, rest=False)
