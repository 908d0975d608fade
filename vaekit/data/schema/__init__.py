"""Types of the columns of a table: found, corrected, and coded into whole levels and back."""

from vaekit.data.schema.cells import safe_cells
from vaekit.data.schema.columns import ColumnSchema, SetAside
from vaekit.data.schema.corrections import NONE, Corrections, Said, read_toml
from vaekit.data.schema.schema import TableSchema, coarse, infer

__all__ = [
    "NONE",
    "ColumnSchema",
    "Corrections",
    "Said",
    "SetAside",
    "TableSchema",
    "coarse",
    "infer",
    "read_toml",
    "safe_cells",
]
