// What a page lacks for people who hear it, use keys alone, or see little contrast.
// Gives sentences, and all texts with their colours, whose grounds are looked up in a picture of the page.
() => {
  const found = [], all = (selector) => [...document.querySelectorAll(selector)];
  const seen = (node) => node.checkVisibility({ opacityProperty: true, visibilityProperty: true }) && node.getClientRects().length > 0;
  const called = (node) => {
    const kinds = (node.getAttribute("class") ?? "").trim();
    return `${node.tagName.toLowerCase()}${node.id ? `#${node.id}` : ""}${kinds ? `.${kinds.split(/\s+/).join(".")}` : ""} ${(node.textContent ?? "").trim().slice(0, 30)}`.trim();
  };
  const say = (what, node) => found.push(`${what}: ${called(node)}`);
  const within = (node, selector) => node.parentElement?.closest(selector);

  // The page as a whole.
  if (!document.documentElement.lang) found.push("the page has no language");
  if (!document.title.trim()) found.push("the page has no title");
  if (/user-scalable\s*=\s*no|maximum-scale/.test(document.querySelector("meta[name=viewport]")?.content ?? "")) found.push("the page cannot be made larger");
  if (document.documentElement.scrollWidth > innerWidth + 1) found.push(`the page is wider than the window: ${document.documentElement.scrollWidth} of ${innerWidth}`);

  // Parts and headings.
  const PARTS = "main, header, footer, nav, aside, dialog, [role=main], [role=banner], [role=contentinfo], [role=navigation], [role=search], [role=region], [role=dialog]";
  if (all("main, [role=main]").filter(seen).length !== 1) found.push("the page has not one main part");
  if (all("h1").filter(seen).length !== 1) found.push("the page has not one first heading");
  let level = 0;
  for (const node of all("h1, h2, h3, h4, h5, h6").filter((n) => seen(n) && !n.closest("dialog"))) {
    const now = Number(node.tagName[1]);
    if (now > level + 1) say("a heading skips a level", node);
    if (!node.textContent.trim()) say("a heading is empty", node);
    level = now;
  }
  for (const kind of ["nav", "aside"]) {
    const parts = all(kind).filter(seen), names = new Set(parts.map((n) => n.getAttribute("aria-label") ?? n.getAttribute("aria-labelledby")));
    if (parts.length > 1 && names.size < parts.length) found.push(`there is more than one ${kind} of a name`);
  }

  // What refers to what.
  const ids = all("[id]").map((node) => node.id), known = new Set(ids);
  for (const id of new Set(ids.filter((each, k) => ids.indexOf(each) !== k))) found.push(`there are two of #${id}`);
  for (const node of all("*")) {
    for (const name of ["aria-labelledby", "aria-describedby", "aria-controls", "aria-owns", "aria-activedescendant", "for", "list"])
      for (const id of (node.getAttribute(name) ?? "").split(/\s+/)) if (id && !known.has(id)) say(`${name} leads nowhere`, node);
    for (const { name, value } of node.attributes) {
      const id = /^(xlink:)?href$/.test(name) ? /^#(.+)/.exec(value)?.[1] : /url\("?#([^")]+)"?\)/.exec(value)?.[1];
      if (id && !known.has(decodeURIComponent(id))) say(`${name} leads nowhere`, node);
    }
    if (Number(node.getAttribute("tabindex")) > 0) say("an order of its own", node);
  }
  const CONTROL = "button, a[href], select, textarea, input:not([type=hidden]), summary, [tabindex='0']";
  for (const node of all(`[aria-hidden=true] :is(${CONTROL})`).filter(seen)) say("hidden from hearing, and yet reached by keys", node);
  for (const node of all(`:is(button, a[href], [role=img]) :is(${CONTROL})`).filter(seen)) say("a control inside a control", node);

  // Lists and tables.
  for (const node of all("li")) if (!node.parentElement.matches("ul, ol, menu, [role=list]")) say("an entry without a list", node);
  for (const node of all("dt, dd")) if (!within(node, "dl")) say("a term without a list", node);
  for (const node of all("ul > :not(li, script, template), ol > :not(li, script, template)")) say("no entry, and yet in a list", node);
  for (const table of all("table:not([role=presentation])").filter(seen)) {
    if (!table.querySelector("th")) say("a table has no headings", table);
    for (const head of table.querySelectorAll("th")) {
      if (!head.textContent.trim() && !head.getAttribute("aria-label")) say("a heading of a table is empty", table);
      if (!head.scope) say("a heading of a table has no scope", head);
    }
  }
  for (const node of all("img").filter(seen)) if (node.getAttribute("alt") === null) say("a picture has no words", node);
  for (const node of all("*").filter(seen)) {
    const style = getComputedStyle(node);
    const rolls = (way, full, part) => /auto|scroll/.test(style[way]) && node[full] > node[part] + 1;
    if ((rolls("overflowX", "scrollWidth", "clientWidth") || rolls("overflowY", "scrollHeight", "clientHeight")) && node.tabIndex < 0 && !node.querySelector(CONTROL) && node !== document.documentElement && node !== document.body)
      say("scrolls, and not by keys", node);
  }
  for (const node of all("body *").filter((n) => !n.closest(`${PARTS}, script, style, noscript, [aria-live], .skip`) && [...n.childNodes].some((c) => c.nodeType === 3 && c.data.trim()) && seen(n))) say("outside all parts of the page", node);

  // Texts: where they are, how large, of which colour.
  const probe = Object.assign(document.createElement("canvas"), { width: 1, height: 1 }).getContext("2d", { willReadFrequently: true }), mixed = new Map();
  const rgba = (colour) => { if (!mixed.has(colour)) mixed.set(colour, read(colour)); return mixed.get(colour); };
  const read = (colour) => { probe.clearRect(0, 0, 1, 1); probe.fillStyle = colour; probe.fillRect(0, 0, 1, 1); return [...probe.getImageData(0, 0, 1, 1).data]; };
  const texts = [];
  // How clear all inside an element is, and through which hole it is seen; null where it is cut to a shape.
  const frames = new Map(), WHOLE = { opacity: 1, left: -1e9, top: -1e9, right: 1e9, bottom: 1e9 };
  const frame = (node) => {
    if (!node) return WHOLE;
    if (!frames.has(node)) frames.set(node, framed(node));
    return frames.get(node);
  };
  const framed = (node) => {
    const outer = frame(node.parentElement), own = getComputedStyle(node);
    if (!outer || (own.clipPath !== "none" && node.tagName !== "g")) return null;
    const opacity = outer.opacity * Number(own.opacity);
    if (own.overflow === "visible" || node === document.body || node === document.documentElement) return { ...outer, opacity };
    const hole = node.getBoundingClientRect();
    return { opacity, left: Math.max(outer.left, hole.left), right: Math.min(outer.right, hole.right), top: Math.max(outer.top, hole.top), bottom: Math.min(outer.bottom, hole.bottom) };
  };
  const part = (node, box, colour, style) => {
    const outer = frame(node.parentElement), own = frame(node);
    if (!own) return;
    const left = Math.max(box.left, outer.left), right = Math.min(box.right, outer.right), top = Math.max(box.top, outer.top), bottom = Math.min(box.bottom, outer.bottom), { opacity } = own;
    if (right - left < 3 || bottom - top < 3) return;
    const [r, g, b, a] = rgba(colour), size = parseFloat(style.fontSize) * (node.ownerSVGElement ? node.getScreenCTM().a || 1 : 1);
    const large = size >= 24 || (size >= 18.66 && Number(style.fontWeight) >= 700);
    texts.push({ box: [left + scrollX, top + scrollY, right + scrollX, bottom + scrollY], ink: [r, g, b, (a / 255) * opacity], large, called: called(node) });
  };
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (walker.nextNode()) {
    const text = walker.currentNode, node = text.parentElement;
    if (!text.data.trim() || node.closest("script, style, noscript, option, title, :disabled") || !seen(node)) continue;
    const style = getComputedStyle(node), range = document.createRange();
    range.selectNodeContents(text);
    for (const box of range.getClientRects()) part(node, box, node.ownerSVGElement ? style.fill : style.color, style);
  }
  for (const node of all("input:not([type=hidden], [type=range], [type=file], [type=checkbox], [type=radio], :disabled), select:not(:disabled), textarea").filter(seen)) {
    const style = getComputedStyle(node), shown = node.value ? style : getComputedStyle(node, "::placeholder"), box = node.getBoundingClientRect();
    if (node.value || node.placeholder) part(node, new DOMRect(box.x + 6, box.y + 4, Math.max(box.width - 24, 4), Math.max(box.height - 8, 4)), shown.color, style);
  }
  return { found: [...new Set(found)], texts };
}
