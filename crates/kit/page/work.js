// The jobs view: the program's own kinds of work, such as training, and what became of those that were started.

import * as api from "./api.js";
import { createChoices } from "./choices.js";
import { $, el, isAbort, showProblem } from "./dom.js";
import { jobBox } from "./jobs.js";

const JOBS_SHOWN = 10;

export function create(section, app) {
  const { work } = app.info;
  const names = new Set(work.map(({ name }) => name));
  let following = null;

  function form({ name, about, options }) {
    const heading = el("h3", { id: `work-${name}` }, name.replaceAll("-", " "));
    const fields = el("div", { class: "choices" });
    const choices = createChoices(options, [fields, fields], undefined, `work-${name}`);
    const problem = el("div", { class: "problem", role: "alert", hidden: true });
    const start = el("button", { type: "submit", class: "primary", "aria-describedby": `work-${name}` }, "Start");
    const node = el("form", { class: "panel work", "aria-labelledby": `work-${name}` }, heading, el("p", {}, about), fields, problem, start);
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

  function follow(job, isNew) {
    const box = jobBox({ ...job, subject: job.kind }, following.signal, () => app.changed());
    if (isNew) $("work-jobs").prepend(box);
    else $("work-jobs").append(box);
  }

  async function show() {
    following?.abort();
    following = new AbortController();
    showProblem($("work-error"), null);
    try {
      const jobs = (await api.jobs(following.signal)).filter(({ kind }) => names.has(kind));
      jobs.sort((a, b) => b.created_at - a.created_at);
      $("work-jobs").replaceChildren();
      jobs.slice(0, JOBS_SHOWN).forEach((job) => follow(job, false));
    } catch (error) {
      if (!isAbort(error) && error.status) showProblem($("work-error"), error);
    }
  }

  $("work-forms").replaceChildren(...work.map(form));
  // A stream is a connection, of which a browser has few; the jobs are listed again when the view is.
  return { show, hide: () => following?.abort() };
}
