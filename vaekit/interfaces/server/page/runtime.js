// Networks as lists of plain steps over flat arrays, one row at a time.

const ARRAYS = { f4: Float32Array, f8: Float64Array, i4: Int32Array, u1: Uint8Array };

// Lets the page do other things, each time that so many milliseconds have gone by since it did.
export function breather(most = 12) {
  let last = performance.now();
  return async () => {
    if (performance.now() - last <= most) return;
    await new Promise((done) => { const { port1, port2 } = new MessageChannel(); port1.onmessage = done; port2.postMessage(0); });
    last = performance.now();
  };
}

export const mostOf = (values) => values.reduce((a, b) => Math.max(a, b), -Infinity);

export function logsumexp(values) {
  const most = mostOf(values);
  return most + Math.log(values.reduce((sum, v) => sum + Math.exp(v - most), 0));
}

const sigmoid = (x) => 1 / (1 + Math.exp(-x));
const softplus = (x, beta = 1) => (x * beta > 20 ? x : Math.log1p(Math.exp(x * beta)) / beta);

// The error function, to 1e-7 (Numerical Recipes' erfc).
function erf(x) {
  const z = Math.abs(x), t = 1 / (1 + z / 2);
  const c = [1.00002368, 0.37409196, 0.09678418, -0.18628806, 0.27886807, -1.13520398, 1.48851587, -0.82215223, 0.17087277];
  const found = t * Math.exp(-z * z - 1.26551223 + t * c.reduceRight((sum, v) => sum * t + v, 0));
  return x >= 0 ? 1 - found : found - 1;
}

// torch rounds halves to even, and so does numpy.
export function even(x) {
  const down = Math.floor(x), rest = x - down;
  return rest === 0.5 ? down + (down & 1 ? 1 : 0) : Math.round(x);
}

const ONE = {
  silu: (x) => x * sigmoid(x), tanh: Math.tanh, atan: Math.atan, acos: Math.acos, exp: Math.exp, log: Math.log, sqrt: Math.sqrt,
  rsqrt: (x) => 1 / Math.sqrt(x), log1p: Math.log1p, expm1: Math.expm1, neg: (x) => -x, abs: Math.abs, isnan: (x) => (x === x ? 0 : 1),
  bitwise_not: (x) => (x ? 0 : 1), logical_not: (x) => (x ? 0 : 1), reciprocal: (x) => 1 / x, sin: Math.sin, cos: Math.cos, round: even, floor: Math.floor,
  square: (x) => x * x, softplus, elu: (x, alpha = 1) => (x > 0 ? x : alpha * Math.expm1(x)), leaky_relu: (x, slope = 0.01) => (x > 0 ? x : slope * x),
  gelu: (x, way) => (way === "tanh" ? 0.5 * x * (1 + Math.tanh(Math.sqrt(2 / Math.PI) * (x + 0.044715 * x ** 3))) : 0.5 * x * (1 + erf(x / Math.SQRT2))), erf,
  clamp: (x, low, high) => (x < low ? low : x > high ? high : x), nan_to_num: (x, nan) => (x === x ? x : nan), cast: (x) => x,
};

const TWO = {
  maximum: Math.max, minimum: Math.min, pow: (a, b) => a ** b,
  remainder: (a, b) => a - b * Math.floor(a / b), eq: (a, b) => +(a === b), ne: (a, b) => +(a !== b), lt: (a, b) => +(a < b), le: (a, b) => +(a <= b), gt: (a, b) => +(a > b), ge: (a, b) => +(a >= b),
  bitwise_and: (a, b) => a & b, bitwise_or: (a, b) => a | b, logical_and: (a, b) => +(a && b), logical_or: (a, b) => +(a || b),
};

const OVER = {
  sum: (v) => v.reduce((a, b) => a + b, 0), mean: (v) => v.reduce((a, b) => a + b, 0) / v.length, amax: (v) => Math.max(...v), amin: (v) => Math.min(...v),
  logsumexp,
  argmax: (v) => v.indexOf(Math.max(...v)), argmin: (v) => v.indexOf(Math.min(...v)), all: (v) => +v.every((x) => x), any: (v) => +v.some((x) => x),
};

