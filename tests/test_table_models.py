"""Models of tables of mixed columns: rows drawn, given, filled in, predicted and explained."""

import json

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest

import vaekit
from vaekit.data import open_source
from vaekit.interfaces.cli import run
from vaekit.runs import tables
from vaekit.runs.job import prepare
from vaekit.runs.judge import judge_rows
from vaekit.runs.oddest import oddest_cells
from vaekit.system.checks import BadInput

ROWS = 400
HOW = {"width": 32, "latent": 2, "batch": 64, "lr": 1e-2, "epsilon": 1e-6}


def people():
    """City says the land; wages depend on age; some wages are missing, more often for the old."""
    random = np.random.default_rng(0)
    age = random.integers(20, 70, ROWS)
    city = random.choice(["Berlin", "Paris", "Lyon"], ROWS, p=[0.5, 0.3, 0.2])
    wage = np.round(1000 + 50.5 * age + random.normal(0, 100, ROWS), 1)
    wage[random.random(ROWS) < np.where(age > 45, 0.4, 0.0)] = np.nan
    land = np.where(city == "Berlin", "de", "fr")
    return pd.DataFrame({"city": city, "age": age, "wage": wage, "land": land, "ok": age > 30})


@pytest.fixture(scope="module")
def frame():
    return people()


@pytest.fixture(scope="module")
def model(frame, tmp_path_factory):
    return vaekit.fit(frame, epochs=60, out=tmp_path_factory.mktemp("runs") / "people", **HOW)


def test_a_mixed_table_is_modelled_as_one(model, frame):
    assert model.config.recipe == "table_vae"
    assert model.config.coding.schema.names == tuple(frame.columns)
    assert model.config.coding.gaps == ("wage",)
    assert "5 columns" in model.source.describe()


def test_a_small_table_is_not_gone_through_thousands_of_times(model, frame):
    """A few hundred rows are learned in as many epochs; vectors have more."""
    job = prepare(model.source, "table_vae", **HOW)
    assert job.plan.epochs == 300
    assert prepare(model.source, "table_vae", epochs=301, **HOW).plan.epochs == 301
    numbers = open_source(frame[["age"]].to_numpy(float))
    assert prepare(numbers, "vae", batch=4_000).plan.epochs == 2_000


def test_drawn_rows_are_like_the_table(model, frame):
    made = tables.synthesize(model, 3000, seed=1).table
    assert made.schema.field("age").type == pa.int64()
    assert made.schema.field("ok").type == pa.bool_()
    found = made.to_pandas()
    assert list(found) == list(frame)
    assert found.wage.isna().mean() == pytest.approx(frame.wage.isna().mean(), abs=0.06)
    assert (found.city == "Berlin").mean() == pytest.approx(
        (frame.city == "Berlin").mean(), abs=0.07
    )
    agree = (found.land == "de") == (found.city == "Berlin")
    assert agree.mean() > 0.95
    known = found.dropna()
    assert np.corrcoef(known.age, known.wage)[0, 1] > 0.85
    assert bool((known.wage.round(1) == known.wage).all())


def test_draws_repeat_by_their_seed(model):
    one, other = (tables.synthesize(model, 50, seed=3).table for _ in range(2))
    assert one.equals(other)
    assert not one.equals(tables.synthesize(model, 50, seed=4).table)


def test_given_cells_are_given_exactly_and_others_follow(model):
    made = tables.synthesize(model, 200, given={"age": 33, "land": "fr"}).table.to_pandas()
    assert set(made.age) == {33}
    assert set(made.land) == {"fr"}
    assert (made.city != "Berlin").mean() > 0.9
    assert made.wage.median() == pytest.approx(1000 + 50.5 * 33, rel=0.15)


def test_a_given_word_where_numbers_are_is_told_so(model):
    with pytest.raises(BadInput) as told:
        tables.synthesize(model, 2, given={"age": "abc"})
    assert str(told.value).startswith("given: age is a column of numbers, such as ")
    assert str(told.value).endswith(", and 'abc' is none")
    assert "--label" not in str(told.value)
    assert tables.synthesize(model, 2, given={"age": "33"}).table["age"].to_pylist() == [33, 33]


def test_a_word_among_numbers_of_other_rows_is_told_what_to_do(model, frame):
    odd = frame.assign(age=["old", *frame.age[1:].astype(str)])
    with pytest.raises(BadInput, match=r"row 0 holds 'old', .*: mend the cell, or leave it empty"):
        model.log_likelihood(odd)


