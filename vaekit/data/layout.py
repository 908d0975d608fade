"""How a row lies in an array that is handed in, and which axis is which."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, Protocol

import numpy as np

from vaekit.system.checks import BadInput, known, require, size_text
from vaekit.system.types import Array

Shape = tuple[int, ...]
KINDS, CHANNELS = ("image", "series"), ("first", "last")
USUAL_CHANNELS, MOST_FEATURES = (1, 3, 4), 16


@dataclass(frozen=True)
class Axes:
    """The axes of a row in an array, and the way to those of a stored row.

    Args:
        rank: how many there are.
        noun: what such rows are called.
        store: from (N, \\*row) in the array to stored values, a view where possible.
        give: the way back, for rows of a shape.
    """

    rank: int
    noun: str
    store: Callable[[Array], Array]
    give: Callable[[Array, Shape], Array]


def _flat(values: Array) -> Array:
    return values.reshape(len(values), int(np.prod(values.shape[1:])))


def _as_shape(values: Array, shape: Shape) -> Array:
    return values.reshape(len(values), *shape)


AXES: dict[str, Axes] = {
    "numbers": Axes(1, "rows", lambda v: v, lambda v, _: v),
    "grey": Axes(2, "images", lambda v: v[:, None], lambda v, _: v[:, 0]),
    "first": Axes(3, "images", lambda v: v, lambda v, _: v),
    "last": Axes(
        3, "images", lambda v: np.moveaxis(v, 3, 1), lambda v, _: np.moveaxis(v, 1, 3)
    ),
    "series": Axes(2, "series", _flat, _as_shape),
    "features_first": Axes(2, "series", _flat, _as_shape),
}  # fmt: skip


@dataclass(frozen=True)
class RowLayout:
    """How a row lies in an array: which axis is what, and the type of its numbers.

    Args:
        axes: "numbers" (D,); "grey" (H, W); "first" (C, H, W); "last" (H, W, C); "series"
            (T, F), of T times and F features; "features_first" (F, T).
        shape: of the row in the array.
        dtype: of its numbers, by NumPy's name; empty for that of the stored values.
    """

    axes: str
    shape: Shape
    dtype: str = ""

    def __post_init__(self) -> None:
        rank = AXES[known("layout of rows", self.axes, AXES)].rank
        require(
            len(self.shape) == rank,
            f"rows of {size_text(self.shape)} are not laid out as {self.axes}",
        )

    @classmethod
    def usual(cls, stored: Shape, dtype: str = "") -> RowLayout:
        """How most people lay out such stored rows: grey images without an axis of channels,
        others with their channels last."""
        if len(stored) == 1:
            return cls("numbers", stored, dtype)
        channels, height, width = stored
        if channels == 1:
            return cls("grey", (height, width), dtype)
        return cls("last", (height, width, channels), dtype)

    @classmethod
    def unsaid(cls, stored: Shape, dtype: str = "") -> RowLayout:
        """What is meant by a model that says nothing: as is usual, but of images with three sides
        alike the channels come first."""
        found = cls.usual(stored, dtype)
        alike = found.axes == "last" and found.shape == stored
        return cls("first", stored, dtype) if alike else found

    @classmethod
    def between(cls, shape: Shape, stored: Shape) -> RowLayout:
        """The layout that two shapes of a row speak of: in the array, and as stored."""
        if shape == stored:
            return cls("numbers" if len(shape) == 1 else "first", shape)
        if len(shape) == 2:
            return cls("series" if len(stored) == 1 else "grey", shape)
        return cls("last", shape)

    @property
    def stored(self) -> Shape:
        """Shape of the row as it is stored: (D,) or (C, H, W)."""
        return self.store(np.broadcast_to(0, (1, *self.shape))).shape[1:]

    @property
    def noun(self) -> str:
        """What people call such rows: rows, images or series."""
        return AXES[self.axes].noun

    @property
    def columns(self) -> tuple[str, ...]:
        """Names of the numbers of a series; none for others."""
        if self.noun != "series":
            return ()
        a, b = ("t", "f") if self.axes == "series" else ("f", "t")
        return tuple(f"{a}{i}.{b}{j}" for i in range(self.shape[0]) for j in range(self.shape[1]))

    def store(self, values: Array) -> Array:
        """(N, \\*row) as laid out here to stored rows, without a copy where possible."""
        return AXES[self.axes].store(values)

    def give(self, values: Array) -> Array:
        """Stored rows laid out as here, and of this type if they can be."""
        return as_type(AXES[self.axes].give(values, self.shape), self.dtype)

    def to_json(self) -> dict[str, Any]:
        """Strings and lists; without a type it says nothing of one."""
        found = {"axes": self.axes, "shape": list(self.shape)}
        return found | ({"dtype": self.dtype} if self.dtype else {})


class Axis(Protocol):
    """What is known of the axes of an array before it is looked at."""

    def layout(self, shape: Shape, dtype: np.dtype, name: str) -> RowLayout:
        """How rows of this shape and type lie in the array that people call ``name``."""

    def as_rows(self, values: Array) -> Array:
        """The same array; a single row as one of one."""

    def notes(self, layout: RowLayout) -> tuple[str, ...]:
        """What people should be told of a layout that was guessed."""


@dataclass(frozen=True)
class Guess:
    """Nothing but what a person says, and the shape.

    Args:
        kind: "image" or "series" for (rows, a, b); None to guess.
        channels: "first" or "last" (of a series: the features); None to guess.
    """

    kind: str | None = None
    channels: str | None = None

    def __post_init__(self) -> None:
        if self.kind is not None:
            known("kind of rows", self.kind, KINDS)
        if self.channels is not None:
            known("place of channels", self.channels, CHANNELS)

    def layout(self, shape: Shape, dtype: np.dtype, name: str) -> RowLayout:
        """By the number of axes, their lengths, and the type.

        Raises:
            BadInput: where it is not plain which axis holds the channels.
        """
        kind = kept_type(dtype)
        require(
            self.kind is None or len(shape) == 2,
            f"kind={self.kind} is said of arrays of (rows, a, b); {name} has shape "
            f"(rows, {', '.join(map(str, shape))}): leave it out",
        )
        if len(shape) == 1:
            self._without_channels(shape, name)
            return RowLayout("numbers", shape, kind)
        if len(shape) == 2:
            return RowLayout(self._of_two(shape, dtype, name), shape, kind)
        if len(shape) == 3:
            return RowLayout(self.channels or _place_of_channels(shape, name), shape, kind)
        raise BadInput(
            f"{name} has shape (rows{''.join(f', {n}' for n in shape)}): give vectors "
            "(rows, numbers), series (rows, times, features) or images (rows, height, width) or "
            "(rows, height, width, channels)"
        )

    def as_rows(self, values: Array) -> Array:
        """As they are."""
        return values

    def notes(self, layout: RowLayout) -> tuple[str, ...]:
        """Which axis of a series is which."""
        if layout.noun != "series":
            return ()
        times, features = layout.shape if layout.axes == "series" else layout.shape[::-1]
        said = "" if self.kind else "; for grey images say kind image"
        return (
            f"rows of {size_text(layout.shape)} are taken for series of {times} times and "
            f"{features} features, each number on a scale of its own{said}",
        )

    def _without_channels(self, shape: Shape, name: str) -> None:
        require(
            self.channels is None,
            f"channels={self.channels} is said of images with channels and of series; {name} has "
            f"rows of {size_text(shape)}: leave it out",
        )

    def _of_two(self, shape: Shape, dtype: np.dtype, name: str) -> str:
        """A series has few features and more times; bytes and booleans are pictures."""
        short, long = sorted(shape)
        like = short <= MOST_FEATURES and long >= 2 * short and dtype.itemsize > 1
        kind = self.kind or ("series" if like else "image")
        if kind == "image":
            self._without_channels(shape, name)
            return "grey"
        place = self.channels or ("first" if 2 * shape[0] <= shape[1] else "last")
        return "features_first" if place == "first" else "series"


@dataclass(frozen=True)
class Like:
    """The rows are those of a model: they lie as its training rows did, or in another usual way.

    Args:
        own: how the training rows lay.
    """

    own: RowLayout

    def layout(self, shape: Shape, dtype: np.dtype, name: str) -> RowLayout:
        """The way in which rows of this shape become the model's."""
        kind, stored = kept_type(dtype), self.own.stored
        if shape == self.own.shape:
            return replace(self.own, dtype=kind)
        for axes, how in AXES.items():
            if how.noun == "series" or how.rank != len(shape) or 0 in shape:
                continue
            found = RowLayout(axes, shape, kind)
            if found.stored == stored:
                return found
        raise BadInput(
            f"the model takes rows of {size_text(self.own.shape)}, {name} has rows of "
            f"{size_text(shape)}"
        )

    def usual(self, rows: Array) -> Array:
        """The model's rows in the usual way: (N, D), (N, H, W) if grey, (N, H, W, C)."""
        layout = self.layout(rows.shape[1:], rows.dtype, "the data")
        return RowLayout.usual(layout.stored).give(layout.store(rows))

    def as_rows(self, values: Array) -> Array:
        """A single row gets an axis of rows."""
        return values[None] if values.shape == self.own.shape else values

    def notes(self, layout: RowLayout) -> tuple[str, ...]:
        """Nothing was guessed."""
        return ()


