"""Which likelihood suits the data, and in which numbers the model sees it."""

from __future__ import annotations

from dataclasses import dataclass, replace

import torch

from vaekit.data import Facts, Representation, Source, facts
from vaekit.data.on_disk import OnDisk
from vaekit.families import LIKELIHOODS, WithKnown
from vaekit.families.base import BINARY, COUNTS, LEVELS, REAL, UNIT
from vaekit.families.catalogue import kind_of
from vaekit.models import Graph
from vaekit.recipes.columns import listed, most_regular, remarks, training_rows
from vaekit.recipes.trial import FEWEST, tried
from vaekit.system.checks import known, require

MOST_LEVELS = 4096
MANY_AT_ENDS = 0.3
FLOAT32_WHOLE = 2**24  # float32 holds every whole number up to it
GRID, LOGITS, ROWS_A_LEVEL = 256, 2**14, 5  # most levels, most logits, fewest rows


@dataclass(frozen=True)
class Choice:
    """A likelihood, the numbers it is fed, and in words what was chosen and why.

    Args:
        likelihood: its name.
        representation: how stored values become x.
        levels: of likelihoods of whole levels.
        why: it was chosen.
        warnings: why the loss is no log likelihood of the data, where it is none.
        remarks: what a person should know of the data.
        span: the smallest and the largest value of all rows, where they were looked at.
    """

    likelihood: str
    representation: Representation
    levels: int
    why: str
    warnings: tuple[str, ...] = ()
    remarks: tuple[str, ...] = ()
    span: tuple[float, float] | None = None


@dataclass(frozen=True)
class Grid:
    """Whole numbers as levels: each column less an offset.

    Args:
        levels: how many.
        offset: of each column, a whole number.
    """

    levels: int
    offset: tuple[float, ...]


@dataclass(frozen=True)
class Picked:
    """A likelihood by name, why, and its levels if they are not those that the data has."""

    name: str
    why: str
    grid: Grid | None = None


def choose(
    source: Source,
    likelihood: str = "auto",
    binarize: str = "none",
    colours: str = "rgb",
    why: str = "as asked",
) -> Choice:
    """Take the likelihood that was named, ``why`` it was, or look at the data and pick one.

    Which values there are is seen in all rows, so that each of them has a probability; what suits
    them, in training rows alone.

    Raises:
        BadInput: for an unknown likelihood, or data it cannot describe.
    """
    if source.coding is not None:
        return of_cells(source)
    seen = facts(source.values, source.indices("train"))
    _check_gaps(source, seen, binarize)
    if likelihood == "auto":
        picked = pick(seen, source, binarize)
    else:
        picked = Picked(known("likelihood", likelihood, (*LIKELIHOODS, "auto")), why)
    name, kind = picked.name, kind_of(picked.name)
    require(
        binarize == "none" or kind is BINARY,
        f"binarized data needs likelihood bernoulli, not {name}; leave out binarize or likelihood",
    )
    representation = represent(seen, source, picked, binarize)
    if colours != "rgb":
        require(
            seen.byte and source.shape[0] == 3 and source.is_image and kind is LEVELS,
            f"colours={colours} is for 8-bit colour pictures under a likelihood of whole levels",
        )
        representation = replace(representation, colours=colours)
    if not kind.discrete:
        representation = replace(representation, constant=constants(seen))
    return Choice(
        name,
        representation,
        picked.grid.levels if picked.grid else levels(seen, source),
        picked.why,
        _grey_warning(seen, name, binarize),
        remarks(source, seen, representation),
        (seen.low, seen.high),
    )


def _check_gaps(source: Source, seen: Facts, binarize: str) -> None:
    """Raise ``BadInput`` for gaps that nothing can be learned of."""
    require(binarize == "none" or not seen.gaps, "values that may be missing cannot be binarized")
    empty = (seen.train.low > seen.train.high).flatten().nonzero()[:, 0].tolist()
    require(
        not empty,
        f"{source.name}: {listed(source.columns, empty)} is missing in all training rows: leave it "
        "out of the data",
    )


def of_cells(source: Source) -> Choice:
    """What a table of mixed columns is fed to: levels of the columns, NaN for missing cells."""
    representation = Representation(source.shape, "int32", missing=True)
    most = max(source.coding.levels.values()) if source.coding else 0
    why = "cells are levels of their columns, and may be missing"
    return Choice("columns", representation, most, why)


def pick(seen: Facts, source: Source, binarize: str, *, trial: bool = True) -> Picked:
    """A likelihood by name, and the reason.

    Args:
        seen: of the data.
        source: the data.
        binarize: whether, and how, it is made binary.
        trial: whether a short trial may decide among likelihoods of real numbers.
    """
    if binarize != "none":
        return Picked("bernoulli", f"the data is made binary ({binarize})")
    if seen.binary:
        return Picked("bernoulli", f"all values are 0 or {seen.high:g}")
    if seen.byte or source.levels:
        return for_levels(seen, f"values are whole levels 0 to {levels(seen, source) - 1}")
    if seen.pixels and source.is_image:
        return for_levels(seen, "all values are k / 255: 8-bit pixels")
    if seen.whole and seen.low >= 0:
        return for_whole(seen, source)
    if seen.unit and trial:
        return for_unit(source)
    return Picked("gaussian", f"values are real numbers from {seen.low:.3g} to {seen.high:.3g}")


