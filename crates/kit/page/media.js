// Sounds, videos and texts: players that begin at an item's moment, and what is shown where a browser cannot play.

import { playMedia, readText } from "./api.js";
import { el } from "./dom.js";

/** Browsers round times, in seconds. */
const ROUNDING = 0.01;

/** 62.5 as `1:02.5`, 3725 as `1:02:05.0`. */
export function timeText(seconds) {
  const tenths = Math.round(seconds * 10);
  const [hours, minutes, rest] = [Math.floor(tenths / 36000), Math.floor(tenths / 600) % 60, (tenths % 600) / 10];
  const two = (value) => String(value).padStart(2, "0");
  return `${hours ? `${hours}:${two(minutes)}` : minutes}:${rest.toFixed(1).padStart(4, "0")}`;
}

/** `1:02.5–1:07.0` */
export const spanText = ({ start, end }) => `${timeText(start)}–${timeText(end)}`;

/**
 * A player of an item's media, at the beginning of its span where it has one; there it stops at the end of the span, unless
 * somebody goes on. `kind` is "video" or "audio"; `still()` makes what is shown of a file that the browser cannot play.
 */
export function playerOf(item, kind, still) {
  const media = el(kind, { controls: true, preload: "metadata", "aria-label": item.title });
  const node = el("div", { class: "player" }, media);
  if (item.span) keepTo(item.span, media, node);
  if (kind === "audio") media.before(still());
  const note = el("p", { class: "player-note" }, "This browser cannot play the file.");
  media.onerror = () => node.replaceChildren(still(), note);
  playMedia(media, item.media);
  return node;
}

function keepTo({ start, end }, media, node) {
  let isWithin = true;
  const rewind = () => {
    isWithin = true;
    media.currentTime = start;
  };
  media.addEventListener("loadedmetadata", rewind, { once: true });
  media.addEventListener("seeking", () => (isWithin &&= media.currentTime > start - ROUNDING && media.currentTime < end));
  media.addEventListener("timeupdate", () => {
    if (!isWithin || media.currentTime < end) return;
    // Whoever presses play now goes on.
    isWithin = false;
    media.pause();
  });
  const again = () => {
    rewind();
    // A browser may refuse to play; its own controls are there still.
    media.play().catch(() => {});
  };
  node.append(el("button", { type: "button", "data-testid": "play-span", onclick: again }, `Play ${spanText({ start, end })}`));
}

/** A text, as it is. */
export function showText(item) {
  const node = el("pre", { class: "text", tabIndex: 0, "aria-label": item.title });
  readText(item.media).then((text) => (node.textContent = text), (error) => (node.textContent = error.message));
  return node;
}

/** A file that was chosen, under its object URL: `small` for a button to press, else with controls. */
export function fileOf(file, url, size) {
  // What the system has no type for may still be a picture.
  const kind = file.type.split("/")[0] || "image";
  const name = () => el("span", { class: "no-picture" }, file.name);
  if (kind !== "image" && (size === "thumbnail" || !["video", "audio"].includes(kind))) return name();
  const node = kind === "image" ? el("img", { alt: file.name, draggable: false }) : el(kind, { controls: true, "aria-label": file.name });
  node.onerror = () => node.replaceWith(el("span", { class: "no-picture" }, "no preview"));
  node.src = url;
  return node;
}
