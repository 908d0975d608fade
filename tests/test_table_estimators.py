"""Estimators of tables: new rows, gaps filled in, and rows that are unlike the others."""

import base64
import json
import warnings

import narwhals as nw
import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from sklearn.metrics import roc_auc_score
from sklearn.utils.estimator_checks import parametrize_with_checks

from vaekit import BadInput, TableSynthesizer, VAEDetector, VAEImputer
from vaekit.data.conditions import by_name

TINY = {"width": 8, "depth": 1}
QUICK = {"epochs": 2, "options": TINY, "random_state": 0}


@parametrize_with_checks([VAEImputer(**QUICK), VAEDetector(**QUICK), TableSynthesizer(**QUICK)])
def test_scikit_learn_contract(estimator, check):
    check(estimator)


@pytest.mark.parametrize("kind", [TableSynthesizer, VAEImputer, VAEDetector])
@pytest.mark.parametrize("rows", [2, 5, 9])
def test_a_few_rows_are_enough_or_it_is_said_how_many(kind, rows):
    frame = pd.DataFrame({"a": np.arange(rows) % 5 + 0.5, "b": [*"xy" * rows][:rows]})
    for X in (frame, frame[["a"]].to_numpy()):
        if kind is VAEDetector and rows < 5:
            with pytest.raises(BadInput, match="give at least 5"):
                kind(**QUICK).fit(X)
            continue
        model = kind(**QUICK).fit(X)
        for what in ("sample", "transform", "predict"):
            if hasattr(model, what):
                assert len(getattr(model, what)(rows if what == "sample" else X)) == rows


@pytest.mark.parametrize("kind", [TableSynthesizer, VAEImputer, VAEDetector])
def test_a_lazy_frame_is_to_be_read_first(kind):
    lazy = pl.LazyFrame({"a": [1.0, 2.0] * 5})
    with pytest.raises(BadInput, match=r"X is a lazy frame.*collect"):
        kind(**QUICK).fit(lazy)


@pytest.mark.parametrize("given", [pd.DataFrame({"c": ["u"] * 3}), pd.Series(["u"] * 3)])
def test_what_is_given_without_names_is_told_in_one_line(given):
    with pytest.raises(BadInput, match="by name") as error:
        by_name(given)
    assert "\n" not in str(error.value)


WRONG = [
    (VAEImputer, {"draws": 0}, "draws must be at least 1"),
    (VAEImputer, {"draws": 2.5}, "draws must be a whole number"),
    (TableSynthesizer, {"samples": 2.5}, "samples must be a whole number"),
    (TableSynthesizer, {"samples": "a"}, "samples must be a whole number"),
    (VAEDetector, {"bins": 0}, "bins must be at least 1"),
    (VAEDetector, {"bins": 2.5}, "bins must be a whole number"),
    (VAEDetector, {"false_alarm": "x"}, "false_alarm must be a finite number"),
    (VAEDetector, {"false_alarm": 0}, "false_alarm must be above 0"),
    (VAEDetector, {"false_alarm": 1}, "below 1"),
    (VAEImputer, {"options": [1]}, "options must be a dictionary"),
    (VAEImputer, {"options": {1: 2}}, "options must be a dictionary"),
    (VAEImputer, {"options": {"source": 2}}, "source is settled already"),
    (VAEImputer, {"options": {"widht": 2}}, "did you mean 'width'"),
    (VAEImputer, {"schema": [1]}, "schema must be a file, or a dictionary"),
    (VAEImputer, {"latent": "a"}, "latent must be a whole number"),
    (VAEImputer, {"epochs": 2.5}, "epochs must be a whole number"),
    (VAEImputer, {"random_state": "a"}, "random_state must be a whole number"),
    (VAEImputer, {"random_state": -1}, "random_state must be a whole number"),
    (VAEImputer, {"random_state": True}, "random_state must be a whole number"),
    (VAEImputer, {"random_state": 2**70}, "random_state must be a whole number"),
]


@pytest.mark.parametrize(("kind", "wrong", "said"), WRONG)
def test_wrong_parameters_are_refused_in_a_line(kind, wrong, said):
    with pytest.raises(BadInput, match=said) as error:
        kind(**{**QUICK, **wrong}).fit(people(40))
    assert "\n" not in str(error.value)


