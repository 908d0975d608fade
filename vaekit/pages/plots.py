"""The plots of a report, as themed SVG."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from vaekit.evaluation import BoundCurve
from vaekit.pictures import figure, svg
from vaekit.pictures.svg import ACCENT, INK, MUTED, SECOND
from vaekit.system.seeding import some
from vaekit.system.types import Array

PALETTE = (
    "#4c78d8", "#e8803c", "#3fa66b", "#d9534f", "#9a6fd0",
    "#a0714f", "#e07bb5", "#8a8f98", "#b5a53a", "#36b1c4",
)  # fmt: skip
MOST_POINTS, FEW = 10_000, 20


def loss_curves(lines: list[dict[str, Any]]) -> str:
    """The terms of the loss over the epochs, training and validation."""
    names = [n for n in ("loss", "reconstruction", "kl") if any(n in line for line in lines)]
    with figure(9.6, 2.7, ncols=len(names), squeeze=False) as (made, axes):
        for axis, name in zip(axes[0], names, strict=True):
            for split, color in (("train", ACCENT), ("validation", SECOND)):
                points = [(v["epoch"], v[name]) for v in lines if v["split"] == split and name in v]
                axis.plot(*zip(*points, strict=True), color=color, label=split, linewidth=1.8)
            axis.set_ylim(*_zoomed([v[name] for v in lines if name in v]))
            axis.set(title=_TERMS[name], xlabel="epoch")
        axes[0][0].set_ylabel("nats per row")
        axes[0][0].legend()
        return svg(made, "Loss and its terms over the epochs")


_TERMS = {
    "loss": "loss",
    "reconstruction": "reconstruction: -E[log p(x|z)]",
    "kl": "KL(q(z|x) || p(z))",
}


def kl_bars(kl: list[float], active: Array) -> str:
    """The KL of each latent dimension, largest first; inactive units are pale."""
    order = np.argsort(kl)[::-1]
    with figure(9.6, 2.6) as (made, axis):
        bars = axis.bar(range(len(kl)), np.asarray(kl)[order], color=ACCENT, width=0.8)
        for bar, unit in zip(bars, order, strict=True):
            bar.set_alpha(1.0 if active[unit] else 0.3)
        if len(kl) <= 40:
            axis.set_xticks(range(len(kl)), [f"z{i}" for i in order])
        axis.set(ylabel="KL, nats", xlabel="latent dimension, most used first")
        axis.grid(axis="x", visible=False)
        return svg(made, "KL of each latent dimension")


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
    """The bound against the number of particles, with estimates from elsewhere as bands.

    Args:
        curve: the bounds.
        bracket: name to (low, high) in nats.
    """
    with figure(9.6, 3.0) as (made, axis):
        axis.errorbar(
            curve.particles, curve.bound, curve.error, color=ACCENT, marker="o", markersize=3.5,
            linewidth=1.6, elinewidth=0.8, label="bound of K particles",
        )  # fmt: skip
        for name, (low, high) in bracket.items():
            axis.axhspan(low, high, color=SECOND, alpha=0.18)
            axis.axhline(low, color=SECOND, linewidth=1.4, label=name)
        axis.set_xscale("log", base=2)
        axis.set(xlabel="K, particles for each row", ylabel="nats per row")
        axis.legend(loc="lower right")
        return svg(made, "Importance-weighted bound against the number of particles")


def latent_map(
    points: Array,
    labels: Array | None,
    names: tuple[str, ...],
    axes: tuple[str, str],
    width: float = 9.6,
) -> str:
    """Codes in the plane, coloured by label."""
    shown = some(len(points), MOST_POINTS).numpy()
    points, labels = points[shown], None if labels is None else labels[shown]
    with figure(width, 2.6 + 0.375 * width) as (made, axis):
        style = {"s": 7 if len(points) > 2000 else 14, "linewidths": 0, "rasterized": True}
        if labels is None:
            axis.scatter(*points.T, color=ACCENT, alpha=0.6, **style)
        else:
            _scatter_by_label(axis, points, labels, names, style)
        axis.set(xlabel=axes[0], ylabel=axes[1], aspect="equal")
        made.set_dpi(160)
        return svg(made, "Latent map: the mean code of each row")


def _scatter_by_label(
    axis: Any, points: Array, labels: Array, names: tuple[str, ...], style: dict[str, Any]
) -> None:
    kinds = np.unique(labels)
    many = len(kinds) > len(PALETTE)
    for kind in kinds:
        name = names[kind] if kind < len(names) else str(kind)
        color = PALETTE[kind % len(PALETTE)]
        axis.scatter(
            *points[labels == kind].T, color=color, alpha=0.7, label=None if many else name, **style
        )
    if not many:
        axis.legend(loc="center left", bbox_to_anchor=(1, 0.5), markerscale=2, handletextpad=0.2)


def posterior_against_prior(draws: Array, units: list[int], shares: Array, quantiles: Array) -> str:
    """Histograms of codes drawn from q(z|x) over many rows, beside the prior's density.

    Args:
        draws: codes, (rows, latent).
        units: which dimensions are shown.
        shares: rising, between 0 and 1.
        quantiles: of the prior at these shares, (shares, latent).
    """
    columns = min(len(units), 4)
    rows = math.ceil(len(units) / columns)
    ends = max(4.0, float(np.quantile(np.abs(draws), 0.999)))
    with figure(9.6, 1.9 * rows + 0.4, nrows=rows, ncols=columns, squeeze=False) as (made, axes):
        for axis in axes.flat[len(units) :]:
            axis.set_axis_off()
        for axis, unit in zip(axes.flat, units, strict=False):
            span = {"bins": 60, "range": (-ends, ends), "density": True}
            axis.hist(draws[:, unit], **span, color=ACCENT, alpha=0.55)
            rise = np.diff(quantiles[:, unit])
            middle = quantiles[:-1, unit] + rise / 2
            density = np.diff(shares) / np.maximum(rise, 1e-9)
            axis.plot(middle, density, color=INK, linewidth=1.2)
            axis.set(title=f"z{unit}", yticks=[])
        return svg(made, "Aggregate posterior against the prior")


def column_histograms(real: Array, drawn: Array, columns: list[str]) -> str:
    """Each column of a table: the data's distribution and that of samples."""
    shown = columns[:12]
    across = min(len(shown), 4)
    rows = math.ceil(len(shown) / across)
    with figure(9.6, 1.8 * rows + 0.4, nrows=rows, ncols=across, squeeze=False) as (made, axes):
        for axis in axes.flat[len(shown) :]:
            axis.set_axis_off()
        for number, (axis, name) in enumerate(zip(axes.flat, shown, strict=False)):
            data, samples = (rows[:, number].astype(np.float64) for rows in (real, drawn))
            bins = _bins(data, samples)
            shares = [np.full(len(c), 1 / (len(c) * (bins[1] - bins[0]))) for c in (data, samples)]
            axis.hist(data, bins, weights=shares[0], color=MUTED, alpha=0.45, label="data")
            axis.hist(
                samples, bins, weights=shares[1], histtype="step", color=ACCENT, linewidth=1.6,
                label="samples",
            )  # fmt: skip
            axis.set(title=name[:24], yticks=[])
        axes[0][0].legend(fontsize=8)
        return svg(made, "Each column: data and samples")


