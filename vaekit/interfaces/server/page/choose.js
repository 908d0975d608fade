// Which rows: legend, search, and what sets the selected apart.

import { classColour, css } from "./colours.js";
import { at, brief, el, shown, tableHead } from "./faces.js";
import * as wire from "./wire.js";

const count = (n) => `${n.toLocaleString("en")} row${n === 1 ? "" : "s"}`;

export class Legend {
  constructor(app) {
    this.app = app;
    app.on("colour", () => this.show());
    app.on("hidden", () => this.show());
  }

  show() {
    const { colouring, about, hidden } = this.app, box = at("legend");
    box.replaceChildren();
    if (!colouring) return;
    box.append(el("h2", { class: "sr", text: `Colours: ${colouring.name}` }));
    if (!colouring.classes.length) { box.append(...this.ramp(colouring)); return; }
    const list = el("ul");
    colouring.classes.forEach((name, k) => {
      const dot = el("i");
      dot.style.background = css(classColour(about.palette, k));
      const button = el("button", { type: "button", "aria-pressed": String(!hidden.has(k)), title: "Click to hide or show; double click for this one alone", onclick: () => this.toggle(k), ondblclick: () => this.alone(k) }, dot, name);
      list.append(el("li", {}, button));
    });
    box.append(list);
    if (hidden.size) box.append(el("button", { type: "button", class: "all", text: "Show all", onclick: () => this.app.hide(new Set()) }));
  }

  ramp(colouring) {
    const [low, high] = this.app.range, bar = el("span", { class: "ramp" });
    bar.style.background = `linear-gradient(to right, ${this.app.about.ramp.join(",")})`;
    return [el("p", { class: "scale" }, el("span", { text: brief(+low.toPrecision(4)) }), bar, el("span", { text: `${brief(+high.toPrecision(4))} ${colouring.unit}` }))];
  }

  toggle(k) {
    const hidden = new Set(this.app.hidden);
    if (!hidden.delete(k)) hidden.add(k);
    this.app.hide(hidden);
  }

  alone(k) {
    this.app.hide(new Set(this.app.colouring.classes.map((_, i) => i).filter((i) => i !== k)));
  }
}

export class Choose {
  constructor(app, map) {
    Object.assign(this, { app, map });
    app.on("lasso", (polygon) => app.choose(map.inside(polygon), { polygon }));
    app.on("chosen", () => this.show());
    app.on("colour", () => this.filter());
    at("choose-none").onclick = () => app.choose([]);
    at("choose-near").onclick = () => this.nearest();
    at("choose-seen").onclick = () => this.seen();
    at("find").onsubmit = (event) => { event.preventDefault(); this.find(at("find-text").value); };
    at("find-text").oninput = (event) => { if (!event.target.value) this.find(""); };
  }

  nearest(number = 20) {
    const { app, map: { xy } } = this, { x, y } = app.probe ?? app.project(app.code), away = [];
    for (let i = 0; i < app.rows; i++) if (app.visible(i)) away.push([(xy[2 * i] - x) ** 2 + (xy[2 * i + 1] - y) ** 2, i]);
    app.choose(away.sort((a, b) => a[0] - b[0]).slice(0, number).map(([, i]) => i).sort((a, b) => a - b));
  }

  seen() {
    const { x0, x1, y0, y1 } = this.map.camera.seen;
    this.app.lasso([[x0, y0], [x1, y0], [x1, y1], [x0, y1]]);
  }

  // Rows in which a text stands stay; the others go.
  async find(text) {
    const { app } = this;
    app.search = text.trim();
    if (!app.search) app.among = null;
    else {
      const ids = await app.try(() => wire.find(app.search));
      if (!ids) return;
      app.among = new Uint8Array(app.rows);
      for (const i of ids) app.among[i] = 1;
      app.tell(`${count(ids.length)} found`);
      at("choose-note").textContent = `${ids.length.toLocaleString("en")} found`;
    }
    if (!app.among) this.note();
    app.repaint();
    app.remember();
  }

  note() {
    const n = this.app.chosen.length;
    at("choose-note").textContent = n ? `${n.toLocaleString("en")} selected` : "none selected";
  }

