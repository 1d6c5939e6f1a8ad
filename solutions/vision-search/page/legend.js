// What the colours of the embeddings mean: classes, or ranges of a number; one by one to be hidden, or shown alone.

import { el, number } from "/assets/dom.js";
import { colourOf } from "/solution/colours.js";

/** The most frequent classes have an entry; the others share one. */
const LISTED = 20;
const RANGES = 5;
/** Numbers with so few values are told apart as classes are. */
const FEW = 10;

function classes(points) {
  const counts = new Map();
  for (const { color } of points) if (color != null) counts.set(String(color), (counts.get(String(color)) ?? 0) + 1);
  const names = [...counts].sort(([a, m], [b, n]) => n - m || a.localeCompare(b)).slice(0, LISTED).map(([name]) => name);
  const entries = names.map((name) => ({ name, colour: colourOf(name), points: points.filter(({ color }) => color != null && String(color) === name) }));
  const listed = new Set(names);
  const rest = points.filter(({ color }) => color == null || !listed.has(String(color)));
  return rest.length ? [...entries, { name: names.length ? "others" : "all", colour: "none", points: rest }] : entries;
}

/** Ranges with as many points each, from dark to light. */
function ranges(points) {
  const sorted = points.filter(({ color }) => typeof color === "number").sort((a, b) => a.color - b.color);
  const size = Math.ceil(sorted.length / RANGES);
  const parts = Array.from({ length: RANGES }, (_, at) => sorted.slice(at * size, (at + 1) * size)).filter(({ length }) => length);
  const text = (value) => (Number.isInteger(value) ? number(value) : value.toPrecision(3));
  const entries = parts.map((part, at) => ({ name: `${text(part[0].color)} to ${text(part.at(-1).color)}`, colour: `r${at}`, points: part }));
  const rest = points.filter(({ color }) => typeof color !== "number");
  return rest.length ? [...entries, { name: "without a value", colour: "none", points: rest }] : entries;
}

function entriesOf(points) {
  const values = new Set(points.map(({ color }) => color).filter((color) => color != null));
  const isNumeric = values.size > FEW && [...values].every((value) => typeof value === "number");
  return isNumeric ? ranges(points) : classes(points);
}

/** Fills the list; each point gets its `swatch`. `onHide()` after points were hidden or shown, `only(points)` for one entry. */
export function showLegend(list, points, { onHide, only }) {
  const row = ({ name, colour, points: members }) => {
    const box = el("input", { type: "checkbox", checked: true });
    const swatch = el("span", { class: `swatch ${colour}` });
    for (const point of members) point.swatch = swatch;
    box.onchange = () => {
      for (const point of members) point.hidden = !box.checked;
      onHide();
    };
    const count = el("span", { class: "legend-count" }, number(members.length));
    const choose = el("button", { type: "button", class: "quiet", "aria-label": `Only ${name}`, "data-testid": "only", onclick: () => only(members) }, "Only");
    return el("li", { class: "legend-row", "data-testid": "legend" }, el("label", {}, box, swatch, el("span", { class: "legend-label" }, name), count), choose);
  };
  list.replaceChildren(...entriesOf(points).map(row));
}
