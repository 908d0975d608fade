"""Sources, splits, representations, batches, files and what is said when they cannot be used."""

import numpy as np
import pandas as pd
import pytest
import torch
from PIL import Image
from torch.utils.data import TensorDataset

from vaekit.data import Batches, Representation, from_memory, open_source
from vaekit.data.facts import facts
from vaekit.data.readers.arrays import to_array, to_rows
from vaekit.data.source import Source, held_out_test, random_splits, source
from vaekit.system.checks import BadInput


class TestSplits:
    def test_random_splits_cover_all_rows_once(self):
        for rows in (10, 11, 97, 1797):
            splits = random_splits(rows)
            assert torch.cat(list(splits.values())).sort().values.tolist() == list(range(rows))
            assert all(len(part) >= 1 for part in splits.values())

    def test_random_splits_are_always_the_same(self):
        assert all(
            torch.equal(a, b)
            for a, b in zip(random_splits(50).values(), random_splits(50).values(), strict=True)
        )

    def test_a_published_test_set_stays_apart(self):
        splits = held_out_test(60_000, 10_000)
        assert splits["test"].tolist() == list(range(60_000, 70_000))
        assert len(splits["train"]) == 50_000
        assert splits["validation"].tolist() == list(range(50_000, 60_000))


class TestSource:
    def test_fingerprints_tell_data_apart(self):
        a, b = (from_memory(np.arange(40.0).reshape(20, 2) + d) for d in (0, 1))
        assert (
            a.fingerprint
            == from_memory(np.arange(40.0).reshape(20, 2)).fingerprint
            != b.fingerprint
        )

    def test_splits_and_labels_go_together(self):
        s = from_memory(np.arange(40.0).reshape(20, 2), labels=list("ab" * 10))
        for split in ("train", "validation", "test"):
            assert torch.equal(s.rows(split)[:, 0] / 2 % 2, s.labels_of(split).float())
        assert s.label_names == ("a", "b")
        assert len(s.rows("all")) == 20

    def test_unknown_split(self):
        with pytest.raises(BadInput, match="did you mean 'test'"):
            from_memory(np.zeros((20, 2))).rows("tset")

    def test_missing_values_are_located(self):
        x = np.zeros((20, 3))
        x[4, 1] = np.nan
        with pytest.raises(BadInput, match=r"1 values are missing.*row 4, position \(1,\)"):
            from_memory(x)
        with pytest.raises(BadInput, match="row 4, column 'b'"):
            open_source(pd.DataFrame(x, columns=list("abc")))


class TestMemory:
    def test_shapes(self):
        assert to_rows(np.zeros((5, 4))).shape == (5, 4)
        assert to_rows(np.zeros((5, 8, 9))).shape == (5, 1, 8, 9)
        assert to_rows(np.zeros((5, 8, 9, 3))).shape == (5, 3, 8, 9)
        assert to_rows(np.zeros((5, 3, 8, 9))).shape == (5, 3, 8, 9)
        with pytest.raises(BadInput, match="give vectors"):
            to_rows(np.zeros(5))

    def test_types(self):
        assert to_rows(np.zeros((5, 4), bool)).dtype == torch.uint8
        assert to_rows(np.zeros((5, 4), np.int64)).dtype == torch.int32
        assert to_rows(np.zeros((5, 4))).dtype == torch.float32
        for bad, message in (
            (np.array([["a"]]), "only numbers"),
            (np.full((5, 2), 2**40), "32 bits"),
        ):
            with pytest.raises(BadInput, match=message):
                to_rows(bad)

    def test_there_and_back(self):
        for shape in ((5, 4), (5, 8, 9), (5, 8, 9, 3)):
            x = np.random.randint(0, 255, shape).astype(np.uint8)
            assert np.array_equal(to_array(to_rows(x)), x)

    def test_frames_tensors_and_datasets(self):
        frame = pd.DataFrame({"a": range(12), "b": np.linspace(0, 1, 12)})
        assert open_source(frame).columns == ("a", "b")
        assert from_memory(torch.zeros(12, 2)).shape == (2,)
        data = TensorDataset(torch.rand(12, 1, 4, 4), torch.arange(12) % 3)
        s = from_memory(data)
        assert s.shape == (1, 4, 4)
        assert s.labels.tolist() == [0, 1, 2] * 4
        with pytest.raises(BadInput, match="column 'b', row 0 holds 'x'"):
            open_source(pd.DataFrame({"a": range(12), "b": list("xy" * 6)}))
        with pytest.raises(BadInput, match="12 rows but 5 labels"):
            from_memory(np.zeros((12, 2)), labels=range(5))

    def test_input_is_not_changed_or_shared(self):
        x = np.zeros((12, 2), np.float32)
        s = from_memory(x)
        s.values[0, 0] = 5
        assert x[0, 0] == 0


