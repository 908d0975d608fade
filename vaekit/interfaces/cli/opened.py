"""How data is opened, as it is typed: the options of all commands that train."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Annotated, Any

from cyclopts import Group, Parameter

from vaekit.system.checks import BadInput, require

TABLES = Group("Tables")
SHOWN = ("binarize", "colours")  # which say what the model sees of what is opened


@Parameter(name="*")
@dataclass(frozen=True)
class HowOpened:
    """How data is opened, and what a model sees of it.

    Args:
        label: Column or array that holds labels.
        labels: File with one label for each row.
        size: Height x width for pictures, as 64 or 48x64.
        tiles: Cut pictures into squares of this side instead of resizing them.
        given: What a conditional model is given beside x: label, or a column; repeat for more.
        kind: image or series: what arrays of (rows, a, b) are.
        channels: first or last: where an array's channels (of a series: features) are.
        separator: Of cells: one character, or tab, space.
        decimal: Mark of fractions: a point or a comma.
        thousands: What groups digits, as the comma in 1,234,567.
        header: Whether the first line names the columns.
        index: Column of the rows' names, which is no data; or none.
        missing: A mark of missing cells beside NA, ?, - and the like; repeat for more.
        encoding: Of the text, as utf-8 or cp1252.
        comment: What lines that are no data begin with.
        schema: TOML file that corrects the types of columns.
        binarize: none, threshold or dynamic.
        colours: rgb, or minus_green for photographs to compress.
    """

    label: str | None = None
    labels: str | None = None
    size: str | None = None
    tiles: int = 0
    given: Annotated[list[str] | None, Parameter(negative="")] = None
    kind: str | None = None
    channels: str | None = None
    separator: Annotated[str | None, Parameter(group=TABLES)] = None
    decimal: Annotated[str | None, Parameter(group=TABLES)] = None
    thousands: Annotated[str | None, Parameter(group=TABLES)] = None
    header: Annotated[bool | None, Parameter(group=TABLES)] = None
    index: Annotated[str | None, Parameter(group=TABLES)] = None
    missing: Annotated[
        list[str] | None, Parameter(group=TABLES, negative="", allow_leading_hyphen=True)
    ] = None
    encoding: Annotated[str | None, Parameter(group=TABLES)] = None
    comment: Annotated[str | None, Parameter(group=TABLES)] = None
    schema: Annotated[str | None, Parameter(group=TABLES)] = None
    binarize: str = "none"
    colours: str = "rgb"

    @property
    def said(self) -> dict[str, Any]:
        """What is not as it would be if nobody said anything, as :func:`vaekit.fit` takes it."""
        found = {
            f.name: value for f in fields(self) if (value := getattr(self, f.name)) != f.default
        }
        return found | ({"size": parse_size(self.size)} if self.size is not None else {})

    def opening(self) -> Any:
        """The :class:`~vaekit.data.Opening` of it.

        Raises:
            BadInput: for what cannot be.
        """
        from vaekit.data import opening_of

        return opening_of(**{name: v for name, v in self.said.items() if name not in SHOWN})


AS_OPENED = HowOpened()


def parse_size(text: str | None) -> tuple[int, int] | None:
    """ "64" or "48x64" as (height, width)."""
    if text is None:
        return None
    try:
        numbers = [int(part) for part in text.lower().split("x")]
        height, width = numbers * 2 if len(numbers) == 1 else numbers
    except ValueError:
        raise BadInput(f"size must be like 64 or 48x64, not {text!r}") from None
    require(height > 0 and width > 0, f"size must be above 0, not {text!r}")
    return height, width
