"""What the columns of a table are, as far as their numbers tell: constant, identifiers, times."""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch import Tensor

from vaekit.data import Facts, Representation, Source
from vaekit.system.seeding import some

ROWS, NUMBERS = 20_000, 2**25
FEWEST = 20  # rows that show whether a column numbers them
NAMED = 5
SINCE, UNTIL = 946_684_800, 2_208_988_800  # the years 2000 to 2039, in seconds since 1970
UNITS = {"seconds": 1, "milliseconds": 10**3, "microseconds": 10**6, "nanoseconds": 10**9}
ONE_OF_MANY, HALF = 3.0, 2.0  # standard deviations that are no chance
FAR_BELOW = 0.25
TIMES_TEXT = (
    "a model sees only how far apart they are; leave {} out, or turn {} into what matters of "
    "{}, such as hour, weekday or age"
)


def training_rows(source: Source) -> tuple[Tensor, Tensor]:
    """Numbers and values, (rows, *row), of training rows that stand for all, in their order."""
    indices = source.indices("train")
    limit = max(min(ROWS, NUMBERS // math.prod(source.shape)), 1)
    chosen = indices[some(len(indices), limit).sort().values]
    return chosen, without_gaps(source.values[chosen])


def without_gaps(rows: Tensor) -> Tensor:
    """Rows whose missing numbers are those of other rows, one after the other, so that each number
    is distributed as it is where it is there; 0 for one that is nowhere."""
    if not (rows.is_floating_point() and bool(rows.isnan().any())):
        return rows
    filled = rows.flatten(1).clone()
    for column in filled.unbind(1):
        gone = column.isnan()
        there, count = column[~gone], int(gone.sum())
        if count:
            column[gone] = (
                there.repeat(-(-count // max(len(there), 1)))[:count] if len(there) else 0
            )
    return filled.reshape(rows.shape)


def most_regular(rows: Tensor) -> tuple[int, float, float] | None:
    """Place, variance and mean of the number that varies least for its mean, if these rows are
    not to be taken for counts: a Poisson's variance is its mean, a negative binomial's is larger.

    They are not if the variance of a number is below a quarter of its mean, or that of half of
    all numbers below their mean, and chance would not have it so for a Poisson's.

    Args:
        rows: (rows, *row) of whole numbers from 0.
    """
    each = rows.flatten(1).double()
    mean, variance = each.mean(0), each.var(0)
    share = torch.where(variance > 0, variance / mean, torch.inf)  # what never changes has no say
    varying, free = int(share.isfinite().sum()), len(each) - 1
    far = bool((share < min(_least(free, ONE_OF_MANY), FAR_BELOW)).any())
    if not far and 2 * int((share < _least(free, HALF)).sum()) < max(varying, 1):
        return None
    place = int(share.argmin())
    return place, variance[place].item(), mean[place].item()


def _least(free: int, certain: float) -> float:
    """What share of its mean a Poisson's variance reaches but for chance: a quantile of chi
    squared over its degrees of freedom (Wilson & Hilferty 1931)."""
    spread = 2 / (9 * max(free, 1))
    return max(1 - spread - certain * math.sqrt(spread), 0.0) ** 3


def remarks(source: Source, seen: Facts, representation: Representation) -> tuple[str, ...]:
    """What a person should know of the columns of a table: one line for each kind."""
    if source.is_image:
        return ()
    numbers, rows = training_rows(source)
    constant = seen.train.alike
    times = {} if seen.all.low.dtype == torch.uint8 else _times(seen, rows)
    time = [place for places in times.values() for place in places if not constant[place]]
    other = ~constant
    other[time] = False
    found = [_about_constants(source, seen, representation)]
    found += [_about_times(source, unit, set(times[unit]) & set(time)) for unit in times]
    found += [_about_identifiers(source, numbers, rows, seen, other)]
    return tuple(line for line in found if line)


def _about_constants(source: Source, seen: Facts, representation: Representation) -> str:
    places = seen.train.alike.nonzero()[:, 0].tolist()
    told = bool(source.columns or representation.constant) or not seen.byte
    if not places or not told:  # pixels of pictures that were made vectors
        return ""
    is_are = "is" if len(places) == 1 else "are"
    values = {seen.train.low[place].item() for place in places}
    what = f"{values.pop():g}" if len(values) == 1 else "the same"
    elsewhere = bool((seen.train.beyond(seen.all) & seen.train.alike).any())
    but = " (but not in all other rows)" if elsewhere else ""
    done = (
        "no part of log p(x), and every row that is made has it"
        if representation.constant
        else "all that there is to learn of it, at some cost"
    )
    which = f"{listed(source.columns, places)} {is_are} {what} in every training row{but}"
    return f"{which}: that is {done}; leave it out of the data"


def _about_times(source: Source, unit: str, places: set[int]) -> str:
    if not places:
        return ""
    it, look = ("it", "looks") if len(places) == 1 else ("them", "look")
    return (
        f"{listed(source.columns, sorted(places))} {look} like times ({unit}): "
        + TIMES_TEXT.format(it, it, it)
    )


def _about_identifiers(
    source: Source, numbers: Tensor, rows: Tensor, seen: Facts, among: Tensor
) -> str:
    places = (_identifiers(source, numbers, rows, seen) & among).nonzero()[:, 0].tolist()
    if not places:
        return ""
    number, it = ("numbers", "it") if len(places) == 1 else ("number", "them")
    return (
        f"{listed(source.columns, places)} {number} the rows (no two are the same): there is "
        f"nothing to learn from {it}; leave {it} out of the data"
    )


def _times(seen: Facts, rows: Tensor) -> dict[str, list[int]]:
    """Columns all of whose numbers lie within some decades around now, by their unit."""
    low, high = seen.all.low.double(), seen.all.high.double()
    found = {}
    for unit, size in UNITS.items():
        inside = (low >= SINCE * size) & (high <= UNTIL * size)
        found[f"{unit} since 1970"] = inside.nonzero()[:, 0].tolist()
    found["as 20261231"] = _dates(low, high, rows).nonzero()[:, 0].tolist()
    return found


def _dates(low: Tensor, high: Tensor, rows: Tensor) -> Tensor:
    """Columns of whole numbers that are dates when they are read as year, month and day."""
    if not len(rows):
        return torch.zeros(len(low), dtype=torch.bool)
    day, month = rows.double() % 100, (rows.double() / 100).floor() % 100
    valid = (day >= 1) & (day <= 31) & (month >= 1) & (month <= 12) & (day == day.floor())
    return valid.all(0) & (low >= 19000101) & (high <= 21001231)


def _identifiers(source: Source, numbers: Tensor, rows: Tensor, seen: Facts) -> Tensor:
    """Columns whose numbers all differ and that rise with the row's number, or are all the whole
    numbers of a span, or are called so."""
    width = rows.shape[1]
    if len(rows) < FEWEST:
        return torch.zeros(width, dtype=torch.bool)
    each = rows.double()
    whole = (each == each.round()).all(0)
    distinct = (each.sort(0).values.diff(dim=0) > 0).all(0)
    steps = each.diff(dim=0)
    rising = (steps > 0).all(0) | (steps < 0).all(0)
    slopes = steps / numbers.diff()[:, None]
    even = rising & (slopes.amax(0) - slopes.amin(0) <= 1e-6 * slopes.abs().amax(0))
    span = seen.all.high.double() - seen.all.low.double() + 1
    called = torch.tensor([_is_called_id(name) for name in source.columns] or [False] * width)
    return even | (whole & distinct & (rising | (span == len(source)) | called))


def _is_called_id(name: str) -> bool:
    words = name.lower().replace("_", " ").replace("-", " ").split()
    return bool({"id", "ids", "identifier", "uuid", "index", "key"} & {*words[:1], *words[-1:]})


def listed(columns: Sequence[str], places: Sequence[int]) -> str:
    """Columns by name, or by their number where they have no names."""
    names = [repr(columns[p]) if columns else str(p) for p in places[:NAMED]]
    more = len(places) - len(names)
    if more:
        names.append(f"{more} more")
    text = " and ".join([", ".join(names[:-1]), names[-1]] if len(names) > 1 else names)
    return f"column {text}" if len(places) == 1 else f"columns {text}"