class TestRepresentation:
    def test_scaling_and_back(self):
        r = Representation((1, 2, 2), "uint8", 255.0)
        values = torch.randint(0, 256, (6, 1, 2, 2), dtype=torch.uint8)
        x = r.encode(values)
        assert x.dtype == torch.float32
        assert 0 <= x.min() <= x.max() <= 1
        assert torch.equal(r.decode(x), values)
        assert r.decode(torch.full((1, 1, 2, 2), 7.0)).max() == 255

    def test_levels_stored_as_fractions(self):
        r = Representation((3,), "float32", 1 / 255, whole=True)
        x = r.encode(torch.tensor([[0.0, 128 / 255, 1.0]]))
        assert x.tolist() == [[0.0, 128.0, 255.0]]
        assert torch.allclose(r.decode(x), torch.tensor([[0.0, 128 / 255, 1.0]]))

    def test_dynamic_binarization_draws_with_the_grey_value_as_chance(self):
        r = Representation((1000,), "uint8", 255.0, "dynamic")
        values = torch.full((50, 1000), 64, dtype=torch.uint8)
        draws = [r.encode(values, torch.Generator().manual_seed(s)) for s in (1, 1, 2)]
        assert torch.equal(draws[0], draws[1])
        assert not torch.equal(draws[0], draws[2])
        assert set(draws[0].unique().tolist()) == {0.0, 1.0}
        assert draws[0].mean().item() == pytest.approx(64 / 255, abs=0.01)

    def test_threshold(self):
        r = Representation((2,), "uint8", 255.0, "threshold")
        assert r.encode(torch.tensor([[127, 128]], dtype=torch.uint8)).tolist() == [[0.0, 1.0]]

    def test_wrong_shape(self):
        with pytest.raises(BadInput, match="rows of 1 x 28 x 28, the data has rows of 64"):
            Representation((1, 28, 28)).encode(torch.zeros(3, 64))


class TestBatches:
    def make(self, rows=23, size=5, **more):
        return Batches(
            source("x", torch.arange(rows * 2.0).view(rows, 2)), Representation((2,)), size, **more
        )

    def first(self, batches, count, step=0):
        steps = batches.from_step(step)
        return [next(steps).parts[0].rows.x[:, 0].tolist() for _ in range(count)]

    def test_every_row_once_an_epoch(self):
        b = self.make()
        rows = b.source.rows("train")[:, 0].tolist()
        for epoch in range(3):
            seen = self.first(b, b.per_epoch, epoch * b.per_epoch)
            assert sorted(v for batch in seen for v in batch) == rows

    def test_order_depends_on_seed_and_epoch_alone(self):
        a, b = self.make(), self.make()
        assert self.first(a, 12) == self.first(b, 12)
        assert self.first(a, 4) != self.first(a, 4, a.per_epoch)
        assert self.first(a, 4) != self.first(self.make(seed=1), 4)

    @pytest.mark.parametrize("start", [0, 1, 3, 4, 7, 11])
    def test_going_on_anywhere_gives_the_same_batches(self, start):
        b = self.make()
        assert self.first(b, 12)[start:] == self.first(b, 12 - start, start)

    def test_dynamic_noise_is_new_in_each_epoch_and_repeatable(self):
        grey = source("g", torch.full((10, 400), 128, dtype=torch.uint8))
        b = Batches(grey, Representation((400,), "uint8", 255.0, "dynamic"), 8)
        steps = b.from_step()
        first, second = (next(steps).parts[0].rows.x for _ in range(2))
        assert not torch.equal(first, second)
        assert torch.equal(next(b.from_step(1)).parts[0].rows.x, second)


class TestFacts:
    def test_what_values_are(self):
        assert facts(torch.tensor([[0, 255]], dtype=torch.uint8)).binary
        assert facts(torch.tensor([[0.0, 1.0]])).binary
        assert not facts(torch.tensor([[1.0, 1.0]])).binary
        assert facts(torch.tensor([[0, 3, 9]])).whole
        assert facts(torch.arange(256.0)[None] / 255).pixels
        assert not facts(torch.rand(5, 5)).pixels
        assert facts(torch.rand(5, 5)).unit
        assert facts(torch.tensor([[0, 3]], dtype=torch.uint8)).byte


