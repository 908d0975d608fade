"""The explorer's page in a real browser: what a person does, and what then is seen."""

import csv
import io
import json
import re
from pathlib import Path

import numpy as np
import pytest
from browser import Watched, chromium
from people import people
from PIL import Image

import vaekit

HOVERED = "#here-face canvas"


@pytest.fixture(scope="module")
def browser():
    with chromium() as found:
        yield found


@pytest.fixture(scope="module")
def served(trained):
    found = trained[1].explore()
    yield found
    found.stop()


@pytest.fixture
def seen(browser, served):
    """The page; a test fails if it complains, or asks for anything from elsewhere."""
    with Watched.faultless(browser, served.url) as watched:
        yield watched


def test_the_map_shows_rows_in_their_colours(seen, served):
    page = seen.page
    assert page.title() == "vae on digits · vaekit"
    assert page.locator("#legend li").all_inner_texts() == [*"0123456789"]
    assert page.evaluate("() => explorer.app.painted.order.length") == 1797
    seen.until("() => explorer.app.masses")
    blank = page.evaluate(
        "() => { const c = document.createElement('canvas'), p = explorer.map.layers.points; c.width = p.width; c.height = p.height; return c.toDataURL(); }"
    )
    assert page.evaluate("() => explorer.map.layers.points.toDataURL()") != blank
    xy = page.evaluate("() => [...explorer.app.xy.subarray(0, 20)]")
    assert xy == pytest.approx(served.explorer.subject.codes[:10].ravel().tolist(), abs=1e-5)


def test_what_lies_under_the_pointer_is_decoded(seen, served):
    page = seen.page
    page.mouse.move(*seen.spot(0.7, 0.6))
    x, y = seen.plane(0.7, 0.6)
    seen.until(f"() => Math.abs(explorer.app.probe?.x - {x}) < 0.02 && !explorer.app.newest.busy")
    first = seen.pixels(HOVERED)
    drawn = page.evaluate(
        "() => { const c = document.querySelector('#here-face canvas'); return [...c.getContext('2d').getImageData(0, 0, 8, 8).data].filter((_, i) => i % 4 === 0); }"
    )
    code = np.array([page.evaluate("() => [...explorer.app.code]")], np.float32)
    right = served.explorer.subject.decode(code).ravel().astype(int)
    assert (
        np.abs(drawn - right).max() <= 16
    )  # a level that lies at a half may be rounded either way
    assert (drawn == right).mean() > 0.95
    page.mouse.move(*seen.spot(0.3, 0.4))
    x, y = seen.plane(0.3, 0.4)
    seen.until(f"() => Math.abs(explorer.app.probe?.x - {x}) < 0.02 && !explorer.app.newest.busy")
    assert seen.pixels(HOVERED) != first

    def told():
        found = re.match(r"z0 ([−.\d]+), z1 ([−.\d]+)", page.locator("#here-text").inner_text())
        return [float(v.replace("−", "-")) for v in found.groups()]

    seen.until(lambda: told() == pytest.approx([x, y], abs=0.02))


def test_the_browser_decodes_by_itself_where_it_is_quick(seen, served):
    """As the server does it, and without asking it."""
    seen.until("() => explorer.app.near", 60)
    seen.page.click("#show-grid")  # its tiles come from the server
    codes = np.random.default_rng(0).normal(size=(20, 2)).astype(np.float32)
    found = seen.page.evaluate(
        "(codes) => codes.map((c) => [...explorer.app.near.decoded(Float32Array.from(c), {}).data])",
        codes.tolist(),
    )
    right = served.explorer.subject.decode(codes).reshape(20, -1)
    assert (np.array(found) == right).mean() > 0.99
    seen.page.wait_for_load_state("networkidle")
    asked, first = len(seen.asked), seen.pixels(HOVERED)
    seen.page.mouse.move(*seen.spot(0.6, 0.6))
    seen.page.mouse.move(*seen.spot(0.61, 0.8))
    seen.until(lambda: seen.pixels(HOVERED) != first)
    assert len(seen.asked) == asked


def test_it_warns_where_nothing_has_mass(seen):
    seen.until("() => explorer.app.masses")
    seen.page.evaluate("() => { explorer.app.look(0, 0, -1, 0); }")
    seen.tells("#here-text", "z0 0, z1 0")
    assert seen.page.locator("#here-warning").is_hidden()
    seen.page.evaluate("() => { explorer.app.look(40, 40, -1, 0); }")
    seen.tells("#here-text", "z0 40, z1 40")
    assert seen.page.locator("#here-warning").is_visible()


