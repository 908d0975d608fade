"""Measures of synthetic tables one by one, against known answers and brute force."""

import datetime
import itertools
import math

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from people import both, people, shuffled
from scipy.stats import ks_2samp

from vaekit import BadInput
from vaekit.evaluation.tables import (
    Space,
    coverage,
    information_similarity,
    mixed_tables,
    privacy,
    rare_categories,
    shape,
    trend,
)
from vaekit.evaluation.tables.marginals import kolmogorov_smirnov
from vaekit.evaluation.tables.pairs import pairs_of

# The form.


def test_the_first_table_says_what_columns_are():
    real = pa.table({"n": [1, None], "c": ["b", None], "t": [True, False]})
    made = pa.table({"t": [False, None], "c": ["a", "b"], "n": [0.5, 3.0], "more": [1, 2]})
    a, b = mixed_tables(real, made)
    assert a.names == b.names == ("n", "c", "t")
    np.testing.assert_array_equal(a.numbers["n"], [1, np.nan])
    np.testing.assert_array_equal(b.numbers["n"], [0.5, 3])
    assert a.levels["c"] == ("a", "b")
    assert a.categories["c"].tolist() == [1, -1]
    assert b.categories["c"].tolist() == [0, 1]
    assert b.categories["t"].tolist() == [0, -1]
    assert (a.rows, b.rows) == (2, 2)


def test_whole_numbers_can_be_names():
    a, b = mixed_tables(
        pa.table({"code": [3, 7, None]}), pa.table({"code": [7.0, 3.0]}), categories=["code"]
    )
    assert a.levels["code"] == ("3", "7")
    assert a.categories["code"].tolist() == [0, 1, -1]
    assert b.categories["code"].tolist() == [1, 0]


@pytest.mark.parametrize("kind", ["pandas", "polars"])
def test_frames_of_any_library(kind):
    table = people(50)
    library = pytest.importorskip(kind)
    frame = table.to_pandas() if kind == "pandas" else library.from_arrow(table)
    a, b = mixed_tables(table, frame)
    for name in a.numbers:
        np.testing.assert_array_equal(a.numbers[name], b.numbers[name])
    for name in a.categories:
        np.testing.assert_array_equal(a.categories[name], b.categories[name])


def test_categories_of_pandas():
    frame = pd.DataFrame({"c": pd.Categorical(["x", None, "y"])})
    (found,) = mixed_tables(frame)
    assert found.categories["c"].tolist() == [0, -1, 1]


def test_times_are_in_the_unit_of_the_first_table():
    day = datetime.datetime(2026, 1, 2)
    a, b = mixed_tables(
        pa.table({"t": pa.array([day], pa.timestamp("s"))}),
        pa.table({"t": pa.array([day], pa.timestamp("ns"))}),
    )
    assert a.numbers["t"] == b.numbers["t"] == day.replace(tzinfo=datetime.UTC).timestamp()


@pytest.mark.parametrize(
    ("tables", "said"),
    [
        ([{"a": [1]}, {"b": [1]}], "table 2 of those compared has no column 'a'"),
        ([{"a": [1]}, {"a": ["x"]}], "column 'a' holds int64 in the first table and string"),
        ([{"a": []}], "table 1 of those compared has no rows"),
        ([{}], "has no columns"),
    ],
)
def test_tables_that_do_not_go_together(tables, said):
    with pytest.raises(BadInput, match=said):
        mixed_tables(*map(pa.table, tables))


def test_what_is_no_frame():
    with pytest.raises(BadInput, match="a table must be a data frame, not a int"):
        mixed_tables(3)
    with pytest.raises(BadInput, match="no column is called 'z'"):
        mixed_tables(pa.table({"a": [1]}), categories=["z"])


# Shape and trend.


def test_identical_tables_are_perfect():
    a, b = both(people(300), people(300))
    assert shape(a, b).overall == trend(a, b).overall == information_similarity(a, b) == 1
    assert set(shape(a, b).each) == {"age", "pay", "rich", "town"}
    assert len(trend(a, b).each) == 6


def test_kolmogorov_smirnov_is_scipys():
    random = np.random.default_rng(0)
    for a, b in ((random.normal(size=50), random.normal(size=80)), (np.arange(5), np.ones(3))):
        assert kolmogorov_smirnov(a, b) == pytest.approx(ks_2samp(a, b).statistic, abs=1e-12)
    assert math.isnan(kolmogorov_smirnov(a, b[:0]))


