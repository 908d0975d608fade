"""Checkpoints: one safetensors file, written whole or not at all."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from safetensors import SafetensorError, safe_open
from safetensors.torch import save

from vaekit.checks import BadInput
from vaekit.files import replacing
from vaekit.training.session import Session

FORMAT = "vaekit checkpoint 1"


def save_checkpoint(path: Path, session: Session, notes: dict[str, Any]) -> None:
    """Write the session, and ``notes`` (anything JSON can hold), to one file."""
    tensors = {name: tensor.contiguous().clone() for name, tensor in session.tensors().items()}
    # One entry: the writer puts several in an order of its own, and the bytes would differ.
    header = {"format": FORMAT, "step": session.step, "notes": notes}
    with replacing(path) as temporary:
        temporary.write_bytes(save(tensors, {"vaekit": json.dumps(header)}))


def load_checkpoint(path: Path, session: Session) -> dict[str, Any]:
    """Restore the session from a file of :func:`save_checkpoint`; returns the notes.

    Raises:
        BadInput: for a file that is damaged or holds something else.
    """
    try:
        with safe_open(path, "pt") as file:
            header = json.loads((file.metadata() or {}).get("vaekit", "{}"))
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    except (SafetensorError, OSError, ValueError) as error:
        raise BadInput(f"cannot read checkpoint {path}: {error}") from error
    if header.get("format") != FORMAT:
        raise BadInput(f"{path} is not a checkpoint that this version of vaekit can resume")
    session.restore(int(header["step"]), tensors)
    return header["notes"]
