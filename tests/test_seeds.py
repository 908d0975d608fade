"""The same training with several seeds: each number with its spread."""

import json
import os
import statistics
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

import vaekit
from vaekit.evaluation.spread import Spread, together
from vaekit.interfaces.cli import run
from vaekit.pages.comparison import compare_runs, compare_seeds, write_comparison, write_runs
from vaekit.runs.seeds import SeedPlan, run_of, runs_in
from vaekit.studies.seeds import fit_seeds, resume_seeds
from vaekit.system.children import in_children

QUICK = {"epochs": 2, "latent": 2, "width": 8, "batch": 32, "device": "cpu", "quiet": True}


@pytest.fixture(scope="module")
def rows():
    return np.random.default_rng(0).normal(size=(200, 4)).astype(np.float32)


@pytest.fixture(scope="module")
def runs(rows, tmp_path_factory):
    """Three seeds of data in memory."""
    place = tmp_path_factory.mktemp("seeds") / "s"
    return fit_seeds(rows, seeds=3, seed=5, out=place, **QUICK)


def test_numbers_have_mean_deviation_and_values():
    found = Spread((1.0, 2.0, 6.0))
    assert found.mean == 3.0
    assert found.deviation == pytest.approx(statistics.stdev([1, 2, 6]))
    assert found.text == "3.0 ± 2.6"
    assert Spread((4.0,)).deviation is None
    assert Spread((4.0, 4.0)).text == "4.00"


def test_what_is_found_of_several_runs_is_put_together():
    a = {"n": 1.0, "name": "x", "of": {"m": 2.0}, "each": [{"k": 1.0}], "list": [1.0, 2.0]}
    b = {"n": 3.0, "name": "x", "of": {"m": 2.0}, "each": [{"k": 5.0}], "list": [1.0, 9.0]}
    assert together([a, b]) == {
        "n": {"mean": 2.0, "std": pytest.approx(2**0.5), "values": [1.0, 3.0]},
        "name": "x",
        "of": {"m": {"mean": 2.0, "std": 0.0, "values": [2.0, 2.0]}},
        "each": [{"k": {"mean": 3.0, "std": pytest.approx(8**0.5), "values": [1.0, 5.0]}}],
        "list": {"values": [[1.0, 2.0], [1.0, 9.0]]},
    }
    assert together([{"n": 1}, {"n": None}]) == {"n": {"values": [1, None]}}


def test_each_seed_has_a_run_of_its_own(runs, rows, tmp_path):
    assert runs.seeds == [5, 6, 7]
    plans = [trained.config.plan.seed for trained in runs.runs]
    assert plans == [5, 6, 7]
    alone = vaekit.fit(rows, out=tmp_path / "alone", seed=6, **QUICK)
    assert alone.folder is not None
    files = [folder / "model.safetensors" for folder in (alone.folder, run_of(runs.folder, 6))]
    assert files[0].read_bytes() == files[1].read_bytes()


def test_the_summary_is_that_of_the_runs(runs):
    each = [json.loads((run_of(runs.folder, n) / "scores.json").read_text()) for n in (5, 6, 7)]
    elbo = runs.to_dict()["elbo"]
    assert elbo["values"] == [scores["elbo"] for scores in each]
    assert elbo["mean"] == pytest.approx(np.mean(elbo["values"]))
    assert elbo["std"] == pytest.approx(np.std(elbo["values"], ddof=1))
    assert json.loads((runs.folder / "scores.json").read_text())["elbo"] == elbo
    page = (runs.folder / "report.html").read_text()
    assert runs.spread["log_likelihood"].text in page
    assert 'href="seed-6/report.html"' in page


def test_runs_that_are_there_stay_as_they_are(runs, rows):
    before = {path: path.stat().st_mtime_ns for path in runs.folder.glob("seed-*/*")}
    again = resume_seeds(runs.folder, rows, quiet=True)
    assert again.to_dict() == runs.to_dict()
    assert {path: path.stat().st_mtime_ns for path in before} == before


