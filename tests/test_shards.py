"""Compressed shards and tables on disk: the same rows, labels and models as when read whole."""

import json
import weakref
from contextlib import nullcontext
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import torch

from vaekit.data import Batches, Representation, facts, open_source
from vaekit.data.on_disk import Decoded, OnDisk, Shards
from vaekit.data.readers import npy as npz
from vaekit.data.readers.parquet import read_parquet
from vaekit.interfaces.cli import run
from vaekit.runs.fit import fit, resume
from vaekit.runs.run import Interrupted
from vaekit.system.checks import BadInput

ROWS = np.random.default_rng(0).integers(0, 256, (300, 6, 6)).astype(np.uint8)
CLASSES = np.array(list("abc") * 100)
CUTS = [1, 40, 41, 100, 160, 161, 200, 250, 290]
CELLS = np.random.default_rng(1).normal(size=(300, 4))
PLAN = {"latent": 2, "width": 8, "epochs": 3, "network": "dense", "batch": 16}


@pytest.fixture
def large(monkeypatch):
    """What makes everything large."""
    return lambda: monkeypatch.setattr("vaekit.data.on_disk.LARGEST_IN_MEMORY", 0)


def archives(folder, save=np.savez_compressed):
    folder.mkdir()
    parts = zip(np.array_split(ROWS, CUTS), np.array_split(CLASSES, CUTS), strict=True)
    for number, (x, y) in enumerate(parts):
        save(folder / f"{number:02}.npz", x=x, y=y)
    return folder


def table(cells, start=0):
    names = {f"c{i}": cells[:, i] for i in range(cells.shape[1])}
    return pa.table({**names, "kind": CLASSES[start : start + len(cells)]})


def parquet(folder, cells=CELLS):
    folder.mkdir()
    for number, start in enumerate(range(0, len(cells), 100)):
        part = table(cells[start : start + 100], start)
        pq.write_table(part, folder / f"{number}.parquet", row_group_size=30)
    return folder


def alternating(path, **arrays):
    """One shard as it is, the next one compressed."""
    save = np.savez if int(path.stem) % 2 else np.savez_compressed
    save(path, **arrays)


MAKERS = {
    "compressed": lambda place: archives(place / "shards"),
    "as they are": lambda place: archives(place / "shards", np.savez),
    "mixed": lambda place: archives(place / "shards", alternating),
    "tables": lambda place: parquet(place / "shards"),
    "whole tables": lambda place: parquet(place / "shards", (CELLS * 9).round()),
    "one table": lambda place: parquet(place / "shards") / "1.parquet",
    "one archive": lambda place: archives(place / "shards") / "03.npz",
}


@pytest.fixture(params=MAKERS)
def place(request, tmp_path):
    return str(MAKERS[request.param](tmp_path))


def opened(place):
    """A source; the column of tables that is no data is its label."""
    is_table = place.endswith(".parquet") or any(Path(place).glob("*.parquet"))
    return open_source(place, label="kind" if is_table else None)


def test_disk_and_memory_agree(place, large):
    whole = opened(place)
    assert isinstance(whole.values, torch.Tensor)
    large()
    lazy = opened(place)
    assert isinstance(lazy.values, OnDisk)
    assert lazy.values.dtype == whole.values.dtype
    assert lazy.columns == whole.columns
    assert torch.equal(lazy.values[:], whole.values)
    assert torch.equal(lazy.labels, whole.labels)
    assert lazy.label_names == whole.label_names
    assert facts(lazy.values) == facts(whole.values)
    wanted = torch.tensor([len(whole.values) - 1, 0, 40, 0])
    assert torch.equal(lazy.values[wanted], whole.values[wanted])
    for split in ("train", "validation", "test"):
        assert torch.equal(lazy.rows(split)[:], whole.rows(split))


def test_rows_are_those_that_were_written(tmp_path, large):
    large()
    source = opened(str(archives(tmp_path / "a")))
    assert (source.values[:][:, 0].numpy() == ROWS).all()
    assert np.array(source.label_names)[source.labels].tolist() == CLASSES.tolist()
    source = opened(str(parquet(tmp_path / "b")))
    assert np.array_equal(source.values[:].numpy(), CELLS.astype(np.float32))
    assert source.columns == ("c0", "c1", "c2", "c3")


