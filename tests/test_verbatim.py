"""Cells without loss: columns as bytes, values counted off inside their levels, how texts are
written."""

import datetime
import decimal

import numpy as np
import pyarrow as pa
import pytest

from vaekit.codec.ans import Stack
from vaekit.codec.within import Even, Ragged, Within, pop_below, push_below
from vaekit.data.readers.dialect import Dialect
from vaekit.data.readers.frames import table_of
from vaekit.data.readers.rewriting import TextForm, form_of
from vaekit.data.readers.text import read_text
from vaekit.data.schema import infer
from vaekit.data.schema.cells import Cells
from vaekit.data.schema.inside import floats, numbered
from vaekit.data.schema.texts import SHORT, Texts
from vaekit.data.verbatim import check_of, from_bytes, same, to_bytes
from vaekit.runs.archive import DAMAGE
from vaekit.runs.literals import Literal, packed, unpacked
from vaekit.system.checks import BadInput
from vaekit.system.records import Part

RANDOM = np.random.default_rng(0)
TODAY = datetime.datetime(2024, 2, 29, 12, 30)
COLUMNS = {
    "text": pa.array(["a", "b\\n", "c\nd", None, "", "\\0", "é"]),
    "text view": pa.array(["a", None], pa.string_view()),
    "whole numbers in text": pa.array(["10", "-11", "120"]),
    "text that is nearly numbers": pa.array(["-0", "007", "1"]),
    "int8": pa.array([-3, None, 127], pa.int8()),
    "uint64": pa.array([2**64 - 1, 0, None], pa.uint64()),
    "float64": pa.array([1.5, None, float("nan"), -0.0, 5e-324]),
    "float32": pa.array([1.5, None], pa.float32()),
    "float16": pa.array([np.float16(1.5), None], pa.float16()),
    "boolean": pa.array([True, None, False]),
    "decimal": pa.array([decimal.Decimal("1.50"), None]),
    "timestamp": pa.array([TODAY, None], pa.timestamp("ns", tz="UTC")),
    "date": pa.array([TODAY.date(), None]),
    "time": pa.array([1, None], pa.time32("s")),
    "list": pa.array([[1, 2], None, []]),
    "bytes": pa.array([b"a", None]),
    "nothing": pa.nulls(3),
    "no rows": pa.array([], pa.string()),
}


@pytest.mark.parametrize("name", COLUMNS)
def test_columns_of_every_type_come_back(name):
    column = COLUMNS[name]
    for one in (column, pa.chunked_array([column, column])):
        back = from_bytes(to_bytes(one), column.type, len(one))
        assert back.type == column.type
        assert str(back.to_pylist()) == str(one.to_pylist())
        assert check_of(pa.table({"x": back})) == check_of(pa.table({"x": one}))


def test_another_value_has_another_check():
    checks = [check_of(pa.table({"x": column})) for column in COLUMNS.values()]
    changed = [pa.array([0.0]), pa.array([-0.0]), pa.array([None], pa.float64())]
    checks += [check_of(pa.table({"x": column})) for column in changed]
    assert len(set(checks)) == len(checks)


def test_same_is_of_bits():
    one = pa.array([0.0, -0.0, float("nan"), None, 1.0])
    other = pa.array([-0.0, -0.0, float("nan"), 0.0, 1.0])
    assert same(one, other).tolist() == [False, True, True, False, True]
    assert same(pa.array(["a", None, "b"]), pa.array(["a", "", "c"])).tolist() == [1, 0, 0]


@pytest.mark.parametrize(
    "raw", [b"", b"\x09", b"\x00a\nb", b"\x01\x00\x01", b"\x04xx", b"\x03\x01"]
)
def test_damaged_columns_are_refused(raw):
    with pytest.raises(BadInput, match="damaged"):
        from_bytes(raw, pa.int64(), 3)


