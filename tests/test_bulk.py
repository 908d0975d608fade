"""Work over a cluster gives what the same work gives here, however it is shared out."""

import logging
import os
import re
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch

import vaekit
from vaekit.interfaces import ray as bulk
from vaekit.system.checks import BadInput
from vaekit.system.seeding import seed_for

ray = pytest.importorskip("ray")
pytest.importorskip("ray.data")
ROOT = Path(__file__).resolve().parent.parent


@pytest.fixture(scope="module", autouse=True)
def cluster():
    """Two processors of this machine, which say little and nothing to anyone else."""
    os.environ["RAY_USAGE_STATS_ENABLED"] = "0"
    try:
        ray.init(
            num_cpus=2, include_dashboard=False, logging_level=logging.ERROR, log_to_driver=False,
            object_store_memory=2**28,
        )  # fmt: skip
    except (RuntimeError, OSError) as error:
        pytest.skip(f"no Ray can be started here: {error}")
    ray.data.DataContext.get_current().enable_progress_bars = False
    yield
    ray.shutdown()


@pytest.fixture(scope="module")
def digits():
    return vaekit.open_source("digits").rows("test").numpy()[:, 0]


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    folder = tmp_path_factory.mktemp("model")
    vaekit.fit("digits", latent=2, width=16, epochs=2).save(folder)
    return str(folder)


def dataset(rows, pieces):
    data = ray.data.from_items([{"key": i, "data": row} for i, row in enumerate(rows)])
    return data.repartition(pieces)


def column(made, name):
    """In the order of the keys."""
    rows = made.to_pandas().sort_values("key")
    return np.stack([np.asarray(value) for value in rows[name]])


@pytest.mark.parametrize("pieces", [pytest.param(1, marks=pytest.mark.long), 5])
def test_results_do_not_depend_on_how_work_is_shared_out(digits, place, pieces):
    model = vaekit.load(place)
    made = bulk.encode(dataset(digits, pieces), place)
    made = bulk.reconstruct(made, place)
    made = bulk.score(made, place, samples=20, seed=3).materialize()
    assert np.allclose(column(made, "z"), model.encode(digits), atol=1e-6)
    rebuilt = column(made, "reconstruction")
    assert rebuilt.dtype == digits.dtype
    assert (np.abs(rebuilt - model.reconstruct(digits).astype(int)) <= 1).all()
    assert (rebuilt == model.reconstruct(digits)).mean() > 0.999
    expected = model.log_likelihood(digits, samples=20, seed=3)
    assert np.allclose(column(made, "log_px"), expected, rtol=1e-10)
    assert (column(made, "data") == digits).all()


def test_new_rows(place):
    """Those of a seed are the same however many are made, and can be worked on in turn."""
    made = bulk.sample(place, 300, seed=4)
    found = made.to_pandas().sort_values("row")
    assert found["row"].tolist() == list(range(300))
    rows = np.stack(list(found["data"]))
    model = vaekit.load(place)
    seeds = [seed_for(4, "piece", number) for number in range(2)]
    expected = np.concatenate([model.sample(256, seed=seed) for seed in seeds])
    assert (rows == expected[:300]).all()
    assert rows.dtype == expected.dtype
    assert bulk.encode(bulk.sample(place, 5, seed=4), place).count() == 5


def test_compressed_rows_come_back(digits, place):
    notes = [f"no. {i}" for i in range(len(digits))]
    data = dataset(digits, 3).map(lambda row: {**row, "note": f"no. {row['key']}", "pair": [1, 2]})
    made = bulk.compress(data, place, rows_a_file=50).materialize()
    files = made.take_all()
    assert sum(len(row["key"]) for row in files) == len(digits)
    assert max(len(row["key"]) for row in files) == 50
    assert set(files[0]) == {"key", "note", "pair", "vk"}
    assert sum(len(row["vk"]) for row in files) < digits.nbytes
    back = bulk.decompress(made, place).materialize()
    assert column(back, "data").dtype == digits.dtype
    assert (column(back, "data") == digits).all()
    assert column(back, "note").tolist() == notes
    assert (column(back, "pair") == [1, 2]).all()


def test_compressed_tables_come_back(tmp_path):
    counts = pd.DataFrame(np.random.default_rng(0).poisson([2, 30], (60, 2)), columns=["a", "b"])
    vaekit.fit(counts, latent=1, width=8, epochs=1, likelihood="poisson").save(tmp_path)
    data = ray.data.from_pandas(counts.assign(key=range(60)))
    back = bulk.decompress(bulk.compress(data, tmp_path), tmp_path)
    assert (column(back, "a") == counts["a"]).all()
    assert (column(back, "b") == counts["b"]).all()


