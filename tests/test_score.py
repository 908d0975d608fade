"""Rows are scored one by one: log p(x), its error, and how unusual each is among held-out rows."""

import csv
import json
import shutil
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np
import pytest
import torch
from parts import LinearGaussian
from scipy.stats import norm

import vaekit
from vaekit.data import open_source
from vaekit.data.readers.types import by_column
from vaekit.evaluation import (
    log_likelihood_and_error,
    log_likelihood_of_cells,
    log_likelihood_per_row,
    p_values,
)
from vaekit.interfaces.cli import run
from vaekit.rows import Rows
from vaekit.runs.outputs import code_columns, read_codes, write_parts, write_rows
from vaekit.runs.score import held_out_scores, score_rows
from vaekit.system.checks import BadInput


def test_p_values_are_the_share_of_rows_as_unusual():
    reference = torch.tensor([3.0, 1.0, 2.0])
    scores = torch.tensor([0.5, 1.0, 1.5, 2.5, 9.0])
    assert p_values(scores, reference).tolist() == [1 / 4, 2 / 4, 2 / 4, 3 / 4, 1]


def test_p_values_of_usual_rows_are_uniform_at_most():
    """Whatever is scored by: here by the log density of another distribution."""
    random = np.random.default_rng(0)
    rows, others = (torch.from_numpy(norm.logpdf(random.normal(size=n), 1)) for n in (4000, 4000))
    found = p_values(rows, others)
    for level in (0.01, 0.05, 0.5):
        share = (found <= level).double().mean().item()
        assert abs(share - level) < 3 * (2 * level * (1 - level) / 4000) ** 0.5


def test_errors_of_rows_are_how_they_spread():
    """On a model whose posterior is known and whose q is not, by many seeds."""
    wrong = LinearGaussian(shift=0.2)
    rows = Rows(wrong.x)
    found = torch.stack(
        [log_likelihood_and_error(wrong.model, rows, samples=100, seed=s) for s in range(100)]
    )
    spread, said = found[..., 0].std(0), found[..., 1].mean(0)
    assert ((said / spread - 1).abs() < 0.35).all()
    alone = log_likelihood_per_row(wrong.model, rows, samples=100, seed=3)
    assert torch.equal(alone, found[3, :, 0])


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    """Two clusters of points, and the model's folder; its data lies beside it."""
    folder = tmp_path_factory.mktemp("scored")
    random = np.random.default_rng(0)
    x = random.normal(size=(300, 2)) * 0.3 + random.integers(0, 2, (300, 1)) * 4
    np.save(folder / "x.npy", x.astype("f4"))
    how = {"latent": 2, "width": 16, "epochs": 60, "batch": 60}
    vaekit.fit(str(folder / "x.npy"), out=folder / "run", **how)
    return folder / "run"


@pytest.fixture
def place(model, tmp_path, monkeypatch, capsys):
    """A copy of the folder to work in, and rows of which the third is unlike all others."""
    shutil.copytree(model, tmp_path / "run")
    monkeypatch.chdir(tmp_path)
    np.save("new.npy", np.float32([[0, 0], [4, 4], [2, -9], [0.1, 0.2]]))
    capsys.readouterr()
    return tmp_path


def table(path):
    with Path(path).open(newline="", encoding="utf-8") as file:
        return [*csv.DictReader(file)]


def test_the_odd_row_is_the_most_unusual(place, capsys):
    assert run(["score", "run", "new.npy", "-o", "s.csv", "--worst", "1", "--elbo"]) == 0
    shown = capsys.readouterr().out.splitlines()
    assert shown[0].startswith("4 rows, log p(x) \N{MINUS SIGN}")
    assert shown[0].endswith("p among 30 validation rows")
    assert shown[1].startswith("1 of 4 rows is as odd as the oddest 5% of rows that the model was")
    assert shown[3].split() == ["row", "log", "p(x)", "error", "ELBO", "p"]
    assert len(shown) == 5
    assert shown[4].split()[0] == "2"
    rows = table("s.csv")
    assert [*rows[0]] == ["row", "log_likelihood", "error", "elbo", "p_value"]
    assert [row["row"] for row in rows] == ["0", "1", "2", "3"]
    p = [float(row["p_value"]) for row in rows]
    assert p[2] == pytest.approx(1 / 31)
    assert min(p[:2]) > 0.05
    found = vaekit.load("run")
    x = np.load("new.npy")
    assert np.allclose([float(r["log_likelihood"]) for r in rows], found.log_likelihood(x))
    assert np.allclose([float(r["elbo"]) for r in rows], found.elbo(x, samples=100))


