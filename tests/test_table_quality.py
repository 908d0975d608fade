"""Who tells synthetic tables from real ones, who learns from them, and what is said of all that."""

import json

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from people import both, people, shuffled
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score
from sklearn.model_selection import StratifiedKFold
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import RobustScaler

from vaekit import BadInput
from vaekit.evaluation.figures import as_text
from vaekit.evaluation.tables import (
    BOOSTING,
    LOGISTIC,
    XGBOOST,
    indistinguishability,
    mixed_tables,
    quality,
    usefulness,
)


@pytest.fixture(autouse=True)
def _few_trees(monkeypatch):
    monkeypatch.setattr("vaekit.evaluation.tables.judges.TREES", 40)


# Telling apart.


def test_the_score_is_as_sdmetrics_defines_it():
    real, made = people(300, 1), people(300, 2).slice(0, 250)
    frame = pd.concat([real.to_pandas(), made.to_pandas()])
    x = pd.get_dummies(frame, dummy_na=True).astype(float).fillna(real.to_pandas().pay.mean())
    x, y = x.to_numpy(), np.repeat([1, 0], [300, 250])
    found = []
    for a, b in StratifiedKFold(3, shuffle=True, random_state=4).split(x, y):
        model = make_pipeline(RobustScaler(), LogisticRegression()).fit(x[a], y[a])
        found.append(max(0.5, roc_auc_score(y[b], model.predict_proba(x[b])[:, 1])) * 2 - 1)
    score = indistinguishability(*both(real, made), LOGISTIC, seed=4)
    assert score == pytest.approx(1 - np.mean(found), abs=1e-6)


@pytest.mark.parametrize("judge", [BOOSTING, LOGISTIC], ids=lambda judge: judge.name)
def test_rows_of_the_same_distribution_cannot_be_told_apart(judge):
    a, b = both(people(800, 1), people(800, 2))
    assert indistinguishability(a, b, judge) > 0.9
    assert indistinguishability(a, b, judge) == indistinguishability(a, b, judge)


def test_boosting_sees_what_a_line_cannot():
    """Columns that know nothing of each other have all the right marginals."""
    a, b = both(people(800), shuffled(people(800)))
    assert indistinguishability(a, b, BOOSTING) < 0.3
    assert indistinguishability(a, b, LOGISTIC) > 0.8


def test_other_rows_are_always_told_apart():
    real = pa.table({"n": np.arange(100.0)})
    made = pa.table({"n": np.arange(100.0) + 1000})
    assert indistinguishability(*both(real, made)) == 0
    with pytest.raises(BadInput, match="needs 3 of each at least; here 2"):
        indistinguishability(*both(real, made.slice(0, 2)))


def test_very_many_categories():
    random = np.random.default_rng(0)
    real, made = (
        pa.table({"c": [f"v{i}" for i in (random.pareto(1, 2000) * 10).astype(int)]})
        for _ in range(2)
    )
    a, b = both(real, made)
    assert len(a.levels["c"]) > 256
    assert indistinguishability(a, b) > 0.8


def test_a_judge_that_is_not_installed(monkeypatch):
    monkeypatch.setattr("vaekit.evaluation.tables.judges.find_spec", lambda name: None)
    a, b = both(people(30), people(30))
    with pytest.raises(BadInput, match="pip install xgboost"):
        indistinguishability(a, b, XGBOOST)


# Use.


def test_use_of_real_rows_and_of_noise():
    a, b, c = mixed_tables(people(500, 1), people(300, 2), shuffled(people(500, 1)))
    good, bad = usefulness(a, b, "rich"), usefulness(c, b, "rich")
    assert good.auc > 0.95
    assert good.f1 > 0.9
    assert bad.auc == pytest.approx(0.5, abs=0.15)
    assert usefulness(a, b, "pay").r2 > 0.9
    assert usefulness(c, b, "pay").r2 < 0.1
    assert usefulness(a, b, "pay").main == ("R²", usefulness(a, b, "pay").r2)


def test_use_of_several_categories():
    a, b = both(people(300, 1), people(300, 2))
    found = usefulness(a, b, "town")
    assert found.auc == pytest.approx(0.5, abs=0.1)


