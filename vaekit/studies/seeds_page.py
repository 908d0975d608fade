"""The page of runs that differ in their seeds alone."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from vaekit.pages import html as page
from vaekit.pages import plots
from vaekit.pictures.scatter import PALETTE
from vaekit.runs.folder import METRICS, REPORT, read_config
from vaekit.runs.seeds import run_of
from vaekit.system.files import replacing
from vaekit.training import read_metrics

if TYPE_CHECKING:
    from vaekit.studies.seeds import SeedRuns

LEAD = (
    "The same training with several seeds, of initial weights, order of rows and noise. ± is the "
    "standard deviation over the runs; each of them has a report of its own."
)


def write_page(folder: Path, found: SeedRuns) -> Path:
    """Write report.html into the folder of the runs.

    Args:
        folder: of the runs.
        found: what they come to.

    Returns:
        The path of the page.
    """
    config = read_config(run_of(folder, found.seeds[0]))[1]
    title = f"{config.recipe} on {Path(config.data.name).name}, {len(found.seeds)} seeds"
    head = ["", "mean ± sd", *(f"seed {seed}" for seed in found.seeds)]
    numbers = page.figure(page.table(found.lines(), head), caption="On the same test rows.")
    failed = [page.warning(why[0].upper() + why[1:]) for why in found.troubles]
    parts = [
        page.heading(title, LEAD),
        *failed,
        page.verdict(found.verdict, doubtful=bool(failed)),
        page.section("In numbers", numbers),
        _curves(folder, found),
        page.section("Reports of the runs", _links(found)),
    ]
    with replacing(folder / REPORT) as temporary:
        temporary.write_text(page.page(title, parts), encoding="utf-8")
    return folder / REPORT


def _curves(folder: Path, found: SeedRuns) -> str:
    lines = [
        [(v["epoch"], v["loss"]) for v in metrics if v["split"] == "validation" and "loss" in v]
        for metrics in (read_metrics(run_of(folder, seed) / METRICS) for seed in found.seeds)
    ]
    if not any(len(line) > 1 for line in lines):
        return ""
    colors = [PALETTE[n % len(PALETTE)] for n in range(len(lines))]
    drawn = plots.lines(lines, colors, "epoch", "nats per row", "Validation loss over the epochs")
    key = page.swatches(zip(colors, (f"seed {seed}" for seed in found.seeds), strict=True))
    return page.section("Validation loss", page.plot(drawn, "On rows not trained on.", key))


def _links(found: SeedRuns) -> str:
    each = (f'<li><a href="seed-{n}/{REPORT}">seed {n}</a></li>' for n in found.seeds)
    return f"<ul>{''.join(each)}</ul>"
