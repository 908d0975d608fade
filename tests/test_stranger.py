"""What somebody new tried, and what came out wrong then."""

import numpy as np
import pytest

import vaekit
from vaekit.interfaces.cli import run

ROWS = 40


@pytest.fixture(scope="module")
def table(tmp_path_factory):
    """A folder with a table, the same table with its columns in another order, and a run."""
    folder = tmp_path_factory.mktemp("tables")
    numbers = np.random.default_rng(0).normal(size=(ROWS, 3)) * (1, 5, 20)
    kinds = ["red", "blue"] * (ROWS // 2)
    here = [f"{a},{b},{c},{kind}" for (a, b, c), kind in zip(numbers, kinds, strict=True)]
    there = [f"{kind},{c},{a},{b}" for (a, b, c), kind in zip(numbers, kinds, strict=True)]
    (folder / "t.csv").write_text("\n".join(["a,b,c,kind", *here]))
    (folder / "moved.csv").write_text("\n".join(["kind,c,a,b", *there]))
    arguments = ["--latent", "2", "--width", "8", "--epochs", "2", "-o", str(folder / "run")]
    assert run(["train", str(folder / "t.csv"), "--given", "kind", *arguments]) == 0
    return folder


def test_columns_are_known_by_their_names_not_by_their_places(table):
    model = vaekit.load(table / "run")
    right = model.encode(str(table / "t.csv"))
    assert np.array_equal(model.encode(str(table / "moved.csv")), right)


@pytest.mark.parametrize("library", ["pandas", "polars"])
def test_columns_of_a_frame_are_known_by_their_names(table, library):
    frames = pytest.importorskip(library)
    model = vaekit.load(table / "run")
    here, there = (frames.read_csv(table / name) for name in ("t.csv", "moved.csv"))
    assert np.array_equal(np.asarray(model.encode(here)), np.asarray(model.encode(there)))


def test_a_file_of_values_that_is_no_text_is_refused(table, capsys, tmp_path):
    odd = tmp_path / "odd.txt"
    odd.write_bytes(b"\xff\xfe\x00")
    made = tmp_path / "new.csv"
    said = ["sample", str(table / "run"), "--given", f"kind=@{odd}", "-n", "3", "-o", str(made)]
    assert run(said) == 2
    line = capsys.readouterr().err
    assert str(odd) in line
    assert line.count("\n") == 1
    assert not made.exists()


def test_a_model_that_learned_to_do_without_encodes_rows_without(table, tmp_path):
    folder = tmp_path / "run"
    options = ["--drop", "0.2", "--latent", "2", "--width", "8", "--epochs", "2"]
    assert run(["train", str(table / "t.csv"), "--given", "kind", *options, "-o", str(folder)]) == 0
    bare = tmp_path / "bare.csv"
    bare.write_text("a,b,c\n1,2,3\n4,5,6\n")
    for verb in ("encode", "reconstruct", "evaluate"):
        where = [] if verb == "evaluate" else ["-o", str(tmp_path / f"{verb}.csv")]
        assert run([verb, str(folder), str(bare), *where]) == 0
    codes = np.loadtxt(tmp_path / "encode.csv", delimiter=",", skiprows=1)
    assert np.allclose(codes[:, 1:], vaekit.load(folder).encode(str(bare)), atol=1e-6)
