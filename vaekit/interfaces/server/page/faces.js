// How a row is drawn: a picture, a profile of numbers, or the cells of a table.

export function el(name, attributes = {}, ...children) {
  const made = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) {
    if (key === "text") made.textContent = value;
    else if (key.startsWith("on")) made.addEventListener(key.slice(2), value);
    else if (value === true) made.setAttribute(key, "");
    else if (value !== false && value !== null && value !== undefined) made.setAttribute(key, value);
  }
  made.append(...children.filter((c) => c !== null));
  return made;
}

export const at = (id) => document.getElementById(id);

// The first line of a table.
export const tableHead = (names) => el("thead", {}, el("tr", {}, ...names.map((text) => el("th", { scope: "col", text }))));

export function brief(value) {
  if (!Number.isFinite(value)) return "–";
  const size = Math.abs(value);
  if (Number.isInteger(value) && size < 1e7) return value.toLocaleString("en").replace("-", "−");
  if (size >= 1e6 || (size < 1e-3 && size > 0)) return value.toExponential(2).replace("-", "−");
  return value.toLocaleString("en", { maximumSignificantDigits: size >= 100 ? 5 : 3 }).replace("-", "−");
}

// A picture's bytes as RGBA.
export function imageData({ data, shape }, number = 0) {
  const [, height, width, channels] = shape;
  const made = new ImageData(width, height), out = new Uint32Array(made.data.buffer);
  const start = number * height * width * channels;
  if (channels === 1) for (let i = 0; i < out.length; i++) out[i] = 0xff000000 | (data[start + i] * 0x010101);
  else {
    for (let i = 0, at = start; i < out.length; i++, at += channels) {
      const alpha = channels === 4 ? data[at + 3] : 255;
      out[i] = (alpha << 24) | (data[at + 2] << 16) | (data[at + 1] << 8) | data[at];
    }
  }
  return made;
}

// A picture's name; one without stands inside something that has one.
const named = (label) => (label ? { role: "img", "aria-label": label } : { "aria-hidden": "true" });

class Picture {
  constructor(about, label) {
    const [height, width] = about.shape;
    this.node = el("canvas", { class: "picture", width, height, ...named(label) });
    if (Math.max(width, height) > 200) this.node.classList.add("smooth");
    this.context = this.node.getContext("2d", { willReadFrequently: true }); // small: no card is needed
  }

  show(rows, number = 0) { this.context.putImageData(imageData(rows, number), 0, 0); }
}

const FEW = 26;

class Numbers {
  constructor(about, label) {
    this.about = about;
    this.few = about.columns.length <= FEW;
    this.node = this.few ? el("div", { class: "bars", role: "table", "aria-label": label }) : el("canvas", { class: "profile", ...named(label) });
    if (this.few) this.lines = about.columns.map((name) => this.line(name));
  }

  line(name) {
    const bar = el("i"), value = el("b", { role: "cell" });
    this.node.append(el("div", { role: "row" }, el("span", { role: "rowheader", title: name, text: name }), el("em", {}, bar), value));
    return { bar, value };
  }

  show(rows, number = 0) {
    const size = this.about.columns.length, values = rows.data.subarray(number * size, (number + 1) * size);
    if (this.few) values.forEach((value, i) => this.put(this.lines[i], value, this.about.low[i], this.about.high[i]));
    else this.draw(values);
  }

  put(line, value, low, high) {
    const gone = Number.isNaN(value), share = gone ? 0 : (value - low) / (high - low || 1);
    line.value.textContent = gone ? "missing" : brief(value);
    line.bar.style.width = `${Math.max(0, Math.min(1, share)) * 100}%`;
  }

  draw(values) {
    const scale = devicePixelRatio || 1, width = 340 * scale, height = 150 * scale, { low, high, series } = this.about;
    Object.assign(this.node, { width, height });
    const c = this.node.getContext("2d"), style = getComputedStyle(document.documentElement);
    const [times, lines] = series.length ? series : [values.length, 1];
    for (let f = 0; f < lines; f++) {
      c.beginPath();
      for (let t = 0; t < times; t++) {
        const i = t * lines + f, y = (values[i] - low[i]) / (high[i] - low[i] || 1);
        c.lineTo((t / Math.max(times - 1, 1)) * width, height * (0.95 - 0.9 * y));
      }
      c.strokeStyle = style.getPropertyValue(f % 2 ? "--second" : "--accent");
      c.lineWidth = 1.5 * scale;
      c.stroke();
    }
  }
}

class Cells {
  constructor(about, label) {
    this.body = el("tbody");
    this.node = el("div", { class: "scroll" }, el("table", { class: "cells", "aria-label": label }, this.body));
    this.values = about.columns.map((name) => {
      const value = el("td");
      this.body.append(el("tr", {}, el("th", { scope: "row", text: name }), value));
      return value;
    });
  }

  show(rows, number = 0) {
    rows.cells[number].forEach((cell, i) => {
      const text = cell ?? "missing", node = this.values[i];
      if (node.textContent === text) { node.classList.remove("moved"); return; }
      node.classList.toggle("moved", node.textContent !== "");
      node.classList.toggle("gone", cell === null);
      node.textContent = text;
    });
  }
}

const KINDS = { pictures: Picture, numbers: Numbers, cells: Cells };

export const faceFor = (about, label) => new KINDS[about.kind](about, label);

export function shown(about, rows, label, number = 0) {
  const face = faceFor(about, label);
  face.show(rows, number);
  return face.node;
}
