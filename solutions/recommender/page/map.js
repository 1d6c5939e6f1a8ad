// The map of taste: films that the same people like lie close together, coloured by genre.

import { el, number } from "/assets/dom.js";
import { createScatter } from "/assets/scatter.js";
import * as calls from "/solution/calls.js";
import { colourOf, film } from "/solution/film.js";

const SAMPLE = 2000;

export function create(section, app) {
  const status = el("p", { class: "status", id: "map-status", role: "status", "aria-live": "polite" });
  const canvas = el("canvas", { id: "map-canvas", tabIndex: 0, role: "application", "aria-label": "Map of the items: those that the same people like lie close together", "aria-describedby": "map-keys" });
  const tip = el("div", { class: "map-tip", hidden: true });
  const said = el("p", { class: "unseen", role: "status", "aria-live": "polite" });
  const legend = el("ul", { class: "legend", "aria-label": "Genres" });
  const zoom = (text, label, onclick) => el("button", { type: "button", "aria-label": label, onclick }, text);
  const buttons = el("div", { class: "map-buttons", role: "group", "aria-label": "Zoom" }, zoom("+", "Zoom in", () => scatter.zoom(1.5)), zoom("−", "Zoom out", () => scatter.zoom(1 / 1.5)), zoom("All", "Show all", () => scatter.reset()));
  const keys = el("p", { class: "hint", id: "map-keys" }, "Arrow keys move from point to point, Enter opens one, plus and minus zoom, 0 shows all.");
  section.querySelector(".view-head").append(status);
  section.append(el("div", { class: "map-layout" }, el("div", { class: "map-frame" }, canvas, buttons, tip), el("div", { class: "map-side" }, el("h3", {}, "Genres"), legend, keys, said)));
  const scatter = createScatter(canvas, { onPoint: showTip, onOpen: (point) => app.open([point], point) });
  let points = [];
  let generation = null;

  async function load() {
    generation = app.generation;
    status.textContent = "Computing the map …";
    try {
      const { points: found, total } = await calls.tasteMap(SAMPLE);
      points = found;
      paintLegend();
      scatter.show(points);
      status.textContent = `${points.length < total ? `${number(points.length)} of ${number(total)}, sampled` : `All ${number(total)}`}: near means that the same people like both`;
    } catch (error) {
      generation = null;
      status.textContent = error.status ? error.hint ?? error.message : "";
    }
  }

  function paintLegend() {
    const counts = new Map();
    for (const { label } of points) counts.set(label ?? "", (counts.get(label ?? "") ?? 0) + 1);
    const labels = [...counts].sort(([a, m], [b, n]) => n - m || a.localeCompare(b));
    legend.replaceChildren(...labels.map(entry));
    colour();
  }

  function entry([label, count]) {
    const box = el("input", { type: "checkbox", checked: true });
    const swatch = el("span", { class: `swatch ${colourOf(label)}` });
    const members = points.filter((point) => (point.label ?? "") === label);
    for (const point of members) point.swatch = swatch;
    box.onchange = () => {
      for (const point of members) point.hidden = !box.checked;
      colour();
    };
    return el("li", {}, el("label", {}, box, swatch, el("span", { class: "legend-label" }, label || "none"), el("span", { class: "legend-count" }, number(count))));
  }

  /** The stylesheet owns the palette, for light and dark. */
  function colour() {
    const known = new Map();
    for (const point of points) {
      if (!known.has(point.swatch)) known.set(point.swatch, getComputedStyle(point.swatch).color);
      point.colour = known.get(point.swatch);
    }
    scatter.update(points, getComputedStyle(canvas).color);
  }

  function showTip(point, x, y) {
    tip.hidden = !point;
    if (!point) return;
    tip.replaceChildren(film(point), el("strong", {}, point.title));
    const { clientWidth, clientHeight } = canvas;
    const left = x + 16 + tip.offsetWidth > clientWidth ? x - 16 - tip.offsetWidth : x + 16;
    const top = Math.min(Math.max(8, y - tip.offsetHeight / 2), clientHeight - tip.offsetHeight - 8);
    Object.assign(tip.style, { left: `${Math.max(8, left)}px`, top: `${top}px` });
    said.textContent = [point.title, point.label].filter(Boolean).join(", ");
  }

  document.addEventListener("theme", colour);
  return {
    show: () => generation !== app.generation && load(),
    forget(id) {
      points = points.filter((point) => point.id !== id);
      colour();
    },
  };
}
