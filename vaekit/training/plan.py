"""How to train: numbers only."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field, replace
from functools import cache
from typing import Annotated, Any, get_type_hints

from vaekit.objectives.schedules import Schedule, cosine, lagging, product, ramp
from vaekit.system.precision import PRECISIONS
from vaekit.system.ranges import (
    Above,
    Count,
    OneOf,
    Range,
    ShareBelow,
    Swept,
    Weight,
    Whole,
    check_value,
)

MOST_PARTS, MOST_LAG = 4096, 1000
NEWER = ("lag",)
EARLY = 0.2  # share of all updates in which what generates lags behind what infers

DECAYS: dict[str, Callable[[int], Schedule]] = {
    "cosine": lambda steps: cosine(1.0, 0.0, steps),
    "constant": lambda steps: ramp(1.0, 1.0, steps),
}


@dataclass(frozen=True)
class Length:
    """How long a training is where nobody says it: as many passes over the rows as make so many
    updates, within limits.

    Args:
        updates: in all.
        fewest: passes at least.
        most: passes at most.
    """

    updates: int = 4_000
    fewest: int = 20
    most: int = 2_000

    def epochs(self, per_epoch: int) -> int:
        """Passes, of so many updates each."""
        return min(max(-(-self.updates // per_epoch), self.fewest), self.most)


USUAL = Length()


@dataclass(frozen=True)
class Suited:
    """What suits a number of rows, where nobody says otherwise.

    Args:
        length: of the training.
        plan: other values of the plan than the recipe's usual ones.
    """

    length: Length = USUAL
    plan: Mapping[str, float | str] = field(default_factory=dict)


@dataclass(frozen=True)
class Plan:
    """How a model is trained.

    Args:
        epochs: passes over the training rows; 0: as many as make 4,000 updates, 20 to 2,000 (of
            tables of mixed columns at most 300; of 24,000 rows or more 2,000, at least 8).
        batch: rows per update.
        parts: of a batch, computed one after the other, their gradients added up (less memory);
            several processes share them out. 0: as many as there are processes.
        lr: highest learning rate.
        decay: of the learning rate: constant (weights are averaged), or a cosine to zero.
        warmup: share of all updates over which the learning rate rises from zero.
        weight_decay: AdamW's.
        epsilon: Adam's.
        clip: largest norm of the gradient of a row's loss in nats; 0 for no limit.
        ema: weights are averaged with this decay per update; 0 for no averaging.
        lag: updates of what infers, q(z|x), alone before each one of all weights, in the first
            fifth of the training: against codes that say nothing where the decoder is strong
            (He et al. 2019). 0 for none.
        patience: stop after this many epochs without a better validation loss; 0 for never.
        seed: of initial weights, order and noise.
        precision: of the networks in training: fp32, bf16, or auto (bf16 where the hardware has
            it). Densities and losses are always computed in fp32.
    """

    epochs: Whole = 0
    batch: Count = 128
    parts: Annotated[int, Range(0, MOST_PARTS)] = 0
    lr: Annotated[Above, Swept(1e-4, 1e-2, log=True)] = 1e-3
    decay: Annotated[str, OneOf("decay", DECAYS)] = "constant"
    warmup: ShareBelow = 0.02
    weight_decay: Weight = 0.0
    epsilon: Above = 1e-8
    clip: Weight = 1000.0
    ema: ShareBelow = 0.999
    lag: Annotated[int, Range(0, MOST_LAG), Swept(0, 20)] = 0
    patience: Whole = 0
    seed: Whole = 0
    precision: Annotated[str, OneOf("precision", PRECISIONS)] = "auto"

    def __post_init__(self) -> None:
        for name, kind in kinds().items():
            check_value(name, kind, getattr(self, name))

    def to_json(self) -> dict[str, float | str]:
        """Its values by name; of those that older versions do not know, the ones that change
        something."""
        return {name: v for name, v in asdict(self).items() if v or name not in NEWER}

    def sized(self, per_epoch: int, usual: Length = USUAL) -> Plan:
        """The same plan with its number of epochs settled, for this many updates an epoch.

        Args:
            per_epoch: updates in a pass over the rows.
            usual: how long a training is whose passes are not said.
        """
        return replace(self, epochs=self.epochs or usual.epochs(per_epoch))

    def learning_rate(self, steps: int) -> Schedule:
        """The learning rate of each of ``steps`` updates."""
        warm = int(self.warmup * steps)
        rise = ramp(1 / (warm + 1), 1.0, warm)
        return product(ramp(self.lr, self.lr, 1), rise, DECAYS[self.decay](steps))

    def pace(self, steps: int) -> Schedule:
        """What the learning rate of all that does not infer is multiplied by at each of ``steps``
        updates."""
        return lagging(self.lag, int(EARLY * steps) if self.lag else 0)


@cache
def kinds() -> dict[str, Any]:
    """What type each value of a plan has, with its rules."""
    return get_type_hints(Plan, include_extras=True)
