// The first view: choose a user, or pick films that you like, and see what goes with them change at once. Every card says why.

import * as api from "/assets/api.js";
import { createChoices } from "/assets/choices.js";
import { el, isAbort, number, plural, showProblem } from "/assets/dom.js";
import { createFilter } from "/assets/filter.js";
import * as calls from "/solution/calls.js";
import { recommendation, shelfCard } from "/solution/cards.js";
import { createHistory } from "/solution/history.js";
import { createPicker } from "/solution/picker.js";
import { createTaste } from "/solution/taste.js";

const SHOWN = 24;
const POPULAR = 24;
/** What stands beside every search here, and is no choice. */
const FIXED = new Set(["mode", "explain"]);

export function create(section, app) {
  const status = el("p", { class: "status", id: "status", role: "status", "aria-live": "polite" });
  const problem = el("div", { class: "problem", role: "alert", hidden: true });
  const results = el("ol", { class: "grid recommendations", id: "results", "aria-label": "Recommendations" });
  const welcome = el("div", { class: "welcome", hidden: true });
  const taste = createTaste(() => run());
  const history = createHistory(app, (item) => taste.like(item));
  const films = createPicker({
    id: "pick-film",
    label: `${capital(app.renderer.many)} you like`,
    placeholder: "A part of a title",
    look: async (text, signal) => (await calls.titles(text, 8, signal)).items,
    show: (item) => el("span", {}, item.title, " ", el("span", { class: "hint" }, item.caption ?? "")),
    take: (item) => taste.like(item),
  });
  const users = createPicker({
    id: "pick-user",
    label: "A user",
    placeholder: "As the ratings call them",
    look: async (text, signal) => (await calls.users(text, signal)).users,
    show: ({ user, ratings }) => el("span", {}, user, " ", el("span", { class: "hint" }, plural(ratings, "rating", "ratings"))),
    take: ({ user }) => taste.chooseUser(user),
    free: (user) => taste.chooseUser(user),
  });
  const options = el("details", { class: "options", open: !matchMedia("(max-width: 48rem)").matches }, el("summary", {}, "Options"));
  const clear = el("button", { type: "button", class: "quiet", id: "taste-clear", hidden: true, onclick: () => taste.clear() }, "Clear all");
  const panel = el("form", { class: "query", "aria-label": "Taste", noValidate: true, onsubmit: (event) => event.preventDefault() }, films.node, users.node, taste.node, clear, options);
  const answer = el("div", { class: "answer" }, status, problem, welcome, results, history.node);
  section.classList.add("workbench", "recommend");
  section.querySelector(".view-head").classList.add("unseen");
  section.append(panel, answer);
  const places = el("div", { class: "choices" });
  options.append(places, filterField());
  const known = app.info.options.filter(({ name }) => !FIXED.has(name)).map((option) => ({ ...option, only_with: null }));
  const choices = createChoices(known, [places, places], () => run(), "recommend");
  const filter = createFilter("recommend-filter", app, () => run());

  let running = null;
  let generation = null;
  let scale = null;

  function address() {
    const text = String(new URLSearchParams({ ...taste.params, ...choices.changed }));
    return text ? `#search?${text}` : "#search";
  }

  function nameInAddress() {
    const hash = address();
    document.querySelector("[data-view=search]").href = hash;
    if (!section.hidden) window.history.replaceState(null, "", hash);
  }

  async function run() {
    nameInAddress();
    running?.abort();
    running = new AbortController();
    const { signal } = running;
    showProblem(problem, null);
    filter.showProblem(null);
    clear.hidden = taste.isEmpty;
    welcome.hidden = !taste.isEmpty;
    history.show(taste.user, signal);
    const { positive, negative } = taste.examples;
    if (!positive.length) {
      results.replaceChildren();
      status.textContent = taste.isEmpty ? "" : "Pick something that you like, too: so far there is only what you do not want.";
      if (taste.isEmpty) await showWelcome(signal);
      return;
    }
    results.setAttribute("aria-busy", "true");
    try {
      const body = { positive, negative, k: SHOWN, filter: filter.value, options: { ...choices.values, explain: true } };
      const found = await api.search(body, new Map(), signal);
      scale ??= await ratingScale();
      showFound(found);
    } catch (error) {
      if (isAbort(error)) return;
      showFailure(error);
    }
    results.removeAttribute("aria-busy");
  }

  function showFound({ hits, took_ms: took }) {
    const offers = {
      open: (item) => app.open(hits, item),
      like: (item) => taste.like(item),
      unlike: (item) => taste.unlike(item),
      rate: taste.user && ((item, value) => rate(item, value)),
      scale,
    };
    results.classList.remove("stale");
    results.replaceChildren(...hits.map((hit) => recommendation(hit, hits, offers)));
    status.textContent = hits.length ? `${plural(hits.length, app.renderer.one, app.renderer.many)} in ${number(Math.round(took))} ms` : "Nothing passes the filter.";
  }

  function showFailure(error) {
    status.textContent = "";
    results.classList.toggle("stale", error.isFilter || error.isOffline);
    if (!error.isFilter && !error.isOffline) results.replaceChildren();
    if (error.isFilter) {
      options.open = true;
      filter.showProblem(error);
    } else if (!error.isOffline) showProblem(problem, error);
  }

  async function rate(item, value) {
    try {
      await calls.rate(taste.user, item.fields.item, value);
      run();
    } catch (error) {
      if (!error.isOffline) showProblem(problem, error);
    }
  }

  /** The largest rating that training has seen: what people can give. */
  async function ratingScale() {
    const { models } = await calls.trainings();
    return models[0]?.liking?.largest ?? 1;
  }

  async function showWelcome(signal) {
    if (app.info.count === 0) {
      welcome.replaceChildren(el("h3", {}, "There is nothing to recommend yet"), el("p", {}, "Import a table of ratings first, and one of what they are about."), el("p", {}, el("a", { class: "button primary", href: "#import" }, "Go to Import")));
      return;
    }
    try {
      const { items } = await calls.titles("", POPULAR, signal);
      const grid = el("ul", { class: "grid", "data-testid": "popular" }, ...items.map((item) => shelfCard(item, () => taste.like(item))));
      welcome.replaceChildren(el("h3", {}, `Pick some ${app.renderer.many} that you like`), el("p", {}, "What goes with them is found at once, without training. Or choose a user on the left."), grid);
    } catch (error) {
      if (isAbort(error)) return;
      const untrained = error.status === 404;
      welcome.replaceChildren(el("h3", {}, untrained ? "No model is trained yet" : "Something went wrong"), el("p", {}, error.hint ?? error.message), untrained ? el("p", {}, el("a", { class: "button primary", href: "#training" }, "Go to Training")) : "");
    }
  }

  function filterField() {
    return el("div", { class: "field" },
      el("label", { htmlFor: "recommend-filter" }, "Filter"),
      el("input", { type: "text", class: "code", id: "recommend-filter", autocomplete: "off", autocapitalize: "off", spellcheck: false, "aria-describedby": "recommend-filter-error" }),
      el("div", { class: "problem", id: "recommend-filter-error", role: "alert", hidden: true }),
      el("div", { class: "names", id: "recommend-filter-names", role: "group", "aria-label": "Fields to filter by" }));
  }

  return {
    async show(params, again) {
      const isAsked = location.hash === address();
      if (isAsked && generation === app.generation && !again) return;
      generation = app.generation;
      if (!isAsked) {
        choices.set(params);
        await taste.read(params);
      }
      run();
    },
    forget(id) {
      results.querySelector(`[data-id="${CSS.escape(id)}"]`)?.remove();
    },
  };
}

const capital = (text) => text[0].toUpperCase() + text.slice(1);
