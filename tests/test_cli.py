"""Every command does what it says, for people and for machines."""

import inspect
import json
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from vaekit.interfaces.cli import COMMANDS, run
from vaekit.interfaces.cli.train import command_for
from vaekit.interfaces.cli.waiting import choose_wait_policy, is_busy, running_threads
from vaekit.recipes import RECIPES
from vaekit.recipes.recipe import options
from vaekit.system.progress import tracked


@pytest.fixture
def model(tmp_path, monkeypatch, trained):
    monkeypatch.chdir(tmp_path)
    shutil.copytree(trained[0], "model")
    return trained[1]


def call(capsys, *arguments):
    """Run the command line, expect success; what it printed."""
    code = run(arguments)
    out, err = capsys.readouterr()
    assert code == 0, err
    return out, err


def test_help_names_every_command(capsys):
    out, _ = call(capsys, "--help")
    assert all(name in out for name in COMMANDS)


@pytest.mark.parametrize("recipe", RECIPES)
def test_no_option_of_a_recipe_is_one_of_training(recipe):
    """What a recipe calls its own must not be called so by the command that trains it."""
    signature = inspect.signature(command_for(recipe))
    assert {*options(RECIPES[recipe])} <= {*signature.parameters}


def test_version(capsys):
    import vaekit

    assert call(capsys, "--version")[0].strip() == vaekit.__version__


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_has_help(command, capsys):
    out, _ = call(capsys, command, "--help")
    assert "Usage: vaekit" in out


def test_options_of_train_are_those_of_the_recipe(capsys):
    plain = call(capsys, "train", "--help")[0]
    beta = call(capsys, "train", "--recipe", "beta_vae", "--help")[0]
    keras = call(capsys, "train", "--recipe=keras_mnist", "--help")[0]
    assert "--latent" in plain
    assert "--beta" not in plain
    assert "--beta" in beta
    assert "--network" in beta
    assert "--network" not in keras
    assert "[default: 30]" in keras


