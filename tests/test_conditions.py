"""What a conditional model is given beside x: asked for, encoded, saved, read from data."""

import numpy as np
import pandas as pd
import pytest
import torch

from vaekit.data import Condition, Conditions, Opening, open_source, parse_given
from vaekit.data.given_columns import column_of
from vaekit.system.checks import BadInput

KIND, AGE = Condition("kind", ("cat", "dog", "horse")), Condition("age", (), 40.0, 10.0)
BOTH = Conditions((KIND, AGE))
DIGIT = Conditions((Condition("label", tuple(map(str, range(10)))),))


class TestAsking:
    def test_one_value_is_for_all_rows(self):
        raw = BOTH.ask({"kind": "dog", "age": 50}, 3)
        assert raw["kind"].tolist() == [1, 1, 1]
        assert raw["age"].tolist() == [50.0] * 3

    @pytest.mark.parametrize("three", [3, "3", 3.0, np.int64(3), torch.tensor(3), [3], "3.0"])
    def test_a_class_by_its_number_in_any_form(self, three):
        assert DIGIT.ask({"label": three}, 2)["label"].tolist() == [3, 3]

    @pytest.mark.parametrize(
        "cells",
        [
            ["dog", "cat"],
            np.array(["dog", "cat"]),
            np.array(["dog", "cat"], dtype=object),
            pd.Series(["dog", "cat"]),
            torch.tensor([1, 0]),
            [1.0, 0.0],
        ],
    )
    def test_one_value_for_each_row(self, cells):
        assert BOTH.ask({"kind": cells, "age": [1, 2.5]}, 2)["kind"].tolist() == [1, 0]

    def test_names_come_before_numbers(self):
        odd = Conditions((Condition("n", ("2", "1", "0")),))
        assert odd.ask({"n": 2}, 1)["n"].tolist() == [0]

    def test_widths_and_encoding(self):
        assert BOTH.widths == {"kind": 3, "age": 1}
        seen = BOTH.encode(BOTH.ask({"kind": ["horse", "cat"], "age": "30"}, 2))
        assert seen["kind"].tolist() == [[0, 0, 1], [1, 0, 0]]
        assert seen["age"].tolist() == [[-1], [-1]]
        assert all(t.dtype == torch.float32 for t in seen.values())

    def test_nothing_given(self):
        assert Conditions().ask({}, 4) == {}
        assert Conditions().encode({}) == {}
        assert not Conditions()


MISTAKES = {
    "missing": ({"kind": "cat"}, r"has to be told age: --given age=40 .*a number"),
    "all missing": ({}, r"has to be told kind: --given kind=cat .*one of: cat, dog, horse"),
    "unknown name": ({"kind": "cat", "age": 1, "agee": 1}, "unknown condition 'agee'; did you mean 'age'"),
    "unknown class": ({"kind": "hors", "age": 1}, "unknown kind 'hors'; did you mean 'horse'.*cat, dog, horse"),
    "far class": ({"kind": "zebra", "age": 1}, "unknown kind 'zebra'; choose from: cat, dog, horse"),
    "number beyond": ({"kind": 3, "age": 1}, "unknown kind '3'"),
    "no class": ({"kind": None, "age": 1}, "unknown kind 'None'"),
    "NaN": ({"kind": "cat", "age": float("nan")}, "age must be a number"),
    "NaN as text": ({"kind": "cat", "age": "nan"}, "age must be a number"),
    "NaN in a column": ({"kind": "cat", "age": [1.0, np.nan]}, r"age must be a number.*\(row 1\)"),
    "missing class": ({"kind": ["cat", np.nan], "age": 1}, "unknown kind 'nan'"),
    "text as a number": ({"kind": "cat", "age": "old"}, "age must be a number .* not old"),
    "infinite": ({"kind": "cat", "age": np.inf}, "age must be a number"),
    "too many": ({"kind": ["cat"] * 3, "age": 1}, "2 rows but 3 values of kind"),
    "none at all": ({"kind": [], "age": 1}, "2 rows but 0 values of kind"),
    "a table": ({"kind": np.zeros((2, 2)), "age": 1}, "one kind for each row"),
}  # fmt: skip


@pytest.mark.parametrize("case", MISTAKES)
def test_mistakes_get_one_line(case):
    given, says = MISTAKES[case]
    with pytest.raises(BadInput, match=says) as said:
        BOTH.ask(given, 2)
    assert "\n" not in str(said.value)


def test_a_model_that_is_given_nothing_says_so():
    with pytest.raises(BadInput, match="takes nothing given, so not 'label'"):
        Conditions().ask({"label": 3}, 1)


def test_what_is_not_encoded_is_missed():
    with pytest.raises(BadInput, match="has to be told age"):
        BOTH.encode({"kind": torch.tensor([0])})


