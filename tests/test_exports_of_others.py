"""Tables as banks and spreadsheets export them: titles above the header, money with its sign."""

import pyarrow as pa
import pytest

from vaekit.data.readers.dialect import Dialect
from vaekit.data.readers.frames import table_of
from vaekit.data.readers.looking import look
from vaekit.data.readers.titles import titles
from vaekit.data.schema import infer
from vaekit.data.schema.cells import Cells

HEAD = "Tag;Wer;Betrag;Notiz"
ROWS = [
    f"{d:02d}.03.2024;Miete;{s}1.{d:03d},50 €;" for d, s in zip(range(1, 9), "+-" * 4, strict=True)
]
NAMES = ("Tag", "Wer", "Betrag", "Notiz")


@pytest.mark.parametrize(
    "above", [["Auszug;;;", "Konto:;DE12;;", ""], ["Auszug", "Konto: DE12", ""], ["Auszug;;;"], []]
)
def test_the_header_is_found_below_titles(above):
    found = look("\n".join([*above, HEAD, *ROWS]) + "\n", Dialect())
    assert (found.names, found.lines) == (NAMES, len(above) + 1)
    assert found.dialect.separator == ";"
    assert found.dialect.decimal == ","
    assert any("titles above" in words for words, _ in found.said) == bool(above)


def test_a_header_that_is_asked_for_is_the_first_line():
    text = "\n".join(["Auszug;;;", HEAD, *ROWS]) + "\n"
    assert look(text, Dialect(header=True)).lines == 1


@pytest.mark.parametrize(
    "records",
    [
        [["a", "", "", ""], ["b", "c", "d", "e"], ["f", "g", "h", "i"]],  # words alone
        [["a", "", "", ""], ["1", "2", "3", "4"], ["5", "6", "7", "8"]],  # no second header
        [["", "", "", "x"], ["b", "c", "d", "e"], ["1", "2", "3", "4"]],
        [["a", ""], ["b", "c"], ["1", "2"]],
        [["a", "b", "c"], ["1", "2", "3"]],
    ],
)
def test_what_is_no_title(records):
    assert titles(records) == 0


@pytest.mark.parametrize(
    ("cells", "decimal"),
    [
        (["1.234,50 €", "-2,00 €"], ","),
        (["$1,234.50", "$2.00"], "."),
        (["12,5 kg", "3 kg"], ","),
        (["12.5 kg", "1,250 kg"], "."),
        (["1,250 kg", "3 kg"], "."),  # a thousand and a quarter of it
        (["1.250 kg", "3 kg"], "."),
        (["12,5 kg", "12.5 kg"], "."),  # no way fits both
        (["12,5 kg", ""], ","),
        (["12,5 kg", "see note 5"], "."),
    ],
)
def test_decimals_of_numbers_with_units(cells, decimal):
    text = "a;b\n" + "".join(f"x{i};{cell}\n" for i, cell in enumerate(cells * 4))
    assert look(text, Dialect()).dialect.decimal == decimal


def test_a_plain_point_outweighs_units():
    text = "a;b\n" + "0.5;12,5 kg\n" * 4
    assert look(text, Dialect()).dialect.decimal == "."


@pytest.mark.parametrize(
    ("written", "asked", "seconds"),
    [
        ("2024-03-31T{:02d}:15:00+01:00", "2024-03-31", 1_711_843_200),
        ("2024-03-31T{:02d}:15:00+01:00", "2024-03-31T02:00:00+02:00", 1_711_843_200),
        ("31.03.2024 {:02d}:15", "31.03.2024", 1_711_843_200),
    ],
)
def test_moments_are_compared_with_a_day_alone(written, asked, seconds):
    frame = pa.table({"at": [written.format(i % 24) for i in range(60)]})
    column = infer(table_of(frame, "log")).columns[0]
    one = Cells.of(table_of(pa.table({"at": [asked]}), "asked"), "at")
    form = column.coding.form
    assert form.bound(one) == seconds * form.spelling.second
