""".vk files: whole or refused, readable from any row, on any machine."""

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import vaekit
from vaekit.data.readers.images import from_tiles, to_tiles
from vaekit.interfaces.cli import run
from vaekit.runs.archive import Archive, fingerprint
from vaekit.runs.compression import compress
from vaekit.runs.tiles import compress_pictures, restore_pictures
from vaekit.system.checks import BadInput


@pytest.fixture(scope="module")
def trained():
    return vaekit.fit("digits", latent=4, epochs=80, width=64)


@pytest.fixture(scope="module")
def rows(trained):
    return trained.source.values.numpy()[:200]


@pytest.fixture
def packed(trained, rows, tmp_path):
    path = tmp_path / "rows.vk"
    compress(trained, rows, path, block_rows=50)
    return path


def test_rows_come_back_as_they_were(trained, rows, packed):
    found = Archive(packed, trained).read()
    assert found.dtype == rows.dtype
    assert found.tobytes() == rows.tobytes()


@pytest.mark.parametrize("dtype", ["uint8", "int64", ">i4", "float32", "uint16"])
def test_every_type_of_number_comes_back(trained, rows, tmp_path, dtype):
    values = rows.astype(dtype)
    found = compress(trained, values, tmp_path / "a.vk")
    back = Archive(tmp_path / "a.vk", trained).read()
    assert back.dtype == values.dtype
    assert back.tobytes() == values.tobytes()
    assert found.plain == 0


def test_images_come_back_in_the_layout_they_had(trained, rows, tmp_path):
    """Grey images without an axis of channels, and colours last, as most arrays of images are."""
    flat = rows[:, 0]
    compress(trained, flat, tmp_path / "a.vk", block_rows=50)
    archive = Archive(tmp_path / "a.vk", trained)
    assert np.array_equal(archive.read(), flat)
    assert archive.read(60, 70).shape == (10, 8, 8)
    assert np.array_equal(archive.salvage()[0], flat)
    colour = np.random.default_rng(0).integers(0, 9, (60, 6, 7, 3)).astype("uint8")
    other = vaekit.fit(colour, latent=2, width=8, epochs=1)
    compress(other, colour, tmp_path / "b.vk")
    assert np.array_equal(Archive(tmp_path / "b.vk", other).read(), colour)


def test_rows_that_the_model_cannot_describe_are_stored_plainly(trained, tmp_path):
    values = np.random.default_rng(0).normal(size=(40, 1, 8, 8)).astype("float32")
    values[0, 0, 0] = [np.nan, np.inf, -0.0, 1e30, -5, 0.5, 17, 255]
    found = compress(trained, values, tmp_path / "a.vk", block_rows=10)
    assert found.plain == 4
    assert Archive(tmp_path / "a.vk", trained).read().tobytes() == values.tobytes()


def test_noise_grows_by_next_to_nothing(tmp_path):
    model = vaekit.fit(
        np.random.default_rng(1).integers(0, 40, (60, 1, 16, 16)).astype("uint8"),
        latent=2, epochs=1, width=4, likelihood="logistic_mixture", network="dense",
    )  # fmt: skip
    noise = np.random.default_rng(0).integers(0, 256, (2000, 1, 16, 16)).astype("uint8")
    found = compress(model, noise, tmp_path / "a.vk")
    assert found.size < 1.001 * noise.nbytes + 1000
    assert (Archive(tmp_path / "a.vk", model).read() == noise).all()


def test_any_range_is_read_from_its_blocks_alone(trained, rows, packed):
    archive = Archive(packed, trained)
    seen = []
    decoded = archive.decoded
    object.__setattr__(archive, "decoded", lambda c: (seen.append(c[0].number), decoded(c))[1])
    assert (archive.read(60, 140) == rows[60:140]).all()
    assert seen == [1, 2]
    with pytest.raises(BadInput, match="190:210"):
        archive.read(190, 210)


