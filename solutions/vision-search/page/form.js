// The controls of forms, made from a few words each.

import { el, showProblem } from "/assets/dom.js";

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

/**
 * Does what changes datasets or runs, has all read anew, and tells in `note` what it says came of it; what fails is told in
 * `problem`.
 */
export async function attempt(app, { problem, note }, action) {
  showProblem(problem, null);
  try {
    const told = await action();
    await app.changed();
    showProblem(note, told);
    // What had the focus is gone.
    note.tabIndex = -1;
    note.focus();
  } catch (error) {
    showProblem(problem, error);
  }
}
