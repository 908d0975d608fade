"""How large a page in one file is, and how fast its decoder runs in the system's Chromium.

    python benchmarks/one_file.py RUN [RUN ...]

Writes benchmarks/results/one_file.json. Let nothing else run meanwhile. Of each run 10,000 rows at most are shown; from the
call of the decoder to the bytes of one picture, and of a hundred pictures, of codes drawn from the prior.
"""

import json
import os
import shutil
import statistics
import sys
import tempfile
from dataclasses import replace
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent / "published"))
from common import machine

import vaekit
from vaekit.runs.job import reopen

RESULT = Path(__file__).resolve().parent / "results" / "one_file.json"
TIMED = """async (times) => {
  const one = [], { given, about } = explorer.app;
  for (let i = 0; i < times; i++) {
    const { data } = await $wire.drawn(), begun = performance.now();
    await $wire.decode(data, given);
    one.push(performance.now() - begun);
  }
  const codes = new Float32Array(100 * about.latent), begun = performance.now();
  await $wire.decode(codes, given);
  return { one: one.slice(20), hundred: performance.now() - begun };
}"""


def main() -> None:
    before = os.getloadavg()[0]
    pages = [measured(run) for run in sys.argv[1:]]
    result = {"machine": machine(), "load": round(before, 1), "pages": pages}
    print(json.dumps(result, indent=1))
    RESULT.write_text(json.dumps(result, indent=1) + "\n")


def measured(run: str) -> dict:
    from playwright.sync_api import sync_playwright

    model = vaekit.load(run)
    model = replace(model, source=reopen(model.config))
    with tempfile.TemporaryDirectory() as place, sync_playwright() as driver:
        path = Path(place) / "page.html"
        model.export(path)
        chromium = shutil.which("chromium")
        browser = driver.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        page = browser.new_context(offline=True).new_page()
        page.goto(path.as_uri())
        page.wait_for_selector("html[data-ready]", timeout=60_000)
        page.wait_for_timeout(10_000)
        rows = page.evaluate("explorer.app.rows")
        took = page.evaluate(TIMED, 120)
        browser.close()
        size = path.stat().st_size
    ordered = sorted(took["one"])
    return {
        "recipe": model.config.recipe,
        "likelihood": model.config.likelihood.name,
        "rows": rows,
        "parameters": sum(p.numel() for p in model.model.parameters()),
        "megabytes": round(size / 1e6, 2),
        "one picture, ms": {
            "median": round(statistics.median(ordered), 2),
            "95 % within": round(ordered[int(0.95 * len(ordered))], 2),
        },
        "a hundred, ms": round(took["hundred"]),
    }


if __name__ == "__main__":
    main()
