// Where prior and data have mass: contours, and what lies outside both.

export const OUTSIDE = 0.995;

export class Masses {
  constructor({ data, shape, headers }) {
    this.side = shape[1];
    this.box = headers.get("x-box").split(",").map(Number);
    const n = this.side * this.side;
    this.prior = data.subarray(0, n);
    this.data = data.subarray(n);
  }

  // The share of mass that lies in places denser than this one, 1 outside.
  at(which, x, y) {
    const [x0, x1, y0, y1] = this.box;
    const i = Math.floor(((x - x0) / (x1 - x0)) * this.side), j = Math.floor(((y - y0) / (y1 - y0)) * this.side);
    if (i < 0 || j < 0 || i >= this.side || j >= this.side) return 1;
    return this[which][i * this.side + j];
  }

  // Segments of the line around a share of the prior's mass, in the plane (marching squares).
  contour(level) {
    const { side, prior, box: [x0, x1, y0, y1] } = this, found = [];
    const sx = (x1 - x0) / side, sy = (y1 - y0) / side;
    const place = (i, j) => [x0 + (i + 0.5) * sx, y0 + (j + 0.5) * sy];
    for (let i = 0; i + 1 < side; i++) {
      for (let j = 0; j + 1 < side; j++) {
        const corners = [[i, j], [i + 1, j], [i + 1, j + 1], [i, j + 1]], cut = [];
        for (let k = 0; k < 4; k++) {
          const a = corners[k], b = corners[(k + 1) % 4];
          const u = prior[a[0] * side + a[1]] - level, v = prior[b[0] * side + b[1]] - level;
          if (u < 0 !== v < 0) {
            const t = u / (u - v), p = place(...a), q = place(...b);
            cut.push([p[0] + t * (q[0] - p[0]), p[1] + t * (q[1] - p[1])]);
          }
        }
        for (let k = 0; k + 1 < cut.length; k += 2) found.push(cut[k], cut[k + 1]);
      }
    }
    return found;
  }

  get contours() {
    this.lines ??= [0.5, 0.9, 0.99].map((level) => this.contour(level));
    return this.lines;
  }

  // A small picture that is tinted where neither prior nor data has mass.
  shade([r, g, b], most) {
    const { side } = this, canvas = document.createElement("canvas");
    Object.assign(canvas, { width: side, height: side });
    const context = canvas.getContext("2d"), image = context.createImageData(side, side);
    for (let i = 0; i < side; i++) {
      for (let j = 0; j < side; j++) {
        const least = Math.min(this.prior[i * side + j], this.data[i * side + j]);
        const at = 4 * ((side - 1 - j) * side + i);
        image.data.set([r, g, b, most * 255 * Math.max(0, Math.min(1, (least - 0.985) / 0.013))], at);
      }
    }
    context.putImageData(image, 0, 0);
    return canvas;
  }
}
