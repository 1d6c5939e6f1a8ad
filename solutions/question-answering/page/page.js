// Questions and answers on the kit's page: a conversation in place of its search, and texts where others have pictures.

import { el } from "/assets/dom.js";
import * as chat from "/solution/chat.js";
import { bestOf, nameOf, sourceText } from "/solution/entry.js";
import { passage } from "/solution/passage.js";

/** Letters of a text on a tile, which its style cuts to a few lines. */
const TILE = 400;

/** Of a long answer several parts are stored, and each has a tile; points of the map come without their texts. */
function tileText(item) {
  if (!item.fields) return "";
  const start = bestOf(item)?.start ?? 0;
  return (start ? "… " : "") + item.fields.answer.slice(start, start + TILE);
}

export const renderer = {
  formats: "CSV, TSV, JSON lines, YAML, Markdown, HTML, text, reStructuredText, PDF or DOCX",
  accept: ".csv,.tsv,.jsonl,.ndjson,.yml,.yaml,.md,.markdown,.html,.htm,.txt,.pdf,.docx,.rst",
  files: /\.(csv|tsv|jsonl|ndjson|ya?ml|md|markdown|html?|txt|pdf|docx|rst)$/i,
  words: { label: "Question", placeholder: "Ask a question" },
  media: "text",
  filter: 'language == "en"',
  unlisted: ["answer", "from", "to"],
  thumbnail: (item) => el("span", { class: "tile-text" }, tileText(item)),
  large(item) {
    const text = passage(item.fields.answer, bestOf(item), { isWhole: true });
    return el("div", { class: "large-text", role: "region", tabIndex: 0, "aria-label": nameOf(item) }, text);
  },
  facts: sourceText,
};

export const views = [{ name: "search", title: "Ask", create: chat.create }];
