"""compress and decompress."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import numpy as np
from cyclopts import Parameter

from vaekit.interfaces.cli.shared import (
    Given,
    Json,
    Model,
    Threads,
    given_options,
    open_data,
    say,
    show,
    use_threads,
)
from vaekit.runs.outputs import check_folder, write_rows
from vaekit.runs.trained import Trained
from vaekit.system.checks import BadInput, require

ENDING = ".vk"
Jobs = Annotated[
    int, Parameter(help="Processes that work on blocks side by side; 0: one on each core.")
]


def compress(
    model: Model,
    data: Annotated[str, Parameter(help="Data set name, file, or folder of pictures.")],
    /,
    *,
    output: Annotated[
        Path | None, Parameter(name=["--output", "-o"], help="File to write, ending in .vk.")
    ] = None,
    split: Annotated[str, Parameter(help="train, validation, test or all.")] = "all",
    embed_model: Annotated[
        bool, Parameter(negative="", help="Put the model into the file.")
    ] = False,
    verify: Annotated[bool, Parameter(help="Decode all before the file appears.")] = True,
    block_rows: Annotated[int, Parameter(help="Rows in a block; 0: eight million numbers.")] = 0,
    given: Given = None,
    store_given: Annotated[
        bool, Parameter(help="Put what a conditional model is told into the file.")
    ] = True,
    jobs: Jobs = 1,
    threads: Threads = 0,
    json: Json = False,
) -> None:
    """Compress rows without loss; the model decides how many bits each takes. What comes back is
    the same numbers (or pixels), bit by bit, on any machine."""
    from vaekit.data.readers.images import image_files
    from vaekit.runs.archive import compress as compress_rows
    from vaekit.runs.tiles import compress_pictures

    use_threads(threads)
    require(block_rows >= 0, "block-rows must not be negative")
    path = output or Path(Path(data).resolve().stem or "data").with_suffix(ENDING)
    require(path.suffix == ENDING, f"the name of the output must end in {ENDING}, not {path.name}")
    check_folder(path)
    trained = Trained.load(model)
    how: dict[str, Any] = {
        "embed": embed_model, "verify": verify, "jobs": jobs, "store_given": store_given,
    }  # fmt: skip
    require(Path(data).suffix != ".tar", "unpack the archive: pictures are compressed from folders")
    if Path(data).is_dir() and image_files(Path(data)):
        found = compress_pictures(trained, Path(data), path, given=given_options(given), **how)
    else:
        rows, beside = _rows(trained, data, split, given)
        found = compress_rows(trained, rows, path, given=beside, block_rows=block_rows, **how)
    show({"file": str(path), **found.to_dict()}, as_json=json)


def decompress(
    file: Annotated[Path, Parameter(help="A .vk file.")],
    model: Annotated[str | None, Parameter(help="The model, if the file does not hold it.")] = None,
    /,
    *,
    output: Annotated[
        Path | None,
        Parameter(name=["--output", "-o"], help="A .npy file, or a folder for pictures."),
    ] = None,
    range: Annotated[
        str | None, Parameter(help="Rows (or pictures) to take, such as 1000:2000.")
    ] = None,
    salvage: Annotated[
        bool, Parameter(negative="", help="Save the whole blocks of a damaged file.")
    ] = False,
    given: Given = None,
    jobs: Jobs = 1,
    threads: Threads = 0,
) -> None:
    """Get back what was compressed: a .npy file with the same numbers, or the pictures as PNG."""
    from vaekit.runs.archive import Archive
    from vaekit.runs.tiles import restore_pictures

    use_threads(threads)
    trained = Trained.load(model) if model else None
    archive = Archive(file, trained, jobs, given=given_options(given) or None)
    start, stop = _range(range)
    if archive.header.get("pictures") and not salvage:
        folder = output or file.with_name(f"{file.stem}-restored")
        say(f"wrote {restore_pictures(archive, folder, start, stop):,} pictures to {folder}")
        return
    path = output or file.with_suffix(".npy")
    require(path.suffix == ".npy", f"rows are written as .npy, not {path.name}")
    check_folder(path)
    if salvage:
        _salvage(archive, path)
        return
    write_rows(path, archive.read(start, stop))
    say(f"wrote {path}")


def _salvage(archive: Any, path: Path) -> None:
    rows, numbers = archive.salvage()
    write_rows(path, rows)
    write_rows(path.with_suffix(".rows.npy"), numbers)
    say(
        f"saved {len(rows):,} of {archive.rows:,} rows to {path}; their numbers are in "
        f"{path.with_suffix('.rows.npy')}"
    )


def _rows(
    trained: Trained, data: str, split: str, given: list[str] | None
) -> tuple[np.ndarray, dict[str, Any]]:
    """The rows as they lie in the file, and what the model is given beside them."""
    from vaekit.data.on_disk import in_memory
    from vaekit.data.readers.loading import load

    if Path(data).suffix == ".npy" and Path(data).is_file():
        require(split == "all", "a .npy file is compressed whole: leave out --split")
        return load(Path(data), mapped=True), given_options(given)
    source = open_data(trained, data)
    source = trained.told(source.part(split), given_options(given))
    beside = trained.config.conditions.carried(source.given, source.given_names)
    return in_memory(source.values).numpy(), beside


def _range(text: str | None) -> tuple[int, int | None]:
    if text is None:
        return 0, None
    try:
        start, stop = text.split(":")
        return int(start or 0), int(stop) if stop else None
    except ValueError:
        raise BadInput(f"a range is written 1000:2000, not {text!r}") from None
