"""One-place changes of a program: what a wrong program a character away would look like.

Left alone is what says nothing of a result: docstrings, messages, annotations, ``__repr__``, and
options that only guard (``strict``, ``validate_args`` ...).
"""

from __future__ import annotations

import ast
import hashlib
from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path
from typing import Any

COMPARISONS = {
    ast.Lt: ("<", ("<=", ">=")), ast.LtE: ("<=", ("<", ">")), ast.Gt: (">", (">=", "<=")),
    ast.GtE: (">=", (">", "<")), ast.Eq: ("==", ("!=",)), ast.NotEq: ("!=", ("==",)),
    ast.Is: ("is", ("is not",)), ast.IsNot: ("is not", ("is",)),
    ast.In: ("in", ("not in",)), ast.NotIn: ("not in", ("in",)),
}  # fmt: skip
ARITHMETIC = {
    ast.Add: ("+", "-"), ast.Sub: ("-", "+"), ast.Mult: ("*", "/"), ast.Div: ("/", "*"),
    ast.FloorDiv: ("//", "*"), ast.BitAnd: ("&", "|"), ast.BitOr: ("|", "&"),
    ast.LShift: ("<<", ">>"), ast.RShift: (">>", "<<"),
}  # fmt: skip
PAIRS = (
    ("min", "max"), ("amin", "amax"), ("argmin", "argmax"), ("minimum", "maximum"),
    ("clamp_min", "clamp_max"), ("sum", "mean"), ("log", "log1p"), ("exp", "expm1"),
    ("any", "all"), ("floor", "ceil"), ("var", "std"), ("variance", "stddev"),
    ("zeros", "ones"), ("zeros_like", "ones_like"), ("softmax", "log_softmax"),
    ("sigmoid", "tanh"), ("cumsum", "cumprod"), ("mean", "median"),
)  # fmt: skip
NAMES = {**{b: a for a, b in PAIRS[:-1]}, **dict(PAIRS[:-1])}
DROPPED = {"square", "sqrt", "abs", "detach", "log", "exp", "T", "flip", "clamp", "clip"}
GUARDS = {"strict", "validate_args", "frozen", "slots", "non_blocking", "persistent"}
SILENT = {"__repr__", "extra_repr", "__str__"}
NUMBERS = ("Tensor", "Array", "float", "int")


@dataclass(frozen=True)
class Mutant:
    """A change of one place.

    Args:
        file: from the root of the repository.
        line: of the place.
        scope: first and last line of the function, class or file that it lies in.
        within: name of that.
        was: the lines of the change before.
        now: after.
        start: of the place, in bytes of the file.
        end: likewise.
        text: what stands there after the change.
        count: how many changes like this stand before it in its function.
    """

    file: str
    line: int
    scope: tuple[int, int]
    within: str
    was: str
    now: str
    start: int
    end: int
    text: str
    count: int = 0

    @property
    def key(self) -> str:
        """Its name, which a change elsewhere in the file does not touch."""
        return f"{self.file} {self.within}: {self.was} -> {self.now}" + f" #{self.count}" * (
            self.count > 0
        )

    def applied(self, source: bytes) -> bytes:
        """The changed program."""
        return source[: self.start] + self.text.encode() + source[self.end :]

    def differs(self, source: bytes) -> bool:
        """Whether it is a program, and another one."""
        try:
            return ast.dump(ast.parse(self.applied(source))) != ast.dump(ast.parse(source))
        except SyntaxError:
            return False


def sample(root: Path, mutants: list[Mutant], count: int, seed: int) -> list[Mutant]:
    """So many of them that are other programs, in an order that hangs on the seed alone: the first
    of a sample are a sample. One that stays in the program stays in it, whatever changes
    elsewhere."""

    def rank(mutant: Mutant) -> bytes:
        return hashlib.sha256(f"{seed} {mutant.key}".encode()).digest()

    others = (m for m in sorted(mutants, key=rank) if m.differs((root / m.file).read_bytes()))
    return list(islice(others, count))


def mutants_of(root: Path, file: str) -> list[Mutant]:
    """All changes of a file."""
    source = (root / file).read_bytes()
    starts = [0]
    for line in source.splitlines(keepends=True):
        starts.append(starts[-1] + len(line))
    seen: dict[str, int] = {}
    found = []
    for scope, start, end, text in _Places(source, starts).all():
        first, last = _line(starts, start), _line(starts, end)
        was, now = _shown(source, starts, first, last, start, end, text)
        mutant = Mutant(
            file, first, (scope.first, scope.last), scope.name, was, now, start, end, text
        )
        number = seen[mutant.key] = seen.get(mutant.key, -1) + 1
        found.append(replace(mutant, count=number))
    return found


