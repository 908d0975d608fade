"""How likely rows are, in bits for each of their numbers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from vaekit.evaluation.figures import Figure
from vaekit.evaluation.likelihood import bits_per_dimension


class Likelihoods(Protocol):
    """Means over rows, in nats."""

    @property
    def elbo(self) -> float:
        """Of the ELBO."""

    @property
    def log_likelihood(self) -> float:
        """Of log p(x)."""


@dataclass(frozen=True)
class Bits:
    """How likely rows are, in bits for each of their numbers.

    Args:
        bits_per_dimension: - log p(x) / log 2 / numbers in a row.
        code_bits_per_dimension: - ELBO, likewise: what the codec needs; None where it cannot code
            the data, or the model.
        bits_of: what the bits describe: probabilities of discrete values, or densities.
    """

    bits_per_dimension: float
    code_bits_per_dimension: float | None
    bits_of: str

    @classmethod
    def of(
        cls,
        density: Likelihoods,
        shape: tuple[int, ...],
        what: str,
        *,
        coded: bool,
        scale: float = 1.0,
    ) -> Bits:
        """Those of rows of some shape.

        Args:
            density: in nats.
            shape: of a row.
            what: the bits describe.
            coded: whether the codec can code them.
            scale: the unit of x, where p(x|z) is a density of real numbers: bits are of the
                data's own numbers, ``scale`` times x, while nats are of x.
        """
        code = bits_per_dimension(-density.elbo, shape) if coded else None
        return cls(bits_per_dimension(-density.log_likelihood, shape, scale), code, what)

    @property
    def figures(self) -> tuple[Figure, ...]:
        """As people read them."""
        code = self.code_bits_per_dimension
        coded = () if code is None else (Figure("compressed", code, note="what a file takes"),)
        return (Figure("log p(x)", self.bits_per_dimension, note=self.bits_of), *coded)
