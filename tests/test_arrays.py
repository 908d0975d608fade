"""Arrays of every usual kind in, the same out: layouts, types, containers, data sets."""

import json

import numpy as np
import pandas as pd
import pytest
import scipy.sparse as sp
import torch
from PIL import Image
from torch.utils.data import Dataset, IterableDataset, TensorDataset

import vaekit
from vaekit.data import from_memory, open_source
from vaekit.data.layout import Guess, Like, RowLayout, as_type
from vaekit.data.on_disk import OnDisk, in_memory
from vaekit.data.readers import containers
from vaekit.data.readers.arrays import rows_of, to_array, to_rows
from vaekit.interfaces.cli import run
from vaekit.pictures import as_bytes, channels_text
from vaekit.runs.config import Config
from vaekit.system.checks import BadInput

ROWS = 20
RANDOM = np.random.default_rng(0)
HOW = {"latent": 2, "epochs": 1, "width": 4}


def reals(*shape):
    return RANDOM.normal(size=(ROWS, *shape)).astype("float32")


# shape of a row: how it lies there, and how it is stored
SHAPES = {
    (4,): ("numbers", (4,)),
    (8, 9): ("grey", (1, 8, 9)),
    (16, 16): ("grey", (1, 16, 16)),
    (16, 16, 5): ("last", (5, 16, 16)),
    (5, 16, 16): ("first", (5, 16, 16)),
    (16, 16, 2): ("last", (2, 16, 16)),
    (13, 6, 6): ("first", (13, 6, 6)),
    (6, 6, 13): ("last", (13, 6, 6)),
    (4, 4, 3): ("last", (3, 4, 4)),
    (4, 5, 3): ("last", (3, 4, 5)),
    (8, 9, 3): ("last", (3, 8, 9)),
    (3, 8, 9): ("first", (3, 8, 9)),
    (8, 9, 1): ("last", (1, 8, 9)),
    (1, 24, 3): ("first", (1, 24, 3)),
    (5, 20, 30): ("first", (5, 20, 30)),
    (20, 30, 5): ("last", (5, 20, 30)),
    (24, 3): ("series", (72,)),
    (3, 24): ("features_first", (72,)),
    (12, 1): ("series", (12,)),
}


@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_the_shape_says_which_axis_is_which(shape):
    axes, stored = SHAPES[shape]
    x = reals(*shape)
    found = rows_of(x)
    assert (found.layout.axes, found.values.shape[1:]) == (axes, stored)
    assert found.layout.stored == stored
    assert np.array_equal(to_array(found.values, found.layout), x)
    assert np.array_equal(to_rows(x), found.values)


def test_a_pixel_is_in_its_channel():
    x = np.arange(2 * 6 * 6 * 5.0).reshape(2, 6, 6, 5)
    assert to_rows(x)[1, 3, 4, 2] == x[1, 4, 2, 3]


@pytest.mark.parametrize("shape", [(8, 8, 8), (16, 5, 16), (12, 16, 20)], ids=str)
def test_where_it_is_not_plain_an_option_says_it(shape):
    with pytest.raises(BadInput, match="not plain: say --channels first or --channels last"):
        to_rows(reals(*shape))
    x = reals(*shape)
    assert np.array_equal(to_rows(x, axes=Guess(channels="first")), x)
    assert np.array_equal(to_rows(x, axes=Guess(channels="last")), np.moveaxis(x, 3, 1))


def test_a_person_decides_what_two_axes_are():
    for shape, kind, axes in (
        ((24, 3), "image", "grey"),
        ((9, 8), "series", "series"),
        ((3, 24), "series", "features_first"),
    ):
        assert rows_of(reals(*shape), axes=Guess(kind)).layout.axes == axes
    assert rows_of(reals(3, 24), axes=Guess("series", "last")).layout.axes == "series"
    assert rows_of(reals(24, 3).astype("uint8")).layout.axes == "grey"
    assert rows_of(reals(24, 3) > 0).layout.axes == "grey"


