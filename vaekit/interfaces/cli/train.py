"""The command that trains: its options are its own, the plan's and the chosen recipe's."""

from __future__ import annotations

import inspect
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import fields
from functools import partial
from pathlib import Path
from typing import Annotated, Any, get_type_hints

from cyclopts import App, Group, Parameter

from vaekit import recipes
from vaekit.data.opening import check_there
from vaekit.interfaces.cli.common import AS_TRAINING, Force, Training
from vaekit.interfaces.cli.opened import AS_OPENED, HowOpened
from vaekit.interfaces.cli.seeds import Processes, Seeds, as_text, begin, check_processes
from vaekit.interfaces.cli.seeds import go_on as go_on_with
from vaekit.interfaces.cli.shared import say, show_scores, to_write
from vaekit.interfaces.cli.values import AS_TYPED
from vaekit.recipes.recipe import check_settled, options
from vaekit.recipes.story import all_helps_of
from vaekit.runs.outlets import FOLDER, Outlet
from vaekit.system.checks import BadInput, require
from vaekit.system.docstrings import helps_of, summary_of
from vaekit.system.ranges import Range
from vaekit.training import Plan, checkpoint_size, latest_checkpoint

ON_RESUMING = {
    "resume", "labels", "epochs", "patience", "checkpoint_every", "tensorboard", "report", "shard",
    "capture", "work", "seeds", "processes",
}  # fmt: skip
RUN = Outlet((FOLDER,), "runs/DATA-RECIPE", folder="a new folder")
MOST_COLUMNS = 100  # that are shown before training; a report has all
TRAINING, RECIPE = Group("Training"), Group("Recipe options")


def train(*tokens: Annotated[str, Parameter(show=False, allow_leading_hyphen=True)]) -> None:
    """Train a model on data, with a report."""
    run_by_recipe("train", tokens, recipe_in(tokens), command_for)


def run_by_recipe(
    title: str, tokens: tuple[str, ...], recipe: str, command_for: Callable[[str], Any]
) -> None:
    """Run a command whose options are those of a recipe, too.

    Args:
        title: of the command.
        tokens: that were typed after it.
        recipe: by name.
        command_for: makes the command, of a recipe.
    """
    check_settled(recipes.recipe(recipe), options_in(tokens))
    command = App(
        name=f"vaekit {title}", help_format="plaintext", version_flags=[],
        suppress_keyboard_interrupt=False, default_parameter=AS_TYPED,
    )  # fmt: skip
    command.default(command_for(recipe))
    command(list(tokens), exit_on_error=False, print_error=False, result_action="return_value")


def recipe_in(tokens: tuple[str, ...]) -> str:
    """The recipe that the tokens name, or that of the run that they name; the other options depend
    on it."""
    run = value_in(tokens, "--resume") or value_in(tokens, "--start-from")
    named = value_in(tokens, "--recipe") or (recipe_of(run) if run else None)
    return named or recipes.implied(options_in(tokens)) or recipes.DEFAULT


def value_in(tokens: tuple[str, ...], option: str) -> str:
    """The value of an option among the tokens; empty where it is not there."""
    for here, following in zip(tokens, (*tokens, "")[1:], strict=True):
        if here == option:
            return following
        if here.startswith(option + "="):
            return here.removeprefix(option + "=")
    return ""


def recipe_of(run: str) -> str:
    """The recipe of the run in a folder, or of its runs."""
    from vaekit.runs.folder import read_config
    from vaekit.runs.seeds import holds_seeds, runs_in

    runs = [*runs_in(run)] if holds_seeds(run) else [Path(run)]
    return read_config(runs[0])[1].recipe if runs else ""


def options_in(tokens: tuple[str, ...]) -> list[str]:
    """The names of the options among the tokens, as Python spells them."""
    return [t[2:].partition("=")[0].replace("-", "_") for t in tokens if t.startswith("--")]


def command_for(name: str) -> Any:
    """A function with all options of ``train_here``, the plan and the recipe ``name``."""
    return with_options(name, train_here, ON_RESUMING, "Train a model on data, with a report.")


