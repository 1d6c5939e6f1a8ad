// Space plays and pauses: the sound that has the focus, else the one that played last, else the first to be seen.

import { isPlaying, pause, resume } from "/solution/player.js";

/** What has a use of its own for Space. */
const OWN = "button, a, summary, input, textarea, select, label, audio, video, [contenteditable]";

export function playOnSpace() {
  document.addEventListener("keydown", (event) => {
    const isOther = event.key !== " " || event.ctrlKey || event.metaKey || event.altKey || event.shiftKey || event.defaultPrevented;
    if (isOther || event.target.closest?.(OWN)) return;
    const place = document.querySelector("dialog[open]") ?? document.querySelector("main > section:not([hidden])");
    if (isPlaying()) pause();
    else if (!resume(place) && !playFirst(place)) return;
    // The page would scroll.
    event.preventDefault();
  });
}

/** Results come before the query; false where nothing can be played. */
function playFirst(place) {
  const seen = [...place.querySelectorAll(".play")].filter((node) => node.checkVisibility() && !node.disabled);
  const first = seen.find((node) => node.closest("#results")) ?? seen[0];
  first?.click();
  return Boolean(first);
}
