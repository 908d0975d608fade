"""Filling gaps changes nothing else: cells that are there stay as they are, whatever their type."""

import datetime as dt
from dataclasses import replace

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest

import vaekit
from vaekit.data.kept import Kept
from vaekit.data.readers.dialect import Dialect
from vaekit.data.readers.frames import filled_frame, table_of
from vaekit.data.schema import infer
from vaekit.system.checks import BadInput

ROWS = 60


def trained_on(column):
    """The schema of a table of that column and another."""
    beside = pa.array([["u", "v"][i % 2] for i in range(ROWS)])
    return infer(table_of(pa.table({"x": column, "beside": beside}), "X"))


def filled(schema, column, level=0):
    """A column of other rows, its gaps filled with a level of the model's."""
    own = table_of(pa.table({"x": column}), "X")
    codes = np.full((len(column), len(schema.names)), level, np.int32)
    made = pa.table(schema.values(codes, np.random.default_rng(0)))
    return Kept.of(schema, own).filled(made, own)["x"]


def repeated(values, kind=None):
    return pa.array([values[i % len(values)] for i in range(ROWS)], kind)


DAY, MOMENT = dt.date(2024, 3, 1), dt.datetime(2024, 3, 1, 12, 30)
PAIRS = {
    "fractions beside whole numbers": ([0, 1, 2, 3], pa.int64(), [1.7, None, 2.0], pa.float64()),
    "whole numbers as pandas has them": ([0, 1, 2, 3], pa.int64(), [1.0, None, 2.0], pa.float64()),
    "beyond whole numbers": ([0, 1, 2, 3], pa.int64(), [1e30, None], pa.float64()),
    "beyond 8 bits": ([0, 1, 2, 3], pa.int8(), [1000, None], pa.int64()),
    "below 0": ([0, 1, 2, 3], pa.uint8(), [-1, None], pa.int64()),
    "beyond 63 bits": ([0, 1, 2, 3], pa.int64(), [2**63 + 5, None], pa.uint64()),
    "beyond single precision": ([0.5, 1.5, 2.25], pa.float32(), [1e300, None], pa.float64()),
    "finer than single precision": ([0.5, 1.5, 2.25], pa.float32(), [0.1, None], pa.float64()),
    "a time of day": ([DAY, dt.date(2024, 5, 2)], pa.date32(), [MOMENT, None], pa.timestamp("us")),
    "finer than seconds": (
        [MOMENT, dt.datetime(2024, 5, 2)], pa.timestamp("s"),
        [MOMENT.replace(microsecond=7), None], pa.timestamp("us"),
    ),
    "more decimals": (
        [pd.NA, 1, 2], pa.decimal128(5, 2), [pa.scalar("1.23456").cast(pa.decimal128(9, 5)).as_py(), None],
        pa.decimal128(9, 5),
    ),
    "numbers beside truths": ([True, False], pa.bool_(), [2, None], pa.int64()),
    "a category never seen": (["a", "b"], pa.string(), ["new", None, "b"], pa.string()),
    "views of text": (["a", "b"], pa.string(), ["new", None, "b"], pa.large_string()),
    "a constant that changed": ([3, 3], pa.int64(), [4, None, 5], pa.int64()),
    "a column that was empty": ([None, None], pa.float64(), [5.5, 6.5], pa.float64()),
}  # fmt: skip


@pytest.mark.parametrize("name", PAIRS)
def test_cells_that_are_there_stay(name):
    before, kind, now, own = PAIRS[name]
    before = [None if value is pd.NA else value for value in before]
    found = filled(trained_on(repeated(before, kind)), pa.array(now, own)).to_pylist()
    assert [f for f, n in zip(found, now, strict=True) if n is not None] == [
        n for n in now if n is not None
    ]
    assert None not in found


def test_whole_numbers_stay_whole_where_they_can():
    schema = trained_on(repeated([0, 1, 2, 3], pa.int64()))
    assert filled(schema, pa.array([1.0, None, 2.0])).type == pa.int64()
    assert filled(schema, pa.array([1.7, None, 2.0])).type == pa.float64()


