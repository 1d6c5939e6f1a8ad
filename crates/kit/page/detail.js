// The dialog that shows one item at large, and what can be done with it.

import * as api from "./api.js";
import { $, confirmButton, el, isAbort, showProblem } from "./dom.js";
import { spanText } from "./media.js";
import { fieldText } from "./render.js";

const MIDDLE = "0.250,0.250,0.500,0.500";

export function createDetail(app) {
  const dialog = $("detail");
  let items = [];
  let index = 0;
  let loading = new AbortController();

  /** `list` is the caller's own: what is deleted here leaves it too. */
  function open(list, item) {
    items = list;
    index = list.indexOf(item);
    show();
    if (!dialog.open) dialog.showModal();
  }

  async function show() {
    loading.abort();
    loading = new AbortController();
    showProblem($("detail-error"), null);
    $("detail-previous").disabled = index === 0;
    $("detail-next").disabled = index >= items.length - 1;
    let item = items[index];
    // Points of the map come without their fields.
    if (!item.fields) {
      try {
        item = await api.item(item.id, loading.signal);
      } catch (error) {
        if (!isAbort(error)) showProblem($("detail-error"), error);
        return;
      }
    }
    showItem(item);
  }

  function showItem(item) {
    $("detail-title").textContent = item.span ? `${item.title}, ${spanText(item.span)}` : item.title;
    $("detail-caption").textContent = item.caption ?? "";
    $("detail-picture").replaceChildren(app.renderer.large(item));
    $("detail-own").replaceChildren(...[app.renderer.detail?.(item)].filter(Boolean));
    const row = ([name, value]) => el("tr", {}, el("th", { scope: "row" }, name), el("td", {}, fieldText(name, value)));
    const score = ["similarity", "score"].filter((name) => item[name] !== undefined).map((name) => [name, item[name]]);
    const fields = Object.entries(item.fields).filter(([name]) => !app.renderer.unlisted.includes(name));
    $("detail-fields").replaceChildren(...[...score, ...fields].map(row));
    $("detail-more").onclick = () => leaveFor(() => app.more(item));
    $("detail-part").hidden = !app.renderer.hasParts;
    $("detail-part").onclick = () => leaveFor(() => app.part(item, MIDDLE));
    const question = "Delete it from the collection?";
    const act = () => remove(item);
    $("detail-delete").replaceChildren(confirmButton({ label: "Delete", question, confirm: "Delete", act }));
  }

  function leaveFor(act) {
    dialog.close();
    act();
  }

  async function remove(item) {
    try {
      await app.remove(item);
    } catch (error) {
      showProblem($("detail-error"), error);
      return;
    }
    items.splice(index, 1);
    index = Math.min(index, items.length - 1);
    if (items.length) show();
    else dialog.close();
  }

  function step(by) {
    if (!items[index + by]) return;
    index += by;
    show();
  }

  $("detail-previous").onclick = () => step(-1);
  $("detail-next").onclick = () => step(1);
  $("detail-close").onclick = () => dialog.close();
  dialog.addEventListener("keydown", ({ key, target }) => {
    // A player moves in time by the same keys, and a field moves its cursor.
    if (target.closest("audio, video, input, textarea")) return;
    if (key === "ArrowLeft") step(-1);
    if (key === "ArrowRight") step(1);
  });
  // What plays would go on unseen.
  dialog.addEventListener("close", () => $("detail-picture").replaceChildren());
  // The dialog has no padding of its own, so only its backdrop is hit as the dialog itself.
  dialog.addEventListener("click", ({ target }) => target === dialog && dialog.close());

  return { open };
}
