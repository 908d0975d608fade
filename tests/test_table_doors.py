"""Training on a table at the command line without saying for which recipe."""

import subprocess
import sys

import numpy as np
import pytest
from people import people

import vaekit
from vaekit.interfaces.cli import run
from vaekit.recipes import implied
from vaekit.runs.folder import read_config
from vaekit.system.checks import BadInput

SHORT = ["--epochs", "1", "--no-report", "--quiet"]


@pytest.fixture
def here(tmp_path, monkeypatch):
    people(80).to_pandas().to_csv(tmp_path / "people.csv", index=False)
    numbers = np.random.default_rng(0).normal(size=(80, 3)).round(3)
    np.savetxt(tmp_path / "plain.csv", numbers, delimiter=",", header="a,b,c", comments="")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_the_run_is_called_after_the_recipe_that_was_found(here):
    for folder in ("people-table_vae", "people-table_vae-2"):
        assert run(["train", "people.csv", "--width", "8", *SHORT]) == 0
        assert read_config(here / "runs" / folder)[1].recipe == "table_vae"
    assert run(["train", "plain.csv", "--width", "8", *SHORT]) == 0
    assert read_config(here / "runs" / "plain-vae")[1].recipe == "vae"


@pytest.mark.parametrize("data", ["people.csv", "plain.csv"])
def test_options_that_only_models_of_tables_have_say_which_recipe(data, here):
    assert run(["train", data, "--floor", "0.5", "--width", "8", "-o", "run", *SHORT]) == 0
    config = read_config(here / "run")[1]
    assert config.recipe == "table_vae"
    assert config.arguments["floor"] == 0.5


def test_the_same_in_python(here):
    frame = people(80)
    model = vaekit.fit(frame, unseen=0.5, width=8, epochs=1, quiet=True)
    assert model.config.arguments["unseen"] == 0.5
    assert implied(["floor", "width"]) == "table_vae"
    assert implied(["width", "posterior"]) is None
    with pytest.raises(BadInput, match="table"):
        vaekit.fit("digits", floor=0.5, epochs=1)


def test_a_mistake_beside_such_options_is_told_at_once():
    code = (
        "import sys; from vaekit.interfaces.cli import run; "
        "run(['train', 'no.csv', '--floor', '1', '--flour', '2']); sys.exit('torch' in sys.modules)"
    )
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert "--flour" in found.stderr


MISTAKES = {
    "an option of other recipes": (["--posterior", "full"], "it has no option 'posterior'"),
    "a value that cannot be": (["--unseen", "2"], "unseen must lie between 0 and 1"),
    "no such option": (["--flour", "2"], "Unknown option"),
}


@pytest.mark.parametrize("mistake", MISTAKES)
def test_a_mistake_gets_one_line_and_no_folder(mistake, here, capsys):
    arguments, said = MISTAKES[mistake]
    assert run(["train", "people.csv", *arguments, *SHORT]) == 2
    err = capsys.readouterr().err
    assert said in err
    assert len(err.splitlines()) == 1
    assert not (here / "runs").exists()


def test_inspect_says_what_was_chosen_and_not_each_column(here, capsys):
    assert run(["train", "people.csv", "--width", "8", "-o", "run", *SHORT]) == 0
    capsys.readouterr()
    assert run(["inspect", "run"]) == 0
    line = capsys.readouterr().out.splitlines()[0]
    assert line.startswith("recipe      table_vae (latent 4, likelihood columns, width 8,")