def test_parameters_that_are_changed_after_training_are_checked(maker, imputer, detector, frame):
    for one, name, ask in (
        (maker, "samples", "score_samples"),
        (imputer, "draws", "transform"),
        (detector, "samples", "predict"),
    ):
        was = one.get_params()[name]
        one.set_params(**{name: 0})
        with pytest.raises(BadInput, match=f"{name} must be at least 1"):
            getattr(one, ask)(frame)
        one.set_params(**{name: was})
    for count in (0, 2.5, "a", None):
        with pytest.raises(BadInput, match="n_draws must be"):
            imputer.transform_draws(frame, count)


def test_options_go_before_parameters(frame):
    model = VAEImputer(**{**QUICK, "options": {**TINY, "latent": 3, "seed": 5, "epochs": 1}})
    config = model.fit(frame).model_.config
    assert (config.arguments["latent"], config.plan.seed, config.plan.epochs) == (3, 5, 1)


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        ({"n_samples": 2.5}, "n_samples must be a whole number"),
        ({"n_samples": "3"}, "n_samples must be a whole number"),
        ({"n_samples": None}, "n_samples must be a whole number"),
        ({"n_samples": 0}, "n_samples must be at least 1"),
        ({"random_state": -1}, "random_state must be"),
        ({"random_state": "a"}, "random_state must be"),
        ({"random_state": True}, "random_state must be"),
        ({"random_state": np.True_}, "random_state must be"),
        ({"random_state": 2**32}, "random_state must be a whole number from 0 to 4294967295"),
        ({"random_state": 2**70}, "random_state must be"),
        ({"random_state": 1.5}, "random_state must be"),
        ({"where": 5}, "where must be a text"),
        ({"given": ["town"]}, "by name"),
        ({"given": []}, "by name"),
        ({"given": {"town": "Oslo"}, "balance": "town"}, "town is given"),
        ({"given": {1: 2}}, "unknown column '1'"),
        ({"balance": 5}, "unknown column '5'"),
    ],
)
def test_what_cannot_be_asked_of_new_rows_is_refused(maker, asked, said):
    with pytest.raises(BadInput, match=said):
        maker.sample(**asked)


def counted(rows=80):
    n = np.arange(rows)
    day = pd.Timestamp("2024-01-01") + pd.to_timedelta(n % 50, unit="D")
    return pd.DataFrame(
        {"age": 20 + n % 40, "pay": 10.5 + n * np.pi, "day": day, "ok": n % 3 == 0, "same": 1,
         "eyes": np.where(n % 2, "blue", "brown"), "city": np.where(n % 4, None, "Rome"),
         "size": np.where(n % 5, np.nan, n % 7)}
    ).astype({"day": "datetime64[s]"})  # fmt: skip


@pytest.fixture(scope="module")
def counter():
    return TableSynthesizer(**QUICK).fit(counted())


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"age": 30.5}, "age = 30.5 is no value of type int64"),
        ({"age": "30.5"}, "age = 30.5 is no value of type int64"),
        ({"age": 500}, r"age = 500 lies far from all that training rows hold: \d+ to \d+"),
        ({"age": -500}, "age = -500 lies far"),
        ({"pay": np.inf}, "pay = inf is infinite"),
        ({"pay": -np.inf}, "pay = -inf is infinite"),
        ({"pay": 1e9}, "lies far"),
        ({"age": True}, "age = True is no number"),
        ({"age": "old"}, "'old' is none"),
        ({"day": "1950-01-01"}, "day = 1950-01-01 lies far"),
        ({"day": 5}, r"day is a column of dates or times \(.*\), such as .*, and '5' is none"),
        ({"day": "2024-02-30"}, "'2024-02-30' is none"),
        ({"ok": "maybe"}, "ok is a column of true and false, such as .*, and 'maybe' is none"),
        ({"ok": 2}, "'2' is a category that the model has not seen"),
        ({"age": [30, 31]}, r"age takes one value, which all rows then have, not \[30, 31\]"),
        ({"age": {"a": 30}}, "age takes one value"),
        ({"age": pd.Series([30])}, "age takes one value"),
        ({"same": 2}, "column 'same' holds '1' in all training rows, and so in all new ones"),
        ({"same": None}, "column 'same' holds '1' in all"),
        ({"eyes": "grey"}, "column 'eyes' = 'grey' is .* not seen; choose from: blue, brown"),
        *(({name: gap}, f"{name} is missing, and no training row is without it")
          for name in ("age", "pay", "day", "ok", "eyes")
          for gap in (None, np.nan, pd.NA, pd.NaT, "", " ", "NA")),
    ],
)  # fmt: skip
def test_given_values_that_no_cell_can_hold_are_refused(counter, given, said):
    with pytest.raises(BadInput, match=said) as error:
        counter.sample(2, given=given)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    "given",
    [{"age": 59}, {"age": 62.0}, {"age": "25"}, {"pay": 12.25}, {"ok": True},
     {"day": pd.Timestamp("2024-02-19")}, {"same": 1}, {"same": 1.0}],
)  # fmt: skip
def test_given_values_come_back_exactly(counter, given):
    ((name, value),) = given.items()
    made = counter.sample(3, given=given)[name]
    assert (made == (25 if value == "25" else value)).all()


