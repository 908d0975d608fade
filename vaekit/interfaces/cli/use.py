"""The commands that use a trained model, and the two lists."""

from __future__ import annotations

import json as json_module
from functools import partial
from pathlib import Path
from typing import Annotated, Any

import torch
from cyclopts import Parameter

from vaekit.data.on_disk import in_memory
from vaekit.interfaces.cli.shared import (
    Data,
    Given,
    Json,
    Model,
    Output,
    Seed,
    Split,
    Threads,
    given_options,
    named_rows_for,
    open_model,
    opened,
    rows_for,
    rows_to_judge_by,
    say,
    show,
    show_list,
    show_scores,
    summary_of,
    use_threads,
)
from vaekit.runs.outputs import check_output, numbered, read_codes, write_parts, write_rows
from vaekit.runs.trained import Trained
from vaekit.system.checks import BadInput, require
from vaekit.system.files import replacing
from vaekit.system.types import Array

Limit = Annotated[int, Parameter(help="The first so many rows alone; 0 for all.")]


def evaluate(
    model: Model,
    data: Data = None,
    /,
    *,
    split: Split = None,
    samples: Annotated[int, Parameter(help="Importance samples for each row.")] = 1000,
    limit: Annotated[int, Parameter(help="Most rows, chosen at random; 0 for all.")] = 0,
    ais: Annotated[
        int, Parameter(help="Rows to estimate by annealed importance sampling as well.")
    ] = 0,
    ais_steps: Annotated[int, Parameter(help="Temperatures of the annealing.")] = 500,
    chains: Annotated[int, Parameter(help="Annealing chains for each row.")] = 8,
    given: Given = None,
    seed: Seed = 0,
    threads: Threads = 0,
    json: Json = False,
    output: Output = None,
) -> None:
    """Measure a model: ELBO, log p(x), reconstruction error, latents in use. All in nats per row,
    except bits_per_dimension."""
    for name, value in (("samples", samples), ("ais-steps", ais_steps), ("chains", chains)):
        require(value >= 1, f"{name} must be at least 1, not {value}")
    use_threads(threads)
    trained = open_model(model, data)
    rows = rows_to_judge_by(trained, data, split, limit, seed, given)
    annealing: dict[str, Any] = {
        "annealed_rows": ais,
        "annealed_steps": ais_steps,
        "chains": chains,
    }
    scores = trained.evaluate(rows, split="all", samples=samples, seed=seed, **annealing)
    show_scores(scores, {}, as_json=json)
    if output:
        with replacing(output) as temporary:
            temporary.write_text(json_module.dumps(scores.to_dict(), indent=2) + "\n")


def sample(
    model: Model,
    /,
    *,
    rows: Annotated[int, Parameter(name=["--rows", "-n"], help="How many.")] = 64,
    mean: Annotated[bool, Parameter(negative="", help="Means of p(x|z) instead of draws.")] = False,
    given: Given = None,
    seed: Seed = 0,
    output: Output = None,
) -> None:
    """Generate new rows: codes from the prior, decoded. Writes .png, .npy, .npz, .csv, .parquet,
    or a folder of pictures."""
    trained = Trained.load(model)
    path = _place(trained, model, output, "samples")
    _write(trained, path, trained.sample(rows, seed=seed, mean=mean, given=given_options(given)))


def reconstruct(
    model: Model,
    data: Data = None,
    /,
    *,
    split: Split = None,
    limit: Limit = 0,
    given: Given = None,
    output: Output = None,
) -> None:
    """Encode rows and decode their codes again. A .png sheet shows each row above its
    reconstruction; tables say first what a row is called, or its number."""
    trained = open_model(model, data)
    path = _place(trained, model, output, "reconstructions")
    picture = path.suffix.lower() == ".png"
    most = limit or (64 if picture else 0)
    rows, names = named_rows_for(trained, data, split, most, given)
    rebuilt = trained.reconstruct(rows)
    if not picture:
        _write(trained, path, rebuilt, names=names)
        return
    from vaekit.pages.panels import reconstruction_grid

    with replacing(path) as temporary:
        reconstruction_grid(trained, in_memory(rows.values), rebuilt).save(temporary)
    say(f"wrote {path}")


def encode(
    model: Model,
    data: Data = None,
    /,
    *,
    split: Annotated[str, Parameter(help="train, validation, test or all.")] = "all",
    limit: Limit = 0,
    given: Given = None,
    output: Output = None,
) -> None:
    """Write the codes (posterior means) of rows: one line of numbers for each row, in order. Tables
    say first what a row is called, or its number."""
    trained = open_model(model, data)
    path = output or Path(model, "codes.csv")
    check_output(path, pictures=False)
    rows, names = named_rows_for(trained, data, split, limit, given)
    columns = partial(numbered, letter="z")
    write_parts(path, trained.codes(rows), len(rows), columns, names)
    say(f"wrote {len(rows):,} codes to {path}")


def decode(model: Model, codes: Path, /, *, given: Given = None, output: Output = None) -> None:
    """Turn codes (.npy, .npz, .csv or .parquet) into rows: the mean of p(x|z) for each."""
    trained = Trained.load(model)
    path = _place(trained, model, output, "decoded")
    _write(trained, path, trained.decode(read_codes(codes), given=given_options(given)))


