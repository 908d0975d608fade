"""Laws of all commands, found from the command line itself: options of one name and meaning
everywhere, JSON and silence where they are asked for, and nothing written over unasked."""

import json
import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
import torch
from torch.utils.data import Dataset, IterableDataset, TensorDataset

import vaekit
from vaekit.interfaces.cli import BY_RECIPE, run
from vaekit.interfaces.cli.completion import completed_app
from vaekit.system.checks import BadInput

APP = completed_app()
ELSEWHERE = {"explore", "serve", "push"}  # serve until stopped; ask a hub: tests of their own
NAMES = sorted(set(APP) - {"-h", "--help", "--version"})
TEXT_ALONE = {"help", "--install-completion"}
WITHOUT_MODEL = {
    *TEXT_ALONE,
    "recipes",
    "choose",
    "likelihoods",
    "data",
    "inspect",
    "cite",
}  # nothing is computed
ON_PROCESSORS = {
    *("compress", "decompress"),  # exact arithmetic
    "compare",  # three small models
    *("export", "push"),  # recorded, not computed
}

EXAMPLES = {
    # a command line of each command, on a model of rows.npy and a file of codes
    "train": ["rows.npy", "--epochs", "1", "--width", "4", "--no-report", "-o", "run"],
    "evaluate": ["model", "rows.npy", "--samples", "2", "-o", "s.json"],
    "score": ["model", "rows.npy", "--samples", "2"],
    "sample": ["model", "-n", "3"],
    "reconstruct": ["model", "rows.npy"],
    "encode": ["model", "rows.npy"],
    "decode": ["model", "codes.csv"],
    "interpolate": ["model", "rows.npy", "--pairs", "2", "--steps", "3"],
    "inspect": ["model"],
    "cite": ["model"],
    "report": ["model"],
    "export": ["model", "rows.npy", "--limit", "20"],
    "quality": ["model"],
    "disentangle": ["of-factors"],
    "refit-prior": ["model", "--prior", "standard", "--no-report"],
    "compress": ["model", "rows.npy"],
    "decompress": ["rows-alone.vk", "model", "-o", "back.npy"],
    "compare": ["rows.npy", "--epochs", "1"],
    "choose": ["rows.npy"],
    "sweep": [
        *("rows.npy", "--over", "latent=1:2", "--trials", "1", "--epochs", "1", "--width", "4"),
        *("-o", "run"),
    ],
    "synthesize": ["of-table", "-n", "3"],
    "impute": ["of-table", "table.csv"],
    "predict": ["of-table", "table.csv", "--target", "kind"],
    "recipes": [],
    "likelihoods": [],
    "data": [],
    "help": ["sample"],
    "--install-completion": [],
}
CHANGES_A_MODEL = {"refit-prior"}  # that is what it is for; a fitted prior is lost by --force alone
APPENDS = {"--install-completion"}  # a line to what a shell reads when it starts
OUTPUTS = {
    # a name that the command takes for its output and that is one of its inputs
    "score": "rows.npy",
    "sample": None,  # reads nothing that it could write
    "reconstruct": "rows.npy",
    "encode": "rows.npy",
    "decode": "codes.csv",
    "interpolate": "rows.npy",
    "evaluate": "other.json",
    "report": "other.html",
    "export": "other.html",
    "compare": "other.html",
    "compress": "other.vk",
    "decompress": "rows-alone.vk",
    "train": "photos",
    "sweep": "photos",
    "synthesize": None,
    "impute": "table.csv",
    "predict": "table.csv",
}


def options_of(name):
    """The options of a command: long name to its argument."""
    found = APP[name].assemble_argument_collection()
    return {n: a for a in found for n in a.names if n.startswith("-")}


OPTIONS = {name: options_of(name) for name in NAMES}


