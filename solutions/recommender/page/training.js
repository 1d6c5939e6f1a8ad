// Trainings: which model counts and the way back to the one before, a form to train with live progress, and how good each
// algorithm was in the last evaluation.

import * as api from "/assets/api.js";
import { createChoices } from "/assets/choices.js";
import { el, isAbort, number, showProblem } from "/assets/dom.js";
import { jobBox } from "/assets/jobs.js";
import * as calls from "/solution/calls.js";

const METRICS = ["ndcg@10", "ndcg@20", "recall@10", "recall@20", "recall@50", "hit@10", "map", "mrr", "coverage@10", "novelty@10", "popularity-lift@10"];
const KINDS = ["train", "evaluate", "tune"];
const JOBS = 5;

export function create(section, app) {
  const current = el("div", { class: "panel", "data-testid": "current" });
  const problem = el("div", { class: "problem", role: "alert", hidden: true });
  const jobs = el("div", { "data-testid": "jobs" });
  const table = el("div", { class: "panel", "data-testid": "evaluation" });
  const forms = el("div", { class: "work-forms" });
  section.append(problem, current, el("div", { class: "columns" }, forms, el("section", { class: "panel", "aria-label": "Progress" }, el("h3", {}, "Progress"), jobs)), table);
  forms.append(...app.info.work.filter(({ name }) => KINDS.includes(name)).map(form));
  let following = null;

  function form({ name, about, options }) {
    const fields = el("div", { class: "choices" });
    const choices = createChoices(options, [fields, fields], undefined, `training-${name}`);
    const more = el("details", { class: "options" }, el("summary", {}, "Parameters"), fields);
    const start = el("button", { type: "submit", class: "primary", "data-testid": `start-${name}` }, name[0].toUpperCase() + name.slice(1));
    const node = el("form", { class: "panel work", "aria-label": name }, el("p", {}, about), more, start);
    node.onsubmit = async (event) => {
      event.preventDefault();
      showProblem(problem, null);
      try {
        follow(await api.startWork(name, choices.values), true);
      } catch (error) {
        if (!error.isOffline) showProblem(problem, error);
      }
    };
    return node;
  }

  /** What came of it stands in the panels of this view. */
  function follow(job, isNew) {
    const box = jobBox({ ...job, subject: job.kind, result: undefined }, following.signal, async () => {
      await app.changed();
      await paint();
    });
    if (isNew) jobs.prepend(box);
    else jobs.append(box);
  }

  function showCurrent({ current: version, previous, models }) {
    const model = models.find((one) => one.version === version);
    if (!model) {
      current.replaceChildren(el("h3", {}, "No model is trained yet"), el("p", { class: "hint" }, "Import ratings, then train."));
      return;
    }
    const facts = [
      ["Algorithm", model.parameters.algorithm],
      ["Trained", new Date(model.created_at).toLocaleString("en", { dateStyle: "medium", timeStyle: "short" })],
      ["In", `${model.seconds.toFixed(1)} s`],
      ["Users", number(model.users)],
      ["Items", `${number(model.items)}, and ${number(model.cold)} known by their facts alone`],
      ["Ratings", number(model.ratings)],
    ];
    const row = ([name, value]) => el("tr", {}, el("th", { scope: "row" }, name), el("td", {}, value));
    const before = models.find((one) => one.version === previous);
    const back = before && el("button", { type: "button", "data-testid": "rollback", onclick: rollBack }, `Go back to the one before (${before.parameters.algorithm})`);
    current.replaceChildren(el("h3", {}, "The model that counts"), el("table", { class: "facts" }, el("caption", { class: "unseen" }, "Model"), el("tbody", {}, ...facts.map(row))), back ?? "");
  }

  async function rollBack() {
    try {
      await calls.rollBack();
      await app.changed();
      await paint();
    } catch (error) {
      if (!error.isOffline) showProblem(problem, error);
    }
  }

  function showEvaluation(evaluation) {
    table.hidden = !evaluation;
    if (!evaluation) return;
    const best = (name) => Math.max(...evaluation.table.map(({ metrics }) => metrics[name]?.value ?? -Infinity));
    const cell = (metrics, name) => {
      const mean = metrics[name];
      if (!mean) return el("td", {}, "");
      const title = mean.low == null ? "" : `95 % interval ${mean.low.toFixed(4)} to ${mean.high.toFixed(4)}`;
      return el("td", { title, class: mean.value === best(name) ? "best-of" : "" }, mean.value.toFixed(4));
    };
    const row = ({ parameters, metrics, seconds }) => el("tr", { "data-testid": "scored" }, el("th", { scope: "row" }, parameters.algorithm), ...METRICS.map((name) => cell(metrics, name)), el("td", {}, `${seconds.toFixed(2)} s`));
    const head = el("tr", {}, ...["algorithm", ...METRICS, "training"].map((name) => el("th", { scope: "col" }, name)));
    const kind = { last: "each user’s last rating", random: "a random share of each user’s ratings", time: "all ratings after a moment", items: "all ratings of some items" }[evaluation.split.kind];
    table.replaceChildren(el("h3", {}, "How good each algorithm is"), el("p", { class: "hint" }, `Measured on ${kind}, which was kept back; all items are ranked. ${number(evaluation.test)} ratings to find.`), el("div", { class: "scrolls", tabIndex: 0, role: "region", "aria-label": "Metrics" }, el("table", { class: "metrics" }, el("caption", { class: "unseen" }, "Metrics"), el("thead", {}, head), el("tbody", {}, ...evaluation.table.map(row)))));
  }

  async function paint() {
    const told = await calls.trainings(following?.signal);
    showCurrent(told);
    showEvaluation(told.evaluation);
  }

  async function show() {
    following?.abort();
    following = new AbortController();
    showProblem(problem, null);
    try {
      await paint();
      const known = (await api.jobs(following.signal)).filter(({ kind }) => KINDS.includes(kind));
      known.sort((a, b) => b.created_at - a.created_at);
      jobs.replaceChildren();
      known.slice(0, JOBS).forEach((job) => follow(job, false));
    } catch (error) {
      if (!isAbort(error) && error.status) showProblem(problem, error);
    }
  }

  return { show, hide: () => following?.abort() };
}
