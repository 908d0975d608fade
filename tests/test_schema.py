"""Types of a table's columns: into levels and back, as laws over every kind of column."""

import datetime
import decimal
import json
import zoneinfo
from itertools import pairwise

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.integrate import quad

from vaekit.data.readers.columns import Place
from vaekit.data.readers.dialect import Dialect
from vaekit.data.readers.frames import table_of
from vaekit.data.readers.tables import Table
from vaekit.data.schema import Corrections, TableSchema, infer, read_toml
from vaekit.data.schema.cells import Cells
from vaekit.data.schema.pieces import NumberLevels

N = 400
RNG = np.random.default_rng(0)
DAY = datetime.date(2020, 1, 1)
NS_DAY = 86_400 * 10**9
TEXT = Dialect(separator=",", decimal=".")


def days(n=N):
    return [DAY + datetime.timedelta(days=int(d)) for d in RNG.integers(0, 900, n)]


def noon(zone=None):
    start = datetime.datetime(2024, 3, 1, 12, tzinfo=zone)
    return [start + datetime.timedelta(minutes=15 * int(m)) for m in RNG.integers(0, 9999, N)]


def words(*choices):
    return [choices[i] for i in RNG.integers(0, len(choices), N)]


def decimals(places):
    return [decimal.Decimal(int(v)).scaleb(-places) for v in RNG.integers(-9999, 9999, N)]


def dictionary(ordered):
    index = pa.array(RNG.integers(0, 3, N), pa.int8())
    return pa.DictionaryArray.from_arrays(index, pa.array(["low", "mid", "high"]), ordered=ordered)


NORMAL = RNG.normal(size=N) * 3 + 1
FAR = np.random.default_rng(1)
LAST = np.iinfo(np.int64).max
AT_THE_ENDS = {  # of what 64 bits hold: all of them come back exactly
    "int64 above 2^62": pa.array(2**62 + FAR.choice([1, 2, 3], N)),
    "int64 at its end": pa.array(LAST - FAR.integers(0, 1000, N)),
    "int64 at its beginning": pa.array(FAR.integers(0, 1000, N) - LAST - 1),
    "int64 with its end": pa.array(np.where(FAR.random(N) < 0.1, LAST, 5 * FAR.integers(0, 40, N))),
    "int64 hashes": pa.array(FAR.choice(FAR.integers(-LAST, LAST, 8), N)),
    "uint64 at its end": pa.array(2**64 - 1 - FAR.integers(0, 1000, N).astype(np.uint64)),
    "uint64 around 2^63": pa.array(FAR.integers(2**63 - 500, 2**63 + 500, N, dtype=np.uint64)),
    "times after 2116": pa.array(7 * 10**18 + FAR.integers(0, 10**13, N), pa.timestamp("ns")),
    "times before 1823": pa.array(-(2**62) - FAR.integers(0, 10**13, N), pa.timestamp("ns")),
    "long spans": pa.array(2**62 + FAR.integers(0, 10**13, N), pa.duration("ns")),
    "days of 170 years": pa.array(
        -(10**18) // NS_DAY * NS_DAY + NS_DAY * FAR.integers(0, 62_000, N), pa.timestamp("ns")
    ),
    "days and never": pa.array(
        np.where(FAR.random(N) < 0.1, LAST, NS_DAY * FAR.integers(19_000, 19_300, N)),
        pa.timestamp("ns"),
    ),
}
TYPED = {
    "int8": (pa.array(RNG.integers(-100, 100, N), pa.int8()), "whole"),
    "uint8": (pa.array(RNG.integers(0, 255, N), pa.uint8()), "whole"),
    "int64": (pa.array(RNG.integers(-(10**12), 10**12, N)), "whole"),
    "int64 huge": (pa.array(RNG.integers(2**62, 2**63 - 1, N)), "whole"),
    "int64 far": (pa.array(2**61 + RNG.integers(0, 999, N)), "whole"),
    "uint64 huge": (pa.array(RNG.integers(2**63, 2**64 - 1, N, dtype=np.uint64)), "whole"),
    "few wholes": (pa.array(RNG.integers(0, 5, N), pa.int32()), "whole"),
    "fives": (pa.array(5 * RNG.integers(0, 999, N)), "whole"),
    "float64": (pa.array(NORMAL), "number"),
    "float32": (pa.array(NORMAL.astype(np.float32)), "number"),
    "float16": (pa.array(NORMAL.astype(np.float16)), "number"),
    "whole floats": (pa.array(np.floor(NORMAL * 50)), "whole"),
    "decimals": (pa.array(np.round(NORMAL, 2)), "number"),
    "decimals of 32 bits": (pa.array(np.round(NORMAL, 2).astype(np.float32)), "number"),
    "quarters": (pa.array(np.round(NORMAL * 99) / 4), "number"),
    "zeros": (pa.array(np.where(NORMAL > 1, 0, NORMAL)), "number"),
    "decimal": (pa.array(decimals(3), pa.decimal128(10, 3)), "number"),
    "wide decimal": (pa.array(decimals(2), pa.decimal128(38, 2)), "number"),
    "boolean": (pa.array(NORMAL > 1), "boolean"),
    "string": (pa.array(words("a", " b", "ünï, \"c\"", "=1+1")), "category"),
    "large string": (pa.array(words("a", "b"), pa.large_string()), "category"),
    "dictionary": (dictionary(ordered=False), "category"),
    "ordered": (dictionary(ordered=True), "ordered"),
    "date32": (pa.array(days()), "time"),
    "date64": (pa.array(days(), pa.date64()), "time"),
    "timestamp": (pa.array(noon(), pa.timestamp("ms")), "time"),
    "nanoseconds": (pa.array(10**18 + RNG.integers(0, 10**15, N), pa.timestamp("ns")), "time"),
    "zone": (pa.array(noon(zoneinfo.ZoneInfo("Europe/Oslo")), pa.timestamp("us", "Europe/Oslo")), "time"),
    "time32": (pa.array([d.time() for d in noon()], pa.time32("s")), "time"),
    "time64": (pa.array([d.time() for d in noon()], pa.time64("us")), "time"),
    "duration": (pa.array(RNG.integers(0, 10**6, N), pa.duration("s")), "time"),
}  # fmt: skip