// The commonest by loops of their own, which browsers make fast; 0 for a step that stays where it is.
const FAST = {
  add: (out, a, p, b, q) => { for (let i = 0, j = 0, k = 0; i < out.length; i++, j += p, k += q) out[i] = a[j] + b[k]; },
  sub: (out, a, p, b, q) => { for (let i = 0, j = 0, k = 0; i < out.length; i++, j += p, k += q) out[i] = a[j] - b[k]; },
  mul: (out, a, p, b, q) => { for (let i = 0, j = 0, k = 0; i < out.length; i++, j += p, k += q) out[i] = a[j] * b[k]; },
  div: (out, a, p, b, q) => { for (let i = 0, j = 0, k = 0; i < out.length; i++, j += p, k += q) out[i] = a[j] / b[k]; },
};

const fast = (loop, out, [a, b]) => loop(out, a, a.length === out.length ? 1 : 0, b, b.length === out.length ? 1 : 0);

function sigmoids(out, [a]) {
  for (let i = 0; i < out.length; i++) out[i] = 1 / (1 + Math.exp(-a[i]));
}

function relus(out, [a]) {
  for (let i = 0; i < out.length; i++) { const x = a[i]; out[i] = x < 0 ? 0 : x; }
}

function one(f, out, [a], numbers) {
  const [p, q] = numbers;
  for (let i = 0; i < out.length; i++) out[i] = f(a[i], p, q);
}

function two(f, out, [a, b]) {
  const n = out.length;
  if (a.length === n && b.length === n) for (let i = 0; i < n; i++) out[i] = f(a[i], b[i]);
  else if (a.length === n) { const v = b[0]; for (let i = 0; i < n; i++) out[i] = f(a[i], v); }
  else if (b.length === n) { const v = a[0]; for (let i = 0; i < n; i++) out[i] = f(v, b[i]); }
  else out.fill(f(a[0], b[0]));
}

// Over an axis of `count` places that are `stride` apart: one number for each of the others.
function over(f, out, [a], [count, stride]) {
  const line = new Float64Array(count);
  for (let k = 0; k < out.length; k++) {
    const start = Math.floor(k / stride) * count * stride + (k % stride);
    for (let i = 0; i < count; i++) line[i] = a[start + i * stride];
    out[k] = f(line);
  }
}

// The same where every number stays.
function softmax(out, [a], [count, stride], logs) {
  for (let k = 0; k < out.length / count; k++) {
    const start = Math.floor(k / stride) * count * stride + (k % stride);
    let most = -Infinity, total = 0;
    for (let i = 0; i < count; i++) most = Math.max(most, a[start + i * stride]);
    for (let i = 0; i < count; i++) total += Math.exp(a[start + i * stride] - most);
    const less = most + Math.log(total);
    for (let i = 0; i < count; i++) { const v = a[start + i * stride] - less; out[start + i * stride] = logs ? v : Math.exp(v); }
  }
}

// Of several arrays side by side, the numbers at these places; `fill` for -1.
function pick(out, [places, ...sources], [fill]) {
  if (sources.length === 1) {
    const [a] = sources;
    for (let i = 0; i < out.length; i++) { const p = places[i]; out[i] = p < 0 ? fill : a[p]; }
    return;
  }
  for (let i = 0; i < out.length; i++) {
    let p = places[i], k = 0;
    if (p < 0) { out[i] = fill; continue; }
    while (p >= sources[k].length) p -= sources[k++].length;
    out[i] = sources[k][p];
  }
}

// Rows times a matrix, and a bias: what is 0, as behind a ReLU, costs nothing.
function dense(out, [a, matrix, bias], [inner, width]) {
  const single = bias.length === 1;
  for (let r = 0; r < out.length / width; r++) {
    const line = out.subarray(r * width, (r + 1) * width);
    for (let j = 0; j < width; j++) line[j] = single ? bias[0] : bias[r * width + j];
    for (let i = 0; i < inner; i++) {
      const value = a[r * inner + i];
      if (value === 0) continue;
      for (let j = 0, at = i * width; j < width; j++, at++) line[j] += value * matrix[at];
    }
  }
}

