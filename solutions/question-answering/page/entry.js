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

/** Its best part as a range of the answer's string, or null where that is its question. */
export function bestOf({ fields: { answer, from, to } }) {
  return to > from ? rangeOf(answer, from, to) : null;
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