def test_arrays_as_they_lie_are_mapped(tmp_path, large):
    large()
    assert type(open_source(str(archives(tmp_path / "a", np.savez))).values) is Shards
    assert type(open_source(str(archives(tmp_path / "b", alternating))).values) is Decoded
    np.savez(tmp_path / "f.npz", x=np.asfortranarray(ROWS.reshape(300, 36)))
    columns_first = open_source(str(tmp_path / "f.npz")).values
    assert isinstance(columns_first.opened(0), np.memmap)
    assert (columns_first[:].numpy() == ROWS.reshape(300, 36)).all()


def test_factors_lie_beside_rows(tmp_path, large):
    large()
    np.savez(tmp_path / "a.npz", x=ROWS, factors=np.arange(600).reshape(300, 2))
    assert open_source(str(tmp_path / "a.npz")).factors[7].tolist() == [14, 15]


def thirty(folder):
    """Ten rows in each of thirty compressed shards."""
    folder.mkdir()
    for number, part in enumerate(np.array_split(ROWS, 30)):
        np.savez_compressed(folder / f"{number:02}.npz", x=part)
    return folder


def batches(source, size=16):
    return Batches(source, Representation(source.shape, "uint8"), size)


def test_order_keeps_to_few_shards(tmp_path, large):
    """Every row once, another order in each epoch, the rows of two shards at a time."""
    large()
    source = open_source(str(archives(tmp_path / "shards")))
    first, second = batches(source).order(0), batches(source).order(1)
    train = source.splits["train"].tolist()
    assert sorted(first.tolist()) == sorted(second.tolist()) == train
    assert first.tolist() != second.tolist()
    assert first.tolist() == batches(source).order(0).tolist()
    owner = np.searchsorted(source.values.ends, first.numpy(), side="right")
    seen = list(dict.fromkeys(owner.tolist()))
    for start in range(0, len(seen), 2):
        places = np.isin(owner, seen[start : start + 2]).nonzero()[0]
        assert places.max() - places.min() == len(places) - 1


def test_few_shards_are_held_and_each_is_read_once_an_epoch(tmp_path, large, monkeypatch):
    large()
    read, alive, most, opens = npz._read, weakref.WeakValueDictionary(), [0], []

    def counted(path, key):
        array = read(path, key)
        if key == "x":
            opens.append(path)
            alive[len(opens)] = array
            most[0] = max(most[0], len(alive))
        return array

    monkeypatch.setattr(npz, "_read", counted)
    source = open_source(str(thirty(tmp_path / "shards")))
    stream = batches(source, 8).from_step()
    per_epoch = batches(source, 8).per_epoch
    for epoch in range(3):
        before = len(opens)
        for _ in range(per_epoch):
            next(stream)
        assert len(opens) - before <= 30, epoch
    assert most[0] <= 2 * source.values.arrays_per_window + 1 == 5


def test_windows_grow_with_what_memory_holds(tmp_path, monkeypatch):
    monkeypatch.setattr("vaekit.data.on_disk.LARGEST_IN_MEMORY", 6 * 10 * 36)
    values = open_source(str(thirty(tmp_path / "shards"))).values
    assert values.arrays_per_window == 3
    assert values.opened.cache_info().maxsize == 6


def curve(path):
    """What was logged, the times left out."""
    lines = [json.loads(line) for line in path.read_text().splitlines()]
    return [{k: v for k, v in line.items() if "second" not in k} for line in lines]


@pytest.mark.parametrize("kind", ["compressed", "whole tables"])
def test_the_same_order_gives_the_same_model(kind, tmp_path, large, monkeypatch):
    """Trained on rows read whole, in the order of rows read by shards: the same bit by bit."""
    place, order = str(MAKERS[kind](tmp_path)), Batches.order
    label = {"label": "kind"} if kind == "whole tables" else {}
    whole = open_source(place, **label)
    large()
    lazy = open_source(place, **label)
    fit(lazy, out=tmp_path / "lazy", **PLAN)
    monkeypatch.setattr(
        Batches,
        "order",
        lambda self, epoch: order(
            Batches(lazy, self.representation, self.size, self.seed, self.split), epoch
        ),
    )
    fit(whole, out=tmp_path / "whole", **PLAN)
    a, b = ((tmp_path / n / "model.safetensors").read_bytes() for n in ("lazy", "whole"))
    assert a == b
    a, b = (curve(tmp_path / name / "metrics.jsonl") for name in ("lazy", "whole"))
    assert a == b
    assert len(a) > 3


