// The server's routes about datasets, by what they are for. The kit's module sends them, with its token and its errors.

import { BASE, json, patch, post, send } from "/assets/api.js";

const part = encodeURIComponent;
const dataset = (name, rest = "") => `/datasets/${part(name)}${rest}`;
const run = (name, key, rest = "") => dataset(name, `/runs/${part(key)}${rest}`);
const removed = (path) => json(path, { method: "DELETE" });

export const datasets = async () => (await json("/datasets")).datasets;
export const importDataset = (from) => post("/datasets", from);
export const datasetOf = (name) => json(dataset(name));
export const renameDataset = (name, to) => patch(dataset(name), { name: to });
export const cloneDataset = (name, to) => post(dataset(name, "/clone"), { name: to });
export const deleteDataset = (name) => send(BASE + dataset(name), { method: "DELETE" });

export const samples = (name, body, signal) => post(dataset(name, "/samples"), body, signal);
export const sample = (name, id, signal) => json(dataset(name, `/samples/${id}`), { signal });
export const patches = (name, body, signal) => post(dataset(name, "/patches"), body, signal);
/** The picture of a sample, or of a patch, at the size of a tile. */
export const thumbnailOf = (name, kind, id) => BASE + dataset(name, `/${kind}/${id}/thumbnail`);
export const tag = (name, change) => post(dataset(name, "/tags"), change);
/** `[{ value, count }]`: the classes of a label field, or the values of another. */
export const counts = async (name, field, view, signal) => (await post(dataset(name, "/counts"), { field, view }, signal)).counts;

export const runs = async (name) => (await json(dataset(name, "/runs"))).runs;
export const runOf = (name, key, signal) => json(run(name, key), { signal });
export const compute = (name, settings) => post(dataset(name, "/runs"), settings);
export const computeMissing = (name, key) => post(run(name, key, "/missing"), {});
export const renameRun = (name, key, to) => patch(run(name, key), { key: to });
/** Forgets the run; `{ collection_kept }` names the collection that is still there. */
export const deleteRun = (name, key) => removed(run(name, key));
export const cleanUp = (name, key) => post(run(name, key, "/cleanup"), {});
export const sort = (name, key, query, signal) => post(run(name, key, "/sort"), query, signal);

export const visualize = (name, settings) => post(dataset(name, "/visualizations"), settings);
export function visualization(name, key, field, signal) {
  const query = field ? `?${new URLSearchParams({ color: field })}` : "";
  return json(dataset(name, `/visualizations/${part(key)}${query}`), { signal });
}
