"""Tables that are too large for memory: the same rows, schema and order as of small ones."""

import datetime
import errno
import io
from dataclasses import replace

import numpy as np
import pyarrow as pa
import pytest
import torch
from pyarrow import csv, feather, parquet

from vaekit.data import Batches, Opening, Representation
from vaekit.data.on_disk import OnDisk
from vaekit.data.readers import mapping
from vaekit.data.readers.columns import taken
from vaekit.data.schema import standing
from vaekit.data.source import random_splits

ROWS = 700
CELLS = Opening(cells="yes")


def mixed(rows=ROWS, seed=0):
    """Columns of every kind, most with gaps."""
    random = np.random.default_rng(seed)
    gap = random.random(rows) < 0.1
    words = np.array(["Rome", "Oslo", "", "=1+1", "a,b"])[random.integers(0, 5, rows)]
    first = datetime.date(2020, 1, 1)
    days = [first + datetime.timedelta(days=int(d)) for d in random.integers(0, 900, rows)]
    return pa.table(
        {
            "number": pa.array(random.normal(size=rows) * 3, mask=gap),
            "whole": random.integers(0, 40, rows),
            "price": np.round(random.gamma(2, 10, rows), 2),
            "word": pa.array(words),
            "truth": random.random(rows) < 0.3,
            "day": pa.array(days, mask=random.random(rows) < 0.05),
            "same": ["x"] * rows,
            "id": np.arange(rows) + 17,
            "text": [f"{seed}-{n:x}" for n in random.permutation(rows)],
            "class": pa.array(words).dictionary_encode(),
        }
    )


WRITERS = {
    ".parquet": lambda table, path: parquet.write_table(table, path, row_group_size=150),
    ".feather": lambda table, path: feather.write_feather(table, path, chunksize=130),
    ".csv": lambda table, path: csv.write_csv(
        pa.table({n: c.cast(pa.string()) if n == "class" else c for n, c in columns(table)}), path
    ),
}


def columns(table):
    return zip(table.column_names, table.columns, strict=True)


@pytest.fixture
def large(monkeypatch):
    """Call it, and every table is large, and read in small parts."""

    def make():
        monkeypatch.setattr(mapping, "LARGE", 0)
        monkeypatch.setattr(mapping, "AT_ONCE", 64)

    return make


@pytest.mark.parametrize("ending", WRITERS)
def test_rows_on_disk_are_those_in_memory(ending, tmp_path, large):
    path = tmp_path / f"people{ending}"
    WRITERS[ending](mixed(), path)
    small = CELLS.open(path)
    large()
    stored = CELLS.open(path)
    assert isinstance(small.values, torch.Tensor)
    assert isinstance(stored.values, OnDisk)
    assert stored.coding == small.coding
    assert stored.values.dtype == small.values.dtype
    assert torch.equal(stored.values[:], small.values)
    assert torch.equal(stored.inside, small.inside)
    assert stored.fingerprint == small.fingerprint
    assert [n for n in stored.notes if "large" not in n] == list(small.notes)
    assert sum("is large" in n and "temporary files" in n for n in stored.notes) == 1
    assert stored.table.columns.keys() == small.table.columns.keys()
    for name in small.table.columns:
        assert stored.table.columns[name].to_pylist() == small.table.columns[name].to_pylist()
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("ending", WRITERS)
def test_rows_of_a_model_are_coded_the_same_on_disk(ending, tmp_path, large):
    """Other rows, with categories and ranges of their own, and columns that are not there."""
    path = tmp_path / f"people{ending}"
    WRITERS[ending](mixed(), path)
    known = replace(CELLS, coding=CELLS.open(path).coding, lenient=True)
    other = mixed(90, 5).drop_columns(["price", "id"])
    words = [*other["word"].to_pylist()[:80], *["Paris"] * 10]
    other = other.set_column(other.column_names.index("word"), "word", pa.array(words))
    WRITERS[ending](other, path)
    small = known.open(path)
    large()
    stored = known.open(path)
    assert torch.equal(stored.values[:], small.values)
    assert torch.equal(stored.inside, small.inside)
    codes = small.values.numpy()[:, len(small.coding.gaps) :]
    apart = small.coding.schema.log_density_inside(small.table, codes)
    assert apart.tolist() == small.inside.tolist()
    assert [n for n in stored.notes if "is large" not in n] == list(small.notes)
    assert any("10 cells hold categories that were never seen" in note for note in stored.notes)


def test_wide_tables_are_read_in_fewer_rows_at_once():
    assert mapping.rows_at_once(12) == mapping.AT_ONCE
    assert mapping.rows_at_once(2_000) == mapping.CELLS_AT_ONCE // 2_000


