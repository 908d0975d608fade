"""The moving picture of the README: the explorer over MNIST, the pointer decoding as it moves, a row picked, a path played.

VAEKIT_DATA=... python benchmarks/explorer_film.py [RUN]     # by default a model of two latents is trained first
"""

import io
import math
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path

from explorer_picture import SETTING
from PIL import Image
from playwright.sync_api import Page, sync_playwright

import vaekit

TARGET = Path(__file__).resolve().parent.parent / "docs" / "pictures" / "explorer.webp"
SIZE, WIDTH, QUALITY = {"width": 1180, "height": 720}, 900, 55
ROWS, WAY, STEPS, PAUSE, MOMENT = 10_000, 26, 14, 120, 1500  # frames of the way, of the path; ms


def main() -> None:
    model = vaekit.load(sys.argv[1]) if sys.argv[1:] else vaekit.fit("mnist", **SETTING)
    found = model.explore("mnist", limit=ROWS)
    try:
        with sync_playwright() as driver:
            browser = driver.chromium.launch(
                executable_path=shutil.which("chromium"), args=["--no-sandbox"]
            )
            page = browser.new_context(viewport=SIZE).new_page()
            page.goto(found.url)
            page.wait_for_selector("html[data-ready]", timeout=120_000)
            page.evaluate("() => { explorer.map.camera.zoom(1.3); explorer.map.draw(); }")
            page.wait_for_timeout(MOMENT)
            frames = list(film(page))
            browser.close()
    finally:
        found.stop()
    pictures, times = zip(*frames, strict=True)
    how = {"append_images": pictures[1:], "duration": list(times), "loop": 0}
    pictures[0].save(TARGET, save_all=True, quality=QUALITY, method=6, **how)
    print(TARGET, f"{TARGET.stat().st_size / 1000:.0f} kB, {len(frames)} frames")


def film(page: Page) -> Iterator[tuple[Image.Image, int]]:
    """Pictures, and how long each stands, in milliseconds."""
    for share in (k / WAY for k in range(WAY)):  # an eight over the map
        turn = 2 * math.pi * share
        page.mouse.move(400 + 260 * math.sin(turn), 400 + 190 * math.sin(2 * turn))
        page.wait_for_timeout(150)
        yield shot(page), PAUSE
    page.evaluate(
        """async () => {
          const { app, map } = explorer;
          const near = (x, y) => map.index.nearest(x, y, 1, 1, (i) => app.visible(i));
          await app.pick(near(0.9, 0.5));
          await app.path.setEnd(0, near(1.6, -0.4));
          await app.path.setEnd(1, near(-1.6, 1.2));
        }"""
    )
    page.wait_for_timeout(MOMENT)
    yield shot(page), MOMENT
    for step in range(STEPS + 1):
        page.locator("#path-place").evaluate(
            "(e, at) => { e.value = at; e.dispatchEvent(new Event('input', { bubbles: true })); }",
            str(step / STEPS),
        )
        page.wait_for_timeout(200)
        yield shot(page), PAUSE
    yield shot(page), MOMENT


def shot(page: Page) -> Image.Image:
    """What the page shows."""
    picture = Image.open(io.BytesIO(page.screenshot())).convert("RGB")
    return picture.resize((WIDTH, round(WIDTH * picture.height / picture.width)))


if __name__ == "__main__":
    main()
