"""Pictures compressed: every kind of file comes back as it was, or is refused and nothing written."""

import json
import struct
import zlib

import numpy as np
import pytest
from PIL import Image, ImageCms, ImageOps

import vaekit
from vaekit.codec.container import KEPT as KEPT_IN_HEADER
from vaekit.data.readers.whole_pictures import UNDONE_BY, upright
from vaekit.interfaces.cli import run
from vaekit.runs.archive import Archive
from vaekit.runs.tiles import compress_pictures, restore_pictures
from vaekit.system.checks import BadInput

RANDOM = np.random.default_rng(0)
COLOUR = RANDOM.integers(0, 256, (9, 13, 3)).astype("u1")
GREY = COLOUR[..., 0].copy()
WORDS = RANDOM.integers(0, 65536, (9, 13)).astype("u2")
SIGNED = RANDOM.integers(-1000, 1000, (9, 13)).astype("i4")
UNIT = RANDOM.random((9, 13)).astype("f4")


def turned(number):
    exif = Image.Exif()
    exif[274] = number
    return exif


def profile():
    return ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()


def paletted(twice=False):
    found = Image.fromarray(GREY % 16)
    colours = RANDOM.integers(0, 256, (16, 3)).astype("u1")
    if twice:
        colours[3] = colours[9]
    found.putpalette(colours.tobytes())
    return found


def with_alpha(mode):
    alpha = Image.fromarray(RANDOM.integers(0, 256, (9, 13)).astype("u1"))
    found = Image.fromarray(COLOUR).convert(mode)
    found.putalpha(alpha)
    return found


def png_of_words(colours):
    """A PNG file of 16 bits for each colour, which Pillow cannot write."""
    height, width = 5, 4
    numbers = RANDOM.integers(0, 65536, (height, width * (3 if colours == 2 else 4))).astype(">u2")

    def chunk(name, data):
        return (
            struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))
        )

    lines = b"".join(b"\0" + line.tobytes() for line in numbers)
    head = struct.pack(">IIBBBBB", width, height, 16, colours, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", head)
        + chunk(b"IDAT", zlib.compress(lines))
        + chunk(b"IEND", b"")
    )


def several(count=3):
    return [Image.fromarray(np.roll(GREY, k)) for k in range(count)]


def saved(image, name, **options):
    return lambda folder: image.save(folder / name, **options)


def written(name, data):
    return lambda folder: (folder / name).write_bytes(data)


def stack(name, pages, **options):
    first, *others = pages
    return saved(first, name, save_all=True, append_images=others, **options)