def test_rows_on_disk_are_drawn_in_the_same_order(tmp_path, large):
    path = tmp_path / "people.parquet"
    WRITERS[".parquet"](mixed(), path)
    small = CELLS.open(path)
    large()
    stored = CELLS.open(path)
    how = Representation(small.shape, "int32", missing=True)
    both = (Batches(s, how, 64, seed=3).from_step(7) for s in (small, stored))
    for _, one, other in zip(range(12), *both, strict=False):
        x, y = one.parts[0].rows.data, other.parts[0].rows.data
        assert torch.equal(x.nan_to_num(-1), y.nan_to_num(-1))


def test_a_cell_that_cannot_be_read_is_named_by_its_row(tmp_path, large):
    path = tmp_path / "people.csv"
    WRITERS[".csv"](mixed(), path)
    known = replace(CELLS, coding=CELLS.open(path).coding)
    lines = path.read_text().splitlines()
    cells = lines[501].split(",")
    cells[1] = "forty"
    lines[501] = ",".join(cells)
    path.write_text("\n".join(lines) + "\n")
    large()
    with pytest.raises(ValueError, match=r"'whole', row 500 holds 'forty'.*line 502"):
        known.open(path)


def test_no_room_for_temporary_files_is_said_in_a_line(tmp_path, large, monkeypatch):
    path = tmp_path / "people.parquet"
    WRITERS[".parquet"](mixed(), path)
    large()
    monkeypatch.setattr("vaekit.system.scratch.place", lambda: str(tmp_path / "gone"))
    with pytest.raises(ValueError, match=r"does not fit into temporary files in .*TMPDIR"):
        CELLS.open(path)


def test_a_full_disk_is_told_from_a_source_that_breaks_off():
    table = mixed()

    def parts():
        yield table.to_batches()[0]
        raise OSError("the drive is gone")

    with pytest.raises(OSError, match=r"^the drive is gone$"):
        mapping.on_disk("people", table.schema, parts())


@pytest.mark.parametrize("step", ["write", "flush"])
def test_a_disk_that_fills_while_rows_are_kept_is_said_in_a_line(step, monkeypatch):
    class Full(io.BytesIO):
        """No room."""

    def refuse(*_):
        raise OSError(errno.ENOSPC, "No space left on device")

    setattr(Full, step, refuse)
    monkeypatch.setattr("tempfile.TemporaryFile", lambda dir: Full())
    with pytest.raises(ValueError, match=r"people does not fit .*No space left.*TMPDIR"):
        mapping.on_disk("people", mixed().schema, mixed().to_batches())


@pytest.mark.parametrize("rows", [[], [3, 3, 8, 199], [150, 2, 199, 2], range(200)])
def test_rows_of_a_column_are_taken_slice_by_slice(rows, monkeypatch):
    monkeypatch.setattr("vaekit.data.readers.columns.AT_ONCE", 64)
    column = pa.chunked_array([[n % 7 or None for n in range(90)], list(range(110))])
    wanted = np.array(rows, np.int64)
    assert taken(column, wanted).to_pylist() == column.take(pa.array(wanted)).to_pylist()


@pytest.fixture
def few(monkeypatch):
    """A column is looked at in few rows."""
    monkeypatch.setattr(standing, "MOST", 256)


@pytest.mark.usefixtures("few")
@pytest.mark.parametrize("ending", [".parquet", ".csv"])
def test_what_columns_are_is_found_in_some_rows(ending, tmp_path):
    """Types and categories are those that all rows have, and counts those of all."""
    path = tmp_path / f"people{ending}"
    table = mixed(4_000)
    rare = ["once" if n == 3_210 else w for n, w in enumerate(table["word"].to_pylist())]
    table = table.set_column(table.column_names.index("word"), "word", pa.array(rare))
    WRITERS[ending](table, path)
    found = CELLS.open(path)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(standing, "MOST", 2**20)
        whole = CELLS.open(path)
    kinds, wanted = ({c.name: c.kind for c in s.coding.schema.columns} for s in (found, whole))
    assert kinds == wanted
    assert found.coding.schema.aside == whole.coding.schema.aside
    assert found.coding.gaps == whole.coding.gaps
    for one, other in zip(found.coding.schema.columns, whole.coding.schema.columns, strict=True):
        assert one.gaps == other.gaps
        assert one.example == other.example
        assert one.coding.rows.sum() == other.coding.rows.sum()
        if one.kind in ("category", "boolean"):
            assert one.coding.to_json() == other.coding.to_json()
    own = found.values[found.splits["train"]].numpy()
    for place, column in enumerate(found.coding.schema.columns, len(found.coding.gaps)):
        counts = np.bincount(own[own[:, place] >= 0, place], minlength=column.coding.count)
        assert counts.tolist() == column.coding.rows.tolist()


