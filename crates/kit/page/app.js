// The page's entry: asks the server what it is, shows the view that the address names, and ties the views together.

import * as about from "./about.js";
import * as api from "./api.js";
import * as browse from "./browse.js";
import * as duplicates from "./duplicates.js";
import * as importing from "./import.js";
import * as map from "./map.js";
import * as search from "./search.js";
import * as work from "./work.js";
import { createDetail } from "./detail.js";
import { $, el, plural } from "./dom.js";
import { firstInfo, wireConnection, wireDocument, wireTheme, wireToken } from "./frame.js";
import { rendererFor, views as ownViews } from "./solution.js";

const modules = { search, browse, import: importing, duplicates, map, work, about };
const views = new Map();
let shown = null;

/** What views share. `generation` grows with every change of the collection, so that a view knows when it is stale. */
const app = {
  info: null,
  renderer: null,
  generation: 0,
  open: null,
  more({ id }) {
    searchWith({ id });
    window.scrollTo(0, 0);
  },
  part: ({ id }, region) => searchWith({ id, region }),

  async changed() {
    app.generation += 1;
    // Should the server be away just now, the facts stay as they were until it is back.
    app.info = await api.info().catch(() => app.info);
    showHead();
  },

  async remove({ id }) {
    await api.remove(id);
    for (const card of document.querySelectorAll(`[data-id="${CSS.escape(id)}"]`)) card.remove();
    for (const view of views.values()) view.forget?.(id);
    await app.changed();
  },
};

/** Searches with an item. What was chosen beside the last query stays, as its address says. */
function searchWith(item) {
  const params = new URLSearchParams(document.querySelector("[data-view=search]").hash.split("?")[1]);
  for (const name of ["id", "region", "words", ...app.renderer.ownOptions]) params.delete(name);
  for (const [name, value] of Object.entries(item)) params.set(name, value);
  location.hash = `search?${params}`;
}

function showHead() {
  const { info, renderer } = app;
  $("title").textContent = info.title;
  $("count").textContent = plural(info.count, renderer.one, renderer.many);
  document.querySelector("[data-view=duplicates]").hidden = info.duplicates_threshold === null;
  document.querySelector("[data-view=work]").hidden = !info.work.length;
}

/** Makes place for the solution's views: before the import, or where the kit's view of that name is. */
function addViews() {
  for (const { name, title, create } of ownViews) {
    const link = el("a", { href: `#${name}`, "data-view": name }, title);
    const head = el("div", { class: "view-head" }, el("h2", { id: `${name}-heading` }, title));
    const section = el("section", { id: `view-${name}`, "aria-labelledby": `${name}-heading`, hidden: true }, head);
    if (name in modules) {
      document.querySelector(`[data-view=${name}]`).replaceWith(link);
      $(`view-${name}`).replaceWith(section);
    } else {
      document.querySelector("[data-view=import]").before(link);
      $("view-import").before(section);
    }
    modules[name] = { create };
  }
}

/** Each view has show(params, again), `again` when the server is back after it was gone, and perhaps hide() and forget(id). */
function route(again = false) {
  const [asked, params] = location.hash.slice(1).split("?");
  const isOffered = Object.hasOwn(modules, asked) && !document.querySelector(`[data-view=${asked}]`).hidden;
  const name = isOffered ? asked : "search";
  const isNew = shown !== name;
  if (isNew && shown) views.get(shown).hide?.();
  shown = name;
  for (const view of Object.keys(modules)) {
    $(`view-${view}`).hidden = view !== name;
    document.querySelector(`[data-view=${view}]`).ariaCurrent = view === name ? "page" : null;
  }
  document.querySelector(`[data-view=${name}]`).scrollIntoView({ block: "nearest", inline: "nearest" });
  document.title = `${$(`${name}-heading`).textContent} – ${app.info.title}`;
  if (!views.has(name)) views.set(name, modules[name].create($(`view-${name}`), app));
  views.get(name).show(new URLSearchParams(params), again);
  if (isNew) window.scrollTo(0, 0);
}

wireConnection(async () => {
  if (!shown) return;
  await app.changed();
  route(true);
});
wireToken();
wireTheme();
wireDocument();

app.info = await firstInfo();
app.renderer = rendererFor(app.info);
app.open = createDetail(app).open;
addViews();
showHead();
window.addEventListener("hashchange", () => route());
route();
