// The duplicates view: groups of items that are alike beyond a threshold, side by side, to keep one of each.

import * as api from "./api.js";
import { $, confirmButton, el, isAbort, plural, showProblem } from "./dom.js";
import { jobBox } from "./jobs.js";
import { card, scoreText } from "./results.js";

export function create(section, app) {
  const { info, renderer } = app;
  const slider = $("duplicates-threshold");
  let following = null;

  function wireForm() {
    // A distance has no upper end that would be the same everywhere.
    slider.max = info.larger_is_nearer ? 1 : info.duplicates_threshold * 2;
    slider.step = info.larger_is_nearer ? 0.01 : "any";
    slider.value = info.duplicates_threshold;
    slider.oninput = showThreshold;
    if (!info.larger_is_nearer) $("duplicates-label").textContent = "Largest distance";
    $("duplicates-hint").textContent = `${scoreText(info.duplicates_threshold)} is the default.`;
    showThreshold();
    $("duplicates-form").onsubmit = async (event) => {
      event.preventDefault();
      showProblem($("duplicates-error"), null);
      clear();
      try {
        follow(await api.startDuplicates(slider.valueAsNumber));
      } catch (error) {
        if (!error.isOffline) showProblem($("duplicates-error"), error);
      }
    };
  }

  function showThreshold() {
    $("duplicates-value").textContent = scoreText(slider.valueAsNumber);
  }

  function clear() {
    following?.abort();
    $("duplicates-groups").replaceChildren();
    $("duplicates-status").textContent = "";
  }

  function follow(job) {
    clear();
    following = new AbortController();
    $("duplicates-job").replaceChildren(jobBox(job, following.signal, showOutcome));
  }

  function showOutcome({ state, groups }) {
    if (state !== "done") return;
    $("duplicates-job").replaceChildren();
    const count = groups.reduce((sum, group) => sum + group.items.length, 0);
    const found = `${plural(groups.length, "group", "groups")}, ${plural(count, renderer.one, renderer.many)} in all`;
    $("duplicates-status").textContent = groups.length ? found : "No duplicates at this threshold.";
    $("duplicates-groups").replaceChildren(...groups.map(groupRow));
  }

  function groupRow({ items, score }) {
    const problem = el("div", { class: "problem", role: "alert", hidden: true });
    const row = el("ul", { class: "grid" });
    const remove = async (item) => {
      try {
        await app.remove(item);
        items.splice(items.indexOf(item), 1);
      } catch (error) {
        showProblem(problem, error);
      }
    };
    for (const item of items) {
      const node = card(item, { renderer, open: () => app.open(items, item) });
      node.append(confirmButton({ label: "Delete", question: "Delete for good?", confirm: "Delete", act: () => remove(item) }));
      row.append(node);
    }
    const many = el("strong", {}, plural(items.length, renderer.one, renderer.many));
    const head = el("p", { class: "group-score" }, many, ` joined at ${scoreText(score)}`);
    return el("li", { class: "panel group", "data-testid": "group" }, head, row, problem);
  }

  /** The last search for duplicates is still there, or still runs, when the page is opened again. */
  async function showLast() {
    following?.abort();
    following = new AbortController();
    try {
      const jobs = (await api.jobs(following.signal)).filter(({ kind }) => kind === "duplicates");
      const last = jobs.sort((a, b) => b.created_at - a.created_at)[0];
      if (!last) return;
      const job = await api.job(last.id, following.signal);
      if (job.state === "done") showOutcome(job);
      else follow(job);
    } catch (error) {
      if (!isAbort(error) && error.status) showProblem($("duplicates-error"), error);
    }
  }

  wireForm();
  return { show: showLast, hide: () => following?.abort() };
}
