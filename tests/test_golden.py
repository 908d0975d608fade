"""Golden files decode, and the same rows give the same bytes as when they were made."""

import hashlib
import json
from pathlib import Path

import pytest

from vaekit.codec.blocks import MODELLED
from vaekit.runs.archive import Archive
from vaekit.runs.compression import compress
from vaekit.runs.originals import write_restored
from vaekit.runs.trained import Trained

GOLDEN = Path(__file__).parent / "golden"
WANTED = json.loads((GOLDEN / "rows.json").read_text())
TABLES = json.loads((GOLDEN / "tables.json").read_text())
OLDER = ("counts.vk",)  # such rows are coded in fewer bytes now


def test_there_are_some():
    assert len(WANTED) >= 4


@pytest.mark.parametrize("name", WANTED)
def test_files_made_once_are_read_and_written_alike(name, tmp_path, monkeypatch):
    path = GOLDEN / name
    archive = Archive(path)
    assert all(archive.reader.block(o).kind in MODELLED for o in archive.reader.offsets())
    rows, given = archive.read(), archive.read_given()
    assert hashlib.sha256(rows.tobytes()).hexdigest() == WANTED[name]
    again, files = tmp_path / name, archive.reader.embedded()
    monkeypatch.setattr(Trained, "packed", lambda self: files)
    version = {"extra": {"vaekit": archive.header["vaekit"]}}
    how = {"embed": True, "block_rows": 350, "verify": False, **version}
    compress(archive.model, rows, again, given=given, **how)
    if name in OLDER:
        assert again.stat().st_size < path.stat().st_size
        assert (Archive(again).read() == rows).all()
    else:
        assert again.read_bytes() == path.read_bytes()


def coded(archive):
    """What the first block holds, without what plain coders made, which may change."""
    payload = archive.reader.block(archive.reader.offsets()[0]).payload
    return payload[8 + int.from_bytes(payload[:8], "little") :]


@pytest.mark.parametrize("name", TABLES)
def test_tables_made_once_are_read_and_written_alike(name, tmp_path):
    archive, path = Archive(GOLDEN / name), tmp_path / "table.csv"
    write_restored(archive, path, archive.read())
    assert hashlib.sha256(path.read_bytes()).hexdigest() == TABLES[name]
    compress(archive.model, str(path), tmp_path / name, verify=False)
    again = Archive(tmp_path / name, archive.model)
    assert coded(again) == coded(archive)
    assert again.header["cells"] == archive.header["cells"]
    assert again.read().equals(archive.read())
