"""The command that fits another prior to a trained model."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any

from cyclopts import Group, Parameter

from vaekit.interfaces.cli.common import AS_TRAINING, Training
from vaekit.interfaces.cli.shared import Data, Model, Seed, say
from vaekit.runs.folder import read_config
from vaekit.runs.job import reopen
from vaekit.runs.refit import PLAN, refit, undone
from vaekit.runs.trained import Trained
from vaekit.system.checks import BadInput, require

TRAINING = Group("Training")
UNDONE = "p(z) is again the prior that the model was trained with"


def refit_prior(
    model: Model,
    data: Data = None,
    /,
    *,
    prior: Annotated[
        str | None,
        Parameter(
            help="mixture, vamp, flow, maf, realnvp, lars, flow_matching, second_stage, manifold, "
            "or standard: N(0, I) as it is."
        ),
    ] = None,
    undo: Annotated[
        bool, Parameter(negative="", help="Take the prior back that the model was trained with.")
    ] = False,
    components: Annotated[
        int,
        Parameter(
            help="Of a mixture (50), pseudo-inputs of a vamp (500), rows of a manifold (300); 0: "
            "so many. At most one a row."
        ),
    ] = 0,
    epochs: Annotated[
        int,
        Parameter(help="Passes over the training rows; 0: 4,000 updates, 20 to 2,000 epochs."),
    ] = 0,
    batch: Annotated[int, Parameter(help="Codes per update.", group=TRAINING)] = PLAN.batch,
    lr: Annotated[
        float | None,
        Parameter(
            help="Highest learning rate; by default 0.03 for a mixture, 0.005 vamp, 0.003 "
            "flow, maf, realnvp and lars, 0.002 flow_matching and second_stage.",
            group=TRAINING,
        ),
    ] = None,
    patience: Annotated[
        int,
        Parameter(
            help="Stop after so many epochs without a better validation loss; 0: never.",
            group=TRAINING,
        ),
    ] = PLAN.patience,
    seed: Seed = 0,
    report: Annotated[bool, Parameter(help="Write report.html anew.")] = True,
    force: Annotated[
        bool, Parameter(negative="", help="Drop a prior that was fitted before, for good.")
    ] = False,
    work: Training = AS_TRAINING,
) -> None:
    """Fit another p(z) to a trained model's codes, or take the trained one back.

    The rest of the model stays as it is, and the prior it was trained with is kept: --undo takes
    it back exactly. scores.json and report.html are made anew."""
    require(undo != (prior is not None), "give --prior or --undo, one of the two")
    work.begin()
    folder, config = read_config(model)
    require(
        config.prior is None or undo or force,
        f"{folder} has a fitted prior already, which would be lost: take it back with --undo, or "
        "fit another in its place with --force",
    )
    trained = Trained.load(folder)
    if prior is None:
        found, said, line = undone(trained), {"prior": None}, UNDONE
    else:
        plan: dict[str, Any] = {"epochs": epochs, "batch": batch, "patience": patience}
        plan |= {"seed": seed} | ({} if lr is None else {"lr": lr})
        trained = replace(trained, source=reopen(config, data))
        made = refit(trained, prior, components=components, device=work.device, **plan)
        found, said, line = made.trained, made.to_dict(), made.text
    found.save(folder)
    pages = _made_anew(found, folder, data, with_report=report)
    work.show({"folder": str(folder), **said, **pages}, lambda: print(line))


def _made_anew(
    trained: Trained, folder: Path, data: str | None, *, with_report: bool
) -> dict[str, Any]:
    """Write scores and report of the model as it is now; what cannot be is told to be old."""
    from vaekit.pages.report import REPORT, SCORES, summarize, write_report

    old = [name for name in (SCORES, REPORT) if (folder / name).is_file()]
    try:
        trained = replace(trained, source=trained.source or reopen(trained.config, data))
    except BadInput as error:
        if old:
            say(f"note: {' and '.join(old)} show the prior before, for {error}")
        return {}
    if with_report:
        return {"report": str(write_report(trained, folder))}
    summarize(trained, folder)
    if REPORT in old:
        say(f"note: {REPORT} shows the prior before; make it anew: vaekit report {folder} --force")
    return {}