MIXED = [
    Image.fromarray(GREY),
    Image.fromarray(COLOUR),
    Image.fromarray(COLOUR).convert("1"),
    paletted(),
]
KEPT = {
    "grey png": saved(Image.fromarray(GREY), "a.png"),
    "grey bmp": saved(Image.fromarray(GREY), "a.bmp"),
    "grey tiff": saved(Image.fromarray(GREY), "a.tif"),
    "grey jpeg": saved(Image.fromarray(GREY), "a.jpg"),
    "grey webp": saved(Image.fromarray(GREY), "a.webp", lossless=True),
    "colour png": saved(Image.fromarray(COLOUR), "a.png"),
    "colour jpeg": saved(Image.fromarray(COLOUR), "a.jpg"),
    "colour ppm": saved(Image.fromarray(COLOUR), "a.ppm"),
    "colour that is grey": saved(Image.fromarray(GREY).convert("RGB"), "a.png"),
    "bits png": saved(Image.fromarray(GREY).convert("1"), "a.png"),
    "bits tiff": saved(Image.fromarray(GREY).convert("1"), "a.tif", compression="group4"),
    "palette png": saved(paletted(), "a.png"),
    "palette gif": saved(paletted(), "a.gif"),
    "palette with a colour twice": saved(paletted(twice=True), "a.png"),
    "palette tiff": saved(paletted(), "a.tif"),
    "alpha": saved(with_alpha("RGB"), "a.png"),
    "alpha webp": saved(with_alpha("RGB"), "a.webp", lossless=True, exact=True),
    "alpha tiff": saved(with_alpha("RGB"), "a.tif"),
    "grey with alpha": saved(with_alpha("L"), "a.png"),
    "transparent colour": saved(Image.fromarray(COLOUR), "a.png", transparency=tuple(map(int, COLOUR[0, 0]))),
    "transparent grey": saved(Image.fromarray(GREY), "a.png", transparency=int(GREY[0, 0])),
    "transparent bit": saved(Image.fromarray(GREY).convert("1"), "a.png", transparency=1),
    "transparent in a palette": saved(paletted(), "a.png", transparency=5),
    "opacity in a palette": saved(paletted(), "a.png", transparency=bytes([0, 50, 255, 100])),
    "transparent gif": saved(paletted(), "a.gif", transparency=5),
    **{
        f"turned {number}, {ending}": saved(Image.fromarray(COLOUR), f"a.{ending}", exif=turned(number))
        for number in range(2, 9)
        for ending in ("png", "jpg", "tif")
    },
    "turned webp": saved(Image.fromarray(COLOUR), "a.webp", exif=turned(6)),
    "turned and transparent": saved(paletted(), "a.png", exif=turned(8), transparency=2),
    "profile png": saved(Image.fromarray(COLOUR), "a.png", icc_profile=profile()),
    "profile jpeg": saved(Image.fromarray(COLOUR), "a.jpg", icc_profile=profile()),
    "profile tiff": saved(Image.fromarray(COLOUR), "a.tif", icc_profile=profile()),
    "resolution": saved(Image.fromarray(COLOUR), "a.jpg", dpi=(300, 300)),
    "words png": saved(Image.fromarray(WORDS), "a.png"),
    "words tiff": saved(Image.fromarray(WORDS), "a.tif"),
    "words pgm": saved(Image.fromarray(WORDS), "a.pgm"),
    "transparent word": saved(Image.fromarray(WORDS), "a.png", transparency=int(WORDS[0, 0])),
    "turned words": saved(Image.fromarray(WORDS), "a.png", exif=turned(5)),
    "signed": saved(Image.fromarray(SIGNED), "a.tif"),
    "pages": stack("a.tif", several()),
    "pages of many kinds": stack("a.tif", MIXED),
    "pages of words": stack("a.tif", [Image.fromarray(WORDS), Image.fromarray(WORDS.T.copy())]),
}  # fmt: skip
REFUSED = {
    "cmyk": (saved(Image.fromarray(COLOUR).convert("CMYK"), "a.jpg"), "of mode CMYK"),
    "palette with alpha": (saved(paletted().convert("PA"), "a.tif"), "of mode PA"),
    "colours of 16 bits": (written("a.png", png_of_words(2)), "16 bits, of which only 8"),
    "alpha of 16 bits": (written("a.png", png_of_words(6)), "16 bits, of which only 8"),
    "scaled": (written("a.pgm", b"P5 2 2 4095\n" + bytes(8)), "scaled when they are read"),
    "animated gif": (stack("a.gif", several()), r"3 pictures \(GIF\)"),
    "animated png": (stack("a.png", several()), r"3 pictures \(PNG\)"),
    "animated webp": (stack("a.webp", several()), r"3 pictures \(WEBP\)"),
    "cut off": (written("a.png", b"\x89PNG\r\n\x1a\n123"), "cannot read .*a.png"),
}  # fmt: skip


@pytest.fixture(scope="module")
def coders():
    """A model of colour pictures, and one of numbers beyond 8 bits."""
    how = {"latent": 2, "epochs": 1, "width": 4, "network": "dense"}
    rows = RANDOM.integers(0, 256, (40, 8, 8, 3)).astype("u1")
    wide = RANDOM.integers(0, 2000, (40, 8, 8)).astype("i4")
    return (
        vaekit.fit(rows, likelihood="logistic_mixture", **how),
        vaekit.fit(wide, likelihood="negative_binomial", **how),
    )


