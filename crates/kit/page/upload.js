// Many files to the server: a few in a request, a few requests at a time, and an account of each file.

import * as api from "./api.js";
import { bytes, isAbort } from "./dom.js";

const FILES_PER_REQUEST = 8;
const BYTES_PER_REQUEST = 32 << 20;
const REQUESTS_AT_ONCE = 2;

/** Cuts the list into requests. A file above the bound of a request goes alone. */
export function* batches(files) {
  let batch = [];
  let size = 0;
  for (const file of files) {
    if (batch.length === FILES_PER_REQUEST || (batch.length && size + file.size > BYTES_PER_REQUEST)) {
      yield batch;
      batch = [];
      size = 0;
    }
    batch.push(file);
    size += file.size;
  }
  if (batch.length) yield batch;
}

/** Uploads `files`; `onProgress(report)` is called with the same growing report that is returned. */
export async function upload(files, { parts, limit, signal, onProgress }) {
  const report = { done: 0, total: files.length, per_second: 0, added: 0, replaced: 0, unchanged: 0, skips: [], warnings: [] };
  const started = performance.now();
  const skip = (file, reason) => report.skips.push({ source: file.webkitRelativePath || file.name, reason });
  const count = (done) => {
    report.done += done;
    report.per_second = report.done / ((performance.now() - started) / 1000);
    onProgress(report);
  };

  const fitting = files.filter((file) => file.size <= limit);
  for (const file of files) if (file.size > limit) skip(file, `it is larger than the ${bytes(limit)} that the server takes`);
  count(files.length - fitting.length);

  async function send(batch) {
    try {
      const answer = await api.upload(batch, parts, signal);
      for (const key of ["added", "replaced", "unchanged"]) report[key] += answer[key];
      report.skips.push(...answer.skipped);
      report.warnings.push(...answer.warnings);
    } catch (error) {
      if (isAbort(error)) throw error;
      if (error.isOffline) {
        // What the server already has is "unchanged" the second time, so nothing is lost or doubled.
        await api.back();
        signal.throwIfAborted();
        return send(batch);
      }
      batch.forEach((file) => skip(file, error.message));
    }
    count(batch.length);
  }

  const queue = batches(fitting);
  const worker = async () => {
    for (const batch of queue) await send(batch);
  };
  await Promise.all(Array.from({ length: REQUESTS_AT_ONCE }, worker)).catch((error) => {
    if (!isAbort(error)) throw error;
  });
  return report;
}

/** All files of a drop, also those in folders. The entries must be taken at once, before the event is over. */
export async function droppedFiles(data) {
  const entries = [...data.items].map((item) => item.webkitGetAsEntry()).filter(Boolean);
  if (!entries.length) return [...data.files];
  return (await Promise.all(entries.map(filesOf))).flat();
}

async function filesOf(entry) {
  if (entry.isFile) return [await new Promise((resolve, reject) => entry.file(resolve, reject))];
  const reader = entry.createReader();
  const found = [];
  for (;;) {
    // A reader hands out a hundred entries at a time, and none when it is through.
    const some = await new Promise((resolve, reject) => reader.readEntries(resolve, reject));
    if (!some.length) return found;
    for (const entry of some) found.push(...(await filesOf(entry)));
  }
}
