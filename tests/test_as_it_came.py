"""A filled table in text comes back as the file in which it came: what was there, byte for byte."""

import gzip

import numpy as np
import pyarrow as pa
import pyarrow.csv
import pytest

import vaekit
from vaekit.data.readers.refilling import Page
from vaekit.interfaces.cli import run
from vaekit.runs.table_files import write_as_it_came

WORDS = ["a", "bö", 'c"q', "d;e,f\tg"]


def rows_of(count):
    """Cells as texts: a weight with its unit, a number, a word, a whole number, a constant."""
    draw = np.random.default_rng(0)
    return [
        [f"{draw.normal(60, 8):.1f} kg", f"{draw.normal(5, 1):.2f}",
         WORDS[draw.integers(4)], str(draw.integers(50)), "EUR"]
        for _ in range(count)
    ]  # fmt: skip


NAMES = ["w", "x", "k", "n", "cur"]
GAPS = {(2, 0), (3, 1), (4, 2), (5, 3), (6, 4)}


def line(cells, mark, *, quoted=False):
    """Cells as a line, quoted where they have to be or all."""
    each = [c.replace('"', '""') for c in cells]
    odd = [quoted or any(m in c for m in ('"', mark)) for c in cells]
    return mark.join(f'"{c}"' if q else c for c, q in zip(each, odd, strict=True))


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    place = tmp_path_factory.mktemp("as-it-came")
    text = "\n".join([",".join(NAMES), *(line(r, ",") for r in rows_of(120)), ""])
    (place / "train.csv").write_text(text, "utf-8")
    vaekit.fit(str(place / "train.csv"), "table_vae", epochs=1, width=8, quiet=True,
               out=str(place / "run"))  # fmt: skip
    return str(place / "run")


def texts(gaps, *, mark=",", comma=False, header=True, end="\n", ended=True, quoted=False,
          above=""):  # fmt: skip
    """The lines of a file with gaps or, for a test of what comes back, without them."""
    rows = [
        ["" if gaps and (i, j) in GAPS else c for j, c in enumerate(cells)]
        for i, cells in enumerate(rows_of(12))
    ]
    if comma:
        rows = [[c.replace(".", ",") for c in r] for r in rows]
    lines = [line(NAMES, mark, quoted=quoted)] if header else []
    lines += [line(cells, mark, quoted=quoted) for cells in rows]
    return above + end.join(lines) + (end if ended else "")


WAYS = {
    "commas": {},
    "semicolons and decimal commas": {"mark": ";", "comma": True},
    "tabs without a header": {"mark": "\t", "header": False},
    "bars": {"mark": "|"},
    "Windows": {"end": "\r\n", "mark": ";"},
    "quotes": {"quoted": True},
    "no end": {"ended": False},
    "comments": {"above": "# of 2024\n\n"},
    "a separator that is told": {"above": "sep=;\r\n", "mark": ";", "end": "\r\n"},
}


@pytest.mark.parametrize(
    ("way", "encoding"),
    [
        *((way, "utf-8") for way in WAYS),
        *(("Windows", encoding) for encoding in ("utf-8-sig", "cp1252", "utf-16")),
    ],
)
def test_a_filled_file_is_written_as_it_was(model, way, encoding, tmp_path):
    before, after = tmp_path / "gaps.csv", tmp_path / "filled.csv"
    before.write_bytes(texts(gaps=True, **WAYS[way]).encode(encoding))
    assert run(["impute", model, str(before), "-o", str(after)]) == 0
    there = texts(gaps=False, **WAYS[way]).splitlines(keepends=True)
    found = after.read_bytes().decode(encoding).splitlines(keepends=True)
    assert len(found) == len(there)
    first = len(there) - 12
    same = [i for i in range(len(there)) if i - first not in {row for row, _ in GAPS}]
    assert [found[i] for i in same] == [there[i] for i in same]
    comma = WAYS[way].get("comma", False)
    weight, number = found[first + 2], found[first + 3]
    assert ",," not in "".join(found)
    assert " kg" in weight
    assert comma == ("." not in weight + number)


def test_numbers_are_filled_with_as_many_decimals(model, tmp_path):
    before, after = tmp_path / "gaps.csv", tmp_path / "filled.csv"
    before.write_text(texts(gaps=True), "utf-8")
    assert run(["impute", model, str(before), "-o", str(after)]) == 0
    found = pyarrow.csv.read_csv(after, convert_options=pyarrow.csv.ConvertOptions(
        column_types={"x": pyarrow.string()})).to_pydict()  # fmt: skip
    assert all(len(x.partition(".")[2]) == 2 for x in found["x"])
    assert found["cur"] == ["EUR"] * 12


@pytest.mark.parametrize(("word", "encoding"), [("ö", "cp1252"), ("ż", "utf-8")])
def test_an_encoding_that_has_not_a_letter_gives_way(word, encoding, tmp_path):
    part = pa.table({"a": ["é", word], "b": ["1", "2"]})
    page = Page("a;b\n", ";", encoding="cp1252")
    assert write_as_it_came(tmp_path / "x.csv", page, lambda: [part, part], ["a", "b"]) == 4
    rows = f"é;1\n{word};2\n"
    assert (tmp_path / "x.csv").read_bytes() == f"a;b\n{rows}{rows}".encode(encoding)


