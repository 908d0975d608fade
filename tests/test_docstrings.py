"""Docstrings say what the code takes: one argument a line, all of them, and no others."""

import ast
import re

import pytest
from test_floors import FILES, PACKAGE

ENTRY = re.compile(r"^(\w+(?:, \w+)*): ")
INSIDE = re.compile(r"[.;] (\w+(?:, \w+)*): \S")
NAMED = (ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)


def described(node):
    """The entries of a docstring's ``Args:`` as (names, text), or None if it has none."""
    lines = (ast.get_docstring(node) or "").split("\n")
    start = next((i for i, line in enumerate(lines) if line == "Args:"), None)
    if start is None:
        return None
    entries = []
    for line in lines[start + 1 :]:
        if line and not line.startswith("    "):
            break
        text = line[4:]
        if text and not text.startswith(" "):
            entries.append([text])
        elif text.strip():
            entries[-1].append(text.strip())
    return [" ".join(lines) for lines in entries]


def is_dataclass(node):
    names = [ast.unparse(d.func if isinstance(d, ast.Call) else d) for d in node.decorator_list]
    return "dataclass" in names or any(ast.unparse(b) == "NamedTuple" for b in node.bases)


def parameters(node):
    """What a function, or the constructor of a class, takes; None if that is inherited."""
    if isinstance(node, ast.ClassDef):
        if is_dataclass(node):
            fields = [n for n in node.body if isinstance(n, ast.AnnAssign)]
            return [f.target.id for f in fields if "ClassVar" not in ast.unparse(f.annotation)]
        made = [n for n in node.body if isinstance(n, ast.FunctionDef) and n.name == "__init__"]
        return parameters(made[0]) if made else None
    taken = node.args
    inherited = None if extends(node) else taken.kwarg
    every = [*taken.posonlyargs, *taken.args, taken.vararg, *taken.kwonlyargs, inherited]
    return [a.arg for a in every if a and a.arg not in ("self", "cls") and a.arg[0] != "_"]


def extends(node):
    """Whether a recipe has its other options from another recipe, which describes them."""
    return any(ast.unparse(d).startswith("extends(") for d in node.decorator_list)


def documented(path):
    """The public functions and classes of a file, by qualified name."""
    walk = [("", ast.parse(path.read_text(encoding="utf-8")))]
    while walk:
        prefix, parent = walk.pop()
        for node in parent.body:
            if isinstance(node, NAMED) and not node.name.startswith("_"):
                yield f"{prefix}{node.name}", node
                if isinstance(node, ast.ClassDef):
                    walk.append((f"{node.name}.", node))


def faults(name, node):
    """What is wrong with the ``Args:`` of a function or a class."""
    entries = described(node)
    if entries is None:
        return []
    matches = [ENTRY.match(entry) for entry in entries]
    found = [
        f"{name}: not 'name: text': {e}" for e, m in zip(entries, matches, strict=True) if not m
    ]
    named = [m.group(1) for m in matches if m]
    found += [f"{name}: two arguments in one entry: {n}" for n in named if ", " in n]
    taken = parameters(node)
    for entry in entries:
        inner = [n for text in INSIDE.findall(entry) for n in text.split(", ")]
        found += [
            f"{name}: {n} stands in another's entry" for n in inner if taken is None or n in taken
        ]
    if taken is not None:
        unknown = [n for n in named if n not in taken and not extends(node)]
        found += [f"{name}: Args names {n}, which it does not take" for n in unknown]
        found += [f"{name}: Args leaves out {n}" for n in taken if n not in named]
    return found


@pytest.mark.parametrize("path", FILES, ids=lambda p: str(p.relative_to(PACKAGE)))
def test_args_name_every_parameter_once(path):
    assert not [fault for name, node in documented(path) for fault in faults(name, node)]


PACKED = '''
def f(a, b):
    """Do.

    Args:
        a: this. b: that.
    """
'''
MISSING = PACKED.replace(" b: that.", "")
UNKNOWN = PACKED.replace(" b: that.", "\n        b: that.\n        c: more.")
TOGETHER = PACKED.replace("a: this. b: that.", "a, b: both.")
GOOD = PACKED.replace(" b: that.", "\n        b: that, with a note: like\n            this.")


@pytest.mark.parametrize(
    ("text", "fault"),
    [(PACKED, "b stands in"), (MISSING, "leaves out b"), (UNKNOWN, "names c"), (TOGETHER, "two")],
)
def test_a_fault_is_found(text, fault):
    assert fault in " ".join(faults("f", ast.parse(text).body[0]))


def test_a_good_docstring_has_no_fault():
    assert not faults("f", ast.parse(GOOD).body[0])
