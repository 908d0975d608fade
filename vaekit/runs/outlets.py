"""Where commands may write: the endings of names, and the name that is taken unless one is given.
What a command's help says of it and what is refused come from the same place."""

from __future__ import annotations

import os
from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path

from vaekit.system.checks import require
from vaekit.system.files import check_file, claim

FOLDER = ""  # the ending of its name


@dataclass(frozen=True)
class Outlet:
    """A kind of thing that is written.

    Args:
        endings: of the names of files.
        default: where it goes unless somebody says where, in words; empty where it then goes
            nowhere.
        of_pictures: endings that pictures may have as well.
        of_cells: endings that tables of mixed columns have instead, where rows may be such.
        folder: what a folder is called.
    """

    endings: tuple[str, ...]
    default: str = ""
    of_pictures: tuple[str, ...] = ()
    of_cells: tuple[str, ...] = ()
    folder: str = "a folder (a name without an ending)"

    @property
    def help(self) -> str:
        """A line for people."""
        also = f", of pictures also {self._listed(self.of_pictures)}" if self.of_pictures else ""
        if self.of_cells:
            also += f", of tables of mixed columns {self._listed(self.of_cells)}"
        default = self.default or "nothing is written"
        where = f"{self._listed(self.endings)}{also}; by default {default}."
        return where[0].upper() + where[1:]

    def for_cells(self) -> Outlet:
        """Where the rows are cells of a table of mixed columns."""
        return replace(self, endings=self.of_cells, of_pictures=()) if self.of_cells else self

    def claim(
        self,
        path: Path,
        *,
        force: bool = False,
        inputs: Iterable[str | os.PathLike[str]] = (),
        pictures: bool = True,
    ) -> Path:
        """The path, which may be written.

        Args:
            path: where to write.
            force: whether what is there may be written over.
            inputs: files and folders that are read, which may not.
            pictures: whether what is written are pictures.

        Raises:
            BadInput: for an ending that is none of these, and for what is there already.
        """
        ending = path.suffix.lower()
        hidden = path.name.lower() in self._all
        require(not hidden, f"the name {path} is an ending alone: put a name before it")
        require(
            ending != FOLDER or FOLDER in self._all,
            f"the name {path} has no ending: choose {self._listed(self.endings)}",
        )
        require(
            ending in self._all,
            f"unknown kind of output file {ending!r}: choose {self._listed(self._all)}",
        )
        require(
            pictures or ending in self.endings,
            f"{path}: rows of numbers are no pictures; choose {self._listed(self.endings)}",
        )
        return claim(path if ending == FOLDER else check_file(path), force=force, inputs=inputs)

    @property
    def _all(self) -> tuple[str, ...]:
        return (*self.endings, *self.of_pictures)

    def _listed(self, endings: tuple[str, ...]) -> str:
        named = [ending or self.folder for ending in endings]
        return " or ".join([", ".join(named[:-1]), named[-1]] if len(named) > 1 else named)
