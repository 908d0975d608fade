"""Checkpoints: safetensors files, written whole or not at all.

A run whose processes hold whole weights keeps one file. Where weights are split each process
writes its share into a folder, and a small file names the folder that holds: it changes when all
shares are there. Either is resumed by any number of processes, split or not.
"""

from __future__ import annotations

import json
import shutil
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save
from torch import Tensor

from vaekit.system.checks import BadInput, require
from vaekit.system.files import replacing
from vaekit.system.records import Part, from_text, read_json
from vaekit.system.tensors import TYPES, Kind, kinds_of, tensor_file
from vaekit.training.state import TrainingState

FORMAT, SHARES_FORMAT = "vaekit checkpoint 1", "vaekit shares 1"
WHOLE, SHARES = "checkpoint.safetensors", "checkpoint.json"
LARGEST_HEADER = 2**26
MEMORY = {"step", "exp_avg", "exp_avg_sq"}  # what AdamW keeps of each parameter it has moved
FOLDERS = ("checkpoint-1", "checkpoint-2")  # in turn


def latest_checkpoint(folder: Path) -> Path | None:
    """The run's checkpoint. There are two only if it was killed while it changed from whole to
    split weights or back: then both are good, and the newer one is taken."""
    found = [path for path in (folder / WHOLE, folder / SHARES) if path.is_file()]
    return max(found, key=lambda path: path.stat().st_mtime_ns, default=None)


def checkpoint_size(folder: Path) -> int:
    """How many bytes the checkpoints in a run's folder take."""
    found = [folder / WHOLE, folder / SHARES, *(p for n in FOLDERS for p in (folder / n).glob("*"))]
    return sum(path.stat().st_size for path in found if path.is_file())


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
    with _telling_what_to_do(path):
        header = _shares_header(path) if path.suffix == ".json" else _whole_header(path)
        return header.whole("step"), header.part("notes").found


def load_checkpoint(path: Path, state: TrainingState) -> dict[str, Any]:
    """Restore the state from :func:`latest_checkpoint`; returns the notes.

    Raises:
        BadInput: for a file that is damaged or holds something else.
    """
    step, notes = progress(path)
    with _telling_what_to_do(path):
        tensors = (_read_shares if path.suffix == ".json" else _read_whole)(path, state)
        for name, tensor in tensors.items():
            finite = not tensor.is_floating_point() or bool(torch.isfinite(tensor).all())
            require(finite, f"{name} holds numbers that are not finite")
    state.restore(step, tensors)
    return notes


@contextmanager
def _telling_what_to_do(path: Path) -> Iterator[None]:
    """What is wrong inside the block is wrong with a checkpoint."""
    try:
        yield
    except BadInput as error:
        raise BadInput(
            f"cannot read checkpoint {path}: {error}; restore a copy, or remove it to begin anew"
        ) from error


def _header(found: Any) -> Part:
    """What a checkpoint says of itself."""
    header = Part(found, "its header")
    known = header.get("format") in (FORMAT, SHARES_FORMAT)
    require(known, "it is not a checkpoint that this version of vaekit can resume")
    header.whole("step")
    header.part("notes")
    return header


def _check_fits(kinds: Mapping[str, Kind], state: TrainingState) -> None:
    """Raise ``BadInput`` unless a checkpoint's tensors are those of a state like this one."""
    wanted = {n: k for n, k in kinds_of(state.tensors()).items() if not n.startswith("optimizer.")}
    moved: dict[str, set[str]] = {}
    for name in kinds.keys() - wanted.keys():
        owner, _, key = name.rpartition(".")
        moved.setdefault(owner, set()).add(key)
    for number, parameter in enumerate(state.parameters):
        owner = f"optimizer.{number}"
        if moved.pop(owner, None) == MEMORY:
            of = TYPES[parameter.dtype], tuple(parameter.shape)
            wanted |= {f"{owner}.{key}": ("F32", ()) if key == "step" else of for key in MEMORY}
    for name, kind in sorted(wanted.items()):
        found = kinds.get(name)
        require(
            found is not None and _alike(found, kind),
            f"it is another model's or size's: {name} is {found or 'missing'}, not {kind}",
        )
    for name in sorted(kinds.keys() - wanted.keys()):
        raise BadInput(f"it is another model's or size's: {name} is unexpected")


def _alike(found: Kind, wanted: Kind) -> bool:
    """Whether type and shape are the same; a single number is a vector of one if sharded."""
    shapes = {found[1] or (1,), wanted[1] or (1,)}
    return found[0] == wanted[0] and len(shapes) == 1


def _save_whole(path: Path, state: TrainingState, notes: dict[str, Any]) -> None:
    tensors = {name: tensor.contiguous().clone() for name, tensor in state.tensors().items()}
    # One entry: the writer puts several in an order of its own, and the bytes would differ.
    header = {"format": FORMAT, "step": state.step, "notes": notes}
    with replacing(path) as temporary:
        temporary.write_bytes(save(tensors, {"vaekit": json.dumps(header)}))


def _whole_header(path: Path) -> Part:
    with tensor_file(path) as file:
        text = file.metadata.get("vaekit", "{}").encode()
        return _header(from_text(text, "its header", LARGEST_HEADER))


def _read_whole(path: Path, state: TrainingState) -> dict[str, Tensor]:
    with tensor_file(path) as file:
        _check_fits(file.kinds, state)
        return file.read(file.kinds)


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
    held = Part(read_json(path, LARGEST_HEADER), str(path)).text("folder") if path.is_file() else ""
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


def _shares_header(path: Path) -> Part:
    return _header(read_json(path, LARGEST_HEADER))


def _read_shares(path: Path, state: TrainingState) -> dict[str, Tensor]:
    header = _shares_header(path)
    name, files = header.get("folder"), header.whole("files", 1)
    require(name in FOLDERS, "it does not name a checkpoint's folder")
    folder = path.parent / str(name)
    found = sorted(folder.glob("*.safetensors"))
    there = len(found)
    require(there == files, f"{folder} holds {there} of {files} files")
    for share in found:
        with tensor_file(share):  # whose header is looked at before torch reads it
            pass
    return _loaded(folder, state)


def _loaded(folder: Path, state: TrainingState) -> dict[str, Tensor]:
    """The tensors of all shares, which are put together by torch."""
    from torch.distributed import checkpoint as shares
    from torch.distributed.checkpoint.api import CheckpointException

    reader = shares.HuggingFaceStorageReader(str(folder))
    try:
        kept: dict[str, Any] = reader.read_metadata().state_dict_metadata
    except Exception as error:  # it takes what it finds at its word, and fails in any way
        raise BadInput(f"{folder} makes no sense ({type(error).__name__})") from error
    kinds = {n: (TYPES.get(k.properties.dtype, "?"), tuple(k.size)) for n, k in kept.items()}
    _check_fits(kinds, state)
    tensors = _room(kept, state)
    try:
        with warnings.catch_warnings():  # a single process is told so each time
            warnings.simplefilter("ignore")
            shares.load(tensors, storage_reader=reader, no_dist=state.world.size == 1)
    except CheckpointException as error:
        raise BadInput(_reason(error)) from error
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
