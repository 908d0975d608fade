"""A conditional model at every command, as a person would use it: pictures with labels."""

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import vaekit
from vaekit.interfaces.cli import run


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A run of a conditional VAE on the digits, trained at the command line."""
    out = tmp_path_factory.mktemp("doors") / "run"
    arguments = [
        "train", "digits", "--recipe", "conditional_vae", "--given", "label", "--latent", "2",
        "--likelihood", "beta_binomial", "--width", "64", "--epochs", "60", "-o", str(out),
    ]  # fmt: skip
    assert run(arguments) == 0
    return out


@pytest.fixture
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


def said(capsys):
    return capsys.readouterr().err


def test_the_report_has_a_row_of_pictures_for_each_class(folder):
    text = (folder / "report.html").read_text()
    assert "each class" in text.lower() or "one row for each" in text.lower()


def test_sampling_at_a_label_gives_that_digit(folder, here):
    """Nearest class means: most of the samples of a class lie nearest to that class."""
    digits = vaekit.open_source("digits")
    x, y = digits.values[:, 0].float().numpy(), digits.labels.numpy()
    means = np.stack([x[y == k].mean(0) for k in range(10)])
    hits = []
    for label in (0, 3, 6):
        assert (
            run(
                [
                    "sample",
                    str(folder),
                    "--given",
                    f"label={label}",
                    "-n",
                    "32",
                    "-o",
                    "s.npy",
                    "--force",
                ]
            )
            == 0
        )
        made = np.load("s.npy").astype(float)
        assert made.shape == (32, 8, 8)
        hits.append(((made[:, None] - means) ** 2).sum((2, 3)).argmin(1) == label)
    assert np.mean(hits) > 0.7


def test_in_python_it_is_the_same(folder):
    model = vaekit.load(folder)
    one = model.sample(16, given={"label": 3}, seed=5)
    assert np.array_equal(one, model.sample(16, given={"label": ["3"] * 16}, seed=5))
    assert not np.array_equal(one, model.sample(16, given={"label": 4}, seed=5))


def test_a_label_that_is_not_said_is_asked_for(folder, here, capsys):
    assert run(["sample", str(folder), "-o", "s.npy"]) == 2
    assert "--given label=0" in said(capsys)
    assert run(["sample", str(folder), "--given", "label=ten", "-o", "s.npy"]) == 2
    assert "choose from: 0, 1" in said(capsys)
    assert run(["sample", str(folder), "--given", "kind=1", "-o", "s.npy"]) == 2
    assert "label" in said(capsys)
    assert not Path("s.npy").exists()


def test_its_own_data_brings_the_labels_along(folder, here, capsys):
    for command, extra in (
        ("encode", ["digits", "-o", "z.csv"]),
        ("reconstruct", ["-o", "r.png"]),
        ("interpolate", ["--given", "label=3", "-o", "w.png"]),
        ("report", ["-o", "again.html"]),
    ):
        assert run([command, str(folder), *extra]) == 0, (command, said(capsys))
    assert len(Path("z.csv").read_text().splitlines()) == 1798
    assert Image.open("r.png").size[0] > 100


def test_evaluating_says_log_p_of_x_given_y(folder, capsys):
    assert run(["evaluate", str(folder), "--samples", "20", "--json"]) == 0
    own = json.loads(capsys.readouterr().out)
    assert run(["evaluate", str(folder), "--samples", "20", "--given", "label=1", "--json"]) == 0
    wrong = json.loads(capsys.readouterr().out)
    assert own["log_likelihood"] > wrong["log_likelihood"] + 1


@pytest.mark.long
def test_annealing_agrees_with_importance_sampling(folder):
    model = vaekit.load(folder)
    source = vaekit.open_source("digits", given="label").part("test", 20)
    found = model.evaluate(source, split="all", samples=500, annealed_rows=20, annealed_steps=100)
    assert found.annealing.value == pytest.approx(found.log_likelihood, abs=1.0)


def test_compressed_files_carry_the_labels(folder, here, capsys):
    assert run(["compress", str(folder), "digits", "-o", "d.vk", "--split", "test"]) == 0
    assert run(["decompress", "d.vk", str(folder), "-o", "back.npy"]) == 0, said(capsys)
    rows = vaekit.open_source("digits").rows("test").numpy()[:, 0]
    assert np.array_equal(np.load("back.npy").reshape(rows.shape), rows)


def test_or_the_labels_are_asked_for(folder, here, capsys):
    source = vaekit.open_source("digits")
    labels = source.labels_of("test")
    Path("y.txt").write_text("\n".join(map(str, labels.tolist())))
    compress = ["compress", str(folder), "digits", "-o", "d.vk", "--split", "test"]
    assert run([*compress, "--no-store-given"]) == 0
    capsys.readouterr()
    assert run(["decompress", "d.vk", str(folder), "-o", "back.npy"]) == 2
    assert "label" in said(capsys)
    assert (
        run(["decompress", "d.vk", str(folder), "--given", "label=@y.txt", "-o", "back.npy"]) == 0
    )
    rows = source.rows("test").numpy()[:, 0]
    assert np.array_equal(np.load("back.npy").reshape(rows.shape), rows)
    assert run(["decompress", "d.vk", str(folder), "--given", "label=1", "-o", "no.npy"]) == 2
    assert not Path("no.npy").exists()


def test_label_keeps_one_meaning(here, capsys):
    assert run(["train", "digits", "--recipe", "burda", "--given", "label", "-o", "r"]) == 2
    assert "takes nothing given: use conditional_vae" in said(capsys)
    assert run(["train", "digits", "--recipe", "conditional_vae", "-o", "r"]) == 2
    assert "--given label" in said(capsys)


def test_a_model_may_learn_to_do_without(here):
    model = vaekit.fit(
        "digits", "conditional_vae", given="label", drop=0.5, latent=2, width=32, epochs=10
    )
    assert model.sample(4).shape == model.sample(4, given={"label": 7}).shape == (4, 8, 8)
    data = vaekit.open_source("digits").rows("test").numpy()
    assert np.isfinite(model.log_likelihood(data[:5], samples=10)).all()


@pytest.mark.parametrize(
    "command",
    [
        ["reconstruct", "-o", "out.npy"],
        ["evaluate", "--samples", "5"],
        ["report", "-o", "out.html"],
        ["compress", "-o", "out.vk"],
    ],
    ids=lambda command: command[0],
)
def test_and_is_not_asked_for_it_at_any_command(command, here, capsys):
    name, *options = command
    how = {"latent": 2, "width": 16, "epochs": 1, "likelihood": "beta_binomial"}
    vaekit.fit("digits", "conditional_vae", given="label", drop=0.5, **how).save("m")
    np.savez("rows.npz", x=vaekit.open_source("digits").rows("test").numpy()[:9, 0])
    assert run([name, "m", "rows.npz", *options]) == 0, said(capsys)
