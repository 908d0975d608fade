"""A model in a few lines: what it is, of what data, how good, and where it is kept; and as a page
to explore."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

from vaekit.evaluation.figures import html_row, short
from vaekit.runs.folder import SCORES
from vaekit.system.checks import BadInput, size_text
from vaekit.system.records import Part, read_json

if TYPE_CHECKING:
    from vaekit.runs.trained import Trained

WIDEST = 100


def lines(trained: Trained) -> dict[str, str]:
    """What there is to say of a model, by name, a line each."""
    config, model = trained.config, trained.model
    rows, latents = config.data.rows, model.latents
    numbers = sum(p.numel() for p in model.parameters())
    each = ", ".join(f"{name} {dim}" for name, dim in latents.items()) if len(latents) > 1 else ""
    given = ", ".join(c.name for c in config.conditions)
    found: dict[str, str | None] = {
        "model": f"{config.recipe} (vaekit {config.vaekit})",
        "data": f"{Path(config.data.name).name}, {rows.get('train', 0):,} training rows of "
        f"{size_text(trained.representation.shape)}",
        "given": given or None,
        "p(x|z)": config.likelihood.name,
        "latents": f"{trained.latent}{f' ({each})' if each else ''}",
        "p(z)": None if config.prior is None else config.prior.text,
        "parameters": f"{numbers:,}",
        "scores": None if trained.folder is None else _scores(trained.folder / SCORES),
        "kept in": "memory alone: save(folder)" if trained.folder is None else str(trained.folder),
    }
    return {name: text[:WIDEST] for name, text in found.items() if text is not None}


def as_text(trained: Trained) -> str:
    """Those lines, values one below the other."""
    found = lines(trained)
    width = max(map(len, found))
    return "\n".join(f"{name:<{width}}  {text}" for name, text in found.items())


def as_html(trained: Trained) -> str:
    """The same as a table for a notebook."""
    cells = "".join(html_row(("th", n), ("td", text)) for n, text in lines(trained).items())
    return f"<table>{cells}</table>"


def explore(self: Trained, data: Any = None, **how: Any) -> Any:
    """Open a page on which rows, codes and decoder are seen together; a thread of its own serves
    it. What comes back knows the page's address, the rows that are selected on it (``rows``,
    ``selected``), and how to ``stop``.

    Args:
        data: anything that can be opened; by default the data it was trained on.
        how: see :func:`vaekit.explore`.

    Raises:
        BadInput: without the extra ``serve``, or data.
    """
    import vaekit  # the door is floors above, and the index knows it

    return vaekit.explore(self, data, **how)


def export(self: Trained, path: str | os.PathLike[str], **how: Any) -> list[str]:
    """Write the model as other programs take it.

    Args:
        path: of the file of a page, or of a folder.
        how: ``to``, which is "html", "atlas", "onnx", "torch", "diffusers" or "hub", ``force``
            and more: see :func:`vaekit.export`.

    Returns:
        What the export lacks, in words.

    Raises:
        BadInput: for a model that cannot be written so.
    """
    import vaekit

    return vaekit.export(self, path, **how)


def _scores(path: Path) -> str | None:
    """What the last evaluation found, if it is kept."""
    try:
        found = Part(read_json(path, constants=True), SCORES)
        named: dict[str, Any] = {
            text: found.number(name)
            for name, text in (("log_likelihood", "log p(x)"), ("elbo", "ELBO"))
            if found.has(name)
        }
    except (BadInput, OSError):
        return None
    told = ", ".join(f"{name} {short(value)}" for name, value in named.items())
    return f"{told} nats per row of {found.whole('rows'):,} test rows" if told else None
