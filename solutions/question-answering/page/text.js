// Places in texts: the server counts bytes, strings count UTF-16 units, and people count words.

/** Where the bytes `from..to` of a text in UTF-8 are in its string: `{ start, end }`. */
export function rangeOf(text, from, to) {
  let [at, bytes] = [0, 0];
  const reach = (byte) => {
    while (bytes < byte && at < text.length) {
      const point = text.codePointAt(at);
      bytes += point < 0x80 ? 1 : point < 0x800 ? 2 : point < 0x10000 ? 3 : 4;
      at += point < 0x10000 ? 1 : 2;
    }
    return at;
  };
  return { start: reach(from), end: reach(to) };
}

const segmenter = new Intl.Segmenter(undefined, { granularity: "word" });

/** The words of a text, in small letters, as `{ word, start, end }`. */
export function* words(text) {
  for (const { segment, index, isWordLike } of segmenter.segment(text)) {
    if (!isWordLike) continue;
    // To the segmenter, read_line and 3.5 are one word.
    for (const match of segment.matchAll(/[\p{L}\p{M}\p{N}]+/gu)) {
      const start = index + match.index;
      yield { word: match[0].normalize("NFKC").toLowerCase(), start, end: start + match[0].length };
    }
  }
}

/** Letters of a word that means something. Where words are written without spaces, one letter may. */
const SHORTEST = 3;
const DENSE = /[\p{sc=Han}\p{sc=Hiragana}\p{sc=Katakana}\p{sc=Hangul}\p{sc=Thai}]/u;

/** They stand in every English question and every answer. */
const COMMON = new Set(
  ("the and for are was were can could should would will may might must does did has have had how what why who whom whose when " +
    "where which that this these those there with from into about not but you your our its his her their they she them then than").split(" "),
);

/** The words to look for of a question. */
export function asked(question) {
  const found = [...words(question)].map(({ word }) => word);
  return [...new Set(found)].filter((word) => !COMMON.has(word) && (word.length >= SHORTEST || DENSE.test(word)));
}

/** Letters that forms of a word share at least, and those in which they may differ at the end. */
const STEM = 4;
const ENDING = 3;

/** Whether two words may be forms of one, such as "refunds" and "refunding". Numbers have none. */
export function areForms(one, other) {
  if (one === other) return true;
  if (/\p{N}/u.test(one + other)) return false;
  let shared = 0;
  while (shared < one.length && one[shared] === other[shared]) shared += 1;
  return shared >= STEM && Math.max(one.length, other.length) - shared <= ENDING;
}

/** Where words of a text are forms of one that is wanted: `{ wanted, start, end }`. */
export function occurrences(text, wanted) {
  if (!wanted.length) return [];
  const found = [...words(text)].map(({ word, ...place }) => ({ wanted: wanted.find((one) => areForms(word, one)), ...place }));
  return found.filter((place) => place.wanted);
}

/** Letters of a text that are shown at once, and those before and after the best part of a longer one. */
const SHOWN = 640;
const BEFORE = 160;
const AFTER = 320;
/** What is not worth folding away. */
const REST = 120;

/**
 * What of a text is shown first, `{ start, end }`: all of it, or what surrounds its best part (or its beginning). Of a long
 * part that is where most of the wanted words stand together.
 */
export function excerpt(text, best, wanted = []) {
  const part = best ?? { start: 0, end: 0 };
  const { start, end } = part.end - part.start > SHOWN ? densest(text, part, wanted) : part;
  const from = start - BEFORE < REST ? 0 : wordAfter(text, start - BEFORE, start);
  const to = Math.max(end + AFTER, from + SHOWN);
  return { start: from, end: text.length - to < REST ? text.length : wordBefore(text, to, end) };
}

function densest(text, part, wanted) {
  const found = occurrences(text.slice(part.start, part.end), wanted);
  let [at, most] = [0, 0];
  for (const { start } of found) {
    const near = found.filter((other) => other.start >= start && other.start < start + AFTER);
    const count = new Set(near.map((other) => other.wanted)).size;
    if (count > most) [at, most] = [start, count];
  }
  return { start: part.start + at, end: Math.min(part.start + at + AFTER, part.end) };
}

function wordAfter(text, from, to) {
  const space = text.slice(from, to).search(/\s/);
  return space < 0 ? whole(text, from) : from + space + 1;
}

function wordBefore(text, from, to) {
  const space = text.slice(to, from).search(/\s\S*$/);
  return space < 0 ? whole(text, from) : to + space;
}

/** A place that does not cut a character of two units. */
const whole = (text, at) => (/[\uDC00-\uDFFF]/.test(text[at]) ? at - 1 : at);
