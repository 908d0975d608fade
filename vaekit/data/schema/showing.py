"""What columns are, as a table for people."""

from __future__ import annotations

WIDEST = 40


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
