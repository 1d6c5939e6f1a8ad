// One tile of the grid: a sample with its labels drawn, or a patch.

import { el } from "/assets/dom.js";
import { fieldText, image } from "/assets/render.js";
import { hasPlaces, isLabelField, labelChip, labelText, overlay, placedLabels } from "/solution/overlay.js";

/** Pictures wider or higher than this are shown in a frame of these proportions. */
const WIDEST = 3;
const SQUARE = 1;

const clamp = (value) => Math.max(1 / WIDEST, Math.min(WIDEST, value));

/**
 * What the grid needs to know of a sample or patch: `id` is the label's for patches, `sample` the sample's, `distance` that
 * of a hit.
 */
export function entryOf(item, distance) {
  const isPatch = Boolean(item.label);
  return { id: isPatch ? item.label.id : item.id, sample: isPatch ? item.sample : item.id, isPatch, item, distance };
}

function ratioOf({ isPatch, item }) {
  const { width, height } = item.metadata ?? {};
  return isPatch || !width || !height ? SQUARE : clamp(width / height);
}

function chips({ isPatch, item }, isDrawn) {
  if (isPatch) return [labelChip(item.label, "label")];
  const fields = Object.entries(item.fields ?? {}).filter(([name]) => isDrawn(name));
  const classes = fields.filter(([, field]) => isLabelField(field) && !hasPlaces(field));
  const values = fields.filter(([, field]) => !isLabelField(field));
  return [
    ...classes.flatMap(([name, { labels }]) => labels.map((label) => labelChip(label, name))),
    ...(isDrawn("tags") ? (item.tags ?? []).map((tag) => el("span", { class: "tag-chip", "data-testid": "tag", title: "Tag" }, tag)) : []),
    ...values.map(([name, value]) => el("span", { class: "value-chip", title: name }, `${name}: ${fieldText(name, value)}`)),
  ];
}

function describe({ isPatch, item }, labels) {
  if (isPatch) return `${labelText(item.label)} in ${item.title}`;
  return labels.length ? `${item.title}, ${labels.length === 1 ? "1 object" : `${labels.length} objects`}` : item.title;
}

/**
 * A tile. `isDrawn(name)` says which fields are to be seen; `open()` and `toggle(isRange)` are what pressing it does. Only
 * one tile of a grid is reached by Tab; the grid moves on from there.
 */
export function tile(entry, { isDrawn, open, toggle }) {
  const { item, distance, isPatch } = entry;
  const labels = isPatch ? [] : placedLabels(item, isDrawn);
  const name = describe(entry, labels);
  const picture = image({ ...item, title: "" }, [item.thumbnail]);
  const button = el("button", { type: "button", class: "tile-open", tabIndex: -1, "data-testid": "open", "aria-label": `Open ${name}`, onclick: open }, picture);
  const box = el("input", { type: "checkbox", tabIndex: -1, "aria-label": `Select ${name}`, "data-testid": "select" });
  // Its click tells of shift, its change does not.
  box.onclick = (event) => toggle(event.shiftKey);
  const frame = el("div", { class: "tile-picture" }, button, overlay(labels), el("label", { class: "tile-check" }, box));
  const far = distance == null ? null : el("span", { class: "distance", "data-testid": "distance", title: "Distance to the query: smaller is nearer" }, distance.toFixed(3));
  const foot = el("p", { class: "tile-foot" }, far, ...chips(entry, isDrawn));
  const node = el("li", { class: isPatch ? "tile patch" : "tile", "data-testid": "tile", "data-id": entry.id }, frame, foot);
  node.style.setProperty("--ratio", ratioOf(entry));
  return node;
}
