"""Which likelihood suits the data, and in which numbers the model sees it."""

from __future__ import annotations

from dataclasses import dataclass, replace

import torch

from vaekit.data import Facts, Representation, Source, facts
from vaekit.data.on_disk import OnDisk
from vaekit.families import LIKELIHOODS
from vaekit.families.base import BINARY, COUNTS, LEVELS, REAL
from vaekit.families.catalogue import kind_of
from vaekit.system.checks import known, require

MOST_LEVELS = 4096
MANY_AT_ENDS = 0.3
FLOAT32_WHOLE = 2**24  # float32 holds every whole number up to it


@dataclass(frozen=True)
class Choice:
    """A likelihood, the numbers it is fed, and in words what was chosen and why."""

    likelihood: str
    representation: Representation
    levels: int
    why: str
    warnings: tuple[str, ...] = ()


def choose(
    source: Source, likelihood: str = "auto", binarize: str = "none", colours: str = "rgb"
) -> Choice:
    """Take the likelihood a person named, or look at the data and pick one.

    Raises:
        BadInput: for an unknown likelihood, or data it cannot describe.
    """
    seen = facts(source.values)
    if likelihood == "auto":
        name, why = pick(seen, source, binarize)
    else:
        name, why = known("likelihood", likelihood, (*LIKELIHOODS, "auto")), "as asked"
    require(
        binarize == "none" or kind_of(name) is BINARY,
        f"binarized data needs likelihood bernoulli, not {name}; leave out binarize or likelihood",
    )
    representation = represent(seen, source, name, binarize)
    if colours != "rgb":
        require(
            seen.byte and source.shape[0] == 3 and source.is_image and kind_of(name) is LEVELS,
            f"colours={colours} is for 8-bit colour pictures under a likelihood of whole levels",
        )
        representation = replace(representation, colours=colours)
    warnings = _grey_warning(seen, name, binarize)
    return Choice(name, representation, levels(seen, source), why, warnings)


def pick(seen: Facts, source: Source, binarize: str) -> tuple[str, str]:
    """A likelihood by name, and the reason."""
    if binarize != "none":
        return "bernoulli", f"the data is made binary ({binarize})"
    if seen.binary:
        return "bernoulli", f"all values are 0 or {seen.high:g}"
    if seen.byte or source.levels:
        return for_levels(seen, f"values are whole levels 0 to {levels(seen, source) - 1}")
    if seen.pixels and source.is_image:
        return for_levels(seen, "all values are k / 255: 8-bit pixels")
    if seen.whole and seen.low >= 0:
        return "negative_binomial", "values are counts: whole numbers without an upper end"
    if seen.unit:
        return "continuous_bernoulli", "all values lie in [0, 1]"
    return "gaussian", f"values are real numbers from {seen.low:.3g} to {seen.high:.3g}"


def for_levels(seen: Facts, why: str) -> tuple[str, str]:
    """Ink on paper piles up at the two ends, which a beta-binomial follows; photographs do not."""
    if seen.ends > MANY_AT_ENDS:
        return "beta_binomial", f"{why}, {seen.ends:.0%} of them at the two ends"
    return "logistic_mixture", f"{why}, spread over the range"


def represent(seen: Facts, source: Source, likelihood: str, binarize: str) -> Representation:
    """The numbers that this likelihood is fed."""
    dtype = str(source.values.dtype).removeprefix("torch.")
    shape = source.shape
    kind = kind_of(likelihood)
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
    return tuple(values[source.indices("train")].double().mean(0).tolist())


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
