"""The commands that hand a model to other programs and people."""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Annotated, Any, Literal

from cyclopts import Parameter

from vaekit.interfaces.cli.common import WORK, Force, Work
from vaekit.interfaces.cli.shared import (
    Data,
    Given,
    Model,
    Seed,
    given_options,
    loaded,
    open_model,
    opened,
    reads,
)
from vaekit.interfaces.export import MOST_ROWS, checked, export_of
from vaekit.runs.folder import read_config
from vaekit.system.checks import require
from vaekit.system.progress import say
from vaekit.system.ranges import Range

Kind = Literal["html", "atlas", "onnx", "torch", "diffusers", "hub"]


def export(
    model: Model,
    data: Data = None,
    /,
    *,
    to: Annotated[
        Kind,
        Parameter(
            help="html: the explorer in one file, which works without a server. atlas: rows and "
            "codes in a Parquet file for Embedding Atlas. onnx: encoder, "
            "decoder and density. torch: the same for torch.export.load. diffusers: a "
            "folder for its AutoencoderKL. hub: a folder for vaekit push."
        ),
    ] = "html",
    split: Annotated[str | None, Parameter(help="Of rows: train, validation, test or all.")] = None,
    limit: Annotated[
        int,
        Parameter(help="Of rows: the most, chosen at random; 0 for all.", validator=Range(0)),
    ] = MOST_ROWS,
    rows: Annotated[
        bool | None,
        Parameter(help="Of a page: whether the rows themselves lie in it; by default they do."),
    ] = None,
    scores: Annotated[
        bool | None,
        Parameter(negative="", help="Of rows: also ELBO, log p(x) and the like of each; slow."),
    ] = None,
    seed: Seed = 0,
    given: Given = None,
    output: Annotated[
        Path | None,
        Parameter(
            name=["--output", "-o"],
            help="A .html or .parquet file, or a folder; by default explorer.html, atlas.parquet, "
            "onnx, torch, diffusers or hub in the model's folder.",
        ),
    ] = None,
    force: Force = False,
    work: Work = WORK,
) -> None:
    """Write a model as other programs take it."""
    work.begin()
    kind, folder = export_of(to), read_config(model)[0]
    path = kind.outlet.claim(
        output or folder / kind.name, force=force, inputs=reads(model, data, given=given)
    )
    asked = {"split": split, "rows": rows, "scores": scores, "seed": seed or None}
    asked["limit"] = None if limit == MOST_ROWS else limit
    how: dict[str, Any] = checked(to, {k: v for k, v in asked.items() if v is not None})
    if kind.takes_rows:
        trained = open_model(model, data)
        source = trained.source if data is None else opened(trained, data)
        require(source is not None, "give the data to show")
        told = given_options(given, source.names, len(source)) if source else {}
        how |= {"data": source, "given": told}
    else:
        named = {"data": data, "given": given}
        checked(to, {name: value for name, value in named.items() if value})
        trained = loaded(model)
    lacks = kind.write(trained, path, **how)
    for lack in lacks:
        say(f"note: {path.name} lacks {lack}")
    work.wrote(path, kind=to, lacks=lacks, bytes=path.stat().st_size if path.is_file() else None)


def push(
    model: Model,
    name: Annotated[str, Parameter(help="owner/name on the hub.")],
    /,
    *,
    private: Annotated[
        bool, Parameter(negative="", help="Whether a new one is for its owner alone.")
    ] = False,
    work: Work = WORK,
) -> None:
    """Put a model on a hub of models, with a card written from its run, as who is logged in there
    (huggingface-cli login, or HF_TOKEN)."""
    from vaekit.runs import hub

    work.begin()
    hub.checked(name)
    trained = loaded(model)
    with TemporaryDirectory() as made:
        export_of("hub").write(trained, Path(made) / "hub")
        about = f"{trained.config.recipe} by vaekit {trained.config.vaekit}"
        url = hub.push(Path(made) / "hub", name, private=private, message=about)
    work.show({"url": url, "load": f"hf://{name}"}, lambda: print(f"{url}   (hf://{name})"))