@pytest.mark.parametrize(
    ("shape", "how", "message"),
    [
        ((4,), {"kind": "series"}, "kind=series is said of arrays of"),
        ((4,), {"channels": "last"}, "channels=last is said of images"),
        ((8, 8), {"channels": "last"}, "leave it out"),
        ((6, 6, 3), {"kind": "image"}, "leave it out"),
        ((24, 3), {"kind": "serie"}, "did you mean 'series'"),
        ((6, 6, 3), {"channels": "second"}, "choose from: first, last"),
    ],
)
def test_options_that_say_nothing_are_refused(shape, how, message):
    with pytest.raises(BadInput, match=message):
        open_source(reals(*shape), **how)


def test_options_of_arrays_are_refused_for_what_is_none():
    with pytest.raises(BadInput, match="channels=last is said of arrays, and digits is none"):
        open_source("digits", channels="last")


CONTAINERS = {
    "float32 array": lambda x: x,
    "float64 array": lambda x: x.astype("float64"),
    "Fortran order": np.asfortranarray,
    "tensor": torch.from_numpy,
    "float64 tensor": lambda x: torch.from_numpy(x).double(),
    "tensor with a gradient": lambda x: torch.from_numpy(x).requires_grad_(),
}


@pytest.fixture(scope="module")
def models():
    """A model for each layout of few numbers."""
    shapes = [(4,), (6, 5), (1, 6, 5), (6, 6, 3), (3, 6, 6), (6, 6, 5), (12, 2), (2, 12)]
    return {shape: vaekit.fit(reals(*shape), **HOW) for shape in shapes}


@pytest.mark.parametrize("container", CONTAINERS)
@pytest.mark.parametrize("shape", [(4,), (1, 6, 5), (3, 6, 6), (6, 6, 5), (12, 2)], ids=str)
def test_rows_come_back_as_they_were_given(models, shape, container):
    model, x = models[shape], CONTAINERS[container](reals(*shape))
    for found in (model.reconstruct(x), model.interpolate(x, x, 3)[:, 1]):
        assert type(found) is type(x)
        assert (found.shape, found.dtype) == (x.shape, x.dtype)
    codes = model.encode(x)
    assert type(codes) is type(x)
    decoded = model.decode(codes)
    assert type(decoded) is type(x)
    assert np.allclose(np.asarray(decoded), np.asarray(model.reconstruct(x)))


def test_new_rows_lie_as_the_training_rows_did(models):
    for shape, model in models.items():
        assert model.sample(3).shape == (3, *shape)
        assert model.decode(np.zeros((3, 2))).shape == (3, *shape)
        assert model.interpolate(reals(*shape)[:2], reals(*shape)[:2]).shape == (2, 8, *shape)
        assert model.reconstruct(reals(*shape)[0]).shape == (1, *shape)


def test_other_layouts_of_the_same_rows_are_understood(models):
    x, wanted = reals(3, 6, 6), models[(3, 6, 6)].reconstruct
    last = np.ascontiguousarray(np.moveaxis(x, 1, 3))
    assert np.array_equal(wanted(last), np.moveaxis(wanted(x), 1, 3))
    model, grey = models[(6, 5)], reals(6, 5)
    for other in (grey[:, None], grey[..., None]):
        assert model.reconstruct(other).shape == other.shape
        assert np.array_equal(model.reconstruct(other).reshape(ROWS, 6, 5), model.reconstruct(grey))
    with pytest.raises(BadInput, match="takes rows of 12 x 2, data has rows of 2 x 12"):
        models[(12, 2)].reconstruct(reals(2, 12))


def test_a_saved_model_keeps_the_layout(models, tmp_path):
    for shape, model in models.items():
        model.save(tmp_path)
        said = json.loads((tmp_path / "config.json").read_text())
        assert Config.from_json(said).to_json() == said
        assert ("layout" in said["data"]) == (shape not in [(4,), (6, 5), (6, 6, 3), (6, 6, 5)])
        assert vaekit.load(tmp_path).sample(2).shape == (2, *shape)


