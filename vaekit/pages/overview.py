"""What a report says of a model in words and numbers: on top, of the training, and at the end."""

from __future__ import annotations

import os
import platform
from datetime import datetime
from typing import Any

import torch

from vaekit.evaluation.verdict import Rank
from vaekit.pages import html as page
from vaekit.pages import plots
from vaekit.pages.view import View
from vaekit.pages.words import lasting, measured, number
from vaekit.runs.citing import references
from vaekit.runs.command import chosen_options, command, other_options
from vaekit.runs.inspect import count
from vaekit.runs.unfinished import unfinished

UNFITTED = ", and codes drawn from a normal prior need not decode to anything."
TIMES = "\N{MULTIPLICATION SIGN}"


def top(view: View) -> str:
    """The title, how good the model is in a sentence, how to train it again, the numbers that
    matter, and warnings."""
    config, s = view.trained.config, view.scores
    rows, chosen = config.data.rows, config.likelihood
    lead = (
        f"Trained on {rows['train']:,} rows, validated on {rows['validation']:,}; everything "
        f"below is on {len(view.rows):,} {view.rows_called}"
        f"{', which were used for neither' * (view.others is not None)}. "
        f"Likelihood: {chosen.name} ({chosen.why}). {made_when(view)}"
    )
    warned = [page.warning(text) for text in warnings(view)]
    parts = [
        page.heading(view.title, lead),
        page.verdict(s.verdict, doubtful=s.rank is not Rank.SOUND),
        *warned,
        page.tiles(key_numbers(view)),
        page.code(command(config), "To train it again:"),
    ]
    return "".join(parts)


def key_numbers(view: View) -> list[tuple[str, str]]:
    """Name and value of what matters most."""
    s = view.scores
    values = []
    if s.cells_wrong is not None:
        values = [("cells that a code tells wrong", f"{s.cells_wrong:.0%}")]
    elif view.image and s.mean_squared_error is not None:
        values = [("squared error per number", number(s.mean_squared_error))]
    else:
        values = [("squared error, as a share of the columns' variance", f"{view.lost.mean():.0%}")]
    if s.density is not None:
        likelihood = measured(s.density.log_likelihood, s.density.log_likelihood_error)
        values = [
            (f"{view.likelihood_name}, nats per row", likelihood),
            (f"{view.bound_name}, nats per row", measured(s.density.elbo, s.density.elbo_error)),
            *([("bits per number", number(s.bits.bits_per_dimension))] if s.bits else []),
            *values,
        ]
    return [
        *values,
        ("latent units in use", f"{view.units_used} of {s.latent_units}"),
        ("parameters", f"{count(view.trained.model):,}"),
    ]


def kept(metrics: list[dict[str, Any]]) -> str:
    """The losses of the epoch that is kept, which is the best on validation rows."""
    losses: dict[str, dict[int, float]] = {"train": {}, "validation": {}}
    for line in metrics:
        if "loss" in line and line["split"] in losses:
            losses[line["split"]][line["epoch"]] = line["loss"]
    both = losses["train"].keys() & losses["validation"].keys()
    if not both:
        return ""
    best = min(both, key=losses["validation"].__getitem__)
    own, other = losses["train"][best], losses["validation"][best]
    return (
        f" At the epoch that is kept ({best} of {max(both)}) the loss is {own:,.1f} nats on "
        f"training rows and {other:,.1f} on validation rows."
    )


def made_when(view: View) -> str:
    """How long the training took, and when and where the page was made."""
    spans = training_time(view.metrics)
    epochs = max((line["epoch"] for line in view.metrics), default=0)
    took = f"{epochs:,} epochs in {spans}. " if spans else ""
    device = next(view.trained.model.parameters()).device
    name = torch.cuda.get_device_name(device) if device.type == "cuda" else _processor()
    now = datetime.now().astimezone()
    when = f"{now.day} {now:%B %Y, %H:%M %Z}"
    return f"{took}Page made on {when}, on {name}, with torch {torch.__version__.split('+')[0]}."


def _processor() -> str:
    return f"{os.cpu_count()} cores ({platform.machine()}, {platform.system()})"


def training_time(metrics: list[dict[str, Any]]) -> str:
    """How long the whole training took, also if it was interrupted and the clock began anew; empty
    where that is not known."""
    total = last = 0.0
    for line in metrics:
        now = line.get("seconds", last)
        total, last = total + (now - last if now >= last else now), now
    return lasting(total) if total else ""


def warnings(view: View) -> list[str]:
    """What a reader must know before believing the numbers."""
    chosen = view.trained.config.likelihood
    early = unfinished(view.trained.folder, view.trained.config)
    found = [*([f"The {early}."] if early else []), *chosen.warnings, *chosen.remarks]
    found += view.scores.doubts
    used = view.scores.active_units
    if used is None or used < max(view.scores.latent_units / 4, 1):
        found.append(view.scores.diagnosis)
    if not view.trained.has_density:
        found.append(
            "This is an autoencoder: its posterior is a point, so it has no ELBO and no log p(x)"
            + (UNFITTED if view.trained.config.prior is None else ".")
        )
    return found


def curves(view: View) -> str:
    """Losses against epochs."""
    drawn, cut = plots.loss_curves(view.metrics)
    caption = f"Means over the rows of each epoch, in nats per row.{kept(view.metrics)}"
    caption += " The highest values, at the start, are cut off." if cut else ""
    key = page.key([("accent", "training"), ("second", "validation")])
    return page.section("Training", page.plots(drawn, caption, key))


def numbers(view: View) -> str:
    """Every score."""
    rows = [
        (name.replace("_", " "), number(value))
        for name, value in view.scores.to_dict().items()
        if value is not None and not isinstance(value, list | str | tuple)
    ]
    text = "Nats per row unless named otherwise; reconstruction and KL add up to minus the ELBO."
    return page.section("All numbers", page.folded("Show them", page.table(rows)), text=text)


def origin(view: View) -> str:
    """What the model was trained on, how, and whose work it is."""
    config = view.trained.config
    shape = f" {TIMES} ".join(map(str, view.trained.representation.shape))
    chosen = [
        (name.replace("_", " "), _told(value)) for name, value in chosen_options(config).items()
    ]
    rows = [("recipe", config.recipe), *chosen, ("epochs", f"{config.plan.epochs:,}")]
    rows += [("a row", shape)]
    rows += [("given beside x", config.conditions.text)] if config.conditions else []
    rows += [("prior", f"{config.prior.text}, fitted after training")] if config.prior else []
    rows += [*config.history.lines.items()]
    rows += [("data sha256", config.data.fingerprint), ("vaekit", config.vaekit)]
    rest = [(n.replace("_", " "), _told(v)) for n, v in other_options(config).items()]
    return page.section(
        "Where it comes from",
        page.table([(name, page.Cell(value, "wide")) for name, value in rows]),
        page.folded(
            "All other options, which nobody changed",
            page.table([(name, page.Cell(value, "wide")) for name, value in rest]),
        ),
        page.items(references(view.trained)),
    )


def _told(value: Any) -> str:
    return number(value) if isinstance(value, float) else str(value)