def test_a_number_that_is_no_truth_is_a_category_never_seen(model, frame):
    odd = frame.assign(ok=[2, *frame.ok[1:].astype(int)])
    rows = model.open(odd)
    assert any("'ok': 1 cell holds categories that were never seen" in note for note in rows.notes)
    again = model.open(frame.assign(ok=frame.ok.astype(int)))
    assert not any("never seen" in note for note in again.notes)


def test_one_value_is_given_for_all_rows(model):
    with pytest.raises(BadInput, match="given: age takes one value, which all rows then have"):
        tables.synthesize(model, 2, given={"age": [33, 34]})


def test_a_cell_can_be_given_as_missing(model):
    made = tables.synthesize(model, 100, given={"wage": None}).table.to_pandas()
    assert bool(made.wage.isna().all())
    assert made.age.mean() > 45


def test_a_balanced_column_has_each_category_alike(model):
    made = tables.synthesize(model, 300, balance="city").table.to_pandas()
    assert made.city.value_counts().tolist() == [100, 100, 100]


def test_gaps_are_filled_and_all_else_stays(model, frame):
    gappy = frame.copy()
    gappy.loc[:99, "land"] = None
    one, other = (t.to_pandas() for t in tables.impute(model, gappy, draws=2))
    for found in (one, other):
        assert not found.isna().to_numpy().any()
        assert found.age.tolist() == frame.age.tolist()
        there = frame.wage.notna()
        assert found.wage[there].tolist() == frame.wage[there].tolist()
        assert (found.land[:100] == frame.land[:100]).mean() > 0.95
    gone = frame.wage.isna()
    assert not one.wage[gone].equals(other.wage[gone])
    right = 1000 + 50.5 * frame.age[gone]
    assert (one.wage[gone] - right).abs().median() < 400


def test_gaps_are_not_filled_as_if_the_row_had_had_none():
    """Where b is y, a is missing but once in ten times. Of a row with neither, half of all b are y,
    not a tenth, as in rows in which a is there."""
    random = np.random.default_rng(4)
    b = random.choice(["x", "y"], ROWS)
    gone = (b == "y") & (random.random(ROWS) < 0.9)
    own = pd.DataFrame({"a": np.where(gone, None, random.choice(["u", "v"], ROWS)), "b": b})
    model = vaekit.fit(own, epochs=25, **HOW)
    none = pd.DataFrame({"a": [None] * 1_000, "b": [None] * 1_000})
    drawn = tables.impute(model, none)[0].to_pandas()
    assert (drawn["b"] == "y").mean() > 0.25
    assert set(drawn["a"]) == {"u", "v"}


def test_a_column_that_is_not_there_is_filled_in(model, frame):
    found = tables.impute(model, frame.drop(columns="land"))[0].to_pandas()
    assert ((found.land == "de") == (frame.city == "Berlin")).mean() > 0.95


def test_one_column_is_predicted_from_the_others(model, frame):
    p = tables.predict(model, frame, "land")
    assert p.shape == (ROWS, 2)
    assert np.allclose(p.sum(1), 1, atol=1e-5)
    table = tables.prediction(model, frame, "land").to_pandas()
    assert (table.land == frame.land).mean() > 0.95
    assert {"p(land = de)", "p(land = fr)"} <= set(table)
    hidden = tables.predict(model, frame.assign(land="fr"), "land")
    assert np.array_equal(p, hidden)


def test_what_makes_a_row_odd_is_the_cell_that_does_not_fit(model, frame):
    odd = frame.head(40).copy()
    odd["land"] = np.where(odd.city == "Berlin", "fr", "de")
    found = pd.DataFrame(tables.cell_scores(model, odd))
    assert (found[["city", "land"]].min(axis=1) < found[["age", "ok"]].min(axis=1)).mean() > 0.8
    assert found.wage.isna().equals(odd.wage.isna().reset_index(drop=True))
    usual = pd.DataFrame(tables.cell_scores(model, frame.head(40)))
    assert usual.land.mean() > found.land.mean() + 2


def test_a_row_s_score_is_its_own(model, frame):
    whole = model.log_likelihood(frame.head(30), samples=3)
    assert np.allclose(whole[10:20], model.log_likelihood(frame[10:20], samples=3), atol=1e-6)
    assert np.isfinite(whole).all()


def test_columns_come_in_any_order_and_kind_of_frame(model, frame):
    codes = model.encode(frame.head(20)).to_numpy()
    shuffled = frame.head(20)[["land", "wage", "ok", "city", "age"]].assign(more=1)
    assert np.allclose(model.encode(shuffled).to_numpy(), codes)
    other = pl.from_pandas(frame.head(20))
    assert np.allclose(model.encode(other).to_numpy(), codes)
    rebuilt = model.reconstruct(other)
    assert isinstance(rebuilt, pl.DataFrame)
    assert rebuilt.columns == list(frame)


