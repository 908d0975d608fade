"""Rows and codes as Embedding Atlas takes them."""

import io

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from PIL import Image

import vaekit
from vaekit.interfaces.cli import run


def test_rows_codes_pictures_and_neighbours(trained, tmp_path):
    model, path = trained[1], tmp_path / "digits.parquet"
    assert model.export(path, to="atlas", split="test", limit=30, scores=True) == []
    found = pq.read_table(path).to_pydict()
    rows = np.array(found["row"])
    images = model.source.values.numpy()[rows]
    codes = np.array(found["vector"])
    assert codes == pytest.approx(model.encode(model.usual(images)), abs=1e-5)
    places = np.array([found["projection_x"], found["projection_y"]]).T
    assert places == pytest.approx(codes)
    assert found["z1"] == pytest.approx(codes[:, 1])
    assert found["label"] == [str(n) for n in model.source.labels[rows].tolist()]
    shown = [np.array(Image.open(io.BytesIO(each["bytes"]))) for each in found["image"]]
    assert np.stack(shown).astype(float) == pytest.approx(images[:, 0] / 16 * 255, abs=0.51)
    away = np.linalg.norm(codes[:, None] - codes, axis=2) + np.diag([np.inf] * 30)
    for row, each in enumerate(found["neighbors"]):
        assert sorted(each["ids"]) == sorted(np.argsort(away[row])[:15])
        assert each["distances"] == pytest.approx(np.sort(away[row])[:15], rel=1e-5)
    assert np.isfinite(found["elbo"]).all()


def test_a_table_whose_columns_have_such_names(tmp_path):
    table = pa.table({"projection_x": [0.5, 1.5, 2.5] * 8, "vector": [1.0, 2.0, 5.0] * 8})
    pq.write_table(table, tmp_path / "own.parquet")
    how = {"epochs": 1, "latent": 3, "width": 4, "quiet": True}
    vaekit.fit(tmp_path / "own.parquet", **how).save(tmp_path / "run")
    path = str(tmp_path / "x.parquet")
    data = str(tmp_path / "own.parquet")
    assert run(["export", str(tmp_path / "run"), data, "--to", "atlas", "-o", path]) == 0
    found = pq.read_table(path)
    assert found["projection_x_"].to_pylist() == table["projection_x"].to_pylist()
    assert found["vector"].type == pa.list_(pa.float32(), 3)
    assert np.array(found["projection_x"]).std() > 0


def test_one_row_has_no_neighbour(trained, tmp_path):
    trained[1].export(tmp_path / "one.parquet", to="atlas", limit=1)
    assert pq.read_table(tmp_path / "one.parquet")["neighbors"].to_pylist() == [
        {"ids": [], "distances": []}
    ]


def test_what_is_missing_is_no_number(tmp_path):
    """Of columns of whole numbers and of truths too."""
    gone = [None if row % 3 == 0 else row % 5 for row in range(30)]
    table = pa.table(
        {"a": gone, "b": [None if n is None else n > 2 for n in gone], "c": [0.5] * 30}
    )
    pq.write_table(table, tmp_path / "gaps.parquet")
    how = {"epochs": 1, "latent": 2, "width": 4, "quiet": True, "likelihood": "gaussian"}
    model = vaekit.fit(tmp_path / "gaps.parquet", "gaps_vae", **how)
    model.export(tmp_path / "x.parquet", to="atlas")
    found = pq.read_table(tmp_path / "x.parquet")
    wanted = [gone[row] for row in found["row"].to_pylist()]
    for name, each in {"a": wanted, "b": [n if n is None else n > 2 for n in wanted]}.items():
        held = found[name].to_numpy().astype(float)
        assert np.isnan(held).tolist() == [n is None for n in each]
        assert held[~np.isnan(held)].tolist() == [n for n in each if n is not None]