@pytest.mark.parametrize("name", ["city", "size"])
@pytest.mark.parametrize("gap", [None, np.nan, pd.NA, pd.NaT, ""])
def test_a_gap_is_given_however_it_is_said(counter, name, gap):
    assert bool(counter.sample(3, given={name: gap})[name].isna().all())


def test_a_number_in_a_column_of_truths_is_none_unless_it_is_0_or_1(counter):
    rows = counted(4).astype({"ok": int})
    assert np.isfinite(counter.score_samples(rows)).all()
    odd = counter.score_samples(rows.assign(ok=[0, 2, 1, 1]))
    assert odd[1] < counter.score_samples(rows.assign(ok=[0, 1, 1, 1]))[1]


def test_new_rows_take_what_scikit_learn_takes_for_a_seed(maker):
    first, second = (maker.sample(3, random_state=np.random.RandomState(4)) for _ in range(2))
    pd.testing.assert_frame_equal(first, second)
    pd.testing.assert_frame_equal(
        maker.sample(3, random_state=np.int64(7)), maker.sample(3, random_state=7)
    )
    assert not maker.sample(9, random_state=None).equals(maker.sample(9, random_state=None))


def people(rows=160, seed=0):
    rng = np.random.default_rng(seed)
    age = rng.integers(18, 80, rows)
    frame = pd.DataFrame(
        {
            "age": age.astype(float),
            "job": np.where(age > 60, "none", rng.choice(["cook", "smith"], rows)),
            "pay": np.round(np.exp(rng.normal(9 + age / 40, 0.1)), 2),
            "town": pd.Series(rng.choice(["Rome", "Oslo"], rows), dtype="category"),
            "since": pd.Timestamp("2020-01-01") + pd.to_timedelta(age, unit="D"),
        },
        index=range(100, 100 + rows),
    )
    for name in ("age", "job", "town"):
        frame.loc[frame.index[rng.random(rows) < 0.1], name] = None
    return frame


MORE = {"epochs": 12, "options": {"width": 16, "depth": 1}, "random_state": 0}


@pytest.fixture(scope="module")
def frame():
    return people()


@pytest.fixture(scope="module")
def maker(frame):
    return TableSynthesizer(**MORE).fit(frame)


@pytest.fixture(scope="module")
def imputer(frame):
    return VAEImputer(**MORE).fit(frame)


@pytest.fixture(scope="module")
def detector(frame):
    return VAEDetector(**MORE).fit(frame)


def test_new_rows_are_a_frame_of_the_same_kind(maker, frame):
    made = maker.sample(40)
    assert isinstance(made, pd.DataFrame)
    assert made.columns.tolist() == frame.columns.tolist()
    assert made["town"].dtype == frame["town"].dtype
    assert made["since"].dtype.kind == "M"
    assert set(made["job"].dropna()) <= {"none", "cook", "smith"}
    pd.testing.assert_frame_equal(made, maker.sample(40))
    assert not made.equals(maker.sample(40, random_state=1))


def test_new_rows_have_what_is_given_and_asked(maker):
    made = maker.sample(30, given={"town": "Oslo"}, where="pay > 20000", balance="job")
    assert (made["town"] == "Oslo").all()
    assert made["pay"].min() > 20_000
    assert made["job"].value_counts().tolist() == [10, 10, 10]
    with pytest.raises(BadInput, match="did you mean 'town'"):
        maker.sample(1, given={"twon": "Oslo"})


