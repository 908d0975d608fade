"""From data to a trained model: prepare a job, run it, go on after an interruption."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from vaekit.data import CATALOGUE, Opening, check_enough, opening_of
from vaekit.data.opening import AS_IT_IS
from vaekit.runs import folder as store
from vaekit.runs.config import Config
from vaekit.runs.job import Job, job_of, prepare
from vaekit.runs.run import run_here, run_in
from vaekit.runs.trained import Trained
from vaekit.system.checks import require
from vaekit.training.distributed import world
from vaekit.training.placement import HERE, Placement, placement

Before = Callable[[Job], None]


def fit(
    data: Any,
    recipe: str = "vae",
    *,
    out: str | os.PathLike[str] | None = None,
    label: str | None = None,
    labels: Any = None,
    size: tuple[int, int] | None = None,
    tiles: int = 0,
    given: str | Sequence[str] = (),
    binarize: str = "none",
    colours: str = "rgb",
    tensorboard: bool = False,
    checkpoint_every: int = 0,
    device: str = "auto",
    shard: bool = False,
    capture: bool = True,
    before: Before | None = None,
    **options: Any,
) -> Trained:
    """Train a model on data; in a folder if ``out`` is given, else in memory.

    Args:
        data: a data set's name, a path, an array, a tensor, a data frame or a torch Dataset.
        recipe: see ``vaekit recipes``.
        out: folder for the model, metrics and checkpoints.
        label: column or array that holds labels, not data.
        labels: one label for each row, in memory or in a file.
        size: (height, width) to which pictures of a folder are brought.
        tiles: cut pictures of a folder into squares of this side instead, as they are stored.
        given: what a conditional model is told beside x: "label", or columns by name.
        binarize: "none", "threshold" or "dynamic".
        colours: "rgb", or "minus_green" for photographs that are to be compressed.
        tensorboard: also write TensorBoard events below ``out``.
        checkpoint_every: updates between checkpoints, beside one after every epoch.
        device: where to train: auto (a GPU if there is one), cpu, cuda, cuda:1.
        shard: of several processes, each holds a share of the weights, their gradients
            and the optimiser's memory, not all of them. One process holds all.
        capture: let a GPU play recordings of whole updates, where they can be recorded.
        before: called with the job when all is checked, before training begins.
        options: of the recipe (latent=8) and of the plan (epochs=20, lr=1e-3, seed=1).

    Raises:
        BadInput: for anything that cannot be used.
        Diverged: when the loss is no longer finite; the last good checkpoint is kept.

    Example:
        >>> import vaekit
        >>> model = vaekit.fit("digits", latent=2, epochs=1)
        >>> model.sample(3).shape
        (3, 8, 8)
    """
    place = placement(device, shard=shard, capture=capture)
    opening = opening_of(label, labels, size, tiles, given)
    return train_on(
        data, recipe, opening, place, out=out, labels=labels, binarize=binarize, colours=colours,
        tensorboard=tensorboard, checkpoint_every=checkpoint_every, before=before, **options,
    )  # fmt: skip


def train_on(
    data: Any,
    recipe: str,
    opening: Opening = AS_IT_IS,
    place: Placement = HERE,
    *,
    out: str | os.PathLike[str] | None = None,
    labels: Any = None,
    binarize: str = "none",
    colours: str = "rgb",
    tensorboard: bool = False,
    checkpoint_every: int = 0,
    before: Before | None = None,
    **options: Any,
) -> Trained:
    """Train a model as :func:`fit` does, where how data is opened and where the work is done are
    values already.

    Args:
        data: anything that can be opened.
        recipe: see ``vaekit recipes``.
        opening: how it is opened.
        place: where the work is done.
        out: see :func:`fit`, as for all others.
        labels: one label for each row, if they are not in the opening.
        binarize: "none", "threshold" or "dynamic".
        colours: "rgb" or "minus_green".
        tensorboard: also write TensorBoard events.
        checkpoint_every: updates between checkpoints.
        before: called with the job.
        options: of the recipe and of the plan.
    """
    source = opening.open(data, labels)
    check_enough(source)
    job = prepare(
        source, recipe, binarize=binarize, colours=colours, device=place.device, **options
    )
    if before:
        before(job)
    run, config = job.run(place), job.config(opening, name_of(data))
    if out is None:
        require(not tensorboard, "tensorboard needs a folder: give out")
        require(not run.state.weights.are_sharded, "weights that are split need a folder: give out")
        run_here(run)
        return Trained(run.best_model(), config, source)
    folder = world().on_rank_0(lambda: begin(out, config))
    run_in(folder, run, tensorboard=tensorboard, checkpoint_every=checkpoint_every)
    return Trained.load(folder, source)


def resume(
    folder: str | os.PathLike[str],
    data: Any = None,
    *,
    device: str = "auto",
    shard: bool = False,
    capture: bool = True,
    tensorboard: bool = False,
    checkpoint_every: int = 0,
) -> Trained:
    """Go on with an interrupted training exactly as it would have gone on.

    Args:
        folder: of the run.
        data: as given to :func:`fit`; needed only if that was not a name or a path.
        device: as for :func:`fit`; it need not be the same, nor need the next two.
        shard: as for :func:`fit`.
        capture: as for :func:`fit`.
        tensorboard: as for :func:`fit`.
        checkpoint_every: as for :func:`fit`.

    Raises:
        BadInput: if the folder holds no run, or its data has changed.
    """
    place = placement(device, shard=shard, capture=capture)
    return go_on(folder, data, place, tensorboard=tensorboard, checkpoint_every=checkpoint_every)


def go_on(
    folder: str | os.PathLike[str], data: Any = None, place: Placement = HERE, **how: Any
) -> Trained:
    """Go on as :func:`resume` does, in a place that is already known."""
    found, config = store.read_config(folder)
    require(
        config.prior is None,
        f"the prior of {found} was refitted after training: before training goes on, take the "
        f"trained one back: vaekit refit-prior {found} --undo",
    )
    job = job_of(config, data)
    run_in(found, job.run(place), resume=True, **how)
    return Trained.load(found, job.source)


def begin(out: str | os.PathLike[str], config: Config) -> Path:
    """Make the run's folder and write its configuration; refuse one that holds a run."""
    folder = Path(out)
    require(
        not (folder / store.CONFIG).exists(),
        f"{folder} already holds a run; choose another folder, or go on with it: "
        f"vaekit train --resume {folder}",
    )
    store.write_config(folder, config)
    return folder


def name_of(data: Any) -> str | None:
    """The name or path under which data can be opened again; None for data in memory."""
    if not isinstance(data, str | os.PathLike):
        return None
    path = str(data)
    return path if path in CATALOGUE else str(Path(path).resolve())
