// A row of a table that a person edits: its levels, its code, how likely it is, and what each cell would be given all others.

import { breather, even, logsumexp, mostOf, Program } from "./runtime.js";

const DATE = /^([A-Za-z]+|\d{1,4})[-/. ]([A-Za-z]+|\d{1,2})(?:[-/. ]|, )(\d{1,4})(?:(?:T|, | +)(.+))?$/;
const CLOCK = /^(\d{1,2}):(\d\d)(?::(\d\d(?:\.\d+)?))? ?([AP]M)? ?(?:Z|UTC|([+-]\d\d):?(\d\d))?$/i, SPAN = /^(-?\d+) days?(?:,? (.+))?$/;
const MONTHS = ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"], PIVOT = 69;

// A number with the marks of its column: a unit, decimals, and thousands in groups of three.
function number(text, [before, after, decimal, thousands]) {
  let plain = text.replace("−", "-"), sign = "";
  if (/^[+-]/.test(plain)) [sign, plain] = [plain[0], plain.slice(1)];
  if (before && plain.startsWith(before)) plain = plain.slice(before.length);
  if (after && plain.endsWith(after)) plain = plain.slice(0, -after.length);
  const [whole, ...rest] = plain.split(decimal), groups = whole.split(thousands);
  if (groups.length > 1 && (groups[0].length > 3 || groups.slice(1).some((g) => g.length !== 3))) return NaN;
  const digits = [groups.join(""), ...rest].join(".");
  return digits.trim() === "" ? NaN : Number(sign + digits.trim());
}

function clock(text) {
  const found = CLOCK.exec(text);
  if (!found) return NaN;
  const [, hours, minutes, seconds, half, east, more] = found;
  const hour = half ? (Number(hours) % 12) + (half.toLowerCase() === "pm" ? 12 : 0) : Number(hours);
  return hour * 3600 + Number(minutes) * 60 + Number(seconds ?? 0) - (east ? Number(east) * 3600 + Math.sign(Number(east)) * Number(more) * 60 : 0);
}

// Seconds of a date, a time of day or a span of time; `order` of year, month and day.
function seconds(text, order) {
  const span = SPAN.exec(text), date = DATE.exec(text);
  if (span) return Number(span[1]) * 86400 + (span[2] ? clock(span[2]) : 0);
  if (!date || !order) return clock(text);
  const year = date[1].length === 4 ? "ymd" : order, said = (part) => date[1 + year.indexOf(part)];
  const month = MONTHS.indexOf(said("m").slice(0, 3).toLowerCase()), y = Number(said("y")), century = y < 100 ? (y < PIVOT ? 2000 : 1900) : 0;
  return Date.UTC(y + century, month < 0 ? Number(said("m")) - 1 : month, Number(said("d"))) / 1000 + (date[4] ? clock(date[4]) : 0);
}

const READ = { number, moment: seconds };

// Where a number stands among rising ones that begin each level.
function among(starts, x) {
  let low = 0, high = starts.length;
  while (low < high) { const middle = (low + high) >> 1; if (starts[middle] <= x) low = middle + 1; else high = middle; }
  return low - 1;
}

// The level of a cell's text, -1 where it is missing.
export function levelOf(column, text) {
  if (text === null || text === "") return -1;
  const { name, texts, count, shared, kind } = column;
  if (texts) {
    const at = texts.indexOf(text), place = at < 0 ? texts.findIndex((t) => t.toLowerCase() === text.toLowerCase()) : at;
    if (place >= 0) return Math.min(place, count - 1);
    if (shared) return count - 1;
    throw new Error(`${name} has no value '${text}': it is one of ${texts.slice(0, 5).join(", ")}${texts.length > 5 ? " …" : ""}`);
  }
  const value = READ[kind](text, column.written) * column.unit;
  if (!Number.isFinite(value)) throw new Error(`${name} is a column of ${kind === "number" ? "numbers" : "dates or times"}, and '${text}' is none`);
  const { decimals, origin, step, starts } = column;
  return among(starts, decimals === null ? value : even((even(value * 10 ** decimals) - origin) / step));
}

export class Edited {
  // What a page in one file holds of a table's model.
  constructor({ columns, gaps, levels, encode, given, prior, noise, rows }, cells, latent) {
    Object.assign(this, { columns, gaps, cells, latent, noise, rows });
    [this.encoder, this.network, this.prior] = [encode, given, prior].map((steps) => steps && new Program(steps));
    this.count = levels.length;
    this.starts = levels.map((_, j) => levels.slice(0, j).reduce((a, b) => a + b, 0));
    this.sizes = levels;
    this.breathe = breather();
  }

