"""What recipes say of themselves, and the papers behind models."""

import json
import re

import numpy as np
import pytest

from vaekit import fit
from vaekit.interfaces.cli import run
from vaekit.recipes import RECIPES
from vaekit.recipes.citations import CITATIONS, PARTS, bibtex
from vaekit.recipes.story import story_of
from vaekit.system.docstrings import paragraphs_of


@pytest.mark.parametrize("name", RECIPES)
def test_every_recipe_tells_its_story(name):
    told = story_of(RECIPES[name])
    assert told.about
    assert [option for option, said in told.own.items() if not said["help"]] == []
    named = re.findall(r"\(([^()]*\b\d{4})\)", " ".join(paragraphs_of(RECIPES[name])))
    papers = [re.sub(r"^.*: ", "", paper).strip() for group in named for paper in group.split(";")]
    assert [paper for paper in papers if paper not in CITATIONS] == []
    assert len(told.sources) == len(set(papers))


def test_the_command_tells_of_one(capsys):
    assert run(["recipes", "sigma_vae"]) == 0
    told = capsys.readouterr().out
    assert "scale is shared" in told
    assert "--likelihood" in told
    assert "arXiv:2006.13202" in told
    assert "--width" not in told
    assert run(["recipes", "keras_mnist_fast", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["extends"] == "keras_mnist"
    assert found["plan"]["batch"] == 32
    assert run(["recipes", "iwea"]) == 2
    assert "did you mean 'iwae'" in capsys.readouterr().err


@pytest.mark.parametrize("name", CITATIONS)
def test_every_paper_becomes_an_entry(name):
    parts = PARTS.fullmatch(CITATIONS[name])
    assert parts["year"] == name[-4:]
    assert parts["venue"] or parts["eprint"]
    ((key, entry),) = bibtex([CITATIONS[name]]).items()
    assert entry.startswith(f"@misc{{{key},\n  author = {{")
    assert entry.count("{") == entry.count("}")
    authors = re.search(r"author = \{(.*)\},", entry)[1].split(" and ")
    assert all("," in author or author == "others" for author in authors)


def test_the_papers_of_a_model_are_those_of_its_parts(tmp_path, capsys):
    rows = np.random.default_rng(0).normal(size=(60, 4)).astype(np.float32)
    how = {"latent": 2, "width": 8, "epochs": 1, "quiet": True}
    fit(rows, "iwae", **how, out=tmp_path / "plain")
    fit(rows, "beta_vae", **how, out=tmp_path / "rich", prior="vamp", prior_components=5)
    found = {}
    for name in ("plain", "rich"):
        assert run(["cite", str(tmp_path / name), "--json"]) == 0
        found[name] = set(json.loads(capsys.readouterr().out)["bibtex"])
    both = {"kingma2014autoencoding", "rezende2014stochastic"}
    assert found["plain"] >= both | {"burda2016importance"}
    assert found["rich"] >= both | {"higgins2017betavae", "tomczak2018vae"}
    assert not found["rich"] & {"burda2016importance"}
    assert run(["cite", str(tmp_path / "plain")]) == 0
    assert capsys.readouterr().out.startswith("@misc{kingma2014autoencoding,\n")
