// The filter of a field of values: a range of numbers, or some of the values that there are.

import { el, isAbort, number, showProblem } from "/assets/dom.js";
import * as api from "/solution/api.js";
import { viewOf } from "/solution/state.js";

const LISTED = 100;

export const createValueFilter = (app, field) => {
  if (field.kind === "number") return range(app, field);
  if (field.kind === "list") return { node: el("p", { class: "hint" }, `Write json_contains(${field.name}, …) in the expression.`), update() {} };
  return values(app, field);
};

const wantedOf = (app, name) => app.state.values[name] ?? { among: [] };

function go(app, name, change) {
  const wanted = { ...wantedOf(app, name), ...change };
  const { [name]: _, ...others } = app.state.values;
  const isAny = wanted.least == null && wanted.most == null && !wanted.among.length;
  app.go({ values: isAny ? others : { ...others, [name]: wanted } });
}

function range(app, { name }) {
  const bound = (side, text) => {
    const input = el("input", { type: "number", step: "any", placeholder: text, "aria-label": `${name}, ${text}`, inputMode: "decimal", "data-testid": `${side}-${name}` });
    input.onchange = () => go(app, name, { [side]: input.value === "" ? null : Number(input.value) });
    return input;
  };
  const [least, most] = [bound("least", "at least"), bound("most", "at most")];
  const node = el("div", { class: "range-row" }, el("span", { class: "range-name" }, name.replace("_", " ")), least, most);
  const update = () => {
    least.value = wantedOf(app, name).least ?? "";
    most.value = wantedOf(app, name).most ?? "";
  };
  return { node, update };
}

function values(app, { name, kind }) {
  const list = el("ul", { class: "values", "aria-label": `Values of ${name}` });
  const problem = el("div", { class: "problem", role: "alert", hidden: true });
  let asked = null;
  let running = null;

  function entry({ value, count }) {
    const text = String(value);
    const box = el("input", { type: "checkbox", value: text, checked: wantedOf(app, name).among.includes(text), "data-testid": "value-filter" });
    box.onchange = () => {
      const others = wantedOf(app, name).among.filter((one) => one !== text);
      go(app, name, { among: box.checked ? [...others, text] : others });
    };
    return el("li", {}, el("label", { class: "check" }, box, el("span", {}, text), el("span", { class: "count-of" }, number(count))));
  }

  async function fill() {
    const view = viewOf(app.state, app.dataset.fields, "values");
    delete view.sort;
    const key = JSON.stringify([view, app.generation]);
    if (key === asked) return;
    asked = key;
    running?.abort();
    running = new AbortController();
    try {
      const counts = (await api.counts(app.dataset.name, name, view, running.signal)).filter(({ value }) => value !== null);
      list.replaceChildren(...counts.slice(0, LISTED).map(entry));
      if (counts.length > LISTED) list.append(el("li", { class: "hint" }, `and ${number(counts.length - LISTED)} others; name them in the expression`));
      showProblem(problem, null);
    } catch (error) {
      asked = null;
      // What is wrong with the expression is told beside it.
      if (!isAbort(error) && !error.isFilter && error.status) showProblem(problem, error);
    }
  }

  const update = () => list.querySelectorAll("input").forEach((box) => (box.checked = wantedOf(app, name).among.includes(box.value)));
  return { node: el("div", { class: "filter-part", "data-kind": kind }, list, problem), fill, update };
}
