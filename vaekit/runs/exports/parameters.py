"""The parameters of distributions, by name."""

from __future__ import annotations

from functools import singledispatch

from torch import Tensor
from torch import distributions as D

from vaekit.distributions import Affine, SomeKnown


@singledispatch
def parameters(p: D.Distribution) -> dict[str, Tensor]:
    """Of a distribution, by the names that torch gives them: logits rather than chances."""
    names = list(p.arg_constraints)
    return {n: getattr(p, n) for n in names if n != "probs" or "logits" not in names}


@parameters.register
def _(p: D.Independent) -> dict[str, Tensor]:
    return parameters(p.base_dist)


@parameters.register
def _(p: Affine) -> dict[str, Tensor]:
    """Those of the base, location and scale in the units of x."""
    return {**parameters(p.base), "loc": p.loc, "scale": p.scale}


@parameters.register
def _(p: SomeKnown) -> dict[str, Tensor]:
    """Those of the base; they mean nothing where a number is known."""
    return parameters(p.base)


@parameters.register
def _(p: D.MixtureSameFamily) -> dict[str, Tensor]:
    """The logits of the components' weights, and the parameters of the components."""
    return {"weights": p.mixture_distribution.logits, **parameters(p.component_distribution)}
