// Sounds on the kit's page: queries with a range to drag, recordings, and answers that play at their moments.

import { el } from "/assets/dom.js";
import { image } from "/assets/render.js";
import { soundCards } from "/solution/cards.js";
import { factsOf, FORMATS } from "/solution/facts.js";
import { playOnSpace } from "/solution/keys.js";
import { itemPlayer, playButton } from "/solution/play.js";
import { createRecorder } from "/solution/record.js";
import { createStage } from "/solution/stage.js";

export const renderer = {
  one: "moment",
  many: "moments",
  example: "sound",
  formats: FORMATS.names,
  accept: FORMATS.extensions.map((extension) => `.${extension}`).join(),
  files: new RegExp(`\\.(${FORMATS.extensions.join("|")})$`, "i"),
  words: { label: "Words", placeholder: "What it sounds like" },
  media: "audio",
  filter: 'label == "weapons" and duration < 2',
  // More like a moment is never the same recording.
  ownOptions: ["from", "to", "whole", "mode"],
  thumbnail: (item) => image(item, [item.thumbnail]),
  large: (item) => itemPlayer(item),
  local: (file) => el("span", { class: "no-picture" }, file.name),
  /** Points of the map come without fields, and without anything to play them by. */
  facts: (item) => el("span", { class: "playable" }, playButton(item), el("span", {}, factsOf(item))),
  answer: soundCards,
};

export function query(place, { add, changed, choose, ways }) {
  createRecorder(place, ways, (file) => add({ file }));
  playOnSpace();
  return createStage({ choose, changed });
}