def test_a_category_that_no_row_has_is_never_drawn():
    """Neither to balance nor by chance; it stays in the column's type."""
    kind = pd.CategoricalDtype(["a", "never", "b"])
    own = pd.DataFrame({"s": pd.Series([*"ab"] * 30, dtype=kind), "n": np.arange(60) % 7})
    maker = TableSynthesizer(**QUICK).fit(own)
    made = maker.sample(300, balance="s")
    assert made["s"].value_counts().to_dict() == {"a": 150, "b": 150, "never": 0}
    assert made["s"].dtype == kind
    assert set(maker.sample(500)["s"]) == {"a", "b"}
    assert set(maker.sample(9, where="s != never and s != a")["s"]) == {"b"}
    for asked in ({"where": "s = never"}, {"given": {"s": "never"}}):
        with pytest.raises(BadInput, match=r"column 's'.*'never'"):
            maker.sample(3, **asked)
    other = own.head(2).assign(s=pd.Series(["never", "nobody"]))
    seen = maker.score_samples(other.assign(s=["never", "never"]))
    assert maker.score_samples(other.assign(s=["nobody", "nobody"])) == pytest.approx(seen)
    ordered = own.assign(s=own["s"].cat.reorder_categories(["a", "never", "b"], ordered=True))
    maker = TableSynthesizer(**QUICK).fit(ordered)
    assert set(maker.sample(9, where="s > never")["s"]) == {"b"}
    assert set(maker.sample(9, where="s <= never")["s"]) == {"a"}


def test_whole_numbers_and_moments_are_exact_in_64_bits():
    n = np.arange(60)
    own = pd.DataFrame(
        {
            "key": 2**62 + n % 3,
            "hash": 2**64 - 1 - (n % 5).astype(np.uint64),
            "day": pd.Timestamp("1930-01-01") + pd.to_timedelta(n * 1_000, unit="D"),
            "until": [
                pd.Timestamp.max if i % 9 == 4 else pd.Timestamp(2024, 1, i % 28 + 1) for i in n
            ],
        }
    ).astype({"day": "datetime64[ns]", "until": "datetime64[ns]"})
    maker = TableSynthesizer(**QUICK).fit(own)
    made = maker.sample(200)
    assert (made.dtypes == own.dtypes).all()
    for name in ("key", "hash"):
        assert set(made[name]) == set(own[name])
    assert (made["day"] == made["day"].dt.normalize()).all()
    assert made["day"].between(own["day"].min(), own["day"].max()).all()
    ends = made["until"] == pd.Timestamp.max
    assert 0 < ends.sum() < 200
    assert (made["until"] == made["until"].dt.normalize())[~ends].all()
    assert set(maker.sample(5, where=f"key = {2**62 + 2}")["key"]) == {2**62 + 2}
    assert set(maker.sample(5, where=f"hash > {2**64 - 3}")["hash"]) == {2**64 - 1, 2**64 - 2}
    assert set(maker.sample(5, given={"hash": 2**64 - 4})["hash"]) == {2**64 - 4}
    odd = VAEDetector(**QUICK).fit(own[["key"]])
    assert odd.score_samples(own[["key"]].head(1)) > odd.score_samples(own[["key"]].head(1) + 7)


@pytest.mark.parametrize("kind", ["pyarrow", "polars"])
def test_other_kinds_of_frames_come_back_as_they_are(frame, kind):
    pytest.importorskip(kind)
    own = pa.Table.from_pandas(frame, preserve_index=False)
    if kind == "polars":
        own = __import__("polars").from_arrow(own)
    made = TableSynthesizer(**QUICK).fit(own).sample(3)
    filled = VAEImputer(**QUICK).fit(own).transform(own)
    assert type(made) is type(filled) is type(own)
    odd = VAEDetector(**QUICK).fit(own).attribute(own)
    assert type(odd) is type(own)


def typed(rows=60):
    """A frame of types that pandas alone has, and some that others have too."""
    n = np.arange(rows)
    return pd.DataFrame(
        {
            "whole": pd.array(np.where(n % 5, n % 7, None), "Int64"),
            "truth": pd.array(np.where(n % 6, n % 2 == 0, None), "boolean"),
            "word": pd.array(np.where(n % 4, "b", None), "string"),
            "size": pd.Categorical(np.where(n % 3, "s", "m"), ["s", "m", "l"], ordered=True),
            "real": (n % 9).astype("float32") / 3,
            "same": pd.array(["x"] * rows, "string"),
            "name": pd.Categorical([f"name {i}" for i in n]),
        },
        index=n % 3,
    )


