// An item drawn from its facts: there are no posters to fetch, so its title is set on the colour of its genre.

import { el } from "/assets/dom.js";

const COLOURS = 12;

/** The same genre has the same colour everywhere. */
export function colourOf(label) {
  if (!label) return "c0";
  let hash = 7;
  for (const letter of label) hash = (hash * 31 + letter.codePointAt(0)) % 9973;
  return `c${(hash % COLOURS) + 1}`;
}

const genresOf = ({ fields, label }) => fields?.genres ?? (label ? [label] : []);

/** A small card: the title on the genre's colour, the year below. Points of the map come without their fields. */
export function film(item) {
  const year = item.fields?.year ?? "";
  return el("span", { class: `film ${colourOf(item.label)}` },
    el("span", { class: "film-title" }, item.title),
    el("span", { class: "film-foot" }, el("span", {}, String(year)), el("span", {}, genresOf(item).slice(0, 2).join(" · "))));
}

/** The same at large, with all genres. */
export function poster(item) {
  return el("div", { class: `film film-large ${colourOf(item.label)}` },
    el("span", { class: "film-title" }, item.title),
    el("span", { class: "film-foot" }, el("span", {}, String(item.fields?.year ?? "")), el("span", {}, genresOf(item).join(" · "))));
}

/** A line under a card: the kind of film, and how many have rated it. */
export function factsLine({ fields }) {
  const ratings = fields.ratings === undefined ? null : fields.ratings ? `${fields.ratings} ratings` : "no ratings yet";
  return [fields.item && `#${fields.item}`, ratings].filter(Boolean).join(" · ") || "\u00a0";
}
