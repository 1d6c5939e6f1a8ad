// The query at large: its waveform, which plays, with a part to choose. The options `from` and `to` say which part that is,
// so it can be typed, too, and stands in the address.

import { el } from "/assets/dom.js";
import { spanText } from "/assets/media.js";
import { peaksOf, peaksOfFile } from "/solution/peaks.js";
import { createPlayButton, nameOf } from "/solution/play.js";
import { createRange } from "/solution/range.js";
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
  /** The item of which the address names a part, until it is shown. */
  let addressed = null;
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
      if (shown && shown !== example && example?.item?.id !== addressed) setPart(null);
      addressed = null;
      shown = example;
      view = example && (example.file ? fileView(example, choosePart) : itemView(example.item, choosePart));
      view?.showPart(part);
      return view?.node ?? null;
    },
    extend: ({ options = {} }) => readPart(options),
    params: () => ({}),
    set(params) {
      addressed = params.get("id");
      readPart({ from: params.get("from"), to: params.get("to") });
    },
  };
}

/** A file of this device. */
function fileView(example, onPart) {
  const { file } = example;
  example.url ??= URL.createObjectURL(file);
  return soundView({ name: file.name, title: file.name, url: example.url, load: () => peaksOfFile(file, example.url), onPart });
}

/** A stored moment, in the sound that it is of. */
const itemView = (item, onPart) =>
  soundView({ name: nameOf(item), title: item.title, url: item.media, load: () => peaksOf(item), moment: item.span, onPart });

/**
 * A waveform, a button that plays it, and what of it is searched with: a part that was chosen, else the `moment`, else all of it.
 * `onPart({ from, to })` is called when a part is chosen, with null when none is any more.
 */
function soundView({ name, title, url, load, moment = null, onPart }) {
  let part = WHOLE;
  const wave = createWave({
    title,
    url,
    load,
    onState: ({ isPlaying }) => button.set(isPlaying),
    onLoad({ isPlayable = true }) {
      for (const shown of [wave.surface, line]) shown.hidden = !isPlayable;
      showPart(part);
    },
  });
  const button = createPlayButton(name, () => wave.toggle());
  const text = el("output", { "data-testid": "part" });
  const without = moment ? "The moment" : "Whole sound";
  const whole = el("button", { type: "button", class: "quiet", "data-testid": "whole", hidden: true, onclick: () => range.clear() }, without);
  const line = el("div", { class: "part-line" }, button.node, text, whole);
  const range = createRange(wave, {
    moment,
    onDrag: showRange,
    onChange(value) {
      showRange(value);
      onPart(value && partOf(value));
    },
    onPress: wave.playFrom,
  });

  /** An end of the sound needs no time, unless it would then be that of the moment. */
  function partOf({ start, end }) {
    if (moment) return { from: start, to: end };
    return { from: start || null, to: end < wave.outline.duration ? end : null };
  }

  function showRange(value) {
    const otherwise = moment ? `The moment ${spanText(moment)}` : "Drag to search a part";
    text.textContent = value ? `Part ${spanText(value)}` : wave.outline.duration ? otherwise : "";
    whole.hidden = !value;
    const marked = value ?? moment;
    wave.mark(marked ? [marked] : []);
  }

  function showPart(wanted) {
    part = wanted;
    const { duration } = wave.outline;
    const isWhole = part.from === null && part.to === null;
    range.set(isWhole || !duration ? null : { start: part.from ?? 0, end: part.to ?? duration });
    showRange(range.value);
  }

  return { node: el("div", { class: "stage-sound", "data-testid": "stage" }, wave.node, line), showPart };
}
