"""A separator that was said, and a table that has another."""

from __future__ import annotations

from pathlib import Path

import pytest

import vaekit
from vaekit.system.checks import BadInput

ROWS = "".join(f"{n},{n % 7}.5,{n % 2}\n" for n in range(40))


@pytest.mark.parametrize("mark", [";", "|", "\t"])
def test_one_that_separates_nothing_is_refused(tmp_path: Path, mark: str) -> None:
    path = tmp_path / "people.csv"
    path.write_text("age,pay,job\n" + ROWS)
    with pytest.raises(BadInput, match="separates nothing here: the table seems to be separated"):
        vaekit.open_source(str(path), separator=mark)
    assert len(vaekit.open_source(str(path), separator=",")) == 40


def test_a_lone_column_needs_none(tmp_path: Path) -> None:
    path = tmp_path / "one.csv"
    path.write_text("age\n" + "".join(f"{n}.5\n" for n in range(40)))
    assert len(vaekit.open_source(str(path), separator=";")) == 40
