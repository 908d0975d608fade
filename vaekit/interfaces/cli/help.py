"""The command that shows the help of another."""

from __future__ import annotations

from typing import Annotated

from cyclopts import Parameter

from vaekit.system.checks import known


def help(
    *command: Annotated[
        str,
        Parameter(allow_leading_hyphen=True, help="Which; by default all, a line each."),
    ],
) -> None:
    """Show the help of a command, or what commands there are. What train takes depends on the
    recipe: vaekit help train --recipe beta_vae."""
    from vaekit.interfaces.cli import COMMANDS, app

    for name in command[:1]:
        known("command", name, COMMANDS)
    app([*command, "--help"], exit_on_error=False, print_error=False)
