"""A conditional model from training to its answers: what it is told, and by whom."""

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch

import vaekit
from vaekit.interfaces.cli import run
from vaekit.runs.judge import judge_codes, judge_samples
from vaekit.system.checks import BadInput

NAME = "conditional_vae"
PLAN = {"latent": 2, "width": 8, "epochs": 1}
FLAGS = ["--recipe", NAME, "--latent", "2", "--width", "8", "--epochs", "1"]


@pytest.fixture
def digits():
    return vaekit.fit("digits", NAME, given="label", **PLAN)


def table(rows=60, seed=0):
    rng = np.random.default_rng(seed)
    return pd.DataFrame(
        {"a": rng.normal(size=rows), "kind": rng.choice(list("xyz"), rows),
         "b": rng.normal(size=rows), "age": rng.normal(40, 9, rows)}
    )  # fmt: skip


@pytest.fixture
def people():
    return vaekit.fit(table(), NAME, given=["kind", "age"], **PLAN)


class TestTraining:
    def test_the_recipe_is_told_the_widths(self, digits, people):
        assert digits.config.arguments["given"] == {"label": 10}
        assert people.config.arguments["given"] == {"kind": 3, "age": 1}
        assert people.config.data.opening.given == ("kind", "age")
        assert people.config.conditions == people.source.conditions()

    def test_a_recipe_that_takes_nothing_says_so(self):
        with pytest.raises(BadInput, match="recipe burda takes nothing given: use conditional_vae"):
            vaekit.fit("digits", "burda", given="label", epochs=1)

    def test_a_recipe_that_takes_something_wants_it(self):
        with pytest.raises(
            BadInput, match=r"recipe conditional_vae needs something given.*--given label"
        ):
            vaekit.fit("digits", NAME, epochs=1)

    def test_its_folder_comes_back(self, tmp_path):
        model = vaekit.fit("digits", NAME, given="label", out=tmp_path / "r", **PLAN)
        found = json.loads((tmp_path / "r" / "config.json").read_text())
        assert found["format"] == 2
        assert found["data"]["given"] == ["label"]
        again = vaekit.load(tmp_path / "r")
        assert again.config == model.config
        assert vaekit.resume(tmp_path / "r").config == model.config