@pytest.mark.parametrize("kind", ["compressed", "as they are", "whole tables"])
def test_training_resumes_exactly(kind, tmp_path, large, monkeypatch):
    large()
    place = str(MAKERS[kind](tmp_path))
    plan = {**PLAN, **({"label": "kind"} if kind == "whole tables" else {})}
    fit(place, out=tmp_path / "whole", **plan)
    asked = iter([False] * 20 + [True] * 1000)
    with monkeypatch.context() as patched:
        stop = nullcontext(lambda: next(asked))
        patched.setattr("vaekit.runs.run.asked_to_stop", lambda: stop)
        with pytest.raises(Interrupted):
            fit(place, out=tmp_path / "run", **plan)
    resume(tmp_path / "run")
    a, b = ((tmp_path / name / "model.safetensors").read_bytes() for name in ("whole", "run"))
    assert a == b


def test_evaluation_does_not_depend_on_where_rows_lie(place, large, tmp_path):
    whole = opened(place)
    model = fit(whole, latent=2, width=8, epochs=1, network="dense")
    expected, codes = model.evaluate(whole, split="all", samples=10).to_dict(), model.encode(whole)
    large()
    lazy = opened(place)
    found = model.evaluate(lazy, split="all", samples=10).to_dict()
    assert found.pop("kl_per_dimension") == pytest.approx(expected.pop("kl_per_dimension"))
    assert found == pytest.approx(expected)
    assert np.allclose(model.encode(lazy), codes, atol=1e-6)


def test_training_at_the_command_line(tmp_path, large):
    large()
    folder = str(parquet(tmp_path / "shards"))
    options = ["--epochs", "1", "--no-report", "--label", "kind"]
    assert run(["train", folder, *options, "-o", str(tmp_path / "run")]) == 0
    codes = str(tmp_path / "codes.npy")
    assert run(["encode", str(tmp_path / "run"), "-o", codes]) == 0
    assert len(np.load(codes)) == 300


def refused(place, capsys, *options):
    assert run(["train", str(place), "--epochs", "1", "--no-report", *options]) == 2
    said = capsys.readouterr().err.strip()
    assert "\n" not in said
    return said


