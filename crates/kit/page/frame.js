// What surrounds the views of a page: its colours, the token's dialog, the notice that the server is gone. The nodes are
// the page's own, known by their ids.

import * as api from "./api.js";
import { $, plural } from "./dom.js";

/** Shows that the server is gone; `onBack` is called when it is there again. */
export function wireConnection(onBack) {
  const banner = $("offline");
  api.connection.addEventListener("lost", () => (banner.hidden = false));
  api.connection.addEventListener("back", () => {
    banner.hidden = true;
    onBack();
  });
  api.connection.addEventListener("busy", ({ detail }) => {
    const status = document.querySelector("main > section:not([hidden]) .status");
    if (status) status.textContent = `The server is busy; trying again in ${plural(detail, "second", "seconds")}.`;
  });
  $("offline-retry").onclick = api.probe;
}

export function wireToken() {
  const dialog = $("token-dialog");
  // Without a token there is nothing to show, so the dialog cannot be left; browsers let Escape close it when pressed twice.
  dialog.addEventListener("cancel", (event) => event.preventDefault());
  api.onTokenNeeded((wasWrong) => {
    if (wasWrong) $("token-text").textContent = "The server does not accept this token. Please enter another.";
    $("token").value = "";
    dialog.showModal();
    dialog.onclose = () => dialog.showModal();
    return new Promise((resolve) => {
      $("token-form").onsubmit = () => {
        dialog.onclose = null;
        resolve($("token").value.trim());
      };
    });
  });
}

/** The document gets an event `theme` when its colours have changed. */
export function wireTheme() {
  const root = document.documentElement;
  const names = { "": "system", light: "light", dark: "dark" };
  const order = Object.keys(names);
  const paint = () => {
    const theme = root.dataset.theme ?? "";
    $("theme").dataset.theme = theme;
    $("theme").setAttribute("aria-label", `Colours: ${names[theme]}`);
    $("theme").title = `Colours: ${names[theme]}`;
    document.dispatchEvent(new Event("theme"));
  };
  $("theme").onclick = () => {
    const next = order[(order.indexOf(root.dataset.theme ?? "") + 1) % order.length];
    if (next) root.dataset.theme = next;
    else delete root.dataset.theme;
    localStorage.setItem("theme", next);
    paint();
  };
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", paint);
  paint();
}

/** What must not happen to the page: a file dropped beside a target would replace it, the skip link change its address. */
export function wireDocument() {
  for (const type of ["dragover", "drop"]) document.addEventListener(type, (event) => event.preventDefault());
  document.querySelector("[data-skip]").onclick = (event) => {
    event.preventDefault();
    $("main").focus();
  };
}

/** What the server says of itself, as soon as it answers. */
export async function firstInfo() {
  try {
    return await api.info();
  } catch (error) {
    if (!error.isOffline) throw error;
    await api.back();
    return firstInfo();
  }
}
