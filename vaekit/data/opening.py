"""From whatever a person names to a source: a data set's name, a path, or data in memory."""

from __future__ import annotations

import difflib
import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any, Literal

from vaekit.data.coded import coded, is_plain
from vaekit.data.coding import TableCoding
from vaekit.data.given_columns import without_blanks
from vaekit.data.layout import Axis, Guess, Like, RowLayout
from vaekit.data.published.catalogue import CATALOGUE
from vaekit.data.readers.arrays import from_memory, relabelled
from vaekit.data.readers.cells import from_anndata, is_anndata
from vaekit.data.readers.dialect import LOOK, TYPED, Dialect
from vaekit.data.readers.exact import TABLES
from vaekit.data.readers.folder import READERS, read_folder, read_tiles
from vaekit.data.readers.frames import is_frame, table_of
from vaekit.data.readers.images import PictureForm, image_files
from vaekit.data.readers.labels import read_labels, with_labels
from vaekit.data.readers.parquet import read_parquet
from vaekit.data.readers.roles import LABEL, ColumnRoles
from vaekit.data.readers.signatures import instead
from vaekit.data.readers.tables import TEXTS, Table, ending_of
from vaekit.data.schema import NONE, read_toml
from vaekit.data.source import Source
from vaekit.system.checks import BadInput, known, require, size_text

MOST_PIXELS = 2 * 89_478_485  # of a picture, as Pillow has it


