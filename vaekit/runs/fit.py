"""From data to a trained model: prepare a job, run it, go on after an interruption."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import asdict, dataclass, fields, replace
from functools import cached_property
from math import prod
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from vaekit import recipes
from vaekit.runs import folder as store
from vaekit.data_init import adapt
from vaekit.system.checks import BadInput, known, require
from vaekit.recipes.choose import Choice, choose
from vaekit.data import (
    CATALOGUE,
    Batches,
    Encoded,
    Representation,
    Source,
    check_enough,
    open_source,
)
from vaekit.data.on_disk import in_memory, passing
from vaekit.system.devices import CPU, device_for
from vaekit.system.precision import settled
from vaekit.recipes.recipe import Built, call, from_data, options
from vaekit.runs.run import Run, run_here, run_in
from vaekit.system.seeding import generator_for, seeded
from vaekit.runs.trained import Trained
from vaekit.training import Plan
from vaekit.training.distributed import world

ROWS_TO_ADAPT, NUMBERS_TO_ADAPT = 20_000, 2**25
PLAN_OPTIONS = {field.name for field in fields(Plan)}


@dataclass(frozen=True)
class Job:
    """Everything that decides what a training does: data, recipe with arguments, plan."""

    source: Source
    choice: Choice
    recipe: str
    arguments: dict[str, Any]
    plan: Plan

    @property
    def parts(self) -> int:
        """In how many parts a batch is computed; runs older than this option say 0 for one."""
        return max(self.plan.parts, 1)

    @property
    def batches(self) -> Batches:
        """What is trained on: of each batch, the parts that are this process's."""
        return Batches(
            self.source, self.choice.representation, self.plan.batch, self.plan.seed,
            parts=self.parts, mine=world().mine(self.parts),
        )  # fmt: skip

    def run(
        self, device: torch.device = CPU, *, split_weights: bool = False, record: bool = True
    ) -> Run:
        """A training that is ready to begin.

        Args:
            split_weights, record: see :func:`fit`.

        Raises:
            BadInput: if the parts of a batch cannot be shared out evenly among the processes.
        """
        parts, size = self.parts, world().size
        require(
            parts % size == 0,
            f"this run computes its batches in {parts} parts, which {size} processes cannot share "
            f"out evenly: give it a number of processes that divides {parts}",
        )
        held_out = Encoded(
            self.source.rows("validation"), self.choice.representation, "validation", self.plan.seed
        )
        batches = replace(self.batches, device=device)
        return Run(
            self.built, batches, held_out.split(), self.plan, self.steps, device,
            split_weights=split_weights, record=record,
        )  # fmt: skip

    @property
    def steps(self) -> int:
        return self.plan.epochs * self.batches.per_epoch

    def rows(self, split: str, limit: int | None = None) -> Tensor:
        """x of one split, as evaluation sees it."""
        values = in_memory(self.source.rows(split, limit))
        return as_x(self.choice.representation, values, self.plan.seed, split)

    @cached_property
    def built(self) -> Built:
        """The untrained model, which has seen the training rows' means and spreads, and its
        objective. Made once.

        Raises:
            BadInput: if any row holds a value that the likelihood gives no probability.
        """
        with seeded(self.plan.seed, "init"):
            built = call(recipes.recipe(self.recipe), self.arguments)
        check_range(built, self.source, self.choice)
        shown = min(ROWS_TO_ADAPT, NUMBERS_TO_ADAPT // prod(self.source.shape))
        adapt(built.model, self.rows("train", max(shown, 1)))
        return built

    def config(self, origin: dict[str, Any]) -> dict[str, Any]:
        """What a model folder says of itself."""
        source = self.source
        return {
            "recipe": self.recipe,
            "arguments": self.arguments,
            "representation": self.choice.representation.to_dict(),
            "plan": asdict(self.plan),
            "data": {
                **origin,
                "name": source.name,
                "fingerprint": source.fingerprint,
                "rows": {split: len(rows) for split, rows in source.splits.items()},
                "columns": list(source.columns),
                "label_names": list(source.label_names),
            },
            "likelihood": {
                "name": self.choice.likelihood,
                "why": self.choice.why,
                "warnings": list(self.choice.warnings),
            },
        }


def as_x(representation: Representation, values: Tensor, seed: int, split: str) -> Tensor:
    """Stored values as a model's x; dynamic binarization is drawn once per seed and split."""
    return representation.encode(values, generator_for(seed, "binarize", split))


def prepare(
    source: Source,
    recipe: str = "vae",
    *,
    binarize: str = "none",
    colours: str = "rgb",
    device: torch.device = CPU,
    **given: Any,
) -> Job:
    """Choose the likelihood, sort the options into the recipe's and the plan's, check all.

    Raises:
        BadInput: for unknown or impossible options, or data the likelihood cannot describe.
    """
    made = recipes.recipe(recipe)
    known_options = options(made)
    for name in given:
        known("option", name, PLAN_OPTIONS | known_options.keys())
    plan = Plan(
        **{**recipes.PLANS.get(recipe, {}), **{k: v for k, v in given.items() if k in PLAN_OPTIONS}}
    )
    defaults = {name: p.default for name, p in known_options.items()}
    chosen = {**defaults, **{k: v for k, v in given.items() if k in known_options}}
    choice = choose(source, chosen["likelihood"], binarize, colours)
    per_epoch = Batches(source, choice.representation, plan.batch).per_epoch
    plan = replace(
        plan.sized(per_epoch),
        parts=plan.parts or world().size,
        precision=settled(plan.precision, device),
    )
    steps, rows = plan.epochs * per_epoch, len(source.splits["train"])
    facts = from_data(made, shape=source.shape, levels=choice.levels, steps=steps, rows=rows)
    job = Job(source, choice, recipe, {**facts, **chosen, "likelihood": choice.likelihood}, plan)
    _ = job.built
    return job


def check_range(built: Built, source: Source, choice: Choice) -> None:
    """Raise ``BadInput`` if any row holds a value that the likelihood gives no probability."""
    model: Any = built.model
    grey = replace(choice.representation, binarize="none")
    for values in passing(source.values, "checking values"):
        model.likelihood.family.range.check(grey.encode(values), choice.likelihood)


def fit(
    data: Any,
    recipe: str = "vae",
    *,
    out: str | os.PathLike[str] | None = None,
    label: str | None = None,
    labels: Any = None,
    size: tuple[int, int] | None = None,
    tiles: int = 0,
    binarize: str = "none",
    colours: str = "rgb",
    tensorboard: bool = False,
    checkpoint_every: int = 0,
    device: str = "auto",
    split_weights: bool = False,
    record: bool = True,
    before: Callable[[Job], None] | None = None,
    **given: Any,
) -> Trained:
    """Train a model on data; in a folder if ``out`` is given, else in memory.

    Args:
        data: a data set's name, a path, an array, a tensor, a data frame or a torch Dataset.
        recipe: see ``vaekit recipes``.
        out: folder for the model, metrics and checkpoints.
        label, labels, size, tiles: as for :func:`vaekit.data.open_source`.
        binarize: "none", "threshold" or "dynamic".
        colours: "rgb", or "minus_green" for photographs that are to be compressed.
        tensorboard: also write TensorBoard events below ``out``.
        checkpoint_every: updates between checkpoints, beside one after every epoch.
        device: where to train: auto (a GPU if there is one), cpu, cuda, cuda:1.
        split_weights: of several processes, each holds a share of the weights, their gradients
            and the optimiser's memory, not all of them. One process holds all.
        record: let a GPU play recordings of whole updates, where they can be recorded.
        before: called with the job when all is checked, before training begins.
        given: options of the recipe (latent=8) and of the plan (epochs=20, lr=1e-3, seed=1).

    Raises:
        BadInput: for anything that cannot be used.
        Diverged: when the loss is no longer finite; the last good checkpoint is kept.

    Example:
        >>> import vaekit
        >>> model = vaekit.fit("digits", latent=2, epochs=1)
        >>> model.sample(3).shape
        (3, 8, 8)
    """
    place = device_for(device)
    source = open_source(data, label=label, labels=labels, size=size, tiles=tiles)
    check_enough(source)
    job = prepare(source, recipe, binarize=binarize, colours=colours, device=place, **given)
    if before:
        before(job)
    run = job.run(place, split_weights=split_weights, record=record)
    origin = origin_of(data, label, labels, size, tiles)
    config = job.config(origin)
    if out is None:
        require(not tensorboard, "tensorboard needs a folder: give out")
        require(not run.session.is_split, "weights that are split need a folder: give out")
        run_here(run)
        return Trained(run.best_model(), config, source)
    folder = world().first(lambda: begin(out, config))
    run_in(folder, run, tensorboard=tensorboard, checkpoint_every=checkpoint_every)
    return Trained.load(folder, source)


def resume(
    folder: str | os.PathLike[str],
    data: Any = None,
    *,
    tensorboard: bool = False,
    checkpoint_every: int = 0,
    device: str = "auto",
    split_weights: bool = False,
    record: bool = True,
) -> Trained:
    """Go on with an interrupted training exactly as it would have gone on.

    Args:
        data: as given to :func:`fit`; needed only if that was not a name or a path.
        device, split_weights, record: as for :func:`fit`; they need not be the same.

    Raises:
        BadInput: if the folder holds no run, or its data has changed.
    """
    place, config = store.read_config(folder)
    job = job_of(config, data)
    run = job.run(device_for(device), split_weights=split_weights, record=record)
    run_in(place, run, tensorboard=tensorboard, checkpoint_every=checkpoint_every, resume=True)
    return Trained.load(place, job.source)


def job_of(config: dict[str, Any], data: Any = None) -> Job:
    """The job that a model folder came from, its data opened again and checked to be the same."""
    source = reopen(config, data)
    try:
        plan = Plan(**config["plan"])
        representation = Representation(**config["representation"])
        arguments = dict(config["arguments"])
        likelihood = config["likelihood"]
    except (KeyError, TypeError) as error:
        raise BadInput(f"the run's configuration is damaged: {error}") from error
    arguments["shape"] = tuple(arguments["shape"])
    choice = Choice(
        likelihood["name"], representation, arguments.get("levels", 256), likelihood["why"]
    )
    return Job(source, choice, config["recipe"], arguments, plan)


def reopen(config: dict[str, Any], data: Any = None) -> Source:
    """The source that a model was trained on; ``BadInput`` if it is gone or has changed."""
    origin = config.get("data", {})
    again = data if data is not None else origin.get("open")
    require(again is not None, "this model was trained on data in memory: give that data again")
    size = tuple(origin["size"]) if origin.get("size") else None
    source = open_source(
        again, label=origin.get("label"), labels=origin.get("labels"), size=size,
        tiles=origin.get("tiles", 0),
    )  # fmt: skip
    require(
        source.fingerprint == origin.get("fingerprint"),
        f"{source.name} is not the data this model was trained on: its contents have changed",
    )
    return source


def begin(out: str | os.PathLike[str], config: dict[str, Any]) -> Path:
    """Make the run's folder and write its configuration; refuse one that holds a run."""
    folder = Path(out)
    require(
        not (folder / store.CONFIG).exists(),
        f"{folder} already holds a run; choose another folder, or go on with it: "
        f"vaekit train --resume {folder}",
    )
    store.write_config(folder, config)
    return folder


def origin_of(
    data: Any, label: str | None, labels: Any, size: tuple[int, int] | None, tiles: int = 0
) -> dict[str, Any]:
    """How the data can be opened again: only what was named, not what was in memory."""
    named = isinstance(data, str | os.PathLike)
    path = str(data) if named else None
    if path and path not in CATALOGUE:
        path = str(Path(path).resolve())
    return {
        "open": path,
        "label": label,
        "labels": str(Path(labels).resolve()) if isinstance(labels, str) else None,
        "size": list(size) if size else None,
        "tiles": tiles,
    }
