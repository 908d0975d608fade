"""Every import goes down: a file imports lower floors, and of its own only what is listed."""

import ast
from pathlib import Path

import pytest

PACKAGE = Path(__file__).resolve().parent.parent / "vaekit"

FLOORS = {
    0: ["schedules", "batch", "checks", "seeding", "files", "progress", "interrupts", "working", "adapting", "version",
        "precision", "devices"],
    1: ["distributions"],
    2: ["families", "networks", "conditionals"],
    3: ["drawing", "trace", "models"],
    4: ["bounds", "penalties", "objectives"],
    5: ["training", "evaluation", "pictures", "data", "codec"],
    6: ["recipes", "citations", "store", "choosing"],
    7: ["running", "fitting", "trained", "inspection", "outputs", "report", "comparing", "judging",
        "compressing", "tiling"],
    8: ["cli", "estimators", "bulk", "__main__"],
}  # fmt: skip
FLOOR = {name: floor for floor, names in FLOORS.items() for name in names}

SAME_FLOOR = {
    "files": {"checks"},
    "precision": {"checks", "devices"},
    "working": {"checks"},
    "devices": {"checks"},
    "conditionals": {"families"},
    "trace": {"drawing"},
    "models": {"drawing"},
    "objectives": {"bounds", "penalties"},
    "store": {"recipes"},
    "choosing": {"recipes"},
    "fitting": {"running", "trained"},
    "inspection": {"trained"},
    "judging": {"trained"},
    "compressing": {"trained"},
    "tiling": {"trained", "compressing"},
    "report": {"trained", "running", "inspection"},
    "__main__": {"cli"},
    "comparing": {"fitting", "running", "report"},
}

LOWEST_ONLY = {"data": 0}


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


FILES = sorted(p for p in PACKAGE.rglob("*.py") if p != PACKAGE / "__init__.py")


def test_every_part_has_a_floor():
    assert {part_of(path) for path in FILES} == set(FLOOR)


@pytest.mark.parametrize("path", FILES, ids=lambda p: str(p.relative_to(PACKAGE)))
def test_imports_go_down(path):
    part = part_of(path)
    for other in imports(path):
        if other == part:
            continue
        limit = LOWEST_ONLY.get(part, FLOOR[part] - 1)
        allowed = FLOOR[other] <= limit or other in SAME_FLOOR.get(part, ())
        assert allowed, f"{part} (floor {FLOOR[part]}) imports {other} (floor {FLOOR[other]})"


def test_floors_below_five_need_torch_alone():
    outside = set()
    for path in FILES:
        if 1 <= FLOOR[part_of(path)] <= 4:
            tree = ast.parse(path.read_text())
            for node in ast.walk(tree):
                if isinstance(node, ast.ImportFrom) and node.module and node.level == 0:
                    outside.add(node.module.split(".")[0])
                elif isinstance(node, ast.Import):
                    outside |= {alias.name.split(".")[0] for alias in node.names}
    import sys

    assert outside - set(sys.stdlib_module_names) == {"torch", "vaekit"}
