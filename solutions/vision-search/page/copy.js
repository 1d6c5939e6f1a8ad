// Texts to copy, such as ids: browsers let a page write to the clipboard only where its address is trusted.

import { el } from "/assets/dom.js";

const SAID_MS = 1500;

/** The text with a button that copies it, or selects it where that is not allowed. */
export function copyable(text, name) {
  const code = el("code", { class: "copy-text" }, text);
  const button = el("button", { type: "button", class: "quiet", "aria-label": `Copy ${name}`, "data-testid": "copy" }, "Copy");
  button.onclick = async () => {
    try {
      await navigator.clipboard.writeText(text);
      button.textContent = "Copied";
      setTimeout(() => (button.textContent = "Copy"), SAID_MS);
    } catch {
      getSelection().selectAllChildren(code);
    }
  };
  return el("span", { class: "copyable" }, code, button);
}