def test_there_and_back_as_json():
    assert Conditions.from_json(BOTH.to_json()) == BOTH
    assert Conditions.from_json([]) == Conditions()


def test_many_classes_are_not_all_listed():
    many = Condition("n", tuple(f"c{i:02}" for i in range(30)))
    assert many.possible.endswith("c19 and 10 more")


def test_the_command_lines_words():
    assert parse_given(["label=3", " age = 40.5 "]) == {"label": "3", "age": "40.5"}
    assert parse_given([]) == {}
    assert parse_given(["a=b=c"]) == {"a": "b=c"}
    for bad in (["label"], ["=3"], ["label="], ["a=1", "a=2"]):
        with pytest.raises(BadInput, match=r"name=value|twice"):
            parse_given(bad)


class TestColumns:
    every = torch.arange(6)

    def test_words_are_classes(self):
        numbers, names = column_of("k", list("babbca"), self.every)
        assert names == ("a", "b", "c")
        assert numbers.tolist() == [1, 0, 1, 1, 2, 0]

    def test_few_whole_numbers_are_classes_others_are_not(self):
        assert column_of("k", ["1", "2", "10"] * 2, self.every)[1] == ("1", "2", "10")
        assert column_of("k", np.array([1.0, 2, 2, 1, 1, 1]), self.every)[1] == ("1", "2")
        assert column_of("k", np.array([True, False] * 3), self.every)[1] == ("False", "True")
        numbers, names = column_of("k", [0.5, 1, 2, 3, 4, 5], self.every)
        assert names == ()
        assert numbers.tolist() == [0.5, 1, 2, 3, 4, 5]
        assert column_of("k", np.arange(100), torch.arange(100))[1] == ()

    def test_the_training_rows_decide(self):
        assert column_of("k", [1, 2, 1, 2, 1, 0.5], torch.arange(5))[1] == ("0.5", "1", "2")
        assert column_of("k", [0.5, 2, 1, 2, 1, 1], torch.arange(5))[1] == ()

    @pytest.mark.parametrize("gap", [np.nan, None, "", np.inf, pd.NA, pd.NaT])
    def test_gaps_of_numbers_are_refused(self, gap):
        with pytest.raises(BadInput, match=r"column 'k' is to be given, but 1 .* first in row 2"):
            column_of("k", np.array([1, 2.5, gap, 1], dtype=object), torch.arange(4))

    def test_infinite_classes_are_refused(self):
        with pytest.raises(BadInput, match=r"column 'k' is to be given, but 1 .* first in row 2"):
            column_of("k", np.array([1, 2, np.inf, 1]), torch.arange(4))

    @pytest.mark.parametrize("gap", [np.nan, None, "", pd.NA, pd.NaT])
    def test_a_class_may_be_unknown(self, gap):
        numbers, names = column_of("k", np.array([1, 2, gap, 1], dtype=object), torch.arange(4))
        assert names == ("1", "2")
        assert numbers.tolist() == [0, 1, -1, 0]
        with pytest.raises(BadInput, match="but 2 values are missing"):
            column_of("k", np.array([gap, gap], dtype=object), torch.arange(2))

    def test_an_unknown_class_is_seen_as_zeros_by_those_who_do_without(self):
        k = Condition("k", ("a", "b"))
        assert k.encode(torch.tensor([1, -1])).tolist() == [[0, 1], [0, 0]]
        assert k.ask(["b", ""], 2, gaps=True).tolist() == [1, -1]
        with pytest.raises(BadInput, match="unknown k ''"):
            k.ask(["b", ""], 2)
        assert Conditions((k,)).carried({"k": torch.tensor([1, -1])}, {"k": ("a", "b")})[
            "k"
        ].tolist() == ["b", ""]

    def test_dates_and_names_of_people_are_refused(self):
        with pytest.raises(BadInput, match="dates or times"):
            column_of("k", np.array(["2020-01-01"] * 4, dtype="datetime64[D]"), self.every)
        with pytest.raises(BadInput, match="1,200 different words"):
            column_of("k", [f"row{i}" for i in range(1200)], torch.arange(1200))


@pytest.fixture
def table():
    rng = np.random.default_rng(0)
    kind = np.array(list("xyz") * 20)
    return pd.DataFrame(
        {"a": rng.normal(size=60), "b": rng.normal(size=60), "kind": kind,
         "age": rng.normal(40, 9, 60), "level": rng.integers(0, 3, 60)}
    )  # fmt: skip