@pytest.mark.parametrize(
    ("kind", "cells"),
    [
        (pa.decimal128(9, 2), ["-1.44", None, "12.50"]),
        (pa.int64(), ["007", None, "12"]),
        (pa.float64(), ["1e3", None, "0.1"]),
    ],
)
def test_text_that_says_numbers_is_these(kind, cells):
    schema = trained_on(repeated([1, 2, 3], kind))
    found = filled(schema, pa.array(cells))
    assert found.type == kind
    wanted = [None if cell is None else float(cell) for cell in cells]
    assert [float(f) for f, w in zip(found.to_pylist(), wanted, strict=True) if w is not None] == [
        w for w in wanted if w is not None
    ]


@pytest.mark.parametrize(
    ("cells", "wanted"),
    [(["1.234", None, "2.500"], [1234, 2500]), (["1,5", None, "1.234,25"], [1.5, 1234.25])],
)
def test_text_is_read_as_its_file_writes_numbers(cells, wanted):
    schema = trained_on(repeated([0.5, 1.5, 2.25]))
    german = Dialect(separator=";", decimal=",", thousands=".")
    own = replace(table_of(pa.table({"x": pa.array(cells)}), "X"), dialect=german)
    made = pa.table(schema.values(np.zeros((3, 2), np.int32), np.random.default_rng(0)))
    found = Kept.of(schema, own).filled(made, own)["x"].to_pylist()
    assert [found[0], found[2]] == wanted


def test_text_finer_than_the_model_stays_as_fine():
    schema = trained_on(repeated([1, 2, 3], pa.decimal128(9, 2)))
    assert float(filled(schema, pa.array(["1.23456", None]))[0].as_py()) == 1.23456


def test_times_with_and_without_a_zone_are_not_mixed():
    aware = pa.timestamp("s", "Europe/Berlin")
    schema = trained_on(repeated([MOMENT, dt.datetime(2024, 5, 2)], pa.timestamp("s")))
    with pytest.raises(BadInput, match="cannot stand beside each other"):
        filled(schema, pa.array([MOMENT, None], aware))


@pytest.mark.parametrize("zone", [None, "Europe/Berlin"])
@pytest.mark.parametrize(
    "cells",
    [["2024-03-01", None, "2024-03-14"], ["01/03/2024", None, "14/03/2024"], ["1 Mar 2024", None, "14 Mar 2024"]],
)  # fmt: skip
def test_text_that_says_moments_is_these(zone, cells):
    kind, behind = pa.timestamp("us", zone), " 00:00Z" if zone else ""
    schema = trained_on(repeated([MOMENT, dt.datetime(2024, 5, 2)], kind))
    found = filled(schema, pa.array([cell and cell + behind for cell in cells]))
    assert found.type == kind
    days = found.cast(pa.timestamp("us", "UTC") if zone else kind).to_pylist()
    assert [str(day)[:10] for day in days if day][::2] == ["2024-03-01", "2024-03-14"]


def test_dates_that_can_be_read_in_two_ways_are_refused():
    schema = trained_on(repeated([MOMENT, dt.datetime(2024, 5, 2)], pa.timestamp("us")))
    with pytest.raises(BadInput, match="row 2 holds '02/03/2024', where day or month"):
        filled(schema, pa.array(["01/01/2024", None, "02/03/2024"]))


