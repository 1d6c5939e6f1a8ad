// Renaming in place: a button that becomes a box with the name in it.

import { el, showProblem } from "/assets/dom.js";

/** `act(name)` does it and may fail; `label` is the button's, `name` what the box begins with. */
export function renamer({ label, name, act, subject }) {
  const box = el("span", { class: "renamer" });
  const open = el("button", { type: "button", "aria-label": `${label} ${subject}`, "data-testid": label.toLowerCase() }, label);
  const input = el("input", { type: "text", value: name, autocomplete: "off", spellcheck: false, "aria-label": `New name of ${subject}`, "data-testid": "new-name" });
  const problem = el("div", { class: "problem", role: "alert", hidden: true });
  const cancel = el("button", { type: "button" }, "Cancel");
  const form = el("form", { class: "row wrap" }, input, el("button", { type: "submit", class: "primary", "data-testid": "save-name" }, label), cancel, problem);

  const calm = () => {
    box.replaceChildren(open);
    open.focus();
  };
  open.onclick = () => {
    box.replaceChildren(form);
    showProblem(problem, null);
    input.value = name;
    input.select();
  };
  cancel.onclick = calm;
  form.addEventListener("keydown", ({ key }) => key === "Escape" && calm());
  form.onsubmit = async (event) => {
    event.preventDefault();
    try {
      await act(input.value.trim());
    } catch (error) {
      showProblem(problem, error);
    }
  };
  box.append(open);
  return box;
}
