// What is said of rows that the file holds: which hold a text, what sets some apart, a table of them.

import { storedCells } from "./cells.js";

const TELLING = 12, MOST_SHOWN = 300;

export const named = ({ names }, row) => String(names ? names[row] : row);

// Numbers of rows in whose name, label or cells a text stands.
export function found(held, text) {
  const wanted = text.toLowerCase().trim(), { about, colours } = held, ids = [];
  const classes = about.colours.filter((c) => c.classes.length && c.key !== "split").map((c) => ({ values: colours[c.key], hit: c.classes.map((name) => name.toLowerCase().includes(wanted)) }));
  for (let i = 0; i < about.rows; i++) if (named(held, i).toLowerCase().includes(wanted) || classes.some(({ values, hit }) => hit[values[i]])) ids.push(i);
  return Uint32Array.from(ids);
}

export function known({ about, colours }, row) {
  return Object.fromEntries(about.colours.filter((c) => c.classes.length && c.group !== "columns").map((c) => [c.name, c.classes[colours[c.key][row]]]));
}

export function nearest(held, code, number, but = -1) {
  const { codes, about: { rows, latent } } = held, away = [];
  for (let i = 0; i < rows; i++) {
    if (i === but) continue;
    let sum = 0;
    for (let d = 0; d < latent; d++) sum += (codes[i * latent + d] - code[d]) ** 2;
    away.push([Math.sqrt(sum), i]);
  }
  return away.sort((a, b) => a[0] - b[0]).slice(0, number).map(([distance, row]) => ({ row, name: named(held, row), distance }));
}

function shares(colouring, values, inside) {
  const all = new Array(colouring.classes.length).fill(0), here = all.slice();
  values.forEach((k, i) => { all[k]++; if (inside[i]) here[k]++; });
  const order = here.map((_, k) => k).filter((k) => here[k]).sort((a, b) => here[b] - here[a]).slice(0, TELLING);
  return { name: colouring.name, key: colouring.key, rows: order.map((k) => ({ name: colouring.classes[k], here: here[k], all: all[k] })) };
}

const mean = (values) => (values.length ? values.reduce((a, b) => a + b, 0) / values.length : null);

function apart(name, values, inside) {
  const there = [...values].map((v, i) => [v, inside[i]]).filter(([v]) => Number.isFinite(v));
  const here = mean(there.filter(([, on]) => on).map(([v]) => v)), others = mean(there.filter(([, on]) => !on).map(([v]) => v));
  if (here === null || others === null) return { name, here, others: null, apart: 0 };
  const middle = mean(there.map(([v]) => v)), spread = Math.sqrt(mean(there.map(([v]) => (v - middle) ** 2)));
  return { name, here, others, apart: spread > 0 ? (here - others) / spread : 0 };
}

// The mean picture of some rows, then of the others.
function means({ rows }, size, inside) {
  const out = new Uint8Array(2 * size);
  [1, 0].forEach((wanted, k) => {
    const ids = [...inside.keys()].filter((i) => inside[i] === wanted), every = Math.max(1, Math.ceil(ids.length / MOST_SHOWN)), sum = new Float64Array(size);
    const some = ids.filter((_, i) => i % every === 0);
    for (const i of some) for (let j = 0; j < size; j++) sum[j] += rows[i * size + j];
    for (let j = 0; j < size; j++) out[k * size + j] = Math.round(sum[j] / Math.max(some.length, 1));
  });
  return out;
}

export function differs(held, ids) {
  const { about, colours, codes } = held, { latent } = about, inside = new Uint8Array(about.rows), each = about.colours;
  for (const i of ids) inside[i] = 1;
  const numbers = each.filter((c) => !c.classes.length).map((c) => apart(c.name, colours[c.key], inside));
  for (let d = 0; d < latent; d++) numbers.push(apart(`z${d}`, Float32Array.from({ length: about.rows }, (_, i) => codes[i * latent + d]), inside));
  const told = { rows: ids.length, classes: each.filter((c) => c.classes.length).map((c) => shares(c, colours[c.key], inside)), numbers: numbers.sort((a, b) => Math.abs(b.apart) - Math.abs(a.apart)).slice(0, TELLING) };
  const { kind, shape } = about.face;
  return held.rows && kind === "pictures" ? { ...told, means: { data: means(held, shape.reduce((a, b) => a * b), inside), shape: [2, ...shape], type: "uint8" } } : told;
}

const cell = (value) => (typeof value === "number" ? String(+value.toPrecision(7)) : /[",\n]/.test(value) ? `"${value.replaceAll('"', '""')}"` : value);

export function csv(held, ids) {
  const { about, colours, codes } = held, { latent } = about, label = about.colours.find((c) => c.key === "label"), columns = held.rows && about.face.columns;
  const values = (i) => (held.cells ? storedCells(held.rows, i).map((v) => v ?? "") : held.rows.subarray(i * columns.length, (i + 1) * columns.length));
  const head = ["row", ...(label ? ["label"] : []), ...Array.from({ length: latent }, (_, d) => `z${d}`), ...(columns || [])];
  const lines = [...ids].map((i) => [named(held, i), ...(label ? [label.classes[colours.label[i]]] : []), ...codes.subarray(i * latent, (i + 1) * latent), ...(columns ? values(i) : [])]);
  return [head, ...lines].map((line) => line.map(cell).join(",")).join("\r\n") + "\r\n";
}
