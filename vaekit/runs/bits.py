"""How likely a model makes rows, in bits."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from vaekit.codec.graphs import fixed_point_copy
from vaekit.evaluation.scores import Bits, Scores
from vaekit.system.checks import BadInput
from vaekit.system.devices import CPU

if TYPE_CHECKING:
    from vaekit.runs.trained import Trained


def in_bits(scores: Scores, trained: Trained) -> Scores:
    """The same scores, with bits for each number of a row, where the model has a density.

    Args:
        scores: of some rows.
        trained: the model.
    """
    if scores.density is None:
        return scores
    shape = (max(trained.representation.varying, 1),)
    discrete = trained.model.likelihood.family.kind.discrete
    scale = 1.0 if discrete else trained.representation.scale
    coded = compresses(trained)
    bits = Bits.of(scores.density, shape, trained.bits_of, coded=coded, scale=scale)
    return replace(scores, bits=bits)


def compresses(trained: Trained) -> bool:
    """Whether a model's rows can be compressed, as arrays: tables are compressed as they stand in
    their files."""
    if not trained.is_discrete or trained.config.coding is not None:
        return False
    try:
        fixed_point_copy(trained.to(CPU).model)
    except BadInput:
        return False
    return True
