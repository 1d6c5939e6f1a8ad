// The form that computes a similarity index: of what, by which embeddings, and where they are kept.

import { $, el, showProblem } from "/assets/dom.js";
import * as api from "/solution/api.js";
import { patchFields, vectorFields } from "/solution/fields.js";
import { check, field, problemBox, select, submit, text } from "/solution/form.js";
import { isNarrowed, viewOf } from "/solution/state.js";

const BACKENDS = [["local", "local"], ["milvus", "milvus"]];
const METRICS = [["cosine", "cosine"], ["dotproduct", "dotproduct"], ["euclidean", "euclidean"]];

/** `started(job)` is called with the job that computes it. */
export function createComputeForm(app, started) {
  const form = $("compute");
  const key = text("compute-key", { required: true, placeholder: "objects_sim" });
  const of = select("compute-of", []);
  const source = select("compute-source", []);
  const about = el("p", { class: "hint", id: "compute-about" });
  const alpha = text("compute-alpha", { inputMode: "decimal", placeholder: "0" });
  const square = check("compute-square", "Make the crops square");
  const crops = el("div", { class: "stack" }, field("Expand the boxes by", alpha, "A share of their sides: 0.1 is 10 %. Less than 0 shrinks them."), square);
  const metric = select("compute-metric", METRICS);
  const backend = select("compute-backend", BACKENDS);
  const collection = text("compute-collection", { placeholder: "chosen by the program" });
  const narrowed = check("compute-view", "Only what the filters of the grid leave");
  const skip = check("compute-skip", "Skip pictures that cannot be read");
  const problem = problemBox();
  const more = el("details", { class: "options" }, el("summary", {}, "More settings"), el("div", { class: "stack" }, field("Metric", metric), field("Backend", backend), field("Collection", collection), narrowed, skip));
  form.append(field("Key", key, "The name of the index: letters, digits and _."), field("Of", of), field("Embeddings", source), about, crops, more, problem, submit("Compute"));

  function showChoices() {
    const [ofWhat, from] = [of.value, source.value];
    const patches = patchFields(app.dataset);
    const options = [["", "samples"], ...patches.map(({ name }) => [`p:${name}`, `patches of ${name}`]), ...patches.map(({ name }) => [`r:${name}`, `samples, by the mean of their patches of ${name}`])];
    of.replaceChildren(...select("", options).children);
    if (options.some(([value]) => value === ofWhat)) of.value = ofWhat;
    const models = app.info.models.map(({ name }) => [`m:${name}`, `model ${name}`]);
    const vectors = of.value ? [] : vectorFields(app.dataset).map(({ name, dim }) => [`f:${name}`, `field ${name} (${dim} numbers)`]);
    source.replaceChildren(...select("", [...models, ...vectors]).children);
    source.value = [...models, ...vectors].some(([value]) => value === from) ? from : `m:${app.info.default_model}`;
    crops.hidden = !of.value;
    narrowed.hidden = !isNarrowed(app.state);
    showModel();
  }

  function showModel() {
    const model = app.info.models.find(({ name }) => `m:${name}` === source.value);
    about.textContent = model ? [model.summary, model.licence, model.takes_text && "takes words, too"].filter(Boolean).join("; ") : "";
  }

  const isChecked = (label) => !label.hidden && label.querySelector("input").checked;

  function settings() {
    const [way, ofField] = [of.value.slice(0, 2), of.value.slice(2)];
    const from = source.value.slice(2);
    const { sort, ...view } = viewOf(app.state, app.dataset.fields);
    return {
      key: key.value.trim(),
      ...(source.value.startsWith("m:") ? { model: from } : { field: from }),
      ...(way === "p:" && { patches_field: ofField }),
      ...(way === "r:" && { roi_field: ofField }),
      ...(way && Number(alpha.value) && { alpha: Number(alpha.value) }),
      ...(way && isChecked(square) && { force_square: true }),
      metric: metric.value,
      backend: backend.value,
      ...(collection.value.trim() && { collection_name: collection.value.trim() }),
      ...(isChecked(skip) && { skip_failures: true }),
      ...(isChecked(narrowed) && { view }),
    };
  }

  of.onchange = showChoices;
  source.onchange = showModel;
  metric.value = app.info.metric;
  backend.value = app.info.backend;
  form.onsubmit = async (event) => {
    event.preventDefault();
    showProblem(problem, null);
    if (alpha.value.trim() && Number.isNaN(Number(alpha.value))) {
      showProblem(problem, { message: `‘${alpha.value}’ is not a number.`, hint: "Boxes are expanded by a share of their sides, such as 0.1." });
      alpha.focus();
      return;
    }
    try {
      started(await api.compute(app.dataset.name, settings()));
    } catch (error) {
      if (!error.isOffline) showProblem(problem, error);
    }
  };

  return { show: showChoices };
}
