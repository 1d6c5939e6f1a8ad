// The browse view: every item of the collection, page by page, with a filter.

import * as api from "./api.js";
import { $, isAbort, number, plural } from "./dom.js";
import { createFilter } from "./filter.js";
import { card } from "./results.js";

const PAGE = 60;

export function create(section, app) {
  const { renderer } = app;
  const list = $("browse-items");
  const more = $("browse-more");
  const filter = createFilter("browse-filter", app, () => load());
  let items = [];
  let next = null;
  let generation = null;
  let running = null;

  async function load(after = null) {
    running?.abort();
    running = new AbortController();
    generation = app.generation;
    list.setAttribute("aria-busy", "true");
    try {
      const page = await api.items({ filter: filter.value, limit: PAGE, after, signal: running.signal });
      showPage(page, after);
      filter.showProblem(null);
    } catch (error) {
      if (isAbort(error)) return;
      generation = null;
      if (error.status) filter.showProblem(error);
    }
    list.removeAttribute("aria-busy");
  }

  function showPage(page, after) {
    if (!after) {
      items = [];
      list.replaceChildren();
    }
    items.push(...page.items);
    list.append(...page.items.map((item) => card(item, { renderer, more: app.more, open: () => app.open(items, item) })));
    next = page.next;
    more.hidden = !next;
    const all = plural(page.count, renderer.one, renderer.many);
    $("browse-status").textContent = next ? `${number(items.length)} of ${all}` : all;
  }

  more.onclick = () => load(next);

  return { show: (params, again) => (again || generation !== app.generation) && load() };
}
