// An answer that was found: its rank, its text in its place, where it comes from, and what can be done from there.

import { el, showProblem } from "/assets/dom.js";
import { scoreBar, scoreText } from "/assets/results.js";
import { bestOf, nameOf, sourceOf } from "/solution/entry.js";
import { passage } from "/solution/passage.js";

const SAID_MS = 1500;
const SIMILAR = 5;

const button = (testid, text, onclick) => el("button", { type: "button", "data-testid": testid, onclick }, text);

/** The text of an entry, with the question's words marked. */
const textOf = (item, question) => passage(item.fields.answer, bestOf(item), { question });

function sourceLine(item) {
  const { file, title, page, language, tags } = sourceOf(item);
  const parts = [file && el("span", { class: "file", title: item.fields.path }, file), title, page];
  const texts = parts.filter(Boolean).map((part) => el("span", {}, part));
  const code = language ? el("span", { class: "tag", title: "Language" }, language) : null;
  return el("p", { class: "source", "data-testid": "source" }, ...texts, code, ...tags.map((tag) => el("span", { class: "tag", title: "Tag" }, tag)));
}

/** What the parts of the search say of it. */
function detailLine({ details }) {
  const numbers = Object.entries(details ?? {}).filter(([, value]) => typeof value === "number");
  return numbers.length ? el("p", { class: "hint", "data-testid": "details" }, numbers.map(([name, value]) => `${name} ${scoreText(value)}`).join(" · ")) : null;
}

/** Browsers let a page write to the clipboard only where its address is trusted; elsewhere the text is selected. */
function copyButton(item, node) {
  const copy = button("copy", "Copy", async () => {
    try {
      await navigator.clipboard.writeText([item.fields.question, item.fields.answer].filter(Boolean).join("\n\n"));
      copy.textContent = "Copied";
      setTimeout(() => (copy.textContent = "Copy"), SAID_MS);
    } catch {
      getSelection().selectAllChildren(node);
    }
  });
  return copy;
}

/** What is like an item, each to be unfolded. */
function similarList(hits) {
  const row = (hit) =>
    el("li", {},
      el("details", { "data-testid": "similar", "data-id": hit.id },
        el("summary", {}, el("span", { class: "similar-name" }, nameOf(hit)), el("span", { class: "similar-score" }, scoreText(hit.score))),
        textOf(hit, ""),
        sourceLine(hit)));
  return hits.length ? el("ul", { class: "similar" }, ...hits.map(row)) : el("p", { class: "hint" }, "There is nothing like it.");
}

/** A button that unfolds what is like the item, and the place for it. */
function similarFold(item, similar) {
  const place = el("div", { class: "similar-place", hidden: true });
  const problem = el("div", { class: "problem", role: "alert", hidden: true });
  const toggle = button("find-similar", item.fields.question ? "Similar questions" : "Similar passages", async () => {
    const isOpen = toggle.ariaExpanded === "true";
    toggle.ariaExpanded = String(!isOpen);
    place.hidden = isOpen;
    if (isOpen || place.hasChildNodes()) return;
    showProblem(problem, null);
    place.replaceChildren(el("p", { class: "hint" }, "Looking …"));
    try {
      const { hits } = await similar(item, SIMILAR);
      place.replaceChildren(similarList(hits));
    } catch (error) {
      toggle.ariaExpanded = "false";
      place.hidden = true;
      place.replaceChildren();
      showProblem(problem, error);
    }
  });
  toggle.ariaExpanded = "false";
  return { toggle, below: [problem, place] };
}

/**
 * The card of a hit with a number, from 1. `answer` is what it came in, `question` what its words are marked for;
 * `similar(item, k)` finds what is like it, `open(item)` shows it at large.
 */
export function answerCard(hit, number, { answer, question, similar, open }) {
  const name = nameOf(hit);
  const text = textOf(hit, question);
  const fold = similarFold(hit, similar);
  const head = el("div", { class: "answer-head" }, el("span", { class: "rank" }, String(number)), el("h4", {}, name), scoreBar(hit, answer));
  const actions = el("p", { class: "answer-actions" }, fold.toggle, button("open", "Details", () => open(hit)), copyButton(hit, text));
  const card = el("li", { class: "found", tabIndex: -1, "aria-label": `Answer ${number}: ${name}`, "data-testid": "answer", "data-id": hit.id });
  card.append(...[head, detailLine(hit), text, sourceLine(hit), actions, ...fold.below].filter(Boolean));
  return card;
}
