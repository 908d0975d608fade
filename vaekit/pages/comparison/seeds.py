"""PCA, autoencoder and VAE side by side, with several seeds."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from vaekit.data import open_source
from vaekit.pages.comparison.trials import Comparison, compare_models
from vaekit.system.checks import BadInput
from vaekit.system.children import in_children
from vaekit.system.progress import say
from vaekit.system.records import read_json, write_json


def compare_seeds(
    data: str,
    label: str | None = None,
    *,
    seeds: int,
    processes: int = 1,
    kept: Path | None = None,
    latent: int = 2,
    epochs: int = 0,
    seed: int = 0,
) -> Comparison:
    """:func:`compare_models` with seeds ``seed`` to ``seed + seeds - 1``: each after the first in a
    process of its own.

    Args:
        data: name or path.
        label: column or array of labels.
        seeds: how many.
        processes: how many work at the same time.
        kept: file that remembers which seeds are done, so that the same call goes on; it goes when
            all are done.
        latent: numbers in a code.
        epochs: of the networks.
        seed: the first one.
    """
    source = open_source(data, label=label)
    asked = {"data": source.fingerprint, "label": label, "latent": latent, "epochs": epochs}
    done = {} if kept is None else _remembered(kept, asked)
    first = compare_models(source, latent=latent, epochs=epochs, seed=seed)
    others = [*range(seed + 1, seed + seeds)]
    ahead = [other for other in others if str(other) not in done]
    how = {"data": data, "label": label, "latent": latent, "epochs": epochs}
    tasks = [{**how, "seed": other} for other in ahead]
    call = "vaekit.pages.comparison.seeds:compare_again"
    for number, found in in_children(call, tasks, processes):
        if isinstance(found, ArithmeticError):
            raise found
        done[str(ahead[number])] = found
        if kept is not None:
            _remember(kept, asked, done)
        say(f"seed {ahead[number]}: ended; {len(done) + 1} of {seeds} are there")
    return replace(first, again=tuple(done[str(other)] for other in others))


def compare_again(data: str, label: str | None, latent: int, epochs: int, seed: int) -> Any:
    """The numbers of :func:`compare_models` for one seed, for JSON.

    Args:
        data: that can be opened.
        label: column or array of labels.
        latent: as there.
        epochs: as there.
        seed: as there.
    """
    source = open_source(data, label=label)
    return compare_models(source, latent=latent, epochs=epochs, seed=seed).alone()


def _remembered(path: Path, asked: Mapping[str, Any]) -> dict[str, Any]:
    """What was found of each seed before; nothing where something else was asked."""
    try:
        found = read_json(path) if path.is_file() else {}
    except BadInput:
        return {}
    return dict(found["done"]) if found.get("asked") == asked else {}


def _remember(path: Path, asked: Mapping[str, Any], done: Mapping[str, Any]) -> None:
    write_json(path, {"asked": asked, "done": done}, None)
