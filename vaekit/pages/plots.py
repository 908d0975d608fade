"""The plots of a report, as themed SVG: each is small enough to be read on a phone."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

from vaekit.evaluation import BoundCurve
from vaekit.pages.words import brief
from vaekit.pictures import figure, svg
from vaekit.pictures.scatter import PALETTE
from vaekit.pictures.svg import ACCENT, INK, MUTED, SECOND
from vaekit.system.types import Array

__all__ = ["PALETTE"]
WIDE, SMALL = (4.6, 2.7), (2.3, 1.55)  # inches, of 72 units each
FEW, LONGEST_NAME = 20, 18

TERMS = {
    "loss": "loss",
    "reconstruction": "\N{MINUS SIGN}E[log p(x|z)]",
    "kl": "KL(q(z|x) \N{DOUBLE VERTICAL LINE} p(z))",
}


def loss_curves(lines: list[dict[str, Any]]) -> tuple[list[str], bool]:
    """The terms of the loss over the epochs, training and validation, a plot each; and whether
    high values are cut off."""
    names = [n for n in TERMS if any(n in line for line in lines)]
    made = [_loss_curve(lines, name) for name in names]
    return [plot for plot, _ in made], any(cut for _, cut in made)


def _loss_curve(lines: list[dict[str, Any]], name: str) -> tuple[str, bool]:
    from matplotlib.ticker import MaxNLocator

    with figure(*WIDE) as (made, axis):
        for split, color in (("train", ACCENT), ("validation", SECOND)):
            points = [(v["epoch"], v[name]) for v in lines if v["split"] == split and name in v]
            axis.plot(*zip(*points, strict=True), color=color, linewidth=1.8)
        values = [v[name] for v in lines if name in v]
        low, high = _zoomed(values)
        axis.set_ylim(low, high)
        axis.xaxis.set_major_locator(MaxNLocator(6, integer=True))
        axis.set(title=TERMS[name], xlabel="epoch", ylabel="nats per row")
        return svg(made, f"{TERMS[name]} over the epochs"), max(values) > high


def lines(
    each: list[list[tuple[int, float]]], colors: list[str], across: str, up: str, title: str
) -> str:
    """Lines in colours, of integer steps."""
    from matplotlib.ticker import MaxNLocator

    with figure(*WIDE) as (made, axis):
        for points, color in zip(each, colors, strict=True):
            axis.plot(*zip(*points, strict=True), color=color, linewidth=1.8)
        axis.set_ylim(*_zoomed([value for points in each for _, value in points]))
        axis.xaxis.set_major_locator(MaxNLocator(6, integer=True))
        axis.set(xlabel=across, ylabel=up)
        return svg(made, title)


def plane(codes: Array) -> tuple[Array, tuple[str, str]]:
    """Codes in two dimensions (by PCA if there are more), and what the axes are."""
    if codes.shape[1] == 1:
        return np.hstack([codes, np.zeros_like(codes)]), ("z0", "")
    if codes.shape[1] == 2:
        return codes, ("z0", "z1")
    centred = codes - codes.mean(0)
    _, spread, directions = np.linalg.svd(centred, full_matrices=False)
    points = np.zeros((len(codes), 2))  # of one row there is no second direction
    points[:, : len(directions[:2])] = centred @ directions[:2].T
    shares = np.append(spread, 0.0) ** 2 / max((spread**2).sum(), 1e-12)
    return points, (f"first component ({shares[0]:.0%})", f"second component ({shares[1]:.0%})")


def bound_curve(curve: BoundCurve, bracket: dict[str, tuple[float, float]]) -> str:
    """How far the bound of K particles lies above that of one, with paired errors, and estimates
    from elsewhere as bands.

    Args:
        curve: the bounds.
        bracket: name to (low, high) in nats.
    """
    first = curve.bound[0]
    with figure(*WIDE) as (made, axis):
        axis.errorbar(
            curve.particles, np.asarray(curve.bound) - first, curve.rise_error, color=ACCENT,
            marker="o", markersize=3.5, linewidth=1.6, elinewidth=1.0, capsize=2,
        )  # fmt: skip
        for low, high in bracket.values():
            axis.axhspan(low - first, high - first, color=SECOND, alpha=0.18)
            axis.axhline(low - first, color=SECOND, linewidth=1.4)
        axis.set_xscale("log", base=2)
        axis.set_xticks(curve.particles[::3], [f"{k}" for k in curve.particles[::3]])
        axis.set(xlabel="K, particles for each row", ylabel="nats per row above K = 1")
        return svg(made, "Rise of the importance-weighted bound with the number of particles")


def posterior_against_prior(
    draws: Array, units: list[int], shares: Array, quantiles: Array
) -> list[str]:
    """Histograms of codes drawn from q(z|x) over many rows, beside the prior's density, a plot for
    each dimension.

    Args:
        draws: codes, (rows, latent).
        units: which dimensions are shown.
        shares: rising, between 0 and 1.
        quantiles: of the prior at these shares, (shares, latent).
    """
    ends = max(4.0, float(np.quantile(np.abs(draws), 0.999)))
    found = []
    for unit in units:
        with figure(*SMALL) as (made, axis):
            bins = 60 if len(draws) > 1000 else 30
            span = {"bins": bins, "range": (-ends, ends), "density": True}
            axis.hist(draws[:, unit], **span, color=ACCENT, alpha=0.55)
            rise = np.diff(quantiles[:, unit])
            middle = quantiles[:-1, unit] + rise / 2
            density = np.diff(shares) / np.maximum(rise, 1e-9)
            axis.plot(middle, density, color=INK, linewidth=1.2)
            axis.set(title=f"z{unit}", yticks=[])
            found.append(small(svg(made, f"z{unit}: codes of the data against the prior")))
    return found


def column_histograms(real: Array, drawn: Array, columns: Iterable[tuple[int, str]]) -> list[str]:
    """Columns of a table: the data's distribution and that of samples, a plot each."""
    from matplotlib.ticker import MaxNLocator

    found = []
    for number, name in columns:
        both = (rows[:, number].astype(np.float64) for rows in (real, drawn))
        data, samples = (column[~np.isnan(column)] for column in both)
        bins = _bins(data, samples)
        shares = [np.full(len(c), 1 / (len(c) * (bins[1] - bins[0]))) for c in (data, samples)]
        with figure(*SMALL) as (made, axis):
            two_histograms(axis, (data, samples), bins, shares)
            axis.set(title=shortened(name), yticks=[])
            axis.xaxis.set_major_locator(MaxNLocator(3))
            axis.xaxis.set_major_formatter(lambda value, _: brief(value))
            found.append(small(svg(made, f"{name}: data and samples")))
    return found


