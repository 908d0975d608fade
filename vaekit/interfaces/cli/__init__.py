"""The command line. Commands are imported when called, so that help is instant."""

from __future__ import annotations

import os
import sys
import warnings
from collections.abc import Mapping, Sequence
from contextlib import suppress
from contextvars import copy_context
from difflib import get_close_matches
from functools import partial, singledispatch
from typing import Any, NoReturn

from cyclopts import (
    App,
    CycloptsError,
    MissingArgumentError,
    UnknownCommandError,
    UnusedCliTokensError,
    ValidationError,
)

from vaekit.interfaces.cli.streams import print_anything
from vaekit.interfaces.cli.values import AS_TYPED
from vaekit.interfaces.cli.waiting import choose_wait_policy
from vaekit.system.checks import BadInput, printable
from vaekit.system.memory import keep_freed_memory
from vaekit.system.signals import Ended, ended_by_signals
from vaekit.system.version import __version__

DEFERRED = "vaekit.interfaces.cli.deferred"
COMMANDS = {
    "train": "Train a model on data, with a report.",
    "evaluate": "ELBO, log p(x), reconstruction error and latents in use, on data.",
    "score": "log p(x) of each row, and how unusual it is.",
    "sample": "Generate new rows.",
    "reconstruct": "Encode and decode rows.",
    "encode": "Write the codes of rows.",
    "decode": "Turn codes into rows.",
    "interpolate": "Walk between rows in latent space.",
    "inspect": "Show a model's layers, parameters and origin.",
    "cite": "The papers behind a model, as BibTeX.",
    "report": "Write a model's report.html again.",
    "explore": "Open a page to see and touch rows, codes and decoder.",
    "serve": "Serve models over HTTP, to be asked by programs.",
    "export": "Write a model as a page in one file, ONNX, torch programs or a hub's folder.",
    "push": "Put a model on a hub of models.",
    "synthesize": "Draw new rows of a table.",
    "impute": "Fill the gaps of a table or an array.",
    "predict": "What one column of a table is, given the others.",
    "quality": "Distances between samples and test rows.",
    "disentangle": "How codes line up with known factors.",
    "refit-prior": "Fit another p(z) to a trained model's codes, or take the trained one back.",
    "compress": "Store data without loss, by the model's probabilities.",
    "decompress": "Get compressed data back, bit by bit.",
    "compare": "PCA, autoencoder and VAE side by side on the same data.",
    "sweep": "Try many values of some options, and keep the best run.",
    "choose": "Recommend a recipe for data, with reasons.",
    "recipes": "List the recipes, or tell of one.",
    "likelihoods": "List the likelihoods p(x|z).",
    "data": "List the named data sets.",
    "help": "Show the help of a command.",
}

ELSEWHERE = {
    "train": "train",
    "sweep": "sweep",
    "choose": "choose",
    "evaluate": "judge",
    "score": "score",
    "cite": "cite",
    "explore": "explore",
    "serve": "serve",
    "export": "export",
    "push": "export",
    "compress": "archives",
    "decompress": "archives",
    "refit_prior": "refit",
    "synthesize": "tables",
    "impute": "tables",
    "predict": "tables",
    "quality": "judge",
    "disentangle": "judge",
    "help": "help",
    "recipes": "lists",
    "likelihoods": "lists",
    "data": "lists",
    "install_completion": "completion",
}

BY_RECIPE = ("train", "sweep")  # commands whose options depend on the recipe


def home_of(command: str) -> str:
    """The module of a command, whose function has the command's name."""
    return f"vaekit.interfaces.cli.{ELSEWHERE.get(command, 'use')}"


def app_with(by_recipe: Mapping[str, Any] | None = None, **flags: Any) -> App:
    """The command line.

    Args:
        by_recipe: commands whose options depend on the recipe, by name, if not where they are.
        flags: of those commands.
    """
    made = App(
        name="vaekit",
        help="Variational autoencoders: from data to a model you can trust and use.",
        version=__version__,
        default_parameter=AS_TYPED,
        suppress_keyboard_interrupt=False,
    )
    for name, about in COMMANDS.items():
        place = f"{DEFERRED}:{name.replace('-', '_')}"
        own = {"obj": (by_recipe or {}).get(name, place), **(flags if name in BY_RECIPE else {})}
        made.command(name=name, help=about, **own)
    made.command(
        f"{DEFERRED}:install_completion",
        name="--install-completion",
        help="Install completion for this shell (bash, zsh, fish).",
    )
    return made


