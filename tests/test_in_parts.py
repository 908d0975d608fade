"""What a model of a table writes of many rows is written in parts, and is the same."""

import numpy as np
import pyarrow as pa
import pytest
import torch
from people import people
from pyarrow import csv, feather, parquet

import vaekit
from vaekit.data.readers import mapping
from vaekit.interfaces.cli import run
from vaekit.runs import in_parts, oddest, outputs, table_files, tables
from vaekit.runs.score import score_rows

ROWS = 70
READ = {".csv": csv.read_csv, ".parquet": parquet.read_table, ".feather": feather.read_table}


@pytest.fixture(scope="module")
def table():
    return people(200)


@pytest.fixture(scope="module")
def folder(tmp_path_factory, table):
    where = tmp_path_factory.mktemp("model")
    parquet.write_table(table, where / "people.parquet")
    how = {"epochs": 1, "width": 8, "latent": 2, "quiet": True}
    vaekit.fit(str(where / "people.parquet"), "table_vae", out=where / "run", **how)
    return where / "run"


@pytest.fixture(scope="module")
def model(folder):
    return vaekit.load(folder)


@pytest.fixture
def parts(monkeypatch):
    monkeypatch.setattr(in_parts, "AT_ONCE", 30)


@pytest.mark.usefixtures("parts")
def test_new_rows_in_parts(model):
    made = [part.table for part in in_parts.synthesized(model, ROWS, seed=3)]
    assert [len(part) for part in made] == [30, 30, 10]
    assert made[0].equals(tables.synthesize(model, 30, seed=3).table)
    assert not made[1].equals(made[0])
    whole = in_parts.synthesize(model, ROWS, seed=3).table
    assert whole.equals(pa.concat_tables(made))


def test_few_new_rows_are_those_of_one_part(model):
    made = in_parts.synthesize(model, ROWS, seed=3, given={"town": "B"})
    assert made.table.equals(tables.synthesize(model, ROWS, seed=3, given={"town": "B"}).table)


@pytest.mark.usefixtures("parts")
@pytest.mark.parametrize("ending", READ)
def test_new_rows_are_written_in_parts(ending, folder, model, tmp_path):
    path = tmp_path / f"new{ending}"
    asked = ["--balance", "rich", "--seed", "3"]
    assert run(["synthesize", str(folder), "-n", str(ROWS), "-o", str(path), *asked]) == 0
    made = in_parts.synthesize(model, ROWS, seed=3, balance="rich").table
    table_files.write_table(tmp_path / f"whole{ending}", made)
    assert READ[ending](path).equals(READ[ending](tmp_path / f"whole{ending}"))
    assert READ[ending](path).num_rows == ROWS


@pytest.mark.usefixtures("parts")
def test_a_mistake_leaves_nothing_half_written(folder, tmp_path, capsys):
    path = tmp_path / "new.csv"
    asked = ["--where", "age > 1e9", "--force"]
    assert run(["synthesize", str(folder), "-n", str(ROWS), "-o", str(path), *asked]) == 2
    assert len(capsys.readouterr().err.strip().splitlines()) == 1
    assert list(tmp_path.iterdir()) == []


@pytest.mark.usefixtures("parts")
def test_gaps_are_filled_in_parts(model, table):
    found = tables.cells_of(model, table)
    made = pa.concat_tables(in_parts.filled(model, found, 5))
    assert made.num_rows == len(table)
    assert not any(column.null_count for column in made.columns)
    for name in table.column_names:
        there = np.array([cell is not None for cell in table[name].to_pylist()])
        assert made[name].filter(there).to_pylist() == table[name].filter(there).to_pylist()
    assert made.slice(0, 30).equals(tables.fill(model, found.take(torch.arange(30)), 5))


@pytest.mark.usefixtures("parts")
def test_predictions_in_parts(model, table):
    found = tables.cells_of(model, table)
    made = pa.concat_tables(in_parts.predicted(model, found, "rich", 5))
    whole = tables.prediction(model, found, "rich", seed=5)
    assert made["rich"].equals(whole["rich"])
    assert np.allclose(made["probability"], whole["probability"], atol=1e-6)


