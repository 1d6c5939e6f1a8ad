// The query at large: its waveform, which plays, with a part to choose. The options `from` and `to` say which part that is,
// so it can be typed, too, and stands in the address.

import { el } from "/assets/dom.js";
import { spanText } from "/assets/media.js";
import { peaksOf, peaksOfFile } from "/solution/peaks.js";
import { createPlayButton, nameOf } from "/solution/play.js";
import { createRange, rangeText } from "/solution/range.js";
import { parseTime, writeTime } from "/solution/times.js";
import { createWave } from "/solution/wave.js";

const WHOLE = { from: "", to: "" };

/** What the kit's query form asks of a solution; `choose` sets options, `changed()` searches again. */
export function createStage({ choose, changed }) {
  /** The example that is shown, and how. */
  let shown = null;
  let view = null;
  /** As last chosen or typed: seconds, or null for an end of the sound. */
  let part = { from: null, to: null };

  function choosePart(range) {
    const values = range ? { from: writeTime(range.start), to: writeTime(range.end) } : WHOLE;
    part = { from: range?.start ?? null, to: range?.end ?? null };
    choose(values);
    changed();
  }

  function readPart({ from, to }) {
    part = { from: parseTime(from), to: parseTime(to) };
    view?.showPart(part);
  }

  return {
    stage(example) {
      // A part is one of the example that it was chosen in.
      if (shown && shown !== example) {
        choose(WHOLE);
        part = { from: null, to: null };
      }
      shown = example;
      view = example && (example.file ? fileView(example, choosePart) : itemView(example.item));
      view?.showPart(part);
      return view?.node ?? null;
    },
    extend: ({ options = {} }) => readPart(options),
    params: () => ({}),
    set: (params) => readPart({ from: params.get("from"), to: params.get("to") }),
  };
}

/** A file of this device: `onPart(range)` is called when a part is chosen. */
function fileView(example, onPart) {
  const { file } = example;
  example.url ??= URL.createObjectURL(file);
  let part = { from: null, to: null };
  const showLine = (value) => {
    text.textContent = wave.outline().duration ? rangeText(value) : "";
    whole.hidden = !value;
    wave.mark(value ? [value] : []);
  };
  const wave = createWave({
    title: file.name,
    url: example.url,
    load: () => peaksOfFile(file, example.url),
    onState: ({ isPlaying }) => button.set(isPlaying),
    onLoad({ isPlayable }) {
      button.node.hidden = !isPlayable;
      wave.surface.hidden = !isPlayable;
      showPart(part);
    },
  });
  const button = createPlayButton(file.name, () => wave.toggle(), "Play");
  const text = el("output", { "data-testid": "part" });
  const whole = el("button", { type: "button", class: "quiet", "data-testid": "whole", hidden: true, onclick: () => range.clear() }, "Whole sound");
  const onChange = (value) => {
    showLine(value);
    onPart(value);
  };
  const range = createRange(wave, { onDrag: showLine, onChange, onPress: wave.playFrom });

  function showPart(wanted) {
    part = wanted;
    const { duration } = wave.outline();
    if (!duration) return;
    const isWhole = part.from === null && part.to === null;
    range.set(isWhole ? null : { start: part.from ?? 0, end: part.to ?? duration });
    showLine(range.value);
  }

  return { node: el("div", { class: "stage-sound", "data-testid": "stage" }, wave.node, el("div", { class: "part-line" }, button.node, text, whole)), showPart };
}

/** A stored moment, which is what it is. */
function itemView(item) {
  const wave = createWave({
    title: item.title,
    url: item.media,
    load: () => peaksOf(item),
    spans: item.span ? [item.span] : [],
    onState: ({ isPlaying }) => button.set(isPlaying),
  });
  const button = createPlayButton(nameOf(item), () => wave.toggle(), "Play");
  wave.surface.addEventListener("pointerdown", (event) => event.button === 0 && wave.playFrom(wave.timeAt(event)));
  const text = el("output", { "data-testid": "part" }, item.span ? `The moment ${spanText(item.span)}` : "");
  return { node: el("div", { class: "stage-sound", "data-testid": "stage" }, wave.node, el("div", { class: "part-line" }, button.node, text)), showPart() {} };
}
