// What a reader can do with a page beside reading it. All of the page is there without it.
"use strict";
(() => {
  const tip = document.createElement("div");
  const shown = document.createElement("canvas");
  const words = document.createElement("div");
  tip.className = "tip";
  tip.hidden = true;
  tip.append(shown, words);
  document.body.append(tip);

  const hide = () => { tip.hidden = true; };

  // Put the tip beside a place on the screen, inside the window.
  const place = (event) => {
    tip.hidden = false;
    const box = tip.getBoundingClientRect();
    const left = event.clientX + 16 + box.width > innerWidth
      ? event.clientX - 16 - box.width : event.clientX + 16;
    const top = Math.min(event.clientY + 12, innerHeight - box.height - 8);
    tip.style.left = Math.max(left, 4) + "px";
    tip.style.top = Math.max(top, 4) + "px";
  };

  // Draw one cell of a sheet of pictures onto a canvas, at least `side` pixels wide on screen.
  const draw = (canvas, sheet, cell, number) => {
    const [width, height, gap, columns] = cell;
    const left = (number % columns) * (width + gap);
    const top = Math.floor(number / columns) * (height + gap);
    canvas.width = width;
    canvas.height = height;
    canvas.getContext("2d").drawImage(sheet, left, top, width, height, 0, 0, width, height);
  };
  const sized = (canvas, side) => {
    const times = side / Math.max(canvas.width, canvas.height);
    canvas.style.width = canvas.width * times + "px";
    canvas.style.height = canvas.height * times + "px";
  };
  const cellOf = (image) => image.dataset.cell.split(" ").map(Number);

  // Maps: the row under the pointer, and classes that a click on the legend hides.
  for (const figure of document.querySelectorAll("figure.mapped")) {
    const map = figure.querySelector("svg.map");
    const ring = map.querySelector(".ring");
    const data = JSON.parse(figure.querySelector("script").textContent);
    const sprite = figure.querySelector("img.sprite");
    const cell = sprite && cellOf(sprite);
    const off = new Set();
    const nearest = (x, y) => {
      let found = -1, least = 24 * 24;
      for (let i = 0; i < data.x.length; i++) {
        if (off.has(data.kind[i])) continue;
        const far = (data.x[i] - x) ** 2 + (data.y[i] - y) ** 2;
        if (far < least) { least = far; found = i; }
      }
      return found;
    };
    const leave = () => { ring.style.visibility = "hidden"; hide(); };
    map.addEventListener("pointermove", (event) => {
      const at = new DOMPoint(event.clientX, event.clientY)
        .matrixTransform(map.getScreenCTM().inverse());
      const i = nearest(at.x, at.y);
      if (i < 0) return leave();
      ring.setAttribute("cx", data.x[i]);
      ring.setAttribute("cy", data.y[i]);
      ring.style.visibility = "visible";
      shown.hidden = !sprite || i >= data.pictures;
      if (!shown.hidden) { draw(shown, sprite, cell, i); sized(shown, 112); }
      words.textContent = "";
      const lines = data.text[i] === undefined ? [] : data.text[i].split("\n");
      for (const line of [data.names[data.kind[i]], ...lines].filter(Boolean)) {
        const part = document.createElement("div");
        part.textContent = line;
        words.append(part);
      }
      place(event);
    });
    map.addEventListener("pointerleave", leave);
    for (const item of figure.querySelectorAll(".legend li[data-kind]")) {
      const button = document.createElement("button");
      button.append(...item.childNodes);
      button.title = "Hide or show";
      button.setAttribute("aria-pressed", "true");
      item.append(button);
      button.addEventListener("click", () => {
        const kind = Number(item.dataset.kind), hidden = !off.has(kind);
        if (hidden) off.add(kind); else off.delete(kind);
        button.setAttribute("aria-pressed", String(!hidden));
        button.classList.toggle("off", hidden);
        for (const dots of map.querySelectorAll(`[data-kind="${kind}"]`))
          dots.style.display = hidden ? "none" : "";
      });
    }
  }

  // Sheets of pictures: the one under the pointer, large.
  for (const sheet of document.querySelectorAll("img.sheet[data-cell]")) {
    const cell = cellOf(sheet), [width, height, gap, columns] = cell;
    sheet.addEventListener("pointermove", (event) => {
      const box = sheet.getBoundingClientRect(), times = sheet.naturalWidth / box.width;
      const column = Math.floor((event.clientX - box.left) * times / (width + gap));
      const line = Math.floor((event.clientY - box.top) * times / (height + gap));
      if (column < 0 || column >= columns || line < 0) return hide();
      shown.hidden = false;
      words.textContent = "";
      draw(shown, sheet, cell, line * columns + column);
      sized(shown, 144);
      place(event);
    });
    sheet.addEventListener("pointerleave", hide);
  }

  // A slider for each line of a sheet, over its columns.
  for (const figure of document.querySelectorAll("figure.units")) {
    const sheet = figure.querySelector("img.sheet");
    const names = JSON.parse(figure.dataset.units);
    const make = () => {
      const cell = cellOf(sheet), steps = cell[3], sliders = document.createElement("div");
      sliders.className = "sliders";
      names.forEach((name, line) => {
        const label = document.createElement("label");
        const canvas = document.createElement("canvas");
        const slider = document.createElement("input");
        Object.assign(slider, { type: "range", min: 0, max: steps - 1, value: (steps - 1) >> 1 });
        slider.setAttribute("aria-label", name);
        const show = () => draw(canvas, sheet, cell, line * steps + Number(slider.value));
        slider.addEventListener("input", show);
        label.append(canvas, slider, name);
        sliders.append(label);
        show();
      });
      figure.prepend(sliders);
    };
    if (sheet.complete) make(); else sheet.addEventListener("load", make);
  }

  // Tables that are wider than their place are reached by keys, and so rolled.
  const widths = new ResizeObserver((seen) => {
    for (const { target } of seen) {
      const rolls = target.scrollWidth > target.clientWidth + 1;
      const title = target.closest("section")?.querySelector("h2")?.textContent;
      const set = { tabindex: "0", role: "region", "aria-label": `Table: ${title ?? document.title}` };
      for (const name in set)
        if (rolls) target.setAttribute(name, set[name]); else target.removeAttribute(name);
    }
  });
  for (const table of document.querySelectorAll(".scroll, .models")) widths.observe(table);

  // Tables: a click on a column's name sorts by it, and a second one the other way.
  const value = (cell) => {
    const text = cell.dataset.value ?? cell.textContent;
    const plain = text.replace(/\u2212/g, "-").replace(/[,\u2192\s%]/g, "");
    return plain !== "" && !isNaN(parseFloat(plain)) ? parseFloat(plain) : text;
  };
  const compare = (a, b) => typeof a === "number" && typeof b === "number"
    ? a - b : String(a).localeCompare(String(b));
  for (const table of document.querySelectorAll("table.sortable")) {
    let column = 0;
    for (const head of table.tHead.rows[0].cells) {
      const own = column, button = document.createElement("button");
      column += head.colSpan;
      if (!head.textContent) continue;
      button.append(...head.childNodes);
      head.append(button);
      button.addEventListener("click", () => {
        const down = head.getAttribute("aria-sort") === "ascending";
        for (const other of table.tHead.rows[0].cells) other.removeAttribute("aria-sort");
        head.setAttribute("aria-sort", down ? "descending" : "ascending");
        const rows = [...table.tBodies[0].rows];
        rows.sort((a, b) => compare(value(a.cells[own]), value(b.cells[own])) * (down ? -1 : 1));
        table.tBodies[0].append(...rows);
      });
    }
  }
})();
