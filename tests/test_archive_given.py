"""Compressed files of conditional models: what is given travels in them, or is asked for."""

import json
import struct
import zlib

import numpy as np
import pytest
from coding import handmade, rows_for, rows_given
from PIL import Image

from vaekit.codec.blocks import MODEL
from vaekit.runs.archive import Archive
from vaekit.runs.compression import compress
from vaekit.runs.tiles import compress_pictures, restore_pictures
from vaekit.system.checks import BadInput

CLASSES = {"kind": ["cat", "dog", "owl"], "age": None}
KINDS = [
    ("bernoulli", (8,)), ("bernoulli", (1, 6, 5)), ("beta_binomial", (3, 4, 4)),
    ("logistic_mixture", (8,)), ("poisson", (8,)), ("negative_binomial", (1, 6, 5)),
]  # fmt: skip


@pytest.fixture(scope="module")
def trained():
    return handmade("bernoulli", (30,), CLASSES)


@pytest.fixture(scope="module")
def rows():
    return rows_for("bernoulli", 100, (30,)).astype("uint8")


@pytest.fixture(scope="module")
def given(trained):
    return rows_given(trained.config.conditions, 100)


@pytest.fixture
def packed(trained, rows, given, tmp_path):
    path = tmp_path / "rows.vk"
    compress(trained, rows, path, given=given, block_rows=30)
    return path


def same(found, wanted):
    return list(found) == list(wanted) and all(
        found[n].dtype == wanted[n].dtype and (found[n] == wanted[n]).all() for n in wanted
    )


@pytest.mark.parametrize("store", [True, False], ids=["stored", "asked for"])
@pytest.mark.parametrize(("kind", "shape"), KINDS, ids=str)
def test_rows_and_what_is_given_come_back(kind, shape, store, tmp_path):
    model = handmade(kind, shape, CLASSES, drop=0.2)
    values = rows_for(kind, 50, shape).astype("uint16")
    given = rows_given(model.config.conditions, 50)
    compress(model, values, tmp_path / "a.vk", given=given, store_given=store, block_rows=20)
    archive = Archive(tmp_path / "a.vk", model, given=None if store else given)
    assert archive.read().tobytes() == values.tobytes()
    assert same(archive.read_given(), given)
    assert archive.header["conditions"]["stored"] is store
    offsets = archive.reader.offsets()
    assert any(archive.reader.block(o).kind == MODEL for o in offsets) or kind != "bernoulli"


def test_words_and_numbers_come_back_without_the_model(packed, given):
    archive = Archive(packed)
    assert same(archive.read_given(), given)
    assert same(archive.read_given(25, 61), {n: v[25:61] for n, v in given.items()})
    assert archive.given_names == ["kind", "age"]


def test_a_range_needs_its_own_blocks_alone(trained, rows, packed, monkeypatch):
    archive, asked = Archive(packed, trained), []
    real = archive.reader.given
    monkeypatch.setattr(archive.reader, "given", lambda i: (asked.append(i), real(i))[1])
    assert (archive.read(35, 65) == rows[35:65]).all()
    assert asked == [1, 2]


def test_what_is_left_out_is_asked_for(trained, rows, given, tmp_path):
    path = tmp_path / "a.vk"
    compress(trained, rows, path, given=given, store_given=False, block_rows=30)
    assert b"cat" not in path.read_bytes()
    for read in (Archive(path, trained).read, Archive(path, trained).read_given):
        with pytest.raises(BadInput, match=r"does not hold what was given .* give kind, age"):
            read()
    numbers = {**given, "age": given["age"].tolist(), "kind": given["kind"].tolist()}
    assert (Archive(path, trained, given=numbers).read(40, 50) == rows[40:50]).all()


@pytest.mark.parametrize("store", [True, False])
def test_other_things_than_were_given_are_refused(trained, rows, given, store, tmp_path):
    path = tmp_path / "a.vk"
    compress(trained, rows, path, given=given, store_given=store, block_rows=30)
    other = given["kind"].copy()
    other[40] = "owl" if other[40] != "owl" else "cat"
    archive = Archive(path, trained, given={**given, "kind": other})
    assert (archive.read(60) == rows[60:]).all()
    with pytest.raises(BadInput, match=r"given for rows 30:60 is not what was given"):
        archive.read()


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"kind": ["cat"] * 99}, "there are 100 rows but 99 values of kind"),
        ({"kind": "cow"}, "cow"),
        ({"age": [float("nan")] * 100}, "age must be a number"),
        ({"colour": "red"}, "colour"),
    ],
)
def test_what_does_not_fit_is_refused(trained, rows, given, packed, change, says, tmp_path):
    with pytest.raises(BadInput, match=says):
        compress(trained, rows, tmp_path / "b.vk", given={**given, **change})
    assert not (tmp_path / "b.vk").exists()
    with pytest.raises(BadInput, match=says):
        Archive(packed, trained, given={**given, **change}).read()


