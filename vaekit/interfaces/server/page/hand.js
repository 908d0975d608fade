// Pointer and keys on the map.

const NEAR = 14, STEP = 12;

export class Hand {
  constructor(app, map) {
    Object.assign(this, { app, map, box: map.box, pointers: new Map(), tool: "pan" });
    const on = (name, act, how) => this.box.addEventListener(name, act, how);
    for (const name of ["scroll", "resize"]) addEventListener(name, () => { this.at = null; }, { passive: true, capture: true });
    on("pointerenter", () => { this.at = null; });
    on("pointerdown", (e) => this.down(e));
    on("pointermove", (e) => this.move(e));
    // Moves as they come, not gathered until the next frame, where the browser has them.
    this.raw = "onpointerrawupdate" in globalThis;
    if (this.raw) on("pointerrawupdate", (e) => { if (!this.pointers.size) this.look(this.place(e), e); });
    on("pointerup", (e) => this.up(e));
    on("pointercancel", (e) => this.up(e));
    on("pointerleave", () => { if (!this.pointers.size) this.app.leave(); });
    on("wheel", (e) => this.wheel(e), { passive: false });
    on("dblclick", (e) => { this.map.camera.zoom(2, ...this.place(e)); this.changed(); });
    on("keydown", (e) => this.key(e));
  }

  choose(tool) {
    this.tool = tool;
    this.box.dataset.tool = tool;
    for (const name of ["pan", "lasso"]) document.getElementById(`tool-${name}`).setAttribute("aria-pressed", String(name === tool));
  }

  // Where on the map; its own place is looked up when it may have changed, not at every move.
  place(event) {
    this.at ??= this.box.getBoundingClientRect();
    return [event.clientX - this.at.left, event.clientY - this.at.top];
  }

  down(event) {
    if (event.button > 0) return;
    this.at = null;
    this.box.setPointerCapture(event.pointerId);
    const place = this.place(event);
    this.pointers.set(event.pointerId, place);
    this.start = { place, moved: false };
    if (this.pointers.size === 2) { this.map.lasso = null; this.pinch = null; return; }
    if (this.tool === "lasso" || event.shiftKey) this.map.lasso = [this.map.camera.plane(...place)];
    else if (event.pointerType === "touch") this.look(place, event);
  }

  move(event) {
    const place = this.place(event), last = this.pointers.get(event.pointerId);
    if (!last) { if (!this.raw) this.look(place, event); return; }
    this.pointers.set(event.pointerId, place);
    if (this.pointers.size === 2) { this.stretch(); return; }
    if (Math.hypot(place[0] - this.start.place[0], place[1] - this.start.place[1]) > 4) this.start.moved = true;
    if (!this.start.moved) return;
    if (this.map.lasso) { this.map.lasso.push(this.map.camera.plane(...place)); this.map.mark(); return; }
    if (event.pointerType === "touch") { this.look(place, event); return; }
    this.map.camera.pan(place[0] - last[0], place[1] - last[1]);
    this.box.classList.add("grabbed");
    this.changed();
  }

  up(event) {
    const place = this.place(event), { lasso } = this.map;
    if (!this.pointers.delete(event.pointerId)) return;
    this.box.classList.remove("grabbed");
    this.pinch = null;
    if (lasso) {
      this.map.lasso = null;
      if (lasso.length > 2) this.app.lasso(lasso); else this.app.choose([]);
      if (this.tool === "lasso") this.choose("pan");
      return;
    }
    if (event.type === "pointerup" && !this.pointers.size && (!this.start.moved || event.pointerType === "touch")) this.click(place);
  }

  // Two fingers pan and zoom.
  stretch() {
    const [a, b] = [...this.pointers.values()], middle = [(a[0] + b[0]) / 2, (a[1] + b[1]) / 2];
    const wide = Math.hypot(a[0] - b[0], a[1] - b[1]);
    if (this.pinch) {
      this.map.camera.pan(middle[0] - this.pinch.middle[0], middle[1] - this.pinch.middle[1]);
      this.map.camera.zoom(wide / this.pinch.wide, ...middle);
      this.changed();
    }
    this.pinch = { middle, wide };
    this.start.moved = true;
  }

  look(place, event) {
    const [x, y] = this.map.camera.plane(...place);
    this.app.look(x, y, this.near(place), event.timeStamp);
  }

  near([px, py], reach = NEAR) {
    if (!this.app.shows.points) return -1;
    const { camera, index } = this.map, [x, y] = camera.plane(px, py);
    return index.nearest(x, y, reach / camera.scale, reach / camera.scaleY, (i) => this.app.visible(i));
  }

  click(place) {
    const row = this.near(place), [x, y] = this.map.camera.plane(...place);
    if (row >= 0) this.app.pick(row); else this.app.pin(x, y);
  }

  wheel(event) {
    event.preventDefault();
    const lines = event.deltaMode === 1 ? 16 : 1;
    this.map.camera.zoom(Math.exp(-event.deltaY * lines * 0.0018), ...this.place(event));
    this.changed();
  }

  changed() {
    this.map.moved();
    this.app.remember();
  }

  key(event) {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const move = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] }[event.key];
    if (move) this.arrow(move, event);
    else if (event.key === "Enter") this.enter();
    else return;
    event.preventDefault();
  }

  arrow([dx, dy], event) {
    const { camera } = this.map;
    if (event.shiftKey) { camera.pan(-dx * 60, -dy * 60); this.changed(); return; }
    const { x, y } = this.app.probe ?? camera, [px, py] = camera.place(x, y);
    const clamp = (v, most) => Math.max(4, Math.min(most - 4, v));
    const place = [clamp(px + dx * STEP, camera.width), clamp(py + dy * STEP, camera.height)];
    const [u, v] = camera.plane(...place);
    this.app.look(u, v, this.near(place), event.timeStamp);
    this.app.pin(u, v);
    this.app.tell();
  }

  enter() {
    const { x, y } = this.app.probe ?? this.map.camera, place = this.map.camera.place(x, y);
    const row = this.near(place, 400);
    if (row >= 0) this.app.pick(row, true);
  }
}
