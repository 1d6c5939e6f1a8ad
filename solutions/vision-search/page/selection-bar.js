// What can be done with the tiles that are chosen; it is there only while some are.

import { el, plural, showProblem } from "/assets/dom.js";
import * as api from "/solution/api.js";
import { tagEditor } from "/solution/tags.js";

/** `loaded()` are the grid's entries, of which all can be chosen at once. */
export function selectionBar(app, selection, loaded) {
  const said = el("span", { role: "status", "aria-live": "polite", "data-testid": "chosen" });
  const action = (name, text, act) => el("button", { type: "button", "data-testid": name, onclick: act }, text);
  const problem = el("div", { class: "problem", role: "alert", hidden: true });
  const editor = el("div", { hidden: true });
  const tagging = action("tag-chosen", "Tag", () => (editor.hidden ? showEditor() : hideEditor()));
  tagging.ariaExpanded = "false";
  const actions = [
    action("sort-like", "Sort by similarity", () => app.similarity.sortLike(selection.entries)),
    action("add-positive", "Add as like", () => app.similarity.add("positive", selection.entries)),
    action("add-negative", "Add as unlike", () => app.similarity.add("negative", selection.entries)),
    action("only-chosen", "Show only these", () => app.go({ ids: { list: selection.ids }, similar: null })),
    tagging,
    action("choose-all", "Select all loaded", () => selection.add(loaded())),
    action("choose-none", "Clear", () => selection.clear()),
  ];
  const bar = el("div", { class: "selection-bar", role: "group", "aria-label": "Selection", hidden: true }, said, ...actions, editor, problem);

  function hideEditor() {
    editor.hidden = true;
    tagging.ariaExpanded = "false";
  }

  function showEditor() {
    const entries = selection.entries;
    const tags = [...new Set(entries.flatMap(({ item }) => item.tags ?? []))].sort();
    const known = app.dataset.tags.map(({ value }) => value);
    const label = entries[0]?.isPatch ? "Tag to add to the samples of the selected patches" : "Tag to add to the selected samples";
    editor.replaceChildren(tagEditor({ tags, known, label, change }));
    editor.hidden = false;
    tagging.ariaExpanded = "true";
    editor.querySelector("input").focus();
  }

  async function change(tags) {
    const ids = [...new Set(selection.entries.map(({ sample }) => sample))];
    try {
      const { changed } = await api.tag(app.state.dataset, { view: { ids }, ...tags });
      showProblem(problem, null);
      said.textContent = `${plural(changed, "tag", "tags")} changed`;
      await app.changed();
    } catch (error) {
      showProblem(problem, error);
    }
  }

  selection.addEventListener("change", () => {
    bar.hidden = selection.size === 0;
    said.textContent = `${plural(selection.size, "selected", "selected")}`;
    showProblem(problem, null);
    hideEditor();
  });
  selection.addEventListener("refresh", () => !editor.hidden && showEditor());
  return bar;
}
