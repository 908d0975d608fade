"""The blocks of a page of the documentation, run in order: what they print and draw is the page's own.

    python docs/blocks.py docs/course/*.md      # run, and write what was printed and drawn into the page

Blocks marked ``python`` share one set of names; lines of blocks marked ``sh`` are commands. A block marked ``text`` right
behind one of them is what that one prints, and a picture that a page shows is one that a block of it saved, where it lies
in the folder pictures/PAGE/. Other blocks are not run: ``console`` stands for what takes long or wants a reader's data.
"""

from __future__ import annotations

import contextlib
import io
import os
import re
import shlex
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

from PIL import Image

BLOCK = re.compile(r"^```(\w+)\n(.*?)^```$", re.DOTALL | re.MULTILINE)
NUMBER = re.compile(r"(?<![\w.])[-−+]?\d[\d,]*(?:\.\d+)?(?:e[-+]?\d+)?")
PICTURE = re.compile(r"!\[[^\]]*\]\(((?:\.\./)*pictures/[^)]+)\)")
COLOURS = 256
SHARE, UNITS = (
    0.5,
    3,
)  # by which a number may differ on another machine: of itself, of its last digit


@dataclass(frozen=True)
class Block:
    """What stands between fences, and the output that is shown right behind it, if any."""

    language: str
    code: str
    line: int
    shown: re.Match[str] | None


def blocks_of(text: str) -> list[Block]:
    """The blocks of a page that are run, in order."""
    found = list(BLOCK.finditer(text))
    shown = {
        block.start(): after
        for block, after in pairwise(found)
        if after[1] == "text" and not text[block.end() : after.start()].strip()
    }
    return [
        Block(b[1], b[2], text.count("\n", 0, b.start()) + 2, shown.get(b.start()))
        for b in found
        if b[1] in ("python", "sh")
    ]


def printed(text: str, page: str) -> Iterator[tuple[Block, str]]:
    """Run the blocks of a page in the present folder; with each what it printed."""
    names: dict[str, Any] = {"__name__": page}
    for block in blocks_of(text):
        with contextlib.redirect_stdout(io.StringIO()) as out:
            run_python(block, page, names) if block.language == "python" else run_lines(block)
        yield block, out.getvalue()


def run_python(block: Block, page: str, names: dict[str, Any]) -> None:
    """Run a block; errors name the page's lines."""
    exec(compile("\n" * (block.line - 1) + block.code, page, "exec"), names)


def run_lines(block: Block) -> None:
    """Run commands, each of which must succeed."""
    from vaekit.interfaces.cli import run

    for line in block.code.replace("\\\n", " ").splitlines():
        words = shlex.split(line, comments=True)
        if words and (words[0] != "vaekit" or run(words[1:]) != 0):
            raise RuntimeError(f"line {block.line}: {line}")


def pictures_of(text: str) -> list[str]:
    """The pictures of its own that a page shows, by the paths in its links."""
    return [link for link in PICTURE.findall(text) if "/course/" in link]


def alike(shown: str, found: str) -> bool:
    """Whether two outputs have the same words, and numbers that another machine may have."""
    words = [" ".join(NUMBER.sub(" # ", text).split()) for text in (shown, found)]
    if words[0] != words[1]:
        return False
    return all(map(near, NUMBER.findall(shown), NUMBER.findall(found)))


def near(a: str, b: str) -> bool:
    """Whether two numbers as they are written differ by no more than machines do."""
    x, y = (float(text.replace(",", "").replace("−", "-")) for text in (a, b))
    digits = len(a.split("e")[0].partition(".")[2])
    last = UNITS * 10.0**-digits if digits else 0.0
    return abs(x - y) <= max(SHARE * abs(x), last)


def written(text: str, outputs: list[tuple[Block, str]]) -> str:
    """The page with what its blocks printed in the place of what was shown."""
    for block, output in reversed(outputs):
        if block.shown:
            text = f"{text[: block.shown.start(2)]}{output.rstrip()}\n{text[block.shown.end(2) :]}"
    return text


def main(pages: list[str]) -> None:
    """Run pages, and write what they printed and drew."""
    home = Path.cwd()
    for page in map(Path, pages):
        text = page.read_text()
        with tempfile.TemporaryDirectory() as place:
            os.chdir(place)
            outputs = list(printed(text, page.name))
            os.chdir(home)
            page.write_text(written(text, outputs))
            for link in pictures_of(text):
                target = page.parent / link
                target.parent.mkdir(parents=True, exist_ok=True)
                Image.open(Path(place) / target.name).convert("RGB").quantize(
                    COLOURS, kmeans=1
                ).save(target, optimize=True)
                print(f"{target.name}: {target.stat().st_size / 1000:.0f} kB")


if __name__ == "__main__":
    main(sys.argv[1:])