def is_wide(path):
    with Image.open(path) as image:
        return image.mode.startswith(("I", "F"))


def seen(path):
    """What anyone sees of a file, and its numbers."""
    pages = []
    with (
        path.open("rb") as file,
        Image.open(file) as image,
    ):  # a path is mapped, and then turned wrongly
        for number in range(getattr(image, "n_frames", 1)):
            image.seek(number)
            image.load()
            mode = "I;16" if image.mode == "I" and image.format == "PPM" else image.mode
            upright_ = ImageOps.exif_transpose(image)
            shown = upright_ if image.mode.startswith("I") else upright_.convert("RGBA")
            pages.append({
                "mode": mode,
                "numbers": np.asarray(image).astype("i4").tolist(),
                "shown": np.asarray(shown).astype("i4").tolist(),
                "turned": image.getexif().get(274, 1),
                "profile": image.info.get("icc_profile"),
                "clear": None if mode == "P" else image.info.get("transparency"),
                "dpi": tuple(round(float(n)) for n in image.info.get("dpi", (1, 1))),
            })  # fmt: skip
    return pages


@pytest.mark.parametrize("kind", KEPT)
def test_what_is_compressed_comes_back_as_it_was(kind, coders, tmp_path):
    (tmp_path / "in").mkdir()
    KEPT[kind](tmp_path / "in")
    (path,) = (tmp_path / "in").iterdir()
    model = coders[is_wide(path)]
    compress_pictures(model, tmp_path / "in", tmp_path / "a.vk")
    assert restore_pictures(Archive(tmp_path / "a.vk", model), tmp_path / "out") == 1
    (back,) = (tmp_path / "out").iterdir()
    assert back.stem == "a"
    assert seen(back) == seen(path)


@pytest.mark.parametrize("kind", REFUSED)
def test_what_would_not_come_back_is_refused(kind, coders, tmp_path):
    make, why = REFUSED[kind]
    (tmp_path / "in").mkdir()
    Image.fromarray(COLOUR).save(tmp_path / "in" / "0.png")
    make(tmp_path / "in")
    with pytest.raises(BadInput, match=why):
        compress_pictures(coders[0], tmp_path / "in", tmp_path / "a.vk")
    assert [p.name for p in tmp_path.iterdir()] == ["in"]


def folder_with(place, make):
    place.mkdir()
    make(place)
    return place


def test_a_picture_alone_and_all_of_a_folder(coders, tmp_path):
    kinds = ("grey png", "alpha", "pages of many kinds", "turned 6, jpg", "palette gif")
    for number, kind in enumerate(kinds):
        (tmp_path / "in" / str(number)).mkdir(parents=True)
        KEPT[kind](tmp_path / "in" / str(number))
    compress_pictures(coders[0], tmp_path / "in", tmp_path / "a.vk")
    archive = Archive(tmp_path / "a.vk", coders[0])
    assert restore_pictures(archive, tmp_path / "out") == 5
    assert restore_pictures(archive, tmp_path / "some", 2, 4) == 2
    for place in sorted((tmp_path / "in").rglob("a.*")):
        (back,) = (tmp_path / "out" / place.parent.name).iterdir()
        assert seen(back) == seen(place)
    assert sorted(p.name for p in (tmp_path / "some").iterdir()) == ["2", "3"]
    assert seen(tmp_path / "some" / "2" / "a.tif") == seen(tmp_path / "in" / "2" / "a.tif")
    compress_pictures(coders[0], tmp_path / "in" / "1" / "a.png", tmp_path / "b.vk")
    assert restore_pictures(Archive(tmp_path / "b.vk", coders[0]), tmp_path / "one") == 1
    assert seen(tmp_path / "one" / "a.png") == seen(tmp_path / "in" / "1" / "a.png")