@dataclass(frozen=True)
class Opening:
    """How data is opened. It is saved with a model and used for any data of that model.

    Args:
        label: column or array that holds labels, not data.
        labels: file with one label for each row, or beside the name of each picture.
        size: (height, width) to which pictures are brought.
        tiles: side of the squares into which pictures are cut instead, as they are stored.
        given: what a model is given beside x: "label" for the labels, or columns and arrays.
        kind: "image" or "series": what arrays of (rows, a, b) are; None to look at their shape.
        channels: "first" or "last": where the channels of an array are, or a series' features.
        dialect: how a table is written, as far as somebody has said.
        strict: whether something that is asked for and not there is a mistake; not saved.
        like: how the training rows of the model lay, whose data it is; not saved here.
        columns: those of x by name, in order, where they are known; not saved.
        depth: channels of the pictures that a model takes; 0 before there is a model; not saved.
        dtype: of the numbers that a model takes; not saved.
        cells: whether tables are opened as cells of mixed columns ("yes"), as rows of numbers
            ("no"), or as rows of numbers wherever they are that ("auto"); not saved.
        schema: file that says what the columns of a table are; not saved.
        coding: how the rows of the model's tables are levels, where they are cells.
        lenient: whether columns of such a table may be absent, and so missing; not saved.
        gaps: whether numbers may be missing, NaN.
    """

    label: str | None = None
    labels: str | None = None
    size: tuple[int, int] | None = None
    tiles: int = 0
    given: tuple[str, ...] = ()
    kind: str | None = None
    channels: str | None = None
    dialect: Dialect = LOOK
    strict: bool = True
    like: RowLayout | None = None
    columns: tuple[str, ...] = ()
    depth: int = 0
    dtype: str = ""
    cells: Literal["no", "auto", "yes"] = "no"
    schema: str | None = None
    coding: TableCoding | None = None
    lenient: bool = False
    gaps: bool = False

    def __post_init__(self) -> None:
        require(self.tiles >= 0, f"tiles must not be negative, not {self.tiles}")
        once = len(set(self.given)) == len(self.given)
        named = all(isinstance(name, str) for name in self.given)
        values = 'given takes names: "label" with labels=..., or columns of the data'
        require(once, "the same thing is to be given twice" if named else values)
        _ = Guess(self.kind, self.channels)

    @property
    def axes(self) -> Axis:
        """What is known of the axes of arrays."""
        own = self.like if self.coding is None else None
        return Guess(self.kind, self.channels) if own is None else Like(own)

    @property
    def roles(self) -> ColumnRoles:
        """The columns that are not x."""
        columns = self.columns if self.coding is None else self.coding.schema.names
        return ColumnRoles(self.label, self.given, self.strict, columns, self.gaps)

    @property
    def form(self) -> PictureForm:
        """To what pictures are brought."""
        return PictureForm(self.size, self.depth, self.dtype)

    def open(self, data: Any, labels: Any = None) -> Source:
        """Open a named data set, a file, a folder of pictures, or data in memory.

        Args:
            data: "digits", "mnist", ...; a path; an array, tensor, data frame, torch Dataset, or a
                table that was read already.
            labels: one for each row, in memory; by default those of the file ``self.labels``.

        Raises:
            BadInput: saying what cannot be used, where, and what to do.
        """
        if isinstance(data, Source):
            return self._with_given_label(data.with_columns(self.columns))
        if self.strict:
            self._check_dialect(data)
        labels = self.labels if labels is None else labels
        if isinstance(data, str | os.PathLike):
            found = self._named(str(data))
            found = found if labels is None else with_labels(found, labels, self.label)
        else:
            own = read_labels(labels) if isinstance(labels, str) else labels
            named = self._named_in_memory(data)
            if named is None:
                found = from_memory(data, own, axes=self.axes, gaps=self.gaps)
            else:
                found = named if own is None else relabelled(named, own)
        self._check_said(found)
        found = self._with_given_label(found)
        note = (f"given beside x: {found.conditions().text}",) if found.given else ()
        return replace(found, notes=(*found.notes, *note)) if note else found

    def _check_said(self, found: Source) -> None:
        """Raise ``BadInput`` for something that is asked for and that the data has not."""
        mixed = found.coding is not None
        require(
            mixed or self.schema is None,
            f"schema={self.schema!r} says what the columns of a table of mixed columns are, and "
            f"{found.name} is opened as rows of numbers: leave it out{_OR_CELLS}",
        )
        require(
            mixed or self.coding is None,
            f"the model is of a table with columns by name, and {found.name} has none: take a "
            ".csv, .parquet or .feather file, or a data frame",
        )
        said = [f"{n}={v}" for n, v in (("kind", self.kind), ("channels", self.channels)) if v]
        require(
            found.layout is not None or not (said and self.strict),
            f"{' and '.join(said)} is said of arrays, and {found.name} is none: leave it out",
        )
        resized = self.size is None or found.shape[1:] == tuple(self.size)
        require(
            not self.strict or resized,
            f"size {size_text(self.size or ())} is for pictures in files, and rows of {found.name} "
            f"are {size_text(found.shape)}: leave size out",
        )
        require(
            not self.strict or self.label is None or found.labels is not None,
            f"label={self.label!r} names a column, and {found.name} has no columns: give one label "
            "for each row with labels= (at the command line --labels FILE)",
        )

    def again(
        self,
        shape: tuple[int, ...],
        dtype: str,
        like: RowLayout | None = None,
        columns: Sequence[str] = (),
    ) -> Opening:
        """How the data of a model is opened again: columns are found by their names, pictures are
        brought to what they were.

        Args:
            shape: of the model's rows.
            dtype: of the numbers it takes.
            like: how its rows lay.
            columns: names of the numbers of a row.
        """
        known = replace(self, like=like, columns=tuple(columns))
        return replace(known, depth=shape[0], dtype=dtype) if len(shape) == 3 else known

    def elsewhere(
        self,
        shape: tuple[int, ...] = (),
        dtype: str = "",
        like: RowLayout | None = None,
        columns: Sequence[str] = (),
    ) -> Opening:
        """How other data of the same model is opened: columns are found by their names, and labels
        and what is given may be missing.

        Args:
            shape: of the model's rows; pictures are brought to that size and to those channels.
            dtype: of the numbers it takes.
            like: how its rows lay.
            columns: names of the numbers of a row.
        """
        size = self.size
        if size is None and len(shape) == 3:
            size = (shape[1], shape[2])
        known = self.again(shape, dtype, like, columns)
        return replace(known, labels=None, size=size, strict=False)

    def _named(self, name: str) -> Source:
        """A catalogue name, a file or a folder."""
        path = Path(name)
        ending = ending_of(path)
        if name in CATALOGUE:
            require(not self.tiles or not self.strict, _NO_TILES)
            named = self.label in (None, LABEL) or not self.strict
            require(named, f"{name} has its own labels: leave label={self.label!r} out")
            return CATALOGUE[name].load()
        check_there(name)
        if self.tiles and image_files(path):
            return read_tiles(path, self.tiles, self.form)
        require(not self.tiles or not self.strict, _NO_TILES)
        if path.is_dir():
            return read_folder(path, self.roles, self.form, self.axes)
        require(path.stat().st_size > 0, f"{path} is empty (0 bytes)")
        if ending not in (*READERS, *TABLES):
            raise BadInput(_odd_kind(path, ending))
        if ending in TABLES:
            how = path, self.roles, self.dialect
            in_groups = partial(read_parquet, *how) if ending == ".parquet" else None
            return self._table(partial(TABLES[ending], *how), in_groups)
        return READERS[ending](path, self.roles, self.form, self.axes)

    def _named_in_memory(self, data: Any) -> Source | None:
        """Rows of what says what its columns are called."""
        if is_anndata(data):
            return from_anndata(data, roles=self.roles)
        if isinstance(data, Table):
            return self._table(lambda: data)
        frame = is_frame(data)
        return self._table(lambda: table_of(data, "data", self.dialect)) if frame else None

    def _table(
        self, read: Callable[[], Table], numbers: Callable[[], Source] | None = None
    ) -> Source:
        """A table as cells of mixed columns, or as rows of numbers, as it is to be opened.

        Args:
            read: all columns.
            numbers: read as rows of numbers, where there is a better way than by all columns.
        """
        mixed = self.cells != "no" or self.coding is not None
        if numbers is not None and not mixed:
            return numbers()
        said, table = read_toml(Path(self.schema)) if self.schema and mixed else NONE, read()
        if self.cells == "auto" and self.coding is None and is_plain(table, self.roles):
            mixed = False
        if mixed:
            return coded(table, self.roles, self.coding, said, allow_missing=self.lenient)
        return numbers() if numbers is not None else table.source(self.roles)

    def _check_dialect(self, data: Any) -> None:
        """Raise ``BadInput`` for something that is asked for and has no meaning for the data."""
        path = isinstance(data, str | os.PathLike)
        ending = ending_of(Path(data)) if path else ""
        if ending not in TEXTS:
            table = ending in TABLES or is_frame(data)
            name = str(data) if path else "data in memory"
            self.dialect.check_not_text(name, TYPED if table else ())

    def _with_given_label(self, found: Source) -> Source:
        """The source with all that is to be given, in order; the labels are among it if asked."""
        if not self.given:
            return found
        given, names = dict(found.given), dict(found.given_names)
        if LABEL in self.given and LABEL not in given and found.labels is not None:
            given[LABEL], names[LABEL] = without_blanks(found.labels, class_names(found))
        for name in self.given if self.strict else ():
            require(name in given, f"{found.name} {_LACKS.get(name, _LACKS_COLUMN).format(name)}")
        order = {name: given[name] for name in self.given if name in given}
        if list(order) == list(found.given):
            return found
        return replace(found, given=order, given_names={n: names[n] for n in order if n in names})