@pytest.mark.parametrize(
    "damage",
    [{"axes": "nonsense"}, {"shape": [4]}, {"shape": [6, 6, 3]}, {"dtype": "object"}, {"axes": 3}],
    ids=str,
)
def test_a_damaged_layout_is_refused(models, damage):
    said = json.loads(json.dumps(models[(3, 6, 6)].config.to_json()))
    said["data"]["layout"] |= damage
    with pytest.raises(BadInput, match=r"damaged|unknown layout"):
        Config.from_json(said)


@pytest.mark.parametrize("dtype", ["uint8", "uint16", "int64", "uint32", "bool", "int8"])
def test_whole_numbers_come_back_in_their_type(dtype):
    x = RANDOM.integers(0, 2 if dtype == "bool" else 90, (ROWS, 4)).astype(dtype)
    model = vaekit.fit(x, **HOW)
    for found in (model.sample(3), model.reconstruct(x)):
        assert found.dtype == x.dtype
    assert model.reconstruct(x.astype("int32")).dtype == np.int32


def test_no_number_is_changed_to_fit_a_type():
    fractions, whole = np.array([0.5, -1.5]), np.array([-3, 70_000], np.int32)
    assert as_type(fractions, "int64").dtype == np.float64
    assert as_type(whole, "uint16").tolist() == [0, 65_535]
    assert as_type(whole, "").dtype == np.int32
    assert as_type(whole, "float64").tolist() == [-3.0, 70_000.0]


def test_features_of_unlike_scale_are_all_modelled(tmp_path, capsys):
    phases = RANDOM.uniform(0, 6, (150, 1, 1))
    x = np.sin(np.linspace(0, 6, 12)[None, :, None] + phases + [0, 1, 2]) * [1, 1e-3, 1e5]
    np.save(tmp_path / "series.npy", x)
    run_folder, back = str(tmp_path / "run"), str(tmp_path / "back.npy")
    options = {"epochs": 60, "latent": 2, "width": 32, "batch": 32, "lr": 0.005, "threads": 1}
    said = [part for name, value in options.items() for part in (f"--{name}", str(value))]
    assert run(["train", str(tmp_path / "series.npy"), "-o", run_folder, "--no-report", *said]) == 0
    notes = capsys.readouterr().err
    assert "150 series of 12 x 3" in notes
    assert "taken for series of 12 times and 3 features" in notes
    assert run(["reconstruct", run_folder, "--split", "all", "-o", back]) == 0
    again = np.load(back)
    assert (again.shape, again.dtype) == (x.shape, x.dtype)
    each = [np.corrcoef(x[..., k].ravel(), again[..., k].ravel())[0, 1] for k in range(3)]
    assert min(each) > 0.9


def test_a_series_names_its_numbers(models, tmp_path):
    model = models[(2, 12)]
    assert model.config.columns[:2] == ["f0.t0", "f0.t1"]
    assert models[(12, 2)].config.columns[:3] == ["t0.f0", "t0.f1", "t1.f0"]
    bad = reals(12, 2)
    bad[3, 5, 1] = np.nan
    with pytest.raises(BadInput, match=r"row 3, column 't5\.f1'"):
        from_memory(bad)


def test_options_are_kept_with_the_run_and_used_again(tmp_path):
    np.save(tmp_path / "cube.npy", reals(6, 6, 6))
    cube = str(tmp_path / "cube.npy")
    model = vaekit.fit(cube, channels="last", out=tmp_path / "run", **HOW)
    assert json.loads((tmp_path / "run/config.json").read_text())["data"]["channels"] == "last"
    assert run(["reconstruct", str(tmp_path / "run"), "-o", str(tmp_path / "a.npy")]) == 0
    assert np.load(tmp_path / "a.npy").shape == (2, 6, 6, 6)
    x = np.load(tmp_path / "cube.npy")
    assert np.array_equal(model.rows(x).data, np.moveaxis(x, 3, 1))
    assert np.array_equal(model.open(cube).values, np.moveaxis(x, 3, 1))