class TestSources:
    @pytest.fixture(params=["frame", "csv", "parquet", "parquet shards", "npz", "npz shards"])
    def data(self, request, table, tmp_path):
        half = [table[:30], table[30:]]
        if request.param == "csv":
            table.to_csv(tmp_path / "t.csv", index=False)
            return tmp_path / "t.csv"
        if request.param == "parquet":
            table.to_parquet(tmp_path / "t.parquet")
            return tmp_path / "t.parquet"
        if request.param == "parquet shards":
            for i, part in enumerate(half):
                part.to_parquet(tmp_path / f"{i}.parquet")
            return tmp_path
        if request.param.startswith("npz"):
            parts = half if "shards" in request.param else [table]
            for i, t in enumerate(parts):
                beside = {n: np.array(t[n].tolist()) for n in ("kind", "age", "level")}
                np.savez(tmp_path / f"{i}.npz", x=t[["a", "b"]].to_numpy(), **beside)
            return tmp_path if len(parts) > 1 else tmp_path / "0.npz"
        return table

    def test_given_columns_are_not_x(self, data, table):
        s = open_source(data, given=["kind", "age", "level"])
        assert s.shape == (2,)
        assert list(s.given) == ["kind", "age", "level"]
        assert s.given_names == {"kind": ("x", "y", "z"), "level": ("0", "1", "2")}
        assert s.given["kind"].tolist() == [0, 1, 2] * 20
        assert s.given["age"].numpy() == pytest.approx(table["age"].to_numpy())
        assert "given beside x: kind (3 classes), age (a number), level (3 classes)" in s.notes
        kind, age, _ = s.conditions()
        assert kind == Condition("kind", ("x", "y", "z"))
        train = table["age"].to_numpy()[s.splits["train"]]
        assert (age.mean, age.spread) == pytest.approx((train.mean(), train.std()))
        for split in ("train", "test", "all"):
            assert torch.equal(s.given_of(split)["kind"], s.given["kind"][s.indices(split)])
        part = s.take(torch.tensor([5, 1]))
        assert part.given["kind"].tolist() == [2, 1]
        assert len(part) == 2

    def test_the_labels_by_that_name(self, data):
        s = open_source(data, label="kind", given=["label", "age", "level"])
        assert s.label_names == s.given_names["label"] == ("x", "y", "z")
        assert torch.equal(s.given["label"], s.labels)
        assert list(s.given) == ["label", "age", "level"]

    def test_a_column_that_is_not_there(self, data):
        with pytest.raises(BadInput, match=r"unknown .*'knd'.* did you mean 'kind'"):
            open_source(data, given="knd")
        lenient = Opening(label="none", given=("kind", "age", "level", "more"), strict=False)
        assert list(lenient.open(data).given) == ["kind", "age", "level"]


def test_labels_of_named_data():
    s = open_source("digits", given="label")
    assert s.conditions().widths == {"label": 10}
    assert s.fingerprint != open_source("digits").fingerprint
    assert open_source(open_source("digits"), given="label").fingerprint == s.fingerprint


def test_labels_in_memory():
    x = np.random.default_rng(0).normal(size=(30, 3))
    s = open_source(x, labels=list("ab" * 15), given="label")
    assert s.given_names == {"label": ("a", "b")}
    with pytest.raises(BadInput, match="has no labels to be given"):
        open_source(x, given="label")
    with pytest.raises(BadInput, match="no column or array 'age' to be given"):
        open_source(x, given="age")
    with pytest.raises(BadInput, match="the same thing is to be given twice"):
        open_source(x, labels=list("ab" * 15), given=["label", "label"])
    with pytest.raises(BadInput, match='given takes names: "label" with'):
        open_source(x, given=np.arange(30) % 2)


def test_a_column_called_label(table):
    s = open_source(table.rename(columns={"kind": "label"}), given="label")
    assert s.columns == ("a", "b", "age", "level")
    assert s.given_names == {"label": ("x", "y", "z")}


def test_a_published_archive_with_given_arrays(tmp_path):
    path, rng = tmp_path / "p.npz", np.random.default_rng(0)
    arrays = {f"{n}_{s}": rng.integers(0, 4, 20) for n in ("y", "age") for s in ("train", "test")}
    np.savez(path, x_train=rng.normal(size=(20, 3)), x_test=rng.normal(size=(20, 3)), **arrays)
    s = open_source(path, given=["label", "age"])
    assert s.conditions().widths == {"label": 4, "age": 4}
    assert len(s.given["age"]) == 40
    with pytest.raises(BadInput, match="unknown array"):
        open_source(path, given="sex")


def test_a_constant_covariate_has_a_spread(table):
    s = open_source(table.assign(age=0.5)[["a", "b", "age"]], given="age")
    (age,) = s.conditions()
    assert age.encode(s.given["age"]).abs().max() == 0
    assert age.spread == 1
