// A page that lies in one file answers by itself what else its server is asked.

import { answeredBy } from "./wire.js";
import { Edited } from "./edited.js";
import { unpacked } from "./held.js";
import { storedCells } from "./cells.js";
import { Decoder } from "./decoder.js";
import { fitted } from "./pictures.js";
import { along, masses, points } from "./planes.js";
import { csv, differs, found, known, named, nearest } from "./rows.js";
import { breather, Program } from "./runtime.js";

const NEIGHBOURS = 8;

const json = (value) => new Response(JSON.stringify(value), { headers: { "content-type": "application/json" } });
const TYPES = { Uint8Array: "uint8", Float32Array: "float32", Uint32Array: "uint32" };

function binary(data, shape = [data.length], more = {}) {
  return new Response(data, { headers: { "content-type": "application/octet-stream", "x-shape": shape.join(","), "x-type": TYPES[data.constructor.name], ...more } });
}

// Rows as they are shown, in JSON.
function packed({ data, shape, cells }) {
  if (cells) return { cells };
  const bytes = new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
  let text = "";
  for (const byte of bytes) text += String.fromCharCode(byte);
  return { data: btoa(text), shape, type: TYPES[data.constructor.name] };
}

function spherical(a, b, t) {
  const [la, lb] = [a, b].map((v) => Math.hypot(...v)), straight = (i) => a[i] + (b[i] - a[i]) * t;
  const angle = Math.acos(Math.max(-1, Math.min(1, a.reduce((sum, v, i) => sum + v * b[i], 0) / Math.max(la * lb, 1e-12))));
  if (Math.min(la, lb) < 1e-6 || Math.sin(angle) < 1e-4) return a.map((_, i) => straight(i));
  const length = la + (lb - la) * t;
  return a.map((v, i) => ((Math.sin((1 - t) * angle) * v) / la + (Math.sin(t * angle) * b[i]) / lb) / Math.sin(angle) * length);
}

class Alone {
  constructor(held) {
    Object.assign(this, { held, about: held.about, planes: {} });
    this.decoder = new Decoder(held.about, held.decode, held.cells);
    this.encoder = held.encode && new Program(held.encode);
    this.edited = held.edited && new Edited(held.edited, held.cells, held.about.latent);
  }

  plane(name) {
    this.planes[name] ??= this.held.planes[name] ?? along(name, this.held.codes, this.about.latent);
    return this.planes[name];
  }

  // Rows that codes stand for. Many are made some at a time, so that what lies under the pointer need not wait.
  async decoded(codes, told) {
    const { latent } = this.about, { shape, size, Row } = this.decoder, n = codes.length / latent, out = new Row(n * size), given = this.decoder.given(told);
    const { cells } = this.held, texts = [], breathe = breather();
    for (let i = 0; i < n; i++) {
      await breathe();
      const code = codes.subarray(i * latent, (i + 1) * latent);
      if (cells) texts.push(this.decoder.texts(code, given));
      else out.set(this.decoder.one(code, given), i * size);
    }
    if (cells) return { cells: texts };
    return { data: out, shape: [n, ...shape] };
  }

  stored(ids) {
    if (this.held.cells) return { cells: ids.map((id) => storedCells(this.held.rows, id)) };
    const { shape, size, Row } = this.decoder, out = new Row(ids.length * size);
    ids.forEach((id, k) => out.set(this.held.rows.subarray(id * size, (id + 1) * size), k * size));
    return { data: out, shape: [ids.length, ...shape] };
  }

  codesOf(ids) {
    const { latent } = this.about, out = new Float32Array(ids.length * latent);
    ids.forEach((id, k) => out.set(this.held.codes.subarray(id * latent, (id + 1) * latent), k * latent));
    return out;
  }

  async look(code, spread, told, but = -1) {
    const rebuilt = packed(await this.decoded(Float32Array.from(code), told));
    return { code: [...code], spread: [...spread], rebuilt, nearest: nearest(this.held, code, NEIGHBOURS, but) };
  }

  // Scores that were computed when the file was written.
  scores(row) {
    const { log_px: likelihood, elbo } = this.held.colours, samples = this.held.samples;
    return likelihood ? { log_px: likelihood[row], elbo: elbo[row], samples } : {};
  }

