// What is chosen beside a question: how many answers, a filter, and what the server offers.

import { createChoices } from "/assets/choices.js";
import { el } from "/assets/dom.js";
import { createFilter } from "/assets/filter.js";

const ANSWERS = 5;
const MOST = 50;

/** Fills `place`, which is in the page already, as the kit's controls are found by their ids. */
export function createSettings(place, app) {
  const count = el("input", { type: "number", id: "ask-k", min: 1, max: MOST, value: ANSWERS, inputMode: "numeric" });
  const generate = el("input", { type: "checkbox", id: "ask-generate", checked: true });
  const writing = el("label", { class: "check", hidden: true }, generate, "Write an answer from what is found");
  const choices = el("div", { class: "choices" }, el("div", { class: "field field-row" }, el("label", { htmlFor: count.id }, "Answers"), count));
  const filterField = el("div", { class: "field" },
    el("label", { htmlFor: "ask-filter" }, "Filter"),
    el("input", { type: "text", class: "code", id: "ask-filter", autocomplete: "off", autocapitalize: "off", spellcheck: false, "aria-describedby": "ask-filter-error" }),
    el("div", { class: "problem", id: "ask-filter-error", role: "alert", hidden: true }),
    el("div", { class: "names", id: "ask-filter-names", role: "group", "aria-label": "Fields to filter by" }));
  place.append(choices, writing, filterField);
  const chosen = createChoices(app.info.options, [choices, choices], undefined, "ask");
  // A filter applies to what is asked next; what was wrong with it stands there until then.
  const filter = createFilter("ask-filter", app, () => {});

  return {
    /** As every search takes them. */
    get common() {
      return { filter: filter.value, options: chosen.values };
    },
    get k() {
      return Math.min(MOST, Math.max(1, Number(count.value) || ANSWERS));
    },
    get generate() {
      return generate.checked;
    },
    /** The server writes answers: people may not want that. */
    offerWriting: () => (writing.hidden = false),
    /** What of it stands in the address. */
    get address() {
      return chosen.changed;
    },
    set: chosen.set,
    showProblem: filter.showProblem,
  };
}