class TestFiles:
    def test_npy_and_npz(self, tmp_path):
        x, y = np.random.rand(20, 3), np.arange(20) % 4
        np.save(tmp_path / "a.npy", x)
        np.savez(tmp_path / "b.npz", X=x, y=y)
        np.savez(tmp_path / "c.npz", x_train=x, x_test=x[:5], y_train=y, y_test=y[:5])
        assert open_source(tmp_path / "a.npy").values.shape == (20, 3)
        assert open_source(tmp_path / "b.npz").labels.tolist() == y.tolist()
        published = open_source(tmp_path / "c.npz")
        assert published.splits["test"].tolist() == list(range(20, 25))
        assert len(published.labels) == 25

    def test_csv(self, tmp_path):
        path = tmp_path / "t.csv"
        path.write_text("a,b,kind\n" + "".join(f"{i},{i / 3},{'xy'[i % 2]}\n" for i in range(12)))
        s = open_source(path, label="kind")
        assert s.columns == ("a", "b")
        assert s.label_names == ("x", "y")
        assert s.values[3].tolist() == pytest.approx([3.0, 1.0])
        bare = tmp_path / "bare.csv"
        bare.write_text("".join(f"{i},{2 * i}\n" for i in range(12)))
        assert open_source(bare).columns == ("column0", "column1")
        assert open_source(bare).values.dtype == torch.int32

    def test_parquet(self, tmp_path):
        pd.DataFrame({"a": range(12), "b": np.linspace(0, 1, 12), "k": list("xy" * 6)}).to_parquet(
            tmp_path / "t.parquet"
        )
        s = open_source(tmp_path / "t.parquet", label="k")
        assert s.columns == ("a", "b")
        assert s.label_names == ("x", "y")

    def test_pictures(self, tmp_path):
        for i in range(12):
            (tmp_path / "ab"[i % 2]).mkdir(exist_ok=True)
            Image.new("L", (9, 7), i * 20).save(tmp_path / "ab"[i % 2] / f"{i:02d}.png")
        (tmp_path / "notes.txt").write_text("not a picture")
        s = open_source(tmp_path)
        assert s.shape == (1, 7, 9)
        assert s.label_names == ("a", "b")
        assert s.notes == ()

    def test_pictures_of_many_sizes_and_kinds(self, tmp_path):
        Image.new("RGB", (40, 30), "red").save(tmp_path / "a.jpg")
        Image.new("RGBA", (20, 50), (0, 255, 0, 0)).save(tmp_path / "b.png")
        Image.fromarray(np.full((30, 30), 65535, np.uint16)).save(tmp_path / "c.png")
        Image.new("P", (30, 30), 3).save(tmp_path / "d.gif")
        s = open_source(tmp_path, size=(16, 24))
        assert s.shape == (3, 16, 24)
        assert "resized to 16 x 24" in s.notes[0]
        red, clear, white, _ = (image.float().mean((1, 2)) for image in s.values)
        assert red[0] > 240
        assert red[1] < 20
        assert clear.min() == 255
        assert white.min() == 255

    def test_large_pictures_come_to_64_by_64(self, tmp_path):
        Image.new("RGB", (300, 200)).save(tmp_path / "a.png")
        assert open_source(tmp_path).shape == (3, 64, 64)

    def test_pictures_are_turned_upright(self, tmp_path):
        pixels = np.zeros((10, 20), np.uint8)
        pixels[:, :10] = 255
        exif = Image.Exif()
        exif[274] = 6
        Image.fromarray(pixels).save(tmp_path / "a.png", exif=exif)
        assert open_source(tmp_path).shape == (1, 20, 10)

    def test_labels_from_a_file(self, tmp_path):
        np.save(tmp_path / "x.npy", np.random.rand(12, 2))
        (tmp_path / "y.txt").write_text("\n".join("ab" * 6))
        assert open_source(tmp_path / "x.npy", labels=str(tmp_path / "y.txt")).label_names == (
            "a",
            "b",
        )


