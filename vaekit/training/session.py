"""All that changes while a model is trained."""

from __future__ import annotations

import copy
from typing import Any

import torch
from torch import Tensor, nn

from vaekit.objectives import Objective
from vaekit.precision import dtype_for
from vaekit.training.plan import Plan
from vaekit.training.world import Passes, together, world

CPU = torch.device("cpu")


class Session:
    """A model in training: its weights, the optimiser's memory, the averaged weights, the step.

    Args:
        steps: how many updates there are to be in all.
        device: where the model is trained.
    """

    def __init__(
        self,
        model: nn.Module,
        objective: Objective,
        plan: Plan,
        steps: int,
        device: torch.device = CPU,
    ) -> None:
        self.model = model.to(device, memory_format=torch.channels_last)  # type: ignore[call-overload]
        self.objective, self.plan, self.steps = objective.to(device), plan, steps
        self.device, self.precision = device, dtype_for(plan.precision, device)
        self.parameters = list({id(p): p for p in self._all_parameters()}.values())
        self.optimizer = torch.optim.AdamW(
            self.parameters,
            lr=plan.lr,
            eps=plan.epsilon,
            weight_decay=plan.weight_decay,
            fused=True,
        )
        self.averaged = copy.deepcopy(model) if plan.ema else model
        self.world = world()
        self.passes = together(Passes(self.model, self.objective), self.world)
        self.rate = plan.learning_rate(steps)
        self.step = 0

    def _all_parameters(self) -> list[nn.Parameter]:
        return [*self.model.parameters(), *self.objective.parameters()]

    def update(self) -> float:
        """Apply the gradients that lie on the parameters; returns the learning rate used."""
        rate = self.rate(self.step)
        for group in self.optimizer.param_groups:
            group["lr"] = rate
        self.optimizer.step()
        self.optimizer.zero_grad(set_to_none=True)
        self.step += 1
        self._average()
        return rate

    @torch.no_grad()
    def _average(self) -> None:
        if self.averaged is self.model:
            return
        decay = min(self.plan.ema, (1 + self.step) / (10 + self.step))
        average, current = (list(m.parameters()) for m in (self.averaged, self.model))
        torch._foreach_lerp_(average, current, 1 - decay)
        for old, new in zip(self.averaged.buffers(), self.model.buffers(), strict=True):
            old.copy_(new)

    def tensors(self) -> dict[str, Tensor]:
        """Everything a resumed run needs, by name."""
        named = {f"model.{k}": v for k, v in self.model.state_dict().items()}
        named |= {f"objective.{k}": v for k, v in self.objective.state_dict().items()}
        if self.averaged is not self.model:
            named |= {f"averaged.{k}": v for k, v in self.averaged.state_dict().items()}
        for number, memory in self.optimizer.state_dict()["state"].items():
            named |= {f"optimizer.{number}.{k}": v for k, v in memory.items()}
        return named

    def restore(self, step: int, tensors: dict[str, Tensor]) -> None:
        """Go back to where :meth:`tensors` was taken."""
        self.step = step
        parts = ("model", "objective", "averaged", "optimizer")
        own = {part: _below(part, tensors) for part in parts}
        self.model.load_state_dict(own["model"])
        self.objective.load_state_dict(own["objective"])
        if self.averaged is not self.model:
            self.averaged.load_state_dict(own["averaged"])
        self._restore_optimizer(own["optimizer"])

    def _restore_optimizer(self, tensors: dict[str, Tensor]) -> None:
        memory: dict[int, dict[str, Any]] = {}
        for name, value in tensors.items():
            number, key = name.split(".")
            memory.setdefault(int(number), {})[key] = value
        state = self.optimizer.state_dict()
        self.optimizer.load_state_dict({**state, "state": memory})


def _below(prefix: str, tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    start = prefix + "."
    return {k.removeprefix(start): v for k, v in tensors.items() if k.startswith(start)}
