"""What a model folder says of its model: the one place that knows config.json."""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Mapping
from dataclasses import asdict, dataclass, field, fields
from typing import Any, TypeVar

from vaekit.data import Conditions, Opening, Representation
from vaekit.data.conditions import NOTHING_GIVEN
from vaekit.data.layout import RowLayout
from vaekit.data.opening import AS_IT_IS
from vaekit.data.readers.dialect import FIELDS as DIALECT
from vaekit.data.readers.dialect import LOOK, Dialect
from vaekit.data.readers.types import by_column
from vaekit.runs.history import NO_HISTORY, History
from vaekit.system.checks import BadInput, require
from vaekit.system.types import Array
from vaekit.system.version import __version__
from vaekit.training import Plan

PLAIN_FORMAT, FORMAT = 1, 2
DTYPES = ("uint8", "int8", "int16", "int32", "int64", "float16", "float32", "float64", "bfloat16")
TYPES = (*(t for t in DTYPES if t != "bfloat16"), "bool", "uint16", "uint32", "uint64")
Json = dict[str, Any]
T = TypeVar("T")


@dataclass(frozen=True)
class Origin:
    """The data that a model was trained on.

    Args:
        name: what people call it.
        fingerprint: sha256 of its contents.
        rows: how many, by split.
        columns: names of the numbers of a row.
        types: what the columns hold, where rows are fractions but some columns are not.
        label_names: what the labels mean.
        opening: how it was opened, and how other data is.
        open: path or name under which it can be opened again, or None for data in memory.
        span: the smallest and the largest value; None in older models.
        layout: how a row lay in the array, where that is not as usual.
    """

    name: str
    fingerprint: str
    rows: Mapping[str, int]
    columns: tuple[str, ...] = ()
    label_names: tuple[str, ...] = ()
    opening: Opening = AS_IT_IS
    open: str | None = None
    span: tuple[float, float] | None = None
    layout: RowLayout | None = None
    types: tuple[str, ...] = ()

    def to_json(self) -> Json:
        """The opening's fields stand among the data's; those that are newer than others only where
        they say something."""
        opening = self.opening
        found = {
            "open": self.open,
            "label": opening.label,
            "labels": opening.labels,
            "size": list(opening.size) if opening.size else None,
            "tiles": opening.tiles,
            "name": self.name,
            "fingerprint": self.fingerprint,
            "rows": dict(self.rows),
            "columns": list(self.columns),
            "label_names": list(self.label_names),
        }
        table = {k: list(v) if k == "missing" else v for k, v in opening.dialect.asked().items()}
        more = {
            "given": list(opening.given),
            "span": list(self.span or ()),
            "kind": opening.kind,
            "channels": opening.channels,
            "table": table,
            "types": list(self.types),
            "layout": self.layout and self.layout.to_json(),
        }
        return found | {name: value for name, value in more.items() if value}


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

    @property
    def levels(self) -> int:
        """Levels of a value, as far as the likelihood counts them."""
        return int(self.arguments.get("levels", 256))

    @property
    def layout(self) -> RowLayout:
        """How a row lay in the data."""
        return self.data.layout or RowLayout.unsaid(self.representation.shape)

    @property
    def columns(self) -> list[str] | None:
        """Names of the numbers of a row, where they have names."""
        return list(self.data.columns) or None

    @property
    def likelihood_of_x(self) -> str:
        """The likelihood's name and what x is, for a complaint about x."""
        less = " (of each column less its offset)" if self.representation.offset else ""
        return self.likelihood.name + less

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
            "plan": asdict(self.plan),
            "data": self.data.to_json(),
            "likelihood": self.likelihood.to_json(),
            **more,
            **({"history": past} if (past := self.history.to_json()) else {}),
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
        origin = _origin(data)
        fits = origin.layout is None or origin.layout.stored == representation.shape
        data.require(fits, "layout", f"one of rows of {representation.shape}")
        return cls(
            recipe=top.text("recipe"),
            arguments=_arguments(top.part("arguments")),
            representation=representation,
            plan=_plan(top.part("plan")),
            data=origin,
            likelihood=_chosen(top.part("likelihood")),
            conditions=_made(top, lambda: Conditions.from_json(top.get("conditions", []))),
            prior=_prior(top.part("prior")) if top.get("prior") is not None else None,
            vaekit=top.text("vaekit"),
            history=_made(top, lambda: History.from_json(top.get("history", {}))),
        )


