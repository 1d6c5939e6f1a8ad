// The answer in words while it is being written: its text is only added to, so that nothing that is read or pressed moves.

import { el } from "/assets/dom.js";

/** A citation as the server writes it, and what may become one with the next piece. */
const CITATION = /\[(\d{1,4})\]/;
const BEGUN = /\[\d{0,4}$/;

/** `cite(number)` gives `{ name, go }` of the answer with this number, or nothing where there is none. */
export function createWritten(cite) {
  const text = el("div", { class: "written-text", "data-testid": "written-text" });
  const node = el("div", { class: "written", "data-testid": "written", hidden: true }, text);
  let held = "";

  function citation(number) {
    const answer = cite(Number(number));
    if (!answer) return `[${number}]`;
    const label = `Answer ${number}: ${answer.name}`;
    return el("button", { type: "button", class: "cite", "data-testid": "cite", "aria-label": label, title: answer.name, onclick: answer.go }, number);
  }

  function append(piece) {
    // With a group, what is split at stands in every second place.
    const parts = piece.split(CITATION);
    text.append(...parts.map((part, index) => (index % 2 ? citation(part) : part)).filter(Boolean));
  }

  return {
    node,
    get isEmpty() {
      return !text.hasChildNodes() && !held;
    },
    /** Shows that text is to come. */
    wait() {
      node.hidden = false;
      node.classList.add("waiting");
    },
    add(piece) {
      this.wait();
      const all = held + piece;
      held = BEGUN.exec(all)?.[0] ?? "";
      append(all.slice(0, all.length - held.length));
    },
    /** There is no more to come. */
    end() {
      append(held);
      held = "";
      node.classList.remove("waiting");
      node.hidden = this.isEmpty;
    },
  };
}
