// The map: what is drawn on it.

import { Camera } from "./camera.js";
import { at, brief } from "./faces.js";
import { Lattice } from "./lattice.js";
import { Index, renderer } from "./points.js";

const FEW = 20000, MARGIN = 0.22, REST = 110;

export class MapView {
  constructor(app) {
    this.app = app;
    this.box = at("map");
    this.camera = new Camera();
    this.view = at("view");
    this.layers = Object.fromEntries(["under", "points", "lines", "base"].map((name) => [name, document.createElement("canvas")]));
    this.renderer = renderer(this.layers.points, new URLSearchParams(location.search).get("points"), app.rows);
    this.layers.points = this.renderer.canvas;
    // Where the processor paints anyway, it paints into memory of its own.
    this.how = { willReadFrequently: this.renderer.kind === "canvas" };
    const { under, lines, base } = this.layers;
    [this.under, this.lines] = [under, lines].map((layer) => layer.getContext("2d", this.how));
    [this.base, this.over] = [base, this.view].map((canvas) => canvas.getContext("2d", { ...this.how, alpha: false }));
    if (app.about.face.kind === "pictures") this.lattice = new Lattice(app, () => this.draw());
    this.frames = 0;
    this.pointer = { probe: at("probe"), near: at("near"), ellipses: [...at("near").querySelectorAll("ellipse")] };
    new ResizeObserver(() => this.resize()).observe(this.box);
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => { this.theme(); this.lattice?.forget(); app.repaint(); });
    this.theme();
    this.resize();
  }

  theme() {
    const style = getComputedStyle(document.documentElement);
    this.ink = Object.fromEntries(["ink", "muted", "line", "accent", "second", "paper", "card"].map((n) => [n, style.getPropertyValue(`--${n}`).trim()]));
    this.dark = matchMedia("(prefers-color-scheme: dark)").matches;
    this.shade = null;
  }

  resize() {
    const { width, height } = this.box.getBoundingClientRect(), ratio = Math.min(devicePixelRatio || 1, 2);
    if (!width || !height) return;
    this.camera.resize(width, height, ratio);
    const sized = (canvas, times) => Object.assign(canvas, { width: Math.round(width * times), height: Math.round(height * times) });
    sized(this.view, ratio);
    for (const layer of Object.values(this.layers)) sized(layer, (1 + 2 * MARGIN) * ratio);
    if (!this.fitted && this.xy) this.fit();
    this.draw();
  }

  // A plane's points.
  put(xy, flat) {
    this.xy = xy;
    this.camera.flat = flat;
    this.index = new Index(xy);
    this.renderer.put(xy);
    this.lattice?.forget();
    this.shade = null;
  }

  fit() {
    const { x0, x1, y0, y1 } = this.index;
    this.camera.fit([x0, x1, y0, y1]);
    this.fitted = this.camera.width > 1;
    this.draw();
  }

  paint(colours, order) {
    this.renderer.paint(colours, order);
    this.draw();
  }

  // A point's diameter in pixels of the page: small where there are many.
  get size() {
    const many = this.renderer.count ?? this.app.rows, closer = Math.log2(this.camera.scale / (this.camera.least * 8 || 1));
    return Math.max(1.5, Math.min(13, 9.5 - 1.35 * Math.log10(Math.max(many, 10)) + 0.9 * Math.max(closer, 0)));
  }

  // The colour of the rim that few points have; none where they are many.
  get halo() {
    if (this.xy.length / 2 > FEW) return null;
    return this.dark ? 0xff241f1b : 0xffffffff;
  }

  // All that is seen, at the next frame.
  draw() {
    this.stale = true;
    this.mark();
  }

  // The camera has moved: what is drawn, which reaches beyond the map, is moved as it is, and drawn
  // again where it does not reach, and once the camera rests.
  moved() {
    const { by, dx, dy } = this.shift(), { width, height } = this.camera, reach = (0.5 + MARGIN) * by;
    if (by > 1.8 || reach * width < width / 2 + Math.abs(dx) || reach * height < height / 2 + Math.abs(dy)) this.stale = true;
    clearTimeout(this.resting);
    this.resting = setTimeout(() => this.draw(), REST);
    this.mark();
  }

  // By how much the camera has moved since all was drawn.
  shift() {
    const { camera, wide } = this;
    if (!wide) return { by: 1, dx: Infinity, dy: 0 };
    const [x, y] = camera.place(wide.x, wide.y);
    return { by: camera.scale / wide.scale, dx: x - camera.width / 2, dy: y - camera.height / 2 };
  }

  // The marks alone: what moves with the pointer.
  mark() {
    if (this.asked) return;
    this.asked = true;
    requestAnimationFrame(() => { this.asked = false; this.render(this.stale); });
  }

  render(all = true) {
    if (!this.xy || !this.fitted) return;
    this.stale = false;
    this.frames++;
    if (all) this.renderBase();
    this.putBase();
    this.drawMarks();
    this.hover();
  }

  // What is drawn already, where the camera looks.
  putBase() {
    const { over: c, view, layers: { base }, camera: { ratio } } = this, { by, dx, dy } = this.shift();
    const [w, h] = [base.width * by, base.height * by], whole = by === 1 ? Math.round : (v) => v;
    c.setTransform(1, 0, 0, 1, 0, 0);
    if (w < view.width || h < view.height) { c.fillStyle = this.ink.card; c.fillRect(0, 0, view.width, view.height); }
    c.imageSmoothingEnabled = by !== 1;
    c.drawImage(base, whole((view.width - w) / 2 + dx * ratio), whole((view.height - h) / 2 + dy * ratio), w, h);
    c.setTransform(ratio, 0, 0, ratio, 0, 0);
  }

  clear(context, { ratio, width, height }) {
    context.setTransform(ratio, 0, 0, ratio, 0, 0);
    context.clearRect(0, 0, width, height);
  }

  // Lattice, shade, points and contours, in one picture that reaches beyond the map on all sides.
  renderBase() {
    const { camera, app, layers, base: c } = this, times = 1 + 2 * MARGIN;
    const wide = this.wide = Object.assign(new Camera(), camera, { width: camera.width * times, height: camera.height * times });
    this.clear(this.under, wide);
    if (app.shows.grid) this.lattice?.draw(this.under, wide, app.shows.points ? (this.dark ? 0.42 : 0.4) : 0.9);
    if (this.bounded) this.drawMasses(wide);
    if (app.shows.points) this.renderer.draw(wide, this.size * camera.ratio, this.halo);
    this.clear(this.lines, wide);
    if (this.bounded) this.drawContours(wide);
    c.fillStyle = this.ink.card;
    c.fillRect(0, 0, layers.base.width, layers.base.height);
    c.drawImage(layers.under, 0, 0);
    c.globalAlpha = this.halo === null ? 0.82 : 1;
    if (app.shows.points) c.drawImage(layers.points, 0, 0);
    c.globalAlpha = 1;
    c.drawImage(layers.lines, 0, 0);
  }

  // Axes and marks.
  drawMarks() {
    this.drawAxes();
    this.drawPath();
    this.drawPlaces();
    if (this.lasso) this.drawLasso();
  }

  // The same on a canvas of their own.
  marks() {
    const { view: { width, height }, camera: { ratio }, over } = this, made = document.createElement("canvas");
    Object.assign(made, { width, height });
    this.over = made.getContext("2d");
    this.over.setTransform(ratio, 0, 0, ratio, 0, 0);
    this.drawMarks();
    this.over = over;
    return made;
  }

  // Whether it is shown where the prior's mass lies.
  get bounded() { return this.app.shows.prior && this.app.masses && !this.camera.flat; }

  drawMasses(camera) {
    const { under: c, app: { masses } } = this, [x0, x1, y0, y1] = masses.box;
    const tint = this.dark ? [228, 185, 78] : [214, 158, 46], most = this.dark ? 0.1 : 0.11;
    this.shade ??= masses.shade(tint, most);
    const [left, top] = camera.place(x0, y1).map(Math.round), [right, bottom] = camera.place(x1, y0).map(Math.round);
    c.imageSmoothingEnabled = true;
    c.drawImage(this.shade, left, top, right - left, bottom - top);
    c.fillStyle = `rgba(${tint.join(",")},${most})`;
    for (const [x, y, w, h] of [[0, 0, camera.width, top], [0, bottom, camera.width, camera.height - bottom],
      [0, top, left, bottom - top], [right, top, camera.width - right, bottom - top]]) {
      if (w > 0 && h > 0) c.fillRect(Math.max(x, 0), Math.max(y, 0), Math.min(w, camera.width), Math.min(h, camera.height));
    }
  }

  // Around half of the prior's mass, nine tenths, all but a hundredth.
  drawContours(camera) {
    const { lines: c } = this;
    this.app.masses.contours.forEach((line, k) => {
      c.beginPath();
      for (let i = 0; i + 1 < line.length; i += 2) {
        c.moveTo(...camera.place(...line[i]));
        c.lineTo(...camera.place(...line[i + 1]));
      }
      for (const [stroke, alpha, width] of [[this.ink.card, 0.5, 3.4], [this.ink.ink, 0.75 - 0.16 * k, 1.4 - 0.2 * k]]) {
        Object.assign(c, { strokeStyle: stroke, globalAlpha: alpha, lineWidth: width });
        c.stroke();
      }
    });
    c.globalAlpha = 1;
  }

  drawAxes() {
    const { over: c, camera } = this, { x0, x1, y0, y1 } = camera.seen;
    const step = (span) => { const raw = span / 6, p = 10 ** Math.floor(Math.log10(raw)); return [1, 2, 5, 10].find((m) => m * p >= raw) * p; };
    const label = (text, x, y) => {
      c.strokeStyle = this.ink.paper; c.lineWidth = 3; c.lineJoin = "round";
      c.strokeText(text, x, y); c.fillText(text, x, y);
    };
    c.font = "11px system-ui, sans-serif";
    c.fillStyle = this.ink.muted;
    const wide = step(x1 - x0), tall = step(y1 - y0), named = this.app.plane.axes;
    c.textAlign = "center"; c.textBaseline = "bottom";
    for (let i = Math.ceil(x0 / wide); i * wide <= x1; i++) {
      const x = i * wide, [px] = camera.place(x, 0);
      c.globalAlpha = 0.5; c.fillRect(Math.round(px), camera.height - 4, 1, 4); c.globalAlpha = 1;
      if (px > 40 && px < camera.width - 24) label(brief(+x.toPrecision(8)), px, camera.height - 5);
    }
    c.textAlign = "left"; c.textBaseline = "middle";
    if (!camera.flat) for (let i = Math.ceil(y0 / tall); i * tall <= y1; i++) {
      const y = i * tall, [, py] = camera.place(0, y);
      c.globalAlpha = 0.5; c.fillRect(0, Math.round(py), 4, 1); c.globalAlpha = 1;
      if (py > 30 && py < camera.height - 24) label(brief(+y.toPrecision(8)), 7, py);
    }
    c.font = "600 12px system-ui, sans-serif";
    c.fillStyle = this.ink.ink;
    c.textAlign = "right"; c.textBaseline = "bottom";
    label(named[0], camera.width - 10, camera.height - 20);
    c.textAlign = "left"; c.textBaseline = "top";
    if (named[1]) { c.save(); c.translate(30, 10); label(named[1], 18, 2); c.restore(); }
  }

  ring(x, y, radius, colour, width = 2, dash = []) {
    const c = this.over, [px, py] = this.camera.place(x, y);
    c.setLineDash(dash);
    for (const [w, stroke] of [[width + 2.5, this.ink.card], [width, colour]]) {
      c.beginPath();
      c.arc(px, py, radius, 0, 7);
      c.strokeStyle = stroke; c.lineWidth = w;
      c.stroke();
    }
    c.setLineDash([]);
  }

  // The axes of a row's posterior in pixels, one standard deviation long, and their angle; null
  // where it is a point.
  posterior(row) {
    const { cov } = this.app;
    if (!cov || this.camera.flat) return null;
    const [a, b, d] = cov.subarray(3 * row, 3 * row + 3), half = (a + d) / 2, root = Math.hypot((a - d) / 2, b);
    const [major, minor] = [half + root, half - root].map((v) => Math.sqrt(Math.max(v, 0)) * this.camera.scale);
    return major > 0.5 ? { major, minor: Math.max(minor, 0.3), angle: -0.5 * Math.atan2(2 * b, a - d) } : null;
  }

  ellipse(row) {
    const found = this.posterior(row), c = this.over, [px, py] = this.camera.place(this.xy[2 * row], this.xy[2 * row + 1]);
    for (const times of found ? [2, 1] : []) {
      c.beginPath();
      c.ellipse(px, py, found.major * times, found.minor * times, found.angle, 0, 7);
      c.globalAlpha = 0.14; c.fillStyle = this.ink.accent; c.fill();
      c.globalAlpha = 0.9; c.strokeStyle = this.ink.accent; c.lineWidth = 1.2; c.stroke();
      c.globalAlpha = 1;
    }
  }

  // The probe, and the row near it: elements of their own, so that nothing else is painted as they move.
  hover() {
    const { app, camera, pointer } = this;
    const put = (node, x, y) => { const [px, py] = camera.place(x, y); node.style.transform = `translate(${px}px, ${py}px)`; };
    pointer.probe.toggleAttribute("hidden", !app.probe);
    if (app.probe) put(pointer.probe, app.probe.x, app.probe.y);
    const row = app.hovered;
    pointer.near.toggleAttribute("hidden", row < 0);
    if (row < 0) { this.shown = -1; return; }
    put(pointer.near, this.xy[2 * row], this.xy[2 * row + 1]);
    if (this.shown === `${row},${camera.scale}`) return;
    this.shown = `${row},${camera.scale}`;
    const found = this.posterior(row) ?? { major: 0, minor: 0, angle: 0 };
    pointer.ellipses.forEach((node, k) => {
      node.setAttribute("rx", found.major * (2 - k));
      node.setAttribute("ry", found.minor * (2 - k));
      node.setAttribute("transform", `rotate(${(found.angle * 180) / Math.PI})`);
    });
  }

  drawPlaces() {
    const { app } = this;
    for (const near of app.marked ?? []) this.ring(this.xy[2 * near], this.xy[2 * near + 1], 7, this.ink.second, 1.6);
    if (app.row >= 0) {
      this.ellipse(app.row);
      this.ring(this.xy[2 * app.row], this.xy[2 * app.row + 1], 9, this.ink.accent, 2.4);
    }
    if (app.sent) this.drawSent(app.sent);
  }

  // Where a row of one's own lies, and from which row it came there.
  drawSent([x, y]) {
    const { row } = this.app, c = this.over;
    if (row >= 0) {
      c.beginPath();
      c.moveTo(...this.camera.place(this.xy[2 * row], this.xy[2 * row + 1]));
      c.lineTo(...this.camera.place(x, y));
      Object.assign(c, { strokeStyle: this.ink.second, lineWidth: 2 });
      c.stroke();
    }
    this.ring(x, y, 10, this.ink.second, 2.6);
  }

  drawPath() {
    const { line, place } = this.app.way ?? {};
    if (!line) return;
    const c = this.over;
    for (const [w, stroke] of [[5.5, this.ink.card], [2.5, this.ink.second]]) {
      c.beginPath();
      line.forEach(([x, y], i) => (i ? c.lineTo(...this.camera.place(x, y)) : c.moveTo(...this.camera.place(x, y))));
      c.strokeStyle = stroke; c.lineWidth = w; c.lineCap = c.lineJoin = "round";
      c.stroke();
    }
    ["A", "B"].forEach((name, k) => this.badge(name, ...line[k ? line.length - 1 : 0]));
    if (place !== undefined) this.ring(...line[place], 7, this.ink.second, 3);
  }

  badge(text, x, y) {
    const c = this.over, [px, py] = this.camera.place(x, y);
    c.beginPath(); c.arc(px, py, 9.5, 0, 7);
    c.fillStyle = this.ink.second; c.fill();
    c.strokeStyle = this.ink.card; c.lineWidth = 2; c.stroke();
    c.fillStyle = this.dark ? "#14171b" : "#fff"; c.font = "700 11px system-ui, sans-serif";
    c.textAlign = "center"; c.textBaseline = "middle";
    c.fillText(text, px, py + 0.5);
  }

  drawLasso() {
    const c = this.over;
    c.beginPath();
    this.lasso.forEach(([x, y], i) => (i ? c.lineTo(...this.camera.place(x, y)) : c.moveTo(...this.camera.place(x, y))));
    c.closePath();
    c.globalAlpha = 0.14; c.fillStyle = this.ink.accent; c.fill();
    c.globalAlpha = 1; c.strokeStyle = this.ink.accent; c.lineWidth = 1.6; c.setLineDash([5, 4]); c.stroke(); c.setLineDash([]);
  }

  // Numbers of the rows inside a polygon of the plane.
  inside(polygon) {
    const xs = polygon.map((p) => p[0]), ys = polygon.map((p) => p[1]), found = [];
    const [x0, x1, y0, y1] = [Math.min(...xs), Math.max(...xs), Math.min(...ys), Math.max(...ys)];
    this.index.within(x0, x1, y0, y1, (i) => {
      const x = this.xy[2 * i], y = this.xy[2 * i + 1];
      if (x < x0 || x > x1 || y < y0 || y > y1 || !this.app.visible(i)) return;
      let odd = false;
      for (let a = 0, b = polygon.length - 1; a < polygon.length; b = a++) {
        const [ax, ay] = polygon[a], [bx, by] = polygon[b];
        if (ay > y !== by > y && x < ((bx - ax) * (y - ay)) / (by - ay) + ax) odd = !odd;
      }
      if (odd) found.push(i);
    });
    return Uint32Array.from(found).sort();
  }
}
