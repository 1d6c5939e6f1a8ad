// Every hook of the page, for the kit's own tests.

import { item, items } from "/assets/api.js";
import { el } from "/assets/dom.js";
import { card } from "/assets/results.js";
import { letters } from "./lib/letters.js";

export const renderer = {
  one: "text",
  many: "texts",
  files: /\.txt$/,
  ownOptions: ["order"],
  thumbnail: ({ title }) => el("span", { class: "no-picture" }, title),
  large: ({ title }) => el("span", { class: "no-picture" }, title),
  facts: ({ fields }) => letters(fields.note),
  detail: ({ fields }) => el("p", { id: "spelled" }, [...fields.note].join("-")),
  answer({ hits }, card, { open }) {
    const last = el("button", { type: "button", id: "last", onclick: () => open(hits.at(-1)) }, "Open the last");
    return [...hits.map(card), el("li", { id: "end" }, "That is all", last)];
  },
};

export function query(place, { add, changed, choose, ways }) {
  const spell = el("input", { type: "text", id: "spell" });
  const any = el("button", { type: "button", id: "any" }, "Any text");
  spell.oninput = changed;
  any.onclick = async () => add({ item: await item((await items({ limit: 1 })).items[0].id) });
  place.append(el("label", { htmlFor: "spell" }, "Spell"), spell);
  ways.append(any);
  const byLength = () => {
    choose({ order: "length" });
    changed();
  };
  return {
    extend: (body) => spell.value && body.positive.push({ words: spell.value.replaceAll("-", "") }),
    params: () => (spell.value ? { spell: spell.value } : {}),
    set: (params) => (spell.value = params.get("spell") ?? ""),
    stage(example) {
      document.body.dataset.staged = String(Boolean(example));
      return example && el("p", {}, example.item.title, el("button", { type: "button", id: "by-length", onclick: byLength }, "By length"));
    },
  };
}

export const views = [
  {
    name: "longest",
    title: "Longest",
    create(section, app) {
      const list = el("ul", { class: "grid" });
      section.append(list);
      return {
        async show() {
          const found = (await items({ limit: 100 })).items.sort((a, b) => b.fields.note.length - a.fields.note.length);
          list.replaceChildren(...found.map((one) => card(one, { renderer: app.renderer, open: () => app.open(found, one) })));
        },
      };
    },
  },
  {
    name: "map",
    title: "Plan",
    create: (section) => (section.append(el("p", {}, "In place of the map")), { show() {} }),
  },
];
