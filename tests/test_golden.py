"""Golden files decode, and the same rows give the same bytes as when they were made."""

import hashlib
import json
from pathlib import Path

import pytest

from vaekit.codec.blocks import MODEL
from vaekit.runs.archive import Archive, compress
from vaekit.runs.trained import Trained

GOLDEN = Path(__file__).parent / "golden"
WANTED = json.loads((GOLDEN / "rows.json").read_text())


def test_there_are_some():
    assert len(WANTED) >= 4


@pytest.mark.parametrize("name", WANTED)
def test_files_made_once_are_read_and_written_alike(name, tmp_path, monkeypatch):
    path = GOLDEN / name
    archive = Archive(path)
    assert all(archive.reader.block(o).kind == MODEL for o in archive.reader.offsets())
    rows, given = archive.read(), archive.read_given()
    assert hashlib.sha256(rows.tobytes()).hexdigest() == WANTED[name]
    again, files = tmp_path / name, archive.reader.embedded()
    monkeypatch.setattr(Trained, "packed", lambda self: files)
    version = {"extra": {"vaekit": archive.header["vaekit"]}}
    how = {"embed": True, "block_rows": 350, "verify": False, **version}
    compress(archive.model, rows, again, given=given, **how)
    assert again.read_bytes() == path.read_bytes()