def names_columns(data: Any) -> bool:
    """Whether data may say what its columns are called, as what is opened does: a name or a path, a
    source, a data frame, an AnnData."""
    return isinstance(data, str | os.PathLike | Source) or is_frame(data) or is_anndata(data)


def check_there(name: str) -> None:
    """Raise ``BadInput`` unless there is a data set, a file or a folder of this name."""
    require(name != "", "the name of the data is empty: give a data set, a file or a folder")
    path = Path(name)
    if name not in CATALOGUE and not path.exists():
        looks_like_path = os.sep in name or path.suffix
        require(not looks_like_path, f"there is no file or folder {name}")
        known("data set or path", name, CATALOGUE)


def _odd_kind(path: Path, ending: str) -> str:
    """What is wrong with a file of a kind that is not read."""
    near = difflib.get_close_matches(ending, (*READERS, *TABLES), 1, _NEAR)
    kinds = f"did you mean {near[0]!r}?" if near else _KINDS
    return f"unknown kind of data file {ending!r} ({path.name}): {instead(path, kinds)}"


_NEAR = 0.7
_KINDS = (
    "vaekit reads tables (.csv, .tsv, .txt, .parquet, .feather; text also as .gz, .bz2, .zst, "
    ".lz4), arrays (.npy, .npz), AnnData (.h5ad), pictures (.png, .jpg, .tif, ...) and archives of "
    "them (.tar)"
)
_OR_CELLS = ", or train a recipe for tables, as table_vae"
_NO_TILES = "tiles are cut from a folder of pictures, or a picture"
_LACKS = {LABEL: "has no labels to be given; name their column with --label (in Python label=)"}
_LACKS_COLUMN = "has no column or array {!r} to be given"


