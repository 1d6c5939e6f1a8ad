// Buttons that play, and a stored sound at large.

import { el } from "/assets/dom.js";
import { spanText } from "/assets/media.js";
import { peaksOf } from "/solution/peaks.js";
import { isPlaying, pause, play } from "/solution/player.js";
import { createWave } from "/solution/wave.js";

/** A button that plays `name` and stops it. `set(isPlaying)` shows which of both it does next. */
export function createPlayButton(name, act, text = null) {
  const node = el("button", { type: "button", class: text ? "play play-text" : "play", "data-testid": "play", onclick: act }, text);
  const set = (isPlaying) => {
    node.ariaLabel = `${isPlaying ? "Pause" : "Play"} ${name}`;
    node.classList.toggle("playing", isPlaying);
  };
  set(false);
  return { node, set };
}

/** The name of a moment: "laser.ogg, 0:01.0–0:03.0". */
export const nameOf = ({ title, span }) => (span ? `${title}, ${spanText(span)}` : title);

/** Plays an item, where there is no room for more. */
export function playButton(item) {
  const { start = 0, end } = item.span ?? {};
  const toggle = () => (isPlaying(track) ? pause() : play(track, start, end));
  const button = createPlayButton(nameOf(item), toggle);
  const track = {
    url: item.media,
    node: button.node,
    show: ({ isPlaying }) => button.set(isPlaying),
    fail() {
      button.node.disabled = true;
      button.node.title = "This browser cannot play the file.";
    },
  };
  return button.node;
}

/** The waveform of an item's source with a button that plays the item's moment. */
export function itemPlayer(item) {
  const wave = createWave({
    title: item.title,
    url: item.media,
    load: () => peaksOf(item),
    spans: item.span ? [item.span] : [],
    onState: ({ isPlaying }) => button.set(isPlaying),
  });
  const button = createPlayButton(nameOf(item), () => wave.toggle(), item.span ? spanText(item.span) : "Play");
  wave.playWhenPressed();
  // Where a dialog opens, Space plays at once, and arrow keys lead to the next item.
  button.node.autofocus = true;
  return el("div", { class: "item-player", "data-testid": "item-player" }, wave.node, button.node);
}