def test_use_where_one_category_is_left():
    real = people(300, gaps=False)
    made = real.filter(pa.compute.equal(real.column("rich"), "poor"))
    a, b = both(real, made)
    found = usefulness(b, a, "rich")
    assert found.auc == 0.5
    assert found.f1 < 0.5


def test_a_target_that_is_not_there():
    a, b = both(people(30), people(30))
    with pytest.raises(BadInput, match="did you mean 'rich'"):
        usefulness(a, b, "rick")
    gone = pa.table({"a": [1.0, 2.0], "b": pa.nulls(2, pa.float64())})
    with pytest.raises(BadInput, match="'b' is missing in every row"):
        usefulness(*both(gone, gone), "b")


# All together.


def test_quality_says_everything_and_repeats():
    tables = people(300, 1), people(300, 2), people(300, 3)
    first, second = (quality(*tables, "rich", judges=[BOOSTING], seed=7) for _ in range(2))
    assert first == second
    found = json.loads(json.dumps(first.to_dict(), allow_nan=False))
    assert found["shape"]["overall"] == first.shape.overall
    assert found["useful"]["auc"] == first.useful.auc
    assert found["versions"]["boosting"].startswith("sklearn ")
    assert found["rows"] == {"training": 300, "held out": 300, "synthetic": 300}
    assert "Nothing points to copying" in found["verdict"]
    text = as_text(first.figures)
    for word in ("Shape", "Trend", "C2ST by boosting", "AUC", "DCR share", "exact copies"):
        assert word in text


def test_copies_are_called_so():
    train = people(300, 1)
    found = quality(train, people(300, 2), train, judges=[BOOSTING])
    assert "Training rows show through" in found.verdict
    assert "Columns one by one are very much like" in found.verdict
    assert found.useful is None


def test_without_held_out_rows():
    found = quality(people(100, 1), None, shuffled(people(100, 1)), "rich", judges=[])
    assert found.privacy is found.useful is None
    assert "Nothing can be said of privacy" in found.verdict
    json.dumps(found.to_dict(), allow_nan=False)


def test_lost_categories_are_named():
    real = pa.table({"c": ["x"] * 50 + ["y"] * 30, "n": np.arange(80.0)})
    made = pa.table({"c": ["x"] * 80, "n": np.arange(80.0)})
    assert "1 of 2 categories never come: c=y." in quality(real, None, made, judges=[]).verdict


def test_of_very_many_categories_judges_see_the_frequent_ones():
    """253 of 300 keep a place, in the order of how often they come; the others share one; a gap
    stays a gap, and so does the last category, which comes most often, stay a category."""
    names = [f"{i:03}" for i in range(300)]
    often = [*(1 + (i % 3 == 0) for i in range(299)), 5]
    cells = [*np.repeat(names, often).tolist(), None]
    a, b = both(pa.table({"c": cells}), pa.table({"c": [*names, None]}))
    found = BOOSTING.features(a, b)[:, 0]
    order = sorted(range(300), key=lambda i: (-often[i], i))
    expected = [min(order.index(i), 253) for i in range(300)]
    assert found[:300].tolist() == expected
    assert np.isnan(found[300])
    assert sum(place == 253 for place in expected) == 47


def test_few_rows_of_many_categories_are_as_like_as_others_are():
    """Two samples of very many categories differ by chance: that is no fault of a model."""
    random = np.random.default_rng(0)

    def rows(count, many=True):
        names = random.integers(0, 2000, count) // (1 if many else 2)
        return pa.table({"c": [f"v{i}" for i in names], "n": random.normal(size=count)})

    train, test = rows(2000), rows(1000)
    fair = quality(train, test, rows(2000), judges=[])
    assert fair.shape.overall < 0.9
    assert "Columns one by one are as much like the real ones as held-out rows are" in fair.verdict
    assert fair.chance.rows == 1000
    assert fair.chance.shape == pytest.approx(fair.chance.held_out_shape, abs=0.03)
    poor = quality(train, test, rows(2000, many=False), judges=[])
    assert "Columns one by one are not like the real ones" in poor.verdict
    alone = quality(train, None, rows(2000), judges=[])
    assert alone.chance is None
    assert "Columns one by one are not like the real ones" in alone.verdict
    note = next(f.note for g in fair.figures for f in g.each if f.name == "Shape")
    assert f"held-out rows {fair.chance.held_out_shape:.3g}" in note