def test_python_and_the_command_say_the_same(place, capsys):
    for name in ("s.npy", "s.csv", "s.parquet"):
        assert run(["score", "run", "-o", name, "--samples", "20", "--seed", "3", "--json"]) == 0
    said = json.loads(capsys.readouterr().out.split("}\n{")[-1].join(["{", ""]))
    trained = vaekit.load("run")
    trained = replace(trained, source=open_source(trained.config.data.open))
    found = vaekit.score_rows(trained, samples=20, seed=3)
    numbers = np.stack([*found.columns.values()], 1)
    assert [*found.columns] == ["log_likelihood", "error", "p_value"]
    assert np.array_equal(np.load("s.npy"), numbers)
    assert said["rows"] == len(numbers) == 30
    assert said["held_out"] == found.held_out == 30
    assert said["worst"] == found.worst(10)
    assert said["worst"][0]["log_likelihood"] == numbers[:, 0].min()
    places = trained.source.splits["test"].numpy()
    assert np.array_equal(found.names, places)
    assert np.array_equal([int(row["row"]) for row in table("s.csv")], places)
    parquet = open_source("s.parquet", label="row")
    assert np.allclose(parquet.values, numbers)


def test_scores_of_held_out_rows_are_kept_for_where_there_is_no_data(place, model, capsys):
    def p_of(*arguments):
        assert run(["score", "run", "new.npy", "-o", "s.csv", "--force", *arguments]) == 0
        return [row.get("p_value") for row in table("s.csv")], capsys.readouterr().err

    data = model.parent / "x.npy"
    known, _ = p_of()
    data.rename(model.parent / "gone.npy")
    try:
        assert p_of() == (known, "wrote 4 scores to s.csv\n")
        for damage in ("{}", "[1]", "{", '{"log_likelihood": [null]}'):
            Path("run/reference.json").write_text(damage)
            without, said = p_of()
            assert without == [None] * 4
            assert said.startswith("note: no p-values: there is no file or folder")
        assert p_of("--samples", "7")[0] == [None] * 4
    finally:
        (model.parent / "gone.npy").rename(data)
    assert p_of()[0] == known


def test_other_weights_have_other_scores_to_be_among(place):
    trained = vaekit.load("run")
    first = held_out_scores(trained, folder="run")
    assert np.array_equal(held_out_scores(trained, folder="run"), first)
    assert np.array_equal(held_out_scores(trained), first)
    for parameter in trained.model.parameters():
        parameter.data *= 1.01
    assert not np.array_equal(held_out_scores(replace(trained), folder="run"), first)


def test_rows_with_names_are_called_by_them(place):
    names = ("a.png", 'say "b", twice', "c", "ä")
    source = replace(open_source(np.load("new.npy")), splits={}, names=names)
    found = score_rows(vaekit.load("run"), source)
    assert found.names.tolist() == [*names]
    assert found.worst(1)[0]["row"] == "c"
    assert source.names_of("all", 2).tolist() == [*names[:2]]
    picked = replace(source, splits={"test": torch.tensor([3, 1])})
    assert picked.names_of("test").tolist() == ["ä", 'say "b", twice']
    for path in map(Path, ("c.csv", "c.parquet")):
        codes = np.arange(8, dtype=np.float32).reshape(4, 2)
        write_parts(
            path,
            [codes[:3], codes[3:]],
            4,
            partial(code_columns, latent=codes.shape[1]),
            found.names,
        )
        again = open_source(str(path), label="row")
        assert [again.label_names[i] for i in again.labels] == [*names]
        assert np.array_equal(read_codes(path, codes.shape[1]), codes)
    in_two = partial(by_column, names=["row", "y"])
    write_rows(Path("r.csv"), np.array([[1, 2]]), in_two, names=np.array([7]))
    assert Path("r.csv").read_text() == "row_,row,y\n7,1,2\n"


