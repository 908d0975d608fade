"""Pictures as people have them, opened: at their depth, all pages, nothing hidden, labels by name."""

import tarfile
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

import vaekit
from vaekit.data.on_disk import Pictures
from vaekit.data.readers.labels import natural
from vaekit.interfaces.cli import run
from vaekit.system.checks import BadInput

RANDOM = np.random.default_rng(0)
FEW = (
    "--epochs",
    "1",
    "--latent",
    "2",
    "--width",
    "4",
    "--network",
    "dense",
    "--threads",
    "1",
    "--no-report",
)


def wave(number, size=(12, 10)):
    y, x = np.mgrid[: size[0], : size[1]]
    return 0.5 + 0.5 * np.sin(x / (3 + number % 5) + number) * np.cos(y / 5)


def folder_of(place, pictures, ending="png"):
    place.mkdir(parents=True, exist_ok=True)
    for number, pixels in enumerate(pictures):
        Image.fromarray(pixels).save(place / f"{number:02d}.{ending}")
    return str(place)


def greys(count=12, size=(12, 10)):
    return [(wave(i, size) * 255).astype("u1") for i in range(count)]


def colours(count=12, size=(12, 10)):
    return [np.stack([grey, grey // 2, 255 - grey], -1) for grey in greys(count, size)]


def stack(path, pages):
    first, *others = map(Image.fromarray, pages)
    first.save(path, save_all=True, append_images=others)


class TestDepth:
    @pytest.mark.parametrize(
        ("scale", "kind", "dtype"),
        [
            (1.0, "f4", torch.float32),
            (4095, "u2", torch.int32),
            (65535, "u2", torch.int32),
            (70000, "i4", torch.int32),
        ],
    )
    def test_more_than_8_bits_are_kept_as_numbers(self, scale, kind, dtype, tmp_path):
        made = [(wave(i) * scale - (1000 if kind == "i4" else 0)).astype(kind) for i in range(12)]
        found = vaekit.open_source(folder_of(tmp_path / "a", made, "tif"))
        assert found.values.dtype is dtype
        assert (found.values[:, 0].numpy() == np.stack(made)).all()
        assert found.notes == ()

    def test_16_bits_among_8_are_brought_to_8_with_a_note(self, tmp_path):
        mixed = [*greys(9), *[(wave(i) * 65535).astype("u2") for i in range(3)]]
        found = vaekit.open_source(folder_of(tmp_path / "a", mixed))
        assert found.values.dtype is torch.uint8
        assert found.notes == ("3 of 12 pictures have 16 bits: brought to 8, 65535 becoming 255",)
        assert found.values[9, 0].numpy() == pytest.approx(wave(0) * 255, abs=1)

    @pytest.mark.parametrize(("scale", "kind"), [(1, "f4"), (4000, "i4")])
    def test_other_numbers_among_8_bits_are_refused_by_name(self, scale, kind, tmp_path):
        folder_of(tmp_path / "a", greys(3))
        Image.fromarray((wave(0) * scale).astype(kind)).save(tmp_path / "a" / "odd.tif")
        with pytest.raises(
            BadInput, match=r"odd\.tif holds .*00\.png 8 bits: keep pictures of one kind"
        ):
            vaekit.open_source(str(tmp_path / "a"))

    def test_whole_numbers_among_fractions_are_said(self, tmp_path):
        folder_of(tmp_path / "a", [wave(i).astype("f4") for i in range(3)], "tif")
        Image.fromarray((wave(4) * 4095).astype("u2")).save(tmp_path / "a" / "9.tif")
        found = vaekit.open_source(str(tmp_path / "a"))
        assert found.values.dtype is torch.float32
        assert found.notes == (
            "1 of 4 pictures hold whole numbers: taken as fractions, as others are",
        )

    def test_a_gap_is_found_by_file(self, tmp_path):
        made = [wave(i).astype("f4") for i in range(3)]
        made[1][3, 4] = np.nan
        with pytest.raises(
            BadInput, match=r"1 values are missing .* the first in 01\.tif, position \(0, 3, 4\)"
        ):
            vaekit.open_source(folder_of(tmp_path / "a", made, "tif"))

    def test_whole_numbers_beyond_32_bits_are_refused_by_name(self, tmp_path):
        """Without a sign TIFF counts up to 2^32, which Pillow hands out as if there were one."""
        big = Image.fromarray(np.full((8, 8), -5, "i4"))
        big.save(tmp_path / "a.tif")
        signed = b"\x53\x01\x03\0\x01\0\0\0\x02\0"  # tag 339: the format of numbers is 2
        data = (tmp_path / "a.tif").read_bytes()
        assert data.count(signed) == 1
        (tmp_path / "a.tif").write_bytes(data.replace(signed, signed[:-2] + b"\x01\0"))
        with pytest.raises(BadInput, match=r"a\.tif holds whole numbers beyond 32 bits"):
            vaekit.open_source(str(tmp_path))

    def test_drawings_are_not_handed_to_other_programs(self, tmp_path):
        Image.new("L", (8, 8)).save(tmp_path / "a.eps")
        (tmp_path / "a.eps").rename(tmp_path / "a.png")
        with pytest.raises(BadInput, match=r"a\.png is a drawing \(EPS\)"):
            vaekit.open_source(str(tmp_path))

    def test_resized_numbers_stay_in_the_range_of_their_picture(self, tmp_path):
        edges = np.where(np.indices((40, 40)).sum(0) % 7 < 3, 3000, 100).astype("u2")
        found = vaekit.open_source(folder_of(tmp_path / "a", [edges] * 2), size=(16, 16)).values
        assert found.dtype is torch.int32
        assert (found.min() >= 100, found.max() <= 3000) == (True, True)
        assert len(found.unique()) > 10

    def test_numbers_left_on_disk_are_the_same(self, tmp_path, monkeypatch):
        place = folder_of(tmp_path / "a", [(wave(i) * 4095).astype("u2") for i in range(12)])
        whole = vaekit.open_source(place).values
        monkeypatch.setattr("vaekit.data.on_disk.LARGEST_IN_MEMORY", 0)
        lazy = vaekit.open_source(place).values
        assert isinstance(lazy, Pictures)
        assert lazy.dtype is torch.int32
        assert torch.equal(lazy[:], whole)

    def test_a_model_is_given_the_kind_of_numbers_it_learned(self, tmp_path):
        words = folder_of(tmp_path / "w", [(wave(i) * 4095).astype("u2") for i in range(12)])
        bytes_ = folder_of(tmp_path / "b", greys())
        units = folder_of(tmp_path / "u", [wave(i).astype("f4") for i in range(12)], "tif")
        how = {"latent": 2, "epochs": 1, "width": 4, "network": "dense"}
        wide, narrow = (vaekit.fit(p, **how) for p in (words, bytes_))
        assert wide.open(words).values.dtype is torch.int32
        with pytest.raises(
            BadInput, match=r"00\.png has 8 bits, but the model was trained on int32"
        ):
            wide.open(bytes_)
        with pytest.raises(
            BadInput, match=r"00\.tif holds fractions, but the model was trained on whole"
        ):
            wide.open(units)
        with pytest.raises(BadInput, match=r"00\.tif holds fractions, the model takes 8 bits"):
            narrow.open(units)
        scaled = narrow.open(words)
        assert scaled.values.dtype is torch.uint8
        assert "12 of 12 pictures have 16 bits: brought to 8, 65535 becoming 255" in scaled.notes

    def test_every_kind_of_colour_is_read(self, tmp_path):
        red = Image.new("RGB", (8, 8), (200, 10, 20))
        for number, mode in enumerate(("RGB", "P", "CMYK", "YCbCr", "HSV", "RGBA", "RGBX")):
            name = f"{number}.tif" if mode not in ("HSV",) else f"{number}.png"
            (red.convert(mode) if mode != "HSV" else red).save(tmp_path / name)
        found = vaekit.open_source(str(tmp_path)).values.float().mean((2, 3))
        assert found.numpy() == pytest.approx(np.tile([200, 10, 20], (7, 1)), abs=3)

    def test_transparent_grey_stays_grey_over_white(self, tmp_path):
        for number in range(2):
            Image.new("LA", (8, 8), (100, 255 * number)).save(tmp_path / f"{number}.png")
        found = vaekit.open_source(str(tmp_path))
        assert found.values.float().mean((1, 2, 3)).tolist() == [255, 100]
        assert found.notes == ("2 of 2 pictures are transparent somewhere: laid over white",)

    def test_a_turned_tiff_keeps_its_size(self, tmp_path):
        exif = Image.Exif()
        exif[274] = 6
        pixels = greys(1)[0]
        Image.fromarray(pixels).save(tmp_path / "a.tif", exif=exif)
        found = vaekit.open_source(str(tmp_path))
        assert found.shape == (1, 10, 12)
        assert (found.values[0, 0].numpy() == np.rot90(pixels, -1)).all()


class TestPages:
    def test_all_pages_are_pictures(self, tmp_path):
        pages = greys(8)
        for number in range(2):
            stack(tmp_path / f"{number}.tif", pages[4 * number : 4 * number + 4])
        found = vaekit.open_source(str(tmp_path))
        assert (found.values[:, 0].numpy() == np.stack(pages)).all()
        assert found.notes == ("2 files hold 8 pictures: each page is one",)
        assert found.names[:5] == (*(f"0.tif page {k}" for k in range(1, 5)), "1.tif page 1")

    @pytest.mark.parametrize("ending", ["gif", "png", "webp", "tif"])
    def test_of_one_file_too(self, ending, tmp_path):
        stack(tmp_path / f"a.{ending}", colours(12))
        found = vaekit.open_source(str(tmp_path / f"a.{ending}"))
        assert found.shape == (3, 12, 10)
        assert len({tuple(row.flatten().tolist()) for row in found.values}) == 12
        assert found.names[11] == f"a.{ending} page 12"

    def test_pages_left_on_disk_are_the_same(self, tmp_path, monkeypatch):
        stack(tmp_path / "a.gif", greys(6))
        whole = vaekit.open_source(str(tmp_path)).values
        monkeypatch.setattr("vaekit.data.on_disk.LARGEST_IN_MEMORY", 0)
        assert torch.equal(vaekit.open_source(str(tmp_path)).values[[4, 1]], whole[[4, 1]])

    def test_small_copies_and_previews_are_no_pictures(self, tmp_path):
        small = Image.fromarray(greys(1, (6, 5))[0])
        small.encoderinfo = {"tiffinfo": {254: 1}}
        big = Image.fromarray(greys(1)[0])
        big.save(tmp_path / "a.tif", save_all=True, append_images=[small])
        big.save(tmp_path / "b.jpg", "MPO", save_all=True, append_images=[small])
        found = vaekit.open_source(str(tmp_path))
        assert (found.shape, len(found)) == ((1, 12, 10), 2)

    def test_tiles_of_all_pages(self, tmp_path):
        stack(tmp_path / "a.tif", greys(2, (16, 8)))
        found = vaekit.open_source(str(tmp_path / "a.tif"), tiles=8)
        assert found.names == tuple(f"a.tif page {p} tile {t}" for p in (1, 2) for t in (1, 2))
        assert found.shape == (1, 8, 8)


class TestHidden:
    def test_files_that_programs_leave_are_no_pictures(self, tmp_path):
        place = Path(folder_of(tmp_path / "a", greys(2)))
        for name in ("._00.png", ".ipynb_checkpoints/00.png", "__MACOSX/x/01.png", "sub/.x/2.png"):
            (place / name).parent.mkdir(parents=True, exist_ok=True)
            (place / name).write_bytes(b"\0\5\x16\7" + bytes(60))
        (place / "Thumbs.db").write_bytes(b"1")
        (place / "folder.png").mkdir()
        found = vaekit.open_source(str(place))
        assert found.names == ("00.png", "01.png")
        assert found.labels is None

    def test_a_folder_whose_own_name_is_hidden_can_be_named(self, tmp_path):
        assert len(vaekit.open_source(folder_of(tmp_path / ".cache" / "a", greys(2)))) == 2

    def test_nor_are_they_shards(self, tmp_path):
        np.save(tmp_path / "a.npy", np.zeros((4, 3)))
        (tmp_path / "._a.npy").write_bytes(b"no array")
        (tmp_path / "__MACOSX").mkdir()
        (tmp_path / "__MACOSX" / "a.npz").write_bytes(b"no array")
        assert len(vaekit.open_source(str(tmp_path))) == 4

    def test_nor_members_of_archives(self, tmp_path):
        place = folder_of(tmp_path / "in", greys(2))
        (tmp_path / "in" / "._00.png").write_bytes(b"no picture")
        with tarfile.open(tmp_path / "a.tar", "w") as archive:
            archive.add(place, "pics")
        assert vaekit.open_source(str(tmp_path / "a.tar")).names == ("pics/00.png", "pics/01.png")


@pytest.mark.parametrize("place", ["big.png", "in", "a.tar"])
def test_too_large_a_picture_is_refused_in_a_line(place, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    folder_of(tmp_path / "in", greys(12))
    Image.new("1", (2000, 1500)).save("in/big.png")
    Image.new("1", (2000, 1500)).save("big.png")
    with tarfile.open("a.tar", "w") as archive:
        archive.add("in/big.png")
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 1_000_000)
    assert run(["train", place, *FEW]) == 2
    error = capsys.readouterr().err.strip()
    assert error.count("\n") == 0
    assert "big.png" in error
    assert "has 3 megapixels, more than the 2 that are read" in error


def test_a_large_picture_is_read_without_a_word(tmp_path, monkeypatch, recwarn):
    Image.new("1", (2000, 700)).save(tmp_path / "big.png")
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 1_000_000)
    assert len(vaekit.open_source(str(tmp_path))) == 1


@pytest.fixture(scope="module")
def models(tmp_path_factory):
    place = tmp_path_factory.mktemp("models")
    for name, made in (("colour", colours()), ("grey", greys())):
        data = folder_of(place / f"{name}-pics", made)
        assert run(["train", data, "--size", "8x6", "-o", str(place / name), *FEW]) == 0
    folder_of(place / "scan", greys(2, (30, 20)))
    folder_of(place / "photo", colours(2, (15, 40)))
    return place


MADE_COLOUR = ("colour", "scan", "2 of 2 pictures are grey: made colour")
MADE_GREY = ("grey", "photo", "2 of 2 pictures are in colour: made grey")
COMMANDS = ("encode", "evaluate", "reconstruct", "interpolate")


class TestNewPictures:
    @pytest.mark.parametrize(
        ("command", "model", "data", "said"),
        [*((c, *MADE_COLOUR) for c in (*COMMANDS, "report")), *((c, *MADE_GREY) for c in COMMANDS)],
    )
    def test_are_brought_to_what_the_model_takes(
        self, command, model, data, said, models, capsys, tmp_path
    ):
        out = tmp_path / {"evaluate": "e.json", "report": "r.html"}.get(command, "o.npy")
        more = ["--samples", "2"] if command == "evaluate" else []
        assert run([command, str(models / model), str(models / data), "-o", str(out), *more]) == 0
        error = capsys.readouterr().err
        assert f"note: {said}" in error
        assert "note: pictures cut at the centre and resized to 8 x 6" in error
        assert out.exists()

    def test_as_in_training(self, models):
        for name in ("colour", "grey"):
            model = vaekit.load(models / name)
            again = model.open(str(models / f"{name}-pics"))
            assert again.fingerprint == model.config.data.fingerprint
        scan = vaekit.load(models / "colour").open(str(models / "scan")).values
        assert scan.shape == (2, 3, 8, 6)
        alone = vaekit.open_source(str(models / "scan"), size=(8, 6)).values
        assert torch.equal(scan, alone.expand(-1, 3, -1, -1))

    def test_a_single_file_is_a_folder_of_one(self, models, tmp_path):
        path = str(models / "photo" / "01.png")
        model = vaekit.load(models / "colour")
        assert np.array_equal(model.encode(path), model.encode(str(models / "photo"))[1:])
        out = tmp_path / "codes.npy"
        assert run(["encode", str(models / "colour"), path, "-o", str(out)]) == 0
        assert np.load(out).shape == (1, 2)


class TestLabels:
    NAMED = [(f"{i}.png", "dark" if i < 6 else "light") for i in range(12)]

    @pytest.fixture
    def place(self, tmp_path, monkeypatch):
        monkeypatch.chdir(tmp_path)
        Path("pics").mkdir()
        for number in range(12):
            Image.new("L", (4, 4), 20 * number).save(f"pics/{number}.png")
        return tmp_path

    def labels(self, text, **how):
        Path("y.csv").write_text(text)
        found = vaekit.open_source("pics", labels="y.csv", **how)
        return {
            n: found.label_names[k] for n, k in zip(found.names, found.labels, strict=True)
        }, found.notes

    @pytest.mark.parametrize("header", ["", "filename{}label\n", "id{}class\n"])
    @pytest.mark.parametrize("separator", [",", ";", "\t", " ", "|", ", "])
    @pytest.mark.parametrize("written", ["{}", "pics/{}", "./{}", "C:\\me\\{}"])
    def test_by_name(self, written, separator, header, place):
        lines = [f"{written.format(name)}{separator}{label}\n" for name, label in self.NAMED]
        found, notes = self.labels(header.format(separator) + "".join(reversed(lines)))
        assert found == dict(self.NAMED)
        assert notes == ("labels are taken by file name",)

    def test_by_name_without_an_ending(self, place):
        found, _ = self.labels("".join(f"{n[:-4]},{label}\n" for n, label in self.NAMED))
        assert found == dict(self.NAMED)

    def test_of_more_columns_one_is_named(self, place):
        rows = "".join(f"{i},{n},{label},{i % 3}\n" for i, (n, label) in enumerate(self.NAMED))
        assert self.labels(",file,label,fold\n" + rows)[0] == dict(self.NAMED)
        folds, _ = self.labels(",file,label,fold\n" + rows, label="fold")
        assert folds["4.png"] == "1"
        with pytest.raises(
            BadInput, match=r"y\.csv has several columns \(, file, kind, fold\).*--label"
        ):
            self.labels(",file,kind,fold\n" + rows)

    def test_alone_in_the_natural_order_of_names(self, place):
        found, (note,) = self.labels("".join(f"{label}\n" for _, label in self.NAMED))
        assert found == dict(self.NAMED)
        assert (
            "natural order (0.png, 1.png, 2.png, ...), not that of letters (0.png, 1.png, 10.png, ...)"
            in note
        )
        headed, _ = self.labels("label\n" + "".join(f"{label}\n" for _, label in self.NAMED))
        assert headed == found

    def test_rows_keep_their_order(self, place):
        assert vaekit.open_source("pics").names[:3] == ("0.png", "1.png", "10.png")

    @pytest.mark.parametrize(
        ("change", "line"),
        [
            (lambda rows: rows[:7] + rows[8:], r"y\.csv has no label for 7\.png$"),
            (lambda rows: rows[2:], r"y\.csv has no label for 0\.png \(and 1 others\)"),
            (lambda rows: [*rows, ("7.png", "dark")], r"says of 7\.png both 'light' and 'dark'"),
            (
                lambda rows: [(f"x{n}", label) for n, label in rows],
                r"y\.csv has no label for 0\.png",
            ),
        ],
    )
    def test_a_mismatch_names_the_picture(self, change, line, place):
        with pytest.raises(BadInput, match=line):
            self.labels("".join(f"{n},{label}\n" for n, label in change(self.NAMED)))

    def test_names_of_other_pictures_are_counted(self, place):
        rows = [*self.NAMED, ("50.png", "dark"), ("51.png", "odd")]
        found, (note,) = self.labels("".join(f"{n},{label}\n" for n, label in rows))
        assert found == dict(self.NAMED)
        assert "2 of its names are of no picture here" in note

    def test_the_wrong_number_is_refused(self, place):
        with pytest.raises(BadInput, match="12 rows but 11 labels"):
            self.labels("a\n" * 11)

    def test_a_file_has_one_label_for_all_its_pages(self, place):
        for number in (2, 10):
            stack(f"pics/{number}.tif", greys(3, (4, 4)))
            Path(f"pics/{number}.png").unlink()
        named = [
            (n.replace(".png", ".tif") if n[:-4] in ("2", "10") else n, k) for n, k in self.NAMED
        ]
        found, _ = self.labels("".join(f"{n},{label}\n" for n, label in named))
        assert (len(found), found["10.tif page 3"], found["2.tif page 1"]) == (16, "light", "dark")
        alone, _ = self.labels("".join(f"{label}\n" for _, label in named))
        assert alone == found

    def test_of_members_of_archives(self, place):
        with tarfile.open("a.tar", "w") as archive:
            archive.add("pics")
        Path("y.csv").write_text("".join(f"{n},{label}\n" for n, label in self.NAMED))
        found = vaekit.open_source("a.tar", labels="y.csv")
        assert found.label_names[found.labels[found.names.index("pics/10.png")]] == "light"

    def test_natural_order(self):
        assert sorted(["a10", "a9b", "a9", "b", "10", "2"], key=natural) == [
            "2",
            "10",
            "a9",
            "a9b",
            "a10",
            "b",
        ]

    def test_what_a_model_is_given_is_matched_alike(self, place, capsys):
        """``--given label=@FILE``: by file name too, at every command that takes pictures."""
        lines = [f"{n},{label}\n" for n, label in self.NAMED]
        Path("y.csv").write_text("".join(lines))
        assert (
            run(
                [
                    "train",
                    "pics",
                    "--recipe",
                    "conditional_vae",
                    "--labels",
                    "y.csv",
                    "--given",
                    "label",
                    "-o",
                    "run",
                    "--likelihood",
                    "logistic_mixture",
                    *FEW,
                ]
            )
            == 0
        )
        Path("mixed.csv").write_text("".join(lines[::-1]))
        model = vaekit.load("run")
        right = model.encode(
            "pics", given={"label": [dict(self.NAMED)[n] for n in model.open("pics").names]}
        )
        assert run(["encode", "run", "pics", "--given", "label=@mixed.csv", "-o", "z.npy"]) == 0
        assert "note: label: labels are taken by file name" in capsys.readouterr().err
        assert np.load("z.npy") == pytest.approx(right, abs=1e-6)
        assert run(["compress", "run", "pics", "--given", "label=@mixed.csv", "-o", "a.vk"]) == 0
        assert run(["decompress", "a.vk", "run", "-o", "back"]) == 0
        assert np.asarray(Image.open("back/10.png"))[0, 0] == 200
