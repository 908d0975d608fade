"""A function of tensors as plain steps over flat arrays, for programs that have no torch.

What torch does for one row is recorded and brought to few kinds of steps: all that moves numbers
about is one step, ``pick``; what depends on weights alone is computed here and now. Every step says
all that it needs: who carries them out knows no shapes.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeVar

import numpy as np
import torch
from torch import Tensor, fx, nn
from torch.func import functionalize
from torch.fx.experimental.proxy_tensor import make_fx

from vaekit.distributions.validation import validation_kept
from vaekit.runs.exports.lookups import LOOKUPS, Step, distances, embedding
from vaekit.runs.exports.moves import MOVES, SAME, Unknown, depends, move, name_of
from vaekit.system.types import Array

Module = TypeVar("Module", bound=nn.Module)
KINDS = {
    torch.float32: "f4", torch.float64: "f8", torch.int64: "i4", torch.int32: "i4",
    torch.uint8: "i4", torch.bool: "u1",
}  # fmt: skip
FIXED = ("zeros_like", "ones_like", "full_like", "new_zeros", "new_ones", "new_full")


@dataclass(frozen=True)
class Ref:
    """A flat array: a constant, an input or what a step gives.

    Args:
        number: which: constants first, then inputs, then steps; -1 - i for constant i until all
            constants are known.
        value: what it is for the example; its shape counts.
    """

    number: int
    value: Tensor


@dataclass
class Program:
    """Steps, one after the other.

    Args:
        inputs: kinds and sizes of the inputs: "f4" for float32, "f8", "i4" for whole numbers, "u1".
        constants: flat arrays, float16 where that loses nothing.
        steps: (name, arrays, numbers, kind, size) each.
        outputs: which arrays come out.
    """

    inputs: list[tuple[str, int]] = field(default_factory=list)
    constants: list[Array] = field(default_factory=list)
    steps: list[tuple[str, list[int], list[Any], str, int]] = field(default_factory=list)
    outputs: list[int] = field(default_factory=list)


def rounded(module: Module) -> Module:
    """The module with its weights as float16 can hold them, where it can."""
    with torch.no_grad():
        for weight in module.parameters():
            half = weight.half().float()
            if half.isfinite().all():
                weight.copy_(half)
    return module


def program_of(function: Callable[..., Any], example: Sequence[Tensor]) -> Program:
    """The steps that a function of tensors takes.

    Args:
        function: of tensors of one row; it must do the same for all rows.
        example: such tensors.

    Raises:
        Unknown: for a function that needs something that there is no step for.
    """
    try:
        with torch.no_grad(), validation_kept(off=True):
            graph = make_fx(functionalize(function, remove="mutations"))(*example)
    except RuntimeError as error:
        raise Unknown(f"it looks at its own numbers: {str(error).splitlines()[0][:200]}") from error
    graph.graph.eliminate_dead_code()
    return _Recorder(graph).program(example)


class _Recorder(fx.Interpreter):
    """Goes through what was recorded, with the example's numbers."""

    def __init__(self, graph: fx.GraphModule) -> None:
        super().__init__(graph)
        self.made = Program()
        self.kept: dict[tuple[str, bytes], int] = {}

    def program(self, example: Sequence[Tensor]) -> Program:
        """All of it."""
        try:
            with torch.no_grad():
                found = self.run(*example)
        except Unknown as error:  # fx has added where it was
            raise Unknown(str(error).splitlines()[0]) from error
        outputs = found if isinstance(found, tuple | list) else (found,)
        self.made.outputs = [self._number(self.ref(each)) for each in outputs]
        shift = len(self.made.constants)
        moved = lambda n: n + shift if n >= 0 else -1 - n  # noqa: E731
        made = self.made
        made.steps = [(op, [*map(moved, of)], *rest) for op, of, *rest in made.steps]  # type: ignore[misc]
        made.outputs = [*map(moved, made.outputs)]
        return made

    # ---- what is run

    def placeholder(self, target: Any, args: Any, kwargs: Any) -> Any:
        """An input."""
        value = super().placeholder(target, args, kwargs)
        self.made.inputs.append((KINDS[value.dtype], value.numel()))
        return Ref(len(self.made.inputs) - 1, value)

    def call_function(self, target: Any, args: Any, kwargs: Any) -> Any:
        """A step, or its value where that depends on no input."""
        if not _refs(args) and not _refs(kwargs):
            return super().call_function(target, args, kwargs)
        if target.__name__ == "getitem":
            return args[0].part(args[1]) if isinstance(args[0], _Several) else args[0][args[1]]
        name = name_of(target)
        value = target(*_values(args), **_values(kwargs))
        if name in FIXED:
            return value
        if isinstance(value, tuple | list):
            return _Several(self, name, target, args, kwargs, value)
        return self.step(name, target, args, kwargs, value)

    def step(
        self, name: str, target: Any, args: Any, kwargs: Any, value: Tensor, which: int = -1
    ) -> Ref:
        """One step."""
        looked_up = name in LOOKUPS and depends(args[1:], _is_ref)
        if name in MOVES and not looked_up:
            return self._move(target, args, kwargs, value, which)
        if name not in STEPS or which > 0:
            raise Unknown(f"there is no step for {name}")
        op, refs, numbers = STEPS[name](self, value, *args, **kwargs)
        return self.add(op, refs, numbers, value)

    def _move(self, target: Any, args: Any, kwargs: Any, value: Tensor, which: int) -> Ref:
        sources, places, fill = move(target, args, kwargs, _is_ref, _value, which)
        refs = [self.ref(each) for each in sources]
        if places is SAME and len(refs) == 1:
            return Ref(refs[0].number, value)
        table = self.ref(torch.from_numpy(places.astype(np.int32)))
        return self.add("pick", [table, *refs], [fill], value)

    def add(self, op: str, refs: Sequence[Ref], numbers: list[Any], value: Tensor) -> Ref:
        """A step, and where its result is found."""
        if value.dtype not in KINDS:
            raise Unknown(f"there is no step for numbers of {value.dtype}")
        of = [self._number(ref) for ref in refs]
        self.made.steps.append((op, of, numbers, KINDS[value.dtype], value.numel()))
        return Ref(len(self.made.inputs) + len(self.made.steps) - 1, value)

    # ---- arrays

    def ref(self, value: Any) -> Ref:
        """An array that is one already, or a constant."""
        return value if isinstance(value, Ref) else Ref(-1, torch.as_tensor(value))

    def _number(self, ref: Ref) -> int:
        """Its number; a constant's is kept once."""
        if ref.number >= 0:
            return ref.number
        flat = _flat(ref.value)
        key = (flat.dtype.str, flat.tobytes())
        if key not in self.kept:
            self.made.constants.append(flat)
            self.kept[key] = -len(self.made.constants)
        return self.kept[key]

    def spread(self, each: Any, shape: torch.Size) -> Ref:
        """An array that is as large as a result, or one number."""
        ref = self.ref(each)
        if ref.value.numel() == 1 or ref.value.shape == shape:
            return ref
        if ref.number < 0:
            return Ref(-1, ref.value.expand(shape))
        places = torch.arange(ref.value.numel()).reshape(ref.value.shape).expand(shape)
        table = Ref(-1, places.reshape(-1).int())
        return self.add("pick", [table, ref], [0.0], ref.value.expand(shape))


