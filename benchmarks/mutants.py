"""What tests do not see: the program is changed in one place at a time, and tests should fail.

python benchmarks/mutants.py map [FILE OF TESTS ...]
python benchmarks/mutants.py run [--count 200] [--seed 1] [--most 60] [--again] [--only TEXT]
python benchmarks/mutants.py one FILE WAS NOW TEST [TEST ...]

``map`` writes down which lines each test executes (as long as the tests take, and half as much
again). ``run`` draws changes at random from the parts that compute, gives each to the tests that
execute its line, cheapest first, and writes benchmarks/results/mutants.md and .json. Outcomes are
kept, so that a run that is cut short goes on; ``--again`` asks survivors anew. ``one`` tries one
change that is written out. Needs coverage, and files that nobody changes while it runs.
"""

import argparse
import hashlib
import json
import os
import shutil
import subprocess
import sys
from functools import cached_property
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from benchmarks.mutation.changes import mutants_of, sample, written
from benchmarks.mutation.choice import Executions
from benchmarks.mutation.forks import Forks, Job, Outcome
from benchmarks.mutation.results import Results, write

ROOT = Path(__file__).resolve().parent.parent
KNOWN = ROOT / "benchmarks" / "mutation" / "known.json"  # changes that survived an earlier look
PARTS = (
    "distributions", "families", "networks", "conditionals", "models", "objectives", "evaluation",
    "codec",
)  # fmt: skip
FIRST = 3.0  # seconds of tests in the first run of a change
TOGETHER = 60  # tests in one run of the program as it is
CACHE = Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache")) / "vaekit-mutants"


def options(arguments):
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--cache", type=Path, default=CACHE, help="folder for what is kept")
    parser.add_argument("--processes", type=int, default=2)
    commands = parser.add_subparsers(dest="command", required=True)
    mapping = commands.add_parser("map")
    mapping.add_argument("tests", nargs="*", help="files of tests; all by default")
    run = commands.add_parser("run")
    run.add_argument("--count", type=int, default=200)
    run.add_argument("--seed", type=int, default=1)
    run.add_argument("--most", type=float, default=60.0, help="seconds of tests for each change")
    run.add_argument("--again", action="store_true", help="ask those that survived once more")
    run.add_argument("--only", default="", help="changes whose place holds this text")
    one = commands.add_parser("one")
    for name in ("file", "was", "now"):
        one.add_argument(name)
    one.add_argument("tests", nargs="+")
    return parser.parse_args(arguments)


def mapped(asked):
    """Write down which lines each test executes; for some files of tests, beside what is known."""
    folder = asked.cache / "map"
    if not asked.tests:
        shutil.rmtree(folder, ignore_errors=True)
    number = len(list(folder.iterdir())) if folder.is_dir() else 0
    plugin = ["-p", "benchmarks.mutation.executed", "-p", "no:cacheprovider", "-m", "not slow"]
    return subprocess.run(
        [sys.executable, "-m", "pytest", *plugin, *asked.tests],
        cwd=ROOT,
        env={**os.environ, "EXECUTED": str(folder / str(number)), "PYTHONPATH": str(ROOT)},
        check=False,
    ).returncode


def drawn(count, seed):
    """The sample."""
    files = sorted(p for part in PARTS for p in (ROOT / "vaekit" / part).rglob("*.py"))
    mutants = [m for file in files for m in mutants_of(ROOT, str(file.relative_to(ROOT)))]
    return sample(ROOT, mutants, count, seed)


def digest(mutant):
    """Of the changed file: an outcome belongs to it."""
    return hashlib.sha256((ROOT / mutant.file).read_bytes()).hexdigest()[:16]


