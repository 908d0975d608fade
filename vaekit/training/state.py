"""All that changes while a model is trained."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterable
from typing import Any

import torch
from torch import Tensor, nn

from vaekit.models import Graph
from vaekit.objectives import Objective
from vaekit.running_means import RunningMeans
from vaekit.system.checks import require, size_text
from vaekit.system.devices import CPU
from vaekit.system.modules import load_state, state_of
from vaekit.system.precision import dtype_for
from vaekit.training.distributed import world
from vaekit.training.plan import Plan
from vaekit.training.weights import weights_held


class TrainingState:
    """A model in training: its weights, the optimiser's memory, the averaged weights, the step.

    ``watch`` is called before the weights are kept or looked at: who trains on a device that
    reports late raises :class:`~vaekit.training.step.Diverged` there.

    Args:
        model: what is trained.
        objective: what it minimises; its critics have groups of the optimiser of their own.
        plan: how.
        steps: how many updates there are to be in all.
        device: where the model is trained.
        shard: whether each of several processes is to hold a share of the weights only, of their
            gradients, the optimiser's memory and the averaged weights.
        capture: whether updates may be captured as CUDA graphs, where they can be.

    Raises:
        BadInput: if this version of torch cannot shard weights.
    """

    def __init__(
        self,
        model: Graph,
        objective: Objective,
        plan: Plan,
        steps: int,
        device: torch.device = CPU,
        *,
        shard: bool = False,
        capture: bool = True,
    ) -> None:
        self.capture = capture
        self.model, self.objective, self.plan, self.steps = model, objective, plan, steps
        self.device, self.precision = device, dtype_for(plan.precision, device)
        self.averaged = copy.deepcopy(model) if plan.ema else model
        self.shapes = {name: tensor.shape for name, tensor in state_of(model).items()}
        self.world = world()
        models: list[nn.Module] = [model] if self.averaged is model else [model, self.averaged]
        shard = shard and self.world.size > 1
        self.weights = weights_held(models, objective, self.world, device, shard=shard)
        self.passes = self.weights.passes
        self.means = self._means()
        self.optimizer = self._optimizer()
        self.rate, self.pace = plan.learning_rate(steps), plan.pace(steps)
        self.step = 0
        self.watch: Callable[[], None] = lambda: None

    def _means(self) -> torch.optim.Optimizer | None:
        """What moves running means, which have no learning rate; None where there are none."""
        found = [m for m in self.model.modules() if isinstance(m, RunningMeans)]
        groups = [{"params": _learned(m), "lr": 1 - m.memory} for m in found]
        return torch.optim.SGD(groups, fused=True) if groups else None

    @property
    def optimizers(self) -> list[torch.optim.Optimizer]:
        """All that move something."""
        return [self.optimizer, *([] if self.means is None else [self.means])]

    def _optimizer(self) -> torch.optim.Optimizer:
        """One group for the model, or two where what generates lags behind what infers; and one for
        each critic, at a share of the model's rate."""
        groups: list[dict[str, Any]] = self._groups_of_model()
        for critic in self.objective.critics:
            share = critic.lr / self.plan.lr
            groups.append({"params": _learned(critic), "clip": critic.clip, "share": share})
        self.parameters = [p for group in groups for p in group["params"]]
        plan = self.plan
        return torch.optim.AdamW(
            groups, lr=plan.lr, eps=plan.epsilon, weight_decay=plan.weight_decay, fused=True
        )

    def _groups_of_model(self) -> list[dict[str, Any]]:
        means = {p for g in self.means.param_groups for p in g["params"]} if self.means else {}
        learned, clip = [p for p in _learned(self.model) if p not in means], self.plan.clip
        if not self.plan.lag:
            return [{"params": learned, "clip": clip}]
        ahead = {p for part in self.model.inferring for p in _learned(part)}
        behind = [p for p in learned if p not in ahead]
        return [
            {"params": [p for p in learned if p in ahead], "clip": clip},
            {"params": behind, "clip": clip, "behind": True},
        ]

    def back_to_training(self) -> None:
        """After the model has been looked at."""
        self.model.train()
        self.weights.reshard()

    def clip(self) -> Tensor:
        """Shorten the gradients that lie on the parameters to their groups' largest norms;
        returns the norm of all before, over all processes."""
        norms = [self._clip(group) for group in self.optimizer.param_groups]
        return norms[0] if len(norms) == 1 else torch.stack(norms).square().sum().sqrt()

    def _clip(self, group: dict[str, Any]) -> Tensor:
        gradients = [p.grad for p in group["params"] if p.grad is not None]
        norm = nn.utils.get_total_norm(gradients)
        if group["clip"]:
            nn.utils.clip_grads_with_norm_(group["params"], group["clip"], norm)
        return self.weights.gather(norm)

    def best(self) -> dict[str, Tensor]:
        """A copy of the weights to evaluate with, this process's share if they are sharded."""
        return {name: tensor.clone() for name, tensor in state_of(self.averaged).items()}

    def whole(self, weights: dict[str, Tensor]) -> dict[str, Tensor]:
        """Weights of :meth:`best` gathered; the processes but rank 0 get none of them."""
        found = {}
        for name, tensor in weights.items():
            gathered = self.weights.gather(tensor)
            if self.world.is_first:
                found[name] = gathered.cpu().reshape(self.shapes[name])
        return found

    def schedule_values(self, step: int) -> list[float]:
        """What changes from update to update: the learning rate, its multiple for what lags behind,
        the share of the new weights in their average, and the objective's weights."""
        of_plan = [self.rate(step), self.pace(step), self.share(step)]
        return [*of_plan, *self.objective.weights(step)]

    def share(self, step: int) -> float:
        """Of the new weights in their average."""
        return 1 - min(self.plan.ema, (2 + step) / (11 + step))

    def update(self) -> float:
        """Apply the gradients that lie on the parameters; returns the learning rate used."""
        rate = self.rate(self.step)
        self.apply(rate, self.pace(self.step), self.share(self.step))
        self.step += 1
        return rate

    def apply(self, rate: float | Tensor, pace: float | Tensor, share: float | Tensor) -> None:
        """Move the weights along the gradients that lie on them, and their average after them."""
        for group in self.optimizer.param_groups:
            own = rate * pace if "behind" in group else rate
            group["lr"] = own * group["share"] if "share" in group else own
        for optimizer in self.optimizers:
            optimizer.step()
            optimizer.zero_grad()
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
        named = {f"model.{k}": v for k, v in state_of(self.model).items()}
        named |= {f"objective.{k}": v for k, v in state_of(self.objective).items()}
        if self.averaged is not self.model:
            named |= {f"averaged.{k}": v for k, v in state_of(self.averaged).items()}
        for number, memory in self.optimizer.state_dict()["state"].items():
            named |= {f"optimizer.{number}.{k}": v for k, v in memory.items()}
        return named

    def places(self, names: Iterable[str]) -> dict[str, Tensor]:
        """For names of :meth:`tensors`, what has the shape (and shard) that each is to have here:
        the tensor itself, or the parameter whose memory it is. Counts of steps have none."""
        weights = {f"optimizer.{number}": p for number, p in enumerate(self.parameters)}
        memory = [name for name in names if not name.endswith(".step")]
        found = {name: weights.get(name.rpartition(".")[0]) for name in memory}
        return {name: p for name, p in found.items() if p is not None} | {
            name: t for name, t in self.tensors().items() if not name.startswith("optimizer.")
        }

    def _fitted(self, tensor: Tensor, place: Tensor) -> Tensor:
        """A restored tensor as it is held here; a single number is a vector of one if sharded."""
        if tensor.numel() == place.numel() == 1:
            tensor = tensor.reshape(place.shape)
        require(
            tensor.shape == place.shape,
            "the checkpoint is of a model of another size: it holds a tensor of "
            f"{size_text(tensor.shape)} where one of {size_text(place.shape)} is needed",
        )
        return self.weights.shard_like(tensor, place)

    def restore(self, step: int, tensors: dict[str, Tensor]) -> None:
        """Go back to where :meth:`tensors` was taken."""
        self.step = step
        parts = ("model", "objective", "averaged", "optimizer")
        places = self.places(tensors)
        tensors = {n: self._fitted(t, places[n]) if n in places else t for n, t in tensors.items()}
        own = {part: _below(part, tensors) for part in parts}
        load_state(self.model, own["model"])
        load_state(self.objective, own["objective"])
        if self.averaged is not self.model:
            load_state(self.averaged, own["averaged"])
        self._restore_optimizer(own["optimizer"])

    def _restore_optimizer(self, tensors: dict[str, Tensor]) -> None:
        memory: dict[int, dict[str, Any]] = {}
        for name, value in tensors.items():
            number, key = name.split(".")
            memory.setdefault(int(number), {})[key] = value
        state = self.optimizer.state_dict()
        self.optimizer.load_state_dict({**state, "state": memory})


def _learned(module: nn.Module) -> list[nn.Parameter]:
    return [p for p in module.parameters() if p.requires_grad]


def _below(prefix: str, tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    start = prefix + "."
    return {k.removeprefix(start): v for k, v in tensors.items() if k.startswith(start)}