def _bins(real: Array, drawn: Array) -> Array:
    """Edges that hold nearly all of the data; of few rows, and of samples."""
    shown = real if len(real) >= FEW else np.append(real, drawn)
    low, high = (float(v) for v in np.quantile(shown, (0.005, 0.995)))
    size = max(abs(low), abs(high)) or 1.0
    if high - low <= 1e-12 * size:
        low, high = low - size / 2, high + size / 2
    return np.linspace(low, high, 40)


def _zoomed(values: list[float]) -> tuple[float, float]:
    """Limits that show the course after the first fall: the top fifth of the drop is cut."""
    low, high = min(values), max(values)
    middle = float(np.quantile(values, 0.9))
    top = min(high, middle + 0.6 * (middle - low) + 1e-9)
    margin = 0.05 * (top - low) + 1e-9
    return low - margin, top + margin


def bits_map(bits: Array) -> str:
    """Bits a pixel as a picture, (H, W)."""
    with figure(9.6, 3.6) as (made, axis):
        shown = axis.imshow(bits, cmap="magma", vmin=0)
        axis.grid(visible=False)
        axis.set_axis_off()
        made.colorbar(shown, ax=axis, label="bits")
        return svg(made, "Bits of each pixel")


def bits_bars(bits: Array) -> str:
    """Bits of each column of a row."""
    with figure(9.6, 2.6) as (made, axis):
        axis.bar(range(len(bits)), bits, color=ACCENT, width=0.8)
        axis.set(ylabel="bits", xlabel="column")
        axis.grid(axis="x", visible=False)
        return svg(made, "Bits of each column")
