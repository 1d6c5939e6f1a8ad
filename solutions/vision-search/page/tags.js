// Tags of samples: shown as chips that can be taken off, with a box to add one.

import { el } from "/assets/dom.js";

let lists = 0;

/**
 * An editor. `change({ add } | { remove })` is called with a list of tags, and `known` are offered while typing; `label`
 * says whose tags they are.
 */
export function tagEditor({ tags, known, label, change }) {
  const options = el("datalist", { id: `known-tags-${++lists}` }, ...known.map((value) => el("option", { value })));
  const input = el("input", { type: "text", autocomplete: "off", placeholder: "Add a tag", "aria-label": label, "data-testid": "add-tag" });
  input.setAttribute("list", options.id);
  const form = el("form", { class: "tag-form" }, input, options, el("button", { type: "submit" }, "Add"));
  form.onsubmit = (event) => {
    event.preventDefault();
    const tag = input.value.trim();
    if (tag) change({ add: [tag] });
    input.value = "";
  };
  const off = (tag) => el("button", { type: "button", class: "quiet", "aria-label": `Remove the tag ${tag}`, onclick: () => change({ remove: [tag] }) }, "×");
  const chips = tags.map((tag) => el("li", { class: "tag-chip", "data-testid": "tag" }, tag, off(tag)));
  return el("div", { class: "tags" }, el("ul", { class: "tag-list", "aria-label": "Tags" }, ...chips), form);
}
