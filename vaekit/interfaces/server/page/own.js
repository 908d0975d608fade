// A row of one's own: a picture that is drawn or dropped, numbers, or cells that are edited.

import { at, brief, el, tableHead } from "./faces.js";
import { facts, neighbours, pair } from "./panels.js";
import * as wire from "./wire.js";

export function ownFor(app) {
  if (app.about.face.drawable === false) { at("own-card").hidden = true; return null; }
  return new { pictures: Drawn, numbers: Typed, cells: Edited }[app.about.face.kind](app);
}

class Own {
  constructor(app, title) {
    this.app = app;
    at("own-title").textContent = title;
    this.result = el("div", { id: "own-result", "aria-live": "polite" });
  }

  async send(sent) {
    const { app } = this, ask = (this.asking = Symbol("ask"));
    const found = await app.try(() => wire.encode(sent, app.given));
    if (!found || this.asking !== ask) return undefined;
    if (!this.keeps) { app.row = -1; app.emit("row", null); }
    app.setBase(Float32Array.from(found.code));
    app.sent = [app.probe.x, app.probe.y];
    app.marked = found.nearest.map((n) => n.row);
    app.emit("redraw");
    this.show(found);
    return found;
  }

  show(found) {
    this.result.replaceChildren(pair(this.app.about.face, found, ["as the model sees it", "rebuilt"]), facts(this.app, found), neighbours(this.app, found.nearest));
  }
}

class Drawn extends Own {
  constructor(app) {
    super(app, "Draw or drop a picture");
    const [height, width] = app.about.face.shape;
    this.dark = app.about.face.dark;
    this.pad = el("canvas", { class: "pad", width: 280, height: Math.round((280 * height) / width), tabindex: 0, role: "img", "aria-label": "A place to draw; or choose a file below" });
    this.c = this.pad.getContext("2d");
    this.file = el("input", { type: "file", accept: "image/*", "aria-label": "A picture from a file" });
    this.file.onchange = () => this.file.files[0] && this.open(this.file.files[0]);
    at("own-body").append(this.pad, el("div", { class: "buttons" }, el("button", { type: "button", text: "Clear", onclick: () => this.clear() }), el("label", { class: "file" }, "From a file ", this.file)), this.result);
    this.pad.onpointerdown = (event) => this.down(event);
    this.pad.onpointermove = (event) => this.move(event);
    this.pad.onpointerup = this.pad.onpointercancel = () => this.up();
    this.dropping();
    this.clear();
  }

  clear() {
    this.c.fillStyle = this.dark ? "#000" : "#fff";
    this.c.fillRect(0, 0, this.pad.width, this.pad.height);
    this.result.replaceChildren();
  }

  place(event) {
    const { left, top, width, height } = this.pad.getBoundingClientRect();
    return [((event.clientX - left) / width) * this.pad.width, ((event.clientY - top) / height) * this.pad.height];
  }

  down(event) {
    this.pad.setPointerCapture(event.pointerId);
    this.last = this.place(event);
    this.stroke(this.last);
  }

  move(event) {
    if (!this.last) return;
    this.stroke(this.place(event));
    this.later();
  }

  stroke(place) {
    Object.assign(this.c, { strokeStyle: this.dark ? "#fff" : "#000", lineWidth: this.pad.width / 11, lineCap: "round", lineJoin: "round" });
    this.c.beginPath();
    this.c.moveTo(...this.last);
    this.c.lineTo(place[0] + 0.01, place[1]);
    this.c.stroke();
    this.last = place;
  }

  up() {
    if (!this.last) return;
    this.last = null;
    this.encode();
  }

  later() {
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this.encode(), 120);
  }

  encode() {
    clearTimeout(this.timer);
    this.pad.toBlob((blob) => this.send(blob), "image/png");
  }

  async open(file) {
    at("own-card").open = true;
    try {
      const image = await createImageBitmap(file), { width, height } = this.pad;
      const scale = Math.min(width / image.width, height / image.height);
      this.clear();
      this.c.imageSmoothingEnabled = image.width > width;
      this.c.drawImage(image, (width - image.width * scale) / 2, (height - image.height * scale) / 2, image.width * scale, image.height * scale);
    } catch { /* the server says what is wrong with it */ }
    return this.send(file);
  }

  dropping() {
    const veil = at("drop");
    let inside = 0;
    const files = (event) => [...(event.dataTransfer?.types ?? [])].includes("Files");
    addEventListener("dragenter", (event) => { if (files(event)) { inside++; veil.hidden = false; } });
    addEventListener("dragleave", (event) => { if (files(event) && --inside <= 0) { inside = 0; veil.hidden = true; } });
    addEventListener("dragover", (event) => { if (files(event)) event.preventDefault(); });
    addEventListener("drop", (event) => {
      if (!files(event)) return;
      event.preventDefault();
      inside = 0;
      veil.hidden = true;
      if (event.dataTransfer.files[0]) this.open(event.dataTransfer.files[0]);
    });
  }
}

