// A text with what answers a question in it: the best part emphasised, the question's words marked, the rest folded away.

import { el } from "/assets/dom.js";
import { asked, excerpt, occurrences } from "/solution/text.js";

/** The text as nodes, with words marked that are forms of `wanted`. */
function marked(text, wanted) {
  const nodes = [];
  let done = 0;
  for (const { start, end } of occurrences(text, wanted)) {
    nodes.push(text.slice(done, start), el("mark", {}, text.slice(start, end)));
    done = end;
  }
  return [...nodes, text.slice(done)];
}

/** `best` as far as it is within `shown`; to emphasise everything would emphasise nothing. */
function within(best, shown, text) {
  if (!best || best.end - best.start >= text.trim().length) return { start: shown.end, end: shown.end };
  return { start: Math.max(best.start, shown.start), end: Math.min(best.end, shown.end) };
}

/** A text; `best` is a range of its string or null, `question` what its words are marked for, `isWhole` folds nothing. */
export function passage(text, best, { question = "", isWhole = false } = {}) {
  const wanted = asked(question);
  const all = { start: 0, end: text.length };
  const first = isWhole ? all : excerpt(text, best, wanted);
  const body = el("div", { class: "passage-text", "data-testid": "text" });
  const gap = () => el("span", { class: "gap" }, "…");

  function show(shown) {
    const part = within(best, shown, text);
    const of = (start, end) => marked(text.slice(start, end), wanted);
    const emphasised = part.end > part.start ? el("em", { class: "best", "data-testid": "best" }, ...of(part.start, part.end)) : null;
    const nodes = [...of(shown.start, part.start), emphasised, ...of(part.end, shown.end)];
    const gaps = [shown.start > 0 ? gap() : null, shown.end < text.length ? gap() : null];
    body.replaceChildren(...[gaps[0], ...nodes, gaps[1]].filter(Boolean));
  }

  show(first);
  if (first.start === 0 && first.end === text.length) return body;
  const more = el("button", { type: "button", class: "quiet show-all", "data-testid": "show-all", ariaExpanded: "false" }, "Show all");
  more.onclick = () => {
    const isOpen = more.ariaExpanded === "true";
    show(isOpen ? first : all);
    more.ariaExpanded = String(!isOpen);
    more.textContent = isOpen ? "Show all" : "Show less";
  };
  return el("div", { class: "passage" }, body, more);
}