@dataclass(frozen=True)
class _Several:
    """What gives several tensors: a step for each that is used."""

    recorder: _Recorder
    name: str
    target: Any
    args: Any
    kwargs: Any
    values: Sequence[Tensor]

    def part(self, which: int) -> Ref:
        """One of them."""
        value = self.values[which]
        return self.recorder.step(self.name, self.target, self.args, self.kwargs, value, which)


def _is_ref(value: Any) -> bool:
    return isinstance(value, Ref)


def _value(value: Any) -> Any:
    return value.value if isinstance(value, Ref) else value


def _refs(values: Any) -> list[Ref]:
    found: list[Ref] = []
    fx.node.map_aggregate(values, lambda v: found.append(v) if isinstance(v, Ref | _Several) else v)
    return found


def _values(values: Any) -> Any:
    return fx.node.map_aggregate(values, _value)


def _flat(value: Tensor) -> Array:
    """A constant's numbers in order, in float16 where that loses nothing."""
    flat = value.detach().contiguous().reshape(-1).numpy()
    if flat.dtype == np.int64:
        return flat.astype(np.int32)
    if flat.dtype == bool:
        return flat.astype(np.uint8)
    if flat.dtype == np.float32:
        with np.errstate(over="ignore"):
            half = flat.astype(np.float16)
        return half if np.array_equal(half.astype(np.float32), flat) else flat
    return flat


