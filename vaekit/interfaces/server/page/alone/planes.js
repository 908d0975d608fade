// Planes through the space of codes, and where prior and data have mass in them, as the server finds them.

const SIDE = 96, BINS = 64, ROOM = 0.18, SMALLEST = 1e-6, SMOOTH = 1.3;

function moments(values) {
  let mean = 0, square = 0;
  for (const v of values) mean += v / values.length;
  for (const v of values) square += (v - mean) ** 2 / values.length;
  return { mean, variance: square };
}

// A share of the way through sorted numbers.
function quantile(sorted, share) {
  const at = share * (sorted.length - 1), low = Math.floor(at), high = Math.min(low + 1, sorted.length - 1);
  return sorted[low] + (sorted[high] - sorted[low]) * (at - low);
}

const column = (codes, latent, dim) => Float32Array.from({ length: codes.length / latent }, (_, i) => codes[i * latent + dim]);

// The plane of two dimensions; all others are at their median.
export function along(name, codes, latent) {
  const chosen = name.split(",").map(Number), directions = [0, 1].map(() => new Array(latent).fill(0)), origin = new Array(latent).fill(0);
  const columns = Array.from({ length: latent }, (_, dim) => column(codes, latent, dim));
  chosen.forEach((dim, axis) => { if (dim < latent) directions[axis][dim] = 1; });
  for (let dim = 0; dim < latent; dim++) if (!chosen.includes(dim)) origin[dim] = quantile(columns[dim].slice().sort(), 0.5);
  const spread = columns.map((values) => moments(values).variance), total = Math.max(spread.reduce((a, b) => a + b, 0), SMALLEST);
  return { name, axes: chosen.map((dim) => (dim < latent ? `z${dim}` : "")), origin, directions, shares: chosen.map((dim) => (spread[dim] ?? 0) / total), flat: latent < 2 };
}

function projected({ origin, directions, flat }, codes, latent) {
  const n = codes.length / latent, found = new Float32Array(2 * n);
  for (let i = 0; i < n; i++) {
    for (let axis = 0; axis < 2; axis++) {
      let sum = 0;
      for (let dim = 0; dim < latent; dim++) sum += directions[axis][dim] * (codes[i * latent + dim] - origin[dim]);
      found[2 * i + axis] = sum;
    }
  }
  if (flat) scatter(found);
  return found;
}

// Of points on a line, heights as far as the line is crowded.
function scatter(xy) {
  const n = xy.length / 2, xs = column(xy, 2, 0), low = Math.min(...xs.slice().sort().subarray(0, 1)), high = xs.slice().sort()[n - 1];
  const counts = new Float64Array(BINS), cell = (x) => Math.min(BINS - 1, Math.floor(((x - low) / (high - low + SMALLEST)) * BINS));
  for (const x of xs) counts[cell(x)]++;
  const crowd = counts.map((_, k) => [-2, -1, 0, 1, 2].reduce((sum, d) => sum + (counts[k + d] ?? 0) / 5, 0)), most = Math.max(...crowd, 1);
  let seed = 1;
  for (let i = 0; i < n; i++) {
    seed = (Math.imul(seed, 1664525) + 1013904223) >>> 0;
    xy[2 * i + 1] = ((seed / 2 ** 31 - 1) * (crowd[cell(xs[i])] / most) * (high - low)) / 6;
  }
}

// Where rows lie, two numbers each, and their covariances, three.
export function points(plane, { codes, spread }, latent) {
  const xy = projected(plane, codes, latent), n = xy.length / 2, out = new Float32Array(5 * n), [a, b] = plane.directions;
  for (let i = 0; i < n; i++) {
    let [aa, ab, bb] = [0, 0, 0];
    for (let dim = 0; dim < latent; dim++) {
      const variance = spread[i * latent + dim] ** 2;
      aa += a[dim] * a[dim] * variance; ab += a[dim] * b[dim] * variance; bb += b[dim] * b[dim] * variance;
    }
    out.set([xy[2 * i], xy[2 * i + 1], aa, ab, bb], 5 * i);
  }
  return out;
}

function smoothed(cells, axis, width) {
  const reach = Math.ceil(3 * width), out = new Float64Array(cells.length), stride = axis ? 1 : SIDE;
  const bell = Array.from({ length: 2 * reach + 1 }, (_, k) => 2 ** -(((k - reach) / width) ** 2)), total = bell.reduce((a, b) => a + b, 0);
  for (let start = 0; start < SIDE; start++) {
    const first = axis ? start * SIDE : start;
    for (let i = 0; i < SIDE; i++) {
      let sum = 0;
      for (let k = -reach; k <= reach; k++) if (i + k >= 0 && i + k < SIDE) sum += bell[k + reach] * cells[first + (i + k) * stride];
      out[first + i * stride] = sum / total;
    }
  }
  return out;
}

// At each cell the least share of all mass in a region that is as dense everywhere.
function levels(xy, low, high) {
  const n = xy.length / 2, step = [0, 1].map((k) => (high[k] - low[k]) / SIDE);
  let density = new Float64Array(SIDE * SIDE);
  for (let i = 0; i < n; i++) {
    const [u, v] = [0, 1].map((k) => Math.floor((xy[2 * i + k] - low[k]) / step[k]));
    if (u >= 0 && v >= 0 && u < SIDE && v < SIDE) density[u * SIDE + v]++;
  }
  for (const axis of [0, 1]) {
    const wide = (SMOOTH * Math.sqrt(moments(column(xy, 2, axis)).variance) * n ** (-1 / 6)) / Math.max(step[axis], SMALLEST);
    density = smoothed(density, axis, Math.max(0.8, Math.min(SIDE / 6, wide)));
  }
  const order = Uint32Array.from(density, (_, i) => i).sort((p, q) => density[q] - density[p]), total = Math.max(density.reduce((a, b) => a + b, 0), SMALLEST);
  const found = new Float32Array(density.length);
  let sum = 0;
  for (const i of order) { sum += density[i]; found[i] = sum / total; }
  return found;
}

// {box, data}: the prior's levels, then the rows'.
export function masses(plane, { codes, draws }, latent) {
  const rows = projected(plane, codes, latent), drawn = projected(plane, draws, latent), low = [], high = [];
  for (const axis of [0, 1]) {
    const a = column(rows, 2, axis).sort(), b = column(drawn, 2, axis).sort();
    const ends = [Math.min(a[0], quantile(b, 0.002)), Math.max(a[a.length - 1], quantile(b, 0.998))], room = Math.max(ends[1] - ends[0], SMALLEST) * ROOM;
    low.push(ends[0] - room);
    high.push(ends[1] + room);
  }
  const data = new Float32Array(2 * SIDE * SIDE);
  data.set(levels(drawn, low, high));
  data.set(levels(rows, low, high), SIDE * SIDE);
  return { box: [low[0], high[0], low[1], high[1]], data, side: SIDE };
}