@pytest.fixture(scope="module")
def original(tmp_path_factory):
    """A folder with models, rows and codes."""
    place = tmp_path_factory.mktemp("doors")
    random = np.random.default_rng(0)
    rows = random.integers(0, 5, (220, 3)).astype(np.uint8)
    np.save(place / "rows.npy", rows)
    for ending in ("json", "html", "vk"):
        (place / f"other.{ending}").write_bytes((place / "rows.npy").read_bytes())
    factors = random.integers(0, 3, (60, 2))
    np.savez(place / "factors.npz", x=np.float32(factors) + 0.1, factors=factors)
    how = {"latent": 2, "width": 4, "epochs": 1}
    model = vaekit.fit(str(place / "rows.npy"), out=place / "model", **how)
    vaekit.fit(str(place / "factors.npz"), out=place / "of-factors", **how)
    cells = {"kind": random.choice(["a", "b"], 60), "size": random.integers(0, 5, 60)}
    pd.DataFrame(cells).to_csv(place / "table.csv", index=False)
    vaekit.fit(str(place / "table.csv"), out=place / "of-table", **how)
    codes = model.encode(rows[:3])
    np.savetxt(place / "codes.csv", codes, delimiter=",", header="z0,z1", comments="")
    folder = place / "photos"
    folder.mkdir()
    np.save(folder / "shard.npy", rows)
    run(
        [
            "compress",
            str(place / "model"),
            str(place / "rows.npy"),
            "-o",
            str(place / "rows-alone.vk"),
        ]
    )
    return place


@pytest.fixture
def place(original, tmp_path, monkeypatch, capsys):
    """A copy of it to work in, which is home too."""
    shutil.copytree(original, tmp_path / "here")
    monkeypatch.chdir(tmp_path / "here")
    monkeypatch.setenv("HOME", str(tmp_path / "here"))
    monkeypatch.setenv("SHELL", "/bin/bash")
    capsys.readouterr()
    return tmp_path / "here"


def contents(folder):
    """Every file below a folder, with its bytes."""
    return {p: p.read_bytes() for p in sorted(folder.rglob("*")) if p.is_file()}


def restore(place, original):
    """The folder as it was, which is the same folder."""
    for found in place.iterdir():
        shutil.rmtree(found) if found.is_dir() else found.unlink()
    shutil.copytree(original, place, dirs_exist_ok=True)


def refused(arguments, place, capsys):
    """Run a command that must say one line and change nothing."""
    before = contents(place)
    capsys.readouterr()
    assert run(arguments) == 2, arguments
    out, err = capsys.readouterr()
    assert contents(place) == before
    (line,) = err.splitlines()
    assert out == ""
    assert line.startswith("vaekit: ")
    return line


def test_every_command_has_an_example():
    assert set(NAMES) - ELSEWHERE == EXAMPLES.keys()
    assert {n for n in NAMES if "--output" in OPTIONS[n]} == OUTPUTS.keys()


@pytest.mark.parametrize("name", NAMES)
def test_options_have_one_name_everywhere(name):
    here = OPTIONS[name].keys()
    assert name in TEXT_ALONE or {"--json", "--quiet"} <= here
    assert name in WITHOUT_MODEL or "--threads" in here
    assert name in WITHOUT_MODEL | ON_PROCESSORS or "--device" in here
    assert ("--output" in here) == ("-o" in here)
    assert "--output" not in here or "--force" in here
    wrong = {"--out", "--overwrite", "--yes", "-f", "-q", "--verbose", "--max", "--num-threads"}
    assert not wrong & here


def test_the_same_option_means_the_same_everywhere():
    for option in ("--json", "--quiet", "--threads", "--device", "--seed", "--limit", "--given"):
        kinds = {
            OPTIONS[n][option].hint for n in NAMES if option in OPTIONS[n] if n not in BY_RECIPE
        }
        assert len(set(map(str, kinds))) == 1, (option, kinds)


@pytest.mark.parametrize("name", [n for n in EXAMPLES if n not in TEXT_ALONE])
def test_json_alone_and_quiet(name, place, capsys):
    """On the output stream JSON of the same keys each time, on the error stream nothing."""
    force = ["--force"] if "--force" in OPTIONS[name] else []
    keys = []
    for more in ([], force):
        assert run([name, *EXAMPLES[name], *more, "--json", "--quiet"]) == 0, capsys.readouterr()
        out, err = capsys.readouterr()
        assert err == ""
        keys.append(json.loads(out).keys())
    assert keys[0] == keys[1]


