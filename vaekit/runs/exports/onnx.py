"""A model as ONNX: for onnxruntime and what else reads it."""

from __future__ import annotations

import math
import re
from pathlib import Path

import torch
from torch import Tensor

from vaekit.data.readers.loading import import_extra
from vaekit.runs.exports.programs import (
    Exportable,
    Unexportable,
    silent,
    unchecked,
    write_programs,
)
from vaekit.runs.trained import Trained

OPSET = 18
MISSING = re.compile(r"No ONNX function found for <OpOverload\(op='([\w.]+)'")


SHIFT, BERNOULLI = 8, (1 / 12, -1 / 360, 1 / 1260, -1 / 1680)


def log_gamma(x: Tensor) -> Tensor:
    r"""log Γ(x) for x > 0 by operations that ONNX has, as precise as x's type, relative to
    1 + \|log Γ(x)\|.

    .. math:: \log\Gamma(x) = \log\Gamma(x + 8) - \sum_{i<8} \log(x + i)

    with the first by Stirling's series, whose error is below 1e-11 there.

    Args:
        x: numbers above 0, of any shape.
    """
    wide = x.double()
    y = wide + SHIFT
    series = sum(b / y ** (2 * n + 1) for n, b in enumerate(BERNOULLI))
    stirling = (y - 0.5) * y.log() - y + 0.5 * math.log(2 * math.pi) + series
    return (stirling - sum((wide + i).log() for i in range(SHIFT))).to(x.dtype)


def euclidean(a: Tensor, b: Tensor, p: float = 2, compute_mode: int | None = None) -> Tensor:
    """Distances of (..., N, d) from (..., M, d), (..., N, M), by operations that ONNX has.

    Args:
        a: vectors.
        b: others.
        p: the norm, 2.
        compute_mode: how it would be computed, which does nothing here.
    """
    if p != 2:
        raise Unexportable(f"ONNX has no distances of norm {p}")
    return (a.unsqueeze(-2) - b.unsqueeze(-3)).square().sum(-1).sqrt()


AS = {
    torch.ops.aten.lgamma.default: log_gamma,
    torch.ops.aten.cdist.default: euclidean,
}


def write_onnx(trained: Trained, folder: Path) -> list[str]:
    """Write encoder.onnx, decoder.onnx, and where it can be density.onnx, for any number of rows;
    about.json says what goes in and comes out.

    Args:
        trained: the model.
        folder: to write into.

    Returns:
        What could not be written, in words.

    Raises:
        BadInput: without the extra ``onnx``, and where encoder or decoder cannot be written.
    """
    import_extra("onnx", "onnx")
    import_extra("onnxscript", "onnx")
    return write_programs(trained, folder, ".onnx", save_onnx)


def save_onnx(part: Exportable, path: Path, told: str) -> None:
    """Write one part.

    Args:
        part: of a model.
        path: of the file.
        told: about.json's words of it, which the file holds too.

    Raises:
        Unexportable: where ONNX has no word for an operation.
    """
    program = part.program()
    try:
        with unchecked(), silent():
            program = program.run_decompositions(AS)
            made = torch.onnx.export(
                program, (), None, dynamo=True, verbose=False, opset_version=OPSET,
                input_names=part.inputs, output_names=part.outputs,
            )  # fmt: skip
    except Exception as error:  # of many kinds, none of them ours
        missing = MISSING.search(str(error))
        why = f"ONNX has no {missing[1].split('.')[-1]}" if missing else "ONNX cannot say it"
        raise Unexportable(why) from error
    assert made is not None
    made.model.metadata_props["vaekit"] = told
    made.save(path)