def interpolate(
    model: Model,
    data: Data = None,
    /,
    *,
    split: Split = None,
    pairs: Annotated[int, Parameter(help="How many walks.")] = 8,
    steps: Annotated[int, Parameter(help="Rows of a walk, both ends included.")] = 10,
    given: Given = None,
    output: Output = None,
) -> None:
    """Walk in straight lines between the codes of rows: row 0 to 1, 2 to 3, and so on."""
    require(pairs >= 1 and steps >= 2, "give at least 1 pair and 2 steps")
    trained = open_model(model, data)
    path = _place(trained, model, output, "interpolation")
    rows = rows_for(trained, data, split, 2 * pairs, given)
    require(len(rows) >= 2, "interpolating needs at least 2 rows")
    starts, ends = (rows.take(torch.arange(first, len(rows) // 2 * 2, 2)) for first in (0, 1))
    walks = trained.interpolate(starts, ends, steps)
    _write(trained, path, walks.reshape(-1, *walks.shape[2:]), across=steps)


def inspect(model: Model, /, *, json: Json = False) -> None:
    """Show what a model is made of: layers, output shapes, parameters, where it came from, and
    how it uses its latents."""
    from vaekit.runs.inspect import as_text, describe, scores_in

    found = describe(Trained.load(model), scores_in(Path(model, "scores.json")))
    print(json_module.dumps(found, indent=2) if json else as_text(found))


def report(
    model: Model,
    data: Data = None,
    /,
    *,
    ais: Annotated[int, Parameter(help="Rows to anneal, for the figure of bounds.")] = 0,
    given: Given = None,
    seed: Seed = 0,
    output: Output = None,
) -> None:
    """Write the report: what was trained on what, how it went, and what the model can do."""
    from vaekit.pages.report import write_report

    trained = open_model(model, data)
    source = trained.source if data is None else opened(trained, data)
    if source is None:
        raise BadInput("give the data to report on")
    rows = source.part(trained.split_of(source))
    told = given_options(given, rows.names, len(rows))
    how: dict[str, Any] = {"annealed": ais, "seed": seed, "given": told}
    path = write_report(trained, Path(model), output, data=data and source, **how)
    say(f"wrote {path}")


def compare(
    data: Annotated[str, Parameter(help="Data set name or path.")],
    /,
    *,
    latent: Annotated[int, Parameter(help="Numbers in a code, the same for all three.")] = 2,
    epochs: Annotated[int, Parameter(help="Passes over the rows; 0: 4,000 updates.")] = 0,
    seed: Seed = 0,
    threads: Threads = 0,
    json: Json = False,
    output: Annotated[
        Path | None, Parameter(name=["--output", "-o"], help="Page to write.")
    ] = None,
) -> None:
    """Train PCA, an autoencoder and a VAE on the same data, and show what decoding random codes
    and midpoints gives in each."""
    from vaekit.pages.comparison import compare_models, write_comparison

    use_threads(threads)
    found = compare_models(data, latent=latent, epochs=epochs, seed=seed)
    path = output or Path(f"compare-{Path(data).stem}.html")
    write_comparison(found, path)
    if json:
        print(json_module.dumps(found.to_dict(), indent=2))
    else:
        print(found.table())
    say(f"wrote {path}")


def quality(
    model: Model,
    /,
    *,
    features: Annotated[str, Parameter(help="raw, pca or classifier.")] = "pca",
    rows: Annotated[int, Parameter(name=["--rows", "-n"], help="Most rows on each side.")] = 5000,
    seed: Seed = 0,
    json: Json = False,
) -> None:
    """Compare samples with test rows: Frechet and kernel distance, precision, recall, density,
    coverage, in a feature space that is named beside the numbers."""
    from vaekit.runs.judge import judge_samples

    show(judge_samples(open_model(model), features, rows=rows, seed=seed).to_dict(), as_json=json)


def disentangle(
    model: Model,
    /,
    *,
    rows: Annotated[int, Parameter(name=["--rows", "-n"], help="Most rows.")] = 10_000,
    seed: Seed = 0,
    json: Json = False,
) -> None:
    """Score how codes line up with the factors the data is made of (data set sprites, or an .npz
    with factors): MIG, SAP, modularity, DCI, and by intervention FactorVAE and beta-VAE."""
    from vaekit.runs.judge import judge_codes

    show(judge_codes(open_model(model), rows=rows, seed=seed).to_dict(), as_json=json)


def recipes(*, json: Json = False) -> None:
    """List the recipes, a line each."""
    from vaekit.recipes import RECIPES

    show_list({name: summary_of(made) for name, made in RECIPES.items()}, as_json=json)


def data(*, json: Json = False) -> None:
    """List the named data sets, a line each."""
    from vaekit.data import CATALOGUE

    show_list({name: entry.about for name, entry in CATALOGUE.items()}, as_json=json)


def _place(trained: Trained, model: str, output: Path | None, stem: str) -> Path:
    """Where to write: as asked, else into the model's folder, as a picture if it is one."""
    pictures = len(trained.representation.shape) == 3
    path = output or Path(model, stem + (".png" if pictures else ".csv"))
    check_output(path, pictures=pictures)
    return path


def _write(
    trained: Trained, path: Path, rows: Array, across: int | None = None, names: Array | None = None
) -> None:
    pictures = trained.usual(rows) if len(trained.representation.shape) == 3 else None
    write_rows(path, rows, trained.config.by_column, across, names, pictures)
    say(f"wrote {path}")
