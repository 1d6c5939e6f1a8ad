// The similarity panel: which index, what results shall be like and unlike, and how. What it asks is a part of the state.

import { $, acceptDrops, el, showProblem } from "/assets/dom.js";
import { image } from "/assets/render.js";
import * as api from "/solution/api.js";
import { addPicture, isPicture, pictureOf, shownPicture } from "/solution/pictures.js";
import { NO_QUERY, sortBody, viewOf } from "/solution/state.js";

const AGGREGATIONS = [
  ["mean", "their mean"],
  ["min", "the nearest of them"],
  ["max", "the farthest of them"],
  ["post-mean", "the mean distance"],
];

export function createSimilarity(app) {
  const form = $("similarity");
  const fold = $("similarity-fold");
  const problem = el("div", { class: "problem", role: "alert", hidden: true });
  const run = el("select", { id: "similarity-run", "data-testid": "similarity-run" });
  const about = el("p", { class: "hint" });
  const positive = el("ul", { class: "prompts", "aria-label": "Like", "data-testid": "positive" });
  const negative = el("ul", { class: "prompts negative", "aria-label": "Unlike", "data-testid": "negative" });
  const words = el("input", { type: "search", id: "similarity-words", autocomplete: "off", enterKeyHint: "search", placeholder: "What to look for" });
  const wordsNote = el("p", { class: "hint", id: "words-note" });
  const wordsField = el("div", { class: "field" }, el("label", { htmlFor: words.id }, "Words"), words, wordsNote);
  words.setAttribute("aria-describedby", wordsNote.id);
  const file = el("input", { type: "file", class: "unseen", accept: "image/*", id: "similarity-file" });
  const k = el("input", { type: "number", id: "similarity-k", min: 1, value: NO_QUERY.k, inputMode: "numeric" });
  const reverse = el("input", { type: "checkbox", id: "similarity-reverse" });
  const aggregation = el("select", { id: "similarity-aggregation" }, ...AGGREGATIONS.map(([value, text]) => el("option", { value }, text)));
  const everywhere = el("input", { type: "checkbox", id: "similarity-everywhere" });
  const start = el("button", { type: "submit", class: "primary", id: "similarity-sort" }, "Sort by similarity");
  const stop = el("button", { type: "button", id: "similarity-clear", "data-testid": "unsort" }, "Back to the unsorted grid");
  const field = el("input", { type: "text", id: "distance-field", autocomplete: "off", placeholder: "distance" });
  const save = el("button", { type: "button", id: "distance-save" }, "Save");
  const saved = el("p", { class: "hint", role: "status" });
  const saving = el("div", { class: "field" }, el("label", { htmlFor: field.id }, "Save the distances in a field"), el("div", { class: "sort-row" }, field, save), saved);
  const body = el("div", { class: "stack" });
  const none = el("p", { class: "hint" }, "This dataset has no similarity index yet. ", el("a", { "data-view-link": "runs" }, "Compute one"));
  let query = { ...NO_QUERY };

  const indexes = () => app.runs.filter(({ kind }) => kind === "similarity");
  const chosen = () => indexes().find(({ key }) => key === query.run);

  function drop() {
    const node = el("div", { class: "drop small" },
      el("p", { class: "prompts-head" }, "Like"), positive,
      el("p", { class: "prompts-head" }, "Unlike"), negative,
      el("p", { class: "hint", id: "prompts-hint" }, "Select tiles and press “Add as like”, or drop, paste or choose a picture."),
      el("label", { class: "button" }, file, el("span", {}, "Choose a picture")));
    acceptDrops(document.body, node, ({ files }) => take([...files]));
    return node;
  }

  const row = (label, control) => el("div", { class: "field field-row" }, el("label", { htmlFor: control.id }, label), control);

  body.append(
    el("div", { class: "field" }, el("label", { htmlFor: run.id }, "Index"), run, about),
    drop(), wordsField, row("Number of results", k), row("Several are", aggregation),
    el("label", { class: "check" }, reverse, "Least similar first"),
    el("label", { class: "check" }, everywhere, "Whole dataset, not only the filtered part"),
    problem, el("div", { class: "row wrap" }, start, stop), saving,
  );
  form.append(none, body);

  async function take(files) {
    const pictures = files.filter(({ type }) => type.startsWith("image/"));
    if (!pictures.length) return;
    if (!indexes().length) return;
    const names = await Promise.all(pictures.map(addPicture));
    open();
    sort({ positive: [...query.positive, ...names] });
  }

  /** The ids that an index of samples or of patches knows, of tiles of either. */
  function idsFor(entries) {
    const { patches_field: patches } = chosen()?.config ?? {};
    if (!patches) return [...new Set(entries.map(({ sample }) => sample))];
    return entries.filter(({ isPatch }) => isPatch).map(({ id }) => id);
  }

  function choose(entries) {
    // An index of what was chosen, rather than one of something else.
    const fits = ({ config }) => (entries[0]?.isPatch ? config.patches_field === app.state.patches || config.patches_field === entries[0].field : !config.patches_field);
    if (chosen() && (entries[0]?.isPatch || !chosen().config.patches_field)) {
      if (fits(chosen()) || !indexes().some(fits)) return;
    }
    query.run = (indexes().find(fits) ?? indexes()[0])?.key ?? "";
  }

  function open() {
    fold.open = true;
  }

  function sort(change) {
    query = { ...query, ...change };
    showProblem(problem, null);
    if (!query.positive.length && !query.words) {
      paint();
      const text = query.negative.length ? "There must be something to be like, too." : "There is nothing to be like yet.";
      showProblem(problem, { message: text, hint: "Select tiles, choose a picture, or write words if the index takes them." });
      return;
    }
    const { patches_field: patches = "" } = chosen()?.config ?? {};
    app.go({ similar: query, patches: patches ?? "", sort: "" }, "grid");
  }

  function add(side, entries) {
    open();
    choose(entries);
    const ids = idsFor(entries);
    if (!ids.length) {
      const text = indexes().length ? `The index ‘${query.run}’ has patches of ${chosen()?.config.patches_field}: select patches.` : "This dataset has no similarity index yet.";
      paint();
      showProblem(problem, { message: text });
      return false;
    }
    const other = side === "positive" ? "negative" : "positive";
    query[side] = [...new Set([...query[side], ...ids])];
    query[other] = query[other].filter((id) => !ids.includes(id));
    showProblem(problem, null);
    paint();
    return true;
  }

  function prompt(side, entry) {
    const { patches_field: patches } = chosen()?.config ?? {};
    const title = isPicture(entry) ? (shownPicture(entry)?.title ?? "a picture") : entry;
    const source = isPicture(entry) ? shownPicture(entry)?.url : api.thumbnailOf(app.dataset.name, patches ? "patches" : "samples", entry);
    const off = () => {
      query[side] = query[side].filter((one) => one !== entry);
      if (app.state.similar && query.positive.length + query.words.length) sort({});
      else paint();
    };
    const remove = el("button", { type: "button", class: "chip-remove", "aria-label": `Remove ${title}`, onclick: off }, "×");
    return el("li", { class: "prompt", title, "data-testid": "prompt" }, image({ title }, [source]), remove);
  }

  function runText({ key, config }) {
    return `${key} – ${config.patches_field ? `patches of ${config.patches_field}` : "samples"}`;
  }

  function aboutRun({ config }) {
    const source = config.model ? `by ${config.model}` : config.field ? `from the field ${config.field}` : "given embeddings";
    return `${config.dim} numbers each, ${source}; ${config.metric}, ${config.backend}`;
  }

  function paint() {
    none.hidden = indexes().length > 0;
    body.hidden = !none.hidden;
    none.querySelector("a").href = app.addressOf({}, "runs");
    if (body.hidden) return;
    if (!chosen()) query.run = (indexes().find(({ config }) => (config.patches_field ?? "") === app.state.patches) ?? indexes()[0]).key;
    run.replaceChildren(...indexes().map((one) => el("option", { value: one.key }, runText(one))));
    run.value = query.run;
    const index = chosen();
    about.textContent = aboutRun(index);
    positive.replaceChildren(...query.positive.map((entry) => prompt("positive", entry)));
    negative.replaceChildren(...query.negative.map((entry) => prompt("negative", entry)));
    wordsField.hidden = !index.config.supports_prompts;
    wordsNote.textContent = /efficientnet/i.test(index.config.model ?? "") ? "This model has no text encoder: words are matched with its classes, which is approximate." : "";
    if (document.activeElement !== words) words.value = query.words;
    if (document.activeElement !== k) k.value = query.k;
    reverse.checked = query.reverse;
    everywhere.checked = query.everywhere;
    aggregation.value = query.aggregation;
    aggregation.parentElement.hidden = query.positive.length + Boolean(query.words) < 2;
    file.parentElement.hidden = !index.config.model;
    stop.hidden = saving.hidden = !app.state.similar;
  }

  const resort = (change) => {
    query = { ...query, ...change };
    if (app.state.similar) sort({});
    else paint();
  };

  async function saveDistances() {
    saved.textContent = "";
    const name = field.value.trim();
    if (!name) return field.focus();
    try {
      const { sort: _, ...view } = viewOf(app.state, app.dataset.fields);
      const answer = await api.sort(app.dataset.name, query.run, { ...sortBody(query, view, pictureOf), dist_field: name });
      saved.textContent = `Saved for ${answer.hits.length} in ‘${name}’.`;
      showProblem(problem, null);
      await app.changed();
    } catch (error) {
      showProblem(problem, error);
    }
  }

  form.onsubmit = (event) => {
    event.preventDefault();
    sort({ words: wordsField.hidden ? "" : words.value.trim(), k: Math.max(1, Math.floor(k.valueAsNumber) || NO_QUERY.k) });
  };
  // The ids of one index mean nothing to one of something else.
  run.onchange = () => {
    const before = chosen()?.config.patches_field;
    query.run = run.value;
    const isKept = chosen().config.patches_field === before;
    const keep = (list) => list.filter((entry) => isKept || isPicture(entry));
    query = { ...query, positive: keep(query.positive), negative: keep(query.negative), words: chosen().config.supports_prompts ? query.words : "" };
    if (app.state.similar && (query.positive.length || query.words)) sort({});
    else paint();
  };
  k.onchange = () => resort({ k: Math.max(1, Math.floor(k.valueAsNumber) || NO_QUERY.k) });
  reverse.onchange = () => resort({ reverse: reverse.checked });
  everywhere.onchange = () => resort({ everywhere: everywhere.checked });
  aggregation.onchange = () => resort({ aggregation: aggregation.value });
  stop.onclick = () => app.go({ similar: null });
  save.onclick = saveDistances;
  file.onchange = () => {
    take([...file.files]);
    file.value = "";
  };
  document.addEventListener("paste", ({ clipboardData }) => take([...(clipboardData?.files ?? [])]));

  return {
    add,
    /** Sorts by these alone. */
    sortLike(entries) {
      query = { ...query, positive: [], negative: [], words: "" };
      if (add("positive", entries)) sort({});
    },
    show() {
      if (app.state.similar) {
        query = { ...app.state.similar };
        open();
      }
      saved.textContent = "";
      paint();
    },
  };
}