def test_floating_point_numbers_are_counted_in_their_order():
    x = np.array([-np.inf, -1e30, -1.5, -5e-324, -0.0, 0.0, 5e-324, 1.0, 3e38, np.inf])
    number = numbered(x, single=False)
    assert (np.diff(number) > 0).all()
    assert number[4:6].tolist() == [-1, 0]
    assert floats(number, single=False).tobytes() == x.tobytes()
    single = x.astype(np.float32)
    assert (np.diff(numbered(x, single=True)) >= 0).all()
    assert floats(numbered(x, single=True), single=True).tobytes() == single.astype(float).tobytes()


def people(rows):
    whole = RANDOM.integers(0, 5000, rows)
    return pa.table(
        {
            "whole": whole, "real": RANDOM.normal(size=rows),
            "skewed": np.exp(3 * RANDOM.normal(size=rows)).astype(np.float32),
            "zeros": np.where(RANDOM.random(rows) < 0.3, 0, RANDOM.normal(size=rows) * 1e5),
            "cents": np.round(RANDOM.normal(size=rows) * 100, 2),
            "kind": RANDOM.choice(list("abc"), rows), "name": [f"n{k % 1400}" for k in whole],
            "day": pa.array(whole.astype("int32")).cast(pa.date32()),
        }
    )  # fmt: skip


def test_values_inside_levels_come_back_at_the_cost_of_their_density():
    """Of real numbers, which have no probability, at that of their density times the spacing of
    floating-point numbers."""
    frame, stack, pushed = people(2000), Stack.new(8), []
    table = table_of(frame, "people")
    schema = infer(table)
    codes = schema.codes(table).astype(np.int64)
    for j, column in enumerate(schema.columns):
        cells = column.cells(Cells.of(table, column.name))
        pieces = column.coding.pieces
        piece, place = column.coding.inside(cells, codes[:, j])
        within = Within.of(pieces.first, pieces.weight, pieces.size, far=pieces.far)
        before = stack.size
        within.push(stack, codes[:, j], piece, place)
        bits = 32 * (stack.size - before)
        pushed.append((within, codes[:, j], piece, place))
        back = column.coding.held(piece, place)
        there = pieces.size[piece] > 0
        assert 0.99 < there.mean() < (2 if column.kind == "category" else 1)
        there |= pieces.far
        wanted = frame[column.name].combine_chunks().filter(pa.array(there))
        assert back.filter(pa.array(there)).equals(wanted.cast(back.type))
        density = -column.coding.log_density(cells)
        if column.name in ("real", "skewed", "zeros"):
            gap = np.spacing(np.abs(frame[column.name].to_numpy())).astype(float)
            certain = pieces.size[piece] == 1
            density -= np.where(certain, 0, np.log(gap))
        assert bits == pytest.approx(density[there].sum() / np.log(2), rel=0.02, abs=300)
    for within, levels, piece, place in reversed(pushed):
        back = within.pop(stack, levels)
        assert (back[0] == piece).all()
        assert (back[1] == place).all()
    assert stack.size == 0


def test_numbers_below_others_come_back():
    size = np.array([2, 3, 5, 2**16, 2**16 + 1, 10**9 + 7, 2**63 - 1] * 20)
    numbers = (RANDOM.random(len(size)) * size).astype(np.int64)
    numbers[:7], numbers[7:14] = 0, size[:7] - 1
    stack = Stack.new(4)
    push_below(stack, numbers, size)
    assert 32 * stack.size < np.log2(size.astype(float)).sum() + 32
    assert (pop_below(stack, size) == numbers).all()
    assert Even(np.array([3])).find(slice(0, 1), np.array([2**24 - 1], np.uint64))[0] == [2]


