// A waveform that plays: it shows where, and goes where it is pressed. Keyboards move along it by arrow keys.

import { el } from "/assets/dom.js";
import { timeText } from "/assets/media.js";
import { isPlaying, pause, play, seek, timeOf } from "/solution/player.js";
import { paint } from "/solution/waveform.js";

const STEP_SECONDS = 1;
/** Players stop a little before or after the end of a moment. */
const ROUNDING = 0.05;
/** A moment of a long sound would be less than a pixel. */
const NARROWEST = "3px";

const clamp = (value, low, high) => Math.max(low, Math.min(high, value));
const share = (part, whole) => `${((part / whole) * 100).toFixed(3)}%`;

/**
 * The waveform of a sound named `title`, whose file is at `url`. `load()` gives its outline (see peaks.js), `spans` are its
 * moments in seconds: the first is what plays unless another part is asked for. `onState({ isPlaying, time })` is called as it
 * plays; `time` is null when something else does. `onLoad(outline)` is called when it is drawn.
 */
export function createWave({ title, url, load, spans = [], onState = () => {}, onLoad = () => {} }) {
  const canvas = el("canvas", { class: "wave-canvas", "aria-hidden": "true" });
  const cursor = el("span", { class: "wave-cursor", hidden: true });
  const bands = el("span", { class: "wave-bands" });
  // What is within a slider is not told by screen readers, so handles lie beside it on the surface.
  const seeker = el("div", { class: "wave-seek", role: "slider", tabIndex: 0, "aria-label": `Position in ${title}`, "data-testid": "seek" });
  const surface = el("div", { class: "wave", "data-testid": "wave" }, seeker);
  const problem = el("p", { class: "hint wave-problem", role: "status" });
  const node = el("div", { class: "wave-box" }, surface, problem);
  seeker.append(bands, canvas, cursor);
  let shown = { duration: 0, peaks: [] };
  let marked = spans;
  /** Where the keyboard went while something else played, or nothing. */
  let place = null;

  const track = {
    url,
    node,
    show({ isPlaying, time }) {
      place = null;
      showTime(time);
      onState({ isPlaying, time });
    },
    fail() {
      problem.textContent = "This browser cannot play the file.";
      onState({ isPlaying: false, time: null });
    },
  };

  function showTime(time) {
    cursor.hidden = time === null || !shown.duration;
    if (!cursor.hidden) cursor.style.left = share(clamp(time, 0, shown.duration), shown.duration);
    seeker.ariaValueNow = String(Math.round((time ?? 0) * 10) / 10);
    seeker.ariaValueText = shown.duration ? `${timeText(time ?? 0)} of ${timeText(shown.duration)}` : "not known";
  }

  function repaint() {
    paint(canvas, shown, marked);
  }

  /** What stands out of the whole. */
  function mark(wanted) {
    marked = wanted;
    const band = ({ start, end }) => {
      const node = el("span", { class: "wave-band", "data-testid": "band" });
      const [left, width] = [share(start, shown.duration), share(Math.min(end, shown.duration) - start, shown.duration)];
      Object.assign(node.style, { left: `min(${left}, 100% - ${NARROWEST})`, width: `max(${width}, ${NARROWEST})` });
      return node;
    };
    bands.replaceChildren(...(shown.duration ? marked.map(band) : []));
    repaint();
  }

  async function draw() {
    node.ariaBusy = "true";
    try {
      shown = await load();
      problem.textContent = shown.note ?? "";
    } catch (error) {
      problem.textContent = error.isOffline ? "" : `No waveform: ${error.message}`;
    }
    node.ariaBusy = null;
    seeker.ariaValueMax = String(shown.duration ?? 0);
    mark(marked);
    showTime(timeOf(track));
    onLoad(shown);
  }

  const first = () => marked[0] ?? { start: 0 };

  /** Plays its first moment, or stops; of what was stopped in the middle, the rest. */
  function toggle(span = first()) {
    if (isPlaying(track)) {
      pause();
      return;
    }
    if (place !== null) {
      play(track, place);
      return;
    }
    const time = timeOf(track);
    const isWithin = time !== null && time > span.start && time < (span.end ?? shown.duration ?? 0) - ROUNDING;
    play(track, isWithin ? time : span.start, span.end);
  }

  const timeAt = ({ clientX }) => {
    const { left, width } = surface.getBoundingClientRect();
    return clamp((clientX - left) / width, 0, 1) * (shown.duration ?? 0);
  };

  function goTo(time) {
    const to = clamp(time, 0, shown.duration ?? 0);
    if (timeOf(track) !== null) {
      seek(track, to);
      return;
    }
    place = to;
    showTime(to);
  }

  seeker.addEventListener("keydown", (event) => {
    const at = timeOf(track) ?? place ?? first().start;
    const keys = {
      ArrowLeft: () => goTo(at - STEP_SECONDS), ArrowDown: () => goTo(at - STEP_SECONDS),
      ArrowRight: () => goTo(at + STEP_SECONDS), ArrowUp: () => goTo(at + STEP_SECONDS),
      Home: () => goTo(0), Enter: () => toggle(), " ": () => toggle(),
    };
    if (event.ctrlKey || event.metaKey || event.altKey || !Object.hasOwn(keys, event.key)) return;
    event.preventDefault();
    // The dialog around it goes to another item by the same keys.
    event.stopPropagation();
    keys[event.key]();
  });

  seeker.ariaValueMin = "0";
  showTime(null);
  new ResizeObserver(repaint).observe(canvas);
  canvas.addEventListener("repaint", repaint);
  whenSeen(node, draw);
  return {
    node,
    surface,
    toggle,
    mark,
    timeAt,
    playFrom: (time) => play(track, time),
    /** Plays from where it is pressed. */
    playWhenPressed() {
      surface.addEventListener("pointerdown", (event) => event.button === 0 && play(track, timeAt(event)));
    },
    focus: () => seeker.focus({ preventScroll: true }),
    /** What is known of the sound by now. */
    get outline() {
      return shown;
    },
  };
}

const waiting = new WeakMap();
const watcher = new IntersectionObserver((entries) => {
  for (const { target, isIntersecting } of entries) {
    if (!isIntersecting) continue;
    watcher.unobserve(target);
    waiting.get(target)();
  }
}, { rootMargin: "300px" });

/** Outlines are asked for when they are about to be seen: an answer may have hundreds. */
function whenSeen(node, act) {
  waiting.set(node, act);
  watcher.observe(node);
}

// What is painted keeps its colours when those of the page change.
document.addEventListener("theme", () => {
  for (const canvas of document.querySelectorAll(".wave-canvas")) canvas.dispatchEvent(new Event("repaint"));
});
