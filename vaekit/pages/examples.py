"""The sections of a report that show rows: rebuilt, drawn, and where their bits go."""

from __future__ import annotations

import numpy as np

from vaekit.data.readers.arrays import to_array
from vaekit.pages import html as page
from vaekit.pages import panels, plots
from vaekit.pages.view import View
from vaekit.pages.words import number
from vaekit.pictures import channels_text
from vaekit.system.types import Array

ROWS_DRAWN, PAIRS, TABLE_ROWS, TABLE_COLUMNS = 5000, 48, 10, 8
HISTOGRAMS, CORRELATED, ROWS_FOR_BITS, BARS = 12, 12, 100, 20


def reconstructions(view: View) -> str:
    """Rows beside what the model makes of them."""
    rebuilt = view.trained.reconstruct(view.first(PAIRS))
    if not view.image:
        return _rebuilt_table(view, np.asarray(view.trained.usual(rebuilt), float))
    caption = (
        f"Pictures ({view.rows_called}), each above its reconstruction: the mean of p(x|z) at its "
        "mean code." + channels_text(view.trained.representation.shape[0])
    )
    halves = [slice(0, PAIRS // 2), slice(PAIRS // 2, PAIRS)]
    made = [
        panels.pair_sheet(view.trained, view.values[part], rebuilt[part])
        for part in halves
        if len(rebuilt[part])
    ]
    return page.section("Reconstructions", page.sheets(made, caption))


def _rebuilt_table(view: View, rebuilt: Array) -> str:
    rows = np.asarray(to_array(view.values[: len(rebuilt)]), float)
    lost = view.lost
    chosen = sorted(np.argsort(lost)[::-1][:TABLE_COLUMNS].tolist())
    labels = view.label_texts(TABLE_ROWS)
    head: list[str | tuple[str, int]] = [
        *(["label"] if labels else []),
        *((plots.shortened(view.columns[c]), 2) for c in chosen),
    ]
    body = []
    for i in range(min(TABLE_ROWS, len(rows))):
        cells = [page.Cell(label) for label in labels[i : i + 1]]
        for c in chosen:
            cells += panels.arrow(rows[i, c], rebuilt[i, c])
        body.append(cells)
    lost_bars = page.bars(
        (view.columns[c], min(lost[c], 1.5), f"{lost[c]:.0%}", False)
        for c in np.argsort(lost)[::-1][:24]
    )
    which = (
        ""
        if len(chosen) == len(view.columns)
        else f" {len(chosen)} of {len(view.columns)} columns: those rebuilt worst."
    )
    return page.section(
        "Reconstructions",
        page.figure(page.table(body, head, sortable=True)),
        page.figure(
            lost_bars,
            caption="Squared error of each column as a share of its variance, the worst first: 0 % "
            "is rebuilt exactly, 100 % no better than its mean.",
        ),
        text=f"Rows ({view.rows_called}): value → reconstruction.{which}",
    )


def samples(view: View) -> str:
    """New rows."""
    if not view.image:
        return _sampled_columns(view)
    given = view.given(64)
    more = channels_text(view.trained.representation.shape[0])
    texts = {True: "The decoder's mean for codes drawn from the prior."}
    if view.trained.model.is_noisy:
        texts[False] = (
            "Draws from p(x|z) for the same codes: what the model takes data to look like, the "
            "noise of single pixels included."
        )
    shown = [
        page.sheet(
            panels.sheet(
                view.trained, view.trained.sample(64, seed=view.seed, mean=mean, given=given), 8
            ),
            text + more,
            page.HALF,
        )
        for mean, text in texts.items()
    ]
    return page.section("Samples from the prior", page.side_by_side(*shown))


def _sampled_columns(view: View) -> str:
    """Histograms of columns and their correlations, real beside drawn."""
    given = view.given(ROWS_DRAWN)
    drawn = np.asarray(
        view.trained.usual(view.trained.sample(ROWS_DRAWN, seed=view.seed, given=given)), float
    )
    real = np.asarray(to_array(view.enough_values), float)
    apart = np.array([_distance(real[:, c], drawn[:, c]) for c in range(real.shape[1])])
    chosen = sorted(np.argsort(apart)[::-1][:HISTOGRAMS].tolist())
    svgs = plots.column_histograms(real, drawn, ((c, view.columns[c]) for c in chosen))
    all_of_them = len(chosen) == len(view.columns)
    which = "" if all_of_them else (
        f" {len(chosen)} of {len(view.columns)} columns: those whose distribution is met worst."
    )  # fmt: skip
    caption = (
        f"{len(real):,} rows of data and {ROWS_DRAWN:,} new ones, drawn from the model.{which}"
    )
    key = page.key([("grey box", "data"), ("accent", "samples")])
    text = (
        f"The distributions of a column in data and samples differ by at most {apart.max():.0%} "
        f"({view.columns[int(apart.argmax())]}; Kolmogorov-Smirnov), on average by "
        f"{apart.mean():.0%}."
    )
    return page.section(
        "Samples",
        page.plots(svgs, caption, key, small=True),
        _correlations(view, real, drawn),
        text=text,
    )


def _distance(a: Array, b: Array) -> float:
    """The largest difference of two cumulative distributions of what is there
    (Kolmogorov-Smirnov)."""
    a, b = (part[~np.isnan(part)] for part in (a, b))
    every = np.concatenate([a, b])
    shares = [np.searchsorted(np.sort(part), every, side="right") / len(part) for part in (a, b)]
    return float(np.abs(shares[0] - shares[1]).max())


def _correlations(view: View, real: Array, drawn: Array) -> str:
    """How columns go together, in the data and in samples."""
    if real.shape[1] < 2 or len(real) < 3:
        return ""
    data, made = _correlated(real), _correlated(drawn)
    most = np.abs(data - np.eye(len(data))).sum(0)
    chosen = sorted(np.argsort(most)[::-1][:CORRELATED].tolist())
    names, part = [view.columns[c] for c in chosen], np.ix_(chosen, chosen)
    above = np.triu_indices(len(data), 1)
    apart = np.abs(data - made)[above]
    worst = int(apart.argmax())
    a, b = (int(side[worst]) for side in above)
    which = "" if len(chosen) == len(data) else (
        f" Shown are {len(chosen)} of {len(data)} columns: those that go together most."
    )  # fmt: skip
    caption = (
        f"Correlations, from -1 (blue) to 1 (red). They differ by {number(float(apart.mean()))} on "
        f"average; most for {view.columns[a]} and {view.columns[b]}: {data[a, b]:.2f} in the data, "
        f"{made[a, b]:.2f} in samples.{which}"
    )
    drawn_plots = [
        plots.correlations(each[part], names, title)
        for each, title in ((data, "data"), (made, "samples"))
    ]
    return page.plots(drawn_plots, caption)


def _correlated(rows: Array) -> Array:
    """Correlations of columns, where both are there; 0 with those that never change."""
    with np.errstate(all="ignore"):
        if np.isnan(rows).any():
            masked = np.ma.corrcoef(np.ma.masked_invalid(rows.T))
            found = np.atleast_2d(np.ma.filled(masked, 0.0))
        else:
            found = np.atleast_2d(np.corrcoef(rows.T))
    found = np.nan_to_num(found)
    np.fill_diagonal(found, 1.0)
    return found


def classes(view: View) -> str:
    """New rows of each class."""
    rest = {name: values[0] for name, values in view.given(1).items()}
    shown = []
    for condition in (c for c in view.trained.config.conditions if c.classes):
        rows = panels.one_row_per_class(view.trained, condition.name, rest, seed=view.seed)
        across = len(rows) // len(condition.classes)
        caption = (
            f"A line for each class of {condition.name}, from the top: {condition.possible}. The "
            "codes, drawn from the prior, are the same in every line."
        )
        shown.append(page.sheet(panels.sheet(view.trained, rows, across), caption))
    return page.section("Class by class", *shown)


def bits(view: View) -> str:
    """Where the bits of a compressed row go."""
    rows = view.x[:ROWS_FOR_BITS]
    where, latent = panels.bits_by_place(view.trained, rows, view.seed)
    shown = len(where) if view.image else min(len(where), BARS)
    which = "" if shown == len(where) else f" {shown} of {len(where)} columns: the dearest."
    caption = (
        f"Bits that vaekit compress needs for each number of a row, mean over {len(rows)} rows, "
        f"chosen at random, and codes drawn for them; together {where.sum():,.0f} bits, and "
        f"{latent:,.0f} for the latents: minus the ELBO of these rows.{which}"
    )
    drawn = plots.bits_map(where.mean(0)) if view.image else _bits(view, where)
    return page.section("Where the bits go", page.figure(drawn, caption=caption))


def _bits(view: View, where: Array) -> str:
    """Bars of the columns that need most."""
    order = np.argsort(where)[::-1][:BARS].tolist()
    each = ((view.columns[c], float(where[c]), number(float(where[c])), False) for c in order)
    return page.bars(each)
