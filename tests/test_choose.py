"""Which recipe is recommended, by what recipes say of themselves."""

import json
import re
from dataclasses import replace

import numpy as np
import pytest
import torch

from vaekit import recipes
from vaekit.data import open_source, opening_of
from vaekit.interfaces.cli import run
from vaekit.recipes import RECIPES
from vaekit.recipes.factors import beta_vae
from vaekit.recipes.recipe import takes_gaps
from vaekit.recipes.recommend import looked_at, recommend
from vaekit.recipes.uses import PURPOSES, Looked, good_for, uses_of
from vaekit.runs.job import asked

VECTOR = Looked(rows=100, shape=(5,))
PICTURES = Looked(rows=100, shape=(1, 28, 28), image=True, discrete=True)
SMALL = Looked(rows=100, shape=(1, 8, 8), image=True, discrete=True)
GAPS = Looked(rows=100, shape=(5,), gaps=True)
TABLE = Looked(rows=100, shape=(5,), mixed=True, gaps=True, discrete=True)


@pytest.mark.parametrize("recipe", RECIPES)
def test_what_recipes_say_of_themselves_is_of_a_known_purpose(recipe):
    for use in uses_of(RECIPES[recipe]):
        assert use.purpose in PURPOSES
        assert use.why.endswith(".")
        assert asked(recipe, use.options) == dict(use.options)


@pytest.mark.parametrize(
    ("looked", "purpose", "recipe", "options"),
    [
        (VECTOR, "samples", "vae", " --prior mixture"),
        (VECTOR, "likelihood", "vae", " --prior flow"),
        (VECTOR, "codes", "vae", ""),
        (SMALL, "compression", "vae", ""),
        (PICTURES, "compression", "ladder_vae", ""),
        (PICTURES, "likelihood", "ladder_vae", ""),
        (TABLE, "gaps", "table_vae", ""),
        (GAPS, "gaps", "gaps_vae", ""),
        (GAPS, "samples", "gaps_vae", ""),
        (GAPS, "codes", "gaps_vae", ""),
        (GAPS, "likelihood", "gaps_vae", ""),
        (TABLE, "samples", "table_vae", ""),
        (TABLE, "compression", "table_vae", ""),
    ],
)
def test_recipes_are_recommended(looked, purpose, recipe, options):
    found = recommend(looked, purpose, "x.npy")
    assert found.command == f"vaekit train x.npy --recipe {recipe}{options}"
    assert found.why == next(u.why for u in uses_of(RECIPES[recipe]) if u.purpose == purpose)
    assert recipe not in dict(found.others)


def test_where_none_is_for_that_it_is_said(monkeypatch):
    monkeypatch.setattr(recipes, "RECIPES", {"vae": RECIPES["vae"]})
    found = recommend(PICTURES, "gaps")
    assert (found.recipe, found.command) == ("", "")
    assert "no recipe says that it is for that" in found.why


def test_labels_bring_models_of_classes():
    labelled = Looked(rows=100, shape=(5,), labelled=True)
    assert "conditional_vae" in dict(recommend(labelled, "samples").others)
    assert "conditional_vae" not in dict(recommend(VECTOR, "samples").others)


def test_real_numbers_do_not_compress_and_that_is_said():
    assert "real numbers" in recommend(VECTOR, "compression").note
    assert not recommend(SMALL, "compression").note


def test_a_recipe_that_says_more_is_recommended_and_listed(monkeypatch, capsys):
    @good_for("codes", "better.", rank=9.0, when=lambda data: data.rows > 50, latent=3)
    def new_vae(**options):
        """New."""
        return beta_vae(**options)

    monkeypatch.setitem(recipes.RECIPES, "new_vae", new_vae)
    assert recommend(VECTOR, "codes").command == "vaekit train DATA --recipe new_vae --latent 3"
    assert recommend(Looked(rows=9, shape=(5,)), "codes").recipe == "vae"
    assert run(["recipes"]) == 0
    groups = capsys.readouterr().out.split("\n\n")
    codes = next(group for group in groups if group.startswith(PURPOSES["codes"]))
    assert "\nnew_vae" in codes
    assert "\nbeta_tcvae" in codes


def test_every_recipe_is_listed_once(capsys):
    assert run(["recipes"]) == 0
    lines = capsys.readouterr().out.splitlines()
    names = [line.split()[0] for line in lines if line and not line.startswith(" ")]
    assert sorted(n for n in names if n in RECIPES) == sorted(RECIPES)
    assert run(["recipes", "ladder_vae"]) == 0
    assert "For compression: latents in layers" in capsys.readouterr().out


