// The similarity panel: which index, what results shall be like and unlike, and how. What it asks is a part of the state.

import { $, acceptDrops, el, number, showProblem } from "/assets/dom.js";
import { image } from "/assets/render.js";
import * as api from "/solution/api.js";
import { addPicture, isPicture, pictureOf, shownPicture } from "/solution/pictures.js";
import { similarityForm } from "/solution/similarity-form.js";
import { NO_QUERY, sortBody, viewOf } from "/solution/state.js";

export function createSimilarity(app) {
  const form = similarityForm();
  let query = { ...NO_QUERY };
  let shown = null;

  const indexes = () => app.runs.filter(({ kind }) => kind === "similarity");
  const chosen = () => indexes().find(({ key }) => key === query.run);
  const isSeen = () => !$("view-grid").hidden;
  const open = () => ($("similarity-fold").open = true);

  /** Takes another index. The ids of one of patches mean nothing to one of samples. */
  function use(key) {
    const before = chosen()?.config.patches_field;
    query.run = key;
    const { config } = chosen();
    const keep = (list) => list.filter((entry) => config.patches_field === before || isPicture(entry));
    query = { ...query, positive: keep(query.positive), negative: keep(query.negative), words: config.supports_prompts ? query.words : "" };
  }

  /** Takes an index of what these entries are, unless the chosen one is; one of samples does for patches, too. */
  function fit([{ isPatch, field = app.state.patches }]) {
    const wanted = isPatch ? field : "";
    const fits = (one) => (one?.config.patches_field ?? "") === wanted;
    if (chosen() && fits(chosen())) return;
    const other = indexes().find(fits) ?? (isPatch && indexes().find(({ config }) => !config.patches_field));
    if (other) use(other.key);
  }

  /** What the chosen index calls these entries. */
  function idsFor(entries) {
    if (!chosen().config.patches_field) return [...new Set(entries.map(({ sample }) => sample))];
    return entries.filter(({ isPatch }) => isPatch).map(({ id }) => id);
  }

  /** Adds entries of a grid to one side; says whether that can be done. */
  function add(side, entries) {
    open();
    if (!isSeen()) app.go({}, "grid");
    paint();
    if (!indexes().length) return false;
    fit(entries);
    const ids = idsFor(entries);
    const other = side === "positive" ? "negative" : "positive";
    query[side] = [...new Set([...query[side], ...ids])];
    query[other] = query[other].filter((id) => !ids.includes(id));
    paint();
    const message = `The index ‘${query.run}’ has patches of ${chosen().config.patches_field}: select patches.`;
    showProblem(form.problem, ids.length ? null : { message });
    return ids.length > 0;
  }

  /** Searches with pictures, where an index's model can embed them. */
  async function take(files) {
    const pictures = files.filter(({ type }) => type.startsWith("image/"));
    if (!pictures.length || !indexes().length || !isSeen()) return;
    open();
    const withModel = chosen().config.model ? chosen() : indexes().find(({ config }) => config.model);
    if (!withModel) {
      showProblem(form.problem, { message: "A picture needs an index with a model; this dataset has none.", hint: "Compute one under Runs." });
      return;
    }
    if (withModel !== chosen()) use(withModel.key);
    const names = await Promise.all(pictures.map(addPicture));
    sort({ positive: [...query.positive, ...names] });
  }

  function sort(change) {
    query = { ...query, ...change };
    showProblem(form.problem, null);
    if (query.positive.length || query.words) {
      app.go({ similar: query, patches: chosen().config.patches_field ?? "", sort: "" }, "grid");
      return;
    }
    paint();
    const message = query.negative.length ? "There must be something to be like, too." : "There is nothing to be like yet.";
    showProblem(form.problem, { message, hint: "Select tiles, choose a picture, or write words if the index takes them." });
  }

  /** A change of a query that is in force is asked for at once. */
  function change(part) {
    query = { ...query, ...part };
    if (app.state.similar && (query.positive.length || query.words)) sort({});
    else paint();
  }

  function prompt(side, entry) {
    const kind = chosen().config.patches_field ? "patches" : "samples";
    const title = isPicture(entry) ? shownPicture(entry).title : entry;
    const source = isPicture(entry) ? shownPicture(entry).url : api.thumbnailOf(app.dataset.name, kind, entry);
    const off = () => change({ [side]: query[side].filter((one) => one !== entry) });
    const remove = el("button", { type: "button", class: "chip-remove", "aria-label": `Remove ${title}`, onclick: off }, "×");
    return el("li", { class: "prompt", title, "data-testid": "prompt" }, image({ title }, [source]), remove);
  }

  const runText = ({ key, config }) => `${key} – ${config.patches_field ? `patches of ${config.patches_field}` : "samples"}`;

  function aboutRun({ config }) {
    const source = config.model ? `by ${config.model}` : config.field ? `from the field ${config.field}` : "given embeddings";
    return `${number(config.dim)} dimensions, ${source}; ${config.metric}, ${config.backend}`;
  }

  function paint() {
    form.none.hidden = indexes().length > 0;
    form.body.hidden = !form.none.hidden;
    form.link.href = app.addressOf({}, "runs");
    if (form.body.hidden) return;
    if (!chosen()) query.run = (indexes().find(({ config }) => (config.patches_field ?? "") === app.state.patches) ?? indexes()[0]).key;
    form.run.replaceChildren(...indexes().map((one) => el("option", { value: one.key }, runText(one))));
    form.run.value = query.run;
    form.about.textContent = aboutRun(chosen());
    for (const side of ["positive", "negative"]) form[side].replaceChildren(...query[side].map((entry) => prompt(side, entry)));
    paintControls(chosen().config);
  }

  function paintControls({ model, supports_prompts: takesWords }) {
    form.wordsField.hidden = !takesWords;
    form.wordsNote.textContent = /efficientnet/i.test(model ?? "") ? "This model has no text encoder: words are matched with its classes, which is approximate." : "";
    if (document.activeElement !== form.words) form.words.value = query.words;
    if (document.activeElement !== form.k) form.k.value = query.k;
    form.reverse.checked = query.reverse;
    form.everywhere.checked = query.everywhere;
    form.aggregation.value = query.aggregation;
    form.aggregation.parentElement.hidden = query.positive.length + Boolean(query.words) < 2;
    form.file.parentElement.hidden = !model;
    form.stop.hidden = form.saving.hidden = !app.state.similar;
  }

  async function saveDistances() {
    form.saved.textContent = "";
    const name = form.distances.value.trim();
    if (!name) return form.distances.focus();
    try {
      const { sort: _, ...view } = viewOf(app.state, app.dataset.fields);
      const { hits } = await api.sort(app.dataset.name, query.run, { ...sortBody(query, view, pictureOf), dist_field: name });
      form.saved.textContent = `Saved for ${number(hits.length)} in ‘${name}’.`;
      showProblem(form.problem, null);
      await app.changed();
    } catch (error) {
      showProblem(form.problem, error);
    }
  }

  const kWanted = () => Math.max(1, Math.floor(form.k.valueAsNumber) || NO_QUERY.k);

  $("similarity").onsubmit = (event) => {
    event.preventDefault();
    sort({ words: form.wordsField.hidden ? "" : form.words.value.trim(), k: kWanted() });
  };
  form.run.onchange = () => {
    use(form.run.value);
    change({});
  };
  form.k.onchange = () => change({ k: kWanted() });
  form.reverse.onchange = () => change({ reverse: form.reverse.checked });
  form.everywhere.onchange = () => change({ everywhere: form.everywhere.checked });
  form.aggregation.onchange = () => change({ aggregation: form.aggregation.value });
  form.stop.onclick = () => app.go({ similar: null });
  form.save.onclick = saveDistances;
  form.file.onchange = () => {
    take([...form.file.files]);
    form.file.value = "";
  };
  acceptDrops(document.body, form.drop, ({ files }) => take([...files]));
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
      const asked = JSON.stringify(app.state.similar);
      if (asked !== shown) form.saved.textContent = "";
      shown = asked;
      paint();
    },
  };
}
