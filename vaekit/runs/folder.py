"""Model folders: config.json and model.safetensors. They are data; no code is ever stored."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterable, Mapping
from dataclasses import replace
from pathlib import Path

import torch
from safetensors.torch import save
from torch import Tensor

from vaekit.models import Graph
from vaekit.recipes import Built, recipe
from vaekit.recipes.choose import put_constants
from vaekit.recipes.recipe import call
from vaekit.runs import stored
from vaekit.runs.config import Config
from vaekit.runs.failed import FAILED, failure
from vaekit.runs.hub import local
from vaekit.runs.stored import Tensors
from vaekit.system.checks import BadInput, require
from vaekit.system.files import claim, make_folder, replacing
from vaekit.system.modules import load_state
from vaekit.system.records import read_json, write_json
from vaekit.system.room import without_memory
from vaekit.system.tensors import Kind, TensorFile, digest, kinds_of, tensor_file
from vaekit.training import forget_checkpoints, latest_checkpoint

CONFIG, WEIGHTS = "config.json", "model.safetensors"
METRICS, SCORES, REPORT = "metrics.jsonl", "scores.json", "report.html"
REFERENCE = "reference.json"
RUN = (METRICS, SCORES, REPORT, REFERENCE, FAILED)  # beside them
SPARE = 2**20, 1000  # numbers and tensors that no file holds
PICKLES = (".pt", ".pth", ".pkl", ".pickle", ".ckpt", ".bin", ".joblib")


def claim_run(out: Path, read: Iterable[str | os.PathLike[str]] = (), *, force: bool) -> Path:
    """The folder of a new run, which must hold nothing.

    Args:
        out: the folder.
        read: what is read, which it must not be.
        force: whether it may hold something: other files, or a run, which will be lost.

    Raises:
        BadInput: if not.
    """
    require(
        force or not (out / CONFIG).exists(),
        f"{out} already holds a run; choose another folder, go on with it (vaekit train --resume "
        f"{out}), or give it up for a new one with --force",
    )
    return claim(out, force=force, inputs=read)


def claim_runs(
    out: Path, read: Iterable[str | os.PathLike[str]], runs: str, *, force: bool
) -> Path:
    """The folder of several new runs, which must hold nothing; with ``force`` the runs that it
    holds are lost.

    Args:
        out: the folder.
        read: what is read, which it must not be.
        runs: what their folders are called, as a pattern.
        force: whether it may hold something.
    """
    claim(out, force=force, inputs=read)
    for run in [*out.glob(f"{runs}/")]:
        empty(run)
    return out


def empty(folder: Path) -> Path:
    """The folder, made if need be, without what a run that it held has written."""
    make_folder(folder)
    forget_checkpoints(folder)
    for name in (*RUN, WEIGHTS, CONFIG):
        (folder / name).unlink(missing_ok=True)
    return folder


def write_config(folder: Path, config: Config) -> None:
    """Write ``config`` beside where the weights go.

    Raises:
        BadInput: where it is too large to be read again.
    """
    make_folder(folder)
    write_json(folder / CONFIG, config.to_json(), needed=True)


def write_weights(folder: Path, state: Mapping[str, Tensor]) -> None:
    """Write a model's tensors, as :func:`~vaekit.system.modules.state_of` names them."""
    tensors = {name: tensor.detach().cpu().contiguous() for name, tensor in state.items()}
    with replacing(folder / WEIGHTS) as temporary:
        # not save_file: it has a temporary file of its own, which a kill would leave behind
        temporary.write_bytes(save(tensors, {"format": "pt"}))


def write_model(folder: Path, model: Graph, config: Config) -> None:
    """Write a model's two files. Whenever this is killed, the folder holds the model that lay
    there before or this one, if they differ in weights or a refitted prior alone: until the
    configuration names the new prior the weights hold both, and until the weights have changed
    the configuration goes with the old and the new."""
    make_folder(folder)
    state = stored.state(model, config.prior)
    before = _refits_in(folder / WEIGHTS)
    kept = {name: tensor for name, tensor in before.items() if name not in state}
    _replace_weights(folder, {**kept, **state})
    write_config(folder, config if config.weights is None else _sealed(config, state))
    if kept:
        write_weights(folder, state)


def save_weights(folder: Path, state: Mapping[str, Tensor]) -> None:
    """Replace the weights in a model's folder; its configuration then goes with the new ones.
    Whenever this is killed, the folder holds the old model or the new one."""
    config = _replace_weights(folder, state)
    if config is not None:
        write_config(folder, _sealed(config, state))


def _replace_weights(folder: Path, state: Mapping[str, Tensor]) -> Config | None:
    """Replace the weights, once the configuration that lies there, if any, goes with the old and
    the new ones; returns it."""
    config = _config_in(folder)
    if config is not None and config.weights:
        new = digest(stored.used(state, config.prior))
        if new not in config.weights:
            write_config(folder, replace(config, weights=(*config.weights, new)))
    write_weights(folder, state)
    return config


def _sealed(config: Config, state: Mapping[str, Tensor]) -> Config:
    """The configuration, to go with these tensors alone."""
    return replace(config, weights=(digest(stored.used(state, config.prior)),))


def _config_in(folder: Path) -> Config | None:
    """The configuration in a folder, or None where there is none that can be read."""
    try:
        return read_config(folder)[1]
    except BadInput:
        return None


