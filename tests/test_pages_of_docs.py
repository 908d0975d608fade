"""Every command on every page of the documentation is one that the real command line takes, with its
options and their values; and links lead to pages that are there."""

import re

import pytest
from docs_lines import PAGES, all_lines, known_options, options_in_words, parsed

from vaekit.interfaces.cli import COMMANDS, shared

ELSEWHERE = {"--long"}  # of other programs


@pytest.fixture(autouse=True)
def _everything_is_there(monkeypatch):
    """Runs and data that pages speak of."""
    for name in ("model_folder", "check_there"):
        monkeypatch.setattr(shared, name, lambda _: None)


@pytest.mark.parametrize("page", PAGES)
def test_the_command_line_takes_every_line(page):
    for words in all_lines(PAGES[page].read_text()):
        if words[0].startswith("-"):
            continue
        assert words[0] in COMMANDS, words
        if len(words) == 1:  # the command is named
            continue
        try:
            parsed(words)
        except Exception as error:
            raise AssertionError(f"vaekit {' '.join(words)}: {error}") from error


@pytest.mark.parametrize("page", PAGES)
def test_options_in_sentences_exist(page):
    assert options_in_words(PAGES[page].read_text()) - known_options() - ELSEWHERE == set()


@pytest.mark.parametrize("page", PAGES)
def test_links_lead_somewhere(page):
    for link in re.findall(r"\]\(([^)#\s]+)[^)]*\)", PAGES[page].read_text()):
        assert ":" in link or (PAGES[page].parent / link).exists(), link
