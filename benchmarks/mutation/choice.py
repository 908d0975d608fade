"""Which tests a change has to meet: those that execute its place, cheapest first."""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import coverage

from benchmarks.mutation.changes import Mutant


@dataclass(frozen=True)
class Chosen:
    """Tests for a change.

    Args:
        tests: their ids, in the order in which they are to run.
        seconds: that each usually takes.
    """

    tests: list[str]
    seconds: list[float]

    def parts(self, first: float, most: float) -> list[tuple[list[str], float]]:
        """The tests in runs of about ``first`` seconds and four times as many each time, up to
        ``most`` in all: most changes fall to the first run."""
        parts: list[tuple[list[str], float]] = []
        tests: list[str] = []
        spent, held = 0.0, 0.0
        for test, seconds in zip(self.tests, self.seconds, strict=True):
            if spent + held + seconds > most and parts + tests:
                break
            tests.append(test)
            held += seconds
            if held >= first * 4 ** len(parts) or len(tests) == 300:
                parts, tests, spent, held = [*parts, (tests, held)], [], spent + held, 0.0
        return [*parts, (tests, held)] if tests else parts


class Executions:
    """What each test executed, as ``executed`` wrote it down.

    Args:
        folder: of folders that it wrote to; where several tell of a file of tests, the last does.
        root: of the repository.
    """

    def __init__(self, folder: Path, root: Path) -> None:
        self.root = root
        self.tests: dict[str, dict[str, Any]] = {}
        self.users: dict[str, list[str]] = {}
        self.maps: list[tuple[coverage.CoverageData, set[str]]] = []
        told_of: set[str] = set()
        for part in sorted(folder.iterdir(), key=lambda p: int(p.name), reverse=True):
            tests = json.loads((part / "tests.json").read_text())
            tests = {t: told for t, told in tests.items() if _file(t) not in told_of}
            self.maps.append((coverage.CoverageData(str(part / "lines.sqlite")), told_of.copy()))
            self.maps[-1][0].read()
            told_of |= set(map(_file, tests))
            self.tests |= tests
        for test, told in self.tests.items():
            for fixture in told.get("fixtures", ()):
                self.users.setdefault(fixture, []).append(test)
        self.lines = cache(self._lines)

    def of(self, mutant: Mutant) -> Chosen:
        """Tests that execute the line of a change; where it is executed when the file is imported
        (a default, a constant), those that use what it stands in, or else the file."""
        last = mutant.line + mutant.text.count("\n")
        for first, end in ((mutant.line, last), mutant.scope, (1, 10**6)):
            found = {
                test
                for line, tests in self.lines(mutant.file).items()
                if first <= line <= end
                for test in tests
            }
            if found:
                return self._in_order(found)
        return Chosen([], [])

    def _lines(self, file: str) -> dict[int, set[str]]:
        """The tests of each line."""
        found: dict[int, set[str]] = {}
        for data, told_of in self.maps:
            for line, names in data.contexts_by_lineno(str(self.root / file)).items():
                tests = {t for name in names for t in self.users.get(name, [name])}
                wanted = {t for t in tests if self._counts(t) and _file(t) not in told_of}
                found.setdefault(line, set()).update(wanted)
        return found

    def _counts(self, test: str) -> bool:
        return test in self.tests and not self.tests[test].get("fails")

    def _in_order(self, tests: set[str]) -> Chosen:
        """The cheapest first, but of many cases of one test the later ones later."""
        met: dict[str, int] = {}
        costs = []
        for test in sorted(tests, key=lambda t: (self.tests[t].get("seconds", 1.0), t)):
            seconds = self.tests[test].get("seconds", 1.0) + 0.02
            number = met[test.split("[")[0]] = met.get(test.split("[")[0], 0) + 1
            costs.append((seconds * number, test, seconds))
        costs.sort()
        return Chosen([c[1] for c in costs], [c[2] for c in costs])


def _file(test: str) -> str:
    return test.split("::")[0]
