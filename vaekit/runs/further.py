"""Training further: a run that gets another length or whose data has moved, and a new run that
starts from the weights of another."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Mapping
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import torch

from vaekit import recipes
from vaekit.data import Opening, Source
from vaekit.data.opening import AS_IT_IS
from vaekit.recipes.recipe import options
from vaekit.runs import stored
from vaekit.runs.config import Config
from vaekit.runs.folder import WEIGHTS, read_config, read_weights
from vaekit.runs.history import History, Start
from vaekit.runs.incoming import check_incoming
from vaekit.runs.job import (
    PLAN_OPTIONS,
    Job,
    asked,
    choice_of,
    planned,
    trained_on,
    updates_per_epoch,
)
from vaekit.system.checks import require
from vaekit.system.devices import CPU
from vaekit.system.records import Part
from vaekit.training import Plan, latest_checkpoint, progress

OF_THE_MODEL = ("likelihood", "binarize", "colours")


def moved(config: Config, source: Source, place: str, labels: str | None) -> Config:
    """The configuration of a run whose data lies elsewhere now.

    Args:
        config: as it was.
        source: the data.
        place: path or name under which it can be opened.
        labels: file of its labels, if that lies elsewhere too.
    """
    opening = config.data.opening
    opening = replace(opening, labels=labels) if labels else opening
    if (place, opening) == (config.data.open, config.data.opening):
        return config
    return replace(config, data=replace(config.data, name=source.name, open=place, opening=opening))


def lengthened(
    folder: Path, config: Config, source: Source, epochs: int | None, patience: int | None
) -> Config:
    """The configuration of a run that is to have another number of epochs in all, or another
    patience. What is done stays; what is left follows the schedules of the new length.

    Args:
        folder: of the run.
        config: as it was.
        source: the data.
        epochs: in all; 0 for as many as suit, None for as many as were planned.
        patience: as in the plan; None for what was planned.

    Raises:
        BadInput: for fewer epochs than are done, or a run that would stop at once.
    """
    per_epoch = updates_per_epoch(source, config.representation, config.plan)
    path = latest_checkpoint(folder)
    done, notes = progress(path) if path else (0, {"waited": 0})
    waited = Part(notes, "the checkpoint's notes").whole("waited")
    plan, usual = config.plan, recipes.suited(config.recipe, trained_on(source))
    if epochs is not None:
        plan = replace(plan, epochs=epochs).sized(per_epoch, usual.length)
    plan = plan if patience is None else replace(plan, patience=patience)
    require(
        done <= plan.epochs * per_epoch,
        f"{folder} has been trained for {done / per_epoch:.4g} epochs, which is more than "
        f"{plan.epochs}: give --epochs the number in all",
    )
    require(
        epochs is None or not 0 < plan.patience <= waited,
        f"{folder} has been out of patience since epoch {done // per_epoch}, after "
        f"{waited} epochs without a better validation loss: to train on, give another "
        "patience as well (--patience 0 for any)",
    )
    if plan.epochs == config.plan.epochs:
        return replace(config, plan=plan)
    steps = {"steps": plan.epochs * per_epoch} if "steps" in config.arguments else {}
    history = config.history.ended(done, config.plan.epochs)
    return replace(config, plan=plan, arguments={**config.arguments, **steps}, history=history)


def opening_from(folder: str | os.PathLike[str], opening: Opening) -> Opening:
    """How data is opened for a run that starts from a model: as is said, or else as the model's."""
    config = read_config(folder)[1]
    if opening == AS_IT_IS:
        return config.opening
    return opening.again(config.representation.shape, config.representation.dtype)


def job_from(
    folder: str | os.PathLike[str],
    source: Source,
    recipe: str | None = None,
    device: torch.device = CPU,
    **given: Any,
) -> Job:
    """A job that starts from a trained model: its recipe, options, plan and weights, but for what
    is said otherwise and the number of epochs.

    Args:
        folder: of the model. A prior that was fitted after training is left out.
        source: to train on, with rows like the model's.
        recipe: another, whose model is of the same parts.
        device: where it will be trained.
        given: options of the recipe and of the plan.

    Raises:
        BadInput: for options that do not go with the weights.
    """
    folder, config = read_config(folder)
    recipe = recipe or config.recipe
    options_known = options(recipes.recipe(recipe))
    for name in OF_THE_MODEL:
        require(
            given.pop(name, None) is None,
            f"{name} is that of the model to start from: leave it out",
        )
    given = asked(recipe, given)
    source = source.with_columns(config.data.columns)
    check_incoming(config, source.values)
    chosen = {n: v for n, v in {**config.arguments, **given}.items() if n in options_known}
    plan = {**asdict(config.plan), "epochs": 0, **_of(PLAN_OPTIONS, given)}
    choice = replace(choice_of(config), why=f"as in {folder}", remarks=())
    job = planned(source, choice, recipe, chosen, Plan(**plan), config.conditions, device)
    weights = stored.trained(read_weights(folder, config))
    job = replace(job, weights=weights, history=History(start=_start(folder, config)))
    _ = job.built
    return job


def _of(names: set[str], given: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in given.items() if name in names}


def _start(folder: Path, config: Config) -> Start:
    digest = hashlib.sha256((folder / WEIGHTS).read_bytes()).hexdigest()
    return Start(str(folder.resolve()), digest, config.data.name, config.data.fingerprint)