class Part:
    """A dictionary that was read from a file, whose values are checked when they are asked for.

    Args:
        found: what should be a dictionary.
        name: what it is called in a complaint.

    Raises:
        BadInput: for a value that is missing or of another type.
    """

    def __init__(self, found: Any, name: str) -> None:
        require(isinstance(found, dict), f"{name} is damaged: it must be a dictionary")
        self.found, self.name = found, name

    def get(self, key: str, default: Any = None) -> Any:
        """A value of any type, or the default where there is none."""
        return self.found.get(key, default)

    def require(self, good: bool, key: str, what: str) -> None:
        """Raise ``BadInput`` unless the value at ``key`` is good."""
        require(good, f"{self.name} is damaged: {key} must be {what}, not {self._shown(key)}")

    def _shown(self, key: str) -> str:
        return repr(self.found[key])[:60] if key in self.found else "missing"

    def part(self, key: str) -> Part:
        """A dictionary inside this one."""
        self.require(isinstance(self.get(key), dict), key, "a dictionary")
        return Part(self.found[key], key)

    def text(self, key: str) -> str:
        """A string."""
        self.require(isinstance(self.get(key), str), key, "a text")
        return str(self.found[key])

    def maybe_text(self, key: str) -> str | None:
        """A string, or None."""
        return None if self.get(key) is None else self.text(key)

    def texts(self, key: str) -> tuple[str, ...]:
        """A list of strings."""
        found = self.get(key)
        good = isinstance(found, list) and all(isinstance(v, str) for v in found)
        self.require(good, key, "a list of texts")
        return tuple(self.found[key])

    def whole(self, key: str, least: int = 0) -> int:
        """A whole number."""
        self.require(_is_whole(self.get(key), least), key, f"a whole number of at least {least}")
        return int(self.found[key])

    def sizes(self, key: str) -> tuple[int, ...]:
        """A list of whole numbers above 0."""
        found = self.get(key)
        good = isinstance(found, list | tuple) and all(_is_whole(v, 1) for v in found)
        self.require(bool(good and found), key, "a list of whole numbers above 0")
        return tuple(self.found[key])

    def only(self, names: Collection[str]) -> None:
        """Raise ``BadInput`` for a key that has no meaning."""
        for key in self.found:
            require(key in names, f"{self.name} is damaged: it has an unknown entry {key!r}")


def _check_format(top: Part) -> None:
    number = top.whole("format", 1)
    require(
        number <= FORMAT,
        f"this model was written by vaekit {top.get('vaekit')} in a newer format "
        f"({number}; this is vaekit {__version__}, format {FORMAT}): upgrade vaekit",
    )


def _arguments(part: Part) -> Json:
    if "shape" not in part.found:
        return dict(part.found)
    if "levels" in part.found:
        part.whole("levels", 1)
    return {k: part.sizes(k) if k == "shape" else v for k, v in part.found.items()}


def _representation(part: Part) -> Representation:
    part.only([f.name for f in fields(Representation)])
    part.sizes("shape")
    scale = part.get("scale", 1.0)
    part.require(_is_number(scale) and scale > 0, "scale", "a number above 0")
    part.require(isinstance(part.get("whole", False), bool), "whole", "true or false")
    part.require(part.get("dtype", "float32") in DTYPES, "dtype", f"one of {', '.join(DTYPES)}")
    offset = part.get("offset", ())
    part.require(isinstance(offset, list | tuple), "offset", "a list of numbers")
    part.require(all(map(_is_number, offset)), "offset", "a list of numbers")
    constant = part.get("constant", ())
    fine = isinstance(constant, list | tuple) and all(map(_is_constant, constant))
    part.require(fine, "constant", "a list of pairs of place and value")
    for key in {"binarize", "colours"} & part.found.keys():
        part.text(key)
    return _made(part, lambda: Representation(**part.found))


