"""What a model folder says of its model: the one place that knows config.json."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields
from math import prod
from typing import Any

from vaekit.data import Conditions, Opening, Representation
from vaekit.data.coding import TableCoding
from vaekit.data.conditions import NOTHING_GIVEN
from vaekit.data.layout import RowLayout
from vaekit.data.readers.types import by_column
from vaekit.runs.history import NO_HISTORY, History
from vaekit.runs.origin import DTYPES, Origin
from vaekit.system.checks import require, size_text
from vaekit.system.records import Json, Part, is_number, is_whole
from vaekit.system.types import Array
from vaekit.system.version import __version__
from vaekit.training import Plan

PLAIN_FORMAT, FORMAT = 1, 2
MOST_LEVELS, MOST_NUMBERS = 2**16, 2**32


@dataclass(frozen=True)
class Chosen:
    """A likelihood.

    Args:
        name: of p(x|z).
        why: it was chosen.
        warnings: why the loss is no log likelihood of the data, where it is none.
        remarks: what a person should know of the data.
    """

    name: str
    why: str
    warnings: tuple[str, ...] = ()
    remarks: tuple[str, ...] = ()

    def to_json(self) -> Json:
        """Lists and strings; remarks only where there are some."""
        found: Json = {"name": self.name, "why": self.why, "warnings": list(self.warnings)}
        return found | ({"remarks": list(self.remarks)} if self.remarks else {})


@dataclass(frozen=True)
class PriorChoice:
    """A prior that was fitted after training, in place of the recipe's.

    Args:
        name: of its constructor.
        arguments: of its constructor.
    """

    name: str
    arguments: Mapping[str, Any] = field(default_factory=dict)

    @property
    def components(self) -> int:
        """Of how many parts it is a mixture; 0 for what is none."""
        return int(self.arguments.get("components", 0))

    @property
    def text(self) -> str:
        """As people read it."""
        return " ".join([self.name, *(f"({name} {v})" for name, v in self.arguments.items())])

    def to_json(self) -> Json:
        """A name and a dictionary."""
        return {"name": self.name, "arguments": dict(self.arguments)}


@dataclass(frozen=True)
class Config:
    """Everything that decides what a model is and where it comes from, but for its weights.

    Args:
        recipe: its name.
        arguments: the recipe's.
        representation: how stored values become x.
        plan: how it was trained.
        data: what it was trained on.
        likelihood: which, and why.
        conditions: what it is given beside x.
        prior: a prior fitted after training, or None for the recipe's.
        vaekit: the version that wrote it.
        history: what it was begun from, and earlier plans.
        weights: sha256 of the tensors that it goes with (of either, while one takes the other's
            place); none for a model that was not written yet; None if it was written by a version
            that took none.
    """

    recipe: str
    arguments: Mapping[str, Any]
    representation: Representation
    plan: Plan
    data: Origin
    likelihood: Chosen
    conditions: Conditions = NOTHING_GIVEN
    prior: PriorChoice | None = None
    vaekit: str = __version__
    history: History = NO_HISTORY
    weights: tuple[str, ...] | None = field(default=(), compare=False)

    @property
    def coding(self) -> TableCoding | None:
        """How rows of a table are levels, of a model of mixed columns."""
        return self.data.opening.coding

    @property
    def levels(self) -> int:
        """Levels of a value, as far as the likelihood counts them."""
        return int(self.arguments.get("levels", 256))

    @property
    def layout(self) -> RowLayout:
        """How a row lay in the data."""
        return self.data.layout or RowLayout.unsaid(self.representation.shape)

    @property
    def opening(self) -> Opening:
        """How other data of the model is opened."""
        takes, data = self.representation, self.data
        return data.opening.elsewhere(takes.shape, takes.dtype, self.layout, data.columns)

    @property
    def columns(self) -> list[str] | None:
        """Names of the numbers of a row, where they have names."""
        return list(self.data.columns) or None

    @property
    def likelihood_of_x(self) -> str:
        """The likelihood's name and what x is, for a complaint about x."""
        less = " (of each column less its offset)" if self.representation.offset else ""
        return self.likelihood.name + less

    @property
    def named_columns(self) -> Callable[[Array], dict[str, Array]] | None:
        """What makes columns of rows, where their numbers have names."""
        return self.by_column if self.columns else None

    def by_column(self, values: Array) -> dict[str, Array]:
        """Rows of numbers, (rows, columns), as the columns they are, each of its type."""
        names = self.columns or [f"x{i}" for i in range(values.shape[1])]
        return by_column(values, names, self.data.types)

    def identity(self) -> Json:
        """All of it that decides what the model computes: what the fingerprint of an archive is
        taken of, so its JSON must never change for models that there are already."""
        found = {
            "recipe": self.recipe,
            "arguments": dict(self.arguments),
            "representation": self.representation.to_dict(),
        }
        return found | self._more()

    def _more(self) -> Json:
        """What format 1 cannot say."""
        found: Json = {}
        if self.conditions:
            found["conditions"] = self.conditions.to_json()
        if self.prior is not None:
            found["prior"] = self.prior.to_json()
        return found

    def to_json(self) -> Json:
        """The contents of config.json; in format 1 wherever that can say it."""
        more = self._more()
        return {
            "format": FORMAT if more else PLAIN_FORMAT,
            "vaekit": self.vaekit,
            "recipe": self.recipe,
            "arguments": {k: list(v) if k == "shape" else v for k, v in self.arguments.items()},
            "representation": {
                **self.representation.to_dict(), "shape": list(self.representation.shape)
            },
            "plan": self.plan.to_json(),
            "data": self.data.to_json(),
            "likelihood": self.likelihood.to_json(),
            **more,
            **({"history": past} if (past := self.history.to_json()) else {}),
            **({"weights": list(self.weights)} if self.weights else {}),
        }  # fmt: skip

    @classmethod
    def from_json(cls, found: Any) -> Config:
        """The reverse of :meth:`to_json`.

        Raises:
            BadInput: for anything that it cannot have written, and for newer formats.
        """
        top = Part(found, "the configuration")
        _check_format(top)
        representation, data = _representation(top.part("representation")), top.part("data")
        origin = Origin.from_json(data)
        fits = origin.layout is None or origin.layout.stored == representation.shape
        data.require(fits, "layout", f"one of rows of {representation.shape}")
        config = cls(
            recipe=top.text("recipe"),
            arguments=_arguments(top.part("arguments")),
            representation=representation,
            plan=_plan(top.part("plan")),
            data=origin,
            likelihood=_chosen(top.part("likelihood")),
            conditions=top.made(lambda: Conditions.from_json(top.get("conditions", []))),
            prior=_prior(top.part("prior")) if top.has("prior") else None,
            vaekit=top.text("vaekit"),
            history=top.made(lambda: History.from_json(top.get("history", {}))),
            weights=top.texts("weights") if "weights" in top.found else None,
        )
        _check_agreement(config)
        return config


