// What is seen and chosen at this moment, and how that changes.

import { coloured } from "./colours.js";
import { Masses } from "./masses.js";
import * as wire from "./wire.js";

export class App extends EventTarget {
  constructor(about) {
    super();
    Object.assign(this, {
      about, rows: about.rows, probe: null, hovered: -1, row: -1, sent: null, marked: [], way: null, polygon: null,
      shows: { grid: about.face.kind === "pictures", points: true, prior: true },
      given: Object.fromEntries(about.untold ? [] : about.given.map((c) => [c.name, c.classes[0] ?? c.mean])),
      base: Float32Array.from(about.mean), code: Float32Array.from(about.mean),
      hidden: new Set(), among: null, chosen: new Uint32Array(0), inside: null, touched: 0,
    });
    this.shuffled = shuffled(about.rows);
    this.newest = new wire.Newest(
      ({ code, given }) => (this.near ? this.near.decoded(code, given) : wire.decode(code, given)),
      (rows, { asked }) => this.emit("decoded", { rows, asked }),
      (error) => this.fail(error),
    );
  }

  on(name, act) { this.addEventListener(name, (event) => act(event.detail)); }

  emit(name, detail) { this.dispatchEvent(new CustomEvent(name, { detail })); }

  fail(error) {
    if (error.name !== "AbortError") this.emit("failed", error.message ?? String(error));
  }

  // Does something that asks the server; what goes wrong is shown.
  async try(what) {
    try { return await what(); } catch (error) { this.fail(error); return undefined; }
  }

  tell(text) { this.emit("tell", text); }

  remember() { this.emit("remember"); }

  // ---- the plane

  async setPlane(name) {
    const { data, shape, headers } = await wire.points(name);
    const xy = new Float32Array(2 * shape[0]), cov = new Float32Array(3 * shape[0]);
    for (let i = 0; i < shape[0]; i++) {
      xy.set(data.subarray(5 * i, 5 * i + 2), 2 * i);
      cov.set(data.subarray(5 * i + 2, 5 * i + 5), 3 * i);
    }
    Object.assign(this, { xy, cov, masses: null, plane: JSON.parse(headers.get("x-plane")) });
    this.plane.directions = this.plane.directions.map((d) => Float32Array.from(d));
    if (this.probe) this.probe = this.project(this.base);
    this.emit("plane", this.plane);
    this.try(async () => {
      this.masses = new Masses(await wire.masses(name));
      this.emit("masses");
    });
  }

  project(code) {
    const { origin, directions } = this.plane, place = [0, 0];
    for (let a = 0; a < 2; a++) for (let i = 0; i < code.length; i++) place[a] += directions[a][i] * (code[i] - origin[i]);
    return { x: place[0], y: place[1] };
  }

  // The code at a place of the plane: that of the base, moved along the plane.
  codeAt(x, y) {
    const { directions } = this.plane, here = this.project(this.base), code = Float32Array.from(this.base);
    const dx = x - here.x, dy = this.plane.flat ? 0 : y - here.y;
    for (let i = 0; i < code.length; i++) code[i] += dx * directions[0][i] + dy * directions[1][i];
    return code;
  }

  // ---- what is decoded

  decode(code, asked = performance.now()) {
    this.code = code;
    this.newest.put({ code, asked, given: this.given });
    this.emit("here");
  }

  // The probe is somewhere, and a row may be near.
  look(x, y, near, asked) {
    this.probe = { x, y };
    this.hovered = near;
    this.decode(this.codeAt(x, y), asked);
  }

  leave() {
    this.hovered = -1;
    this.probe = this.pinned ? this.project(this.base) : null;
    this.decode(this.base);
  }

  pin(x, y) {
    this.setBase(this.codeAt(x, y));
  }

  // A code from which all others are reached: sliders, the lattice and the plane start from it.
  setBase(code, { quiet = false } = {}) {
    const off = this.offPlane(code);
    const moved = off.some((v, i) => Math.abs(v - (this.lastOff?.[i] ?? 0)) > 1e-5);
    Object.assign(this, { base: Float32Array.from(code), lastOff: off, pinned: true, probe: this.project(code) });
    if (moved) this.emit("lattice");
    if (!quiet) this.decode(this.base);
    this.emit("base");
    this.remember();
  }

