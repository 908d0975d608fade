"""What compressing rows came to."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any


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
    """

    rows: int
    size: int
    raw: int
    bits_per_dimension: float
    blocks: int
    plain: int
    model: int
    notes: tuple[str, ...] = ()

    @property
    def text(self) -> str:
        """In words, for people."""
        found = (
            f"{self.rows:,} rows in {self.size:,} bytes, {self.raw / max(self.size, 1):.2f} times "
            f"smaller than {self.raw:,}: {self.bits_per_dimension:.3f} bits for each number"
        )
        if self.model:
            found += f"; {self.model:,} of the bytes are the model"
        if self.plain:
            found += (
                f"; {self.plain:,} of {self.blocks:,} blocks as they are, which no code shortens"
            )
        return found

    def to_dict(self) -> dict[str, Any]:
        """For JSON: the numbers."""
        numbers = {name: value for name, value in asdict(self).items() if name != "notes"}
        return {**numbers, "ratio": self.raw / max(self.size, 1)}
