"""Bad tables: the right thing, or one clear line."""

import json

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from pyarrow import parquet

from vaekit.data.coding import TableCoding
from vaekit.data.kept import Kept
from vaekit.data.readers.frames import table_of
from vaekit.data.readers.parquet import parquet_table
from vaekit.data.readers.tables import text_table
from vaekit.data.schema import Corrections, TableSchema, infer, read_toml, safe_cells
from vaekit.system.checks import BadInput
from vaekit.system.records import MOST_VALUES, as_text, from_text, read_json, write_json

RNG = np.random.default_rng(0)


def csv(folder, lines, name="t.csv"):
    path = folder / name
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return text_table(path)


def people(folder, n=60, **more):
    """A table of age, town and score, in which rows may be replaced."""
    rows = [f"{20 + i % 30},{'ABC'[i % 3]},{i * 7 % 50 / 10}" for i in range(n)]
    for i, row in more.get("rows", {}).items():
        rows[i] = row
    return csv(folder, [more.get("head", "age,town,score"), *rows], more.get("name", "t.csv"))


def kinds(schema):
    found = {column.name: column.kind for column in schema.columns}
    return found | {one.name: one.kind for one in schema.aside}


def line(error):
    text = str(error.value)
    assert "\n" not in text
    return text


def test_headers_that_are_there_twice_are_refused(tmp_path):
    with pytest.raises(BadInput) as error:
        people(tmp_path, head="age,town,age")
    assert "'age' is there twice" in line(error)


def test_an_empty_header_gets_a_name(tmp_path):
    schema = infer(people(tmp_path, head="age,,score"))
    assert schema.names == ("age", "column1", "score")


def test_ragged_rows_are_refused_with_their_line(tmp_path):
    with pytest.raises(BadInput) as error:
        people(tmp_path, rows={5: "20,A"})
    assert "line 7 has 2 cells" in line(error)


def test_words_among_numbers_make_categories_and_a_note(tmp_path):
    schema = infer(people(tmp_path, rows={7: "unknown,A,1.5"}))
    assert kinds(schema)["age"] == "category"
    (note,) = schema.notes
    assert "line 9" in note
    assert "--missing 'unknown'" in note
    said = Corrections.made({"age": {"missing": ["unknown"]}})
    table = people(tmp_path, rows={7: "unknown,A,1.5"})
    fixed = infer(table, said=said)
    assert kinds(fixed)["age"] == "whole"
    assert fixed.codes(table)[7, 0] == -1


def test_a_number_that_must_be_one_is_refused_with_its_line(tmp_path):
    table = people(tmp_path, rows={7: "unknown,A,1.5"})
    with pytest.raises(BadInput) as error:
        infer(table, said=Corrections.made({"age": "whole"}))
    assert "line 9" in line(error)
    with pytest.raises(BadInput) as error:
        infer(people(tmp_path)).codes(table)
    assert "'age', row 7 holds 'unknown', which is not a number (line 9)" in line(error)


def test_a_number_without_the_unit_is_refused_with_its_line(tmp_path):
    lines = ["w,x", *(f"{i % 40 + 50} kg,{'ab'[i % 2]}" for i in range(60))]
    schema = infer(csv(tmp_path, lines))
    lines[4] = "12 lb,a"
    with pytest.raises(BadInput) as error:
        schema.codes(csv(tmp_path, lines))
    assert "row 3 holds '12 lb', which is not written as '5 kg' (line 5)" in line(error)


def test_a_date_that_is_none_is_refused_with_its_line(tmp_path):
    lines = ["d,x", *(f"2024-01-{i % 28 + 1:02},{'ab'[i % 2]}" for i in range(60))]
    schema = infer(csv(tmp_path, lines))
    lines[4] = "2024-02-30,a"
    with pytest.raises(BadInput) as error:
        schema.codes(csv(tmp_path, lines))
    assert "row 3 holds '2024-02-30'" in line(error)
    assert kinds(infer(csv(tmp_path, lines)))["d"] == "category"