@pytest.mark.parametrize("kind", ["pandas", "arrow", "polars"])
def test_new_rows_have_the_types_of_the_frame(kind, tmp_path):
    own = typed()
    if kind == "arrow":
        own = own.convert_dtypes(dtype_backend="pyarrow")
        own["code"] = pd.arrays.ArrowExtensionArray(pa.array(["u", "v"] * 30).dictionary_encode())
    if kind == "polars":
        polars = pytest.importorskip("polars")
        own = polars.from_pandas(own).cast({"size": polars.Enum(["s", "m", "l"])})
    first = TableSynthesizer(**{**QUICK, "epochs": 1}).fit(own)
    first.save(tmp_path)
    assert b"name 7" not in base64.b64decode(first.types_)
    for one in (first, TableSynthesizer.load(tmp_path)):
        made = one.sample(30)
        assert type(made) is type(own)
        assert "name" not in made.columns
        for name in made.columns:
            assert made[name].dtype == own[name].dtype, name
    for damaged in ("nonsense", base64.b64encode(b"nonsense").decode()):
        first.types_ = damaged
        with pytest.raises(BadInput, match="types of the data frame"):
            first.sample(1)


NAMES = {
    "numbers": [0, 1, 2],
    "fractions": [0.5, 1.5, 2.5],
    "pairs": pd.MultiIndex.from_tuples([("a", "x"), ("a", "y"), ("b", "x")]),
    "dates": pd.to_datetime(["2020-01-01", "2020-01-02", "2020-01-03"]),
    "no name": ["b", "", "c"],
}


@pytest.mark.parametrize("case", NAMES)
def test_columns_are_called_as_the_frame_calls_them(case, tmp_path):
    n = np.arange(60)
    own = pd.concat([pd.Series(n % 7), pd.Series(n / 7), pd.Series(n % 3 < 1)], axis=1)
    own[2] = pd.Categorical(np.where(own[2], "a", "b"))
    own.columns = NAMES[case]
    maker = TableSynthesizer(**QUICK).fit(own)
    maker.save(tmp_path)
    made = TableSynthesizer.load(tmp_path).sample(5, given={own.columns[0]: 3})
    assert made.columns.equals(own.columns)
    assert made.dtypes.tolist() == own.dtypes.tolist()
    assert made.iloc[:, 0].tolist() == [3] * 5
    far = own.copy()
    far.iloc[:, 1] = 99.0
    assert (maker.score_samples(far) < maker.score_samples(own)).all()
    for columns in (own, own.iloc[:, :2]):
        odd = VAEDetector(**QUICK).fit(columns).attribute(columns)
        assert odd.columns.equals(columns.columns)
        assert odd.notna().all().all()
    own.iloc[3, 1] = np.nan
    assert VAEImputer(**QUICK).fit_transform(own).columns.equals(own.columns)


@pytest.mark.parametrize("kind", ["pyarrow", "polars"])
def test_a_column_without_a_name_is_looked_at(kind):
    columns = {"": np.arange(60) % 7, "b": np.arange(60) / 9}
    own = pa.table(columns)
    if kind == "polars":
        own = pytest.importorskip("polars").DataFrame(columns)
    maker = TableSynthesizer(**QUICK).fit(own)
    assert [*nw.from_native(maker.sample(3)).columns] == ["", "b"]
    assert np.std(maker.score_samples(own)) > 0
    assert [*nw.from_native(VAEDetector(**QUICK).fit(own).attribute(own)).columns] == ["", "b"]


def odd_columns():
    """Of types that Arrow has not, or can do little with, and what new rows hold of them."""
    n, words = np.arange(60), ["x", "y", "z"] * 20
    frame = pd.DataFrame({"n": n % 7.0})
    months = pd.period_range("2020-01", periods=3, freq="M").repeat(20)
    runs = pa.RunEndEncodedArray.from_arrays(pa.array([20, 60]), pa.array(["a", "b"]))
    return {
        "cuts": (frame.assign(c=pd.cut(n % 7, 3)), {"(-0.006, 2.0]", "(2.0, 4.0]", "(4.0, 6.0]"}),
        "months": (frame.assign(c=pd.Categorical(months)), {"2020-01", "2020-02", "2020-03"}),
        "complex": (frame.assign(c=(n % 3) * 1j), {"0j", "1j", "2j"}),
        "views": (pa.table({"n": n % 7, "c": pa.array(words, pa.string_view())}), {*words}),
        "runs": (pa.table({"n": n % 7, "c": runs}), {"a", "b"}),
    }