def with_options(name: str, here: Any, on_resuming: set[str], about: str) -> Any:
    """A command that takes the options of a recipe and of the plan beside its own.

    Args:
        name: of the recipe.
        here: the command; other options come in its ``**options``.
        on_resuming: options that may be given beside ``--resume``.
        about: what it does.
    """
    own = {
        n: p for n, p in inspect.signature(here, eval_str=True).parameters.items() if n != "options"
    }
    chosen = recipes.recipe(name)
    merged = [*own.values(), *plan_options(name), *recipe_options(chosen)]

    def command(*positional: Any, **options: Any) -> None:
        if "resume" in options:
            check_resumed(_typed(options), on_resuming)
        for name in positional:
            check_there(name)
        here(*positional, **options)

    command.__signature__ = inspect.Signature(merged)  # type: ignore[attr-defined]
    command.__annotations__ = {p.name: p.annotation for p in merged}
    command.__doc__ = f"{about}\n\nRecipe {name}: {summary_of(chosen)}"
    return command


def _typed(options: Mapping[str, Any]) -> list[str]:
    """The names of all options; how data is opened is said by several."""
    others = dict(options)
    opened = others.pop("opened", AS_OPENED)
    return [*opened.said, *others]


def check_resumed(options: Iterable[str], fine: set[str]) -> None:
    """Raise ``BadInput`` for an option that would make another run of the one that goes on.

    Args:
        options: that are given.
        fine: those that may be.
    """
    names = [f"--{name.replace('_', '-')}" for name in options if name not in fine]
    require(
        not names,
        f"--resume takes everything else from the run: leave out {', '.join(names)} (what may be "
        "given beside it: where the data lies now, as DATA and --labels; how long, as --epochs and "
        "--patience; and where and how it runs, such as --device or --checkpoint-every)",
    )


def plan_options(recipe: str) -> list[inspect.Parameter]:
    """The training options; their defaults are the recipe's."""
    helps, hints = helps_of(Plan), get_type_hints(Plan)
    defaults = {f.name: f.default for f in fields(Plan)} | recipes.PLANS.get(recipe, {})
    return [
        _option(n, hints[n], default, helps.get(n, ""), TRAINING) for n, default in defaults.items()
    ]


def recipe_options(chosen: recipes.Recipe) -> list[inspect.Parameter]:
    """The options of a recipe, with help from its docstring and those it extends."""
    helps = all_helps_of(chosen)
    return [
        _option(name, p.annotation, p.default, helps.get(name, ""), RECIPE)
        for name, p in options(chosen).items()
    ]


def train_here(
    data: Annotated[
        str | None, Parameter(help="Data set name, file, or folder of pictures.")
    ] = None,
    /,
    *,
    recipe: Annotated[
        str | None,
        Parameter(
            help="What to train; see vaekit recipes. By default vae; table_vae for mixed tables."
        ),
    ] = None,
    output: Annotated[Path | None, to_write(RUN)] = None,
    force: Force = False,
    resume: Annotated[
        Path | None,
        Parameter(help="Go on with the run in this folder, to as many --epochs in all."),
    ] = None,
    start_from: Annotated[
        Path | None,
        Parameter(help="Begin with the weights, recipe and options of the model in this folder."),
    ] = None,
    opened: HowOpened = AS_OPENED,
    checkpoint_every: Annotated[
        int, Parameter(help="Updates between checkpoints; 0: by time.", validator=Range(0))
    ] = 0,
    tensorboard: Annotated[bool, Parameter(negative="", help="Write TensorBoard events.")] = False,
    report: Annotated[bool, Parameter(help="Write report.html at the end.")] = True,
    shard: Annotated[
        bool,
        Parameter(
            negative="", help="Shard weights, gradients and optimiser state over several processes."
        ),
    ] = False,
    capture: Annotated[
        bool, Parameter(help="Capture whole updates as CUDA graphs on a GPU, where possible.")
    ] = True,
    seeds: Seeds = None,
    processes: Processes = 1,
    work: Training = AS_TRAINING,
    **options: Any,
) -> None:
    """Train, then evaluate on the test split and write the report."""
    from vaekit.runs.fit import go_on
    from vaekit.runs.seeds import holds_seeds
    from vaekit.training.distributed import process_group
    from vaekit.training.placement import placement

    work.begin()
    began = time.monotonic()
    if seeds is not None or (resume is not None and holds_seeds(resume)):
        require(not shard, "--shard is for one training: leave out --seeds or --shard")
        options |= {
            **opened.said, "start_from": start_from, "tensorboard": tensorboard,
            "checkpoint_every": checkpoint_every, "device": work.device, "capture": capture,
        }  # fmt: skip
        several: dict[str, Any] = {"seeds": seeds, "processes": processes}
        if resume is None:
            data = require_data(data)
            out = output or free_folder(data, f"{recipe or 'default'}-seeds")
            several |= {"force": force, "report": report}
            runs = begin(data, recipe, out, options, **several)
        else:
            runs = go_on_with(resume, data, options, **several)
        work.show({"folder": str(runs.folder), **runs.to_dict()}, lambda: print(as_text(runs)))
        if runs.failed:
            raise ArithmeticError("; ".join(runs.troubles))
        return
    check_processes(seeds, processes)
    opening = opened.opening()
    options |= {
        "labels": opened.labels,
        "tensorboard": tensorboard,
        "checkpoint_every": checkpoint_every,
    }
    place = placement(work.device, shard=shard, capture=capture)
    with process_group(place.device) as world, _print_once(speaks=world.is_first):
        if resume is not None:
            trained = go_on(resume, data, place, **options)
        else:
            options |= {"binarize": opened.binarize, "colours": opened.colours}
            options |= {"out": output or partial(free_folder, str(data))}
            options |= {"before": _announce if world.is_first else None}
            options |= {"force": force}
            trained = _fit(data, recipe, opening, place, start_from=start_from, **options)
        if world.is_first:
            seconds = time.monotonic() - began
            _finish(trained, seconds, with_report=report, as_json=work.json)


