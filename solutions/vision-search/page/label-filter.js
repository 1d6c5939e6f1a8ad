// The filter of one label field: its classes with their counts in what is shown, and the least confidence.

import { debounce, el, isAbort, number, showProblem } from "/assets/dom.js";
import * as api from "/solution/api.js";
import { colourOf } from "/solution/colours.js";
import { viewOf } from "/solution/state.js";

/** So many classes are listed; one finds the others by their names. */
const LISTED = 200;
/** From so many on there is a box to find one. */
const MANY = 15;

export function createLabelFilter(app, { name }) {
  const list = el("ul", { class: "values", "aria-label": `Classes of ${name}` });
  const find = el("input", { type: "search", placeholder: "Find a class", "aria-label": `Find a class of ${name}`, hidden: true });
  const value = el("output", {}, "any");
  const slider = el("input", { type: "range", min: 0, max: 1, step: 0.05, value: 0, "aria-label": `Least confidence of ${name}`, "data-testid": "confidence" });
  const problem = el("div", { class: "problem", role: "alert", hidden: true });
  const confidence = el("div", { class: "slider" }, slider, value);
  const node = el("div", { class: "filter-part" }, find, list, el("p", { class: "hint" }, "Confidence at least"), confidence, problem);
  let counts = [];
  let asked = null;
  let running = null;

  const chosen = () => (app.state.labels?.field === name ? app.state.labels : { field: name, classes: [], confidence: 0 });

  /** One field at a time: that is what the server's views can say. */
  function go(change) {
    const labels = { ...chosen(), ...change };
    app.go({ labels: labels.classes.length || labels.confidence ? labels : null });
  }

  function entry({ value: label, count }) {
    const { classes } = chosen();
    const box = el("input", { type: "checkbox", value: label, checked: classes.includes(label), "data-testid": "class-filter" });
    box.onchange = () => go({ classes: box.checked ? [...chosen().classes, label] : chosen().classes.filter((one) => one !== label) });
    const swatch = el("span", { class: `swatch ${colourOf(label)}` });
    return el("li", {}, el("label", { class: "check" }, box, swatch, el("span", {}, label), el("span", { class: "count-of" }, number(count))));
  }

  function showList() {
    const wanted = find.value.trim().toLowerCase();
    const found = counts.filter(({ value: label }) => String(label).toLowerCase().includes(wanted));
    const rest = found.length - LISTED;
    list.replaceChildren(...found.slice(0, LISTED).map(entry));
    if (rest > 0) list.append(el("li", { class: "hint" }, `and ${number(rest)} others`));
    if (!found.length) list.append(el("li", { class: "hint" }, "None here."));
  }

  /** Asks for the counts of what is shown but for this filter. */
  async function fill() {
    const view = viewOf(app.state, app.dataset.fields, "labels");
    delete view.sort;
    const key = JSON.stringify([view, app.generation]);
    if (key === asked) return;
    asked = key;
    running?.abort();
    running = new AbortController();
    try {
      counts = await api.counts(app.dataset.name, name, view, running.signal);
      find.hidden = counts.length < MANY;
      showList();
      showProblem(problem, null);
    } catch (error) {
      asked = null;
      // What is wrong with the expression is told beside it.
      if (!isAbort(error) && !error.isFilter && error.status) showProblem(problem, error);
    }
  }

  function update() {
    const { classes, confidence } = chosen();
    for (const box of list.querySelectorAll("input")) box.checked = classes.includes(box.value);
    slider.value = confidence;
    showValue();
  }

  const showValue = () => (value.textContent = Number(slider.value) ? Number(slider.value).toFixed(2) : "any");
  const later = debounce(() => go({ confidence: Number(slider.value) }));
  slider.oninput = () => {
    showValue();
    later();
  };
  find.oninput = showList;

  return { node, fill, update };
}