def spelt(pattern, values=None):
    return [v.strftime(pattern) for v in values or noon()]


WRITTEN = {
    "whole": ([str(v) for v in RNG.integers(0, 5000, N)], "whole"),
    "number": ([f"{v:.2f}" for v in NORMAL], "number"),
    "word": (words("yes", "no"), "category"),
    "truth": (words("True", "False"), "boolean"),
    "codes": (words("007", "013", "112"), "category"),
    "kilos": ([f"{v} kg" for v in RNG.integers(1, 900, N)], "whole"),
    "dollars": ([f"${v:,.2f}" for v in np.abs(NORMAL) * 5000], "number"),
    "percents": ([f"{v:.1f}%" for v in NORMAL], "number"),
    "losses": ([f"-€{v}" if v % 2 else f"€{v}" for v in RNG.integers(1, 9000, N)], "whole"),
    "iso": (spelt("%Y-%m-%d"), "time"),
    "iso time": (spelt("%Y-%m-%dT%H:%M:%S"), "time"),
    "iso zone": (spelt("%Y-%m-%d %H:%M:%S+02:00"), "time"),
    "iso utc": (spelt("%Y-%m-%dT%H:%MZ"), "time"),
    "microseconds": (spelt("%Y-%m-%d %H:%M:%S.%f"), "time"),
    "day first": (spelt("%d/%m/%Y"), "time"),
    "month first": (spelt("%m/%d/%Y"), "time"),
    "points": (spelt("%d.%m.%Y"), "time"),
    "short": ([f"{v.day}/{v.month}/{v:%y}" for v in days()], "time"),
    "named": (spelt("%d %b %Y"), "time"),
    "long name": (spelt("%B %d, %Y"), "time"),
    "capitals": ([v.upper() for v in spelt("%d-%b-%Y")], "time"),
    "clock": (spelt("%H:%M"), "time"),
    "half days": ([v.lstrip("0") for v in spelt("%I:%M %p")], "time"),
}


