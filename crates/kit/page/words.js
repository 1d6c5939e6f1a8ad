// The words of a query: examples to begin with, and, where the server can tell, what they are understood as while they
// are typed.

import * as api from "./api.js";
import { $, debounce, el, showProblem } from "./dom.js";

/** `onChange()` is called whenever the answer may differ. */
export function createWords({ info, renderer }, onChange) {
  const input = $("words");
  const { label, placeholder, isCode, isPreviewed } = renderer.words;
  let drawn = null;

  document.querySelector("[for=words]").textContent = label;
  input.placeholder = placeholder;
  input.classList.toggle("code", Boolean(isCode));
  $("words-field").hidden = !info.accepts.includes("words");
  input.addEventListener("input", debounce(onChange));
  $("words-examples").replaceChildren(...info.examples.map(example));

  function example({ title, words }) {
    return el("button", { type: "button", title: words, "data-testid": "words-example", onclick: () => choose(words) }, title);
  }

  function choose(words) {
    input.value = words;
    onChange();
  }

  function show({ note, drawing }) {
    showProblem($("words-error"), null);
    input.ariaInvalid = "false";
    $("words-note").textContent = note;
    if (drawn) URL.revokeObjectURL(drawn);
    drawn = drawing && URL.createObjectURL(new Blob([drawing], { type: "image/svg+xml" }));
    $("words-drawing").hidden = !drawing;
    $("words-drawing").replaceChildren(...(drawing ? [el("img", { src: drawn, alt: note })] : []));
  }

  return {
    get value() {
      return input.value.trim();
    },
    /** Puts words in place of those there are. Tells nobody. */
    set(words) {
      input.value = words;
    },
    /** Whether the words can be a query. Says what they are, or what is wrong with them. */
    async check(options, signal) {
      if (!isPreviewed || !this.value) {
        show({ note: "", drawing: null });
        return true;
      }
      try {
        show(await api.preview({ words: this.value, options }, signal));
        return true;
      } catch (error) {
        if (error.status !== 400) throw error;
        show({ note: "", drawing: null });
        input.ariaInvalid = "true";
        showProblem($("words-error"), error);
        return false;
      }
    },
  };
}
