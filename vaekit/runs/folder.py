"""Model folders: config.json and model.safetensors. They are data; no code is ever stored."""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Mapping
from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch import Tensor

from vaekit.models import Graph
from vaekit.recipes import Built, recipe
from vaekit.recipes.choose import put_constants
from vaekit.recipes.recipe import call
from vaekit.runs import stored
from vaekit.runs.config import Config
from vaekit.system.checks import BadInput, require
from vaekit.system.files import make_folder, replacing
from vaekit.system.modules import load_state

CONFIG, WEIGHTS = "config.json", "model.safetensors"
PICKLES = (".pt", ".pth", ".pkl", ".pickle", ".ckpt", ".bin", ".joblib")


def write_config(folder: Path, config: Config) -> None:
    """Write ``config`` beside where the weights go."""
    make_folder(folder)
    with replacing(folder / CONFIG) as temporary:
        temporary.write_text(json.dumps(config.to_json(), indent=2) + "\n", encoding="utf-8")


def write_weights(folder: Path, state: dict[str, Tensor]) -> None:
    """Write a model's tensors, as :func:`~vaekit.system.modules.state_of` names them."""
    tensors = {name: tensor.detach().cpu().contiguous() for name, tensor in state.items()}
    with replacing(folder / WEIGHTS) as temporary:
        # not save_file: it has a temporary file of its own, which a kill would leave behind
        temporary.write_bytes(save(tensors, {"format": "pt"}))


def write_model(folder: Path, model: Graph, config: Config) -> None:
    """Write a model's two files. Whenever this is killed, the folder holds the model that lay
    there before or this one, if they differ in a refitted prior alone: until the configuration
    names the new one, the weights hold both."""
    make_folder(folder)
    state = stored.state(model, config.prior)
    before = _refits_in(folder / WEIGHTS)
    kept = {name: tensor for name, tensor in before.items() if name not in state}
    write_weights(folder, {**kept, **state})
    write_config(folder, config)
    if kept:
        write_weights(folder, state)


def _refits_in(path: Path) -> dict[str, Tensor]:
    """Tensors of refitted priors in a file of weights; none where there is no such file."""
    try:
        with safe_open(path, "pt") as file:
            names = filter(stored.is_refit, file.keys())
            return {name: file.get_tensor(name) for name in names}
    except (SafetensorError, OSError):
        return {}


def read_config(path: str | os.PathLike[str]) -> tuple[Path, Config]:
    """The folder that holds a model, and its configuration.

    Raises:
        BadInput: if ``path`` is no model folder, or one this version cannot read.
    """
    folder = _folder(Path(path))
    try:
        found = json.loads((folder / CONFIG).read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        raise BadInput(f"cannot read {folder / CONFIG}: {error}") from error
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
    model = build(config).model
    read_weights(folder, model, config)
    return model.to(memory_format=torch.channels_last).eval(), config  # type: ignore[call-overload]


def read_weights(folder: Path, model: Graph, config: Config) -> None:
    """Fill ``model``, as its recipe makes it, with the folder's tensors, every one of which must
    be there and fit; it gets the refitted prior that the configuration names."""
    path, tensors = folder / WEIGHTS, weights_in(folder)
    fill(model, stored.trained(tensors), str(path))
    if config.prior is not None:
        stored.fill(stored.put_refit(model, config), config.prior, tensors, str(path))


def weights_in(folder: Path) -> dict[str, Tensor]:
    """The tensors of a model folder, by name.

    Raises:
        BadInput: if there are none, or they are damaged.
    """
    path = folder / WEIGHTS
    require(path.is_file(), f"{folder} holds no {WEIGHTS} yet: its training has saved no model")
    require(path.stat().st_size > 0, f"{path} is empty (0 bytes): train again or restore a copy")
    return read_tensors(path)


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


def read_tensors(path: Path) -> dict[str, Tensor]:
    """What a file of weights holds, by name.

    Raises:
        BadInput: if it is damaged.
    """
    try:
        with safe_open(path, "pt") as file:
            return {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    except (SafetensorError, OSError) as error:
        raise BadInput(f"{path} is damaged or no safetensors file: {error}") from error


def _folder(path: Path) -> Path:
    require(path.exists(), f"there is no model {path}")
    require(
        path.suffix not in PICKLES,
        f"{path} looks like a pickle, which can run any code when opened; vaekit reads only "
        f"folders with {CONFIG} and {WEIGHTS}",
    )
    folder = path.parent if path.is_file() else path
    require(
        (folder / CONFIG).is_file(),
        f"{path} is not a model: a folder with {CONFIG} and {WEIGHTS} is needed",
    )
    return folder
