// The dialog that shows one sample at large: its labels, fields and tags, and what can be searched for from there.

import { $, el, isAbort, showProblem } from "/assets/dom.js";
import { fieldText, image } from "/assets/render.js";
import * as api from "/solution/api.js";
import { copyable } from "/solution/copy.js";
import { colourOf } from "/solution/colours.js";
import { confidenceText, hasPlaces, isLabelField, overlay, placedLabels } from "/solution/overlay.js";
import { tagEditor } from "/solution/tags.js";

export function createDetail(app) {
  const dialog = $("detail");
  let entries = [];
  let index = 0;
  let sample = null;
  let loading = new AbortController();

  /** `list` are entries of a grid, or points: what has the id of a sample. For a patch its label is marked. */
  function open(list, entry) {
    entries = list;
    index = list.indexOf(entry);
    if (!dialog.open) dialog.showModal();
    show();
  }

  async function show() {
    loading.abort();
    loading = new AbortController();
    const entry = entries[index];
    showProblem($("detail-error"), null);
    $("detail-previous").disabled = index === 0;
    $("detail-next").disabled = index >= entries.length - 1;
    try {
      // A patch comes without the other labels of its sample, and a point with nothing.
      const found = entry.item && !entry.isPatch ? entry.item : await api.sample(app.dataset.name, entry.sample, loading.signal);
      showSample(found, entry.isPatch ? entry.id : null, entry.distance);
    } catch (error) {
      if (!isAbort(error)) showProblem($("detail-error"), error);
    }
  }

  function showSample(found, marked, distance) {
    sample = found;
    $("detail-title").textContent = sample.title;
    showPicture(marked);
    showLabels(marked);
    showTags();
    showFields(distance);
    const like = el("button", { type: "button", class: "primary", "data-testid": "detail-like", onclick: () => leaveFor({ id: sample.id, sample: sample.id }) }, "Sort by similarity to this sample");
    like.hidden = !hasIndex("");
    $("detail-actions").replaceChildren(like);
  }

  const hasIndex = (field) => app.runs.some(({ kind, config }) => kind === "similarity" && (config.patches_field ?? "") === field);

  function leaveFor(entry) {
    dialog.close();
    app.similarity.sortLike([entry]);
  }

  function showPicture(marked) {
    const picture = image(sample, [sample.media, sample.thumbnail]);
    picture.loading = "eager";
    const layer = overlay(placedLabels(sample, (name) => app.drawn.has(name)), ({ id }) => mark(id, true));
    const frame = el("div", { class: "detail-frame" }, picture, layer);
    const { width, height } = sample.metadata ?? {};
    const setRatio = (ratio) => frame.style.setProperty("--ratio", ratio);
    if (width && height) setRatio(width / height);
    else picture.onload = () => setRatio(picture.naturalWidth / picture.naturalHeight);
    $("detail-picture").replaceChildren(frame);
    if (marked) mark(marked, false);
  }

  /** Marks a label in the picture and the list. */
  function mark(id, scrolls) {
    for (const node of dialog.querySelectorAll(".box, .label-row")) node.classList.toggle("marked", node.dataset.id === id);
    if (scrolls) dialog.querySelector(`.label-row[data-id="${id}"]`)?.scrollIntoView({ block: "nearest" });
  }

  function labelRow(label, name) {
    const notes = [...(label.tags ?? []), ...Object.entries(label.attributes ?? {}).map(([key, value]) => `${key}: ${fieldText(key, value)}`)];
    const like = el("button", { type: "button", class: "quiet", "data-testid": "label-like", onclick: () => leaveFor({ id: label.id, sample: sample.id, isPatch: true, field: name }) }, "Similar");
    like.setAttribute("aria-label", `Sort by similarity to this ${label.label ?? "label"}`);
    like.hidden = !hasIndex(name);
    const head = el("span", { class: "label-head" }, el("span", { class: `swatch ${colourOf(label.label)}` }), el("strong", {}, label.label ?? "(no class)"), el("span", { class: "hint" }, confidenceText(label.confidence)));
    const row = el("li", { class: "label-row", "data-id": label.id, "data-testid": "label-row" }, head, like, copyable(label.id, "the label's id"), notes.length ? el("span", { class: "hint label-notes" }, notes.join(", ")) : null);
    row.onpointerenter = () => mark(label.id, false);
    return row;
  }

  function showLabels(marked) {
    const fields = Object.entries(sample.fields ?? {}).filter(([, field]) => isLabelField(field));
    const parts = fields.flatMap(([name, field]) => [
      el("h3", {}, name, " ", el("span", { class: "hint" }, `${field.labels.length} ${hasPlaces(field) ? "in the picture" : ""}`)),
      el("ul", { class: "label-rows", "aria-label": `Labels of ${name}` }, ...field.labels.map((label) => labelRow(label, name))),
    ]);
    $("detail-labels").replaceChildren(...parts);
    if (marked) mark(marked, true);
  }

  function showTags() {
    const known = app.dataset.tags.map(({ value }) => value);
    $("detail-tags").replaceChildren(el("h3", {}, "Tags"), tagEditor({ tags: sample.tags ?? [], known, label: "Tag to add to this sample", change: changeTags }));
  }

  async function changeTags(change) {
    const { id } = sample;
    try {
      await api.tag(app.dataset.name, { view: { ids: [id] }, ...change });
      const changed = await api.sample(app.dataset.name, id, loading.signal);
      // The list that the dialog walks through is its own from here on, as the grid below is loaded anew.
      entries = entries.map((entry) => (entry.item?.id === id ? { ...entry, item: changed } : entry));
      if (sample.id !== id) return;
      sample = changed;
      showProblem($("detail-error"), null);
      showTags();
      $("detail-tags").querySelector("input").focus();
      await app.changed();
    } catch (error) {
      if (!isAbort(error)) showProblem($("detail-error"), error);
    }
  }

  function showFields(distance) {
    const { width, height, size_bytes: size, mime_type: type } = sample.metadata ?? {};
    const values = Object.entries(sample.fields ?? {}).filter(([, field]) => !isLabelField(field));
    const facts = [
      ["id", copyable(sample.id, "the sample's id")],
      ["file", copyable(sample.filepath, "the path")],
      ...(distance == null ? [] : [["distance", distance.toFixed(6)]]),
      ...(width ? [["size", `${width} × ${height} pixels`]] : []),
      ...(size ? [["bytes", fieldText("bytes", size)]] : []),
      ...(type ? [["type", type]] : []),
      ...values.map(([name, value]) => [name, fieldText(name, value)]),
    ];
    $("detail-fields").replaceChildren(...facts.map(([name, value]) => el("tr", {}, el("th", { scope: "row" }, name), el("td", {}, value))));
  }

  function step(by) {
    if (!entries[index + by]) return;
    index += by;
    show();
  }

  $("detail-previous").onclick = () => step(-1);
  $("detail-next").onclick = () => step(1);
  $("detail-close").onclick = () => dialog.close();
  dialog.addEventListener("keydown", ({ key, target }) => {
    if (target.closest("input")) return;
    if (key === "ArrowLeft") step(-1);
    if (key === "ArrowRight") step(1);
  });
  // The dialog has no padding of its own, so only its backdrop is hit as the dialog itself.
  dialog.addEventListener("click", ({ target }) => target === dialog && dialog.close());

  return { open };
}