@pytest.fixture
def place(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    random = np.random.default_rng(0)
    np.savetxt("numbers.csv", random.normal(size=(60, 3)), "%.3f", ",", header="a,b,c", comments="")
    kinds = ["red,1.5,", "blue,2.5,7", "red,,8"]
    lines = ["kind,size,age", *(kinds[n % 3] for n in range(60))]
    (tmp_path / "mixed.csv").write_text("\n".join(lines))
    return tmp_path


def test_nothing_is_trained_to_look_at_data(monkeypatch):
    def tried(*_):
        raise AssertionError("a trial is trained")

    monkeypatch.setattr("vaekit.recipes.choose.tried", tried)
    looked = looked_at(open_source(np.random.default_rng(0).random((900, 3))))
    assert not looked.discrete
    assert not looked.counts


def test_the_command_says_what_to_type(place, capsys):
    assert run(["choose", "mixed.csv", "--for", "gaps"]) == 0
    out = capsys.readouterr().out
    assert "vaekit train mixed.csv --recipe table_vae" in out
    assert "vaekit impute RUN mixed.csv" in out
    assert run(["choose", "numbers.csv", "--json"]) == 0
    found = {r["purpose"]: r for r in json.loads(capsys.readouterr().out)["recommended"]}
    assert [*found] == [*PURPOSES]
    assert found["samples"]["recipe"] == "vae"
    assert (found["gaps"]["recipe"], found["gaps"]["command"]) == ("", "")
    assert found["gaps"]["why"].startswith(
        "no value is missing here. Rows with gaps can be trained"
    )
    assert [path.name for path in place.glob("runs")] == []


def test_the_command_that_is_recommended_runs(place, capsys):
    assert run(["choose", "numbers.csv", "--for", "samples", "--json"]) == 0
    command = json.loads(capsys.readouterr().out)["recommended"][0]["command"]
    more = ["--epochs", "1", "--width", "4", "--no-report", "--quiet", "-o", "run"]
    assert run([*command.split()[1:], *more]) == 0
    assert (place / "run" / "model.safetensors").is_file()


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["choose", "numbers.csv", "--for", "codecs"], "did you mean 'codes'"),
        (["choose", "nowhere.csv"], "no file or folder nowhere.csv"),
        (["choose", "few.csv"], "few.csv holds 3 rows: too few to split"),
    ],
)
def test_mistakes_take_one_line(arguments, said, place, capsys):
    (place / "few.csv").write_text("a,b\n1,2\n3,4\n5,7\n")
    assert run(arguments) == 2
    assert said in capsys.readouterr().err


def test_a_look_at_data(place):
    numbers = looked_at(open_source("numbers.csv"))
    assert (numbers.shape, numbers.image, numbers.discrete) == ((3,), False, False)
    assert not numbers.series
    series = looked_at(open_source(np.random.default_rng(0).random((60, 24, 3))))
    assert (series.series, series.image) == (True, False)
    digits = looked_at(open_source("digits"))
    assert (digits.side, digits.labelled, digits.discrete) == (8, True, True)


@pytest.mark.parametrize("purpose", PURPOSES)
def test_of_gaps_only_recipes_that_take_them_are_named(purpose):
    found = recommend(GAPS, purpose)
    named = [found.recipe, *dict(found.others)] if found.recipe else []
    assert all(takes_gaps(RECIPES[name]) for name in named)
    assert ("not_miwae" in named) == (purpose == "gaps")


@pytest.mark.parametrize("purpose", PURPOSES)
@pytest.mark.parametrize("looked", [VECTOR, GAPS, TABLE], ids=["vector", "gaps", "table"])
def test_what_is_said_of_pictures_and_series_is_not_said_of_vectors(looked, purpose, monkeypatch):
    monkeypatch.setattr("vaekit.recipes.recommend.OTHERS", len(RECIPES))
    found = recommend(looked, purpose)
    said = " ".join([found.why, *(why for _, why in found.others)])
    assert not re.search("pictur|image|pixel|series|sequence", said)


def test_recipes_of_several_parts_are_named_where_parts_are_missing_as_wholes():
    x = torch.randn(50, 5)
    whole, single = x.clone(), x.clone()
    whole[::3, :2] = torch.nan
    single[::3, 0], single[1::3, 1] = torch.nan, torch.nan
    alone = whole.clone()
    alone[::5, 4] = torch.nan
    for rows, parts in ((whole, 2), (single, 1), (alone, 1), (x, 1)):
        looked = looked_at(replace(opening_of(), gaps=True).open(rows.numpy()))
        assert looked.parts == parts
        named = dict(recommend(looked, "gaps").others)
        assert ("mvae" in named) == (parts > 1)


def test_what_is_said_of_pictures_is_said_of_pictures():
    assert "pictures that a critic" in dict(recommend(SMALL, "samples").others)["vae_gan"]


@pytest.mark.parametrize("name", ["gaps.npy", "gaps.csv"])
def test_numbers_with_gaps_are_looked_at(name, place, capsys):
    x = np.random.default_rng(0).normal(size=(60, 3))
    x[::4, 1] = np.nan
    np.save("gaps.npy", x)
    lines = [",".join("" if np.isnan(v) else f"{v:.3f}" for v in row) for row in x]
    (place / "gaps.csv").write_text("\n".join(["a,b,c", *lines]))
    assert run(["choose", name, "--json"]) == 0
    found = {r["purpose"]: r for r in json.loads(capsys.readouterr().out)["recommended"]}
    assert found["gaps"]["command"] == f"vaekit train {name} --recipe gaps_vae"
    others = dict(found["gaps"]["others"])
    assert "not_miwae" in others
    assert ("table_vae" in others) == (name == "gaps.csv")
    assert found["samples"]["recipe"] == ("gaps_vae" if name == "gaps.npy" else "table_vae")
    more = ["--epochs", "1", "--width", "4", "--no-report", "--quiet", "-o", "run"]
    assert run([*found["gaps"]["command"].split()[1:], *more]) == 0


def test_of_a_whole_table_of_mixed_columns_it_is_said_that_nothing_is_missing(place, capsys):
    (place / "whole.csv").write_text("\n".join(["a,b", *(f"{'xy'[n % 2]},{n}" for n in range(60))]))
    assert run(["choose", "whole.csv", "--for", "gaps"]) == 0
    out = capsys.readouterr().out
    assert "No cell is missing here." in out
    assert "--recipe table_vae" in out
