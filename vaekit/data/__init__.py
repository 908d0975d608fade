"""Data: sources, in memory or on disk, how their values become a model's x, and seeded batches."""

from vaekit.data.batches import Batches, Encoded, Encoder
from vaekit.data.conditions import Condition, Conditions, parse_given
from vaekit.data.facts import Facts, facts
from vaekit.data.opening import Opening, names_columns, open_source, opening_of
from vaekit.data.published.catalogue import CATALOGUE, Entry
from vaekit.data.readers.arrays import from_memory
from vaekit.data.representation import Representation
from vaekit.data.source import SPLITS, Source, check_enough

__all__ = [
    "CATALOGUE",
    "SPLITS",
    "Batches",
    "Condition",
    "Conditions",
    "Encoded",
    "Encoder",
    "Entry",
    "Facts",
    "Opening",
    "Representation",
    "Source",
    "check_enough",
    "facts",
    "from_memory",
    "names_columns",
    "open_source",
    "opening_of",
    "parse_given",
]
