// The controls of the similarity panel; what they do is similarity.js's.

import { $, el } from "/assets/dom.js";
import { field, select } from "/solution/form.js";
import { NO_QUERY } from "/solution/state.js";

/** The server lists so many at most. */
const MAX_K = 1000;
const AGGREGATIONS = [["mean", "their mean"], ["min", "the nearest of them"], ["max", "the farthest of them"], ["post-mean", "the mean distance"]];

const check = (input, label) => el("label", { class: "check" }, input, label);
const row = (label, control) => el("div", { class: "field field-row" }, el("label", { htmlFor: control.id }, label), control);
const prompts = (name, side) => el("ul", { class: `prompts ${side}`, "aria-label": name, "data-testid": side });

function controls() {
  return {
    run: select("similarity-run", []),
    about: el("p", { class: "hint" }),
    positive: prompts("Like", "positive"),
    negative: prompts("Unlike", "negative"),
    file: el("input", { type: "file", class: "unseen", accept: "image/*", id: "similarity-file" }),
    words: el("input", { type: "search", id: "similarity-words", autocomplete: "off", enterKeyHint: "search", placeholder: "What to look for" }),
    k: el("input", { type: "number", id: "similarity-k", min: 1, max: MAX_K, value: NO_QUERY.k, inputMode: "numeric" }),
    aggregation: select("similarity-aggregation", AGGREGATIONS),
    reverse: el("input", { type: "checkbox", id: "similarity-reverse" }),
    everywhere: el("input", { type: "checkbox", id: "similarity-everywhere" }),
    problem: el("div", { class: "problem", role: "alert", hidden: true }),
    stop: el("button", { type: "button", "data-testid": "unsort" }, "Back to the unsorted grid"),
    distances: el("input", { type: "text", id: "distance-field", autocomplete: "off", spellcheck: false, placeholder: "distance" }),
    save: el("button", { type: "button", id: "distance-save" }, "Save"),
    saved: el("p", { class: "hint", role: "status" }),
  };
}

/** Fills the panel, and returns its controls and the parts that are shown now and then. */
export function similarityForm() {
  const parts = controls();
  const { positive, negative, file, words, distances, save, saved } = parts;
  const drop = el("div", { class: "drop small" },
    el("p", { class: "prompts-head" }, "Like"), positive,
    el("p", { class: "prompts-head" }, "Unlike"), negative,
    el("p", { class: "hint" }, "Select tiles and press “Add as like”, or drop, paste or choose a picture."),
    el("label", { class: "button" }, file, el("span", {}, "Choose a picture")));
  const wordsField = field("Words", words, " ");
  const saving = el("div", { class: "field" }, el("label", { htmlFor: distances.id }, "Save the distances in a field"), el("div", { class: "sort-row" }, distances, save), saved);
  const index = field("Index", parts.run);
  index.append(parts.about);
  const start = el("button", { type: "submit", class: "primary", id: "similarity-sort" }, "Sort by similarity");
  const body = el("div", { class: "stack" },
    index, drop, wordsField, row("Number of results", parts.k), row("Several are", parts.aggregation),
    check(parts.reverse, "Least similar first"), check(parts.everywhere, "Whole dataset, not only the filtered part"),
    parts.problem, el("div", { class: "row wrap" }, start, parts.stop), saving);
  const link = el("a", {}, "Compute one");
  const none = el("p", { class: "hint" }, "This dataset has no similarity index yet. ", link);
  $("similarity").append(none, body);
  return { ...parts, drop, wordsField, wordsNote: wordsField.querySelector(".hint"), saving, body, none, link };
}