def test_models_that_are_given_something_have_to_be_told(trained, rows, tmp_path):
    with pytest.raises(BadInput, match="told kind"):
        compress(trained, rows, tmp_path / "a.vk")
    plain = handmade("bernoulli", (30,))
    with pytest.raises(BadInput, match="kind"):
        compress(plain, rows, tmp_path / "a.vk", given={"kind": "cat"})
    compress(plain, rows, tmp_path / "a.vk")
    with pytest.raises(BadInput, match="rows alone"):
        Archive(tmp_path / "a.vk", plain, given={"kind": "cat"}).read()
    assert Archive(tmp_path / "a.vk", plain).read_given() == {}


def test_models_that_learned_to_do_without_need_not_be_told(rows, given, tmp_path):
    model = handmade("bernoulli", (30,), CLASSES, drop=0.3)
    compress(model, rows, tmp_path / "a.vk")
    archive = Archive(tmp_path / "a.vk", model)
    assert (archive.read() == rows).all()
    assert archive.read_given() == {}
    with pytest.raises(BadInput, match="rows alone"):
        Archive(tmp_path / "a.vk", model, given=given).read()


def test_files_without_anything_given_are_of_the_format_before(trained, rows, given, tmp_path):
    plain = handmade("bernoulli", (30,))
    compress(plain, rows, tmp_path / "a.vk")
    compress(trained, rows, tmp_path / "b.vk", given=given)
    assert [(tmp_path / n).read_bytes()[8] for n in ("a.vk", "b.vk")] == [2, 3]
    assert "conditions" not in Archive(tmp_path / "a.vk").header


def test_every_flipped_bit_of_what_is_stored_is_found(trained, rows, packed, tmp_path):
    whole, reader = packed.read_bytes(), Archive(packed).reader
    other = tmp_path / "damaged.vk"
    assert reader.first - reader.after_model > 100
    for at in range(reader.after_model, reader.first, 17):
        other.write_bytes(whole[:at] + bytes([whole[at] ^ 4]) + whole[at + 1 :])
        with pytest.raises(BadInput, match="damaged"):
            Archive(other, trained).read()
        with pytest.raises(BadInput, match="damaged"):
            Archive(other).read_given()
    other.write_bytes(whole[: reader.after_model + 5])
    with pytest.raises(BadInput, match="cut off inside what is given"):
        Archive(other).read_given()


def test_whole_blocks_are_saved_where_what_is_given_is_damaged(
    trained, rows, given, packed, tmp_path
):
    whole, other = bytearray(packed.read_bytes()), tmp_path / "damaged.vk"
    whole[Archive(packed).reader.given_ends[1] + 3] ^= 1
    other.write_bytes(whole)
    found, numbers = Archive(other, trained).salvage()
    assert numbers.tolist() == [*range(30), *range(60, 100)]
    assert (found == rows[numbers]).all()
    found, numbers = Archive(other, trained, given=given).salvage()
    assert (found == rows).all()


def test_headers_whose_conditions_make_no_sense_are_named(packed, tmp_path):
    whole = packed.read_bytes()
    (length,) = struct.unpack_from("<I", whole, 12)
    header, path = json.loads(whole[16 : 16 + length]), tmp_path / "a.vk"
    for change in (
        {"sizes": [3]}, {"checks": None}, {"names": []}, {"sizes": [-1] * 4}, {"types": [["O", []]] * 2},
        {"names": ["kind"]}, {"types": "x"},
    ):  # fmt: skip
        text = json.dumps({**header, "conditions": {**header["conditions"], **change}}).encode()
        start = whole[:12] + struct.pack("<I", len(text)) + text
        path.write_bytes(start + struct.pack("<I", zlib.crc32(start)) + whole[20 + length :])
        with pytest.raises(BadInput, match="sense"):
            Archive(path).read_given()


def test_pictures_are_given_one_thing_each(tmp_path):
    folder, random = tmp_path / "in", np.random.default_rng(0)
    folder.mkdir()
    pictures = {n: random.integers(0, 60, (*size, 3)).astype("uint8")
                for n, size in (("a.png", (9, 13)), ("b.png", (4, 4)))}  # fmt: skip
    for name, pixels in pictures.items():
        Image.fromarray(pixels).save(folder / name)
    model = handmade("beta_binomial", (3, 4, 4), CLASSES)
    given = {"kind": ["cat", "owl"], "age": 30}
    compress_pictures(model, folder, tmp_path / "p.vk", given=given)
    archive = Archive(tmp_path / "p.vk", model)
    assert restore_pictures(archive, tmp_path / "out") == 2
    for name, pixels in pictures.items():
        assert (np.asarray(Image.open(tmp_path / "out" / name)) == pixels).all()
    assert archive.read_given()["kind"].tolist() == ["cat"] * 12 + ["owl"]
    with pytest.raises(BadInput, match="2 rows but 3 values of kind"):
        compress_pictures(model, folder, tmp_path / "q.vk", given={**given, "kind": ["cat"] * 3})
