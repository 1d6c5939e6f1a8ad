// The grid view: filters and the similarity panel beside the grid, and how large and what its tiles are.

import { $, el } from "/assets/dom.js";
import { createGrid } from "/solution/grid.js";
import { patchFields } from "/solution/fields.js";

const SIZES = { least: 80, most: 420, usual: 180 };

export function create(section, app) {
  const grid = createGrid($("grid"), app);
  const kinds = el("select", { id: "shown-kind", "aria-label": "What the tiles are", "data-testid": "patches" });
  const size = el("input", { type: "range", id: "tile-size", min: SIZES.least, max: SIZES.most, step: 10, "aria-label": "Size of the tiles" });
  size.value = localStorage.getItem("tile-size") ?? SIZES.usual;
  grid.tools.append(kinds, size);

  const resize = () => {
    document.documentElement.style.setProperty("--tile", `${size.value}px`);
    localStorage.setItem("tile-size", size.value);
  };
  size.oninput = resize;
  resize();

  // The order of samples means nothing to patches, nor do the ids of one to the other.
  kinds.onchange = () => app.go({ patches: kinds.value, sort: "", similar: null });
  document.addEventListener("drawn", grid.redraw);

  function showKinds() {
    const options = patchFields(app.dataset).map(({ name }) => el("option", { value: name }, `Patches of ${name}`));
    kinds.replaceChildren(el("option", { value: "" }, "Samples"), ...options);
    kinds.value = app.state.patches;
    kinds.hidden = options.length === 0;
  }

  // What is folded takes no room where there is little.
  if (matchMedia("(max-width: 48rem)").matches) $("filters-fold").open = false;

  return {
    show(again) {
      showKinds();
      app.filters.show();
      app.similarity.show();
      grid.show(app.state, again);
    },
    hide: grid.hide,
  };
}
