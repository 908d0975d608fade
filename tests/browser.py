"""A real browser, where the system has one."""

import shutil
from contextlib import contextmanager

import pytest

CHROMIUM = next(
    filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None
)


@contextmanager
def chromium():
    """The system's Chromium, headless; the test is skipped where there is none."""
    if CHROMIUM is None:
        pytest.skip("no Chromium: install the system's chromium")
    playwright = pytest.importorskip(
        "playwright.sync_api", reason="no playwright: make installs it"
    )
    with playwright.sync_playwright() as driver:
        found = driver.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield found
        found.close()


class Watched:
    """A page of a browser, and all that it complains of or asks for."""

    def __init__(self, browser, url, **how):
        size = {"width": 1280, "height": 800}
        self.context = browser.new_context(**{"viewport": size, "reduced_motion": "reduce", **how})
        self.page, self.faults, self.asked = self.context.new_page(), [], []
        self.page.on(
            "console", lambda m: m.type in ("error", "warning") and self.faults.append(m.text)
        )
        self.page.on("pageerror", lambda e: self.faults.append(str(e)))
        self.page.on("request", lambda r: self.asked.append(r.url))
        self.page.set_default_timeout(30_000)
        self.url = url

    @classmethod
    @contextmanager
    def faultless(cls, browser, url, **how):
        """A page that is opened; it must not complain, nor ask for anything from elsewhere."""
        watched = cls(browser, url, accept_downloads=True, **how).open()
        yield watched
        watched.context.close()
        assert watched.faults == []
        own = (url, "blob:", "data:", "about:")
        assert [u for u in watched.asked if not u.startswith(own)] == []

    def open(self, state=""):
        self.page.goto("about:blank")
        self.page.goto(self.url + state)
        self.page.wait_for_selector("html[data-ready]")
        self.until("() => explorer.app.painted")
        return self

    def until(self, test, most=30):
        """Waits until a function says so, ours or one of the page's (as text)."""
        for _ in range(most * 20):
            if found := test() if callable(test) else self.page.evaluate(test):
                return found
            self.page.wait_for_timeout(50)
        raise AssertionError(f"this never became true: {test}")

    def tells(self, selector, part):
        """Waits until the text of an element holds this part."""
        self.page.locator(selector, has_text=part).first.wait_for()

    def place(self, x, y):
        """A place of the plane in the page's pixels."""
        box = self.page.locator("#map").bounding_box()
        px, py = self.page.evaluate(f"() => explorer.map.camera.place({x}, {y})")
        return box["x"] + px, box["y"] + py

    def spot(self, right, up):
        """A place of the map in the page's pixels, by shares of its width and height."""
        box = self.page.locator("#map").bounding_box()
        return box["x"] + right * box["width"], box["y"] + (1 - up) * box["height"]

    def plane(self, right, up):
        """The same in the plane."""
        camera = "explorer.map.camera"
        return self.page.evaluate(
            f"() => {camera}.plane({right} * {camera}.width, {1 - up} * {camera}.height)"
        )

    def pixels(self, selector):
        """A canvas as text that changes when a pixel does."""
        return self.page.evaluate(f"() => document.querySelector({selector!r}).toDataURL()")