@pytest.mark.parametrize("ending", [".csv", ".parquet"])
def test_scores_are_written_in_parts(ending, folder, model, table, tmp_path, monkeypatch):
    found = score_rows(model, tables.cells_of(model, table), split="all", samples=2)
    whole = oddest.as_columns(found.cells[:])
    worst = [[(c.column, c.value) for c in row["cells"]] for row in found.worst(12)]
    monkeypatch.setattr(oddest, "BLOCK", 30)
    monkeypatch.setattr(outputs, "GROUP", 50)
    again = score_rows(model, tables.cells_of(model, table), split="all", samples=2)
    assert [[(c.column, c.value) for c in row["cells"]] for row in again.worst(12)] == worst
    parquet.write_table(table, tmp_path / "people.parquet")
    data, path = str(tmp_path / "people.parquet"), tmp_path / f"scores{ending}"
    asked = ["--split", "all", "--samples", "2", "-o", str(path)]
    looked, look = [], oddest.oddest_cells
    monkeypatch.setattr(oddest, "oddest_cells", lambda *a, **k: looked.append(a) or look(*a, **k))
    assert run(["score", str(folder), data, *asked]) == 0
    assert len(looked) == -(-len(table) // 30) + 1  # each block once, and the worst rows
    read = READ[ending](path)
    assert read["row"].to_pylist() == list(range(len(table)))
    assert np.allclose(read["log_likelihood"], found.log_likelihood)
    assert [c or "" for c in read["oddest_cell"].to_pylist()] == whole["oddest_cell"].tolist()
    assert np.allclose(read["oddest_cell_log_p"], whole["oddest_cell_log_p"], atol=1e-5)


def test_codes_are_written_to_parquet_in_parts(folder, model, table, tmp_path, monkeypatch):
    monkeypatch.setattr(outputs, "GROUP", 50)
    each = np.arange(12.0).reshape(6, 2)
    outputs.write_parts(tmp_path / "x.parquet", (each[i : i + 2] for i in (0, 2, 4)), 6)
    assert parquet.read_table(tmp_path / "x.parquet")["x1"].to_pylist() == each[:, 1].tolist()
    path = tmp_path / "codes.parquet"
    assert run(["encode", str(folder), "-o", str(path)]) == 0
    found = parquet.read_table(path)
    assert np.allclose(np.stack([found["z0"], found["z1"]], 1), model.encode(table), atol=1e-6)


def test_a_model_of_a_large_table_is_trained_scored_and_judged(tmp_path, monkeypatch, capsys):
    """The whole way, of a table that stays on disk, and the same as of one in memory."""
    monkeypatch.chdir(tmp_path)
    parquet.write_table(people(300), "people.parquet")
    all_rows = ["--split", "all", "--samples", "2"]
    how = ["--epochs", "2", "--width", "8", "--latent", "2", "--no-report", "--seed", "4"]
    assert run(["train", "people.parquet", "-o", "small", *how]) == 0
    assert "is large" not in capsys.readouterr().err
    monkeypatch.setattr(mapping, "LARGE", 0)
    monkeypatch.setattr(mapping, "AT_ONCE", 64)
    assert run(["train", "people.parquet", "-o", "large", *how]) == 0
    assert "people.parquet is large: it is read in parts" in capsys.readouterr().err
    for file in ("config.json", "model.safetensors"):
        assert (tmp_path / "large" / file).read_bytes() == (tmp_path / "small" / file).read_bytes()
    assert run(["score", "large", "people.parquet", *all_rows, "-o", "scores.csv"]) == 0
    assert csv.read_csv("scores.csv").num_rows == 300
    parquet.write_table(people(90, 7), "other.parquet")
    capsys.readouterr()
    assert run(["evaluate", "large", "--against", "other.parquet", "--samples", "2"]) == 0
    large = capsys.readouterr().out
    monkeypatch.undo()
    monkeypatch.chdir(tmp_path)
    assert run(["evaluate", "large", "--against", "other.parquet", "--samples", "2"]) == 0
    assert capsys.readouterr().out == large
