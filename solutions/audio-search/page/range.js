// A part of a sound, between two handles on its waveform: drawn and moved by pointer or finger, and by arrow keys.

import { el } from "/assets/dom.js";
import { timeText } from "/assets/media.js";

const STEP = 0.1;
const LARGE_STEP = 1;
/** In seconds; less says nothing. */
const SHORTEST = 0.1;
/** How far a pointer may move, in pixels, that presses rather than drags. */
const STILL = 4;
/** Times nearer than this are the same. */
const HAIR = 0.01;

const clamp = (value, low, high) => Math.max(low, Math.min(high, value));
/** The server takes hundredths; more than that nobody can point at. */
const rounded = (seconds) => Math.round(seconds * 100) / 100;

/**
 * Handles on the surface of `wave`. `onDrag(range)` is called while the part changes and `onChange(range)` when it has; a range
 * is `{ start, end }` in seconds, or null where none is chosen: then the handles are at the ends of the `moment`, or of the whole.
 * `onPress(seconds)` is called where nothing is dragged.
 */
export function createRange(wave, { moment, onDrag, onChange, onPress }) {
  const { surface } = wave;
  let range = null;
  let isHeld = false;

  const handles = ["start", "end"].map((edge) => {
    const label = edge === "start" ? "Start of the part" : "End of the part";
    const node = el("span", { class: `range-handle range-${edge}`, role: "slider", tabIndex: 0, "aria-label": label, "data-testid": `range-${edge}` });
    node.addEventListener("keydown", (event) => moveByKey(event, edge));
    return { edge, node };
  });
  const shade = ["start", "end"].map((edge) => el("span", { class: `range-shade range-shade-${edge}`, hidden: true }));

  const whole = () => ({ start: 0, end: wave.outline.duration ?? 0 });
  const resting = () => moment ?? whole();
  const isUsable = () => whole().end > SHORTEST;

  function show() {
    const { end: duration } = whole();
    const { start, end } = range ?? resting();
    const share = (seconds) => `${((seconds / (duration || 1)) * 100).toFixed(3)}%`;
    for (const { edge, node } of handles) {
      node.hidden = !isUsable();
      const at = edge === "start" ? start : end;
      node.style.left = share(at);
      const [least, most] = edge === "start" ? [0, end - SHORTEST] : [start + SHORTEST, duration];
      [node.ariaValueMin, node.ariaValueNow, node.ariaValueMax] = [least, at, most].map((value) => String(rounded(value)));
      node.ariaValueText = timeText(at);
    }
    shade[0].style.width = share(start);
    shade[1].style.width = share(duration - end);
    for (const node of shade) node.hidden = !range;
  }

  function set(wanted) {
    range = wanted && limited(wanted);
    show();
  }

  /** Within the sound, at least as long as the shortest; null where it is what it is without any choice. */
  function limited({ start, end }) {
    const { end: duration } = whole();
    const first = clamp(rounded(start), 0, Math.max(0, duration - SHORTEST));
    const last = clamp(rounded(end), first + SHORTEST, duration);
    const other = resting();
    const isSame = Math.abs(first - other.start) < HAIR && Math.abs(last - other.end) < HAIR;
    return isSame ? null : { start: first, end: last };
  }

  function change(wanted) {
    set(wanted);
    onChange(range);
  }

  function moveByKey(event, edge) {
    const { start, end } = range ?? resting();
    const step = event.shiftKey ? LARGE_STEP : STEP;
    const { end: duration } = whole();
    const at = edge === "start" ? start : end;
    const [least, most] = edge === "start" ? [0, end - SHORTEST] : [start + SHORTEST, duration];
    const places = {
      ArrowLeft: at - step, ArrowDown: at - step, ArrowRight: at + step, ArrowUp: at + step,
      PageDown: at - 10 * step, PageUp: at + 10 * step, Home: least, End: most,
    };
    if (!["Escape", " "].includes(event.key) && !Object.hasOwn(places, event.key)) return;
    event.preventDefault();
    if (event.key === " ") wave.toggle();
    else if (event.key !== "Escape") change({ start, end, [edge]: clamp(places[event.key], least, most) });
    else if (range) change(null);
  }

  surface.addEventListener("pointerdown", (event) => {
    if (event.button !== 0 || !isUsable()) return;
    const handle = handles.find(({ node }) => node === event.target);
    const from = wave.timeAt(event);
    const before = range;
    const shown = before ?? resting();
    const isInside = before && from > before.start && from < before.end;
    let isDragged = false;
    isHeld = true;
    event.preventDefault();
    if (handle) handle.node.focus({ preventScroll: true });
    else wave.focus();
    surface.setPointerCapture(event.pointerId);

    const dragged = (time) => {
      if (handle) return ordered({ ...shown, [handle.edge]: time });
      if (!isInside) return ordered({ start: from, end: time });
      const start = clamp(before.start + time - from, 0, whole().end - (before.end - before.start));
      return { start, end: start + before.end - before.start };
    };
    const drag = (moved) => {
      isDragged ||= Math.abs(moved.clientX - event.clientX) > STILL;
      if (!isDragged) return;
      set(dragged(wave.timeAt(moved)));
      onDrag(range);
    };
    const drop = ({ type }) => {
      isHeld = false;
      surface.removeEventListener("pointermove", drag);
      surface.removeEventListener("pointerup", drop);
      surface.removeEventListener("pointercancel", drop);
      if (type === "pointercancel") {
        set(before);
        onDrag(range);
      } else if (isDragged) onChange(range);
      else if (!handle) onPress(from);
    };
    surface.addEventListener("pointermove", drag);
    surface.addEventListener("pointerup", drop);
    surface.addEventListener("pointercancel", drop);
  });

  surface.append(...shade, ...handles.map(({ node }) => node));
  show();
  return {
    /** Shows another part, unless somebody is about to choose one. */
    set: (wanted) => isHeld || set(wanted),
    clear: () => change(null),
    get value() {
      return range;
    },
  };
}

/** A handle that is dragged beyond the other takes its place. */
const ordered = ({ start, end }) => (start <= end ? { start, end } : { start: end, end: start });
