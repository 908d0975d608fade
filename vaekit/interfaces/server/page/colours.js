// From one number of each row to its colour.

export const rgb = (hex) => [1, 3, 5].map((i) => parseInt(hex.slice(i, i + 2), 16));

const packed = ([r, g, b], alpha = 255) => (alpha << 24) | (b << 16) | (g << 8) | r;

export function classColour(palette, number) {
  const round = Math.floor(number / palette.length), base = rgb(palette[number % palette.length]);
  const shift = [1, 0.68, 1.3, 0.5][round % 4];
  return base.map((v) => Math.min(255, Math.round(shift > 1 ? v + (255 - v) * (shift - 1) * 1.6 : v * shift)));
}

export const css = ([r, g, b]) => `rgb(${r} ${g} ${b})`;

// 256 colours of a ramp of a few.
export function rampTable(ramp) {
  const ends = ramp.map(rgb), table = new Uint32Array(256);
  for (let i = 0; i < 256; i++) {
    const at = (i / 255) * (ends.length - 1), k = Math.min(Math.floor(at), ends.length - 2), t = at - k;
    table[i] = packed(ends[k].map((v, c) => Math.round(v + (ends[k + 1][c] - v) * t)));
  }
  return table;
}

// The values between which a ramp runs: nearly all of them.
export function span(values) {
  const some = [];
  const step = Math.max(1, Math.floor(values.length / 20000));
  for (let i = 0; i < values.length; i += step) if (Number.isFinite(values[i])) some.push(values[i]);
  some.sort((a, b) => a - b);
  if (!some.length) return [0, 1];
  const low = some[Math.floor(0.02 * (some.length - 1))], high = some[Math.ceil(0.98 * (some.length - 1))];
  return high > low ? [low, high] : [some[0], some[some.length - 1] > some[0] ? some[some.length - 1] : some[0] + 1];
}

// Colours of all rows, as 32-bit RGBA.
export function coloured(colouring, values, about, dark) {
  const out = new Uint32Array(values.length), none = packed(dark ? [90, 98, 108] : [176, 183, 190]);
  if (colouring.classes.length) {
    const table = colouring.classes.map((_, i) => packed(classColour(about.palette, i)));
    for (let i = 0; i < out.length; i++) out[i] = table[values[i]] ?? none;
    return { out, range: null };
  }
  const [low, high] = span(values), table = rampTable(about.ramp);
  for (let i = 0; i < out.length; i++) {
    const t = (values[i] - low) / (high - low);
    out[i] = Number.isNaN(t) ? none : table[Math.max(0, Math.min(255, Math.round(t * 255)))];
  }
  return { out, range: [low, high] };
}
