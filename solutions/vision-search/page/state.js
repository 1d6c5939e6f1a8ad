// What the page shows, as its address says it: so that links, back and forward work. And what of it the server is asked.

const AGGREGATIONS = ["mean", "min", "max", "post-mean"];
/** So many ids stand in the address; more are kept in this tab, and the address has the name of their list. */
const IDS_IN_ADDRESS = 100;
const DEFAULT_K = 50;

export const NO_QUERY = { run: "", positive: [], negative: [], words: "", k: DEFAULT_K, reverse: false, aggregation: "mean", everywhere: false };

const nothing = () => ({
  dataset: "", patches: "", tags: [], labels: null, values: {}, filter: "", exists: [], missing: [], sort: "", ids: null, similar: null,
});

/** Without filters, order and query: all samples of a dataset, or all patches of a field. */
export const everything = ({ dataset, patches }) => ({ ...nothing(), dataset, patches });

/** The view and the state in an address such as `#grid?dataset=scenes&tags=train`. */
export function parse(hash) {
  const [view, query] = hash.replace(/^#/, "").split("?");
  const params = new URLSearchParams(query);
  const text = (name) => params.get(name) ?? "";
  const list = (name) => params.getAll(name);
  const state = {
    ...nothing(), dataset: text("dataset"), patches: text("patches"), tags: list("tag"), filter: text("filter"),
    exists: list("has"), missing: list("lacks"), sort: text("sort"), ids: parseIds(params), similar: parseSimilar(params),
  };
  if (text("labels")) state.labels = { field: text("labels"), classes: list("class"), confidence: Number(text("confidence")) || 0 };
  for (const [name, value] of params) if (name.startsWith("v.")) state.values[name.slice(2)] = parseValues(value, state.values[name.slice(2)]);
  return { view, state };
}

/** `=rain` is one of the values, `1..5` a range, open where a side is empty. */
function parseValues(text, known = { among: [] }) {
  if (text.startsWith("=")) return { ...known, among: [...known.among, text.slice(1)] };
  const [least, most] = text.split("..").map((part) => (part === "" || Number.isNaN(Number(part)) ? null : Number(part)));
  return { ...known, least, most };
}

function parseSimilar(params) {
  if (!params.get("similar")) return null;
  const ids = (name) => (params.get(name) ?? "").split(",").filter(Boolean);
  const aggregation = params.get("aggregation");
  return {
    run: params.get("similar"),
    positive: ids("like"),
    negative: ids("unlike"),
    words: params.get("words") ?? "",
    k: Math.max(1, Math.floor(Number(params.get("k"))) || DEFAULT_K),
    reverse: params.has("reverse"),
    aggregation: AGGREGATIONS.includes(aggregation) ? aggregation : "mean",
    everywhere: params.has("everywhere"),
  };
}

/** `lost` when the list was kept in another tab: then nothing matches, rather than everything. */
function parseIds(params) {
  if (params.has("ids")) return { list: params.get("ids").split(",").filter(Boolean) };
  if (!params.has("set")) return null;
  const kept = sessionStorage.getItem(`ids:${params.get("set")}`);
  return kept === null ? { list: [], lost: params.get("set") } : { list: kept.split(",") };
}

function formatIds({ list, lost }, params) {
  if (lost) return params.append("set", lost);
  const text = list.join(",");
  if (list.length <= IDS_IN_ADDRESS) return params.append("ids", text);
  const name = nameOf(text);
  try {
    sessionStorage.setItem(`ids:${name}`, text);
    return params.append("set", name);
  } catch {
    // The tab's store is full; browsers take long addresses, too.
    return params.append("ids", text);
  }
}

/** A short name for a text: FNV-1a of 32 bits. */
function nameOf(text) {
  let hash = 0x811c9dc5;
  for (let at = 0; at < text.length; at++) hash = Math.imul(hash ^ text.charCodeAt(at), 0x01000193) >>> 0;
  return hash.toString(36);
}

/** The address of a state. */
export function format(view, state) {
  const params = new URLSearchParams();
  const add = (name, value) => value && params.append(name, value);
  add("dataset", state.dataset);
  add("patches", state.patches);
  state.tags.forEach((tag) => add("tag", tag));
  if (state.labels) {
    add("labels", state.labels.field);
    state.labels.classes.forEach((name) => params.append("class", name));
    add("confidence", state.labels.confidence);
  }
  for (const [name, { least = null, most = null, among }] of Object.entries(state.values)) {
    if (least !== null || most !== null) params.append(`v.${name}`, `${least ?? ""}..${most ?? ""}`);
    among.forEach((value) => params.append(`v.${name}`, `=${value}`));
  }
  add("filter", state.filter);
  state.exists.forEach((field) => add("has", field));
  state.missing.forEach((field) => add("lacks", field));
  add("sort", state.sort);
  if (state.ids) formatIds(state.ids, params);
  if (state.similar) formatSimilar(state.similar, params);
  const query = params.toString();
  return query ? `#${view}?${query}` : `#${view}`;
}

function formatSimilar({ run, positive, negative, words, k, reverse, aggregation, everywhere }, params) {
  const add = (name, value, usual) => value !== usual && params.append(name, value);
  params.append("similar", run);
  add("like", positive.join(","), "");
  add("unlike", negative.join(","), "");
  add("words", words, "");
  add("k", k, DEFAULT_K);
  if (reverse) params.append("reverse", "1");
  add("aggregation", aggregation, "mean");
  if (everywhere) params.append("everywhere", "1");
}

/** Strings in the filter language are JSON's. */
const literal = (value) => JSON.stringify(value);

function labelsFilter({ classes, confidence }) {
  const parts = [];
  if (classes.length) parts.push(`label in [${classes.map(literal).join(", ")}]`);
  if (confidence) parts.push(`confidence >= ${confidence}`);
  return parts.join(" and ");
}

/** `kind` is that of the field: the values of truth have no quotes. */
function valuesFilter(name, { least = null, most = null, among }, kind) {
  const parts = [];
  if (least !== null) parts.push(`${name} >= ${least}`);
  if (most !== null) parts.push(`${name} <= ${most}`);
  if (among.length && kind === "bool") parts.push(`(${among.map((value) => `${name} == ${value}`).join(" or ")})`);
  else if (among.length) parts.push(`${name} in [${among.map((value) => (kind === "number" ? value : literal(value))).join(", ")}]`);
  return parts;
}

/** The server's view of a state. `without` names parts that are left out, such as `labels` for the counts of labels. */
export function viewOf(state, fields, without = "") {
  const kinds = new Map(fields.map(({ name, kind }) => [name, kind]));
  const parts = without === "values" ? [] : Object.entries(state.values).flatMap(([name, wanted]) => valuesFilter(name, wanted, kinds.get(name)));
  const own = parts.length ? `(${state.filter})` : state.filter;
  const filter = [state.filter && own, ...parts].filter(Boolean).join(" and ");
  const labels = state.labels && labelsFilter(state.labels);
  return {
    ...(filter && { filter }),
    ...(labels && without !== "labels" && { labels: { field: state.labels.field, filter: labels } }),
    ...(state.tags.length && without !== "tags" && { tags: state.tags }),
    ...(state.exists.length && { exists: state.exists }),
    ...(state.missing.length && { missing: state.missing }),
    ...(state.ids && { ids: state.ids.list }),
    ...(state.sort && { sort: { by: state.sort.replace(/^-/, ""), descending: state.sort.startsWith("-") } }),
  };
}

/** Whether the state leaves anything out. */
export const isNarrowed = (state) => {
  const { sort, ...view } = viewOf(state, []);
  return Object.keys(view).length > 0;
};

/** What the server is asked for a query; `pictureOf` gives the base64 of a picture that was added here. */
export function sortBody(similar, view, pictureOf) {
  const prompt = (entry) => (entry.startsWith("picture:") ? { picture: pictureOf(entry) } : { id: entry });
  const words = similar.words ? [{ words: similar.words }] : [];
  return {
    positive: [...similar.positive.map(prompt), ...words],
    ...(similar.negative.length && { negative: similar.negative.map(prompt) }),
    k: similar.k,
    reverse: similar.reverse,
    aggregation: similar.aggregation,
    ...(!similar.everywhere && { view }),
  };
}