@pytest.mark.usefixtures("few")
def test_a_word_that_no_training_row_has_has_no_level(tmp_path):
    """Wherever it stands, and though one that is trained on in a single row has one."""
    path, splits = tmp_path / "words.parquet", random_splits(4_000)
    words = np.array(["a", "b"] * 2_000, object)
    words[int(splits["test"][-1])], words[int(splits["train"][-1])] = "tested", "trained"
    parquet.write_table(pa.table({"w": pa.array(words), "y": np.arange(4_000) % 3}), path)
    levels = CELLS.open(path).coding.schema.columns[0].coding.levels
    assert levels.values.to_pylist() == ["a", "b", "trained"]
    assert levels.never.to_pylist() == ["tested"]


@pytest.mark.usefixtures("few")
def test_a_word_among_very_many_numbers_is_found_wherever_it_stands(tmp_path):
    path = tmp_path / "numbers.csv"
    cells = [f"{n / 7:.6f}" for n in range(3_000)]
    cells[2_345] = "none yet"
    path.write_text("x,y\n" + "".join(f"{c},{n % 3}\n" for n, c in enumerate(cells)))
    found = CELLS.open(path)
    assert {c.name: c.kind for c in found.coding.schema.columns} == {"x": "number", "y": "whole"}
    assert sum("none yet" in note for note in found.notes) == 1


@pytest.mark.usefixtures("few")
def test_the_whole_range_of_whole_numbers_tells_that_they_number_the_rows(tmp_path):
    path = tmp_path / "numbered.parquet"
    order = np.random.default_rng(0).permutation(3_000)
    parquet.write_table(pa.table({"n": order, "y": order % 3}), path)
    (aside,) = CELLS.open(path).coding.schema.aside
    assert (aside.name, aside.why) == ("n", "it numbers the rows")


@pytest.mark.parametrize("ending", [".csv", ".feather"])
@pytest.mark.parametrize("kind", ["whole", "fractions", "wide"])
def test_rows_of_numbers_on_disk_are_those_in_memory(ending, kind, tmp_path, large, monkeypatch):
    random, path = np.random.default_rng(0), tmp_path / f"numbers{ending}"
    x = random.integers(-5, 90, ROWS)
    y = {"whole": x * 3, "fractions": x / 4, "wide": 1.7e9 + random.random(ROWS)}[kind]
    WRITERS[ending](pa.table({"x": x, "y": y, "label": x % 3}), path)
    how = Opening(label="label", cells="auto")
    small = how.open(path)
    large()
    kept, keep = [], mapping.on_disk
    for place in ("mapping", "text"):
        name = f"vaekit.data.readers.{place}.on_disk"
        monkeypatch.setattr(name, lambda *a: kept.append(a) or keep(*a))
    stored = how.open(path)
    assert len(kept) == 1
    assert isinstance(stored.values, OnDisk)
    assert stored.coding is None
    assert stored.values.dtype == small.values.dtype
    assert torch.equal(stored.values[:], small.values)
    assert torch.equal(stored.labels, small.labels)
    assert (stored.types, stored.columns) == (small.types, small.columns)
    assert stored.fingerprint == small.fingerprint


def test_some_rows_and_columns_of_a_table_on_disk_are_those_in_memory(tmp_path, large):
    """They are drawn in the same order, and have the same hash."""
    path, random = tmp_path / "numbers.feather", np.random.default_rng(0)
    table = pa.table({name: random.normal(size=ROWS) for name in "abc"})
    WRITERS[".feather"](table, path)
    how, rows = Opening(cells="auto"), torch.arange(ROWS - 1, 40, -2)
    small = how.open(path)
    large()
    stored = how.open(path)
    assert isinstance(stored.values, OnDisk)
    for view in (lambda s: s.take(rows), lambda s: s.with_columns(["c", "a"]), lambda s: s):
        one, other = view(small), view(stored)
        assert one.fingerprint == other.fingerprint
        batches = Batches(one, Representation(one.shape, "float32"), 64, seed=3)
        both = batches.order(2), replace(batches, source=other).order(2)
        assert torch.equal(*both)
        assert torch.equal(*(v[both[0]] for v in (one.values, other.values)))


def test_a_gap_among_very_many_numbers_is_named(tmp_path, large):
    path = tmp_path / "numbers.csv"
    path.write_text("x,y\n" + "".join(f"{n},{'' if n == 432 else n % 7}\n" for n in range(ROWS)))
    large()
    with pytest.raises(ValueError, match=r"1 values are missing .* row 432, column 'y'"):
        Opening().open(path)


@pytest.mark.parametrize("roles", [{"label": "x"}, {"given": ("x",)}])
@pytest.mark.parametrize("is_large", [False, True])
def test_a_table_of_nothing_but_labels_is_refused(roles, is_large, tmp_path, large):
    path = tmp_path / "labels.csv"
    path.write_text("x\n" + "".join(f"{n % 3}\n" for n in range(ROWS)))
    if is_large:
        large()
    with pytest.raises(ValueError, match=r"labels.csv has no columns of numbers"):
        Opening(cells="auto", **roles).open(path)