GUESS = Guess()


def kept_type(dtype: np.dtype) -> str:
    """The type in which numbers of this type come back; half precision and less as float32."""
    if dtype.kind == "f":
        return "float64" if dtype.itemsize >= 8 else "float32"
    return dtype.name


def as_type(values: Array, dtype: str) -> Array:
    """Values in a type of their own kind or a wider one, as they are where that would change them;
    whole numbers that are too large become the largest there is."""
    wanted = np.dtype(dtype or values.dtype)
    if wanted.kind in "buif" and np.can_cast(values.dtype, wanted, "same_kind"):
        return values.astype(wanted, copy=False)
    if {values.dtype.kind, wanted.kind} <= set("bui"):
        top = (0, 1) if wanted.kind == "b" else (np.iinfo(wanted).min, np.iinfo(wanted).max)
        return values.clip(*top).astype(wanted)
    return values


def _place_of_channels(shape: Shape, name: str) -> str:
    """The axis that is not one of two alike; else the one of a usual number; else the shortest."""
    a, b, c = shape
    first, last = b == c != a, a == b != c
    for usual in USUAL_CHANNELS if first == last else ():
        first, last = a == usual, c == usual and (a, c) != (1, 1)
        if first != last:
            break
    if first == last:
        first, last = 2 * a <= min(b, c), 2 * c <= min(a, b)
    if first == last:
        raise BadInput(
            f"{name}: which axis of rows of {size_text(shape)} holds the channels is not plain: "
            "say --channels first or --channels last (in Python channels='last')"
        )
    return "first" if first else "last"
