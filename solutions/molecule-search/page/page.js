// Molecules on the kit's page: structures are drawn by the server, with the atoms marked that a search found.

import { el } from "/assets/dom.js";
import { image } from "/assets/render.js";

export const renderer = {
  one: "molecule",
  many: "molecules",
  formats: "SMILES, CSV, TSV, JSON lines, SDF or molfiles, plain or gzipped",
  accept: ".smi,.smiles,.txt,.csv,.tsv,.jsonl,.ndjson,.sdf,.sd,.mol,.gz",
  files: /\.(smi|smiles|txt|csv|tsv|jsonl|ndjson|sdf|sd|mol)(\.gz)?$/i,
  words: { label: "SMILES, SMARTS or name", placeholder: "CC(=O)Oc1ccccc1C(=O)O", isCode: true, isPreviewed: true },
  filter: "mw < 300 and rings > 1",
  combines: false,
  large: (item) => image(item, [item.thumbnail]),
  local: (file) => el("span", { class: "no-picture" }, file.name),
  facts({ fields, details }) {
    const scores = ["dice", "tversky"].filter((name) => details?.[name] !== undefined).map((name) => `${name} ${details[name].toFixed(2)}`);
    return [...scores, fields.formula, `${fields.mw.toFixed(1)} Da`, `logP ${fields.logp.toFixed(1)}`].join(" · ");
  },
};
