// The filters beside the grid: what can be asked of tags, labels, values and fields, and which of them are drawn.

import { $, debounce, el, number, showProblem } from "/assets/dom.js";
import { isLabelKind } from "/solution/fields.js";
import { createLabelFilter } from "/solution/label-filter.js";
import { createValueFilter } from "/solution/value-filter.js";

/** What every sample has beside its fields. */
const OWN_NUMBERS = ["width", "height", "size_bytes"];
const OF_LABELS = ["label", "confidence", "area", "width", "height", "x", "y"];
/** Other names cannot be written in the filter language. */
const FILTERABLE = /^[A-Za-z_]\w*$/;

export function createFilters(app) {
  const place = $("filter-fields");
  const input = $("filter");
  let parts = [];
  let built = null;

  const later = debounce(() => app.go({ filter: input.value.trim() }), 600);
  input.addEventListener("input", later);
  input.addEventListener("keydown", ({ key }) => key === "Enter" && app.go({ filter: input.value.trim() }));

  function drawBox(name, text) {
    const box = el("input", { type: "checkbox", checked: app.drawn.has(name), "aria-label": `Draw ${text}`, title: `Draw ${text}`, "data-testid": `draw-${name}` });
    box.onchange = () => app.draw(name, box.checked);
    return box;
  }

  /** A row with a box for being drawn, and what it can be filtered by, unfolded on demand. */
  function row(name, note, part) {
    const summary = el("summary", {}, el("span", { class: "field-name" }, name), el("span", { class: "hint" }, note));
    const fold = el("details", { class: "filter-fold", "data-testid": `field-${name}` }, summary, part.node);
    fold.ontoggle = () => fold.open && part.fill?.();
    parts.push({ ...part, isOpen: () => fold.open });
    return el("li", { class: "filter-row" }, drawBox(name, name), fold);
  }

  const group = (title, ...rows) => (rows.length ? [el("h4", {}, title), el("ul", { class: "filter-rows" }, ...rows)] : []);

  function tagsFilter() {
    const list = el("ul", { class: "values" });
    const choose = (tag, isChosen) => {
      const others = app.state.tags.filter((one) => one !== tag);
      app.go({ tags: isChosen ? [...others, tag] : others });
    };
    const entry = ({ value, count }) => {
      const box = el("input", { type: "checkbox", value, "data-testid": "tag-filter", onchange: () => choose(value, box.checked) });
      return el("li", {}, el("label", { class: "check" }, box, el("span", {}, value), el("span", { class: "count-of" }, number(count))));
    };
    list.append(...app.dataset.tags.map(entry));
    const note = app.dataset.tags.length ? null : el("p", { class: "hint" }, "No sample has a tag.");
    const update = () => list.querySelectorAll("input").forEach((box) => (box.checked = app.state.tags.includes(box.value)));
    return { node: el("div", {}, list, note), update };
  }

  /** For each field whether samples must have something in it. */
  function presence() {
    const choose = (name, wanted) =>
      app.go({
        exists: [...app.state.exists.filter((one) => one !== name), ...(wanted === "has" ? [name] : [])],
        missing: [...app.state.missing.filter((one) => one !== name), ...(wanted === "lacks" ? [name] : [])],
      });
    const rows = app.dataset.fields.map(({ name }) => {
      const options = [["", "any"], ["has", "has it"], ["lacks", "lacks it"]].map(([value, text]) => el("option", { value }, text));
      const select = el("select", { "aria-label": `Samples by ${name}`, "data-testid": `presence-${name}` }, ...options);
      select.onchange = () => choose(name, select.value);
      return { name, select, node: el("li", { class: "field-row" }, el("span", {}, name), select) };
    });
    const update = () => {
      for (const { name, select } of rows) select.value = app.state.exists.includes(name) ? "has" : app.state.missing.includes(name) ? "lacks" : "";
    };
    parts.push({ update });
    const summary = el("summary", {}, el("span", { class: "field-name" }, "Has or lacks a field"));
    return rows.length ? el("details", { class: "filter-fold", "data-testid": "presence" }, summary, el("ul", { class: "values" }, ...rows.map(({ node }) => node))) : null;
  }

  function sorting() {
    const select = el("select", { id: "sort", "aria-describedby": "sort-note" });
    const down = el("button", { type: "button", "data-testid": "descending" }, "Largest first");
    const note = el("p", { class: "hint", id: "sort-note" });
    const choose = () => app.go({ sort: select.value && `${down.ariaPressed === "true" ? "-" : ""}${select.value}` });
    select.onchange = choose;
    down.onclick = () => {
      down.ariaPressed = String(down.ariaPressed !== "true");
      choose();
    };
    const update = () => {
      const { sort, patches, similar } = app.state;
      const values = app.dataset.fields.filter(({ kind }) => ["number", "string", "bool"].includes(kind)).map(({ name }) => name);
      const names = patches ? OF_LABELS : ["filepath", ...OWN_NUMBERS, ...values];
      select.replaceChildren(el("option", { value: "" }, "Id"), ...names.map((name) => el("option", { value: name }, name.replace("_", " "))));
      select.value = sort.replace(/^-/, "");
      down.ariaPressed = String(sort.startsWith("-"));
      select.disabled = down.disabled = Boolean(similar);
      down.disabled ||= !sort;
      note.textContent = similar ? "The order is that of similarity now." : "";
    };
    parts.push({ update });
    return el("div", { class: "field" }, el("label", { htmlFor: "sort" }, "Sort by"), el("div", { class: "sort-row" }, select, down), note);
  }

  function build() {
    built = `${app.dataset.name} ${app.generation}`;
    const open = new Set([...place.querySelectorAll("details[open]")].map(({ dataset }) => dataset.testid));
    parts = [];
    const { fields } = app.dataset;
    const labels = fields.filter(({ kind }) => isLabelKind(kind));
    const values = fields.filter(({ kind }) => !isLabelKind(kind) && kind !== "vector");
    const ranges = values.filter(({ name }) => FILTERABLE.test(name));
    const rest = fields.filter(({ kind }) => kind === "vector").map(({ name, dim }) => `${name} (${dim} numbers)`);
    place.replaceChildren(
      sorting(),
      ...group("Tags", row("tags", number(app.dataset.tags.length), tagsFilter())),
      ...group("Labels", ...labels.map((field) => row(field.name, `${number(field.labels)} ${field.kind}`, createLabelFilter(app, field)))),
      ...group("Values", ...ranges.map((field) => row(field.name, field.kind, createValueFilter(app, field)))),
      ...group("Picture", ...OWN_NUMBERS.map((name) => ownNumber(name))),
      ...[presence()].filter(Boolean),
      ...(rest.length ? [el("p", { class: "hint" }, `Vectors: ${rest.join(", ")}`)] : []),
    );
    for (const fold of place.querySelectorAll("details")) fold.open = open.has(fold.dataset.testid);
  }

  function ownNumber(name) {
    const part = createValueFilter(app, { name, kind: "number" });
    parts.push(part);
    return el("li", {}, part.node);
  }

  return {
    show() {
      if (built !== `${app.dataset.name} ${app.generation}`) build();
      if (document.activeElement !== input) input.value = app.state.filter;
      for (const part of parts) {
        part.update();
        if (part.isOpen?.()) part.fill?.();
      }
    },
    /** Shows what is wrong with the expression; says whether that can be it. */
    showProblem(problem) {
      const isOwn = Boolean(problem && app.state.filter);
      input.setAttribute("aria-invalid", isOwn ? "true" : "false");
      showProblem($("filter-error"), isOwn ? problem : null);
      return isOwn;
    },
  };
}