def two_histograms(axis: Any, both: Sequence[Array], bins: Array, weights: Sequence[Array]) -> None:
    """The first filled in grey, the second as an outline over it.

    Args:
        axis: to draw on.
        both: the numbers.
        bins: edges.
        weights: of each number, for both.
    """
    axis.hist(both[0], bins, weights=weights[0], color=MUTED, alpha=0.45)
    outline = {"histtype": "step", "color": ACCENT, "linewidth": 1.6}
    axis.hist(both[1], bins, weights=weights[1], **outline)


def correlations(values: Array, names: list[str], title: str) -> str:
    """Correlations of columns, (columns, columns), from -1 to 1."""
    with figure(4.6, 4.3) as (made, axis):
        axis.imshow(values, cmap="RdBu_r", vmin=-1, vmax=1)
        axis.grid(visible=False)
        labels = [shortened(name, 11) for name in names]
        axis.set_xticks(range(len(names)), labels, rotation=90)
        axis.set_yticks(range(len(names)), labels)
        axis.set_title(title)
        made.get_layout_engine().set(w_pad=0.02, h_pad=0.02)
        return svg(made, f"Correlations of columns: {title}")


def small(text: str) -> str:
    """A plot that is shown in a small place."""
    return text.replace("<svg ", '<svg class="small" ', 1)


def shortened(name: str, longest: int = LONGEST_NAME) -> str:
    """A name that fits above a small plot."""
    return name if len(name) <= longest else name[: longest - 1] + "…"


def bits_map(bits: Array) -> str:
    """Bits a pixel as a picture, (H, W)."""
    with figure(4.6, min(max(4.0 * bits.shape[0] / bits.shape[1], 1.6), 5.0)) as (made, axis):
        shown = axis.imshow(bits, cmap="magma", vmin=0)
        axis.grid(visible=False)
        axis.set_axis_off()
        made.colorbar(shown, ax=axis, label="bits", fraction=0.05)
        return svg(made, "Bits of each pixel")


def many_bars(values: Array, title: str, unit: str, what: str) -> str:
    """More bars than have names."""
    with figure(*WIDE) as (made, axis):
        axis.fill_between(range(len(values)), values, step="mid", color=ACCENT, alpha=0.8)
        axis.set(ylabel=unit, xlabel=what)
        axis.grid(axis="x", visible=False)
        return svg(made, title)


def _bins(real: Array, drawn: Array) -> Array:
    """Edges that hold nearly all of the data; of few rows, and of samples. Whole numbers that are
    few get one bin each."""
    shown = real if len(real) >= FEW else np.append(real, drawn)
    low, high = (float(v) for v in np.quantile(shown, (0.005, 0.995)))
    whole = bool((real == np.round(real)).all())
    if whole and 0 < high - low <= 40:
        step = math.ceil((high - low + 1) / 30)
        return np.arange(low - 0.5, high + step + 0.5, step)
    size = max(abs(low), abs(high)) or 1.0
    if high - low <= 1e-12 * size:
        low, high = low - size / 2, high + size / 2
    return np.linspace(low, high, 40 if len(real) > 300 else 24)


def _zoomed(values: list[float]) -> tuple[float, float]:
    """Limits that show the course after the first fall: the top of the drop is cut."""
    low, high = min(values), max(values)
    middle = float(np.quantile(values, 0.9))
    top = min(high, middle + 0.6 * (middle - low) + 1e-9)
    margin = 0.05 * (top - low) + 1e-9
    return low - margin, top + margin
