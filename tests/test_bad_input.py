"""Thirty and more things people get wrong at the command line: one clear line each, exit code 2,
nothing half-written."""

import errno
import json
import os
import pickle
import shutil
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from vaekit.interfaces.cli import as_typed, run

TRAIN = ["--epochs", "1", "--no-report"]


@pytest.fixture
def place(tmp_path, monkeypatch, trained):
    """A folder with good and bad things in it, and a good model."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "no-cache"))
    monkeypatch.setenv("MPLCONFIGDIR", str(tmp_path.parent / "fonts"))
    monkeypatch.delenv("VAEKIT_DATA", raising=False)
    shutil.copytree(trained[0], "model")
    rng = np.random.default_rng(0)
    good = rng.random((30, 6)).astype(np.float32)
    np.save("good.npy", good)
    np.save("one.npy", good[:1])
    np.save("nan.npy", np.where(np.arange(180).reshape(30, 6) == 44, np.nan, good))
    np.save("signed.npy", rng.normal(size=(30, 8, 8)).astype(np.float32) * 3)
    np.save("negative.npy", rng.integers(-3, 9, (30, 6)))
    np.save("flat.npy", np.arange(30.0))
    np.save("text.npy", np.array(["a"] * 30))
    np.save("objects.npy", np.array([{}] * 3, dtype=object), allow_pickle=True)
    np.save("codes3.npy", rng.random((4, 3)))
    Path("labels.txt").write_text("a\nb\n")
    Path("empty.npy").touch()
    Path("broken.npy").write_bytes(b"\x93NUMPY and then nothing")
    Path("words.csv").write_text("a,b\n" + "1,red\n" * 12)
    Path("blank.csv").write_text("a,b,kind\n" + "1,2.5,\n3,4.5,\n" * 6)
    Path("ragged.csv").write_text("a,b\n" + "1,2\n" * 12 + "1\n")
    Path("gaps.csv").write_text("a,b\n" + "1,2.5\n" * 12 + "1,\n")
    Path("notes.xyz").write_text("?")
    Path("empty-folder").mkdir()
    Path("folder.npy").mkdir()
    Path("null.json").symlink_to(os.devnull)
    Path("photos").mkdir()
    for i in range(12):
        Image.new("L", (8, 8), i).save(f"photos/{i}.png")
    Path("bad-photos").mkdir()
    for i in range(12):
        Image.new("L", (8, 8), i).save(f"bad-photos/{i}.png")
    Path("bad-photos/5.png").write_bytes(b"this is no picture")
    Path("cut-photos").mkdir()
    Image.fromarray(rng.integers(0, 255, (64, 64), np.uint8)).save("whole.png")
    Path("cut-photos/a.png").write_bytes(Path("whole.png").read_bytes()[:900])
    shutil.copytree("model", "zero-model")
    Path("zero-model/model.safetensors").write_bytes(b"")
    shutil.copytree("model", "cut-model")
    weights = Path("cut-model/model.safetensors")
    weights.write_bytes(weights.read_bytes()[:5000])
    shutil.copytree("model", "flipped-model")
    weights = bytearray(Path("flipped-model/model.safetensors").read_bytes())
    weights[3] ^= 0xFF
    Path("flipped-model/model.safetensors").write_bytes(weights)
    shutil.copytree("model", "other-model")
    config = json.loads(Path("model/config.json").read_text())
    Path("other-model/config.json").write_text(
        json.dumps({**config, "arguments": {**config["arguments"], "latent": 5}})
    )
    shutil.copytree("model", "new-model")
    Path("new-model/config.json").write_text(json.dumps({**config, "format": 99, "vaekit": "9.0"}))
    shutil.copytree("model", "odd-model")
    Path("odd-model/config.json").write_text('{"architectures": ["Bert"]}')
    shutil.copytree("model", "torn-model")
    Path("torn-model/config.json").write_text('{"format": 1, "rec')
    shutil.copytree("model", "lost-recipe")
    Path("lost-recipe/config.json").write_text(json.dumps({**config, "recipe": "va"}))
    shutil.copytree("model", "moved-data")
    moved = {**config["data"], "open": str(tmp_path / "gone.npy")}
    Path("moved-data/config.json").write_text(json.dumps({**config, "data": moved}))
    shutil.copytree("model", "changed-data")
    changed = {**config["data"], "fingerprint": "0" * 64}
    Path("changed-data/config.json").write_text(json.dumps({**config, "data": changed}))
    shutil.copytree("model", "no-checkpoint")
    Path("no-checkpoint/checkpoint.safetensors").unlink()
    with Path("model.pkl").open("wb") as file:
        pickle.dump({"weights": [1, 2]}, file)
    return tmp_path


CASES = {
    # what is wrong: (command line, what the message must say)
    "missing file": (["train", "nowhere.npy"], "no file or folder nowhere.npy"),
    "misspelt data set": (["train", "digit"], "did you mean 'digits'"),
    "no data": (["train"], "give the data to train on"),
    "empty folder": (["train", "empty-folder"], "no pictures .* in empty-folder"),
    "empty file": (["train", "empty.npy"], r"empty.npy is empty \(0 bytes\)"),
    "broken file": (["train", "broken.npy"], "cannot read broken.npy"),
    "pickled array": (["train", "objects.npy"], "cannot read objects.npy"),
    "unknown kind of file": (["train", "notes.xyz"], "unknown kind of data file '.xyz'"),
    "broken picture": (["train", "bad-photos"], "cannot read bad-photos/5.png as a picture"),
    "cut picture": (["train", "cut-photos"], "cannot read cut-photos/a.png as a picture"),
    "NaN": (["train", "nan.npy"], r"1 values are missing or infinite, the first in row 7"),
    "gaps in a table": (["train", "gaps.csv", "--recipe", "vae"], "row 12, column 'b'"),
    "impute by a model that knows no gaps": (["impute", "model", "nan.npy"], "recipe .* knows no gaps: train gaps_vae"),
    "not_miwae of other numbers": (["train", "nan.npy", "--recipe", "not_miwae", "--likelihood", "laplace"], "not_miwae is for likelihood gaussian"),
    "modalities that are not there": (["train", "good.npy", "--recipe", "mvae", "--modalities", "0-2, 4-9"], "modalities: unknown column '4-9'"),
    "modalities that share a column": (["train", "good.npy", "--recipe", "mvae", "--modalities", "0-2, 2-5"], "column '2' is in 2 of them"),
    "exemplars with gaps": (["train", "nan.npy", "--recipe", "gaps_vae", "--prior", "exemplar", "--width", "8"], "an exemplar prior needs rows without gaps"),
    "one modality": (["train", "good.npy", "--recipe", "mmvae", "--modalities", "0-5"], "are fewer than two"),
    "labels that are all blank": (["train", "blank.csv", "--recipe", "m2_vae", "--label", "kind", "--given", "label"], "names fewer than two classes"),
    "modalities that leave one out": (["train", "good.npy", "--recipe", "mopoe", "--modalities", "0-2, 4-5"], "column '3' is in none of them"),
    "a season longer than the series": (["train", "good.npy", "--recipe", "time_vae", "--seasons", "7"], "season '7' is none of a series of 6 times"),
    "pixels of what is no picture": (["train", "good.npy", "--recipe", "pixel_vae", "--likelihood", "bernoulli"], "in pictures alone"),
    "text in a table": (["train", "words.csv", "--recipe", "vae"], "column 'b', row 0 holds 'red'"),
    "ragged table": (["train", "ragged.csv"], "line 14 has 1 cells, the first line has 2"),
    "text array": (["train", "text.npy"], "holds text; only numbers can be used"),
    "one-dimensional": (["train", "flat.npy"], "give vectors"),
    "one row only": (["train", "one.npy"], "1 row: too few"),
    "labels of wrong length": (["train", "good.npy", "--labels", "labels.txt"], "30 rows but 2 labels"),
    "no such labels": (["train", "good.npy", "--labels", "no.txt"], "there is no file no.txt"),
    "no such column": (["train", "gaps.csv", "--label", "c"], "unknown column 'c'"),
    "negative counts": (["train", "negative.npy", "--likelihood", "poisson"], "run from -3 to 8: counts are"),
    "floats under bernoulli": (["train", "signed.npy", "--likelihood", "bernoulli"], r"bernoulli needs values in \[0, 1\]"),
    "fractions under levels": (["train", "good.npy", "--likelihood", "categorical"], "some values are fractions"),
    "unknown recipe": (["train", "digits", "--recipe", "beta_vea"], "did you mean 'beta_vae'"),
    "unknown likelihood": (["train", "digits", "--likelihood", "bernouli"], "did you mean 'bernoulli'"),
    "unknown option": (["train", "digits", "--latnt", "3"], "Did you mean --latent"),
    "option of another recipe": (["train", "digits", "--beta", "3"], "Unknown option: --beta"),
    "not a number": (["train", "digits", "--latent", "two"], "Invalid value for --latent: 'two' is no whole number"),
    "latent of zero": (["train", "digits", "--latent", "0"], "latent must be at least 1"),
    "negative learning rate": (["train", "digits", "--lr", "-1"], "lr must be above 0"),
    "nonsense size": (["train", "photos", "--size", "big"], "size must be like 64 or 48x64"),
    "images needed": (["train", "good.npy", "--network", "conv"], "network 'conv' is for images"),
    "nonsense scale": (["train", "good.npy", "--scale", "huge"], "scale must be auto, shared"),
    "binarize against likelihood": (
        ["train", "digits", "--binarize", "dynamic", "--likelihood", "gaussian"],
        "binarized data needs likelihood bernoulli",
    ),
    "folder in use": (["train", "digits", "-o", "model"], "model already holds a run"),
    "folder is a file": (["train", "digits", "-o", "good.npy/run"], "cannot write into good.npy/run"),
    "nothing to resume": (["train", "--resume", "empty-folder"], "empty-folder is not a model"),
    "resume with options": (["train", "--resume", "model", "--latent", "3"], "leave out --latent"),
    "resume on lost data": (["train", "--resume", "moved-data"], "no file or folder .*gone.npy"),
    "resume on changed data": (["train", "--resume", "changed-data"], "its contents have changed"),
    "no model": (["evaluate", "nowhere"], "there is no model nowhere"),
    "empty model file": (["evaluate", "zero-model"], r"model.safetensors is empty \(0 bytes\)"),
    "truncated model file": (["sample", "cut-model"], "damaged or no safetensors file"),
    "flipped bits in the header": (["sample", "flipped-model"], "damaged or no safetensors file"),
    "a pickle": (["sample", "model.pkl"], "can run any code"),
    "weights of another size": (["sample", "other-model"], "weights of another recipe or size"),
    "newer format": (["inspect", "new-model"], "newer format .* upgrade vaekit"),
    "foreign configuration": (["inspect", "odd-model"], "does not describe a vaekit model"),
    "torn configuration": (["inspect", "torn-model"], "cannot read torn-model/config.json"),
    "recipe that is gone": (["inspect", "lost-recipe"], "unknown recipe 'va'; did you mean 'vae'"),
    "folder without a model": (["encode", "photos"], "photos is not a model"),
    "wrong shape for the model": (["encode", "model", "good.npy"], "takes rows of 8 x 8, .*good.npy has rows of 6"),
    "values the model cannot know": (["evaluate", "model", "signed.npy"], "beta_binomial needs whole numbers"),
    "codes of wrong width": (["decode", "model", "codes3.npy"], r"codes must have shape \(rows, 2\), not \(4, 3\)"),
    "no codes": (["decode", "model", "no.npy"], "there is no file no.npy"),
    "no samples": (["sample", "model", "-n", "0"], "at least 1, not 0"),
    "no importance samples": (["evaluate", "model", "--samples", "0"], "samples must be at least 1"),
    "serving no model": (["serve", "nowhere"], "there is no model nowhere"),
    "two models of a name": (["serve", "model", "model"], "are both called model: give one another name"),
    "serving everybody": (["serve", "model", "--host", "0.0.0.0"], "could use the models: set VAEKIT_TOKEN"),
    "a token of two words": (["serve", "model", "--token", "two words"], "a token is a word"),
    "exploring no model": (["explore", "nowhere"], "there is no model nowhere"),
    "exploring another table": (["explore", "model", "words.csv", "--no-browser"], "column 'b', row 0 holds 'red'"),
    "exploring no such split": (["explore", "model", "--split", "nothing", "--no-browser"], "unknown split 'nothing'"),
    "no model beside": (["explore", "model", "--beside", "nowhere", "--no-browser"], "there is no model nowhere"),
    "pushing without an owner": (["push", "model", "one"], "a model on the hub is owner/name, not 'one'"),
    "pushing no model": (["push", "nowhere", "me/x"], "there is no model nowhere"),
    "pushing a table": (["push", "words.csv", "me/x"], "words.csv is not a model"),
    "exporting to nothing known": (["export", "model", "--to", "pdf"], 'Choose from: "html"'),
    "exporting into no folder": (["export", "model", "-o", "nowhere/x.html"], "there is no folder nowhere"),
    "exporting what it is not": (["export", "model", "--to", "diffusers", "-o", "d"], "diffusers has no such model"),
    "unknown split": (["evaluate", "model", "--split", "tset"], "did you mean 'test'"),
    "unknown output": (["sample", "model", "-o", "x.jpeg"], "unknown kind of output file '.jpeg'"),
    "output folder missing": (["sample", "model", "-o", "no/x.png"], "there is no folder no"),
    "codes are no pictures": (["encode", "model", "-o", "x.png"], "unknown kind of output file '.png': choose .csv, .parquet, .npy, .npz or .h5ad"),
    "one step": (["interpolate", "model", "--steps", "1"], "--steps must be at least 2, not 1"),
    "unknown command": (["trian", "digits"], 'Did you mean "train"'),
    "no memory for it": (["train", "digits", "--latent", "1000000000000", "-o", "r"], r"one array alone takes [\d,]+ GiB of memory, and this machine has"),
    "missing argument": (["evaluate"], "evaluate needs MODEL: run or model folder"),
    "missing value": (["train", "--seeds"], "--seeds needs a value: do it so many times"),
    "model before file": (["decompress", "model", "x.vk"], "the file comes first: vaekit decompress x.vk model"),
    "no factors": (["disentangle", "model"], "digits has no known factors"),
    "unknown feature space": (["quality", "model", "--features", "inception"], "unknown feature space"),
    "no chains": (["evaluate", "model", "--ais", "5", "--chains", "0"], "chains must be at least 1"),
    "a share above one": (["train", "digits", "--kl-warmup", "5"], "--kl-warmup must lie between 0 and 1, not 5"),
    "no refinement": (["train", "digits", "--recipe", "sa_vae", "--refinements", "0"], "refinements must be at least 1, not 0"),
    "no stride": (["train", "digits", "--recipe", "sa_vae", "--stride", "0"], "stride must be above 0"),
    "an unknown gradient": (["train", "digits", "--recipe", "sa_vae", "--gradient", "none"], 'Choose from: "whole", "straight"'),
    "no tempering that can be": (["train", "digits", "--recipe", "hvae", "--tempering", "0"], "--tempering must be above 0 and at most 1"),
    "a reward for the KL": (["train", "digits", "--recipe", "beta_vae", "--beta", "-1"], "beta must not be negative"),
    "a fraction of an epoch": (["train", "digits", "--patience", "1.5"], "--patience: '1.5' is no whole number"),
    "a fraction of a unit": (["train", "digits", "--width", "3.7"], "--width: '3.7' is no whole number"),
    "an endless learning rate": (["train", "digits", "--lr", "inf"], "lr must be a finite number, not inf"),
    "no rank": (["train", "digits", "--rank", "0"], "rank must be at least 1"),
    "components of a normal": (["train", "digits", "--posterior-components", "3"], "--posterior-components does nothing: a diagonal posterior has none"),
    "components of N(0, I)": (["train", "digits", "--prior-components", "3"], "--prior-components does nothing: a standard prior has none"),
    "more components than rows": (["train", "good.npy", "--prior", "mixture", "--prior-components", "100000"], "--prior-components is 100,000, more than there are training rows"),
    "more clusters than rows": (["train", "good.npy", "--recipe", "vade", "--clusters", "1000"], "--clusters is 1,000, more than there are training rows"),
    "no temperature": (["train", "digits", "--recipe", "categorical_vae", "--temperature", "0"], "temperature must be above 0"),
    "scales from fine to coarse": (["train", "digits", "--recipe", "vq_vae", "--scales", "4,2"], "--scales are whole numbers that rise, as 1,2,4, not '4,2'"),
    "a scale that is too fine": (["train", "digits", "--recipe", "vq_vae", "--scales", "1,32"], "scales go up to 32, finer than a code of 16 places"),
    "an unknown list": (["train", "digits", "--recipe", "vq_vae", "--codebook", "moved"], 'Choose from: "free", "mapped"'),
    "a map of rows": (["train", "good.npy", "--recipe", "vq_vae", "--network", "map"], "network 'map' is for images; for vectors use 'dense'"),
    "places of a map": (["train", "digits", "--recipe", "vq_vae", "--network", "map", "--places", "4"], "--places does nothing: network map has as many as the map, so leave it out"),
    "a pixelcnn in a line": (["train", "digits", "--recipe", "fsq_vae", "--code-prior", "pixelcnn"], "a pixelcnn prior is of codes that are maps: take network 'map'"),
    "too deep": (["train", "digits", "--depth", "5000"], "depth must lie between 0 and 1,000, not 5000"),
    "negative checkpoints": (["train", "digits", "--checkpoint-every", "-2"], "--checkpoint-every must not be negative"),
    "two data sets": (["train", "digits", "mnist"], "too many arguments: 'mnist'"),
    "half precision": (["train", "digits", "--precision", "fp16"], "choose from: auto, bf16, fp32"),
    "likelihood before data": (["train", "broken.npy", "--likelihood", "x"], "unknown likelihood 'x'"),
    "recipe before data": (["train", "broken.npy", "--recipe", "x"], "unknown recipe 'x'"),
    "a size for no pictures": (["train", "digits", "--size", "64"], "size 64 x 64 is for pictures in files"),
    "a label column for what has none": (["train", "digits", "--label", "y"], "digits has its own labels"),
    "output before data": (["train", "broken.npy", "-o", "model"], "model already holds a run"),
    "a folder in use": (["train", "broken.npy", "-o", "photos"], "photos is there already"),
    "a run onto its data": (["train", "photos", "-o", "photos", "--force"], "photos is read here, and would be lost"),
    "a run that is nowhere": (["train", "broken.npy", "-o", "good.npy/run"], "cannot write into good.npy/run"),
    "negative limit": (["evaluate", "model", "--limit", "-3"], "--limit must not be negative, not -3"),
    "negative rows": (["sample", "model", "-n", "-5"], "-n must be at least 1, not -5"),
    "half a row": (["sample", "model", "-n", "2.5"], "-n: '2.5' is no whole number"),
    "negative seed": (["quality", "model", "--seed", "-1"], "--seed must lie between 0 and"),
    "negative threads": (["sample", "model", "--threads", "-1"], "--threads must lie between 0"),
    "no such device": (["sample", "model", "--device", "tpu"], "there is no device 'tpu'"),
    "name without an ending": (["encode", "model", "-o", "codes"], "has no ending: choose .csv"),
    "deviations without columns": (["encode", "model", "--std", "-o", "z.npy"], "--std needs a table"),
    "scores as text": (["score", "model", "-o", "x.txt"], "unknown kind of output file '.txt': choose .csv, .parquet, .npy or .npz"),
    "a folder as a file": (["sample", "model", "-o", "folder.npy"], "folder.npy is a folder"),
    "there already": (["sample", "model", "-o", "good.npy"], "good.npy is there already"),
    "codes onto codes": (["decode", "model", "codes3.npy", "-o", "codes3.npy", "--force"], "codes3.npy is read here"),
    "the model's own file": (["evaluate", "model", "-o", "model/config.json", "--force"], "config.json is read here"),
    "a null device": (["evaluate", "model", "-o", "null.json", "--force"], "neither a file nor a folder"),
    "help for nothing": (["help", "trian"], "did you mean 'train'"),
    "no checkpoint to go on from": (["train", "--resume", "no-checkpoint"], "no checkpoint to go on from"),
    "nothing to restore": (["decompress", "no.vk"], "no.vk"),
    "a range of words": (["decompress", "no.vk", "--range", "a:b"], "a range is written 1000:2000"),
    "compare no numbers": (["compare", "good.npy", "--latent", "0"], "--latent must be at least 1"),
    "compare on nothing": (["compare", "nowhere.npy"], "no file or folder nowhere.npy"),
}  # fmt: skip


def tree(folder):
    """Every file below a folder, with its size."""
    return {str(p.relative_to(folder)): p.stat().st_size for p in folder.rglob("*") if p.is_file()}


def complaint(capsys, arguments):
    """Run the command line; its only line on the error stream."""
    code = run(arguments)
    out, err = capsys.readouterr()
    lines = [line for line in err.splitlines() if line.startswith("vaekit:")]
    assert code == 2, err
    assert len(lines) == 1, err
    assert "Traceback" not in err + out
    return lines[0]


@pytest.mark.parametrize("case", CASES)
def test_one_clear_line(case, place, capsys):
    arguments, message = CASES[case]
    extra = TRAIN if arguments[0] == "train" and "--resume" not in arguments else []
    before = tree(place)
    line = complaint(capsys, [*arguments, *extra])
    import re

    assert re.search(message, line), line
    assert tree(place) == before
    assert not (place / "runs").exists()


def test_unwritable_folder(place, capsys):
    Path("locked").mkdir(mode=0o555)
    if os.access("locked", os.W_OK):
        pytest.skip("running as a user whom permissions do not bind")
    line = complaint(capsys, ["train", "digits", "-o", "locked/run", *TRAIN])
    assert "cannot write into locked/run" in line


@pytest.mark.parametrize(
    "arguments",
    [
        ["train", "digits", "-o", "run", *TRAIN],
        ["sample", "model", "-o", "s.npy"],
        ["sample", "model", "-o", "s.png"],
        ["encode", "model", "-o", "s.csv"],
        ["report", "model", "-o", "s.html"],
    ],
    ids=lambda a: " ".join(a[:2]) + a[-1],
)
def test_full_disk(arguments, place, capsys, monkeypatch):
    """The disk fills up as a file is finished: nothing of it stays, the old files are whole."""

    def full(fd):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    before = tree(place)
    monkeypatch.setattr(os, "fsync", full)
    line = complaint(capsys, arguments)
    assert "cannot write" in line
    assert "No space left on device" in line
    assert tree(place) == before


def test_there_are_more_than_thirty_cases():
    assert len(CASES) > 30


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--kl-warmup", "5"], "--kl-warmup must lie between 0 and 1, not 5.0"),
        (["--weight-decay=-1"], "--weight-decay must not be negative, not -1.0"),
        (["--lr", "-1"], "--lr must be above 0, not -1.0"),
    ],
)
def test_options_are_named_as_they_were_typed(options, said, capsys):
    assert run(["train", "digits", *options]) == 2
    assert capsys.readouterr().err == f"vaekit: {said}\n"


def test_words_that_are_no_option_stay():
    assert as_typed("rows must be few", ["--row", "3"]) == "rows must be few"
    assert as_typed("beta", ["train", "--beta=-1"]) == "--beta"