def _refits_in(path: Path) -> dict[str, Tensor]:
    """Tensors of refitted priors in a file of weights; none where there is no such file."""
    try:
        with tensor_file(path) as file:
            return file.read([*filter(stored.is_refit, file.kinds)])
    except BadInput:
        return {}


def read_config(path: str | os.PathLike[str]) -> tuple[Path, Config]:
    """The folder that holds a model, and its configuration.

    Raises:
        BadInput: if ``path`` is no model folder, or one this version cannot read.
    """
    folder = model_folder(Path(path))
    found = read_json(folder / CONFIG)
    require(
        isinstance(found, dict) and "recipe" in found and "format" in found,
        f"{folder / CONFIG} does not describe a vaekit model",
    )
    try:
        return folder, Config.from_json(found)
    except BadInput as error:
        raise BadInput(f"{folder / CONFIG}: {error}") from error


def pack(model: Graph, config: Config) -> tuple[bytes, bytes]:
    """The two files of a model's folder, as bytes."""
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder)
        write_model(place, model, config)
        return (place / CONFIG).read_bytes(), (place / WEIGHTS).read_bytes()


def unpack(config: bytes, weights: bytes) -> tuple[Graph, Config]:
    """The model in the two files of a folder, given as bytes."""
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / CONFIG).write_bytes(config)
        (Path(folder) / WEIGHTS).write_bytes(weights)
        return load_model(folder)


def build(config: Config) -> Built:
    """The model and objective that a configuration describes, with fresh weights."""
    built = call(recipe(config.recipe), dict(config.arguments), stored=True)
    put_constants(built.model, config.representation)
    return built


def load_model(path: str | os.PathLike[str]) -> tuple[Graph, Config]:
    """The trained model in a folder, ready to use, and its configuration.

    Raises:
        BadInput: for anything missing, damaged, foreign, pickled or newer than this version.
    """
    folder, config = read_config(path)
    tensors = read_weights(folder, config)
    model = build(config).model
    load_state(model, stored.trained(tensors))
    if config.prior is not None:
        stored.fill(stored.put_refit(model, config), config.prior, tensors)
    return model.to(memory_format=torch.channels_last).eval(), config  # type: ignore[call-overload]


def read_weights(folder: Path, config: Config) -> Tensors:
    """The tensors of the model that a folder's configuration describes, every one of which must
    be there, fit, and be what was written.

    No memory is taken for a model before the file is known to hold it.
    """
    path = folder / WEIGHTS
    why = failure(folder) or "its training has saved no model"
    require(path.is_file(), f"{folder} holds no {WEIGHTS} yet: {why}")
    require(path.stat().st_size > 0, f"{path} is empty (0 bytes): train again or restore a copy")
    with tensor_file(path) as file:
        wanted = _wanted(folder, config, file)
        others = [name for name in file.kinds if stored.is_refit(name)]
        misfit = next(file.misfits(wanted, others), None)
        if misfit is not None:
            raise BadInput(stored.complaint(path, misfit, config.prior))
        tensors = file.read(wanted)
    require(
        config.weights is None or digest(tensors) in config.weights,
        f"{path} is not what was written beside {CONFIG} (sha256): it is damaged or another "
        f'model\'s: restore copies of both, or take "weights" out of {CONFIG} to use it as it is',
    )
    return tensors


def check_room(folder: Path, config: Config) -> None:
    """Raise ``BadInput`` if a configuration describes a larger model than the tensors beside it
    can hold; where there are none nothing is known."""
    for path in (folder / WEIGHTS, latest_checkpoint(folder)):
        if path is not None and path.suffix == ".safetensors" and path.is_file():
            with tensor_file(path) as file:
                _wanted(folder, config, file)


def _wanted(folder: Path, config: Config, file: TensorFile) -> dict[str, Kind]:
    """Type and shape of each tensor of the model that a configuration describes."""
    try:
        with without_memory(2 * file.numbers + SPARE[0], 2 * len(file.kinds) + SPARE[1]):
            model = build(config).model
            if config.prior is not None:
                stored.put_refit(model, config)
            return kinds_of(stored.state(model, config.prior))
    except BadInput as error:
        raise BadInput(f"{folder / CONFIG}: {error}") from error


def fill(model: Graph, tensors: Mapping[str, Tensor], name: str) -> None:
    """Fill a model, as its recipe makes it, with tensors, every one of which must be there and fit.

    Args:
        model: the model.
        tensors: by name.
        name: of what holds them, for a complaint.
    """
    try:
        load_state(model, tensors)
    except RuntimeError as error:
        reason = str(error).split("\n\t")[1].split(".\n")[0]
        raise BadInput(f"{name} holds the weights of another recipe or size: {reason}") from error


def model_folder(path: Path) -> Path:
    """The folder that holds a model: this one, or that of this file.

    Raises:
        BadInput: if there is none.
    """
    path = local(path)
    require(path.exists(), f"there is no model {path}")
    require(
        path.suffix not in PICKLES,
        f"{path} looks like a pickle, which can run any code when opened; vaekit reads only "
        f"folders with {CONFIG} and {WEIGHTS}",
    )
    folder = path.parent if path.is_file() else path
    if not (folder / CONFIG).is_file():
        held = sorted(config.parent for config in folder.glob(f"*/{CONFIG}"))
        some = f"; {len(held):,} below it are some, such as {held[0]}" if held else ""
        raise BadInput(
            f"{path} is not a model: a folder with {CONFIG} and {WEIGHTS} is needed{some}"
        )
    return folder