def test_tables(tmp_path):
    rng = np.random.default_rng(0)
    frame = pd.DataFrame({"a": rng.normal(size=60), "b": rng.normal(9, 4, 60)})
    model = vaekit.fit(frame, latent=2, width=8, epochs=1)
    model.save(tmp_path)
    data = ray.data.from_pandas(frame.assign(key=range(60)))
    made = bulk.score(bulk.encode(data, tmp_path), tmp_path, samples=5).materialize()
    assert np.allclose(column(made, "z"), model.encode(frame), atol=1e-6)
    expected = model.log_likelihood(frame.astype(np.float32), samples=5)
    assert np.allclose(column(made, "log_px"), expected)
    again = bulk.encode(bulk.sample(tmp_path, 7), tmp_path)
    assert set(again.schema().names) == {"row", "a", "b", "z"}
    assert again.count() == 7


def test_a_process_loads_once_and_has_one_thread(digits, place):
    def looks(trained, rows, given):
        loads = bulk._cached_model.cache_info().misses
        return np.array([[os.getpid(), loads, torch.get_num_threads()]] * len(rows))

    data = bulk._with_column(dataset(digits, 9), vaekit.load(place), None, "seen", looks)
    seen = column(data, "seen")
    assert len(seen) == len(digits)
    assert (seen[:, 2] == 1).all()
    processes = {tuple(row) for row in seen[:, :2].tolist()}
    assert len(processes) == len(dict(processes)) < 9


def test_what_is_drawn_is_drawn_alike(tmp_path):
    """Dynamic binarization of a row does not depend on its place."""
    rows = np.random.default_rng(0).integers(0, 256, (30, 12)).astype(np.uint8)
    model = vaekit.fit(rows, latent=2, width=8, epochs=1, binarize="dynamic")
    model.save(tmp_path)
    made = bulk.score(bulk.encode(dataset(rows, 3), tmp_path), tmp_path, samples=5)
    turned = bulk.score(bulk.encode(dataset(rows[::-1], 1), tmp_path), tmp_path, samples=5)
    for name in ("z", "log_px"):
        assert np.allclose(column(made, name), column(turned, name)[::-1], atol=1e-6)


def test_mistakes(digits, place, tmp_path):
    data = dataset(digits, 1)
    with pytest.raises(BadInput, match=r"give the rows as a ray\.data\.Dataset"):
        bulk.encode(digits, place)
    with pytest.raises(BadInput, match="there is no model nowhere"):
        bulk.encode(data, "nowhere")
    with pytest.raises(BadInput, match="samples must be at least 1, not 0"):
        bulk.score(data, place, samples=0)
    with pytest.raises(BadInput, match="rows_a_file must be at least 1, not 0"):
        bulk.compress(data, place, rows_a_file=0)
    with pytest.raises(BadInput, match="number of samples must be at least 1, not 0"):
        bulk.sample(place, 0)
    vaekit.fit("digits", "autoencoder", latent=2, width=8, epochs=1).save(tmp_path)
    with pytest.raises(BadInput, match="an autoencoder has no log p"):
        bulk.score(data, tmp_path)
    with pytest.raises(BadInput, match="no code can store"):
        bulk.compress(data, tmp_path)


@pytest.mark.parametrize(
    ("change", "options", "said"),
    [
        (lambda rows: rows[:, :4], {}, "the model takes rows of 8 x 8, data has rows of"),
        (lambda rows: rows, {"column": "dta"}, "did you mean 'data'?"),
        (lambda rows: rows + 100, {}, r"beta_binomial needs whole numbers in \[0, 16\]"),
    ],
)
def test_rows_that_the_model_does_not_take(digits, place, change, options, said):
    with pytest.raises(ray.exceptions.RayError, match=said):
        bulk.encode(dataset(change(digits), 1), place, **options).materialize()


def test_without_ray(monkeypatch, place):
    monkeypatch.setitem(__import__("sys").modules, "ray.data", None)
    with pytest.raises(BadInput, match=r"this needs ray: pip install 'vaekit\[ray\]'"):
        bulk.sample(place, 3)


def test_the_example_of_the_page_runs(tmp_path, place):
    text = (ROOT / "docs" / "scale.md").read_text()
    (example,) = re.findall(r"```python\n(.*?)```", text, re.DOTALL)
    (tmp_path / "runs").mkdir()
    (tmp_path / "runs" / "digits").symlink_to(place)
    np.save(tmp_path / "rows.npy", vaekit.open_source("digits").rows("test").numpy()[:, 0])
    for name in ("rows.npy", "runs/digits", "scored", "new"):
        example = example.replace(f'"{name}"', repr(str(tmp_path / name)))
    exec(compile(example, "scale.md", "exec"), {})
    scored = [pd.read_parquet(path) for path in (tmp_path / "scored").glob("*.parquet")]
    assert list(pd.concat(scored).columns) == ["log_px"]
    assert len(pd.concat(scored)) == 179
    assert list((tmp_path / "new").glob("*.parquet"))