def test_the_map_is_panned_and_zoomed(seen):
    page = seen.page
    before = page.evaluate("() => ({ ...explorer.map.camera.seen })")
    x, y = seen.spot(0.5, 0.5)
    page.mouse.move(x, y)
    page.mouse.down()
    page.mouse.move(x + 100, y + 40, steps=4)
    page.mouse.up()
    after = page.evaluate(
        "() => ({ ...explorer.map.camera.seen, scale: explorer.map.camera.scale })"
    )
    assert after["x0"] == pytest.approx(before["x0"] - 100 / after["scale"], rel=1e-3)
    assert after["y1"] == pytest.approx(before["y1"] + 40 / after["scale"], rel=1e-3)
    at = page.evaluate("() => explorer.map.camera.plane(300, 200)")
    box = page.locator("#map").bounding_box()
    page.mouse.move(box["x"] + 300, box["y"] + 200)
    page.mouse.wheel(0, -300)
    seen.until(f"() => explorer.map.camera.scale > {after['scale']} * 1.5")
    assert page.evaluate("() => explorer.map.camera.plane(300, 200)") == pytest.approx(
        at, abs=1 / after["scale"]
    )
    page.click("#zoom-fit")
    assert page.evaluate("() => explorer.map.camera.scale") == pytest.approx(
        after["scale"], rel=1e-6
    )


def test_a_row_is_picked_with_its_score_and_neighbours(seen, served):
    page = seen.page
    x, y = served.explorer.subject.codes[11]
    page.mouse.click(*seen.place(x, y))
    seen.until("() => document.querySelectorAll('#row-body .near canvas').length === 8")
    row = page.evaluate("() => explorer.app.row")
    assert np.linalg.norm(served.explorer.subject.codes[row] - [x, y]) < 0.1
    assert page.locator("#row-title").inner_text() == f"Row {row}"
    assert "nats" in page.locator("#row-body .facts").inner_text()
    assert page.locator("#row-body .pair canvas").count() == 2
    page.locator("#row-body .near button").first.click()
    seen.until(f"() => explorer.app.row !== {row}")


def test_sliders_move_the_code(seen):
    page = seen.page
    slider = page.locator("#sliders input").first
    before = seen.pixels(HOVERED)
    dim = page.evaluate("() => explorer.app.about.order[0]")
    slider.focus()
    for _ in range(60):
        slider.press("ArrowRight")
    value = float(slider.input_value())
    seen.until(
        f"() => Math.abs(explorer.app.base[{dim}] - {value}) < 1e-4 && !explorer.app.newest.busy"
    )
    assert seen.pixels(HOVERED) != before
    page.click("#sliders-mean")
    seen.until("() => !explorer.app.newest.busy")
    assert seen.pixels(HOVERED) == before


def test_a_lasso_selects_and_what_it_selects_is_saved(seen, served):
    page = seen.page
    codes = served.explorer.subject.codes
    corners = [(0.4, 0.4), (0.7, 0.4), (0.7, 0.7), (0.4, 0.7), (0.4, 0.41)]
    page.keyboard.down("Shift")
    page.mouse.move(*seen.spot(*corners[0]))
    page.mouse.down()
    for corner in corners[1:]:
        page.mouse.move(*seen.spot(*corner), steps=5)
    page.mouse.up()
    page.keyboard.up("Shift")
    page.wait_for_selector("#save-csv")
    chosen = page.evaluate("() => [...explorer.app.chosen]")
    low, high = np.array(seen.plane(0.4, 0.4)), np.array(seen.plane(0.7, 0.7))
    edge = (high - low) * 0.03
    well = ((codes > low + edge) & (codes < high - edge)).all(1)
    near = ((codes > low - edge) & (codes < high + edge)).all(1)
    assert set(np.flatnonzero(well)) <= set(chosen) <= set(np.flatnonzero(near))
    assert len(chosen) > 20
    with page.expect_download() as got:
        page.click("#save-csv")
    lines = [*csv.DictReader(io.StringIO(Path(got.value.path()).read_text()))]
    assert [int(line["row"]) for line in lines] == chosen
    assert served.selected.tolist() == chosen
    seen.tells("#choose-body", f"{len(chosen):,} rows")
    page.locator("#map").focus()
    page.keyboard.press("Escape")
    assert page.evaluate("() => explorer.app.chosen.length") == 0


