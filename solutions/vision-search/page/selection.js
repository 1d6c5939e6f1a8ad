// Which tiles of a list are chosen: one by one, in ranges with shift, or all of them.

/** Events: `change` of what is chosen, `refresh` of the entries themselves. Entries are known by their ids; what they are is kept, as a list may be replaced meanwhile. */
export class Selection extends EventTarget {
  #chosen = new Map();
  /** Where a range begins: what was chosen or dropped last. */
  #anchor = null;

  get size() {
    return this.#chosen.size;
  }

  get ids() {
    return [...this.#chosen.keys()];
  }

  get entries() {
    return [...this.#chosen.values()];
  }

  has(id) {
    return this.#chosen.has(id);
  }

  /** `list` is what is shown, in its order. With `isRange` all from the last one to this one become what this one becomes. */
  toggle(entry, list, isRange = false) {
    const wanted = !this.has(entry.id);
    const from = list.findIndex(({ id }) => id === this.#anchor);
    const to = list.findIndex(({ id }) => id === entry.id);
    const meant = isRange && from >= 0 ? list.slice(Math.min(from, to), Math.max(from, to) + 1) : [entry];
    for (const one of meant) {
      if (wanted) this.#chosen.set(one.id, one);
      else this.#chosen.delete(one.id);
    }
    this.#anchor = entry.id;
    this.#changed();
  }

  add(entries) {
    for (const entry of entries) this.#chosen.set(entry.id, entry);
    this.#changed();
  }

  /** Takes over what entries have become, as after a tag was added. */
  refresh(entries) {
    const met = entries.filter(({ id }) => this.has(id));
    for (const entry of met) this.#chosen.set(entry.id, entry);
    if (met.length) this.dispatchEvent(new Event("refresh"));
  }

  clear() {
    this.#anchor = null;
    if (!this.size) return;
    this.#chosen.clear();
    this.#changed();
  }

  #changed() {
    this.dispatchEvent(new Event("change"));
  }
}
