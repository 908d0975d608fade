"""How a trained model codes blocks of stored rows, and what tells that it is the same model."""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Callable
from functools import cache

import numpy as np
import torch

from vaekit.codec import fixed_point
from vaekit.codec.blocks import Coder
from vaekit.codec.families import COUNT_LEVELS
from vaekit.codec.graphs import fixed_point_copy
from vaekit.data import Representation
from vaekit.runs.trained import Trained
from vaekit.system.checks import require
from vaekit.system.types import Array

LARGEST_COUNT = 2**40


def fingerprint(trained: Trained) -> str:
    """A sha256 over all that decides how a model codes: recipe, arguments, numbers, weights."""
    identity = json.dumps(trained.config.identity(), sort_keys=True)
    found = hashlib.sha256(identity.encode())
    for name, tensor in sorted(trained.model.state_dict().items()):
        found.update(f"{name} {tensor.dtype} {tuple(tensor.shape)}".encode())
        found.update(tensor.detach().cpu().contiguous().numpy().tobytes())
    return found.hexdigest()


def coder_of(trained: Trained, dtype: np.dtype) -> Coder:
    """The block coder of a model for rows stored as ``dtype``.

    Raises:
        BadInput: for a model without an exact form, or one of real numbers.
    """
    model, representation = trained.model, trained.representation
    exact, family = fixed_point_copy(model), model.likelihood.family
    top = min(family.range.high, LARGEST_COUNT)
    require(
        trained.is_discrete,
        "this model sees grey values as chances of a 1; compression needs whole levels: train with "
        "--likelihood logistic_mixture or beta_binomial",
    )

    def fits(x: Array) -> bool:
        return bool(x.min() >= 0 and x.max() <= top)

    forth, back = ways(representation)
    large = math.inf if math.isfinite(family.range.high) else COUNT_LEVELS - 1
    return Coder(exact, representation.shape, dtype, fits, forth, back, large)


def check_exact(trained: Trained) -> None:
    """Raise ``BadInput`` for a model that can compress no rows at all, before any are read."""
    fixed_point_copy(trained.model)


def check_coded(trained: Trained) -> None:
    """Raise ``BadInput`` for a model of cells, whose rows are compressed as they stand in a file or
    a data frame."""
    require(
        trained.config.coding is None,
        "rows of a table of mixed columns are compressed from its file: vaekit compress RUN FILE",
    )


def ways(
    representation: Representation,
) -> tuple[Callable[[Array], Array], Callable[[Array], Array]]:
    """From stored values to a model's whole numbers, and back; exact wherever that is possible."""
    unit = 1.0 if representation.binarize != "none" else representation.scale
    parts = round(1 / unit) if unit < 1 else 1
    start = np.array(representation.offset or 0.0).astype(np.int64)

    def forth(rows: Array) -> Array:
        if unit == 1:
            whole = rows.astype(np.int64)
        else:
            whole = np.rint(rows.astype(np.float64) * parts / max(unit, 1)).astype(np.int64)
        return representation.subtract_green(torch.from_numpy(whole - start)).numpy()

    def back(x: Array) -> Array:
        whole = representation.add_green(torch.from_numpy(x)).numpy() + start
        return whole if unit == 1 else whole * max(unit, 1) / parts

    return forth, back


@cache
def tables_hash() -> str:
    """The sha256 of every table the codec uses."""
    more = {f"rises{n}": fixed_point.rises(n) for n in (17, 256)}
    more |= {"mantissas": fixed_point.mantissas()}
    return fixed_point.hashed(fixed_point.every_table() | more)
