// In the dialog of an item: what is like it, and who would want it.

import { search } from "/assets/api.js";
import { el } from "/assets/dom.js";
import * as calls from "/solution/calls.js";

const SIMILAR = 6;

export function around(item) {
  const similar = el("ul", { class: "around-list", "data-testid": "similar" });
  const wanted = el("ul", { class: "around-list", "data-testid": "audience" });
  const node = el("div", { class: "around" }, el("h3", {}, "Similar"), similar, el("h3", {}, "Who would want it"), wanted);
  const failed = (place) => (error) => place.replaceChildren(el("li", { class: "hint" }, error.message));
  search({ positive: [{ id: item.id }], k: SIMILAR, options: { mode: "similar" } }, new Map()).then(({ hits }) => {
    const row = (hit) => el("li", {}, el("a", { href: `#search?like=${hit.id}`, onclick: () => node.closest("dialog")?.close() }, hit.title), " ", el("span", { class: "hint" }, hit.score.toFixed(2)));
    similar.replaceChildren(...hits.map(row));
  }, failed(similar));
  calls.audience(item.fields.item).then(({ users }) => {
    const row = ({ user, score }) => el("li", {}, el("a", { href: `#search?${new URLSearchParams({ user })}`, onclick: () => node.closest("dialog")?.close() }, `User ${user}`), " ", el("span", { class: "hint" }, score.toFixed(2)));
    wanted.replaceChildren(...users.map(row));
  }, failed(wanted));
  return node;
}