def test_a_run_that_is_lost_is_made_again_and_seeds_are_added(rows, tmp_path):
    first = fit_seeds(rows, seeds=2, out=tmp_path / "s", report=False, **QUICK)
    weights = run_of(first.folder, 1) / "model.safetensors"
    before = weights.read_bytes()
    for file in run_of(first.folder, 1).iterdir():
        file.unlink()
    again = resume_seeds(first.folder, rows, seeds=3, quiet=True)
    assert again.seeds == [0, 1, 2]
    assert weights.read_bytes() == before
    assert again.scores[1] == first.scores[1]


def test_a_training_that_diverges_is_told_and_the_others_count(rows, tmp_path, monkeypatch):
    from vaekit.studies import seeds

    usual = seeds.fit

    def fit(data, recipe, *, seed, **options):
        if seed in bad:
            raise ArithmeticError("loss became nan; try a lower one")
        return usual(data, recipe, seed=seed, **options)

    bad = (1,)
    monkeypatch.setattr(seeds, "fit", fit)
    found = fit_seeds(rows, seeds=3, out=tmp_path / "s", **QUICK)
    assert found.seeds == [0, 2]
    assert found.failed == {1: "loss became nan; try a lower one"}
    assert found.troubles == ("seed 1: loss became nan; try a lower one",)
    assert "1 came to no end" in found.verdict
    assert "Seed 1: loss became nan" in (found.folder / "report.html").read_text()
    bad = (1, 2)
    found = fit_seeds(rows, seeds=3, out=tmp_path / "t", **QUICK)
    one, two = (f"seed {seed}: loss became nan" for seed in bad)
    assert found.troubles == (one, two, "try a lower one")
    assert (found.folder / "report.html").read_text().count("ry a lower one") == 1


@pytest.fixture
def place(rows, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    np.save("rows.npy", rows)
    return tmp_path


QUICK_OPTIONS = ["--epochs", "1", "--latent", "2", "--width", "8", "--device", "cpu", "--quiet"]


def test_the_command_trains_and_goes_on_in_processes(place, capsys):
    command = ["train", "rows.npy", "--seeds", "2", "-o", "s", "--no-report", *QUICK_OPTIONS]
    assert run([*command, "--processes", "2", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["seeds"] == [0, 1]
    assert len(found["elbo"]["values"]) == 2
    assert run(command) == 2
    assert "go on with them (vaekit train --resume s)" in capsys.readouterr().err
    assert run(["train", "--resume", "s", "--quiet"]) == 0
    assert "2 runs with seeds 0 to 1: log likelihood" in capsys.readouterr().out
    assert run(["train", "--resume", "s", "--seeds", "1", "--quiet"]) == 2
    assert "holds 2 seeds already" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["train", "rows.npy", "--processes", "2"], "--processes is for several trainings"),
        (["train", "rows.npy", "--seeds", "0"], "--seeds must be at least 1"),
        (["train", "rows.npy", "--seeds", "2", "--shard"], "--shard is for one training"),
        (["train", "--seeds", "2"], "give the data to train on"),
        (["compare", "rows.npy", "--processes", "2"], "--processes is for several trainings"),
    ],
)
def test_mistakes_take_one_line(arguments, said, place, capsys):
    assert run(arguments) == 2
    assert said in capsys.readouterr().err
    assert [path.name for path in place.iterdir()] == ["rows.npy"]


def test_what_a_run_does_not_take_leaves_nothing(place, capsys):
    assert run(["train", "rows.npy", "--seeds", "2", "--likelihood", "bernoulli", "--quiet"]) == 2
    assert "bernoulli" in capsys.readouterr().err
    assert [path.name for path in place.iterdir()] == ["rows.npy"]


def test_data_in_memory_has_one_process(rows, tmp_path):
    with pytest.raises(vaekit.BadInput, match="data in memory is trained on in this process"):
        fit_seeds(rows, seeds=2, processes=2, out=tmp_path / "s", **QUICK)


def test_a_damaged_plan_is_told(runs, tmp_path):
    (tmp_path / "seeds.json").write_text('{"format": "vaekit seeds 1", "count": 0}')
    with pytest.raises(vaekit.BadInput, match=r"seeds\.json is damaged"):
        SeedPlan.read(tmp_path)
    with pytest.raises(vaekit.BadInput, match="holds no runs of several seeds"):
        SeedPlan.read(tmp_path / "nowhere")


