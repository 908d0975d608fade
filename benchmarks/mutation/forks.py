"""Tests run over changed programs, each in a fork of one process that holds all they import but
the package itself. The file on disk is never touched: the changed text comes from an import hook.
"""

from __future__ import annotations

import importlib
import importlib.abc
import importlib.machinery
import importlib.util
import json
import os
import resource
import shutil
import signal
import sys
import tempfile
import time
import traceback
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

HELD = (
    "torch", "torch.nn.functional", "torch.distributions", "numpy", "scipy.stats", "scipy.special",
    "sklearn.ensemble", "sklearn.linear_model", "sklearn.svm", "sklearn.datasets", "pytest",
    "_pytest.assertion.rewrite", "safetensors.torch", "matplotlib.figure", "PIL.Image", "cyclopts",
    "zuko", "narwhals", "pyarrow", "pyarrow.parquet", "pandas", "hypothesis",
)  # fmt: skip
STARTING, TIMES = 30, 8  # seconds of the processor beside a fork's tests, and theirs over the usual
WAIT = 20  # times as long by the clock: other work may go on beside


@dataclass(frozen=True)
class Job:
    """Tests over a changed program.

    Args:
        name: of the job.
        file: the file that changes, from the root; none for the program as it is.
        source: its text.
        tests: their ids, in order.
        seconds: that they usually take.
    """

    name: str
    file: str | None
    source: bytes
    tests: list[str]
    seconds: float


@dataclass(frozen=True)
class Outcome:
    """What came of a job.

    Args:
        name: of the job.
        killer: the test that failed first, "import", "time" or "crash"; none if all passed.
        seconds: that it took.
        strange: what pytest said, if it neither passed nor failed.
    """

    name: str
    killer: str | None
    seconds: float
    strange: str | None = None


class Forks:
    """A process to fork from.

    Args:
        root: of the repository.
        package: name of the package in it.
        cache: folder for compiled files.
        held: what forks need not import again.
    """

    def __init__(self, root: Path, package: str, cache: Path, held: tuple[str, ...] = HELD) -> None:
        self.root, self.package = root, package
        sys.pycache_prefix, sys.dont_write_bytecode = str(cache / "compiled"), False
        sys.path.insert(0, str(root))
        os.chdir(root)
        for name in held:
            importlib.import_module(name)
        if "torch" in sys.modules:
            sys.modules["torch"].set_num_threads(1)
        if package in sys.modules:
            raise RuntimeError(f"{package} is imported already: forks could not change it")

    def run(self, jobs: Iterator[Job], at_once: int) -> Iterator[Outcome]:
        """The outcomes of jobs, as they come."""
        running: dict[int, tuple[Job, Path, float]] = {}
        more = True
        while more or running:
            while more and len(running) < at_once:
                job = next(jobs, None)
                more = job is not None
                if job is not None:
                    folder = Path(tempfile.mkdtemp(prefix="mutant"))
                    running[self._fork(job, folder)] = (job, folder, time.monotonic())
            for pid, (job, folder, start) in list(running.items()):
                late = time.monotonic() - start > WAIT * _limit(job)
                if late:
                    os.killpg(pid, signal.SIGKILL)
                ended, status = os.waitpid(pid, 0 if late else os.WNOHANG)
                if ended:
                    del running[pid]
                    ending = "time" if late else _ending(status)
                    yield _outcome(job, folder, time.monotonic() - start, ending)
                    shutil.rmtree(folder, ignore_errors=True)
            time.sleep(0.05)

    def _fork(self, job: Job, folder: Path) -> int:
        sys.stdout.flush()
        pid = os.fork()
        if not pid:
            try:
                os.setpgid(0, 0)
                self._tested(job, folder)
            except BaseException:
                (folder / "said").write_text(traceback.format_exc())
            finally:
                os._exit(0)
        with suppress(OSError):  # it may have done so itself
            os.setpgid(pid, pid)
        return pid

    def _tested(self, job: Job, folder: Path) -> None:
        """In the fork: run the tests, and write down what came."""
        resource.setrlimit(resource.RLIMIT_CPU, (_limit(job), _limit(job) + 5))
        quiet = os.open(folder / "said", os.O_WRONLY | os.O_CREAT)
        for stream in (1, 2):
            os.dup2(quiet, stream)
        watch = Watch()
        if job.file is not None:
            name = ".".join(Path(job.file).with_suffix("").parts).removesuffix(".__init__")
            sys.meta_path.insert(0, Hook(name, str(self.root / job.file), job.source))
            try:
                importlib.import_module(name)
            except BaseException:
                watch.killer = "import"
        code = 1 if watch.killer else self._pytest(job.tests, folder, watch)
        found = {"killer": watch.killer, "code": int(code)}
        (folder / "outcome").write_text(json.dumps(found))

    def _pytest(self, tests: list[str], folder: Path, watch: Watch) -> int:
        import pytest

        options = ["-x", "-q", "--tb=no", "--no-header", "--rootdir", str(self.root)]
        options += ["-p", "no:cacheprovider", "-p", "no:xdist", "--basetemp", str(folder / "t")]
        code = pytest.main([*options, *tests], plugins=[watch])
        package = sys.modules.get(self.package)
        if package is not None and not str(package.__file__).startswith(str(self.root)):
            raise RuntimeError(f"the tests met another {self.package}: {package.__file__}")
        return code


