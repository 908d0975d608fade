"""Small stand-ins for the files and runs that pages of the documentation speak of."""

import shutil
from functools import partial

import numpy as np
import pandas as pd
import pytest
from people import people as rich_and_poor
from PIL import Image
from sklearn.datasets import load_digits

import vaekit

SHORT = {"epochs": 1, "quiet": True}


def rng():
    return np.random.default_rng(0)


def people(path, rows=120):
    """A table of numbers and categories with gaps."""
    draw = rng()
    age, sex = draw.integers(18, 80, rows), draw.choice(["Female", "Male"], rows)
    pay = np.round(20 + 0.5 * age + draw.normal(0, 3, rows), 1)
    income = np.where(pay > 45, ">50K", "<=50K")
    town = draw.choice(["Rome", "Turin"], rows)
    town[:9] = ""
    columns = {"age": age, "sex": sex, "pay": pay, "income": income, "town": town}
    frame = pd.DataFrame({**columns, "kind": draw.choice(["a", "b"], rows)})
    if path.suffix == ".parquet":
        return frame.to_parquet(path, index=False)
    return frame.to_csv(path, index=False)


def german(path):
    frame = pd.DataFrame(rng().normal(size=(60, 4)), columns=[*"abcd"])
    frame.to_csv(path, sep=";", decimal=",", index=False)


def kinds(path):
    """Rows of numbers, and a column that is blank in most rows."""
    frame = pd.DataFrame(rng().normal(size=(60, 3)), columns=[*"abc"])
    frame["kind"] = [("x", "y")[n % 2] if n % 5 == 0 else None for n in range(60)]
    frame.to_csv(path, index=False)


def gaps(path, names=("a", "b", "c", "d")):
    values = rng().normal(size=(60, len(names)))
    values[rng().random(values.shape) < 0.1] = np.nan
    pd.DataFrame(values, columns=names).to_csv(path, index=False)


def answers(path):
    """Two modalities, of which one may be missing."""
    draw = rng()
    frame = pd.DataFrame({"age": draw.normal(size=60), "income": draw.normal(size=60)})
    frame["ill"], frame["old"] = draw.integers(0, 2, 60), draw.integers(0, 2, 60)
    frame.to_csv(path, index=False)


def both(path, half=False):
    """Pictures of 28 x 28 and their labels as ten numbers; of half the rows the labels are missing."""
    x = np.concatenate([rng().random((30, 784)), np.eye(10)[rng().integers(0, 10, 30)]], 1)
    if half:
        x[::2, 784:] = np.nan
    np.save(path, x.astype(np.float32))


def pictures(path, size=40, count=24):
    draw = rng()
    for number in range(count):
        at = path / f"{number}.png"
        at.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(draw.integers(0, 256, (size, size, 3), np.uint8)).save(at)


def pages(path):
    """A file of three pages, 256 x 64."""
    made = [Image.fromarray(rng().integers(0, 256, (256, 64), np.uint8)) for _ in range(3)]
    made[0].save(path, save_all=True, append_images=made[1:])


def one_picture(path):
    path.parent.mkdir(exist_ok=True)
    Image.fromarray(rng().integers(0, 256, (30, 40, 3), np.uint8)).save(path)


def digits(path):
    np.save(path, load_digits().images[:200].astype(np.uint8))


def shards(path):
    path.mkdir()
    for number in range(2):
        np.save(path / f"{number}.npy", rng().normal(size=(50, 6)).astype(np.float32))


def hours(path):
    np.save(path, rng().normal(size=(20, 336, 2)).astype(np.float32))


def steps(path):
    np.save(path, rng().integers(0, 7, (40, 12)))


def cells(path):
    anndata = pytest.importorskip("anndata")
    names = pd.Index([*map(str, range(40))], dtype=object)
    kinds = {"batch": [*"ab"] * 20, "cell_type": [*"xxyy"] * 10}
    obs = pd.DataFrame(kinds, index=names, dtype=object)
    genes = pd.DataFrame(index=pd.Index([f"g{n}" for n in range(12)], dtype=object))
    anndata.AnnData(rng().poisson(2, (40, 12)).astype(np.float32), obs, genes).write_h5ad(path)


