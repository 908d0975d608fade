"""Codes of cells in the AnnData that holds them, where other tools look for them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from vaekit.data.readers.cells import is_anndata
from vaekit.runs.trained import Trained
from vaekit.system.checks import BadInput

KEY = "X_vae"


def annotate(
    model: Trained, data: Any, key: str = KEY, *, given: Mapping[str, Any] | None = None
) -> Any:
    """Put the codes of cells into ``data.obsm[key]``: the means of q(z|x), (cells, latent); those
    of a second latent into ``data.obsm[key + "_" + its name]``.

    Args:
        model: trained on such cells.
        data: an AnnData, which is changed.
        key: in ``obsm``.
        given: what a conditional model is told, if ``obs`` does not hold it.

    Returns:
        The same AnnData.

    Raises:
        BadInput: for anything else than an AnnData, and for cells without the model's genes.
    """
    if not is_anndata(data):
        raise BadInput(f"give an AnnData to annotate, not {type(data).__name__}")
    codes = model.encode(data, given=given)
    start = 0
    for number, (name, size) in enumerate(model.model.latents.items()):
        data.obsm[f"{key}_{name}" if number else key] = codes[:, start : start + size]
        start += size
    return data
