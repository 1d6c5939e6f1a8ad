// The few helpers that every view needs, so that nodes are built rather than parsed from strings.

export const $ = (id) => document.getElementById(id);

/** A node with properties (or attributes, for names that are no property) and children. Strings become text, never markup. */
export function el(tag, props = {}, ...children) {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(props)) {
    if (name === "class") node.className = value;
    else if (name in node) node[name] = value;
    else node.setAttribute(name, value);
  }
  node.append(...children.filter((child) => child != null));
  return node;
}

/** How long somebody who types or moves a control is let finish before the server is asked. */
const PAUSE_MS = 200;

/** Calls `act` once, `ms` after the last call. */
export function debounce(act, ms = PAUSE_MS) {
  let timer;
  return () => {
    clearTimeout(timer);
    timer = setTimeout(act, ms);
  };
}

/** Rejects as fetch does when `signal` is aborted meanwhile. */
export function sleep(ms, signal) {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(resolve, ms);
    signal?.addEventListener("abort", () => {
      clearTimeout(timer);
      reject(signal.reason);
    });
  });
}

export const isAbort = (error) => error?.name === "AbortError";

const whole = new Intl.NumberFormat("en");
export const number = (value) => whole.format(value);
export const plural = (count, one, many) => `${number(count)} ${count === 1 ? one : many}`;

export function bytes(count) {
  const units = ["bytes", "KiB", "MiB", "GiB", "TiB"];
  const power = count < 1024 ? 0 : Math.min(4, Math.floor(Math.log2(count) / 10));
  const shown = count / 1024 ** power;
  return `${power && shown < 10 ? shown.toFixed(1) : number(Math.round(shown))} ${units[power]}`;
}

/** Shows a problem in its place beside a control, or takes it away (`null`). */
export function showProblem(node, problem) {
  node.hidden = !problem;
  if (!problem) {
    node.replaceChildren();
    return;
  }
  // Lines after the first point with a caret at the fault in a filter, which only stands right in its own columns.
  const [message, ...drawing] = problem.message.split("\n");
  const parts = [el("p", {}, message)];
  if (drawing.length) parts.push(el("pre", {}, drawing.join("\n")));
  if (problem.hint) parts.push(el("p", { class: "problem-hint" }, problem.hint));
  node.replaceChildren(...parts);
}

/** A button that asks in its own place before it acts, as a window of the browser would stop the whole page. */
export function confirmButton({ label, question, confirm, act }) {
  const box = el("span", { class: "confirm" });
  const ask = el("button", { type: "button", class: "danger-quiet", "data-testid": "delete" }, label);
  const yes = el("button", { type: "button", class: "danger", "data-testid": "confirm-delete" }, confirm);
  const no = el("button", { type: "button" }, "Keep");
  const calm = () => box.replaceChildren(ask);
  ask.onclick = () => {
    box.replaceChildren(el("span", { class: "confirm-question" }, question), yes, no);
    no.focus();
  };
  no.onclick = () => {
    calm();
    ask.focus();
  };
  yes.onclick = () => {
    calm();
    act();
  };
  calm();
  return box;
}

/** Lets files be dropped on `node`; `take` gets the DataTransfer. */
export function acceptDrops(node, highlight, take) {
  const holdsFiles = (event) => event.dataTransfer?.types.includes("Files");
  node.addEventListener("dragover", (event) => {
    if (!holdsFiles(event)) return;
    event.preventDefault();
    highlight.classList.add("over");
  });
  node.addEventListener("dragleave", (event) => {
    if (!node.contains(event.relatedTarget)) highlight.classList.remove("over");
  });
  node.addEventListener("drop", (event) => {
    highlight.classList.remove("over");
    event.preventDefault();
    take(event.dataTransfer);
  });
}
