"""Changes of a program in one place: which there are, which are drawn, and which tests see them."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

sys.path.append(str(Path(__file__).resolve().parent.parent))

from benchmarks.mutation.changes import mutants_of, sample

ROOT = Path(__file__).resolve().parent.parent
TOY = '''"""A toy: 1 + 1."""

import math

LIMIT = 3.5


def mean(values: list[float], seed: int = 0) -> float:
    """The mean, 0 - 0 of nothing."""
    if not values:
        raise ValueError(f"{1 + 1} values are too few")
    return sum(values) / len(values)


def length(values, least=0.0):
    return max(math.sqrt(sum(v**2 for v in values)), least)
'''
TESTS = """
from toy.sums import length, mean


def test_mean():
    assert mean([2.0, 4.0]) == 3


def test_length():
    assert length([3.0, 4.0]) > 4
"""
DRIVER = """
import json, sys
from pathlib import Path
from benchmarks.mutation.changes import mutants_of
from benchmarks.mutation.forks import Forks, Job
root = Path(sys.argv[1])
source = (root / "toy/sums.py").read_bytes()
forks = Forks(root, "toy", root / "cache", held=("pytest",))
jobs = (Job(m.key, m.file, m.applied(source), ["test_toy.py"], 0.1)
        for m in mutants_of(root, "toy/sums.py") if m.differs(source))
print(json.dumps({o.name: [o.killer, o.strange] for o in forks.run(jobs, 2)}))
"""


@pytest.fixture
def toy(tmp_path):
    (tmp_path / "toy").mkdir()
    (tmp_path / "toy" / "__init__.py").touch()
    (tmp_path / "toy" / "sums.py").write_text(TOY)
    (tmp_path / "test_toy.py").write_text(TESTS)
    return tmp_path


def told(mutants):
    return {(m.line, m.was, m.now) for m in mutants}


def test_what_computes_is_changed_and_what_explains_is_not(toy):
    found = mutants_of(toy, "toy/sums.py")
    shown = told(found)
    assert (12, "return sum(values) / len(values)", "return sum(values) * len(values)") in shown
    assert (12, "return sum(values) / len(values)", "return -(sum(values) / len(values))") in shown
    assert (10, "if not values:", "if (values):") in shown
    assert (5, "LIMIT = 3.5", "LIMIT = 7.0") in shown
    last = "return max(math.sqrt(sum(v**2 for v in values)), least)"
    for was, now in (("max", "min"), ("v**2", "(v)"), ("v**2", "v**3")):
        assert (16, last, last.replace(was, now)) in shown
    assert (15, "def length(values, least=0.0):", "def length(values, least=1.0):") in shown
    assert {line for line, *_ in shown} == {5, 10, 12, 15, 16}
    assert all(m.within == "mean" for m in found if 8 <= m.line <= 12)


def test_a_change_is_one_change(toy):
    source = (toy / "toy" / "sums.py").read_bytes()
    for mutant in mutants_of(toy, "toy/sums.py"):
        changed = mutant.applied(source).splitlines()
        pairs = enumerate(zip(source.splitlines(), changed, strict=True), 1)
        assert [i for i, (a, b) in pairs if a != b] == [mutant.line]


def test_a_sample_is_that_of_its_seed_and_stays_when_the_file_grows(toy):
    def draw(seed):
        return sample(toy, mutants_of(toy, "toy/sums.py"), 5, seed)

    first = draw(1)
    assert len(first) == 5
    assert draw(1) == first
    assert draw(2) != first
    file = toy / "toy" / "sums.py"
    file.write_text(TOY.replace("import math\n", "import math\nimport json\n\n"))
    assert [m.key for m in draw(1)] == [m.key for m in first]


def test_a_changed_program_is_found_by_its_tests_and_the_file_is_left_alone(toy):
    out = subprocess.run(
        [sys.executable, "-c", DRIVER, toy],
        capture_output=True, text=True, check=True, env={"PYTHONPATH": str(ROOT)},
    ).stdout  # fmt: skip
    found = json.loads(out)
    assert [name for name, (_, strange) in found.items() if strange] == []
    killers = {name.split(": ", 1)[1]: killer for name, (killer, _) in found.items()}
    mean, last = (
        "return sum(values) / len(values)",
        ("return max(math.sqrt(sum(v**2 for v in values)), least)"),
    )
    assert killers[f"{mean} -> {mean.replace('/', '*')}"] == "test_toy.py::test_mean"
    assert killers[f"{last} -> {last.replace('max', 'min')}"] == "test_toy.py::test_length"
    assert killers[f"{last} -> {last.replace('v**2', 'v**3')}"] is None
    assert killers["LIMIT = 3.5 -> LIMIT = 7.0"] is None
    assert (toy / "toy" / "sums.py").read_text() == TOY