def few_labels(path):
    path.write_text(
        "".join(f"{y}\n" if n % 10 == 0 else "\n" for n, y in enumerate(load_digits().target))
    )


def table_run(path):
    source = path.parent / "people-of-it.csv"
    people(source)
    vaekit.fit(source, "table_vae", out=path, width=8, latent=2, **SHORT)


def rich_run(path):
    """Of the people of whom docs/serve.md tells."""
    vaekit.fit(rich_and_poor(600), "table_vae", out=path, width=8, latent=2, **SHORT)


def jobs_run(path):
    """Of the people of whom docs/tour.md tells."""
    draw = rng()
    columns = {"age": draw.integers(18, 70, 120), "job": draw.choice(["nurse", "cook"], 120)}
    columns |= {
        "town": draw.choice(["Rome", "Turin"], 120),
        "pay": draw.normal(30, 3, 120).round(1),
    }
    vaekit.fit(pd.DataFrame(columns), "table_vae", out=path, width=8, latent=2, **SHORT)


def shards_run(path):
    source = path.parent / "shards-of-it"
    shards(source)
    vaekit.fit(source, out=path, width=8, latent=2, **SHORT)


def elsewhere(path):
    """A run whose data now lies beside it."""
    source = path.parent / "x.npy"
    if not source.exists():
        digits(source)
    vaekit.fit(source, out=path, width=8, latent=2, epochs=8, quiet=True)


def maps_run(path):
    source = path.parent / "pictures-of-it"
    pictures(source)
    vaekit.fit(source, "autoencoder_kl", out=path, width=8, **SHORT)


FILES = {
    "people.csv": people, "table.csv": people, "new.csv": people, "test.csv": people, "more.csv": people,
    "big.parquet": people, "gaps.csv": people, "german.csv": german, "rows.csv": kinds,
    "photos/": pictures, "pictures/": partial(pictures, size=32), "stack.tif": pages,
    "new/holiday.jpg": one_picture, "new.npy": digits, "other.npy": digits, "x.npy": hours,
    "shards/": shards, "cells.h5ad": cells, "few.txt": few_labels, "t.csv": answers,
    "both.npy": both, "half.npy": partial(both, half=True), "steps.npy": steps,
}  # fmt: skip
RUNS = {"runs/people": table_run, "runs/big": table_run, "runs/maps": maps_run}
OF_PAGES = {
    "models/gaps.md": {"gaps.csv": gaps},
    "models/tables.md": {"RUN": table_run},
    "scale.md": {"runs/big": shards_run},
    "serve.md": {"runs/people": rich_run},
    "tour.md": {"runs/people": jobs_run},
    "resuming.md": {"there/x.npy": digits, "there/run": elsewhere},
}


class World:
    """What pages speak of, made when it is first spoken of and copied for each.

    Args:
        kept: folder of what was made.
        trained: a run of digits, which stands for all runs that are said nothing of.
    """

    def __init__(self, kept, trained):
        self.kept, self.trained = kept, trained

    def bring(self, page, word, here):
        """Lay what a word of a line names into the folder of a page, if it is not there."""
        target = here / word.rstrip("/")
        made = OF_PAGES.get(page, {}).get(word) or FILES.get(word) or RUNS.get(word)
        if target.exists() or not (made or word.startswith(("runs/", "RUN"))):
            return
        source = self.trained if made is None else self._made(page, word, made)
        target.parent.mkdir(parents=True, exist_ok=True)
        (shutil.copytree if source.is_dir() else shutil.copy)(source, target)

    def _made(self, page, word, made):
        own = page if word in OF_PAGES.get(page, {}) else "all"
        at = self.kept / own.replace("/", "-") / word.rstrip("/")
        if not at.exists():
            at.parent.mkdir(parents=True, exist_ok=True)
            made(at)
        return at