def test_shape_leaves_gaps_out():
    real = pa.table({"c": ["x", "x", "y", None], "n": [1.0, 2.0, 3.0, 4.0]})
    made = pa.table({"c": ["x", None, None, "z"], "n": [3.0, 4.0, None, None]})
    found = shape(*both(real, made))
    assert found.each["c"] == pytest.approx(1 - (abs(2 / 3 - 1 / 2) + 1 / 3 + 1 / 2) / 2)
    assert found.each["n"] == pytest.approx(1 - 0.5)
    assert found.overall == pytest.approx((found.each["c"] + found.each["n"]) / 2)


def test_a_column_without_cells_has_no_shape():
    real = pa.table({"c": ["x", "y"], "n": [1.0, 2.0]})
    made = pa.table({"c": ["x", "y"], "n": pa.nulls(2, pa.float64())})
    found = shape(*both(real, made))
    assert math.isnan(found.each["n"])
    assert found.overall == 1


def test_trend_of_numbers_is_of_correlations():
    a, b = both(people(200), shuffled(people(200)))
    frames = [people(200).to_pandas(), shuffled(people(200)).to_pandas()]
    r, s = (frame[["age", "pay"]].corr().iloc[0, 1] for frame in frames)
    assert trend(a, b).each["age | pay"] == pytest.approx(1 - abs(r - s) / 2)


def test_trend_of_categories_is_of_counts():
    """A gap is a category."""
    real = pa.table({"a": ["x", "x", "y", None], "b": ["p", "q", "p", "p"]})
    made = pa.table({"a": ["x", "x", "x", None], "b": ["p", "p", "p", None]})
    found = trend(*both(real, made)).each["a | b"]
    assert found == pytest.approx(1 - (1 / 2 + 1 / 4 + 1 / 4 + 1 / 4 + 1 / 4) / 2)


def test_trend_of_numbers_beside_categories_bins_each_table_by_itself():
    real, made = people(300, 1), people(300, 2)
    frames = [real.to_pandas(), made.to_pandas()]
    counts = []
    for frame in frames:
        edges = np.histogram_bin_edges(frame.pay.dropna(), 10)
        cells = pd.Series(list(zip(np.digitize(frame.pay, edges), frame.rich, strict=True)))
        counts.append(cells.value_counts(normalize=True))
    expected = 1 - counts[0].sub(counts[1], fill_value=0).abs().sum() / 2
    assert trend(*both(real, made)).each["pay | rich"] == pytest.approx(expected)


def test_a_constant_has_no_correlation():
    real = pa.table({"a": [1.0, 2.0, 3.0], "b": [1.0, 1.0, 1.0]})
    found = trend(*both(real, real))
    assert math.isnan(found.each["a | b"])
    assert math.isnan(found.overall)


def test_of_many_columns_some_pairs_are_looked_at_the_same_each_time(monkeypatch):
    names = [f"c{i}" for i in range(30)]
    assert pairs_of(names) == [*itertools.combinations(names, 2)]
    monkeypatch.setattr("vaekit.evaluation.tables.pairs.MOST", 100)
    found = pairs_of(names)
    assert len({*found}) == 100
    assert found == pairs_of(names)
    assert {name for pair in found for name in pair} == {*names}
    assert all(names.index(a) < names.index(b) for a, b in found)


def test_information_of_independent_columns():
    """A copy of a column tells everything, independent columns nothing: one pair is 1 off."""
    codes = np.tile(["p", "q"], 200)
    other = np.repeat(["p", "q"], 200)
    real = pa.table({"a": codes, "b": codes})
    made = pa.table({"a": codes, "b": other})
    assert information_similarity(*both(real, made)) == pytest.approx(0)
    assert information_similarity(*both(made, made)) == 1


def test_information_by_brute_force():
    real, made = people(400, 1, gaps=False), people(400, 2, gaps=False)

    def mutual(frame):
        cuts = [real.column(n).to_numpy() for n in ("age", "pay")]
        cut = {
            n: pd.cut(frame[n], np.linspace(v.min(), v.max(), 11), include_lowest=True).astype(str)
            for n, v in zip(("age", "pay"), cuts, strict=True)
        }
        a, b = cut["age"], cut["pay"]
        p = pd.crosstab(a, b, normalize="all").to_numpy()
        outer = p.sum(1, keepdims=True) * p.sum(0, keepdims=True)
        gain = (p[p > 0] * np.log(p[p > 0] / outer[p > 0])).sum()
        h = [-(q * np.log(q)).sum() for q in (p.sum(0), p.sum(1))]
        return 2 * gain / sum(h)

    r, s = (mutual(table.to_pandas()) for table in (real, made))
    a, b = both(real.select(["age", "pay"]), made.select(["age", "pay"]))
    assert information_similarity(a, b) == pytest.approx(1 - abs(r - s), abs=1e-6)


