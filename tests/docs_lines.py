"""The command lines that pages of the documentation show, and how the real command line takes them."""

import contextlib
import re
import shlex
from functools import cache
from pathlib import Path

from cyclopts import App

from vaekit import recipes
from vaekit.interfaces.cli import BY_RECIPE, COMMANDS, app, sweep, train
from vaekit.interfaces.cli.values import AS_TYPED
from vaekit.recipes.recipe import check_settled, options

ROOT = Path(__file__).resolve().parent.parent
DOCS = ROOT / "docs"
PAGES = {str(path.relative_to(DOCS)): path for path in sorted(DOCS.glob("**/*.md"))}
PAGES["../README.md"] = ROOT / "README.md"
FENCED = re.compile(r"^ *```(\w*)\n(.*?)^ *```$", re.DOTALL | re.MULTILINE)
INDENTED = re.compile(r"^    (?:\$ )?(vaekit .*)$", re.MULTILINE)
OPTION = re.compile(r"(?<![\w-])--[a-z][a-z-]*\b")
INLINE = re.compile(r"`(vaekit [a-z-]+[^`]*)`")
LAUNCHED = re.compile(r"^(?:torchrun .*? -m |srun |\$ )")
ALWAYS = {"--help", "--version", "--install-completion"}
COMMANDS_OF = {"train": train.command_for, "sweep": sweep.command_for}


def words_of(line):
    """The words of a command after "vaekit", or None where a line is no such command."""
    words = shlex.split(LAUNCHED.sub("", line), comments=True)
    return words[1:] if words[:1] == ["vaekit"] else None


def lines_of(text, *languages):
    """The commands in blocks of a page, with the language of the block, in order."""
    found = []
    for language, code in FENCED.findall(text):
        if language in languages:
            lines = code.replace("\\\n", " ").splitlines()
            found += [(line, words) for line in lines if (words := words_of(line))]
    return found


def all_lines(text):
    """Every command on a page as words, also of indented blocks and inside sentences."""
    found = [words for _, words in lines_of(text, "sh", "console")]
    outside = FENCED.sub("", text)
    found += [words_of(line) for line in INDENTED.findall(outside)]
    inline = [" ".join(line.split()) for line in INLINE.findall(outside)]
    return found + [words_of(line.replace("…", "").replace(" ...", "")) for line in inline]


@cache
def command_of(name, recipe):
    made = App(name=name, help_format="plaintext", version_flags=[], default_parameter=AS_TYPED)
    made.default(COMMANDS_OF[name](recipe))
    return made


def recipe_of(tokens):
    """The recipe whose options are meant; of a run that is not here, the one that has them."""
    with contextlib.suppress(Exception):
        return train.recipe_in(tuple(tokens))
    return recipes.implied(train.options_in(tuple(tokens))) or recipes.DEFAULT


def parsed(words):
    """Let the real command line take the words, and run nothing.

    Raises:
        CycloptsError, BadInput: where it does not take them.
    """
    command, *tokens = words
    how = {"exit_on_error": False, "print_error": False}
    if command not in BY_RECIPE:
        return app.parse_args(words, **how)
    recipe = recipe_of(tokens)
    check_settled(recipes.recipe(recipe), train.options_in(tuple(tokens)))
    return command_of(command, recipe).parse_args(tokens, **how)


@cache
def known_options():
    """Every option of every command and every recipe."""
    made = [command_of(name, recipes.DEFAULT) for name in BY_RECIPE]
    made += [app[name] for name in COMMANDS if name not in BY_RECIPE]
    arguments = [a for command in made for a in command.assemble_argument_collection()]
    own = {name for recipe in recipes.RECIPES.values() for name in options(recipe)}
    named = {name for a in arguments for name in a.names}
    spelt = {name.replace("_", "-") for name in own}
    return named | {f"--{name}" for name in spelt} | {f"--no-{name}" for name in spelt} | ALWAYS


def options_in_words(text):
    """Options that the sentences and tables of a page name, between backticks."""
    code = " ".join(re.findall(r"`([^`]+)`", FENCED.sub("", text)))
    return set(OPTION.findall(code))