@pytest.mark.parametrize("everything", ["small", "large"])
class TestWrongShards:
    @pytest.fixture(autouse=True)
    def _size(self, everything, large, tmp_path, monkeypatch):
        monkeypatch.chdir(tmp_path)
        if everything == "large":
            large()

    def test_kinds_mixed(self, tmp_path, capsys):
        folder = archives(tmp_path / "shards")
        np.save(folder / "more.npy", ROWS)
        said = refused(folder, capsys)
        assert "holds 00.npz and more.npy; give a folder with files of one kind" in said

    def test_other_rows(self, tmp_path, capsys):
        folder = archives(tmp_path / "shards")
        np.savez_compressed(folder / "05.npz", x=ROWS[:, :3], y=CLASSES)
        assert "05.npz hold rows of different shapes or types" in refused(folder, capsys)
        np.savez_compressed(folder / "05.npz", x=ROWS.astype(float), y=CLASSES)
        assert "05.npz hold rows of different shapes or types" in refused(folder, capsys)

    def test_arrays_missing(self, tmp_path, capsys):
        folder = archives(tmp_path / "shards")
        np.savez_compressed(folder / "05.npz", x=ROWS)
        assert "05.npz has no array named y; it holds x" in refused(folder, capsys)
        said = refused(folder, capsys, "--label", "kind")
        assert "00.npz has no array named kind; it holds x, y" in said
        np.savez_compressed(folder / "05.npz", y=ROWS)
        assert "05.npz has no array named x; it holds y" in refused(folder, capsys)
        np.savez(folder / "00.npz", pixels=ROWS)
        assert "00.npz has no array named x; it holds pixels" in refused(folder, capsys)

    def test_labels_of_another_length(self, tmp_path, capsys):
        folder = archives(tmp_path / "shards")
        np.savez_compressed(folder / "05.npz", x=ROWS, y=CLASSES[:7])
        assert "05.npz has 300 rows but 7 y; give one for each" in refused(folder, capsys)

    def test_what_is_no_array_of_numbers(self, tmp_path, capsys):
        folder = tmp_path / "shards"
        folder.mkdir()
        (folder / "a.npz").write_bytes(b"something else")
        assert "a.npz as NumPy data" in refused(folder, capsys)
        np.savez(folder / "a.npz", x=np.float32(3))
        assert "a.npz: x is a single number, not rows" in refused(folder, capsys)
        with (folder / "a.npz").open("wb") as file:
            np.savez(file, x=np.array([{}] * 20, dtype=object))
        assert "a.npz: x holds objects; only numbers can be used" in refused(folder, capsys)
        np.savez(folder / "a.npz", x=CLASSES)
        assert "only numbers can be used" in refused(folder, capsys)

    def test_a_damaged_shard(self, tmp_path, capsys):
        folder = archives(tmp_path / "shards")
        path = folder / "03.npz"
        held = bytearray(path.read_bytes())
        held[400:500] = bytes(100)
        path.write_bytes(held)
        assert "03.npz" in refused(folder, capsys)

    def test_columns_differ(self, tmp_path, capsys):
        folder = parquet(tmp_path / "shards")
        label = ("--label", "kind")
        said = refused(folder, capsys, "--label", "knd")
        assert f"unknown column in {folder} 'knd'; did you mean 'kind'?" in said
        pq.write_table(table(CELLS[:, :3]), folder / "1.parquet")
        assert "1.parquet has no column c3, as" in refused(folder, capsys, *label)
        pq.write_table(table(np.hstack([CELLS, CELLS])), folder / "1.parquet")
        assert "1.parquet has a column c4, c5, c6, c7, which" in refused(folder, capsys, *label)
        pq.write_table(table(CELLS).drop_columns("kind"), folder / "1.parquet")
        assert "1.parquet has no column kind, as" in refused(folder, capsys, *label)

    def test_cells_that_are_no_numbers(self, tmp_path, capsys):
        folder = parquet(tmp_path / "shards")
        assert "0.parquet: column 'kind', row 0 holds 'a', which is not" in refused(folder, capsys)
        cells = table(CELLS[:100]).set_column(1, "c1", pa.array(["1"] * 77 + ["red"] * 23))
        pq.write_table(cells, folder / "1.parquet", row_group_size=30)
        label = ("--label", "kind")
        assert "1.parquet: column 'c1', row 77 holds 'red'" in refused(folder, capsys, *label)
        days = pa.array(np.arange(300).astype("datetime64[D]"))
        pq.write_table(table(CELLS).set_column(1, "c1", days), folder / "1.parquet")
        assert "1.parquet: column 'c1' holds dates or times" in refused(folder, capsys, *label)
        cells = table(CELLS).set_column(1, "c1", pa.array([[1, 2]] * 300))
        pq.write_table(cells, folder / "1.parquet")
        assert "1.parquet: column 'c1' holds lists" in refused(folder, capsys, *label)

    def test_gaps(self, tmp_path, capsys):
        folder = parquet(tmp_path / "shards")
        cells = table(CELLS[100:200]).set_column(1, "c1", pa.array([1.5] * 99 + [None]))
        pq.write_table(cells, folder / "1.parquet", row_group_size=30)
        said = refused(folder, capsys, "--label", "kind")
        assert "1 values are missing or infinite, the first in row 199, column 'c1'" in said

    def test_a_damaged_table(self, tmp_path, capsys):
        folder = parquet(tmp_path / "shards")
        path = folder / "1.parquet"
        whole = path.read_bytes()
        path.write_bytes(whole[:-9])
        assert "1.parquet as Parquet" in refused(folder, capsys, "--label", "kind")
        path.write_bytes(bytes(300) + whole[300:])
        assert "1.parquet as Parquet" in refused(folder, capsys, "--label", "kind")
        pq.write_table(table(CELLS[:0]), path)
        (folder / "0.parquet").unlink()
        (folder / "2.parquet").unlink()
        assert "holds no rows" in refused(folder, capsys, "--label", "kind")


def test_whole_numbers_after_many(tmp_path, large):
    """One fraction in the last group makes all groups fractions."""
    large()
    cells = np.ones((300, 2))
    cells[299, 1] = 0.5
    folder = parquet(tmp_path / "shards", cells)
    values = open_source(str(folder), label="kind").values
    assert values.dtype == torch.float32
    assert values[-1].tolist() == [1.0, 0.5]


def test_two_columns_of_one_name(tmp_path):
    names = ["a", "a"]
    pq.write_table(pa.table([pa.array([1.0] * 20)] * 2, names=names), tmp_path / "t.parquet")
    with pytest.raises(BadInput, match=r"t.parquet: column 'a' is there twice"):
        read_parquet(tmp_path / "t.parquet")
