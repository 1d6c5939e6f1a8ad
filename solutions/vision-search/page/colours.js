// One colour a class, the same wherever it is drawn: ten that people with colour blindness tell apart (Okabe and Ito's, and
// Tol's muted ones); names stand beside them, so that nothing is told by colour alone.

const COLOURS = 10;

function hash(text) {
  let value = 0;
  for (const letter of text) value = (Math.imul(value, 31) + letter.codePointAt(0)) >>> 0;
  return value;
}

let chosen = new Map();

/** Gives each of the dataset's classes the colour that its name stands for, or the next one that fewer classes have. */
export function setClasses(names) {
  chosen = new Map();
  const taken = Array(COLOURS).fill(0);
  for (const name of [...new Set(names)].sort()) {
    const least = Math.min(...taken);
    let colour = hash(name) % COLOURS;
    while (taken[colour] > least) colour = (colour + 1) % COLOURS;
    taken[colour] += 1;
    chosen.set(name, colour);
  }
}

/** The CSS class that has the colour of a class of labels, `k0` to `k9`; `none` for labels without one. */
export const colourOf = (name) => (name == null ? "none" : `k${chosen.get(name) ?? hash(String(name)) % COLOURS}`);
