// The page: puts its parts together.

import { App } from "./app.js";
import { beside } from "./beside.js";
import { Choose, Legend } from "./choose.js";
import { nearby } from "./decoder.js";
import { at, el } from "./faces.js";
import { Hand } from "./hand.js";
import { MapView } from "./map.js";
import { ownFor } from "./own.js";
import { Here, RowCard, Sliders } from "./panels.js";
import { Path } from "./path.js";
import { read, saving, write } from "./saving.js";
import * as wire from "./wire.js";

function heading({ title, folder, rows, latent, likelihood, note = "" }) {
  document.title = `${title} · vaekit`;
  at("title").textContent = title;
  at("note").hidden = !note;
  at("note").textContent = note;
  at("subtitle").textContent = `${folder ? `${folder}: ` : ""}${rows.toLocaleString("en")} rows, ${latent} latent dimension${latent === 1 ? "" : "s"}, ${likelihood.replaceAll("_", " ")}`;
}

function colours(app) {
  const select = at("colour"), groups = new Map();
  for (const c of app.about.colours) {
    const group = c.group || "rows";
    if (!groups.has(group)) groups.set(group, el("optgroup", { label: group }));
    groups.get(group).append(el("option", { value: c.key, text: c.name }));
  }
  select.append(...groups.values());
  select.onchange = () => app.try(() => app.setColour(select.value));
  app.on("colour", (c) => { select.value = c.key; });
}

function planes(app) {
  const select = at("plane"), dims = app.about.latent, x = el("select", { "aria-label": "First axis" }), y = el("select", { "aria-label": "Second axis" });
  if (dims <= 2) { at("plane-box").hidden = true; return; }
  const names = { pca: "principal components" };
  select.append(...app.about.planes.map((name) => el("option", { value: name, text: names[name] ?? name.split(",").map((d) => `z${d}`).join(" and ") })), el("option", { value: "own", text: "two dimensions" }));
  for (const axis of [x, y]) axis.append(...app.about.order.map((d) => el("option", { value: d, text: `z${d}` })));
  const pair = el("span", { hidden: true }, x, y);
  at("plane-box").after(pair);
  select.onchange = () => {
    pair.hidden = select.value !== "own";
    if (select.value !== "own") { change(app, select.value); return; }
    [x.value, y.value] = app.about.order;
    change(app, `${x.value},${y.value}`);
  };
  x.onchange = y.onchange = () => {
    if (x.value === y.value) (x === document.activeElement ? y : x).value = app.about.order.find((d) => String(d) !== x.value);
    change(app, `${x.value},${y.value}`);
  };
  app.on("plane", ({ name }) => {
    const known = app.about.planes.includes(name);
    select.value = known ? name : "own";
    pair.hidden = known;
    if (!known) [x.value, y.value] = name.split(",");
  });
}

function change(app, plane) {
  return app.try(async () => {
    await app.setPlane(plane);
    app.map.fit();
    app.remember();
  });
}

// What a conditional model is given.
function given(app) {
  const box = at("given");
  const put = (name, value) => {
    const next = { ...app.given };
    if (value === "") delete next[name]; else next[name] = value;
    app.setGiven(next);
  };
  for (const c of app.about.given) {
    if (c.classes.length) {
      const select = el("select", { onchange: (e) => put(c.name, e.target.value) }, ...(app.about.untold ? [el("option", { value: "", text: "untold" })] : []), ...c.classes.map((text) => el("option", { value: text, text })));
      box.append(el("label", {}, `Given ${c.name} `, select));
      app.on("given", () => { select.value = app.given[c.name] ?? ""; });
      select.value = app.given[c.name] ?? "";
    } else {
      const input = el("input", { type: "number", step: "any", value: +c.mean.toPrecision(4), onchange: (e) => put(c.name, e.target.valueAsNumber || 0) });
      box.append(el("label", {}, `Given ${c.name} `, input));
      app.on("given", () => { input.value = +(app.given[c.name] ?? c.mean).toPrecision(6); });
    }
  }
}

function toggles(app, map) {
  const set = (name, on) => {
    app.shows[name] = on;
    at(`show-${name}`).setAttribute("aria-pressed", String(on));
    map.draw();
    app.remember();
  };
  for (const name of ["grid", "points", "prior"]) at(`show-${name}`).onclick = () => set(name, !app.shows[name]);
  if (app.about.face.kind !== "pictures") at("show-grid").hidden = true;
  return set;
}

