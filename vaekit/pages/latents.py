"""The sections of a report that look at codes: what units carry and do, and where rows lie."""

from __future__ import annotations

import json
from functools import partial

import numpy as np

from vaekit.data.on_disk import in_memory
from vaekit.data.readers.arrays import to_array
from vaekit.evaluation import bound_curve
from vaekit.evaluation.latents import ACTIVE
from vaekit.evaluation.scores import annealed_part
from vaekit.pages import html as page
from vaekit.pages import maps, panels, plots, tables
from vaekit.pages.view import FEW_ROWS, View, drawn_codes
from vaekit.pages.words import cell, number
from vaekit.runs.shown import pictures
from vaekit.system.types import Array

BARS, UNITS, FEW_UNITS = 48, 16, 4
ROWS_FOR_CURVE, FEWEST, CURVE, NUMBERS_FOR_CURVE = 100, 16, 512, 2**26  # numbers that are decoded
COLUMNS_TOLD, STEPS = 8, 9


def units(view: View) -> str:
    """How much each latent unit carries."""
    kl = view.kl_per_dimension
    told = view.scores.active_units is not None
    active = (view.codes.var(0) > ACTIVE) | (not told)
    order = np.argsort(kl)[::-1].tolist()
    caption = (
        f"KL(q(z|x) ‖ p(z)) of each unit in nats, mean over {view.rows_called}: what a code tells "
        "of its row by this unit" + ("; pale where the unit does not move with x." * told or ".")
    )
    if len(kl) <= BARS:
        drawn = page.bars((f"z{i}", kl[i], number(kl[i]), not active[i]) for i in order)
    else:
        sizes = np.array(kl)[order]
        drawn = plots.many_bars(sizes, "KL of each unit", "nats", "latent units, most used first")
    return page.section(
        "Latent units", page.figure(drawn, caption=caption), text=view.scores.diagnosis
    )


def latent_map(view: View) -> str:
    """The codes of all rows in a plane; of training and validation too where test rows are few."""
    codes, others = view.codes, None
    if view.others is not None and len(view.rows) < FEW_ROWS:
        others = view.others
        codes = np.concatenate([codes, np.asarray(view.trained.encode(others))])
    points, axes = plots.plane(codes)
    sources = [view.rows] if others is None else [view.rows, others]
    coloured, what = _colouring(view, sources)
    pale = np.arange(len(codes)) >= len(view.rows)
    how = "" if view.trained.latent <= 2 else " PCA of the codes; shares of variance on the axes."
    more = " Pale: rows of training and validation." if others is not None else ""
    figure = maps.mapped(
        points,
        coloured,
        axes,
        _beside(view, sources),
        title="Latent map: the mean code of each row",
        caption=f"The mean code of each row ({view.rows_called}){what}.{more}{how}",
        pale=pale,
    )
    further = "Touch this map: decode any place, move along paths, look for rows"
    beside = [page.link(further, view.explorer)] if view.explorer else []
    return page.section("Latent map", figure, *beside)


def _colouring(view: View, sources: list) -> tuple[maps.Colouring, str]:
    """By label; without labels by the ELBO; and in words."""
    total = sum(map(len, sources))
    if view.labels is not None:
        labels = np.concatenate([part.labels.numpy() for part in sources])
        return maps.by_label(labels, view.rows.label_names), ", coloured by its label"
    if not view.trained.has_density:
        return maps.plain(total), ""
    parts = [view.drawn[1]]
    for part in sources[1:]:
        x = view.trained.rows(part, seed=view.seed)[:]
        parts.append(drawn_codes(view.trained, x, view.seed)[1])
    name = f"{view.bound_name}, nats"
    return maps.by_value(np.concatenate(parts), name), f", coloured by its {view.bound_name}"


def _beside(view: View, sources: list) -> maps.Beside:
    """The picture of each row, or its columns; of as many rows as there is room for."""
    if tables.is_cells(view):
        return tables.beside(view, sources)
    shape = view.trained.representation.shape
    total = sum(map(len, sources))
    room = maps.fit_in(total, int(np.prod(shape)))
    values = [to_array(in_memory(part.values)) for part in sources]
    rows = np.concatenate(values)[:room]
    names = [str(name) for part in sources for name in part.names][:room]
    if view.image:
        return maps.Beside(names, panels.stored_pictures(view.trained, rows))
    columns = view.telling_columns(COLUMNS_TOLD)
    told = [[f"{view.columns[c]}: {cell(float(row[c]))}" for c in columns] for row in rows]
    lines = ["\n".join([*names[i : i + 1], *texts]) for i, texts in enumerate(told)]
    return maps.Beside(lines)


def manifold(view: View) -> str:
    """Decoded codes over two latent units."""
    a, b = view.most_used(2)
    rows = panels.manifold(view.trained, (a, b), given=view.given(1))
    rest = "" if view.trained.latent == 2 else ", the other units at its median"
    caption = (
        f"Decoded codes over z{a} (to the right) and z{b} (up), at quantiles of the prior from 2 % "
        f"to 98 %{rest}."
    )
    made = panels.sheet(view.trained, rows, 20, gap=0)
    return page.section("The decoded plane", page.sheet(made, caption, page.HALF))