def test_a_class_is_hidden_and_a_text_is_found(seen, served):
    page, labels = seen.page, served.explorer.subject.rows.labels.numpy()
    page.locator("#legend button").nth(3).click()
    seen.until(f"() => explorer.app.painted.order.length === {(labels != 3).sum()}")
    assert page.locator("#legend button").nth(3).get_attribute("aria-pressed") == "false"
    page.get_by_text("Show all").click()
    page.locator("#choose-card summary").click()
    page.fill("#find-text", "179")
    page.keyboard.press("Enter")
    seen.until("() => explorer.app.painted.order.length < 100")
    expected = [i for i in range(1797) if "179" in str(i)]
    assert sorted(page.evaluate("() => [...explorer.app.painted.order]")) == expected


def test_colours_by_a_score_wait_for_it(seen, served):
    page = seen.page
    page.select_option("#colour", "elbo")
    seen.until("() => explorer.app.colouring.key === 'elbo'", 60)
    seen.until(lambda: page.locator("#legend .ramp").count() == 1)
    values = np.array(page.evaluate("() => [...explorer.app.values]"))
    assert values == pytest.approx(served.explorer.subject.colours.values("elbo").tolist())
    page.locator("#choose-card summary").click()
    page.get_by_text("Select these").click()
    assert page.evaluate("() => explorer.app.chosen.length") == 1797


def test_a_path_between_rows_is_played(seen, served):
    page, codes = seen.page, served.explorer.subject.codes
    far = int(np.linalg.norm(codes - codes[3], axis=1).argmax())
    page.evaluate(
        "async far => { await explorer.app.path.setEnd(0, 3); await explorer.app.path.setEnd(1, far); }",
        far,
    )
    line = np.array(page.evaluate("() => explorer.app.way.line"))
    assert line[[0, -1]] == pytest.approx(codes[[3, far]], abs=1e-5)
    seen.until(lambda: page.locator("#path-strip canvas").count() == 8)
    start = seen.pixels(HOVERED)
    page.click("#path-play")
    seen.until("() => explorer.app.path.place > 20")
    page.click("#path-play")
    assert seen.pixels(HOVERED) != start
    page.select_option("#path-way", "sphere")
    seen.until(
        "() => Math.abs(Math.hypot(...explorer.app.way.line[30]) - (Math.hypot(...explorer.app.way.line[0]) + Math.hypot(...explorer.app.way.line[59])) / 2) < 0.05"
    )


def test_a_picture_that_is_dropped_or_drawn_is_encoded(seen, served, tmp_path):
    page, subject = seen.page, served.explorer.subject
    shown = subject.face.stored(subject.chosen([20]))[0, ..., 0]
    Image.fromarray(shown).resize((64, 64), Image.Resampling.NEAREST).save(tmp_path / "row.png")
    page.locator("#own-card summary").click()
    page.set_input_files("#own-body input[type=file]", tmp_path / "row.png")
    page.wait_for_selector("#own-result .facts")
    assert page.evaluate("() => explorer.app.sent") == pytest.approx(
        subject.codes[20].tolist(), abs=1e-2
    )
    assert page.evaluate("() => explorer.app.marked[0]") == 20
    page.locator("#own-body").get_by_text("Clear").click()
    box = page.locator(".pad").bounding_box()
    page.mouse.move(box["x"] + box["width"] / 2, box["y"] + 40)
    page.mouse.down()
    page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] - 40, steps=6)
    page.mouse.up()
    page.wait_for_selector("#own-result .facts")
    assert page.evaluate("() => explorer.app.marked.length") == 8


def test_dropped_text_is_told_to_be_no_picture(seen, tmp_path):
    (tmp_path / "notes.png").write_text("no picture")
    seen.page.locator("#own-card summary").click()
    seen.page.set_input_files("#own-body input[type=file]", tmp_path / "notes.png")
    seen.page.wait_for_selector("#busy.failed:not([hidden])")
    seen.tells("#busy", "no picture")
    seen.faults.clear()  # the browser itself notes that the server refused


