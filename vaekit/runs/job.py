"""A job: all that decides what a training does, made from data and options, or from a folder."""

from __future__ import annotations

import hashlib
import json
import warnings
from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from functools import cached_property
from math import prod
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from vaekit import recipes
from vaekit.data import CATALOGUE, Batches, Conditions, Encoded, Opening, Representation, Source
from vaekit.data.layout import RowLayout
from vaekit.data.opening import AS_IT_IS
from vaekit.data_init import data_init
from vaekit.evaluation.passes import network_passes
from vaekit.networks.cells import unsettle
from vaekit.recipes.choose import Choice, choose, put_constants
from vaekit.recipes.recipe import (
    FROM_DATA,
    Built,
    call,
    check_settled,
    from_data,
    options,
)
from vaekit.rows import AnyRows, Rows
from vaekit.runs.agreement import check_cells, check_given, check_range, check_rows, check_told
from vaekit.runs.config import Chosen, Config
from vaekit.runs.folder import fill
from vaekit.runs.history import NO_HISTORY, History
from vaekit.runs.origin import Origin
from vaekit.runs.run import Run
from vaekit.system.checks import known, require
from vaekit.system.devices import CPU
from vaekit.system.precision import resolve_precision
from vaekit.system.progress import say
from vaekit.system.ranges import as_written, check_value, plain
from vaekit.system.seeding import seeded, some
from vaekit.training import Plan
from vaekit.training.distributed import world
from vaekit.training.placement import HERE, Placement
from vaekit.training.plan import kinds as plan_kinds

ROWS_TO_ADAPT, NUMBERS_TO_ADAPT, TRIED, FEWEST_HELD_OUT = 20_000, 2**25, 64, 500
OTHER_DATA = "; to train it on other data, start from it: vaekit train DATA --start-from RUN"
PLAN_OPTIONS = {field.name for field in fields(Plan)}