@pytest.mark.parametrize("channels", [2, 5, 13])
def test_channels_that_make_no_colour_are_shown_in_lines(channels):
    images = RANDOM.normal(size=(3, 4, 6, channels)) * np.arange(1, channels + 1)
    found = as_bytes(images)
    shown = min(channels, 9)
    across = int(np.ceil(np.sqrt(shown)))
    down = int(np.ceil(shown / across))
    assert found.shape == (3, 5 * down - 1, 7 * across - 1)
    for c in range(shown):
        top, left = 5 * (c // across), 7 * (c % across)
        assert np.array_equal(found[:, top : top + 4, left : left + 6], as_bytes(images[..., c]))
    assert f"{channels} channels of an image" in channels_text(channels)
    assert channels_text(3) == channels_text(1) == ""


def test_five_channels_get_a_report_and_pictures(tmp_path):
    np.save(tmp_path / "bands.npy", reals(5, 6, 6))
    folder = str(tmp_path / "run")
    options = ["--epochs", "1", "--latent", "2", "--width", "4", "--threads", "1"]
    assert run(["train", str(tmp_path / "bands.npy"), "-o", folder, *options]) == 0
    assert "The 5 channels of an image are grey" in (tmp_path / "run/report.html").read_text()
    assert run(["sample", folder, "-n", "4", "-o", str(tmp_path / "s.png")]) == 0
    assert Image.open(tmp_path / "s.png").size == (15 * (2 * 20 + 1), 15 * (2 * 13 + 1))
    assert run(["reconstruct", folder, "-o", str(tmp_path / "r.png")]) == 0


def test_rows_of_a_series_are_no_pictures(models, tmp_path, capsys):
    models[(12, 2)].save(tmp_path / "m")
    assert run(["sample", str(tmp_path / "m"), "-o", str(tmp_path / "s.png")]) == 2
    assert "rows of numbers are no pictures" in capsys.readouterr().err
    assert run(["sample", str(tmp_path / "m"), "-n", "3", "-o", str(tmp_path / "s.csv")]) == 0
    assert pd.read_csv(tmp_path / "s.csv").columns[1] == "t0.f1"


class Of(Dataset):
    """Items made by a function."""

    def __init__(self, item, rows=12):
        self.item, self.rows = item, rows

    def __len__(self):
        return self.rows

    def __getitem__(self, i):
        return self.item(i)


X = torch.arange(36.0).view(12, 3)
SETS = {
    "x": (Of(lambda i: X[i]), (), ""),
    "lists": (Of(lambda i: X[i].tolist()), (), ""),
    "(x,)": (TensorDataset(X), (), ""),
    "(x, x)": (TensorDataset(X, X), (), "neither words nor whole numbers"),
    "(x, None)": (Of(lambda i: (X[i], None)), (), ""),
    "(x, attributes)": (Of(lambda i: (X[i], torch.ones(40))), (), "neither words"),
    "(x, target)": (Of(lambda i: (X[i], {"boxes": []})), (), "neither words"),
    "(x, fraction)": (TensorDataset(X, torch.linspace(0, 1, 12)), (), "are fractions"),
    "(x, whole fraction)": (TensorDataset(X, torch.arange(12.0) % 2), ("0", "1"), ""),
    "(x, word)": (Of(lambda i: (X[i], ["cat", "dog"][i % 2])), ("cat", "dog"), ""),
    "(x, number)": (TensorDataset(X, torch.arange(12) % 3), ("0", "1", "2"), ""),
    "(x, [number])": (TensorDataset(X, torch.arange(12).view(12, 1) % 3), ("0", "1", "2"), ""),
    "(x, truth)": (Of(lambda i: (X[i], i > 5)), ("0", "1"), ""),
    "(x, number, more)": (Of(lambda i: (X[i], i % 2, "path")), ("0", "1"), ""),
    "dictionary": (Of(lambda i: {"id": str(i), "data": X[i]}), (), ""),
    "labelled dictionary": (Of(lambda i: {"image": X[i], "label": i % 2}), ("0", "1"), ""),
}  # fmt: skip


@pytest.mark.parametrize("kind", SETS)
def test_data_sets_of_every_usual_kind(kind):
    data, labels, note = SETS[kind]
    found = from_memory(data)
    assert torch.equal(found.values, X)
    assert found.label_names == labels
    assert len(found.notes) == bool(note)
    assert note in "".join(found.notes)


def test_pictures_of_a_data_set():
    picture = Image.fromarray(np.arange(108, dtype=np.uint8).reshape(6, 6, 3))
    found = from_memory(Of(lambda i: (picture, i % 2)))
    assert (found.shape, found.layout.axes) == ((3, 6, 6), "last")


class Endless(IterableDataset):
    def __iter__(self):
        return iter(X)


BAD_SETS = {
    "no length": (Endless(), "is an IterableDataset"),
    "no rows": (Of(lambda i: X[i], 0), "holds no rows"),
    "ragged": (Of(lambda i: X[i][: 3 - (i == 4)]), r"item 4 has shape \(2,\), item 0 has \(3,\)"),
    "ragged lists": (Of(lambda i: {"x": [[1.0], [1.0, 2.0]]}), "item 0 is not an array of num"),
    "words": (Of(lambda i: "a word"), "an item must be a row of numbers"),
    "numbers": (Of(lambda i: i), "an item must be a row of numbers"),
    "dictionary of nothing": (Of(lambda i: {"id": i}), "one of them is a dictionary with id"),
}


@pytest.mark.parametrize("kind", BAD_SETS)
def test_data_sets_that_hold_no_rows(kind):
    data, message = BAD_SETS[kind]
    with pytest.raises(BadInput, match=message) as error:
        from_memory(data)
    assert "\n" not in str(error.value)


def test_a_trained_model_reads_a_data_set(models):
    x = reals(4)
    rows = TensorDataset(torch.from_numpy(x), torch.arange(ROWS))
    assert np.array_equal(models[(4,)].reconstruct(rows), models[(4,)].reconstruct(x))


def test_masked_values_are_missing_values():
    x, mask = reals(3), np.zeros((ROWS, 3), bool)
    assert torch.equal(from_memory(np.ma.array(x, mask=mask)).values, torch.from_numpy(x))
    mask[4, 1] = mask[9, 0] = True
    with pytest.raises(BadInput, match=r"2 values are masked.*row 4, position \(1,\)"):
        from_memory(np.ma.array(x, mask=mask))


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16, torch.float8_e4m3fn], ids=str)
def test_half_precision_is_trained_in_float32(dtype):
    x = torch.from_numpy(reals(3)).to(dtype)
    found = from_memory(x)
    assert found.values.dtype == torch.float32
    assert torch.equal(found.values, x.float())
    assert found.layout.dtype == "float32"


