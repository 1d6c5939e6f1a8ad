// The controls of forms, made from a few words each.

import { el } from "/assets/dom.js";

/** A label above its control; `hint` below. The id ties them. */
export function field(label, control, hint) {
  const note = hint ? el("p", { class: "hint", id: `${control.id}-hint` }, hint) : null;
  if (note) control.setAttribute("aria-describedby", note.id);
  return el("div", { class: "field" }, el("label", { htmlFor: control.id }, label), control, note);
}

export const text = (id, props = {}) => el("input", { type: "text", id, autocomplete: "off", spellcheck: false, ...props });
export const select = (id, options) => el("select", { id }, ...options.map(([value, name]) => el("option", { value }, name)));
export const check = (id, label) => el("label", { class: "check" }, el("input", { type: "checkbox", id }), label);
export const submit = (label) => el("button", { type: "submit", class: "primary" }, label);
export const problemBox = () => el("div", { class: "problem", role: "alert", hidden: true });
