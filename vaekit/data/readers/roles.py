"""What the columns of a table or the arrays of a file are: x, labels, or given to the model."""

from __future__ import annotations

import difflib
from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace

from vaekit.system.checks import BadInput, known, require

LABEL = "label"
LISTED = 10


@dataclass(frozen=True)
class ColumnRoles:
    """Which columns are not x.

    Args:
        label: the column of labels.
        given: columns that a model is given; "label" means the labels, whatever they are called.
        strict: whether a label or given column that is not there is a mistake.
        x: the columns of x in their order, where they are known; else all others are.
        gaps: whether numbers of x may be missing: they become NaN.
    """

    label: str | None = None
    given: tuple[str, ...] = ()
    strict: bool = True
    x: tuple[str, ...] = ()
    gaps: bool = False

    @property
    def columns(self) -> tuple[str, ...]:
        """The given columns other than the labels."""
        return tuple(name for name in self.given if name != LABEL)

    def among(self, names: Collection[str], kind: str = "column") -> ColumnRoles:
        """The roles of the columns that are there.

        Args:
            names: of all columns.
            kind: what they are called in an error message.

        Raises:
            BadInput: for a column that is not there, if ``strict``.
        """
        label = self.label
        if label is None and LABEL in self.given and LABEL in names:
            label = LABEL
        if self.strict:
            for name in (*([label] if label else ()), *self.columns):
                known(kind, name, names)
        given = tuple(name for name in self.given if name == LABEL or name in names)
        return replace(self, label=label if label in names else None, given=given)

    def settled(self, names: Sequence[str], where: str) -> tuple[ColumnRoles, tuple[str, ...]]:
        """The roles with the columns of x found by their names, in whatever order they are, and the
        columns that have no role.

        Args:
            names: of all columns.
            where: they are, in an error message.

        Raises:
            BadInput: for a column of x that is not there, with the nearest that is.
        """
        if not self.x:
            return replace(self, x=tuple(name for name in names if not self.holds(name))), ()
        there, wanted = set(names), set(self.x)
        others = tuple(name for name in names if name not in wanted and not self.holds(name))
        missing = [name for name in self.x if name not in there]
        if missing:
            lower = {name.lower(): name for name in others}
            near = difflib.get_close_matches(missing[0].lower(), lower, 1)
            hint = f"; did you mean {lower[near[0]]!r}?" if near else ""
            more = f" (it has {listed(others)}, which the model does not know)" if others else ""
            raise BadInput(f"{where} has no column {listed(missing)}{more}{hint}")
        return self, others

    def knows(self, name: str) -> bool:
        """Whether a column has been given a role by its name."""
        return name in self.x or self.holds(name)

    def holds(self, name: str) -> bool:
        """Whether a column is not x."""
        return name == self.label or name in self.columns


def check_once(names: Sequence[str], where: str = "") -> None:
    """Raise ``BadInput`` for a name that is there twice; ``where`` stands before what is said."""
    for name, count in Counter(names).items():
        require(count == 1, f"{where}column {name!r} is there twice; rename one")


def listed(names: Sequence[str]) -> str:
    """Names in a line, the first ten of them."""
    shown = ", ".join(map(repr, names[:LISTED]))
    return f"{shown} and {len(names) - LISTED} more" if len(names) > LISTED else shown


NO_ROLES = ColumnRoles()
