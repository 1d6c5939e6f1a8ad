// The form that computes a visualization: which index, by which method, of how many points.

import { $, plural, showProblem } from "/assets/dom.js";
import * as api from "/solution/api.js";
import { field, problemBox, select, submit, text } from "/solution/form.js";

const METHODS = [["pca", "PCA: quick, keeps what is far apart"], ["tsne", "t-SNE: slower, keeps neighbours together"]];

/** `started(job, key)` is called with the job that computes it. */
export function createVisualizeForm(app, started) {
  const form = $("visualize");
  const run = select("visualize-run", []);
  const method = select("visualize-method", METHODS);
  const key = text("visualize-key", { required: true, placeholder: "map" });
  const sample = text("visualize-sample", { inputMode: "numeric", placeholder: "5000" });
  const problem = problemBox();
  form.append(field("Index", run), field("Method", method), field("Key", key, "The name of the visualization."), field("Points at most", sample), problem, submit("Compute"));

  $("visualize-fold").ontoggle = () => {
    const indexes = app.runs.filter(({ kind }) => kind === "similarity");
    run.replaceChildren(...select("", indexes.map((one) => [one.key, `${one.key} – ${one.config.patches_field ? `patches of ${one.config.patches_field}` : "samples"}`])).children);
    if (!indexes.length) showProblem(problem, { message: "There is no similarity index yet.", hint: `Compute one under Runs, of ${plural(app.dataset.samples, "sample", "samples")}.` });
  };
  form.onsubmit = async (event) => {
    event.preventDefault();
    showProblem(problem, null);
    const count = Number(sample.value);
    try {
      const settings = { key: key.value.trim(), run: run.value, method: method.value, ...(count > 0 && { sample: count }) };
      started(await api.visualize(app.dataset.name, settings), settings.key);
    } catch (error) {
      if (!error.isOffline) showProblem(problem, error);
    }
  };
}
