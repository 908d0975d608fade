"""Stored values as people hold them."""

from __future__ import annotations

from typing import Any

from torch import Tensor

from vaekit.data.layout import RowLayout
from vaekit.data.readers.arrays import to_array
from vaekit.data.readers.frames import like_frame, like_given
from vaekit.runs.config import Config


def handed_back(config: Config, like: Any, values: Tensor, layout: RowLayout, seed: int = 0) -> Any:
    """Rows laid out as they were, in a container like another; of a table of mixed columns, with
    their names and types.

    Args:
        config: of the model.
        like: a frame, a tensor or an array; None for an array, or a table of pyarrow's.
        values: as stored, (N, *row).
        layout: of a row.
        seed: of where numbers of a table lie inside their levels.
    """
    if config.coding is not None:
        return like_frame(like, config.coding.values(values.numpy(), seed))
    return like_given(like, to_array(values, layout), config.named_columns)