@pytest.mark.parametrize("name", [n for n in EXAMPLES if n not in CHANGES_A_MODEL])
def test_nothing_is_written_over_unasked(name, original, place, capsys):
    """Wherever a command writes a file, it leaves one alone that is there already."""
    command, before = [name, *EXAMPLES[name]], contents(place)
    assert run(command) == 0, capsys.readouterr()
    after = contents(place)
    assert {p for p in before if after.get(p) != before[p]} == set()
    written = sorted(after.keys() - before.keys())
    for path in written:
        restore(place, original)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"mine")
        capsys.readouterr()
        code, said = run(command), capsys.readouterr().err
        found = path.read_bytes()
        assert found == b"mine" or (name in APPENDS and found.startswith(b"mine"))
        if code:
            assert code == 2
            assert len([s for s in said.splitlines() if "vaekit:" in s]) == 1
    if written and "--force" in OPTIONS[name]:
        before = contents(place)
        assert run([*command, "--force"]) == 0, capsys.readouterr()
        assert contents(place) != before


@pytest.mark.parametrize("name", [name for name, target in OUTPUTS.items() if target])
def test_what_is_read_is_never_written_over(name, place, capsys):
    """Not even with --force."""
    target = OUTPUTS[name]
    given = EXAMPLES[name] if name != "report" else ["model", "rows.npy"]
    arguments = [a for a in given if a not in ("-o", "s.json", "run", "back.npy")]
    arguments = [target if a in ("rows.npy", "rows-alone.vk") else a for a in arguments]
    line = refused([name, *arguments, "-o", target, "--force"], place, capsys)
    assert "is read here, and would be lost" in line


def test_pieces_never_take_the_place_of_the_whole(place, capsys):
    """A range of a compressed file, or what is saved of a damaged one, beside the original."""
    whole = Path("rows.npy").read_bytes()
    assert run(["compress", "model", "rows.npy"]) == 0
    assert run(["decompress", "rows.vk", "model", "--range", "0:10"]) == 0
    assert len(np.load("rows-restored.npy")) == 10
    refused(["decompress", "rows.vk", "model", "--salvage"], place, capsys)
    Path("rows-restored.npy").unlink()
    assert run(["decompress", "rows.vk", "model", "--salvage"]) == 0
    assert Path("rows.npy").read_bytes() == whole
    assert Path("rows-restored.rows.npy").exists()
    Path("rows-restored.npy").unlink()
    refused(["decompress", "rows.vk", "model", "--salvage"], place, capsys)  # the numbers are there


def test_names_with_points_stay_whole(place):
    shutil.copy("rows.npy", "rows.first.npy")
    assert run(["compress", "model", "rows.first.npy"]) == 0
    assert Path("rows.first.vk").exists()


def test_a_new_run_in_the_place_of_another_has_nothing_of_it(place, capsys):
    Path("model/mine.txt").write_text("mine")
    capsys.readouterr()
    train = ["train", "rows.npy", "--epochs", "1", "--width", "4", "--no-report", "-o", "model"]
    refused(train, place, capsys)
    Path("model/report.html").write_text("of the old run")
    assert run([*train, "--force"]) == 0
    assert not Path("model/report.html").exists()
    assert Path("model/mine.txt").read_text() == "mine"
    with pytest.raises(BadInput, match="already holds a run"):
        vaekit.fit("rows.npy", out="model", epochs=1, width=4)
    vaekit.fit("rows.npy", out="model", epochs=1, width=4, force=True)


def test_a_fitted_prior_is_not_lost_unasked(place, capsys):
    fit = ["refit-prior", "model", "--prior", "standard", "--no-report"]
    assert run(fit) == 0
    assert "fitted prior already" in refused(fit, place, capsys)
    assert run([*fit, "--force"]) == 0
    assert run(["refit-prior", "model", "--undo", "--no-report"]) == 0


