"""How data was opened is remembered by the model and used for any data it is given later."""

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from PIL import Image

import vaekit
from vaekit.data import Opening, open_source, opening_of
from vaekit.interfaces.cli import run
from vaekit.system.checks import BadInput

PLAN = ["--latent", "2", "--width", "8", "--epochs", "1", "--no-report"]


@pytest.fixture
def place(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


def call(capsys, *arguments):
    code = run([str(a) for a in arguments])
    out, err = capsys.readouterr()
    assert code == 0, err
    return out, err


def table(rows=40, seed=0):
    rng = np.random.default_rng(seed)
    kind = rng.choice(list("xyz"), rows)
    return pd.DataFrame({"a": rng.normal(size=rows), "kind": kind, "b": rng.normal(size=rows)})


def pictures(folder, sizes, colours="L"):
    rng = np.random.default_rng(0)
    folder.mkdir()
    for i, (height, width) in enumerate(sizes):
        shape = (height, width) if colours == "L" else (height, width, 3)
        Image.fromarray(rng.integers(0, 256, shape, np.uint8)).save(folder / f"{i:02}.png")
    return folder


class TestTables:
    @pytest.fixture
    def trained(self, place, capsys):
        table().to_csv("t.csv", index=False)
        call(capsys, "train", "t.csv", "--label", "kind", "-o", "run", *PLAN)
        return vaekit.load("run")

    def test_every_command_opens_the_file_again(self, trained, capsys):
        for command in ("encode", "reconstruct", "interpolate"):
            call(capsys, command, "run", "t.csv", "-o", f"{command}.csv")
        out, _ = call(capsys, "evaluate", "run", "t.csv", "--samples", "2", "--json")
        assert json.loads(out)["rows"] == 4  # the test split: it is the model's own data
        call(capsys, "report", "run", "t.csv", "-o", "r.html")
        codes = np.loadtxt("encode.csv", delimiter=",", skiprows=1, usecols=(0, 1, 2))
        assert codes.shape == (40, 3)
        assert codes[:, 0].tolist() == list(range(40))
        assert trained.encode("t.csv") == pytest.approx(codes[:, 1:], abs=1e-6)

    def test_other_files_with_and_without_the_column(self, trained, capsys):
        other = table(7, seed=1)
        other.to_csv("with.csv", index=False)
        other.drop(columns="kind").to_csv("without.csv", index=False)
        other.to_parquet("with.parquet")
        found = []
        for name in ("with.csv", "without.csv", "with.parquet"):
            call(capsys, "encode", "run", name, "-o", "z.npy", "--force")
            found += [np.load("z.npy"), trained.encode(name)]
        found += [trained.encode(other).to_numpy(), trained.encode(other[["a", "b"]]).to_numpy()]
        assert all(z == pytest.approx(found[0], abs=1e-6) for z in found)
        assert len(found[0]) == 7
        assert trained.open("with.csv").label_names
        assert trained.open("without.csv").labels is None

    def test_frames_set_the_column_aside_too(self, place):
        model = vaekit.fit(table(), label="kind", latent=2, width=8, epochs=1)
        assert model.source.label_names == ("x", "y", "z")
        assert list(model.reconstruct(table(5)).columns) == ["a", "b"]
        with pytest.raises(BadInput, match="unknown column 'knd'"):
            vaekit.fit(table(), label="knd", epochs=1)

    def test_resuming_opens_it_alike(self, trained, capsys):
        call(capsys, "train", "--resume", "run", "--no-report")
        changed = table()
        changed.loc[0, "a"] = 9.0
        changed.to_csv("t.csv", index=False)
        assert run(["train", "--resume", "run"]) == 2
        assert "contents have changed" in capsys.readouterr().err


class TestPictures:
    def test_the_size_asked_for_is_kept(self, place, capsys):
        pictures(place / "pics", [(20, 30)] * 12)
        call(capsys, "train", "pics", "--size", "12", "-o", "run", *PLAN)
        model = vaekit.load("run")
        assert model.config.data.opening.size == (12, 12)
        pictures(place / "more", [(40, 25), (12, 12), (9, 50)])
        for data, rows in (("pics", 12), ("more", 3)):
            call(capsys, "encode", "run", data, "-o", "z.npy", "--force")
            assert np.load("z.npy") == pytest.approx(model.encode(data), abs=1e-5)
            assert len(np.load("z.npy")) == rows
            call(capsys, "reconstruct", "run", data, "-o", "x.npy", "--force")
            assert np.load("x.npy").shape[1:] == (12, 12)
        same = open_source("more", size=(12, 12)).values
        assert torch.equal(model.open("more").values, same)
        out, _ = call(capsys, "evaluate", "run", "more", "--samples", "2", "--json")
        assert json.loads(out)["rows"] == 3

    def test_without_a_size_new_pictures_come_to_the_models_own(self, place, capsys):
        pictures(place / "pics", [(10, 14)] * 12, "RGB")
        call(capsys, "train", "pics", "-o", "run", *PLAN)
        pictures(place / "more", [(40, 25)] * 3, "RGB")
        model = vaekit.load("run")
        assert model.config.data.opening.size is None
        assert model.open("more").shape == (3, 10, 14)
        assert torch.equal(model.open("more").values, open_source("more", size=(10, 14)).values)
        assert model.open("pics").fingerprint == model.config.data.fingerprint
        call(capsys, "encode", "run", "more", "-o", "z.npy", "--force")

    def test_tiles_are_cut_from_other_pictures_too(self, place, capsys):
        pictures(place / "pics", [(16, 24)] * 12)
        call(capsys, "train", "pics", "--tiles", "8", "-o", "run", *PLAN)
        pictures(place / "more", [(8, 16)])
        assert len(vaekit.load("run").encode("more")) == 2
        np.save("rows.npy", np.zeros((3, 8, 8), np.uint8))
        assert len(vaekit.load("run").encode("rows.npy")) == 3


class TestLabelFiles:
    def test_they_belong_to_the_data_they_came_with(self, place):
        np.save("x.npy", np.random.default_rng(0).random((30, 4)))
        np.save("other.npy", np.random.default_rng(1).random((5, 4)))
        Path("y.txt").write_text("a\nb\n" * 15)
        model = vaekit.fit("x.npy", labels="y.txt", latent=2, width=8, epochs=1, out="run")
        assert model.config.data.opening.labels == str(place / "y.txt")
        assert model.open("x.npy").label_names == ("a", "b")
        assert model.open("other.npy").labels is None
        Path("y.txt").unlink()
        assert len(model.encode("x.npy")) == 30


def test_which_rows_are_meant_is_said_once(trained, monkeypatch, tmp_path, capsys):
    """Of the model's own data the test split, of other data all: everywhere."""
    folder, model = trained
    own, other = model.open("digits"), model.open(model.source.values[:40])
    assert (model.split_of(own), model.split_of(other)) == ("test", "all")
    assert model.split_of(own, "train") == "train"
    assert model.evaluate("digits", samples=2).rows == model.evaluate(samples=2).rows == 179
    assert model.evaluate(model.source.values[:40], samples=2).rows == 40
    out, _ = call(capsys, "evaluate", folder, "digits", "--samples", "2", "--json")
    assert json.loads(out)["rows"] == 179
    assert len(model.encode("digits")) == 1797


def test_words_and_values():
    assert opening_of() == Opening()
    assert opening_of(given="label").given == ("label",)
    assert opening_of(size=[3, 4], given=["a", "b"]) == Opening(size=(3, 4), given=("a", "b"))
    assert Opening(size=(3, 4)).elsewhere((1, 8, 8)).size == (3, 4)
    assert Opening().elsewhere((1, 8, 9)).size == (8, 9)
    assert Opening().elsewhere((5,)).size is None
    with pytest.raises(BadInput, match="must not be negative"):
        Opening(tiles=-1)
