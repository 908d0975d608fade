"""torch's layers, faster on processors."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cache
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from vaekit.networks.narrow import spread
from vaekit.system.devices import cpu_capabilities

WORTHWHILE = 2**22


class Linear(nn.Linear):
    """torch's linear layer, computed by oneDNN where that is faster.

    torch leaves products of float32 matrices to MKL, which does not use AVX-512 on processors
    that are not Intel's: half the speed of oneDNN, which torch uses for other layers.
    """

    def forward(self, x: Tensor) -> Tensor:
        """(rows, inputs) to (rows, outputs)."""
        return linear(x, self.weight, self.bias)


def linear(x: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
    """x w^T + b, (rows, inputs) and (outputs, inputs) to (rows, outputs)."""
    if not _is_for_onednn(x, weight):
        return F.linear(x, weight, bias)
    return _Product.apply(x, weight, bias)


class ConvTranspose2d(nn.ConvTranspose2d):
    """torch's transposed convolution with its bias added separately (see :func:`transposed`)."""

    def forward(self, x: Tensor, output_size: Any = None) -> Tensor:
        """See :func:`transposed`; ``output_size`` is ignored."""
        return transposed(x, self.weight, self.bias, self.stride, self.padding, self.output_padding)


def transposed(
    x: Tensor,
    weight: Tensor,
    bias: Tensor | None,
    stride: Sequence[int],
    padding: Any,
    extra: Sequence[int],
) -> Tensor:
    """A transposed convolution. The bias is added separately: when oneDNN computes its gradient
    too, all gradients take much longer."""
    y = spread(F.conv_transpose2d, x, weight, None, stride, padding, extra)
    return y if bias is None else y.add_(bias.to(y.dtype)[:, None, None])


class _Product(torch.autograd.Function):
    """x w^T + b, (rows, in) and (out, in) to (rows, out), as are its gradients."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
        ctx.save_for_backward(x, weight)
        return _onednn_linear()(x, weight, bias, "none", [], "")  # type: ignore[misc]

    @staticmethod
    def backward(ctx: Any, *gradient: Tensor) -> tuple[Tensor | None, Tensor | None, Tensor | None]:
        (g,), (x, weight) = gradient, ctx.saved_tensors
        for_x, for_weight, for_bias = ctx.needs_input_grad
        return (
            _product(g, weight.t()) if for_x else None,
            _product(g.t(), x.t()) if for_weight else None,
            g.sum(0) if for_bias else None,
        )


def _product(a: Tensor, b: Tensor) -> Tensor:
    """a b^T."""
    return _Product.apply(a, b, None)


def _is_for_onednn(x: Tensor, weight: Tensor) -> bool:
    """Whether there is much to compute, in float32 on a processor where oneDNN is faster."""
    return (
        not torch.compiler.is_compiling()  # first: else what is recorded holds for few rows alone
        and x.dim() == 2
        and x.numel() * len(weight) >= WORTHWHILE
        and x.dtype == weight.dtype == torch.float32
        and x.device.type == weight.device.type == "cpu"
        and not torch.is_autocast_enabled("cpu")
        and _onednn_linear() is not None
    )


@cache
def _onednn_linear() -> Callable[..., Tensor] | None:
    """oneDNN's product, if this processor and this version of torch have reason to use it.

    Which one is used depends on nothing else, so that a run repeats to the last bit."""
    here = cpu_capabilities()
    if not here.get("avx512_f") or "Intel" in str(here.get("cpu_name", "Intel")):
        return None
    try:
        return torch.ops.mkldnn._linear_pointwise.default
    except AttributeError:
        return None
