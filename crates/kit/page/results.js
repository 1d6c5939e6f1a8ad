// The grid of hits and items: one card for both, as a hit is an item with a score.

import { el } from "./dom.js";
import { spanText } from "./media.js";

/** How full the bar of a hit is, 0 to 1. Cosine has a scale of its own; other scores are seen beside the answer's others. */
function nearness({ score, similarity }, { hits, metric, larger_is_nearer }) {
  if (similarity !== undefined) return similarity;
  if (metric === "COSINE" && larger_is_nearer) return Math.max(0, Math.min(1, score));
  const scores = hits.map((hit) => hit.score);
  const largest = Math.max(...scores, Number.EPSILON);
  return Math.max(0, larger_is_nearer ? score / largest : 1 - score / (largest * 1.1));
}

export function scoreText(score) {
  return Math.abs(score) >= 100 ? score.toFixed(0) : score.toFixed(Math.abs(score) >= 10 ? 1 : 2);
}

/** The score of a hit as a bar and a number; `answer` is what it came in. */
export function scoreBar(hit, answer) {
  const bar = el("span", { class: "bar" }, el("span", { class: "bar-fill" }));
  bar.firstChild.style.width = `${(nearness(hit, answer) * 100).toFixed(1)}%`;
  const meaning = answer.larger_is_nearer ? "larger is nearer" : "a distance, smaller is nearer";
  const title = `${answer.metric} ${hit.score} – ${meaning}`;
  return el("div", { class: "score", title }, bar, el("span", {}, scoreText(hit.similarity ?? hit.score)));
}

/**
 * The card of an item. `open(item)` is called for its picture, `more(item)` and `less(item)` are offered when given;
 * `answer` is what a hit came in, absent for plain items.
 */
export function card(item, { renderer, open, openWord = "Open", more, less, answer }) {
  const { title } = item;
  const moment = item.span ? `, ${spanText(item.span)}` : "";
  const mat = el("button", { type: "button", class: "mat", "data-testid": "open", "aria-label": `${openWord} ${title}${moment}` });
  mat.onclick = () => open(item);
  mat.append(renderer.thumbnail(item));
  const action = (name, text, act) =>
    act && el("button", { type: "button", "data-testid": name, "aria-label": `${text} this: ${title}${moment}`, onclick: () => act(item) }, text);
  const actions = [action("more", "More like", more), action("less", "Less like", less)].filter(Boolean);
  return el(
    "li",
    { class: "card", "data-testid": answer ? "hit" : "item", "data-id": item.id, ...(answer && { "data-score": item.score }) },
    mat,
    el("p", { class: "card-title", title: item.caption ?? title }, title),
    item.span ? el("p", { class: "card-span" }, spanText(item.span)) : null,
    renderer.facts && item.fields
      ? el("p", { class: "card-facts" }, renderer.facts(item))
      : el("p", { class: "card-label" }, item.label ?? "\u00a0"),
    answer ? scoreBar(item, answer) : null,
    actions.length ? el("p", { class: "card-actions" }, ...actions) : null,
  );
}
