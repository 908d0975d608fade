"""Golden files decode, and the same rows give the same bytes as when they were made."""

import hashlib
import json
from pathlib import Path

import pytest
from coding import from_files

from vaekit.codec.blocks import MODEL
from vaekit.codec.container import Reader
from vaekit.runs.archive import Archive, compress

GOLDEN = Path(__file__).parent / "golden"
WANTED = json.loads((GOLDEN / "rows.json").read_text())


def test_there_are_some():
    assert len(WANTED) >= 4


@pytest.mark.parametrize("name", WANTED)
def test_files_made_once_are_read_and_written_alike(name, tmp_path):
    path = GOLDEN / name
    model = from_files(Reader(path).embedded())
    archive = Archive(path, model)
    assert all(archive.reader.block(o).kind == MODEL for o in archive.reader.offsets())
    rows = archive.read()
    assert hashlib.sha256(rows.tobytes()).hexdigest() == WANTED[name]
    version = {"extra": {"vaekit": archive.header["vaekit"]}}
    compress(model, rows, tmp_path / name, embed=True, block_rows=350, verify=False, **version)
    assert (tmp_path / name).read_bytes() == path.read_bytes()