def _plan(part: Part) -> Plan:
    kinds = {f.name: type(f.default) for f in fields(Plan)}
    part.only(kinds)
    for key in part.found:
        _CHECKS[kinds[key]](part, key)
    return _made(part, lambda: Plan(**part.found))


def _number(part: Part, key: str) -> None:
    part.require(_is_number(part.get(key)), key, "a number")


_CHECKS: dict[type, Callable[[Part, str], object]] = {
    int: Part.whole,
    float: _number,
    str: Part.text,
}


def _origin(part: Part) -> Origin:
    size = part.sizes("size") if part.get("size") is not None else None
    part.require(size is None or len(size) == 2, "size", "height and width")
    rows = part.part("rows")
    tiles = part.whole("tiles") if "tiles" in part.found else 0
    given = part.texts("given") if "given" in part.found else ()
    label, labels = part.maybe_text("label"), part.maybe_text("labels")
    kind, channels = part.maybe_text("kind"), part.maybe_text("channels")
    pair = None if size is None else (size[0], size[1])
    span = part.get("span")
    sound = isinstance(span, list) and len(span) == 2 and all(map(_is_number, span))
    part.require(span is None or sound, "span", "two numbers")
    dialect = _dialect(part.part("table")) if "table" in part.found else LOOK
    types = part.texts("types") if "types" in part.found else ()
    known = all(kind in TYPES for kind in types)
    part.require(known, "types", f"names of types: {', '.join(TYPES)}")
    part.require(len(types) in (0, len(part.texts("columns"))), "types", "one for each column")
    return Origin(
        name=part.text("name"),
        fingerprint=part.text("fingerprint"),
        rows={split: rows.whole(split) for split in rows.found},
        columns=part.texts("columns"),
        label_names=part.texts("label_names"),
        opening=_made(
            part, lambda: Opening(label, labels, pair, tiles, given, kind, channels, dialect)
        ),
        open=part.maybe_text("open"),
        span=None if span is None else (span[0], span[1]),
        layout=_layout(part.part("layout")) if "layout" in part.found else None,
        types=types,
    )


def _layout(part: Part) -> RowLayout:
    dtype = part.maybe_text("dtype") or ""
    part.require(dtype in ("", *TYPES), "dtype", f"one of {', '.join(TYPES)}")
    axes, shape = part.text("axes"), part.sizes("shape")
    return _made(part, lambda: RowLayout(axes, shape, dtype))


def _dialect(part: Part) -> Dialect:
    part.only(DIALECT)
    for key in part.found.keys() - {"header", "missing"}:
        part.text(key)
    part.require(isinstance(part.get("header", True), bool), "header", "true or false")
    missing = part.texts("missing") if "missing" in part.found else ()
    return _made(part, lambda: Dialect(**{**part.found, "missing": missing}))


def _chosen(part: Part) -> Chosen:
    remarks = part.texts("remarks") if "remarks" in part.found else ()
    return Chosen(part.text("name"), part.text("why"), part.texts("warnings"), remarks)


def _prior(part: Part) -> PriorChoice:
    return PriorChoice(part.text("name"), part.part("arguments").found)


def _made(part: Part, make: Callable[[], T]) -> T:
    try:
        return make()
    except (TypeError, ValueError) as error:
        raise BadInput(f"{part.name} is damaged: {error}") from error


def _is_whole(value: Any, least: int) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= least


def _is_constant(pair: Any) -> bool:
    pairs = isinstance(pair, list | tuple) and len(pair) == 2
    return pairs and _is_whole(pair[0], 0) and _is_number(pair[1])


def _is_number(value: Any) -> bool:
    fine = isinstance(value, int | float) and not isinstance(value, bool)
    return fine and math.isfinite(value)
