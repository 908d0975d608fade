"""The commands that use a trained model."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Annotated, Any

import torch
from cyclopts import Parameter

from vaekit.data.on_disk import in_memory
from vaekit.data.readers.cells import ENDING, read_anndata, writable
from vaekit.data.readers.roles import LABEL
from vaekit.interfaces.anndata import annotate
from vaekit.interfaces.cli.common import ON_DEVICE, SHOWN, WORK, Force, Label, OnDevice, Shown, Work
from vaekit.interfaces.cli.seeds import Processes, Seeds, check_processes
from vaekit.interfaces.cli.shared import (
    Data,
    Given,
    Model,
    Seed,
    Split,
    files_among,
    given_options,
    labels_of,
    loaded,
    named_rows_for,
    open_model,
    opened,
    reads,
    rows_for,
    to_write,
)
from vaekit.interfaces.export import export_of
from vaekit.runs.folder import REPORT, SCORES, read_config
from vaekit.runs.outlets import Outlet
from vaekit.runs.outputs import PICTURES, TABLES, code_columns, read_codes, write_parts, write_rows
from vaekit.runs.shown import is_picture, pictures
from vaekit.runs.table_files import TABLE_FILES, with_names, write_table
from vaekit.runs.trained import Trained
from vaekit.system.checks import BadInput, require
from vaekit.system.files import claim, replacing
from vaekit.system.progress import say
from vaekit.system.ranges import Range
from vaekit.system.types import Array

Limit = Annotated[
    int, Parameter(help="The first so many rows alone; 0 for all.", validator=Range(0))
]
FINDINGS = Outlet((".json",))
CODES = Outlet((*TABLES, ENDING), "codes.csv in the model's folder")
SAMPLES, REBUILT, DECODED, WALKS = (
    Outlet(
        TABLES,
        f"{stem}.csv in the model's folder, or {stem}.png of pictures",
        PICTURES,
        TABLE_FILES,
    )
    for stem in ("samples", "reconstructions", "decoded", "interpolation")
)
PAGE = Outlet((".html",), "report.html in the model's folder")
COMPARISON = Outlet((".html",), "compare-DATA.html here")


def sample(
    model: Model,
    /,
    *,
    rows: Annotated[
        int, Parameter(name=["--rows", "-n"], help="How many.", validator=Range(1))
    ] = 64,
    mean: Annotated[bool, Parameter(negative="", help="Means of p(x|z) instead of draws.")] = False,
    given: Given = None,
    seed: Seed = 0,
    output: Annotated[Path | None, to_write(SAMPLES)] = None,
    force: Force = False,
    work: OnDevice = ON_DEVICE,
) -> None:
    """Generate new rows: codes from the prior, decoded. An autoencoder's are means in any case,
    where values are many: it has fitted no noise."""
    work.begin()
    path = _place(SAMPLES, model, output, "samples", reads(model, given=given), force=force)
    trained = loaded(model, work)
    made = trained.sample(rows, seed=seed, mean=mean, given=given_options(given))
    _write(work, trained, path, made)


def reconstruct(
    model: Model,
    data: Data = None,
    /,
    *,
    split: Split = None,
    limit: Limit = 0,
    given: Given = None,
    output: Annotated[Path | None, to_write(REBUILT)] = None,
    force: Force = False,
    work: OnDevice = ON_DEVICE,
) -> None:
    """Encode rows and decode their codes again. A .png sheet shows each row above its
    reconstruction; tables say first what a row is called, or its number."""
    work.begin()
    read = reads(model, data, given=given)
    path = _place(REBUILT, model, output, "reconstructions", read, force=force)
    trained = open_model(model, data, work)
    picture = path.suffix.lower() == ".png"
    most = limit or (64 if picture else 0)
    rows, names = named_rows_for(trained, data, split, most, given)
    rebuilt = trained.reconstruct(rows)
    if not picture:
        _write(work, trained, path, rebuilt, names=names)
        return
    from vaekit.pages.panels import across, pairs
    from vaekit.pictures import sheet

    with replacing(path) as temporary:
        wide = across(len(rows))
        sheet(pairs(trained, in_memory(rows.values), rebuilt, wide), wide).save(temporary)
    work.wrote(path, len(rows))


def encode(
    model: Model,
    data: Data = None,
    /,
    *,
    split: Annotated[str, Parameter(help="train, validation, test or all.")] = "all",
    limit: Limit = 0,
    std: Annotated[
        bool, Parameter(negative="", help="Standard deviations of q(z|x) too: z0_sd, z1_sd, ...")
    ] = False,
    given: Given = None,
    output: Annotated[Path | None, to_write(CODES)] = None,
    force: Force = False,
    work: OnDevice = ON_DEVICE,
) -> None:
    """Write the codes (posterior means) of rows: one line of numbers for each row, in order. Tables
    say first what a row is called, or its number, and last its label, where it has one."""
    ending = output.suffix.lower() if output else ".csv"
    if ending == ENDING:
        _encode_cells(model, data, Path(str(output)), given, force=force, work=work)
        return
    require(not std or ending in (".csv", ".parquet"), "--std needs a table: .csv or .parquet")
    work.begin()
    read = reads(model, data, given=given)
    path = _place(CODES, model, output, "codes", read, force=force)
    trained = open_model(model, data, work)
    rows, names = named_rows_for(trained, data, split, limit, given)
    columns, found = partial(code_columns, latent=trained.latent), labels_of(rows)
    parts = trained.codes(rows, spread=std)
    write_parts(path, parts, len(rows), columns, names, {LABEL: found} if len(found) else {})
    work.wrote(path, len(rows), "codes")


def _encode_cells(
    model: str, data: str | None, path: Path, given: list[str] | None, *, force: bool, work: Any
) -> None:
    """Write a copy of a .h5ad file with the codes of its cells in obsm["X_vae"]."""
    work.begin()
    CODES.claim(path, force=force, inputs=reads(model, data, given=given))
    trained = loaded(model, work)
    place = data or trained.config.data.open
    cells = "an AnnData is written of one that is read: give a .h5ad file as DATA"
    require(place is not None and Path(place).suffix.lower() == ENDING, cells)
    found = read_anndata(Path(str(place)))
    told = given_options(given, found.obs_names, found.n_obs)
    annotate(trained, found, given=told or None)
    with replacing(path) as temporary:
        writable(found).write_h5ad(temporary)
    work.wrote(path, found.n_obs, "codes")


def decode(
    model: Model,
    codes: Annotated[Path, Parameter(help="A file of codes: .csv, .parquet, .npy or .npz.")],
    /,
    *,
    given: Given = None,
    output: Annotated[Path | None, to_write(DECODED)] = None,
    force: Force = False,
    work: OnDevice = ON_DEVICE,
) -> None:
    """Turn codes, as encode writes them, into rows: the mean of p(x|z) for each."""
    work.begin()
    read = reads(model, codes, given=given)
    path = _place(DECODED, model, output, "decoded", read, force=force)
    trained = loaded(model, work)
    made = trained.decode(read_codes(codes, trained.latent), given=given_options(given))
    _write(work, trained, path, made)


def interpolate(
    model: Model,
    data: Data = None,
    /,
    *,
    split: Split = None,
    pairs: Annotated[int, Parameter(help="How many walks.", validator=Range(1))] = 8,
    steps: Annotated[
        int, Parameter(help="Rows of a walk, both ends included.", validator=Range(2))
    ] = 10,
    given: Given = None,
    output: Annotated[Path | None, to_write(WALKS)] = None,
    force: Force = False,
    work: OnDevice = ON_DEVICE,
) -> None:
    """Walk in straight lines between the codes of rows: row 0 to 1, 2 to 3, and so on."""
    work.begin()
    read = reads(model, data, given=given)
    path = _place(WALKS, model, output, "interpolation", read, force=force)
    trained = open_model(model, data, work)
    rows = rows_for(trained, data, split, 2 * pairs, given)
    require(len(rows) >= 2, "interpolating needs at least 2 rows")
    starts, ends = (rows.take(torch.arange(first, len(rows) // 2 * 2, 2)) for first in (0, 1))
    walks = trained.interpolate(starts, ends, steps)
    if trained.config.coding is None:
        walks = walks.reshape(-1, *walks.shape[2:])
    _write(work, trained, path, walks, across=steps)


def inspect(model: Model, /, *, work: Shown = SHOWN) -> None:
    """Show what a model is made of: layers, output shapes, parameters, where it came from, and
    how it uses its latents."""
    from vaekit.runs.inspect import as_text, describe, scores_in

    work.begin()
    found = describe(Trained.load(model), scores_in(Path(model, SCORES)))
    work.show(found, lambda: print(as_text(found)))


def report(
    model: Model,
    data: Data = None,
    /,
    *,
    ais: Annotated[
        int, Parameter(help="Rows to anneal, for the figure of bounds.", validator=Range(0))
    ] = 0,
    given: Given = None,
    explorer: Annotated[
        bool,
        Parameter(
            negative="",
            help="Also write the explorer into a page beside the report, whose map leads there.",
        ),
    ] = False,
    seed: Seed = 0,
    output: Annotated[Path | None, to_write(PAGE)] = None,
    force: Force = False,
    work: OnDevice = ON_DEVICE,
) -> None:
    """Write the report: what was trained on what, how it went, and what the model can do."""
    from vaekit.pages.report import write_report

    work.begin()
    folder, read = read_config(model)[0], reads(model, data, given=given)
    path = PAGE.claim(output or folder / REPORT, force=force, inputs=read)
    touched = path.with_name(f"{path.stem}-explorer.html")
    if explorer:
        PAGE.claim(touched, force=force, inputs=read)
    if data is None and output is None:
        claim(folder / SCORES, force=force)
    trained = open_model(model, data, work)
    source = trained.source if data is None else opened(trained, data)
    if source is None:
        raise BadInput("give the data to report on")
    rows = source.part(trained.split_of(source))
    told = given_options(given, rows.names, len(rows))
    how: dict[str, Any] = {"annealed": ais, "seed": seed, "given": told}
    if explorer:
        for lack in export_of("html").write(trained, touched, data=source, seed=seed, given=told):
            say(f"note: {touched.name} lacks {lack}")
        how["explorer"] = touched.name
    work.wrote(write_report(trained, Path(model), output, data=data and source, **how))


def compare(
    *data: Annotated[
        str, Parameter(help="Data set name or path; or two and more models to compare.")
    ],
    label: Label = None,
    latent: Annotated[
        int, Parameter(help="Numbers in a code, the same for all three.", validator=Range(1))
    ] = 2,
    epochs: Annotated[
        int, Parameter(help="Passes over the rows; 0: 4,000 updates.", validator=Range(0))
    ] = 0,
    seed: Seed = 0,
    seeds: Seeds = None,
    processes: Processes = 1,
    output: Annotated[Path | None, to_write(COMPARISON)] = None,
    force: Force = False,
    work: Work = WORK,
) -> None:
    """Put trained models, or folders of several seeds, side by side on the same test rows; or,
    given data, train PCA, an autoencoder and a VAE on it and show what decoding random codes
    and midpoints gives in each."""
    from vaekit.pages import comparison

    work.begin()
    require(bool(data), "name a data set, or two and more models to compare")
    path = output or Path(f"compare-{'-'.join(Path(p).resolve().stem for p in data)}.html")
    COMPARISON.claim(path, force=force, inputs=files_among(*data))
    check_processes(seeds, processes)
    if len(data) > 1 or comparison.is_run(data[0]):
        trained = "--seeds is for models that are trained here: train others with vaekit train"
        require(seeds is None, f"{trained} --seeds, and name their folders")
        found: Any = comparison.compare_runs(data, seed=seed)
        comparison.write_runs(found, path)
    else:
        kept = path.with_suffix(".seeds.json") if (seeds or 1) > 1 else None
        found = comparison.compare_seeds(
            data[0], label, seeds=seeds or 1, processes=processes, kept=kept, latent=latent,
            epochs=epochs, seed=seed,
        )  # fmt: skip
        comparison.write_comparison(found, path)
        if kept is not None:
            kept.unlink(missing_ok=True)
    people = f"{found.verdict}\n\n{found.table()}"
    work.show({"file": str(path), **found.to_dict()}, lambda: print(people))
    if not work.json:
        work.wrote(path)


def _place(
    outlet: Outlet, model: str, output: Path | None, stem: str, read: list[str], *, force: bool
) -> Path:
    """Where to write: as asked, else into the model's folder, as a picture if it may be one."""
    folder, config = read_config(model)
    outlet = outlet if config.coding is None else outlet.for_cells()
    pictures = len(config.representation.shape) == 3
    path = output or folder / (stem + (".png" if pictures and outlet.of_pictures else ".csv"))
    return outlet.claim(path, force=force, inputs=read, pictures=pictures)


def _write(
    work: Shown,
    trained: Trained,
    path: Path,
    rows: Array,
    across: int | None = None,
    names: Array | None = None,
) -> None:
    if trained.config.coding is not None:
        write_table(path, rows if names is None else with_names(rows, names))
    else:
        shown = pictures(trained, rows) if is_picture(trained) else None
        write_rows(path, rows, trained.config.by_column, across, names, shown)
    work.wrote(path, len(rows))
