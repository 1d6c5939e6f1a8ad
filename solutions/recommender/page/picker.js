// A search box with a list of what is meant, walked by the arrow keys: for films by title, and for users by name.

import { debounce, el, isAbort } from "/assets/dom.js";

/**
 * `look(text, signal)` gives entries, `show(entry)` the text or node of one, `take(entry)` is called for the one chosen.
 * `free(text)`, where it is given, is called for Enter without a choice.
 */
export function createPicker({ id, label, placeholder, look, show, take, free }) {
  const list = el("ul", { class: "picker-list", id: `${id}-list`, role: "listbox", "aria-label": label, hidden: true });
  const input = el("input", { type: "search", id, placeholder, autocomplete: "off", role: "combobox", "aria-expanded": "false", "aria-controls": list.id, "aria-autocomplete": "list" });
  const node = el("div", { class: "field picker" }, el("label", { htmlFor: id }, label), input, list);
  let entries = [];
  let current = -1;
  let running = null;

  function close() {
    list.hidden = true;
    input.ariaExpanded = "false";
    input.removeAttribute("aria-activedescendant");
    current = -1;
  }

  function choose(entry) {
    input.value = "";
    close();
    take(entry);
    input.focus();
  }

  function mark(next) {
    current = entries.length ? (next + entries.length) % entries.length : -1;
    [...list.children].forEach((row, at) => row.setAttribute("aria-selected", String(at === current)));
    if (current < 0) return;
    input.setAttribute("aria-activedescendant", list.children[current].id);
    list.children[current].scrollIntoView({ block: "nearest" });
  }

  async function update() {
    running?.abort();
    running = new AbortController();
    const text = input.value.trim();
    if (!text) {
      close();
      return;
    }
    try {
      entries = await look(text, running.signal);
    } catch (error) {
      if (isAbort(error)) return;
      entries = [];
    }
    const row = (entry, at) =>
      el("li", { id: `${id}-${at}`, role: "option", "aria-selected": "false", "data-testid": "suggestion", onmousedown: (event) => event.preventDefault(), onclick: () => choose(entry) }, show(entry));
    list.replaceChildren(...entries.map(row));
    list.hidden = entries.length === 0;
    input.ariaExpanded = String(entries.length > 0);
    mark(entries.length ? 0 : -1);
  }

  input.oninput = debounce(update);
  input.onblur = close;
  input.onkeydown = (event) => {
    if (event.key === "ArrowDown" || event.key === "ArrowUp") {
      event.preventDefault();
      mark(current + (event.key === "ArrowDown" ? 1 : -1));
    } else if (event.key === "Enter") {
      event.preventDefault();
      if (!list.hidden && current >= 0) choose(entries[current]);
      else if (free && input.value.trim()) {
        const text = input.value.trim();
        input.value = "";
        free(text);
      }
    } else if (event.key === "Escape") close();
  };

  return { node, focus: () => input.focus() };
}
