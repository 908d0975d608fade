"""Blocks in the documentation run, in order, and print and draw what the pages show."""

import importlib.util
import sys
from pathlib import Path

import pytest
from PIL import Image

import vaekit

DOCS = Path(__file__).resolve().parent.parent / "docs"
SPEC = importlib.util.spec_from_file_location("blocks_of_docs", DOCS / "blocks.py")
blocks = importlib.util.module_from_spec(SPEC)
sys.modules["blocks_of_docs"] = blocks
SPEC.loader.exec_module(blocks)

PAGES = [str(p.relative_to(DOCS)) for p in sorted(DOCS.glob("course/*.md"))]
ALSO_LONG = [
    pytest.param(str(p.relative_to(DOCS)), marks=pytest.mark.long)
    for p in sorted(DOCS.glob("how-to/*.md"))
]


@pytest.mark.slow
@pytest.mark.parametrize("page", [*PAGES, *ALSO_LONG])
def test_a_page_does_what_it_shows(page, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("MPLBACKEND", "agg")
    text = (DOCS / page).read_text()
    for block, output in blocks.printed(text, page):
        if block.shown:
            assert blocks.alike(block.shown[2], output), f"{page}:{block.line} prints\n{output}"
    for link in blocks.pictures_of(text):
        kept, drawn = Image.open((DOCS / page).parent / link), Image.open(Path(link).name)
        assert kept.size == drawn.size
        assert len(drawn.convert("L").getcolors(256)) > 16, f"{link} is all but empty"


@pytest.mark.long
def test_the_tour_runs(tmp_path, monkeypatch):
    """With few rows and short trainings: what it shows is written by docs/tour.py."""
    monkeypatch.chdir(tmp_path)
    text = (DOCS / "tour.md").read_text()
    for long, short in (("range(3000)", "range(300)"), ("--epochs 20", "--epochs 1 --width 16"),
                        ("--epochs 100", "--epochs 1 --width 16"), ("-n 500", "-n 5"),
                        ('zip(digits.rows("all")', 'zip(digits.rows("test")')):  # fmt: skip
        assert long in text
        text = text.replace(long, short)
    text = text.replace("digits.labels,", 'digits.labels_of("test"),')
    shown = {block.line: output for block, output in blocks.printed(text, "tour.md")}
    assert "the same: True\n" in shown.values()
    assert Image.open("new.png").size[0] > 100


def test_there_are_pages():
    assert len(PAGES) == 5
    assert len(ALSO_LONG) >= 8


PAGE = """
```python
print("one 1.0")
```

Between.

```python
x = 2
print("two", x)
```

```text
two 2
```

```sh
vaekit --version
```

```console
vaekit not-run
```
"""


def test_blocks_are_found_and_run_in_order():
    found = list(blocks.printed(PAGE, "page"))
    assert [(block.language, output.split()[0]) for block, output in found] == [
        ("python", "one"), ("python", "two"), ("sh", vaekit.__version__),
    ]  # fmt: skip
    assert [bool(block.shown) for block, _ in found] == [False, True, False]
    assert blocks.written(PAGE, found) == PAGE
    assert "two 3" in blocks.written(PAGE.replace("x = 2", "x = 3"), [(found[1][0], "two 3\n")])


def test_a_fault_names_the_line_of_the_page():
    with pytest.raises(ZeroDivisionError) as raised:
        list(blocks.printed("\n\n```python\na = 1\n1 / 0\n```\n", "page.md"))
    assert (str(raised.traceback[-1].path), raised.traceback[-1].lineno) == ("page.md", 4)
    with pytest.raises(RuntimeError, match="line 2: vaekit nothing"):
        list(blocks.printed("```sh\nvaekit nothing\n```\n", "page.md"))


@pytest.mark.parametrize(
    ("shown", "found", "same"),
    [
        ("error 2.31 of 64 rows", "error  2.35 of 64 rows", True),
        ("error 2.31", "loss 2.31", False),
        ("error 2.31", "error 23.1", False),
        ("error 0.02", "error 0.04", True),
        ("error 0.02", "error 0.09", False),
        ("12 rows", "13 rows", True),
        ("12 rows", "20 rows", False),
        ("1,439 rows −94.3", "1,439 rows −95.1", True),
        ("−94.3", "94.3", False),
        ("a 1", "a 1 2", False),
        ("0 left", "1 left", False),
    ],
)
def test_outputs_are_compared_by_words_and_nearly_by_numbers(shown, found, same):
    assert blocks.alike(shown, found) is same
