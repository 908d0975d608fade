"""Rows that fulfil what is asked in words: read, weighed, and drawn as brute force draws them."""

import datetime
import itertools
import math
from decimal import Decimal

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
import torch

import vaekit
from vaekit.data.coding import coding_of
from vaekit.data.readers.frames import table_of
from vaekit.data.schema import Corrections
from vaekit.distributions.columns import AnyOrderCells
from vaekit.networks.cells import CellPredictor
from vaekit.runs import tables
from vaekit.runs.asked import Test as Asked
from vaekit.runs.asked import parse
from vaekit.runs.table_rows import place_of
from vaekit.runs.where import where_of
from vaekit.system.checks import BadInput

NAMES = ["age", "age group", "income", "education-num", "city", "is"]


@pytest.mark.parametrize(
    ("text", "tests"),
    [
        ("age > 60", [("age", ">", "60")]),
        ("income == '>50K' and age <= 30", [("income", "in", ">50K"), ("age", "<=", "30")]),
        ("city in ['Rome','New York']", [("city", "in", "Rome", "New York")]),
        ("city not in (Rome, Paris)", [("city", "not in", "Rome", "Paris")]),
        ("age between 30 and 40 and city = Rome",
         [("age", ">=", "30"), ("age", "<=", "40"), ("city", "in", "Rome")]),
        ("education-num>=10 AND age group != \"it's\"",
         [("education-num", ">=", "10"), ("age group", "not in", "it's")]),
        ("`age group` = 'it''s'", [("age group", "in", "it's")]),
        ("city is missing and income is not missing",
         [("city", "missing"), ("income", "there")]),
        ("is <> -1e3", [("is", "not in", "-1e3")]),
    ],
)  # fmt: skip
def test_what_is_asked_is_read(text, tests):
    assert parse(text, NAMES) == tuple(Asked(n, rule, tuple(v)) for n, rule, *v in tests)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "where is empty"),
        ("ages > 3", "did you mean 'age'"),
        ("`citty` = Rome", "did you mean 'city'"),
        ("age >", "a value is missing at the end"),
        ("age 60", "a comparison such as > or in is missing before '60'"),
        ("age > 60 or age < 20", "by and, not by or"),
        ("age > 60, age < 20", "and is missing before ', age < 20'"),
        ("age > 6,5", "a decimal point, or and, is missing before ',5'"),
        ("age between 3 or 4", "and is missing before 'or 4'"),
        ("city in 'Rome'", "[ is missing before \"'Rome'\""),
        ("city in ['Rome', 'Paris'", "] is missing at the end"),
        ("age > 60 and", "a column is missing at the end"),
        ("city = 'Rome", 'a value is missing before "\'Rome"'),
        ("__import__('os').system('ls') > 0", "unknown column '__import__'"),
    ],
)
def test_what_cannot_be_read_is_refused_in_a_line(text, said):
    with pytest.raises(BadInput) as error:
        parse(text, NAMES)
    assert said in str(error.value)
    assert "\n" not in str(error.value)


ROWS = 400
DAYS = [datetime.date(2020, 1, 1) + datetime.timedelta(days=i) for i in range(ROWS)]


@pytest.fixture(scope="module")
def coding():
    rng = np.random.default_rng(0)
    n = rng.permutation(ROWS)
    height = rng.normal(170.0, 10.0, ROWS)
    table = pa.table({
        "age": pa.array(rng.integers(0, 100, ROWS)),
        "height": pa.array(height, mask=np.arange(ROWS) % 10 == 0),
        "price": pa.array([Decimal(int(i)) / 100 for i in n], pa.decimal128(9, 2)),
        "day": pa.array([DAYS[i] for i in n]),
        "seen": pa.array([datetime.datetime(2021, 1, 1, i % 24, i % 60) for i in n]),
        "weight": [f"{i % 70 + 30} kg" for i in n],
        "member": pa.array(n % 3 == 0),
        "size": [("small", "medium", "large")[i % 3] for i in n],
        "city": pa.array([("Rome", "Paris", "1984")[i % 3] for i in n]).dictionary_encode(),
    })  # fmt: skip
    size = {"type": "ordered", "levels": ["small", "medium", "large"]}
    return coding_of(table_of(table, "t"), np.arange(ROWS), Corrections.made({"size": size}))


def drawn(coding, text, rows=200):
    """Values of the first column that a text names, and the shares of its levels."""
    where = where_of(text, coding)
    name, condition = next(iter(where.conditions.items()))
    levels = np.flatnonzero(condition.shares)
    codes = np.random.default_rng(1).choice(levels, rows)
    whole = np.zeros((rows, len(coding.names)), int)
    whole[:, len(coding.gaps) + coding.schema.names.index(name)] = codes
    made = where.settled(coding.values(whole), coding, whole)
    assert made.schema == coding.values(whole).schema
    return made[name].to_pylist(), condition.shares


