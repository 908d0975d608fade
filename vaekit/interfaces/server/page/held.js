// What a page holds, or is sent: a JSON text with flat arrays, often pressed together.

const KINDS = { u1: Uint8Array, i4: Int32Array, f4: Float32Array, f8: Float64Array };

// Numbers of half precision, looked up: there are 65,536.
function halves() {
  const table = new Float32Array(65536);
  for (let bits = 0; bits < 65536; bits++) {
    const sign = bits >> 15 ? -1 : 1, exponent = (bits >> 10) & 31, rest = bits & 1023;
    table[bits] = exponent === 31 ? (rest ? NaN : sign * Infinity) : sign * (exponent ? 2 ** (exponent - 15) * (1 + rest / 1024) : 2 ** -14 * (rest / 1024));
  }
  return table;
}

let table = null;

function array(buffer, { kind, at, length }) {
  if (kind === "f2") {
    table ??= halves();
    return Float32Array.from(new Uint16Array(buffer, at, length), (bits) => table[bits]);
  }
  if (kind === "d4") {
    const found = new Int32Array(buffer, at, length);
    for (let i = 1; i < length; i++) found[i] += found[i - 1];
    return found;
  }
  return new KINDS[kind](buffer, at, length);
}

// What bytes hold.
export function structure(buffer) {
  const [size] = new Uint32Array(buffer, 0, 1), body = buffer.slice(Math.ceil((4 + size) / 8) * 8);
  const told = new TextDecoder().decode(new Uint8Array(buffer, 4, size));
  return JSON.parse(told, (key, value) => (value && value.array ? array(body, value.array) : value));
}

export async function unpacked(text) {
  const pressed = Uint8Array.from(atob(text), (c) => c.charCodeAt(0));
  const stream = new Blob([pressed]).stream().pipeThrough(new DecompressionStream("deflate"));
  return structure(await new Response(stream).arrayBuffer());
}
