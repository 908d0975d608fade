// Decoded codes under the points, at any zoom: squares of a lattice that are kept once they are known.

import { imageData } from "./faces.js";
import * as wire from "./wire.js";

const KEPT = 3000, AT_ONCE = 40, FEW = 8, ROOM = 0.08; // few where the page decodes by itself

export class Lattice {
  constructor(app, redraw) {
    Object.assign(this, { app, redraw, tiles: new Map(), busy: false, version: 0 });
    const [height, width] = app.about.face.shape;
    this.aspect = height / width;
    this.wide = Math.max(46, Math.min(96, width));
  }

  forget() {
    this.tiles.clear();
    this.version++;
  }

  // The lattice's step in the plane, a power of two: squares are neither small nor large on the page.
  step(camera) {
    return 2 ** Math.ceil(Math.log2(this.wide / camera.scale));
  }

  *seen(camera) {
    const { x0, x1, y0, y1 } = camera.seen, step = this.step(camera), up = step * this.aspect;
    for (let j = Math.floor(y0 / up); j <= Math.floor(y1 / up); j++) {
      for (let i = Math.floor(x0 / step); i <= Math.floor(x1 / step); i++) {
        yield { key: `${step},${i},${j}`, x: (i + 0.5) * step, y: (j + 0.5) * up, step, up };
      }
    }
  }

  draw(context, camera, alpha) {
    const missing = [];
    context.imageSmoothingEnabled = false;
    for (const cell of this.seen(camera)) {
      const tile = this.tiles.get(cell.key);
      if (!tile) { missing.push(cell); continue; }
      context.globalAlpha = alpha;
      const [px, py] = camera.place(cell.x - cell.step / 2, cell.y + cell.up / 2);
      const [qx, qy] = camera.place(cell.x + cell.step / 2, cell.y - cell.up / 2);
      const gap = (qx - px) * ROOM, [left, top] = [Math.round(px + gap), Math.round(py + gap)];
      context.drawImage(tile, left, top, Math.round(qx - gap) - left, Math.round(qy - gap) - top);
    }
    context.globalAlpha = 1;
    this.missing = missing;
    if (missing.length) this.fetch(camera);
  }

  async fetch(camera) {
    if (this.busy) return;
    this.busy = true;
    while (this.missing.length) {
      const { x, y } = camera, version = this.version;
      const away = (c) => (c.x - x) ** 2 + (c.y - y) ** 2;
      const cells = this.missing.sort((a, b) => away(a) - away(b)).splice(0, this.app.about.alone ? FEW : AT_ONCE);
      const codes = new Float32Array(cells.length * this.app.about.latent);
      cells.forEach((c, k) => codes.set(this.app.codeAt(c.x, c.y), k * this.app.about.latent));
      try {
        const rows = await wire.decode(codes, this.app.given);
        if (version === this.version) cells.forEach((c, k) => this.keep(c.key, rows, k));
      } catch (error) { this.app.fail(error); break; }
      this.redraw();
      await new Promise(requestAnimationFrame);
    }
    this.busy = false;
  }

  // A grey picture as ink on the map's own paper, whichever is dark; pictures in colour as they are.
  inked(image, channels) {
    if (channels !== 1) return image;
    const out = new Uint32Array(image.data.buffer), { dark } = this.app.about.face;
    const ink = this.app.map.dark ? 0xeeebe8 : 0x26211d;
    for (let i = 0; i < out.length; i++) {
      const value = out[i] & 255;
      out[i] = ((dark ? value : 255 - value) << 24) | ink;
    }
    return image;
  }

  keep(key, rows, number) {
    const image = this.inked(imageData(rows, number), rows.shape[3]), canvas = document.createElement("canvas");
    Object.assign(canvas, { width: image.width, height: image.height });
    canvas.getContext("2d").putImageData(image, 0, 0);
    this.tiles.set(key, canvas);
    if (this.tiles.size > KEPT) this.tiles.delete(this.tiles.keys().next().value);
  }
}