  // Two ends between which the colour's number has to lie.
  filter() {
    const { app } = this, box = at("filter"), numbers = app.colouring && !app.colouring.classes.length;
    box.hidden = !numbers;
    if (!numbers) return;
    const [low, high] = app.range, inputs = [low, high].map((value, k) => el("input", { type: "range", min: low, max: high, step: (high - low) / 200, value, "aria-label": `${app.colouring.name}: ${k ? "at most" : "at least"}` }));
    const told = el("output", { text: "all" });
    const moved = () => {
      const [a, b] = inputs.map((i) => +i.value), all = a <= low && b >= high;
      app.between = all ? null : [Math.min(a, b) <= low ? -Infinity : Math.min(a, b), Math.max(a, b) >= high ? Infinity : Math.max(a, b)];
      told.textContent = all ? "all" : `${brief(+Math.min(a, b).toPrecision(3))} to ${brief(+Math.max(a, b).toPrecision(3))}`;
      app.repaint();
    };
    inputs.forEach((input) => { input.oninput = moved; });
    const choose = el("button", { type: "button", text: "Select these", onclick: () => this.between() });
    box.replaceChildren(el("span", { class: "name", text: app.colouring.name }), told, ...inputs, choose);
  }

  between() {
    const { app } = this, [low, high] = app.between ?? [-Infinity, Infinity], ids = [];
    for (let i = 0; i < app.rows; i++) if (app.visible(i) && app.values[i] >= low && app.values[i] <= high) ids.push(i);
    app.choose(ids);
  }

  async show() {
    const { app } = this, body = at("choose-body"), ids = app.chosen;
    this.note();
    body.replaceChildren();
    if (!ids.length) return;
    at("choose-card").open = true;
    app.tell(`${count(ids.length)} selected`);
    const found = await app.try(() => wire.differs(ids));
    if (!found || app.chosen !== ids) return;
    body.append(el("p", { class: "lead" }, el("b", { text: count(found.rows) }), ` of ${app.rows.toLocaleString("en")}`));
    body.append(...found.classes.map((c) => this.classes(c, found.rows)));
    if (found.means) body.append(this.means(wire.unpacked(found.means)));
    body.append(this.numbers(found.numbers));
    at("choose-card").scrollIntoView({ block: "nearest" });
    body.append(el("div", { class: "buttons" }, el("button", { type: "button", id: "save-csv", text: "Download as CSV", onclick: () => this.download() })));
  }

  classes({ name, key, rows }, total) {
    const list = el("div", { class: "shares" });
    for (const row of rows.slice(0, 6)) {
      const bar = el("i"), k = this.app.about.colours.find((c) => c.key === key).classes.indexOf(row.name);
      bar.style.width = `${(row.here / total) * 100}%`;
      bar.style.background = key === this.app.colouring?.key ? css(classColour(this.app.about.palette, k)) : "var(--accent)";
      const than = row.here / total / (row.all / this.app.rows);
      list.append(el("div", {}, el("span", { text: row.name, title: row.name }), el("em", {}, bar), el("b", { text: `${Math.round((row.here / total) * 100)} %` }), el("small", { text: than >= 1.05 || than <= 0.95 ? `× ${brief(+than.toPrecision(2))}` : "as all" })));
    }
    return el("div", {}, el("h3", { text: name }), list);
  }

  means(rows) {
    const { face } = this.app.about;
    return el("div", { class: "pair" }, ...["mean of the selected", "mean of the others"].map((text, k) => el("figure", {}, shown(face, rows, text, k), el("figcaption", { text }))));
  }

  numbers(numbers) {
    const lines = numbers.filter((n) => n.others !== null).slice(0, 8).map((n) => el("tr", {}, el("th", { scope: "row", text: n.name }), el("td", { text: brief(+n.here.toPrecision(3)) }), el("td", { text: brief(+n.others.toPrecision(3)) }), el("td", { text: `${n.apart > 0 ? "+" : ""}${brief(+n.apart.toFixed(2))} sd` })));
    if (!lines.length) return el("span");
    const head = tableHead(["what differs", "here", "others", "apart"]);
    return el("div", { class: "scroll" }, el("table", { class: "cells four" }, head, el("tbody", {}, ...lines)));
  }

  async download() {
    const blob = await this.app.try(() => wire.csv(this.app.chosen));
    if (blob) save(blob, "rows.csv");
  }
}

export function save(blob, name) {
  const link = el("a", { href: URL.createObjectURL(blob), download: name });
  document.body.append(link);
  link.click();
  link.remove();
  setTimeout(() => URL.revokeObjectURL(link.href), 10000);
}
