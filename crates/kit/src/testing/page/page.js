// Every hook of the page, for the kit's own tests.

import { item, items } from "/assets/api.js";
import { el } from "/assets/dom.js";
import { card } from "/assets/results.js";
import { letters } from "./lib/letters.js";

export const renderer = {
  one: "text",
  many: "texts",
  files: /\.txt$/,
  thumbnail: ({ title }) => el("span", { class: "no-picture" }, title),
  large: ({ title }) => el("span", { class: "no-picture" }, title),
  facts: ({ fields }) => letters(fields.note),
  detail: ({ fields }) => el("p", { id: "spelled" }, [...fields.note].join("-")),
  answer: (answer, card) => [...answer.hits.map(card), el("li", { id: "end" }, "That is all")],
};

export function query(place, { add, changed }) {
  const spell = el("input", { type: "text", id: "spell" });
  const any = el("button", { type: "button", id: "any" }, "Any text");
  spell.oninput = changed;
  any.onclick = async () => add({ item: await item((await items({ limit: 1 })).items[0].id) });
  place.append(el("label", { htmlFor: "spell" }, "Spell"), spell, any);
  return {
    extend: (body) => spell.value && body.positive.push({ words: spell.value.replaceAll("-", "") }),
    params: () => (spell.value ? { spell: spell.value } : {}),
    set: (params) => (spell.value = params.get("spell") ?? ""),
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