def test_all_is_done_by_keys_alone(seen):
    page = seen.page
    page.keyboard.press("Tab")
    assert page.evaluate("() => document.activeElement.className") == "skip"
    page.keyboard.press("Enter")
    page.locator("#map").focus()
    page.keyboard.press("ArrowRight")
    page.keyboard.press("ArrowUp")
    seen.until("() => explorer.app.probe && !explorer.app.newest.busy")
    assert page.evaluate("() => explorer.app.probe?.y") > page.evaluate(
        "() => explorer.map.camera.y"
    )
    seen.tells("#said", "z0")
    page.keyboard.press("Enter")
    seen.until("() => explorer.app.row >= 0 && document.querySelector('#row-body .facts')")
    page.keyboard.press("a")
    page.locator("#row-body .near button").last.focus()
    page.keyboard.press("Enter")
    seen.until("() => explorer.app.path.ends[0] !== explorer.app.row")
    page.keyboard.press("b")
    seen.until("() => explorer.app.way")
    page.keyboard.press("n")
    seen.until("() => explorer.app.chosen.length === 20")
    for key, name in (("g", "grid"), ("o", "points"), ("p", "prior")):
        page.keyboard.press(key)
        assert page.locator(f"#show-{name}").get_attribute("aria-pressed") == "false"
    page.keyboard.press("?")
    assert page.locator("#help").is_visible()
    page.keyboard.press("Escape")
    assert not page.locator("#help").is_visible()


def test_the_address_brings_everything_back(seen, served, browser):
    page = seen.page
    page.evaluate(
        "async () => { const { app, map } = explorer; await app.pick(4); app.hide(new Set([2])); app.lasso([[0, 0], [1, 0], [1, 1], [0, 1]]); map.camera.zoom(2); await app.path.setEnd(0, 4); await app.path.setEnd(1, 9); app.remember(); }"
    )
    page.click("#show-prior")
    page.wait_for_timeout(500)
    state = page.url[len(served.url) :]
    what = "() => { const { app, map } = explorer, c = map.camera; return JSON.stringify([app.row, [...app.hidden], app.chosen.length, app.path.ends, app.shows, [c.x, c.y, c.scale].map((v) => +v.toPrecision(3))]); }"
    expected = json.loads(page.evaluate(what))
    again = Watched(browser, served.url).open(state)
    again.until("() => explorer.app.way && explorer.app.row >= 0")
    assert json.loads(again.page.evaluate(what)) == expected
    assert again.faults == []
    again.context.close()


def test_the_map_is_saved_as_a_picture(seen):
    page = seen.page
    page.locator("#menu summary").click()
    with page.expect_download() as got:
        page.click("#save-png")
    with Image.open(got.value.path()) as image:
        assert image.size == tuple(
            page.evaluate("() => [explorer.map.view.width, explorer.map.view.height]")
        )
        assert len(image.convert("RGB").resize((200, 200)).getcolors(40_000)) > 50
    page.locator("#menu summary").click()
    with page.expect_download() as got:
        page.click("#save-svg")
    text = Path(got.value.path()).read_text()
    assert text.startswith("<svg ")
    assert text.count("h0") > 1000
    page.locator("#menu summary").click()
    with page.expect_download() as got:
        page.click("#save-here")
    with Image.open(got.value.path()) as image:
        assert image.size == (8, 8)


def test_a_crowd_of_points_is_drawn_as_a_density(seen):
    """Each pixel by the points in its square of four: their mean colour, and how many they are."""
    pixels = seen.page.evaluate(
        """() => {
            const red = 0xff0000ff, blue = 0xffff0000, kind = Object.getPrototypeOf(explorer.map.renderer);
            const r = Object.assign(Object.create(kind), {
              places: Float32Array.of(2, 2, 2, 2, 2, 2, 2, 2, 5, 5, 5, 5, -3, 9), order: Uint32Array.of(0, 1, 2, 3, 4, 5, 6),
              colours: Uint32Array.of(red, red, red, red, red, blue, red), pixels: new Uint32Array(64),
            });
            r.crowd({ scaleX: 1, scaleY: 1, x: 0, y: 0 }, 8, 8);
            return [...r.pixels].map((v) => [v & 255, (v >> 8) & 255, (v >> 16) & 255, v >>> 24]);
        }"""
    )
    found = np.array(pixels).reshape(8, 8, 4)
    drawn = np.zeros((8, 8), bool)
    drawn[1:3, 1:3] = drawn[4:6, 4:6] = True
    assert (found[..., 3] > 0).tolist() == drawn.tolist()
    assert found[2, 2, :3].tolist() == [255, 0, 0]
    assert found[5, 5, :3].tolist() == [127, 0, 127]
    assert found[2, 2, 3] > found[5, 5, 3] > 64


