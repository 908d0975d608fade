"""What a sweep goes through: options of a recipe and of its training, and their values."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from vaekit import recipes
from vaekit.recipes.recipe import options
from vaekit.system.checks import BadInput, known, require
from vaekit.system.ranges import as_written, check_value, number_of, swept_of, words_of
from vaekit.training.plan import kinds as plan_kinds

VALUES = "name=low:high, name=low:high:log or name=one,two,three"
ASKED = f"name, {VALUES}"


@dataclass(frozen=True)
class Axis:
    """An option and the values that are tried.

    Args:
        name: of the option.
        low: the least value, of numbers.
        high: the greatest.
        log: whether equal factors count as equal distances.
        whole: whether only whole numbers are tried.
        choices: the values themselves, if they are few.
    """

    name: str
    low: float = 0.0
    high: float = 0.0
    log: bool = False
    whole: bool = False
    choices: tuple[Any, ...] = ()

    def __str__(self) -> str:
        if self.choices:
            return f"{self.name}={','.join(map(str, self.choices))}"
        ends = f"{self.name}={self.low:g}:{self.high:g}"
        return f"{ends}:log" if self.log else ends

    def suggested(self, trial: Any) -> Any:
        """The value that a trial of Optuna's takes."""
        if self.choices:
            return trial.suggest_categorical(self.name, list(self.choices))
        if self.whole:
            return trial.suggest_int(self.name, int(self.low), int(self.high), log=self.log)
        return trial.suggest_float(self.name, self.low, self.high, log=self.log)

    def place(self, value: Any) -> float:
        """Where a value stands between the least and the greatest, 0 to 1."""
        if self.choices:
            return self.choices.index(value) / max(len(self.choices) - 1, 1)
        return self._between(float(value))

    def _between(self, value: float) -> float:
        low, high = self.low, self.high
        if self.log:
            low, high, value = math.log(low), math.log(high), math.log(value)
        return (value - low) / (high - low) if high > low else 0.5

    def ticks(self) -> list[tuple[float, str]]:
        """Places and texts of some values."""
        if self.choices:
            return [(self.place(value), str(value)) for value in self.choices]
        shares = (0.0, 0.5, 1.0) if self.high > self.low else (0.5,)
        return [(self._between(v), f"{v:.3g}") for v in map(self.at, shares)]

    def at(self, share: float) -> float:
        """The number at a place between 0 and 1."""
        if self.log:
            return float(self.low * (self.high / self.low) ** share)
        return self.low + (self.high - self.low) * share


def combinations(axes: Iterable[Axis], most: int) -> list[dict[str, Any]]:
    """All that can be tried, by the names of the options, where that is few; else nothing.

    Args:
        axes: that are gone through.
        most: beyond how many they are not few.
    """
    found = {axis.name: axis.choices for axis in axes}
    if not all(found.values()) or math.prod(map(len, found.values())) > most:
        return []
    return [dict(zip(found, values, strict=True)) for values in itertools.product(*found.values())]


def trials_of(axes: Iterable[Axis], wanted: int) -> int:
    """How many trials there are: each of few combinations is tried once.

    Args:
        axes: that are gone through.
        wanted: at most.
    """
    return len(combinations(axes, wanted)) or wanted


def kinds_for(recipe: str) -> dict[str, Any]:
    """What type each option of a recipe and of its training has, with its rules."""
    return plan_kinds() | {n: p.annotation for n, p in options(recipes.recipe(recipe)).items()}


def declared(recipe: str, settled: Mapping[str, Any] | None = None) -> list[Axis]:
    """The options that say of themselves where a sweep looks, but for those that are settled, and
    those that do nothing then.

    Args:
        recipe: by name.
        settled: options that have their value.
    """
    fixed = settled or {}
    kinds = {name: kind for name, kind in kinds_for(recipe).items() if name not in fixed}
    found = {name: swept_of(kind) for name, kind in kinds.items()}
    return [
        Axis(name, s.low, s.high, s.log, number_of(kinds[name]) is int)
        for name, s in found.items()
        if s is not None and s.idle not in fixed.items()
    ]


def space(recipe: str, over: Iterable[str], given: Mapping[str, Any]) -> list[Axis]:
    """The axes that a person asks for; without a word, those that options declare.

    Args:
        recipe: by name.
        over: as they are typed.
        given: options that have a value.

    Raises:
        BadInput: for what the recipe does not have, and values that it cannot have.
    """
    texts = [*over]
    found = [axis_of(recipe, text) for text in texts] if texts else declared(recipe, given)
    names = [axis.name for axis in found]
    require(bool(found), f"recipe {recipe} says of no option where to look: give --over NAME=...")
    for name in names:
        require(names.count(name) == 1, f"--over {name} is given twice")
        require(name not in given, f"{name} is swept over and set: leave --{name} or --over out")
    return found


def axis_of(recipe: str, text: str) -> Axis:
    """An axis as it is typed: latent=2:64:log, beta=0.1:10, prior=standard,vamp, or a name."""
    name, sign, values = (part.strip() for part in text.partition("="))
    name = name.removeprefix("--").replace("-", "_")
    kinds = kinds_for(recipe)
    kind = kinds[known(f"option of recipe {recipe}", name, kinds)]
    if not sign:
        return _by_itself(name, kind, recipe)
    require(bool(values), f"--over {text}: write {ASKED}")
    if ":" in values and number_of(kind) is not None:
        return _between(name, kind, values)
    whole = number_of(kind) is int
    choices = tuple(_value(name, kind, word.strip()) for word in values.split(","))
    require(len({*choices}) == len(choices), f"--over {text} names a value twice")
    return Axis(name, choices=choices, whole=whole)


def _by_itself(name: str, kind: Any, recipe: str) -> Axis:
    """An option that says where a sweep looks, or that is one of a few words."""
    found, words = swept_of(kind), words_of(kind)
    if found is not None:
        return Axis(name, found.low, found.high, found.log, number_of(kind) is int)
    if words:
        return Axis(name, choices=words)
    raise BadInput(f"recipe {recipe} does not say where to look for {name}: write {VALUES}")


def _between(name: str, kind: Any, values: str) -> Axis:
    low, high, *how = values.split(":")
    require(how in ([], ["log"]), f"--over {name}={values}: write {ASKED}")
    ends = [_value(name, kind, end) for end in (low, high)]
    log = bool(how)
    require(ends[0] < ends[1], f"--over {name}={values}: the second number must be the greater")
    require(not log or ends[0] > 0, f"--over {name}={values}: log is for numbers above 0")
    return Axis(name, float(ends[0]), float(ends[1]), log, number_of(kind) is int)


def _value(name: str, kind: Any, text: str) -> Any:
    """A value as it is typed, of the option's type."""
    number = number_of(kind)
    try:
        value = text if number is None else number(text)
    except ValueError:
        noun = "a whole number" if number is int else "a number"
        raise BadInput(f"--over {name}: {text!r} is not {noun}; write {VALUES}") from None
    value = {"true": True, "false": False}.get(text.lower(), value) if kind is bool else value
    check_value(name, kind, as_written(kind, value))
    return value
