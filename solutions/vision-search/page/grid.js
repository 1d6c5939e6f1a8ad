// The grid: what of a dataset the state names, tile by tile, with what is chosen of it. It stands in two views.

import { el, isAbort, number, plural, showProblem } from "/assets/dom.js";
import * as api from "/solution/api.js";
import { showChips } from "/solution/chips.js";
import { pictureOf } from "/solution/pictures.js";
import { Selection } from "/solution/selection.js";
import { selectionBar } from "/solution/selection-bar.js";
import { entryOf, tile } from "/solution/tile.js";
import { isNarrowed, sortBody, viewOf } from "/solution/state.js";
import { wireKeys } from "/solution/walk.js";

const PAGE = 60;
/** So many tiles come by themselves while one scrolls; a longer list would make the page slow, and is asked for. */
const BY_ITSELF = 1500;

export function createGrid(place, app) {
  const selection = new Selection();
  const chips = el("ul", { class: "conditions", "aria-label": "What is shown", hidden: true });
  const status = el("p", { class: "status", role: "status", "aria-live": "polite", tabIndex: -1, "data-testid": "grid-status" });
  const problem = el("div", { class: "problem", role: "alert", hidden: true });
  const keys = el("p", { class: "unseen", id: `${place.id}-keys` }, "Arrow keys move from tile to tile, Enter opens one, Space selects it, with Shift all up to it.");
  const list = el("ul", { class: "tiles", "data-testid": "tiles", "aria-describedby": keys.id });
  const more = el("button", { type: "button", "data-testid": "more", hidden: true }, "Load more");
  const nothing = el("p", { class: "nothing", hidden: true }, "Nothing matches.");
  const tools = el("div", { class: "grid-tools" });
  const bar = selectionBar(app, selection, () => entries);
  place.replaceChildren(el("div", { class: "grid-head" }, status, tools), chips, bar, problem, keys, list, nothing, el("p", { class: "centre" }, more));

  let entries = [];
  let total = 0;
  let shown = null;
  let running = null;
  let state = null;
  let offset = 0;
  /** Whether the same is loaded anew, so that what is chosen stays. */
  let isAgain = false;

  const isDrawn = (name) => app.drawn.has(name);

  async function load() {
    running?.abort();
    running = new AbortController();
    const { signal } = running;
    list.setAttribute("aria-busy", "true");
    try {
      const page = state.similar ? await hits(signal) : await pageOf(signal);
      if (!offset) clear();
      append(page);
      showProblem(problem, null);
      app.filterProblem(null);
    } catch (error) {
      if (isAbort(error)) return;
      fail(error);
    }
    list.removeAttribute("aria-busy");
  }

  async function pageOf(signal) {
    const body = { view: viewOf(state, app.dataset.fields), offset, limit: PAGE };
    if (!state.patches) {
      const { samples, total } = await api.samples(state.dataset, body, signal);
      return { items: samples.map((item) => entryOf(item)), total };
    }
    const { patches, total } = await api.patches(state.dataset, { ...body, field: state.patches }, signal);
    return { items: patches.map((item) => entryOf(item)), total };
  }

  async function hits(signal) {
    const { sort, ...view } = viewOf(state, app.dataset.fields);
    const answer = await api.sort(state.dataset, state.similar.run, sortBody(state.similar, view, pictureOf), signal);
    return { items: answer.hits.map(({ item, distance }) => entryOf(item, distance)), total: answer.hits.length, answer };
  }

  function clear() {
    entries = [];
    list.replaceChildren();
    if (!isAgain) selection.clear();
  }

  function append(page) {
    const { items, answer } = page;
    total = page.total;
    entries.push(...items);
    offset += items.length;
    selection.refresh(items);
    list.append(...items.map(make));
    const first = list.querySelector(".tile-open");
    if (first && !list.querySelector('.tile-open[tabindex="0"]')) first.tabIndex = 0;
    nothing.hidden = entries.length > 0;
    more.hidden = Boolean(state.similar) || offset >= total || !items.length;
    showStatus(answer);
    watch();
  }

  function make(entry) {
    const toggle = (isRange) => selection.toggle(entry, entries, isRange);
    const node = tile(entry, { isDrawn, open: () => app.open(entries, entry), toggle });
    mark(node);
    return node;
  }

  function mark(node) {
    const chosen = selection.has(node.dataset.id);
    node.classList.toggle("chosen", chosen);
    node.querySelector("[data-testid=select]").checked = chosen;
  }

  function showStatus(answer) {
    const { patches, similar } = state;
    const all = patches ? (app.dataset.fields.find(({ name }) => name === patches)?.labels ?? total) : app.dataset.samples;
    const [one, many] = patches ? ["patch", "patches"] : ["sample", "samples"];
    const count = similar || total !== all || isNarrowed(state) ? `${number(total)} of ${plural(all, one, many)}` : plural(all, one, many);
    const loaded = offset < total ? `, ${number(offset)} loaded` : "";
    status.textContent = answer ? `${count}, ${answerText(answer)}` : `${count}${loaded}`;
  }

  function answerText({ exact, orphaned, took_ms: took }) {
    const gone = orphaned ? `; ${plural(orphaned, "entry", "entries")} of the index no longer in the dataset` : "";
    return `${exact ? "exact" : "approximate"}, in ${number(Math.round(took))} ms${gone}`;
  }

  function fail(error) {
    more.hidden = nothing.hidden = true;
    if (error.isOffline) return;
    shown = null;
    clear();
    status.textContent = "";
    if (error.isFilter && app.filterProblem(error)) showProblem(problem, null);
    else showProblem(problem, error);
  }

  /** More comes when the end of the list is near, as long as it is not too long. */
  const nearEnd = new IntersectionObserver((seen) => seen.some(({ isIntersecting }) => isIntersecting) && loadMore(), { rootMargin: "600px" });
  function watch() {
    nearEnd.disconnect();
    if (!more.hidden && offset < BY_ITSELF) nearEnd.observe(more);
  }

  function loadMore() {
    nearEnd.disconnect();
    if (!more.hidden && !list.hasAttribute("aria-busy")) load();
  }

  more.onclick = loadMore;
  selection.addEventListener("change", () => [...list.children].forEach(mark));
  wireKeys(list, {
    open: (id) => app.open(entries, entryWith(id)),
    toggle: (id, isRange) => selection.toggle(entryWith(id), entries, isRange),
    clear: () => selection.clear(),
  });
  const entryWith = (wanted) => entries.find(({ id }) => id === wanted);

  return {
    tools,
    selection,
    /** Shows a state, and asks the server only for what it has not shown yet. */
    show(wanted, again = false) {
      showChips(chips, wanted, app.go, () => status.focus());
      const key = JSON.stringify([wanted, app.generation]);
      if (key === shown && !again) return;
      isAgain = JSON.stringify(wanted) === JSON.stringify(state);
      shown = key;
      state = wanted;
      offset = 0;
      load();
    },
    hide() {
      running?.abort();
      list.removeAttribute("aria-busy");
      if (offset < total || !entries.length) shown = null;
      nearEnd.disconnect();
    },
    /** Draws the tiles anew, when other fields are to be seen or a sample has changed. */
    redraw() {
      const at = list.querySelector('.tile-open[tabindex="0"]')?.closest(".tile").dataset.id;
      list.replaceChildren(...entries.map(make));
      const current = at && list.querySelector(`[data-id="${CSS.escape(at)}"] .tile-open`);
      if (current) current.tabIndex = 0;
    },
    /** Puts a sample that has changed in the place of its former self. */
    update(sample) {
      const entry = entries.find((one) => !one.isPatch && one.id === sample.id);
      if (!entry) return;
      entry.item = sample;
      this.redraw();
    },
  };
}
