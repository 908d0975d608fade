"""How long an evaluation will take, by a small part of it."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from vaekit.data import Source
from vaekit.evaluation import anneal, log_likelihood
from vaekit.evaluation.passes import network_passes
from vaekit.runs.trained import Trained
from vaekit.system.progress import quiet_if, span_text

SAMPLES, FEWEST = 200, 10  # of importance, for a look
LONG, ENOUGH = 60.0, 100  # seconds that are worth a word; rows that show much
PARTICLES, FEW_SAMPLES, FEW_STEPS, FEW_ROWS = 2_000, 500, 5, 4


def forecast(
    trained: Trained, rows: Source, samples: int, annealed: int = 0, steps: int = 1, chains: int = 1
) -> str | None:
    """A line on how long an evaluation will take, and what would be shorter; None if it is short.

    Args:
        trained: the model.
        rows: all that are to be evaluated.
        samples: importance samples of each.
        annealed: rows to anneal.
        steps: temperatures of the annealing.
        chains: of it.
    """
    if not trained.has_density or not len(rows):
        return None
    some, each = _each(trained, rows, samples)
    whole = each * len(rows)
    if annealed:
        short, few_rows = min(steps, FEW_STEPS), some[: min(annealed, FEW_ROWS)]
        link = _seconds(lambda: anneal(trained.model, few_rows, steps=short, chains=chains))
        whole += 2 * link * steps / short * min(annealed, len(rows)) / len(few_rows)
    if whole < LONG:
        return None
    told = f"this will take about {span_text(whole)} ({len(rows):,} rows of {samples:,} samples"
    told += f", {annealed:,} of them annealed)" if annealed else ")"
    fewer = f"; --limit {ENOUGH} takes about {span_text(each * ENOUGH)} for the samples"
    return told + (fewer if len(rows) > ENOUGH else "")


def forecast_scores(trained: Trained, rows: Source, samples: int, held_out: int = 0) -> str | None:
    """A line on how long scoring rows will take, and what would be shorter; None if it is short.

    Args:
        trained: the model.
        rows: all that are to be scored.
        samples: importance samples of each.
        held_out: more rows, with which they are compared.
    """
    if not len(rows):
        return None
    count = len(rows) + held_out
    whole = _each(trained, rows, samples)[1] * count
    if whole < LONG:
        return None
    told = f"this will take about {span_text(whole)} ({count:,} rows of {samples:,} samples"
    told += f", {held_out:,} of them held out to compare with)" if held_out else ")"
    fewer = f"; --samples {FEWEST} takes about {span_text(whole * FEWEST / samples)}"
    return told + (fewer if samples > FEWEST else "")


def _each(trained: Trained, rows: Source, samples: int) -> tuple[Any, float]:
    """A few rows, and how many seconds each row takes."""
    passes = network_passes(trained.model)
    few = min(samples, max(FEW_SAMPLES // passes, FEWEST))
    some = trained.rows(rows.part("all", max(PARTICLES // (few * passes), 1)))[:]
    taken = _seconds(lambda: log_likelihood(trained.model, some, samples=few)) / len(some)
    return some, taken * samples / few


def samples_for(trained: Trained) -> int:
    """Importance samples for each row that are enough for a look: 200, or fewer where each takes
    many passes of the network."""
    return max(SAMPLES // network_passes(trained.model), FEWEST)


def _seconds(run: Callable[[], Any]) -> float:
    with quiet_if(wanted=True):
        run()  # once for all that is made on the way
        began = time.monotonic()
        run()
    return time.monotonic() - began
