// Many points: on the graphics card where there is one, else pixel by pixel; so many that they would hide each other as a density.

export const CROWD = 500000;

const VERTEX = `#version 300 es
in vec2 place; in vec4 paint; uniform vec4 view; uniform float size; out vec4 shade;
void main() { gl_Position = vec4(place * view.xy + view.zw, 0, 1); gl_PointSize = size; shade = paint; }`;
const FRAGMENT = `#version 300 es
precision highp float; in vec4 shade; uniform float size; uniform vec4 rim; out vec4 made;
void main() { float r = length(gl_PointCoord - 0.5) * size; float a = clamp(size * 0.5 - r, 0.0, 1.0) * shade.a;
if (a < 0.02) discard; vec3 c = mix(shade.rgb, rim.rgb, rim.a * shade.a * clamp(r - size * 0.5 + 1.7, 0.0, 1.0)); made = vec4(c * a, a); }`;

class Card {
  constructor(canvas, gl) {
    Object.assign(this, { canvas, gl, kind: "webgl" });
    this.program = gl.createProgram();
    for (const [type, text] of [[gl.VERTEX_SHADER, VERTEX], [gl.FRAGMENT_SHADER, FRAGMENT]]) {
      const shader = gl.createShader(type);
      gl.shaderSource(shader, text);
      gl.compileShader(shader);
      gl.attachShader(this.program, shader);
    }
    gl.bindAttribLocation(this.program, 0, "place");
    gl.bindAttribLocation(this.program, 1, "paint");
    gl.linkProgram(this.program);
    gl.useProgram(this.program);
    this.uniforms = Object.fromEntries(["view", "size", "rim"].map((n) => [n, gl.getUniformLocation(this.program, n)]));
    [this.places, this.paints, this.order] = [0, 1, 2].map(() => gl.createBuffer());
    gl.enable(gl.BLEND);
    gl.blendFunc(gl.ONE, gl.ONE_MINUS_SRC_ALPHA);
    this.count = 0;
  }

  put(places) {
    const { gl } = this;
    gl.bindBuffer(gl.ARRAY_BUFFER, this.places);
    gl.bufferData(gl.ARRAY_BUFFER, places, gl.STATIC_DRAW);
    gl.enableVertexAttribArray(0);
    gl.vertexAttribPointer(0, 2, gl.FLOAT, false, 0, 0);
  }

  paint(colours, order) {
    const { gl } = this;
    gl.bindBuffer(gl.ARRAY_BUFFER, this.paints);
    gl.bufferData(gl.ARRAY_BUFFER, colours, gl.DYNAMIC_DRAW);
    gl.enableVertexAttribArray(1);
    gl.vertexAttribPointer(1, 4, gl.UNSIGNED_BYTE, true, 0, 0);
    gl.bindBuffer(gl.ELEMENT_ARRAY_BUFFER, this.order);
    gl.bufferData(gl.ELEMENT_ARRAY_BUFFER, order, gl.DYNAMIC_DRAW);
    this.count = order.length;
  }

  draw(camera, size, rim) {
    const { gl, canvas } = this, { scaleX, scaleY, x, y } = camera.clip();
    gl.viewport(0, 0, canvas.width, canvas.height);
    gl.clearColor(0, 0, 0, 0);
    gl.clear(gl.COLOR_BUFFER_BIT);
    if (!this.count) return;
    gl.uniform4f(this.uniforms.view, scaleX, scaleY, x, y);
    gl.uniform1f(this.uniforms.size, rim === null ? size : size + 2);
    const colour = rim === null ? [0, 0, 0, 0] : [rim & 255, (rim >> 8) & 255, (rim >> 16) & 255, 255];
    gl.uniform4f(this.uniforms.rim, ...colour.map((v) => v / 255));
    gl.drawElements(gl.POINTS, this.count, gl.UNSIGNED_INT, 0);
  }
}

class Splat {
  constructor(canvas) {
    Object.assign(this, { canvas, kind: "canvas", context: canvas.getContext("2d", { willReadFrequently: true }) });
    this.order = new Uint32Array(0);
  }

  put(places) { this.places = places; }

  paint(colours, order) { Object.assign(this, { colours, order }); }

  draw(camera, size, rim) {
    const { width, height } = this.canvas;
    if (!width || !height) return;
    if (!this.image || this.image.width !== width || this.image.height !== height) {
      this.image = this.context.createImageData(width, height);
      this.pixels = new Uint32Array(this.image.data.buffer);
    } else this.pixels.fill(0);
    if (this.order.length >= CROWD) this.crowd(camera.pixels(), width, height);
    else this.splat(camera.pixels(), disc(size), rim === null ? null : disc(size + 2), rim, width, height);
    this.context.putImageData(this.image, 0, 0);
  }

  splat({ scaleX, scaleY, x, y }, dot, around, rim, width, height) {
    const { places, colours, order, pixels } = this, { reach } = around ?? dot;
    const steps = stepsOf(dot, width), n = steps.length, outer = around ? stepsOf(around, width) : [], m = outer.length;
    for (let k = 0; k < order.length; k++) {
      const i = order[k], colour = colours[i];
      const px = (places[2 * i] * scaleX + x) | 0, py = (places[2 * i + 1] * scaleY + y) | 0;
      if (px < reach || py < reach || px >= width - reach || py >= height - reach) continue;
      const at = py * width + px;
      if (m && colour >>> 24 === 255) for (let j = 0; j < m; j++) pixels[at + outer[j]] = rim;
      for (let j = 0; j < n; j++) pixels[at + steps[j]] = colour;
    }
  }

