"""Python on pages of the documentation runs: blocks, and what stands behind ``>>>``."""

import ast
import inspect
import re
import shutil

import numpy as np
import pandas as pd
import pytest
import torch
from docs_lines import FENCED, PAGES
from docs_world import hours

import vaekit
from vaekit.interfaces.tables.base import TableModel
from vaekit.recipes import RECIPES

PROMPT = re.compile(r"^>>> (.*)$", re.MULTILINE)


def blocks(page):
    """The Python of a page, in order."""
    found = FENCED.findall(PAGES[page].read_text())
    return [c if language == "python" else "\n".join(PROMPT.findall(c)) for language, c in found]


def run_page(page, where=slice(None), **names):
    """Run its blocks (those of ``where``); the names that they leave behind."""
    for code in blocks(page)[where]:
        exec(compile(code, page, "exec"), names)
    return names


@pytest.fixture
def here(tmp_path, monkeypatch, trained):
    monkeypatch.chdir(tmp_path)
    shutil.copytree(trained[0], "runs/digits")
    return tmp_path


@pytest.mark.parametrize("page", PAGES)
def test_python_is_python(page):
    for code in blocks(page):
        ast.parse(code)


def test_arrays():
    names = run_page("arrays.md")
    assert names["error"].shape == (200, 1, 12, 12)


@pytest.mark.usefixtures("here")
def test_the_explorer_from_a_notebook():
    code = next(code for code in blocks("explore.md") if "explore(" in code)
    first, rest = code.split("page.selected", 1)
    names = {"vaekit": vaekit}
    exec(first, names)
    names["page"].explorer.selection = np.arange(3)  # as the page does
    exec("page.selected" + rest, names)
    assert np.array_equal(names["page"].selected, [0, 1, 2])


@pytest.mark.usefixtures("here")
def test_programs_without_vaekit():
    model = vaekit.load("runs/digits")
    images = torch.from_numpy(np.load(model_rows(model)))
    model.export("pt2", to="torch")
    names = {"torch": torch, "images": images}
    exec(next(code for code in blocks("export.md") if "torch.export.load" in code), names)
    assert names["mean"].shape == (5, 2)


@pytest.mark.long
@pytest.mark.usefixtures("here")
def test_onnx_in_its_runtime():
    pytest.importorskip("onnxruntime")
    pytest.importorskip("onnxscript")
    model = vaekit.load("runs/digits")
    images = np.load(model_rows(model))
    model.export("onnx", to="onnx")
    names = {"images": images}
    exec(next(code for code in blocks("export.md") if "onnxruntime" in code), names)
    assert names["mean"] == pytest.approx(model.encode(images[:, 0]), abs=1e-5)


def model_rows(model):
    np.save("rows.npy", model.sample(5).astype(np.uint8)[:, None])
    return "rows.npy"


@pytest.mark.usefixtures("here")
def test_parts_of_series(capsys):
    hours(PAGES["arrays.md"].__class__("x.npy"))
    vaekit.fit("x.npy", "time_vae", latent=2, width=8, epochs=1, seasons="24,7x24", out="runs/load", quiet=True)  # fmt: skip
    run_page("models/series.md")
    assert "'trend': (20, 2, 336), 'season 1': (20, 2, 336)" in capsys.readouterr().out


def frame(rows=150):
    draw = np.random.default_rng(0)
    age, sex = draw.integers(18, 80, rows), draw.choice(["Female", "Male"], rows)
    income = np.where(age + draw.normal(0, 9, rows) > 50, ">50K", "<=50K")
    city = draw.choice(["Rome", "Paris", "Bonn"], rows).astype(object)
    city[:9] = None
    return pd.DataFrame({"age": age, "sex": sex, "income": income, "city": city})


@pytest.fixture
def _quick(monkeypatch):
    """Estimators that train for an epoch, with small networks."""
    for each in (TableModel, *TableModel.__subclasses__()):
        short = {**(each.__init__.__kwdefaults__ or {}), "epochs": 1, "options": {"width": 8}}
        named = inspect.signature(each.__init__).parameters
        short = {name: value for name, value in short.items() if name in named}
        monkeypatch.setattr(each.__init__, "__kwdefaults__", short)


@pytest.mark.usefixtures("here", "_quick")
def test_a_distance_of_ones_own(monkeypatch):
    monkeypatch.setitem(RECIPES, "sharp_vae", None)  # and taken away at the end
    model = run_page("models/similarity.md")["model"]
    assert model.config.recipe == "sharp_vae"


@pytest.mark.usefixtures("here")
def test_tables(capsys):
    text = PAGES["tables.md"].read_text()
    (schema,) = [code for language, code in FENCED.findall(text) if language == "toml"]
    draw = np.random.default_rng(0)
    grade, price = draw.choice(["low", "mid", "high"], 150), draw.normal(10, 1, 150).round(2)
    joined = pd.Series(pd.date_range("2020-01-01", periods=150)).dt.strftime("%d/%m/%Y")
    people = frame().assign(grade=grade, price=price, joined=joined)
    with open("schema.toml", "w") as file:
        file.write(schema)
    python = [code for language, code in FENCED.findall(text) if language == "python"]
    names = {"frame": people}
    typed, asked, kept, estimators = python
    exec(typed, names)
    assert len(names["again"]["grade"]) == 150
    assert "ordered" in capsys.readouterr().out
    names = {"people": frame(), "new": frame(20)}
    exec(estimators, names)
    assert len(names["tables"]) == 5
    assert not names["filled"].isna().any().any()
    exec(asked.replace("maker.sample", "found = maker.sample"), names)
    assert names["found"].age.min() > 60
    assert set(names["found"].sex) == {"Female"}
    names = {"model": vaekit.fit(frame(), epochs=1, width=16), "frame": frame()}
    exec(kept.replace("1000, 2000", "10, 20").replace("vaekit.Arch", "found = vaekit.Arch"), names)
    assert names["found"].num_rows == 10
