"""Models of every kind, for tests of the server."""

import datetime
import decimal
from functools import cache

import numpy as np
import pyarrow as pa
from people import people

import vaekit
from vaekit.interfaces.server.api.app import Api

HOW = {"epochs": 1, "width": 8, "latent": 2, "quiet": True}
rng = np.random.default_rng(0)
GREY = rng.integers(0, 256, (40, 8, 8), dtype=np.uint8)
COLOUR = rng.integers(0, 256, (40, 8, 8, 3), dtype=np.uint8)
REAL = rng.normal(size=(40, 4)).astype(np.float32)
NAMED = pa.table({name: REAL[:, place] for place, name in enumerate("abcd")})
COUNTS = rng.poisson(3, (40, 6))
SERIES = rng.normal(size=(40, 12, 2)).astype(np.float32)
BITS = (rng.random((40, 6)) < 0.4).astype(np.uint8)


def diary(rows=60):
    """A table of every type of column."""
    start, days = datetime.datetime(2020, 1, 1), rng.integers(0, 900, rows)
    return pa.table({
        "day": [(start + datetime.timedelta(days=int(d))).date() for d in days],
        "when": [start + datetime.timedelta(hours=int(d)) for d in days],
        "well": rng.random(rows) < 0.5,
        "count": rng.integers(0, 50, rows),
        "price": [decimal.Decimal(f"{v:.2f}") for v in rng.normal(size=rows)],
        "word": rng.choice(["a", "b c", "3"], rows),
    })  # fmt: skip


KINDS = {
    "grey": (GREY, {}),
    "colour": (COLOUR, {}),
    "real": (REAL, {}),
    "named": (NAMED, {}),
    "counts": (COUNTS, {"likelihood": "poisson"}),
    "series": (SERIES, {}),
    "bits": (BITS, {}),
    "table": (people(60), {"recipe": "table_vae"}),
    "diary": (diary(), {"recipe": "table_vae"}),
    "autoencoder": (REAL, {"recipe": "autoencoder"}),
    "given": ("digits", {"given": ["label"]}),
    "drawn": (GREY / 255.0, {"binarize": "dynamic"}),
}


@cache
def models():
    """Of each kind one."""
    return {k: vaekit.fit(data, **{**HOW, **how}) for k, (data, how) in KINDS.items()}


@cache
def api():
    """All of them, served."""
    return Api(models())


def in_json(kind, rows=slice(0, 12)):
    """A body with some rows of a kind of data."""
    if kind == "given":
        x = models()[kind].source.rows("all")[rows, 0].tolist()
        return {"rows": x, "given": {"label": [str(n % 10) for n in range(len(x))]}}
    data = KINDS[kind][0]
    if isinstance(data, pa.Table):
        return {"rows": data.slice(rows.start, rows.stop - rows.start).to_pylist()}
    return {"rows": data[rows].tolist()}


def in_memory(kind, rows=slice(0, 12)):
    """The same as :meth:`Trained.encode` takes it, with what is given."""
    if kind == "given":
        found = in_json(kind, rows)
        return np.array(found["rows"], np.uint8), {"label": found["given"]["label"]}
    data = KINDS[kind][0]
    if isinstance(data, pa.Table):
        return data.slice(rows.start, rows.stop - rows.start), None
    return data[rows], None