@pytest.mark.parametrize("case", odd_columns())
def test_types_that_arrow_has_not_are_categories(case, tmp_path):
    own, words = odd_columns()[case]
    maker = TableSynthesizer(**QUICK).fit(own)
    maker.save(tmp_path)
    for one in (maker, TableSynthesizer.load(tmp_path)):
        assert {*nw.from_native(one.sample(200)).get_column("c").to_list()} == words
    assert len(VAEDetector(**QUICK).fit(own).predict(own)) == 60
    filled = VAEImputer(**QUICK).fit_transform(own)
    assert filled.equals(own)


def test_gaps_among_intervals_are_filled_with_intervals():
    n = np.arange(60)
    own = pd.DataFrame({"n": n % 7.0, "c": pd.cut(n % 7, 3)})
    gaps = own.copy()
    gaps.loc[[3, 7], "c"] = None
    filled = VAEImputer(**QUICK).fit_transform(gaps)
    assert filled["c"].dtype == own["c"].dtype
    assert filled["c"].notna().all()
    assert (filled["c"] == own["c"]).drop([3, 7]).all()


def test_whole_numbers_of_128_bits_are_numbers():
    polars = pytest.importorskip("polars")
    own = polars.DataFrame(
        {"n": np.arange(60) % 7, "c": [1, 2, None] * 20}, schema_overrides={"c": polars.Int128}
    )
    maker = TableSynthesizer(**QUICK).fit(own)
    assert {*maker.sample(100)["c"]} == {1, 2, None}
    assert len(VAEImputer(**QUICK).fit_transform(own)) == 60


def test_columns_that_new_rows_do_not_have_are_named(frame):
    own = people().assign(id=[f"u{i}" for i in range(160)], list=[[1, 2]] * 160)
    maker = TableSynthesizer(**QUICK).fit(own)
    with pytest.warns(UserWarning, match=r"not in new rows: 'id' .*'list'") as told:
        made = maker.sample(3)
    assert len(told) == 1
    assert not {"id", "list"} & {*made.columns}
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        TableSynthesizer(**QUICK).fit(frame).sample(3)


def test_a_row_scores_alone(maker, detector, frame):
    for model in (maker, detector):
        every, some = model.score_samples(frame), model.score_samples(frame.iloc[[7, 3]])
        assert some == pytest.approx(every[[7, 3]], abs=1e-9)
    backwards = frame[frame.columns[::-1]]
    with pytest.raises(ValueError, match="same order"):
        maker.score_samples(backwards)


def test_a_density_is_in_the_units_of_the_columns(frame):
    """Numbers of two decimals have a probability, a hundredth of their density; a thousandth of
    them have any decimals, and a density that is a thousand times as high."""
    whole, small = frame[["pay"]], frame[["pay"]] / 1000
    first, second = (TableSynthesizer(**QUICK).fit(x) for x in (whole, small))
    shift = second.score_samples(small) - first.score_samples(whole)
    assert np.median(shift) == pytest.approx(np.log(100 * 1000), abs=0.01)


def test_what_is_filled_in_keeps_what_is_there(imputer, frame):
    filled = imputer.transform(frame)
    assert isinstance(filled, pd.DataFrame)
    assert not filled.isna().any().any()
    assert filled.index.equals(frame.index)
    for name in frame:
        there = frame[name].notna()
        assert (filled[name][there] == frame[name][there]).all()
        assert filled[name].dtype == frame[name].dtype
    assert imputer.get_feature_names_out().tolist() == frame.columns.tolist()
    pd.testing.assert_frame_equal(imputer.transform(frame.iloc[5:9]), filled.iloc[5:9])


def test_filled_tables_differ_where_there_were_gaps_alone(imputer, frame):
    first, second = imputer.transform_draws(frame, 2)
    apart = (first != second).to_numpy()
    assert apart[frame.isna().to_numpy()].any()
    assert not apart[frame.notna().to_numpy()].any()
    imputer.sample_posterior = True
    one = imputer.transform(frame)
    imputer.sample_posterior = False
    pd.testing.assert_frame_equal(one, first)


def test_gaps_of_arrays_are_filled_from_the_other_numbers():
    rng = np.random.default_rng(0)
    x = rng.normal(size=(400, 1)) * [1.0, 2.0, -1.0] + rng.normal(size=(400, 3)) * 0.05
    gone = rng.random(x.shape) < 0.15
    gone[gone.all(1)] = False
    imputer = VAEImputer(epochs=60, options={"width": 32}, random_state=0).set_output(
        transform="pandas"
    )
    filled = imputer.fit_transform(np.where(gone, np.nan, x))
    assert filled.columns.tolist() == ["x0", "x1", "x2"]
    wrong = (filled.to_numpy() - x)[gone]
    assert (filled.to_numpy() == x)[~gone].all()
    assert np.sqrt(np.mean(wrong**2)) < 0.5 * np.sqrt(np.mean(x[gone] ** 2))


