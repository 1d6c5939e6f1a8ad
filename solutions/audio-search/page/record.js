// Records a query from the microphone, as a WAV file. Nothing leaves this device before the recording is over.

import { el, showProblem } from "/assets/dom.js";
import { timeText } from "/assets/media.js";
import { wavOf } from "/solution/wav.js";

const LONGEST_SECONDS = 60;
const SHORTEST_SECONDS = 0.3;
/** Below this nothing was heard: −60 dB. */
const SILENCE = 0.001;
/** What the meter shows of a level, from this many decibels up. */
const METER_DB = -60;
/** As it sounds: what is meant for telephones would change it. */
const AS_IT_SOUNDS = { echoCancellation: false, noiseSuppression: false, autoGainControl: false };

/** Why there is nothing to record with, or null. */
function obstacle() {
  if (!isSecureContext) return { message: "Browsers record only on pages from https:// or localhost.", hint: "Open this page under one of these, or record with another program and drop the file here." };
  if (!navigator.mediaDevices?.getUserMedia || !window.AudioWorkletNode) return { message: "This browser cannot record.", hint: "Record with another program, and drop the file here." };
  return null;
}

function reasonOf({ name, message }) {
  const reasons = {
    NotAllowedError: { message: "The browser may not use the microphone.", hint: "Allow it for this page in the browser's settings, then press Record again." },
    NotFoundError: { message: "There is no microphone." },
    NotReadableError: { message: "The microphone cannot be read.", hint: "Another program may be using it." },
  };
  return reasons[name] ?? { message: `Recording failed: ${message}` };
}

/** A button in `ways` that records, with its state in `place`; `take(file)` gets what was recorded. */
export function createRecorder(place, ways, take) {
  const start = el("button", { type: "button", "data-testid": "record", class: "record", onclick: begin }, "Record");
  const problem = el("div", { class: "problem", role: "alert", "data-testid": "record-error", hidden: true });
  const level = el("span", { class: "level-fill" });
  const meter = el("span", { class: "level", role: "meter", "aria-label": "Level of the microphone", ariaValueMin: "0", ariaValueMax: "100" }, level);
  const clock = el("span", { class: "record-time", "data-testid": "record-time" });
  const stop = el("button", { type: "button", class: "primary", "data-testid": "record-stop", onclick: () => end(true) }, "Stop and search");
  const cancel = el("button", { type: "button", class: "quiet", "data-testid": "record-cancel", onclick: () => end(false) }, "Discard");
  const said = el("span", { class: "unseen", role: "status" });
  const panel = el("div", { class: "recording", role: "group", "aria-label": "Recording", hidden: true }, clock, meter, stop, cancel);
  place.append(panel, said, problem);
  ways.append(start);
  /** What is being recorded: chunks of samples, their number, the loudest, and what must be closed. */
  let session = null;
  let isAsking = false;

  async function begin() {
    if (session || isAsking) return;
    showProblem(problem, obstacle());
    if (!problem.hidden) return;
    isAsking = true;
    start.disabled = true;
    try {
      await open();
    } catch (error) {
      close();
      showProblem(problem, reasonOf(error));
    }
    isAsking = false;
    start.disabled = session !== null;
  }

  async function open() {
    session = { chunks: [], count: 0, loudest: 0, stream: await navigator.mediaDevices.getUserMedia({ audio: AS_IT_SOUNDS }) };
    const context = new AudioContext();
    session.context = context;
    await context.audioWorklet.addModule("/solution/capture.js");
    const capture = new AudioWorkletNode(context, "capture", { numberOfOutputs: 0 });
    capture.port.onmessage = ({ data }) => hear(data);
    context.createMediaStreamSource(session.stream).connect(capture);
    // A microphone that is pulled out, or taken away in the browser's settings, ends it with what there is.
    session.stream.getAudioTracks()[0].onended = () => end(true);
    await context.resume();
    panel.hidden = false;
    start.hidden = true;
    said.textContent = `Recording, for at most ${LONGEST_SECONDS} seconds`;
    show(0);
    stop.focus();
  }

  function hear(samples) {
    if (!session) return;
    session.chunks.push(samples);
    session.count += samples.length;
    const loudest = samples.reduce((most, sample) => Math.max(most, Math.abs(sample)), 0);
    session.loudest = Math.max(session.loudest, loudest);
    show(loudest);
    if (seconds() >= LONGEST_SECONDS) end(true);
    // Nobody is recorded who looks at something else.
    else if (!panel.checkVisibility()) end(false);
  }

  const seconds = () => session.count / session.context.sampleRate;

  function show(loudest) {
    const share = Math.max(0, 1 - (20 * Math.log10(loudest || Number.EPSILON)) / METER_DB);
    level.style.width = `${(share * 100).toFixed(0)}%`;
    meter.ariaValueNow = (share * 100).toFixed(0);
    clock.textContent = `${timeText(seconds())} of ${timeText(LONGEST_SECONDS)}`;
  }

  function close() {
    session?.stream.getTracks().forEach((track) => track.stop());
    session?.context?.close();
    session = null;
    panel.hidden = true;
    start.hidden = start.disabled = false;
    said.textContent = "";
  }

  function end(isWanted) {
    if (!session) return;
    const { chunks, loudest, context } = session;
    const { sampleRate } = context;
    const length = seconds();
    const hadFocus = panel.contains(document.activeElement);
    close();
    if (hadFocus) start.focus();
    if (!isWanted) return;
    if (length < SHORTEST_SECONDS) showProblem(problem, { message: "The recording is too short to be searched with." });
    else if (loudest < SILENCE) showProblem(problem, { message: "Nothing was heard.", hint: "The microphone may be muted." });
    else take(new File([wavOf(chunks, sampleRate)], "recording.wav", { type: "audio/wav" }));
  }
}
