// What the chosen user has rated, the latest first.

import { el, isAbort, plural } from "/assets/dom.js";
import * as calls from "/solution/calls.js";
import { film } from "/solution/film.js";

const date = (time) => (time == null ? "" : new Date(time).toLocaleDateString("en", { dateStyle: "medium" }));

export function createHistory(app, like) {
  const heading = el("h3", {});
  const list = el("ol", { class: "history", "data-testid": "history" });
  const node = el("section", { class: "history-panel", "aria-label": "History", hidden: true }, heading, list);

  function row({ name, value, time, item }) {
    const title = item?.title ?? name;
    const picture = item ? el("button", { type: "button", class: "mat", "aria-label": `More like ${title}`, onclick: () => like(item) }, film(item)) : el("span", { class: "hint" }, title);
    return el("li", { "data-testid": "rated" }, picture, el("span", { class: "rated-value" }, String(value)), el("span", { class: "hint" }, date(time)));
  }

  return {
    node,
    async show(user, signal) {
      node.hidden = !user;
      if (!user) return;
      try {
        const { ratings, total } = await calls.history(user, signal);
        heading.textContent = `User ${user}: ${plural(total, "rating", "ratings")}`;
        list.replaceChildren(...ratings.map(row));
      } catch (error) {
        if (isAbort(error)) return;
        heading.textContent = `User ${user}`;
        list.replaceChildren();
      }
    },
  };
}