# Rare categories.


def test_rare_categories_count():
    real = pa.table({"c": ["x"] * 60 + ["y"] * 20 + ["z"] * 19 + [None]})
    made = pa.table({"c": ["x"] * 30 + ["z"] * 20})
    found = rare_categories(*both(real, made))
    assert found.ratios == {"c=x": pytest.approx(1.0), "c=y": 0.0}
    assert found.lost == ("c=y",)
    assert found.within == 0.5
    assert found.worst == ("c=y", 0.0)


def test_the_limit_of_chance_is_what_sampling_gives():
    random = np.random.default_rng(0)
    p = np.array([0.9, 0.06, 0.04])
    real = pa.table({"c": np.repeat(["x", "y", "z"], [900, 60, 40])})
    within = []
    for _ in range(200):
        made = pa.table({"c": random.choice(["x", "y", "z"], 1000, p=p)})
        found = rare_categories(*both(real, made))
        within.append(found.within)
    assert np.mean(within) == pytest.approx(found.by_chance, abs=0.03)


# Coverage.


def test_coverage_by_brute_force():
    a, b = both(people(60, 1, gaps=False), people(60, 2, gaps=False))
    found = coverage(a, b)
    x, s = (
        np.stack([(t.numbers[n] - a.numbers[n].min()) / np.ptp(a.numbers[n]) for n in a.numbers], 1)
        for t in (a, b)
    )
    hot = [np.concatenate([np.eye(len(t.levels[n]))[c] for n, c in t.categories.items()], 1) for t in (a, b)]  # fmt: skip
    x, s = np.concatenate([x, hot[0]], 1), np.concatenate([s, hot[1]], 1)
    alphas = np.linspace(0, 1, 30)
    centre, made = x.mean(0), s.mean(0)
    to_real = np.array([min(np.linalg.norm(p - q) for j, q in enumerate(x) if j != i) for i, p in enumerate(x)])  # fmt: skip
    to_made = np.array([[np.linalg.norm(p - q) for q in s] for p in x])
    radius = np.quantile(np.linalg.norm(x - centre, axis=1), alphas)
    precision = [(np.linalg.norm(s - centre, axis=1) <= r).mean() for r in radius]
    out = np.linalg.norm(s[to_made.argmin(1)] - made, axis=1)
    recall = [((to_made.min(1) <= to_real) & (out <= r)).mean() for r in np.quantile(out, alphas)]
    for value, curve in ((found.alpha_precision, precision), (found.beta_recall, recall)):
        assert value == pytest.approx(1 - np.abs(alphas - curve).sum() / alphas.sum(), abs=1e-6)


def test_coverage_of_copies_and_of_one_point():
    real = people(200)
    a, b = both(real, real)
    assert coverage(a, b).alpha_precision == pytest.approx(1, abs=0.01)
    assert coverage(a, b).beta_recall == pytest.approx(1, abs=0.01)
    point = real.take([0] * 200)
    assert coverage(*both(real, point)).beta_recall < 0.05


# Privacy.


def test_distances_by_brute_force():
    a, b = both(people(40, 1), people(30, 2))
    expected = np.zeros((40, 30))
    for name, values in a.numbers.items():
        span = np.ptp(values[~np.isnan(values)])
        for i, p in enumerate(values):
            for j, q in enumerate(b.numbers[name]):
                gaps = math.isnan(p) + math.isnan(q)
                expected[i, j] += (abs(p - q) / span, 1, 0)[gaps]
    for name, codes in a.categories.items():
        expected += 2 * (codes[:, None] != b.categories[name])
    of_a, of_b, which = Space.of(a).nearest(a, b)
    np.testing.assert_array_equal(which, expected.argmin(0))
    np.testing.assert_allclose(of_a, expected.min(1), atol=1e-5)
    np.testing.assert_allclose(of_b, expected.min(0), atol=1e-5)