def table(columns, dialect=None):
    arrays = {n: v if isinstance(v, pa.Array) else pa.array(v) for n, v in columns.items()}
    chunked = {n: pa.chunked_array([v]) for n, v in arrays.items()}
    return Table(Place("made"), chunked, dialect or Dialect())


def text(**columns):
    return table({n: pa.array(v, pa.string()) for n, v in columns.items()}, TEXT)


AS_TEXT = {
    n: (pa.array(WRITTEN[n][0]), WRITTEN[n][1])
    for n in ("whole", "number", "kilos", "iso", "codes")
}
TYPED |= {
    n: (v, "whole" if pa.types.is_integer(v.type) else "time") for n, v in AT_THE_ENDS.items()
}
CASES = {
    **{f"text {n}": (table({"x": v}), kind) for n, (v, kind) in AS_TEXT.items()},
    **{f"typed {n}": (table({"x": v}), kind) for n, (v, kind) in TYPED.items()},
    **{f"written {n}": (text(x=v), kind) for n, (v, kind) in WRITTEN.items()},
}


def with_gaps(made):
    column = made.columns["x"].combine_chunks()
    column = column.combine_chunks() if isinstance(column, pa.ChunkedArray) else column
    gaps = np.arange(len(column)) % 7 == 3
    if pa.types.is_dictionary(column.type):
        indices = pa.array(column.indices.to_numpy(), mask=gaps)
        found = pa.DictionaryArray.from_arrays(
            indices, column.dictionary, ordered=column.type.ordered
        )
    else:
        found = pa.array(column.to_pylist(), column.type, mask=gaps)
    return table({"x": found}, made.dialect), gaps


def values(schema, codes, seed=0):
    return schema.values(codes, np.random.default_rng(seed))


@pytest.mark.parametrize("case", CASES)
def test_kinds_are_found(case):
    made, kind = CASES[case]
    (column,) = infer(made).columns
    assert column.kind == kind


@pytest.mark.parametrize("case", CASES)
def test_values_come_back_in_their_type_and_levels(case):
    """Levels -> values -> levels is exact, and types are those of the column."""
    made, _ = CASES[case]
    schema = infer(made)
    codes = schema.codes(made)
    assert codes.dtype == np.int32
    assert codes.min() >= 0
    assert codes.max() < schema.levels[0]
    back = values(schema, codes)
    counted = case in ("written whole", "written number")  # in a file of text
    wanted = infer(made).columns[0].coding.form.type if counted else made.columns["x"].type
    assert back["x"].type == wanted
    assert not counted or wanted in (pa.int64(), pa.float64())
    again = schema.codes(Table(Place("made"), back, made.dialect))
    assert (again == codes).all()
    assert np.isfinite(schema.log_density_inside(made, codes)).all()
    assert np.isfinite(schema.log_density_inside(Table(Place("m"), back, made.dialect))).all()


@pytest.mark.parametrize("case", CASES)
def test_gaps_stay_gaps(case):
    made, gaps = with_gaps(CASES[case][0])
    schema = infer(made)
    codes = schema.codes(made)
    assert ((codes[:, 0] < 0) == gaps).all()
    assert schema.gaps == (gaps.mean(),)
    back = values(schema, codes)["x"]
    assert (back.is_null().to_numpy() == gaps).all()
    assert (schema.log_density_inside(made)[gaps] == 0).all()


@pytest.mark.parametrize("case", CASES)
def test_a_schema_is_written_and_read(case):
    made, _ = CASES[case]
    schema = infer(made)
    stored = json.loads(json.dumps(schema.to_json()))
    again = TableSchema.from_json(stored)
    assert again.to_json() == stored
    codes = schema.codes(made)
    assert (again.codes(made) == codes).all()
    assert values(again, codes)["x"].equals(values(schema, codes)["x"])
    assert (again.log_density_inside(made) == schema.log_density_inside(made)).all()


@pytest.mark.parametrize("case", CASES)
def test_pieces_of_a_table_have_the_same_codes(case):
    made, _ = CASES[case]
    schema = infer(made)
    whole, inside = schema.codes(made), schema.log_density_inside(made)
    for start, stop in ((0, 1), (1, 100), (100, N)):
        piece = Table(Place("piece"), {"x": made.columns["x"][start:stop]}, made.dialect)
        assert (schema.codes(piece) == whole[start:stop]).all()
        assert np.allclose(schema.log_density_inside(piece), inside[start:stop])


