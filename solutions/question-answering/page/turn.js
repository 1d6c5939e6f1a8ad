// One turn of the conversation: what was asked, and what came of it.

import { el, number, plural, showProblem } from "/assets/dom.js";
import { answerCard } from "/solution/answer.js";
import { nameOf } from "/solution/entry.js";
import { createWritten } from "/solution/written.js";

/** An answer that nobody writes ends at once; only after this long there is something to wait for. */
const WRITING_MS = 300;

const noteList = (notes) => el("ul", { class: "notes", "data-testid": "notes" }, ...notes.map((note) => el("li", {}, sentence(note))));

/** The server's notes are parts of a sentence. */
const sentence = (text) => text[0].toUpperCase() + text.slice(1);

function goTo(card) {
  card.focus({ preventScroll: true });
  card.scrollIntoView({ block: "nearest" });
  // Taken away and read in between, the class begins anew when the same citation is pressed twice.
  card.classList.remove("cited-now");
  void card.offsetWidth;
  card.classList.add("cited-now");
}

/**
 * A turn: `title` is what it shows as asked, `question` the words to mark. `similar(item, k)` and `open(hits, item)` are what
 * its answers offer; `onWriting()` is called when an answer is being written.
 */
export function createTurn({ title, question = "", similar, open, onWriting = () => {} }) {
  const status = el("p", { class: "turn-status", "data-testid": "turn-status" });
  const problem = el("div", { class: "problem", role: "alert", hidden: true });
  const below = el("div", { class: "turn-body" });
  const heading = el("h3", { class: "asked" }, title);
  const node = el("article", { class: "turn", "data-testid": "turn", "aria-label": title }, heading, below, status, problem);
  let [cards, written, waiting, found] = [new Map(), null, null, ""];

  const cite = (n) => cards.has(n) && { name: cards.get(n).name, go: () => goTo(cards.get(n).card) };

  function tell(text) {
    status.textContent = text;
    status.hidden = !text;
  }

  return {
    node,
    /** Whether the server was away. */
    isOffline: false,

    begin() {
      cards = new Map();
      written = createWritten(cite);
      this.isOffline = false;
      found = "";
      showProblem(problem, null);
      below.replaceChildren(written.node);
      node.ariaBusy = "true";
      // Where the kit tells that the server is busy.
      status.classList.add("status");
      tell("Looking for answers …");
    },

    showAnswers(answer) {
      const { hits, notes = [], took_ms } = answer;
      const list = hits.map((hit, index) => {
        const card = answerCard(hit, index + 1, { answer, question, similar, open: (item) => open(hits, item) });
        cards.set(index + 1, { card, name: nameOf(hit) });
        return card;
      });
      found = hits.length ? `${plural(hits.length, "answer", "answers")} in ${number(Math.round(took_ms))} ms` : "";
      tell(found);
      const nothing = hits.length || notes.length ? [] : ["Nothing was found. Ask in other words, or change the filter and the threshold."];
      const said = [...notes, ...nothing];
      // Whoever listens hears how many there are, and reads them when they like.
      below.append(...(said.length ? [noteList(said)] : []), el("ol", { class: "answers", ariaLive: "off", "aria-label": "Answers" }, ...list));
      waiting = setTimeout(() => {
        written.wait();
        onWriting();
        tell(`${found}; writing an answer from them …`);
      }, WRITING_MS);
    },

    write(piece) {
      clearTimeout(waiting);
      onWriting();
      written.add(piece);
    },

    showWritten({ citations = [], notes = [] }) {
      written.end();
      for (const { number: cited } of citations) cards.get(cited)?.card.classList.add("cited");
      if (notes.length) written.node.after(noteList(notes));
    },

    end() {
      clearTimeout(waiting);
      written.end();
      tell(found);
      node.ariaBusy = null;
      status.classList.remove("status");
    },

    stop() {
      this.end();
      tell(["Stopped", found].filter(Boolean).join(" – "));
    },

    /** What went wrong, with a way to try once more. */
    fail(error, again) {
      this.end();
      this.isOffline = Boolean(error.isOffline);
      showProblem(problem, error);
      const retry = el("button", { type: "button", class: "quiet", "data-testid": "again", onclick: again }, "Ask again");
      problem.append(retry);
    },
  };
}
