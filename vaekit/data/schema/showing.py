"""What columns are, as a table for people."""

from __future__ import annotations

from collections import Counter

WIDEST = 40


def shortened(rows: list[tuple[str, ...]], most: int | None) -> str:
    """Rows of text in columns, and how many more there are of each type.

    Args:
        rows: texts of each, the type second; the first are headings.
        most: rows below the headings; None for all.
    """
    shown = rows if most is None else rows[: most + 1]
    rest = rows[len(shown) :]
    if not rest:
        return aligned(shown)
    kinds = Counter(kind for _, kind, *_ in rest).most_common()
    each = ", ".join(f"{count:,} of type {kind}" for kind, count in kinds)
    return f"{aligned(shown)}\n... and {len(rest):,} more columns: {each}"


def aligned(rows: list[tuple[str, ...]]) -> str:
    """Rows of text in columns; the third and the fourth to the right.

    Args:
        rows: texts of each.
    """
    cut = [tuple(_cut(cell) for cell in row) for row in rows]
    widths = [max(len(row[i]) for row in cut) for i in range(len(cut[0]))]
    lines = []
    for row in cut:
        cells = [
            c.rjust(w) if i in (2, 3) else c.ljust(w)
            for i, (c, w) in enumerate(zip(row, widths, strict=True))
        ]
        lines.append("  ".join(cells).rstrip())
    return "\n".join(lines)


def _cut(cell: str) -> str:
    line = " ".join(cell.split())
    return line if len(line) <= WIDEST else line[: WIDEST - 3] + "..."