class TestNamed:
    def test_digits_need_no_download(self):
        s = open_source("digits")
        assert s.values.shape == (1797, 1, 8, 8)
        assert s.levels == 17

    @pytest.mark.parametrize(
        ("name", "rows", "shape"),
        [
            ("mnist", 70_000, (1, 28, 28)),
            ("fashion_mnist", 70_000, (1, 28, 28)),
            ("binarized_mnist", 70_000, (1, 28, 28)),
            ("freyfaces", 1965, (1, 28, 20)),
            ("omniglot_small", 5840, (1, 28, 28)),
        ],
    )
    def test_published_sets(self, real_data, name, rows, shape):
        s = open_source(name)
        assert len(s.values) == rows
        assert s.shape == shape
        every = torch.cat([s.splits[k] for k in ("train", "validation", "test")])
        assert len(every.unique()) == len(every) == rows

    def test_mnist_is_the_published_one(self, real_data):
        s = open_source("mnist")
        assert s.rows("all")[:60_000].float().mean().item() / 255 == pytest.approx(
            0.13066, abs=1e-5
        )
        assert s.rows("test").float().mean().item() / 255 == pytest.approx(0.13251, abs=1e-5)
        assert s.labels[:5].tolist() == [5, 0, 4, 1, 9]

    def test_a_changed_file_is_refused(self, tmp_path, monkeypatch):
        monkeypatch.setenv("VAEKIT_DATA", str(tmp_path))
        (tmp_path / "freyfaces").mkdir()
        np.save(tmp_path / "freyfaces" / "freyfaces.npy", np.zeros((1965, 560), np.uint8))
        with pytest.raises(BadInput, match="not the published file"):
            open_source("freyfaces")

    def test_a_missing_file_says_where_to_put_it(self, tmp_path, monkeypatch):
        monkeypatch.setenv("VAEKIT_DATA", str(tmp_path))
        monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
        with pytest.raises(BadInput, match=r"put freyfaces.npy into \$VAEKIT_DATA/freyfaces/"):
            open_source("freyfaces")

    @pytest.mark.slow
    def test_kmnist_and_cifar10_formats(self, tmp_path, monkeypatch):
        """The readers of sets that are not at hand, on files made in their formats."""
        import gzip
        import hashlib
        import io
        import struct
        import tarfile

        from vaekit.data.published import catalogue

        monkeypatch.setenv("VAEKIT_DATA", str(tmp_path))
        images = np.random.randint(0, 256, (12, 28, 28), np.uint8)
        (tmp_path / "kmnist").mkdir()
        shas = []
        for stem in catalogue.IDX:
            array = images if "images" in stem else np.arange(12, dtype=np.uint8) % 10
            head = struct.pack(f">HBB{array.ndim}I", 0, 8, array.ndim, *array.shape)
            content = gzip.compress(head + array.tobytes())
            (tmp_path / "kmnist" / f"{stem}-ubyte.gz").write_bytes(content)
            shas.append(hashlib.sha256(content).hexdigest())
        s = catalogue.idx_set("kmnist", "kmnist", "", tuple(shas), ("a",) * 10)
        assert np.array_equal(s.values[:12, 0].numpy(), images)

        buffer = io.BytesIO()
        with tarfile.open(fileobj=buffer, mode="w:gz", compresslevel=1) as archive:
            for name in [*(f"data_batch_{i}" for i in range(1, 6)), "test_batch"]:
                record = np.tile(np.arange(3073, dtype=np.uint8) % 10, (10_000, 1))
                record[-1] = np.random.randint(0, 10, 3073)
                info = tarfile.TarInfo(f"cifar-10-batches-bin/{name}.bin")
                info.size = record.size
                archive.addfile(info, io.BytesIO(record.tobytes()))
        (tmp_path / "cifar10").mkdir()
        (tmp_path / "cifar10" / "cifar-10-binary.tar.gz").write_bytes(buffer.getvalue())
        monkeypatch.setattr(catalogue, "CIFAR_SHA", hashlib.sha256(buffer.getvalue()).hexdigest())
        s = catalogue.cifar10()
        assert s.values.shape == (60_000, 3, 32, 32)
        assert s.values[-1].numpy().reshape(-1).tolist() == record[-1, 1:].tolist()


def test_source_is_what_opens_itself():
    s = open_source("digits")
    assert open_source(s) is s
    assert isinstance(s, Source)


def test_red_and_blue_less_green_lose_nothing():
    values = torch.randint(0, 256, (50, 3, 4, 4), dtype=torch.uint8)
    r = Representation((3, 4, 4), "uint8", colours="minus_green")
    x = r.encode(values)
    assert x.min() >= 0
    assert x.max() <= 255
    assert torch.equal(r.decode(x), values)
    grey = torch.full((1, 3, 4, 4), 77, dtype=torch.uint8)
    assert r.encode(grey)[0, :, 0, 0].tolist() == [128, 77, 128]
