"""Commands in the pages of the documentation exist, and so do their options and the pages that they
link to."""

import contextlib
import io
import re
import shlex
from functools import cache
from pathlib import Path

import pytest

from vaekit.interfaces.cli import COMMANDS, run

DOCS = Path(__file__).resolve().parent.parent / "docs"
PAGES = {str(path.relative_to(DOCS)): path for path in sorted(DOCS.glob("**/*.md"))}
BLOCK = re.compile(r"```(?:console|sh)\n(.*?)```", re.DOTALL)
INLINE = re.compile(r"`vaekit ([a-z-]+)([^`]*)`")


def lines_of(path):
    """The commands on a page, as words after "vaekit"."""
    text = path.read_text()
    blocks = "\n".join(BLOCK.findall(text)).replace("\\\n", " ")
    typed = [line for line in blocks.splitlines() if line.startswith("vaekit ")]
    return [shlex.split(line, comments=True)[1:] for line in typed]


@cache
def helped(command, *recipe):
    with contextlib.redirect_stdout(io.StringIO()) as shown:
        assert run([command, *recipe, "--help"]) == 0
    return shown.getvalue()


@pytest.mark.parametrize("page", PAGES)
def test_commands_and_options_exist(page):
    for words in lines_of(PAGES[page]):
        if words[0].startswith("-"):
            continue
        assert words[0] in COMMANDS, words
        recipe = words[words.index("--recipe") :][:2] if "--recipe" in words else []
        for option in (word.split("=")[0] for word in words if word.startswith("--")):
            assert re.search(rf"{option}\b", helped(words[0], *recipe)), words


@pytest.mark.parametrize("page", PAGES)
def test_commands_in_the_text_exist(page):
    for command, _ in INLINE.findall(PAGES[page].read_text()):
        assert command in COMMANDS, command


@pytest.mark.parametrize("page", PAGES)
def test_links_lead_somewhere(page):
    for link in re.findall(r"\]\(([^)#\s]+)[^)]*\)", PAGES[page].read_text()):
        assert ":" in link or (PAGES[page].parent / link).exists(), link
