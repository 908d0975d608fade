"""Labels in a file of their own: one on each line, or, for pictures, beside the name of each file.

Lines of ``name,label`` (also with semicolons, tabs, bars or spaces; with a header or without) are
matched by name. Labels alone belong to the rows in their order; to pictures in the natural order of
their names, in which 2.png comes before 10.png.
"""

from __future__ import annotations

import csv
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np

from vaekit.data.readers.arrays import relabelled
from vaekit.data.readers.listing import PICTURES
from vaekit.data.readers.loading import first_line, load
from vaekit.data.readers.pages import file_of
from vaekit.data.source import Source
from vaekit.system.checks import BadInput, known, require

HEADERS = ("label", "labels", "class", "target", "category", "y")
SEPARATORS = (",", ";", "\t", "|", " ")
SHOWN = 3
Cells = list[list[str]]


def read_labels(path: str, rows: int = 0) -> Any:
    """One label for each row: a .npy array, or a text file with one on each line.

    Args:
        path: of the file.
        rows: how many there are; 0 if that is not known. The last lines may be blank labels if
            there are rows for them.
    """
    require(Path(path).is_file(), f"there is no file {path}")
    if Path(path).suffix == ".npy":
        return load(Path(path))
    try:
        text = Path(path).read_text(encoding="utf-8-sig")
    except (UnicodeDecodeError, OSError) as error:
        raise BadInput(f"cannot read {path} as a text file: {first_line(error)}") from error
    lines = [line.strip() for line in text.splitlines()]
    wanted = rows + (lines[:1] != [] and lines[0].lower() in HEADERS)
    while lines and not lines[-1] and (len(lines) > wanted or not rows):
        lines.pop()
    return lines


def with_labels(found: Source, labels: Any, column: str | None = None) -> Source:
    """The same source with labels from elsewhere.

    Args:
        found: the source.
        labels: one for each row, in memory, or the name of a file.
        column: that holds the labels, in a file of several.

    Raises:
        BadInput: for another number of labels than rows, or a picture without one.
    """
    note: list[str] = []
    if isinstance(labels, str):
        labels, note = values_for(labels, found.names, len(found), column)
    made = relabelled(found, labels)
    return replace(made, notes=(*found.notes, *note))


def values_for(
    path: str, names: Sequence[str], rows: int, column: str | None = None
) -> tuple[Any, list[str]]:
    """The values in a file, one for each row, and a note on how they were matched.

    Args:
        path: of the file.
        names: what the rows are called; none for rows without names.
        rows: how many there are; 0 if that is not known.
        column: that holds the values, in a file of several.

    Raises:
        BadInput: for a picture without a value.
    """
    found = read_labels(path, rows)
    files = [file_of(name) for name in names]
    if not files or not all(file.lower().endswith(PICTURES) for file in files):
        return _without_header(found, rows), []
    table = None if Path(path).suffix == ".npy" else Named.among(path, found, files)
    return _in_order(found, files) if table is None else table.labels(files, column)


def _without_header(labels: Any, rows: int) -> Any:
    one_more = isinstance(labels, list) and 0 < rows == len(labels) - 1
    return labels[1:] if one_more and labels[0].lower() in HEADERS else labels


def _in_order(labels: Any, files: Sequence[str]) -> tuple[Any, list[str]]:
    """Labels of pictures, or of their files, in the natural order of names."""
    each = list(dict.fromkeys(files))
    if len(labels) not in (len(files), len(files) + 1):  # one for each file, not for each page
        labels = _without_header(labels, len(each))
        if len(labels) == len(each) != len(files):
            ordered = dict(zip(sorted(each, key=natural), labels, strict=True))
            return [ordered[file] for file in files], [_order_note(each)]
    labels = _without_header(labels, len(files))
    if len(labels) != len(files):
        return labels, []
    order = sorted(range(len(files)), key=lambda row: (natural(files[row]), row))
    made = np.empty(len(files), dtype=object)
    made[order] = list(labels)
    return made.tolist(), [_order_note(each)]


def _order_note(files: Sequence[str]) -> str:
    def text(names: Sequence[str]) -> str:
        return ", ".join(names[:SHOWN]) + (", ..." if len(names) > SHOWN else "")

    chosen, other = sorted(files, key=natural), sorted(files)
    start = next((i for i, (a, b) in enumerate(zip(chosen, other, strict=True)) if a != b), None)
    if start is None:
        return f"labels are taken in the order of the pictures' names: {text(chosen)}"
    first = max(start + 1 - SHOWN, 0)
    return (
        f"labels are taken in the pictures' natural order ({text(chosen[first:])}), not that of "
        f"letters ({text(other[first:])}); write name,label on each line to be sure"
    )


