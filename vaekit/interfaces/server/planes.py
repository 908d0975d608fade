"""Planes through the space of codes: where rows lie in them, and where prior and data have mass."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from vaekit.system.checks import require
from vaekit.system.types import Array

PCA, SIDE, BINS = "pca", 96, 64
ROOM, SMALLEST = 0.18, 1e-6
SMOOTH = 1.3  # of Scott's width: lines are to be read, not counted


@dataclass(frozen=True)
class Plane:
    """A plane in the space of codes.

    Args:
        name: "pca", or the numbers of two dimensions: "0,1".
        axes: what they are called.
        origin: a code in it, (latent,).
        directions: two, orthonormal, (2, latent); the second is 0 where there is one dimension.
        shares: of the codes' variance, along each.
    """

    name: str
    axes: tuple[str, str]
    origin: Array
    directions: Array
    shares: tuple[float, float]

    @property
    def flat(self) -> bool:
        """Whether it is a line: then points are put above each other by chance alone."""
        return not self.directions[1].any()

    def points(self, codes: Array) -> Array:
        """Where codes lie in it, (N, 2) float32."""
        found = ((codes - self.origin) @ self.directions.T).astype(np.float32)
        if self.flat:
            found[:, 1] = scattered(found[:, 0])
        return found

    def spreads(self, deviations: Array) -> Array:
        """Covariances in the plane of codes with independent dimensions, (N, 3) float32: of the
        first axis, of both, of the second.

        Args:
            deviations: standard deviations of each dimension, (N, latent).
        """
        a, b = self.directions
        each = np.stack([a * a, a * b, b * b], 1)
        return (np.square(deviations) @ each).astype(np.float32)

    def about(self) -> dict[str, Any]:
        """For the page."""
        return {
            "name": self.name,
            "axes": list(self.axes),
            "origin": self.origin.tolist(),
            "directions": self.directions.tolist(),
            "shares": list(self.shares),
            "flat": self.flat,
        }


def scattered(values: Array) -> Array:
    """Heights, (N,), that spread points along a line as far as the line is crowded."""
    low, high = float(values.min()), float(values.max())
    edges = np.linspace(low, high + SMALLEST, BINS + 1)
    counts = np.convolve(np.histogram(values, edges)[0], np.ones(5) / 5, "same")
    crowd = np.interp(values, (edges[1:] + edges[:-1]) / 2, counts / max(counts.max(), 1))
    chance = np.random.default_rng(0).uniform(-1, 1, len(values))
    return (chance * crowd * (high - low) / 6).astype(np.float32)


def plane_of(name: str, codes: Array, first: int) -> Plane:
    """A plane by its name.

    Args:
        name: "pca", or the numbers of two dimensions: "0,1".
        codes: of the rows, (N, latent).
        first: how many dimensions the first latent has: the others of a hierarchy say little of
            where a row lies.

    Raises:
        BadInput: for a name that means none.
    """
    if name == PCA:
        return _principal(codes, first)
    return _along(name, codes)


def _along(name: str, codes: Array) -> Plane:
    size = codes.shape[1]
    parts = name.split(",")
    fine = len(parts) == 2 and all(part.isdecimal() and len(part) < 6 for part in parts)
    require(fine, f"a plane is pca or two dimensions as 0,1; not {name[:40]!r}")
    chosen = [int(part) for part in parts]
    require(max(chosen) < max(size, 2), f"codes have {size} dimensions, from 0")
    directions = np.zeros((2, size), np.float32)
    for axis, dim in enumerate(chosen):
        if dim < size:
            directions[axis, dim] = 1
    require(chosen[0] != chosen[1], "a plane needs two different dimensions")
    origin = np.median(codes, 0).astype(np.float32) * (1 - np.abs(directions).max(0))
    total = max(float(codes.var(0).sum()), SMALLEST)
    shares = [float(codes[:, d].var()) / total if d < size else 0.0 for d in chosen]
    names = [f"z{d}" if d < size else "" for d in chosen]
    return Plane(name, (names[0], names[1]), origin, directions, (shares[0], shares[1]))


def _principal(codes: Array, first: int) -> Plane:
    """The two directions in which codes spread most."""
    size = codes.shape[1]
    if min(first, size) < 3:
        return _along("0,1", codes)
    mean = codes.mean(0)
    own = codes[:, :first] - mean[:first]
    values, vectors = np.linalg.eigh(own.T @ own / len(own))
    chosen = vectors[:, ::-1][:, :2].T
    chosen = chosen * np.sign(chosen[np.arange(2), np.abs(chosen).argmax(1)])[:, None]
    directions = np.zeros((2, size), np.float32)
    directions[:, :first] = chosen
    total = max(float(values.sum()), SMALLEST)
    shares = (float(values[-1]) / total, float(values[-2]) / total)
    names = (f"first component ({shares[0]:.0%})", f"second component ({shares[1]:.0%})")
    return Plane(PCA, names, mean.astype(np.float32), directions, shares)


@dataclass(frozen=True)
class Masses:
    """Where mass lies in a plane, on a square of cells: in each the least share of all mass that
    any region holds which is as dense as this cell everywhere (0.5: inside the densest half).

    Args:
        box: smallest and largest of the first axis, then of the second.
        prior: (side, side) float32, the first axis along rows.
        data: likewise.
    """

    box: tuple[float, float, float, float]
    prior: Array
    data: Array


def masses(plane: Plane, codes: Array, draws: Array) -> Masses:
    """Of codes of data and of draws from the prior.

    Args:
        plane: in which.
        codes: of the rows, (N, latent).
        draws: from the prior, (M, latent).
    """
    both = [plane.points(codes), plane.points(draws)]
    ends = np.quantile(both[1], [0.002, 0.998], 0)
    low = np.minimum(both[0].min(0), ends[0])
    high = np.maximum(both[0].max(0), ends[1])
    room = np.maximum(high - low, SMALLEST) * ROOM
    low, high = low - room, high + room
    data, prior = (_levels(points, low, high) for points in both)
    return Masses((float(low[0]), float(high[0]), float(low[1]), float(high[1])), prior, data)


def _levels(points: Array, low: Array, high: Array) -> Array:
    """The enclosed mass at each cell, by a smoothed histogram."""
    ranges = [(float(a), float(b)) for a, b in zip(low, high, strict=True)]
    counts, _, _ = np.histogram2d(points[:, 0], points[:, 1], bins=SIDE, range=ranges)
    step = (high - low) / SIDE
    wide = SMOOTH * points.std(0) * len(points) ** (-1 / 6) / np.maximum(step, SMALLEST)
    density = counts
    for axis in range(2):
        density = _smoothed(density, axis, float(np.clip(wide[axis], 0.8, SIDE / 6)))
    order = np.argsort(density, axis=None)[::-1]
    found = np.empty(density.size, np.float32)
    found[order] = np.cumsum(density.flat[order]) / max(density.sum(), SMALLEST)
    return found.reshape(density.shape)


def _smoothed(cells: Array, axis: int, width: float) -> Array:
    """By a bell of so many cells."""
    reach = int(np.ceil(3 * width))
    bell = np.exp2(-np.square(np.arange(-reach, reach + 1) / width))
    bell /= bell.sum()
    return np.apply_along_axis(
        lambda line: np.convolve(line, bell, "full")[reach:-reach], axis, cells
    )


class Planes:
    """The planes of one set of codes, each made once.

    Args:
        codes: of the rows, (N, latent).
        spreads: gives covariances of q(z|x) in a plane, (N, 3), as :meth:`Plane.spreads`.
        draws: makes codes drawn from the prior, (M, latent).
        first: dimensions of the first latent.
    """

    def __init__(
        self,
        codes: Array,
        spreads: Callable[[Plane], Array],
        draws: Callable[[], Array],
        first: int,
    ) -> None:
        self.codes, self.spreads, self.first = codes, spreads, first
        self._draws = draws
        self._made: dict[str, Plane] = {}
        self._masses: dict[str, Masses] = {}

    @cached_property
    def draws(self) -> Array:
        """Codes drawn from the prior."""
        return self._draws()

    def plane(self, name: str) -> Plane:
        """By its name.

        Raises:
            BadInput: for a name that means none.
        """
        if name not in self._made:
            self._made[name] = plane_of(name, self.codes, self.first)
        return self._made[name]

    def points(self, name: str) -> Array:
        """Where rows lie, and how uncertain that is, (N, 5) float32: two coordinates, three
        covariances."""
        plane = self.plane(name)
        return np.hstack([plane.points(self.codes), self.spreads(plane)])

    def masses(self, name: str) -> Masses:
        """Where data and prior have mass."""
        if name not in self._masses:
            self._masses[name] = masses(self.plane(name), self.codes, self.draws)
        return self._masses[name]
