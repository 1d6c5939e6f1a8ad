// What a program lets people choose, such as a mode: a select for each choice, boxes for numbers, texts and switches.

import { debounce, el } from "./dom.js";

/**
 * Controls for `options` at the end of `places`: choices of a word in the first, all others in the second. What decides
 * nothing beside what else was chosen is not shown and not sent. The controls' ids begin with `prefix`.
 */
export function createChoices(options, [choices, others], onChange = () => {}, prefix = "choice") {
  const change = () => {
    show();
    onChange();
  };
  const later = debounce(change);
  const controls = new Map(options.map((option) => [option.name, make(option, `${prefix}-${option.name}`, option.type === "choice" ? change : later)]));
  for (const option of options) {
    const control = controls.get(option.name);
    const label = el("label", { htmlFor: control.id, title: option.help, class: "choice" }, option.name.replaceAll("-", " "));
    const help = el("p", { class: "hint choice-help" }, option.help);
    const field = el("div", { class: "field field-row" }, el("div", {}, label, help), control);
    (option.type === "choice" ? choices : others).append(field);
  }
  show();

  function show() {
    for (const option of options) controls.get(option.name).parentElement.hidden = !decides(option);
  }

  function decides({ only_with: other }) {
    if (!other) return true;
    return other.values.includes(valueOf(controls.get(other.option))) && decides(options.find(({ name }) => name === other.option));
  }

  const chosen = (wanted) =>
    Object.fromEntries(options.filter(wanted).filter(decides).map(({ name }) => [name, valueOf(controls.get(name))]));

  return {
    /** What was chosen, as the server takes it. */
    get values() {
      return chosen(({ name }) => valueOf(controls.get(name)) !== "");
    },
    /** What was chosen other than it is if nobody chooses. */
    get changed() {
      return chosen((option) => valueOf(controls.get(option.name)) !== defaultOf(option));
    },
    /** Sets some options, by name. Tells nobody. */
    choose(values) {
      for (const [name, value] of Object.entries(values)) if (controls.has(name)) controls.get(name).value = value;
      show();
    },
    /** Chooses what the parameters of an address say, and for what they do not name the default. Tells nobody. */
    set(params) {
      for (const option of options) {
        const control = controls.get(option.name);
        const value = params.get(option.name) ?? defaultOf(option);
        if (control.type === "checkbox") control.checked = String(value) === "true";
        else if (option.type !== "choice" || option.values.includes(value)) control.value = value;
      }
      show();
    },
  };
}

const valueOf = (control) => (control.type === "checkbox" ? control.checked : control.value);

const defaultOf = ({ type, values }) => (type === "choice" ? values[0] : type === "switch" ? false : "");

function make({ name, help, type, values, least, most }, id, act) {
  const shared = { id, name, title: help };
  if (type === "choice") return el("select", { ...shared, onchange: act }, ...values.map((value) => el("option", { value }, value)));
  if (type === "switch") return el("input", { ...shared, type: "checkbox", onchange: act });
  const bounds = type === "number" ? { min: least, max: most, step: "any", inputMode: "decimal", placeholder: "default" } : {};
  return el("input", { ...shared, type, autocomplete: "off", ...bounds, oninput: act });
}