@pytest.mark.parametrize(
    ("text", "holds"),
    [
        ("age > 60", lambda v: v > 60),
        ("age >= 60.5 and age < 63", lambda v: v in (61, 62)),
        ("age = 33", lambda v: v == 33),
        ("age not in [1, 2] and age < 4", lambda v: v in (0, 3)),
        ("height between 165.5 and 166", lambda v: 165.5 <= v <= 166),
        ("price <= 1.005", lambda v: v <= Decimal("1.00")),
        ("price in [0.07, 2.5]", lambda v: v in (Decimal("0.07"), Decimal("2.50"))),
        ("day > 2020-12-01", lambda v: v > datetime.date(2020, 12, 1)),
        ("day = '2020-03-04'", lambda v: v == datetime.date(2020, 3, 4)),
        ("day = 14/03/2020", lambda v: v == datetime.date(2020, 3, 14)),
        ("seen < '2021-01-01 03:30:00'", lambda v: v < datetime.datetime(2021, 1, 1, 3, 30)),
        ("weight > 80.5", lambda v: int(v.split()[0]) > 80),
        ("weight <= '40 kg'", lambda v: int(v.split()[0]) <= 40),
        ("member = true", lambda v: v is True),
        ("member != True", lambda v: v is False),
        ("size >= medium", lambda v: v in ("medium", "large")),
        ("city in [Rome, 1984]", lambda v: v in ("Rome", "1984")),
        ("city != Rome and city != Paris", lambda v: v == "1984"),
    ],
)
def test_values_of_every_type_fulfil_what_is_asked(coding, text, holds):
    values, shares = drawn(coding, text)
    assert all(map(holds, values))
    assert shares.min() >= 0
    assert shares.max() <= 1
    assert 0 < shares.sum() < len(shares)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("city = Rom", "column 'city' has no value 'Rom'"),
        ("city > Rome", "categories of column 'city' have no order"),
        ("age > old", "column 'age' can have no value 'old'"),
        ("day = 04/03/2020", "column 'day' can have no value '04/03/2020'; one of it is 2020-"),
        ("member = perhaps", "column 'member' can have no value 'perhaps'"),
        ("age = old", "column 'age' can have no value 'old'"),
        ("age > '6,5'", "write a decimal point"),
        ("age > 500", "no value of column 'age' that the model makes is > '500'"),
        ("age > 50 and age < 20", "no value of column 'age'"),
        ("height = 170", "may have any decimals"),
        ("age is missing", "was never missing"),
        ("height is missing and height > 3", "cannot be missing and have a value"),
    ],
)
def test_what_no_row_can_be_is_refused_in_a_line(coding, text, said):
    with pytest.raises(BadInput) as error:
        where_of(text, coding)
    assert said in str(error.value)


def test_a_level_counts_as_far_as_it_fulfils_what_is_asked(coding):
    """Single whole numbers by their probability, ranges by their share of the level."""
    one, level = where_of("age = 33", coding).conditions["age"].shares, coding.schema.columns[0]
    codes = np.arange(level.coding.count)
    values = [level.coding.values(np.full(20_000, c), np.random.default_rng(2)) for c in codes]
    right = np.array([np.mean(v.to_numpy() == 33) for v in values])
    assert one == pytest.approx(right, abs=0.015)
    part = where_of("age > 33", coding).conditions["age"].shares
    right = np.array([np.mean(v.to_numpy() > 33) for v in values])
    assert part == pytest.approx(right, abs=0.04)


def test_weights_make_up_for_the_levels_that_are_left_out():
    """Of all rows, by the network itself: P(x_0 in A, x_1 in B), and x_2 given that."""
    torch.manual_seed(0)
    predictor = CellPredictor([3, 4, 2], [False, True, False], width=8, depth=1).eval()
    with torch.no_grad():
        predictor.last.weight.mul_(8)
    features = torch.linspace(-1, 1, 8)[None]
    every = torch.tensor([*itertools.product(range(3), range(4), range(2))], dtype=torch.float)
    with torch.no_grad():
        p = AnyOrderCells(features.expand(24, 8), predictor).log_prob(every).exp()
    shares = {0: torch.tensor([1.0, 0.25, 0.0]), 1: torch.tensor([0.0, 0.5, 1.0, 0.0])}
    right = p * shares[0][every[:, 0].long()] * shares[1][every[:, 1].long()]
    px = AnyOrderCells(features.expand(20_000, 8), predictor)
    x, chance = px.narrowed(torch.full((20_000, 3), math.nan), shares)
    assert chance.exp().mean().item() == pytest.approx(right.sum().item(), rel=0.02)
    x = px.filled(x)
    for row, share in zip(every, right / right.sum(), strict=True):
        found = (chance.exp() * (x == row).all(1)).sum() / chance.exp().sum()
        assert found.item() == pytest.approx(share.item(), abs=0.015)


