// The outline of a sound: its lowest and highest sample in each of a few hundred parts, from the server or from a file.

import { json } from "/assets/api.js";

const BUCKETS = 480;
/** Outlines of stored sounds that are kept. */
const KEPT = 300;
/** A browser decodes a file as a whole, to 4 bytes a sample: of ten minutes in stereo at 44.1 kHz, 200 MB. */
const LONGEST_SECONDS = 600;
const LARGEST_BYTES = 64 << 20;

const stored = new Map();
const files = new WeakMap();

/** Of the source of an item: `{ duration, peaks: [[lowest, highest], …] }`, in seconds and from −1 to 1. */
export function peaksOf({ id, source }) {
  const key = source ?? id;
  if (!stored.has(key)) {
    const asked = json(`/items/${encodeURIComponent(id)}/waveform?buckets=${BUCKETS}`);
    // The next one who needs it may have more luck.
    asked.catch(() => stored.delete(key));
    stored.set(key, asked);
    if (stored.size > KEPT) stored.delete(stored.keys().next().value);
  }
  return stored.get(key);
}

/**
 * Of a file of this device, which the browser decodes: the same, and a `note` where it cannot draw it. `duration` is null
 * where it cannot even tell that, and `isPlayable` says whether it can play it.
 */
export function peaksOfFile(file, url) {
  if (!files.has(file)) files.set(file, read(file, url));
  return files.get(file);
}

async function read(file, url) {
  const duration = await durationOf(url);
  const isPlayable = duration !== null;
  const blank = (note) => ({ duration: Number.isFinite(duration) ? duration : null, peaks: [], isPlayable, note });
  if (!isPlayable) return blank("This browser cannot play this file, so it is not drawn. The server reads more formats, and searches with the whole of it.");
  if (duration > LONGEST_SECONDS && Number.isFinite(duration)) return blank(`Sounds of more than ${LONGEST_SECONDS / 60} minutes are not drawn.`);
  if (file.size > LARGEST_BYTES) return blank("The file is too large to be drawn.");
  try {
    // Nothing is played by it, so it needs no gesture; what is decoded comes at this rate.
    const context = new OfflineAudioContext(1, 1, 44100);
    const sound = await context.decodeAudioData(await file.arrayBuffer());
    return { duration: sound.duration, peaks: outline(sound), isPlayable };
  } catch {
    return blank("This browser cannot decode this file, so it is not drawn.");
  }
}

/** In seconds; infinite where the file does not say, null where the browser cannot play it. */
function durationOf(url) {
  return new Promise((resolve) => {
    const probe = new Audio();
    probe.preload = "metadata";
    probe.onloadedmetadata = () => resolve(probe.duration);
    probe.onerror = () => resolve(null);
    probe.src = url;
  });
}

/** The extremes of all channels together. */
function outline(sound) {
  const count = Math.min(BUCKETS, sound.length);
  const channels = Array.from({ length: sound.numberOfChannels }, (_, channel) => sound.getChannelData(channel));
  return Array.from({ length: count }, (_, bucket) => {
    const [start, end] = [bucket, bucket + 1].map((edge) => Math.floor((edge * sound.length) / count));
    let [low, high] = [0, 0];
    for (const samples of channels) {
      for (let at = start; at < end; at += 1) {
        if (samples[at] < low) low = samples[at];
        else if (samples[at] > high) high = samples[at];
      }
    }
    return [low, high];
  });
}
