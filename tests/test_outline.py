"""What was typed is understood, and what there is is listed, without libraries that load slowly."""

import inspect
import json
import re
import subprocess
import sys
import typing
from dataclasses import fields

import pytest

from vaekit import recipes
from vaekit.data import CATALOGUE
from vaekit.recipes.recipe import options
from vaekit.system import outline as outlines
from vaekit.training import Plan

HEAVY = ("torch", "numpy", "sklearn", "pyarrow", "PIL")
TYPED = [
    ("--version", 0, "0."),
    ("--help", 0, "train"),
    ("recipes", 0, "beta_vae"),
    ("recipes --json", 0, '"ladder_vae"'),
    ("data", 0, "fashion_mnist"),
    ("train --help", 0, "--kl-warmup"),
    ("trian digits", 2, 'mean "train"? Commands: train, evaluate,'),
    ("unheard-of", 2, 'no command "unheard-of". Commands: train,'),
    ("sample run -o typed.txt", 2, "typed.txt is there already"),
    ("train digit", 2, "'digits'"),
    ("train nowhere.csv", 2, "nowhere.csv"),
    ("train digits --epoch 3", 2, "--epochs"),
    ("train digits --epochs many", 2, "'many'"),
    ("train digits --recipe vea", 2, "'vae'"),
    ("train digits --recipe beta_vae --betta 2", 2, "--beta"),
    ("train digits --network cnv", 2, '"conv"'),
    ("train ''", 2, "empty"),
    ("evaluate nowhere", 2, "no model nowhere"),
    ("score typed.txt", 2, "typed.txt is not a model"),
    ("inspect ''", 2, "empty"),
    ("serve --help", 0, "--most-waiting"),
    ("serve nowhere", 2, "no model nowhere"),
    ("serve runs/x --prot 3", 2, "--port"),
    ("serve run --port 70000", 2, "--port"),
    ("encode run nowhere.csv", 2, "no file or folder nowhere.csv"),
    ("encode run digit", 2, "'digits'"),
    ("compress run nowhere.png", 2, "no file or folder nowhere.png"),
    ("synthesize pickled.pt", 2, "pickle"),
    ("evaluate runs/x --sample 3", 2, "--samples"),
    ("score runs/x --wrost 3", 2, "--worst"),
    ("compress run", 2, "DATA"),
    ("refit-prior runs/x --prio flow", 2, "--prior"),
]
ALONE = f"""
import io, json, shlex, sys
from contextlib import redirect_stderr, redirect_stdout
from vaekit.interfaces.cli import run
for line in sys.stdin.read().splitlines():
    out, err = io.StringIO(), io.StringIO()
    with redirect_stdout(out), redirect_stderr(err):
        code = run(shlex.split(line))
    heavy = [name for name in {HEAVY} if name in sys.modules]
    print(json.dumps([code, out.getvalue(), err.getvalue(), heavy]))
"""


@pytest.fixture(scope="module")
def answers(tmp_path_factory):
    """What a fresh process says to each line that is typed."""
    typed, here = "\n".join(line for line, _, _ in TYPED), tmp_path_factory.mktemp("typed")
    for name in ("typed.txt", "pickled.pt", "run/config.json"):
        (here / name).parent.mkdir(exist_ok=True)
        (here / name).write_text("{}")
    done = subprocess.run(
        [sys.executable, "-c", ALONE],
        input=typed, cwd=here, capture_output=True, text=True,
        check=True,
    )  # fmt: skip
    return [json.loads(line) for line in done.stdout.splitlines()]


@pytest.fixture
def outline(monkeypatch):
    """Outlines as a process has them that has not loaded the package."""
    own = {"vaekit", "vaekit.system", "vaekit.system.checks", "vaekit.system.outline"}
    monkeypatch.setattr(outlines, "is_loaded", own.__contains__)
    monkeypatch.setattr(outlines, "_found", {})
    return outlines.outline


@pytest.mark.parametrize("number", range(len(TYPED)), ids=[line for line, _, _ in TYPED])
def test_nothing_slow_is_loaded(answers, number):
    (_, code, told), (answer, out, err, heavy) = TYPED[number], answers[number]
    assert heavy == []
    assert answer == code, err
    assert told in out + err
    if code:
        assert len(err.splitlines()) == 1


def test_an_outline_tells_of_recipes_what_the_recipes_do(outline):
    told = outline("vaekit.recipes")
    assert isinstance(told, outlines.Outline)
    assert list(told.RECIPES) == list(recipes.RECIPES)
    assert told.PLANS == recipes.PLANS
    for name, made in recipes.RECIPES.items():
        other = told.RECIPES[name]
        assert inspect.getdoc(other) == inspect.getdoc(made)
        assert _signature(told.options(other)) == _signature(options(made)), name
        for settled in ("__fixed__", "__without__"):
            assert vars(other).get(settled) == vars(made).get(settled)


def test_an_outline_tells_of_plans_and_data_sets_likewise(outline):
    told = outline("vaekit.training").Plan
    hints = typing.get_type_hints(told)
    assert [(f.name, f.default, hints[f.name]) for f in fields(told)] == [
        (f.name, f.default, typing.get_type_hints(Plan)[f.name]) for f in fields(Plan)
    ]
    listed = outline("vaekit.data").CATALOGUE
    assert {n: e.about for n, e in listed.items()} == {n: e.about for n, e in CATALOGUE.items()}


def test_what_needs_a_slow_library_is_not_there(outline):
    told = outline("vaekit.models.graph")
    with pytest.raises(AttributeError, match="Graph"):
        _ = told.Graph


def test_a_module_that_is_loaded_is_its_own_outline():
    assert outlines.outline("vaekit.recipes") is recipes


def _signature(found):
    kinds = {n: re.sub(r" at 0x\w+", "", str(p.annotation)) for n, p in found.items()}
    return [(n, p.default, kinds[n]) for n, p in found.items()]
