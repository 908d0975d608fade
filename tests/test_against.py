"""A model of a table beside rows that it was not trained on: likelihood, likeness, use, privacy."""

import json
import math
import re
import shlex
import subprocess
import sys

import numpy as np
import pandas as pd
import pytest
from people import people

import vaekit
from vaekit.interfaces.cli import run
from vaekit.pages.report import write_report
from vaekit.runs.against import judge_against
from vaekit.runs.judge import judge_rows
from vaekit.system.checks import BadInput

HOW = {"width": 16, "latent": 2, "batch": 64, "lr": 1e-2, "quiet": True}


@pytest.fixture(autouse=True)
def _few_trees(monkeypatch):
    monkeypatch.setattr("vaekit.evaluation.tables.judges.TREES", 20)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A run, its data, and rows that it was not trained on, in another order and with one more
    column."""
    folder = tmp_path_factory.mktemp("against")
    people(300).to_pandas().to_csv(folder / "people.csv", index=False)
    new = people(150, 7).to_pandas()[["town", "rich", "pay", "age"]].assign(more=1)
    new.to_csv(folder / "new.csv", index=False)
    vaekit.fit(str(folder / "people.csv"), epochs=6, out=folder / "run", **HOW)
    return folder


@pytest.fixture
def command(folder, capsys, monkeypatch):
    """Runs a command in the folder; returns what it printed."""
    monkeypatch.chdir(folder)

    def call(*arguments, code=0):
        assert run([*arguments]) == code
        return capsys.readouterr()

    return call


def loaded(folder):
    model = vaekit.load(folder / "run")
    return model, model.open(str(folder / "new.csv"))


def test_all_is_what_the_parts_say(folder):
    model, rows = loaded(folder)
    own = model.open(str(folder / "people.csv"))
    model = vaekit.Trained(model.model, model.config, own, model.folder)
    found = judge_against(model, rows, target="rich", samples=5, seed=3)
    assert found.scores.log_likelihood == model.evaluate(rows, samples=5, seed=3).log_likelihood
    assert found.quality == judge_rows(model, seed=3, against=rows, target="rich")
    assert found.quality.rows == {"training": 240, "held out": 150, "synthetic": 240}
    codes = rows.values.numpy()[:, len(rows.coding.gaps) :]
    inside = rows.coding.schema.log_density_inside(rows.table, codes)
    assert found.inside == pytest.approx(inside.mean())
    assert found.inside_error == pytest.approx(inside.std(ddof=1) / math.sqrt(150))
    assert found.log_density == pytest.approx(found.scores.log_likelihood + inside.mean())
    assert found.verdict.startswith(found.scores.verdict)
    assert found.verdict.endswith(found.quality.verdict)
    names = [figure.name for group in found.figures for figure in group.each]
    assert {"log p(x)", "inside levels", "Shape", "AUC", "DCR share"} <= {*names}


def test_the_command_says_all_of_it_and_writes_a_page(command, folder):
    how = ["evaluate", "run", "--against", "new.csv", "--samples", "4", "--target", "rich"]
    out, err = command(*how, "--json", "-o", "page.html")
    found = json.loads(out)
    assert "more" in err  # the column that the model does not know
    assert found["rows"] == 150
    assert found["samples"] == 4
    assert found["log_likelihood_error"] > 0
    assert found["quality"]["useful"]["target"] == "rich"
    assert found["quality"]["privacy"]["rows"] == [240, 150, 240]
    page = (folder / "page.html").read_text()
    for title in ("What is safe to say of new rows", "Privacy", "Odd rows", "Pairs of columns"):
        assert f"<h2>{title}</h2>" in page
    assert "A model trained on synthetic rows predicts rich" in page
    odd = page.split("<h2>Odd rows</h2>")[1].split("</table>")[0]
    cells = re.findall(
        r'<th scope=row class="number">(\d+)</th><td[^>]*>[^<]*</td><td>(\w+): (.*?) \(', odd
    )
    new = pd.read_csv(folder / "new.csv")
    assert len(cells) == 8
    for number, name, value in cells:
        there = new[name][int(number)]
        same = there == value if isinstance(there, str) else np.isclose(there, float(value), 1e-5)
        assert same  # six digits are shown
    people_read, _ = command(*how, "-o", "found.json", "--quiet")
    words, figures = people_read.split("\n\n", 1)
    assert "Columns one by one" in words
    assert "Likeness" in figures
    assert json.loads((folder / "found.json").read_text()) == found


@pytest.mark.parametrize("how", [["--against", "new.csv"], ["people.csv"]], ids=str)
def test_what_was_to_be_written_is_there_though_nobody_reads_the_words(how, folder):
    words = [sys.executable, "-m", "vaekit", "evaluate", "run", *how, "--samples", "2"]
    line = shlex.join([*words, "-o", "unread.json", "--force"]) + " | true"
    subprocess.run(["sh", "-c", line], cwd=folder, check=True, capture_output=True)
    assert json.loads((folder / "unread.json").read_text())["samples"] == 2
    (folder / "unread.json").unlink()


def test_likeness_alone_is_of_the_same_rows_by_the_same_measure(command):
    out = command("quality", "run", "new.csv", "--target", "rich", "--json")[0]
    against = command("evaluate", "run", "--against", "new.csv", "--target", "rich", "--json")[0]
    assert json.loads(out) == json.loads(against)["quality"]


def test_a_model_without_its_data_is_compared_with_the_rows_that_are_there(
    folder, tmp_path, capsys
):
    model, _ = loaded(folder)
    moved = vaekit.fit(str(_copy(folder, tmp_path)), epochs=1, out=tmp_path / "run", **HOW)
    (tmp_path / "own.csv").unlink()
    assert (
        run(["evaluate", str(tmp_path / "run"), "--against", str(folder / "new.csv"), "--json"])
        == 0
    )
    out, err = capsys.readouterr()
    assert "nothing is said of privacy and use: there is no file" in err
    found = json.loads(out)["quality"]
    assert found["privacy"] is None
    assert found["rows"] == {"training": 0, "held out": 150, "synthetic": 150}
    assert moved.config.coding.schema.names == model.config.coding.schema.names


def _copy(folder, to):
    path = to / "own.csv"
    path.write_bytes((folder / "people.csv").read_bytes())
    return path


MISTAKES = {
    "rows named twice": (["new.csv", "--against", "new.csv"], "leave out DATA and --split"),
    "a target alone": (["--target", "rich"], "name held-out rows with --against"),
    "a page alone": (["new.csv", "-o", "p.html"], "vaekit report writes one"),
    "no such target": (["--against", "new.csv", "--target", "rick"], "did you mean 'rich'"),
    "too few rows": (["--against", "few.csv"], "3 rows are too few to judge by"),
    "no such column": (["--against", "less.csv"], "'pay'"),
    "no such file": (["--against", "gone.csv"], "there is no file or folder gone.csv"),
}


@pytest.mark.parametrize("mistake", MISTAKES)
def test_a_mistake_gets_one_line(mistake, command, folder):
    new = pd.read_csv(folder / "new.csv")
    new.head(3).to_csv(folder / "few.csv", index=False)
    new.drop(columns="pay").to_csv(folder / "less.csv", index=False)
    arguments, said = MISTAKES[mistake]
    out, err = command("evaluate", "run", *arguments, code=2)
    last = err.strip().splitlines()[-1]
    assert said in last
    assert "note:" in err or len(err.strip().splitlines()) == 1
    assert out == ""
    assert not (folder / "p.html").exists()


def test_models_of_something_else_are_told_so(tmp_path, capsys):
    np.save(tmp_path / "rows.npy", np.random.default_rng(0).normal(size=(60, 3)))
    vaekit.fit(str(tmp_path / "rows.npy"), epochs=1, width=4, out=tmp_path / "run", quiet=True)
    for command in (["evaluate", "--against", "x.csv"], ["quality", "--target", "x"]):
        assert run([command[0], str(tmp_path / "run"), *command[1:]]) == 2
        assert "no table of mixed columns" in capsys.readouterr().err


def test_samples_of_any_model_can_be_compared_with_other_rows(tmp_path, capsys):
    random = np.random.default_rng(0)
    for name, rows in (("rows", 300), ("more", 80)):
        np.save(tmp_path / f"{name}.npy", random.normal(size=(rows, 3)))
    out = tmp_path / "run"
    vaekit.fit(str(tmp_path / "rows.npy"), epochs=1, width=4, out=out, quiet=True)
    assert run(["quality", str(out), str(tmp_path / "more.npy"), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["rows"] == 80


def test_a_report_of_very_few_rows_says_that_they_are_few(tmp_path):
    frame = people(60).to_pandas()
    model = vaekit.fit(frame, epochs=1, out=tmp_path / "run", **HOW)
    page = write_report(model, tmp_path / "run").read_text()
    assert "too few rows to judge new ones by" in page
    assert "<h2>Privacy</h2>" not in page


def test_rows_too_few_are_refused(folder):
    model, rows = loaded(folder)
    with pytest.raises(BadInput, match="9 rows are too few to judge by: 10 are needed"):
        judge_rows(model, against=rows.part("all", 9))
