"""A model's encoder, decoder and density as programs of torch's, for any number of rows at once."""

from __future__ import annotations

import io
import json
import logging
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from vaekit.distributions.validation import validation_kept
from vaekit.runs.exports.networks import Decoding, Density, Encoding
from vaekit.runs.trained import Trained
from vaekit.system.checks import BadInput, require
from vaekit.system.files import filling
from vaekit.system.records import write_json

ROWS = 3  # of the example; any but 0 and 1, which torch takes for fixed


class Unexportable(BadInput):
    """A part of a model that cannot be written as a program."""


@dataclass(frozen=True)
class Exportable:
    """A part of a model, as a function of tensors.

    Args:
        name: of the file.
        module: the function.
        inputs: names of what goes in.
        outputs: of what comes out.
        example: of what goes in, (rows, ...) each.
    """

    name: str
    module: nn.Module
    inputs: list[str]
    outputs: list[str]
    example: tuple[Tensor, ...]

    def program(self) -> torch.export.ExportedProgram:
        """What torch records of it, for any number of rows.

        Raises:
            Unexportable: for what depends on the rows' own numbers.
        """
        any_number = getattr(torch.export.Dim, "DYNAMIC", None)
        require(any_number is not None, "this needs torch 2.6 or newer")
        first, *given = ({0: any_number} for _ in self.example)
        sizes = (first, tuple(given)) if given else (first,)
        try:
            with unchecked(), torch.no_grad(), silent():
                found = torch.export.export(
                    self.module, self.example, dynamic_shapes=sizes, strict=False
                )
        except Exception as error:  # of many kinds, none of them ours
            said = str(error).strip().splitlines() or [type(error).__name__]
            raise Unexportable(f"torch.export cannot take it: {said[0][:200]}") from error
        for node in found.graph.nodes:  # where code lies on this machine is nobody's business
            node.meta.pop("stack_trace", None)
        return found


def exportables(trained: Trained) -> list[Exportable]:
    """The encoder, the decoder, and of a model with a density what it says of rows.

    Raises:
        BadInput: for a table of mixed columns, whose cells are drawn one after the other.
    """
    require(
        trained.config.coding is None,
        "a model of a table of mixed columns is no function of tensors alone: it draws cell after "
        "cell; export it to hub, and load it by vaekit",
    )
    conditions = trained.config.conditions
    kinds = [torch.int64 if c.is_categorical else torch.float32 for c in conditions]
    given = tuple(torch.zeros(ROWS, dtype=kind) for kind in kinds)
    takes = trained.representation
    x = torch.zeros(ROWS, *takes.shape, dtype=getattr(torch, takes.dtype))
    names = [c.name for c in conditions]

    def part(name: str, module: Any, first: str, example: Tensor) -> Exportable:
        return Exportable(name, module, [first, *names], list(module.outputs), (example, *given))

    found = [
        part("encoder", Encoding(trained), "x", x),
        part("decoder", Decoding(trained), "code", torch.zeros(ROWS, trained.latent)),
    ]
    density = [part("density", Density(trained), "x", x)] if trained.has_density else []
    return [*found, *density]


def write_programs(
    trained: Trained, folder: Path, ending: str, save: Callable[[Exportable, Path, str], None]
) -> list[str]:
    """Write encoder, decoder, and where it can be density, for any number of rows, each into a file
    of its own; about.json says what goes in and comes out.

    Args:
        trained: the model.
        folder: to write into.
        ending: of the files, as ".onnx".
        save: writes one of them, with what about.json says of it.

    Returns:
        What could not be written, in words.

    Raises:
        Unexportable: where encoder or decoder cannot be written.
    """
    parts, lacks = exportables(trained.to("cpu")), []
    told = about(trained, parts)
    with filling(folder) as temporary:
        for part in parts:
            own = {**told, "outputs": told["outputs"][part.name]}
            try:
                save(part, temporary / f"{part.name}{ending}", json.dumps(own))
            except Unexportable as error:
                if part.name != "density":
                    raise
                lacks.append(f"{part.name}{ending} ({error})")
                told["outputs"].pop(part.name)
        write_json(temporary / "about.json", told)
    return lacks


def about(trained: Trained, parts: list[Exportable]) -> dict[str, Any]:
    """What who uses the programs has to know, as plain things: what rows are, what goes in and
    comes out, in which units."""
    config, takes = trained.config, trained.representation
    values = f"{takes.dtype}, as stored, (rows, {', '.join(map(str, takes.shape))})"
    return {
        "made by": f"vaekit {config.vaekit}",
        "recipe": config.recipe,
        "data": called(config.data.name),
        "rows of x": values + ("; channels, height, width" if len(takes.shape) == 3 else ""),
        "columns": config.columns,
        "code": f"float32, (rows, {trained.latent}): {_latents(trained)}",
        "given": [
            {"name": c.name, "type": "int64, (rows,): number of a class; -1: not known",
             "classes": list(c.classes)}
            if c.is_categorical
            else {"name": c.name, "type": "float32, (rows,): in its own units; NaN: not known"}
            for c in config.conditions
        ],
        "likelihood": config.likelihood.name,
        "x of the likelihood": _x(trained),
        "outputs": {
            part.name: {n: _meaning(part.name, n) for n in part.outputs} for part in parts
        },
    }  # fmt: skip


def called(name: str) -> str:
    """What data is called, without the place where it lies."""
    return name.replace("\\", "/").rstrip("/").rpartition("/")[2]


def _latents(trained: Trained) -> str:
    """Which numbers of a code are of which latent."""
    return ", then ".join(f"{size} of {name}" for name, size in trained.model.latents.items())


def _meaning(part: str, output: str) -> str:
    """What an output is."""
    return _MEANINGS.get(f"{part} {output}") or _MEANINGS.get(output) or f"{output} of p(x|z), of x"


_MEANINGS = {
    "encoder mean": "mean of q(z|x), the code, (rows, latent)",
    "decoder mean": "mean of p(x|z) in the data's own numbers, not rounded, (rows, *row)",
    "mean_of_x": "mean of p(x|z), of x",
    "log_variance": "log of the variance of q(z|x) in each dimension, (rows, latent)",
    "elbo_at_mean": "log_px_at_mean - kl, (rows,), nats: the ELBO with z at the mean of q(z|x), "
    "not drawn from it, and so no bound",
    "log_px_at_mean": "log p(x|z) at z = mean of q(z|x), (rows,), nats",
    "kl": "KL(q(z|x) || p(z)), (rows,), nats; log q(z|x) - log p(z) at the mean where there is no "
    "closed form",
}


def _x(trained: Trained) -> str:
    """How x of the likelihood comes from stored values."""
    takes = trained.representation
    less = "values less an offset each" if takes.offset else "values"
    by = f", divided by {takes.scale:g}" if takes.scale != 1 else ""
    binary = "" if takes.binarize == "none" else "; 1 where that is above 1/2, else 0"
    return f"stored {less}{by}{binary}"


@contextmanager
def silent() -> Iterator[None]:
    """Nothing that torch prints of its own accord is seen."""
    with redirect_stdout(io.StringIO()), redirect_stderr(io.StringIO()):
        yield


@contextmanager
def unchecked() -> Iterator[None]:
    """Distributions do not look at their numbers, and torch says nothing of what it records."""
    level = logging.root.manager.disable
    logging.disable(logging.WARNING)
    try:
        with validation_kept(off=True), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        logging.disable(level)