function keys(app, map, hand, set, choose) {
  const flip = (name) => set(name, !app.shows[name]);
  const act = {
    "+": () => { map.camera.zoom(1.5); hand.changed(); }, "=": () => act["+"](), "-": () => { map.camera.zoom(1 / 1.5); hand.changed(); },
    "0": () => { map.fit(); hand.changed(); }, v: () => hand.choose("pan"), l: () => hand.choose("lasso"), g: () => flip("grid"), o: () => flip("points"), p: () => flip("prior"),
    a: () => app.emit("end", 0), b: () => app.emit("end", 1), n: () => choose.nearest(), " ": () => app.path.toggle(), "?": () => at("help").showModal(),
    Escape: () => { if (app.chosen.length) app.choose([]); else app.unpick(); hand.choose("pan"); },
  };
  addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || at("help").open) return;
    const typing = event.target.closest("input, select, textarea"), pressing = event.target.closest("button, summary, a");
    if ((typing && event.key !== "Escape") || (pressing && event.key === " ")) return;
    const found = act[event.key] ?? act[event.key.toLowerCase()];
    if (!found) return;
    event.preventDefault();
    found();
  });
  at("zoom-in").onclick = act["+"];
  at("zoom-out").onclick = act["-"];
  at("zoom-fit").onclick = act["0"];
  at("tool-pan").onclick = act.v;
  at("tool-lasso").onclick = act.l;
  at("help-button").onclick = act["?"];
}

// What is said, and what is shown of failures and of long work.
function voice(app) {
  let timer;
  app.on("tell", (text) => { at("said").textContent = text ?? `${at("here-text").textContent}. ${at("here-warning").hidden ? "" : at("here-warning").textContent}`; });
  app.on("busy", (text) => { at("busy").hidden = !text; at("busy").className = "busy"; at("busy").textContent = text; });
  app.on("failed", (text) => {
    at("busy").hidden = false;
    at("busy").className = "busy failed";
    at("busy").textContent = text;
    clearTimeout(timer);
    timer = setTimeout(() => { at("busy").hidden = true; }, 6000);
  });
}

async function restore(app, map, set, choose, state) {
  for (const name of state.off) if (name in app.shows) set(name, false);
  if (state.given && typeof state.given === "object") app.setGiven(state.given);
  await app.try(() => app.setColour(state.colour ?? app.about.colour));
  const [x, y, scale] = state.view;
  if (scale > 0) { Object.assign(map.camera, { x, y, scale: scale * map.camera.least }); map.draw(); }
  if (state.hidden.length) app.hide(new Set(state.hidden));
  if (state.find) { at("find-text").value = state.find; await choose.find(state.find); }
  if (state.lasso.length > 2) app.lasso(state.lasso);
  else if (state.rows.length) app.choose(state.rows.filter((i) => i < app.rows));
  if (state.row >= 0 && state.row < app.rows) await app.pick(state.row);
  else if (state.code.length === app.about.latent) app.setBase(Float32Array.from(state.code));
  else app.decode(app.base);
  const [a, b, way] = state.path;
  if (way) at("path-way").value = way;
  for (const [k, end] of [[0, a], [1, b]]) if (end && Number(end) < app.rows) await app.path.setEnd(k, Number(end));
}

async function begin() {
  const app = new App(await wire.about()), state = read();
  heading(app.about);
  voice(app);
  const map = (app.map = new MapView(app));
  app.on("paint", ({ out, order }) => { app.painted = { out, order }; map.paint(out, order); });
  for (const name of ["redraw", "row", "base"]) app.on(name, () => map.mark());
  app.on("here", () => map.hover());
  app.on("masses", () => { map.shade = null; map.draw(); });
  app.on("lattice", () => { map.lattice?.forget(); map.draw(); });
  app.on("center", ({ x, y }) => { const { x0, x1, y0, y1 } = map.camera.seen; if (x < x0 || x > x1 || y < y0 || y > y1) Object.assign(map.camera, { x, y }); map.draw(); });
  app.on("plane", ({ flat }) => { map.put(app.xy, flat); if (app.painted) map.paint(app.painted.out, app.painted.order); });
  await app.setPlane(state.plane && /^(pca|\d+,\d+)$/.test(state.plane) ? state.plane : app.about.planes[0]);
  map.fit();
  colours(app);
  planes(app);
  app.emit("plane", app.plane);
  given(app);
  const hand = new Hand(app, map), set = toggles(app, map), here = new Here(app), choose = new Choose(app, map);
  new Legend(app);
  new RowCard(app);
  new Sliders(app);
  app.path = new Path(app);
  ownFor(app);
  keys(app, map, hand, set, choose);
  beside(app);
  saving(app, map, here);
  choose.note();
  await restore(app, map, set, choose, state);
  let timer;
  app.on("remember", () => { clearTimeout(timer); timer = setTimeout(() => write(app, map), 250); });
  document.documentElement.dataset.ready = "yes";
  window.explorer = { app, map };
  app.near = await app.try(() => nearby(app));
}

begin().catch((error) => {
  at("busy").hidden = false;
  at("busy").className = "busy failed";
  at("busy").textContent = error.message;
});