@pytest.mark.slow
def test_no_damage_goes_unnoticed(trained, rows, packed, tmp_path):
    """One bit flipped anywhere: a clear refusal or the right rows, never wrong ones."""
    whole, other = packed.read_bytes(), tmp_path / "damaged.vk"
    refused = 0
    for at in range(0, len(whole), max(len(whole) // 60, 1)):
        other.write_bytes(whole[:at] + bytes([whole[at] ^ 16]) + whole[at + 1 :])
        try:
            found = Archive(other, trained).read()
        except BadInput:
            refused += 1
        else:
            assert (found == rows).all()
    assert refused > 55


def test_a_file_cut_anywhere_is_refused(trained, packed, tmp_path):
    whole, other = packed.read_bytes(), tmp_path / "part.vk"
    for length in [8, 12, 100, *range(200, len(whole), len(whole) // 40), len(whole) - 1]:
        other.write_bytes(whole[:length])
        with pytest.raises(BadInput, match="cut off"):
            Archive(other, trained).read()
    for length in (0, 5):
        other.write_bytes(whole[:length])
        with pytest.raises(BadInput, match="not a file that vaekit"):
            Archive(other, trained)


def test_whole_blocks_are_saved_from_a_damaged_file(trained, rows, packed, tmp_path):
    whole, other = bytearray(packed.read_bytes()), tmp_path / "damaged.vk"
    offsets = Archive(packed, trained).reader.offsets()
    whole[offsets[1] + 60] ^= 1
    other.write_bytes(whole[: offsets[3] + 50])
    found, numbers = Archive(other, trained).salvage()
    assert numbers.tolist() == [*range(50), *range(100, 150)]
    assert (found == rows[numbers]).all()


def test_blocks_that_were_moved_or_come_from_elsewhere_are_refused(trained, rows, tmp_path):
    """Each block is whole, but not where it belongs."""
    one, two = tmp_path / "one.vk", tmp_path / "two.vk"
    compress(trained, rows[:80], one, block_rows=20)
    compress(trained, rows[80:160], two, block_rows=20)
    offsets = [*Archive(one, trained).reader.offsets(), one.stat().st_size]
    whole, other = one.read_bytes(), tmp_path / "mixed.vk"
    first, second = whole[offsets[0] : offsets[1]], whole[offsets[1] : offsets[2]]
    other.write_bytes(whole[: offsets[0]] + second + first + whole[offsets[2] :])
    if len(first) == len(second):
        with pytest.raises(BadInput, match="disagree"):
            Archive(other, trained).read()
    found, numbers = Archive(other, trained).salvage()
    assert (found == rows[numbers]).all()
    from_two = two.read_bytes()[Archive(two, trained).reader.offsets()[0] :]
    other.write_bytes(whole[: offsets[1]] + from_two)
    with pytest.raises(BadInput):
        Archive(other, trained).read()
    found, numbers = Archive(other, trained).salvage()
    assert numbers.tolist() == list(range(20))
    assert (found == rows[:20]).all()


def test_headers_that_make_no_sense_are_named(trained, rows, tmp_path):
    import struct
    import zlib

    path = tmp_path / "a.vk"
    compress(trained, rows[:20], path)
    whole = path.read_bytes()
    (length,) = struct.unpack_from("<I", whole, 12)
    header = json.loads(whole[16 : 16 + length])
    for change in (
        {"rows": 30},
        {"dtype": "nonsense"},
        {"blocks": "x"},
        {"tables": 5},
        {"shape": None},
    ):
        text = json.dumps({**header, **change}).encode()
        start = whole[:12] + struct.pack("<I", len(text)) + text
        path.write_bytes(start + struct.pack("<I", zlib.crc32(start)) + whole[20 + length :])
        with pytest.raises(BadInput, match="makes no sense"):
            Archive(path, trained)


def test_a_later_version_a_wrong_model_and_a_foreign_file_are_named(trained, packed, tmp_path):
    whole, other = bytearray(packed.read_bytes()), tmp_path / "other.vk"
    whole[8] = 7
    other.write_bytes(whole)
    with pytest.raises(BadInput, match=r"format 7.*upgrade"):
        Archive(other, trained)
    whole[8] = 1
    other.write_bytes(whole)
    with pytest.raises(BadInput, match=r"format 1, from before the first release"):
        Archive(other, trained)
    with pytest.raises(BadInput, match="another model"):
        Archive(packed, vaekit.fit("digits", latent=4, epochs=1, width=64, seed=1)).read()
    with pytest.raises(BadInput, match="does not hold its model"):
        Archive(packed).read()
    other.write_bytes(b"PK\x03\x04" * 50)
    with pytest.raises(BadInput, match="not a file that vaekit compressed"):
        Archive(other)


def test_the_embedded_model_is_the_model(trained, rows, tmp_path):
    found = compress(trained, rows, tmp_path / "a.vk", embed=True)
    archive = Archive(tmp_path / "a.vk")
    assert found.model > 1000
    assert (archive.read() == rows).all()
    assert fingerprint(archive.model) == fingerprint(trained)


def test_verification_stands_between_a_fault_and_the_file(trained, rows, tmp_path, monkeypatch):
    from vaekit.codec import blocks

    real = blocks.decompress
    monkeypatch.setattr(blocks, "decompress", lambda *a, **k: real(*a, **k) ^ 1)
    with pytest.raises(RuntimeError, match="block 0"):
        compress(trained, rows, tmp_path / "a.vk")
    assert not list(tmp_path.iterdir())


def test_threads_and_block_sizes_give_the_same_rows(trained, rows, tmp_path):
    import torch

    before, files = torch.get_num_threads(), []
    try:
        for threads in (1, 2):
            torch.set_num_threads(threads)
            compress(trained, rows, tmp_path / f"{threads}.vk")
            files.append((tmp_path / f"{threads}.vk").read_bytes())
    finally:
        torch.set_num_threads(before)
    assert files[0] == files[1]
    for size in (1, 7, 199):
        compress(trained, rows[:40], tmp_path / "b.vk", block_rows=size)
        assert (Archive(tmp_path / "b.vk", trained).read() == rows[:40]).all()


# ---- pictures


def test_tiles_are_put_together_again():
    for height, width in ((5, 7), (8, 8), (16, 3), (17, 23)):
        pixels = np.random.default_rng(0).integers(0, 256, (3, height, width)).astype("uint8")
        assert (from_tiles(to_tiles(pixels, (8, 8)), height, width) == pixels).all()


def test_a_folder_of_pictures_of_any_size(tmp_path, capsys):
    folder, random = tmp_path / "in", np.random.default_rng(0)
    (folder / "deep").mkdir(parents=True)
    pictures = {}
    for name, size in (("a.png", (20, 33)), ("b.png", (16, 16)), ("deep/c.png", (7, 40))):
        pictures[name] = random.integers(0, 60, (*size, 3)).astype("uint8")
        Image.fromarray(pictures[name]).save(folder / name)
    tiles = random.integers(0, 60, (80, 3, 16, 16)).astype("uint8")
    model = vaekit.fit(
        tiles, latent=2, epochs=1, width=4, network="dense", likelihood="logistic_mixture"
    )
    model.save(tmp_path / "model")
    assert (
        run(["compress", str(tmp_path / "model"), str(folder), "-o", str(tmp_path / "p.vk")]) == 0
    )
    assert (
        run(
            [
                "decompress",
                str(tmp_path / "p.vk"),
                str(tmp_path / "model"),
                "-o",
                str(tmp_path / "out"),
            ]
        )
        == 0
    )
    for name, wanted in pictures.items():
        assert (np.asarray(Image.open(tmp_path / "out" / name)) == wanted).all()
    archive = Archive(tmp_path / "p.vk", model)
    assert restore_pictures(archive, tmp_path / "one", 2, 3) == 1
    assert (
        np.asarray(Image.open(tmp_path / "one" / "deep" / "c.png")) == pictures["deep/c.png"]
    ).all()
    Image.fromarray(pictures["a.png"]).convert("CMYK").save(folder / "inks.jpg")
    with pytest.raises(BadInput, match=r"inks\.jpg .* of mode CMYK"):
        compress_pictures(model, folder, tmp_path / "q.vk")


def test_no_name_leads_out_of_the_folder(trained, rows, tmp_path):
    extra = {"pictures": [["../escaped.png", 8, 8]]}
    compress(trained, rows[:1], tmp_path / "a.vk", extra=extra)
    with pytest.raises(BadInput, match="leads out"):
        restore_pictures(Archive(tmp_path / "a.vk", trained), tmp_path / "out")


# ---- the command line


def test_there_and_back_at_the_command_line(trained, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    trained.save("model")
    np.save("rows.npy", trained.source.values.numpy())
    assert run(["compress", "model", "rows.npy", "--embed-model", "--json"]) == 0
    said = json.loads(capsys.readouterr().out)
    assert said["rows"] == 1797
    assert said["size"] == Path("rows.vk").stat().st_size
    assert run(["decompress", "rows.vk", "-o", "back.npy"]) == 0
    assert Path("back.npy").read_bytes() == Path("rows.npy").read_bytes()
    assert run(["decompress", "rows.vk", "-o", "part.npy", "--range", "100:103"]) == 0
    assert (np.load("part.npy") == trained.source.values.numpy()[100:103]).all()


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["compress", "model", "missing.npy"], "no file or folder missing.npy"),
        (["compress", "model", "digits", "-o", "a.zip"], "unknown kind of output file '.zip'"),
        (["compress", "model", "digits", "-o", "nowhere/a.vk"], "no folder nowhere"),
        (["compress", "model", "wide.npy"], "rows of 8 x 8, the data has rows of 1 x 9 x 9"),
        (["compress", "model", "empty.npy"], "no rows"),
        (["compress", "real", "columns.npy"], "real numbers"),
        (["compress", "model", "zero.npy"], "cannot read zero.npy"),
        (["compress", "model", "archive.npy"], "archive of arrays"),
        (["compress", "model", "."], "is an archive of arrays"),
        (["decompress", "missing.vk"], "no file missing.vk"),
        (["decompress", "wide.npy"], "not a file that vaekit compressed"),
        (["decompress", "good.vk"], "does not hold its model"),
        (["decompress", "good.vk", "real"], "another model"),
        (["decompress", "good.vk", "model", "--range", "1-5"], "1000:2000"),
        (["decompress", "good.vk", "model", "--range", "5:9999"], "5:9999"),
        (["decompress", "good.vk", "model", "-o", "a.csv"], "written as .npy"),
    ],
    ids=lambda v: " ".join(v[:3]) if isinstance(v, list) else "",
)
def test_mistakes_get_one_line(arguments, says, workplace, monkeypatch, capsys):
    monkeypatch.chdir(workplace)
    before = sorted(p.name for p in workplace.iterdir())
    assert run(arguments) == 2
    error = capsys.readouterr().err
    assert says in error
    assert error.count("\n") == 1
    assert sorted(p.name for p in workplace.iterdir()) == before


@pytest.fixture(scope="module")
def workplace(trained, tmp_path_factory):
    place = tmp_path_factory.mktemp("workplace")
    trained.save(place / "model")
    columns = np.random.default_rng(0).normal(size=(60, 4)).astype("float32")
    vaekit.fit(columns, latent=2, epochs=1, width=4).save(place / "real")
    np.save(place / "columns.npy", columns)
    np.save(place / "wide.npy", np.zeros((5, 1, 9, 9), "uint8"))
    np.save(place / "empty.npy", np.zeros((0, 1, 8, 8), "uint8"))
    (place / "zero.npy").touch()
    np.savez(place / "archive.npz", x=columns)
    (place / "archive.npz").rename(place / "archive.npy")
    compress(trained, trained.source.values.numpy()[:30], place / "good.vk")
    return place


def test_evaluation_and_report_foretell_the_file(trained, tmp_path):
    """The code length that is reported is the one that files reach."""
    from vaekit.pages.report import write_report

    scores = trained.evaluate(trained.source.values, samples=1)
    found = compress(trained, trained.source.values.numpy(), tmp_path / "a.vk")
    assert found.bits_per_dimension == pytest.approx(scores.bits.code_bits_per_dimension, rel=0.02)
    trained.save(tmp_path / "model")
    text = write_report(trained, tmp_path / "model").read_text()
    assert "Where the bits go" in text
    real = vaekit.fit(np.random.default_rng(0).normal(size=(60, 4)), latent=2, epochs=1, width=4)
    assert real.evaluate(samples=2).bits.code_bits_per_dimension is None


@pytest.mark.parametrize("recipe", ["vae", "vq_vae", "iaf_vae", "m2_vae", "count_vae"])
def test_models_that_cannot_compress_foretell_no_file(recipe, tmp_path):
    x, kinds = np.random.default_rng(0).poisson(3, (60, 4)), np.arange(60) % 2
    likelihood = {"count_vae": "auto", "vae": "poisson"}.get(recipe, "beta_binomial")
    how = {"labels": kinds, "given": "label"} if recipe == "m2_vae" else {}
    how |= {"width": 4, "epochs": 1, "quiet": True, "likelihood": likelihood}
    model = vaekit.fit(x, recipe, **how)
    foretold = model.evaluate(samples=2).bits.code_bits_per_dimension
    assert (foretold is not None) == (recipe == "vae")
    if foretold is None:
        with pytest.raises(BadInput, match="this model cannot compress"):
            compress(model, x, tmp_path / "a.vk")


@pytest.mark.slow
def test_tiles_and_colours_from_training_to_the_file(tmp_path, monkeypatch, capsys):
    """A folder of photographs: trained on tiles of it, red and blue less green, and compressed."""
    monkeypatch.chdir(tmp_path)
    folder, random = tmp_path / "photos", np.random.default_rng(0)
    folder.mkdir()
    wave = np.linspace(0, 9, 40)
    for i in range(12):
        grey = 128 + 90 * np.sin(wave[:, None] * (i + 1) / 4) * np.cos(wave[None] + i)
        noise = random.normal(0, 3, (40, 40, 3))
        pixels = np.clip(grey[..., None] * [0.9, 1, 1.1] + noise, 0, 255).astype("uint8")
        Image.fromarray(pixels).save(folder / f"{i:02}.png")
    train = ["train", "photos", "-o", "run", "--tiles", "8", "--colours", "minus_green"]
    assert run([*train, "--latent", "4", "--width", "64", "--epochs", "200", "--no-report"]) == 0
    source = vaekit.open_source("photos", tiles=8)
    assert source.values.shape == (300, 3, 8, 8)
    assert len(source.splits["test"]) == 25  # all the tiles of one picture
    capsys.readouterr()
    assert run(["compress", "run", "photos", "-o", "photos.vk", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["plain"] < 12
    assert run(["decompress", "photos.vk", "run", "-o", "back"]) == 0
    for path in folder.iterdir():
        back = np.asarray(Image.open(tmp_path / "back" / path.name))
        assert (back == np.asarray(Image.open(path))).all()
    assert run(["train", "digits", "--colours", "minus_green"]) == 2
    assert "8-bit colour" in capsys.readouterr().err
    assert run(["train", "digits", "--tiles", "4"]) == 2
    assert "folder of pictures" in capsys.readouterr().err


def test_black_and_white_stored_as_0_and_255(tmp_path):
    values = (np.random.default_rng(0).random((200, 1, 8, 8)) < 0.1).astype("uint8") * 255
    model = vaekit.fit(values, latent=2, epochs=400, width=16, network="dense")
    found = compress(model, values, tmp_path / "a.vk")
    assert found.plain == 0
    assert (Archive(tmp_path / "a.vk", model).read() == values).all()


@pytest.mark.long
def test_blocks_are_worked_on_side_by_side(trained, tmp_path):
    """Two processes write the same file as one, and read it."""
    values = trained.source.values.numpy()[:120]
    one, two = tmp_path / "one.vk", tmp_path / "two.vk"
    compress(trained, values, one, block_rows=30)
    found = compress(trained, values, two, block_rows=30, jobs=2)
    assert found.blocks == 4
    assert one.read_bytes() == two.read_bytes()
    assert (Archive(two, trained, jobs=2).read() == values).all()
    assert (Archive(two, trained, jobs=2).read(45, 80) == values[45:80]).all()
    with pytest.raises(BadInput, match="jobs must not be negative"):
        compress(trained, values, two, jobs=-1)


def test_damage_is_found_with_several_processes_too(trained, tmp_path):
    path = tmp_path / "a.vk"
    compress(trained, trained.source.values.numpy()[:60], path, block_rows=30)
    damaged = bytearray(path.read_bytes())
    damaged[-200] ^= 1
    path.write_bytes(damaged)
    with pytest.raises(BadInput, match=r"a\.vk"):
        Archive(path, trained, jobs=2).read()
