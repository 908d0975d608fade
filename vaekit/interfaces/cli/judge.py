"""The commands that judge what a model makes: its samples, and its codes."""

from __future__ import annotations

from typing import Annotated

from cyclopts import Parameter

from vaekit.evaluation.figures import Findings, told
from vaekit.interfaces.cli.common import ON_DEVICE, OnDevice
from vaekit.interfaces.cli.shared import Model, Seed, open_model
from vaekit.system.ranges import Range


def quality(
    model: Model,
    /,
    *,
    features: Annotated[str, Parameter(help="raw, pca or classifier.")] = "pca",
    rows: Annotated[
        int, Parameter(name=["--rows", "-n"], help="Most rows on each side.", validator=Range(1))
    ] = 5000,
    seed: Seed = 0,
    work: OnDevice = ON_DEVICE,
) -> None:
    """Compare samples with test rows: Frechet and kernel distance, precision, recall, density,
    coverage, in a feature space that is named beside the numbers. Of a table of mixed columns: how
    well columns, pairs and rows agree, and how private new rows are."""
    from vaekit.runs.judge import judge_rows, judge_samples

    work.begin()
    trained = open_model(model, work=work)
    found: Findings
    if trained.config.coding is None:
        found = judge_samples(trained, features, rows=rows, seed=seed)
    else:
        found = judge_rows(trained, rows, seed)
    work.show(found.to_dict(), lambda: print(told(found)))


def disentangle(
    model: Model,
    /,
    *,
    rows: Annotated[
        int, Parameter(name=["--rows", "-n"], help="Most rows.", validator=Range(1))
    ] = 10_000,
    seed: Seed = 0,
    work: OnDevice = ON_DEVICE,
) -> None:
    """Score how codes line up with the factors the data is made of (data set sprites, or an .npz
    with factors): MIG, SAP, modularity, DCI, and by intervention FactorVAE and beta-VAE."""
    from vaekit.runs.judge import judge_codes

    work.begin()
    found = judge_codes(open_model(model, work=work), rows=rows, seed=seed)
    work.show(found.to_dict(), lambda: print(told(found)))
