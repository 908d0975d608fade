// The map as a picture, and the state of the page in its address.

import { save } from "./choose.js";
import { at } from "./faces.js";

const MOST_IDS = 400;

export function png(map) {
  map.render();
  return new Promise((done) => map.view.toBlob(done, "image/png"));
}

const colour = (value) => `#${[value & 255, (value >> 8) & 255, (value >> 16) & 255].map((v) => v.toString(16).padStart(2, "0")).join("")}`;

// Points as paths, one of each colour; what lies under and over them as pictures.
export function svg(map, app) {
  map.render();
  const { camera, layers } = map, { width, height, ratio } = camera;
  const image = (layer) => {
    const [w, h] = [layer.width / ratio, layer.height / ratio];
    return `<image x="${(width - w) / 2}" y="${(height - h) / 2}" width="${w}" height="${h}" href="${layer.toDataURL("image/png")}"/>`;
  };
  const groups = new Map(), radius = map.size / 2;
  if (app.shows.points) {
    for (const i of app.painted.order) {
      const [x, y] = camera.place(map.xy[2 * i], map.xy[2 * i + 1]);
      if (x < -5 || y < -5 || x > width + 5 || y > height + 5) continue;
      const key = app.painted.out[i];
      if (!groups.has(key)) groups.set(key, []);
      groups.get(key).push(`M${x.toFixed(1)} ${y.toFixed(1)}h0`);
    }
  }
  const paths = [...groups].map(([key, d]) => `<path d="${d.join("")}" stroke="${colour(key)}" stroke-opacity="${((key >>> 24) / 255).toFixed(2)}"/>`);
  const text = `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}" viewBox="0 0 ${width} ${height}"><title>${document.title.replace(/[<&]/g, "")}</title><rect width="100%" height="100%" fill="${map.ink.card}"/>${image(layers.under)}<g fill="none" stroke-linecap="round" stroke-width="${(2 * radius).toFixed(2)}">${paths.join("")}</g>${image(layers.lines)}${image(map.marks())}</svg>`;
  return new Blob([text], { type: "image/svg+xml" });
}

export function saving(app, map, here) {
  const close = () => { at("menu").open = false; };
  at("save-png").onclick = async () => { close(); save(await png(map), "map.png"); };
  at("save-svg").onclick = () => { close(); save(svg(map, app), "map.svg"); };
  at("save-here").onclick = () => {
    close();
    const { node } = here.face;
    if (node.toBlob) node.toBlob((blob) => save(blob, "decoded.png"));
    else save(new Blob([JSON.stringify(here.rows.cells?.[0] ?? [...here.rows.data], null, 1)], { type: "application/json" }), "decoded.json");
  };
  at("save-link").onclick = async () => {
    close();
    write(app, map);
    try { await navigator.clipboard.writeText(location.href); app.tell("the link is copied"); } catch { app.fail(new Error(`the address of this view: ${location.href}`)); }
  };
}

const short = (value) => +value.toPrecision(5);

// ---- the state in the address

export function write(app, map) {
  const { camera } = map, state = new URLSearchParams();
  state.set("plane", app.plane.name);
  if (app.colouring) state.set("colour", app.colouring.key);
  state.set("view", [camera.x, camera.y, camera.scale / map.camera.least].map(short).join(","));
  const off = Object.entries(app.shows).filter(([, on]) => !on).map(([name]) => name);
  if (off.length) state.set("off", off.join(","));
  if (app.row >= 0) state.set("row", app.row);
  else if (app.pinned) state.set("code", [...app.base].map(short).join(","));
  if (app.hidden.size) state.set("hidden", [...app.hidden].join(","));
  if (app.search) state.set("find", app.search);
  if (app.polygon) state.set("lasso", thinned(app.polygon).map((p) => p.map(short).join(",")).join(";"));
  else if (app.chosen.length && app.chosen.length <= MOST_IDS) state.set("rows", app.chosen.join(","));
  const [a, b] = app.path.ends;
  if (a !== null || b !== null) state.set("path", [a ?? "", b ?? "", at("path-way").value].join(","));
  if (Object.keys(app.given).length) state.set("given", JSON.stringify(app.given));
  history.replaceState(null, "", `#${state}`);
}

// Of a line drawn by hand, points enough.
function thinned(polygon) {
  const every = Math.max(1, Math.ceil(polygon.length / 60));
  return polygon.filter((_, i) => i % every === 0);
}

export function read() {
  const state = new URLSearchParams(location.hash.slice(1)), list = (name) => (state.get(name) ?? "").split(",").filter(Boolean);
  const numbers = (name) => list(name).map(Number).filter(Number.isFinite);
  let given = null;
  try { given = JSON.parse(state.get("given") ?? "null"); } catch { /* not ours */ }
  return {
    plane: state.get("plane"), colour: state.get("colour"), view: numbers("view"), off: list("off"), row: state.has("row") ? Number(state.get("row")) : -1,
    code: numbers("code"), hidden: numbers("hidden"), find: state.get("find") ?? "", rows: numbers("rows"), given,
    lasso: (state.get("lasso") ?? "").split(";").map((p) => p.split(",").map(Number)).filter((p) => p.length === 2 && p.every(Number.isFinite)),
    path: (state.get("path") ?? "").split(","),
  };
}