def _check_format(top: Part) -> None:
    number = top.whole("format", 1)
    require(
        number <= FORMAT,
        f"this model was written by vaekit {top.get('vaekit')} in a newer format "
        f"({number}; this is vaekit {__version__}, format {FORMAT}): upgrade vaekit",
    )


def _check_agreement(config: Config) -> None:
    """Raise ``BadInput`` where what is said twice is not the same."""
    shape, named = config.representation.shape, config.data.columns
    require(
        config.arguments.get("shape", shape) == shape,
        f"the recipe's shape is {config.arguments.get('shape')}, but x has the shape {shape}",
    )
    require(
        not named or (len(named),) == shape,
        f"there are {len(named)} columns for rows of {size_text(shape)}",
    )
    given = config.arguments.get("given") or {}
    require(
        given == config.conditions.widths,
        f"the recipe is given {given}, the conditions are {config.conditions.widths}",
    )


def _arguments(part: Part) -> Json:
    if "levels" in part.found:
        part.whole("levels", 1, MOST_LEVELS)
    return {k: _shape(part) if k == "shape" else v for k, v in part.found.items()}


def _shape(part: Part) -> tuple[int, ...]:
    """Of a row, which is to have no more numbers than can be meant."""
    found = part.sizes("shape")
    part.require(prod(found) <= MOST_NUMBERS, "shape", f"of at most {MOST_NUMBERS:,} numbers")
    return found


def _representation(part: Part) -> Representation:
    part.only([f.name for f in fields(Representation)])
    _shape(part)
    scale = part.get("scale", 1.0)
    part.require(is_number(scale) and scale > 0, "scale", "a number above 0")
    for key in ("whole", "missing"):
        part.require(isinstance(part.get(key, False), bool), key, "true or false")
    part.require(part.get("dtype", "float32") in DTYPES, "dtype", f"one of {', '.join(DTYPES)}")
    offset = part.get("offset", ())
    part.require(isinstance(offset, list | tuple), "offset", "a list of numbers")
    part.require(all(map(is_number, offset)), "offset", "a list of numbers")
    constant = part.get("constant", ())
    fine = isinstance(constant, list | tuple) and all(map(_is_constant, constant))
    part.require(fine, "constant", "a list of pairs of place and value")
    for key in {"binarize", "colours"} & part.found.keys():
        part.text(key)
    return part.made(lambda: Representation(**part.found))


def _plan(part: Part) -> Plan:
    kinds = {f.name: type(f.default) for f in fields(Plan)}
    part.only(kinds)
    for key in part.found:
        _CHECKS[kinds[key]](part, key)
    return part.made(lambda: Plan(**part.found))


def _number(part: Part, key: str) -> None:
    part.require(is_number(part.get(key)), key, "a number")


_CHECKS: dict[type, Callable[[Part, str], object]] = {
    int: Part.whole,
    float: _number,
    str: Part.text,
}


def _chosen(part: Part) -> Chosen:
    remarks = part.texts("remarks") if "remarks" in part.found else ()
    return Chosen(part.text("name"), part.text("why"), part.texts("warnings"), remarks)


def _prior(part: Part) -> PriorChoice:
    return PriorChoice(part.text("name"), part.part("arguments").found)


def _is_constant(pair: Any) -> bool:
    pairs = isinstance(pair, list | tuple) and len(pair) == 2
    return pairs and is_whole(pair[0]) and is_number(pair[1])