class TestAnswers:
    def test_data_that_carries_its_conditions_tells_them(self, digits, people, tmp_path):
        for data in ("digits", vaekit.open_source("digits"), digits.source):
            assert digits.encode(data).shape == (1797, 2)
        assert digits.evaluate(samples=2).rows == 179
        rows = table(9, seed=1)
        rows.to_csv(tmp_path / "t.csv", index=False)
        for data in (rows, tmp_path / "t.csv", str(tmp_path / "t.csv")):
            assert np.shape(people.encode(data)) == (9, 2)
            assert np.shape(people.reconstruct(data)) == (9, 2)
            assert people.log_likelihood(data, samples=2).shape == (9,)
            assert people.evaluate(data, samples=2).rows == 9
        assert list(people.reconstruct(rows).columns) == ["a", "b"]

    def test_a_person_tells_the_rest(self, digits, people):
        rows = np.zeros((4, 8, 8), np.uint8)
        for given in ({"label": 3}, {"label": "3"}, {"label": [1, 2, 3, 4]}):
            assert digits.encode(rows, given=given).shape == (4, 2)
            assert digits.sample(4, given=given).shape == (4, 8, 8)
            assert digits.decode(np.zeros((4, 2)), given=given).shape == (4, 8, 8)
            assert digits.reconstruct(rows, given=given).shape == (4, 8, 8)
            assert digits.log_likelihood(rows, samples=2, given=given).shape == (4,)
            assert digits.interpolate(rows, rows, 3, given=given).shape == (4, 3, 8, 8)
            assert digits.evaluate(rows, samples=2, given=given).rows == 4
        assert digits.encode(rows[0], given={"label": 3}).shape == (1, 2)
        without = table(5).drop(columns="age")
        assert people.encode(without, given={"age": 31}).shape == (5, 2)

    def test_who_is_not_told_asks(self, digits):
        rows = np.zeros((4, 8, 8), np.uint8)
        questions = (
            lambda: digits.encode(rows), lambda: digits.sample(3), lambda: digits.reconstruct(rows),
            lambda: digits.decode(np.zeros((1, 2))), lambda: digits.log_likelihood(rows),
            lambda: digits.interpolate(rows, rows), lambda: digits.evaluate(rows),
        )  # fmt: skip
        for ask in questions:
            with pytest.raises(BadInput, match=r"told label: --given label=0.*0, 1, 2, 3"):
                ask()
        with pytest.raises(BadInput, match="unknown label '11'"):
            digits.sample(3, given={"label": 11})
        with pytest.raises(BadInput, match="3 rows but 2 values of label"):
            digits.sample(3, given={"label": [1, 2]})

    def test_a_plain_model_takes_nothing(self, trained):
        with pytest.raises(BadInput, match="takes nothing given"):
            trained[1].sample(3, given={"label": 3})

    def test_classes_go_by_name_not_by_place(self, people):
        """A file that holds one class only numbers it 0; the model knows it by its name."""
        rows = table(40, seed=2)
        seen = people.rows(rows[rows.kind == "z"])
        assert seen.given["kind"][:, 2].tolist() == [1.0] * len(seen)
        source = people.told(people.open(rows[rows.kind == "z"]))
        assert set(source.given["kind"].tolist()) == {2}

    def test_a_number_is_one_in_a_file_of_few(self, people):
        rows = table(4).assign(age=40)
        seen, again = people.rows(rows), people.told(people.open(rows))
        assert seen.given["age"].shape == (4, 1)
        assert again.given["age"].tolist() == [40.0] * 4

    def test_what_a_person_says_comes_first(self, digits):
        seen = digits.rows("digits", "test", given={"label": 7})
        assert seen.given["label"].argmax(1).tolist() == [7] * 179

    def test_lines_mix_what_is_told(self, digits):
        seen = {}
        object.__setattr__(
            digits, "decoded", lambda z, given: seen.update(given) or torch.zeros(len(z), 1, 8, 8)
        )
        digits.interpolate(np.zeros((1, 8, 8)), np.zeros((1, 8, 8)), 3, given={"label": 2})
        assert seen["label"][:, 2].tolist() == [1, 1, 1]


