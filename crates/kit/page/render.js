// What items look like unless the solution says otherwise: the renderers that it may change.

import { bytes, el, number } from "./dom.js";
import { fileOf, playerOf, showText } from "./media.js";
import { showPicture } from "./api.js";

/**
 * A renderer has words for its items and the files it takes, and nodes for an item small and large. Optional are `facts(item)`,
 * a line on each card, and `detail(item)`, a node above the fields in the dialog.
 */
const items = {
  one: "item",
  many: "items",
  /** What a file of a query is, where that is not an item: "picture or clip". */
  example: null,
  /** The files that an import takes: for people, for the file dialog, and by name. */
  formats: "Files",
  accept: "",
  files: /./,
  /** `isCode`: in letters of one width. `isPreviewed`: the server says what words mean while they are typed. */
  words: { label: "Words", placeholder: "What to look for", isCode: false, isPreviewed: false },
  /** What the files of its items are: "image", "video", "audio" or "text". */
  media: "image",
  /** An example of a filter. */
  filter: "",
  /** Fields that the dialog does not list, as they are to be seen in the item at large or mean nothing to a reader. */
  unlisted: [],
  /** Whether a part of an item can be searched for. */
  hasParts: false,
  /** Options that are about one example, such as a part of it: they end when another item is searched with. */
  ownOptions: [],
  /** Whether hits can be like several examples and unlike others. */
  combines: true,

  thumbnail: (item) => image(item, [item.thumbnail]),
  large(item) {
    return mediaOf(item, this.media);
  },
  /** A file that the server has not seen, under an object URL. */
  local: fileOf,
  /**
   * The entries of an answer's list; `card(hit)` is the usual one. Its third argument has what a card offers: `open(item)`,
   * `more(item)` and, where a query combines, `less(item)`.
   */
  answer: ({ hits }, card) => hits.map(card),
};

const pictures = {
  ...items,
  one: "picture",
  many: "pictures",
  formats: "JPEG, PNG, GIF, WebP, BMP or TIFF",
  accept: ".jpg,.jpeg,.jpe,.jfif,.png,.gif,.webp,.bmp,.tif,.tiff",
  files: /\.(jpe?g|jpe|jfif|png|gif|webp|bmp|tiff?)$/i,
  words: { label: "Words", placeholder: "What the picture shows" },
  filter: 'label == "birds" and width > 300',
  hasParts: true,
};

export const rendererOf = (info) => (info.accepts.includes("picture") ? pictures : items);

/** An item at large, by the kind of its file. */
export function mediaOf(item, kind) {
  if (kind === "video" || kind === "audio") return playerOf(item, kind, () => image(item, [item.thumbnail]));
  if (kind === "text") return showText(item);
  // Browsers cannot show every format that the server reads (TIFF), and the thumbnail is always a JPEG.
  return image(item, [item.media, item.thumbnail]);
}

/** The first of these pictures that can be shown. */
export function image(item, sources) {
  const img = el("img", { alt: item.caption ?? item.title, loading: "lazy", decoding: "async", draggable: false });
  const [first, ...rest] = sources;
  img.onerror = () => {
    const next = rest.shift();
    if (next) showPicture(img, next);
    else img.replaceWith(el("span", { class: "no-picture" }, "no preview"));
  };
  showPicture(img, first);
  return img;
}

/** A field's value as a reader wants it. */
export function fieldText(name, value) {
  if (value === null || value === "") return "–";
  if (name === "bytes") return `${bytes(value)} (${number(value)} bytes)`;
  if (name.endsWith("_at")) return new Date(value).toLocaleString("en", { dateStyle: "medium", timeStyle: "medium" });
  if (typeof value === "object") return JSON.stringify(value);
  return typeof value === "number" ? number(value) : String(value);
}
