"""Files that are not what their names say, and options beyond what there can be: one line each, and
nothing half-written."""

import io

import numpy as np
import pyarrow
import pytest
import torch
from PIL import Image
from pyarrow import feather, parquet

import vaekit
from vaekit.evaluation.aggregate import Aggregate
from vaekit.evaluation.latents import LatentHealth
from vaekit.evaluation.verdict import of_latents
from vaekit.interfaces.cli import run
from vaekit.runs import outputs
from vaekit.runs.outputs import write_rows
from vaekit.system import devices
from vaekit.system.checks import BadInput
from vaekit.system.files import replacing

TEXT = "a,b\n" + "\n".join(f"{i}.5,{i * i}" for i in range(30))


def picture(kind):
    stream = io.BytesIO()
    Image.new("L", (8, 8)).save(stream, kind)
    return stream.getvalue()


def array():
    stream = io.BytesIO()
    np.save(stream, np.zeros((30, 2)))
    return stream.getvalue()


def table(write):
    stream = io.BytesIO()
    write(pyarrow.table({"a": [1.0, 2.0]}), stream)
    return stream.getvalue()


def archive():
    stream = io.BytesIO()
    np.savez(stream, x=np.zeros((30, 2)))
    return stream.getvalue()


IS = {
    "text": TEXT.encode,
    "PNG": lambda: picture("PNG"),
    "JPEG": lambda: picture("JPEG"),
    "TIFF": lambda: picture("TIFF"),
    "NumPy": array,
    "Parquet": lambda: table(parquet.write_table),
    "Feather": lambda: table(feather.write_feather),
    "ZIP": archive,
    "pickle": lambda: b"\x80\x04\x95\0\0",
    "Excel": lambda: b"PK\x03\x04\0\0[Content_Types].xml\0",
}
NAMED = {
    ".csv": {"text"}, ".npy": {"NumPy", "ZIP"}, ".npz": {"ZIP", "NumPy"}, ".parquet": {"Parquet"},
    ".feather": {"Feather"}, ".png": {"PNG", "JPEG", "TIFF"}, ".tar": set(),
}  # fmt: skip
WRONG = [(kind, ending) for kind in IS for ending, fine in NAMED.items() if kind not in fine]


@pytest.fixture
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


def refused(capsys, *arguments):
    """The one line that a mistake gets."""
    assert run(list(map(str, arguments))) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert err.count("\n") == 1
    return err


@pytest.mark.parametrize(("kind", "ending"), WRONG)
def test_a_file_of_another_kind_is_told_to_be_that(here, capsys, kind, ending):
    (here / f"odd{ending}").write_bytes(IS[kind]())
    line = refused(capsys, "train", f"odd{ending}", "-o", "run")
    assert kind in line
    assert f"odd{ending}" in line
    assert "allow_pickle" not in line
    assert not (here / "run").exists()


def test_objects_in_an_array_are_named_without_advice_to_unpickle(here, capsys):
    np.save(here / "odd.npy", np.array([{"a": 1}], dtype=object), allow_pickle=True)
    assert "holds Python objects, not numbers" in refused(capsys, "train", "odd.npy")


@pytest.mark.parametrize(
    ("name", "told"),
    [("x.cvs", "'.csv'"), ("x.safetensors", "vaekit reads tables"), ("x.json", ".parquet")],
)
def test_kinds_that_are_not_read_are_told_which_are(here, capsys, name, told):
    (here / name).write_bytes(b"\0\1\2 odd")
    line = refused(capsys, "train", name)
    assert told in line
    assert len(line) < 300


@pytest.mark.parametrize(
    ("options", "told"),
    [
        (["--seed", "-1"], "seed must not be negative"),
        (["--noise", "nan"], "noise must be a finite number"),
        (["--threads", "100000"], "--threads must lie between 0 and 1,024"),
        (["--device", "cpu:3"], "no device cpu:3"),
    ],
)
def test_options_beyond_what_there_can_be(here, capsys, options, told):
    assert told in refused(capsys, "train", "digits", "--epochs", 1, "-o", "run", *options)
    assert not (here / "run").exists()


@pytest.mark.parametrize(
    ("options", "told"),
    [
        (["--size", "100000x100000"], "179 million pixels"),
        (["--tiles", "9999"], "the largest has 20"),
        (["--tiles", "8", "--size", "8"], "size or tiles"),
    ],
)
def test_sizes_that_no_picture_has(here, capsys, options, told):
    (here / "photos").mkdir()
    for number in range(12):
        Image.new("L", (20, 16), number).save(here / "photos" / f"{number}.png")
    assert told in refused(capsys, "train", "photos", "-o", "run", *options)


def test_more_rows_than_memory_holds_are_refused_before_any_is_drawn(trained, monkeypatch):
    model = trained[1]
    monkeypatch.setattr(devices, "memory", lambda: 64 * 4 * 10)
    assert model.sample(10).shape == (10, 8, 8)
    with pytest.raises(BadInput, match=r"11 rows take .* of memory"):
        model.sample(11)


def test_names_that_are_endings_alone_are_refused(here, capsys, trained):
    for ending in (".npy", ".png", ".CSV"):
        assert "ending alone" in refused(capsys, "sample", trained[0], "-n", 2, "-o", ending)
    assert not list(here.iterdir())


@pytest.mark.parametrize("before", [(), ("old.txt", "0.png")])
def test_a_folder_of_pictures_is_written_whole_or_not_at_all(here, monkeypatch, before):
    place, rows = here / "made", np.zeros((3, 4, 4), np.uint8)
    for name in before:
        place.mkdir(exist_ok=True)
        (place / name).write_text("kept")
    real, left = outputs.to_image, iter(range(2))

    def full(pixels):
        return real(pixels) if next(left, None) is not None else Image.new("F", (2, 2))

    monkeypatch.setattr(outputs, "to_image", full)
    with pytest.raises(BadInput):
        write_rows(place, rows, pictures=rows)
    assert {p.name: p.read_text() for p in place.glob("*")} == dict.fromkeys(before, "kept")
    assert {p.name for p in here.iterdir()} == ({"made"} if before else set())
    monkeypatch.setattr(outputs, "to_image", real)
    write_rows(place, rows, pictures=rows)
    assert {p.name for p in place.iterdir()} == {"0.png", "1.png", "2.png", *before}
    assert Image.open(place / "0.png").size == (4, 4)


def test_what_numpy_says_of_a_full_disk_is_told_in_words(here):
    with pytest.raises(BadInput, match="a disk is full"), replacing(here / "x.npy"):
        raise OSError("115008 requested and 65408 written")
    assert not list(here.iterdir())


def test_information_is_never_told_to_be_negative():
    health = LatentHealth(torch.tensor([0.5]), torch.tensor([1.0]))
    whole = Aggregate(100, 0.01, -0.0155, 0.0, 0.0, [0.0])
    told = of_latents(health, whole, 0.01).verdict
    assert "tells 0 nats" in told
    assert "−" not in told


def test_an_empty_name_is_no_data(here):
    (here / "0.png").write_bytes(picture("PNG"))
    with pytest.raises(BadInput, match="empty"):
        vaekit.open_source("")
