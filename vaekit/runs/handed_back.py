"""Stored values as people hold them."""

from __future__ import annotations

from typing import Any

from torch import Tensor

from vaekit.data.layout import RowLayout
from vaekit.data.readers.arrays import to_array
from vaekit.data.readers.frames import like_frame, like_given
from vaekit.runs.config import Config


def handed_back(
    config: Config,
    like: Any,
    values: Tensor,
    layout: RowLayout,
    *,
    walks: int = 0,
    seed: int = 0,
) -> Any:
    """Rows laid out as they were, in a container like another; of a table of mixed columns, with
    their names and types.

    Args:
        config: of the model.
        like: a frame, a tensor or an array; None for an array, or a table of pyarrow's.
        values: as stored, (N, *row).
        layout: of a row.
        walks: of how many walks they are the rows, one after the other, if they are: an array then
            has them as (walks, steps, *row).
        seed: of where numbers of a table lie inside their levels.
    """
    if config.coding is not None:
        return like_frame(like, config.coding.values(values.numpy(), seed))
    rows = to_array(values, layout)
    rows = rows.reshape(walks, -1, *rows.shape[1:]) if walks else rows
    return like_given(like, rows, config.named_columns)
