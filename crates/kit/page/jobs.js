// How work that goes on in the server is shown: a bar, numbers, a way to stop it, and what was skipped.

import * as api from "./api.js";
import { el, isAbort, number, plural, showProblem } from "./dom.js";
import { fieldText } from "./render.js";

const states = { queued: "Waiting", running: "Running", done: "Done", failed: "Failed", cancelled: "Stopped" };

/**
 * A box for work under way. It is changed in place, many times a second, so that its button can be pressed and keeps the focus.
 * `update` takes { head, progress, text, isOver, more: nodes below }.
 */
export function progressBox(subject, onStop) {
  const head = el("strong");
  const stop = el("button", { type: "button", class: "quiet", onclick: onStop }, "Stop");
  const bar = el("progress", { "aria-label": `Progress of ${subject}` });
  const line = el("p", { class: "status" });
  const below = el("div");
  const title = el("p", { class: "job-head" }, head, el("span", {}, subject), stop);
  const node = el("article", { class: "job", "data-testid": "job" }, title, bar, line, below);

  function update({ head: word, progress, text, isOver, more = [] }) {
    head.textContent = word;
    stop.hidden = bar.hidden = isOver;
    bar.max = progress.total || 1;
    // Without a value the bar shows that its end is unknown.
    if (progress.total != null) bar.value = progress.done;
    line.textContent = [progressText(progress), text].filter(Boolean).join(" – ");
    below.replaceChildren(...more.filter(Boolean));
  }

  return { node, update };
}

/** "120 of 785, 80 per second", and what the work says of itself. */
function progressText({ done, total, per_second, note }) {
  if (total == null && !done) return note ?? "";
  const count = total == null ? number(done) : `${number(done)} of ${number(total)}`;
  const text = per_second ? `${count}, ${number(Math.round(per_second))} per second` : count;
  return note ? `${text}: ${note}` : text;
}

/** What the program's own work gave: a JSON object, as a table. */
function resultTable(result) {
  const row = ([name, value]) => el("tr", {}, el("th", { scope: "row" }, name.replaceAll("_", " ")), el("td", {}, fieldText(name, value)));
  return el("table", { class: "facts" }, el("caption", { class: "unseen" }, "Result"), el("tbody", {}, ...Object.entries(result).map(row)));
}

/** What became of the files, in one line. */
export function outcome({ added, replaced, unchanged, removed = 0, skipped }) {
  const parts = [[added, "added"], [replaced, "replaced"], [unchanged, "unchanged"], [removed, "removed"], [skipped, "skipped"]];
  return parts.filter(([count, word]) => count || word === "added").map(([count, word]) => `${number(count)} ${word}`).join(", ");
}

/** The files that were skipped and why, folded when there are many. */
export function skipList(skips, total = skips.length) {
  if (!skips.length) return null;
  const row = ({ source, reason }) => el("li", { "data-testid": "skip" }, el("strong", {}, source), " ", el("span", {}, reason));
  const note = total > skips.length ? ` (the first ${number(skips.length)} are listed)` : "";
  const summary = el("summary", {}, `${plural(total, "file", "files")} skipped${note}`);
  return el("details", { class: "skips", open: skips.length <= 10 }, summary, el("ul", {}, ...skips.map(row)));
}

/** Files that are not of a kind that is imported, counted by kind: the most frequent first. */
export function passedOver(kinds = {}) {
  const found = Object.entries(kinds).sort(([, a], [, b]) => b - a);
  if (!found.length) return null;
  const total = found.reduce((sum, [, count]) => sum + count, 0);
  const list = found.map(([kind, count]) => `${kind} ${number(count)}`).join(", ");
  return el("p", { class: "hint", "data-testid": "passed-over" }, `${plural(total, "other file", "other files")} passed over: ${list}`);
}

/** What else should be known of an import. */
export function warningList(warnings = []) {
  if (!warnings.length) return null;
  const summary = el("summary", {}, plural(warnings.length, "warning", "warnings"));
  const row = (text) => el("li", { "data-testid": "warning" }, text);
  return el("details", { class: "skips", open: warnings.length <= 10 }, summary, el("ul", {}, ...warnings.map(row)));
}

/** A box that follows a job of the server until it is over; `onDone(job)` is called then. */
export function jobBox(job, signal, onDone = () => {}) {
  const failure = el("div", { class: "problem", role: "alert", hidden: true });
  const box = progressBox(job.subject ?? job.kind, () => api.cancelJob(job.id).catch((error) => showProblem(failure, error)));

  function paint({ state, progress, result, error, ...job }) {
    const isOver = api.isFinal({ state });
    // An import of the program's own has a report for its result.
    const isReport = Array.isArray(result?.skips);
    const report = isReport ? result : job.report;
    if (error) showProblem(failure, { message: error.detail ?? error.title, hint: error.hint });
    const text = report && outcome(report);
    const told = isOver && report
      ? [skipList(report.skips, report.skipped), warningList(report.warnings), passedOver(report.passed_over)] : [];
    box.update({ head: states[state], progress, text, isOver, more: [failure, ...told, result && !isReport && resultTable(result)] });
  }

  paint(job);
  if (!api.isFinal(job)) {
    api.follow(job.id, paint, signal).then(onDone, (error) => {
      if (!isAbort(error)) showProblem(failure, error);
    });
  }
  return box.node;
}
