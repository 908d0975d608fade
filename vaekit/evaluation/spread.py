"""Numbers of several runs: their mean, and how far they lie from each other."""

from __future__ import annotations

import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from vaekit.evaluation.figures import Figure
from vaekit.system.records import is_number


@dataclass(frozen=True)
class Spread:
    """One number of several runs.

    Args:
        values: one for each run.
    """

    values: tuple[float, ...]

    @property
    def mean(self) -> float:
        """Of the values."""
        return statistics.fmean(self.values)

    @property
    def deviation(self) -> float | None:
        """The standard deviation over the runs, by n - 1; None for one run."""
        return statistics.stdev(self.values) if len(self.values) > 1 else None

    @property
    def text(self) -> str:
        """Mean and standard deviation, in the digits that it allows."""
        same = len({*self.values}) == 1
        return Figure("", self.values[0] if same else self.mean, self.deviation).text

    def to_dict(self) -> dict[str, Any]:
        """For JSON."""
        return {"mean": self.mean, "std": self.deviation, "values": list(self.values)}


def spreads(runs: Sequence[Mapping[str, Any]]) -> dict[str, Spread]:
    """Each number that all runs have, by name.

    Args:
        runs: what was found of each, by name.
    """
    names = [name for name in runs[0] if all(is_number(run.get(name)) for run in runs)]
    return {name: Spread(tuple(run[name] for run in runs)) for name in names}


def together(runs: Sequence[Any]) -> Any:
    """What was found of several runs as one, for JSON: numbers with their mean, standard deviation
    and values; what is the same in all of them as it is; all else as the values alone.

    Args:
        runs: found of each, all alike: dictionaries, lists, numbers, texts.
    """
    first = runs[0]
    if all(isinstance(run, dict) and run.keys() == first.keys() for run in runs):
        return {name: together([run[name] for run in runs]) for name in first}
    if all(run == first for run in runs) and not isinstance(first, float):
        return first
    if all(is_number(run) for run in runs):
        return Spread(tuple(runs)).to_dict()
    if all(_are_records(run) and len(run) == len(first) for run in runs):
        return [together(each) for each in zip(*runs, strict=True)]
    return {"values": list(runs)}


def _are_records(found: Any) -> bool:
    return isinstance(found, list) and all(isinstance(each, dict) for each in found)