app = app_with(help_flags=[], version_flags=[])


def _in_one_line(message: Warning | str, *_: Any, **__: Any) -> str:
    """How a warning reads to who did not write the code it comes from."""
    return f"warning: {message}\n"


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command line and exit: 0 done; 2 bad input; 1 training failed; 130 stopped; 128 and
    its number where a signal ended it."""
    choose_wait_policy(os.environ)  # before torch is loaded
    keep_freed_memory(os.environ)
    warnings.formatwarning = _in_one_line
    print_anything()
    try:
        with ended_by_signals():
            code = run(sys.argv[1:] if arguments is None else arguments)
    except SystemExit as error:  # of a process that leaves the speaking to another
        code = int(error.code or 0)
    if "MASTER_ADDR" in os.environ:
        leave(code)
    sys.exit(code)


def leave(code: int) -> NoReturn:
    """End a process that has been connected to others: threads of the connections can crash
    Python's usual end."""
    for stream in (sys.stdout, sys.stderr):
        with suppress(OSError, ValueError):  # closed, or nobody reads it
            stream.flush()
    os._exit(code)


def run(arguments: Sequence[str]) -> int:
    """Run the command line; returns the exit code. A person's mistake gets one line."""
    as_is: dict[str, Any] = {
        "exit_on_error": False,
        "print_error": False,
        "result_action": "return_value",
    }
    begun = copy_context()  # what an option sets ends with the command
    try:
        with warnings.catch_warnings():
            begun.run(partial(app, list(arguments), **as_is))
    except BadInput as error:
        return fail(as_typed(str(error), arguments), 2)
    except CycloptsError as error:
        return fail(error, 2)
    except ArithmeticError as error:
        return fail(error, 1)
    except Ended as error:
        return fail(error, 128 + error.number)
    except KeyboardInterrupt as error:
        return fail(error if error.args else "stopped", 130)
    except BrokenPipeError:
        sys.stderr.close()
    except (OSError, MemoryError) as error:
        return fail(error, 2)
    return 0


def as_typed(said: str, arguments: Sequence[str]) -> str:
    """What is said of an option in Python's spelling, which is its first word, in that of the
    command line, if the option was typed."""
    name, *rest = said.split(" ", 1)
    typed = f"--{name.replace('_', '-')}"
    given = {argument.split("=", 1)[0] for argument in arguments}
    return " ".join([typed, *rest]) if typed in given else said


def fail(error: BaseException | str, code: int) -> int:
    """Say what is wrong in one line on the error stream."""
    print("vaekit:", printable(" ".join(line_of(error).split())), file=sys.stderr)
    return code


@singledispatch
def line_of(error: object) -> str:
    """What is wrong."""
    return str(error)


@line_of.register
def _(error: OSError) -> str:
    reason = error.strerror or str(error)
    return reason if error.filename is None else f"{error.filename}: {reason}"


@line_of.register
def _(error: UnusedCliTokensError) -> str:
    more = " ".join(map(repr, error.unused_tokens or ()))
    return f"too many arguments: {more}; see --help for what is taken"


@line_of.register
def _(error: MissingArgumentError) -> str:
    argument = error.argument
    if argument is None:
        return str(error)
    what = argument.parameter.help or ""
    wants = f"needs {argument.name}" if error.command_chain else f"{argument.name} needs a value"
    said = f"{' '.join(error.command_chain or ())} {wants}".strip()
    return f"{said}: {what[:1].lower()}{what[1:]}"


@line_of.register
def _(error: UnknownCommandError) -> str:
    typed = next(iter(error.unused_tokens or ()), "")
    near = get_close_matches(typed, COMMANDS, 1)
    meant = f' Did you mean "{near[0]}"?' if near else ""
    return f'there is no command "{typed}".{meant} Commands: {", ".join(COMMANDS)}'


@line_of.register
def _(error: ValidationError) -> str:
    token = next(iter(error.argument.tokens), None) if error.argument else None
    name, said = token.keyword if token else None, error.exception_message
    if not said.startswith("it "):
        return said
    return f"{name or 'the value'} {said.removeprefix('it ')}"