KINDS = {
    "text": (["a", "b"], ["b", "never"]),
    "whole numbers": ([10, 20], [20, 70]),
    "numbers": ([0.5, 1.5], [1.5, 9.5]),
    "truths": ([True, False], [True, False]),
    "days": (
        [pd.Timestamp("2024-01-01"), pd.Timestamp("2024-02-01")],
        [pd.Timestamp("2030-01-01")],
    ),
}


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("ordered", [False, True])
def test_categories_of_anything_are_filled(kind, ordered):
    known, other = KINDS[kind]
    before = pd.Series(pd.Categorical([known[i % 2] for i in range(ROWS)], ordered=ordered))
    schema = infer(table_of(pd.DataFrame({"x": before, "b": ["u", "v"] * (ROWS // 2)}), "X"))
    rows = pd.DataFrame(
        {"x": pd.Categorical([*other, None], ordered=ordered)}, index=range(7, 8 + len(other))
    )
    codes = np.zeros((len(rows), len(schema.names)), np.int32)
    made = pa.table(schema.values(codes, np.random.default_rng(0)))
    own = table_of(rows, "X")
    found = filled_frame(rows, Kept.of(schema, own).filled(made, own).select(["x"]))
    assert found.x.tolist()[:-1] == other
    assert found.x.iloc[-1] in known
    assert found.x.cat.ordered == ordered
    assert found.index.tolist() == rows.index.tolist()


def test_an_enumeration_gets_the_levels_that_it_needs():
    before = pl.DataFrame({"x": pl.Series(["a", "b", "c"] * 20, dtype=pl.Enum(["a", "b", "c"]))})
    schema = infer(table_of(before, "X"))
    rows = pl.DataFrame({"x": pl.Series(["c", None], dtype=pl.Enum(["b", "c"]))})
    made = pa.table(schema.values(np.zeros((2, 1), np.int32), np.random.default_rng(0)))
    own = table_of(rows, "X")
    found = filled_frame(rows, Kept.of(schema, own).filled(made, own))
    assert found["x"].to_list() == ["c", "a"]
    assert found["x"].dtype == pl.Enum(["a", "b", "c"])


def mixed(rows=80):
    r = np.random.default_rng(0)
    return pd.DataFrame(
        {"n": r.integers(0, 4, rows), "w": r.choice(["u", "v"], rows), "k": 3, "e": np.nan}
    )


def gappy():
    """Rows of other columns, order and types, with an index of their own."""
    return pd.DataFrame(
        {
            "id": ["007", "b", None], "w": ["u", None, "zzz"], "n": [1.7, None, 2.0],
            "z": [1 + 2j, 0, 3], "k": [3, 4, None], "e": [None, 5.0, None],
            "mixed": [1, "a", None],
        },
        index=[7, 8, 9],
    )  # fmt: skip


def check_kept(found, rows):
    assert found.index.tolist() == [7, 8, 9]
    assert found.columns.tolist()[: len(rows.columns)] == rows.columns.tolist()
    for name in rows:
        there = rows[name].notna()
        assert found[name][there].tolist() == rows[name][there].tolist(), name
    for name in ("id", "z", "mixed"):
        assert found[name].dtype == rows[name].dtype
        assert found[name].isna().tolist() == rows[name].isna().tolist()
    assert not found[["w", "n", "k"]].isna().any().any()


def test_impute_leaves_all_else_as_it_is(tmp_path):
    model = vaekit.fit(mixed(), "table_vae", epochs=1, width=8, quiet=True)
    rows = gappy()
    check_kept(vaekit.impute(model, rows), rows)
    for found in vaekit.impute(model, rows, draws=2):
        check_kept(found, rows)
    assert model.reconstruct(mixed().set_axis(range(5, 85))).index[0] == 5


def test_the_imputer_does_too():
    before = mixed().assign(name=[f"r{i}" for i in range(80)])
    imputer = vaekit.VAEImputer(epochs=1, random_state=0, options={"width": 8}).fit(before)
    rows = pd.DataFrame(
        {"n": [1.7, None], "w": ["u", "zzz"], "k": [4, 3], "e": [5.0, None], "name": ["x", None]},
        index=["one", "two"],
    )
    for found in (imputer.transform(rows), *imputer.transform_draws(rows, 2)):
        assert found.n.iloc[0] == 1.7
        assert found.w.tolist() == ["u", "zzz"]
        assert found.k.tolist() == [4, 3]
        assert found.e.iloc[0] == 5.0
        assert found.name.iloc[0] == "x"
        assert found.index.tolist() == ["one", "two"]
        assert found.n.notna().all()
        assert found.dtypes["e"] == found.dtypes["n"] == np.float64


def test_names_that_are_no_text_stay():
    before = mixed()[["n", "w"]].set_axis([0, 1], axis=1)
    imputer = vaekit.VAEImputer(epochs=1, random_state=0, options={"width": 8})
    rows = before.astype({0: float})
    rows.iloc[3, 0] = np.nan
    found = imputer.fit(before.rename(columns=str)).transform(rows.rename(columns=str))
    assert found["0"].notna().all()
    table = table_of(rows, "X").columns
    made = pa.table({"0": pa.array(found["0"]), "1": table["1"]})
    assert filled_frame(rows, made).columns.tolist() == [0, 1]


def test_a_column_without_a_name_stays_without_one():
    rows = pd.DataFrame(np.random.default_rng(0).normal(size=(40, 2)), columns=["", "b"])
    model = vaekit.fit(rows, epochs=1, width=8, quiet=True)
    assert model.reconstruct(rows).columns.tolist() == ["", "b"]


def test_parts_of_a_table_share_their_types(tmp_path, monkeypatch):
    from vaekit.runs import in_parts, tables

    monkeypatch.setattr(in_parts, "AT_ONCE", 2)
    model = vaekit.fit(mixed(), "table_vae", epochs=1, width=8, quiet=True)
    found = tables.cells_of(model, pd.DataFrame({"n": [1.0, None, 2.0, 1.5], "w": ["u"] * 4}))
    parts = [*in_parts.filled(model, found)]
    assert [part["n"].type for part in parts] == [pa.float64()] * 2
    assert pa.concat_tables(parts)["n"].to_pylist()[2:] == [2.0, 1.5]


def test_types_of_a_large_table_are_found_some_rows_at_a_time(monkeypatch):
    monkeypatch.setattr("vaekit.data.readers.mapping.AT_ONCE", 2)
    schema = trained_on(repeated([0, 1, 2, 3], pa.int8()))
    cells = ["1", "2", None, "1000", "3", "1.5", "2", ""]
    own = table_of(pa.table({"x": pa.array(cells)}), "X")
    assert Kept.of(schema, own).types["x"] == pa.float64()
    assert filled(schema, pa.array(cells)).to_pylist()[3:7] == [1000, 3, 1.5, 2]


@pytest.fixture(scope="module")
def numbers():
    r = np.random.default_rng(0)
    rows = pd.DataFrame(r.normal(size=(60, 2)), columns=["a", "b"], index=range(100, 160))
    rows.iloc[3, 0] = np.nan
    return rows, vaekit.fit(rows, "gaps_vae", epochs=1, width=8, quiet=True)


def test_rows_of_numbers_keep_their_index_and_columns(numbers):
    rows, model = numbers
    more = rows.assign(id=[f"r{i}" for i in range(60)])
    found = vaekit.impute(model, more)
    assert found.index.tolist() == rows.index.tolist()
    assert found.id.tolist() == more.id.tolist()
    assert found.drop(index=103).equals(more.drop(index=103))
    assert found.a.notna().all()


@pytest.mark.parametrize(
    "words", [("1", "0"), ("yes", "no"), ("Ja", "Nein"), ("Y", "N"), ("TRUE", "FALSE")]
)
@pytest.mark.parametrize(
    "trained", [["true", "false"], ["True", "False"], ["yes", "no"], [True, False]]
)
def test_truths_in_other_words_are_known_and_filled_in_these(words, trained):
    schema = trained_on(repeated(trained))
    cells = pa.array([words[0], words[1], None])
    table = table_of(pa.table({"x": cells, "beside": ["u", "v", "u"]}), "X")
    codes, notes = schema.coded(table)
    assert schema.values(codes[:2], np.random.default_rng(0))["x"].to_pylist() == trained
    assert notes == ()
    found = filled(schema, cells).to_pylist()
    typed = trained[0] is True and words[0] in ("1", "TRUE")  # text that plainly says truths
    wanted = trained if typed else [*words]
    assert found[:2] == wanted
    assert found[2] in wanted


@pytest.mark.parametrize("cells", [["yes", "maybe"], ["yes", "1"], ["oui", "non"]])
def test_words_that_are_no_pair_of_truths_were_never_seen(cells):
    schema = trained_on(repeated(["true", "false"]))
    table = table_of(pa.table({"x": cells, "beside": ["u", "v"]}), "X")
    codes, notes = schema.coded(table)
    assert codes[:, 0].tolist() == [-1, -1]
    assert len(notes) == 1
