// What stands beside the map: the row that is decoded, the picked row, dimensions.

import { at, brief, el, faceFor, shown, tableHead } from "./faces.js";
import { OUTSIDE } from "./masses.js";
import * as wire from "./wire.js";

const FEW = 12, PAUSE = 90;

// Does something now, and while it is asked for again and again, only now and then: text and sliders
// cost more to paint than what is decoded.
function seldom(act) {
  let timer = 0, wanted = false;
  const run = () => { timer = setTimeout(() => { timer = 0; if (wanted) { wanted = false; act(); run(); } }, PAUSE); };
  return () => { if (timer) { wanted = true; return; } act(); run(); };
}

export class Here {
  constructor(app) {
    this.app = app;
    this.face = faceFor(app.about.face, "The row that the code at the probe stands for");
    at("here-face").append(this.face.node);
    app.on("decoded", ({ rows, asked }) => {
      this.face.show(rows);
      this.rows = rows;
      app.emit("drawn", { asked, drawn: performance.now() });
    });
    app.on("here", seldom(() => this.tell()));
    app.on("masses", () => this.tell());
  }

  tell() {
    const { app } = this, { probe, code } = app;
    const place = probe ?? app.project(code);
    const told = code.length <= 3 ? [...code].map((v, i) => `z${i} ${brief(+v.toPrecision(3))}`).join(", ")
      : `${brief(+place.x.toPrecision(3))}, ${brief(+place.y.toPrecision(3))} in the plane`;
    at("here-title").textContent = probe ? "Decoded here" : app.pinned ? "Decoded: the pinned code" : "Decoded: the mean code";
    at("here-text").textContent = `${told}${this.near(place)}`;
    this.warn(place);
  }

  near() {
    const { hovered, colouring, values } = this.app;
    if (hovered < 0) return "";
    const value = values?.[hovered], text = !colouring ? "" : colouring.classes.length ? colouring.classes[value] : brief(value);
    return ` · row ${hovered}${colouring ? `, ${colouring.name} ${text}` : ""}`;
  }

  warn({ x, y }) {
    const { masses, plane } = this.app, node = at("here-warning");
    const outside = masses && !plane.flat && masses.at("prior", x, y) > OUTSIDE && masses.at("data", x, y) > OUTSIDE;
    node.hidden = !outside;
    node.textContent = outside ? "Neither the prior nor the data has mass here: what is decoded was never trained." : "";
  }
}

const nats = (value, error) => (value === null ? "–" : `${brief(+value.toFixed(2))}${error ? ` ± ${brief(+error.toPrecision(2))}` : ""}`);

export class RowCard {
  constructor(app) {
    this.app = app;
    app.on("row", (found) => this.show(found));
    at("row-close").onclick = () => app.unpick();
    at("row-a").onclick = () => app.emit("end", 0);
    at("row-b").onclick = () => app.emit("end", 1);
  }

  show(found) {
    const { app } = this;
    at("row-card").hidden = app.row < 0;
    if (app.row < 0) return;
    at("row-title").textContent = `Row ${found ? found.name : app.row}`;
    if (!found) { at("row-body").setAttribute("aria-busy", "true"); return; }
    at("row-body").removeAttribute("aria-busy");
    at("row-body").replaceChildren(pair(app.about.face, found), facts(app, found), neighbours(app, found.nearest));
  }
}

// A row, where it is at hand, beside its reconstruction.
export function pair(face, found, names = ["as it is", "rebuilt from its code"]) {
  const both = [found.own, found.rebuilt].map((rows) => rows && wire.unpacked(rows)), [own = both[1], rebuilt] = both;
  if (face.kind === "pictures") {
    return el("div", { class: "pair" }, ...both.map((rows, k) => rows && el("figure", {}, shown(face, rows, names[k]), el("figcaption", { text: names[k] }))).filter(Boolean));
  }
  const cell = face.kind === "cells" ? (rows, i) => rows.cells[0][i] ?? "missing" : (rows, i) => brief(rows.data[i]);
  const lines = face.columns.slice(0, 60).map((name, i) => el("tr", {}, el("th", { scope: "row", text: name }), el("td", { text: found.own ? cell(own, i) : "–" }), el("td", { text: cell(rebuilt, i) })));
  const head = tableHead(["column", "row", "rebuilt"]);
  return el("div", { class: "scroll" }, el("table", { class: "cells both" }, head, el("tbody", {}, ...lines)));
}

