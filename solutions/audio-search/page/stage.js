// The query at large: its waveform, which plays, with a part to choose. The options `from` and `to` say which part that is,
// so it can be typed, too, and stands in the address.

import { el } from "/assets/dom.js";
import { spanText } from "/assets/media.js";
import { peaksOf, peaksOfFile } from "/solution/peaks.js";
import { createPlayButton, nameOf } from "/solution/play.js";
import { createRange, rangeText } from "/solution/range.js";
import { parseTime, writeTime } from "/solution/times.js";
import { createWave } from "/solution/wave.js";

/** In seconds; null for an end of the sound. */
const WHOLE = { from: null, to: null };

const optionsOf = (part) => Object.fromEntries(Object.entries(part).map(([name, seconds]) => [name, seconds === null ? "" : writeTime(seconds)]));

/** What the kit's query form asks of a solution; `choose` sets options, `changed()` searches again. */
export function createStage({ choose, changed }) {
  /** The example that is shown, and how. */
  let shown = null;
  let view = null;
  /** As last chosen or typed. */
  let part = WHOLE;

  function setPart(wanted) {
    part = wanted ?? WHOLE;
    choose(optionsOf(part));
  }

  function choosePart(wanted) {
    setPart(wanted);
    changed();
  }

  function readPart({ from, to }) {
    part = { from: parseTime(from), to: parseTime(to) };
    view?.showPart(part);
  }

  return {
    stage(example) {
      // A part is one of the example that it was chosen in.
      if (shown && shown !== example) setPart(null);
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

/** Its waveform, a button that plays it, and a line below. */
function layOut(wave, button, ...line) {
  const below = el("div", { class: "part-line" }, button.node, ...line);
  return el("div", { class: "stage-sound", "data-testid": "stage" }, wave.node, below);
}

/** A file of this device: `onPart(range)` is called when a part is chosen. */
function fileView(example, onPart) {
  const { file } = example;
  example.url ??= URL.createObjectURL(file);
  let part = WHOLE;
  const wave = createWave({
    title: file.name,
    url: example.url,
    load: () => peaksOfFile(file, example.url),
    onState: ({ isPlaying }) => button.set(isPlaying),
    onLoad({ isPlayable }) {
      for (const shown of [wave.surface, button.node.parentElement]) shown.hidden = !isPlayable;
      showPart(part);
    },
  });
  const button = createPlayButton(file.name, () => wave.toggle());
  const text = el("output", { "data-testid": "part" });
  const whole = el("button", { type: "button", class: "quiet", "data-testid": "whole", hidden: true, onclick: () => range.clear() }, "Whole sound");
  const range = createRange(wave, {
    onDrag: showLine,
    onChange(value) {
      showLine(value);
      onPart(value && { from: value.start || null, to: value.end < wave.outline.duration ? value.end : null });
    },
    onPress: wave.playFrom,
  });

  function showLine(value) {
    text.textContent = wave.outline.duration ? rangeText(value) : "";
    whole.hidden = !value;
    wave.mark(value ? [value] : []);
  }

  function showPart(wanted) {
    part = wanted;
    const { duration } = wave.outline;
    if (!duration) return;
    const isWhole = part.from === null && part.to === null;
    range.set(isWhole ? null : { start: part.from ?? 0, end: part.to ?? duration });
    showLine(range.value);
  }

  return { node: layOut(wave, button, text, whole), showPart };
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
  wave.playWhenPressed();
  const button = createPlayButton(nameOf(item), () => wave.toggle());
  const text = el("output", { "data-testid": "part" }, item.span ? `The moment ${spanText(item.span)}` : "");
  return { node: layOut(wave, button, text), showPart() {} };
}