@dataclass(frozen=True)
class Job:
    """Everything that decides what a training does: data, recipe with arguments, plan.

    Args:
        source: the data.
        choice: likelihood and representation.
        recipe: its name.
        arguments: the recipe's.
        plan: how to train.
        conditions: what the model is given beside x.
        weights: that the model begins with, by name; None for fresh ones.
        history: how it came to that plan.
    """

    source: Source
    choice: Choice
    recipe: str
    arguments: dict[str, Any]
    plan: Plan
    conditions: Conditions
    weights: Mapping[str, Tensor] | None = None
    history: History = NO_HISTORY

    @property
    def parts(self) -> int:
        """In how many parts a batch is computed; runs older than this option say 0 for one."""
        return max(self.plan.parts, 1)

    @property
    def batches(self) -> Batches:
        """What is trained on: of each batch, the parts that are this process's."""
        return Batches(
            self.source, self.choice.representation, self.plan.batch, self.plan.seed,
            parts=self.parts, mine=world().shard_of(self.parts), given=self._given("all"),
        )  # fmt: skip

    def run(self, placement: Placement = HERE) -> Run:
        """A training that is ready to begin.

        Raises:
            BadInput: if the parts of a batch cannot be shared out evenly among the processes.
        """
        parts, size = self.parts, world().size
        require(
            parts % size == 0,
            f"this run computes its batches in {parts} parts, which {size} processes cannot share "
            f"out evenly: give it a number of processes that divides {parts}",
        )
        batches = replace(self.batches, device=placement.device)
        held_out = self.held_out.split(*self._chunk)
        return Run(self.built, batches, held_out, self.plan, self.steps, placement, self.mark)

    @property
    def mark(self) -> str:
        """What tells checkpoints of this training from those of others: a sha256 of the data, what
        was asked of the recipe, and the seed. Where data lies and how long it is trained on may
        change."""
        asked = {k: v for k, v in self.arguments.items() if k not in FROM_DATA}
        shown = self.choice.representation.to_dict()
        told = [self.source.fingerprint, self.recipe, asked, shown, self.plan.seed]
        return hashlib.sha256(json.dumps(told, sort_keys=True).encode()).hexdigest()

    @property
    def steps(self) -> int:
        """How many updates there are in all."""
        return self.plan.epochs * self.batches.per_epoch

    @property
    def held_out(self) -> Encoded:
        """The rows that are validated on: all of the validation split, or as many of it, chosen at
        random, as take little time beside an epoch, where log p(x|z) takes many passes."""
        rows, passes = self.rows("validation"), network_passes(self.built.model)
        if passes == 1:
            return rows
        limit = max(len(self.source.splits["train"]) // (4 * passes), FEWEST_HELD_OUT)
        chosen = some(len(rows), limit, self.plan.seed).sort().values
        return replace(rows, values=rows.values[chosen])

    @property
    def _chunk(self) -> list[int]:
        """Rows at once in validation: a batch's, where a term looks at the batch as a whole."""
        return [self.plan.batch] if self.built.objective.over_batch else []

    def rows(self, split: str) -> Encoded:
        """Rows of one split, as evaluation sees them."""
        source, plan = self.source, self.plan
        return Encoded(
            source.rows(split), self.choice.representation, split, plan.seed, self._given(split)
        )

    def _given(self, split: str) -> dict[str, Tensor]:
        return self.conditions.encode(self._told.given_of(split))

    @cached_property
    def _told(self) -> Source:
        """The source with what the model is given numbered as the model has it."""
        source, conditions = self.source, self.conditions
        if source.conditions() == conditions:
            return source
        carried = conditions.carried(source.given, source.given_names)
        return replace(source, given=conditions.ask(carried, len(source), gaps=True))

    @cached_property
    def built(self) -> Built:
        """The model before training, which has seen the training rows' means and spreads or begins
        with weights that are there, and its objective. Made once.

        Raises:
            BadInput: if any row holds a value that the likelihood gives no probability, parts do
                not go together, or the weights are another model's.
        """
        with seeded(self.plan.seed, "init"):
            built = call(recipes.recipe(self.recipe), self.arguments)
        put_constants(built.model, self.choice.representation)
        check_range(built, self.source, self.choice)
        check_told(built, self.source)
        rows = shown(self.rows("train"), self.plan.seed)
        if self.weights is None:
            data_init(built.model, rows.data)
        else:
            fill(built.model, self.weights, "the model to start from")
            unsettle(built.model)
        data_init(built.objective, rows.data)
        if built.objective.keeping:
            labelled = self.source.classified("train").nonzero()[:, 0]
            built.objective.keep(shown(self.rows("train"), self.plan.seed, labelled))
        with seeded(self.plan.seed, "check"):
            built.objective.check(built.model, rows[:TRIED])
        batched = built.objective.over_batch
        require(
            self.parts == 1 or not batched,
            f"the {', '.join(batched)} looks at a batch as a whole: it cannot be computed in "
            f"{self.parts} parts or processes; leave them out, or do without it",
        )
        return built

    def config(self, opening: Opening = AS_IT_IS, place: str | None = None) -> Config:
        """What a model folder says of itself.

        Args:
            opening: how the data was opened.
            place: path or name under which it can be opened again.
        """
        source, choice = self.source, self.choice
        return Config(
            recipe=self.recipe,
            arguments=self.arguments,
            representation=choice.representation,
            plan=self.plan,
            data=Origin(
                name=source.name,
                fingerprint=source.fingerprint,
                rows={split: len(rows) for split, rows in source.splits.items()},
                columns=source.columns,
                types=source.types if source.is_mixed else (),
                label_names=source.label_names,
                opening=_as_kept(opening, source),
                open=place,
                span=choice.span,
                layout=unusual(source, choice.representation),
            ),
            likelihood=Chosen(choice.likelihood, choice.why, choice.warnings, choice.remarks),
            conditions=self.conditions,
            history=self.history,
        )


def _as_kept(opening: Opening, source: Source) -> Opening:
    """How a model's data was opened, as it is remembered."""
    kept = replace(opening, given=tuple(source.given), coding=source.coding)
    return replace(kept, cells="no", schema=None)


def unusual(source: Source, representation: Representation) -> RowLayout | None:
    """How the source's rows lay, if that has to be said."""
    unsaid = RowLayout.unsaid(source.shape, representation.dtype)
    return None if source.layout == unsaid else source.layout


def shown(rows: AnyRows, seed: int, among: Tensor | None = None) -> Rows:
    """Rows that are shown to parts that look at the data before training: as many as stand for
    all of them, or for those ``among`` them, in their order."""
    limit = max(min(ROWS_TO_ADAPT, NUMBERS_TO_ADAPT // prod(rows.shape[1:])), 1)
    chosen = some(len(rows if among is None else among), limit, seed).sort().values
    return Rows.of(rows[chosen if among is None else among[chosen]])


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
    made, given = recipes.recipe(recipe), asked(recipe, given)
    check_given(recipe, made, source)
    check_cells(recipe, made, source)
    check_rows(made, given, trained_on(source))
    usual = {**recipes.PLANS.get(recipe, {}), **recipes.suited(recipe, trained_on(source)).plan}
    plan = Plan(**{**usual, **{k: v for k, v in given.items() if k in PLAN_OPTIONS}})
    chosen = {name: given.get(name, p.default) for name, p in options(made).items()}
    why = "as asked" if "likelihood" in given else f"as {recipe} has it"
    choice = choose(source, chosen["likelihood"], binarize, colours, why)
    job = planned(source, choice, recipe, chosen, plan, source.conditions(), device)
    _ = job.built
    return job


def asked(recipe: str, given: Mapping[str, Any]) -> dict[str, Any]:
    """Options of a recipe and of the plan as Python's own numbers.

    Raises:
        BadInput: for options that neither has, and for values that they cannot have: all that can
            be refused before there is data.
    """
    made = recipes.recipe(recipe)
    check_settled(made, given)
    kinds = plan_kinds() | {name: p.annotation for name, p in options(made).items()}
    found = {}
    for name, value in given.items():
        kind = kinds[known("option", name, kinds)]
        found[name] = as_written(kind, plain(value))
        check_value(name, kind, found[name])
    return found


def planned(
    source: Source,
    choice: Choice,
    recipe: str,
    chosen: Mapping[str, Any],
    plan: Plan,
    conditions: Conditions,
    device: torch.device = CPU,
) -> Job:
    """A job whose plan and arguments are settled for the data.

    Args:
        source: the data.
        choice: likelihood and representation.
        recipe: its name.
        chosen: the recipe's options.
        plan: of any number of epochs, 0 for as many as suit.
        conditions: what the model is given.
        device: where it will be trained.
    """
    per_epoch = updates_per_epoch(source, choice.representation, plan)
    plan = replace(
        plan.sized(per_epoch, recipes.suited(recipe, trained_on(source)).length),
        parts=plan.parts or world().size,
        precision=resolve_precision(plan.precision, device),
    )
    facts = from_data(
        recipes.recipe(recipe), shape=source.shape, levels=choice.levels,
        steps=plan.epochs * per_epoch, rows=trained_on(source), given=conditions.widths,
        labelled=int(source.classified("train").sum()),
        names=list(source.columns), **source.series,
        columns=source.coding and source.coding.levels,
        ordered=source.coding and source.coding.ordered,
        gaps=source.coding and source.coding.said_by,
    )  # fmt: skip
    arguments = {**facts, **chosen, "likelihood": choice.likelihood}
    return Job(source, choice, recipe, arguments, plan, conditions)


def trained_on(source: Source) -> int:
    """Rows that are trained on."""
    return len(source.splits["train"])


def updates_per_epoch(source: Source, representation: Representation, plan: Plan) -> int:
    """How many batches make a pass over the training rows."""
    return Batches(source, representation, plan.batch).per_epoch


def warn_of(job: Job) -> None:
    """Say which likelihood was picked and why, and what a person should know of the data."""
    say(f"likelihood {job.choice.likelihood}: {job.choice.why}")
    for text in (*job.choice.warnings, *job.choice.remarks):
        warnings.warn(text, stacklevel=4)


def job_of(config: Config, source: Source) -> Job:
    """The job that a model folder came from, its data opened again."""
    arguments, conditions = dict(config.arguments), config.conditions
    return Job(
        source, choice_of(config), config.recipe, arguments, config.plan, conditions,
        history=config.history,
    )  # fmt: skip


def choice_of(config: Config) -> Choice:
    """What was chosen for a model's data."""
    chosen = config.likelihood
    return Choice(
        chosen.name, config.representation, config.levels, chosen.why, chosen.warnings,
        chosen.remarks, config.data.span,
    )  # fmt: skip


def reopen(config: Config, data: Any = None, labels: Any = None) -> Source:
    """The source that a model was trained on.

    Args:
        config: the model's.
        data: the same data, where it is not any more where it was; None if it is.
        labels: likewise.

    Raises:
        BadInput: if it is gone or has changed.
    """
    place = config.data.open
    require(
        not (data is place is None),
        "this model was trained on data in memory: give that data again",
    )
    require(
        data is not None or place in CATALOGUE or Path(str(place)).exists(),
        f"there is no file or folder {place} any more: if the data lies elsewhere now, name it",
    )
    file = config.data.opening.labels
    require(
        labels is not None or isinstance(data, Source) or not file or Path(file).is_file(),
        f"there is no file {file} any more: if the labels lie elsewhere now, name it as --labels",
    )
    takes, columns = config.representation, config.data.columns
    opening = config.data.opening.again(takes.shape, takes.dtype, config.layout, columns)
    source = opening.open(place if data is None else data, labels)
    other = "" if data is None else OTHER_DATA
    require(
        source.fingerprint == config.data.fingerprint,
        f"{source.name} is not the data this model was trained on: its contents have changed"
        + other,
    )
    return source