def test_train_writes_a_run_and_prints_json(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    out, err = call(
        capsys,
        "train",
        "digits",
        "--latent",
        "2",
        "--width",
        "16",
        "--epochs",
        "2",
        "--json",
        "-o",
        "r",
    )
    found = json.loads(out)
    assert found["folder"] == "r"
    assert found["rows"] == 179
    assert {p.name for p in Path("r").iterdir()} == {
        "config.json", "model.safetensors", "checkpoint.safetensors", "metrics.jsonl", "report.html", "scores.json",
    }  # fmt: skip
    assert "1,439 train" in err
    assert "likelihood beta_binomial: values are whole levels 0 to 16" in err


def test_train_names_its_own_folder(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    for name in ("digits-vae", "digits-vae-2"):
        call(capsys, "train", "digits", "--width", "8", "--epochs", "1", "--no-report")
        assert Path("runs", name, "model.safetensors").exists()


def test_a_finished_run_can_be_resumed_without_harm(model, capsys):
    before = Path("model/model.safetensors").read_bytes()
    call(capsys, "train", "--resume", "model", "--no-report")
    assert Path("model/model.safetensors").read_bytes() == before


def test_train_on_pictures_with_labels(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    rng = np.random.default_rng(0)
    for i in range(20):
        folder = Path("photos", "ab"[i % 2])
        folder.mkdir(parents=True, exist_ok=True)
        Image.fromarray(rng.integers(0, 256, (30, 20, 3), np.uint8)).save(folder / f"{i}.png")
    _, err = call(
        capsys, "train", "photos", "--recipe", "conv_vae", "--latent", "4", "--size", "21x17", "--epochs", "1",
    )  # fmt: skip
    assert "resized to 21 x 17" in err
    page = Path("runs/photos-conv_vae/report.html").read_text()
    assert "Samples from the prior" in page


def test_evaluate(model, capsys):
    out, _ = call(capsys, "evaluate", "model", "--samples", "20", "--json", "-o", "s.json")
    found = json.loads(out)
    assert found == json.loads(Path("s.json").read_text())
    assert found["rows"] == 179
    assert found["elbo"] < found["log_likelihood"] < 0
    out, _ = call(
        capsys,
        "evaluate",
        "model",
        "digits",
        "--split",
        "validation",
        "--samples",
        "20",
        "--limit",
        "7",
    )
    assert "(7 rows, 20 samples each)" in out


@pytest.mark.parametrize("ending", [".npy", ".npz", ".csv", ".parquet", ".png", ""])
def test_sample_writes_what_is_asked(model, capsys, ending):
    call(capsys, "sample", "model", "-n", "9", "--seed", "3", "-o", f"s{ending}")
    path, expected = Path(f"s{ending}"), model.sample(9, seed=3)
    if ending == ".npy":
        assert np.array_equal(np.load(path), expected)
    elif ending == ".npz":
        assert np.array_equal(np.load(path)["x"], expected)
    elif ending == ".csv":
        assert np.array_equal(np.loadtxt(path, delimiter=",", skiprows=1), expected.reshape(9, -1))
    elif ending == ".parquet":
        import pandas as pd

        assert np.array_equal(pd.read_parquet(path).to_numpy(), expected.reshape(9, -1))
    elif ending == ".png":
        width, height = Image.open(path).size
        assert width == height
        assert 500 <= width <= 900
    else:
        assert len(list(path.glob("*.png"))) == 9


def test_encode_and_decode_are_each_others_reverse(model, capsys):
    call(capsys, "encode", "model", "--split", "test", "-o", "z.csv")
    call(capsys, "decode", "model", "z.csv", "-o", "x.npy")
    call(capsys, "reconstruct", "model", "-o", "r.npy")
    codes = np.loadtxt("z.csv", delimiter=",", skiprows=1)[:, 1:-1]  # between number and label
    assert Path("z.csv").read_text().startswith("row,z0,z1,label\n")
    assert codes.shape == (179, 2)
    assert np.abs(np.load("x.npy").astype(int) - np.load("r.npy")).max() <= 1


def test_pictures_by_default_go_into_the_models_folder(model, capsys):
    for command, name in (
        ("sample", "samples"),
        ("reconstruct", "reconstructions"),
        ("interpolate", "interpolation"),
    ):
        _, err = call(capsys, command, "model")
        assert f"rows to model/{name}.png" in err
        assert Image.open(f"model/{name}.png").width > 50


def test_interpolate(model, capsys):
    call(capsys, "interpolate", "model", "--pairs", "3", "--steps", "4", "-o", "w.npy")
    assert np.load("w.npy").shape == (12, 8, 8)


def test_inspect_prints_the_layers(model, capsys):
    out, _ = call(capsys, "inspect", "model")
    assert "encoder layer" in out
    assert "connected to" in out
    found = json.loads(call(capsys, "inspect", "model", "--json")[0])
    assert found["parameters"]["total"] == sum(p.numel() for p in model.model.parameters())
    listed = sum(layer["parameters"] for part in found["layers"].values() for layer in part)
    assert listed == found["parameters"]["total"]


def test_inspect_shows_the_founding_model_as_published(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    np.save("x.npy", np.random.default_rng(0).integers(0, 256, (12, 28, 28)).astype(np.uint8))
    call(
        capsys,
        "train",
        "x.npy",
        "--recipe",
        "keras_mnist",
        "--epochs",
        "1",
        "--no-report",
        "-o",
        "r",
    )
    out, _ = call(capsys, "inspect", "r")
    assert "encoder: 69,076 parameters" in out
    assert "decoder: 65,089 parameters" in out
    rows = {line.split()[0]: line.split() for line in out.splitlines() if line[:1].isalpha()}
    assert rows["conv2"][1:] == ["SameConv", "64", "x", "7", "x", "7", "18,496", "relu1"]
    assert rows["heads.z_log_var"][-2:] == ["34", "relu3"]
    assert rows["heads"][-1] == "relu3"
    assert rows["deconv3"][-2:] == ["289", "relu3"]


def test_evaluate_by_annealing(model, capsys):
    out, _ = call(
        capsys, "evaluate", "model", "--samples", "50", "--ais", "20", "--ais-steps", "60",
        "--chains", "4", "--limit", "40", "--json",
    )  # fmt: skip
    found = json.loads(out)
    assert found["annealed_rows"] == 20
    assert found["annealed"] == pytest.approx(found["log_likelihood"], abs=8)
    assert -0.5 < found["annealed_gap"] < 5
    assert found["bits_of"].startswith("whole values")
    assert found["mutual_information"] > 0


@pytest.mark.parametrize("features", ["raw", "pca", "classifier"])
def test_quality(model, capsys, features):
    found = json.loads(call(capsys, "quality", "model", "--features", features, "--json")[0])
    assert found["features"] == features
    assert found["rows"] == 179
    assert found["frechet"] > 0
    assert 0 <= found["coverage"] <= 1


def test_quality_in_a_space_of_ones_own(trained):
    from vaekit.runs.judge import judge_samples

    found = judge_samples(trained[1], lambda rows: rows.reshape(len(rows), -1)[:, :10])
    assert found.features == "the caller's own"


def test_disentangle(tmp_path, monkeypatch, capsys):
    from vaekit.data.published import sprites

    monkeypatch.chdir(tmp_path)
    factors = torch.randint(0, 3, (300, 5))
    images = sprites.draw(sprites.index_of(factors))[:, 0, ::4, ::4]
    np.savez("s.npz", x=images.numpy(), factors=factors.numpy())
    call(
        capsys,
        "train",
        "s.npz",
        "--latent",
        "4",
        "--width",
        "32",
        "--epochs",
        "3",
        "--no-report",
        "-o",
        "r",
    )
    found = json.loads(call(capsys, "disentangle", "r", "--json")[0])
    assert {"mig", "sap", "modularity", "dci_disentanglement"} <= set(found)
    assert found["factor_vae"] is None
    assert 0 <= found["mig"] <= 1
    assert 0 <= found["mig_of_draws"] <= 1


def test_inspect_shows_the_health_of_the_latents(model, capsys):
    call(capsys, "report", "model")
    out, _ = call(capsys, "inspect", "model")
    assert "latents     " in out
    assert "KL per unit" in out


def test_lists(capsys):
    recipes = json.loads(call(capsys, "recipes", "--json")[0])
    assert {"vae", "beta_vae", "keras_mnist", "autoencoder"} <= set(recipes)
    assert all(recipes.values())
    out, _ = call(capsys, "data")
    assert "digits" in out
    assert "60,000" in out


def test_report_again(model, capsys):
    _, err = call(capsys, "report", "model")
    assert "wrote model/report.html" in err
    assert "Interpolations" in Path("model/report.html").read_text()


def test_compare(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    out, _ = call(capsys, "compare", "digits", "--epochs", "3")
    words, _, *table = out.splitlines()
    assert words.startswith("Random codes that decode to something meaningful: PCA ")
    assert [line.split()[0] for line in table] == [
        "model",
        "PCA",
        "autoencoder",
        "VAE",
        "real",
    ]
    page = Path("compare-digits.html").read_text()
    assert page.count('class="map"') == 3
    assert page.count("data:image/png") >= 9


def test_training_that_fails_says_so_and_exits_with_one(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    code = run(
        [
            "train",
            "digits",
            "--lr",
            "1e30",
            "--clip",
            "0",
            "--warmup",
            "0",
            "--epochs",
            "2",
            "--no-report",
            "-o",
            "r",
        ]
    )
    err = capsys.readouterr().err
    assert code == 1
    assert "became" in err
    assert "at step" in err
    assert "Traceback" not in err


def test_idle_threads_wait_as_the_machine_allows(tmp_path):
    loads = tmp_path / "loadavg"
    loads.write_text("0.5 0.4 0.3 3/120 4567\n")
    assert running_threads(loads) == 2
    assert running_threads(tmp_path / "none") == 0
    assert is_busy(1, 2)
    assert not is_busy(0, 2)
    assert not is_busy(2, 16)
    kept = {"OMP_WAIT_POLICY": "active"}
    choose_wait_policy(kept)
    assert kept == {"OMP_WAIT_POLICY": "active"}
    chosen: dict[str, str] = {}
    choose_wait_policy(chosen)
    assert len(chosen) == 1


def test_a_bar_inside_a_bar(monkeypatch, capsys):
    """A terminal has room for one."""
    monkeypatch.setattr("sys.stderr.isatty", lambda: True)
    pairs = [(a, b) for a in tracked("ab", "outer", 2) for b in tracked("cd", "inner", 2)]
    assert len(pairs) == 4
    said = capsys.readouterr().err
    assert "outer" in said
    assert "inner" not in said
