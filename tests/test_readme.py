"""Every line of the README runs: python blocks as they stand, sh blocks line by line.

Blocks marked ``console`` take long or want the reader's own data: ``test_pages_of_docs.py`` has the command line
take them, ``test_lines_of_docs.py`` runs most of them with small stand-ins.
"""

import re
import shlex
from pathlib import Path

import pytest

from vaekit.interfaces.cli import run

ROOT = Path(__file__).resolve().parent.parent
TEXT = (ROOT / "README.md").read_text()


def blocks(language):
    return re.findall(rf"```{language}\n(.*?)```", TEXT, re.DOTALL)


@pytest.mark.slow
def test_shell_lines(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    lines = [line for block in blocks("sh") for line in block.splitlines() if line.strip()]
    assert len(lines) > 8
    for line in lines:
        command, *arguments = shlex.split(line, comments=True)
        assert command == "vaekit"
        assert run(arguments) == 0, (line, capsys.readouterr().err)
    for name in (
        "runs/digits/report.html",
        "new.png",
        "pairs.png",
        "codes.csv",
        "back.npy",
        "walks.png",
    ):
        assert Path(name).stat().st_size > 0


@pytest.mark.slow
@pytest.mark.parametrize("number", range(len(blocks("python"))))
def test_python_blocks(number, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    exec(compile(blocks("python")[number], "README.md", "exec"), {})


def test_links_lead_somewhere():
    for link in re.findall(r"\]\(([^)]+)\)", TEXT):
        assert (ROOT / link.partition("#")[0]).exists(), link


def test_results_are_what_the_scripts_printed():
    """docs/results.md and docs/speed.md are written from the results, never by hand."""
    import importlib.util

    spec = importlib.util.spec_from_file_location("pages", ROOT / "benchmarks" / "pages.py")
    tables = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(tables)
    for page in tables.PAGES:
        assert (ROOT / "docs" / page).read_text() == tables.text(page)
