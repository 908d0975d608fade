"""Writes what the blocks of tour.md print, and its pictures: of the page's own runs, by the system's Chromium.

python docs/tour.py
"""

from __future__ import annotations

import io
import itertools
import os
import shlex
import shutil
import tempfile
import textwrap
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.request import Request, urlopen

from blocks import COLOURS, printed, written
from PIL import Image
from playwright.sync_api import Page, sync_playwright

import vaekit
from vaekit.interfaces.server.api.serving import serve

HERE = Path(__file__).resolve().parent
PAGE, PICTURES = HERE / "tour.md", HERE / "pictures" / "tour"
WIDTH = 115
ADDRESS = "http://127.0.0.1:8765/"


SHORTER = """(folder) => {
  for (const line of document.querySelectorAll("code, pre")) {
    if (!line.children.length) line.textContent = line.textContent.replace(folder, "");
  }
}"""


def main() -> None:
    """Run the page in a folder of its own."""
    text = PAGE.read_text()
    PICTURES.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as place:
        os.chdir(place)
        outputs = [(block, wrapped(output)) for block, output in printed(text, "tour.md")]
        text = written(text, outputs)
        with browser() as page:
            report(page)
            explorer(page)
        kept(Image.open("new.png"), "new.png")
        PAGE.write_text(answered(text))
        os.chdir(HERE)


def wrapped(output: str) -> str:
    """The same with long lines broken, and without the time that it took here."""
    lines = [line for line in output.split("\n") if not line.startswith("seconds")]
    parts = (textwrap.wrap(line, WIDTH) if len(line) > WIDTH else [line] for line in lines)
    return "\n".join(itertools.chain.from_iterable(parts))


@contextmanager
def browser() -> Iterator[Page]:
    """A page of a browser without a window."""
    with sync_playwright() as driver:
        found = driver.chromium.launch(
            executable_path=shutil.which("chromium"), args=["--no-sandbox"]
        )
        yield found.new_context(viewport={"width": 1200, "height": 800}).new_page()
        found.close()


def report(page: Page) -> None:
    """The top of the report."""
    page.goto(Path("runs/people/report.html").resolve().as_uri())
    page.wait_for_timeout(500)
    page.evaluate(SHORTER, f"{Path.cwd()}/")
    kept(Image.open(io.BytesIO(page.screenshot())), "report.png")


def explorer(page: Page) -> None:
    """The explorer, a row picked."""
    shown = vaekit.load("runs/photos").explore("photos")
    try:
        page.goto(shown.url)
        page.wait_for_selector("html[data-ready]", timeout=120_000)
        page.evaluate("""async () => {
          const { app, map } = explorer;
          await app.pick(map.index.nearest(0.6, 0.4, 1, 1, (i) => app.visible(i)));
        }""")
        page.wait_for_timeout(4000)
        kept(Image.open(io.BytesIO(page.screenshot())), "explorer.png")
    finally:
        shown.stop()


def kept(picture: Image.Image, name: str) -> None:
    """Save a picture of the page."""
    target = PICTURES / name
    picture.convert("RGB").quantize(COLOURS, kmeans=1).save(target, optimize=True)
    print(name, picture.size, f"{target.stat().st_size / 1000:.0f} kB")


def answered(text: str) -> str:
    """The page with the reply to its curl line."""
    start = text.index("curl -s")
    words = shlex.split(text[start : text.index("\n", start)])
    found: Any = serve({"people": vaekit.load("runs/people")})
    try:
        url = words[2].replace(ADDRESS, found.url)
        request = Request(url, words[-1].encode(), {"content-type": "application/json"})
        with urlopen(request) as reply:
            said = reply.read().decode()
    finally:
        found.stop()
    begin = text.index("```text\n", start) + len("```text\n")
    return text[:begin] + said + "\n" + text[text.index("```", begin) :]


if __name__ == "__main__":
    main()