def written(root: Path, file: str, was: str, now: str) -> Mutant:
    """A change that someone wrote down: ``was`` must stand in the file once."""
    source = (root / file).read_bytes()
    if source.count(was.encode()) != 1:
        raise ValueError(f"{was!r} stands {source.count(was.encode())} times in {file}")
    start = source.index(was.encode())
    line = source[:start].count(b"\n") + 1
    one, other = (" ".join(text.split()) for text in (was, now))
    return Mutant(
        file, line, (line, line), "written", one, other, start, start + len(was.encode()), now
    )


def _line(starts: list[int], at: int) -> int:
    return bisect_right(starts, at)


def _shown(
    source: bytes, starts: list[int], first: int, last: int, start: int, end: int, text: str
) -> tuple[str, str]:
    """The lines of a place, before and after, in one line each."""
    left, right = starts[first - 1], starts[min(last, len(starts) - 1)]
    before = source[left:right].decode()
    after = (source[left:start] + text.encode() + source[end:right]).decode()
    return " ".join(before.split()), " ".join(after.split())


@dataclass(frozen=True)
class Scope:
    """Where a place lies."""

    name: str
    first: int
    last: int
    numeric: bool = False


class _Places:
    """The places of a file that are changed: (scope, start, end, new text)."""

    def __init__(self, source: bytes, starts: list[int]) -> None:
        self.source, self.starts = source, starts

    def all(self) -> Iterator[tuple[Scope, int, int, str]]:
        yield from self._below(ast.parse(self.source), Scope("", 1, len(self.starts)))

    def at(self, node: ast.AST) -> tuple[int, int]:
        """Start and end of a node, in bytes."""
        start = self.starts[node.lineno - 1] + node.col_offset  # type: ignore[attr-defined]
        end = self.starts[node.end_lineno - 1] + node.end_col_offset  # type: ignore[attr-defined]
        return start, end

    def text(self, node: ast.AST) -> str:
        start, end = self.at(node)
        return self.source[start:end].decode()

    def _below(self, node: ast.AST, scope: Scope) -> Iterator[tuple[Scope, int, int, str]]:
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            if node.name in SILENT:
                return
            returns = ast.unparse(node.returns) if getattr(node, "returns", None) else ""
            name = f"{scope.name}.{node.name}".strip(".")
            scope = Scope(name, node.lineno, node.end_lineno or 0, returns in NUMBERS)
        if isinstance(node, ast.Raise | ast.JoinedStr | ast.Import | ast.ImportFrom | ast.Assert):
            return
        if isinstance(node, ast.Call) and _called(node.func) in ("warn", "TypeVar", "partial_doc"):
            return
        for start, end, text in self._of(node, scope):
            yield scope, start, end, text
        for name, child in _fields(node):
            if name in ("annotation", "returns", "decorator_list", "type_params"):
                continue
            for part in child if isinstance(child, list) else [child]:
                if isinstance(part, ast.keyword) and part.arg in GUARDS:
                    continue
                signed = isinstance(node, ast.UnaryOp) and isinstance(part, ast.Constant)
                if isinstance(part, ast.AST) and not signed:  # -1 changes as a whole
                    yield from self._below(part, scope)

    def _of(self, node: ast.AST, scope: Scope) -> Iterator[tuple[int, int, str]]:
        change = getattr(self, f"_{type(node).__name__.lower()}", None)
        if change is not None:
            yield from change(node)
        if isinstance(node, ast.Return) and node.value is not None and scope.numeric:
            start, end = self.at(node.value)
            yield start, end, f"-({self.text(node.value)})"
        test = node.test if isinstance(node, ast.If | ast.IfExp | ast.While) else None
        if test and not isinstance(test, ast.Compare | ast.UnaryOp | ast.BoolOp):
            start, end = self.at(test)
            yield start, end, f"not ({self.text(test)})"

    def _between(self, left: ast.AST, right: ast.AST, was: str, now: str):
        start, end = self.at(left)[1], self.at(right)[0]
        gap = self.source[start:end].decode()
        if gap.count(was) == 1 and "#" not in gap:
            yield start, end, gap.replace(was, now)

    def _compare(self, node: ast.Compare):
        left = node.left
        for op, right in zip(node.ops, node.comparators, strict=True):
            was, others = COMPARISONS[type(op)]
            for now in others:
                yield from self._between(left, right, was, now)
            left = right

    def _binop(self, node: ast.BinOp):
        if isinstance(node.op, ast.Pow):
            start, end = self.at(node)
            yield start, end, f"({self.text(node.left)})"
        elif type(node.op) in ARITHMETIC and not any(map(_words, (node.left, node.right))):
            yield from self._between(node.left, node.right, *ARITHMETIC[type(node.op)])

    def _augassign(self, node: ast.AugAssign):
        if type(node.op) in ARITHMETIC and not _words(node.value):
            was, now = ARITHMETIC[type(node.op)]
            yield from self._between(node.target, node.value, f"{was}=", f"{now}=")

    def _boolop(self, node: ast.BoolOp):
        was, now = ("and", "or") if isinstance(node.op, ast.And) else ("or", "and")
        for left, right in zip(node.values, node.values[1:], strict=False):
            yield from self._between(left, right, was, now)

    def _unaryop(self, node: ast.UnaryOp):
        start, end = self.at(node)
        if isinstance(node.op, ast.Not | ast.USub | ast.Invert):
            one = isinstance(node.operand, ast.Constant) and node.operand.value == 1
            dropped = "0" if one and isinstance(node.op, ast.USub) else self.text(node.operand)
            yield start, end, f"({dropped})" if isinstance(node.op, ast.Not) else dropped

    def _constant(self, node: ast.Constant):
        start, end = self.at(node)
        value = node.value
        if isinstance(value, bool):
            yield start, end, str(not value)
        elif isinstance(value, int):
            yield start, end, str(value + 1)
            if value == 1:
                yield start, end, "0"
        elif isinstance(value, float):
            yield start, end, repr(2 * value if value else 1.0)

    def _attribute(self, node: ast.Attribute):
        end = self.at(node)[1]
        if node.attr in NAMES:
            yield end - len(node.attr), end, NAMES[node.attr]

    def _name(self, node: ast.Name):
        if isinstance(node.ctx, ast.Load) and node.id in ("min", "max", "any", "all"):
            yield *self.at(node), NAMES[node.id]

    def _call(self, node: ast.Call):
        start, end = self.at(node)
        name, func = _called(node.func), node.func
        of_module = isinstance(func, ast.Attribute) and _module(func.value)
        if isinstance(func, ast.Attribute) and name in DROPPED and not of_module:
            yield start, end, self.text(func.value)
        elif name in DROPPED and of_module and len(node.args) == 1 and not node.keywords:
            yield start, end, f"({self.text(node.args[0])})"
        elif name in ("reversed",):
            yield start, end, f"list({self.text(node.args[0])})"
        elif name == "where" and len(node.args) == 3:
            one, other = self.at(node.args[1]), self.at(node.args[2])
            middle = self.source[one[1] : other[0]].decode()
            yield (
                one[0],
                other[1],
                self.text(node.args[2]) + middle + self.text(node.args[1]),
            )


def _fields(node: ast.AST) -> Iterator[tuple[str, Any]]:
    """The parts of a node; of default values those that matter: one seed is as good as another."""
    if not isinstance(node, ast.arguments):
        return ast.iter_fields(node)
    given = [*node.posonlyargs, *node.args][
        len(node.posonlyargs + node.args) - len(node.defaults) :
    ]
    pairs = zip([*given, *node.kwonlyargs], [*node.defaults, *node.kw_defaults], strict=True)
    return iter([("defaults", [value for arg, value in pairs if value and arg.arg != "seed"])])


def _called(func: ast.AST) -> str:
    return getattr(func, "attr", getattr(func, "id", ""))


def _module(node: ast.AST) -> bool:
    return isinstance(node, ast.Name) and node.id in ("torch", "np", "math", "F", "numpy")


def _words(node: ast.AST) -> bool:
    """Whether something is text or a sequence that is written out: then + joins."""
    if isinstance(node, ast.BinOp):
        return _words(node.left) or _words(node.right)
    text = isinstance(node, ast.Constant) and isinstance(node.value, str | bytes)
    return text or isinstance(node, ast.JoinedStr | ast.List | ast.Tuple | ast.Dict | ast.ListComp)
