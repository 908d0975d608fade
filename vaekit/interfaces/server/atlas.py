"""Rows and their codes as the columns that Embedding Atlas takes."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from sklearn.neighbors import NearestNeighbors

from vaekit.interfaces.export import MOST_ROWS
from vaekit.interfaces.server.subject import Subject, subject_of
from vaekit.pictures.grids import png, to_image
from vaekit.runs.outputs import free
from vaekit.runs.shown import is_picture
from vaekit.runs.trained import Trained
from vaekit.system.files import replacing
from vaekit.system.types import Array

NEIGHBOURS = 15
NEIGHBOUR = pa.struct([("ids", pa.list_(pa.int64())), ("distances", pa.list_(pa.float32()))])
PICTURE = pa.struct([("bytes", pa.binary()), ("path", pa.string())])


def write_atlas(
    trained: Trained,
    path: Path,
    data: Any = None,
    *,
    split: str | None = None,
    limit: int = MOST_ROWS,
    scores: bool = False,
    seed: int = 0,
    given: Mapping[str, Any] | None = None,
) -> list[str]:
    """Write a Parquet file for ``embedding-atlas FILE --x projection_x --y projection_y --neighbors
    neighbors``: beside what rows are called, their labels and columns, codes as ``vector``, their
    places on the explorer's map, the 15 rows of the nearest codes, and pictures as PNG.

    Args:
        trained: the model.
        path: of the file.
        data: anything that can be opened; by default the data the model was trained on.
        split: which rows of it; all by default.
        limit: most rows, chosen at random; 0 for all.
        scores: whether to add ELBO, log p(x) and the like of each row, which takes a while.
        seed: of the choice of rows.
        given: what a conditional model is given, if the data does not carry it.

    Returns:
        Nothing: it lacks nothing.

    Raises:
        BadInput: where there are no rows, or no codes.
    """
    subject = subject_of(trained, data, split=split, limit=limit, seed=seed, given=given)
    columns: dict[str, Any] = {**_beside(subject, scores=scores)}
    for name, values in subject.columns(np.arange(len(subject.rows))).items():
        columns[free(name, columns)] = values
    with replacing(path) as temporary:
        pq.write_table(pa.table(columns), temporary)
    return []


def _beside(subject: Subject, *, scores: bool) -> dict[str, pa.Array]:
    """Where rows lie on the map, and what else the atlas shows them by."""
    places = subject.planes.points(subject.planes_offered[0])
    found = {
        "projection_x": pa.array(places[:, 0]),
        "projection_y": pa.array(places[:, 1]),
        "neighbors": nearest(subject.codes, NEIGHBOURS),
        "vector": pa.FixedSizeListArray.from_arrays(
            pa.array(subject.codes.ravel()), subject.codes.shape[1]
        ),
    }
    if is_picture(subject.trained):
        shown = subject.face.stored(subject.rows)
        pictures = [{"bytes": png(to_image(np.asarray(one))), "path": None} for one in shown]
        found["image"] = pa.array(pictures, PICTURE)
    if scores:
        each = subject.colours.each.values()
        slow = {colour.key: colour.slow for colour in each if colour.slow is not None}
        found |= {key: pa.array(np.concatenate([*parts()])) for key, parts in slow.items()}
    return found


def nearest(codes: Array, most: int) -> pa.Array:
    """Of each row the rows with the nearest codes, {ids, distances}, the nearest first.

    Args:
        codes: (N, latent).
        most: how many.
    """
    count = min(most, len(codes) - 1)
    if count < 1:
        return pa.array([{"ids": [], "distances": []}] * len(codes), NEIGHBOUR)
    away, ids = NearestNeighbors(n_neighbors=count).fit(codes).kneighbors()
    each = zip(ids, away, strict=True)
    return pa.array([{"ids": i, "distances": d} for i, d in each], NEIGHBOUR)