def test_folders_of_seeds_are_compared(runs, rows, place, tmp_path):
    np.save("rows.npy", rows)
    folders = {}
    for recipe in ("vae", "beta_vae"):
        folder = tmp_path / recipe
        for seed in (0, 1):
            vaekit.fit("rows.npy", recipe, seed=seed, out=folder / f"seed-{seed}", **QUICK)
            (folder / f"seed-{seed}" / "scores.json").write_text("{}")
        SeedPlan("rows.npy", recipe, 0, 2).write(folder)
        folders[recipe] = folder
    assert [path.name for path in runs_in(folders["vae"])] == ["seed-0", "seed-1"]
    found = compare_runs([str(folders["vae"]), str(folders["beta_vae"])])
    told = found.to_dict()["models"]["vae"]["elbo"]
    scores = [view.scores.elbo for view in found.groups[0]]
    assert told["values"] == scores
    assert Spread(tuple(scores)).text.replace("-", "−") in found.table()
    assert "between seeds it varies by" in found.verdict
    write_runs(found, tmp_path / "page.html")
    assert Spread(tuple(scores)).text in (tmp_path / "page.html").read_text()


@pytest.mark.long
def test_the_comparison_of_three_models_has_a_spread(place):
    kept = Path("kept.json")
    found = compare_seeds("rows.npy", seeds=2, epochs=1, kept=kept)
    told = found.to_dict()
    assert told["seeds"] == [0, 1]
    vae = told["models"][2]
    assert vae["name"] == "VAE"
    assert vae["error"]["values"][0] == found.trials[2].error
    assert vae["error"]["values"][1] == found.again[0]["models"][2]["error"]
    again = compare_seeds("rows.npy", seeds=2, epochs=1, kept=kept)  # of which one is remembered
    assert again.to_dict() == told
    write_comparison(found, Path("page.html"))
    assert found.shown(found.trials[2], "log_likelihood") in Path("page.html").read_text()


HELPER = """
import os, signal
from pathlib import Path

from vaekit.system.checks import BadInput

def wait(file):
    try:
        Path(file).write_text("here")
        signal.pause()
    except KeyboardInterrupt:
        Path(file).with_name("ended").write_text("stopped")
        raise

def refuse(number):
    raise BadInput(f"not {number}")

def die():
    os._exit(3)

def fail():
    raise ArithmeticError("nan")

def twice(number):
    print("on the way")
    return 2 * number
"""


@pytest.fixture
def helper(tmp_path, monkeypatch):
    """A module that children find."""
    (tmp_path / "helper_of_children.py").write_text(HELPER)
    monkeypatch.setenv("PYTHONPATH", str(tmp_path), prepend=os.pathsep)
    return "helper_of_children"


def test_children_end_with_their_parent(helper, tmp_path):
    """However it ends: what they leave is the end of the line they listen to."""
    code = (
        "import sys; from vaekit.system.children import in_children\n"
        f"list(in_children('{helper}:wait', [{{'file': sys.argv[1]}}]))"
    )
    root = str(Path(vaekit.__file__).parents[1])
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([root, str(tmp_path)])}
    command = [sys.executable, "-c", code, str(tmp_path / "file")]
    with subprocess.Popen(command, env=environment) as parent:
        assert _text_of(tmp_path / "file") == "here"
        parent.kill()
    assert _text_of(tmp_path / "ended") == "stopped"


def _text_of(path):
    for _ in range(6000):
        if path.is_file() and path.read_text():
            return path.read_text()
        time.sleep(0.01)
    raise AssertionError(f"{path} did not come")


def test_what_a_child_says_is_said_here(helper):
    tasks = [{"number": n} for n in (3, 4, 5)]
    assert sorted(in_children(f"{helper}:twice", tasks, 2)) == [(0, 6), (1, 8), (2, 10)]
    with pytest.raises(vaekit.BadInput, match="not 7"):
        [*in_children(f"{helper}:refuse", [{"number": 7}])]
    with pytest.raises(ChildProcessError, match="a process died"):
        [*in_children(f"{helper}:die", [{}])]
    ((_, error),) = in_children(f"{helper}:fail", [{}])
    assert isinstance(error, ArithmeticError)
    assert str(error) == "nan"
