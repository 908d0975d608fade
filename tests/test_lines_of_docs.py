"""The commands of pages run, in order, with small stand-ins for a reader's data and short trainings."""

import contextlib
import re

import pytest
from docs_lines import INDENTED, PAGES, lines_of, words_of
from docs_world import World

from vaekit import recipes
from vaekit.interfaces.cli import run
from vaekit.interfaces.cli.train import options_in, recipe_in
from vaekit.interfaces.server import running
from vaekit.recipes.recipe import options

SHORT = {
    "train": {"--epochs": "1"},
    "evaluate": {"--samples": "3", "--ais": "2"},
    "score": {"--samples": "3"},
    "synthesize": {"-n": "20"},
    "sweep": {"--trials": "2"},
    "compare": {"--epochs": "1"},
}
ALWAYS = {"train": ["--epochs"], "evaluate": ["--samples"], "score": ["--samples"]}
PARSED_ALONE = {
    "--seeds": "a process for each training: test_seeds.py",
    "sweep": "many trainings: test_sweep.py",
    "cuda": "wants a GPU",
    "--shard": "wants several processes: test_split_weights.py",
    "torchrun": "several processes: test_distributed.py",
    "keras_mnist": "test_zoo.py",
    "mnist": "published data",
    "sprites": "large pictures: test_walks.py",
    "push": "sends to others",
    "compare digits": "three trainings: test_trial.py",
    "0.0.0.0": "open to others",
}
SHOWN_BY_HAND = ("how-to/", "course/", "tour.md", "decisions/")  # test_docs_run.py, or no lines
LONG = {
    "troubleshooting.md", "export.md", "models/autoencoders.md", "pages.md", "models/pixels.md", "pictures.md",
    "models/tables.md", "models/modalities.md", "../README.md",
}  # fmt: skip
PAGES_HERE = [page for page in PAGES if not page.startswith(SHOWN_BY_HAND)]


def shortened(words, here):
    """The same command with as little work as it can have."""
    command, *rest = [{"DATA": "digits", "MODEL": "RUN"}.get(word, word) for word in words]
    short = dict(SHORT.get(command, {}))
    if "--resume" in rest:
        short["--epochs"] = "9"  # one more than the stand-in has
    for place, word in enumerate(rest[:-1]):
        if word in short:
            rest[place + 1] = short[word]
    asked = [] if "--resume" in rest and "--epochs" not in rest else ALWAYS.get(command, [])
    rest += [part for name in asked if name not in rest for part in (name, short[name])]
    if command == "train":
        rest += ["--no-report"]
        with contextlib.chdir(here):
            recipe = recipes.recipe(recipe_in(tuple(rest)))
        free = {"width", "pretraining"} - {*options_in(rest)}
        small = [] if {"--resume", "--start-from"} & {*rest} else free & {*options(recipe)}
        rest += [part for name in sorted(small) for part in (f"--{name}", "8")]
    return [command, *rest]


def read_words(words):
    """The words that may name what is read."""
    written = {n + 1 for n, word in enumerate(words) if word in ("-o", "--output")}
    return [re.sub(r"^[a-z]+=@?", "", w) for n, w in enumerate(words) if n not in written]


def lines_here(page):
    """The lines of a page that are run, and those that are only parsed."""
    text = PAGES[page].read_text()
    languages = ("console",) if page == "../README.md" else ("sh", "console")
    found = lines_of(text, *languages)
    found += [(line, words_of(line)) for line in INDENTED.findall(text)]
    apart = [pair for pair in found if any(part in pair[0] for part in PARSED_ALONE)]
    return [pair for pair in found if pair not in apart]


@pytest.fixture(scope="module")
def world(trained, tmp_path_factory):
    return World(tmp_path_factory.mktemp("world"), trained[0])


@pytest.fixture
def served(monkeypatch):
    """Servers end once they could be asked."""
    begun = running.begun

    def stopped(found, taken, *, blocking, ready=None):
        begun(found, taken, blocking=False, ready=ready).stop()

    monkeypatch.setattr(running, "begun", stopped)
    monkeypatch.setattr("vaekit.interfaces.server.api.serving.begun", stopped)


@pytest.mark.parametrize(
    "page",
    [
        pytest.param(page, marks=pytest.mark.long if page in LONG else ())
        for page in PAGES_HERE
        if lines_here(page)
    ],
)
@pytest.mark.usefixtures("served")
def test_lines_run(page, world, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    for line, words in lines_here(page):
        for word in read_words(words):
            world.bring(page, word, tmp_path)
        assert run(shortened(words, tmp_path)) == 0, (line, capsys.readouterr().err)


def test_pages_of_which_nothing_is_run_have_no_lines():
    """A page may keep some lines from being run, not all."""
    for page in PAGES_HERE:
        text = PAGES[page].read_text()
        assert lines_here(page) or not lines_of(text, "sh", "console"), page
