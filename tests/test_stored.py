"""Rows on disk are rows like others: the same values, the same codes, trained on and resumed."""

import io
import tarfile
from contextlib import nullcontext
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

import vaekit
from vaekit.data import Batches, Encoded, Representation, facts, open_source
from vaekit.data.on_disk import OnDisk, Pictures, Selection, Shards
from vaekit.data.readers.arrays import to_rows
from vaekit.interfaces.cli import run
from vaekit.runs.fit import fit, resume
from vaekit.runs.outputs import read_codes
from vaekit.runs.run import Interrupted
from vaekit.system.checks import BadInput

ROWS = np.random.default_rng(0).integers(0, 256, (300, 8, 8)).astype(np.uint8)


@pytest.fixture
def on_disk(monkeypatch):
    """Everything is large."""
    monkeypatch.setattr("vaekit.data.on_disk.LARGEST_IN_MEMORY", 0)
    monkeypatch.setattr("vaekit.data.on_disk.CHUNK", 7)


@pytest.fixture
def shards(tmp_path):
    folder = tmp_path / "shards"
    folder.mkdir()
    for number, part in enumerate(np.array_split(ROWS, [1, 120, 121])):
        np.save(folder / f"{number}.npy", part)
    return folder


def pictures(folder, count=20, size=(9, 7)):
    folder.mkdir()
    for number in range(count):
        values = np.random.default_rng(number).integers(0, 256, (*size, 3)).astype(np.uint8)
        Image.fromarray(values).save(folder / f"{number:02}.png")
    return folder


def archive(path, count=12):
    with tarfile.open(path, "w") as tar:
        for number in range(count):
            held = io.BytesIO()
            Image.new("RGB", (6, 5), (number * 20, 0, 255)).save(held, "PNG")
            for name, data in (("png", held.getvalue()), ("cls", str(number % 3).encode())):
                member = tarfile.TarInfo(f"{number:03}.{name}")
                member.size = len(data)
                tar.addfile(member, io.BytesIO(data))
    return path


def test_shards_are_one_array(on_disk, shards):
    source = open_source(str(shards))
    assert isinstance(source.values, OnDisk)
    assert source.shape == (1, 8, 8)
    for wanted in ([0, 299, 120, 119, 1, 1], [5], []):
        index = torch.tensor(wanted, dtype=torch.int64)
        assert source.values[index][:, 0].tolist() == ROWS[wanted].tolist()
    assert (source.values[:][:, 0].numpy() == ROWS).all()
    assert source.values[-1].tolist() == [ROWS[-1].tolist()]


def test_disk_and_memory_agree(shards, monkeypatch):
    whole = open_source(str(shards))
    assert isinstance(whole.values, torch.Tensor)
    monkeypatch.setattr("vaekit.data.on_disk.LARGEST_IN_MEMORY", 0)
    lazy = open_source(str(shards))
    assert facts(lazy.values) == facts(whole.values)
    for split in ("train", "validation", "test"):
        assert torch.equal(lazy.rows(split)[:], whole.rows(split))
        chosen = [s.some(split, 3, seed=1).values[:] for s in (lazy, whole)]
        assert torch.equal(*chosen)


@pytest.mark.parametrize(
    "values",
    [
        np.array([[0.0, 3.0], [3.0, 0.0], [0.0, 0.0]] * 9),
        np.array([[0.0, 1.0], [2.0, 0.0]] * 9),
        np.array([[-1.5, 1.0], [2.0, 0.25]] * 9),
        np.arange(40).reshape(20, 2) % 256 / 255,
        np.zeros((9, 2)),
    ],
)
def test_facts_do_not_depend_on_chunks(values, monkeypatch):
    tensor = torch.from_numpy(values.astype(np.float32))
    whole = facts(tensor)
    monkeypatch.setattr("vaekit.data.on_disk.CHUNK", 2)
    assert facts(tensor) == whole
    assert whole.ends == pytest.approx(
        ((tensor == tensor.min()) | (tensor == tensor.max())).float().mean().item()
    )


def test_pictures_are_read_when_asked_for(tmp_path, monkeypatch):
    folder = pictures(tmp_path / "pictures")
    whole = open_source(str(folder), size=(6, 6))
    monkeypatch.setattr("vaekit.data.on_disk.LARGEST_IN_MEMORY", 0)
    lazy = open_source(str(folder), size=(6, 6))
    assert isinstance(lazy.values, Pictures)
    order = torch.tensor([3, 0, 19])
    assert torch.equal(lazy.values[order], whole.values[order])
    (folder / "03.png").write_bytes(b"no picture")
    with pytest.raises(BadInput, match=r"cannot read .*03.png as a picture"):
        lazy.values[order]


def test_archives_of_pictures(tmp_path, on_disk):
    source = open_source(str(archive(tmp_path / "a.tar")))
    assert source.shape == (3, 5, 6)
    assert source.labels.tolist() == [0, 1, 2] * 4
    assert source.values[4][:, 0, 0].tolist() == [80, 0, 255]
    archive(tmp_path / "b.tar")
    assert len(open_source(str(tmp_path)).values) == 24


