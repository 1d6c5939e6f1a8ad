// What a program lets people choose, such as a mode: a select for each choice, boxes for numbers, texts and switches.

import { debounce, el } from "./dom.js";

const PAUSE_MS = 200;

/** Controls for `options` at the end of `places`: choices of a word in the first, all others in the second. */
export function createChoices(options, [choices, others], onChange) {
  const later = debounce(onChange, PAUSE_MS);
  const controls = options.map((option) => {
    const control = make(option, option.type === "choice" ? onChange : later);
    const label = el("label", { htmlFor: control.id, title: option.help, class: "choice" }, option.name.replaceAll("-", " "));
    (option.type === "choice" ? choices : others).append(el("div", { class: "field field-row" }, label, control));
    return control;
  });

  return {
    /** What was chosen, as the server takes it. */
    get values() {
      const chosen = controls.map((control) => [control.name, control.type === "checkbox" ? control.checked : control.value]);
      return Object.fromEntries(chosen.filter(([, value]) => value !== ""));
    },
  };
}

function make({ name, help, type, values, least, most }, act) {
  const shared = { id: `choice-${name}`, name, title: help };
  if (type === "choice") return el("select", { ...shared, onchange: act }, ...values.map((value) => el("option", { value }, value)));
  if (type === "switch") return el("input", { ...shared, type: "checkbox", onchange: act });
  const bounds = type === "number" ? { min: least, max: most, step: "any", inputMode: "decimal", placeholder: "any" } : {};
  return el("input", { ...shared, type, autocomplete: "off", ...bounds, oninput: act });
}