def natural(name: str) -> list[tuple[bool, int, str]]:
    """What to sort names by, so that numbers in them count as numbers."""
    parts = re.split(r"(\d+)", name)
    return [(part.isdecimal(), int(part) if part.isdecimal() else 0, part) for part in parts]


@dataclass(frozen=True)
class Named:
    """A table of labels with a column of file names.

    Args:
        path: of it.
        cells: of its lines.
        column: that holds names.
        known: the file that a cell means, by what it says.
    """

    path: str
    cells: Cells
    column: int
    known: dict[str, str]

    @classmethod
    def among(cls, path: str, lines: Sequence[str], files: Sequence[str]) -> Named | None:
        """The table that these lines are, or None if they are labels alone."""
        means = _means(files)
        found = [t for s in SEPARATORS for t in cls._split(path, lines, s, means)]
        best = max(found, key=lambda table: table.matched, default=None)
        wanted = min(len(set(files)), len(lines)) / 2
        if best is not None and best.matched >= wanted:
            return best
        return next((table for table in found if table.looks_named), None)

    @classmethod
    def _split(
        cls, path: str, lines: Sequence[str], separator: str, means: dict[str, str]
    ) -> list[Named]:
        if separator == " ":
            cells = [line.split(None, 1) for line in lines if line]
        else:
            cells = [[c.strip() for c in row] for row in csv.reader(lines, delimiter=separator)]
        cells = [row for row in cells if row]
        width = min(map(len, cells), default=0)
        return [cls(path, cells, column, means) for column in range(width if width > 1 else 0)]

    @property
    def matched(self) -> int:
        """How many files it names."""
        return len({file for row in self.cells if (file := self.file(row))})

    @property
    def looks_named(self) -> bool:
        """Whether most of its names end as pictures' do."""
        named = sum(row[self.column].lower().endswith(PICTURES) for row in self.cells)
        return named > len(self.cells) / 2

    def file(self, row: Sequence[str]) -> str | None:
        """The file that a line is about."""
        said = row[self.column].replace("\\", "/").removeprefix("./")
        return self.known.get(said) or self.known.get(PurePosixPath(said).name)

    @property
    def has_header(self) -> bool:
        """Whether its first line names columns."""
        first = self.cells[0]
        return self.file(first) is None and not first[self.column].lower().endswith(PICTURES)

    def labels(self, files: Sequence[str], column: str | None) -> tuple[list[str], list[str]]:
        """One label for each file, and a note.

        Raises:
            BadInput: naming the first picture without a label, or one with two.
        """
        place, body = self._labelled(column), self.cells[self.has_header :]
        found: dict[str, str] = {}
        for row in body:
            file = self.file(row)
            if file is not None:
                label = found.setdefault(file, row[place])
                twice = f"{self.path} says of {file} both {label!r} and {row[place]!r}"
                require(label == row[place], twice)
        missing = [file for file in dict.fromkeys(files) if file not in found]
        more = f" (and {len(missing) - 1} others)" if len(missing) > 1 else ""
        require(not missing, f"{self.path} has no label for {missing[0] if missing else ''}{more}")
        unknown = sum(self.file(row) is None for row in body)
        left = f"; {unknown:,} of its names are of no picture here" if unknown else ""
        return [found[f] for f in files], [f"labels are taken by file name{left}"]

    def _labelled(self, column: str | None) -> int:
        """The column of labels."""
        width = min(map(len, self.cells))
        names = self.cells[0] if self.has_header else [f"column{i}" for i in range(width)]
        if column is not None and (width > 2 or column in names):
            return names.index(known(f"column of {self.path}", column, names))
        likely = [i for i, name in enumerate(names) if name.lower() in HEADERS]
        others = likely if self.has_header and likely else [*range(width)]
        others = [i for i in others if i != self.column]
        require(
            len(others) == 1,
            f"{self.path} has several columns ({', '.join(names)}): say which holds labels with "
            "--label (in Python label=)",
        )
        return others[0]


def _means(files: Sequence[str]) -> dict[str, str]:
    """The file that a name means: its path, or its name with or without the ending where no other
    file is called the same."""
    each = list(dict.fromkeys(files))
    found: dict[str, str] = {}
    for short in (lambda p: p.stem, lambda p: str(p.with_suffix("")), lambda p: p.name):
        names = [short(PurePosixPath(file)) for file in each]
        counts = Counter(names)
        found |= {n: file for n, file in zip(names, each, strict=True) if counts[n] == 1}
    return found | {file: file for file in each}
