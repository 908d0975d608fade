"""Pages can be used by people who hear them, use keys alone, or see little contrast."""

import pytest
from access import faults, walked
from browser import Watched, chromium
from people import people

import vaekit

DESK, PHONE = {"width": 1280, "height": 800}, {"width": 390, "height": 844}
SIGHTS = [("light", DESK), ("dark", DESK), ("light", PHONE)]
OPENED = "() => { for (const node of document.querySelectorAll('details:not(.menu)')) node.open = true; }"


@pytest.fixture(scope="module")
def table():
    return vaekit.fit(people(200), "table_vae", latent=2, width=16, epochs=2, quiet=True)


@pytest.fixture(scope="module")
def pages(table, tmp_path_factory):
    """An explorer in one file."""
    folder = tmp_path_factory.mktemp("access")
    table.export(folder / "people-explorer.html", limit=200)
    return folder


@pytest.fixture(scope="module")
def browser():
    with chromium() as found:
        yield found


def opened(browser, path, colours, size):
    """A page with all that folds open."""
    watched = Watched(browser, path.as_uri(), color_scheme=colours, viewport=size)
    if "explorer" in path.name:
        watched.open()
        watched.page.evaluate("() => explorer.app.pick(3)")
        watched.page.wait_for_selector("#row-card:not([hidden])")
    else:
        watched.page.goto(watched.url)
    watched.page.evaluate(OPENED)
    return watched


@pytest.mark.parametrize("name", ["people-explorer"])
def test_a_page_can_be_used_by_all(browser, pages, name):
    for colours, size in SIGHTS:
        watched = opened(browser, pages / f"{name}.html", colours, size)
        assert faults(watched.page) == [], (colours, size)
        stray, stops = walked(watched.page)
        assert stray == [], (colours, size)
        assert stops > 3
        watched.context.close()
