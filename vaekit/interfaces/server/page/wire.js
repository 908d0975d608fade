// What the page asks of its server: numbers as bytes, all else as JSON.

const TYPES = { uint8: Uint8Array, float32: Float32Array, uint32: Uint32Array, int64: BigInt64Array };

export class Failure extends Error {}

async function answered(reply) {
  if (reply.ok) return reply;
  const text = await reply.text();
  let why = text;
  try { why = JSON.parse(text).error || text; } catch { /* not ours: as it is */ }
  throw new Failure(why || `the server answered ${reply.status}`);
}

let sent = (path, options) => fetch(path, options);

// Lets something else answer than a server.
export function answeredBy(answer) { sent = answer; }

async function ask(path, options) {
  let reply;
  try { reply = await sent(path, options); } catch (error) {
    if (error.name === "AbortError") throw error;
    throw new Failure("the server does not answer: is it still running?");
  }
  return answered(reply);
}

// Numbers with their shape.
export function numbers(buffer, shape, type) {
  return { data: new TYPES[type](buffer), shape };
}

async function bytes(reply) {
  const shape = (reply.headers.get("x-shape") || "").split(",").map(Number);
  const found = numbers(await reply.arrayBuffer(), shape, reply.headers.get("x-type"));
  return { ...found, headers: reply.headers };
}

// Rows as they are shown: bytes, or {cells}.
async function rows(reply) {
  return reply.headers.get("content-type").startsWith("application/json") ? reply.json() : bytes(reply);
}

const query = (given) => (given && Object.keys(given).length ? `?given=${encodeURIComponent(JSON.stringify(given))}` : "");
const raw = (body, more) => ({ method: "POST", body, headers: { "content-type": "application/octet-stream" }, ...more });

export const about = async () => (await ask("api/about")).json();
export const points = async (plane) => bytes(await ask(`api/points?plane=${encodeURIComponent(plane)}`));
export const masses = async (plane) => bytes(await ask(`api/masses?plane=${encodeURIComponent(plane)}`));
export const row = async (number) => (await ask(`api/row?row=${number}`)).json();
export const find = async (text) => (await bytes(await ask(`api/find?text=${encodeURIComponent(text)}`))).data;
export const decode = async (codes, given) => rows(await ask(`api/decode${query(given)}`, raw(codes, { priority: "high" })));
export const decoder = async () => (await ask("api/decoder")).arrayBuffer();
export const stored = async (ids) => rows(await ask("api/rows", raw(Uint32Array.from(ids))));
export const codes = async (ids) => bytes(await ask("api/codes", raw(Uint32Array.from(ids))));
export const path = async (ends, steps, way) => bytes(await ask(`api/path?steps=${steps}&way=${way}`, raw(ends)));
export const differs = async (ids) => (await ask("api/differs", raw(Uint32Array.from(ids)))).json();
export const select = async (ids) => ask("api/selection", raw(Uint32Array.from(ids)));
export const csv = async (ids) => (await ask("api/rows.csv", raw(Uint32Array.from(ids)))).blob();
export const drawn = async () => bytes(await ask("api/prior"));

export async function encode(sent, given) {
  const picture = sent instanceof Blob;
  const headers = { "content-type": picture ? sent.type || "application/octet-stream" : "application/json" };
  return (await ask(`api/encode${query(given)}`, { method: "POST", body: picture ? sent : JSON.stringify(sent), headers })).json();
}

// One number of each row, once it is there; `waiting` hears how much is done.
export async function colour(key, waiting) {
  for (;;) {
    const reply = await ask(`api/colour?by=${encodeURIComponent(key)}`);
    if (reply.status !== 202) return (await bytes(reply)).data;
    waiting((await reply.json()).done);
    await new Promise((done) => setTimeout(done, 400));
  }
}

// Rows in JSON, as `decode` gives them.
export function unpacked(told) {
  if (told.cells) return told;
  const text = atob(told.data), data = new Uint8Array(text.length);
  for (let i = 0; i < text.length; i++) data[i] = text.charCodeAt(i);
  return numbers(data.buffer, told.shape, told.type);
}

// Asks for the newest thing alone: while one question is under way, of all that come the last waits.
export class Newest {
  constructor(ask, got, failed) {
    Object.assign(this, { ask, got, failed, next: null, busy: false });
  }

  async put(question) {
    this.next = question;
    if (this.busy) return;
    this.busy = true;
    while (this.next !== null) {
      const now = this.next;
      this.next = null;
      try { this.got(await this.ask(now), now, this.next === null); } catch (error) { this.failed(error); }
    }
    this.busy = false;
  }
}
