// The embeddings view: a visualization's points beside the grid. What is lassoed there is what the grid shows.

import { $, el, isAbort, number, plural, showProblem } from "/assets/dom.js";
import { image } from "/assets/render.js";
import { createScatter } from "/assets/scatter.js";
import * as api from "/solution/api.js";
import { colourFields } from "/solution/fields.js";
import { createGrid } from "/solution/grid.js";
import { followJobs } from "/solution/job-list.js";
import { showLegend } from "/solution/legend.js";
import { createVisualizeForm } from "/solution/visualize-form.js";

export function create(section, app) {
  const canvas = $("map-canvas");
  const tip = $("map-tip");
  const scatter = createScatter(canvas, { onPoint: showTip, onOpen: (point) => app.open([point], point), onLasso: narrow });
  const grid = createGrid($("map-grid"), app);
  // What is done is to be seen.
  const jobs = followJobs($("visualize-jobs"), ({ kind, state }) => kind === "visualize" && state !== "done", app);
  createVisualizeForm(app, (job, key) => {
    wanted = key;
    $("visualize-fold").open = false;
    jobs.add(job);
  });
  let points = [];
  /** The key of the visualization to show as soon as it is there. */
  let wanted = "";
  let field = "";
  let shown = null;
  let running = null;

  const visualizations = () => app.runs.filter(({ kind }) => kind === "visualization");
  const chosen = () => visualizations().find(({ key }) => key === $("visualization").value);
  /** The field whose patches the points are; "" for samples. */
  const patchesOf = (run) => app.runs.find(({ key }) => key === run?.config.run)?.config.patches_field ?? "";

  function showChoices() {
    const [key, colour] = [$("visualization").value, $("colour-by").value];
    $("visualization").replaceChildren(...visualizations().map((run) => el("option", { value: run.key }, `${run.key} – ${run.config.method ?? run.method} of ${run.config.run}`)));
    const shows = [wanted, key].find((one) => visualizations().some((run) => run.key === one));
    if (shows) $("visualization").value = shows;
    if (shows === wanted) wanted = "";
    const names = colourFields(app.dataset).map(({ name }) => name);
    $("colour-by").replaceChildren(el("option", { value: "" }, "nothing"), ...names.map((name) => el("option", { value: name }, name)));
    $("colour-by").value = names.includes(colour) ? colour : usualColour();
    $("map-split").hidden = !visualizations().length;
    $("visualize-fold").open ||= !visualizations().length;
    if (!visualizations().length) $("map-status").textContent = "There is no visualization yet: compute one of a similarity index.";
  }

  /** Patches by their own classes, samples by theirs. */
  function usualColour() {
    const fields = colourFields(app.dataset);
    const first = fields.find(({ kind }) => kind.startsWith("classification")) ?? fields[0];
    return patchesOf(chosen()) || (first?.name ?? "");
  }

  async function load() {
    const run = chosen();
    if (!run) return;
    const key = [app.dataset.name, run.key, $("colour-by").value, app.generation].join("\n");
    if (key === shown) return paint();
    running?.abort();
    running = new AbortController();
    $("map-status").textContent = "Loading the points …";
    try {
      const answer = await api.visualization(app.dataset.name, run.key, $("colour-by").value, running.signal);
      shown = key;
      field = patchesOf(run);
      points = answer.points.map((point) => ({ ...point, isPatch: Boolean(field) }));
      showLegend($("legend"), points, { onHide: paint, only: narrow });
      paint();
      scatter.show(points);
      const many = points.length < answer.total ? `${number(points.length)} of ${number(answer.total)} points, sampled` : plural(points.length, "point", "points");
      $("map-status").textContent = `${many}, by ${answer.method}`;
      showProblem($("map-error"), null);
    } catch (error) {
      if (isAbort(error)) return;
      $("map-status").textContent = "";
      if (error.status) showProblem($("map-error"), error);
    }
  }

  /** Shows only these in the grid; none means all, as a lasso around nothing lifts the one before. */
  function narrow(members) {
    const ids = members.length ? { list: members.map(({ id }) => id) } : null;
    $("map-said").textContent = ids ? `${plural(members.length, "point", "points")} selected` : "All are shown";
    app.go({ ids, patches: field, similar: null, ...(field !== app.state.patches && { sort: "" }) });
  }

  /** The stylesheet owns the colours, for light and dark: a point takes the one that its swatch in the legend has. */
  function paint() {
    const wanted = app.state.ids && new Set(app.state.ids.list);
    const known = new Map();
    for (const point of points) {
      if (!known.has(point.swatch)) known.set(point.swatch, getComputedStyle(point.swatch).color);
      point.colour = known.get(point.swatch);
      point.faded = Boolean(wanted) && !wanted.has(point.id) && !wanted.has(point.sample);
    }
    scatter.update(points, getComputedStyle(canvas).color);
  }

  function showTip(point, x, y) {
    tip.hidden = !point;
    if (!point) return;
    const text = point.color == null ? "" : String(point.color);
    const picture = image({ title: text }, [api.thumbnailOf(app.dataset.name, point.isPatch ? "patches" : "samples", point.id)]);
    tip.replaceChildren(picture, el("strong", {}, text));
    const { clientWidth, clientHeight } = canvas;
    const left = x + 16 + tip.offsetWidth > clientWidth ? x - 16 - tip.offsetWidth : x + 16;
    const top = Math.min(Math.max(8, y - tip.offsetHeight / 2), clientHeight - tip.offsetHeight - 8);
    Object.assign(tip.style, { left: `${Math.max(8, left)}px`, top: `${top}px` });
    $("map-said").textContent = text || `Point ${point.id}`;
  }

  function chooseTool(lasso) {
    scatter.chooseLasso(lasso);
    canvas.classList.toggle("lasso", lasso);
    $("tool-lasso").ariaPressed = String(lasso);
    $("tool-move").ariaPressed = String(!lasso);
  }

  $("visualization").onchange = () => {
    $("colour-by").value = usualColour();
    load();
  };
  $("colour-by").onchange = load;
  $("tool-lasso").onclick = () => chooseTool(true);
  $("tool-move").onclick = () => chooseTool(false);
  $("map-in").onclick = () => scatter.zoom(1.5);
  $("map-out").onclick = () => scatter.zoom(1 / 1.5);
  $("map-reset").onclick = () => scatter.reset();
  document.addEventListener("theme", paint);
  document.addEventListener("drawn", grid.redraw);
  chooseTool(true);

  return {
    show(again) {
      showChoices();
      load();
      jobs.show();
      if (visualizations().length) grid.show(app.state, again);
    },
    hide() {
      running?.abort();
      jobs.hide();
      grid.hide();
    },
  };
}
