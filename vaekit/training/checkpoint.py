"""Checkpoints: safetensors files, written whole or not at all.

A run whose processes hold whole weights keeps one file. Where weights are split each process
writes its share into a folder, and a small file names the folder that holds: it changes when all
shares are there. Either is resumed by any number of processes, split or not.
"""

from __future__ import annotations

import json
import shutil
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch import Tensor

from vaekit.system.checks import BadInput, require
from vaekit.system.files import replacing
from vaekit.training.state import TrainingState

FORMAT, SHARES_FORMAT = "vaekit checkpoint 1", "vaekit shares 1"
WHOLE, SHARES = "checkpoint.safetensors", "checkpoint.json"
FOLDERS = ("checkpoint-1", "checkpoint-2")  # in turn


def latest_checkpoint(folder: Path) -> Path | None:
    """The run's checkpoint. There are two only if it was killed while it changed from whole to
    split weights or back: then both are good, and the newer one is taken."""
    found = [path for path in (folder / WHOLE, folder / SHARES) if path.is_file()]
    return max(found, key=lambda path: path.stat().st_mtime_ns, default=None)


def save_checkpoint(folder: Path, state: TrainingState, notes: dict[str, Any]) -> None:
    """Write the state, and ``notes`` (anything JSON can hold), in place of any before.

    Every process must call this.

    Raises:
        Diverged: if the state's numbers are no longer finite.
    """
    state.watch()
    if state.weights.are_sharded:
        _save_shares(folder, state, notes)
    elif state.world.is_first:
        _save_whole(folder / WHOLE, state, notes)
        _clear(folder, SHARES, *FOLDERS)


def progress(path: Path) -> tuple[int, dict[str, Any]]:
    """How far a checkpoint is: updates done, and its notes. Its tensors are not read.

    Raises:
        BadInput: for a file that is damaged or holds something else.
    """
    with _reading(path):
        header = _shares_header(path) if path.suffix == ".json" else _whole_header(path)
        return int(header["step"]), header["notes"]


def load_checkpoint(path: Path, state: TrainingState) -> dict[str, Any]:
    """Restore the state from :func:`latest_checkpoint`; returns the notes.

    Raises:
        BadInput: for a file that is damaged or holds something else.
    """
    step, notes = progress(path)
    with _reading(path):
        tensors = (_read_shares if path.suffix == ".json" else _read_whole)(path, state)
    state.restore(step, tensors)
    return notes


@contextmanager
def _reading(path: Path) -> Iterator[None]:
    """What goes wrong in the block is said of the file."""
    try:
        yield
    except BadInput:
        raise
    except (SafetensorError, OSError, ValueError) as error:
        raise BadInput(f"cannot read checkpoint {path}: {error}") from error


def _checked(header: dict[str, Any], path: Path) -> dict[str, Any]:
    known = header.get("format") in (FORMAT, SHARES_FORMAT)
    require(known, f"{path} is not a checkpoint that this version of vaekit can resume")
    return header


def _save_whole(path: Path, state: TrainingState, notes: dict[str, Any]) -> None:
    tensors = {name: tensor.contiguous().clone() for name, tensor in state.tensors().items()}
    # One entry: the writer puts several in an order of its own, and the bytes would differ.
    header = {"format": FORMAT, "step": state.step, "notes": notes}
    with replacing(path) as temporary:
        temporary.write_bytes(save(tensors, {"vaekit": json.dumps(header)}))


def _whole_header(path: Path) -> dict[str, Any]:
    with safe_open(path, "pt") as file:
        return _checked(json.loads((file.metadata() or {}).get("vaekit", "{}")), path)


def _read_whole(path: Path, state: TrainingState) -> dict[str, Tensor]:
    with safe_open(path, "pt") as file:
        return {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118


def _save_shares(folder: Path, state: TrainingState, notes: dict[str, Any]) -> None:
    """Each process writes what it holds; the checkpoint before stands until all have."""
    from torch.distributed import checkpoint as shares
    from torch.distributed.checkpoint.api import CheckpointException

    world = state.world
    new = world.on_rank_0(lambda: _free(folder))
    writer = shares.HuggingFaceStorageWriter(str(folder / new), save_distributed=True)
    try:
        shares.save(dict(state.tensors()), storage_writer=writer)
    except CheckpointException as error:
        raise BadInput(f"cannot write checkpoint {folder / new}: {_reason(error)}") from error
    header = {"format": SHARES_FORMAT, "step": state.step, "notes": notes, "folder": new}
    world.on_rank_0(lambda: _switch(folder, header))


def _free(folder: Path) -> str:
    """The name of the folder that does not hold the checkpoint; it is emptied."""
    path = folder / SHARES
    held = json.loads(path.read_text(encoding="utf-8"))["folder"] if path.is_file() else ""
    (new, *_) = (name for name in FOLDERS if name != held)
    _clear(folder, new)
    return new


def _switch(folder: Path, header: dict[str, Any]) -> None:
    """From now on the checkpoint is the one in the header's folder; any other goes."""
    new = header["folder"]
    files = len(list((folder / new).iterdir()))
    with replacing(folder / SHARES) as temporary:
        temporary.write_text(json.dumps({**header, "files": files}) + "\n", encoding="utf-8")
    _clear(folder, WHOLE, *(name for name in FOLDERS if name != new))


def _shares_header(path: Path) -> dict[str, Any]:
    return _checked(json.loads(path.read_text(encoding="utf-8")), path)


def _read_shares(path: Path, state: TrainingState) -> dict[str, Tensor]:
    from torch.distributed import checkpoint as shares
    from torch.distributed.checkpoint.api import CheckpointException

    header = _shares_header(path)
    name, files = str(header.get("folder")), header.get("files")
    require(name in FOLDERS, f"{path} does not name a checkpoint's folder")
    there = len(list((path.parent / name).glob("*.safetensors")))
    require(there == files, f"{path.parent / name} holds {there} of {files} files: restore a copy")
    reader = shares.HuggingFaceStorageReader(str(path.parent / name))
    tensors = _room(reader.read_metadata().state_dict_metadata, state)
    try:
        with warnings.catch_warnings():  # a single process is told so each time
            warnings.simplefilter("ignore")
            shares.load(tensors, storage_reader=reader, no_dist=state.world.size == 1)
    except CheckpointException as error:
        raise BadInput(f"cannot read checkpoint {path.parent / name}: {_reason(error)}") from error
    return tensors


def _room(kept: dict[str, Any], state: TrainingState) -> dict[str, Tensor]:
    """Empty tensors, or shares of them, for all that a checkpoint holds."""
    places = state.places(kept)

    def empty(name: str) -> Tensor:
        size, place = kept[name].size, places.get(name)
        if place is not None and place.shape == size:
            return torch.zeros_like(place.detach())
        return torch.zeros(size, dtype=kept[name].properties.dtype)

    return {name: empty(name) for name in kept}


def _reason(error: Any) -> str:
    """What torch's checkpoints say went wrong, without the place in their code."""
    (first, *_) = error.failures.values()
    return str(first[0])


def forget_checkpoints(folder: Path) -> None:
    """Remove whatever checkpoint lies in a folder: what begins there has none yet."""
    _clear(folder, WHOLE, SHARES, *FOLDERS)


def _clear(folder: Path, *names: str) -> None:
    """Remove these files and folders where they exist."""
    for name in names:
        path = folder / name
        if path.is_dir():
            shutil.rmtree(path)
        else:
            path.unlink(missing_ok=True)
