"""Lossless means lossless: every kind of file comes back as the plain library reads it, with its
type, shape and layout, or is refused with nothing written."""

import json
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from pyarrow import csv, feather, parquet

import vaekit
from vaekit.interfaces.cli import run
from vaekit.runs import originals
from vaekit.runs.archive import Archive
from vaekit.runs.compression import compress
from vaekit.runs.originals import compress_file
from vaekit.system.checks import BadInput

ROWS = 24
RANDOM = np.random.default_rng(0)
COUNTS = RANDOM.poisson(5, (ROWS, 4))
BYTES = RANDOM.integers(0, 256, (ROWS, 4, 5, 3)).astype("uint8")
REAL = RANDOM.normal(size=(ROWS, 4))
ODD = REAL.copy()
ODD[0] = [np.nan, -0.0, np.inf, 5e-324]
HUGE = (COUNTS.astype("uint64") << 58) + 1
SERIES = RANDOM.poisson(3, (ROWS, 6, 2))

ARRAYS = {
    "uint16": COUNTS.astype("uint16"),
    "int8": COUNTS.astype("int8") - 4,
    "int64": COUNTS,
    "int64 beyond int32": COUNTS + 2**40,
    "uint64 beyond int64": HUGE,
    "float64 whole beyond float32": COUNTS + 2.0**24,
    "float64 of fractions": REAL,
    "float64 of odd values": ODD,
    "float64 beyond float32": REAL * 1e300,
    "float32": REAL.astype("float32"),
    "float16": REAL.astype("float16"),
    "big-endian float64": REAL.astype(">f8"),
    "big-endian int32": COUNTS.astype(">i4"),
    "Fortran order": np.asfortranarray(COUNTS),
    "booleans": COUNTS > 5,
    "channels last": BYTES,
    "channels last in Fortran order": np.asfortranarray(BYTES),
    "channels first": np.ascontiguousarray(np.moveaxis(BYTES, 3, 1)),
    "grey": BYTES[..., 0].copy(),
    "grey with an axis of channels": BYTES[:, None, :, :, 0].copy(),
    "grey fractions": BYTES[..., 0] / 255.0,
    "series": SERIES,
    "series of fractions in Fortran order": np.asfortranarray(SERIES / 7),
}

COLUMNS = {name: COUNTS[:, i] for i, name in enumerate("abcd")}
TABLES = {
    "whole numbers of one type": {n: v.astype("int16") for n, v in COLUMNS.items()},
    "whole numbers of several types": {
        "a": COUNTS[:, 0].astype("uint8"), "b": COUNTS[:, 1] + 2**53 + 1,
        "c": COUNTS[:, 2] > 4, "d": COUNTS[:, 3].astype("int32"),
    },
    "fractions beside whole numbers": {**COLUMNS, "b": REAL[:, 1], "c": REAL[:, 2].astype("f4")},
    "whole numbers in float64": {n: v.astype("f8") + 2**24 for n, v in COLUMNS.items()},
    "odd fractions": dict(zip("abcd", ODD.T, strict=True)),
    "columns in another order": {n: COLUMNS[n] for n in "dbca"},
    "more columns than the model has": {"id": COUNTS[:, 0], **COLUMNS},
}  # fmt: skip


@pytest.fixture(scope="module")
def models(tmp_path_factory):
    """A model for rows of each shape, in its folder."""
    place, how = tmp_path_factory.mktemp("models"), {"latent": 1, "epochs": 1, "width": 4}
    frame = __import__("pandas").DataFrame(COLUMNS)
    trained = {
        (4,): (frame, "negative_binomial"),
        (4, 5): (BYTES[..., 0], "logistic_mixture"),
        (4, 5, 3): (BYTES, "logistic_mixture"),
        (6, 2): (SERIES, "negative_binomial"),
    }
    for number, (data, likelihood) in enumerate(trained.values()):
        vaekit.fit(data, out=place / str(number), likelihood=likelihood, **how)
    return {shape: str(place / str(number)) for number, shape in enumerate(trained)}


