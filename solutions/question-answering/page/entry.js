// What an entry says of itself: its name, where it comes from, and which part of it answers.

import { rangeOf } from "/solution/text.js";

/** Its question; of a passage, the title of the document and the headings above it. */
export function nameOf({ title, fields }) {
  if (fields.question) return fields.question;
  const headings = fields.headings?.split(" > ") ?? [];
  // Documents often begin with their title as a heading.
  const above = [fields.title, ...headings.filter((heading) => heading !== fields.title)].filter(Boolean);
  return above.join(" › ") || title;
}

/** What belongs to the sentence before, where a part begins in between. */
const LEFT_OVER = /^[\s.,;:!?…)\]}»”]+/;

/** Its best part as a range of the answer's string, or null where that is its question. */
export function bestOf({ fields: { answer, from, to } }) {
  if (to <= from) return null;
  const { start, end } = rangeOf(answer, from, to);
  const part = answer.slice(start, end).trimEnd();
  return { start: start + (LEFT_OVER.exec(part)?.[0].length ?? 0), end: start + part.length };
}

/** Where it comes from, part by part. */
export function sourceOf({ fields: { path, title, question, page, language, tags } }) {
  return {
    file: path?.split(/[\\/]/).pop() ?? "",
    // The title of a passage is in its name.
    title: question && title ? title : "",
    page: page == null ? "" : `page ${page}`,
    language: language ?? "",
    tags: tags ?? [],
  };
}

export function sourceText(item) {
  const { file, title, page, language, tags } = sourceOf(item);
  return [file, title, page, language, ...tags].filter(Boolean).join(" · ");
}