def test_rows_from_elsewhere_score_low(detector, frame):
    odd = people(60, seed=1)
    odd["pay"] = 1e7
    usual = people(60, seed=2)
    scores = np.r_[detector.score_samples(usual), detector.score_samples(odd)]
    assert roc_auc_score([1] * 60 + [0] * 60, scores) > 0.99
    assert (detector.predict(odd) == -1).all()
    cells = detector.attribute(odd)
    assert isinstance(cells, pd.DataFrame)
    assert (cells.idxmin(axis=1) == "pay").all()
    assert cells.isna().equals(odd.isna())


def test_false_alarms_are_as_many_as_are_asked_for(detector, frame):
    """By p-values, which are those of decisions; exactly so on the rows that were held out."""
    p, decision = detector.p_values(frame), detector.decision_function(frame)
    assert ((p <= detector.false_alarm) == (decision < 0)).all()
    assert (detector.predict(frame) == np.where(decision < 0, -1, 1)).all()
    held = detector.held_out_
    assert len(held) == 32
    assert np.sum(held < detector.offset_) == 0
    detector.set_params(false_alarm=0.25)
    assert np.sum(held < detector.offset_) == int(0.25 * 33) - 1
    detector.set_params(false_alarm=0.05)


def tied(rows, seed=0):
    """Numbers in very different units, the second of which follows from the first."""
    z = np.random.default_rng(seed).normal(size=(rows, 4))
    z[:, 1] = z[:, 0] + 0.2 * z[:, 1]
    return z * [1, 10, 100, 0.1] + 5


class TestNumbersAlone:
    """Where there are only numbers, they stay real numbers."""

    @pytest.fixture(scope="class")
    @classmethod
    def tested(cls):
        return VAEDetector(epochs=40, options={"width": 64}, random_state=0).fit(tied(600))

    def test_odd_rows_are_found_wherever_their_oddness_is(self, tested):
        odd, far = tied(50, 1), tied(50, 2)
        odd[:, 1] += 25  # inside its range, but not beside the first
        far[:, 3] += 2
        usual = tested.score_samples(tied(300, 3))
        assert roc_auc_score([1] * 300 + [0] * 50, np.r_[usual, tested.score_samples(odd)]) > 0.8
        assert (tested.predict(far) == -1).all()
        assert (
            tested.attribute(odd)[:, :2].min(1) < tested.attribute(odd)[:, 2:].min(1)
        ).mean() > 0.9
        assert (tested.attribute(far).argmin(1) == 3).all()
        assert 0.01 < (usual < tested.offset_).mean() < 0.12

    def test_densities_are_in_the_units_of_the_columns(self, tested):
        scaled = VAEDetector(epochs=40, options={"width": 64}, random_state=0).fit(tied(600) * 1000)
        apart = tested.score_samples(tied(20, 1)) - scaled.score_samples(tied(20, 1) * 1000)
        assert apart == pytest.approx(np.full(20, 4 * np.log(1000)), abs=1e-2)
        cells = tested.attribute(tied(20, 1)) - scaled.attribute(tied(20, 1) * 1000)
        assert cells == pytest.approx(np.zeros((20, 4)), abs=1e-2)

    def test_it_is_saved_and_scores_each_row_alone(self, tested, tmp_path):
        tested.save(tmp_path)
        again = VAEDetector.load(tmp_path)
        assert (again.score_samples(tied(9)) == tested.score_samples(tied(9))).all()
        alone = tested.score_samples(tied(9)[[4]])
        assert alone == pytest.approx(tested.score_samples(tied(9))[[4]], abs=1e-9)

    def test_what_is_no_number_is_said(self, tested):
        gap = tied(5)
        gap[2, 1] = np.nan
        with pytest.raises(BadInput, match=r"gaps in column .x1.*bins=8"):
            tested.predict(gap)
        assert VAEDetector(bins=4, **QUICK).fit(tied(50)).predict(gap).shape == (5,)

    @pytest.mark.parametrize("far", [1e40, -1e300])
    def test_one_row_far_out_is_odd_and_the_others_are_scored(self, tested, far):
        rows = tied(5)
        rows[2, 3] = far
        found = tested.score_samples(rows)
        others = [0, 1, 3, 4]
        assert found[others] == pytest.approx(tested.score_samples(tied(5))[others], abs=1e-9)
        assert np.isfinite(found).all()
        assert tested.predict(rows)[2] == -1
        assert tested.attribute(rows)[2].argmin() == 3

    @pytest.mark.parametrize("scale", [1e200, 1e300, 1e-200])
    def test_numbers_whose_squares_are_no_floats(self, tested, scale):
        own = VAEDetector(epochs=40, options={"width": 64}, random_state=0).fit(tied(600) * scale)
        odd = tied(50, 2)
        odd[:, 3] += 2
        assert np.isfinite(own.score_samples(odd * scale)).all()
        assert (own.predict(odd * scale) == -1).all()

    def test_infinite_numbers_are_said(self, tested):
        own = VAEDetector(**QUICK).fit(pd.DataFrame(tied(50), columns=list("abcd")))
        rows = pd.DataFrame(tied(5), columns=list("abcd"))
        rows.loc[2, "b"] = np.inf
        with pytest.raises(BadInput, match="infinite numbers in column 'b'"):
            own.predict(rows)

    def test_frames_and_constant_columns(self):
        frame = pd.DataFrame(tied(80), columns=list("abcd")).assign(same=3)
        found = VAEDetector(**QUICK).fit(frame)
        assert found.model_.config.recipe == "vae"
        assert found.attribute(frame).columns.tolist() == [*"abcd", "same"]
        assert np.isfinite(found.score_samples(frame)).all()
        assert VAEDetector(**QUICK).fit(people()).model_.config.recipe == "table_vae"