class Typed extends Own {
  get keeps() { return true; }

  constructor(app) {
    super(app, "Numbers of your own");
    const { columns } = app.about.face;
    this.inputs = columns.map((name) => el("input", { type: "number", step: "any", "aria-label": name, oninput: () => this.later() }));
    const lines = columns.map((name, i) => el("label", { class: "line" }, el("span", { text: name, title: name }), this.inputs[i]));
    at("own-body").append(el("p", { class: "note", text: "Starts from the picked row, or what is decoded; change a number and see where it goes." }), el("div", { class: "inputs" }, ...lines), this.result);
    app.on("row", (found) => found && this.fill(wire.unpacked(found.own ?? found.rebuilt).data));
    app.on("decoded", ({ rows }) => { if (app.row < 0 && !this.edited && !at("own-card").open) this.fill(rows.data); });
  }

  fill(values) {
    this.inputs.forEach((input, i) => { input.value = +values[i].toPrecision(6); });
  }

  later() {
    this.edited = true;
    clearTimeout(this.timer);
    this.timer = setTimeout(() => {
      const values = this.inputs.map((i) => i.valueAsNumber);
      if (values.every(Number.isFinite)) this.send({ values });
    }, 250);
  }
}

class Edited extends Own {
  get keeps() { return true; }

  constructor(app) {
    super(app, "Edit a row");
    const { columns } = app.about.face;
    this.lines = columns.map((name) => {
      const input = el("input", { type: "text", "aria-label": name, placeholder: "missing", oninput: () => this.later(), list: this.listFor(name) });
      return { name, input, told: el("td", { class: "told" }), odd: el("td", { class: "number" }) };
    });
    const head = tableHead(["column", "value", "given the others", "log p"]);
    const body = el("tbody", {}, ...this.lines.map(({ name, input, told, odd }) => el("tr", {}, el("th", { scope: "row", text: name }), el("td", {}, input), told, odd)));
    at("own-body").append(el("p", { class: "note", text: "Pick a row, change a cell: its log p, what the others make of it, and where its code goes. An empty cell is missing." }), el("div", { class: "scroll" }, el("table", { class: "cells edit" }, head, body)), this.result);
    app.on("row", (found) => found && this.fill((found.own ?? found.rebuilt).cells[0], found.own && app.row));
    at("own-card").addEventListener("toggle", () => { if (at("own-card").open && this.empty && app.row >= 0) this.later(0); });
    this.empty = true;
  }

  // What is offered for a column of classes.
  listFor(name) {
    const colouring = this.app.about.colours.find((c) => c.name === name && c.classes.length);
    if (!colouring) return null;
    const id = `list-${colouring.key.replace(":", "-")}`;
    if (!at(id)) at("own-body").append(el("datalist", { id }, ...colouring.classes.filter((c) => !c.startsWith("(")).map((value) => el("option", { value }))));
    return id;
  }

  // Cells as they are shown, and the number of the row that has them: what nobody changes stays exactly as it is there.
  fill(cells, row) {
    Object.assign(this, { row, was: cells.map((text) => text ?? "") });
    this.lines.forEach(({ input, told, odd }, i) => {
      input.value = cells[i] ?? "";
      told.textContent = odd.textContent = "";
    });
    this.empty = true;
    if (at("own-card").open) this.later(0);
  }

  later(after = 350) {
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this.send({ row: this.row, cells: this.changed() }), after);
  }

  changed() {
    const said = this.lines.map(({ name, input }, i) => [name, input.value.trim(), i]).filter(([, text, i]) => this.row === undefined || text !== this.was[i]);
    return Object.fromEntries(said.map(([name, text]) => [name, text || null]));
  }

  show(found) {
    this.empty = false;
    found.cells.forEach((cell, i) => {
      const { told, odd } = this.lines[i];
      told.textContent = `${cell.likeliest ?? "missing"} (${Math.round(cell.p * 100)} %)`;
      odd.textContent = cell.log_p === null ? "" : brief(+cell.log_p.toFixed(2));
      odd.classList.toggle("odd", cell.log_p !== null && cell.log_p < -4);
    });
    this.result.replaceChildren(facts(this.app, found), neighbours(this.app, found.nearest));
  }
}