def test_empty_and_constant_columns_are_set_aside_and_come_back(tmp_path):
    lines = ["a,none,same,x", *(f"{i % 9},,v1,{'ab'[i % 2]}" for i in range(40))]
    table = csv(tmp_path, lines)
    schema = infer(table)
    assert kinds(schema) == {"a": "whole", "x": "category", "none": "empty", "same": "constant"}
    back = schema.values(schema.codes(table), RNG)
    assert list(back) == ["a", "none", "same", "x"]
    assert back["same"].to_pylist() == ["v1"] * 40
    assert back["none"].null_count == 40
    again = TableSchema.from_json(json.loads(json.dumps(schema.to_json())))
    assert again.values(schema.codes(table), RNG)["same"].equals(back["same"])


@pytest.mark.parametrize(
    "value", [7, 2.5, True, np.datetime64("2020-01-02"), pd.Timestamp("2020-01-01", tz="UTC")]
)
def test_constants_of_any_type(value):
    table = table_of(pd.DataFrame({"c": [value] * 30, "x": [1.5, 2] * 15}), "X")
    schema = infer(table)
    assert kinds(schema)["c"] == "constant"
    back = schema.values(schema.codes(table), RNG)
    assert back["c"].equals(table.columns["c"])


def test_a_row_alone_has_nothing_to_model(tmp_path):
    with pytest.raises(BadInput) as error:
        infer(people(tmp_path, n=1))
    assert "has no column to model; it holds one row: 'age' is constant" in line(error)


def test_no_rows_are_refused(tmp_path):
    with pytest.raises(BadInput) as error:
        infer(people(tmp_path, n=0))
    assert "holds no rows" in line(error)


def test_one_column_is_enough(tmp_path):
    table = csv(tmp_path, ["x", *(str(i % 10) for i in range(50))])
    schema = infer(table)
    assert schema.levels == (10,)
    assert schema.codes(table).shape == (50, 1)


def test_a_column_without_training_values(tmp_path):
    table = people(tmp_path, rows={i: f",A,{i % 5}" for i in range(59)})
    schema = infer(table, np.arange(50))
    assert schema.gaps[0] == 1.0
    assert np.isfinite(schema.log_density_inside(table)).all()


def test_unseen_categories_are_missing_and_rare_or_refused(tmp_path):
    schema = infer(people(tmp_path))
    odd = people(tmp_path, rows={3: "30,Z,1.0"}, name="new.csv")
    codes, notes = schema.coded(odd)
    assert codes[3, 1] == -1
    assert "1 cell holds categories that were never seen, such as 'Z'" in notes[-1]
    inside = schema.log_density_inside(odd, codes) - schema.log_density_inside(people(tmp_path))
    assert inside[3] < -3
    with pytest.raises(BadInput) as error:
        schema.codes(odd, unseen="refuse")
    assert "column 'town', row 3 holds 'Z'" in line(error)
    with pytest.raises(BadInput, match="did you mean 'refuse'"):
        schema.codes(odd, unseen="refused")


def test_columns_in_any_order_more_and_fewer(tmp_path):
    table = people(tmp_path)
    schema = infer(table)
    frame = pd.DataFrame({name: c.to_pylist() for name, c in table.columns.items()})
    frame = frame.astype({"age": int, "score": float})
    turned = table_of(frame[["score", "town", "age"]].assign(other=1), "X")
    codes, notes = schema.coded(turned)
    assert (codes == schema.codes(table)).all()
    assert "'other'" in notes[0]
    few = table_of(frame[["age"]], "X")
    with pytest.raises(BadInput, match="X has no column 'town', 'score'"):
        schema.codes(few)
    codes, notes = schema.coded(few, allow_missing=True)
    assert (codes[:, 1:] == -1).all()
    assert (codes[:, 0] >= 0).all()
    assert "'town', 'score'" in notes[-1]
    with pytest.raises(BadInput, match="none of the model's columns"):
        schema.codes(table_of(frame[["age"]].rename(columns={"age": "b"}), "X"), allow_missing=True)
    with pytest.raises(BadInput, match="did you mean 'Town'"):
        schema.codes(table_of(frame.rename(columns={"town": "Town"}), "X"))