def test_codes_have_labels_and_deviations(place, capsys):
    pd = pytest.importorskip("pandas")
    frame = pd.DataFrame({"a": range(40), "b": [1.5, 2] * 20, "kind": ["x", "y"] * 20})
    frame.to_csv("t.csv", index=False)
    model = vaekit.fit("t.csv", label="kind", latent=2, width=4, epochs=1, out="run")
    assert run(["encode", "run", "t.csv", "--std", "-o", "c.csv"]) == 0
    found = pd.read_csv("c.csv")
    assert [*found] == ["row", "z0", "z1", "z0_sd", "z1_sd", "label"]
    assert [*found["label"]] == [*frame["kind"]]
    assert np.allclose(found[["z0", "z1"]], model.encode("t.csv"), atol=1e-5)
    spread = np.concatenate([*model.codes("t.csv", spread=True)])[:, 2:]
    assert np.allclose(found[["z0_sd", "z1_sd"]], spread, atol=1e-5)
    assert (spread > 0).all()
    assert run(["decode", "run", "c.csv", "-o", "back.csv"]) == 0
    back = pd.read_csv("back.csv")
    assert np.allclose(back["b"], model.decode(model.encode("t.csv"))[:, 1], atol=1e-4)


def test_frames_give_frames_when_sampling(place):
    pd = pytest.importorskip("pandas")
    frame = pd.DataFrame({"a": range(40), "b": [1.5, 2] * 20, "c": [True, False] * 20})
    model = vaekit.fit(frame, latent=2, width=4, epochs=1)
    for like in (frame, pa.Table.from_pandas(frame)):
        made, back = model.sample(5, seed=1, like=like), model.decode(model.encode(like))
        assert type(made) is type(back) is type(like)
        assert len(made) == 5
    assert [kind.kind for kind in model.sample(5, like=frame).dtypes] == ["i", "f", "b"]
    assert isinstance(model.sample(5), np.ndarray)


def test_a_model_goes_to_a_device(place):
    model = vaekit.load("model")
    assert model.to("cpu") is model
    with pytest.raises(BadInput, match="there is no device 'tpu'"):
        model.to("tpu")


MISTAKES = {
    "epochs must be a whole number, not 1.5": {"epochs": 1.5},
    "width must be a whole number, not 3.7": {"width": 3.7},
    "latent must be a whole number, not 'two'": {"latent": "two"},
    "latent must be a whole number, not True": {"latent": True},
    "lr must be a finite number, not nan": {"lr": float("nan")},
    "kl_warmup must lie between 0 and 1, not 5": {"kl_warmup": 5},
    "beta must not be negative, not -1": {"recipe": "beta_vae", "beta": -1},
    "mix must lie between 0 and 1, not 2": {"recipe": "ciwae", "mix": 2},
    "unknown likelihood 'x'": {"likelihood": "x"},
    "unknown way to binarize 'x'": {"binarize": "x"},
    "recipe must be a text, not 3": {"recipe": 3},
    "checkpoint_every must not be negative, not -1": {"checkpoint_every": -1},
}


@pytest.mark.parametrize("message", MISTAKES)
def test_options_are_checked_before_data_is_read(message):
    """There is no such file; what is said is of the option."""
    with pytest.raises(BadInput, match=message):
        vaekit.fit("nowhere.npy", **MISTAKES[message])


def test_numbers_of_numpy_are_numbers(place):
    how = {"epochs": np.int32(1), "width": np.int64(4), "lr": np.float32(0.5)}
    model = vaekit.fit("rows.npy", latent=np.int64(2), out="np", **how)
    assert vaekit.load("np").latent == model.latent == 2


def test_data_of_other_kinds_gets_a_line():
    x = torch.rand(20, 3)

    class Stream(IterableDataset):
        def __iter__(self):
            return iter(x)

    class Named(Dataset):
        def __len__(self):
            return len(x)

        def __getitem__(self, i):
            return {"x": x[i], "y": i % 2}

    how = {"epochs": 1, "width": 4, "latent": 2}
    with pytest.raises(BadInput, match="IterableDataset, which has no length"):
        vaekit.fit(Stream(), **how)
    assert vaekit.fit(Named(), **how).latent == vaekit.fit(TensorDataset(x), **how).latent == 2
    with pytest.raises(BadInput, match="names a column, and data has no columns"):
        vaekit.fit(x, label="y")
    with pytest.raises(BadInput, match="is for pictures in files"):
        vaekit.fit(x, size=8)
