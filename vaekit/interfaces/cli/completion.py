"""Completion of commands, options and names of recipes and data sets in a shell."""

from __future__ import annotations

import inspect
import os
from pathlib import Path
from typing import Annotated, Any, Literal

from cyclopts import App, Parameter
from cyclopts.completion.install import get_default_completion_path

from vaekit.data import CATALOGUE
from vaekit.interfaces.cli.common import Force
from vaekit.interfaces.cli.sweep import command_for as sweep_for
from vaekit.interfaces.cli.train import command_for as train_for
from vaekit.recipes import DEFAULT, RECIPES
from vaekit.system.checks import BadInput, require

Shell = Literal["bash", "zsh", "fish"]
SHELLS: dict[str, Shell] = {"bash": "bash", "zsh": "zsh", "fish": "fish"}


def install_completion(*, force: Force = False) -> None:
    """Install completion of vaekit's commands and options for this shell; again after an upgrade,
    with --force."""
    shell = SHELLS.get(Path(os.environ.get("SHELL", "")).name)
    if shell is None:
        raise BadInput(f"completion is there for {', '.join(SHELLS)}: set SHELL to one of them")
    path = get_default_completion_path(shell, "vaekit")
    require(force or not path.exists(), f"{path} is there already: write over it with --force")
    print(f"wrote {completed_app().install_completion(shell=shell)}; open a new shell to use it")


def completed_app() -> App:
    """The command line with the options of the commands that else depend on what is typed."""
    from vaekit.interfaces.cli import app_with

    return app_with({"train": named(train_for(DEFAULT)), "sweep": named(sweep_for(DEFAULT))})


def named(command: Any) -> Any:
    """A command of the default recipe, whose recipe and data are completed by name."""
    names = {"recipe": tuple(RECIPES), "data": (*CATALOGUE,)}
    found = [
        p.replace(annotation=Annotated[Literal[names[p.name]], Parameter(help=p.name)])
        if p.name in names
        else p
        for p in inspect.signature(command).parameters.values()
    ]
    command.__signature__ = inspect.Signature(found)
    command.__annotations__ = {p.name: p.annotation for p in found}
    return command
