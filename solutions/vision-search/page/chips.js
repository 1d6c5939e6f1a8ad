// What of a dataset is shown, as chips: one for each condition, each with a button that lifts it.

import { el, number } from "/assets/dom.js";
import { everything, isNarrowed } from "/solution/state.js";

const without = (list, value) => list.filter((one) => one !== value);

function rangeText(name, { least = null, most = null }) {
  if (least !== null && most !== null) return `${least} ≤ ${name} ≤ ${most}`;
  return least !== null ? `${name} ≥ ${least}` : `${name} ≤ ${most}`;
}

function valueChips(state) {
  return Object.entries(state.values).flatMap(([name, wanted]) => {
    const set = (value) => ({ values: { ...state.values, [name]: value } });
    const range = wanted.least != null || wanted.most != null ? [[rangeText(name, wanted), set({ among: wanted.among })]] : [];
    return [...range, ...wanted.among.map((value) => [`${name}: ${value}`, set({ ...wanted, among: without(wanted.among, value) })])];
  });
}

function labelChips({ labels }) {
  if (!labels) return [];
  const { field, classes, confidence } = labels;
  const set = (change) => {
    const left = { ...labels, ...change };
    return { labels: left.classes.length || left.confidence ? left : null };
  };
  const sure = confidence ? [[`${field}: confidence ≥ ${confidence}`, set({ confidence: 0 })]] : [];
  return [...classes.map((name) => [`${field}: ${name}`, set({ classes: without(classes, name) })]), ...sure];
}

function idsText({ list, lost }) {
  return lost ? "a selection that only the tab knows in which it was made" : `selection of ${number(list.length)}`;
}

function similarText({ run, positive, negative, words, reverse }) {
  const parts = [
    positive.length && `like ${number(positive.length)}`,
    words && `“${words}”`,
    negative.length && `unlike ${number(negative.length)}`,
  ];
  return `${reverse ? "least similar first" : "sorted by similarity"} (${run}): ${parts.filter(Boolean).join(", ")}`;
}

/** `[text, change of the state that lifts it]` of each condition. */
function conditions(state) {
  return [
    ...(state.similar ? [[similarText(state.similar), { similar: null }]] : []),
    ...(state.ids ? [[idsText(state.ids), { ids: null }]] : []),
    ...state.tags.map((tag) => [`tag: ${tag}`, { tags: without(state.tags, tag) }]),
    ...labelChips(state),
    ...valueChips(state),
    ...(state.filter ? [[state.filter, { filter: "" }]] : []),
    ...state.exists.map((field) => [`has ${field}`, { exists: without(state.exists, field) }]),
    ...state.missing.map((field) => [`lacks ${field}`, { missing: without(state.missing, field) }]),
  ];
}

/** Shows the chips in `list`. `go(change)` changes the state; `focus()` is where the focus goes, as the pressed chip is gone then. */
export function showChips(list, state, go, focus) {
  const lift = (change) => {
    go(change);
    focus();
  };
  const chip = ([text, change]) =>
    el("li", { class: "condition", "data-testid": "condition" },
      el("span", {}, text),
      el("button", { type: "button", class: "quiet", "aria-label": `Remove: ${text}`, "data-testid": "lift", onclick: () => lift(change) }, "×"));
  const chips = conditions(state).map(chip);
  const isAnything = isNarrowed(state) || state.similar;
  const all = el("button", { type: "button", class: "quiet", "data-testid": "clear", onclick: () => lift(everything(state)) }, "Show all");
  list.replaceChildren(...chips, ...(isAnything ? [el("li", {}, all)] : []));
  list.hidden = !isAnything;
}
