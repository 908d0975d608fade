"""Models of every kind, for tests of the server."""

import numpy as np
import pyarrow as pa
from people import people

import vaekit

HOW = {"epochs": 1, "width": 8, "latent": 2, "quiet": True}
rng = np.random.default_rng(0)
GREY = rng.integers(0, 256, (40, 8, 8), dtype=np.uint8)
COLOUR = rng.integers(0, 256, (40, 8, 8, 3), dtype=np.uint8)
REAL = rng.normal(size=(40, 4)).astype(np.float32)
NAMED = pa.table({name: REAL[:, place] for place, name in enumerate("abcd")})
COUNTS = rng.poisson(3, (40, 6))
SERIES = rng.normal(size=(40, 12, 2)).astype(np.float32)
BITS = (rng.random((40, 6)) < 0.4).astype(np.uint8)

KINDS = {
    "grey": (GREY, {}),
    "colour": (COLOUR, {}),
    "real": (REAL, {}),
    "named": (NAMED, {}),
    "counts": (COUNTS, {"likelihood": "poisson"}),
    "series": (SERIES, {}),
    "bits": (BITS, {}),
    "table": (people(60), {"recipe": "table_vae"}),
    "autoencoder": (REAL, {"recipe": "autoencoder"}),
    "given": ("digits", {"given": ["label"]}),
    "drawn": (GREY / 255.0, {"binarize": "dynamic"}),
}
ROWS = {"given": np.zeros((40, 8, 8)), "table": None}


def model_of(kind):
    data, how = KINDS[kind]
    return vaekit.fit(data, **{**HOW, **how})


def models():
    return {kind: model_of(kind) for kind in KINDS}
