// The filter box of the search and browse views: an expression, the fields it may name, and the server's complaint.

import { $, debounce, el, showProblem } from "./dom.js";

/** `id` is the input's; its error and field names stand in `id-error` and `id-names`. */
export function createFilter(id, { info, renderer }, onChange) {
  const input = $(id);
  const error = $(`${id}-error`);
  const later = debounce(onChange, 500);

  function insert(name) {
    const gap = input.selectionStart > 0 && !/\s|\(/.test(input.value[input.selectionStart - 1]) ? " " : "";
    input.setRangeText(`${gap}${name} `, input.selectionStart, input.selectionEnd, "end");
    input.focus();
  }

  const filterable = info.fields.filter((field) => field.filterable);
  const nameButton = ({ name, type }) =>
    el("button", { type: "button", title: `${name}: ${type}`, onclick: () => insert(name) }, name);
  $(`${id}-names`).replaceChildren(...filterable.map(nameButton));

  input.placeholder = renderer.filter;
  input.addEventListener("input", later);
  return {
    get value() {
      return input.value.trim() || null;
    },
    showProblem(problem) {
      input.setAttribute("aria-invalid", problem ? "true" : "false");
      showProblem(error, problem);
    },
  };
}
