// Moving through the tiles of a grid by keys. Its rows have no fixed length, so up and down go by where the tiles lie.

/** The tile in the row above (-1) or below (1) that lies nearest across from this one. */
function across(tiles, from, direction) {
  const { left, right, top } = from.getBoundingClientRect();
  const middle = (left + right) / 2;
  let [best, least] = [null, Infinity];
  for (const tile of tiles) {
    const box = tile.getBoundingClientRect();
    const rows = (box.top - top) * direction;
    if (rows < 1) continue;
    const cost = rows * 1000 + Math.abs((box.left + box.right) / 2 - middle);
    if (cost < least) [best, least] = [tile, cost];
  }
  return best;
}

/** Acts get the `data-id` of the tile with the focus. */
export function wireKeys(list, { open, toggle, clear }) {
  const focus = (tile) => {
    if (!tile) return;
    for (const button of list.querySelectorAll('.tile-open[tabindex="0"]')) button.tabIndex = -1;
    const button = tile.querySelector(".tile-open");
    button.tabIndex = 0;
    button.focus();
    tile.scrollIntoView({ block: "nearest" });
  };

  list.addEventListener("focusin", ({ target }) => {
    if (!target.classList.contains("tile-open")) return;
    for (const button of list.querySelectorAll('.tile-open[tabindex="0"]')) button.tabIndex = -1;
    target.tabIndex = 0;
  });

  list.addEventListener("keydown", (event) => {
    const current = event.target.closest(".tile");
    if (!current || !event.target.classList.contains("tile-open")) return;
    const act = {
      ArrowRight: () => focus(current.nextElementSibling),
      ArrowLeft: () => focus(current.previousElementSibling),
      ArrowDown: () => focus(across(list.children, current, 1)),
      ArrowUp: () => focus(across(list.children, current, -1)),
      Home: () => focus(list.firstElementChild),
      End: () => focus(list.lastElementChild),
      Enter: () => open(current.dataset.id),
      " ": () => toggle(current.dataset.id, event.shiftKey),
      Escape: clear,
    }[event.key];
    if (!act) return;
    event.preventDefault();
    act();
  });
}
