// What an item looks like: the one place that another kind of collection (video, sound, molecules) extends.

import { bytes, el, number } from "./dom.js";
import { showPicture } from "./api.js";

/**
 * A renderer has words for its items, the files it takes, and nodes for an item small and large; and it says whether a part
 * of an item can be searched for, and whether hits can be like several of them and unlike others.
 */
const pictures = {
  one: "picture",
  many: "pictures",
  formats: "JPEG, PNG, GIF, WebP, BMP or TIFF",
  accept: ".jpg,.jpeg,.png,.gif,.webp,.bmp,.tif,.tiff",
  files: /\.(jpe?g|png|gif|webp|bmp|tiff?)$/i,
  words: { label: "Words", placeholder: "What should be in it" },
  filter: 'label == "birds" and width > 300',
  hasParts: true,
  combines: true,

  thumbnail: (item) => image(item, [item.thumbnail]),

  // Browsers cannot show every format that the server reads (TIFF), and the thumbnail is always a JPEG.
  large: (item) => image(item, [item.media, item.thumbnail]),

  /** A file that the server has not seen, under an object URL. */
  local(file, url) {
    const img = el("img", { alt: file.name, src: url, draggable: false });
    img.onerror = () => img.replaceWith(noPicture());
    return img;
  },
};

const noPicture = () => el("span", { class: "no-picture" }, "no preview");

/** Drawings come from the server, with the atoms marked that a search for a structure found. `facts` stand on each card. */
const molecules = {
  one: "molecule",
  many: "molecules",
  formats: "SMILES, CSV, TSV, JSON lines, SDF or molfiles, plain or gzipped",
  accept: ".smi,.smiles,.txt,.csv,.tsv,.jsonl,.ndjson,.sdf,.sd,.mol,.gz",
  files: /\.(smi|smiles|txt|csv|tsv|jsonl|ndjson|sdf|sd|mol)(\.gz)?$/i,
  words: { label: "SMILES, SMARTS or name", placeholder: "CC(=O)Oc1ccccc1C(=O)O", areDrawn: true },
  filter: "mw < 300 and rings > 1",
  hasParts: false,
  combines: false,
  thumbnail: (item) => image(item, [item.thumbnail]),
  large: (item) => image(item, [item.thumbnail]),
  local: (file) => el("span", { class: "no-picture" }, file.name),
  facts: ({ fields, details }) => {
    const scores = ["dice", "tversky"].filter((name) => details?.[name] !== undefined).map((name) => `${name} ${details[name].toFixed(2)}`);
    return [...scores, fields.formula, `${fields.mw.toFixed(1)} Da`, `logP ${fields.logp.toFixed(1)}`].join(" · ");
  },
};

const renderers = { "image-search": pictures, "molecule-search": molecules };

export const rendererFor = (info) => renderers[info.name] ?? pictures;

function image(item, sources) {
  const img = el("img", { alt: item.caption ?? item.title, loading: "lazy", decoding: "async", draggable: false });
  const [first, ...rest] = sources;
  img.onerror = () => {
    const next = rest.shift();
    if (next) showPicture(img, next);
    else img.replaceWith(noPicture());
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