def test_evaluation_says_what_holds_of_cells(model, frame):
    found = model.evaluate(frame, samples=5)
    assert found.mean_squared_error is None
    assert 0 < found.cells_wrong < 1
    assert found.density.elbo <= found.density.log_likelihood < 0
    assert found.bits.code_bits_per_dimension is None


def test_saved_loaded_and_resumed_it_is_the_same(model, frame, tmp_path):
    again = vaekit.load(_saved(model, tmp_path))
    assert np.array_equal(again.encode(frame).to_numpy(), model.encode(frame).to_numpy())
    assert tables.synthesize(again, 20).table.equals(tables.synthesize(model, 20).table)
    frame.to_parquet(tmp_path / "people.parquet")
    how = {**HOW, "epochs": 3, "decay": "constant"}
    straight = vaekit.fit(tmp_path / "people.parquet", out=tmp_path / "a", **how)
    vaekit.fit(
        tmp_path / "people.parquet", out=tmp_path / "b", **(how | {"epochs": 2, "warmup": 0.0})
    )
    vaekit.fit(tmp_path / "people.parquet", out=tmp_path / "c", **(how | {"warmup": 0.0}))
    longer = vaekit.resume(tmp_path / "b", epochs=3)
    plain = vaekit.load(tmp_path / "c")
    assert straight.config.coding == longer.config.coding
    for name, weights in plain.model.state_dict().items():
        assert np.array_equal(weights.numpy(), longer.model.state_dict()[name].numpy()), name


def _saved(model, folder):
    model.save(folder / "saved")
    return folder / "saved"


@pytest.mark.parametrize(
    ("data", "recipe", "says"),
    [
        ("frame", "vae", "not a number|mixed columns"),
        ("array", "table_vae", "named columns"),
        ("digits", "table_vae", "named columns"),
    ],
)
def test_what_does_not_go_together_is_refused(frame, data, recipe, says):
    given = {"frame": frame, "array": np.zeros((20, 3)), "digits": "digits"}[data]
    with pytest.raises(BadInput, match=says):
        vaekit.fit(given, recipe, epochs=1)


def test_unknown_columns_and_values_are_refused(model, frame):
    with pytest.raises(BadInput, match="did you mean 'wage'"):
        tables.synthesize(model, 3, given={"wages": 3})
    with pytest.raises(BadInput, match="city"):
        tables.synthesize(model, 3, given={"city": "Rome"})
    with pytest.raises(BadInput, match="'city'"):
        model.encode(frame.drop(columns="city"))
    with pytest.raises(BadInput, match="names"):
        model.encode(np.zeros((3, 5)))
    with pytest.raises(BadInput, match="no table"):
        tables.synthesize(vaekit.fit("digits", epochs=1, width=8), 3)


def test_all_numbers_stay_rows_of_numbers():
    random = np.random.default_rng(1)
    plain = pd.DataFrame(random.normal(size=(60, 3)), columns=["a", "b", "c"])
    assert vaekit.fit(plain, epochs=1).config.recipe == "vae"
    assert vaekit.fit(plain, "table_vae", epochs=1).config.recipe == "table_vae"
    plain.loc[3, "b"] = np.nan
    assert vaekit.fit(plain, epochs=1).config.recipe == "table_vae"


def test_what_a_command_writes_of_a_table_is_a_table(model, tmp_path, monkeypatch, capsys):
    """Its cells are of several types: no array holds them."""
    monkeypatch.chdir(tmp_path)
    people().head(20).to_csv("few.csv", index=False)
    place = str(model.folder)
    assert run(["encode", place, "few.csv", "-o", "codes.csv"]) == 0
    for command in (
        ["sample", place, "-n", "3"],
        ["reconstruct", place, "few.csv"],
        ["decode", place, "codes.csv"],
        ["interpolate", place, "few.csv"],
    ):
        assert run([*command, "-o", "made.npy"]) == 2
        assert "choose .csv, .parquet or .feather" in capsys.readouterr().err
        assert run([*command, "-o", f"{command[0]}.csv"]) == 0
        assert {"city", "age", "wage"} < {*pd.read_csv(f"{command[0]}.csv").columns}
    assert pd.read_csv("reconstruct.csv")["row"].tolist() == list(range(20))


