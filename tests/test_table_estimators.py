"""Estimators of tables: new rows, gaps filled in, and rows that are unlike the others."""

import base64
import json

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from sklearn.metrics import roc_auc_score
from sklearn.utils.estimator_checks import parametrize_with_checks

from vaekit import BadInput, TableSynthesizer, VAEDetector, VAEImputer

TINY = {"width": 8, "depth": 1}
QUICK = {"epochs": 2, "options": TINY, "random_state": 0}


@parametrize_with_checks([VAEImputer(**QUICK), VAEDetector(**QUICK), TableSynthesizer(**QUICK)])
def test_scikit_learn_contract(estimator, check):
    check(estimator)


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