class TestCommands:
    @pytest.fixture
    def place(self, tmp_path, monkeypatch, capsys):
        monkeypatch.chdir(tmp_path)
        self.call(capsys, "train", "digits", "--given", "label", "-o", "m", *FLAGS)
        np.save("x.npy", np.random.default_rng(0).integers(0, 17, (6, 8, 8)).astype(np.uint8))
        np.save("z.npy", np.zeros((3, 2), np.float32))
        return tmp_path

    def call(self, capsys, *arguments):
        code = run(list(arguments))
        out, err = capsys.readouterr()
        assert code == 0, err
        return out, err

    def test_every_command_can_be_told(self, place, capsys):
        assert "Class by class" in Path("m/report.html").read_text()
        told = ["--given", "label=3"]
        self.call(capsys, "sample", "m", "-n", "4", "-o", "s.npy", *told)
        self.call(capsys, "encode", "m", "x.npy", "-o", "c.npy", *told)
        self.call(capsys, "reconstruct", "m", "x.npy", "-o", "r.npy", *told)
        self.call(capsys, "interpolate", "m", "x.npy", "-o", "i.npy", *told)
        self.call(capsys, "decode", "m", "z.npy", "-o", "d.npy", *told)
        self.call(capsys, "report", "m", "x.npy", "-o", "r.html", *told)
        out, _ = self.call(capsys, "evaluate", "m", "x.npy", "--samples", "2", "--json", *told)
        assert json.loads(out)["rows"] == 6
        for command in ("encode", "reconstruct", "evaluate", "interpolate", "report"):
            self.call(capsys, command, "m", *(["--force"] if command != "evaluate" else []))
        out, _ = self.call(capsys, "inspect", "m")
        assert "given       label" in out

    @pytest.mark.parametrize(
        ("arguments", "says"),
        [
            (["sample", "m"], "told label: --given label=0"),
            (["encode", "m", "x.npy"], "told label: --given label=0"),
            (["decode", "m", "z.npy"], "told label: --given label=0"),
            (["sample", "m", "--given", "label"], "name=value"),
            (["sample", "m", "--given", "label=12"], "unknown label '12'"),
            (["sample", "m", "--given", "lable=1"], "did you mean 'label'"),
            (["compress", "m", "x.npy"], "has to be told label"),
            (["train", "digits", "--given", "label", "--recipe", "burda"], "takes nothing given"),
            (["train", "x.npy", "--given", "label", "--recipe", NAME], "too few to split|no labels"),
            (["train", "digits", "--given", "age", "--recipe", NAME], "no column or array 'age'"),
            (["train", "digits", "--recipe", NAME], "needs something given beside x"),
            (["train", "--resume", "m", "--given", "label"], "leave out --given"),
        ],
    )  # fmt: skip
    def test_mistakes_get_one_line(self, place, capsys, arguments, says):
        import re

        assert run(arguments) == 2
        error = capsys.readouterr().err
        assert re.search(says, error), error
        assert len([line for line in error.splitlines() if line.startswith("vaekit:")]) == 1

    def test_what_is_given_is_said_before_training(self, tmp_path, monkeypatch, capsys):
        monkeypatch.chdir(tmp_path)
        table().to_csv("t.csv", index=False)
        flags = [*FLAGS, "--no-report", "-o", "r"]
        _, err = self.call(capsys, "train", "t.csv", "--given", "kind", "--given", "age", *flags)
        assert "note: given beside x: kind (3 classes), age (a number)" in err
        self.call(capsys, "encode", "r", "t.csv", "-o", "z.csv", "--force")
        self.call(capsys, "sample", "r", "--given", "kind=x", "--given", "age=40.5", "-o", "s.csv")
        table().drop(columns="age").to_csv("u.csv", index=False)
        assert run(["encode", "r", "u.csv"]) == 2
        assert "told age: --given age=" in capsys.readouterr().err
        self.call(capsys, "encode", "r", "u.csv", "--given", "age=40", "-o", "z.csv", "--force")


def test_samples_are_judged_with_the_labels_of_the_test_rows(digits):
    assert judge_samples(digits, "raw").rows == 179


def test_codes_are_judged(tmp_path):
    rng = np.random.default_rng(0)
    arrays = {"x": rng.random((60, 5)), "y": rng.integers(0, 3, 60)}
    np.savez(tmp_path / "f.npz", factors=rng.integers(0, 3, (60, 2)), **arrays)
    model = vaekit.fit(tmp_path / "f.npz", NAME, given="label", **PLAN)
    assert judge_codes(model).factor_vae is None


class TestEstimator:
    def test_columns_of_a_frame_are_given(self):
        X = table()
        vae = vaekit.VAETransformer(
            2, recipe=NAME, given=["kind", "age"], epochs=1, options={"width": 8}
        )
        Z = vae.fit_transform(X)
        assert Z.shape == (60, 2)
        assert vae.n_features_in_ == 2
        assert list(vae.feature_names_in_) == ["a", "b"]
        assert vae.reconstruct(X).shape == (60, 2)
        assert vae.score_samples(X).shape == (60,)
        assert vae.sample(3, given={"kind": "x", "age": 30}).shape == (3, 2)
        with pytest.raises(BadInput, match="told kind"):
            vae.sample(3)
        with pytest.raises(BadInput, match="unknown column 'kind'"):
            vae.transform(X.drop(columns="kind"))
        with pytest.raises(ValueError, match="X must be a data frame"):
            vae.fit(X[["a", "b"]].to_numpy())
        assert vae.model_.config.conditions.names == ("kind", "age")


def test_what_is_given_must_have_a_name(digits):
    with pytest.raises(BadInput, match="say what is given by name"):
        digits.sample(2, given="label")
