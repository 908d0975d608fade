"""Penalties that keep training rows."""

from __future__ import annotations

from abc import ABC, abstractmethod

from torch import nn

from vaekit.rows import Rows


class Keeping(nn.Module, ABC):
    """A penalty that keeps rows whose labels are known; they are not saved with it."""

    @abstractmethod
    def keep(self, rows: Rows) -> None:
        """Keep training rows of which all that is given is known."""
