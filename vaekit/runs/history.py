"""What a model's plan does not say of its past: what it was begun from, and earlier plans."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any

from vaekit.system.checks import require

Json = dict[str, Any]


@dataclass(frozen=True)
class EarlierPlan:
    """A plan by which a run was trained before it was given another length.

    Args:
        until: how many updates were done when it ended.
        epochs: that were planned.
    """

    until: int
    epochs: int


@dataclass(frozen=True)
class Start:
    """The trained model whose weights a run began with.

    Args:
        model: the folder it lay in.
        weights: sha256 of its file of weights.
        data: what it was trained on.
        fingerprint: of that data.
    """

    model: str
    weights: str
    data: str
    fingerprint: str


@dataclass(frozen=True)
class History:
    """How a run came to the plan that its configuration names; mostly nothing.

    Args:
        plans: earlier ones, the first one first.
        start: what the run began with, if not with fresh weights.
    """

    plans: tuple[EarlierPlan, ...] = ()
    start: Start | None = None

    def ended(self, until: int, epochs: int) -> History:
        """The same after a plan of so many epochs has ended; one that was followed for no update
        at all is none."""
        followed = until > max((plan.until for plan in self.plans), default=0)
        plans = (*self.plans, EarlierPlan(until, epochs)) if followed else self.plans
        return History(plans, self.start)

    @property
    def lines(self) -> dict[str, str]:
        """What there is of it as people read it, by name."""
        plans = [f"for {p.epochs} epochs until update {p.until:,}" for p in self.plans]
        lines = {"earlier": f"planned {', '.join(plans)}"} if plans else {}
        start = self.start
        return lines | ({"start": f"from {start.model}, trained on {start.data}"} if start else {})

    def to_json(self) -> Json:
        """What there is of it."""
        plans = {"plans": [asdict(plan) for plan in self.plans]} if self.plans else {}
        return plans | ({"start": asdict(self.start)} if self.start else {})

    @classmethod
    def from_json(cls, found: Any) -> History:
        """The reverse of :meth:`to_json`.

        Raises:
            ValueError: for anything that it cannot have written.
        """
        good = isinstance(found, dict) and found.keys() <= {"plans", "start"}
        require(good, "history must hold plans, or a start, or both")
        plans, start = found.get("plans", []), found.get("start")
        require(isinstance(plans, list), "the plans of the history must be a list")
        made = tuple(EarlierPlan(**_fields(EarlierPlan, plan, int)) for plan in plans)
        return cls(made, None if start is None else Start(**_fields(Start, start, str)))


NO_HISTORY = History()


def _fields(kind: type[Any], found: Any, of: type) -> Mapping[str, Any]:
    names = [field.name for field in fields(kind)]
    good = isinstance(found, dict) and found.keys() == set(names)
    good = good and all(type(v) is of for v in found.values())
    require(good, f"each part of the history must hold {', '.join(names)}")
    return found