def for_levels(seen: Facts, why: str) -> Picked:
    """Ink on paper piles up at the two ends, which a beta-binomial follows; photographs do not."""
    if seen.ends > MANY_AT_ENDS:
        return Picked("beta_binomial", f"{why}, {seen.ends:.0%} of them at the two ends")
    return Picked("logistic_mixture", f"{why}, spread over the range")


def for_unit(source: Source) -> Picked:
    """Shares and grey values lie in [0, 1], and so does any table that was brought there: what
    makes rows that were held out likelier is taken."""
    if len(source.indices("train")) < FEWEST:
        return Picked("gaussian", "all values lie in [0, 1], too few rows to try others")
    found = tried(source, ["gaussian", *(name for name in LIKELIHOODS if kind_of(name) is UNIT)])
    best, other = sorted(found, key=found.__getitem__, reverse=True)
    return Picked(
        best,
        f"all values lie in [0, 1]; in a short trial, held-out rows are likelier so than under "
        f"{other}: {found[best]:.4g} against {found[other]:.4g} nats a row",
    )


def for_whole(seen: Facts, source: Source) -> Picked:
    """Counts vary at least as much as Poisson's; years, ages and grades vary less."""
    found = most_regular(training_rows(source)[1])
    if found is None:
        return Picked("negative_binomial", "values are counts: whole numbers without an upper end")
    place, variance, mean = found
    where = f" in column {source.columns[place]!r}" if source.columns else ""
    measured = f"(variance {variance:.3g}, mean {mean:.4g})"
    why = f"whole numbers that vary less than counts{where} {measured}"
    if source.is_image and seen.high < MOST_LEVELS:
        return for_levels(seen, why)
    levels = grid(seen, source)
    if levels is None:
        return Picked("gaussian", f"{why}, too many different ones for levels")
    return Picked("categorical", f"{why}, as {levels.levels} levels in each column", levels)


def grid(seen: Facts, source: Source) -> Grid | None:
    """Levels that hold each column's numbers with as much room around them as half their span,
    but nothing below 0 where nothing is; None for images, or for too many levels for the rows."""
    if source.is_image:
        return None
    low, high = seen.all.low.double(), seen.all.high.double()
    span = high - low
    own = int(span.max()) + 1
    count = own + 2 * (own // 2)
    few = count <= GRID and count * len(low) <= LOGITS
    if not few or len(source.indices("train")) < ROWS_A_LEVEL * own:
        return None
    offset = low - ((count - 1 - span) / 2).floor()
    return Grid(count, tuple(torch.where(low >= 0, offset.clamp_min(0), offset).tolist()))


def constants(seen: Facts) -> tuple[tuple[int, float], ...]:
    """Place and value of each number that is the same in all training rows."""
    places = seen.train.alike.flatten().nonzero()[:, 0]
    values = seen.train.low.flatten()[places]
    return tuple(zip(places.tolist(), values.tolist(), strict=True))


def put_constants(model: Graph, representation: Representation) -> None:
    """Keep numbers that never change out of the densities of a model that was just built."""
    if representation.constant:
        px = model.likelihood
        px.family = WithKnown(px.family, representation.is_constant, representation.constants)


def represent(seen: Facts, source: Source, picked: Picked, binarize: str) -> Representation:
    """The numbers that this likelihood is fed."""
    dtype = str(source.values.dtype).removeprefix("torch.")
    shape = source.shape
    kind = kind_of(picked.name)
    if picked.grid:
        return Representation(shape, dtype, offset=picked.grid.offset)
    if kind is LEVELS:
        fractions = seen.pixels and not seen.whole
        return Representation(shape, dtype, 1 / 255 if fractions else 1.0, whole=fractions)
    if kind is COUNTS or (kind is REAL and not source.is_image):
        return Representation(shape, dtype, offset=offset(source) if kind is REAL else ())
    return Representation(shape, dtype, _top(seen, source), binarize)


def offset(source: Source) -> tuple[float, ...]:
    """What to subtract from values of which float32 would lose digits, and which are kept in
    float64 or as whole numbers: the means of training rows."""
    values = source.values
    if isinstance(values, OnDisk) or values.dtype not in (torch.float64, torch.int32):
        return ()
    if values.dtype == torch.int32 and values.abs().max() <= FLOAT32_WHOLE:
        return ()
    return tuple(values[source.indices("train")].double().nanmean(0).tolist())


def levels(seen: Facts, source: Source) -> int:
    """How many levels there are: as published, 256 for bytes, else up to the largest seen."""
    if source.levels or seen.byte or seen.pixels:
        return source.levels or 256
    return int(min(max(seen.high, 1), MOST_LEVELS)) + 1


def _top(seen: Facts, source: Source) -> float:
    """What is divided by to reach [0, 1]."""
    if seen.binary:
        return seen.high
    if source.levels or seen.byte:
        return levels(seen, source) - 1
    return 1.0


def _grey_warning(seen: Facts, likelihood: str, binarize: str) -> tuple[str, ...]:
    if kind_of(likelihood) is not BINARY or binarize != "none" or seen.binary:
        return ()
    return (
        "grey values under bernoulli: the loss is a cross-entropy, not a log likelihood; "
        "for one, use binarize=dynamic or another likelihood",
    )
