// The server's answers: to a question as they come, and to an item at once.

import { BASE, search, send } from "/assets/api.js";
import { events } from "/assets/events.js";

/** Asks, and gives what comes as `[event, body]`: `answers`, then `text` in pieces and `written` where an answer is written. */
export async function* ask(question, signal) {
  const headers = { "Content-Type": "application/json" };
  const response = await send(`${BASE}/ask`, { method: "POST", body: JSON.stringify(question), headers, signal });
  for await (const { event, data } of events(response.body)) yield [event, JSON.parse(data)];
}

/** What is like an item, as a search answers. */
export const similar = ({ id }, settings, signal) => search({ positive: [{ id }], ...settings }, new Map(), signal);