@pytest.mark.parametrize("case", CASES)
def test_what_a_schema_says_of_itself_gives_it_again(case, tmp_path):
    made, _ = CASES[case]
    schema = infer(made)
    (tmp_path / "schema.toml").write_text(schema.to_toml(), encoding="utf-8")
    again = infer(made, said=read_toml(tmp_path / "schema.toml"))
    assert again.columns[0].kind == schema.columns[0].kind
    assert (again.codes(made) == schema.codes(made)).all()


@pytest.mark.parametrize("case", [c for c in CASES if CASES[c][1] in ("number", "whole", "time")])
def test_values_stay_in_the_range_and_keep_their_spread(case):
    made, _ = CASES[case]
    schema = infer(made)
    coding = schema.columns[0].coding
    draws = np.tile(schema.codes(made), (20, 1))
    back = Table(Place("made"), values(schema, draws), made.dialect)
    x, y = (coding.form.read(Cells.of(t, "x"))[0].astype(float) for t in (made, back))
    slack = 1e-6 * np.abs(x).max()
    assert y.min() >= x.min() - slack
    assert y.max() <= x.max() + slack
    shares = np.linspace(0, 1, 200)
    distance = np.abs(
        np.searchsorted(np.sort(x), np.quantile(x, shares)) / len(x)
        - np.searchsorted(np.sort(y), np.quantile(x, shares)) / len(y)
    ).max()
    assert distance < 0.03


@pytest.mark.parametrize("case", AT_THE_ENDS)
def test_whole_numbers_are_exact_wherever_they_lie(case):
    column = AT_THE_ENDS[case]
    made = table({"x": column})
    schema = infer(made)
    assert not any("apart" in note for note in schema.notes)
    coding, codes = schema.columns[0].coding, schema.codes(made)
    inside = coding.inside(Cells.of(made, "x"), codes[:, 0])
    assert coding.held(*inside).equals(column)
    wide = pa.uint64() if column.type == pa.uint64() else pa.int64()
    own, drawn = (np.asarray(c.cast(wide)) for c in (column, values(schema, codes)["x"]))
    assert own.min() <= drawn.min()
    assert drawn.max() <= own.max()
    if "days" in case:
        assert (drawn[drawn < LAST] % NS_DAY == 0).all()
        assert (drawn == LAST).sum() == (own == LAST).sum()
    if len(np.unique(own)) < 12:
        assert (drawn == own).all()


LONG = {
    "17": ([str(10**17 + v) for v in (1, 2, 3)], "whole"),
    "20": ([str(2**64 - v) for v in (1, 2, 3)], "whole"),
    "25": ([str(10**24 + v) for v in (1, 2, 3)], "category"),
    "below 0": ([str(-(10**17) - v) for v in (1, 2, 3)], "whole"),
    "with a unit": ([f"{10**17 + v} kg" for v in (1, 2, 3)], "whole"),
    "in groups": ([f"${10**17 + v:,}" for v in (1, 2, 3)], "whole"),
    "25 with a unit": ([f"{10**24 + v} kg" for v in (1, 2, 3)], "category"),
    "decimals": ([f"0.{10**19 + v}" for v in (1, 2, 3)], "category"),
    "of several kinds": ([*(str(10**17 + v) for v in (1, 2, 3)), "1.5"], "category"),
}


@pytest.mark.parametrize("case", LONG)
@pytest.mark.parametrize("dialect", [Dialect(), TEXT])
def test_texts_of_many_digits_are_exact(case, dialect):
    choices, kind = LONG[case]
    made = table({"x": pa.array(words(*choices))}, dialect)
    (column,) = infer(made).columns
    assert column.kind == kind
    schema = TableSchema.from_json(json.loads(json.dumps(infer(made).to_json())))
    back = values(schema, schema.codes(made))["x"].to_pylist()
    assert [*map(str, back)] == made.columns["x"].to_pylist()


