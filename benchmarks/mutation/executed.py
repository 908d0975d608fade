"""Which lines each test executes: a plugin of pytest around coverage's tracer.

``python -m pytest -p benchmarks.mutation.executed -m "not slow"``, with EXECUTED naming a folder.
A fixture that is made once for several tests is written down by its own name, so that its lines
count for every test that asks for it, whichever came first.
"""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import coverage
import pytest

ROOT = Path(__file__).resolve().parents[2]
FOLDER = Path(os.environ.get("EXECUTED", "executed"))


class Executed:
    """The tracer, told what is running now."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.folder = folder
        self.tests: dict[str, dict[str, Any]] = {}
        self.tracer = coverage.Coverage(
            str(folder / "lines.sqlite"), source=[str(ROOT / "vaekit")], config_file=False
        )
        self.tracer.erase()
        self.tracer.start()
        self.trace = sys.gettrace()
        self.now = ""

    def switch(self, to: str) -> str:
        """Lines from now on belong to ``to``; what they belonged to so far."""
        if sys.gettrace() is not self.trace:  # a test has turned tracing off
            self.tracer.stop()
            self.tracer.start()
            self.trace = sys.gettrace()
        before, self.now = self.now, to
        self.tracer.switch_context(to)
        return before

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_protocol(self, item: pytest.Item) -> Iterator[None]:
        """A test, with its setting up and tearing down."""
        self.switch(item.nodeid)
        start = time.perf_counter()
        try:
            return (yield)
        finally:
            seconds = time.perf_counter() - start
            self.tests[item.nodeid] = {"seconds": round(seconds, 3), "fixtures": shared(item)}
            self.switch("")

    @pytest.hookimpl(wrapper=True)
    def pytest_fixture_setup(self, fixturedef: Any) -> Iterator[None]:
        """What is made once for several tests belongs to all of them."""
        if fixturedef.scope == "function":
            return (yield)
        before = self.switch(named(fixturedef))
        try:
            return (yield)
        finally:
            self.switch(before)

    def pytest_runtest_logreport(self, report: Any) -> None:
        """Tests that fail or are left out kill nothing."""
        if not report.passed:
            self.tests.setdefault(report.nodeid, {})["fails"] = True

    def pytest_runtest_logfinish(self, nodeid: str) -> None:
        """Written as it goes: a run that is cut short is worth what it saw."""
        if len(self.tests) % 50 == 0:
            self.write()

    def pytest_sessionfinish(self) -> None:
        """The end."""
        self.tracer.stop()
        self.tracer.save()
        self.write()

    def write(self) -> None:
        """The tests seen so far."""
        (self.folder / "tests.json").write_text(json.dumps(self.tests, indent=1))


def named(fixture: Any) -> str:
    """A name for a fixture that no test has."""
    return f"fixture {fixture.baseid}::{fixture.argname}"


def shared(item: Any) -> list[str]:
    """The fixtures of a test that other tests use too."""
    found = [d[-1] for d in item._fixtureinfo.name2fixturedefs.values() if d]
    return [named(f) for f in found if f.scope != "function"]


def pytest_configure(config: pytest.Config) -> None:
    """Before any file of vaekit is imported."""
    config.pluginmanager.register(Executed(FOLDER), "executed lines")
