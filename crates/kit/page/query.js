// The examples of a query – files and items, liked or not, whole or a part – and how they are shown and changed.

import { $, el } from "./dom.js";
import { createRegion, regionText } from "./region.js";

/** "a picture", "an item": what a file of a query is. */
export function aFile({ one, example }) {
  const name = example ?? one;
  return `${/^[aeiou]/.test(name) ? "an" : "a"} ${name}`;
}

/**
 * An example: { file } or { item }, with negative and region. `onChange()` is called whenever the answer may differ;
 * `stage(example)` may make the node of an example at large in place of the renderer's, and is called with null when there is
 * none any more. Only ids and files are kept, so a query can be asked again at any time.
 */
export function createQuery(renderer, onChange, stage = () => null) {
  let examples = [];
  let main = null;

  const region = createRegion($("region"), $("region-box"), (value) => {
    main.region = value;
    showRegion();
    onChange();
  });
  $("region-clear").onclick = () => {
    main.region = null;
    change();
  };
  $("query-clear").onclick = () => replace([]);

  function change() {
    show();
    if (!main) stage(null);
    onChange();
  }

  function add(example) {
    if (!renderer.combines && !example.negative) examples = [];
    const known = example.item && examples.find(({ item }) => item?.id === example.item.id);
    if (known) known.negative = Boolean(example.negative);
    else examples.push({ negative: false, region: null, ...example });
    if (!example.negative) main = known ?? examples.at(-1);
    change();
  }

  function replace(added) {
    for (const { url } of examples) if (url) URL.revokeObjectURL(url);
    examples = [];
    main = null;
    if (added.length) added.forEach(add);
    else change();
  }

  function remove(example) {
    if (example.url) URL.revokeObjectURL(example.url);
    examples = examples.filter((other) => other !== example);
    if (main === example) main = examples[0] ?? null;
    change();
  }

  const titleOf = ({ file, item }) => file?.name ?? item.title;

  function pictureOf(example, size) {
    if (example.item) return renderer[size](example.item);
    example.url ??= URL.createObjectURL(example.file);
    return renderer.local(example.file, example.url, size);
  }

  function show() {
    $("examples").replaceChildren(...examples.map(chip));
    $("query-clear").hidden = examples.length === 0;
    $("invite-text").hidden = examples.length > 0;
    $("query-file-label").lastElementChild.textContent = examples.length ? `${renderer.combines ? "Add" : "Choose"} another` : `Choose ${aFile(renderer)}`;
    $("stage-frame").hidden = !main;
    $("region-line").hidden = !main || !renderer.hasParts;
    $("region").hidden = !renderer.hasParts;
    if (main) showMain();
  }

  function showMain() {
    const shown = main;
    // The picture stays while only its rectangle or its neighbours change, so that it does not flicker.
    if (showMain.shown !== shown) {
      showMain.shown = shown;
      const picture = stage(shown) ?? pictureOf(shown, "large");
      const fit = () => $("stage").style.setProperty("--ratio", picture.naturalWidth / picture.naturalHeight || 1);
      // What is no picture, such as a player, has no load and takes what room it needs.
      $("stage").classList.toggle("free", picture.tagName !== "IMG");
      picture.addEventListener("load", () => {
        fit();
        showRegion();
      });
      $("stage-picture").replaceChildren(picture);
    }
    showRegion();
  }

  function showRegion() {
    region.set(main.region);
    $("region-clear").hidden = !main.region;
    $("region-text").textContent = main.region ? `Part ${regionText(main.region)}` : "Drag a rectangle to search a part";
  }

  function chip(example) {
    const title = titleOf(example);
    const select = el("button", { type: "button", class: "chip-picture", "aria-label": `Show ${title}`, "aria-pressed": example === main });
    select.append(pictureOf(example, "thumbnail"));
    select.onclick = () => {
      main = example;
      show();
    };
    const [is, other] = example.negative ? ["Unlike", "like"] : ["Like", "unlike"];
    const like = el("button", { type: "button", class: "chip-like", "aria-label": `${is} ${title}, change to ${other}` }, is);
    like.onclick = () => {
      example.negative = !example.negative;
      change();
    };
    const away = el("button", { type: "button", class: "chip-remove", "aria-label": `Remove ${title}` }, "✕");
    away.onclick = () => remove(example);
    const shown = renderer.combines ? [select, like, away] : [select, away];
    return el("li", { class: example.negative ? "chip negative" : "chip", "data-testid": "example" }, ...shown);
  }

  show();
  return {
    add,
    replace,
    forget(id) {
      const gone = examples.find(({ item }) => item?.id === id);
      if (gone) remove(gone);
    },
    get isEmpty() {
      return examples.length === 0;
    },
    /** The one liked item that the query is, if it is no more than that: such a query fits into an address. */
    get single() {
      const [only, ...others] = examples;
      return only?.item && !only.negative && !others.length ? only : null;
    },
    /** The examples as the server takes them, and the files they name. */
    request() {
      const files = new Map();
      const sides = { positive: [], negative: [] };
      examples.forEach((example, index) => {
        const part = example.region ? { region: regionText(example.region) } : {};
        if (example.file) files.set(`file${index}`, example.file);
        const source = example.file ? { file: `file${index}` } : { id: example.item.id };
        sides[example.negative ? "negative" : "positive"].push({ ...source, ...part });
      });
      return { sides, files };
    },
  };
}