export function facts(app, found) {
  const list = el("dl", { class: "facts" }), put = (name, text, title) => list.append(el("div", { title }, el("dt", { text: name }), el("dd", { text })));
  for (const [name, value] of Object.entries(found.known ?? {})) put(name, value);
  if (found.log_px !== undefined) {
    put("log p(x)", `${nats(found.log_px, found.error)} nats`, `by importance sampling, ${found.samples} samples; on average below the truth`);
    put("ELBO", `${nats(found.elbo)} nats`);
    if (found.elbo !== null) put("code length", `${brief(Math.round(-found.elbo / Math.LN2 * 10) / 10)} bits`);
  }
  const code = found.code.slice(0, 4).map((v, i) => `${brief(+v.toFixed(2))}${found.spread[i] > 0 ? ` ± ${brief(+found.spread[i].toPrecision(2))}` : ""}`);
  put("code", `${code.join(", ")}${found.code.length > 4 ? ` and ${found.code.length - 4} more` : ""}`);
  return list;
}

// The nearest rows, as buttons.
export function neighbours(app, nearest) {
  const box = el("div", { class: "near", role: "group", "aria-label": "Nearest rows" });
  if (!nearest.length) return box;
  const ids = nearest.map((n) => n.row);
  box.append(el("h3", { text: "Nearest rows" }));
  const strip = el("div", { class: "strip" });
  box.append(strip);
  const button = (n, inner) => el("button", { type: "button", title: `row ${n.name}, ${brief(+n.distance.toPrecision(3))} away`, "aria-label": `row ${n.name}`, onclick: () => app.pick(n.row) }, inner);
  if (app.about.face.kind !== "pictures" || app.about.alone?.rows === false) {
    strip.append(...nearest.map((n) => button(n, String(n.name))));
    return box;
  }
  const sorted = [...new Set(ids)].sort((a, b) => a - b);
  app.try(async () => {
    const rows = await wire.stored(sorted);
    strip.append(...nearest.map((n) => button(n, shown(app.about.face, rows, "", sorted.indexOf(n.row)))));
  });
  return box;
}

export class Sliders {
  constructor(app) {
    this.app = app;
    this.every = app.about.latent <= FEW;
    this.build();
    app.on("here", seldom(() => this.follow()));
    at("sliders-mean").onclick = () => app.setBase(Float32Array.from(app.about.mean));
    at("sliders-draw").onclick = () => app.try(async () => app.setBase((await wire.drawn()).data));
  }

  build() {
    const { about } = this.app, box = at("sliders"), most = Math.max(...about.kl, 1e-9);
    const dims = this.every ? about.order : about.order.slice(0, FEW);
    at("sliders-note").textContent = about.latent > 1 ? `by ${about.carried}` : about.carried;
    this.inputs = new Map();
    const line = (dim) => {
      const [low, high] = [about.ranges[0][dim], about.ranges[1][dim]];
      const input = el("input", { type: "range", min: low, max: high, step: (high - low) / 400 || 0.01, "aria-label": `z${dim}, ${about.carried} ${brief(about.kl[dim])}` });
      const value = el("output", {});
      input.oninput = () => this.moved(dim, +input.value);
      this.inputs.set(dim, { input, value });
      const bar = el("i", { title: `${about.carried}: ${brief(about.kl[dim])}` });
      bar.style.width = `${(about.kl[dim] / most) * 100}%`;
      return el("div", { class: "slider" }, el("span", { class: "dim" }, `z${dim}`, el("em", {}, bar)), input, value);
    };
    box.replaceChildren(...dims.map(line));
    if (!this.every) box.append(el("button", { type: "button", class: "more", text: `All ${about.latent}`, onclick: () => { this.every = true; this.build(); this.follow(); } }));
    this.follow();
  }

  moved(dim, value) {
    const code = Float32Array.from(this.app.base);
    code[dim] = value;
    this.app.setBase(code);
  }

  follow() {
    for (const [dim, { input, value }] of this.inputs) {
      const now = this.app.code[dim];
      if (document.activeElement !== input || Math.abs(+input.value - now) > 1e-3) input.value = now;
      value.textContent = brief(+now.toFixed(2));
    }
  }
}
