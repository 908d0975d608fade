"""Pictures that commands write: from the model's black to its white, and large enough to look at."""

import numpy as np
import pytest
from PIL import Image

import vaekit
from vaekit.interfaces.cli import run
from vaekit.pages.panels import pairs
from vaekit.pictures import as_bytes, enlarge, sheet
from vaekit.runs.shown import pictures, tones

RANDOM = np.random.default_rng(0)
HOW = {"latent": 2, "epochs": 1, "width": 4}


def discs(*channels, rows=40, side=8):
    """Rows with a square, each elsewhere, on black; one of its corners is grey."""
    x = np.zeros((rows, side, side, *channels))
    for row, (top, left) in zip(x, RANDOM.integers(0, side - 3, (rows, 2)), strict=True):
        row[top : top + 3, left : left + 3] = 1
        row[top, left] = 0.5
    return x


DATA = {
    "bytes": ((discs() * 255).astype("u1"), (0, 255)),
    "bytes, dark": ((discs() * 90).astype("u1"), (0, 255)),
    "colours": ((discs(3) * 255).astype("u1"), (0, 255)),
    "colours and opacity": ((discs(4) * 255).astype("u1"), (0, 255)),
    "five channels": ((discs(5) * 255).astype("u1"), (0, 255)),
    "fractions": ((discs() * 0.9).astype("f4"), (0, 1)),
    "real numbers": ((discs() * 7 - 3).astype("f4"), (-3, 4)),
    "beyond 8 bits": ((discs() * 3000).astype("i4"), (0, 3000)),
}


@pytest.fixture(scope="module", params=DATA)
def model(request, tmp_path_factory):
    rows, expected = DATA[request.param]
    folder = tmp_path_factory.mktemp("m")
    np.save(folder / "x.npy", rows)
    trained = vaekit.fit(str(folder / "x.npy"), out=folder / "run", channels=None, **HOW)
    return trained, rows, expected, folder


def test_black_and_white_are_the_datas(model):
    trained, rows, expected, _ = model
    assert tones(trained) == pytest.approx(expected)
    shown = pictures(trained, rows)
    assert shown.dtype == np.uint8
    top = 255 * (float(rows.max()) - expected[0]) / (expected[1] - expected[0])
    assert shown[:, :8, :8].max() == round(top)
    assert shown[:, :8, :8].min() == 0


def test_commands_write_them_so(model, monkeypatch):
    trained, rows, expected, folder = model
    run_folder = str(folder / "run")
    assert run(["sample", run_folder, "-n", "9", "--mean", "-o", str(folder / "s.png")]) == 0
    drawn = pictures(trained, trained.sample(9, mean=True))
    written = Image.open(folder / "s.png")
    assert written.getpixel((written.width - 1, written.height - 1)) == last(drawn[8])
    assert 400 <= max(written.size) <= 900
    assert run(["reconstruct", run_folder, "--split", "all", "-o", str(folder / "r.png")]) == 0
    written = np.asarray(Image.open(folder / "r.png"))
    assert (
        written.max() >= 255 * (float(rows.max()) - expected[0]) / (expected[1] - expected[0]) - 1
    )


def last(picture):
    value = picture[-1, -1]
    return int(value) if value.ndim == 0 else tuple(map(int, value))


def test_a_folder_holds_them_in_their_own_size(model):
    trained, rows, _, folder = model
    there = folder / "each"
    assert run(["sample", str(folder / "run"), "-n", "3", "--mean", "-o", str(there)]) == 0
    drawn = pictures(trained, trained.sample(3, mean=True))
    for number, path in enumerate(sorted(there.iterdir())):
        assert np.array_equal(np.asarray(Image.open(path)), drawn[number])
    assert drawn.shape[1:3] == rows.shape[1:3] or rows.shape[3:] == (5,)


def test_digits_reach_white(trained, tmp_path):
    """Their levels are 0 to 16."""
    folder, found = trained
    for command in (
        ["sample", str(folder), "-n", "64"],
        ["interpolate", str(folder)],
        ["reconstruct", str(folder)],
    ):
        out = tmp_path / f"{command[0]}.png"
        assert run([*command, "-o", str(out)]) == 0
        seen = np.asarray(Image.open(out))
        assert seen.max() >= 150, command
        assert 500 <= max(seen.shape) <= 900
    np.save(tmp_path / "c.npy", found.encode("digits")[:4])
    assert run(["decode", str(folder), str(tmp_path / "c.npy"), "-o", str(tmp_path / "d.png")]) == 0
    assert np.asarray(Image.open(tmp_path / "d.png")).max() >= 150


@pytest.mark.parametrize(
    ("size", "found"), [(8, 600), (71, 568), (250, 500), (400, 800), (500, 500), (2000, 2000)]
)
def test_enlarged_by_whole_factors_and_never_beyond(size, found):
    assert enlarge(Image.new("L", (size, 3))).width == found


def test_pairs_stand_one_above_the_other(trained):
    _, model = trained
    values = vaekit.open_source("digits").rows("test")[:5]
    rebuilt = model.reconstruct(values[:, 0].numpy())
    found = pairs(model, values, rebuilt, 3)
    assert found.shape == (12, 8, 8)
    assert np.array_equal(found[:3], as_bytes(values[:3, 0].numpy(), (0, 16)))
    assert np.array_equal(found[3:6], pictures(model, rebuilt[:3]))
    assert (found[[8, 11]] == 128).all()


def test_gaps_between_transparent_pictures_are_opaque():
    seen = np.asarray(sheet(np.zeros((4, 2, 2, 4), np.uint8)))
    middle = seen[seen.shape[0] // 2, seen.shape[1] // 2]
    assert middle.tolist() == [128, 128, 128, 255]