# ---- which steps there are


def _pointwise(op: str, arguments: int) -> Callable[..., Step]:
    """Of each number by itself; more arguments than arrays are numbers of the step."""

    def lower(r: _Recorder, value: Tensor, *args: Any, **kwargs: Any) -> Step:
        if kwargs.get("alpha", 1) != 1:
            raise Unknown(f"there is no step for {op} with a factor")
        arrays = [r.spread(each, value.shape) for each in args[:arguments]]
        numbers = [*args[arguments:], *(v for k, v in kwargs.items() if k != "alpha")]
        plain = [v for v in numbers if isinstance(v, int | float | str | None)]
        return op, arrays, plain

    return lower


def _rsub(r: _Recorder, value: Tensor, x: Any, other: Any, factor: float = 1) -> Step:
    if factor != 1:
        raise Unknown("there is no step for rsub with a factor")
    return "sub", [r.spread(each, value.shape) for each in (other, x)], []


def _clamp(r: _Recorder, value: Tensor, x: Any, low: Any = None, high: Any = None) -> Step:
    ends = [-1e308 if low is None else low, 1e308 if high is None else high]
    return "clamp", [r.spread(x, value.shape)], ends


def _masked_fill(r: _Recorder, value: Tensor, x: Any, mask: Any, fill: Any) -> Step:
    return "where", [r.spread(each, value.shape) for each in (mask, fill, x)], []


def _nan_to_num(r: _Recorder, value: Tensor, x: Any, nan: Any = None, *ends: Any) -> Step:
    return "nan_to_num", [r.spread(x, value.shape)], [nan or 0.0]


def _cast(r: _Recorder, value: Tensor, x: Any, **how: Any) -> Step:
    return "cast", [x], []


def _addmm(r: _Recorder, value: Tensor, bias: Any, a: Any, b: Any) -> Step:
    return "dense", [r.ref(a), r.ref(b), r.spread(bias, value.shape)], [*_value(b).shape]


def _mm(r: _Recorder, value: Tensor, a: Any, b: Any) -> Step:
    if value.shape[:-2].numel() != 1:
        raise Unknown("there is no step for products of several pairs of matrices")
    zero = torch.zeros(1, dtype=value.dtype)
    return "dense", [r.ref(a), r.ref(b), r.ref(zero)], [*_value(b).shape[-2:]]


def _mv(r: _Recorder, value: Tensor, a: Any, b: Any) -> Step:
    inner = _value(a).shape[1]
    zero = torch.zeros(1, dtype=value.dtype)
    return "dense", [r.ref(a), r.ref(b), r.ref(zero)], [inner, 1]


def _onednn(r: _Recorder, value: Tensor, x: Any, weight: Any, bias: Any, *how: Any) -> Step:
    turned = _value(weight).t()
    bias = torch.zeros(1) if bias is None else r.spread(bias, value.shape)
    return "dense", [r.ref(x), r.ref(turned), r.ref(bias)], [*turned.shape]


