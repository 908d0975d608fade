"""What a page lacks for people who hear it, use keys alone, or see little contrast, as a real browser has it."""

import io
from pathlib import Path

import numpy as np
from PIL import Image

LOOK = Path(__file__).with_name("access.js").read_text()
INKLESS = """() => {
  const sheet = new CSSStyleSheet();
  sheet.replaceSync("*, *::placeholder { color: transparent !important; caret-color: transparent !important } text, tspan { fill: transparent !important }");
  document.adoptedStyleSheets = [sheet];
}"""
ROLLED_BACK = """() => {
  document.activeElement?.blur();
  for (const node of document.querySelectorAll("*")) node.scrollTop = node.scrollLeft = 0;
}"""
NAMED = {
    "button", "link", "combobox", "listbox", "textbox", "searchbox", "slider", "spinbutton", "checkbox", "radio",
    "image", "img", "dialog", "application", "toolbar", "navigation", "complementary", "table", "DisclosureTriangle",
}  # fmt: skip
FREE = {"table", "complementary", "navigation"}  # may be without a name
FOCUSED = """() => {
  const node = document.activeElement;
  if (!node || node === document.body) return null;
  const called = `${node.tagName.toLowerCase()}${node.id ? `#${node.id}` : ""} ${node.textContent.trim().slice(0, 30)}`;
  const ring = (n) => { const s = getComputedStyle(n); return s.outlineStyle !== "none" && parseFloat(s.outlineWidth) > 0; };
  const box = node.getBoundingClientRect();
  const over = document.elementFromPoint(box.x + box.width / 2, box.y + Math.min(box.height / 2, 12));
  const bare = !over || over === node || node.contains(over) || over.contains(node) || box.height < 3;
  const there = box.width > 0 && box.bottom > 0 && box.right > 0 && box.top < innerHeight && box.left < innerWidth;
  return { place: [...document.querySelectorAll("*")].indexOf(node), called, ring: ring(node) || ring(node.parentElement), there, bare };
}"""


def faults(page):
    """Sentences on what the page lacks as it stands.

    Args:
        page: of a browser.
    """
    page.evaluate(ROLLED_BACK)
    told = page.evaluate(LOOK)
    return told["found"] + pale(page, told["texts"]) + unnamed(page)


def pale(page, texts):
    """Texts too near in colour to what really lies behind them: contrasts below 4.5, of large ones below 3.

    The ground is looked up in a picture of the page without its inks, so that it may be anything: half
    clear layers, gradients, a drawing. Counted is the contrast that a tenth of the ground falls short of.

    Args:
        page: of a browser.
        texts: with their places and inks.
    """
    page.evaluate(INKLESS)
    shot = Image.open(io.BytesIO(page.screenshot(full_page=True))).convert("RGB")
    page.evaluate("() => { document.adoptedStyleSheets = []; }")
    ground, found = np.asarray(shot), []
    for text in texts:
        left, top, right, bottom = (round(v) for v in text["box"])
        under = ground[max(top, 0) : bottom, max(left, 0) : right].reshape(-1, 3)
        if len(under) == 0:
            continue
        contrast = np.quantile(_contrasts(np.array(text["ink"]), under[::7]), 0.1)
        if contrast < (3 if text["large"] else 4.5) - 0.02:
            found.append(f"contrast {contrast:.2f}: {text['called']}")
    return [*dict.fromkeys(found)]


def unnamed(page):
    """Controls, pictures and parts that the browser has no name for.

    Args:
        page: of a browser.
    """
    session = page.context.new_cdp_session(page)
    nodes = session.send("Accessibility.getFullAXTree")["nodes"]
    session.detach()
    found = []
    for node in nodes:
        role = node.get("role", {}).get("value")
        if not node["ignored"] and role in NAMED - FREE and not _name(node).strip():
            found.append(f"no name: {role}")
    return found


def walked(page, most=80):
    """Sentences on what goes wrong as the Tab key is pressed, and how many stops there are.

    Args:
        page: of a browser.
        most: presses.
    """
    found, places = [], []
    page.evaluate(ROLLED_BACK)
    for _ in range(most):
        page.keyboard.press("Tab")
        now = page.evaluate(FOCUSED)
        if now is None or now["place"] in places:
            break
        if places and now["place"] < places[-1]:
            found.append(f"out of order: {now['called']}")
        places.append(now["place"])
        found += [f"focus does not show: {now['called']}"] * (not now["ring"])
        found += [f"focus is out of sight: {now['called']}"] * (not now["there"])
        found += [f"focus is covered: {now['called']}"] * (now["there"] and not now["bare"])
    return found, len(places)


def _name(node):
    return str(node.get("name", {}).get("value", ""))


def _light(colours):
    """Relative luminance, as WCAG 2 has it.

    Args:
        colours: (..., 3) from 0 to 255.
    """
    share = np.asarray(colours, float) / 255
    linear = np.where(share <= 0.04045, share / 12.92, ((share + 0.055) / 1.055) ** 2.4)
    return linear @ [0.2126, 0.7152, 0.0722]


def _contrasts(ink, under):
    """Of an ink over each colour, (N,).

    Args:
        ink: (4,), its last number from 0 to 1.
        under: (N, 3).
    """
    over = ink[:3] * ink[3] + under * (1 - ink[3])
    low, high = np.sort([_light(over), _light(under)], 0)
    return (high + 0.05) / (low + 0.05)