AS_IT_IS = Opening()


def open_source(
    data: Any,
    *,
    label: str | None = None,
    labels: Any = None,
    size: int | tuple[int, int] | None = None,
    tiles: int = 0,
    given: str | Sequence[str] = (),
    kind: str | None = None,
    channels: str | None = None,
    **table: Any,
) -> Source:
    """Open a named data set, a file, a folder of pictures, or data in memory.

    Args:
        data: "digits", "mnist", ...; a path; an array, tensor, data frame or torch Dataset.
        label: column or array that holds labels, not data.
        labels: one label for each row, in memory or in a file; a file may name pictures.
        size: (height, width) to which pictures are brought, or both as one number.
        tiles: cut pictures of a folder into squares of this side instead, as they are stored.
        given: what a model is to be given beside x: "label", or columns and arrays by name.
        kind: "image" or "series": what arrays of (rows, a, b) are.
        channels: "first" or "last": where an array's channels are, or a series' features.
        table: how a table is written, where looking at it is not enough: separator=";",
            decimal=",", header=False, missing=["-999"] ...: see
            :class:`~vaekit.data.readers.dialect.Dialect`.

    Raises:
        BadInput: saying what cannot be used, where, and what to do.
    """
    said = opening_of(label, labels, size, tiles, given, kind, channels, **table)
    return said.open(data, labels)


def opening_of(
    label: str | None = None,
    labels: Any = None,
    size: int | tuple[int, int] | None = None,
    tiles: int = 0,
    given: str | Sequence[str] = (),
    kind: str | None = None,
    channels: str | None = None,
    schema: str | os.PathLike[str] | None = None,
    **table: Any,
) -> Opening:
    """The :class:`Opening` of these arguments; labels in memory are no part of it."""
    names = (given,) if isinstance(given, str) else tuple(given)
    file = str(Path(labels).resolve()) if isinstance(labels, str) else None
    pair = (size, size) if isinstance(size, int) else size and (size[0], size[1])
    require(not (pair and tiles), "say size or tiles: tiles are cut as they are stored")
    require(
        pair is None or pair[0] * pair[1] <= MOST_PIXELS,
        f"size {size_text(pair or ())} is more than {MOST_PIXELS / 1e6:.0f} million pixels",
    )
    dialect = Dialect.of(**table)
    types = None if schema is None else str(schema)
    return Opening(label, file, pair, tiles, names, kind, channels, dialect, schema=types)


def class_names(found: Source) -> tuple[str, ...]:
    """What the labels mean; their numbers, where they have no names."""
    if found.label_names or found.labels is None:
        return found.label_names
    return tuple(map(str, range(int(found.labels.max()) + 1)))