def surveyed(asked):
    """Draw changes, run them, and write what came."""
    sample_ = drawn(asked.count, asked.seed)
    written_ = [(written(ROOT, *change), test) for *change, test in json.loads(KNOWN.read_text())]
    known = [mutant for mutant, _ in written_]
    survey = Survey(asked)
    wanted = [m for m in [*known, *sample_] if asked.only in m.key]
    left = [m for m in wanted if survey.results.asks(m, digest(m), again=asked.again)]
    print(f"{len(left)} of {len(wanted)} changes to run", flush=True)
    if left:
        survey.run(left, {mutant.key: test for mutant, test in written_})
        survey.results.withdraw(survey.failing(survey.results.killers([*known, *sample_])))
    write(ROOT / "benchmarks" / "results", sample_, known, survey.results, asked.seed)
    return 0


class Survey:
    """Changes that meet their tests."""

    def __init__(self, asked):
        self.asked = asked
        self.results = Results(asked.cache / "outcomes.jsonl")
        self.executions = Executions(asked.cache / "map", ROOT)

    @cached_property
    def forks(self):
        return Forks(ROOT, "vaekit", self.asked.cache)

    def run(self, mutants, named):
        """Each change meets its tests in runs, a longer one after a shorter, until one fails.
        For some the test is named."""
        by_key = {m.key: m for m in mutants}
        runs = {key: [([test], 10.0)] for key, test in named.items()}
        for m in mutants:
            if m.key not in named:
                runs[m.key] = self.executions.of(m).parts(FIRST, self.asked.most)
        met = dict.fromkeys(by_key, 0)
        while by_key:
            for key in [k for k in by_key if not runs[k]]:
                self.told(by_key.pop(key), Outcome(key, None, 0.0), met[key])
            jobs = [self.job(m, *runs[key].pop(0)) for key, m in by_key.items()]
            for outcome in self.forks.run(iter(jobs), self.asked.processes):
                tests = next(job.tests for job in jobs if job.name == outcome.name)
                met[outcome.name] += len(tests)
                if outcome.strange:
                    print(f"strange: {outcome.name}\n{outcome.strange}", flush=True)
                if outcome.killer:
                    self.told(by_key.pop(outcome.name), outcome, met[outcome.name])

    def job(self, mutant, tests, seconds):
        text = mutant.applied((ROOT / mutant.file).read_bytes())
        return Job(mutant.key, mutant.file, text, tests, seconds)

    def told(self, mutant, outcome, tests):
        self.results.add(mutant, digest(mutant), outcome, tests)
        print(f"{outcome.killer or f'SURVIVES {tests} tests'}\n    {mutant.key}", flush=True)

    def failing(self, tests):
        """Those of some tests that fail on the program as it is: they have killed nothing."""
        left, found = sorted(t for t in tests if "::" in t), set()
        while left:
            parts = [left[i : i + TOGETHER] for i in range(0, len(left), TOGETHER)]
            jobs = [Job(str(i), None, b"", part, self.usual(part)) for i, part in enumerate(parts)]
            outcomes = list(self.forks.run(iter(jobs), self.asked.processes))
            failed = {o.killer for o in outcomes if o.killer}
            print(*(f"fails on the program as it is: {test}" for test in failed), sep="\n")
            left = [
                t for o in outcomes if o.killer in parts[int(o.name)] for t in parts[int(o.name)]
            ]
            left = sorted(set(left) - failed)
            found |= failed
        return found

    def usual(self, tests):
        return sum(self.executions.tests.get(t, {}).get("seconds", 10.0) for t in tests)


def tried(asked):
    """One change that is written out, against the tests named."""
    mutant = written(ROOT, asked.file, asked.was, asked.now)
    text = mutant.applied((ROOT / mutant.file).read_bytes())
    forks = Forks(ROOT, "vaekit", asked.cache)
    (outcome,) = forks.run(iter([Job("", mutant.file, text, asked.tests, 60.0)]), 1)
    print(outcome.killer or "survives", outcome.strange or "")
    return 0


def main(arguments):
    asked = options(arguments)
    asked.cache.mkdir(parents=True, exist_ok=True)
    return {"map": mapped, "run": surveyed, "one": tried}[asked.command](asked)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
