// The search view: what is asked for, and its answer. It searches by itself whenever the query changes.

import * as api from "./api.js";
import { $, acceptDrops, debounce, el, isAbort, number, showProblem } from "./dom.js";
import { createChoices } from "./choices.js";
import { createFilter } from "./filter.js";
import { aFile, createQuery } from "./query.js";
import { parseRegion, regionText } from "./region.js";
import { card } from "./results.js";
import { createControls } from "./solution.js";
import { createWords } from "./words.js";

const WELCOME_ITEMS = 24;

export function create(section, app) {
  const { info, renderer } = app;
  const status = $("status");
  let running = null;
  let generation = null;

  const later = debounce(run);
  const query = createQuery(renderer, () => {
    // Where a query is one thing, the last one that was given is meant.
    if (!renderer.combines && !query.isEmpty) words.set("");
    nameInAddress();
    later();
  }, (example) => own.stage(example));
  const words = createWords(app, () => {
    if (!renderer.combines && words.value && !query.isEmpty) query.replace([]);
    run();
  });
  const filter = createFilter("filter", app, run);
  const choices = createChoices(info.options, [$("choices"), $("options")], run);
  const { choose } = choices;
  const own = createControls($("own-controls"), { info, add: query.add, changed: later, choose, ways: $("own-ways") });
  wireControls();

  /** What is asked for as far as it fits into an address: one item at most, words, what was chosen; no files. */
  function address() {
    const only = query.single;
    const params = new URLSearchParams(only ? { id: only.item.id } : {});
    if (only?.region) params.set("region", regionText(only.region));
    if (words.value && (only || query.isEmpty)) params.set("words", words.value);
    for (const [name, value] of Object.entries({ ...choices.changed, ...own.params() })) params.set(name, value);
    const text = String(params);
    return text ? `#search?${text}` : "#search";
  }

  function nameInAddress() {
    const hash = address();
    document.querySelector("[data-view=search]").href = hash;
    if (!section.hidden) history.replaceState(null, "", hash);
  }

  function request() {
    const { sides, files } = query.request();
    if (words.value) sides.positive.push({ words: words.value });
    const minScore = $("min-score").valueAsNumber;
    const k = Number($("k-number").value) || Number($("k").value);
    const body = { ...sides, k, filter: filter.value, min_score: Number.isNaN(minScore) ? null : minScore };
    if (info.spans && $("moments").value && $("moments").checkValidity()) body.moments = $("moments").valueAsNumber;
    if (info.options.length) body.options = choices.values;
    own.extend(body);
    return { body, files };
  }

  async function run() {
    nameInAddress();
    running?.abort();
    running = new AbortController();
    const { signal } = running;
    const { body, files } = request();
    showProblem($("query-error"), null);
    filter.showProblem(null);
    const cameFromCard = document.activeElement.closest("#results, #welcome");
    const nothing = body.positive.length + body.negative.length === 0;
    $("welcome").hidden = !nothing || app.info.count === 0;
    $("welcome-empty").hidden = !nothing || app.info.count > 0;
    $("downloads").hidden = true;
    if (body.positive.length === 0) {
      $("results").replaceChildren();
      $("results").removeAttribute("aria-busy");
      status.textContent = nothing ? "" : "Add an example that results should be like: so far there is only what they should be unlike.";
      if (nothing) {
        words.check(body.options);
        welcome();
      }
      return;
    }
    $("results").setAttribute("aria-busy", "true");
    try {
      if (!(await words.check(body.options, signal))) {
        status.textContent = "";
        $("results").classList.add("stale");
        $("results").removeAttribute("aria-busy");
        return;
      }
      const answer = await api.search(body, files, signal);
      const isFree = document.activeElement === document.body || $("results").contains(document.activeElement);
      showAnswer(answer);
      offerDownloads(body, files, answer);
      // The card that was pressed is gone; whoever walks by keyboard goes on at the first hit.
      if (cameFromCard && isFree) $("results").querySelector("button")?.focus({ preventScroll: true });
    } catch (error) {
      if (isAbort(error)) return;
      showFailure(error);
    }
    $("results").removeAttribute("aria-busy");
  }

  function showAnswer(answer) {
    const { hits, notes = [], took_ms, timings } = answer;
    const options = { renderer, answer, more: app.more, less: renderer.combines && less, open: (item) => app.open(hits, item) };
    $("results").classList.remove("stale");
    $("results").replaceChildren(...renderer.answer(answer, (hit) => card(hit, options), options));
    const [took, encode, search] = [took_ms, timings.encode_ms, timings.search_ms].map((ms) => number(Math.round(ms)));
    const found = `${number(hits.length)} of ${number(app.info.count)} in ${took} ms (encode ${encode} ms, search ${search} ms)`;
    status.textContent = hits.length ? [found, ...notes].join("; ") : "No results match the filter and score limit.";
  }

  /** The answer once more, as files. */
  function offerDownloads(body, files, { hits }) {
    const save = async (format) => {
      try {
        const link = el("a", { href: URL.createObjectURL(await api.save(body, files, format)), download: `hits.${format}` });
        link.click();
        // Not before the browser has begun to read it.
        setTimeout(() => URL.revokeObjectURL(link.href), 60_000);
      } catch (error) {
        if (!error.isOffline) showProblem($("query-error"), error);
      }
    };
    const button = (format) =>
      el("button", { type: "button", class: "quiet", "data-testid": `save-${format}`, onclick: () => save(format) }, format.toUpperCase());
    $("downloads").hidden = hits.length === 0;
    $("downloads").replaceChildren("Save as", ...info.formats.map(button));
  }

  function showFailure(error) {
    status.textContent = "";
    // While a filter is being typed, or the server is away, the last answer is better than none.
    const isPassing = error.isFilter || error.isOffline;
    $("results").classList.toggle("stale", isPassing);
    if (!isPassing) $("results").replaceChildren();
    if (error.isFilter) {
      $("options").open = true;
      filter.showProblem(error);
    } else if (!error.isOffline) showProblem($("query-error"), error);
  }

  async function welcome() {
    try {
      const { items } = await api.items({ limit: WELCOME_ITEMS });
      const options = { renderer, open: app.more, openWord: "Search with" };
      $("welcome-items").replaceChildren(...items.map((item) => card(item, options)));
    } catch (error) {
      if (!error.isOffline) showProblem($("query-error"), error);
    }
  }

  function less(item) {
    query.add({ item, negative: true });
  }

  function takeFiles(files) {
    const tooLarge = files.find((file) => file.size > info.max_upload_bytes);
    if (tooLarge) showProblem($("query-error"), { message: `${tooLarge.name} is larger than the server takes.` });
    else files.forEach((file) => query.add({ file }));
  }

  function wireControls() {
    const takesFiles = info.accepts.some((kind) => kind !== "words");
    $("drop").hidden = !takesFiles;
    $("invite-text").textContent = `Drop ${aFile(renderer)} here, or paste one`;
    $("welcome-heading").textContent = takesFiles ? `Find ${renderer.many} by ${aFile(renderer)}` : `Find ${renderer.many}`;
    $("welcome-text").textContent = takesFiles ? "Drop or paste one of yours, or start with one of these." : "Start with one of these.";
    // On a phone the results matter more than what is rarely changed.
    $("options").open = !matchMedia("(max-width: 48rem)").matches;

    $("query-file").accept = renderer.accept;
    $("query-file").onchange = ({ target }) => {
      takeFiles([...target.files]);
      target.value = "";
    };
    acceptDrops(section, $("drop"), (data) => takesFiles && takeFiles([...data.files]));
    document.addEventListener("paste", (event) => {
      const files = [...event.clipboardData.files];
      if (section.hidden || !takesFiles || !files.length) return;
      event.preventDefault();
      takeFiles(files);
    });

    const [k, exact] = [$("k"), $("k-number")];
    exact.max = info.max_k;
    k.max = Math.min(info.max_k, Number(k.max));
    k.oninput = () => {
      exact.value = k.value;
      later();
    };
    exact.oninput = () => {
      if (!exact.checkValidity() || !exact.value) return;
      k.value = exact.value;
      later();
    };
    if (!info.larger_is_nearer) $("min-score-label").textContent = "Largest distance";
    $("min-score").oninput = later;
    // Where items are spans of their sources, the number of results counts sources.
    $("moments-field").hidden = !info.spans;
    $("moments").max = info.max_k;
    $("moments").oninput = later;
    $("query").onsubmit = (event) => {
      event.preventDefault();
      run();
    };
  }

  return {
    async show(params, again) {
      const isAsked = location.hash === address();
      if (isAsked && generation === app.generation && !again) return;
      generation = app.generation;
      if (!isAsked) {
        choices.set(params);
        own.set(params);
        words.set(params.get("words") ?? "");
      }
      const id = params.get("id");
      try {
        const region = parseRegion(params.get("region"));
        // The address says what is asked for; files have none, and stay.
        if (id) query.replace([{ item: await api.item(id), region }]);
        else if (query.single) query.replace([]);
        else run();
        if (id && region) $("region").focus();
      } catch (error) {
        showFailure(error);
      }
    },
    forget: query.forget,
  };
}
