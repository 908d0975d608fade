"""What a model is made of: its layers, their shapes and parameters, and how they connect."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from vaekit.models.drawing import Recorder, at_mean
from vaekit.recipes.recipe import FROM_DATA
from vaekit.rows import Rows
from vaekit.runs.config import Config
from vaekit.runs.folder import SCORES
from vaekit.runs.trained import Trained
from vaekit.system.checks import BadInput, printable, size_text
from vaekit.system.records import Part, read_json

HEALTH = (
    "diagnosis", "kl_per_dimension", "kl", "mutual_information", "total_correlation", "marginal_kl",
)  # fmt: skip


@dataclass(frozen=True)
class Layer:
    """One layer as it was called: ``connected_to`` names the layers whose outputs it took."""

    name: str
    kind: str
    output: str
    parameters: int
    connected_to: str


def layers(
    net: nn.Module, inputs: Sequence[Tensor], run: Callable[[], Any] | None = None
) -> list[Layer]:
    """The layers of ``net`` in the order in which they run.

    A container appears only where it makes something of its own (a sum, a concatenation).

    Args:
        net: what is looked into.
        inputs: what it is called with, (rows, *shape) each.
        run: what runs it, if that is not a call with the inputs.
    """
    found = [Layer("input", "Input", size_text(x.shape[1:]), 0, "") for x in inputs]
    makers: dict[int, str] = {id(x): "input" for x in inputs}
    alive = [*inputs]

    def record(name: str, module: nn.Module, inputs: tuple[Any, ...], output: Any) -> None:
        if not isinstance(output, Tensor) or id(output) in makers:
            return
        sources = [makers.get(id(t), "...") for t in inputs if isinstance(t, Tensor)]
        count = sum(p.numel() for p in module.parameters(recurse=False))
        shape = size_text(output.shape[1:])
        found.append(Layer(name, type(module).__name__, shape, count, ", ".join(sources)))
        makers[id(output)] = name
        alive.append(output)

    with _forward_hooks(net, record), torch.inference_mode():
        run() if run else net(*inputs)
    return found


@contextmanager
def _forward_hooks(net: nn.Module, record: Any) -> Iterator[None]:
    """Call ``record(name, module, inputs, output)`` after every module inside ``net`` has run."""

    def hook(name: str) -> Any:
        return lambda module, inputs, output: record(name, module, inputs, output)

    handles = [m.register_forward_hook(hook(name)) for name, m in net.named_modules() if name]
    try:
        yield
    finally:
        for handle in handles:
            handle.remove()


def scores_in(path: Path) -> dict[str, Any] | None:
    """What a file of scores says of the latents; None if there is no file.

    Raises:
        BadInput: for a file of anything else.
    """
    if not path.is_file():
        return None
    try:
        part = Part(read_json(path, constants=True), SCORES)
        return {
            "diagnosis": part.maybe_text("diagnosis"),
            "kl_per_dimension": [*part.numbers("kl_per_dimension")]
            if part.has("kl_per_dimension")
            else None,
            **{name: part.number(name) if part.has(name) else None for name in HEALTH[2:]},
        }
    except BadInput as error:
        raise BadInput(f"{error}: make {path} anew: vaekit report {path.parent}") from error


def describe(trained: Trained, scores: dict[str, Any] | None = None) -> dict[str, Any]:
    """Everything :func:`as_text` shows, for machines; ``scores`` are those of an evaluation."""
    model, config = trained.model, trained.config
    x = torch.zeros(1, *trained.representation.shape)
    rows = Rows(x, config.conditions.unknown(1))
    parts = model.networks(rows)
    tables = {part: layers(net, inputs) for part, (net, inputs) in parts.items()}
    counts = {part: count(net) for part, (net, _) in parts.items()}
    if not parts:
        tables = {"model": layers(model, [x], lambda: model(Recorder(1, 1, at_mean), rows))}
    if rest := count(model) - sum(counts.values()):
        counts["other" if parts else "model"] = rest
    return {
        "health": None if scores is None else {name: scores.get(name) for name in HEALTH},
        **_origin(config),
        "layers": {part: [asdict(layer) for layer in table] for part, table in tables.items()},
        "parameters": {**counts, "total": count(model)},
    }


def _origin(config: Config) -> dict[str, Any]:
    """Where a model comes from; what it is given only where it is given something."""
    data = config.data.to_json()
    given = {"conditions": config.conditions.to_json()} if config.conditions else {}
    prior = {} if config.prior is None else {"prior": config.prior.text}
    return {
        "recipe": config.recipe,
        "arguments": dict(config.arguments),
        "likelihood": config.likelihood.to_json(),
        "data": {k: v for k, v in data.items() if k not in ("columns", "label_names")},
        **given,
        **prior,
        "plan": asdict(config.plan),
        **({"history": lines} if (lines := config.history.lines) else {}),
        "vaekit": config.vaekit,
    }


def count(module: nn.Module) -> int:
    """How many numbers are learned."""
    return sum(p.numel() for p in module.parameters())


def as_text(found: dict[str, Any]) -> str:
    """The description as aligned text."""
    data, plan = found["data"], found["plan"]
    arguments = {k: v for k, v in found["arguments"].items() if k not in FROM_DATA}
    lines = [
        f"recipe      {found['recipe']} ({_pairs(arguments)})",
        f"data        {data['name']}, {data['rows'].get('train', 0):,} training rows, "
        f"sha256 {data['fingerprint'][:12]}",
        f"likelihood  {found['likelihood']['name']}: {found['likelihood']['why']}",
        f"training    {_pairs(plan)}",
        *(f"{name:<11} {text}" for name, text in found.get("history", {}).items()),
        f"written by  vaekit {found['vaekit']}",
    ]
    names = ", ".join(c["name"] for c in found.get("conditions", ()))
    lines += [f"given       {names}"] if names else []
    prior = found.get("prior")
    lines += [f"prior       {prior}, fitted after training"] if prior else []
    lines += _health(found["health"])
    for part, table in found["layers"].items():
        lines += ["", *_table(part, table), f"{part}: {found['parameters'][part]:,} parameters"]
    lines += ["", f"total: {found['parameters']['total']:,} parameters"]
    return "\n".join(map(printable, lines))


def _health(health: dict[str, Any] | None) -> list[str]:
    """What the last evaluation found of the latents."""
    if health is None:
        return []
    kl = health.get("kl_per_dimension") or []
    lines = [f"latents     {health['diagnosis'] or 'were not judged'}"]
    lines += [f"            KL per unit, nats: {' '.join(f'{v:.2f}' for v in kl)}"] if kl else []
    known = [name for name in HEALTH[2:] if health.get(name) is not None]
    text = ", ".join(f"{name.replace('_', ' ')} {health[name]:.2f}" for name in known)
    return lines + ([f"            {text}"] if text else [])


def _table(part: str, table: list[dict[str, Any]]) -> list[str]:
    head = (f"{part} layer", "kind", "output shape", "parameters", "connected to")
    rows = [
        head,
        *(tuple(f"{v:,}" if isinstance(v, int) else v for v in row.values()) for row in table),
    ]
    widths = [max(len(row[i]) for row in rows) for i in range(len(head))]
    lines = [_line(row, widths) for row in rows]
    return [lines[0], "-" * len(lines[0]), *lines[1:]]


def _line(row: tuple[str, ...], widths: list[int]) -> str:
    cells = [
        c.rjust(w) if i == 3 else c.ljust(w)
        for i, (c, w) in enumerate(zip(row, widths, strict=True))
    ]
    return "  ".join(cells).rstrip()


def _pairs(values: dict[str, Any]) -> str:
    return ", ".join(f"{name} {value}" for name, value in values.items())
