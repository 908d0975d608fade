"""The commands as they are typed: each is loaded, with all that it needs, once what was typed is
understood, so that a mistake in it is told at once."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import wraps
from importlib import import_module
from pathlib import Path
from typing import Any

from vaekit.system.files import claim
from vaekit.system.outline import Outline, outline

Command = Callable[..., Any]


def __getattr__(name: str) -> Command:
    """The command whose function has this name."""
    from vaekit.interfaces.cli import home_of

    return COMMANDS.get(name, checked)(home_of(name), name)


def checked(home: str, name: str) -> Command:
    """The same as :func:`deferred`; an ``--output`` that is there is refused before that."""
    command = deferred(home, name)

    @wraps(command)
    def careful(*given: Any, **options: Any) -> Any:
        check_output(given, options)
        return command(*given, **options)

    return careful


def deferred(home: str, name: str) -> Command:
    """A function that looks like the command, and loads it when it is called.

    Args:
        home: the module it is in.
        name: of its function.
    """

    @wraps(getattr(outline(home), name))
    def command(*given: Any, **options: Any) -> Any:
        return getattr(import_module(home), name)(*given, **options)

    return command


def check_output(given: Sequence[Any], options: Mapping[str, Any]) -> None:
    """Raise ``BadInput`` for an ``--output`` that is there, before anything is loaded. One that is
    read as well is left to the command, which knows what would be lost."""
    output = options.get("output")
    if output and str(output) not in map(str, given):
        claim(Path(output), force=options.get("force", False))


def by_recipe(home: str, name: str) -> Command:
    """The command whose options depend on what is typed: they are found among outlines, and what
    trains is loaded thereafter."""
    module = outline(home)
    here = f"{name}_here"
    if isinstance(module, Outline):
        module.names[here] = deferred(home, here)
    return getattr(module, name)


COMMANDS: dict[str, Callable[[str, str], Command]] = {"train": by_recipe, "sweep": by_recipe}