def test_columns_that_the_file_has_not_come_last(model, tmp_path):
    before, after = tmp_path / "gaps.csv", tmp_path / "filled.csv"
    before.write_text("more;w\r\n007;60,5 kg\r\n+1;\r\n", "utf-8", newline="")
    assert run(["impute", model, str(before), "-o", str(after)]) == 0
    head, first, second = after.read_bytes().decode().splitlines()
    assert head == "more;w;x;k;n;cur"
    assert first.startswith("007;60,5 kg;")
    assert second.startswith("+1;")
    assert "." not in first + second


@pytest.mark.parametrize("name", ["gaps.tsv", "gaps.csv.gz", "gaps.txt"])
def test_by_default_the_ending_stays(model, name, tmp_path):
    before = tmp_path / name
    text = texts(gaps=True, mark="\t").encode()
    before.write_bytes(gzip.compress(text) if name.endswith(".gz") else text)
    assert run(["impute", model, str(before)]) == 0
    kind = name.split(".")[1]
    after = tmp_path / f"gaps-filled.{kind}"
    assert after.read_text("utf-8").startswith("\t".join(NAMES))


def test_another_ending_is_another_form(model, tmp_path, capsys):
    before = tmp_path / "gaps.tsv"
    before.write_text(texts(gaps=True, mark="\t"), "utf-8")
    assert run(["impute", model, str(before), "-o", str(tmp_path / "f.csv")]) == 0
    assert (tmp_path / "f.csv").read_text("utf-8").startswith('"w","x"')
    assert run(["impute", model, str(before), "-o", str(tmp_path / "f.txt")]) == 2
    assert "the rows came in .tsv" in capsys.readouterr().err


def test_formulas_are_no_matter_of_what_was_there(model, tmp_path):
    before, after = tmp_path / "gaps.csv", tmp_path / "filled.csv"
    before.write_text("w,k,more\n-60.0 kg,a,=1+1\n,a,-5 kg\n", "utf-8")
    assert run(["impute", model, str(before), "-o", str(after)]) == 0
    lines = after.read_text("utf-8").splitlines()
    assert lines[1].startswith("-60.0 kg,a,=1+1,")
    assert ",a,-5 kg," in lines[2]


@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_rows_of_numbers_too(end, tmp_path):
    draw = np.random.default_rng(0)
    x = draw.normal(size=(80, 2)).round(2)
    train = "\n".join(["a,b,c", *(f"{u},{v},{i % 5}" for i, (u, v) in enumerate(x.tolist()))])
    (tmp_path / "t.csv").write_text(train)
    vaekit.fit(str(tmp_path / "t.csv"), "gaps_vae", epochs=1, width=8, quiet=True,
               out=str(tmp_path / "run"))  # fmt: skip
    rows = ["a;b;c;d", "1,50;;3;x", ";0,25;4;007", "0,10;0,20;;"]
    (tmp_path / "g.csv").write_text(end.join([*rows, ""]), newline="")
    assert run(["impute", str(tmp_path / "run"), str(tmp_path / "g.csv")]) == 0
    found = (tmp_path / "g-filled.csv").read_bytes().decode().split(end)
    assert found[0] == rows[0]
    assert found[1].startswith("1,50;")
    assert found[1].endswith(";3;x")
    assert found[2].endswith(";0,25;4;007")
    assert found[3].startswith("0,10;0,20;")
    assert ";;" not in "".join(found[:3])
    assert "." not in "".join(found)


COMMAS = "w;x\n60,5 kg;1,5\n{cell};2,5\n"


def test_numbers_with_units_are_read_as_their_own_file_writes_them(model, tmp_path):
    text = {",": "w,x\n60.5 kg,1.5\n61.5 kg,2.5\n", ";": COMMAS.format(cell="61,5 kg")}
    trained, found = vaekit.Trained.load(model), []
    for mark, said in text.items():
        (tmp_path / "t.csv").write_text(said)
        found.append(vaekit.runs.tables.cells_of(trained, str(tmp_path / "t.csv")).values)
        assert mark in said
    assert found[0].tolist() == found[1].tolist()


@pytest.mark.parametrize("cell", ["6x1 kg", "61,5 lb", "61,5", "6,1,5 kg", "61.5.1 kg"])
def test_a_cell_that_cannot_be_read_is_named(model, cell, tmp_path, capsys):
    (tmp_path / "t.csv").write_text(COMMAS.format(cell=cell))
    assert run(["impute", model, str(tmp_path / "t.csv")]) == 2
    said = capsys.readouterr().err.strip().splitlines()[-1]
    assert f"column 'w', row 1 holds '{cell}', which is not written as '5,0 kg' (line 3)" in said