def test_texts_of_real_numbers_of_many_digits_are_numbers():
    made = table({"x": pa.array([f"{v:.20f}" for v in RNG.normal(size=N)])})
    schema = infer(made)
    assert schema.columns[0].kind == "number"
    again = TableSchema.from_json(json.loads(json.dumps(schema.to_json())))
    assert np.isfinite(again.log_density_inside(made)).all()


def test_decimals_that_floats_do_not_tell_apart_are_categories():
    own = [decimal.Decimal(10**20 + int(v)) for v in RNG.integers(0, 3, N)]
    far = [decimal.Decimal(10**20 * int(v)) for v in RNG.integers(0, 99, N)]
    kind = pa.decimal128(38, 0)
    made = table({"near": pa.array(own, kind), "far": pa.array(far, kind)})
    schema = infer(made)
    assert [c.kind for c in schema.columns] == ["category", "number"]
    assert values(schema, schema.codes(made))["near"].to_pylist() == own


def test_numbers_too_far_apart_to_be_exact_are_near_and_it_is_said():
    column = pa.array(RNG.integers(-LAST, LAST, N))
    schema = infer(table({"x": column}))
    assert "so far apart that they are told apart to 10,000 " in schema.notes[0]
    grid, own = schema.columns[0].coding.grid, np.asarray(column)
    for near, number in zip(grid.numbers(grid.x(own)).tolist(), own.tolist(), strict=True):
        assert abs(near - number) <= 5_000


NUMBERS = {
    "normal": RNG.normal(size=500),
    "zeros": np.where(RNG.random(500) < 0.6, 0.0, RNG.lognormal(size=500)),
    "few": RNG.choice([np.pi, np.e, 9.1], 500) + np.where(np.arange(500) % 100 == 7, np.sqrt(2), 0),
    "heavy": RNG.standard_cauchy(500),
    "tiny": RNG.normal(size=3),
    "wholes": RNG.integers(0, 40, 500).astype(float),
    "spread": np.round(RNG.lognormal(6, 2, 500)),
    "atoms": np.where(RNG.random(500) < 0.3, 99.0, RNG.integers(0, 1000, 500)),
    "two": np.array([1.0, 2.0]),
}  # fmt: skip


def mass(levels: NumberLevels, level, grid):
    """Probability inside a level, the tails beyond the ends included."""
    start, end = [*levels.starts, np.inf][level : level + 2]
    if grid:
        low, high = max(start, levels.levels[0].low - 3000), min(end, levels.levels[-1].high + 3000)
        x = np.arange(np.ceil(low), np.floor(high) + 1)
        x = x[levels.codes(x) == level]
        return np.exp(levels.log_density(x)).sum()
    one = levels.levels[level]
    total = np.exp(levels.log_density(np.array([one.low])))[0] if one.point else 0.0
    edges = sorted(
        {start, end, *one.edges, np.nextafter(one.high, np.inf) if one.point else one.high}
    )
    for a, b in pairwise(edges):
        if not (one.point and a == one.low):
            found, _ = quad(lambda v: np.exp(levels.log_density(np.array([v])))[0], a, b)
            total += found
    return total