def test_what_is_no_archive(tmp_path):
    path = tmp_path / "a.tar"
    path.write_bytes(b"something else " * 100)
    with pytest.raises(BadInput, match="as an archive"):
        open_source(str(path))
    with tarfile.open(path, "w"):
        pass
    with pytest.raises(BadInput, match=r"there are no pictures in .*a.tar"):
        open_source(str(path))


def test_shards_of_different_rows(tmp_path):
    np.save(tmp_path / "a.npy", ROWS)
    np.save(tmp_path / "b.npy", ROWS[:, :5])
    with pytest.raises(BadInput, match="rows of different shapes or types"):
        open_source(str(tmp_path))


def test_a_missing_value_on_disk_is_found(tmp_path, on_disk):
    rows = np.ones((40, 3), dtype=np.float32)
    rows[33, 1] = np.nan
    np.save(tmp_path / "rows.npy", rows)
    with pytest.raises(BadInput, match=r"1 values are missing .* row 33, position \(1,\)"):
        open_source(str(tmp_path / "rows.npy"))


def shuffled(source, seed=0):
    return Batches(source, Representation((1, 8, 8), "uint8"), 16, seed)


def test_order_on_disk(on_disk, shards, monkeypatch):
    """Every row once, another order in each epoch, neighbours read together."""
    monkeypatch.setattr("vaekit.data.on_disk.RUN", 4)
    monkeypatch.setattr("vaekit.data.on_disk.RUNS", 8)
    batches = shuffled(open_source(str(shards)))
    first, second = batches.order(0), batches.order(1)
    train = batches.source.splits["train"]
    assert first.sort().values.tolist() == second.sort().values.tolist() == train.tolist()
    assert first.tolist() != second.tolist()
    assert first.tolist() == shuffled(batches.source).order(0).tolist()
    places = {row: i // 4 for i, row in enumerate(train.tolist())}
    runs = {places[row] for row in first[:32].tolist()}
    assert len(runs) == 8


def test_training_on_disk_resumes_exactly(on_disk, shards, tmp_path, monkeypatch):
    plan = {"latent": 2, "width": 8, "epochs": 3, "network": "dense", "batch": 16}
    fit(str(shards), out=tmp_path / "whole", **plan)
    asked = iter([False] * 20 + [True] * 1000)
    with monkeypatch.context() as patched:
        stop = nullcontext(lambda: next(asked))
        patched.setattr("vaekit.runs.run.asked_to_stop", lambda: stop)
        with pytest.raises(Interrupted):
            fit(str(shards), out=tmp_path / "run", **plan)
    resume(tmp_path / "run")
    a, b = ((tmp_path / name / "model.safetensors").read_bytes() for name in ("whole", "run"))
    assert a == b


def test_evaluation_and_codes_do_not_depend_on_where_rows_lie(shards, tmp_path, monkeypatch):
    model = fit(str(shards), latent=2, width=8, epochs=1, network="dense")
    expected = model.evaluate(str(shards), split="all", samples=10).to_dict()
    codes = model.encode(ROWS)
    monkeypatch.setattr("vaekit.data.on_disk.LARGEST_IN_MEMORY", 0)
    found = model.evaluate(str(shards), split="all", samples=10).to_dict()
    assert found.pop("kl_per_dimension") == pytest.approx(expected.pop("kl_per_dimension"))
    assert found == pytest.approx(expected)
    assert np.allclose(model.encode(str(shards)), codes, atol=1e-6)
    model.save(tmp_path / "model")
    for name in ("codes.npy", "codes.csv"):
        assert (
            run(["encode", str(tmp_path / "model"), str(shards), "-o", str(tmp_path / name)]) == 0
        )
    assert np.allclose(np.load(tmp_path / "codes.npy"), codes, atol=1e-6)
    assert np.allclose(read_codes(tmp_path / "codes.csv", codes.shape[1]), codes, atol=1e-5)


def test_dynamic_binarization_does_not_depend_on_the_question():
    """A row is drawn once, whatever pieces are asked for."""
    values = to_rows(np.full((1200, 4), 128, dtype=np.uint8))
    x = Encoded(values, Representation((4,), "uint8", 255.0, "dynamic"), "test")
    whole = x[:].data
    assert 0.4 < whole.mean() < 0.6
    assert torch.equal(torch.cat([part.data for part in x.split(77)]), whole)
    assert torch.equal(x[490:520].data, whole[490:520])
    assert len(x.split(500)) == 3
    assert x[5:5].shape == (0, 4)


def test_fingerprint_of_rows_on_disk(on_disk, tmp_path):
    np.save(tmp_path / "a.npy", ROWS)
    before = open_source(str(tmp_path / "a.npy")).fingerprint
    assert open_source(str(tmp_path / "a.npy")).fingerprint == before
    changed = ROWS.copy()
    changed[7] += 1
    np.save(tmp_path / "a.npy", changed)
    assert open_source(str(tmp_path / "a.npy")).fingerprint != before


def test_selection_of_rows():
    shards = Shards([lambda: ROWS], [len(ROWS)], to_rows)
    part = Selection(shards, torch.tensor([5, 2, 9]))
    assert len(part) == 3
    assert (part[1:][:, 0].numpy() == ROWS[[2, 9]]).all()
    assert not part.is_floating_point()


def test_pictures_beside_arrays_are_what_is_meant(tmp_path):
    folder = pictures(tmp_path / "pictures", count=12)
    np.save(folder / "labels.npy", np.arange(12))
    assert open_source(str(Path(folder))).shape == (3, 9, 7)


def test_indices_are_understood_as_a_tensor_understands_them():
    shards = Shards([lambda: ROWS[:100], lambda: ROWS[100:]], [100, 200], to_rows)
    tensor = to_rows(ROWS)
    mask = torch.zeros(300, dtype=torch.bool)
    mask[[3, 250]] = True
    for index in (mask, torch.tensor([-1, 5]), np.int64(3), -2, slice(-3, None), slice(5, 1)):
        assert torch.equal(shards[index], tensor[index]), index
    with pytest.raises(IndexError):
        shards[300]


def test_few_files_are_open_at_a_time(on_disk, tmp_path, monkeypatch):
    monkeypatch.setattr("vaekit.data.on_disk.OPEN_FILES", 2)
    for number, part in enumerate(np.array_split(ROWS, 30)):
        np.save(tmp_path / f"{number:02}.npy", part)
    source = open_source(str(tmp_path))
    assert (source.values[:][:, 0].numpy() == ROWS).all()
    assert source.values.opened.cache_info().currsize == 2


def test_files_that_are_something_else(tmp_path):
    with (tmp_path / "a.npy").open("wb") as file:
        np.savez(file, x=ROWS)
    with pytest.raises(BadInput, match=r"a.npy is an archive of arrays, not one array"):
        open_source(str(tmp_path / "a.npy"))
    np.save(tmp_path / "b.npy", np.zeros((30, 0)))
    with pytest.raises(BadInput, match=r"b.npy holds rows of nothing"):
        open_source(str(tmp_path / "b.npy"))


def test_labels_in_archives(tmp_path):
    """The key ends at the first dot of the file's name; what is no text is said."""
    held = io.BytesIO()
    Image.new("RGB", (6, 5)).save(held, "PNG")

    def write(label):
        with tarfile.open(tmp_path / "a.tar", "w") as tar:
            for number in range(10):
                files = (("input.png", held.getvalue()), ("cls", label(number)))
                for ending, data in files:
                    member = tarfile.TarInfo(f"v1.0/{number}.{ending}")
                    member.size = len(data)
                    tar.addfile(member, io.BytesIO(data))

    write(lambda number: str(number % 2).encode())
    assert open_source(str(tmp_path / "a.tar")).labels.tolist() == [0, 1] * 5
    write(lambda number: b"\xff\xfe")
    with pytest.raises(BadInput, match=r"0.cls in .*a.tar is no text"):
        open_source(str(tmp_path / "a.tar"))


def test_codes_leave_their_caller_as_it_was(trained_here):
    first = next(trained_here.codes(ROWS))
    assert first.shape[1] == 2
    assert not torch.is_inference_mode_enabled()


@pytest.fixture(scope="module")
def trained_here():
    return fit(ROWS, latent=2, width=8, epochs=1, network="dense")


def test_a_block_is_read_once_for_all_its_pieces(trained_here, monkeypatch):
    asked = []
    shards = Shards([lambda: ROWS], [len(ROWS)], to_rows)
    gather = shards.gather
    monkeypatch.setattr(shards, "gather", lambda rows: asked.append(len(rows)) or gather(rows))
    x = Encoded(shards, trained_here.representation, "all")
    assert sum(len(part) for part in x.split(7)) == len(ROWS)
    assert sum(asked) == len(ROWS)


def test_compressing_shards_and_archives(trained_here, shards, tmp_path):
    trained_here.save(tmp_path / "model")
    there = str(tmp_path / "rows.vk")
    assert run(["compress", str(tmp_path / "model"), str(shards), "-o", there]) == 0
    back = str(tmp_path / "back.npy")
    assert run(["decompress", there, str(tmp_path / "model"), "-o", back]) == 0
    assert np.array_equal(np.load(back), ROWS)
    path = str(archive(tmp_path / "a.tar"))
    assert run(["compress", str(tmp_path / "model"), path, "-o", there]) == 2


def test_a_folder_of_models_names_one_of_them(tmp_path):
    for seed in (1, 0):
        vaekit.fit("digits", latent=2, width=4, epochs=1, quiet=True, out=tmp_path / f"seed-{seed}")
    with pytest.raises(BadInput, match=r"2 below it are some, such as .*seed-0"):
        vaekit.load(tmp_path)
    (tmp_path / "empty").mkdir()
    with pytest.raises(BadInput, match=r"is needed$"):
        vaekit.load(tmp_path / "empty")
