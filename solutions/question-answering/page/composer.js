// Where questions are typed: a field that grows with its text, and the keys that people know from other conversations.

import { el } from "/assets/dom.js";

const EDITED = "input, textarea, select, [contenteditable]";

/** `ask(question)` is called with what was typed, `stop()` when the answer shall end. `section` is the view it belongs to. */
export function createComposer(section, { placeholder, ask, stop }) {
  const input = el("textarea", { id: "ask-input", rows: 1, placeholder, "aria-label": "Question", enterKeyHint: "send" });
  const send = el("button", { type: "submit", class: "primary", id: "ask-send" }, "Ask");
  const halt = el("button", { type: "button", id: "ask-stop", hidden: true, onclick: stop }, "Stop");
  const node = el("form", { class: "composer", "aria-label": "Ask", noValidate: true }, el("div", { class: "composer-row" }, input, halt, send));

  function grow() {
    input.style.height = "auto";
    // Its border is not part of what scrolls.
    input.style.height = `${input.scrollHeight + input.offsetHeight - input.clientHeight}px`;
  }

  input.oninput = grow;
  input.onkeydown = (event) => {
    // While an input method composes, Enter is its own.
    if (event.key === "Enter" && !event.shiftKey && !event.isComposing) {
      event.preventDefault();
      node.requestSubmit();
    }
    if (event.key === "Escape" && !halt.hidden) stop();
  };
  node.onsubmit = (event) => {
    event.preventDefault();
    const question = input.value.trim();
    if (!question) return;
    input.value = "";
    grow();
    ask(question);
  };
  document.addEventListener("keydown", (event) => {
    const isFree = !event.target.closest?.(EDITED) && !document.querySelector("dialog[open]");
    if (event.key !== "/" || event.ctrlKey || event.metaKey || event.altKey || section.hidden || !isFree) return;
    event.preventDefault();
    input.focus();
  });

  return {
    node,
    /** Where there is a keyboard beside the screen, one may type at once. */
    focus() {
      if (matchMedia("(hover: hover)").matches) input.focus({ preventScroll: true });
    },
    setRunning(isRunning) {
      // What is pressed must not vanish under the finger of whoever presses it.
      if (!isRunning && document.activeElement === halt) input.focus();
      halt.hidden = !isRunning;
    },
  };
}
