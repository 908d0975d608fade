"""All that changes while a model is trained."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterable
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.parallel import DistributedDataParallel

from vaekit.objectives import Objective
from vaekit.system.checks import require
from vaekit.system.devices import CPU
from vaekit.system.precision import dtype_for
from vaekit.training.distributed import Passes, together, world
from vaekit.training.plan import Plan

OLDEST_THAT_SPLITS = (2, 13)


class Session:
    """A model in training: its weights, the optimiser's memory, the averaged weights, the step.

    ``watch`` is called before the weights are kept or looked at: who trains on a device that
    reports late raises :class:`~vaekit.training.step.Diverged` there.

    Args:
        steps: how many updates there are to be in all.
        device: where the model is trained.
        split_weights: whether each of several processes is to hold a share of the weights only,
            of their gradients, the optimiser's memory and the averaged weights.
        record: whether updates may be recorded, where they can be.

    Raises:
        BadInput: if this version of torch cannot split weights.
    """

    def __init__(
        self,
        model: nn.Module,
        objective: Objective,
        plan: Plan,
        steps: int,
        device: torch.device = CPU,
        *,
        split_weights: bool = False,
        record: bool = True,
    ) -> None:
        self.record = record
        self.model, self.objective, self.plan, self.steps = model, objective, plan, steps
        self.device, self.precision = device, dtype_for(plan.precision, device)
        self.averaged = copy.deepcopy(model) if plan.ema else model
        self.shapes = {name: tensor.shape for name, tensor in model.state_dict().items()}
        self.world = world()
        self.is_split = split_weights and self.world.size > 1
        self.passes = self._split() if self.is_split else self._whole()
        self.parameters = list({id(p): p for p in self._all_parameters()}.values())
        self.optimizer = torch.optim.AdamW(
            self.parameters,
            lr=plan.lr,
            eps=plan.epsilon,
            weight_decay=plan.weight_decay,
            fused=True,
        )
        self.rate = plan.learning_rate(steps)
        self.step = 0
        self.watch: Callable[[], None] = lambda: None

    def _whole(self) -> Passes | DistributedDataParallel:
        """The passes where every process holds all weights."""
        for model in (self.model, self.averaged):
            model.to(self.device, memory_format=torch.channels_last)  # type: ignore[call-overload]
        self.objective.to(self.device)
        return together(Passes(self.model, self.objective), self.world)

    def _split(self) -> Passes:
        """The passes where every process holds a share of all weights."""
        require(
            torch.__version__ >= OLDEST_THAT_SPLITS,  # type: ignore[operator]
            f"splitting weights needs torch 2.13 or newer, and this is {torch.__version__}: "
            "upgrade it, or leave --split-weights out",
        )
        from vaekit.training.fsdp import split_model, split_passes  # slow to import

        self.objective.to(self.device)
        if self.averaged is not self.model:
            split_model(self.averaged, self.objective, self.world, self.device)
        return split_passes(self.model, self.objective, self.world, self.device)

    def _all_parameters(self) -> list[nn.Parameter]:
        return [*self.model.parameters(), *self.objective.parameters()]

    def back_to_training(self) -> None:
        """After the model has been looked at."""
        self.model.train()
        if self.is_split:
            from vaekit.training.fsdp import let_go

            let_go(self.passes)
            let_go(self.averaged)

    def clip(self) -> Tensor:
        """Shorten the gradients that lie on the parameters to the plan's largest norm; returns
        their norm before, over all processes."""
        gradients = [p.grad for p in self.parameters if p.grad is not None]
        norm = nn.utils.get_total_norm(gradients)
        if self.plan.clip:
            nn.utils.clip_grads_with_norm_(self.parameters, self.plan.clip, norm)
        return self.gathered(norm)

    def gathered(self, tensor: Tensor) -> Tensor:
        """A tensor that may be split, whole; all processes must ask for it."""
        if not self.is_split:
            return tensor
        from vaekit.training.fsdp import whole

        return whole(tensor)

    def best(self) -> dict[str, Tensor]:
        """A copy of the weights to evaluate with, this process's share if they are split."""
        return {name: tensor.clone() for name, tensor in self.averaged.state_dict().items()}

    def whole(self, weights: dict[str, Tensor]) -> dict[str, Tensor]:
        """Weights of :meth:`best` gathered; the processes but the first get none of them."""
        found = {}
        for name, tensor in weights.items():
            gathered = self.gathered(tensor)
            if self.world.is_first:
                found[name] = gathered.cpu().reshape(self.shapes[name])
        return found

    def dials(self, step: int) -> list[float]:
        """What changes from update to update: the learning rate, the share of the new weights in
        their average, and the penalties' weights."""
        return [self.rate(step), self.share(step), *self.objective.weights(step)]

    def share(self, step: int) -> float:
        """Of the new weights in their average."""
        return 1 - min(self.plan.ema, (2 + step) / (11 + step))

    def update(self) -> float:
        """Apply the gradients that lie on the parameters; returns the learning rate used."""
        rate = self.rate(self.step)
        self.apply(rate, self.share(self.step))
        self.step += 1
        return rate

    def apply(self, rate: float | Tensor, share: float | Tensor) -> None:
        """Move the weights along the gradients that lie on them, and their average after them."""
        for group in self.optimizer.param_groups:
            group["lr"] = rate
        self.optimizer.step()
        for parameter in self.parameters:
            parameter.grad = None
        if self.averaged is not self.model:
            self._average(share)

    @torch.no_grad()
    def _average(self, share: float | Tensor) -> None:
        average, current = ([*m.parameters()] for m in (self.averaged, self.model))
        if isinstance(share, Tensor):
            steps = torch._foreach_sub(current, average)  # type: ignore[arg-type]
            torch._foreach_mul_(steps, share)
            torch._foreach_add_(average, steps)  # type: ignore[arg-type]
        else:
            torch._foreach_lerp_(average, current, share)  # type: ignore[arg-type]
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

    def places(self, names: Iterable[str]) -> dict[str, Tensor]:
        """For names of :meth:`tensors`, what has the shape (and share) that each is to have here:
        the tensor itself, or the parameter whose memory it is. Counts of steps have none."""
        weights = {f"optimizer.{number}": p for number, p in enumerate(self.parameters)}
        memory = [name for name in names if not name.endswith(".step")]
        found = {name: weights.get(name.rpartition(".")[0]) for name in memory}
        return {name: p for name, p in found.items() if p is not None} | {
            name: t for name, t in self.tensors().items() if not name.startswith("optimizer.")
        }

    def _fitted(self, tensor: Tensor, place: Tensor) -> Tensor:
        """A restored tensor as it is held here; a single number is a vector of one if split."""
        if tensor.numel() == place.numel() == 1:
            tensor = tensor.reshape(place.shape)
        if not self.is_split:
            return tensor
        from vaekit.training.fsdp import like

        return like(tensor, place)

    def restore(self, step: int, tensors: dict[str, Tensor]) -> None:
        """Go back to where :meth:`tensors` was taken."""
        self.step = step
        parts = ("model", "objective", "averaged", "optimizer")
        places = self.places(tensors)
        tensors = {n: self._fitted(t, places[n]) if n in places else t for n, t in tensors.items()}
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
