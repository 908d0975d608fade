"""The picture of docs/explore.md: the explorer over all of MNIST, a row picked, a path begun.

VAEKIT_DATA=... python benchmarks/explorer_picture.py [RUN]     # by default a model of two latents is trained first
"""

import io
import shutil
import sys
from pathlib import Path

from PIL import Image
from playwright.sync_api import sync_playwright

import vaekit

TARGET = Path(__file__).resolve().parent.parent / "docs" / "pictures" / "explorer.png"
SIZE, COLOURS = {"width": 1360, "height": 850}, 128
SETTING = {"latent": 2, "network": "dense", "epochs": 12, "seed": 0}


def main() -> None:
    model = vaekit.load(sys.argv[1]) if sys.argv[1:] else vaekit.fit("mnist", **SETTING)
    found = model.explore("mnist", limit=30_000)
    try:
        shot = Image.open(io.BytesIO(picture(found.url))).convert("RGB")
    finally:
        found.stop()
    TARGET.parent.mkdir(parents=True, exist_ok=True)
    shot.quantize(COLOURS).save(TARGET, optimize=True)
    print(TARGET, f"{TARGET.stat().st_size / 1000:.0f} kB")


def picture(url: str) -> bytes:
    with sync_playwright() as driver:
        browser = driver.chromium.launch(
            executable_path=shutil.which("chromium"), args=["--no-sandbox"]
        )
        page = browser.new_context(viewport=SIZE).new_page()
        page.goto(url)
        page.wait_for_selector("html[data-ready]", timeout=120_000)
        page.evaluate("() => { explorer.map.camera.zoom(1.35); explorer.map.draw(); }")
        page.evaluate(
            """async () => {
              const { app, map } = explorer;
              const near = (x, y) => map.index.nearest(x, y, 1, 1, (i) => app.visible(i));
              await app.path.setEnd(0, near(2.2, -0.4));
              await app.path.setEnd(1, near(-2.4, 2));
              await app.pick(near(0.9, 0.5));
            }"""
        )
        page.wait_for_timeout(6000)
        shot = page.screenshot()
        browser.close()
        return shot


if __name__ == "__main__":
    main()
