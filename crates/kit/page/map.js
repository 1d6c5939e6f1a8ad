// The map view: the collection in two dimensions, coloured by label, to look around in.

import * as api from "./api.js";
import { $, el, number } from "./dom.js";
import { createScatter } from "./scatter.js";

const SAMPLE = 2000;
const COLOURS = 12;

export function create(section, app) {
  const canvas = $("map-canvas");
  const tip = $("map-tip");
  const scatter = createScatter(canvas, { onPoint: showTip, onOpen: (point) => app.open([point], point) });
  let points = [];
  let generation = null;

  async function load() {
    generation = app.generation;
    $("map-status").textContent = "Computing the map …";
    try {
      const answer = await api.map(SAMPLE);
      points = answer.points;
      buildLegend();
      scatter.show(points);
      showCount(answer);
    } catch (error) {
      generation = null;
      $("map-status").textContent = error.status ? error.message : "";
    }
  }

  function showCount({ explained, total }) {
    const share = Math.round(explained.reduce((sum, part) => sum + part, 0) * 100);
    const many = points.length < total ? `${number(points.length)} of ${number(total)}, sampled` : `All ${number(total)}`;
    $("map-status").textContent = points.length ? `${many}; the two axes explain ${share} % of the variance` : "Nothing to show yet.";
  }

  /** Labels by their number of points; ties by name, so that a label has the same colour tomorrow. */
  function labelsByCount() {
    const counts = new Map();
    for (const { label } of points) if (label) counts.set(label, (counts.get(label) ?? 0) + 1);
    return [...counts].sort(([a, m], [b, n]) => n - m || a.localeCompare(b));
  }

  function buildLegend() {
    const top = labelsByCount().slice(0, COLOURS);
    const named = new Set(top.map(([label]) => label));
    const rest = points.filter(({ label }) => !named.has(label));
    const entries = top.map(([label], index) => [label, points.filter((point) => point.label === label), `c${index + 1}`]);
    if (rest.length) entries.push([top.length ? "other" : "all", rest, "c0"]);
    $("legend").replaceChildren(...entries.map(legendEntry));
    colour();
  }

  function legendEntry([label, members, colourClass]) {
    const box = el("input", { type: "checkbox", checked: true });
    const swatch = el("span", { class: `swatch ${colourClass}` });
    box.onchange = () => {
      for (const point of members) point.hidden = !box.checked;
      colour();
    };
    for (const point of members) point.swatch = swatch;
    const text = el("span", { class: "legend-label" }, label);
    return el("li", {}, el("label", {}, box, swatch, text, el("span", { class: "legend-count" }, number(members.length))));
  }

  /** The stylesheet owns the palette, for light and dark: a point takes the colour that its swatch in the legend has. */
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
    const picture = app.renderer.thumbnail({ ...point, thumbnail: api.thumbnailOf(point.id) });
    tip.replaceChildren(picture, el("strong", {}, point.title), el("span", {}, point.label ?? ""));
    const { clientWidth, clientHeight } = canvas;
    const left = x + 16 + tip.offsetWidth > clientWidth ? x - 16 - tip.offsetWidth : x + 16;
    const top = Math.min(Math.max(8, y - tip.offsetHeight / 2), clientHeight - tip.offsetHeight - 8);
    Object.assign(tip.style, { left: `${Math.max(8, left)}px`, top: `${top}px` });
    $("map-said").textContent = [point.title, point.label].filter(Boolean).join(", ");
  }

  $("map-in").onclick = () => scatter.zoom(1.5);
  $("map-out").onclick = () => scatter.zoom(1 / 1.5);
  $("map-reset").onclick = () => scatter.reset();
  document.addEventListener("theme", colour);

  return {
    show: () => generation !== app.generation && load(),
    forget(id) {
      points = points.filter((point) => point.id !== id);
      colour();
    },
  };
}
