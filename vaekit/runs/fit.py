"""From data to a trained model: prepare a job, run it, go on after an interruption."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, Literal

from vaekit import recipes
from vaekit.data import CATALOGUE, Opening, Representation, Source, check_enough, opening_of
from vaekit.data.opening import AS_IT_IS
from vaekit.data.readers.dialect import FIELDS as DIALECT
from vaekit.recipes.recipe import options as recipe_options
from vaekit.recipes.recipe import takes_cells, takes_gaps
from vaekit.runs import folder as store
from vaekit.runs.further import job_from, lengthened, moved, opening_from
from vaekit.runs.job import Job, asked, job_of, prepare, reopen, warn_of
from vaekit.runs.run import AfterEpoch, run_here, run_in
from vaekit.runs.settle import settle, settled_in
from vaekit.runs.trained import Trained
from vaekit.system.checks import require
from vaekit.system.files import check_new_folder
from vaekit.system.progress import quiet_if
from vaekit.system.ranges import Whole, check_value
from vaekit.training import latest_checkpoint, save_checkpoint
from vaekit.training.distributed import world
from vaekit.training.placement import HERE, Placement, placement

Before = Callable[[Job], None]
Place = Callable[[str], Path]


def fit(
    data: Any,
    recipe: str | None = None,
    *,
    start_from: str | os.PathLike[str] | None = None,
    out: str | os.PathLike[str] | None = None,
    force: bool = False,
    label: str | None = None,
    labels: Any = None,
    size: int | tuple[int, int] | None = None,
    tiles: int = 0,
    given: str | Sequence[str] = (),
    kind: str | None = None,
    channels: str | None = None,
    schema: str | os.PathLike[str] | None = None,
    binarize: str = "none",
    colours: str = "rgb",
    tensorboard: bool = False,
    checkpoint_every: int = 0,
    device: str = "auto",
    shard: bool = False,
    capture: bool = True,
    quiet: bool = False,
    before: Before | None = None,
    after_epoch: AfterEpoch | None = None,
    **options: Any,
) -> Trained:
    """Train a model on data; in a folder if ``out`` is given, else in memory.

    Args:
        data: a data set's name, a path, an array, a tensor, a data frame or a torch Dataset.
        recipe: see ``vaekit recipes``; by default vae, or that of the model to start from.
        start_from: folder of a trained model: training begins with its weights, and with its
            recipe, options and plan wherever nothing else is said (but for the epochs). The folder
            stays as it is.
        out: folder for the model, metrics and checkpoints; a new one, or an empty one.
        force: take ``out`` as it is: a run that it holds is lost, other files stay.
        label: column or array that holds labels, not data.
        labels: one label for each row, in memory or in a file.
        size: (height, width) to which pictures of a folder are brought, or both as one number.
        tiles: cut pictures of a folder into squares of this side instead, as they are stored.
        given: what a conditional model is told beside x: "label", or columns by name.
        kind: "image" or "series": what arrays of (rows, a, b) are; by default what they look like.
        channels: "first" or "last": where an array's channels are, or a series' features; by
            default what they look like.
        schema: TOML file that corrects the types of a table's columns.
        binarize: "none", "threshold" or "dynamic".
        colours: "rgb", or "minus_green" for photographs that are to be compressed.
        tensorboard: also write TensorBoard events below ``out``.
        checkpoint_every: updates between checkpoints, beside one after every epoch.
        device: where to train: auto (a GPU if there is one), cpu, cuda, cuda:1.
        shard: of several processes, each holds a share of the weights, their gradients
            and the optimiser's memory, not all of them. One process holds all.
        capture: let a GPU play recordings of whole updates, where they can be recorded.
        quiet: show no progress, and do not say which likelihood was picked.
        before: called with the job when all is checked, before training begins.
        after_epoch: called with the :class:`~vaekit.runs.run.Run` after each epoch.
        options: of the recipe (latent=8), of the plan (epochs=20, lr=1e-3, seed=1), and of a table
            (separator=";", decimal=",", header=False, missing=["-999"]: see
            :class:`~vaekit.data.readers.dialect.Dialect`).

    Raises:
        BadInput: for anything that cannot be used.
        Diverged: when a loss or gradient is no longer finite, or the validation loss never was. It
            is an ``ArithmeticError`` that says what to try; the last good checkpoint is kept.

    Example:
        >>> import vaekit
        >>> model = vaekit.fit("digits", latent=2, epochs=1)
        >>> model.sample(3).shape
        (3, 8, 8)
    """
    place = placement(device, shard=shard, capture=capture)
    table = {name: options.pop(name) for name in DIALECT if name in options}
    opening = opening_of(label, labels, size, tiles, given, kind, channels, schema, **table)
    with quiet_if(wanted=quiet):
        return train_on(
            data, recipe, opening, place, start_from=start_from, out=out, force=force,
            labels=labels, binarize=binarize, colours=colours, tensorboard=tensorboard,
            checkpoint_every=checkpoint_every, before=before, after_epoch=after_epoch, **options,
        )  # fmt: skip


def train_on(
    data: Any,
    recipe: str | None = None,
    opening: Opening = AS_IT_IS,
    place: Placement = HERE,
    *,
    start_from: str | os.PathLike[str] | None = None,
    out: str | os.PathLike[str] | Place | None = None,
    force: bool = False,
    labels: Any = None,
    binarize: str = "none",
    colours: str = "rgb",
    tensorboard: bool = False,
    checkpoint_every: int = 0,
    before: Before | None = None,
    after_epoch: AfterEpoch | None = None,
    **options: Any,
) -> Trained:
    """Train a model as :func:`fit` does, where how data is opened and where the work is done are
    values already.

    Args:
        data: anything that can be opened.
        recipe: see :func:`fit`, as for all others.
        opening: how it is opened.
        place: where the work is done.
        start_from: folder of a trained model.
        out: folder of the run; or, by the name of the recipe, one that is not there yet.
        force: whether it may hold anything.
        labels: one label for each row, if they are not in the opening.
        binarize: "none", "threshold" or "dynamic".
        colours: "rgb" or "minus_green".
        tensorboard: also write TensorBoard events.
        checkpoint_every: updates between checkpoints.
        before: called with the job.
        after_epoch: called with the run.
        options: of the recipe and of the plan.
    """
    read = [name for name in (data, labels, start_from) if isinstance(name, str | os.PathLike)]
    how: dict[str, Any] = {"tensorboard": tensorboard, "shard": place.shard, "force": force}
    if not callable(out):
        check_place(out, read, **how)
    recipe = recipe or (recipes.implied(options) if start_from is None else None)
    start = None if start_from is None else store.read_config(start_from)[1].recipe
    check_value("recipe", str, recipe or recipes.DEFAULT)
    asked(recipe or start or recipes.DEFAULT, options)
    check_value("checkpoint_every", Whole, checkpoint_every)
    _ = Representation((1,), binarize=binarize, colours=colours)  # refuses what it does not know
    if start_from is not None:
        opening = opening_from(start_from, opening)
    opening = opening_for(recipe, opening)
    source = opening.open(data, labels)
    check_enough(source)
    options |= {"binarize": binarize} if binarize != "none" else {}
    options |= {"colours": colours} if colours != "rgb" else {}
    if start_from is None:
        chosen = recipe or default_for(source)
        check_default(chosen, source, options)
        job = prepare(source, chosen, device=place.device, **options)
    else:
        job = job_from(start_from, source, recipe, place.device, **options)
    if callable(out):
        out = world().broadcast(out(job.recipe))
        check_place(out, read, **how)
    if before:
        before(job)
    elif world().is_first:
        warn_of(job)
    run, config = job.run(place), job.config(opening, name_of(data))
    if out is None:
        run_here(run, after_epoch)
        trained = Trained(run.best_model(), config, source)
        settle(trained, source)
        return trained
    folder = world().on_rank_0(lambda: store.empty(Path(out)))
    if start_from is not None:  # what the run begins with is its first checkpoint
        save_checkpoint(folder, run.state, run.notes())
    world().on_rank_0(lambda: store.write_config(folder, config))
    how = {"checkpoint_every": checkpoint_every, "after_epoch": after_epoch}
    run_in(folder, run, tensorboard=tensorboard, **how)
    return settled_in(folder, source)


def resume(
    folder: str | os.PathLike[str],
    data: Any = None,
    *,
    labels: Any = None,
    epochs: int | None = None,
    patience: int | None = None,
    device: str = "auto",
    shard: bool = False,
    capture: bool = True,
    tensorboard: bool = False,
    checkpoint_every: int = 0,
    after_epoch: AfterEpoch | None = None,
) -> Trained:
    """Go on with a training exactly as it would have gone on, or for longer.

    With another number of epochs what is done stays as it is, and what is left follows the
    schedules (learning rate, warm-up, KL's weight) of a run of that many epochs: where these do not
    depend on its length, it is that run, bit for bit.

    Args:
        folder: of the run.
        data: the data that the run was begun with, if it was in memory or lies elsewhere now.
        labels: likewise, if they were given by themselves.
        epochs: in all, instead of as many as were planned; 0 for as many as suit.
        patience: instead of what was planned.
        device: as for :func:`fit`; it need not be the same, nor need the next two.
        shard: as for :func:`fit`.
        capture: as for :func:`fit`.
        tensorboard: as for :func:`fit`.
        checkpoint_every: as for :func:`fit`.
        after_epoch: as for :func:`fit`.

    Raises:
        BadInput: if the folder holds no run, or its data is gone or has changed.
        Diverged: as for :func:`fit`.
    """
    how: dict[str, Any] = {"tensorboard": tensorboard, "checkpoint_every": checkpoint_every}
    length = {"epochs": epochs, "patience": patience}
    place = placement(device, shard=shard, capture=capture)
    how |= {"after_epoch": after_epoch}
    return go_on(folder, data, place, labels=labels, **length, **how)


def go_on(
    folder: str | os.PathLike[str],
    data: Any = None,
    place: Placement = HERE,
    *,
    labels: Any = None,
    epochs: int | None = None,
    patience: int | None = None,
    **how: Any,
) -> Trained:
    """Go on as :func:`resume` does, in a place that is already known."""
    found, config = store.read_config(folder)
    require(
        config.prior is None,
        f"the prior of {found} was refitted after training: before training goes on, take the "
        f"trained one back: vaekit refit-prior {found} --undo",
    )
    length: dict[str, Any] = {"epochs": epochs, "patience": patience}
    _ = replace(config.plan, **{n: v for n, v in length.items() if v is not None})
    store.check_room(found, config)
    source, before = reopen(config, data, labels), config
    if (name := name_of(data)) is not None:
        config = moved(config, source, name, name_of(labels))
    require(
        latest_checkpoint(found) is not None or not (found / store.WEIGHTS).exists(),
        f"{found} holds a model and no checkpoint to go on from: train further from its weights "
        f"(vaekit train DATA --start-from {found}), or remove {store.WEIGHTS} to begin anew",
    )
    config = lengthened(found, config, source, epochs, patience)
    run = job_of(config, source).run(place)
    if config != before:
        world().on_rank_0(lambda: store.write_config(found, config))
    run_in(found, run, resume=True, **how)
    return settled_in(found, source)


def opening_for(recipe: str | None, opening: Opening) -> Opening:
    """The same way to open data, as a recipe takes it: as cells of mixed columns, or as numbers,
    with gaps or without.

    Args:
        recipe: its name; None where none is said.
        opening: as it was asked for.
    """
    gaps = opening.gaps if recipe is None else takes_gaps(recipes.recipe(recipe))
    return replace(opening, cells=_cells_for(recipe, opening), gaps=gaps)


def _cells_for(recipe: str | None, opening: Opening) -> Literal["no", "auto", "yes"]:
    """Whether tables are opened as cells of mixed columns: as the recipe takes them; if none is
    said, where they are not rows of numbers without gaps."""
    if recipe is None:
        return "yes" if opening.schema else "auto"
    return "yes" if takes_cells(recipes.recipe(recipe)) else "no"


def default_for(source: Source) -> str:
    """The recipe for data of which nobody said one."""
    return recipes.DEFAULT if source.coding is None else recipes.OF_TABLES


def check_default(recipe: str, source: Source, options: Mapping[str, Any]) -> None:
    """Raise ``BadInput`` for options of the usual recipe, where the data got that of tables."""
    own = {*recipe_options(recipes.recipe(recipe))}
    usual = {*recipe_options(recipes.recipe(recipes.DEFAULT))}
    other = [name for name in options if name in usual - own]
    require(
        not other or source.coding is None,
        f"{source.name} is a table of mixed columns, for which {recipe} is trained: it has no "
        f"option {', '.join(map(repr, other))}",
    )


def check_place(
    out: str | os.PathLike[str] | None,
    read: Sequence[str | os.PathLike[str]],
    *,
    tensorboard: bool,
    shard: bool,
    force: bool,
) -> None:
    """Raise ``BadInput`` unless a run can go to a folder, or do without, before data is read.

    Args:
        out: the folder, or None.
        read: what is read, if it has a name.
        tensorboard: whether it writes events.
        shard: whether weights are split, among several processes.
        force: whether the folder may hold anything.
    """
    if out is None:
        require(not tensorboard, "tensorboard needs a folder: give out")
        require(not shard or world().size == 1, "weights that are split need a folder: give out")
        return
    files = [name for name in read if str(name) not in CATALOGUE]
    world().on_rank_0(lambda: check_new_folder(store.claim_run(Path(out), files, force=force)))


def name_of(data: Any) -> str | None:
    """The name or path under which data can be opened again; None for data in memory."""
    if not isinstance(data, str | os.PathLike):
        return None
    path = str(data)
    return path if path in CATALOGUE else str(Path(path).resolve())