SPARSE = np.where(RANDOM.random((ROWS, 6)) < 0.3, RANDOM.integers(1, 9, (ROWS, 6)), 0)
SPARSE_KINDS = {
    "csr": sp.csr_matrix,
    "csc": sp.csc_matrix,
    "coo twice": lambda x: sp.coo_matrix(np.maximum(x - 1, 0)) + sp.coo_matrix(np.minimum(x, 1)),
    "csr array": sp.csr_array,
    "torch coo": lambda x: torch.from_numpy(x).to_sparse(),
    "torch csr": lambda x: torch.from_numpy(x).to_sparse_csr(),
}


@pytest.mark.filterwarnings("ignore:Sparse:UserWarning")
@pytest.mark.parametrize("kind", SPARSE_KINDS)
def test_sparse_matrices(kind, monkeypatch):
    matrix = SPARSE_KINDS[kind](SPARSE)
    dense = torch.from_numpy(SPARSE).to(torch.int32)
    assert torch.equal(from_memory(matrix).values, dense)
    monkeypatch.setattr(containers, "is_large", lambda *_: True)
    found = from_memory(matrix)
    assert isinstance(found.values, OnDisk)
    assert torch.equal(in_memory(found.values), dense)
    assert torch.equal(found.values[torch.tensor([5, 2])], dense[[5, 2]])