def traversals(view: View) -> str:
    """What each latent unit does: a line of pictures, and a slider."""
    chosen = view.most_used(UNITS)
    rows = panels.traversals(view.trained, view.codes[0], chosen, STEPS, given=view.given(1))
    names = [f"z{unit}" for unit in chosen]
    caption = (
        "The code of the first row with one unit changed at a time, from the prior's 1 % quantile "
        f"(left) to its 99 % (right). From the top: {', '.join(names)}."
    )
    made = panels.sheet(view.trained, rows, STEPS)
    attributes = f" class=\"units\" data-units='{json.dumps(names)}'"
    drawn = page.figure(
        made.html(caption, page.FULL if len(chosen) <= FEW_UNITS else page.HALF),
        caption=caption,
        attributes=attributes,
    )
    return page.section("One unit at a time", drawn)


def unit_table(view: View) -> str:
    """What each latent unit does to the columns of a table."""
    chosen, columns = view.most_used(6), view.telling_columns(12)
    rows = panels.traversals(view.trained, view.codes[0], chosen, 3, given=view.given(1))
    each = np.asarray(view.trained.usual(rows), float).reshape(len(chosen), 3, -1)
    spread = view.spread
    head: list[str | tuple[str, int]] = ["column", *((f"z{unit}", 2) for unit in chosen)]
    body = []
    for c in columns:
        cells = [page.Cell(plots.shortened(view.columns[c], 28))]
        for line in each:
            moved = abs(line[2, c] - line[0, c]) > spread[c] / 2
            cells += panels.arrow(line[0, c], line[2, c], kind="best" if moved else "")
        body.append(cells)
    text = (
        "The decoder's mean for the code of the first row with one unit changed at a time, at the "
        "prior's 1 % quantile → at its 99 %; bold where that moves a column by more than half its "
        f"standard deviation.{view.left_out(len(columns))}"
    )
    return page.section("One unit at a time", page.figure(page.table(body, head)), text=text)


def aggregate(view: View) -> str:
    """Codes of the data against the prior."""
    caption = (
        f"One draw from q(z|x) for each row ({view.rows_called}) and the prior. Where they differ, "
        "samples from the prior land where the decoder was not trained."
    )
    shares = np.linspace(0.002, 0.998, 80)
    quantiles = panels.prior_quantiles(view.trained, shares)
    drawn = plots.posterior_against_prior(view.drawn[0], view.most_used(8), shares, quantiles)
    key = page.key([("accent box", "codes of the data"), ("ink", "the prior's density")])
    figure = page.plots(drawn, caption, key, small=True)
    return page.section("Aggregate posterior and prior", figure)


def bounds(view: View) -> str:
    """Importance-weighted bounds against their number of particles."""
    fit = NUMBERS_FOR_CURVE // (CURVE * view.x.shape[1:].numel())
    rows, bracket = view.x[: min(max(fit, FEWEST), ROWS_FOR_CURVE)], {}
    found = view.scores.annealing
    entries = []
    if found is not None:
        rows = annealed_part(view.x[: view.scores.rows], found.rows, view.seed)
        above = found.value + max(found.gap, 0.0)
        bracket["annealed, and its gap above"] = (found.value, above)
        entries = [("accent", "bound of K particles"), ("second", "annealed, and its gap above")]
    curve = bound_curve(view.trained.model, rows, most=CURVE, seed=view.seed)
    count, every = len(rows), view.scores.rows
    which = f"all {count}" if count == every else f"{count} of the {every:,} rows scored above"
    caption = (
        f"How much higher the importance-weighted bound is than with K = 1, on {which}, chosen at "
        f"random; errors are of that difference, row by row. On these rows K = 1, the ELBO, is "
        f"{number(curve.bound[0])} nats and K = {CURVE} is {number(curve.bound[-1])}. Where it "
        "still rises at the right end, importance sampling with few samples understates log p(x)."
    )
    drawn = plots.bound_curve(curve, bracket)
    return page.section("Bounds", page.plot(drawn, caption, page.key(entries) if entries else ""))


def walks(view: View) -> str:
    """Decoded lines between the codes of two rows."""
    pairs = min(6, len(view.rows) // 2)
    starts, ends = view.first(pairs), view.first(pairs, pairs)
    lines = view.trained.interpolate(starts, ends, steps=10)
    shown = partial(pictures, view.trained)
    steps = shown(lines.reshape(-1, *lines.shape[2:]))
    steps = steps.reshape(pairs, -1, *steps.shape[1:])
    left, right = (
        panels.stored_pictures(view.trained, to_array(in_memory(p.values)))[:, None]
        for p in (starts, ends)
    )
    every: Array = np.concatenate([left, steps, right], 1)
    made = panels.laid_out(every.reshape(-1, *every.shape[2:]), every.shape[1])
    caption = (
        "Far left and far right: two rows. Between them: the way from the code of one to that of "
        "the other, decoded."
    )
    return page.section("Interpolations", page.sheet(made, caption))
