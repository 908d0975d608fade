"""Types that pandas alone has, and objects of Python's, come back as they were."""

from decimal import Decimal

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from vaekit import TableSynthesizer, VAEImputer
from vaekit.data.coded import is_plain
from vaekit.data.readers.frames import filled_frame, table_of
from vaekit.data.readers.roles import NO_ROLES
from vaekit.data.readers.tables import text_table
from vaekit.data.schema import infer

ROWS = 60
DRAW = np.random.default_rng(0)
PLACES = DRAW.integers(0, 3, ROWS)
BREAKS = {
    "fractions": [0.1 + 0.2, 1.0, 2.5, 1e9],
    "moments": pd.date_range("2020-01-01", periods=4, freq="12h"),
    "spans": pd.to_timedelta([0, 1, 2, 30], "h"),
}
COLUMNS = {
    **{n: pd.Series(pd.arrays.IntervalArray.from_breaks(b)[PLACES]) for n, b in BREAKS.items()},
    "both ends": pd.Series(pd.arrays.IntervalArray.from_breaks([0.0, 1, 2, 3], closed="both")[PLACES]),
    "months": pd.Series(pd.period_range("2020-01", periods=3, freq="M")[PLACES]),
    "quarters": pd.Series(pd.period_range("2020Q1", periods=30, freq="Q")[DRAW.integers(0, 30, ROWS)]),
    "hours": pd.Series(pd.period_range("2020-01-01", periods=3, freq="h")[PLACES]),
    "objects": pd.Series(pd.arrays.IntervalArray.from_breaks([0, 5, 9, 11])[PLACES]).astype(object),
    "beyond 64 bits": pd.Series([10**20 + int(i) for i in PLACES], dtype=object),
    "some beyond 64 bits": pd.Series([2**70 if i else 7 for i in PLACES], dtype=object),
    "beyond 63 bits": pd.Series([2**63 + 5 * int(i) for i in range(ROWS)], dtype=object),
    "negative too": pd.Series([(-1) ** int(i) * 2**63 for i in PLACES], dtype=object),
    "small": pd.Series([int(i) for i in PLACES], dtype=object),
    "beside decimals": pd.Series([Decimal(int(i)) if i else 0 for i in PLACES], dtype=object),
    "exponents": pd.Series([f"{v:.1e}" for v in DRAW.normal(size=ROWS)]),
    "codes": pd.Series([f"0{1234 + i}" for i in PLACES]),
    "codes beside fractions": pd.Series(["0123", "1.5", "12"]).take(PLACES).reset_index(drop=True),
    "digits": pd.Series([str(i) for i in PLACES]),
}  # fmt: skip


def drawn(column):
    """New values of a column, as rows that are drawn have them."""
    frame = pd.DataFrame({"x": column, "w": ["u", "v"] * (ROWS // 2)})
    maker = TableSynthesizer(epochs=1, options={"width": 8}, random_state=0).fit(frame)
    return maker, maker.sample(20)["x"]


@pytest.mark.parametrize("name", COLUMNS)
def test_new_values_are_of_the_same_type(name):
    column = COLUMNS[name]
    _, found = drawn(column)
    assert found.dtype == column.dtype
    kinds = {*map(type, column)}
    assert {*map(type, found)} <= kinds or name in ("beside decimals", "objects")
    if name not in ("quarters", "beyond 63 bits", "exponents", "beside decimals", "objects"):
        assert {*found} <= {*column}


def test_they_do_so_when_the_model_was_saved(tmp_path):
    frame = pd.DataFrame({n: COLUMNS[n] for n in ("fractions", "months", "beyond 64 bits")})
    maker = TableSynthesizer(epochs=1, options={"width": 8}, random_state=0).fit(frame)
    maker.save(tmp_path)
    again = TableSynthesizer.load(tmp_path).sample(9)
    pd.testing.assert_frame_equal(again, maker.sample(9))
    assert {type(cell) for cell in again["beyond 64 bits"]} == {int}


@pytest.mark.parametrize("name", COLUMNS)
def test_filling_a_gap_changes_nothing_else(name):
    column = COLUMNS[name].copy()
    column[3] = None
    rows = pd.DataFrame({"x": column, "w": ["u", "v"] * (ROWS // 2)})
    imputer = VAEImputer(epochs=1, options={"width": 8}, random_state=0).fit(rows)
    found = imputer.transform(rows)["x"]
    assert found.dtype == column.dtype
    assert found.drop(3).tolist() == column.drop(3).tolist()
    assert [*map(type, found.drop(3))] == [*map(type, column.drop(3))]
    assert not found.isna().any()
    assert name == "beside decimals" or type(found[3]) in {*map(type, column.drop(3))}


def test_very_many_intervals_are_set_aside():
    many = pd.arrays.IntervalArray.from_breaks(np.arange(1_200.0))
    frame = pd.DataFrame({"x": many, "w": np.arange(1199) % 3})
    aware = pd.date_range("2020-01-01", periods=1_200, tz="Europe/Rome")
    frame["y"] = pd.arrays.IntervalArray.from_breaks(aware)
    each = infer(table_of(frame, "X")).aside
    assert ["interval" in one.why for one in each] == [True, True]


@pytest.mark.parametrize(("cell", "plain"), [("01234", False), ("1234", True), ("0.5", True)])
def test_codes_are_no_numbers_of_a_file(cell, plain, tmp_path):
    rows = [f"{cell if i % 3 else 99.5},{i % 7}" for i in range(40)]
    (tmp_path / "t.csv").write_text("\n".join(["zip,n", *rows]))
    table = text_table(tmp_path / "t.csv")
    assert is_plain(table, NO_ROLES) is plain
    assert (infer(table).columns[0].kind == "category") is not plain


def test_a_filled_text_is_the_same_text():
    rows = pd.DataFrame({"x": ["1.0e3", None, " 2 "]})
    made = table_of(pd.DataFrame({"x": [1000.0, 5.0, 2.0]}), "X")
    found = filled_frame(rows, pa.table(dict(made.columns)))
    assert found["x"].tolist() == ["1.0e3", "5.0", " 2 "]