def test_a_model_of_a_large_sparse_matrix(monkeypatch):
    monkeypatch.setattr(containers, "is_large", lambda *_: True)
    matrix = sp.csr_matrix(SPARSE)
    model = vaekit.fit(matrix, **HOW)
    assert isinstance(model.source.values, OnDisk)
    assert model.reconstruct(matrix).shape == (ROWS, 6)
    assert np.allclose(model.encode(matrix), model.encode(SPARSE))


class Foreign:
    """An array of another library."""

    def __init__(self, x):
        self.x = x

    def __array__(self, dtype=None, copy=None):
        return self.x


OTHERS = {
    "a list of lists": lambda x: x.tolist(),
    "a list of arrays": list,
    "a list of tensors": lambda x: [torch.from_numpy(row) for row in x],
    "an array of objects": lambda x: x.astype(object),
    "another library's array": Foreign,
    "a matrix": np.asmatrix,
    "big-endian": lambda x: x.astype(">f4"),
    "a view of every other row": lambda x: np.repeat(x, 2, 0)[::2],
    "the reverse": lambda x: x[::-1][::-1],
    "long double": lambda x: x.astype(np.longdouble),
}


@pytest.mark.filterwarnings("ignore:the matrix subclass:PendingDeprecationWarning")
@pytest.mark.parametrize("kind", OTHERS)
def test_whatever_holds_numbers(kind):
    x = reals(3)
    assert torch.equal(from_memory(OTHERS[kind](x)).values.float(), torch.from_numpy(x))


BAD = {
    "complex numbers": (reals(3) + 1j, "complex numbers: give their real and imaginary parts"),
    "complex tensors": (torch.zeros(ROWS, 3, dtype=torch.complex64), "complex numbers"),
    "ragged lists": ([[1, 2], [3]] * 10, "not an array of numbers"),
    "ragged tensors": ([torch.zeros(2), torch.zeros(3)] * 10, "not an array of numbers"),
    "objects": (np.array([[{}, 1]] * ROWS), "only numbers can be used"),
    "words among objects": (np.array([["1", 2]] * ROWS, object), "only numbers can be used"),
    "records": (np.zeros(ROWS, [("a", "f4")]), "holds records; only numbers can be used"),
    "dates": (np.zeros((ROWS, 2), "datetime64[s]"), "holds dates; only numbers can be used"),
    "a generator": ((row for row in reals(3)), "only numbers can be used"),
    "a number": (3.0, "single number"),
    "a vector": (np.zeros(ROWS), "give vectors"),
    "five axes": (np.zeros((ROWS, 2, 2, 2, 2)), "give vectors"),
    "a sparse cube": (torch.zeros(ROWS, 2, 2).to_sparse(), "is sparse with shape"),
    "None": (None, "only numbers can be used"),
}


@pytest.mark.parametrize("kind", BAD)
def test_one_line_for_what_cannot_be_used(kind):
    data, message = BAD[kind]
    with pytest.raises(BadInput, match=message) as error:
        from_memory(data)
    assert "\n" not in str(error.value)


def test_a_layout_says_what_it_is():
    layout = RowLayout("series", (24, 3), "float64")
    assert RowLayout(**{**layout.to_json(), "shape": (24, 3)}) == layout
    assert Like(layout).layout((24, 3), np.dtype("f4"), "x").dtype == "float32"
    assert RowLayout.usual((3, 8, 8)).axes == "last"
    assert RowLayout.unsaid((8, 8, 8)).axes == "first"
    with pytest.raises(BadInput, match="not laid out as grey"):
        RowLayout("grey", (1, 2, 3))
