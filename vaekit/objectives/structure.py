"""Rows compared with what is made of their codes by a distance other than that of numbers: by the
structure of pictures, or by anybody's own."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor
from torch.nn import functional as F

from vaekit.models.trace import Trace
from vaekit.objectives.penalties import Penalty

Distance = Callable[[Tensor, Tensor], Tensor]

SCALES = (0.0448, 0.2856, 0.3001, 0.2363, 0.1333)  # how much each counts, the finest first
WINDOW, SPREAD = 11, 1.5
LIGHT, CONTRAST = 0.01, 0.03
LEAST = 1e-3


def rebuilding(distance: Distance) -> Penalty:
    r"""How far rows lie from what is made of their codes, on average: no likelihood, so that an
    objective with it is no bound on log p(x).

    .. math:: E_q[d(x, \bar x(z))], \qquad \bar x(z) = E_{p(x \mid z)}[x]

    Args:
        distance: d, from rows and as many others, (rows, \*event) each, to one number for each,
            with gradients to the others. It must not compare rows with each other.
    """

    def rebuilding(t: Trace) -> Tensor:
        made, (samples, rows) = t.likelihood.mean, t.log_px.shape
        x = t.rows.data.expand(samples, *t.rows.data.shape).flatten(0, 1)
        far = distance(x, made.expand(x.shape)).reshape(samples, rows)
        return (t.log_weight.exp() * far).sum(0).mean()

    return rebuilding


def unlike(white: float) -> Distance:
    """1 - MS-SSIM of pictures whose values run from 0 to ``white``: 0 of equal ones, at most
    0.999."""

    def unlike(x: Tensor, y: Tensor) -> Tensor:
        return 1 - ms_ssim(x / white, y / white)

    return unlike


def ms_ssim(x: Tensor, y: Tensor) -> Tensor:
    r"""How alike in structure pictures are at several scales, 1 of equal ones (Wang et al. 2003).

    .. math:: l_M^{w_M} \prod_{j=1}^M \overline{c_j}^{w_j}, \qquad
        l = \frac{2 \mu_x \mu_y + C_1}{\mu_x^2 + \mu_y^2 + C_1}, \quad
        c = \frac{2 \sigma_{xy} + C_2}{\sigma_x^2 + \sigma_y^2 + C_2}

    Means, variances and covariances are those within windows of 11 pixels, weighed by a normal of
    1.5; the next scale halves the picture by means of 2 x 2. At the last, l c is averaged in the
    place of c. There are as many scales, of at most five, as have room for a window, whose
    weights w are brought to a sum of 1; of pictures smaller than a window the window is as large
    as they are. A mean below 0.001 counts as that. Channels are averaged.

    Args:
        x: values from 0 to 1, (rows, channels, height, width).
        y: likewise.
    """
    count = scales_of(x.shape)
    size = min(WINDOW, *x.shape[2:])
    shares = torch.tensor(SCALES[:count], dtype=x.dtype, device=x.device)
    found = []
    for scale in range(count):
        if scale:
            x, y = F.avg_pool2d(x, 2), F.avg_pool2d(y, 2)
        light, contrast = _alike(x, y, size)
        found.append((light * contrast if scale == count - 1 else contrast).mean((2, 3)))
    each = torch.stack(found, -1).clamp_min(LEAST) ** (shares / shares.sum())
    return each.prod(-1).mean(1)


def scales_of(shape: torch.Size) -> int:
    """How many scales have room for a window, at least one and at most five."""
    side, count = min(shape[2:]), 1
    while count < len(SCALES) and side // 2 >= WINDOW:
        side, count = side // 2, count + 1
    return count


def _alike(x: Tensor, y: Tensor, size: int) -> tuple[Tensor, Tensor]:
    """In light, and in contrast and structure, window by window, (rows, channels, *places)."""
    of_x, of_y, squares, others, both = (
        _in_windows(each, size) for each in (x, y, x * x, y * y, x * y)
    )
    light = (2 * of_x * of_y + LIGHT**2) / (of_x**2 + of_y**2 + LIGHT**2)
    spread = squares - of_x**2 + others - of_y**2
    return light, (2 * (both - of_x * of_y) + CONTRAST**2) / (spread + CONTRAST**2)


def _in_windows(x: Tensor, size: int) -> Tensor:
    """Means within windows, weighed by a normal about their middle, of each channel by itself."""
    away = torch.arange(size, dtype=x.dtype, device=x.device) - (size - 1) / 2
    weights = (-away.square() / (2 * SPREAD**2)).softmax(0)
    rows, channels = x.shape[:2]
    flat = x.reshape(rows * channels, 1, *x.shape[2:])
    means = F.conv2d(F.conv2d(flat, weights[None, None, :, None]), weights[None, None, None])
    return means.reshape(rows, channels, *means.shape[2:])
