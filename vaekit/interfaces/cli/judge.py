"""The commands that judge a model: how likely it makes rows, and what it makes: its samples, and
its codes."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any

from cyclopts import Parameter

from vaekit.evaluation.figures import Findings, told
from vaekit.interfaces.cli.common import ON_DEVICE, Force, OnDevice
from vaekit.interfaces.cli.shared import (
    Data,
    Given,
    Model,
    Seed,
    Split,
    loaded,
    open_model,
    opened,
    reads,
    rows_for,
    rows_to_judge_by,
    say,
    show_scores,
    to_write,
)
from vaekit.runs.job import reopen
from vaekit.runs.outlets import Outlet
from vaekit.runs.standing import beside, kept_level
from vaekit.runs.tables import coding_of
from vaekit.runs.trained import Trained
from vaekit.system.checks import BadInput, require
from vaekit.system.ranges import Range
from vaekit.system.records import write_json

SAMPLES = 1000
FINDINGS = Outlet((".json", ".html"))
Target = Annotated[
    str | None,
    Parameter(help="Of a table: a column; how well models trained on drawn rows predict it."),
]


def evaluate(
    model: Model,
    data: Data = None,
    /,
    *,
    split: Split = None,
    samples: Annotated[
        int | None,
        Parameter(
            help="Importance samples for each row; by default 1,000, with --against 200 or fewer.",
            validator=Range(1),
        ),
    ] = None,
    limit: Annotated[
        int, Parameter(help="Most rows, chosen at random; 0 for all.", validator=Range(0))
    ] = 0,
    ais: Annotated[
        int,
        Parameter(
            help="Rows to estimate by annealed importance sampling as well.", validator=Range(0)
        ),
    ] = 0,
    ais_steps: Annotated[
        int, Parameter(help="Temperatures of the annealing.", validator=Range(1))
    ] = 500,
    chains: Annotated[
        int, Parameter(help="Annealing chains for each row.", validator=Range(1))
    ] = 8,
    refine: Annotated[
        int,
        Parameter(
            help="Rows to fit q(z|x) to, each by itself: what the encoder loses.",
            validator=Range(0),
        ),
    ] = 0,
    against: Annotated[
        str | None,
        Parameter(
            help="A table of rows that were not trained on: rows that the model draws are judged "
            "as well, their likeness, use and privacy."
        ),
    ] = None,
    target: Target = None,
    given: Given = None,
    seed: Seed = 0,
    output: Annotated[Path | None, to_write(FINDINGS)] = None,
    force: Force = False,
    work: OnDevice = ON_DEVICE,
) -> None:
    """Measure a model: ELBO, log p(x), reconstruction error, latents in use. All in nats per row,
    except bits_per_dimension."""
    from vaekit.runs.forecast import forecast

    work.begin()
    _check_evaluation(data, split, against, target, output)
    if output:
        FINDINGS.claim(output, force=force, inputs=reads(model, data, against, given=given))
    also: dict[str, Any] = {
        "annealed_rows": ais,
        "annealed_steps": ais_steps,
        "chains": chains,
        "refined_rows": refine,
    }
    if against is not None:
        how = {"samples": samples, "seed": seed, **also}
        _against(model, against, target, limit, output, work, **how)
        return
    samples = samples or SAMPLES
    trained = open_model(model, data, work)
    rows = rows_to_judge_by(trained, data, split, limit, seed, given)
    if note := forecast(trained, rows, samples, ais, ais_steps, chains):
        say(f"note: {note}")
    scores = trained.evaluate(rows, split="all", samples=samples, seed=seed, **also)
    if data is not None:
        scores = beside(scores, kept_level(Path(model)))
    if output:
        write_json(output, scores.to_dict())
    show_scores(scores, {}, as_json=work.json)


def _check_evaluation(
    data: str | None,
    split: str | None,
    against: str | None,
    target: str | None,
    output: Path | None,
) -> None:
    """Raise ``BadInput`` for options that do not go together."""
    page = output is not None and output.suffix.lower() == ".html"
    require(
        against is None or (data is None and split is None),
        "--against names the rows: leave out DATA and --split",
    )
    require(
        against is not None or target is None,
        "--target says what models trained on drawn rows are to predict: name held-out rows with "
        "--against",
    )
    require(
        against is not None or not page,
        "a page is written with --against; vaekit report writes one of other rows",
    )


def _against(
    model: str,
    against: str,
    target: str | None,
    limit: int,
    output: Path | None,
    work: OnDevice,
    **how: Any,
) -> None:
    """Evaluate a model of a table beside rows that it was not trained on."""
    from vaekit.runs.against import judge_against

    trained = _with_own_data(loaded(model, work))
    source = opened(trained, against).numbered()
    split = trained.split_of(source)
    rows = source.some(split, limit, how["seed"]) if limit else source.part(split)
    found = judge_against(trained, rows, target=target, **how)
    scores = beside(found.scores, kept_level(Path(model)))
    found = replace(found, scores=scores)
    if output and output.suffix.lower() == ".html":
        from vaekit.pages.report import write_report

        how = {"scores": scores, "quality": found.quality, "seed": how["seed"]}
        write_report(trained, Path(model), output, data=rows, **how)
    elif output:
        write_json(output, found.to_dict())
    work.show(found.to_dict(), lambda: print(told(found)))
    if output and not work.json:
        work.wrote(output)


def _with_own_data(trained: Trained) -> Trained:
    """A model of a table with the data that it was trained on, if that is still there."""
    coding_of(trained)
    try:
        return replace(trained, source=reopen(trained.config))
    except BadInput as error:
        say(f"note: nothing is said of privacy and use: {error}")
        return trained


def quality(
    model: Model,
    data: Data = None,
    /,
    *,
    features: Annotated[str, Parameter(help="raw, pca or classifier.")] = "pca",
    rows: Annotated[
        int, Parameter(name=["--rows", "-n"], help="Most rows on each side.", validator=Range(1))
    ] = 5000,
    target: Target = None,
    seed: Seed = 0,
    work: OnDevice = ON_DEVICE,
) -> None:
    """Compare samples with test rows, or with rows of other data: Frechet and kernel distance,
    precision, recall, density, coverage, in a feature space that is named beside the numbers. Of a
    table of mixed columns: how well columns, pairs and rows agree, and how private new rows are."""
    from vaekit.runs.judge import judge_rows, judge_samples

    work.begin()
    trained = open_model(model, work=work)
    other = None if data is None else rows_for(trained, data, None)
    found: Findings
    if trained.config.coding is None and target is None:
        found = judge_samples(trained, features, rows=rows, seed=seed, against=other)
    else:
        found = judge_rows(trained, rows, seed, against=other, target=target)
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