def test_distances_in_pieces(monkeypatch):
    a, b = both(people(40, 1), people(30, 2))
    whole = Space.of(a).nearest(a, b)
    monkeypatch.setattr("vaekit.evaluation.tables.nearness.CELLS", 100)
    for found, expected in zip(Space.of(a).nearest(a, b), whole, strict=True):
        np.testing.assert_array_equal(found, expected)


def test_copies_show():
    train, held_out = people(300, 1), people(300, 2)
    found = privacy(*mixed_tables(train, held_out, train))
    assert found.copies == found.nearer_to_training == found.membership_auc == 1
    assert found.copies_by_chance == 0


def test_few_held_out_rows_are_enough_to_see_copies():
    train, held_out, made = people(900, 1), people(100, 2), people(900, 3)
    tables = mixed_tables(train, held_out, train.slice(0, 300), made)
    assert privacy(*tables[:3]).nearer_to_training == 1
    assert privacy(tables[0], tables[1], tables[3]).nearer_to_training == pytest.approx(
        0.5, abs=0.1
    )


def test_half_copies_are_half_way():
    """Of 400 rows, 200 copies, and of the others one half are nearer to training rows."""
    train, held_out, made = people(400, 1), people(400, 2), people(400, 3)
    mixed = pa.concat_tables([train.slice(0, 200), made.slice(0, 200)])
    tables = mixed_tables(train, held_out, mixed)
    assert privacy(*tables).nearer_to_training == pytest.approx(0.75, abs=0.04)


def test_fresh_rows_give_nothing_away():
    train, held_out, made = people(1000, 1), people(1000, 2), people(1000, 3)
    found = privacy(*mixed_tables(train, held_out, made))
    assert found.nearer_to_training == pytest.approx(0.5, abs=0.06)
    assert found.membership_auc == pytest.approx(0.5, abs=0.05)
    assert found.copies == 0


def test_the_error_of_the_share_is_how_much_it_varies_with_the_rows_held_out():
    random, pool, made = np.random.default_rng(0), people(500, 1), people(400, 3)
    found = []
    for _ in range(60):
        order = random.permutation(500)
        tables = mixed_tables(pool.take(order[:430]), pool.take(order[430:]), made)
        found.append(privacy(*tables))
    shares = np.array([one.nearer_to_training for one in found])
    errors = np.array([one.share_error for one in found])
    above = shares[shares > 0.5] - 0.5  # on this side of the scale, which is finer below
    assert len(above) > 15
    assert math.sqrt((above**2).mean()) == pytest.approx(errors.mean(), rel=0.3)
    assert errors.mean() > 2 * 0.5 * math.sqrt(0.86 * 0.14 / 400)
    assert not any(one.leans for one in found)


def test_copies_of_held_out_rows_are_on_the_other_side():
    train, held_out = people(300, 1), people(300, 2)
    found = privacy(*mixed_tables(train, held_out, held_out))
    assert found.nearer_to_training == found.membership_auc == 0


def test_ties_count_half_and_sizes_do_not_matter():
    """Where every row is there everywhere, nobody can say who was trained on."""
    table = pa.table({"c": ["x", "y"] * 200})
    found = privacy(*mixed_tables(table, table.slice(0, 50), table))
    assert found.nearer_to_training == found.membership_auc == 0.5
    assert found.ties == found.copies == found.copies_by_chance == 1
    assert found.rows == (400, 50, 400)


def test_gaps_and_signs_of_zero_are_the_same_cells():
    train = pa.table({"n": [0.0, None], "c": ["x", None]})
    made = pa.table({"n": [-0.0, None], "c": ["x", None]})
    assert privacy(*mixed_tables(train, train, made)).copies == 1


def test_numbers_stand_side_by_side_as_they_are():
    (table,) = mixed_tables(
        pa.table({"a": [1.5, -2.0, None], "c": ["x", "y", "x"], "b": [3, 0, -4]})
    )
    expected = [[1.5, 3], [-2, 0], [math.nan, -4]]
    np.testing.assert_array_equal(table.number_matrix(), expected)


@pytest.mark.parametrize("b", [[None, None, 2.0], [None, 1.0, 2.0], [3.0, 3.0, 3.0]])
def test_columns_without_two_different_rows_in_common_have_no_trend(b):
    table = pa.table({"a": [1.0, 4.0, None], "b": pa.array(b, pa.float64())})
    whole = pa.table({"a": [1.0, 4.0, 2.0], "b": [2.0, 1.0, 0.0]})
    assert math.isnan(trend(*both(whole, table)).each["a | b"])
    assert trend(*both(whole, whole)).each["a | b"] == 1
