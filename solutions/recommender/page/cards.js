// Cards: of a recommendation with its reasons and what can be said to it, and of a film on a shelf.

import { el } from "/assets/dom.js";
import { film } from "/solution/film.js";

const button = (testid, text, label, onclick) => el("button", { type: "button", "data-testid": testid, "aria-label": label, title: label, onclick }, text);

/** Why it is here: the films that add the most to its score, with how much of it. */
function because({ details, score }) {
  const reasons = details?.because ?? [];
  if (!reasons.length) return null;
  const share = (adds) => (score > 0 ? Math.min(100, Math.round((adds / score) * 100)) : 0);
  const row = ({ title, adds }) => {
    const bar = el("span", { class: "reason-bar" });
    bar.style.width = `${share(adds)}%`;
    return el("li", { title: `adds ${adds.toFixed(3)} to a score of ${score.toFixed(3)}` }, bar, el("span", { class: "reason-title" }, title), el("span", { class: "hint" }, `${share(adds)} %`));
  };
  return el("div", { class: "because", "data-testid": "because" }, el("p", { class: "hint" }, "Because of"), el("ul", {}, ...reasons.map(row)));
}

/** Stars where the scale has them, or a single mark for what was liked. */
function rating(item, { rate, scale }) {
  const stars = Number.isInteger(scale) && scale > 1 && scale <= 10;
  if (!stars) return button("rate", "Seen it, liked it", `Rate ${item.title}: liked`, () => rate(item, scale || 1));
  const choice = (value) => el("option", { value }, "★".repeat(value));
  const select = el("select", { "data-testid": "rate", "aria-label": `Rate ${item.title}` }, el("option", { value: "" }, "Rate …"), ...Array.from({ length: scale }, (_, at) => choice(scale - at)));
  select.onchange = () => select.value && rate(item, Number(select.value));
  return select;
}

/** `offers`: open, like, unlike, and where a user is chosen rate with the largest value of the scale. */
export function recommendation(hit, hits, offers) {
  const mat = el("button", { type: "button", class: "mat", "data-testid": "open", "aria-label": `Open ${hit.title}`, onclick: () => offers.open(hit) }, film(hit));
  const actions = [
    button("like", "♥ Like", `More like ${hit.title}`, () => offers.like(hit)),
    button("unlike", "✗ Not this", `Not ${hit.title}`, () => offers.unlike(hit)),
    offers.rate ? rating(hit, offers) : null,
  ];
  return el("li", { class: "card recommendation", "data-testid": "hit", "data-id": hit.id, "data-score": hit.score }, mat, because(hit), el("p", { class: "card-actions" }, ...actions.filter(Boolean)));
}

/** A film to be taken from a shelf. */
export function shelfCard(item, take) {
  const mat = el("button", { type: "button", class: "mat", "data-testid": "pick", "aria-label": `I like ${item.title}`, onclick: take }, film(item));
  return el("li", { class: "card", "data-testid": "item", "data-id": item.id }, mat);
}