def require_data(data: str | None) -> str:
    """The data to train on; ``BadInput`` where it is not said."""
    require(data is not None, "give the data to train on: a name (vaekit data), a file or a folder")
    return str(data)


@contextmanager
def _print_once(*, speaks: bool) -> Iterator[None]:
    """A mistake in the block ends every process; only one that speaks says what it was."""
    try:
        yield
    except BadInput:
        if speaks:
            raise
        sys.exit(2)


def _fit(data: str | None, recipe: str | None, *how: Any, **options: Any) -> Any:
    from vaekit.runs.fit import train_on

    require_data(data)
    return train_on(data, recipe, *how, **options)


def _announce(job: Any) -> None:
    """What is about to be trained on what, and why so."""
    say(job.source.describe())
    if job.source.coding is not None:
        say(job.source.coding.schema.describe(MOST_COLUMNS))
    for note in job.source.notes:
        say(f"note: {note}")
    say(f"likelihood {job.choice.likelihood}: {job.choice.why}")
    for warning in (*job.choice.warnings, *job.choice.remarks):
        say(f"warning: {warning}")


def _finish(trained: Any, seconds: float, *, with_report: bool, as_json: bool) -> None:
    from vaekit.pages.report import summarize, write_report

    folder = trained.folder
    scores = summarize(trained, folder)
    summary = {"folder": str(folder), "seconds": round(seconds, 1)}
    if with_report:
        summary["report"] = str(write_report(trained, folder, scores=scores))
    summary |= {} if as_json else _checkpoint_of(folder)
    show_scores(scores, summary, as_json=as_json)


def _checkpoint_of(folder: Path) -> dict[str, str]:
    """A line on what takes the most room in a run's folder and is not needed to use the model."""
    path, size = latest_checkpoint(folder), checkpoint_size(folder) / 1e6
    said = f"{path} ({size:,.3g} MB): only to train on with --resume; else it can be removed"
    return {} if path is None else {"checkpoint": said}


def free_folder(data: str, recipe: str) -> Path:
    """runs/DATA-RECIPE, or runs/DATA-RECIPE-2, ... : the first that does not exist."""
    stem = f"{Path(data).stem}-{recipe}"
    candidates = (Path("runs", stem if n == 1 else f"{stem}-{n}") for n in range(1, 10_000))
    return next(path for path in candidates if not path.exists())


def _option(name: str, kind: Any, default: Any, text: str, group: Group) -> inspect.Parameter:
    annotation = Annotated[kind, Parameter(help=text, group=group)]
    return inspect.Parameter(
        name, inspect.Parameter.KEYWORD_ONLY, default=default, annotation=annotation
    )