def test_tables_of_different_lengths_cover_the_unit():
    tables = Ragged.of(np.array([0, 1, 4]), np.array([0.0, 1.0, 0.0, 3.0]))
    assert tables.ends.tolist() == [2**24, (2**24 - 3) // 4 + 1, (2**24 - 3) // 4 + 2, 2**24]
    symbols = tables.symbols(np.array([0, 1, 1, 1]))
    covered = np.array([5, 0, 2**22, 2**24 - 1], np.uint64)
    found, (start, size) = symbols.find(slice(0, 4), covered)
    assert found.tolist() == [0, 1, 2, 3]
    assert (start <= covered).all()
    assert (covered < start + size).all()


@pytest.mark.parametrize(
    ("texts", "values", "wanted"),
    [
        (Texts(), pa.array([5.0, 5.5, None, 1e-5]), ["5", "5.5", "", "1e-05"]),
        (Texts(places=2, gap="?"), pa.array([5.0, None]), ["5.00", "?"]),
        (Texts(places=-2), pa.array([5.0]), ["5.0"]),
        (Texts(places=1, decimal=",", thousands="."), pa.array([1234.5]), ["1.234,5"]),
        (Texts(before=" ", after="  "), pa.array(["a"]), [" a  "]),
        (Texts(levels={0: "TRUE"}), pa.array([True]), ["TRUE"]),
    ],
)
def test_values_are_written_as_they_were(texts, values, wanted):
    codes = np.array([-1 if value is None else 0 for value in values.to_pylist()])
    assert texts.of(values, codes).to_pylist() == wanted
    assert Texts.from_json(Part(texts.to_json(), "texts")) == texts


def test_texts_that_cannot_be_are_refused():
    for found in ({"places": 99}, {"gap": 3}, {"levels": {"x": "a"}}, {"other": 1}):
        with pytest.raises(BadInput):
            Texts.from_json(Part(found, "texts"))
    assert Texts().places == SHORT


FILES = {
    "plain": b"a,b\n1,x\n2,y\n",
    "Windows": b"a;b\r\n1;x\r\n2;y\r\n",
    "no end": b"a,b\n1,x\n2,y",
    "all quoted": b'"a","b"\n"1","x"\n"2","y, z"\n',
    "quoted where it has to be": b'a,b\n1,"x\ny"\n2,"say ""no"""\n',
    "a mark before it": b"\xef\xbb\xbfa,b\n1,x\n",
    "no header": b"1,x\n2,y\n3,x\n",
    "cp1252": "a,b\n1,é\n2,ö\n".encode("cp1252"),
}


@pytest.mark.parametrize("name", FILES)
def test_text_is_written_again_byte_by_byte(name, tmp_path):
    path = tmp_path / "t.csv"
    path.write_bytes(FILES[name])
    text = read_text(path, Dialect(header=name != "no header"))
    table = text.cells.rename_columns([*text.layout.names])
    form, size = form_of(path, table, text.layout.dialect)
    assert form.same
    assert size == len(FILES[name])
    assert form.written(table) == FILES[name]
    assert TextForm.from_json(Part(form.to_json(), "text")) == form


def test_text_that_cannot_be_written_again_is_known(tmp_path):
    path = tmp_path / "t.csv"
    path.write_bytes(b'a,b\n"1",x\n2,y\n')
    text = read_text(path)
    form, size = form_of(path, text.cells.rename_columns(["a", "b"]), text.layout.dialect)
    assert not form.same
    assert not size


def test_literal_cells_come_back_and_cost_little():
    values = pa.array([f"user-{i * 7919 % 10007}" for i in range(3000)])
    some = Literal(pa.array([1.5, None]), np.array([3, 2999]))
    raw = packed({0: Literal(values), 2: some})
    assert len(raw) < 3000 * 3
    found = unpacked(raw, [pa.string(), pa.int64(), pa.float64()], 3000)
    assert found[0].values.equals(values)
    assert found[2].rows.tolist() == [3, 2999]
    over = found[2].over(pa.array(np.zeros(3000)), 3000)
    assert over.take([2, 3, 2999]).to_pylist() == [0.0, 1.5, None]


@pytest.mark.parametrize("cut", [1, 10, 17, 30])
def test_damaged_literal_cells_are_refused(cut):
    raw = packed({0: Literal(pa.array(["a", "b"]))})
    with pytest.raises((BadInput, *DAMAGE)):
        unpacked(raw[:-cut], [pa.string()], 2)
    with pytest.raises(BadInput):
        unpacked(raw, [pa.string()], 1)
