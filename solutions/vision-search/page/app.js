// The page's entry: which dataset, which view, and what of it is shown; ties the views together.

import { $, el, number, plural } from "/assets/dom.js";
import { firstInfo, wireConnection, wireDocument, wireTheme, wireToken } from "/assets/frame.js";
import * as api from "/solution/api.js";
import * as datasets from "/solution/datasets.js";
import * as embeddings from "/solution/embeddings.js";
import * as gridView from "/solution/grid-view.js";
import * as runs from "/solution/runs.js";
import { setClasses } from "/solution/colours.js";
import { createDetail } from "/solution/detail.js";
import { createFilters } from "/solution/filters.js";
import { isLabelKind } from "/solution/fields.js";
import { known } from "/solution/pictures.js";
import { createSimilarity } from "/solution/similarity.js";
import { format, parse } from "/solution/state.js";

const modules = { grid: gridView, embeddings, runs, datasets };
/** Counting the classes of more labels than this would hold up the page; then a colour is by its name alone. */
const COUNTED = 300_000;
const views = new Map();
let shown = null;

/** What views share. `generation` grows with every change of the datasets, so that a view knows when it is stale. */
const app = {
  info: null,
  datasets: [],
  dataset: null,
  runs: [],
  state: null,
  generation: 0,
  /** The names of the fields that are drawn, and `tags`. */
  drawn: new Set(),
  open: null,
  filters: null,
  similarity: null,

  addressOf: (change = {}, view = shown) => format(view, { ...app.state, ...change }),

  /** Goes to what the state becomes by this change. */
  go(change, view = shown) {
    const address = app.addressOf(change, view);
    if (address === location.hash) route();
    else location.hash = address;
  },

  /** Reads the datasets anew after something was changed in them, and what is shown of them. */
  async changed() {
    app.generation += 1;
    await loadDatasets();
    await loadDataset();
    await route(true);
  },

  draw(name, isDrawn) {
    if (isDrawn) app.drawn.add(name);
    else app.drawn.delete(name);
    const hidden = drawable().filter((one) => !app.drawn.has(one));
    localStorage.setItem(`hidden:${app.dataset.name}`, JSON.stringify(hidden));
    document.dispatchEvent(new Event("drawn"));
  },

  /** Shows what is wrong with the filter beside it, where that is to be seen; says whether it is. */
  filterProblem: (problem) => app.filters.showProblem(problem) && shown === "grid",
};

const drawable = () => ["tags", ...app.dataset.fields.filter(({ kind }) => kind !== "vector").map(({ name }) => name)];

/** Values are many and small: of them nothing is drawn until it is asked for. */
function loadDrawn() {
  const kept = JSON.parse(localStorage.getItem(`hidden:${app.dataset.name}`) ?? "null");
  const values = app.dataset.fields.filter(({ kind }) => !isLabelKind(kind)).map(({ name }) => name);
  const hidden = new Set(kept ?? values);
  app.drawn = new Set(drawable().filter((name) => !hidden.has(name)));
}

async function loadDatasets() {
  app.datasets = await api.datasets();
  const select = $("dataset");
  select.replaceChildren(...app.datasets.map(({ name }) => el("option", { value: name }, name)));
  select.hidden = app.datasets.length === 0;
}

/** The dataset that the state names, with its runs and the colours of its classes. */
async function loadDataset() {
  app.dataset = app.datasets.find(({ name }) => name === app.state.dataset) ?? null;
  app.runs = [];
  if (!app.dataset) return;
  const { name, fields } = app.dataset;
  const counted = fields.filter(({ kind, labels }) => isLabelKind(kind) && labels <= COUNTED);
  const [found, ...classes] = await Promise.all([api.runs(name), ...counted.map((field) => api.counts(name, field.name))]);
  app.runs = found;
  setClasses(classes.flat().map(({ value }) => value).filter((value) => value !== null).map(String));
  loadDrawn();
}

function showHead() {
  const { dataset } = app;
  $("dataset").value = dataset?.name ?? "";
  $("count").textContent = dataset ? plural(dataset.samples, "sample", "samples") : "";
  for (const view of ["grid", "embeddings", "runs"]) document.querySelector(`[data-view=${view}]`).hidden = !dataset;
  for (const view of Object.keys(modules)) document.querySelector(`[data-view=${view}]`).href = app.addressOf({}, view);
  $("home").href = format("grid", { ...parse("").state, dataset: dataset?.name ?? "" });
}

/** The state of the address; where it names no dataset, that of the last one shown, or the first. */
function readAddress() {
  const { view, state } = parse(location.hash);
  state.similar = known(state.similar);
  const names = app.datasets.map(({ name }) => name);
  if (!state.dataset) {
    const last = localStorage.getItem("dataset");
    state.dataset = names.includes(last) ? last : (names[0] ?? "");
  }
  const isThere = names.includes(state.dataset);
  if (isThere) localStorage.setItem("dataset", state.dataset);
  return { view: isThere ? view : "datasets", state, isThere };
}

let routing = 0;

/** Each view has show(again), `again` when what it shows may have changed, and perhaps hide(). */
async function route(again = false) {
  const turn = ++routing;
  const before = app.state?.dataset;
  const { view, state, isThere } = readAddress();
  app.state = state;
  if (before !== state.dataset || (isThere && !app.dataset)) {
    try {
      await loadDataset();
    } catch (error) {
      if (error.isOffline) return;
      throw error;
    }
    if (turn !== routing) return;
  }
  const name = Object.hasOwn(modules, view) ? view : "grid";
  show(name, again, isThere);
}

function show(name, again, isThere) {
  const isNew = shown !== name;
  if (isNew && shown) views.get(shown)?.hide?.();
  shown = name;
  showHead();
  for (const view of Object.keys(modules)) {
    $(`view-${view}`).hidden = view !== name;
    document.querySelector(`[data-view=${view}]`).ariaCurrent = view === name ? "page" : null;
  }
  document.querySelector(`[data-view=${name}]`).scrollIntoView({ block: "nearest", inline: "nearest" });
  document.title = [app.dataset?.name, $(`${name}-heading`).textContent, app.info.title].filter(Boolean).join(" – ");
  if (!views.has(name)) views.set(name, modules[name].create($(`view-${name}`), app));
  views.get(name).show(again);
  if (!isThere && app.state.dataset) $("datasets-status").textContent = `There is no dataset ‘${app.state.dataset}’; there are ${number(app.datasets.length)} others.`;
  if (isNew) window.scrollTo(0, 0);
}

wireConnection(() => shown && app.changed().catch(() => {}));
wireToken();
wireTheme();
wireDocument();

$("dataset").onchange = ({ target }) => {
  location.hash = format(shown, { ...parse("").state, dataset: target.value });
};

app.info = await firstInfo();
$("title").textContent = app.info.title;
await loadDatasets();
app.state = parse("").state;
app.open = createDetail(app).open;
app.filters = createFilters(app);
app.similarity = createSimilarity(app);
window.addEventListener("hashchange", () => route());
await route();