def test_a_camera_s_notes_are_kept_and_what_is_not_is_said(coders, tmp_path):
    exif = Image.Exif()
    exif[271], exif[306], exif[274] = "Maker", "2026:01:02 03:04:05", 6
    photo, plain = Image.fromarray(COLOUR), Image.fromarray(GREY)
    place = folder_with(tmp_path / "in", saved(photo, "a.jpg", exif=exif, comment=b"mine"))
    plain.save(place / "b.tif", tiffinfo={270: "a cell"})
    found = compress_pictures(coders[0], place, tmp_path / "a.vk")
    assert found.notes == ("not kept of 2 of 2 files: ImageDescription, comment",)
    restore_pictures(Archive(tmp_path / "a.vk", coders[0]), tmp_path / "out")
    with Image.open(tmp_path / "out" / "a.png") as back, Image.open(place / "a.jpg") as was:
        assert back.info["exif"] == was.info["exif"]


def test_what_is_decoded_is_compared_with_the_file_itself(coders, tmp_path, monkeypatch):
    place = folder_with(tmp_path / "in", saved(Image.fromarray(COLOUR), "a.png"))
    from vaekit.runs import tiles

    def slow(*some, **more):
        found = compress(*some, **more)
        Image.fromarray(255 - COLOUR).save(place / "a.png")
        return found

    compress = tiles.compress
    monkeypatch.setattr(tiles, "compress", slow)
    with pytest.raises(
        BadInput, match=r"a\.png cannot be kept whole: its pixels would not come back"
    ):
        compress_pictures(coders[0], place, tmp_path / "a.vk")
    assert [p.name for p in tmp_path.iterdir()] == ["in"]


def test_a_writer_that_loses_something_is_found_out(coders, tmp_path, monkeypatch):
    """Should Pillow ever write less than it is told, the file is refused."""
    place = folder_with(tmp_path / "in", KEPT["turned 6, png"])
    from vaekit.data.readers.whole_pictures import WholePage

    monkeypatch.setattr(WholePage, "options", {})
    with pytest.raises(BadInput, match="its orientation would not come back the same"):
        compress_pictures(coders[0], place, tmp_path / "a.vk")


@pytest.fixture(scope="module")
def grey():
    how = {"latent": 2, "epochs": 1, "width": 4, "network": "dense"}
    rows = RANDOM.integers(0, 256, (40, 8, 8)).astype("u1")
    return vaekit.fit(rows, likelihood="logistic_mixture", **how)


def test_what_a_model_does_not_code_is_refused_by_name(coders, grey, tmp_path):
    colour = folder_with(tmp_path / "c", KEPT["colour png"])
    with pytest.raises(BadInput, match=r"a\.png is in colour; the model codes grey pictures"):
        compress_pictures(grey, colour, tmp_path / "a.vk")
    words = folder_with(tmp_path / "w", KEPT["words png"])
    with pytest.raises(BadInput, match=r"a\.png is of mode I;16, with more than 8 bits"):
        compress_pictures(grey, words, tmp_path / "a.vk")
    Image.fromarray(UNIT).save(words / "b.tif")
    with pytest.raises(BadInput, match=r"b\.tif holds fractions, .*a\.png whole numbers"):
        compress_pictures(coders[1], words, tmp_path / "a.vk")
    Image.fromarray(GREY).save(colour / "a.bmp")
    with pytest.raises(BadInput, match="differ only in their ending"):
        compress_pictures(coders[0], colour, tmp_path / "a.vk")
    assert not (tmp_path / "a.vk").exists()


