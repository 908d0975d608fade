"""The folders are the floors: a file imports its own folder and lower floors, nothing else."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

PACKAGE = Path(__file__).resolve().parent.parent / "vaekit"

FLOORS = (
    ("system",),
    ("rows", "data_init", "running_means"),
    ("distributions", "networks"),
    ("families",),
    ("conditionals",),
    ("models",),
    ("objectives",),
    ("data", "training", "evaluation", "codec", "pictures"),
    ("recipes",),
    ("runs",),
    ("pages",),
    ("studies",),
    ("interfaces",),
)
FLOOR = {name: number for number, names in enumerate(FLOORS) for name in names}
CORE = (
    "rows",
    "data_init",
    "running_means",
    "distributions",
    "networks",
    "families",
    "conditionals",
    "models",
    "objectives",
)
INDEX = ("__init__", "__main__")


def part_of(path):
    """The part a file belongs to: its top folder or its own name."""
    inside = path.relative_to(PACKAGE)
    return inside.parts[0].removesuffix(".py")


def imports(path):
    """The parts of vaekit a file imports anywhere, deferred imports included."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module:
            names = [f"{node.module}.{alias.name}" for alias in node.names]
        else:
            continue
        for name in names:
            if name.startswith("vaekit."):
                yield name.split(".")[1]


FILES = sorted(p for p in PACKAGE.rglob("*.py") if part_of(p) not in INDEX)


def test_every_part_has_a_floor():
    assert {part_of(path) for path in FILES} == set(FLOOR)


def test_at_the_top_there_is_only_the_index():
    loose = {p.stem for p in PACKAGE.glob("*.py")}
    assert loose == {*INDEX, "rows", "data_init", "running_means"}


@pytest.mark.parametrize("path", FILES, ids=lambda p: str(p.relative_to(PACKAGE)))
def test_imports_go_down(path):
    part = part_of(path)
    for other in imports(path):
        lower = FLOOR[other] < FLOOR[part]
        assert other == part or lower, f"{part} imports {other}, which is not below it"


def test_data_knows_no_model():
    for path in FILES:
        if part_of(path) == "data":
            assert set(imports(path)) <= {"data", "system", "rows"}, path


def test_the_core_needs_torch_alone():
    outside = set()
    for path in FILES:
        if part_of(path) in CORE:
            tree = ast.parse(path.read_text())
            for node in ast.walk(tree):
                if isinstance(node, ast.ImportFrom) and node.module and node.level == 0:
                    outside.add(node.module.split(".")[0])
                elif isinstance(node, ast.Import):
                    outside |= {alias.name.split(".")[0] for alias in node.names}
    assert outside - set(sys.stdlib_module_names) <= {"torch", "vaekit", "zuko"}


@pytest.mark.parametrize("module", ["vaekit.runs.tables", "vaekit.pages.report"])
def test_what_judges_alone_need_is_loaded_by_judges_alone(module):
    """Two seconds of imports that drawing rows and writing pages can do without."""
    code = f"import sys, {module}; sys.exit('sklearn' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