def model_for(models, array):
    shape = {(3, 4, 5): (4, 5, 3), (1, 4, 5): (4, 5)}.get(array.shape[1:], array.shape[1:])
    return models[shape]


def assert_same(found, wanted):
    assert (found.dtype, found.shape) == (wanted.dtype, wanted.shape)
    assert found.flags.f_contiguous == wanted.flags.f_contiguous
    assert found.tobytes() == wanted.tobytes()


def there_and_back(model, path, back):
    """The command line's two commands, and what they say."""
    assert run(["compress", model, str(path), "-o", "a.vk", "--threads", "1"]) == 0
    assert run(["decompress", "a.vk", model, "-o", back, "--threads", "1"]) == 0


@pytest.mark.parametrize("kind", ARRAYS)
def test_arrays_come_back_exactly(models, kind, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    array = ARRAYS[kind]
    np.save("a.npy", array)
    there_and_back(model_for(models, array), "a.npy", "b.npy")
    assert_same(np.load("b.npy"), np.load("a.npy"))
    assert Path("b.npy").read_bytes() == Path("a.npy").read_bytes()


@pytest.mark.parametrize("kind", ["uint16", "float64 of odd values", "channels last", "series"])
@pytest.mark.parametrize("save", [np.savez, np.savez_compressed], ids=["stored", "deflated"])
def test_arrays_of_an_archive_come_back_exactly(models, kind, save, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    array, labels = ARRAYS[kind], np.arange(ROWS)
    save("a.npz", x=array, y=labels)
    there_and_back(model_for(models, array), "a.npz", "b.npz")
    with np.load("b.npz") as found:
        assert found.files == ["x"]
        assert_same(found["x"], array)
    assert "note: y of a.npz will not come back: a.vk keeps" in capsys.readouterr().err
    assert run(["decompress", "a.vk", model_for(models, array)]) == 0
    assert_same(np.load("a.npy"), array)


def test_published_halves_come_back_apart(models, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    np.savez("a.npz", x_train=COUNTS[:20], x_test=COUNTS[20:], y_train=COUNTS[:20, 0])
    there_and_back(models[(4,)], "a.npz", "b.npz")
    with np.load("b.npz") as found:
        assert_same(found["x_train"], COUNTS[:20])
        assert_same(found["x_test"], COUNTS[20:])


def test_shards_come_back_one_after_the_other(models, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("shards").mkdir()
    for number, part in enumerate(np.split(COUNTS.astype(">u2"), 3)):
        np.save(f"shards/{number}.npy", part)
    there_and_back(models[(4,)], "shards", "b.npy")
    assert_same(np.load("b.npy"), COUNTS.astype(">u2"))


@pytest.mark.parametrize("kind", TABLES)
def test_tables_come_back_exactly(models, kind, tmp_path, monkeypatch, capsys):
    """By default as Parquet, with names and types; also as text, in which the numbers are."""
    monkeypatch.chdir(tmp_path)
    table = pa.table(TABLES[kind])
    parquet.write_table(table, "a.parquet")
    there_and_back(models[(4,)], "a.parquet", "b.parquet")
    left_out = [name for name in table.column_names if name not in COLUMNS]
    wanted, found = table.drop_columns(left_out), parquet.read_table("b.parquet")
    assert found.schema.remove_metadata() == wanted.schema
    for name in wanted.column_names:
        assert_same(found[name].to_numpy(), wanted[name].to_numpy())
    assert bool(left_out) == ("id of a.parquet will not come back" in capsys.readouterr().err)
    assert run(["decompress", "a.vk", models[(4,)], "-o", "b.csv"]) == 0
    text = csv.read_csv("b.csv", convert_options=csv.ConvertOptions(null_values=[]))
    for name in wanted.column_names:
        column = text[name].to_numpy()
        assert_same(column.astype(wanted[name].to_numpy().dtype), wanted[name].to_numpy())
    assert run(["decompress", "a.vk", models[(4,)], "-o", "b.npy"]) == 0
    for place, name in enumerate(wanted.column_names):
        assert np.array_equal(np.load("b.npy")[:, place], wanted[name].to_numpy(), equal_nan=True)


def test_text_comes_back_as_the_numbers_it_stood_for(models, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    lines = ["d,a,b,c", "1,2,0.1,-0.0", "3,4,2.50,1e-300", *["5,6,7,8"] * 10]
    Path("a.csv").write_text("\n".join(lines))
    assert run(["compress", models[(4,)], "a.csv"]) == 0
    Path("a.csv").rename("was.csv")
    assert run(["decompress", "a.vk", models[(4,)]]) == 0
    assert csv.read_csv("a.csv").equals(csv.read_csv("was.csv"))
    assert Path("a.csv").read_text().startswith("d,a,b,c\n1,2,0.1,-0.0\n")


DIALECTS = {
    "a.tsv": ("utf-8", "d\ta\tb\tc\n", "{d}\t{a}\t{b}\t{c}\n", str),
    "a.txt": ("utf-16", "a;b;c;d\n", "{a};{b};{c};{d}\n", lambda v: str(v).replace(".", ",")),
    "a.csv": ("latin-1", ",x\u00f6,a,b,c,d\n", "{i},word,{a},{b},{c},{d}\n", str),
}


@pytest.mark.parametrize("name", DIALECTS)
def test_text_of_any_dialect_comes_back_as_its_numbers(models, name, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    encoding, header, line, number = DIALECTS[name]
    rows = [dict(zip("abcd", row, strict=True)) for row in REAL[:, :4].tolist()]
    text = "".join(
        line.format(i=i, **{n: number(v) for n, v in r.items()}) for i, r in enumerate(rows)
    )
    Path(name).write_bytes((header + text).encode(encoding))
    assert run(["compress", models[(4,)], name]) == 0
    assert ("x\u00f6" in capsys.readouterr().err) == ("x\u00f6" in header)
    assert run(["decompress", "a.vk", models[(4,)], "-o", "b.csv"]) == 0
    found = csv.read_csv("b.csv")
    assert found.column_names == [
        n
        for n in header.strip().replace("\t", ",").replace(";", ",").split(",")
        if n in "abcd" and n
    ]
    for place, column in enumerate("abcd"):
        assert_same(found[column].to_numpy(), np.ascontiguousarray(REAL[:, place]))


def test_feather_comes_back_as_feather(models, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    feather.write_feather(pa.table(COLUMNS), "a.feather")
    there_and_back(models[(4,)], "a.feather", "b.feather")
    assert feather.read_table("b.feather").equals(pa.table(COLUMNS))


def test_a_split_and_a_range_are_the_files_own_rows(models, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    np.save("a.npy", COUNTS.astype("uint16"))
    assert run(["compress", models[(4,)], "a.npy", "--split", "test"]) == 0
    test = vaekit.open_source("a.npy").indices("test").numpy()
    assert_same(Archive("a.vk", vaekit.load(models[(4,)])).read(), COUNTS.astype("uint16")[test])
    parquet.write_table(pa.table(COLUMNS), "a.parquet")
    assert run(["compress", models[(4,)], "a.parquet", "--force"]) == 0
    assert run(["decompress", "a.vk", models[(4,)], "--range", "3:8"]) == 0
    assert parquet.read_table("a.parquet").equals(pa.table(COLUMNS))  # left alone
    assert parquet.read_table("a-restored.parquet").equals(pa.table(COLUMNS).slice(3, 5))


REFUSED = {
    "complex numbers": (lambda: np.save("a.npy", COUNTS + 1j), "complex"),
    "words": (lambda: np.save("a.npy", COUNTS.astype(str)), "<U"),
    "rows of another shape": (lambda: np.save("a.npy", COUNTS[:, :3]), "rows of 4"),
    "no rows": (lambda: np.save("a.npy", COUNTS[:0]), "no rows"),
    "a single number": (lambda: np.save("a.npy", COUNTS[0, 0]), "single number"),
    "shards of two types": (
        lambda: np.savez("a.npz", x_train=COUNTS, x_test=COUNTS.astype("i2")),
        "different types",
    ),
    "whole numbers that float64 rounds": (
        lambda: _table({**COLUMNS, "a": COUNTS[:, 0] + 2**53 + 1, "b": REAL[:, 0]}),
        "'a' holds whole numbers beyond 2^53",
    ),
    "empty cells": (
        lambda: _table({**COLUMNS, "c": [None, *COUNTS[1:, 2].tolist()]}),
        "'c' has 1 empty cells",
    ),
    "a column of words": (
        lambda: _table({**COLUMNS, "d": ["x"] * ROWS}),
        "column 'd', row 0 holds 'x', which is not a number",
    ),
    "text that is rounded when read": (
        lambda: Path("a.csv").write_text("a,b,c,d\n" + "1,2,3,98765432109876543210\n" * 12),
        "'d' holds more digits than a number keeps",
    ),
    "fractions that are rounded when read": (
        lambda: Path("a.csv").write_text("a,b,c,d\n" + "1,2,3,0.1234567890123456789\n" * 12),
        "'d' holds 19 digits, of which a number keeps 17",
    ),
}


def _table(columns):
    parquet.write_table(pa.table(columns), "a.parquet")


@pytest.mark.parametrize("kind", REFUSED)
def test_what_cannot_come_back_is_refused_before_anything_is_written(
    models, kind, tmp_path, monkeypatch, capsys
):
    monkeypatch.chdir(tmp_path)
    make, message = REFUSED[kind]
    make()
    before = sorted(Path().iterdir())
    assert run(["compress", models[(4,)], str(before[0]), "-o", "b.vk"]) == 2
    said = capsys.readouterr().err.strip()
    assert message in said
    assert "\n" not in said
    assert sorted(Path().iterdir()) == before


def test_the_check_reads_the_file_itself(models, tmp_path, monkeypatch):
    """Rows that were rounded before they were coded are found out, though they decode."""
    monkeypatch.chdir(tmp_path)
    rows = COUNTS + 2.0**24 + 1
    np.save("a.npy", rows)
    real = originals.original

    def rounded(*how):
        found = real(*how)
        rows = found.rows.astype("float32").astype("float64")
        return __import__("dataclasses").replace(found, rows=rows)

    monkeypatch.setattr(originals, "original", rounded)
    model = vaekit.load(models[(4,)])
    with pytest.raises(BadInput, match=r"rows 0:24 of a\.npy would not come back"):
        compress_file(model, "a.npy", Path("a.vk"))
    assert not Path("a.vk").exists()
    compress_file(model, "a.npy", Path("a.vk"), verify=False)
    assert not np.array_equal(Archive("a.vk", model).read(), rows)


def test_a_cube_of_channels_comes_back_as_it_lay(tmp_path):
    """Shapes alone do not say where the channels of 4 x 4 x 4 are: the file does."""
    cube = RANDOM.integers(0, 9, (20, 4, 4, 4)).astype("uint8")
    how = {"latent": 1, "epochs": 1, "width": 4, "likelihood": "logistic_mixture"}
    for channels in ("first", "last"):
        model = vaekit.fit(cube, channels=channels, **how)
        compress(model, cube, tmp_path / "a.vk")
        archive = Archive(tmp_path / "a.vk", model)
        assert archive.layout.axes == channels
        assert_same(archive.read(), cube)


@pytest.mark.parametrize(
    "damage",
    [{"columns": 3}, {"columns": [["a", "object?"]]}, {"ending": ".exe"}, {"order": [7]}, 5],
    ids=str,
)
def test_a_header_that_makes_no_sense_is_refused(damage):
    with pytest.raises(BadInput, match="header makes no sense"):
        originals.Form.of(json.loads(json.dumps({"original": damage})))
