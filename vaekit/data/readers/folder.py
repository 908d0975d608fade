"""Files by their endings, and folders: of pictures, or of shards."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import torch

from vaekit.data.readers.arrays import label_numbers
from vaekit.data.readers.dialect import Dialect
from vaekit.data.readers.images import (
    common_mode,
    find_images,
    header,
    image_files,
    read_image,
    read_images,
    to_tiles,
)
from vaekit.data.readers.npy import read_archives, read_arrays, read_npy, read_npz
from vaekit.data.readers.parquet import read_parquet, read_tables
from vaekit.data.readers.roles import NO_ROLES, ColumnRoles
from vaekit.data.readers.tables import (
    read_feather,
    read_text_table,
)
from vaekit.data.readers.tar import Member, in_archives
from vaekit.data.source import FEWEST_ROWS, Source, random_splits, source
from vaekit.system.checks import require


def read_folder(
    path: Path, roles: ColumnRoles = NO_ROLES, size: tuple[int, int] | None = None
) -> Source:
    """Pictures below a folder, sub-folders being labels; or all its shards, of one kind."""
    if paths := image_files(path):
        folders = [str(p.parent.relative_to(path)) for p in paths]
        return read_pictures(str(path), paths, size, folders)
    shards = sorted(p for p in path.rglob("*") if p.suffix in (*SHARDS, ".tar") and p.is_file())
    kinds = f"{', '.join(SHARDS)} or .tar files"
    require(bool(shards), f"no pictures (.png, .jpg, ...), {kinds} in {path}")
    _check_one_kind(path, shards)
    if shards[0].suffix == ".tar":
        return read_pictures(str(path), in_archives(shards), size)
    return SHARDS[shards[0].suffix](path, shards, roles)


def _check_one_kind(path: Path, shards: Sequence[Path]) -> None:
    first = shards[0]
    for other in shards:
        require(
            other.suffix == first.suffix,
            f"{path} holds {first.name} and {other.name}; give a folder with files of one kind",
        )


def read_tar(
    path: Path, roles: ColumnRoles = NO_ROLES, size: tuple[int, int] | None = None
) -> Source:
    """Pictures in an archive, as WebDataset keeps them; .cls files of the same name are labels."""
    return read_pictures(str(path), in_archives([path]), size)


def read_pictures(
    name: str,
    places: Sequence[Path | Member],
    size: tuple[int, int] | None,
    labels: Sequence[str] = (),
) -> Source:
    """Pictures brought to one size; many or large ones are left where they are."""
    values, note = read_images(places, size)
    found = labels or [place.label for place in places if isinstance(place, Member)]
    numbers, names = label_numbers(found if len(set(found)) > 1 else None)
    return source(name, values, labels=numbers, label_names=names, notes=(note,) if note else ())


def read_tiles(path: Path, side: int) -> Source:
    """Pictures below a folder, cut into squares; all squares of a picture are in one split."""
    paths = find_images(path)
    headers = [header(path) for path in paths]
    mode = common_mode(headers)
    cut = [
        to_tiles(read_image(path, size, mode), (side, side))
        for path, (size, _) in zip(paths, headers, strict=True)
    ]
    note = f"{len(paths)} pictures cut into tiles of {side} x {side}"
    picture = torch.repeat_interleave(torch.arange(len(cut)), torch.tensor([len(t) for t in cut]))
    groups = random_splits(len(paths)) if len(paths) >= FEWEST_ROWS else None
    splits = groups and {n: torch.isin(picture, g).nonzero()[:, 0] for n, g in groups.items()}
    return source(str(path), torch.from_numpy(np.concatenate(cut)), splits, notes=(note,))


READERS: dict[str, Callable[..., Source]] = {
    ".npy": read_npy,
    ".npz": read_npz,
    ".tar": read_tar,
}

TEXT = (".csv", ".tsv", ".tab", ".txt", ".data")
PACKED = ("", ".gz", ".bz2", ".zst", ".lz4")
TABLES: dict[str, Callable[[Path, ColumnRoles, Dialect], Source]] = {
    **{kind + packed: read_text_table for kind in TEXT for packed in PACKED},
    ".parquet": read_parquet,
    ".feather": read_feather,
    ".arrow": read_feather,
}

SHARDS: dict[str, Callable[[Path, Sequence[Path], ColumnRoles], Source]] = {
    ".npy": read_arrays,
    ".npz": read_archives,
    ".parquet": read_tables,
}
