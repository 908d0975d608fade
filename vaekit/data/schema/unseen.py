"""Cells that hold what no training row does, where rows are coded part by part."""

from __future__ import annotations

from typing import Any

from vaekit.system.types import Array

CATEGORY = "{rows} categories that were never seen, such as {value!r}"
CHANGED = "{rows} something else than {was!r}, which all training rows hold, such as {value!r}"
BETWEEN = "{rows} what lies between all values that can be, such as {value!r}: the nearest is taken"


class NeverSeen:
    """What is to be said of such cells."""

    def __init__(self) -> None:
        self.counts: dict[str, int] = {}
        self.said: dict[str, tuple[str, dict[str, Any]]] = {}

    def add(self, name: str, which: Array, column: Any, words: str = CATEGORY, **more: Any) -> None:
        """Some cells of a column; nothing where there are none.

        Args:
            name: of the column.
            which: whether each cell is such a one, (rows,).
            column: the cells, without a dictionary.
            words: what is said of them: one of those above.
            more: what else these have.
        """
        if not which.any():
            return
        value = column[int(which.argmax())].as_py()
        self.counts[name] = self.counts.get(name, 0) + int(which.sum())
        self.said.setdefault(name, (words, {"value": value, **more}))

    @property
    def notes(self) -> tuple[str, ...]:
        """A line for each column."""
        return tuple(
            f"column {name!r}: " + words.format(rows=_cells(self.counts[name]), **more)
            for name, (words, more) in self.said.items()
        )


def _cells(count: int) -> str:
    return "1 cell holds" if count == 1 else f"{count:,} cells hold"
