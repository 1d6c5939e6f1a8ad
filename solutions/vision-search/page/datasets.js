// The datasets view: which there are, what is in them, and how one is imported, renamed, cloned and deleted.

import { $, confirmButton, el, number, plural, showProblem } from "/assets/dom.js";
import * as api from "/solution/api.js";
import { attempt, field, problemBox, select, submit, text } from "/solution/form.js";
import { followJobs } from "/solution/job-list.js";
import { renamer } from "/solution/rename.js";
import { everything } from "/solution/state.js";

export function create(section, app) {
  const note = $("datasets-note");
  const jobs = followJobs($("import-jobs"), ({ kind }) => kind === "import-dataset", app);
  const { import_roots: roots, formats } = app.info;

  function importForm() {
    const path = text("import-path", { class: "code", required: true, value: roots[0] });
    path.setAttribute("list", "import-roots");
    const name = text("import-name", { required: true });
    const format = select("import-format", [["", "found out"], ...formats.map((one) => [one, one])]);
    const labels = text("import-labels", { placeholder: "ground_truth" });
    const tags = text("import-tags", { placeholder: "train, summer" });
    const problem = problemBox();
    const form = $("import");
    form.append(
      field("Folder", path, `The server may read what is below ${roots.join(", ")}.`), el("datalist", { id: "import-roots" }, ...roots.map((root) => el("option", { value: root }))),
      field("Name of the dataset", name), field("Format", format), field("Field for the labels", labels), field("Tags for all samples", tags), problem, submit("Import"),
    );
    form.onsubmit = async (event) => {
      event.preventDefault();
      showProblem(problem, null);
      const given = tags.value.split(",").map((tag) => tag.trim()).filter(Boolean);
      const from = {
        path: path.value.trim(), name: name.value.trim(),
        ...(format.value && { format: format.value }), ...(labels.value.trim() && { label_field: labels.value.trim() }), ...(given.length && { tags: given }),
      };
      try {
        jobs.add(await api.importDataset(from));
      } catch (error) {
        if (!error.isOffline) showProblem(problem, error);
      }
    };
  }

  /** Where the server imports nothing by itself: how it is done beside it. */
  function importHint() {
    $("import").append(
      el("p", {}, "This server imports no folders by itself. On its machine:"),
      el("pre", { class: "command" }, "vision-search dataset import FOLDER --name NAME"),
      el("p", { class: "hint" }, `Formats: ${formats.join(", ")}. With --import-root it takes folders from here, too.`),
    );
  }

  /** The state names its dataset; when that has another name, or is gone, the address must say so. */
  function leave(name, to) {
    if (app.state.dataset !== name) return;
    app.state = everything({ dataset: to, patches: "" });
    history.replaceState(null, "", app.addressOf({}, "datasets"));
  }

  async function rename(name, to) {
    await api.renameDataset(name, to);
    leave(name, to);
    await app.changed();
    document.querySelector(`[data-name="${CSS.escape(to)}"] [data-testid=rename]`)?.focus();
  }

  async function clone(name, to, problem) {
    const { dataset, runs_left_out: leftOut } = await api.cloneDataset(name, to);
    const hint = leftOut.length ? `Two datasets never share a collection, so these runs were left out: ${leftOut.join(", ")}. Compute them for the clone.` : undefined;
    await attempt(app, { problem, note }, () => ({ message: `‘${dataset.name}’ is a clone of ‘${name}’.`, hint }));
  }

  async function remove(name) {
    await api.deleteDataset(name);
    leave(name, "");
    return { message: `The dataset ‘${name}’ is deleted. Its picture files are where they were.` };
  }

  const fieldItem = ({ name, kind, dim, samples, labels }) =>
    el("li", {}, el("strong", {}, name), ` ${kind}${dim ? ` of ${dim}` : ""}, `, labels ? `${plural(labels, "label", "labels")} in ${plural(samples, "sample", "samples")}` : plural(samples, "sample", "samples"));

  function entry({ name, samples, tags, fields, created_at: created }) {
    const problem = problemBox();
    const open = el("a", { class: "button primary", href: app.addressOf(everything({ dataset: name, patches: "" }), "grid"), "data-testid": "open-dataset" }, "Open");
    const deletion = confirmButton({ label: "Delete", question: `Delete ‘${name}’ with its labels and runs? The picture files stay.`, confirm: "Delete", act: () => attempt(app, { problem, note }, () => remove(name)) });
    const buttons = el("div", { class: "row wrap" }, open,
      renamer({ label: "Rename", name, subject: `the dataset ${name}`, act: (to) => rename(name, to) }),
      renamer({ label: "Clone", name: `${name}-clone`, subject: `the dataset ${name}`, act: (to) => clone(name, to, problem) }), deletion);
    const when = new Date(created).toLocaleString("en", { dateStyle: "medium", timeStyle: "short" });
    const tagText = tags.length ? `Tags: ${tags.map(({ value, count }) => `${value} (${number(count)})`).join(", ")}` : "No tags";
    return el("li", { class: "panel", "data-testid": "dataset", "data-name": name },
      el("h3", {}, name), el("p", { class: "status" }, `${plural(samples, "sample", "samples")}, imported ${when}`),
      el("ul", { class: "field-list" }, ...fields.map(fieldItem)), el("p", { class: "hint" }, tagText), problem, buttons);
  }

  if (roots.length) importForm();
  else importHint();

  let painted = null;
  return {
    show(again) {
      jobs.show();
      if (painted === app.generation && !again) return;
      painted = app.generation;
      showProblem(note, null);
      $("datasets-status").textContent = app.datasets.length ? plural(app.datasets.length, "dataset", "datasets") : "There is no dataset yet: import one first.";
      $("datasets").replaceChildren(...app.datasets.map(entry));
    },
    hide() {
      painted = null;
      jobs.hide();
    },
  };
}
