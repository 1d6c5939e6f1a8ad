// Every call to the server goes through here, so that its errors, its token and its absence are handled in one place.

import { isAbort, sleep } from "./dom.js";
import { events } from "./events.js";

export const BASE = "/api/v1";
const TRIES_WHEN_BUSY = 2;
const LONGEST_WAIT_SECONDS = 15;
const PROBE_EVERY_MS = 2000;

/** An answer other than success, in the words of the server (RFC 9457). */
export class Problem extends Error {
  constructor({ status = 0, title, detail, hint }) {
    super(detail ?? title ?? "Something went wrong");
    this.status = status;
    this.hint = hint;
  }

  /** The server's filters begin their messages with this word; it decides beside which box the message stands. */
  get isFilter() {
    return this.status === 400 && /^filter\b/i.test(this.message);
  }

  get isOffline() {
    return this.status === 0;
  }
}

/** Events: `lost` and `back` for the server as a whole, `busy` (detail: seconds) before another try. */
export const connection = new EventTarget();

/** Resolves when the server answers again. */
export const back = () => new Promise((resolve) => connection.addEventListener("back", resolve, { once: true }));

let token = sessionStorage.getItem("token");
let askForToken = async () => null;
let asking = null;

/** `ask(wasWrong)` resolves to a token. Many calls may need one at once, and the user is asked once. */
export const onTokenNeeded = (ask) => (askForToken = ask);

async function newToken(refused) {
  if (token !== refused) return;
  asking ??= askForToken(refused !== null).then(useToken).finally(() => (asking = null));
  await asking;
}

function useToken(given) {
  token = given;
  sessionStorage.setItem("token", token);
  beginSession();
}

const RENEW_SESSION_MS = 60 * 60 * 1000;
let session = null;

/** <img> and <video> carry no token; a cookie stands for it. A wrong token is found out by the next call. */
function beginSession() {
  if (!token) return;
  const headers = { Authorization: utf8(`Bearer ${token}`) };
  session = fetch(`${BASE}/session`, { method: "POST", headers }).catch(() => {});
}

/** Headers hold bytes; fetch refuses other letters than Latin ones unless they go as their UTF-8. */
const utf8 = (text) => String.fromCharCode(...new TextEncoder().encode(text));

beginSession();
setInterval(beginSession, RENEW_SESSION_MS);

/** A request by its whole path, with the token; throws a `Problem` for anything but success. */
export async function send(path, options = {}, tries = TRIES_WHEN_BUSY) {
  const used = token;
  const headers = new Headers(options.headers);
  if (used) headers.set("Authorization", utf8(`Bearer ${used}`));
  let response;
  try {
    response = await fetch(path, { ...options, headers });
  } catch (error) {
    throw isAbort(error) ? error : await whyNoAnswer();
  }
  if (response.ok) return response;
  if (response.status === 401) {
    await newToken(used);
    return send(path, options, tries);
  }
  if (response.status === 429 && tries > 0) {
    const seconds = Math.min(Number(response.headers.get("Retry-After")) || 1, LONGEST_WAIT_SECONDS);
    connection.dispatchEvent(new CustomEvent("busy", { detail: seconds }));
    await sleep(seconds * 1000, options.signal);
    return send(path, options, tries - 1);
  }
  const problem = await response.json().catch(() => ({ title: `${response.status} ${response.statusText}` }));
  throw new Problem({ ...problem, status: response.status });
}

async function answers() {
  // Any answer will do, be it a refusal.
  return fetch(`${BASE}/info`, { cache: "no-store" }).then(() => true, () => false);
}

/** fetch fails in the same way when the server is gone, when it hangs up on one request, and when a file has changed. */
async function whyNoAnswer() {
  if (await answers()) {
    const hint = "The file may have changed since it was chosen, or is too large for the server.";
    return new Problem({ status: 400, title: "The connection broke off.", hint });
  }
  watch();
  return new Problem({ title: "The server does not answer." });
}

let watching = null;

function watch() {
  if (watching) return;
  connection.dispatchEvent(new Event("lost"));
  watching = setInterval(probe, PROBE_EVERY_MS);
}

export async function probe() {
  if (!watching || !(await answers()) || !watching) return;
  clearInterval(watching);
  watching = null;
  connection.dispatchEvent(new Event("back"));
}

/** The JSON that a request below `BASE` answers. */
export const json = async (path, options) => (await send(BASE + path, options)).json();
const sent = (method) => (path, body, signal) =>
  json(path, { method, body: JSON.stringify(body), headers: { "Content-Type": "application/json" }, signal });
export const post = sent("POST");
export const patch = sent("PATCH");

export const info = () => json("/info");
export const item = (id, signal) => json(`/items/${encodeURIComponent(id)}`, { signal });
export const remove = (id) => send(`${BASE}/items/${encodeURIComponent(id)}`, { method: "DELETE" });
export const map = (sample) => json(`/map?sample=${sample}`);
export const thumbnailOf = (id) => `${BASE}/items/${encodeURIComponent(id)}/thumbnail`;

export function items({ filter, limit, after, signal }) {
  const params = new URLSearchParams({ limit });
  if (filter) params.set("filter", filter);
  if (after) params.set("after", after);
  return json(`/items?${params}`, { signal });
}

function asRequest(query, files) {
  if (files.size === 0) return { method: "POST", body: JSON.stringify(query), headers: { "Content-Type": "application/json" } };
  const body = new FormData();
  body.append("query", JSON.stringify(query));
  for (const [name, file] of files) body.append(name, file);
  return { method: "POST", body };
}

/** `files` maps the names that the query's examples use to File objects. */
export const search = (query, files, signal) => json("/search", { ...asRequest(query, files), signal });
/** The hits as a file. */
export const save = async (query, files, format) =>
  (await send(`${BASE}/search?format=${format}`, asRequest(query, files))).blob();
/** What words are understood as. */
export const preview = (input, signal) => post("/preview", input, signal);

/** `parts` are texts of the form beside the files: a label, and what was chosen of the import's options. */
export function upload(files, parts, signal) {
  const body = new FormData();
  for (const [name, value] of Object.entries(parts)) body.append(name, value);
  for (const file of files) body.append("file", file, file.webkitRelativePath || file.name);
  return json("/items", { method: "POST", body, signal });
}

export const startImport = (place) => post("/imports", place);
export const startDuplicates = (threshold) => post("/duplicates", { threshold });
export const startWork = (name, options) => post(`/work/${encodeURIComponent(name)}`, { options });
export const jobs = async (signal) => (await json("/jobs", { signal })).jobs;
export const job = (id, signal) => json(`/jobs/${id}`, { signal });
export const cancelJob = (id) => json(`/jobs/${id}`, { method: "DELETE" });
export const isFinal = ({ state }) => ["done", "failed", "cancelled"].includes(state);

/** Calls `onJob` with every state of a job until its last. */
export async function follow(id, onJob, signal) {
  for (;;) {
    try {
      const response = await send(`${BASE}/jobs/${id}/events`, { signal });
      for await (const { data } of events(response.body)) onJob(JSON.parse(data));
      // A stream may also end early, be it by a proxy's patience; the job itself knows whether it is over.
      const state = await job(id, signal);
      onJob(state);
      if (isFinal(state)) return state;
    } catch (error) {
      if (isAbort(error) || error.status) throw error;
      if (error.isOffline) await back();
    }
    await sleep(1000, signal);
  }
}

/** Puts a file of the server into an element, once the session has begun that it may need. */
async function load(node, url) {
  if (session) await session;
  node.src = url;
}

export const showPicture = load;
export const playMedia = load;

export const readText = async (url) => (await send(url)).text();
