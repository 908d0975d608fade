"""A model as the files of a repository on a hub of models."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

from vaekit.data.published.catalogue import CATALOGUE
from vaekit.runs.exports.model_card import model_card
from vaekit.runs.exports.programs import called
from vaekit.runs.folder import SCORES
from vaekit.runs.trained import Trained
from vaekit.system.files import filling


def write_hub(trained: Trained, folder: Path) -> list[str]:
    """Write README.md (the model's card), config.json and model.safetensors, and scores.json where
    there is one. Where the data lies on this machine is left out.

    Args:
        trained: the model.
        folder: to write into.

    Returns:
        What could not be written, in words.
    """
    shared, lacks = without_places(trained), []
    with filling(folder) as temporary:
        shared.save(temporary)
        scores = None if trained.folder is None else trained.folder / SCORES
        if scores is not None and scores.is_file():
            shutil.copyfile(scores, temporary / SCORES)
        else:
            lacks.append(f"{SCORES}: the model was not evaluated in its folder")
        card = model_card(shared, scores)
        (temporary / "README.md").write_text(card, encoding="utf-8")
    return lacks


def without_places(trained: Trained) -> Trained:
    """The model, whose configuration says what its data is called but not where it lies."""
    data = trained.config.data
    opening = replace(data.opening, labels=None)
    named = data.open if data.open in CATALOGUE else None
    data = replace(data, name=called(data.name), open=named, opening=opening)
    return replace(trained, config=replace(trained.config, data=data))
