"""The command that sweeps: its options are its own, the plan's and the chosen recipe's."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

from cyclopts import Parameter

from vaekit import recipes
from vaekit.interfaces.cli.common import AS_TRAINING, Force, Training
from vaekit.interfaces.cli.opened import AS_OPENED, HowOpened
from vaekit.interfaces.cli.shared import to_write
from vaekit.interfaces.cli.train import (
    free_folder,
    options_in,
    require_data,
    run_by_recipe,
    value_in,
    with_options,
)
from vaekit.runs.outlets import FOLDER, Outlet
from vaekit.system.ranges import Range

ON_RESUMING = {"resume", "trials", "processes", "work"}
SWEEP = Outlet((FOLDER,), "runs/DATA-RECIPE-sweep", folder="a new folder")
ABOUT = "Try many values of some options, and keep the best run."


def sweep(*tokens: Annotated[str, Parameter(show=False, allow_leading_hyphen=True)]) -> None:
    """Try many values of some options, and keep the best run."""
    named = value_in(tokens, "--recipe") or recipes.implied(options_in(tokens))
    run_by_recipe("sweep", tokens, named or recipes.DEFAULT, command_for)


def command_for(name: str) -> Any:
    """A function with all options of ``sweep_here``, the plan and the recipe ``name``."""
    return with_options(name, sweep_here, ON_RESUMING, ABOUT)


def sweep_here(
    data: Annotated[
        str | None, Parameter(help="Data set name, file, or folder of pictures.")
    ] = None,
    /,
    *,
    recipe: Annotated[str | None, Parameter(help="What to train; see vaekit recipes.")] = None,
    over: Annotated[
        list[str] | None,
        Parameter(
            negative="",
            help="An option and the values to try: latent=2:64:log, beta=0.1:10, "
            "prior=standard,vamp, or its name; repeat for more. By default those for which the "
            "recipe says where to look.",
        ),
    ] = None,
    trials: Annotated[int | None, Parameter(help="How many [30].", validator=Range(1))] = None,
    measure: Annotated[
        str | None,
        Parameter(
            help="What trials are compared by, on validation rows: elbo (its KL at weight 1, "
            "whatever is trained), log_likelihood, or error. By default elbo; of autoencoders "
            "error."
        ),
    ] = None,
    prune: Annotated[bool, Parameter(help="End trials early that are worse than most.")] = True,
    processes: Annotated[int, Parameter(help="Trials at the same time.", validator=Range(1))] = 1,
    output: Annotated[Path | None, to_write(SWEEP)] = None,
    force: Force = False,
    resume: Annotated[
        Path | None,
        Parameter(help="Go on with the sweep in this folder, to as many --trials in all."),
    ] = None,
    opened: HowOpened = AS_OPENED,
    work: Training = AS_TRAINING,
    **options: Any,
) -> None:
    """Try many values, or go on with that."""
    from vaekit.studies.sweep import resume_sweep
    from vaekit.studies.sweep import sweep as swept

    work.begin()
    if resume is not None:
        found = resume_sweep(resume, data, trials=trials, processes=processes)
    else:
        data = require_data(data)
        options |= opened.said
        how: dict[str, Any] = {} if trials is None else {"trials": trials}
        found = swept(
            data, recipe, out=output or free_folder(data, f"{recipe or recipes.DEFAULT}-sweep"),
            over=over or (), measure=measure, prune=prune, processes=processes, force=force,
            device=work.device, **how, **options,
        )  # fmt: skip
    places = f"best    {found.run}\nreport  {found.folder / 'report.html'}"
    people = f"{found.verdict}\n\n{found.table()}\n\n{places}"
    work.show(found.to_dict(), lambda: print(people))