  // Levels of all cells, NaN where one is missing: those of a row, but for cells that are said.
  levels({ row, cells }) {
    const { columns, gaps, count } = this, first = gaps.length;
    const own = Float32Array.from({ length: count }, (_, j) => (row === undefined ? (j < first ? 1 : -1) : this.rows[row * count + j]));
    for (const name of Object.keys(cells)) {
      const i = columns.findIndex((c) => c.name === name), flag = gaps.indexOf(i), level = levelOf(columns[i], cells[name]);
      own[first + i] = level;
      if (flag >= 0) own[flag] = level < 0 ? 1 : 0;
    }
    return own.map((v) => (v < 0 ? NaN : v));
  }

  encoded(x) {
    const [mean, variance] = this.encoder.run(x).map((v) => Float64Array.from(v));
    return { mean, spread: variance.map((v) => Math.exp(v / 2)) };
  }

  code({ mean, spread }, noise) { return Float32Array.from(mean, (v, i) => v + spread[i] * noise[i]); }

  draws(name) {
    const { latent } = this, all = this.noise[name];
    return Array.from({ length: all.length / latent }, (_, k) => all.subarray(k * latent, (k + 1) * latent));
  }

  // log p(x_j = each level | the cells seen, a code); `own` where just the cells before it are seen.
  async told(code, seen, j, own = false) {
    await this.breathe();
    const [logits, more] = this.network.run(code, seen), from = this.starts[j], to = from + this.sizes[j];
    const found = Float64Array.from(logits.subarray(from, to), (v, l) => v + (own ? more[from + l] : 0)), less = logsumexp(found);
    return found.map((v) => v - less);
  }

  // log p(x|z): column after column.
  async likelihood(x, code) {
    const seen = new Float32Array(this.count).fill(NaN);
    let total = 0;
    for (let j = 0; j < this.count; j++) {
      if (Number.isNaN(x[j])) continue;
      total += (await this.told(code, seen, j, true))[x[j]];
      seen[j] = x[j];
    }
    return total;
  }

  // log p(x) by importance sampling, and the ELBO by the same draws.
  async density(x, q) {
    if (!this.prior) return {};
    const weights = [];
    for (const noise of this.draws("density")) {
      const code = this.code(q, noise), before = this.prior.run(code)[0][0];
      const own = noise.reduce((sum, e, i) => sum - e * e / 2 - Math.log(q.spread[i]) - Math.log(2 * Math.PI) / 2, 0);
      weights.push((await this.likelihood(x, code)) + before - own);
    }
    const found = logsumexp(weights) - Math.log(weights.length), n = weights.length;
    const error = Math.sqrt(weights.reduce((sum, w) => sum + (Math.exp(w - found) - 1) ** 2, 0) / (n * (n - 1)));
    return { log_px: found, error, elbo: weights.reduce((a, b) => a + b, 0) / n, samples: n };
  }

  // log p(x_j = each level | all other cells): a mean over codes of these.
  async others(x, j) {
    const seen = x.map((v, k) => (k === j ? NaN : v)), q = this.encoded(seen), each = [];
    for (const noise of this.draws("cells")) each.push(await this.told(this.code(q, noise), seen, j));
    return each[0].map((_, l) => logsumexp(each.map((v) => v[l])) - Math.log(each.length));
  }

  // What a cell would be, and how odd it is.
  async cell(x, i) {
    const { columns, gaps } = this, first = gaps.length, j = first + i;
    const open = x.map((v, k) => (k === gaps.indexOf(i) ? 0 : k < first && v === 1 ? NaN : v)), same = open.every((v, k) => Object.is(v, x[k]));
    const asked = await this.others(open, j), best = asked.indexOf(mostOf(asked)), there = !Number.isNaN(x[j]);
    const own = there && !same ? await this.others(x, j) : asked;
    return { column: columns[i].name, log_p: there ? own[x[j]] : null, likeliest: this.cells[i][best], p: Math.exp(asked[best]) };
  }

  async look(sent) {
    const x = this.levels(sent), q = this.encoded(x), cells = [];
    for (let i = 0; i < this.columns.length; i++) cells.push(await this.cell(x, i));
    return { code: [...q.mean], spread: [...q.spread], cells, ...(await this.density(x, q)) };
  }
}