class Watch:
    """A plugin of pytest that remembers the first failure."""

    def __init__(self) -> None:
        self.killer: str | None = None

    def pytest_runtest_logreport(self, report: Any) -> None:
        """A test, its setting up and tearing down."""
        if report.failed and self.killer is None:
            self.killer = report.nodeid

    def pytest_collectreport(self, report: Any) -> None:
        """A file of tests that cannot be imported."""
        if report.failed and self.killer is None:
            self.killer = f"{report.nodeid}, which cannot be read"


class Hook(importlib.abc.MetaPathFinder):
    """Gives one module another text."""

    def __init__(self, name: str, path: str, source: bytes) -> None:
        self.name, self.path, self.source = name, path, source

    def find_spec(self, name: str, path: Any = None, target: Any = None) -> Any:
        """How to import the module that changes; other modules are not its concern."""
        if name != self.name:
            return None
        return importlib.util.spec_from_file_location(
            name, self.path, loader=Changed(name, self.path, self.source)
        )


class Changed(importlib.machinery.SourceFileLoader):
    """Reads another text than the file's."""

    def __init__(self, name: str, path: str, source: bytes) -> None:
        super().__init__(name, path)
        self.source = source

    def get_code(self, fullname: str) -> Any:
        """Compiled anew: what is kept beside files is of the unchanged ones."""
        return compile(self.source, self.path, "exec", dont_inherit=True)


def _limit(job: Job) -> int:
    """Seconds of the processor that a job may take."""
    return int(STARTING + TIMES * job.seconds)


def _ending(status: int) -> str:
    """How a fork ended that did not end by itself: out of time, or dead; else nothing."""
    if not os.WIFSIGNALED(status):
        return ""
    return "time" if os.WTERMSIG(status) == signal.SIGXCPU else "crash"


def _outcome(job: Job, folder: Path, seconds: float, ending: str) -> Outcome:
    """What came of a job, from what its fork left."""
    if ending:  # whoever runs the tests would see it
        return Outcome(job.name, ending, seconds)
    said = folder / "said"
    text = said.read_text(errors="replace")[-2000:] if said.is_file() else "it said nothing"
    if not (folder / "outcome").is_file():  # a fault of this file, not a test's
        return Outcome(job.name, None, seconds, text)
    found = json.loads((folder / "outcome").read_text())
    strange = text if found["killer"] is None and found["code"] != 0 else None
    return Outcome(job.name, found["killer"], seconds, strange)
