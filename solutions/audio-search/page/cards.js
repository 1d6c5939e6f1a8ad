// An answer's entries: a card for each source, with its moments on one waveform.

import { el } from "/assets/dom.js";
import { spanText, timeText } from "/assets/media.js";
import { scoreBar } from "/assets/results.js";
import { factsOf, lengthText } from "/solution/facts.js";
import { peaksOf } from "/solution/peaks.js";
import { createPlayButton, nameOf } from "/solution/play.js";
import { createWave } from "/solution/wave.js";

/** The hits of each source, in the order of its best. */
function bySource(hits) {
  const sources = new Map();
  for (const hit of hits) {
    const source = hit.source ?? hit.id;
    sources.set(source, [...(sources.get(source) ?? []), hit]);
  }
  return [...sources.values()];
}

/** As the kit's renderer has it. */
export const soundCards = (answer, _card, offers) => bySource(answer.hits).map((hits) => soundCard(hits, answer, offers));

function soundCard(hits, answer, { more, less, open }) {
  const [best] = hits;
  const wave = createWave({
    title: best.title,
    url: best.media,
    load: () => peaksOf(best),
    spans: hits.map(({ span }) => span).filter(Boolean),
    onState: (state) => moments.forEach((moment) => moment.show(state)),
  });
  const moments = hits.map((hit) => momentRow(hit, answer, wave, { more, less, open }));
  wave.playWhenPressed();
  const title = el("p", { class: "card-title", title: best.caption ?? best.fields.path ?? best.title }, best.title);
  // For a query of several windows, a sound has a score of its own, by which the answer is ordered.
  const whole = best.details?.sound;
  const score = whole === undefined ? null : scoreBar({ score: whole }, answer);
  const head = el("div", { class: "sound-head" }, title, score, el("p", { class: "card-facts" }, factsOf(best)));
  const props = { class: "card sound", "data-testid": "hit", "data-id": best.id, "data-score": best.score };
  const list = el("ul", { class: "moments", "aria-label": `Moments of ${best.title}` }, ...moments.map(({ node }) => node));
  return el("li", props, head, wave.node, list);
}

function momentRow(hit, answer, wave, { more, less, open }) {
  const { span } = hit;
  const name = nameOf(hit);
  const button = createPlayButton(name, () => wave.toggle(span), span ? spanText(span) : "Play");
  const action = (id, text, act) =>
    act && el("button", { type: "button", "data-testid": id, "aria-label": `${text}: ${name}`, onclick: () => act(hit) }, text);
  const actions = [
    action("more", "More like this moment", more),
    // A search for the same recording knows no likeness.
    action("less", "Less like it", hit.details?.bit_error === undefined && less),
    action("open", "Details", open),
  ];
  const node = el("li", { class: "moment", "data-testid": "moment", "data-id": hit.id },
    button.node,
    scoreBar(hit, answer),
    detailText(hit),
    el("p", { class: "card-actions" }, ...actions.filter(Boolean)));
  return {
    node,
    show({ isPlaying, time }) {
      const isHere = time !== null && (!span || (time >= span.start - 0.1 && time < span.end));
      button.set(isPlaying && isHere);
    },
  };
}

/** What the search says of it beside its score. */
function detailText({ details = {} }) {
  const { query_start: heard, offset, bit_error: wrong, speed } = details;
  const parts = [
    heard !== undefined && `like ${timeText(heard)} of the query`,
    offset !== undefined && `the query begins ${offset < 0 ? `${lengthText(-offset)} before it` : `at ${timeText(offset)}`}`,
    wrong !== undefined && `${Math.round(wrong * 100)} % of the fingerprint differ`,
    speed !== undefined && `played at ${speed} times its speed`,
  ];
  const text = parts.filter(Boolean).join(" · ");
  return text ? el("p", { class: "hint", "data-testid": "details" }, text) : null;
}