def test_rows_without_a_header_are_taken_in_order(tmp_path):
    table = people(tmp_path)
    schema = infer(table)
    bare = csv(tmp_path, (tmp_path / "t.csv").read_text().splitlines()[1:], "bare.csv")
    assert (schema.codes(bare) == schema.codes(table)).all()


def test_identifiers_and_free_text_are_set_aside_and_can_be_put_back(tmp_path):
    words = "the quick brown fox jumps over a lazy dog and then some more of it"
    lines = ["id,code,note,x"]
    lines += [f"{i + 100},K{i * 7919:05d},{words} {i},{'ab'[i % 2]}" for i in range(60)]
    table = csv(tmp_path, lines)
    schema = infer(table)
    assert kinds(schema) == {
        "id": "identifier",
        "code": "identifier",
        "note": "text",
        "x": "category",
    }
    back = schema.values(schema.codes(table), RNG)
    assert list(back) == ["x"]
    schema = infer(table, said=Corrections.made({"code": "category", "id": "whole"}))
    assert schema.names == ("id", "code", "x")
    assert schema.levels[1] == 60


def test_a_quarter_of_a_million_categories():
    names = pa.array([f"c{i}" for i in range(250_000)])
    rows = np.concatenate(
        [np.arange(250_000), np.repeat(np.arange(12_000), 4), np.zeros(1000, int)]
    )
    made = table_of(pa.table({"c": names.take(pa.array(rows)), "x": pa.array(rows % 2)}), "X")
    schema = infer(made)
    assert schema.levels == (10_000, 2)
    codes = schema.codes(made)
    assert (codes >= 0).all()
    assert schema.values(codes, RNG)["c"].null_count == 0


def test_a_minus_beside_a_plus_is_no_gap(tmp_path):
    table = csv(tmp_path, ["a,x", *(f"{'+-'[i % 2]},{i % 7}" for i in range(40))])
    schema = infer(table)
    assert kinds(schema)["a"] == "category"
    assert schema.levels[0] == 2
    assert (schema.codes(table) >= 0).all()


def test_words_for_nothing_are_categories_in_a_frame_that_has_gaps():
    frame = pd.DataFrame(
        {"a": ["None", "some", None] * 20, "b": ["NA", "x", "y"] * 20, "c": range(0, 120, 2)}
    )
    schema = infer(table_of(frame, "X"))
    assert schema.levels[:2] == (2, 2)
    assert schema.gaps[:2] == pytest.approx((1 / 3, 1 / 3))


def test_infinite_numbers_are_missing():
    table = table_of(pd.DataFrame({"x": [1.5, np.inf, 2.5, -np.inf, 3.25] * 10}), "X")
    schema = infer(table)
    assert "20 infinite numbers are taken as missing" in schema.notes[0]
    assert schema.gaps == (0.4,)


def test_infinite_numbers_in_text_are_missing_and_said(tmp_path):
    odd = {3: "20,A,inf", 9: "21,B,-inf"}
    schema = infer(people(tmp_path, rows=odd))
    assert schema.notes == ("column 'score': 2 infinite numbers are taken as missing",)
    assert schema.gaps[2] == pytest.approx(2 / 60)


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("value", ["1e308", "-1.7976931348623157e308", "2e150"])
def test_numbers_too_large_to_count_with_are_refused_with_their_row(tmp_path, value):
    table = people(tmp_path, rows={3: f"20,A,{value}"})
    with pytest.raises(BadInput) as error:
        infer(table)
    assert all(
        part in line(error)
        for part in ("column 'score', row 3", value, "too large", f"--missing {value}", "line 5")
    )
    frame = pd.DataFrame({"score": [1.5, float(value), *np.arange(40) / 8]})
    with pytest.raises(BadInput, match=r"column 'score', row 1 holds .* too large"):
        infer(table_of(frame, "X"))
    corrected = Corrections.made({"score": {"missing": [value]}})
    assert infer(table_of(frame, "X"), said=corrected).gaps == (1 / 42,)


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("unit", [1e148, 1e60, 1e-300])
def test_numbers_of_any_size_have_levels_that_can_be_stored(unit):
    frame = pd.DataFrame({"x": np.linspace(-1, 1, 300) * unit, "a": [0.25, 0.5] * 150})
    schema = infer(table_of(frame, "X"))
    found = from_text(as_text(schema.to_json(), "schema").encode(), "schema")
    assert TableSchema.from_json(found).levels == schema.levels
    odd = table_of(pd.DataFrame({"x": [0.0, 1e308, -1e308], "a": [0.25, 1e308, -1e308]}), "X")
    density = schema.log_density_inside(odd, schema.codes(odd))
    assert np.isfinite(density).all()
    assert (density[1:] < density[0]).all()