  // What of a code the plane does not show.
  offPlane(code) {
    const { x, y } = this.project(code), { directions, origin } = this.plane;
    return Float32Array.from(code, (v, i) => v - origin[i] - x * directions[0][i] - y * directions[1][i]);
  }

  setGiven(given) {
    this.given = given;
    this.emit("lattice");
    this.emit("given");
    this.decode(this.code);
    this.remember();
  }

  // ---- rows

  async pick(row, center = false) {
    this.row = row;
    this.sent = null;
    this.marked = [];
    this.emit("row", null);
    const found = await this.try(() => wire.row(row));
    if (!found || this.row !== row) return;
    if (found.given && Object.keys(found.given).length) this.setGiven({ ...this.given, ...found.given });
    this.setBase(Float32Array.from(found.code));
    this.marked = found.nearest.map((n) => n.row);
    this.emit("row", found);
    if (center) this.emit("center", this.probe);
    this.tell(`row ${found.name}${Object.entries(found.known).map(([n, v]) => `, ${n} ${v}`).join("")}`);
  }

  unpick() {
    Object.assign(this, { row: -1, sent: null, marked: [] });
    this.emit("row", null);
    this.remember();
  }

  visible(i) {
    if (this.among && !this.among[i]) return false;
    return !this.hidden.size || !this.hidden.has(this.values?.[i]);
  }

  // ---- colours

  async setColour(key) {
    const colouring = this.about.colours.find((c) => c.key === key) ?? this.about.colours.find((c) => c.key === this.about.colour);
    if (!colouring) { this.plain(); return; }
    const ask = (this.asking = Symbol(key));
    const values = await wire.colour(colouring.key, (done) => this.asking === ask && this.emit("busy", `${colouring.name}: ${Math.round(done * 100)} %`))
      .finally(() => this.asking === ask && this.emit("busy", ""));
    if (this.asking !== ask) return;
    Object.assign(this, { colouring, values, hidden: new Set(), between: null });
    this.repaint();
    this.emit("colour", colouring);
    this.remember();
  }

  plain() {
    Object.assign(this, { colouring: null, values: null });
    this.repaint();
  }

  // Colours and the order in which points are drawn: what is not selected lies grey below.
  repaint() {
    const dark = matchMedia("(prefers-color-scheme: dark)").matches, n = this.rows;
    const grey = dark ? 0x4d707070 : 0x59a8a29c;
    let out;
    if (this.values) ({ out, range: this.range } = coloured(this.colouring, this.values, this.about, dark));
    else out = new Uint32Array(n).fill(0xffd8784c);
    const below = [], above = [];
    for (const i of this.shuffled) {
      if (!this.visible(i)) continue;
      const dim = (this.inside && !this.inside[i]) || (this.between && !(this.values[i] >= this.between[0] && this.values[i] <= this.between[1]));
      if (dim) { out[i] = grey; below.push(i); } else above.push(i);
    }
    if (n > 300000) for (const i of above) out[i] = (out[i] & 0x00ffffff) | 0xb0000000;
    this.emit("paint", { out, order: Uint32Array.from(below.concat(above)) });
  }

  // ---- selection

  lasso(polygon) {
    this.polygon = polygon;
    this.emit("lasso", polygon);
  }

  choose(ids, { polygon = null } = {}) {
    this.chosen = Uint32Array.from(ids);
    this.polygon = polygon;
    this.inside = this.chosen.length ? new Uint8Array(this.rows) : null;
    for (const i of this.chosen) this.inside[i] = 1;
    this.repaint();
    this.emit("chosen");
    this.try(() => wire.select(this.chosen));
    this.remember();
  }

  hide(hidden) {
    this.hidden = hidden;
    this.repaint();
    this.emit("hidden");
    this.remember();
  }
}

// Numbers in an order that means nothing, always the same: rows that lie in files by class would
// else hide each other.
function shuffled(n) {
  const order = Uint32Array.from({ length: n }, (_, i) => i);
  let seed = 12345;
  for (let i = n - 1; i > 0; i--) {
    seed = (Math.imul(seed, 1664525) + 1013904223) >>> 0;
    const j = seed % (i + 1), kept = order[i];
    order[i] = order[j];
    order[j] = kept;
  }
  return order;
}