  // Each pixel has the mean colour of the points in a square of four pixels, and is as strong as the logarithm of their number.
  crowd({ scaleX, scaleY, x, y }, width, height) {
    const { places, colours, order, pixels } = this, size = 4 * width * height;
    if (this.sums?.length === size) this.sums.fill(0); else this.sums = new Float32Array(size);
    const { sums } = this;
    for (let k = 0; k < order.length; k++) {
      const i = order[k], px = (places[2 * i] * scaleX + x) | 0, py = (places[2 * i + 1] * scaleY + y) | 0;
      if (px < 1 || py < 1 || px >= width || py >= height) continue;
      const at = 4 * (py * width + px), colour = colours[i], share = (colour >>> 24) / 255;
      sums[at] += share * (colour & 255);
      sums[at + 1] += share * ((colour >> 8) & 255);
      sums[at + 2] += share * ((colour >> 16) & 255);
      sums[at + 3] += share;
    }
    let most = 1;
    for (let at = 3; at < size; at += 4) if (sums[at] > most) most = sums[at];
    const by = (0.75 * 255) / Math.log1p(4 * most), line = 4 * width;
    for (let p = 0, at = 0; at + line + 4 < size; p++, at += 4) {
      const count = sums[at + 3] + sums[at + 7] + sums[at + line + 3] + sums[at + line + 7];
      if (count === 0) continue;
      const mean = (c) => (sums[at + c] + sums[at + 4 + c] + sums[at + line + c] + sums[at + line + 4 + c]) / count;
      pixels[p] = ((64 + by * Math.log1p(count)) << 24) | (mean(2) << 16) | (mean(1) << 8) | mean(0);
    }
  }
}

const stepsOf = ({ dx, dy }, width) => Int32Array.from(dx, (d, i) => d + dy[i] * width);

// The pixels of a disc of a diameter.
function disc(size) {
  const r = size / 2, reach = Math.max(1, Math.ceil(r)), dx = [], dy = [];
  for (let y = -reach; y <= reach; y++) {
    for (let x = -reach; x <= reach; x++) if (x * x + y * y <= r * r + 0.3) { dx.push(x); dy.push(y); }
  }
  return { dx, dy, reach: reach + 1 };
}

const PLAYED = /swiftshader|llvmpipe|software|basic render/i;

function nameOf(gl) {
  const more = gl.getExtension("WEBGL_debug_renderer_info");
  return String(gl.getParameter(more ? more.UNMASKED_RENDERER_WEBGL : gl.RENDERER));
}

// A canvas that has shown one kind of drawing takes no other.
function another(canvas) {
  const made = canvas.cloneNode();
  canvas.replaceWith(made);
  return made;
}

// What draws points. A card that only the processor plays is slower than pixels one by one.
export function renderer(canvas, wanted, rows) {
  if (wanted !== "canvas" && rows < CROWD) {
    const how = { premultipliedAlpha: true, antialias: false, alpha: true, preserveDrawingBuffer: true };
    const gl = canvas.getContext("webgl2", { ...how, failIfMajorPerformanceCaveat: wanted !== "webgl" });
    if (gl && (wanted === "webgl" || !PLAYED.test(nameOf(gl)))) return new Card(canvas, gl);
    if (gl) canvas = another(canvas);
  }
  return new Splat(canvas);
}

// Which rows lie near a place: rows in squares of the plane.
export class Index {
  constructor(xy, side = 128) {
    this.xy = xy;
    this.side = side;
    const n = xy.length / 2;
    let [x0, x1, y0, y1] = [Infinity, -Infinity, Infinity, -Infinity];
    for (let i = 0; i < n; i++) {
      const x = xy[2 * i], y = xy[2 * i + 1];
      if (x < x0) x0 = x; if (x > x1) x1 = x;
      if (y < y0) y0 = y; if (y > y1) y1 = y;
    }
    Object.assign(this, { x0, y0, x1, y1, sx: side / (x1 - x0 || 1), sy: side / (y1 - y0 || 1) });
    const starts = new Uint32Array(side * side + 1), cell = new Uint32Array(n);
    for (let i = 0; i < n; i++) starts[(cell[i] = this.cell(xy[2 * i], xy[2 * i + 1])) + 1]++;
    for (let c = 0; c < side * side; c++) starts[c + 1] += starts[c];
    const at = starts.slice(), rows = new Uint32Array(n);
    for (let i = 0; i < n; i++) rows[at[cell[i]]++] = i;
    Object.assign(this, { starts, rows });
  }

  column(x) { return Math.max(0, Math.min(this.side - 1, Math.floor((x - this.x0) * this.sx))); }

  line(y) { return Math.max(0, Math.min(this.side - 1, Math.floor((y - this.y0) * this.sy))); }

  cell(x, y) { return this.line(y) * this.side + this.column(x); }

  // Calls `each` with the rows in a rectangle of the plane (and some beside it).
  within(x0, x1, y0, y1, each) {
    const [a, b, c, d] = [this.column(x0), this.column(x1), this.line(y0), this.line(y1)];
    for (let line = c; line <= d; line++) {
      for (let k = this.starts[line * this.side + a]; k < this.starts[line * this.side + b + 1]; k++) each(this.rows[k]);
    }
  }

  // The row nearest to a place, no further than these distances along the axes; -1 for none.
  nearest(x, y, rx, ry, seen) {
    let best = -1, least = 1;
    this.within(x - rx, x + rx, y - ry, y + ry, (i) => {
      const u = (this.xy[2 * i] - x) / rx, v = (this.xy[2 * i + 1] - y) / ry, away = u * u + v * v;
      if (away < least && seen(i)) { least = away; best = i; }
    });
    return best;
  }
}