@pytest.mark.parametrize("kind", ["grey png", "colour that is grey", "bits png", "grey with alpha"])
def test_grey_pictures_of_any_kind_go_through_a_grey_model(kind, grey, tmp_path):
    place = folder_with(tmp_path / "in", KEPT[kind])
    compress_pictures(grey, place, tmp_path / "a.vk")
    restore_pictures(Archive(tmp_path / "a.vk", grey), tmp_path / "out")
    assert seen(tmp_path / "out" / "a.png") == seen(place / "a.png")


def version(path):
    return struct.unpack("<H", path.read_bytes()[8:10])[0]


def test_plain_pictures_need_no_new_format(coders, tmp_path):
    plain = folder_with(tmp_path / "p", KEPT["colour png"])
    more = folder_with(tmp_path / "m", KEPT["pages"])
    for place, number in ((plain, 2), (more, 4)):
        compress_pictures(coders[0], place, tmp_path / "a.vk")
        assert version(tmp_path / "a.vk") == number
        header = Archive(tmp_path / "a.vk", coders[0]).header
        assert (KEPT_IN_HEADER in header) == (number == 4)


@pytest.mark.parametrize(
    "kept",
    [
        [], {}, {"blobs": [], "pages": []}, {"blobs": [], "pages": [{"mode": "CMYK"}]}, {"blobs": [], "pages": [3]},
        {"blobs": ["?"], "pages": [{"mode": "RGBA", "alpha": {"blob": 0}}]},
        {"blobs": ["AAAA"], "pages": [{"mode": "P", "palette": {"blob": 0}}]},
        {"blobs": [], "pages": [{"mode": "P", "palette": {"blob": 7}}]},
        {"blobs": [], "pages": [{"mode": "RGBA"}]}, {"blobs": [], "pages": [{"mode": "P"}]},
        {"blobs": [], "pages": [{"turn": [6]}]}, {"blobs": [], "pages": [{"clear": "x"}]},
        {"blobs": [], "pages": [{"dpi": ["x"]}]}, {"blobs": [], "pages": [{"exif": 3}]},
        {"blobs": [], "pages": [{"profile": [1]}]}, {"blobs": [], "pages": [{"turn": 10**9}]},
    ],
    ids=json.dumps,
)  # fmt: skip
def test_a_header_that_makes_no_sense_is_refused(kept, coders, tmp_path):
    place = folder_with(tmp_path / "in", KEPT["colour png"])
    compress_pictures(coders[0], place, tmp_path / "a.vk")
    archive = Archive(tmp_path / "a.vk", coders[0])
    archive.header[KEPT_IN_HEADER] = kept
    with pytest.raises(BadInput, match=r"a\.vk: the header makes no sense"):
        restore_pictures(archive, tmp_path / "out")
    assert not any((tmp_path / "out").rglob("*.png"))


@pytest.mark.parametrize("turn", range(1, 9))
def test_turned_as_pillow_turns(turn):
    image = Image.fromarray(COLOUR)
    image.getexif()[274] = turn
    planes = COLOUR.transpose(2, 0, 1)
    assert (
        upright(planes, turn).transpose(1, 2, 0) == np.asarray(ImageOps.exif_transpose(image))
    ).all()
    assert (upright(upright(planes, turn), UNDONE_BY.get(turn, 1)) == planes).all()


def test_at_the_command_line(coders, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    coders[0].save("model")
    place = folder_with(tmp_path / "in", KEPT["transparent in a palette"])
    (place / "._a.png").write_bytes(b"no picture")
    assert run(["compress", "model", "in/a.png", "-o", "a.vk"]) == 0
    assert run(["decompress", "a.vk", "model", "-o", "out"]) == 0
    assert seen(tmp_path / "out" / "a.png") == seen(place / "a.png")
    REFUSED["cmyk"][0](place)
    capsys.readouterr()
    assert run(["compress", "model", "in", "-o", "b.vk"]) == 2
    error = capsys.readouterr().err.strip()
    assert error.count("\n") == 0
    assert "in/a.jpg cannot be kept whole: it is of mode CMYK" in error
    assert not (tmp_path / "b.vk").exists()
