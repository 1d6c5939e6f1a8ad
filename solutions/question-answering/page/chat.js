// The view in which people ask: a conversation, of which each question has an address.

import * as api from "/assets/api.js";
import { $, el, isAbort } from "/assets/dom.js";
import { ask, similar } from "/solution/ask.js";
import { createComposer } from "/solution/composer.js";
import { createSettings } from "/solution/settings.js";
import { createTurn } from "/solution/turn.js";
import { createWelcome } from "/solution/welcome.js";

export function create(section, app) {
  /** The last turn of each address. */
  const turns = new Map();
  let running = null;
  let current = "#search";

  const log = el("div", { class: "log", role: "log", ariaLive: "polite", "aria-label": "Conversation" });
  const welcome = createWelcome(app, (words) => begin({ words }));
  const composer = createComposer(section, { placeholder: "Ask a question", ask: (words) => begin({ words }), stop });
  const place = el("div", { class: "settings" });
  composer.node.append(el("details", { class: "options", id: "ask-options" }, el("summary", {}, "Options"), place));
  const afresh = el("button", { type: "button", class: "quiet", id: "ask-new", hidden: true, onclick: clear }, "New conversation");
  section.querySelector(".view-head").append(afresh);
  section.classList.add("ask");
  section.append(welcome.node, log, composer.node);
  const settings = createSettings(place, app);

  function addressOf(asked) {
    const params = new URLSearchParams({ ...asked, ...settings.address });
    return `#search?${params}`;
  }

  /** The link of the view leads back to where the conversation is. */
  function nameInAddress(hash, isNamed = false) {
    current = hash;
    document.querySelector("[data-view=search]").href = hash;
    if (location.hash === hash) return;
    if (isNamed) history.replaceState(null, "", hash);
    else history.pushState(null, "", hash);
  }

  const offers = {
    similar: (item, k) => similar(item, { k, ...settings.common }),
    open: (hits, item) => app.open(hits, item),
  };

  /** Asks in words (`{ words }`) or for what is like an item (`{ id }`); `isNamed`: because the address says so. */
  async function begin(asked, isNamed) {
    const hash = addressOf(asked);
    nameInAddress(hash, isNamed);
    const turn = asked.id ? await likeItem(asked.id) : inWords(asked.words);
    turns.set(hash, turn);
    log.append(turn.node);
    $("ask-options").open = false;
    showState();
    run(turn);
    scrollTo(turn);
  }

  function inWords(words) {
    const turn = createTurn({ title: words, question: words, ...offers, onWriting: settings.offerWriting });
    turn.answer = async (signal) => {
      const { k, generate, common } = settings;
      for await (const [event, body] of ask({ question: words, k, generate, ...common }, signal)) {
        if (event === "answers") turn.showAnswers(body);
        if (event === "text") turn.write(body.text);
        if (event === "written") turn.showWritten(body);
      }
    };
    return turn;
  }

  async function likeItem(id) {
    const title = await api.item(id).then((item) => item.title, () => id);
    const turn = createTurn({ title: `Like “${title}”`, ...offers });
    turn.answer = async (signal) => turn.showAnswers(await similar({ id }, { k: settings.k, ...settings.common }, signal));
    return turn;
  }

  async function run(turn) {
    running?.abort();
    const controller = new AbortController();
    running = controller;
    composer.setRunning(true);
    settings.showProblem(null);
    turn.begin();
    try {
      await turn.answer(controller.signal);
      turn.end();
    } catch (error) {
      if (isAbort(error)) turn.stop();
      else showFailure(turn, error);
    }
    if (running !== controller) return;
    running = null;
    composer.setRunning(false);
  }

  function showFailure(turn, error) {
    // A stream that breaks off has no words of the server's.
    const told = error instanceof api.Problem ? error : { message: "The connection broke off.", hint: "Ask again." };
    turn.fail(told, () => run(turn));
    if (!error.isFilter) return;
    $("ask-options").open = true;
    settings.showProblem(error);
  }

  function stop() {
    running?.abort();
  }

  function clear() {
    stop();
    turns.clear();
    log.replaceChildren();
    nameInAddress("#search");
    showState();
    composer.focus();
  }

  function showState() {
    const isEmpty = !log.hasChildNodes();
    welcome.node.hidden = !isEmpty;
    afresh.hidden = isEmpty;
    if (isEmpty) welcome.show();
  }

  /** Not before the view is shown, which begins at its top. */
  const scrollTo = ({ node }) =>
    requestAnimationFrame(() => {
      if (node === log.firstChild) window.scrollTo(0, 0);
      else node.scrollIntoView({ block: "start" });
    });

  return {
    show(params, again) {
      const { hash } = location;
      const last = turns.get(hash);
      if (hash !== current) settings.set(params);
      showState();
      const words = params.get("words") ?? params.get("q");
      const asked = params.get("id") ? { id: params.get("id") } : words?.trim() ? { words: words.trim() } : null;
      if (last) {
        nameInAddress(hash);
        if (again && last.isOffline) run(last);
        else if (!again) scrollTo(last);
      } else if (asked) begin(asked, true);
      else composer.focus();
    },
  };
}