// A convolution as products of matrices: output pixels that see the same places of the kernel go together.
class Convolution {
  constructor(transposed, weight, numbers) {
    const [channels, height, width, wide, high, across, kh, kw, sy, sx, py, px] = numbers, groups = new Map();
    Object.assign(this, { channels, wide, area: height * width, plane: high * across });
    // Where along an axis a place of the kernel lies for an output: undefined where it touches none.
    const place = (at, k, step, pad) => (transposed ? ((at + pad - k) % step === 0 ? (at + pad - k) / step : undefined) : at * step + k - pad);
    for (let y = 0; y < high; y++) {
      for (let x = 0; x < across; x++) {
        const taps = [], sources = [];
        for (let ky = 0; ky < kh; ky++) {
          for (let kx = 0; kx < kw; kx++) {
            const iy = place(y, ky, sy, py), ix = place(x, kx, sx, px);
            if (iy === undefined || ix === undefined) continue;
            taps.push(ky * kw + kx);
            sources.push(iy >= 0 && ix >= 0 && iy < height && ix < width ? iy * width + ix : -1);
          }
        }
        const key = taps.join(), group = groups.get(key) ?? groups.set(key, { taps, pixels: [], sources: [] }).get(key);
        group.pixels.push(y * across + x);
        group.sources.push(...sources);
      }
    }
    const at = (c, o) => (transposed ? c * wide + o : o * channels + c) * kh * kw;
    this.groups = [...groups.values()].map(({ taps, pixels, sources }) => {
      const inner = taps.length * channels, panels = Math.ceil(wide / 4), blocks = Math.ceil(pixels.length / 4), weights = new Float64Array(panels * inner * 4);
      for (let o = 0; o < wide; o++) taps.forEach((tap, t) => { for (let c = 0; c < channels; c++) weights[((o >> 2) * inner + t * channels + c) * 4 + (o & 3)] = weight[at(c, o) + tap]; });
      return { taps: taps.length, inner, pixels: Int32Array.from(pixels), sources: Int32Array.from(sources), weights, panels, blocks, seen: new Float64Array(inner * 4) };
    });
  }

  run(out, x, bias) {
    for (const group of this.groups) {
      for (let block = 0; block < group.blocks; block++) {
        this.look(group, x, block * 4);
        for (let panel = 0; panel < group.panels; panel++) this.multiply(out, bias, group, panel, block);
      }
    }
  }

  // What four output pixels see, side by side.
  look({ taps, pixels, sources, seen }, x, first) {
    const { channels, area } = this, count = Math.min(4, pixels.length - first);
    for (let p = 0; p < count; p++) {
      for (let t = 0; t < taps; t++) {
        const from = sources[(first + p) * taps + t];
        let to = t * channels * 4 + p;
        for (let c = 0, i = from; c < channels; c++, i += area, to += 4) seen[to] = from < 0 ? 0 : x[i];
      }
    }
  }

  // Four pixels of four output channels.
  multiply(out, bias, { inner, pixels, weights, seen }, panel, block) {
    let a0 = 0, a1 = 0, a2 = 0, a3 = 0, b0 = 0, b1 = 0, b2 = 0, b3 = 0, c0 = 0, c1 = 0, c2 = 0, c3 = 0, d0 = 0, d1 = 0, d2 = 0, d3 = 0;
    let p = 0, w = panel * inner * 4;
    for (const end = inner * 4; p < end; p += 4, w += 4) {
      const x0 = seen[p], x1 = seen[p + 1], x2 = seen[p + 2], x3 = seen[p + 3], w0 = weights[w], w1 = weights[w + 1], w2 = weights[w + 2], w3 = weights[w + 3];
      a0 += x0 * w0; a1 += x1 * w0; a2 += x2 * w0; a3 += x3 * w0;
      b0 += x0 * w1; b1 += x1 * w1; b2 += x2 * w1; b3 += x3 * w1;
      c0 += x0 * w2; c1 += x1 * w2; c2 += x2 * w2; c3 += x3 * w2;
      d0 += x0 * w3; d1 += x1 * w3; d2 += x2 * w3; d3 += x3 * w3;
    }
    const { plane, wide } = this, first = panel * 4, sums = [a0, a1, a2, a3, b0, b1, b2, b3, c0, c1, c2, c3, d0, d1, d2, d3];
    for (let o = 0; o < 4 && first + o < wide; o++) {
      for (let k = 0; k < 4 && block * 4 + k < pixels.length; k++) out[(first + o) * plane + pixels[block * 4 + k]] = sums[o * 4 + k] + bias[first + o];
    }
  }
}