@pytest.mark.parametrize("name", ["maker", "imputer", "detector"])
def test_what_is_saved_is_what_is_loaded(name, request, frame, tmp_path):
    first = request.getfixturevalue(name)
    first.save(tmp_path)
    assert {f.suffix for f in tmp_path.iterdir()} == {".json", ".safetensors"}
    second = type(first).load(tmp_path)
    assert second.get_params() == first.get_params()
    for what in ("sample", "transform", "decision_function", "attribute"):
        if hasattr(first, what):
            given = 3 if what == "sample" else frame
            old, new = (pd.DataFrame(getattr(one, what)(given)) for one in (first, second))
            pd.testing.assert_frame_equal(old, new)
    other = VAEImputer if name != "imputer" else VAEDetector
    with pytest.raises(BadInput, match=other.__name__):
        other.load(tmp_path)
    found = json.loads((tmp_path / "estimator.json").read_text())
    found["parameters"]["colour"] = "red"
    (tmp_path / "estimator.json").write_text(json.dumps(found))
    with pytest.raises(BadInput, match="parameters"):
        type(first).load(tmp_path)


def test_one_seed_gives_one_model(frame):
    first, second, third = (
        VAEDetector(**{**QUICK, "random_state": seed}).fit(frame) for seed in (3, 3, 4)
    )
    assert (first.score_samples(frame) == second.score_samples(frame)).all()
    assert not (first.score_samples(frame) == third.score_samples(frame)).all()


def test_what_columns_are_can_be_said(frame, tmp_path):
    said = tmp_path / "schema.toml"
    said.write_text('[age]\ntype = "category"\n')
    for schema in ({"age": "category"}, said):
        made = TableSynthesizer(schema=schema, **QUICK).fit(frame)
        kinds = {c.name: c.kind for c in made.model_.config.coding.schema.columns}
        assert kinds["age"] == "category"
    with pytest.raises(BadInput, match="did you mean 'age'"):
        TableSynthesizer(schema={"aeg": "number"}, **QUICK).fit(frame)


@pytest.mark.parametrize(
    "numbers",
    [
        np.r_[np.array([-(2**63)]), np.arange(59) * 10**17],
        np.arange(60).astype(np.uint64) + np.uint64(2**63 + 5),
    ],
)
def test_numbers_at_the_ends_of_64_bits_are_saved_and_loaded(numbers, tmp_path):
    frame = pd.DataFrame({"x": numbers, "y": list("ab") * 30})
    made = TableSynthesizer(**QUICK).fit(frame)
    made.save(tmp_path)
    again = TableSynthesizer.load(tmp_path)
    pd.testing.assert_frame_equal(again.sample(5), made.sample(5))
