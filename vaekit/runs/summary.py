"""What compressing rows came to."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

UNTOLD = ("notes", "noun")


@dataclass(frozen=True)
class Summary:
    """What a compression came to.

    Args:
        rows: how many.
        size: of the file, in bytes.
        raw: of the rows as they lie in memory.
        bits_per_dimension: of the whole file, model not counted.
        blocks: how many.
        plain: blocks that the model could not shorten.
        model: bytes of the embedded model, 0 if there is none.
        notes: one line each for people, on what is not kept.
        noun: what a row consists of.
        beside: bytes of the same rows as other programs pack them, by their names.
    """

    rows: int
    size: int
    raw: int
    bits_per_dimension: float
    blocks: int
    plain: int
    model: int
    notes: tuple[str, ...] = ()
    noun: str = "number"
    beside: Mapping[str, int] = field(default_factory=dict)

    @property
    def text(self) -> str:
        """In words, for people."""
        times, how = self.raw / max(self.size, 1), "smaller"
        if times < 1:
            times, how = 1 / times, "larger"
        found = (
            f"{self.rows:,} rows in {self.size:,} bytes, {times:.2f} times {how} than "
            f"{self.raw:,}: {self.bits_per_dimension:.3f} bits for each {self.noun}"
        )
        if self.model:
            found += f"; {self.model:,} of the bytes are the model"
        if self.plain:
            found += (
                f"; {self.plain:,} of {self.blocks:,} blocks without the model, which would have "
                "made them longer"
            )
        if self.beside:
            others = ", ".join(f"{name} {size:,}" for name, size in self.beside.items())
            found += f"\nthe same rows, in bytes: {others}"
        return found

    def to_dict(self) -> dict[str, Any]:
        """For JSON: the numbers."""
        numbers = {name: value for name, value in asdict(self).items() if name not in UNTOLD}
        if not self.beside:
            del numbers["beside"]
        return {**numbers, "ratio": self.raw / max(self.size, 1)}
