"""A model as torch's own programs (.pt2), which run without vaekit."""

from __future__ import annotations

import json
from pathlib import Path

import torch

from vaekit.runs.exports.programs import Unexportable, about, exportables, unchecked
from vaekit.runs.trained import Trained
from vaekit.system.files import filling


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
    parts, lacks = exportables(trained.to("cpu")), []
    told = about(trained, parts)
    with filling(folder) as temporary:
        for part in parts:
            try:
                with unchecked():
                    own = {**told, "outputs": told["outputs"][part.name]}
                    torch.export.save(
                        part.program(), temporary / f"{part.name}.pt2",
                        extra_files={"about.json": json.dumps(own)},
                    )  # fmt: skip
            except Unexportable as error:
                if part.name != "density":
                    raise
                lacks.append(f"{part.name}.pt2 ({error})")
                told["outputs"].pop(part.name)
        (temporary / "about.json").write_text(json.dumps(told, indent=2) + "\n", encoding="utf-8")
    return lacks
