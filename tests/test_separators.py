"""A separator that was said, and a table that has another."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pytest
from pyarrow import parquet

import vaekit
from vaekit.data.opening import Opening
from vaekit.system.checks import BadInput

ROWS = "".join(f"{n},{n % 7}.5,{n % 2}\n" for n in range(40))


@pytest.mark.parametrize("mark", [";", "|", "\t"])
def test_one_that_separates_nothing_is_refused(tmp_path: Path, mark: str) -> None:
    path = tmp_path / "people.csv"
    path.write_text("age,pay,job\n" + ROWS)
    with pytest.raises(BadInput, match="separates nothing here: the table seems to be separated"):
        vaekit.open_source(str(path), separator=mark)
    assert len(vaekit.open_source(str(path), separator=",")) == 40


def names_in(path: Path) -> list[str]:
    found = Opening(cells="yes").open(str(path))
    assert found.table is not None
    return list(found.table.columns)


@pytest.mark.parametrize("name", ["title", "full title", "the full title"])
def test_words_in_a_lone_column_are_not_taken_apart(tmp_path: Path, name: str) -> None:
    path = tmp_path / "words.csv"
    path.write_text(f"{name}\n" + "red car\nblue bus\ngreen big van\n" * 20)
    assert names_in(path) == [name]


def test_words_between_spaces_are_taken_apart_where_all_lines_have_as_many(tmp_path: Path) -> None:
    path = tmp_path / "words.txt"
    path.write_text("colour thing\n" + "red car\nblue bus\n" * 20)
    assert names_in(path) == ["colour", "thing"]


def test_a_lone_column_needs_none(tmp_path: Path) -> None:
    path = tmp_path / "one.csv"
    path.write_text("age\n" + "".join(f"{n}.5\n" for n in range(40)))
    assert len(vaekit.open_source(str(path), separator=";")) == 40


def test_a_folder_of_tables_of_words_says_what_to_do(tmp_path: Path) -> None:
    for name in ("a", "b"):
        table = pa.table({"age": [1.5, 2.5] * 20, "city": ["Rome", "Bonn"] * 20})
        parquet.write_table(table, tmp_path / f"{name}.parquet")
    with pytest.raises(BadInput, match=r"'city'.*write all rows into one file$"):
        vaekit.open_source(str(tmp_path))