def test_codes_with_row_numbers_are_decoded_again(place):
    for name in ("c.csv", "c.parquet", "c.npy"):
        assert run(["encode", "run", "--split", "test", "--limit", "5", "-o", name]) == 0
        assert run(["decode", "run", name, "-o", f"{name}.npy"]) == 0
    tables = [np.load(f"c.{kind}.npy") for kind in ("csv", "parquet", "npy")]
    assert np.allclose(tables[0], tables[2], atol=1e-5)
    assert np.array_equal(tables[1], tables[2])
    assert run(["reconstruct", "run", "-o", "r.csv"]) == 0
    source = open_source(json.loads(Path("run/config.json").read_text())["data"]["open"])
    places = source.splits["test"].tolist()
    assert [int(row["row"]) for row in table("r.csv")] == places
    assert [int(row["row"]) for row in table("c.csv")] == places[:5]


def test_one_sample_has_no_error(place, capsys):
    assert run(["score", "run", "new.npy", "--samples", "1", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["worst"][0]["error"] is None
    assert table("run/row-scores.csv")[0]["error"] == "nan"


MISTAKES = {
    "a picture": (["-o", "s.png"], "unknown kind of output file"),
    "no samples": (["--samples", "0"], "samples must be at least 1, not 0"),
    "a negative number": (["--worst", "-1"], "worst must not be negative"),
    "no such split": (["--split", "tset"], "did you mean 'test'"),
}


@pytest.mark.parametrize("what", MISTAKES)
def test_mistakes_get_a_line(place, capsys, what):
    arguments, message = MISTAKES[what]
    before = {p: p.stat().st_size for p in place.rglob("*")}
    assert run(["score", "run", *arguments]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert message in line
    assert {p: p.stat().st_size for p in place.rglob("*")} == before


def test_what_has_no_density_is_refused():
    x = np.random.default_rng(0).normal(size=(30, 2))
    found = vaekit.fit(x, "autoencoder", latent=1, width=4, epochs=1)
    with pytest.raises(BadInput, match=r"an autoencoder has no log p\(x\)"):
        score_rows(found)


def test_a_conditional_model_scores_rows_as_they_are_told(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    random = np.random.default_rng(0)
    kind = random.integers(0, 2, 200)
    x = random.normal(size=(200, 2)) * 0.3 + 6 * kind[:, None]
    lines = [f"{a:.4f},{b:.4f},{['no', 'yes'][k]}" for (a, b), k in zip(x, kind, strict=True)]
    Path("x.csv").write_text("\n".join(["a,b,kind", *lines]))
    how = {"given": "kind", "latent": 2, "width": 16, "epochs": 60, "batch": 40}
    vaekit.fit("x.csv", "conditional_vae", out="run", **how)
    np.save("new.npy", np.float32([[0, 0], [6, 6]]))
    for told in ("no", "yes"):
        assert run(["score", "run", "new.npy", "--given", f"kind={told}", "-o", f"{told}.npy"]) == 0
    low, high = np.load("no.npy")[:, -1], np.load("yes.npy")[:, -1]
    assert (low[0] > 0.05) & (low[1] <= 1 / 21)
    assert (high[1] > 0.05) & (high[0] <= 1 / 21)


@pytest.mark.parametrize("shift", [0.0, 0.1])
def test_a_number_given_the_others_is_weighed_as_it_is(shift):
    """On a linear-Gaussian model, whose conditional densities are known; q may be a little off."""
    known = LinearGaussian(shift=shift, noise=20.0)
    found = log_likelihood_of_cells(known.model, known.x, samples=20_000)
    precision = torch.linalg.inv(known.density.covariance_matrix)
    off = (known.x - known.density.mean) @ precision
    spread = precision.diagonal().rsqrt()
    wanted = torch.distributions.Normal(0.0, spread).log_prob(off * spread**2)
    assert found.shape == known.x.shape
    assert torch.allclose(found, wanted, atol=0.05)
    alone = log_likelihood_of_cells(known.model, known.x[2:3], samples=20_000)
    assert torch.allclose(alone[0], found[2])


@pytest.mark.parametrize("held", [2, 4])
@pytest.mark.parametrize("beside", ["label", "z0_sd"])
def test_other_columns_are_no_codes(tmp_path, held, beside):
    """A label, or a deviation, does not stand for a number that a code lacks."""
    path = tmp_path / "codes.csv"
    names = [*(f"z{i}" for i in range(held)), beside]
    path.write_text(",".join(names) + "\n" + ",".join(["1"] * len(names)) + "\n")
    with pytest.raises(BadInput, match=f"holds codes of {held} numbers; the model has 3"):
        read_codes(path, 3)
    assert read_codes(path, held).shape == (1, held)