const convolutions = new WeakMap();

// Each step has numbers of its own.
function convolve(transposed, out, [x, weight, bias], numbers) {
  if (!convolutions.has(numbers)) convolutions.set(numbers, new Convolution(transposed, weight, numbers));
  convolutions.get(numbers).run(out, x, bias);
}

// A stretch of numbers brought to mean 0 and variance 1.
function normed(out, a, start, size, floor) {
  let mean = 0, square = 0;
  for (let i = start; i < start + size; i++) mean += a[i] / size;
  for (let i = start; i < start + size; i++) square += (a[i] - mean) ** 2 / size;
  const by = 1 / Math.sqrt(square + floor);
  for (let i = start; i < start + size; i++) out[i] = (a[i] - mean) * by;
}

function groupNorm(out, [a, weight, bias], [channels, size, groups, floor]) {
  const each = (channels / groups) * size;
  for (let g = 0; g < groups; g++) normed(out, a, g * each, each, floor);
  for (let c = 0, i = 0; c < channels; c++) for (let k = 0; k < size; k++, i++) out[i] = out[i] * weight[c] + bias[c];
}

function layerNorm(out, [a, weight, bias], [width, floor]) {
  for (let start = 0; start < out.length; start += width) {
    normed(out, a, start, width, floor);
    for (let i = 0; i < width; i++) out[start + i] = out[start + i] * weight[i] + bias[i];
  }
}

function embedding(out, [weight, places], [width]) {
  for (let k = 0; k < places.length; k++) for (let i = 0; i < width; i++) out[k * width + i] = weight[places[k] * width + i];
}

// How far each of some vectors is from each of others.
function distances(out, [a, b], [rows, others, size]) {
  for (let i = 0; i < out.length; i++) {
    const row = Math.floor(i / others), first = row * size, second = (Math.floor(row / rows) * others + (i % others)) * size;
    let sum = 0;
    for (let k = 0; k < size; k++) sum += (a[first + k] - b[second + k]) ** 2;
    out[i] = Math.sqrt(sum);
  }
}

function where(out, [mask, a, b]) {
  const at = (v, i) => (v.length === 1 ? v[0] : v[i]);
  for (let i = 0; i < out.length; i++) out[i] = at(mask, i) ? at(a, i) : at(b, i);
}

export const STEPS = {
  ...Object.fromEntries(Object.entries(ONE).map(([name, f]) => [name, (out, of, numbers) => one(f, out, of, numbers)])),
  ...Object.fromEntries(Object.entries(TWO).map(([name, f]) => [name, (out, of) => two(f, out, of)])),
  ...Object.fromEntries(Object.entries(OVER).map(([name, f]) => [name, (out, of, numbers) => over(f, out, of, numbers)])),
  softmax: (out, of, numbers) => softmax(out, of, numbers, false), log_softmax: (out, of, numbers) => softmax(out, of, numbers, true),
  ...Object.fromEntries(Object.entries(FAST).map(([name, loop]) => [name, (out, of) => fast(loop, out, of)])),
  sigmoid: sigmoids, relu: relus, pick, dense, conv: (...step) => convolve(false, ...step), conv_transposed: (...step) => convolve(true, ...step), group_norm: groupNorm, layer_norm: layerNorm, embedding, distances, where,
};

// A network: `run` takes arrays, one for each input, and gives arrays that the next run writes over.
export class Program {
  constructor({ inputs, constants, steps, outputs }) {
    const arrays = (this.arrays = [...constants, ...inputs.map(([kind, size]) => new ARRAYS[kind](size))]);
    this.inputs = arrays.slice(constants.length);
    this.steps = steps.map(([name, of, numbers, kind, size]) => {
      const out = new ARRAYS[kind](size);
      arrays.push(out);
      return () => STEPS[name](out, of.map((n) => arrays[n]), numbers);
    });
    this.outputs = outputs.map((n) => arrays[n]);
  }

  run(...given) {
    given.forEach((values, k) => this.inputs[k].set(values));
    for (const step of this.steps) step();
    return this.outputs;
  }
}