def _convolution(
    r: _Recorder, value: Tensor, x: Any, weight: Any, bias: Any, stride: Any, padding: Any,
    dilation: Any, transposed: bool, extra: Any, groups: int,
) -> Step:  # fmt: skip
    plain = value.dim() == 4 and groups == 1 and set(dilation) == {1} and not _is_ref(weight)
    if not plain:
        raise Unknown("there is no step for a convolution in groups, or of series")
    before, after = [*_value(x).shape[1:]], [*value.shape[1:]]
    bias = torch.zeros(after[0]) if bias is None else bias
    numbers = [*before, *after, *weight.shape[2:], *stride, *padding]
    op = "conv_transposed" if transposed else "conv"
    return op, [r.ref(x), r.ref(weight), r.ref(bias)], numbers


def _group_norm(
    r: _Recorder, value: Tensor, x: Any, weight: Any, bias: Any, rows: int, channels: int,
    size: int, groups: int, floor: float,
) -> Step:  # fmt: skip
    each = [torch.ones(channels) if weight is None else weight]
    each += [torch.zeros(channels) if bias is None else bias]
    return "group_norm", [r.ref(x), *map(r.ref, each)], [channels, size, groups, floor]


def _layer_norm(
    r: _Recorder, value: Tensor, x: Any, shape: Any, weight: Any, bias: Any, floor: float
) -> Step:
    width = math.prod(shape)
    each = [torch.ones(width) if weight is None else weight]
    each += [torch.zeros(width) if bias is None else bias]
    return "layer_norm", [r.ref(x), *map(r.ref, each)], [width, floor]


def _over(op: str) -> Callable[..., Step]:
    """Over one axis, or several neighbouring ones."""

    def lower(r: _Recorder, value: Tensor, x: Any, axes: Any = None, *how: Any, **k: Any) -> Step:
        shape = _value(x).shape
        axes = [*range(len(shape))] if axes is None else axes
        each = sorted(a % len(shape) for a in (axes if isinstance(axes, list | tuple) else [axes]))
        if each != [*range(each[0], each[-1] + 1)]:
            raise Unknown(f"there is no step for {op} over axes that are apart")
        count = math.prod(shape[each[0] : each[-1] + 1])
        return op, [r.ref(x)], [count, math.prod(shape[each[-1] + 1 :])]

    return lower


ONE = (
    "relu", "sigmoid", "silu", "tanh", "exp", "log", "sqrt", "rsqrt", "log1p", "expm1", "neg",
    "abs", "isnan", "bitwise_not", "logical_not", "reciprocal", "sin", "cos", "round", "floor",
    "square", "softplus", "elu", "gelu", "leaky_relu", "erf", "atan", "acos",
)  # fmt: skip
TWO = (
    "add", "sub", "mul", "div", "maximum", "minimum", "eq", "ne", "lt", "le", "gt", "ge", "pow",
    "remainder", "bitwise_and", "bitwise_or", "logical_and", "logical_or",
)  # fmt: skip
OVER = ("sum", "mean", "amax", "amin", "logsumexp", "argmax", "argmin", "all", "any")

STEPS: dict[str, Callable[..., Step]] = {
    **{name: _pointwise(name, 1) for name in ONE},
    **{name: _pointwise(name, 2) for name in TWO},
    **{name: _over(name) for name in OVER},
    "where": _pointwise("where", 3),
    "_softmax": _over("softmax"),
    "_log_softmax": _over("log_softmax"),
    "rsub": _rsub,
    "clamp": _clamp,
    "clamp_min": _clamp,
    "masked_fill": _masked_fill,
    "nan_to_num": _nan_to_num,
    "_to_copy": _cast,
    "addmm": _addmm,
    "mm": _mm,
    "bmm": _mm,
    "mv": _mv,
    "mkldnn._linear_pointwise": _onednn,
    "convolution": _convolution,
    "native_group_norm": _group_norm,
    "native_layer_norm": _layer_norm,
    "embedding": embedding,
    "_cdist_forward": distances,
    **LOOKUPS,
}
