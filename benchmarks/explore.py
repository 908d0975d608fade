"""How fast the explorer's page follows the pointer, and how smoothly many rows are panned, in the system's Chromium.

    python benchmarks/explore.py [--rows 1000000] [RUN [DATA]]     # by default a small model of the digits, and 100,000 rows like them

Writes benchmarks/results/explorer.json; of another number of rows explorer_N.json. Let nothing else run meanwhile: the browser, its painting and the server share the
processor. From a move of the pointer to the decoded pixels on the page's canvas: the browser's own time stamps.
"""

import argparse
import json
import os
import random
import shutil
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parent / "published"))
from common import machine

import vaekit

ROWS, MOVES, FRAMES, SIZE = 100_000, 300, 180, {"width": 1360, "height": 860}
RESULT = Path(__file__).resolve().parent / "results" / "explorer.json"

ANEW = """() => {
  const took = [0, 1, 2, 3, 4].map(() => { const start = performance.now(); explorer.map.render(true); return performance.now() - start; });
  return took.sort((a, b) => a - b)[2];
}"""
PAN = """async (frames) => {
  const { map } = explorer, took = [], work = [], render = map.render;
  map.render = function (all) {
    const start = performance.now();
    render.call(map, all);
    work.push(performance.now() - start);
  };
  let last = performance.now(), n = 0;
  const begun = last;
  await new Promise((done) => {
    const step = (now) => {
      took.push(now - last);
      last = now;
      map.camera.pan(6 * Math.sin(n / 10), 6 * Math.cos(n / 10));
      map.moved();
      if (++n < frames) requestAnimationFrame(step); else done();
    };
    requestAnimationFrame(step);
  });
  map.render = render;
  return { seconds: (performance.now() - begun) / 1000, took: took.slice(1), work };
}"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("run", nargs="*")
    parser.add_argument("--rows", type=int, default=ROWS)
    options = parser.parse_args()
    before = os.getloadavg()[0]
    with tempfile.TemporaryDirectory() as place:
        run = options.run or made(Path(place), options.rows)
        with served(run) as url:
            result = {"machine": machine(), "load": round(before, 1), **measured(url)}
    print(json.dumps(result, indent=1))
    path = RESULT if options.rows == ROWS else RESULT.with_stem(f"explorer_{options.rows}")
    path.write_text(json.dumps(result, indent=1) + "\n")


def made(place: Path, rows: int) -> list[str]:
    """A model of the digits, and rows that it draws; beyond ROWS of them also such that lie near these."""
    model = vaekit.fit("digits", latent=2, epochs=40, seed=0, out=place / "run")
    drawn, chance = model.sample(min(rows, ROWS), seed=1), np.random.default_rng(0)
    more = drawn[chance.integers(0, len(drawn), rows - len(drawn))].astype(np.int16)
    more = (more + chance.integers(-2, 3, more.shape, np.int16)).clip(0, 16).astype(drawn.dtype)
    np.save(place / "rows.npy", np.concatenate([drawn, more]))
    return [str(place / "run"), str(place / "rows.npy")]


@contextmanager
def served(arguments: list[str]) -> Iterator[str]:
    """The command, in a process of its own; the address of its page."""
    command = [sys.executable, "-m", "vaekit", "explore", *arguments, "--no-browser", "--quiet"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        line = process.stdout.readline()
        yield line.split(" at ")[1].split()[0]
        process.send_signal(signal.SIGINT)


def measured(url: str) -> dict:
    from playwright.sync_api import sync_playwright

    with sync_playwright() as driver:
        browser = driver.chromium.launch(
            executable_path=shutil.which("chromium"), args=["--no-sandbox"]
        )
        page = browser.new_context(viewport=SIZE).new_page()
        begun = time.monotonic()
        page.goto(url)
        page.wait_for_selector("html[data-ready]", timeout=120_000)
        ready = time.monotonic() - begun
        page.wait_for_timeout(3000)
        near = waited(page)
        result = {
            "setting": f"{page.evaluate('explorer.app.rows'):,} rows, window of {SIZE['width']} x {SIZE['height']}, "
            f"points by {page.evaluate('explorer.map.renderer.kind')}",
            "seconds until the map is there": round(ready, 2),
            "seconds until the browser decodes by itself": near
            and round(time.monotonic() - begun, 1),
            "move to pixels, ms": followed(page),
            "all points drawn anew, ms": round(page.evaluate(ANEW)),
        }
        for name, shown in (("rows over decoded codes", True), ("rows alone", False)):
            if not shown:
                page.click("#show-grid")
            result[f"panning, {name}"] = panned(page)
        browser.close()
    return result


def waited(page, most: float = 60) -> bool:
    """Whether the browser comes to decode by itself."""
    until = time.monotonic() + most
    while not page.evaluate("!!explorer.app.near") and time.monotonic() < until:
        page.wait_for_timeout(200)
    return page.evaluate("!!explorer.app.near")


def followed(page) -> dict:
    """The pointer wanders for some seconds, 60 moves each."""
    page.evaluate(
        "() => { window.took = []; explorer.app.on('drawn', ({ asked, drawn }) => took.push(drawn - asked)); }"
    )
    chance, box = random.Random(0), page.locator("#map").bounding_box()
    x, y = box["width"] / 2, box["height"] / 2
    for _ in range(MOVES):
        x = min(box["width"] - 20, max(20, x + chance.gauss(0, 12)))
        y = min(box["height"] - 20, max(20, y + chance.gauss(0, 12)))
        page.mouse.move(box["x"] + x, box["y"] + y)
        time.sleep(1 / 60)
    page.wait_for_timeout(500)
    took = page.evaluate("took")
    return {"decoded": len(took), "of moves": MOVES, **spread(took)}


def panned(page) -> dict:
    page.wait_for_timeout(500)
    page.evaluate(PAN, 60)  # compiled, and tiles fetched
    page.wait_for_timeout(1000)
    found = page.evaluate(PAN, FRAMES)
    return {
        "frames a second": round(FRAMES / found["seconds"], 1),
        "frame, ms": spread(found["took"]),
        "of it the page's own work, ms": spread(found["work"]),
    }


def spread(values: list[float]) -> dict:
    cuts = statistics.quantiles(values, n=20)
    return {"median": round(statistics.median(values), 1), "p95": round(cuts[-1], 1)}


if __name__ == "__main__":
    main()
