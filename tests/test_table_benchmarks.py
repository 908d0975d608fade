"""The baselines of the benchmarks on tables do what their names say."""

import importlib
import sys
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from people import people
from sklearn.metrics import roc_auc_score

from vaekit.evaluation.tables import mixed_tables, shape, trend
from vaekit.evaluation.tables.nearness import exact_rows

BENCHMARKS = Path(__file__).resolve().parent.parent / "benchmarks"


@pytest.fixture
def scripts(monkeypatch):
    """Imports a script as it imports itself, and forgets it afterwards."""
    before = set(sys.modules)
    monkeypatch.setattr(sys, "path", [str(BENCHMARKS / "tables"), str(BENCHMARKS), *sys.path])
    yield importlib.import_module
    for name in set(sys.modules) - before:
        if str(BENCHMARKS) in (getattr(sys.modules[name], "__file__", None) or ""):
            del sys.modules[name]


@pytest.fixture
def made(scripts):
    """Rows of each baseline by name, beside those it learnt from."""
    train = people(600)
    baselines = scripts("baselines").BASELINES
    return train, {name: kind(0).fit(train).sample(500) for name, kind in baselines.items()}


def test_baselines_keep_columns_and_repeat(made, scripts):
    train, found = made
    for name, kind in scripts("baselines").BASELINES.items():
        assert found[name].schema.names == train.schema.names
        assert found[name].num_rows == 500
        assert kind(0).fit(train).sample(500).equals(found[name]), name
        real, synthetic = mixed_tables(train, found[name])
        assert shape(real, synthetic).overall > 0.9, name


def test_baselines_know_as_much_as_they_should(made):
    train, found = made
    pair = {}
    for name, table in found.items():
        real, synthetic = mixed_tables(train, table)
        pair[name] = trend(real, synthetic).each["age | pay"]
        known = set(exact_rows(real))
        copies = np.mean([row in known for row in exact_rows(synthetic)])
        assert copies == 1 if name == "training rows, copied" else copies < 0.1
    assert pair["independent columns"] == pytest.approx(0.5, abs=0.1)
    assert min(v for k, v in pair.items() if k != "independent columns") > 0.75


def test_whole_numbers_stay_whole(scripts):
    train = pa.table({"n": [1, 2, None, 4] * 20, "b": [True, False, None, True] * 20})
    for kind in scripts("baselines").BASELINES.values():
        assert kind(0).fit(train).sample(30).schema == train.schema


@pytest.mark.parametrize("way", ["MCAR", "MAR", "MNAR"])
def test_gaps_are_as_many_as_asked_for(scripts, way):
    imputation = scripts("imputation")
    (table,) = mixed_tables(people(3000, gaps=False))
    table = imputation.scaled(table)
    gone = imputation.hidden(table, way, 0.3, np.random.default_rng(0))
    shares = [found.mean() for found in gone.values() if found.any()]
    np.testing.assert_allclose(shares, 0.3, atol=0.03)
    lean = np.corrcoef(gone["pay"], table.numbers["pay"])[0, 1] if gone["pay"].any() else 0
    assert (abs(lean) > 0.2) == (way == "MNAR") or way == "MAR"


def test_fillings_are_scored_against_the_truth(scripts, monkeypatch):
    imputation = scripts("imputation")
    monkeypatch.setattr(imputation, "EPOCHS", 150)
    (table,) = mixed_tables(people(400, gaps=False))
    table = imputation.scaled(table)
    gone = imputation.hidden(table, "MCAR", 0.3, np.random.default_rng(0))
    perfect = imputation.score(table, gone, [table, table, table], 0)
    assert (perfect.rmse, perfect.mae, perfect.accuracy, perfect.coverage) == (0, 0, 1, 1)
    assert perfect.energy == pytest.approx(0, abs=0.02)
    errors = {}
    for name, fill in imputation.METHODS.items():
        filled = fill(imputation.without(table, gone), 0, 2)
        for column in table.numbers:
            seen = ~gone[column]
            np.testing.assert_array_equal(
                filled[0].numbers[column][seen], table.numbers[column][seen]
            )
        errors[name] = imputation.score(table, gone, filled, 0).rmse
    assert errors["mean"] == pytest.approx(1, abs=0.1)
    assert max(v for k, v in errors.items() if k != "mean") < 0.95


def test_detectors_find_what_lies_far_out(scripts):
    anomaly = scripts("anomaly")
    random = np.random.default_rng(0)
    train = random.normal(size=(200, 3))
    test = np.concatenate([random.normal(size=(100, 3)), random.normal(6, 1, (20, 3))])
    for name in anomaly.there():
        scores = anomaly.METHODS[name](train, test, 0, same=False)
        assert roc_auc_score(np.repeat([0, 1], [100, 20]), scores) > 0.98, name


def test_ranks_share_places(scripts):
    anomaly = scripts("anomaly")
    scores = {"kNN": 0.9, "LOF": 0.9, "PCA": 0.5}
    found = anomaly.Found({f"1_set: {m}": {"0": {"AUROC": v}} for m, v in scores.items()})
    assert found.ranks("AUROC") == {"kNN": 1.5, "LOF": 1.5, "PCA": 3}


def test_what_is_not_the_default_takes_its_place_in_ranks(scripts):
    anomaly = scripts("anomaly")
    scores = {"kNN": 0.7, "vaekit": 0.8, "vaekit, trim 0": 0.9}
    found = anomaly.Found({f"1_set: {m}": {"0": {"AUROC": v}} for m, v in scores.items()})
    assert found.ranks("AUROC") == {"kNN": 2, "vaekit": 1, "vaekit, trim 0": 1}


def test_chained_regressions_fill_categories_that_follow_from_numbers(scripts):
    """Of three categories, whose columns of 0 and 1 sum to 1."""
    imputation = scripts("imputation")
    number = np.random.default_rng(0).normal(size=300)
    names = np.array(["low", "middle", "high"])[np.digitize(number, [-0.6, 0.6])]
    (table,) = mixed_tables(pa.table({"n": number, "c": names}))
    gone = {"n": np.zeros(300, bool), "c": np.arange(300) % 3 == 0}
    filled = imputation.METHODS["IterativeImputer"](imputation.without(table, gone), 0, 0)
    assert imputation.score(table, gone, filled, 0).accuracy > 0.75
