// A path between two rows, and its playing.

import { at, el, shown } from "./faces.js";
import * as wire from "./wire.js";

const STEPS = 60, SHOWN = 8, SECONDS = 4;

export class Path {
  constructor(app) {
    Object.assign(this, { app, ends: [null, null], playing: false });
    app.on("end", (k) => this.setEnd(k, app.row));
    app.on("plane", () => this.trace());
    app.on("given", () => this.make());
    for (const option of [...at("path-way").options]) if (app.about.ways && !app.about.ways.includes(option.value)) option.remove();
    at("path-way").onchange = () => this.make();
    at("path-place").oninput = (event) => { this.stop(); this.show(+event.target.value); };
    at("path-play").onclick = () => this.toggle();
    at("path-clear").onclick = () => this.clear();
  }

  setEnd(k, row) {
    if (row < 0) { this.app.tell("pick a row first"); return; }
    this.ends[k] = row;
    at("path-card").open = true;
    return this.make();
  }

  async make() {
    const [a, b] = this.ends, { app } = this;
    at("path-note").textContent = a === null && b === null ? "pick two rows" : `${a ?? "?"} → ${b ?? "?"}`;
    at("path-body").hidden = a === null || b === null;
    at("path-help").hidden = !at("path-body").hidden;
    if (a === null || b === null) return;
    await app.try(async () => {
      const latent = app.about.latent, ids = [...new Set([a, b])].sort((x, y) => x - y), found = await wire.codes(ids);
      const ends = new Float32Array(2 * latent);
      [a, b].forEach((row, k) => ends.set(found.data.subarray(ids.indexOf(row) * latent, (ids.indexOf(row) + 1) * latent), k * latent));
      this.codes = (await wire.path(ends, STEPS, at("path-way").value)).data;
      this.rows = await wire.decode(this.codes, app.given);
      this.trace();
      this.strip();
      this.show(+at("path-place").value);
      app.tell(`path from row ${a} to row ${b}`);
      app.remember();
    });
  }

  code(step) { return this.codes.subarray(step * this.app.about.latent, (step + 1) * this.app.about.latent); }

  trace() {
    if (!this.codes) return;
    const line = Array.from({ length: STEPS }, (_, i) => { const { x, y } = this.app.project(this.code(i)); return [x, y]; });
    this.app.way = { line, place: this.place ?? 0 };
    this.app.emit("redraw");
  }

  strip() {
    const { face } = this.app.about, box = at("path-strip");
    box.replaceChildren();
    if (face.kind !== "pictures") return;
    for (let k = 0; k < SHOWN; k++) {
      const step = Math.round((k * (STEPS - 1)) / (SHOWN - 1)), share = step / (STEPS - 1);
      box.append(el("button", { type: "button", "aria-label": `${Math.round(share * 100)} % of the way`, onclick: () => { this.stop(); this.show(share); } }, shown(face, this.rows, "", step)));
    }
  }

  // A place on the way: what it stands for is there already.
  show(share) {
    if (!this.codes) return;
    this.place = Math.round(share * (STEPS - 1));
    at("path-place").value = share;
    this.app.way.place = this.place;
    this.app.base = Float32Array.from(this.code(this.place));
    this.app.pinned = true;
    this.app.code = this.app.base;
    this.app.probe = null;
    this.app.hovered = -1;
    this.app.emit("here");
    this.app.emit("decoded", { rows: this.part(this.place), asked: performance.now() });
    this.app.emit("redraw");
  }

  part(step) {
    const { data, shape, cells } = this.rows;
    if (cells) return { cells: [cells[step]] };
    const size = data.length / shape[0];
    return { data: data.subarray(step * size, (step + 1) * size), shape: [1, ...shape.slice(1)] };
  }

  toggle() {
    if (!this.codes) return;
    if (this.playing) { this.stop(); return; }
    this.playing = true;
    at("path-play").textContent = "Pause";
    let last = performance.now(), phase = +at("path-place").value;
    const step = (now) => {
      if (!this.playing) return;
      phase += (now - last) / 1000 / SECONDS;
      last = now;
      const round = phase % 2, share = round > 1 ? 2 - round : round;
      this.show(share * share * (3 - 2 * share));
      requestAnimationFrame(step);
    };
    requestAnimationFrame(step);
  }

  stop() {
    this.playing = false;
    at("path-play").textContent = "Play";
  }

  clear() {
    this.stop();
    Object.assign(this, { ends: [null, null], codes: null, rows: null });
    this.app.way = null;
    this.make();
    this.app.emit("redraw");
    this.app.remember();
  }
}
