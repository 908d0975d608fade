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
KNOWS_THE_STANDARD_NORMAL = {"conditionals/priors.py", "codec/priors.py", "codec/fixed_point.py"}
NORMAL = re.compile(
    r"ndtri|erfinv|\bNormal\(\s*(torch\.)?(0|zeros)|exp\(-[^)]*(\*\* ?2|square\(\)) ?/ ?2|0\.5 \* \w+ ?\*\* ?2"
)

# what there is a reason for: (file, line of code, why)
ALLOWED: set[tuple[str, str]] = set()


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
        return list(names_in(node.value))[:1] in (["config"], ["arguments"])
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
        source = node.func.value
        named = isinstance(source, ast.Attribute) and source.attr in ("config", "arguments")
        return node.func.attr == "get" and named
    return False


def found(sign, path):
    """The lines that bear a sign."""
    text = path.read_text()
    lines = text.splitlines()
    file = str(path.relative_to(PACKAGE))
    places = [n.lineno for n in ast.walk(ast.parse(text)) if hasattr(n, "lineno") and sign(n)]
    seen = [(file, lines[number - 1].strip()) for number in sorted(set(places))]
    return [place for place in seen if place not in ALLOWED]


def files(*, but=(), outside=()):
    """The package's files, but some, and those of some folders."""
    return [
        pytest.param(p, id=str(p.relative_to(PACKAGE)))
        for p in FILES
        if str(p.relative_to(PACKAGE)) not in but and part_of(p) not in outside
    ]


@pytest.mark.parametrize("path", files(outside=INSIDE))
def test_nobody_asks_what_type_a_part_has(path):
    assert found(asks_for_a_type, path) == []


@pytest.mark.parametrize("path", files(but=BY_ITSELF))
def test_nobody_knows_likelihoods_by_name(path):
    assert found(knows_names, path) == []


@pytest.mark.parametrize("path", files(but=READS_CONFIG))
def test_nobody_takes_the_configuration_apart(path):
    assert found(reads_config, path) == []


@pytest.mark.parametrize("path", files(but=KNOWS_THE_STANDARD_NORMAL))
def test_nobody_writes_the_standard_normal(path):
    lines = path.read_text().splitlines()
    assert [line for line in lines if NORMAL.search(line)] == []


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
