"""The four signs that a part is looked at from outside: each part answers for itself."""

import ast
import re

import pytest
from test_floors import FILES, PACKAGE, part_of
from test_laws import below
from torch import distributions as D

from vaekit import distributions, families
from vaekit.conditionals import Conditional, Prior
from vaekit.families import LIKELIHOODS
from vaekit.models import Graph

PARTS = {
    *(n for n, v in vars(D).items() if isinstance(v, type)),
    *(n for n, v in vars(distributions).items() if isinstance(v, type)),
    *(n for n, v in vars(families).items() if isinstance(v, type)),
    *(c.__name__ for top in (Graph, Prior, Conditional) for c in (top, *below(top))),
}
INSIDE = ("conditionals", "distributions", "models")
BY_ITSELF = {"families/catalogue.py"}
READS_CONFIG = {"runs/config.py"}
KNOWS_THE_STANDARD_NORMAL = {  # priors that are it, and the noise that draws are made of
    "conditionals/priors.py", "codec/priors.py", "codec/fixed_point.py", "distributions/draws.py"
}  # fmt: skip
NORMAL = re.compile(
    r"ndtri|erfinv|\bNormal\(\s*(torch\.)?(0|zeros)|exp\(-[^)]*(\*\* ?2|square\(\)) ?/ ?2|0\.5 \* \w+ ?\*\* ?2"
)


def names_in(node):
    """All names below a node."""
    for part in ast.walk(node):
        if isinstance(part, ast.Name):
            yield part.id
        elif isinstance(part, ast.Attribute):
            yield part.attr


def asks_for_a_type(node):
    """isinstance(x, T), issubclass(x, T), or type(x) compared with T, for a T that is a part."""
    if isinstance(node, ast.Call) and getattr(node.func, "id", "") in ("isinstance", "issubclass"):
        return not PARTS.isdisjoint(names_in(node.args[1]))
    if isinstance(node, ast.Compare) and "type" in names_in(node.left):
        return any(not PARTS.isdisjoint(names_in(other)) for other in node.comparators)
    return False


def is_name(node):
    return isinstance(node, ast.Constant) and node.value in LIKELIHOODS


def knows_names(node):
    """A comparison with a likelihood's name, or several of them in one place."""
    if isinstance(node, ast.Compare):
        return any(map(is_name, (node.left, *node.comparators)))
    if isinstance(node, ast.Tuple | ast.List | ast.Set):
        return sum(map(is_name, node.elts)) > 1
    if isinstance(node, ast.Dict):
        return sum(is_name(key) for key in node.keys if key) > 1
    return isinstance(node, ast.MatchValue) and is_name(node.value)


def reads_config(node):
    """config["..."], config.arguments["..."] or config.arguments.get("...")."""
    if isinstance(node, ast.Subscript):
        return "config" in names_in(node.value)
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
        source = node.func.value
        return node.func.attr == "get" and "config" in names_in(source)
    return False


def found(sign, but=(), outside=()):
    """The places that bear a sign, but for some files and folders."""
    for path in FILES:
        file = str(path.relative_to(PACKAGE))
        if file in but or part_of(path) in outside:
            continue
        lines = path.read_text().splitlines()
        nodes = ast.walk(ast.parse("\n".join(lines)))
        for number in sorted({n.lineno for n in nodes if hasattr(n, "lineno") and sign(n)}):
            yield f"{file}:{number}: {lines[number - 1].strip()}"


def test_nobody_asks_what_type_a_part_has():
    assert [*found(asks_for_a_type, outside=INSIDE)] == []


def test_nobody_knows_likelihoods_by_name():
    assert [*found(knows_names, BY_ITSELF)] == []


def test_nobody_takes_the_configuration_apart():
    assert [*found(reads_config, READS_CONFIG)] == []


def test_nobody_writes_the_standard_normal():
    files = [p for p in FILES if str(p.relative_to(PACKAGE)) not in KNOWS_THE_STANDARD_NORMAL]
    lines = [(str(p), line) for p in files for line in p.read_text().splitlines()]
    assert [place for place in lines if NORMAL.search(place[1])] == []


SIGNS = {
    asks_for_a_type: ["isinstance(q, D.Normal)", "type(m) is VAE", "isinstance(q, (int, Point))"],
    knows_names: ["n == 'poisson'", "n in ('poisson', 'laplace')", "{'poisson': 1, 'laplace': 2}"],
    reads_config: ["config['a']", "t.config['a']", "t.config.arguments.get('drop')"],
}
NO_SIGNS = {
    asks_for_a_type: ["isinstance(x, Tensor)", "isinstance(x, str | Path)", "type(p) in (Tensor,)"],
    knows_names: ["n == 'vae'", "f('poisson', 'no')", "('poisson', 'vae')"],
    reads_config: ["config.recipe", "found['a']", "arguments.values()"],
}


@pytest.mark.parametrize("sign", SIGNS)
def test_the_signs_are_seen(sign):
    for code in SIGNS[sign]:
        assert any(map(sign, ast.walk(ast.parse(code)))), code
    for code in NO_SIGNS[sign]:
        assert not any(map(sign, ast.walk(ast.parse(code)))), code
    assert NORMAL.search("torch.special.ndtri(x)")
    assert NORMAL.search("D.Normal(torch.zeros(2), 1)")