@pytest.mark.parametrize("drawn", ["canvas", "webgl"])
def test_points_are_drawn_with_and_without_a_card(browser, served, drawn):
    watched = Watched(browser, served.url).open(f"?points={drawn}")
    assert watched.page.evaluate("() => explorer.map.renderer.kind") == drawn
    watched.page.click("#show-grid")
    watched.page.click("#show-prior")
    x, y = served.explorer.subject.codes[0]
    px, py = watched.page.evaluate(f"() => explorer.map.wide.place({x}, {y}).map(Math.round)")
    colour = watched.page.evaluate(
        f"""() => {{
            const {{ map }} = explorer, c = document.createElement('canvas'), d = c.getContext('2d');
            map.render();
            Object.assign(c, {{ width: map.layers.points.width, height: map.layers.points.height }});
            d.drawImage(map.layers.points, 0, 0);
            return [...d.getImageData({px}, {py}, 1, 1).data];
        }}"""
    )
    palette = watched.page.evaluate(
        "() => explorer.app.about.colours[0].classes.map((_, i) => { const v = explorer.app.about.palette[i]; return [1, 3, 5].map((k) => parseInt(v.slice(k, k + 2), 16)); })"
    )
    assert colour[3] == 255
    assert colour[:3] in palette
    assert [f for f in watched.faults if "Performance" not in f] == []  # it is slow to be looked at
    watched.context.close()


@pytest.mark.parametrize(
    ("width", "height", "scheme"),
    [(390, 844, "light"), (820, 1180, "dark"), (1280, 800, "dark"), (2560, 1300, "light")],
)
def test_the_page_fits_and_is_named(browser, served, width, height, scheme):
    """On every screen nothing sticks out, everything that can be used has a name, and text can be
    read."""
    watched = Watched(
        browser, served.url, viewport={"width": width, "height": height}, color_scheme=scheme
    ).open()
    page = watched.page
    page.evaluate("() => document.querySelectorAll('details').forEach((d) => { d.open = true; })")
    assert page.evaluate("() => document.documentElement.scrollWidth") <= width
    nameless = page.evaluate("""() => [...document.querySelectorAll('button, input, select, summary, [role=application], canvas[role=img]')]
        .filter((n) => !(n.innerText?.trim() || n.textContent.trim() || n.getAttribute('aria-label') || n.closest('label')?.textContent.trim()))
        .map((n) => n.outerHTML.slice(0, 80))""")
    assert nameless == []
    box = page.locator("#map").bounding_box()
    assert box["width"] > 300
    assert box["height"] > 250
    assert page.evaluate(CONTRAST) >= 4.5
    assert watched.faults == []
    watched.context.close()


CONTRAST = """() => {
  const light = (css) => { const [r, g, b] = css.match(/[\\d.]+/g).slice(0, 3).map((v) => v / 255).map((v) => (v <= 0.03928 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4)); return 0.2126 * r + 0.7152 * g + 0.0722 * b; };
  const under = (n) => { for (; n; n = n.parentElement) { const c = getComputedStyle(n).backgroundColor; if (!/, 0\\)$/.test(c) && c.startsWith('rgb(')) return c; } return 'rgb(255,255,255)'; };
  const each = [...document.querySelectorAll('h1, h2, h3, p, label, .note, .count, figcaption, dt, dd, kbd')].filter((n) => n.innerText?.trim() && n.offsetParent && !n.classList.contains('sr') && getComputedStyle(n).color.startsWith('rgb('));
  return Math.min(...each.map((n) => { const [a, b] = [light(getComputedStyle(n).color), light(under(n))].sort((x, y) => y - x); return (a + 0.05) / (b + 0.05); }));
}"""


