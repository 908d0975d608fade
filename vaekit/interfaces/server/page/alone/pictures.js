// A picture file as one row of a model: fitted into its size as a whole, on the colour of its corner.

async function pixelsOf(blob) {
  let image;
  try { image = await createImageBitmap(blob); } catch { throw new Error("this is no picture that can be read"); }
  const canvas = document.createElement("canvas"), { width, height } = image;
  Object.assign(canvas, { width, height });
  const context = canvas.getContext("2d", { willReadFrequently: true });
  context.drawImage(image, 0, 0);
  return { data: context.getImageData(0, 0, width, height).data, width, height };
}

// Bytes in so many channels; transparent is black.
function inChannels({ data, width, height }, channels) {
  const out = new Float32Array(width * height * channels);
  for (let i = 0; i < width * height; i++) {
    const [r, g, b, a] = data.subarray(4 * i, 4 * i + 4);
    if (channels === 4) { out.set([r, g, b, a], 4 * i); continue; }
    const [R, G, B] = [r, g, b].map((v) => Math.round((v * a) / 255));
    if (channels === 3) out.set([R, G, B], 3 * i);
    else out[i] = (R * 19595 + G * 38470 + B * 7471 + 32768) >> 16;
  }
  return { data: out, width, height };
}

// For each place of a side, which places of the other it is the mean of, and how much of each.
function shares(from, to) {
  const by = from / to;
  return Array.from({ length: to }, (_, k) => {
    const [start, end] = [k * by, (k + 1) * by], found = [];
    if (by < 1) {
      const at = Math.max(0, Math.min(from - 1, (k + 0.5) * by - 0.5)), low = Math.floor(at);
      return [[low, 1 - (at - low)], [Math.min(low + 1, from - 1), at - low]];
    }
    for (let i = Math.floor(start); i < Math.min(from, Math.ceil(end - 1e-9)); i++) found.push([i, (Math.min(i + 1, end) - Math.max(i, start)) / by]);
    return found;
  });
}

// Bytes of a picture of (height, width, channels), from a file of any size.
export async function fitted(blob, [height, width, channels]) {
  const whole = inChannels(await pixelsOf(blob), channels), by = Math.min(width / whole.width, height / whole.height);
  const [w, h] = [whole.width, whole.height].map((size) => Math.max(1, Math.round(size * by)));
  const out = new Uint8ClampedArray(height * width * channels), columns = shares(whole.width, w), lines = shares(whole.height, h);
  for (let i = 0; i < out.length; i++) out[i] = whole.data[i % channels];
  const [left, top] = [Math.round((width - w) / 2), Math.round((height - h) / 2)];
  for (let y = 0; y < h; y++) {
    for (let x = 0; x < w; x++) {
      for (let c = 0; c < channels; c++) {
        let sum = 0;
        for (const [j, v] of lines[y]) for (const [i, u] of columns[x]) sum += u * v * whole.data[(j * whole.width + i) * channels + c];
        out[((y + top) * width + x + left) * channels + c] = sum;
      }
    }
  }
  return new Uint8Array(out.buffer);
}
