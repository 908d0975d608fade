"""The file of blocks, made by hand: its index, its end, and what its header knows of."""

import io
import json
from pathlib import Path

import numpy as np
import pytest

from vaekit.codec.container import Block, Reader, Writer
from vaekit.codec.header import Header
from vaekit.system.checks import BadInput

SAYS = {"model": "m", "tables": "t", "shape": [2, 3], "dtype": "<u2", "rows": 5, "blocks": [3, 2]}


def written(path: Path, *blocks: Block, index: bool = True) -> Reader:
    """A file of some blocks; without its index it is cut off behind the last."""
    file = io.BytesIO()
    writer = Writer(file, SAYS)
    for block in blocks:
        writer.add(block)
    if index:
        writer.close()
    path.write_bytes(file.getvalue())
    return Reader(path)


def block(number=0, rows=3, payload=b"abc"):
    return Block(number, rows, 0, payload, 7)


@pytest.mark.parametrize("count", [0, 1, 2])
def test_an_index_may_have_any_number_of_blocks(count, tmp_path):
    parts = [block(0, 3), block(1, 2)][:count]
    reader = written(tmp_path / "a.vk", *parts)
    assert [reader.block(at) for at in reader.offsets()] == parts


def test_a_block_without_bytes_may_end_a_file_that_was_cut_off(tmp_path):
    parts = [block(0, 3), block(1, 2, b"")]
    assert list(written(tmp_path / "a.vk", *parts, index=False).salvaged()) == parts


@pytest.mark.parametrize("odd", [block(0, 2), block(1, 3), block(2, 3), block(9, 2)])
def test_blocks_that_the_header_does_not_know_are_not_saved(odd, tmp_path):
    """Of another number of rows, or of a number that is beyond the last."""
    assert list(written(tmp_path / "a.vk", odd, block(1, 2)).salvaged()) == [block(1, 2)]


def test_bytes_of_a_row_are_those_of_its_numbers():
    assert Header.from_text(header(), "it").row_bytes == np.zeros((2, 3), "<u2").nbytes == 12


@pytest.mark.parametrize(("check", "fine"), [(2**32 - 1, True), (2**32, False), (-1, False)])
def test_checks_have_32_bits(check, fine):
    beside = {"names": ["y"], "stored": False, "checks": [0, check]}
    if fine:
        assert Header.from_text(header(conditions=beside), "it").beside.checks == (0, check)
        return
    with pytest.raises(BadInput, match="checks"):
        Header.from_text(header(conditions=beside), "it")


def header(**more):
    return json.dumps({**SAYS, **more}).encode()