def test_what_json_has_no_number_for_is_not_written(tmp_path):
    path = tmp_path / "config.json"
    with pytest.raises(BadInput, match="columns, 1, scale is no finite"):
        write_json(path, {"a": 1.5, "columns": [{}, {"scale": float("inf")}]})
    assert not path.exists()


def test_a_long_file_of_json_is_one_line_and_read_again(tmp_path):
    path, found = tmp_path / "config.json", {"codes": [*range(300_000)], "name": "ä"}
    write_json(path, found, needed=True)
    assert path.stat().st_size < 2**22
    assert path.read_text().count("\n") == 1
    assert read_json(path) == found
    write_json(path, {"a": [1, 2]})
    assert path.read_text() == '{\n  "a": [\n    1,\n    2\n  ]\n}\n'


def test_what_could_not_be_read_again_is_not_written_where_it_is_needed(tmp_path):
    path, found = tmp_path / "config.json", [0] * (MOST_VALUES + 1)
    with pytest.raises(BadInput, match=r"cannot write .*config.json: .* more than could be read"):
        write_json(path, found, needed=True)
    assert not path.exists()


def sales(folder, last, n=120):
    rows = [
        f"2024-{i % 12 + 1:02}-{i % 28 + 1:02};{i * 7 % 97},50 €;{'ab'[i % 2]}" for i in range(n)
    ]
    return csv(folder, ["day;amount;kind", *rows, last])


@pytest.mark.parametrize(
    ("last", "column", "cell"),
    [("Summe;5880,00 €;", "day", "Summe"), ("2024-12-01;#WERT!;a", "amount", "#WERT!")],
)
def test_one_odd_cell_among_many_is_missing_and_said(tmp_path, last, column, cell):
    table = sales(tmp_path, last)
    schema = infer(table)
    assert kinds(schema) == {"day": "time", "amount": "number", "kind": "category"}
    note = next(note for note in schema.notes if note.startswith(f"column {column!r}"))
    assert f"row 120 holds {cell!r} (line 122)" in note
    assert "taken as missing (otherwise:" in note
    place = schema.names.index(column)
    assert schema.codes(table)[-1, place] == -1
    assert schema.gaps[place] == pytest.approx(1 / 121)
    again = TableSchema.from_json(schema.to_json())
    assert (again.codes(table) == schema.codes(table)).all()
    assert read_toml_text(tmp_path, schema).of(column).missing == (cell,)
    said = Corrections.made({column: "category"})
    assert kinds(infer(table, said=said))[column] == "category"
    coding = TableCoding(schema)
    rows = coding.with_flags(schema.codes(table))
    filled = Kept.of(schema, table).filled(coding.values(np.maximum(rows, 0)), table)
    assert filled[column].null_count == 0
    assert filled["kind"].to_pylist()[:2] == ["a", "b"]


def read_toml_text(folder, schema):
    path = folder / "schema.toml"
    path.write_text(schema.to_toml(), encoding="utf-8")
    return read_toml(path)


@pytest.mark.parametrize("cell", ["Total", "合计", " Gesamt: "])
def test_a_row_of_totals_is_named(tmp_path, cell):
    notes = infer(people(tmp_path, rows={59: f"900,{cell},99.5"})).notes
    assert any("row 59 holds" in n and "leave that row out" in n for n in notes)


