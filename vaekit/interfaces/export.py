"""Models as other programs take them: one door to all kinds of export."""

from __future__ import annotations

import inspect
import os
from collections.abc import Callable
from dataclasses import dataclass, field
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

from vaekit.runs.outlets import FOLDER, Outlet
from vaekit.system.checks import known, require

if TYPE_CHECKING:
    from vaekit.runs.trained import Trained


MOST_ROWS = 10_000  # in a page


@dataclass(frozen=True)
class Export:
    """A kind of export.

    Args:
        home: the module of the function that writes it.
        function: takes the model, a path and options; returns what could not be written, in words.
        name: of what is written, unless somebody says.
        outlet: where it may go.
        takes_rows: whether rows are part of it.
    """

    home: str
    function: str
    name: str
    outlet: Outlet = field(default_factory=lambda: Outlet((FOLDER,)))
    takes_rows: bool = False

    @property
    def write(self) -> Callable[..., list[str]]:
        """The function, loaded now."""
        return getattr(import_module(self.home), self.function)


EXPORTS = {
    "html": Export(
        "vaekit.interfaces.server.one_file",
        "write_page",
        "explorer.html",
        Outlet((".html",)),
        takes_rows=True,
    ),
    "atlas": Export(
        "vaekit.interfaces.server.atlas",
        "write_atlas",
        "atlas.parquet",
        Outlet((".parquet",)),
        takes_rows=True,
    ),
    "onnx": Export("vaekit.runs.exports.onnx", "write_onnx", "onnx"),
    "torch": Export("vaekit.runs.exports.torch_programs", "write_torch", "torch"),
    "diffusers": Export("vaekit.runs.exports.diffusers", "write_diffusers", "diffusers"),
    "hub": Export("vaekit.runs.exports.hub", "write_hub", "hub"),
}


def export_of(kind: str) -> Export:
    """A kind of export by its name.

    Raises:
        BadInput: for an unknown one.
    """
    return EXPORTS[known("kind of export", kind, EXPORTS)]


def export(
    trained: Trained,
    path: str | os.PathLike[str],
    *,
    to: str = "html",
    force: bool = False,
    **how: Any,
) -> list[str]:
    """Write a model as other programs take it.

    Args:
        trained: the model.
        path: of the file of a page, or of a folder.
        to: "html" (the explorer in one file), "atlas" (a Parquet file for Embedding Atlas), "onnx",
            "torch" (programs for torch.export.load), "diffusers" (an AutoencoderKL), or "hub" (the
            files of a repository of models).
        force: whether what is there may be written over.
        how: of a page, see :func:`vaekit.interfaces.server.one_file.write_page`; of an atlas,
            :func:`vaekit.interfaces.server.atlas.write_atlas`.

    Returns:
        What the export lacks, in words.

    Raises:
        BadInput: for an unknown kind or option, for what is there already, and for a model that
            cannot be written so.
    """
    kind = export_of(to)
    place = kind.outlet.claim(Path(path), force=force)
    return kind.write(trained, place, **checked(to, how))


def checked(to: str, how: dict[str, Any]) -> dict[str, Any]:
    """Options, each of which a kind of export has.

    Raises:
        BadInput: for another.
    """
    there = [*inspect.signature(export_of(to).write).parameters][2:]
    for name in how:
        require(name in there, f"{name} means nothing for an export to {to}: leave it out")
    return how
