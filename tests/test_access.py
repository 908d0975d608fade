"""Pages can be used by people who hear them, use keys alone, or see little contrast."""

import pytest
from access import faults, walked
from browser import Watched, chromium
from people import people

import vaekit
from vaekit.interfaces.server.api.serving import serve
from vaekit.pages.report import write_report
from vaekit.runs.against import judge_against

DESK, PHONE = {"width": 1280, "height": 800}, {"width": 390, "height": 844}
OPENED = "() => { for (const node of document.querySelectorAll('details:not(.menu)')) node.open = true; }"
EXPLORERS, PLAIN = ("table-file", "pictures-file", "live"), ("pictures", "table", "api")


@pytest.fixture(scope="module")
def pages(trained, tmp_path_factory):
    """Addresses of a page of each kind."""
    folder = tmp_path_factory.mktemp("access")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("vaekit.evaluation.tables.judges.TREES", 5)
        table = vaekit.fit(people(200), "table_vae", latent=2, width=16, epochs=2, quiet=True)
        rows = table.open(people(60, 7))
        judged = judge_against(table, rows, samples=2)
        how = {"quality": judged.quality, "scores": judged.scores}
        write_report(table, folder, folder / "table.html", data=rows, **how)
    write_report(trained[1], trained[0], folder / "pictures.html")
    table.export(folder / "table-file.html", limit=200)
    trained[1].export(folder / "pictures-file.html", limit=200)
    live, api = trained[1].explore(limit=200), serve({"people": table})
    found = {path.stem: path.as_uri() for path in folder.glob("*.html")}
    yield {**found, "live": live.url, "api": api.url}
    live.stop()
    api.stop()


@pytest.fixture(scope="module")
def browser():
    with chromium() as found:
        yield found


def opened(browser, pages, name):
    """A page with all that folds open."""
    watched = Watched(browser, pages[name], color_scheme="light", viewport=DESK)
    if name in EXPLORERS:
        watched.open().page.evaluate("() => explorer.app.pick(3)")
        watched.page.wait_for_selector("#row-body .facts")
    else:
        watched.page.goto(watched.url)
    watched.page.evaluate(OPENED)
    return watched


@pytest.mark.parametrize("name", [*EXPLORERS, *PLAIN])
def test_a_page_can_be_used_by_all(browser, pages, name):
    watched = opened(browser, pages, name)
    page = watched.page
    assert faults(page) == []
    stray, stops = walked(page)
    assert stray == []
    assert stops > 2
    page.emulate_media(color_scheme="dark")
    assert faults(page) == [], "dark"
    page.emulate_media(color_scheme="light")
    page.set_viewport_size(PHONE)
    assert faults(page) == [], "on a phone"
    if name in EXPLORERS:
        assert walked(page)[0] == [], "on a phone"
    watched.context.close()
    assert watched.faults == []