def test_few_odd_codes_stay_categories(tmp_path):
    rows = {i: f"20,A,{'x' if i == 7 else i % 5}" for i in range(60)}
    assert kinds(infer(people(tmp_path, rows=rows)))["score"] == "category"
    rows = {i: f"20,A,{'x' if i % 10 == 7 else i / 8}" for i in range(60)}
    assert kinds(infer(people(tmp_path, rows=rows)))["score"] == "category"


@pytest.mark.parametrize("code", [-999, 9999, 99999])
def test_a_number_that_may_stand_for_nothing_is_named_and_kept(code):
    x = np.where(np.arange(200) % 20 == 7, code, np.arange(200) % 61 + 18)
    schema = infer(table_of(pd.DataFrame({"age": x}), "X"))
    (note,) = schema.notes
    assert f"column 'age': 10 cells hold {code}, far from all others" in note
    assert f'missing = ["{code}"]' in note
    assert schema.gaps == (0.0,)
    said = Corrections.made({"age": {"missing": [str(code)]}})
    again = infer(table_of(pd.DataFrame({"age": x}), "X"), said=said)
    assert again.gaps == (0.05,)
    assert again.notes == ()


@pytest.mark.parametrize(
    "x", [np.arange(200) % 61, np.arange(200) % 2 * 100, np.append(np.arange(99) / 8, 1e6)]
)
def test_usual_numbers_stand_for_themselves(x):
    assert infer(table_of(pd.DataFrame({"x": x}), "X")).notes == ()


def test_what_new_rows_do_not_have_is_said():
    frame = pd.DataFrame({"id": [f"u{i}" for i in range(60)], "c": 1, "x": [1.5, 2.5, 4.0] * 20})
    schema = infer(table_of(frame, "X"))
    assert schema.left_out == ("not in new rows: 'id' (an identifier)",)
    assert infer(table_of(frame[["c", "x"]], "X")).left_out == ()


def test_lists_are_set_aside():
    table = table_of(pa.table({"l": [[1, 2]] * 30, "x": [1, 2, 3] * 10}), "X")
    assert kinds(infer(table)) == {"l": "text", "x": "whole"}


def test_dates_that_could_be_two_are_said():
    frame = pd.DataFrame({"d": [f"{i % 12 + 1:02}/{i % 9 + 1:02}/2024" for i in range(50)]})
    schema = infer(table_of(frame, "X"))
    assert "read as month day year" in schema.notes[0]
    said = infer(table_of(frame, "X"), said=Corrections.made({"d": {"order": "dmy"}}))
    assert said.columns[0].coding.form.spelling.order == "dmy"


def test_row_groups_of_parquet_have_the_same_codes(tmp_path):
    frame = pd.DataFrame({"x": RNG.normal(size=300), "c": RNG.choice(list("abc"), 300)})
    parquet.write_table(pa.Table.from_pandas(frame), tmp_path / "t.parquet", row_group_size=70)
    table = parquet_table(tmp_path / "t.parquet")
    schema = infer(table)
    file = parquet.ParquetFile(tmp_path / "t.parquet")
    groups = [file.read_row_group(i) for i in range(file.num_row_groups)]
    parts = [schema.codes(table_of(group, "X")) for group in groups]
    assert (np.concatenate(parts) == schema.codes(table)).all()


WRONG = {
    '[agee]\ntype = "whole"': "unknown column in {}: 'agee'; did you mean 'age'?",
    '[age]\ntype = "hole"': "unknown type of column 'age' in {}: 'hole'; did you mean 'whole'?",
    '[age]\ntyp = "whole"': "unknown entry of column 'age' in {}: 'typ'; did you mean 'type'?",
    "[age]\nbins = 0": "bins must be a whole number from 1 to 10,000, not 0",
    '[age]\nbins = "5"': "bins must be a whole number from 1 to 10,000, not '5'",
    "[age]\nmin = 5\nmax = 1": "min must be below max",
    "age = 3": "'age' must have a table",
    "[age\n": "cannot read {} as TOML",
    '[town]\ntype = "time"': "column 'town' does not hold dates or times",
    '[town]\ntype = "whole"': "which is not a number",
    '[town]\ntype = "boolean"': "has 3 different values",
    '[town]\ntype = "ordered"': "levels = [",
    '[town]\ntype = "ordered"\nlevels = ["A", "B"]': "holds 'C', which is not among its levels",
    '[town]\nlevels = ["A", "A"]': "levels must be different texts",
    '[score]\ntype = "time"\norder = "abc"': "unknown order of dates",
}


