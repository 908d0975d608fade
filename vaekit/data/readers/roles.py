"""What the columns of a table or the arrays of a file are: x, labels, or given to the model."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from vaekit.system.checks import known

LABEL = "label"


@dataclass(frozen=True)
class ColumnRoles:
    """Which columns are not x.

    Args:
        label: the column of labels.
        given: columns that a model is given; "label" means the labels, whatever they are called.
        strict: whether a column that is not there is a mistake.
    """

    label: str | None = None
    given: tuple[str, ...] = ()
    strict: bool = True

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
        return ColumnRoles(label if label in names else None, given, self.strict)

    def holds(self, name: str) -> bool:
        """Whether a column is not x."""
        return name == self.label or name in self.columns


NO_ROLES = ColumnRoles()