class TestTables:
    @pytest.fixture(scope="class")
    @classmethod
    def table(cls):
        model = vaekit.fit(people(300), latent=3, recipe="table_vae", width=32, epochs=30)
        found = model.explore(people(80, seed=1))
        yield found
        found.stop()

    def test_a_cell_is_edited(self, browser, table):
        watched = Watched(browser, table.url).open()
        page = watched.page
        watched.until(lambda: page.locator("#here-face tr").count() == 4)
        page.evaluate("() => explorer.app.pick(6)")
        watched.until("() => document.querySelector('#row-body .facts')")
        page.locator("#own-card summary").click()
        watched.until("() => document.querySelector('#own-result .facts')")
        before = page.evaluate("() => [...explorer.app.base]")
        rich = page.locator("#own-body tr", has_text="rich").locator("input")
        odd = page.locator("#own-body tr", has_text="rich").locator(".number")
        was, likely = rich.input_value(), odd.inner_text()
        rich.fill("rich" if was == "poor" else "poor")
        watched.until(
            f"() => explorer.app.sent && Math.hypot(...explorer.app.base.map((v, i) => v - {before}[i])) > 1e-3"
        )
        watched.until(lambda: odd.inner_text() != likely)
        rich.fill("nobody")
        page.wait_for_selector("#busy.failed:not([hidden])")
        watched.tells("#busy", "rich")
        assert [f for f in watched.faults if "400" not in f] == []
        watched.context.close()

    def test_the_plane_is_chosen(self, browser, table):
        watched = Watched(browser, table.url).open()
        page = watched.page
        assert page.evaluate("() => explorer.app.plane.name") == "pca"
        page.select_option("#plane", "own")
        watched.until("() => explorer.app.plane.name !== 'pca'")
        a, b = page.evaluate("() => explorer.app.about.order.slice(0, 2)")
        assert page.evaluate("() => explorer.app.plane.name") == f"{a},{b}"
        xy = np.array(page.evaluate("() => [...explorer.app.xy]")).reshape(-1, 2)
        codes = table.explorer.subject.codes
        assert np.corrcoef(xy[:, 0], codes[:, a])[0, 1] == pytest.approx(1)
        assert np.corrcoef(xy[:, 1], codes[:, b])[0, 1] == pytest.approx(1)
        place = page.evaluate(
            "() => { const { x, y } = explorer.app.project(explorer.app.codeAt(0.4, -0.3)); return [x, y]; }"
        )
        assert place == pytest.approx([0.4, -0.3], abs=1e-5)
        watched.context.close()


def test_what_a_conditional_model_is_given_is_switched(browser):
    model = vaekit.fit("digits", given=["label"], latent=2, width=32, epochs=4)
    found = model.explore(limit=100)
    try:
        watched = Watched(browser, found.url).open()
        first = watched.pixels(HOVERED)
        watched.page.select_option("#given select", "1")
        watched.until("() => !explorer.app.newest.busy && explorer.app.given.label === '1'")
        watched.until(lambda: watched.pixels(HOVERED) != first)
        shown = found.explorer.subject.decode(
            np.array([found.explorer.subject.codes.mean(0)]), {"label": "1"}
        )
        drawn = watched.page.evaluate(
            "() => { const c = document.querySelector('#here-face canvas'); return [...c.getContext('2d').getImageData(0, 0, 8, 8).data].filter((_, i) => i % 4 === 0); }"
        )
        assert np.abs(np.array(drawn) - shown.ravel()).max() <= 16
        watched.page.evaluate("() => explorer.app.pick(3)")
        watched.until("() => document.querySelector('#row-body .facts')")
        label = str(int(found.explorer.subject.rows.labels[3]))
        assert watched.page.locator("#given select").input_value() == label
        assert watched.faults == []
        watched.context.close()
    finally:
        found.stop()


def test_a_line_of_one_latent_and_a_profile_of_numbers(browser):
    rows = np.random.default_rng(0).normal(size=(200, 40)).astype(np.float32)
    found = vaekit.fit(rows, latent=1, width=8, epochs=1).explore(rows)
    try:
        watched = Watched(browser, found.url).open()
        assert watched.page.evaluate("() => explorer.app.plane.flat")
        watched.page.mouse.move(*watched.place(0.5, 0))
        watched.until("() => !explorer.app.newest.busy")
        assert watched.page.evaluate("() => explorer.app.code.length") == 1
        watched.page.locator("#here-face canvas.profile").wait_for()
        assert watched.page.locator("#show-grid").is_hidden()
        assert watched.faults == []
        watched.context.close()
    finally:
        found.stop()


def test_two_models_follow_each_other(browser, trained):
    model = trained[1]
    other = vaekit.fit("digits", latent=3, width=16, epochs=1)
    found = model.explore(limit=80, beside=other)
    try:
        watched = Watched(browser, found.url)
        watched.page.goto(found.url)
        first, second = (watched.page.frame_locator("iframe").nth(k) for k in (0, 1))
        for frame in (first, second):
            frame.locator("html[data-ready]").wait_for(timeout=30_000)
        first.locator("#map").press("Enter")
        first.locator("#row-body .facts").wait_for()
        second.locator("#row-body .facts").wait_for()
        assert first.locator("#row-title").inner_text() == second.locator("#row-title").inner_text()
        second.locator("#map").press("n")
        first.locator("#save-csv").wait_for()
        first.locator("#choose-body", has_text="20 rows").wait_for()
        assert watched.faults == []
        watched.context.close()
    finally:
        found.stop()
