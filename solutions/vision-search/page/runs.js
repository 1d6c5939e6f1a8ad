// The runs view: what was computed of the dataset, with its settings, and what can be done with it.

import { $, confirmButton, el, isAbort, number, plural, showProblem } from "/assets/dom.js";
import { fieldText } from "/assets/render.js";
import * as api from "/solution/api.js";
import { createComputeForm } from "/solution/compute-form.js";
import { attempt } from "/solution/form.js";
import { followJobs } from "/solution/job-list.js";
import { renamer } from "/solution/rename.js";

const NAMES = { backend: "backend", collection_name: "collection", metric: "metric", dim: "dimension", model: "model", field: "field", patches_field: "patches of", roi_field: "mean of the patches of", run: "of the index", points: "points" };

export function create(section, app) {
  const list = $("runs");
  const note = $("runs-note");
  const jobs = followJobs($("run-jobs"), ({ kind }) => kind === "compute-similarity", app);
  const form = createComputeForm(app, jobs.add);
  let counting = null;

  function facts({ kind, method, config, created_at: created }) {
    const rows = Object.entries(NAMES).filter(([name]) => config[name] != null).map(([name, text]) => [text, fieldText(name, config[name])]);
    const crop = config.crop ?? {};
    if (crop.alpha) rows.push(["boxes expanded by", `${Math.round(crop.alpha * 100)} %`]);
    if (crop.force_square) rows.push(["crops", "square"]);
    if (kind === "visualization") rows.push(["method", config.method ?? method]);
    if (config.supports_prompts) rows.push(["takes", "words"]);
    rows.push(["computed", new Date(created).toLocaleString("en", { dateStyle: "medium", timeStyle: "short" })]);
    return el("dl", { class: "run-facts" }, ...rows.map(([name, value]) => el("div", {}, el("dt", {}, name), el("dd", {}, value))));
  }

  async function forget({ key }) {
    const { collection_kept: kept, hint } = await api.deleteRun(app.dataset.name, key);
    if (!kept) return { message: `The run ‘${key}’ is deleted.` };
    return { message: `The run ‘${key}’ is deleted; its collection ‘${kept}’ is still there.`, hint };
  }

  async function cleanUp({ key, config }) {
    const { dropped } = await api.cleanUp(app.dataset.name, key);
    return { message: `The run ‘${key}’ is deleted, and its collection ‘${config.collection_name}’ ${dropped ? "is dropped" : "was gone already"}.` };
  }

  function actions(run, problem) {
    const { key, kind, config } = run;
    const isIndex = kind === "similarity";
    const patches = config.patches_field ?? "";
    const use = isIndex
      ? el("a", { class: "button", href: app.addressOf({ patches, similar: null }, "grid") }, "Show in the grid")
      : el("a", { class: "button", href: app.addressOf({}, "embeddings") }, "Show");
    const rename = renamer({ label: "Rename", name: key, subject: `the run ${key}`, act: async (to) => {
      await api.renameRun(app.dataset.name, key, to);
      await app.changed();
      list.querySelector(`[data-key="${CSS.escape(to)}"] [data-testid=rename]`)?.focus();
    } });
    const missing = el("button", { type: "button", "data-testid": "missing", hidden: true, onclick: () => embedMissing(key, problem) }, "Embed what is missing");
    const question = isIndex ? `Delete the record? The collection ‘${config.collection_name}’ stays.` : "Delete the visualization?";
    const remove = confirmButton({ label: "Delete", question, confirm: "Delete", act: () => attempt(app, { problem, note }, () => forget(run)) });
    remove.dataset.testid = "delete-run";
    const clean = isIndex && confirmButton({ label: "Clean up", question: `Drop the collection ‘${config.collection_name}’ with all its embeddings, and delete the run?`, confirm: "Drop it", act: () => attempt(app, { problem, note }, () => cleanUp(run)) });
    if (clean) clean.dataset.testid = "clean-up";
    return el("div", { class: "row wrap" }, use, missing, rename, remove, clean || null);
  }

  async function embedMissing(key, problem) {
    showProblem(problem, null);
    try {
      jobs.add(await api.computeMissing(app.dataset.name, key));
    } catch (error) {
      showProblem(problem, error);
    }
  }

  function countsText({ index, view, missing, orphaned }) {
    const parts = [`${plural(index, "embedding", "embeddings")} in the index`, `${number(view)} in the dataset`];
    if (missing) parts.push(`${number(missing)} missing`);
    if (orphaned) parts.push(`${number(orphaned)} of what is no longer in the dataset`);
    return parts.join(", ");
  }

  function entry(run) {
    const problem = el("div", { class: "problem", role: "alert", hidden: true });
    const counts = el("p", { class: "status", "data-testid": "counts" });
    const head = el("div", { class: "run-title" }, el("h3", {}, run.key), el("span", { class: "hint" }, run.kind));
    const node = el("li", { class: "panel", "data-testid": "run", "data-key": run.key }, head, counts, facts(run), problem, actions(run, problem));
    if (run.kind === "similarity") count(run, counts, problem, node.querySelector("[data-testid=missing]"));
    return node;
  }

  async function count({ key, config }, node, problem, missing) {
    const { signal } = counting;
    node.textContent = "Counting …";
    try {
      const { counts } = await api.runOf(app.dataset.name, key, signal);
      node.textContent = counts ? countsText(counts) : "";
      // Given embeddings come from elsewhere.
      missing.hidden = !counts?.missing || !["model", "field"].includes(config.source);
    } catch (error) {
      node.textContent = "";
      if (!isAbort(error) && error.status) showProblem(problem, error);
    }
  }

  let painted = null;
  return {
    show(again) {
      const key = `${app.dataset.name} ${app.generation}`;
      form.show();
      jobs.show();
      if (key === painted && !again) return;
      painted = key;
      counting?.abort();
      counting = new AbortController();
      showProblem($("runs-error"), null);
      showProblem(note, null);
      $("runs-status").textContent = app.runs.length ? plural(app.runs.length, "run", "runs") : "Nothing was computed of this dataset yet.";
      list.replaceChildren(...app.runs.map(entry));
    },
    hide() {
      painted = null;
      counting?.abort();
      jobs.hide();
    },
  };
}
