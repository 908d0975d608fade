"""Cells that hold what no training row does: they are named, and make their rows less likely."""

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest

import vaekit
from vaekit import VAEDetector
from vaekit.data.readers.frames import table_of
from vaekit.data.schema import infer
from vaekit.interfaces.cli import run
from vaekit.runs.oddest import oddest_cells
from vaekit.runs.score import score_rows
from vaekit.runs.tables import cells_of

ROWS = 80


def people():
    draw = np.random.default_rng(0)
    return pd.DataFrame(
        {"age": draw.integers(20, 60, ROWS), "price": draw.normal(5, 1, ROWS).round(2),
         "town": draw.choice(["Rome", "Paris"], ROWS), "currency": "EUR", "year": 2024,
         "since": pd.Timestamp("2024-01-01") + pd.to_timedelta(draw.integers(0, 90, ROWS), "D")}
    )  # fmt: skip


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    place = tmp_path_factory.mktemp("never-seen")
    people().to_csv(place / "people.csv", index=False)
    vaekit.fit(str(place / "people.csv"), "table_vae", epochs=1, width=8, quiet=True,
               out=str(place / "run"))  # fmt: skip
    return place


def changed(column, value):
    """Three of the rows, the second with another value of a column."""
    found = people().head(3).astype({"since": str}).astype(object)
    found["since"] = found["since"].str[:10]
    found.loc[1, column] = value
    return found


ODD = {
    "another constant": ("currency", "USD", "something else than 'EUR', which all training rows"),
    "another number": ("year", 2025, "something else than '2024', which all training rows"),
    "another category": ("town", "Oslo", "categories that were never seen, such as 'Oslo'"),
    "a fraction": ("age", 30.5, "such as '30.5': the nearest is taken"),
    "more decimals": ("price", 5.005, "such as '5.005': the nearest is taken"),
}


@pytest.mark.parametrize("case", ODD)
def test_it_is_said(model, case, tmp_path, capsys):
    column, value, words = ODD[case]
    changed(column, value).to_csv(tmp_path / "new.csv", index=False)
    assert run(["score", str(model / "run"), str(tmp_path / "new.csv"),
                "-o", str(tmp_path / "s.csv")]) == 0  # fmt: skip
    said = [line for line in capsys.readouterr().err.splitlines() if words in line]
    assert len(said) == 1
    assert f"column {column!r}: 1 cell holds" in said[0]


@pytest.mark.parametrize("case", ["another constant", "another number", "another category"])
def test_it_makes_a_row_odd(model, case, tmp_path):
    column, value, _ = ODD[case]
    trained, found = vaekit.Trained.load(model / "run"), []
    for new in (people().at[1, column], value):
        changed(column, new).to_csv(tmp_path / "new.csv", index=False)
        rows = cells_of(trained, str(tmp_path / "new.csv"))
        found.append(score_rows(trained, rows, samples=5).log_likelihood)
    assert np.array_equal(found[0][[0, 2]], found[1][[0, 2]])
    assert found[1][1] < found[0][1] - 2
    odd = oddest_cells(trained, rows, 9)[1]
    cell = next(one for one in odd if one.column == column)
    log_p = cell.log_p
    assert cell.value == str(value)
    assert log_p == pytest.approx(-np.log(65), abs=0.1)  # of 64 training rows
    assert all(one.column != column or one.log_p > log_p for one in oddest_cells(trained, rows)[0])


@pytest.mark.parametrize("cell", ["2024", "2024.0", " 2024"])
def test_the_same_number_is_no_other(model, cell, tmp_path, capsys):
    changed("year", cell).to_csv(tmp_path / "new.csv", index=False)
    assert run(["score", str(model / "run"), str(tmp_path / "new.csv"),
                "-o", str(tmp_path / "s.csv")]) == 0  # fmt: skip
    assert "year" not in capsys.readouterr().err


def test_a_detector_says_it():
    detector = VAEDetector(epochs=1, random_state=0).fit(people())
    usual, odd = people().head(4), people().head(4).assign(currency="USD", town="Oslo")
    before = detector.score_samples(usual)
    with pytest.warns(UserWarning, match="something else than 'EUR'"):
        after = detector.score_samples(odd)
    assert (after < before - 5).all()
    with pytest.warns(UserWarning, match="never seen, such as 'Oslo'"):
        cells = detector.attribute(odd)
    assert (cells["town"] < -2).all()


@pytest.mark.parametrize(
    ("kind", "constant", "same", "other"),
    [
        (pa.int64(), 5, 5.0, 5.5),
        (pa.float64(), 0.5, 0.5, 1),
        (pa.string(), "5", 5, 6),
        (pa.string(), "true", "True", "no"),
        (pa.bool_(), True, True, False),
        (pa.timestamp("s"), 86_400, 86_400, 0),
    ],
)
def test_constants_of_any_type(kind, constant, same, other):
    beside = pa.array([["u", "v"][i % 2] for i in range(40)])
    x = pa.array([constant] * 40, kind)
    schema = infer(table_of(pa.table({"x": x, "beside": beside}), "X"))
    values = [same, other, None]
    x = pa.array(values, kind) if pa.types.is_timestamp(kind) else pa.array(values)
    new = table_of(pa.table({"x": x, "beside": beside[:3]}), "X")
    found, _ = schema.found(new)
    assert [*schema.unseen(found)] == ["x"]
    assert (schema.unseen(found)["x"] < 0).tolist() == [False, True, False]
    assert np.array_equal(schema.log_density_inside(new), schema.unseen(found)["x"])


def test_numbers_of_training_rows_lie_where_they_can_be():
    draw = np.random.default_rng(0)
    rows = pl.DataFrame(
        {"f": draw.normal(size=60).astype(np.float32), "t": draw.integers(0, 9, 60) * 0.1,
         "s": draw.integers(0, 12, 60) * 250, "big": draw.integers(0, 2**62, 60),
         "d": pl.Series(draw.integers(0, 99, 60)).cast(pl.Decimal(9, 2))}
    )  # fmt: skip
    table = table_of(rows, "X")
    schema = infer(table)
    assert schema.coded(table)[1] == ()
    new = rows.with_columns(s=pl.lit(251), d=pl.lit(0.125))
    assert len(schema.coded(table_of(new, "X"))[1]) == 2


def test_numbers_that_are_names_may_be_new_or_missing():
    draw = np.random.default_rng(0)
    codes = draw.integers(1, 5, 60)
    from vaekit.data.schema import Corrections

    said = Corrections.made({"code": "category"})
    schema = infer(table_of(pd.DataFrame({"code": codes, "w": codes % 2 > 0}), "X"), said=said)
    new = pd.DataFrame({"code": [2.0, 2.5, np.nan, 9.0], "w": True})
    levels, notes = schema.coded(table_of(new, "X"))
    assert levels[:, 0].tolist() == [1, -1, -1, -1]
    assert "2 cells hold categories that were never seen, such as 2.5" in notes[0]
