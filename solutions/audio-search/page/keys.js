// Space plays and pauses: the sound that has the focus, else the one that played last, else the first to be seen.

import { currentTrack, isPlaying, pause } from "/solution/player.js";

/** What has a use of its own for Space. */
const OWN = "button, a, summary, input, textarea, select, label, audio, video, [contenteditable], [role=slider]";

export function playOnSpace() {
  document.addEventListener("keydown", (event) => {
    const isOther = event.key !== " " || event.ctrlKey || event.metaKey || event.altKey || event.shiftKey || event.defaultPrevented;
    if (isOther || event.target.closest?.(OWN)) return;
    const track = currentTrack();
    if (track && isPlaying(track)) pause();
    else if (!pressed(track)) return;
    // The page would scroll.
    event.preventDefault();
  });
}

/** Presses the button that plays; false where there is none. */
function pressed(track) {
  const place = document.querySelector("dialog[open]") ?? document.querySelector("main > section:not([hidden])");
  // A button that plays is a track itself; a waveform has its buttons beside it.
  const last = track?.node.isConnected && place.contains(track.node) ? track.node : null;
  const known = last?.matches(".play") ? last : last?.parentElement.querySelector(".play");
  const seen = [...place.querySelectorAll("#results .play, .play")].filter((node) => node.checkVisibility() && !node.disabled);
  const button = known ?? seen.find((node) => node.closest("#results")) ?? seen[0];
  button?.click();
  return Boolean(button);
}