@pytest.fixture(scope="module")
def model():
    rng = np.random.default_rng(0)
    kind = rng.choice(["a", "b", "c"], 600, p=[0.6, 0.3, 0.1])
    number = rng.normal(np.where(kind == "a", 0.0, 2.0))
    sign = np.where(rng.random(600) < 1 / (1 + np.exp(-3 * number)), "plus", "minus")
    gap = pd.Series(rng.choice(["x", "y"], 600)).where(rng.random(600) < 0.8)
    frame = pd.DataFrame({"kind": kind, "number": number, "sign": sign, "gap": gap})
    options = {"width": 16, "depth": 1, "latent": 2, "seed": 0}
    bare = vaekit.fit(frame[["kind", "number", "sign"]], "table_vae", epochs=20, **options)
    return bare, vaekit.fit(frame, "table_vae", epochs=2, **options)


def shares_of(frame):
    cells = frame["kind"] + frame["sign"] + (frame["number"] > 1).astype(str)
    return cells.value_counts(normalize=True)


def test_rows_are_drawn_as_those_that_brute_force_keeps(model):
    every = tables.synthesize(model[0], 40_000, seed=1).table.to_pandas()
    kept = every[every["kind"].isin(["b", "c"]) & (every["number"] > 0.5)]
    made = tables.synthesize(model[0], 8_000, where="kind in [b, c] and number > 0.5", seed=2)
    found = made.table.to_pandas()
    assert set(found["kind"]) == {"b", "c"}
    assert found["number"].min() > 0.5
    right, got = shares_of(kept).align(shares_of(found), fill_value=0)
    assert got.to_numpy() == pytest.approx(right.to_numpy(), abs=0.025)
    assert found["number"].mean() == pytest.approx(kept["number"].mean(), abs=0.06)
    probability = float(made.notes[0].split("probability of ")[1].split(";")[0])
    assert probability == pytest.approx(len(kept) / len(every), abs=0.02)


def test_what_is_given_balanced_and_asked_go_together(model):
    made = tables.synthesize(
        model[1], 60, given={"sign": "plus"}, balance="kind", where="number < 1 and gap is missing"
    ).table.to_pandas()
    assert made["kind"].value_counts().tolist() == [20, 20, 20]
    assert (made["sign"] == "plus").all()
    assert made["gap"].isna().all()
    assert made["number"].max() < 1
    again = tables.synthesize(
        model[1], 60, given={"sign": "plus"}, balance="kind", where="number < 1 and gap is missing"
    ).table.to_pandas()
    pd.testing.assert_frame_equal(made, again)
    there = tables.synthesize(model[1], 50, where="gap is not missing").table
    assert there["gap"].null_count == 0


@pytest.mark.parametrize("how", [{"given": {"kind": "a"}}, {"balance": "kind"}])
def test_what_is_settled_cannot_be_asked(model, how):
    with pytest.raises(BadInput, match="settled already"):
        tables.synthesize(model[0], 2, where="kind = a", **how)


FIXED = ["coin = EUR", "coin in [USD, EUR] and coin != USD", "size >= 7", "size < 7.5",
         "day > 2024-01-01", "day < 2024-12-31", "coin is not missing", "bare is missing"]  # fmt: skip
NEVER = ["coin = USD", "coin != EUR", "coin > A", "size > 7", "size > x", "day < 2024-01-01",
         "coin is missing", "bare = 3", "bare is not missing"]  # fmt: skip


@pytest.fixture(scope="module")
def fixed():
    frame = pd.DataFrame({"age": np.arange(40) % 7, "coin": "EUR", "size": 7, "bare": None})
    frame = frame.assign(day=pd.Timestamp("2024-02-01"), name=[f"n{i}" for i in range(40)])
    return coding_of(table_of(frame, "rows"), np.arange(40))


@pytest.mark.parametrize("text", FIXED)
def test_what_holds_of_a_constant_asks_nothing(fixed, text):
    assert where_of(text, fixed).names == set()
    assert where_of(f"{text} and age > 3", fixed).names == {"age"}


@pytest.mark.parametrize("text", NEVER)
def test_what_never_holds_of_a_constant_is_refused(fixed, text):
    with pytest.raises(BadInput, match=r"^where: column .* in all training rows, and so"):
        where_of(text, fixed)


def test_columns_that_are_set_aside_are_said_to_be(fixed):
    with pytest.raises(BadInput, match=r"'name' is set aside \(identifier\)"):
        where_of("name = n3", fixed)
    with pytest.raises(BadInput, match=r"'coin' is set aside \(constant\)"):
        place_of(fixed, "coin")


def test_what_hardly_has_a_probability_is_refused(model):
    low = tables.synthesize(model[0], 20_000, seed=3).table["number"].to_numpy()
    narrow = f"number between {np.median(low)!r} and {np.median(low) + 1e-7!r}"
    with pytest.raises(BadInput, match="where: "):
        tables.synthesize(model[0], 2, where=narrow)
