// What part of the plane is seen: one scale for both axes, but for a line, whose heights mean nothing.

const LEAST = 0.1; // priors are about 1 wide: codes that hardly differ are shown so

export class Camera {
  constructor() {
    Object.assign(this, { x: 0, y: 0, scale: 40, stretch: 1, width: 1, height: 1, ratio: 1 });
  }

  resize(width, height, ratio) { Object.assign(this, { width, height, ratio }); }

  get scaleY() { return this.scale * this.stretch; }

  // From the plane to the page's pixels, and back.
  place(x, y) { return [this.width / 2 + (x - this.x) * this.scale, this.height / 2 - (y - this.y) * this.scaleY]; }

  plane(px, py) { return [this.x + (px - this.width / 2) / this.scale, this.y - (py - this.height / 2) / this.scaleY]; }

  get seen() {
    const [x0, y1] = this.plane(0, 0), [x1, y0] = this.plane(this.width, this.height);
    return { x0, x1, y0, y1 };
  }

  pan(dx, dy) {
    this.x -= dx / this.scale;
    this.y += dy / this.scaleY;
  }

  zoom(by, px = this.width / 2, py = this.height / 2) {
    const [x, y] = this.plane(px, py);
    this.scale = Math.max(this.least, Math.min(this.most, this.scale * by));
    const [u, v] = this.plane(px, py);
    this.x += x - u;
    this.y += y - v;
  }

  fit([x0, x1, y0, y1], room = 1.12) {
    const w = Math.max(x1 - x0, LEAST), h = Math.max(y1 - y0, LEAST);
    const across = this.width / (w * room), up = this.height / (h * room);
    this.scale = this.flat ? across : Math.min(across, up);
    this.stretch = this.flat ? Math.min(up / across, 1.5) : 1;
    Object.assign(this, { x: (x0 + x1) / 2, y: (y0 + y1) / 2, least: this.scale / 8, most: this.scale * 4000 });
  }

  // For the shader: clip = place * scale + shift; and for pixels of the canvas.
  clip() {
    const scaleX = (2 * this.scale) / this.width, scaleY = (2 * this.scaleY) / this.height;
    return { scaleX, scaleY, x: -this.x * scaleX, y: -this.y * scaleY };
  }

  pixels() {
    const scaleX = this.scale * this.ratio, scaleY = -this.scaleY * this.ratio;
    return { scaleX, scaleY, x: (this.width / 2) * this.ratio - this.x * scaleX, y: (this.height / 2) * this.ratio - this.y * scaleY };
  }
}
