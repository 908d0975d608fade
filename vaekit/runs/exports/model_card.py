"""The card of a model: what it is, of what data, how good, what it does not do, how to load it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from vaekit import recipes
from vaekit.data.readers.roles import LABEL
from vaekit.runs.citing import references
from vaekit.runs.command import command
from vaekit.runs.shown import typical
from vaekit.runs.trained import Trained
from vaekit.runs.unfinished import unfinished
from vaekit.system.checks import size_text
from vaekit.system.docstrings import summary_of
from vaekit.system.records import read_json

METRICS = (
    ("log_likelihood", "log p(x), by importance sampling", "nats per row"),
    ("elbo", "ELBO", "nats per row"),
    ("kl", "KL of the posterior from the prior", "nats per row"),
    ("bits_per_dimension", "bits per number", "bits"),
    ("mean_squared_error", "squared error of reconstruction", "per number, squared units of x"),
    ("active_units", "latent units in use", "units"),
)
LIMITS = (
    "It knows rows like those that it was trained on; of others its numbers say little.",
    "New rows may be like rows that it was trained on. Nothing here promises privacy.",
    "log p(x) is an estimate that is on average too low; compare it with numbers of the same data, "
    "the same units and the same number of samples alone.",
)


def model_card(trained: Trained, scores: Path | None) -> str:
    """README.md of a model: YAML for the hub, then text for people.

    Args:
        trained: the model.
        scores: scores.json of its evaluation, if there is one.
    """
    there = scores is not None and scores.is_file()
    found = dict(read_json(scores, constants=True)) if scores and there else {}
    title = f"{trained.config.recipe} on {trained.config.data.name}"
    parts = [
        _front(trained, title, found),
        f"# {title}",
        _what(trained),
        "## Data",
        _data(trained),
        "## How good it is",
        _metrics(found),
        "## What it does not do",
        _limits(trained, found),
        "## How to use it",
        _use(trained),
        "## How it was trained",
        f"```console\n{command(trained.config)}\n```",
        *_sources(trained),
    ]
    return "\n\n".join(parts) + "\n"


def _front(trained: Trained, title: str, found: dict[str, Any]) -> str:
    """The YAML on top; JSON is YAML."""
    usual = ["variational-autoencoder", "vae", "generative-model"]
    tags = [*dict.fromkeys([*usual, trained.config.recipe])]
    about: dict[str, Any] = {"library_name": "vaekit", "tags": tags}
    if len(trained.representation.shape) == 3:
        about["pipeline_tag"] = "unconditional-image-generation"
    measured = [
        {"type": key, "name": f"{name}, {unit}", "value": found[key]}
        for key, name, unit in METRICS
        if isinstance(found.get(key), int | float)
    ]
    if measured:
        data = {"name": trained.config.data.name, "type": trained.config.data.name, "split": "test"}
        task = {"type": "density-estimation", "name": "density estimation"}
        result = {"task": task, "dataset": data, "metrics": measured}
        about["model-index"] = [{"name": title, "results": [result]}]
    lines = (f"{name}: {json.dumps(value, ensure_ascii=False)}" for name, value in about.items())
    return "\n".join(["---", *lines, "---"])


def _what(trained: Trained) -> str:
    config = trained.config
    recipe = recipes.RECIPES.get(config.recipe)
    says = summary_of(recipe) if recipe else ""
    given = f", given {config.conditions.text}" if config.conditions else ""
    prior = f" Its p(z) was fitted after training: {config.prior.text}." if config.prior else ""
    numbers = sum(p.numel() for p in trained.model.parameters())
    return (
        f"{says}\n\nA model of rows of {size_text(trained.representation.shape)}"
        f"{given}: {trained.latent} latent numbers, p(x|z) {config.likelihood.name} "
        f"({config.likelihood.why}), {numbers:,} parameters.{prior}"
    )


def _data(trained: Trained) -> str:
    config, data = trained.config, trained.config.data
    rows = ", ".join(f"{count:,} for {split}" for split, count in data.rows.items())
    lines = [f"- {data.name}: {rows}", f"- SHA-256 of its contents: `{data.fingerprint}`"]
    if data.columns:
        lines.append(f"- columns: {', '.join(f'`{name}`' for name in data.columns)}")
    if data.label_names:
        seen = any(c.name == LABEL for c in config.conditions)
        which = "which it is given" if seen else "which it did not see"
        lines.append(f"- labels, {which}: {', '.join(data.label_names)}")
    if config.coding is not None:
        lines.append("- `config.json` holds the categories and the ranges of its columns")
    return "\n".join([*lines, *(f"- {text}" for text in config.likelihood.remarks)])


def _metrics(found: dict[str, Any]) -> str:
    if not found:
        return "It was not evaluated."
    lines = ["| measure | value | unit |", "|---|---|---|"]
    for key, name, unit in METRICS:
        if isinstance(found.get(key), int | float):
            error = found.get(f"{key}_error")
            spread = f" ± {error:.3g}" if isinstance(error, int | float) else ""
            lines.append(f"| {name} | {found[key]:,.4g}{spread} | {unit} |")
    samples = f", {found['samples']} importance samples each" if found.get("samples") else ""
    return "\n".join([*lines, "", f"On {found.get('rows', 0):,} test rows{samples}."])


def _limits(trained: Trained, found: dict[str, Any]) -> str:
    early = unfinished(trained.folder, trained.config)
    own = [
        *trained.config.likelihood.warnings,
        *([str(found["diagnosis"])] if found.get("diagnosis") else []),
        *([early.split(":")[0].capitalize() + "."] if early else []),
        *([] if trained.has_density else ["It is an autoencoder: it has no density."]),
    ]
    return "\n".join(f"- {text}" for text in (*own, *LIMITS))


def _use(trained: Trained) -> str:
    told = typical(trained)
    given = f", given={told!r}" if told else ""
    return f"""```console
pip install 'vaekit[hub]'
```

```python
import vaekit

model = vaekit.load("hf://OWNER/NAME")  # or the folder that holds these files
rows = model.sample(16, seed=0{given})
codes = model.encode(rows{given})
```"""


def _sources(trained: Trained) -> Iterator[str]:
    if found := references(trained):
        yield "## Sources"
        yield "\n".join(f"- {text}" for text in found)
