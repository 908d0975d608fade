"""What a new part costs: files of the package that change, counted; and that it then works.

A walk is a folder: ``edits.py`` with (file, what stands there once, what is put after it), and
below ``vaekit`` the new files. It is done to a copy of the package, and the copy is used.
"""

import json
import os
import runpy
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from test_floors import PACKAGE

WALKS = Path(__file__).parent / "walks"
REFUSED, FINE = 2, 0
LIMITS = {
    # walk: (most files, how it is trained, whether its model can compress)
    "sliced_vae": (2, ["--recipe", "sliced_vae"], True),
    "logistic_prior": (3, ["--prior", "logistic"], False),
    "deeper_graph": (3, ["--recipe", "deeper_vae"], False),
    "zero_heavy": (3, ["--likelihood", "zero_inflated_poisson"], False),
}

LIFE = """
import contextlib, io, json, sys
from vaekit.interfaces.cli import run

def call(*arguments):
    out, err = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        code = run(arguments)
    return {"code": code, "out": out.getvalue(), "err": err.getvalue()}

train = ["train", "digits", "--latent", "2", "--width", "8", "--epochs", "1", "--no-report", "-o", "run"]
said = {"train": call(*train, *sys.argv[1:])}
said["evaluate"] = call("evaluate", "run", "--samples", "5", "--json")
said["sample"] = call("sample", "run", "-n", "4", "-o", "samples.npy")
said["encode"] = call("encode", "run", "-o", "codes.npy")
said["report"] = call("report", "run", "-o", "again.html")
said["inspect"] = call("inspect", "run")
said["compress"] = call("compress", "run", "digits", "--split", "test", "-o", "x.vk")
print(json.dumps(said))
"""


def walked(name, package):
    """Do a walk to a copy of the package; the files of it that changed."""
    edits = runpy.run_path(str(WALKS / name / "edits.py"))["EDITS"]
    for file, anchor, insertion in edits:
        text = (package / file).read_text()
        assert text.count(anchor) == 1, f"{file}: {anchor!r}"
        (package / file).write_text(text.replace(anchor, anchor + insertion))
    new = [p.relative_to(WALKS / name / "vaekit") for p in (WALKS / name).rglob("vaekit/**/*.py")]
    for path in new:
        assert not (package / path).exists()
        shutil.copy(WALKS / name / "vaekit" / path, package / path)
    return {*(file for file, _, _ in edits), *map(str, new)}


def changed(package):
    """The files that are not as they are in the package itself."""
    files = {str(p.relative_to(package)): p.read_text() for p in package.rglob("*.py")}
    before = {str(p.relative_to(PACKAGE)): p.read_text() for p in PACKAGE.rglob("*.py")}
    return {name for name, text in files.items() if before.get(name) != text}


@pytest.mark.slow
@pytest.mark.parametrize("name", LIMITS)
def test_a_new_part_costs_few_files_and_lives_a_whole_life(name, tmp_path):
    most, options, compresses = LIMITS[name]
    package = tmp_path / "vaekit"
    shutil.copytree(PACKAGE, package, ignore=shutil.ignore_patterns("__pycache__"))
    touched = walked(name, package)
    assert changed(package) == touched
    assert len(touched) <= most, touched
    here = {**os.environ, "PYTHONPATH": str(tmp_path)}
    command = [sys.executable, "-c", LIFE, *options]
    done = subprocess.run(command, env=here, cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    said = json.loads(done.stdout)
    for step, found in said.items():
        assert "Traceback" not in found["out"] + found["err"], (step, found)
        if step != "compress":
            assert found["code"] == FINE, (step, found)
    assert json.loads(said["evaluate"]["out"])["elbo"] < 0
    assert "<html" in (tmp_path / "again.html").read_text()
    refusal = said["compress"]
    assert refusal["code"] == (FINE if compresses else REFUSED), refusal
    if not compresses:
        (line,) = refusal["err"].splitlines()
        assert line.startswith("vaekit: ")
        assert " form" in line


def test_every_walk_is_walked():
    assert {p.name for p in WALKS.iterdir() if (p / "edits.py").is_file()} == LIMITS.keys()
