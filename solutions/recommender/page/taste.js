// What is asked for: a user, films that are liked, films that are not wanted. Shown as chips that can be taken away.

import { item as load } from "/assets/api.js";
import { el } from "/assets/dom.js";
import { colourOf } from "/solution/film.js";

/** `changed()` is called whenever it is another taste. */
export function createTaste(changed) {
  let user = "";
  let likes = [];
  let unlikes = [];
  const list = el("ul", { class: "chips", "aria-label": "Your taste", "data-testid": "taste" });

  const chip = (text, name, colour, take) =>
    el("li", { class: `chip ${colour}`, "data-testid": name }, el("span", {}, text), el("button", { type: "button", "aria-label": `Remove ${text}`, onclick: take }, "✕"));

  function paint() {
    const without = (items, gone) => items.filter(({ id }) => id !== gone.id);
    const rows = [];
    if (user) rows.push(chip(`User ${user}`, "chip-user", "c0", () => set({ user: "" })));
    for (const item of likes) rows.push(chip(`♥ ${item.title}`, "chip-like", colourOf(item.label), () => set({ likes: without(likes, item) })));
    for (const item of unlikes) rows.push(chip(`✗ ${item.title}`, "chip-unlike", "c0 unlike", () => set({ unlikes: without(unlikes, item) })));
    list.replaceChildren(...rows);
    list.hidden = rows.length === 0;
  }

  function set(next, tells = true) {
    ({ user = user, likes = likes, unlikes = unlikes } = next);
    paint();
    if (tells) changed();
  }

  const within = (items, { id }) => items.some((other) => other.id === id);

  paint();
  return {
    node: list,
    get user() {
      return user;
    },
    get isEmpty() {
      return !user && !likes.length && !unlikes.length;
    },
    get size() {
      return likes.length + unlikes.length;
    },
    chooseUser: (name) => set({ user: name }),
    like: (item) => !within(likes, item) && set({ likes: [...likes, item], unlikes: unlikes.filter(({ id }) => id !== item.id) }),
    unlike: (item) => !within(unlikes, item) && set({ unlikes: [...unlikes, item], likes: likes.filter(({ id }) => id !== item.id) }),
    clear: () => set({ user: "", likes: [], unlikes: [] }),
    /** As a search takes it. */
    get examples() {
      const ids = (items) => items.map(({ id }) => ({ id }));
      return { positive: [...(user ? [{ words: `user:${user}` }] : []), ...ids(likes)], negative: ids(unlikes) };
    },
    /** As it stands in the address. */
    get params() {
      const ids = (items) => items.map(({ id }) => id).join(",");
      const all = { user, like: ids(likes), unlike: ids(unlikes) };
      return Object.fromEntries(Object.entries(all).filter(([, value]) => value));
    },
    /** The way back from there. Tells nobody. `id` is a single film that somewhere else led here. */
    async read(params) {
      const ids = (name) => (params.get(name) ?? "").split(",").filter(Boolean);
      const items = async (list) => (await Promise.all(list.map((id) => load(id).catch(() => null)))).filter(Boolean);
      const [newLikes, newUnlikes] = await Promise.all([items([...ids("like"), ...ids("id")]), items(ids("unlike"))]);
      set({ user: params.get("user") ?? "", likes: newLikes, unlikes: newUnlikes }, false);
    },
  };
}