@pytest.mark.parametrize("case", NUMBERS)
def test_densities_inside_levels_integrate_to_one(case):
    coding = (
        infer(table({"x": pa.array(NUMBERS[case]), "y": pa.array(NUMBERS[case])})).columns[0].coding
    )
    levels = coding.levels
    far = np.exp(-3000 / levels.scale) if coding.grid.whole else 0
    for level in range(0, levels.count, max(1, levels.count // 12)):
        end = level in (0, levels.count - 1)
        assert mass(levels, level, coding.grid.whole) == pytest.approx(1, abs=1e-6 + far * end)
    last = levels.count - 1
    assert mass(levels, last, coding.grid.whole) == pytest.approx(1, abs=1e-6 + far)


@pytest.mark.parametrize("case", NUMBERS)
def test_draws_have_the_density(case):
    """Shares of draws agree with integrals of the density over pieces (inside the range)."""
    levels = infer(table({"x": pa.array(NUMBERS[case])})).columns[0].coding.levels
    generator = np.random.default_rng(1)
    for level, one in enumerate(levels.levels):
        x = levels.draw(np.full(3000, level), generator)
        assert (levels.codes(x) == level).all()
        shares = np.histogram(x, one.edges)[0] / 3000 if not one.point else [1.0]
        wanted = np.array(one.parts) / sum(one.parts)
        assert np.abs(shares - wanted).max() < 5 * 0.5 / np.sqrt(3000)


@settings(max_examples=60, deadline=None)
@given(
    st.lists(
        st.floats(-1e6, 1e6) | st.sampled_from([0.0, 1.0, 99.0]) | st.none(),
        min_size=2,
        max_size=60,
    ),
    st.integers(0, 3),
)
def test_any_numbers(numbers, places):
    x = [None if v is None else round(v, places * 4) for v in numbers]
    if len({v for v in x if v is not None}) < 2:
        return
    made = table({"x": pa.array(x, pa.float64())})
    schema = infer(made)
    codes = schema.codes(made)
    back = values(schema, codes)
    known = np.array([v for v in x if v is not None])
    drawn = back["x"].drop_null().to_numpy()
    assert drawn.min() >= known.min()
    assert drawn.max() <= known.max()
    assert (schema.codes(Table(Place("m"), back)) == codes).all()
    assert np.isfinite(schema.log_density_inside(made)).all()


def test_rare_numbers_are_not_copied():
    """Draws of all levels hit training rows' own values no more often than chance would."""
    x = np.random.default_rng(3).lognormal(8, 1, 2000)
    schema = infer(table({"x": pa.array(x)}))
    codes = schema.codes(table({"x": pa.array(x)}))
    drawn = values(schema, np.tile(codes, (10, 1)))["x"].to_numpy()
    assert not np.isin(drawn, x).any()
    stored = json.loads(json.dumps(schema.to_json()))["columns"][0]["coding"]["levels"]
    assert not np.isin(np.concatenate(stored["edges"]), x).any()


def test_one_odd_row_is_not_copied():
    x = np.append(np.repeat([0.0, 100.0], 500), 63.7)
    levels = infer(table({"x": pa.array(x)})).columns[0].coding.levels
    assert levels.count == 3
    assert levels.levels[1].low < 600  # tenths
    assert levels.levels[1].high > 650


def test_frequent_numbers_have_levels_of_their_own():
    x = np.where(
        np.random.default_rng(4).random(30_000) < 0.02,
        9999,
        np.round(np.random.default_rng(5).lognormal(6, 1, 30_000)),
    )
    made = table({"x": pa.array(x)})
    schema = infer(made)
    assert 60 < schema.levels[0] < 160
    back = values(schema, schema.codes(made))["x"].to_numpy()
    assert ((back == 9999) == (x == 9999)).mean() > 0.9999
    small = infer(table({"x": pa.array(x[:200])}))
    assert 8 <= small.levels[0] <= 22


def test_beyond_the_range_is_less_likely_the_farther():
    made = table({"x": pa.array(NORMAL), "y": pa.array(RNG.integers(0, 50, N))})
    schema = infer(made)
    far = table({"x": pa.array([10.0, 20.0, 1000.0]), "y": pa.array([60, 70, 5000])})
    found = schema.log_density_inside(far)
    assert np.isfinite(found).all()
    assert (np.diff(found) < 0).all()
    assert found[0] < schema.log_density_inside(made).min()


def test_categories_of_a_long_tail_share_a_level():
    rng = np.random.default_rng(6)
    names = np.array([f"w{i}" for i in range(30_000)])
    x = names[np.minimum(rng.geometric(1e-4, 120_000), 29_999)]
    made = table({"x": pa.array(x)})
    schema = infer(made)
    values_there, rows = np.unique(x, return_counts=True)
    kept = int((rows >= 5).sum())
    assert 1_000 < kept < 10_000
    assert schema.levels == (kept + 1,)
    share = rows[rows < 5].sum() / len(x)
    assert f"{len(rows) - kept:,} rare ones of {len(rows):,} categories" in schema.notes[0]
    assert f"{share:.0%} of the training rows, share a level" in schema.notes[0]
    assert f"{kept + 1:,} of {len(rows):,}" in schema.describe()
    assert len(values_there) == len(rows)
    codes = schema.codes(made)
    back = values(schema, codes)["x"].to_numpy(zero_copy_only=False)
    own = codes[:, 0] < kept
    assert (back[own] == x[own]).all()
    assert set(back[~own]) <= set(x[~own].tolist())
    inside = schema.log_density_inside(made)
    assert (inside[own] == 0).all()
    assert np.exp(inside[~own][np.unique(x[~own], return_index=True)[1]]).sum() == pytest.approx(1)
    again = TableSchema.from_json(json.loads(json.dumps(schema.to_json())))
    assert (again.codes(made) == codes).all()


def test_how_many_categories_have_a_level_of_their_own():
    """Beyond a thousand, those of five training rows; the most frequent 9,999 at most."""

    def levels(rows, **said):
        names = np.array([f"w{i:05d}" for i in range(len(rows))])
        made = table(
            {"x": pa.array(np.repeat(names, rows)), "y": pa.array(np.arange(sum(rows)) % 3)}
        )
        return infer(made, said=Corrections.made(said)).columns[0].coding

    few = [1] * 900 + [40] * 100
    assert levels(few, x="category").count == 1_000
    more = [1] * 901 + [40] * 60 + [4] * 20 + [5] * 20
    found = levels(more, x="category")
    assert found.count == 81
    assert found.rows.tolist() == [40] * 60 + [5] * 20 + [901 + 80]
    said = {"type": "category", "levels": [f"w{i:05d}" for i in range(len(more))]}
    assert levels(more, x=said).count == 1_001
    assert levels([5] * 10_000, x="category").count == 10_000
    assert levels([6] + [5] * 10_000, x="category").count == 10_000
    assert levels([2] * 1_001, x="category").count == 1


def unused(rows=60):
    """Categories of which some are in no row, or in none that is trained on."""
    order = ["never", "a", "not yet", "b", "last"]
    index = pa.array(np.append(np.arange(rows - 1) % 2 * 2 + 1, 4).astype(np.int8))
    words = [*"xyz" * (rows // 3 - 1), "x", "y", "elsewhere"]
    return pa.table(
        {
            "o": pa.DictionaryArray.from_arrays(index, order, ordered=True),
            "c": pa.DictionaryArray.from_arrays(index, order),
            "w": pa.array(words),
            "n": pa.array(np.arange(rows) % 5),
        }
    )


def test_what_no_training_row_has_has_no_level_and_stays_in_its_type():
    own = unused()
    made = table({name: own[name].chunk(0) for name in own.column_names})
    schema = infer(made, np.arange(58))
    assert schema.levels == (2, 2, 3, 5)
    codes = schema.codes(made)
    assert codes[-1].tolist() == [-1, -1, -1, 4]
    alone = [schema.only(name).log_density_inside(made)[-1] for name in "ocw"]
    assert alone == pytest.approx([-np.log(59)] * 3)
    again = TableSchema.from_json(json.loads(json.dumps(schema.to_json())))
    for one in (schema, again):
        back = values(one, codes[:40])
        for name in own.column_names[:3]:
            assert back[name].type == own[name].type
            assert back[name].to_pylist() == own[name].to_pylist()[:40]
        for name in "oc":
            assert (
                back[name].chunk(0).dictionary.to_pylist()
                == own["o"].chunk(0).dictionary.to_pylist()
            )
        ordered = one.columns[0].coding
        each = [ordered.bound(cells(pa.array([w]))) for w in ("never", "a", "not yet", "b", "last")]
        assert each == [-0.5, 0, 0.5, 1, 1.5]
        assert ordered.bound(cells(pa.array(["nobody"]))) is None
    assert schema.to_toml().count('"never", "a", "not yet", "b", "last"') == 1


def cells(column):
    """A column's."""
    return Cells.of(table({"x": column}), "x")


def test_of_many_categories_those_of_no_training_row_do_not_share_the_last_level():
    rows = [40] * 100 + [2] * 1_000 + [1] * 200
    names = [f"w{i:05d}" for i in range(len(rows))]
    made = table({"x": pa.array(np.repeat(names, rows)), "y": pa.array(np.arange(sum(rows)) % 3)})
    coding = infer(made, np.arange(sum(rows[:-200]))).columns[0].coding
    assert coding.count == 101
    assert len(coding.levels.others) == 1_000
    drawn = coding.values(np.full(9_000, 100), np.random.default_rng(0)).to_pylist()
    assert set(drawn) == set(names[100:1_100])
    assert coding.pieces.size[-1] == 0
    few = infer(made, np.arange(sum(rows[:100]))).columns[0].coding
    assert few.count == 100
    assert not len(few.levels.others)


def test_frames_of_pandas():
    frame = pd.DataFrame({
        "i": pd.array([1, 2, None] * 20, "Int32"),
        "f": [1.5, 2.5, np.nan] * 20,
        "b": pd.array([True, False, None] * 20, "boolean"),
        "c": pd.Categorical(["lo", "hi", "lo"] * 20, ["lo", "mid", "hi"], ordered=True),
        "t": pd.to_datetime(["2020-01-01", "2020-01-02", None] * 20),
        "s": ["x", None, "y"] * 20,
    })  # fmt: skip
    made = table_of(frame, "X")
    schema = infer(made)
    assert [c.kind for c in schema.columns] == [
        "whole",
        "number",
        "boolean",
        "ordered",
        "time",
        "category",
    ]
    assert schema.ordered == (True, True, False, True, True, False)
    assert schema.levels[3] == 2  # no row is "mid"
    codes = schema.codes(made)
    back = values(schema, codes)
    for name, column in made.columns.items():
        assert back[name].type == column.type
        assert back[name].to_pylist() == column.to_pylist()


def test_training_rows_alone_make_bins():
    x = np.append(np.random.default_rng(7).normal(size=300), 1e6)
    made = table({"x": pa.array(x), "c": pa.array(["a", "b"] * 150 + ["c"])})
    schema = infer(made, np.arange(300))
    assert values(schema, schema.codes(made))["x"].to_numpy().max() < 10
    assert schema.levels[1] == 2
    assert schema.columns[1].coding.rows.tolist() == [150, 150]
    mask = np.arange(301) < 300
    assert infer(made, mask).to_json() == schema.to_json()


def test_draws_repeat_with_a_seed():
    made, _ = CASES["typed float64"]
    schema = infer(made)
    codes = schema.codes(made)
    assert values(schema, codes, 5)["x"].equals(values(schema, codes, 5)["x"])
    assert not values(schema, codes, 5)["x"].equals(values(schema, codes, 6)["x"])


def test_said_things_hold(tmp_path):
    made = table(
        {
            "x": pa.array(NORMAL),
            "n": pa.array(RNG.integers(0, 9, N)),
            "g": pa.array(words("a", "b")),
        }
    )
    said = Corrections.made({
        "x": {"bins": 5, "decimals": 1, "min": -2, "max": 3},
        "n": "category",
        "g": {"type": "ordered", "levels": ["b", "a", "c"]},
    })  # fmt: skip
    schema = infer(made, said=said)
    assert [c.kind for c in schema.columns] == ["number", "category", "ordered"]
    assert schema.levels[1:] == (9, 2)
    assert schema.levels[0] <= 7
    back = values(schema, schema.codes(made))
    x = back["x"].to_numpy()
    assert x.min() >= -2
    assert x.max() <= 3
    assert (np.round(x, 1) == x).all()
    assert back["n"].equals(made.columns["n"])
    assert schema.codes(made)[0, 2] == {"b": 0, "a": 1}[made.columns["g"][0].as_py()]
    assert TableSchema.from_json(schema.to_json()).to_toml() == schema.to_toml()


def test_many_columns_are_shown_shortened():
    kinds = words("a", "b"), RNG.normal(size=N)
    schema = infer(table({f"c{i}": pa.array(kinds[i % 2]) for i in range(12)}))
    lines = schema.describe(5).splitlines()
    assert len(lines) == 7
    assert lines[-1] == "... and 7 more columns: 4 of type number, 3 of type category"
    assert schema.describe(12) == schema.describe()
    assert len(schema.describe().splitlines()) == 13
