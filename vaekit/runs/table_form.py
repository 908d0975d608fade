"""What a compressed file says of the table in it, beside its cells."""

from __future__ import annotations

import base64
import hashlib
import json
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import pyarrow as pa
from pyarrow import compute as pc
from pyarrow import feather, parquet

from vaekit.codec.plain import inflated
from vaekit.data.coding import TableCoding
from vaekit.data.readers.columns import value_type
from vaekit.data.readers.rewriting import TextForm
from vaekit.data.schema.texts import Texts
from vaekit.data.verbatim import from_bytes, to_bytes, whole
from vaekit.system.checks import BadInput, require
from vaekit.system.files import replacing
from vaekit.system.records import Json, Part, is_whole

ENDINGS = (".csv", ".parquet", ".feather")
LARGEST_PART = 2**28


@dataclass(frozen=True)
class TableForm:
    """How the table in a compressed file is written again.

    Args:
        ending: of the file that it came from.
        schema: of its columns, in order; all text where it came from a text.
        known: what the model calls each column.
        coding: fingerprint of how the model's columns are levels.
        text: how a text was written; None for what was none.
        texts: how the cells of the model's columns were, by what it calls them.
        dictionaries: different values of columns that were dictionaries, by the column's number.
    """

    ending: str
    schema: pa.Schema
    known: tuple[str, ...]
    coding: str
    text: TextForm | None = None
    texts: Mapping[str, Texts] = field(default_factory=dict)
    dictionaries: Mapping[int, pa.Array] = field(default_factory=dict)

    @property
    def types(self) -> list[pa.DataType]:
        """Of the columns; of dictionaries those of their values."""
        return [value_type(kind) for kind in self.schema.types]

    @property
    def endings(self) -> list[str]:
        """Of the files that can be written, the natural one first."""
        return [self.ending, *(ending for ending in ENDINGS if ending != self.ending)]

    def table(self, columns: Sequence[pa.Array]) -> pa.Table:
        """A table of these columns, which are of the plain types.

        Raises:
            BadInput: for values that are in no dictionary.
        """
        own = [self._encoded(i, column) for i, column in enumerate(columns)]
        return pa.Table.from_arrays(own, schema=self.schema)

    def _encoded(self, number: int, column: pa.Array) -> pa.Array:
        kind = self.schema.types[number]
        if number not in self.dictionaries:
            return column
        known = self.dictionaries[number]
        indices = pc.index_in(column, value_set=known, skip_nulls=True)
        require(indices.null_count == column.null_count, "a column holds a value it cannot have")
        return pa.DictionaryArray.from_arrays(
            indices.cast(kind.index_type), known, ordered=kind.ordered
        )

    def write(self, path: Path, rows: pa.Table) -> None:
        """Write rows to a file, of the kind that its name says."""
        with replacing(path) as temporary:
            ending = path.suffix.lower()
            if ending == ".parquet":
                parquet.write_table(rows, temporary)
            elif ending == ".feather":
                feather.write_feather(rows, str(temporary))
            else:
                temporary.write_bytes((self.text or TextForm()).written(rows))

    def to_json(self) -> Json:
        """For a file's header."""
        names = [*self.schema.names]
        found: Json = {"ending": self.ending, "columns": names, "coding": self.coding}
        if self.text is None:
            found["schema"] = _packed(self.schema.serialize().to_pybytes())
        else:
            found["text"] = self.text.to_json()
        if list(self.known) != names:
            found["known"] = [*self.known]
        texts = {name: texts.to_json() for name, texts in self.texts.items()}
        found |= {"texts": texts} if texts else {}
        own = {str(i): [len(v), _packed(to_bytes(v))] for i, v in self.dictionaries.items()}
        return found | ({"dictionaries": own} if own else {})

    @classmethod
    def from_json(cls, part: Part) -> TableForm:
        """The reverse of :meth:`to_json`.

        Raises:
            BadInput: for what cannot be.
        """
        names, ending = part.texts("columns"), part.text("ending")
        part.require(ending in ENDINGS, "ending", f"one of {', '.join(ENDINGS)}")
        text = TextForm.from_json(part.part("text")) if part.has("text") else None
        if text is None:
            schema = part.made(lambda: _schema(_unpacked(part.text("schema"))))
        else:
            schema = pa.schema([(name, pa.string()) for name in names])
        part.require(tuple(schema.names) == names, "columns", "those of the schema")
        known = part.texts("known") if part.has("known") else names
        part.require(len(known) == len(names) > 0, "known", "one for each column")
        texts = part.part("texts") if part.has("texts") else Part({}, part.name)
        each = {name: Texts.from_json(texts.part(name)) for name in texts.found}
        return cls(
            ending, schema, known, part.text("coding"), text, each, _dictionaries(part, schema)
        )


def undictionaried(table: pa.Table) -> tuple[list[pa.Array], dict[int, pa.Array]]:
    """The columns of a table in one piece each and without dictionaries, and these by the column's
    number."""
    columns, known = list[pa.Array](), dict[int, pa.Array]()
    for i, column in enumerate(table.unify_dictionaries().columns):
        one = whole(column)
        if pa.types.is_dictionary(one.type):
            known[i] = one.dictionary
            one = one.dictionary_decode()
        columns.append(one)
    return columns, known


def fingerprint_of(coding: TableCoding) -> str:
    """A sha256 over how a model's columns are levels."""
    return hashlib.sha256(json.dumps(coding.to_json(), sort_keys=True).encode()).hexdigest()


def _dictionaries(part: Part, schema: pa.Schema) -> dict[int, pa.Array]:
    given = part.part("dictionaries") if part.has("dictionaries") else Part({}, part.name)
    kinds = enumerate(schema.types)
    return {
        i: _dictionary(given, str(i), kind.value_type)
        for i, kind in kinds
        if pa.types.is_dictionary(kind)
    }


def _dictionary(part: Part, key: str, kind: pa.DataType) -> pa.Array:
    found = part.items(key)
    part.require(len(found) == 2 and is_whole(found[0]), key, "how many, and their bytes")
    return part.made(lambda: from_bytes(_unpacked(str(found[1])), kind, found[0]))


def _schema(raw: bytes) -> pa.Schema:
    try:
        return pa.ipc.read_schema(pa.py_buffer(raw))
    except (pa.ArrowException, OSError) as error:
        raise BadInput(f"its schema is damaged ({error})") from error


def _packed(raw: bytes) -> str:
    """Bytes as text: how many, and these deflated."""
    return f"{len(raw)}:{base64.b64encode(zlib.compress(raw, 9)).decode()}"


def _unpacked(text: str) -> bytes:
    size, _, packed = text.partition(":")
    raw = base64.b64decode(packed, validate=True)
    require(0 <= int(size) <= LARGEST_PART, "a part of the header is too large")
    try:
        return inflated(raw, int(size))
    except zlib.error as error:
        raise BadInput(f"a part of the header is damaged ({error})") from error
