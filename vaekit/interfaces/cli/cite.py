"""The command that names the papers behind a model."""

from __future__ import annotations

from vaekit.interfaces.cli.common import SHOWN, Shown
from vaekit.interfaces.cli.shared import Model
from vaekit.recipes.citations import bibtex
from vaekit.runs.citing import references
from vaekit.runs.trained import Trained


def cite(model: Model, /, *, work: Shown = SHOWN) -> None:
    """The papers behind a model, as BibTeX: those of its recipe and of its parts."""
    work.begin()
    found = references(Trained.load(model))
    entries = bibtex(found)
    work.show(
        {"references": found, "bibtex": entries}, lambda: print("\n\n".join(entries.values()))
    )
