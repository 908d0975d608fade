"""Networks of rows of several modalities: an encoder and a decoder for each."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from vaekit.data_init import SeesSome


class ModalityEncoder(SeesSome):
    """``net`` of a modality of a row.

    Args:
        places: of its numbers in the flattened row.
        shape: that they have.
        net: from it and what is given to raw numbers.
    """

    def __init__(self, places: Sequence[int], shape: tuple[int, ...], net: nn.Module) -> None:
        super().__init__(places, shape)
        self.net = net

    def forward(self, x: Tensor, *given: Tensor) -> Tensor:
        """(rows, *row) to (rows, raw numbers)."""
        return self.net(self.own(x), *given)


class ModalityEncoders(nn.Module):
    """Raw numbers of an expert for each modality, side by side, and behind them for each 1 if some
    of it is there, else 0.

    Args:
        each: encoders.
        whole: one more, of all modalities, whose raw numbers follow theirs; None for none.
    """

    def __init__(self, each: Sequence[ModalityEncoder], whole: nn.Module | None = None) -> None:
        super().__init__()
        self.each, self.whole = nn.ModuleList(each), whole

    def forward(self, x: Tensor, *given: Tensor) -> Tensor:
        """(rows, *row) to (rows, raw numbers)."""
        there = [~net.own(x).flatten(1).isnan().all(1) for net in self.each]  # type: ignore[operator]
        nets = [*self.each, *([] if self.whole is None else [self.whole])]
        raw = [net(x, *given) for net in nets]
        return torch.cat([*raw, torch.stack(there, 1).to(raw[0].dtype)], 1)


class SeesPlaces(nn.Module):
    """``net`` of some numbers of a code, beside what is given.

    Args:
        places: of the numbers.
        net: of them and of what is given.
    """

    places: Tensor

    def __init__(self, places: Sequence[int], net: nn.Module) -> None:
        super().__init__()
        self.register_buffer("places", torch.tensor(places), persistent=False)
        self.net = net

    def forward(self, z: Tensor, *given: Tensor) -> Tensor:
        """What ``net`` gives."""
        return self.net(z[:, self.places], *given)


class SideBySide(nn.Module):
    """What several networks give of the same inputs, side by side as a vector."""

    def __init__(self, each: Sequence[nn.Module]) -> None:
        super().__init__()
        self.each = nn.ModuleList(each)

    def forward(self, *given: Tensor) -> Tensor:
        """(rows, numbers of all)."""
        return torch.cat([net(*given).flatten(1) for net in self.each], 1)


class Jointly(nn.Module):
    """``net`` of what several networks give of the same inputs.

    Args:
        each: of them; what they give lies side by side as a vector, none of it below 0.
        net: from that vector.
    """

    def __init__(self, each: Sequence[nn.Module], net: nn.Module) -> None:
        super().__init__()
        self.each, self.net = SideBySide(each), net

    def forward(self, *given: Tensor) -> Tensor:
        """What ``net`` gives."""
        return self.net(torch.relu(self.each(*given)))