  async row(number) {
    const { held, about: { latent } } = this, part = (values) => values.subarray(number * latent, (number + 1) * latent);
    const told = Object.fromEntries(Object.entries(held.given).map(([name, values]) => {
      const { classes } = this.about.given.find((c) => c.name === name);
      return [name, classes.length ? classes[values[number]] : values[number]];
    }));
    const own = held.rows ? { own: packed(this.stored([number])) } : {};
    return { row: number, name: named(held, number), given: told, known: known(held, number), ...own, ...(await this.look(part(held.codes), part(held.spread), told, number)), ...this.scores(number) };
  }

  // A row of one's own.
  async encoded(sent, told) {
    if (this.edited) {
      const found = await this.edited.look(JSON.parse(sent));
      return { ...(await this.look(found.code, found.spread, told)), ...found };
    }
    const picture = sent instanceof Blob, shown = picture ? await fitted(sent, this.decoder.shape) : Float32Array.from(JSON.parse(sent).values);
    const [mean, variance] = this.encoder.run(picture ? this.inwards(shown) : JSON.parse(sent).values, ...this.decoder.given(told)).map((v) => Float32Array.from(v));
    const spread = variance ? variance.map((v) => Math.exp(v / 2)) : mean.map(() => 0);
    return { ...(await this.look(mean, spread, told)), own: packed({ data: shown, shape: [1, ...this.decoder.shape] }) };
  }

  // Bytes of a picture as values of the data, channel after channel.
  inwards(bytes) {
    const [height, width, channels] = this.decoder.shape, { low, high, whole } = this.held.tones, out = new Float64Array(bytes.length), area = height * width;
    for (let c = 0; c < channels; c++) for (let i = 0; i < area; i++) { const v = low + (bytes[i * channels + c] / 255) * (high - low); out[c * area + i] = whole ? Math.round(v) : v; }
    return out;
  }

  path(ends, steps, way) {
    const { latent } = this.about, [a, b] = [0, 1].map((k) => [...ends.subarray(k * latent, (k + 1) * latent)]), out = new Float32Array(steps * latent);
    for (let k = 0; k < steps; k++) {
      const t = k / (steps - 1);
      out.set(way === "sphere" ? spherical(a, b, t) : a.map((v, i) => v + (b[i] - v) * t), k * latent);
    }
    return out;
  }

  async answer(name, query, body) {
    const { held, about } = this, { latent } = about, told = JSON.parse(query.get("given") ?? "{}");
    const drawn = () => { const k = Math.floor(Math.random() * (held.draws.length / latent)); return held.draws.slice(k * latent, (k + 1) * latent); };
    const many = ({ data, shape, cells }) => (cells ? json({ cells }) : binary(data, shape));
    switch (name) {
      case "about": return json(about);
      case "points": { const plane = this.plane(query.get("plane")); return binary(points(plane, held, latent), [about.rows, 5], { "x-plane": JSON.stringify(plane) }); }
      case "masses": { const { box, data, side } = masses(this.plane(query.get("plane")), held, latent); return binary(data, [2, side, side], { "x-box": box.join(",") }); }
      case "colour": return binary(Float32Array.from(held.colours[query.get("by")]));
      case "row": return json(await this.row(Number(query.get("row"))));
      case "find": return binary(found(held, query.get("text")));
      case "prior": return binary(drawn(), [1, latent]);
      case "decode": return many(await this.decoded(body, told));
      case "decoder": return new Response(new ArrayBuffer(0));
      case "rows": return many(this.stored([...body]));
      case "codes": return binary(this.codesOf([...body]), [body.length, latent]);
      case "path": return binary(this.path(body, Number(query.get("steps")), query.get("way")), [Number(query.get("steps")), latent]);
      case "encode": return json(await this.encoded(body, told));
      case "differs": { const { means, ...rest } = differs(held, body); return json(means ? { ...rest, means: packed(means) } : rest); }
      case "rows.csv": return new Response(csv(held, body), { headers: { "content-type": "text/csv; charset=utf-8" } });
      default: return json({});
    }
  }
}

export const alone = unpacked(document.getElementById("held").textContent).then((held) => new Alone(held));

answeredBy(async (path, options = {}) => {
  const [name, query] = path.replace("api/", "").split("?");
  try { return await (await alone).answer(name, new URLSearchParams(query), options.body); } catch (error) {
    return new Response(JSON.stringify({ error: error.message }), { status: 400 });
  }
});
