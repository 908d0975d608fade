"""Files by their endings, and folders: of pictures, or of shards."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch

from vaekit.data.layout import GUESS, Axis
from vaekit.data.readers.arrays import label_numbers
from vaekit.data.readers.cells import read_h5ad
from vaekit.data.readers.images import (
    AS_THEY_ARE,
    PictureForm,
    Target,
    find_images,
    image_files,
    look_at_all,
    read_each,
    read_images,
    to_tiles,
)
from vaekit.data.readers.listing import PICTURES, files_below
from vaekit.data.readers.npy import read_archives, read_arrays, read_npy, read_npz
from vaekit.data.readers.pages import Place, called
from vaekit.data.readers.parquet import read_tables
from vaekit.data.readers.roles import NO_ROLES, ColumnRoles
from vaekit.data.readers.tar import Member, in_archives
from vaekit.data.source import FEWEST_ROWS, Source, random_splits, source
from vaekit.system.checks import require


def read_folder(
    path: Path,
    roles: ColumnRoles = NO_ROLES,
    form: PictureForm = AS_THEY_ARE,
    axes: Axis = GUESS,
) -> Source:
    """Pictures below a folder, sub-folders being labels; or all its shards, of one kind."""
    if paths := image_files(path):
        folders = [str(p.parent.relative_to(path)) for p in paths]
        return read_pictures(str(path), paths, form, files_in(path), folders)
    shards = shards_in(path)
    if shards[0].suffix == ".tar":
        found = in_archives(shards)
        names = [f"{m.archive.relative_to(path).as_posix()}/{m.name}" for m in found]
        return read_pictures(str(path), found, form, names)
    return SHARDS[shards[0].suffix](path, shards, roles, axes)


def shards_in(path: Path) -> list[Path]:
    """The shards below a folder, all of one kind.

    Raises:
        BadInput: if there are none, or of several kinds.
    """
    shards = [p for p in files_below(path, (*SHARDS, ".tar")) if p.suffix in (*SHARDS, ".tar")]
    kinds = f"{', '.join(SHARDS)} or .tar files"
    require(bool(shards), f"no pictures (.png, .jpg, ...), {kinds} in {path}")
    _check_one_kind(path, shards)
    return shards


def _check_one_kind(path: Path, shards: Sequence[Path]) -> None:
    first = shards[0]
    for other in shards:
        require(
            other.suffix == first.suffix,
            f"{path} holds {first.name} and {other.name}; give a folder with files of one kind",
        )


def files_in(place: Path) -> list[str]:
    """What the picture files of a folder are called, by their paths in it; or the one file."""
    folder = place if place.is_dir() else place.parent
    return [path.relative_to(folder).as_posix() for path in find_images(place)]


def read_picture(
    path: Path,
    roles: ColumnRoles = NO_ROLES,
    form: PictureForm = AS_THEY_ARE,
    axes: Axis = GUESS,
) -> Source:
    """The pages of one picture file."""
    return read_pictures(str(path), [path], form, [path.name])


def read_tar(
    path: Path,
    roles: ColumnRoles = NO_ROLES,
    form: PictureForm = AS_THEY_ARE,
    axes: Axis = GUESS,
) -> Source:
    """Pictures in an archive, as WebDataset keeps them; .cls files of the same name are labels."""
    found = in_archives([path])
    return read_pictures(str(path), found, form, [member.name for member in found])


def read_pictures(
    name: str,
    places: Sequence[Place],
    form: PictureForm,
    files: Sequence[str],
    labels: Sequence[str] = (),
) -> Source:
    """Pictures brought to one size; many or large ones are left where they are.

    Args:
        name: of the data.
        places: of the files.
        form: to which pictures are brought.
        files: what each file is called.
        labels: one for each file; by default those that archives hold.
    """
    pages = look_at_all(places)
    looks = [look for found in pages for look in found]
    target = Target.of(looks, form)
    values = read_images(looks, target)
    names = [called(file, k.page, k.pages) for file, p in zip(files, pages, strict=True) for k in p]
    found = labels or [place.label for place in places if isinstance(place, Member)]
    each = np.repeat(found, [len(p) for p in pages]) if len(set(found)) > 1 else None
    numbers, classes = label_numbers(each)
    return source(
        name, values, labels=numbers, label_names=classes, names=tuple(names),
        notes=tuple(target.notes(looks)),
    )  # fmt: skip


def read_tiles(path: Path, side: int, form: PictureForm = AS_THEY_ARE) -> Source:
    """Pictures below a folder, cut into squares; all squares of a picture are in one split."""
    paths = find_images(path)
    pages = look_at_all(paths)
    looks = [look for found in pages for look in found]
    largest = max(max(look.size) for look in looks)
    require(
        side <= largest,
        f"tiles of {side:,} a side are larger than the pictures: the largest has {largest:,}",
    )
    target = replace(Target.of(looks, form), size=None)
    cut = [to_tiles(pixels, (side, side)) for pixels in read_each(looks, target)]
    files = [file for file, p in zip(files_in(path), pages, strict=True) for _ in p]
    names = [
        called(called(file, look.page, look.pages), number, len(tiles), "tile")
        for file, look, tiles in zip(files, looks, cut, strict=True)
        for number in range(len(tiles))
    ]
    note = f"{len(looks)} pictures cut into tiles of {side} x {side}"
    picture = torch.repeat_interleave(torch.arange(len(cut)), torch.tensor([len(t) for t in cut]))
    groups = random_splits(len(looks)) if len(looks) >= FEWEST_ROWS else None
    splits = groups and {n: torch.isin(picture, g).nonzero()[:, 0] for n, g in groups.items()}
    return source(
        str(path), torch.from_numpy(np.concatenate(cut)), splits, names=tuple(names),
        notes=(note, *target.notes(looks)),
    )  # fmt: skip


READERS: dict[str, Callable[..., Source]] = {
    ".npy": read_npy,
    ".npz": read_npz,
    ".tar": read_tar,
    ".h5ad": read_h5ad,
    **dict.fromkeys(PICTURES, read_picture),
}


def _tables(place: Path, paths: Sequence[Path], roles: ColumnRoles, axes: Axis) -> Source:
    return read_tables(place, paths, roles)


SHARDS: dict[str, Callable[[Path, Sequence[Path], ColumnRoles, Axis], Source]] = {
    ".npy": read_arrays,
    ".npz": read_archives,
    ".parquet": _tables,
}
