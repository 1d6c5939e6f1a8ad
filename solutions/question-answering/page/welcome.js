// What stands where no question has been asked yet: questions to begin with, or the way to import something.

import { items } from "/assets/api.js";
import { el } from "/assets/dom.js";

const EXAMPLES = 4;
/** Entries to look for questions in: passages have none. */
const LOOKED_AT = 20;

/** Questions that the program offers; without any, some of the collection's own. */
async function questions({ info }) {
  if (info.examples.length) return info.examples.map(({ title, words }) => [title, words]);
  const { items: found } = await items({ limit: LOOKED_AT });
  return found.map(({ fields }) => fields.question).filter(Boolean).slice(0, EXAMPLES).map((question) => [question, question]);
}

function empty() {
  return el("div", { class: "empty" },
    el("h3", {}, "The collection is empty"),
    el("p", {}, "Import something first, then ask."),
    el("p", {}, el("a", { class: "button primary", href: "#import" }, "Go to Import")));
}

export function createWelcome(app, ask) {
  const node = el("div", { class: "ask-welcome", "data-testid": "welcome" });
  let generation = null;

  async function show() {
    if (generation === app.generation) return;
    generation = app.generation;
    if (app.info.count === 0) {
      node.replaceChildren(empty());
      return;
    }
    const list = el("ul", { class: "ask-examples", "aria-label": "Example questions" });
    node.replaceChildren(el("h3", {}, "What would you like to know?"), el("p", { class: "hint" }, app.info.summary), list);
    // Should the server be away, the page says so above.
    const offered = await questions(app).catch(() => []);
    const button = ([title, words]) => el("button", { type: "button", title: words, "data-testid": "example", onclick: () => ask(words) }, title);
    list.replaceChildren(...offered.map((one) => el("li", {}, button(one))));
  }

  return { node, show };
}
