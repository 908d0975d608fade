"""A model as torch's own programs (.pt2), which run without vaekit."""

from __future__ import annotations

from pathlib import Path

import torch

from vaekit.runs.exports.programs import Exportable, unchecked, write_programs
from vaekit.runs.trained import Trained


def write_torch(trained: Trained, folder: Path) -> list[str]:
    """Write encoder.pt2, decoder.pt2, and where it can be density.pt2, for any number of rows;
    about.json says what goes in and comes out.

    Args:
        trained: the model.
        folder: to write into.

    Returns:
        What could not be written, in words.

    Raises:
        BadInput: where encoder or decoder cannot be written.
    """
    return write_programs(trained, folder, ".pt2", _save)


def _save(part: Exportable, path: Path, told: str) -> None:
    with unchecked():
        torch.export.save(part.program(), path, extra_files={"about.json": told})
