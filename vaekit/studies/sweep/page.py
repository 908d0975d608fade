"""The page of a sweep: all trials as lines through the values that they tried."""

from __future__ import annotations

from html import escape
from pathlib import Path
from typing import TYPE_CHECKING, Any

from vaekit.pages import html as page
from vaekit.pages.words import brief, signed
from vaekit.pictures import figure, svg
from vaekit.pictures.svg import ACCENT, INK, MUTED
from vaekit.runs.folder import REPORT
from vaekit.system.files import replacing

if TYPE_CHECKING:
    from vaekit.studies.sweep import Attempt, Sweep

INCHES, TALL, LABELS = 1.9, 3.9, 5  # of an axis, of the picture; numbers beside the last axis
CAPTION = (
    "A line for each trial, through the values that it tried to what it came to, on the right; "
    "good is up. The best is coloured; dashed lines were ended early, at what they had come to by "
    "then."
)


def write_page(found: Sweep) -> Path:
    """Write report.html into the sweep's folder.

    Args:
        found: the sweep.

    Returns:
        The path of the page.
    """
    name = Path(found.plan.data).name if found.plan.data else "data in memory"
    title = f"{found.plan.recipe} on {name}, swept"
    lead = (
        f"Trials are compared by the {found.measure.about}: the same for all of them, whatever "
        f"they train. {'High' if found.measure.high else 'Low'} is good."
    )
    parts = [
        page.heading(title, lead),
        page.verdict(found.verdict),
        page.section("All trials", page.plot(coordinates(found), CAPTION)),
        page.section("What matters", _importance(found)),
        page.section("The best", _best(found)),
        page.section("In numbers", _table(found)),
    ]
    with replacing(found.folder / REPORT) as temporary:
        temporary.write_text(page.page(title, parts), encoding="utf-8")
    return found.folder / REPORT


def coordinates(found: Sweep) -> str:
    """The picture of parallel coordinates."""
    ranked = [a for a in found.attempts if a.measure is not None]
    ends = _ends(found)
    names = [axis.name for axis in found.axes]
    with figure(max(INCHES * (len(names) + 1), 4.6), TALL) as (made, axis):
        for attempt in sorted(ranked, key=lambda a: a.number == found.best.number):
            places = [a.place(attempt.values[a.name]) for a in found.axes]
            up = _up(found, attempt.measure or 0.0, ends)
            axis.plot(range(len(names) + 1), [*places, up], **_style(found, attempt))
        for number, swept in enumerate(found.axes):
            _upright(axis, number, swept.ticks())
        shown = [k / (LABELS - 1) for k in range(LABELS)]
        _upright(axis, len(names), [(_up(found, v, ends), brief(v)) for v in _values(ends, shown)])
        axis.set_xticks(range(len(names) + 1), [*names, found.plan.measure])
        axis.set(xlim=(-0.25, len(names) + 0.45), ylim=(-0.06, 1.06), yticks=[])
        axis.grid(visible=False)
        axis.spines[["left", "bottom"]].set_visible(False)
        return svg(made, "Trials as lines through the values of each option and what they came to")


def _ends(found: Sweep) -> tuple[float, float]:
    """The span of the measure that is shown: trials that are far worse than most lie at its end."""
    values = sorted(a.measure for a in found.attempts if a.measure is not None)
    worst, best = (values[0], values[-1]) if found.measure.high else (values[-1], values[0])
    middle = values[len(values) // 2]
    far = middle + 3 * (middle - best)
    worst = max(worst, far) if found.measure.high else min(worst, far)
    return (worst, best) if worst != best else (best - 0.5, best + 0.5)


def _up(found: Sweep, value: float, ends: tuple[float, float]) -> float:
    return min(max((value - ends[0]) / (ends[1] - ends[0]), 0.0), 1.0)


def _values(ends: tuple[float, float], shares: list[float]) -> list[float]:
    return [ends[0] + share * (ends[1] - ends[0]) for share in shares]


def _style(found: Sweep, attempt: Attempt) -> dict[str, Any]:
    if attempt.number == found.best.number:
        return {"color": ACCENT, "linewidth": 2.6}
    if attempt.state != "complete":
        return {"color": MUTED, "linewidth": 0.9, "alpha": 0.55, "linestyle": "--"}
    return {"color": INK, "linewidth": 1.0, "alpha": 0.4}


def _upright(axis: Any, place: int, ticks: list[tuple[float, str]]) -> None:
    """An upright axis with its values."""
    axis.plot([place, place], [0, 1], color=MUTED, linewidth=0.8)
    for height, text in ticks:
        axis.plot([place - 0.02, place + 0.02], [height, height], color=MUTED, linewidth=0.8)
        how = {"ha": "left", "va": "center", "fontsize": 8, "color": MUTED}
        axis.text(place + 0.05, height, signed(text), **how)


def _importance(found: Sweep) -> str:
    if not found.importance:
        return ""
    shares = sorted(found.importance.items(), key=lambda pair: -pair[1])
    bars = page.bars((name, share, f"{share:.0%}", False) for name, share in shares)
    told = (
        "How much of the difference between good and bad trials each option explains (PED-ANOVA)."
    )
    return page.figure(bars, caption=told)


def _best(found: Sweep) -> str:
    link = f"{found.best.folder}/{REPORT}"
    text = f'<p>Kept whole: <a href="{escape(link)}">{escape(found.best.folder)}</a>.</p>'
    return text + page.code(found.command, "To train it again:")


def _table(found: Sweep) -> str:
    head = ["trial", *(axis.name for axis in found.axes), found.plan.measure, ""]
    others = [a for a in found.attempts if a.state != "complete"]
    rows = [
        [*found.line(a), {"complete": "", "pruned": "ended early"}.get(a.state, a.why or a.state)]
        for a in (*found.ranked, *others)
    ]
    return page.figure(page.table(rows, head, sortable=True))
