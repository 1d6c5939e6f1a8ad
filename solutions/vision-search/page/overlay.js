// Labels drawn over a picture: boxes and outlines in shares of its sides, so that they fit whatever its size is.

import { el } from "/assets/dom.js";
import { colourOf } from "/solution/colours.js";

const SVG = "http://www.w3.org/2000/svg";
/** Outlines are drawn in a square of this size, which is stretched over the picture. */
const GRID = 1000;

export const isLabelField = (field) => Array.isArray(field?.labels);
export const hasPlaces = ({ kind }) => /^(detection|polyline)/.test(kind);
export const confidenceText = (confidence) => (confidence == null ? "" : confidence.toFixed(2));
export const labelText = ({ label, confidence }) => [label ?? "(no class)", confidenceText(confidence)].filter(Boolean).join(" ");

/** The box, or the smallest one around the outline. */
export function boundsOf({ bounding_box: box, points = [] }) {
  if (box || !points.length) return box ?? null;
  const [xs, ys] = [0, 1].map((axis) => points.flat().map((point) => point[axis]));
  const [x, y] = [Math.min(...xs), Math.min(...ys)];
  return [x, y, Math.max(...xs) - x, Math.max(...ys) - y];
}

function outline(label) {
  const shapes = label.points.map((points) => {
    const shape = document.createElementNS(SVG, label.closed || label.filled ? "polygon" : "polyline");
    shape.setAttribute("points", points.map(([x, y]) => `${x * GRID},${y * GRID}`).join(" "));
    shape.setAttribute("class", `${colourOf(label.label)}${label.filled ? " filled" : ""}`);
    return shape;
  });
  const svg = document.createElementNS(SVG, "svg");
  svg.setAttribute("viewBox", `0 0 ${GRID} ${GRID}`);
  svg.setAttribute("preserveAspectRatio", "none");
  svg.append(...shapes);
  return svg;
}

/** With `choose(label)` a box can be pressed; without, it is not there for keyboard and screen reader. */
function box(label, choose) {
  const [x, y, width, height] = boundsOf(label);
  const shape = label.bounding_box ? "box" : "box outlined";
  const props = { class: `${shape} ${colourOf(label.label)}`, "data-testid": "box", "data-id": label.id };
  const name = el("span", { class: "box-name" }, labelText(label));
  const node = choose
    ? el("button", { ...props, type: "button", "aria-label": labelText(label), onclick: () => choose(label) }, name)
    : el("span", props, name);
  const [left, top, right, bottom] = [x, y, x + width, y + height].map((share) => Math.max(0, Math.min(1, share)));
  Object.assign(node.style, { left: share(left), top: share(top), width: share(right - left), height: share(bottom - top) });
  // Above the box there is room for its name, unless it begins at the top.
  node.classList.toggle("at-top", top < 0.12);
  node.classList.toggle("at-right", left > 0.7);
  return node;
}

const share = (value) => `${(value * 100).toFixed(3)}%`;

/** The labels with a place, in these fields of a sample; the largest lie below, so that each can be pointed at. */
export function placedLabels(sample, isDrawn) {
  const fields = Object.entries(sample.fields ?? {}).filter(([name, field]) => isLabelField(field) && hasPlaces(field) && isDrawn(name));
  const area = (label) => boundsOf(label)[2] * boundsOf(label)[3];
  return fields.flatMap(([, { labels }]) => labels).filter(boundsOf).sort((a, b) => area(b) - area(a));
}

/** A layer to lie over a picture, with nothing beside it in its parent. */
export function overlay(labels, choose) {
  const outlines = labels.filter(({ points }) => points?.length).map(outline);
  const node = el("div", { class: "overlay" }, ...outlines, ...labels.map((label) => box(label, choose)));
  if (!choose) node.setAttribute("aria-hidden", "true");
  return node;
}

/** A class as a chip: `cat 0.93`. */
export const labelChip = (label, field) =>
  el("span", { class: `label-chip ${colourOf(label.label)}`, title: `${field}: ${labelText(label)}`, "data-testid": "label" }, labelText(label));