@pytest.mark.parametrize("text", WRONG)
def test_a_wrong_schema_is_one_line(text, tmp_path):
    path = tmp_path / "schema.toml"
    path.write_text(text)
    with pytest.raises(BadInput) as error:
        infer(people(tmp_path), said=read_toml(path))
    assert WRONG[text].format(path) in line(error)
    assert "damaged" not in line(error)


def test_a_schema_file_that_is_no_text(tmp_path):
    (tmp_path / "a.toml").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(BadInput, match="not UTF-8"):
        read_toml(tmp_path / "a.toml")
    with pytest.raises(BadInput, match="cannot read"):
        read_toml(tmp_path / "none.toml")


def test_names_of_columns_can_be_anything(tmp_path):
    names = ['a "b"', "c.d", "ü", "[x]", "a\\b", "'"]
    frame = pd.DataFrame({name: RNG.integers(0, 5, 50) for name in names})
    schema = infer(table_of(frame, "X"))
    (tmp_path / "s.toml").write_text(schema.to_toml(), encoding="utf-8")
    assert set(read_toml(tmp_path / "s.toml").columns) == set(names)


DAMAGE = {
    "no columns": lambda s: s.update(columns=[]),
    "no type": lambda s: s["columns"][0]["coding"]["form"].update(type="int63"),
    "no kind": lambda s: s["columns"][0].update(kind="colour"),
    "falling edges": lambda s: s["columns"][0]["coding"]["levels"]["edges"].reverse(),
    "a part too few": lambda s: s["columns"][0]["coding"]["levels"]["parts"].pop(),
    "a scale of 0": lambda s: s["columns"][0]["coding"]["levels"].update(scale=0),
    "a step of 0": lambda s: s["columns"][0]["coding"]["grid"].update(step=0),
    "a value twice": lambda s: s["columns"][1]["coding"]["levels"].update(values=["A", "A", "B"]),
    "rows too few": lambda s: s["columns"][1]["coding"]["levels"].update(rows=[1]),
    "other names": lambda s: s.update(order=["a"]),
    "more": lambda s: s.update(more=1),
    "gaps": lambda s: s["columns"][0].update(gaps=2),
    "a text": lambda s: s["columns"].append("x"),
}


@pytest.mark.parametrize("case", DAMAGE)
def test_a_damaged_schema_is_refused(case, tmp_path):
    found = json.loads(json.dumps(infer(people(tmp_path)).to_json()))
    DAMAGE[case](found)
    with pytest.raises(BadInput) as error:
        TableSchema.from_json(found)
    assert "damaged" in line(error)


def test_cells_that_a_spreadsheet_would_run_are_made_safe():
    cells = pa.chunked_array([["=1+1", "+x", "-5", "-5 kg", "@a", "\tb", "plain", None, "-1.5e3"]])
    wanted = ["'=1+1", "'+x", "-5", "'-5 kg", "'@a", "'\tb", "plain", None, "-1.5e3"]
    assert safe_cells(cells).to_pylist() == wanted
    assert safe_cells(pa.array([1, -2])).to_pylist() == [1, -2]


def test_a_schema_is_shown(tmp_path):
    shown = infer(people(tmp_path, rows={4: ",B,0.5"})).describe().splitlines()
    assert shown[0].split() == ["column", "type", "levels", "missing", "example"]
    assert shown[1].split()[0] == "age"
    assert "1.7%" in shown[1]
    assert shown[2].split() == ["town", "category", "3", "A"]