@pytest.mark.parametrize("command", ["evaluate", "encode", "impute"])
def test_arrays_are_no_tables(model, command, tmp_path, capsys):
    np.save(tmp_path / "x.npy", np.zeros((30, 5), np.float32))
    assert run([command, str(model.folder), str(tmp_path / "x.npy")]) == 2
    assert "x.npy has none: take a .csv" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("command", "told"),
    [
        (["impute"], "recipe vae knows no gaps: train gaps_vae on rows of numbers"),
        (["predict", "--target", "age"], "a model of recipe vae predicts no label"),
    ],
)
def test_models_of_pictures_know_no_columns(command, told, frame, tmp_path, capsys):
    frame.to_csv(tmp_path / "few.csv", index=False)
    vaekit.fit("digits", epochs=1, width=8, out=tmp_path / "digits", quiet=True)
    where = [str(tmp_path / "digits"), str(tmp_path / "few.csv")]
    assert run([command[0], *where, *command[1:]]) == 2
    assert told in capsys.readouterr().err


@pytest.mark.parametrize("data", ["digits", "x.npy", "plain.csv"])
def test_a_schema_that_would_say_nothing_is_refused(data, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    np.save("x.npy", np.zeros((30, 5), np.float32))
    pd.DataFrame({"a": range(30), "b": range(30)}).to_csv("plain.csv", index=False)
    (tmp_path / "types.toml").write_text('[a]\ntype = "number"\n')
    recipe = ["--recipe", "vae"] if data == "plain.csv" else []
    assert run(["train", data, "--schema", "types.toml", *recipe, "-o", "run"]) == 2
    assert "is opened as rows of numbers: leave it out" in capsys.readouterr().err
    assert not (tmp_path / "run").exists()


def test_moments_and_numbers_that_are_names_are_judged_as_what_they_are(tmp_path):
    """Read from text, dates are text, and codes are numbers: the schema knows better."""
    random = np.random.default_rng(0)
    day = pd.Timestamp("2020-01-01") + pd.to_timedelta(random.integers(0, 900, ROWS), unit="D")
    frame = pd.DataFrame({"day": day, "code": random.choice([3, 7, 50], ROWS), "a": "x"})
    frame.loc[::2, "a"] = "y"
    frame.to_csv(tmp_path / "t.csv", index=False)
    schema = tmp_path / "s.toml"
    schema.write_text('[code]\ntype = "category"\n')
    model = vaekit.fit(str(tmp_path / "t.csv"), schema=str(schema), epochs=10, quiet=True, **HOW)
    measured = model.config.coding.schema.measured(model.source.table)
    days = (frame.day - frame.day[0]).dt.days.to_numpy()
    found = measured["day"].to_numpy()
    assert np.ptp(days) > 0
    step = np.ptp(found) / np.ptp(days)
    assert np.allclose((found - found[0]) / step, days)
    assert measured["code"].to_pylist() == frame.code.astype(str).tolist()
    judged = judge_rows(model)
    assert judged.shape.each["day"] > 0.8
    assert {*judged.rare.ratios} == {"code=3", "code=7", "code=50", "a=x", "a=y"}


def test_scores_name_the_cells_that_make_rows_odd(model, frame, tmp_path, capsys):
    """A land that does not fit its city is the oddest cell of its row."""
    rows = frame.head(30).copy()
    rows.loc[7, "land"] = "fr" if rows.city[7] == "Berlin" else "de"
    rows.to_csv(tmp_path / "new.csv", index=False)
    path, how = tmp_path / "scores.csv", ["--samples", "10", "-o", str(tmp_path / "scores.csv")]
    command = ["score", str(model.folder), str(tmp_path / "new.csv"), *how]
    assert run(command) == 0
    written = pd.read_csv(path, keep_default_na=False)
    assert written.oddest_cell[7] in (f"land: {rows.land[7]}", f"city: {rows.city[7]}")
    assert written.oddest_cell_log_p[7] == written.oddest_cell_log_p.min()
    assert (written.oddest_cell_log_p[7] < written.oddest_cell_log_p.median() - 2).all()
    assert written.oddest_cell[7] in capsys.readouterr().out
    assert run([*command, "--force", "--json"]) == 0
    worst = json.loads(capsys.readouterr().out)["worst"][0]
    assert worst["row"] == 7
    assert {cell["column"] for cell in worst["cells"]} == {"land", "city"}
    assert all(cell["log_p"] < 0 for cell in worst["cells"])


def test_cells_that_are_missing_are_not_the_oddest(model, frame):
    gaps = frame.head(4).assign(city=None, land=None, wage=np.nan, ok=None)
    found = oddest_cells(model, tables.cells_of(model, gaps), 3)
    assert [[cell.column for cell in row] for row in found] == [["age"]] * 4
    assert found[0][0].words == f"age: {frame.age[0]}"
