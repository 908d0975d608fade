"""compress and decompress."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

from cyclopts import Parameter

from vaekit.interfaces.cli.common import WORK, Force, Work
from vaekit.interfaces.cli.shared import (
    Given,
    Model,
    files_among,
    given_options,
    is_there,
    reads,
    say,
    to_write,
)
from vaekit.runs.originals import ARRAYS_AND_TABLES
from vaekit.runs.outlets import FOLDER, Outlet
from vaekit.runs.outputs import write_rows
from vaekit.runs.trained import Trained
from vaekit.system.checks import BadInput, require
from vaekit.system.files import check_file, claim
from vaekit.system.ranges import Range

ENDING = ".vk"
ARCHIVE = Outlet((ENDING,), "DATA.vk here")
RESTORED = Outlet(
    ARRAYS_AND_TABLES,
    "a file beside it, of the kind that the rows came from; pictures, FILE-restored",
    (FOLDER,),
)
Jobs = Annotated[
    int,
    Parameter(
        help="Processes that work on blocks side by side; 0: one on each core.", validator=Range(0)
    ),
]


def compress(
    model: Model,
    data: Annotated[
        str, Parameter(help="Data set name, file, or folder of pictures.", validator=is_there)
    ],
    /,
    *,
    output: Annotated[Path | None, to_write(ARCHIVE)] = None,
    force: Force = False,
    split: Annotated[str, Parameter(help="train, validation, test or all.")] = "all",
    embed_model: Annotated[
        bool, Parameter(negative="", help="Put the model into the file.")
    ] = False,
    verify: Annotated[bool, Parameter(help="Decode all before the file appears.")] = True,
    block_rows: Annotated[
        int, Parameter(help="Rows in a block; 0: eight million numbers.", validator=Range(0))
    ] = 0,
    given: Given = None,
    store_given: Annotated[
        bool, Parameter(help="Put what a conditional model is told into the file.")
    ] = True,
    jobs: Jobs = 1,
    work: Work = WORK,
) -> None:
    """Compress rows without loss; the model decides how many bits each takes. What comes back is
    the same numbers, bit by bit, on any machine, in the type and shape of the file; of pictures
    also all that is seen of them, of tables of mixed columns every cell as it was written."""
    from vaekit.data.readers.folder import files_in
    from vaekit.data.readers.images import image_files
    from vaekit.runs.originals import compress_file
    from vaekit.runs.tiles import compress_pictures

    work.begin()
    path = output or Path((Path(data).resolve().stem or "data") + ENDING)
    ARCHIVE.claim(path, force=force, inputs=reads(model, data, given=given))
    trained = Trained.load(model)
    how: dict[str, Any] = {
        "embed": embed_model, "verify": verify, "jobs": jobs, "store_given": store_given,
    }  # fmt: skip
    require(Path(data).suffix != ".tar", "unpack the archive: pictures are compressed from folders")
    if Path(data).exists() and image_files(Path(data)):
        files = files_in(Path(data))
        told = given_options(given, files, len(files))
        found = compress_pictures(trained, Path(data), path, given=told, **how)
    else:
        how |= {"split": split, "given": given_options(given), "block_rows": block_rows}
        found = compress_file(trained, data, path, **how)
    for note in found.notes:
        say(f"note: {note}")
    work.show({"file": str(path), **found.to_dict()}, lambda: print(f"{path}: {found.text}"))


def decompress(
    file: Annotated[Path, Parameter(help="A .vk file.")],
    model: Annotated[str | None, Parameter(help="The model, if the file does not hold it.")] = None,
    /,
    *,
    output: Annotated[Path | None, to_write(RESTORED)] = None,
    force: Force = False,
    range: Annotated[
        str | None, Parameter(help="Rows (or pictures) to take, such as 1000:2000.")
    ] = None,
    salvage: Annotated[
        bool, Parameter(negative="", help="Save the whole blocks of a damaged file.")
    ] = False,
    given: Given = None,
    jobs: Jobs = 1,
    work: Work = WORK,
) -> None:
    """Get back what was compressed: a file of the same kind with the same numbers, types and names,
    or the pictures as PNG (as TIFF those of several pages, or of numbers that PNG has not)."""
    from vaekit.runs.archive import Archive
    from vaekit.runs.originals import restored_path, write_restored
    from vaekit.runs.tiles import restore_pictures

    start, stop = _range(range)
    work.begin()
    swapped = bool(model) and str(model).endswith(".vk") and file.is_dir()
    require(not swapped, f"the file comes first: vaekit decompress {model} {file}")
    read = reads(model, file, given=given) if model else files_among(file)
    how: dict[str, Any] = {"force": force, "inputs": read}
    if output:
        claim(output, **how)
    trained = Trained.load(model) if model else None
    archive = Archive(file, trained, jobs, given=given_options(given) or None)
    if archive.header.get("pictures") and not salvage:
        folder = claim(output or file.with_name(f"{file.stem}-restored"), **how)
        work.wrote(folder, restore_pictures(archive, folder, start, stop), "pictures")
        return
    path = claim(check_file(restored_path(archive, output)), **how)
    if salvage:
        _salvage(archive, path, claim(path.with_suffix(".rows.npy"), **how), work)
        return
    rows = archive.read(start, stop)
    write_restored(archive, path, rows)
    work.wrote(path, len(rows))


def _salvage(archive: Any, path: Path, beside: Path, work: Work) -> None:
    from vaekit.runs.originals import write_restored

    rows, numbers = archive.salvage()
    write_restored(archive, path, rows)
    write_rows(beside, numbers)
    if not work.json:
        say(f"saved {len(rows):,} of {archive.rows:,} rows; their numbers are in {beside}")
    work.wrote(path, len(rows), of=archive.rows, numbers=str(beside))


def _range(text: str | None) -> tuple[int, int | None]:
    if text is None:
        return 0, None
    try:
        start, stop = text.split(":")
        return int(start or 0), int(stop) if stop else None
    except ValueError:
        raise BadInput(f"a range is written 1000:2000, not {text!r}") from None
