// What a sound says of itself, in a line.

import { timeText } from "/assets/media.js";

/** What an import and a query take. The content of a file decides in the end, not its name. */
export const FORMATS = {
  names: "WAV, AIFF, FLAC, MP3, Ogg Vorbis, Opus, AAC, ALAC, CAF, Matroska or WebM",
  extensions: [
    "aac", "aif", "aifc", "aiff", "alac", "caf", "flac", "m4a", "m4b", "mka", "mkv", "mov", "mp1", "mp2", "mp3", "mp4", "oga", "ogg",
    "opus", "wav", "wave", "webm",
  ],
};

const CHANNELS = { 1: "mono", 2: "stereo" };

/** Seconds as people say them: `0.8 s`, `12.4 s`, `3:25.0`. */
export const lengthText = (seconds) => (seconds < 60 ? `${seconds.toFixed(1)} s` : timeText(seconds));

/** "weapons · 12.4 s · vorbis, 44.1 kHz, stereo" */
export function factsOf({ label, fields = {} }) {
  const { duration, codec, sample_rate: rate, channels, title, artist } = fields;
  const kind = [codec, rate && `${rate / 1000} kHz`, channels && (CHANNELS[channels] ?? `${channels} channels`)];
  const tags = [artist, title].filter(Boolean).join(": ");
  return [label, tags, duration != null && lengthText(duration), kind.filter(Boolean).join(", ")].filter(Boolean).join(" · ");
}
