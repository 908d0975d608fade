"""Tables as people have them: in any dialect of text, as Parquet, Feather and data frames."""

import bz2
import csv
import gzip
import io
import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pyarrow import feather

import vaekit
from vaekit.data import open_source, opening_of
from vaekit.data.readers.dialect import MISSING, Dialect
from vaekit.data.readers.frames import as_kind, table_of, typed_as
from vaekit.data.readers.looking import look
from vaekit.data.readers.text import read_text
from vaekit.interfaces.cli import run
from vaekit.runs.config import Config
from vaekit.system.checks import BadInput

ROWS = np.random.default_rng(0).normal(size=(40, 3)) * [1, 5, 0.1] + [2, 50, 0]
TINY = {"latent": 2, "width": 8, "epochs": 1}
FLAGS = ["--latent", "2", "--width", "8", "--epochs", "1", "--no-report", "--threads", "1"]


@pytest.fixture
def place(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


def text(
    separator=",", decimal=".", head="a,b,c", index=None, quote="", end="\n", places=3, before=""
):
    """The table of 40 rows, as it is written in some dialect."""
    lines = [head.replace(",", separator)] if head else []
    for i, row in enumerate(ROWS):
        cells = [quote + f"{v:.{places}f}".replace(".", decimal) + quote for v in row]
        lines.append(separator.join(([index(i)] if index else []) + cells))
    return before + end.join(lines) + end


def written(name, content, encoding="utf-8"):
    """A file of text, compressed as its name says."""
    packed = content.encode(encoding)
    packed = {".gz": gzip.compress, ".bz2": bz2.compress}.get(Path(name).suffix, bytes)(packed)
    if name.endswith(".zst"):
        packed = pa.compress(packed, "zstd", asbytes=True)
    Path(name).write_bytes(packed)
    return name


def grouped(v):
    return f"{v * 1000:,.3f}"


DIALECTS = {
    "commas": lambda: written("t.csv", text()),
    "semicolons": lambda: written("t.csv", text(";")),
    "German": lambda: written("t.csv", text(";", ",")),
    "tabs": lambda: written("t.csv", text("\t")),
    "tabs and decimal commas": lambda: written("t.tsv", text("\t", ",", places=4)),
    "bars": lambda: written("t.txt", text("|")),
    "spaces": lambda: written("t.txt", text(" ")),
    "columns of spaces": lambda: written("t.data", text("    ", before="\n")),
    "quoted decimal commas": lambda: written("t.csv", text(",", ",", quote='"', places=4)),
    "quoted": lambda: written("t.csv", text(quote='"')),
    "Windows": lambda: written("t.csv", text(end="\r\n")),
    "old Macintosh": lambda: written("t.csv", text(end="\r")),
    "UTF-8 with a mark": lambda: written("t.csv", text(), "utf-8-sig"),
    "UTF-16": lambda: written("t.csv", text(";"), "utf-16"),
    "UTF-32": lambda: written("t.csv", text(), "utf-32"),
    "Excel's hint": lambda: written("t.csv", text(";", ",", before="sep=;\n")),
    "comments": lambda: written("t.csv", text(before="# made\n# by hand, or not\n\n")),
    "names in a comment": lambda: written("t.csv", "# a, b, c\n" + text(head="")),
    "empty lines": lambda: written("t.csv", text().replace("\n", "\n\n")),
    "gzip": lambda: written("t.csv.gz", text()),
    "bzip2": lambda: written("t.csv.bz2", text("\t")),
    "zstandard": lambda: written("t.tsv.zst", text("\t")),
    "pandas' index": lambda: written("t.csv", text(head=",a,b,c", index=str)),
    "an index twice written": lambda: written("t.csv", text(head="Unnamed: 0,a,b,c", index=str)),
    "R's row names": lambda: written("t.csv", text(head='"a","b","c"', index=lambda i: f'"{i + 1}"')),
    "names of rows": lambda: written("t.csv", text(head=",a,b,c", index=lambda i: f"row {i}")),
    "a shuffled index": lambda: written("t.csv", text(head=",a,b,c", index=lambda i: str(7 * i % 40))),
    "dates as index": lambda: written("t.csv", text(head=",a,b,c", index=lambda i: f"2020-{i % 12 + 1:02}-{i % 28 + 1:02}")),
    "commas at the end": lambda: written("t.csv", text().replace("\n", ",\n")),
    "spaces after commas": lambda: written("t.csv", text(", ")),
    "blanks at the end": lambda: written("t.csv", text() + "   \n\x1a"),
    "Parquet": lambda: frame().to_parquet("t.parquet") or "t.parquet",
    "Parquet with an index": lambda: shuffled().to_parquet("t.parquet") or "t.parquet",
    "Feather": lambda: feather.write_feather(frame(), "t.feather") or "t.feather",
    "a stream of Arrow's": lambda: streamed(pa.Table.from_pandas(shuffled())),
    "Arrow": lambda: feather.write_feather(pa.Table.from_pandas(shuffled()), "t.arrow") or "t.arrow",
}  # fmt: skip


def frame():
    return pd.DataFrame(ROWS.round(3), columns=list("abc"))


def shuffled():
    """The same rows whose index is in another order."""
    return frame().set_axis(np.random.default_rng(1).permutation(40))


def streamed(table):
    """A file of Arrow's format for streams, as the data sets of Hugging Face are kept."""
    with pa.OSFile("t.arrow", "wb") as file, pa.ipc.new_stream(file, table.schema) as stream:
        stream.write_table(table)
    return "t.arrow"


def test_a_stream_without_an_end_is_cut_off(place):
    path = Path(streamed(pa.Table.from_pandas(frame())))
    path.write_bytes(path.read_bytes()[:-8])
    with pytest.raises(BadInput, match="cut off"):
        open_source("t.arrow")


@pytest.mark.parametrize("dialect", DIALECTS)
def test_the_same_table_in_any_dialect(place, dialect):
    source = open_source(DIALECTS[dialect]())
    assert source.columns == ("a", "b", "c")
    assert source.values.shape == (40, 3)
    assert np.allclose(source.values, ROWS, atol=6e-4)
    assert len(source.notes) <= 1


@pytest.mark.parametrize("rows", [1, 3, 60])
@pytest.mark.parametrize("head", ["x;CHF 12,50", "name;preis", "x;preis CHF"])
@pytest.mark.parametrize(
    "row", ["{a};CHF {b},50", "{w};CHF {b},50", "{w};USD 1,{c}.50", "{w};{b} kg", "{w};{b},5 %"]
)
def test_units_with_spaces_are_no_columns(rows, head, row):
    each = [row.format(a=i, b=3 * i + 10, c=100 + i, w="abc"[i % 3] * 3) for i in range(rows)]
    assert look("\n".join([head, *each]) + "\n", Dialect()).dialect.separator == ";"


def test_types_of_a_library_of_its_own_come_back():
    words = pd.DataFrame(
        {"i": pd.array([1, None], "Int16"), "b": pd.array([True, None], "boolean"),
         "s": pd.array(["a", None], "string"), "f": pd.array([0.5, None], "Float32")},
        index=["p", "q"],
    )  # fmt: skip
    for own in (words, words.convert_dtypes(dtype_backend="pyarrow")):
        plain = pa.table(dict(table_of(own, "X").columns))
        made = typed_as(as_kind(plain, "pandas", own), own)
        pd.testing.assert_frame_equal(made, own)


def test_what_was_assumed_is_said_once_of_a_table_of_mixed_columns(place):
    written("t.csv", "\n".join(["n;word", *(f"{i % 7},5;{'abc'[i % 3]}" for i in range(60))]))
    (note,) = replace(opening_of(), cells="yes").open("t.csv").notes
    assert "separator ';', decimal commas" in note


def test_what_was_assumed_is_said_in_one_line(place):
    assert open_source(written("t.csv", text())).notes == ()
    (note,) = open_source(written("t.csv", text(";", ",", head="ü,b,c"), "cp1252")).notes
    for part in ("t.csv", "separator ';'", "decimal commas", "cp1252", "byte 0xfc at 0"):
        assert part in note
    assert "--separator" in note
    options = {"separator": ";", "decimal": ",", "encoding": "latin-1"}
    assert open_source("t.csv", **options).notes == ()
    (note,) = open_source(written("t.csv", text(head=",a,b,c", index=str))).notes
    assert "names the rows" in note
    assert "--index" in note


class TestMarksOfNumbers:
    @pytest.mark.parametrize(
        ("cells", "options", "expected"),
        [
            (["1.234,5", "2,25", "-3,0"], {}, [1234.5, 2.25, -3]),
            (["1,234.5", "2.25", "12,345,678.5"], {}, [1234.5, 2.25, 12345678.5]),
            (["1'234.5", "2.25", "999.5"], {}, [1234.5, 2.25, 999.5]),
            (["1\u00a0234,5", "2,25", "7,5"], {}, [1234.5, 2.25, 7.5]),
            (["1,234", "12,345", "7"], {"thousands": ","}, [1234, 12345, 7]),
            (["1,234", "12,345", "7"], {"decimal": ","}, [1.234, 12.345, 7]),
            (["+1.5", " 2.5 ", "1e3"], {}, [1.5, 2.5, 1000]),
            (["1.5E+02", ".5", "5."], {}, [150, 0.5, 5]),
        ],
    )
    def test_they_are_found(self, place, cells, options, expected):
        rows = "".join(f"{cell}\t{i}\n" for i, cell in enumerate(cells))
        source = open_source(written("t.tsv", "x\ty\n" + rows), **options)
        assert source.values[:, 0].tolist() == pytest.approx(expected)

    def test_in_doubt_the_person_is_asked(self, place):
        written("t.tsv", "x\ty\n" + "1,234\t5\n2,345\t6\n")
        with pytest.raises(BadInput, match=r"'1,234' can be 1234 or 1.234: say which"):
            open_source("t.tsv")

    def test_a_point_is_no_decimal_comma(self, place):
        written("t.csv", "x;y\n1,5;2,5\n2,5;3.25\n")
        with pytest.raises(BadInput, match=r"column 'y', row 1 holds '3.25'.*line 3"):
            open_source("t.csv")


class TestHeaders:
    def test_numbers_that_count_up_are_names(self, place):
        source = open_source(written("t.csv", text(head="0,1,2")))
        assert (source.columns, len(source)) == (("0", "1", "2"), 40)
        assert "a header of numbers" in source.notes[0]
        assert len(open_source("t.csv", header=False)) == 41
        assert open_source(written("t.csv", text(head="2019,2020,2021"))).columns[0] == "2019"
        source = open_source(written("t.csv", text(head=",0,1,2", index=str)))
        assert (source.columns, len(source)) == (("0", "1", "2"), 40)

    def test_a_first_line_of_data(self, place):
        source = open_source(written("t.csv", text(head="")))
        assert (source.columns, len(source)) == (("column0", "column1", "column2"), 40)
        assert "no header" in source.notes[0]
        assert len(open_source(written("t.csv", "0,1\n5,6\n7,8\n"))) == 3
        assert len(open_source("t.csv", header=True)) == 2

    def test_a_first_line_of_data_with_words(self, place):
        rows = ["5.1,3.5,3.5,0.2,rose"] + [f"{i}.5,2.5,3.5,1.5,{'lily' if i % 2 else 'rose'}" for i in range(39)]  # fmt: skip
        written("t.csv", "\n".join(rows) + "\n")
        source = open_source("t.csv", label="column4")
        assert source.shape == (4,)
        assert (len(source), source.label_names) == (40, ("lily", "rose"))
        with pytest.raises(BadInput, match=r"unknown column 'rose'.*column4"):
            open_source("t.csv", label="rose")
        with pytest.raises(BadInput, match=r"column 'column4', row 0 holds 'rose'.*line 1"):
            open_source("t.csv")

    @pytest.mark.parametrize(
        ("header", "said"),
        [
            ("a,,c,", "2 columns without a name called 'column1', 'column3', by place"),
            ("a,b,c,", "column without a name called 'column3', by place"),
            ("a,b,c,d", None),
        ],
    )
    def test_columns_without_a_name_are_called_by_place(self, place, header, said):
        text = [header, *(f"{i % 7},0.{i},{i % 3},{i}.5" for i in range(40))]
        source = open_source(written("t.csv", "\n".join(text)))
        assert ("column3" in source.columns) == (said is not None)
        assert any(str(said) in note for note in source.notes) == (said is not None)

    def test_two_columns_of_one_name(self, place):
        twice = pd.DataFrame(ROWS, columns=list("aba"))
        twice.to_csv("t.csv", index=False)
        for data in ("t.csv", twice, pa.table([ROWS[:, 0]] * 2, names=["a", "a"])):
            with pytest.raises(BadInput, match="column 'a' is there twice; rename one"):
                vaekit.fit(data, **TINY)


class TestMissing:
    @pytest.mark.parametrize("mark", [*MISSING, " ", " NA "])
    def test_they_are_said_to_be_missing(self, place, mark):
        cells = [[f"{v:.3f}" for v in row] for row in ROWS]
        cells[3][1] = cells[17][0] = mark
        written("t.csv", "a,b,c\n" + "".join(",".join(row) + "\n" for row in cells))
        said = r"2 values are missing or infinite, the first in row 3, column 'b' \(line 5\)"
        with pytest.raises(BadInput, match=said):
            open_source("t.csv")

    def test_a_mark_of_one_s_own(self, place):
        written("t.csv", text().replace("\n", "\nn.d.,1,2\n", 1) + "-999,1,2\n")
        with pytest.raises(
            BadInput,
            match=r"row 0 holds 'n.d.'.* leave the cell empty, or train with --missing 'n.d.'",
        ):
            open_source("t.csv")
        with pytest.raises(BadInput, match="1 values are missing"):
            open_source("t.csv", missing=["n.d."])
        with pytest.raises(BadInput, match="2 values are missing"):
            open_source("t.csv", missing=["n.d.", "-999"])
        table = pd.read_csv("t.csv", na_values="n.d.")
        with pytest.raises(BadInput, match=r"2 values are missing.*rows are counted from 0"):
            open_source(table, missing=["-999"])

    def test_nullable_types(self):
        table = pd.DataFrame({"i": pd.array([1, None, 3] * 4, dtype="Int64"), "x": ROWS[:12, 0]})
        with pytest.raises(
            BadInput, match="4 values are missing or infinite, the first in row 1, column 'i'"
        ):
            open_source(table)
        assert open_source(table.fillna(0)).types == ("int64", "float64")

    def test_an_empty_column(self, place):
        written("t.csv", "a,b\n" + "1,\n" * 12)
        with pytest.raises(BadInput, match=r"column 'b' is empty: .*drop the column"):
            open_source("t.csv")


class TestWhatIsNoNumber:
    @pytest.mark.parametrize(
        ("column", "said"),
        [
            (["2020-01-05"], "'2020-01-05', a date or time"),
            (["1", "red", "2"], r"row 1 holds 'red', which is not a number \(line 3\); if it"),
            (["05.01.2020 10:30"], "a date or time"),
            (
                ["red"],
                "'red', which is not a number .*; drop the column; vaekit train and vaekit.fit can .*--label",
            ),
        ],
    )
    def test_text(self, place, column, said):
        cells = (column * 12)[:12]
        written("t.csv", "a;b\n" + "".join(f"{c};{i}.5\n" for i, c in enumerate(cells)))
        with pytest.raises(BadInput, match=f"t.csv: column 'a', .*{said}"):
            open_source("t.csv")

    def test_typed(self):
        days = pd.date_range("2020", periods=12)
        with pytest.raises(
            BadInput, match=r"column 'd' holds dates or times.*turn them into numbers"
        ):
            open_source(pd.DataFrame({"d": days, "x": range(12)}))
        words = pd.DataFrame({"w": pd.Categorical(list("ab") * 6), "x": range(12)})
        with pytest.raises(BadInput, match="column 'w', row 0 holds 'a'"):
            open_source(words)
        assert open_source(words, label="w").label_names == ("a", "b")
        mixed = pd.DataFrame({"m": [1, "x", None] * 4, "x": range(12)})
        with pytest.raises(BadInput, match="column 'm', row 1 holds 'x'"):
            open_source(mixed)

    def test_ragged_rows_and_other_files(self, place):
        with pytest.raises(BadInput, match="line 5 has 2 cells, the first line has 3"):
            open_source(written("t.csv", '"a\nb",c,d\n1,2,3\n"4",5,6\n7,8\n'))
        Path("t.csv").write_bytes(b"a,b\n1,2\0\n")
        with pytest.raises(BadInput, match="no text"):
            open_source("t.csv")
        for name in ("t.csv.gz", "t.feather"):
            Path(name).write_bytes(b"nonsense")
            with pytest.raises(BadInput, match=f"cannot read {name}"):
                open_source(name)
        written("t.csv", text(head="ü,b,c"), "latin-1")
        with pytest.raises(BadInput, match=r"t.csv is not utf-8 text.*--encoding"):
            open_source("t.csv", encoding="utf-8")
        with pytest.raises(BadInput, match=r"t.csv is empty"):
            open_source(written("t.csv", "\n\n"))
        with pytest.raises(BadInput, match=r"t.csv holds no rows"):
            open_source(written("t.csv", "a,b\n"))

    def test_text_of_two_bytes_without_a_mark(self, place):
        written("t.csv", text(), "utf-16-le")
        with pytest.raises(BadInput, match=r"bytes that are zero.*--encoding utf-16-le"):
            open_source("t.csv")
        assert np.allclose(open_source("t.csv", encoding="utf-16-le").values, ROWS, atol=6e-4)

    def test_a_byte_that_is_not_utf8_far_behind(self, place):
        written("t.csv", "a,kind\n" + "1.5,x\n" * 60_000 + "2.5,\xfc\n", "cp1252")
        source = open_source("t.csv", label="kind")
        assert source.label_names == ("x", "ü")
        assert "byte 0xfc at" in source.notes[0]
        written("t.csv", "a,kind\n" + "1.5,x\n" * 12 + "2.5,\xfc", "cp1252")
        assert open_source("t.csv", label="kind").label_names == ("x", "ü")


def test_options_that_cannot_be(place):
    for options, said in [
        ({"separator": ";;"}, "separator must be one character"),
        ({"decimal": "x"}, "decimals must be"),
        ({"decimal": ",", "thousands": ","}, "are the same"),
        ({"encoding": "utf-9"}, "unknown encoding 'utf-9'"),
        ({"seperator": ";"}, "did you mean 'separator'"),
        ({"index": "id"}, "no column 'id' to be the index"),
    ]:
        with pytest.raises(BadInput, match=said):
            open_source(written("t.csv", text()), **options)
    frame().to_parquet("t.parquet")
    for data in ("t.parquet", "digits", frame(), ROWS):
        with pytest.raises(BadInput, match="is no text table: leave out separator"):
            open_source(data, separator=";")


class TestRows:
    def test_an_index_of_one_s_own_names_rows(self, place):
        written("t.csv", text(head="id,a,b,c", index=lambda i: f"{i}.5"))
        assert open_source("t.csv").columns == ("id", "a", "b", "c")
        source = open_source("t.csv", index="id")
        assert source.columns == ("a", "b", "c")
        assert source.names[:2] == ("0.5", "1.5")
        written("t.csv", text(head=",a,b,c", index=str))
        assert open_source("t.csv", index="none").columns == ("column0", "a", "b", "c")

    def test_numbers_in_a_first_column_without_a_name_are_data(self, place):
        written("t.csv", text(head=",a,b,c", index=lambda i: f"{i % 7}"))
        assert open_source("t.csv").columns == ("column0", "a", "b", "c")
        model = vaekit.fit("t.csv", **TINY)
        written("new.csv", text(head=",a,b,c", index=str))
        assert model.open("new.csv").values[:, 0].tolist() == list(range(40))

    def test_whole_numbers_are_exact(self, place):
        big = [2**53 + 1, -(2**63), 2**63 - 1]
        written("t.csv", "a,b\n" + "".join(f"{n},{2**64 - 1}\n" for n in big))
        text = read_text(Path("t.csv"))
        table = table_of(pa.table(dict(zip("ab", text.cells.columns, strict=True))), "t")
        assert table.numbers("a").to_pylist() == big
        assert table.numbers("b").to_pylist() == [2**64 - 1] * 3
        written("t.csv", "a,b\n" + "".join(f"{n},{i}.5\n" for i, n in enumerate(big[:1] * 12)))
        assert "whole numbers beyond 2^53 are rounded to it in a" in open_source("t.csv").notes[-1]

    def test_truths_are_numbers(self, place):
        written("t.csv", "a,b\n" + "TRUE,1.5\nfalse,2.5\n" * 6)
        source = open_source("t.csv")
        assert source.values[:2].tolist() == [[1, 1.5], [0, 2.5]]
        assert source.types == ("bool", "float64")


def other_order(table):
    return table[["c", "b", "a"]]


def with_more(table):
    return table.assign(note="x", day=1.0)[["note", "c", "a", "day", "b"]]


class TestColumnsByName:
    @pytest.fixture(scope="class")
    @staticmethod
    def model():
        return vaekit.fit(frame(), **TINY)

    @pytest.fixture(params=["pandas", "polars", "pyarrow", "csv", "parquet"])
    def form(self, request, place):
        """From a pandas frame to what is handed to a model."""
        kind = request.param
        if kind == "polars":
            return pytest.importorskip("polars").from_pandas
        if kind in ("csv", "parquet"):

            def save(table):
                table.to_csv("new.csv", index=False, sep=";")
                table.to_parquet("new.parquet", index=False)
                return f"new.{kind}"

            return save
        return {"pandas": lambda table: table, "pyarrow": pa.Table.from_pandas}[kind]

    VERBS = {
        "encode": lambda model, data: model.encode(data),
        "reconstruct": lambda model, data: model.reconstruct(data),
        "evaluate": lambda model, data: list(model.evaluate(data, samples=3).to_dict().values())[:3],
        "log_likelihood": lambda model, data: model.log_likelihood(data, samples=3),
        "elbo": lambda model, data: model.elbo(data, samples=3),
        "interpolate": lambda model, data: model.interpolate(data, data, 3),
    }  # fmt: skip

    @pytest.mark.parametrize("verb", VERBS)
    def test_in_any_order_and_among_others(self, model, form, verb):
        def result(table):
            found = self.VERBS[verb](model, form(table))
            return found if isinstance(found, list) else np.asarray(found)

        right = result(frame())
        for change in (other_order, with_more):
            assert np.allclose(result(change(frame())), right, atol=1e-6)
        with pytest.raises(BadInput, match=r"no column 'a' \(it has 'q', which the model"):
            result(frame().rename(columns={"a": "q"}))

    def test_the_nearest_name_is_suggested(self, model):
        for near in ("A", "a_"):
            with pytest.raises(BadInput, match=f"has no column 'a' .*did you mean '{near}'"):
                model.encode(frame().rename(columns={"a": near}))

    def test_what_is_set_aside_is_said(self, model):
        notes = model.open(with_more(frame())).notes
        assert notes == ("set aside, as the model does not know them: 'note', 'day'",)

    def test_sources_are_matched_too(self, model, place, monkeypatch):
        with_more(frame()).drop(columns="note").to_parquet("t.parquet")
        right = model.encode(frame().to_numpy())
        assert np.allclose(model.encode(open_source("t.parquet")), right, atol=1e-6)
        monkeypatch.setattr("vaekit.data.on_disk.LARGEST_IN_MEMORY", 0)
        large = open_source("t.parquet")
        assert not isinstance(large.values, torch.Tensor)
        assert np.allclose(model.encode(large), right, atol=1e-6)
        assert np.allclose(model.encode("t.parquet"), right, atol=1e-6)

    def test_rows_without_names_are_taken_in_order(self, model, place):
        right = model.encode(frame().to_numpy())
        assert np.allclose(model.encode(written("t.csv", text(head=""))), right, atol=1e-3)
        assert "columns in the model's order" in model.open("t.csv").notes[0]

    def test_frames_of_a_kind_come_back(self, model):
        table = frame().set_axis([f"r{i}" for i in range(40)])
        back = model.reconstruct(other_order(table))
        assert list(back.columns) == ["a", "b", "c"]
        assert back.index.equals(table.index)
        arrow = model.encode(pa.Table.from_pandas(table))
        assert isinstance(arrow, pa.Table)
        assert arrow.column_names == ["z0", "z1"]

    def test_polars_comes_back(self, model):
        pl = pytest.importorskip("polars")
        back = model.reconstruct(pl.from_pandas(frame()))
        assert isinstance(back, pl.DataFrame)
        assert back.columns == ["a", "b", "c"]

    def test_names_that_are_numbers(self):
        table = pd.DataFrame(ROWS)
        model = vaekit.fit(table, **TINY)
        assert list(model.reconstruct(table[[2, 0, 1]]).columns) == [0, 1, 2]


def test_every_command_finds_columns_by_name(place, capsys):
    table = frame().assign(kind=["high", "low"] * 20)
    table.to_csv("t.csv", index=False)
    assert run(["train", "t.csv", "--label", "kind", *FLAGS, "-o", "run"]) == 0
    with_more(frame()).to_csv("more.csv", index=False)
    frame().rename(columns={"a": "q"}).to_csv("renamed.csv", index=False)
    capsys.readouterr()
    for command in ("encode", "reconstruct", "interpolate"):
        assert run([command, "run", "t.csv", "-o", "own.csv", "--force"]) == 0
        assert "note" not in capsys.readouterr().err
        assert run([command, "run", "more.csv", "-o", "other.csv", "--force"]) == 0
        assert "note: set aside, as the model does not know them" in capsys.readouterr().err
        if command == "encode":
            own, other = (pd.read_csv(f"{n}.csv").filter(like="z") for n in ("own", "other"))
            assert np.allclose(own, other, atol=1e-4)
    for arguments in (["evaluate", "--samples", "2"], ["report", "-o", "r.html"], ["encode"]):
        command, *rest = arguments
        assert run([command, "run", "more.csv", *rest]) == 0
        capsys.readouterr()
        assert run([command, "run", "renamed.csv", *rest, "--force"]) == 2
        assert "renamed.csv has no column 'a' (it has 'q'" in capsys.readouterr().err


def test_a_model_with_a_numeric_label_takes_its_own_table(place):
    table = frame().assign(kind=[0, 1] * 20)
    table.to_csv("t.csv", index=False)
    model = vaekit.fit("t.csv", label="kind", **TINY)
    right = model.encode(frame().to_numpy())
    for data in ("t.csv", table):
        assert np.allclose(model.encode(data), right, atol=1e-6)
    assert model.open("t.csv").notes == ()


def test_frames_are_compressed_by_name(place):
    counts = pd.DataFrame(np.random.default_rng(0).poisson(3, (40, 3)), columns=list("abc"))
    model = vaekit.fit(counts, **TINY)
    vaekit.compress(model, with_more(counts), place / "t.vk")
    assert np.array_equal(vaekit.Archive(place / "t.vk", model).read(), counts)


def test_a_label_of_a_frame_or_of_none():
    table = frame().assign(y=["no", "yes"] * 20)
    model = vaekit.fit(table, label="y", **TINY)
    assert model.config.columns == ["a", "b", "c"]
    assert model.source.label_names == ("no", "yes")
    numbers = vaekit.fit(frame().assign(y=[0, 1] * 20), label="y", **TINY)
    assert numbers.config.columns == ["a", "b", "c"]
    assert numbers.source.labels.tolist() == [0, 1] * 20
    for data in (ROWS, torch.zeros(20, 2)):
        with pytest.raises(BadInput, match=r"label='y' names a column.*labels="):
            vaekit.fit(data, label="y", **TINY)


def test_whole_columns_come_back_whole(place, capsys):
    table = frame().assign(n=np.arange(40) % 5, yes=[True, False] * 20)
    model = vaekit.fit(table, **TINY)
    back = model.reconstruct(table)
    assert [kind.kind for kind in back.dtypes] == list("fffib")
    model.save("model")
    assert run(["sample", "model", "-n", "5", "-o", "s.csv"]) == 0
    assert run(["sample", "model", "-n", "5", "-o", "s.parquet"]) == 0
    assert pd.read_parquet("s.parquet").dtypes["n"].kind == "i"
    made = pd.read_csv("s.csv")
    assert list(made.columns) == ["a", "b", "c", "n", "yes"]
    assert made.dtypes["n"].kind == "i"
    assert len(vaekit.load("model").encode("s.csv")) == 5


def test_names_are_quoted_where_they_must_be(place):
    table = frame().set_axis(["a, b", 'c "d"', "e"], axis=1)
    model = vaekit.fit(table, **TINY)
    model.save("model")
    assert run(["sample", "model", "-n", "5", "-o", "s.csv"]) == 0
    assert len(model.encode("s.csv")) == 5


class TestSaved:
    def test_only_what_was_asked_for_is_written(self, place, capsys):
        written("t.csv", text(";", ",", head="id,a,b,c", index=str))
        assert run(["train", "t.csv", "--decimal", ",", "--index", "id", "--missing", "-9", "--header", *FLAGS, "-o", "run"]) == 0  # fmt: skip
        found = json.loads(Path("run/config.json").read_text())
        table = {"decimal": ",", "header": True, "index": "id", "missing": ["-9"]}
        assert found["data"]["table"] == table
        assert Config.from_json(found).to_json() == found
        model = vaekit.load("run")
        assert model.config.data.opening.dialect == Dialect(**table)
        assert run(["train", "--resume", "run", "--no-report"]) == 0
        assert len(model.encode("t.csv")) == 40
        assert run(["sample", "run", "-n", "5", "-o", "new.csv"]) == 0
        assert len(model.encode("new.csv")) == 5

    def test_what_is_written_is_read_whatever_was_asked_for(self, place):
        written("t.csv", text(";", ",", head=""))
        model = vaekit.fit("t.csv", separator=";", decimal=",", header=False, **TINY)
        model.save("model")
        assert run(["sample", "model", "-n", "5", "-o", "new.csv"]) == 0
        assert run(["sample", "model", "-n", "5", "-o", "new.parquet"]) == 0
        for data in ("new.csv", "new.parquet", pd.read_csv("new.csv"), ROWS[:5]):
            assert len(model.encode(data)) == len(model.open(data)) == 5

    def test_plain_tables_leave_no_trace(self, place):
        model = vaekit.fit(written("t.csv", text()), **TINY)
        assert not {"table", "types"} & model.config.to_json()["data"].keys()
        assert opening_of() == opening_of(missing=())

    @pytest.mark.parametrize(
        "table", [{"separator": 3}, {"missing": "x"}, {"header": 1}, {"more": 1}, []]
    )
    def test_damage_is_said(self, place, table):
        found = vaekit.fit(frame(), **TINY).config.to_json()
        found["data"]["table"] = table
        with pytest.raises(BadInput, match="is damaged"):
            Config.from_json(found)

    def test_columns_of_models_that_took_an_index_for_data(self, place):
        """Older versions trained on the rows' numbers; these models still take their tables."""
        written("t.csv", text(head=",a,b,c", index=str))
        old = np.column_stack([np.arange(40), ROWS.round(3)])
        model = vaekit.fit(old, **TINY)
        data = replace(model.config.data, columns=("", "a", "b", "c"))
        model = replace(model, config=replace(model.config, data=data))
        assert np.allclose(model.encode("t.csv"), model.encode(old), atol=1e-5)


NAMES = st.text("abcdefgh XYZäöß", min_size=1, max_size=6).map(str.strip).filter(bool)
NUMBERS = st.decimals(-(10**9), 10**9, allow_nan=False, allow_infinity=False, places=5)


@st.composite
def tables(draw):
    """A table of numbers, how it is written, and the text."""
    names = draw(st.lists(NAMES, min_size=1, max_size=4, unique=True))
    width = len(names)
    rows = draw(st.lists(st.lists(NUMBERS, min_size=width, max_size=width), min_size=2, max_size=8))
    separator = draw(st.sampled_from(",;\t|"))
    decimal = draw(st.sampled_from(".,"))
    quoting = draw(st.sampled_from([csv.QUOTE_ALL, csv.QUOTE_MINIMAL, csv.QUOTE_NONNUMERIC]))
    end = draw(st.sampled_from(["\n", "\r\n", "\r"]))
    out = io.StringIO(newline="")
    writer = csv.writer(out, delimiter=separator, quoting=quoting, lineterminator=end)
    writer.writerow(names)
    writer.writerows([[f"{v:f}".replace(".", decimal) for v in row] for row in rows])
    return names, rows, out.getvalue()


@settings(max_examples=80, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])  # fmt: skip
@given(
    table=tables(),
    encoding=st.sampled_from(["utf-8", "utf-8-sig", "utf-16", "utf-32", "cp1252"]),
    ending=st.sampled_from([".csv", ".csv.gz", ".tsv.bz2", ".txt"]),
)
def test_random_tables_in_random_dialects(tmp_path, table, encoding, ending):
    names, rows, content = table
    path = written(str(tmp_path / f"t{ending}"), content, encoding)
    found = read_text(Path(path))
    assert found.layout.names == tuple(names)
    source = open_source(path)
    assert source.columns == tuple(names)
    expected = np.array([[float(v) for v in row] for row in rows])
    assert source.values.double().numpy() == pytest.approx(expected, rel=1e-6)
